"""Who may write what, and to which device: default deny, permit by permit and claim by claim (I8, I9)."""

import itertools

import numpy as np
import pytest
from gate_rig import VALVE, run

from coolantd.safety.claims import Claim
from coolantd.safety.envelope_layout import Refusal
from coolantd.safety.modes import Mode
from coolantd.safety.permits import EVERY_PERMIT, Permit
from coolantd.safety.rights import CLAIMS, MODES, RIGHTS

MISSING = {
    Permit.VERIFIED: Refusal.NOT_VERIFIED,
    Permit.WRITABLE: Refusal.NOT_WRITABLE,
    Permit.OBEYING: Refusal.NOT_OBEYING,
    Permit.OWNED: Refusal.NOT_OWNED,
}
SAFETY = {Claim.INTERLOCK, Claim.TRIP}
MAY = {
    Mode.STARTING: {Claim.LOOP, Claim.OPERATOR} | SAFETY,
    Mode.AUTOMATIC: {Claim.LOOP, Claim.OUTSIDE, Claim.OPERATOR} | SAFETY,
    Mode.MANUAL: {Claim.LOOP, Claim.OPERATOR} | SAFETY,
    Mode.FAILSAFE: SAFETY,
    Mode.OVERRIDE: {Claim.OPERATOR} | SAFETY,
    Mode.DISABLED: set(),
    Mode.TRIPPED: SAFETY,
}


def one(**options):
    allowed, refusals = run([VALVE], [51.0], [50.0], **options)
    return allowed[0], refusals[0]


def test_with_every_permit_and_a_claim_a_sound_demand_passes():
    assert one() == (51.0, Refusal.NONE)


@pytest.mark.parametrize("permits", range(EVERY_PERMIT + 1))
def test_i8_fm_20_fm_22_whatever_permit_is_missing_nothing_passes(permits):
    allowed, refusal = one(permits=permits)
    if permits == EVERY_PERMIT:
        assert (allowed, refusal) == (51.0, Refusal.NONE)
    else:
        first = next(permit for permit in Permit if not permits & permit)
        assert np.isnan(allowed)
        assert refusal is MISSING[first]


def test_no_claim_lifts_a_missing_permit():
    for claim, permit in itertools.product(Claim, Permit):
        assert np.isnan(one(claims=claim, permits=EVERY_PERMIT & ~int(permit))[0])


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize("claim", list(Claim))
def test_i2_i9_who_may_in_which_mode(mode, claim):
    allowed, refusal = one(claims=claim, modes=mode)
    if claim in MAY[mode]:
        assert (allowed, refusal) == (51.0, Refusal.NONE)
    else:
        assert np.isnan(allowed)
        assert refusal is Refusal.NO_CLAIM


@pytest.mark.parametrize("mode", [-1, len(Mode), 1_000_000])
def test_default_deny_a_mode_that_is_none_lets_nothing_pass(mode):
    assert one(modes=mode)[1] is Refusal.NO_CLAIM


@pytest.mark.parametrize("claim", [-1, len(Claim), 1_000_000])
def test_default_deny_a_claim_that_is_none_lets_nothing_pass(claim):
    assert one(claims=claim)[1] is Refusal.NO_CLAIM


def test_the_table_answers_every_claim_in_every_mode():
    assert RIGHTS.shape == (len(Mode), len(Claim)) == (MODES, CLAIMS)
    assert set(MAY) == set(Mode)
