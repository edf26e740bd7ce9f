"""What tests of the last gate share: one row of limits for each kind of actuator, and one call of the gate."""

import numpy as np

from coolantd.safety.claims import Claim
from coolantd.safety.envelope import gate
from coolantd.safety.envelope_layout import LIMIT_COLUMNS, TRAVEL_STATE, Answer, Asked, Refusal
from coolantd.safety.modes import Mode
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.safety.travel import blank_travel

NAN, INF = float("nan"), float("inf")
DT_S = 0.5
SLEW = 4.0
STEP_PCT = SLEW * DT_S


def row(
    minimum=0.0, maximum=100.0, *, zero=0.0, failsafe=NAN, group=-1.0, paths=-1.0, fed_by=-1.0, bypass=0.0, travel=INF
):
    return [minimum, maximum, zero, SLEW, failsafe, group, paths, fed_by, bypass, travel]


VALVE = row()
PUMP = row(25.0, zero=1.0, failsafe=75.0, group=0.0)
OTHER_PUMP = row(25.0, zero=1.0, failsafe=75.0, group=1.0)
BRANCH = row(paths=0.0, fed_by=0.0)
BYPASS = row(paths=0.0, fed_by=0.0, bypass=1.0)


def run(
    limits,
    demands,
    last,
    *,
    claims=Claim.LOOP,
    modes=Mode.AUTOMATIC,
    permits=EVERY_PERMIT,
    dt_s=DT_S,
    travel=None,
):
    """Return what one call of the gate allows and refuses; arguments of one value hold for every actuator."""

    def each(value, kind=np.int64):
        return np.array(value if isinstance(value, list | np.ndarray) else [value] * n, dtype=kind)

    n = len(demands)
    limits = np.array(limits, dtype=float).reshape(n, LIMIT_COLUMNS)
    asked = Asked(each(demands, float), each(claims), each(modes), each(permits), each(last, float))
    answer = Answer(np.full(n, -99.0), np.full(n, 99, dtype=np.int64), np.full(n, 99, dtype=np.int64))
    worn = blank_travel(n) if travel is None else travel
    assert worn.shape == (n, TRAVEL_STATE)
    before = [array.copy() for array in (limits, *asked)]
    gate(limits, worn, asked, dt_s, answer)
    assert all(np.array_equal(a, b, equal_nan=True) for a, b in zip(before, (limits, *asked), strict=True))
    return answer.allowed.tolist(), [Refusal(int(code)) for code in answer.refusals]
