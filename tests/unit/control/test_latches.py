"""Latched hazards: the trip on a lost level, its acknowledgement, a restart and a reload in between."""

from dataclasses import replace

import pytest
from control_rig import PUMP1, PUMP2, Rig, site

from coolantd.control.latches import LATCHING, acknowledge, anything_latched, keep_latches, why_held, with_latches
from coolantd.control.step import initial_state
from coolantd.control.watch_plan import WatchParameters
from coolantd.point import Reason
from coolantd.safety.hazards import Hazard
from coolantd.safety.modes import Cause, Mode

LOST = Hazard.LEVEL_LOST
HEAT = 9
"""The rig has no level: its heat load stands for one, in litres."""
PLAN = site(cdu={"watch": WatchParameters(level=HEAT, level_low=100.0, level_lost=50.0)})


def tripped():
    rig = Rig(PLAN).until(Mode.AUTOMATIC)
    rig.step(10)
    rig.put(heat=20.0)
    return rig.until(Mode.TRIPPED)


def test_fm_05_a_lost_level_trips_within_its_delay_and_stops_the_pumps_within_slew():
    rig = Rig(PLAN).until(Mode.AUTOMATIC)
    rig.step(10)
    rig.put(heat=20.0)
    rig.step(5)
    assert rig.mode() is Mode.AUTOMATIC
    rig.step()
    assert (rig.mode(), rig.cause()) == (Mode.TRIPPED, Cause.TRIP)
    before = 60.0
    for _ in range(40):
        after = max(rig.command(PUMP1), rig.command(PUMP2))
        assert before - after <= 2.5 + 1e-9 or before <= 25.0  # i1
        before = after
        rig.step()
    assert (rig.get("pump1"), rig.get("pump2")) == (0.0, 0.0)
    assert rig.mode() is Mode.TRIPPED
    assert [Mode(int(code)) for code in rig.decision.actuator_modes[1:]] == [Mode.TRIPPED, Mode.TRIPPED]


def test_it_stays_tripped_when_the_level_is_back_until_it_is_acknowledged():
    rig = tripped()
    rig.put(heat=300.0)
    rig.step(200)
    assert rig.mode() is Mode.TRIPPED
    assert why_held(rig.state, 0, LOST) == "its cause is gone; it waits for an acknowledgement"
    rig.state = acknowledge(rig.state, 0, LOST)
    rig.step()
    assert rig.mode() is Mode.STARTING
    rig.until(Mode.AUTOMATIC)
    rig.step(60)
    assert max(rig.get("pump1"), rig.get("pump2")) >= 25.0
    assert not rig.decision.hazards.any()


def test_acknowledged_too_early_it_waits_for_the_level():
    rig = tripped()
    rig.state = acknowledge(rig.state, 0, LOST)
    rig.step(100)
    assert rig.mode() is Mode.TRIPPED
    assert why_held(rig.state, 0, LOST).startswith("acknowledged")
    rig.put(heat=300.0)
    rig.step(19)
    assert rig.mode() is Mode.TRIPPED
    rig.step(2)
    assert rig.mode() is not Mode.TRIPPED


def test_i7_a_restart_is_no_way_round_it():
    rig = tripped()
    kept = keep_latches(rig.plan, rig.state)
    assert kept == {"cdu0": {"level_lost": False}}
    again = Rig(PLAN)
    again.put(heat=300.0)
    again.state = with_latches(PLAN, again.state, kept)
    again.step(2)
    assert again.mode() is Mode.TRIPPED
    again.step(100)
    assert again.mode() is Mode.TRIPPED
    assert (again.get("pump1"), again.get("pump2")) == (0.0, 0.0)
    again.state = acknowledge(again.state, 0, LOST)
    again.step()
    assert again.mode() is Mode.STARTING


@pytest.mark.parametrize(
    "odd",
    [
        {},
        {"cdu9": {"level_lost": True}},
        {"cdu0": {"flow_lost": True, "nonsense": 1}},
        {"cdu0": "level_lost"},
        {"cdu0": 3},
        {"cdu0": None},
    ],
)
def test_fm_48_what_is_odd_in_a_file_latches_nothing(odd):
    assert not anything_latched(with_latches(PLAN, initial_state(PLAN), odd))


def test_fm_48_an_odd_acknowledgement_is_none():
    for odd in (1, "yes", None, [True]):
        state = with_latches(PLAN, initial_state(PLAN), {"cdu0": {"level_lost": odd}})
        assert anything_latched(state)
        assert keep_latches(PLAN, state) == {"cdu0": {"level_lost": False}}


def test_a_reload_keeps_it():
    rig = tripped()
    rig.reload(site(cdu={"watch": PLAN.cdus[0].watch}, pressure={"setpoint": 95.0}))
    rig.put(heat=300.0)
    rig.step(50)
    assert rig.mode() is Mode.TRIPPED


def test_only_what_latches_can_be_acknowledged():
    rig = tripped()
    assert LATCHING == (LOST,)
    assert acknowledge(rig.state, 0, Hazard.FLOW_LOST) is rig.state
    state = initial_state(PLAN)
    assert acknowledge(state, 0, LOST) is state
    assert why_held(state, 0, LOST) == ""
    assert why_held(rig.state, 0, LOST) == "its cause is still there"
    assert replace(rig.state) is not acknowledge(rig.state, 0, LOST)


def test_i3_with_bad_level_nothing_is_stopped_and_the_protection_says_that_it_is_blind():
    rig = Rig(PLAN).until(Mode.AUTOMATIC)
    rig.step(10)
    rig.spoil("heat")
    rig.step(40)
    assert rig.mode() is Mode.AUTOMATIC
    assert rig.decision.hazards[0, Hazard.PROTECTION_BLIND] == 1


def restarted_blind(*, spoilt=("supply",), silent=(), others=()):
    """Return a restarted rig whose CDU is latched and never had a valid scan, a minute in."""
    rig = Rig(PLAN)
    rig.state = with_latches(PLAN, rig.state, {"cdu0": {"level_lost": False}})
    rig.spoil(*spoilt)
    rig.silence(*silent)
    for name in others:
        rig.reason[rig.row(name)] = int(Reason.LOCAL_OVERRIDE)
    rig.step(60)
    return rig


def test_i7_after_a_restart_pumps_are_stopped_although_control_was_never_let_in():
    rig = restarted_blind()
    assert rig.mode() is Mode.TRIPPED
    assert (rig.get("pump1"), rig.get("pump2")) == (0.0, 0.0)
    assert rig.get("valve") == 55.0


def test_fm_22_a_pump_that_is_out_of_touch_or_another_writers_is_left_alone_by_a_trip_too():
    rig = restarted_blind(silent=("pump1_rb",), others=("pump2_rb",))
    assert rig.mode() is Mode.TRIPPED
    assert (rig.get("pump1"), rig.get("pump2")) == (60.0, 60.0)
    rig = restarted_blind(spoilt=("supply", "pump1"))
    assert rig.get("pump2") == 0.0
