"""The stage that protects, seen from ``step``: who outranks whom, and how everything comes back."""

from dataclasses import replace

import numpy as np
import pytest
from control_rig import NAMES, PERIOD_S, PUMP1, PUMP2, SLEW, VALVE, Rig, controlling, site

from coolantd.control.arrays import Seen, empty_result
from coolantd.control.conditions import Condition
from coolantd.control.protection import protect
from coolantd.control.pump_plan import PumpGroupParameters
from coolantd.control.step import initial_state, step
from coolantd.control.trial import begin
from coolantd.control.trial_order import Abort, Method, TrialOrder
from coolantd.control.watch_plan import WatchParameters
from coolantd.point import Reason
from coolantd.safety.hazards import FACTS, Fact, Force, Hazard
from coolantd.safety.modes import Cause, Mode


def actuator_modes(rig):
    return [Mode(int(code)) for code in rig.decision.actuator_modes]


def test_actuators_follow_their_cdu_into_control():
    rig = Rig(site())
    rig.step()
    assert set(actuator_modes(rig)) == {Mode.STARTING}
    rig.until(Mode.AUTOMATIC).step()
    assert set(actuator_modes(rig)) == {Mode.AUTOMATIC}


def test_fm_22_an_actuator_left_to_another_writer_is_in_starting_alone():
    rig = controlling()
    rig.reason[rig.row("valve_rb")] = int(Reason.LOCAL_OVERRIDE)
    rig.step()
    assert actuator_modes(rig) == [Mode.STARTING, Mode.AUTOMATIC, Mode.AUTOMATIC]


def test_bad_input_puts_every_actuator_into_failsafe_and_back():
    rig = controlling()
    rig.silence("supply")
    rig.step(2)
    assert set(actuator_modes(rig)) == {Mode.FAILSAFE}
    rig.put(supply=34.0)
    rig.until(Mode.AUTOMATIC).step(3)
    assert set(actuator_modes(rig)) == {Mode.AUTOMATIC}


def test_a_disabled_cdu_is_watched_and_never_written():
    rig = Rig(site(cdu={"disabled": True}))
    rig.step(20)
    assert (rig.mode(), rig.cause()) == (Mode.DISABLED, Cause.CONFIGURED_DISABLED)
    assert np.isnan(rig.decision.commands).all()
    assert not rig.decision.wants_remote.any()
    assert set(actuator_modes(rig)) == {Mode.DISABLED}
    assert not rig.decision.refusals.any()


def test_fm_46_enabled_again_it_starts_from_what_is_measured():
    rig = controlling()
    rig.reload(site(cdu={"disabled": True}))
    rig.step(3)
    rig.put(valve=20.0, valve_rb=20.0, pump1=80.0, pump1_rb=80.0)
    rig.step(3)
    rig.reload(site())
    rig.until(Mode.AUTOMATIC)
    assert rig.command(VALVE) == pytest.approx(20.0, abs=2.0)
    assert rig.command(PUMP1) == pytest.approx(80.0, abs=2.0)


WATCH = WatchParameters(supply_max_c=44.0)
PROTECTED = {"cdu": {"watch": WATCH}}


def hazards(rig):
    return {Hazard(int(k)) for k in np.flatnonzero(rig.decision.hazards[0])}


def test_fm_02_over_temperature_takes_valve_and_pumps_in_the_cycle_that_shows_it():
    rig = controlling(**PROTECTED)
    before = [rig.command(i) for i in (VALVE, PUMP1)]
    rig.put(supply=45.0)
    rig.step()
    assert Hazard.OVER_TEMP_SUPPLY in hazards(rig)
    assert rig.command(VALVE) == pytest.approx(before[0] + SLEW["valve"] * PERIOD_S)
    assert rig.command(PUMP1) == pytest.approx(before[1] + SLEW["pump1"] * PERIOD_S)
    assert set(rig.decision.forced.tolist()) == {int(Force.INTERLOCK)}
    assert rig.mode() is Mode.AUTOMATIC
    rig.step()
    assert set(actuator_modes(rig)) == {Mode.FAILSAFE}
    rig.step(40)
    assert [rig.command(i) for i in (VALVE, PUMP1)] == [100.0, 100.0]


def test_i6_after_it_the_loops_go_on_from_where_the_interlock_had_their_actuators():
    rig = controlling(**PROTECTED)
    rig.put(supply=45.0)
    rig.step(60)
    rig.put(supply=34.0)
    forced = [rig.command(i) for i in (VALVE, PUMP1)]
    while hazards(rig):
        rig.step()
    for _ in range(20):
        rig.step()
        now = [rig.command(i) for i in (VALVE, PUMP1)]
        assert np.abs(np.subtract(now, forced)).max() <= 2.0  # the re-entry step
        forced = now
    rig.step(20)
    assert set(actuator_modes(rig)) == {Mode.AUTOMATIC}


@pytest.mark.parametrize("mode", [Mode.MANUAL, Mode.FAILSAFE])
def test_an_interlock_acts_in_every_mode_in_which_actuators_are_ours(mode):
    rig = controlling(cdu={"watch": WATCH, "wants_manual": mode is Mode.MANUAL}) if mode is not Mode.MANUAL else None
    rig = rig or Rig(site(cdu={"watch": WATCH, "wants_manual": True})).until(Mode.MANUAL)
    if mode is Mode.FAILSAFE:
        rig.silence("pressure")
    rig.put(supply=45.0)
    rig.step(60)
    assert rig.mode() is mode
    assert rig.command(VALVE) == 100.0
    assert rig.command(PUMP1) == 100.0


def test_nothing_is_forced_while_a_cdu_is_taken_over_or_disabled():
    for changes in ({"watch": WATCH, "disabled": True}, {"watch": WATCH}):
        rig = Rig(site(cdu=changes))
        rig.put(supply=50.0, remote=0.0)
        rig.step(20)
        assert Hazard.OVER_TEMP_SUPPLY in hazards(rig)
        assert not rig.decision.forced.any()


def test_fm_22_an_actuator_left_to_another_writer_is_not_forced_and_the_others_are():
    rig = controlling(**PROTECTED)
    rig.reason[rig.row("valve_rb")] = int(Reason.LOCAL_OVERRIDE)
    rig.put(supply=45.0)
    rig.step(2)
    assert hazards(rig) >= {Hazard.OVER_TEMP_SUPPLY, Hazard.OTHER_WRITER}
    assert np.isnan(rig.command(VALVE))
    assert rig.decision.forced.tolist() == [0, int(Force.INTERLOCK), int(Force.INTERLOCK)]


@pytest.mark.parametrize(
    ("fact", "hazard"),
    [
        (Fact.WRITES_LOST, Hazard.WRITES_LOST),
        (Fact.CLOCK_STEP, Hazard.CLOCK_STEP),
        (Fact.LOOP_STALL, Hazard.LOOP_STALL),
        (Fact.AIR, Hazard.AIR),
        (Fact.SENSOR_STUCK, Hazard.SENSOR_STUCK),
        (Fact.SENSORS_SWAPPED, Hazard.SENSORS_SWAPPED),
        (Fact.SENSOR_DRIFTS, Hazard.SENSOR_DRIFTS),
        (Fact.OTHER_WRITER, Hazard.OTHER_WRITER),
    ],
)
def test_fm_25_fm_26_what_only_the_service_knows_is_told_from_outside(fact, hazard):
    rig = controlling(count=2)
    facts = np.zeros((2, FACTS), dtype=np.int64)
    facts[1, fact] = 1
    _, decision = step(rig.plan, rig.state, rig.snapshot(), rig.now_s + PERIOD_S, facts)
    assert decision.hazards[1].nonzero()[0].tolist() == [int(hazard)]
    assert not decision.hazards[0].any()


def test_fm_13_fm_14_fm_15_what_control_has_found_of_sensors_is_a_hazard():
    plan, state = site(), initial_state(site())
    found = {
        Condition.AIR_OR_LOW_LEVEL: Hazard.AIR,
        Condition.SENSOR_STUCK: Hazard.SENSOR_STUCK,
        Condition.SENSOR_DRIFTS: Hazard.SENSOR_DRIFTS,
        Condition.TCS_SENSORS_SWAPPED: Hazard.SENSORS_SWAPPED,
        Condition.FWS_SENSORS_SWAPPED: Hazard.SENSORS_SWAPPED,
        Condition.PRESSURE_SENSORS_SWAPPED: Hazard.SENSORS_SWAPPED,
    }
    rig = Rig(plan)
    for condition, hazard in found.items():
        result = empty_result(1, 3, 0)
        for array in (result.demands, result.facts, result.conditions):
            array[:] = 0
        result.conditions[0, condition] = 1
        memory = state.copied()
        snapshot = rig.snapshot()
        seen = Seen(snapshot.value, snapshot.quality, snapshot.reason, snapshot.age_s)
        protect(plan.arrays(), memory, seen, result, PERIOD_S)
        assert result.hazards[0].nonzero()[0].tolist() == [int(hazard)]


def test_a_trial_ends_when_an_interlock_takes_its_loop():
    heat = NAMES.index("heat")  # stands for a return temperature, which no trial watches
    rig = controlling(cdu={"watch": WatchParameters(return_max_c=400.0, returns=heat)})
    order = TrialOrder(cdu=0, loop=0, method=Method.PATTERN, amplitude_pct=3.0, segments=((20.0, 1.0), (20.0, -1.0)))
    trial = begin(order, rig.plan, rig.state.s, rig.state.d, rig.state.a, rig.value)
    rig.state = replace(rig.state, trials=(trial,))
    rig.step(2)
    assert not rig.state.trials[0].over
    rig.put(heat=401.0)
    rig.step(2)
    assert rig.state.trials[0].abort is Abort.INTERLOCK


def test_fm_01_a_standby_that_an_interlock_started_goes_back_to_rest_without_a_jump():
    flow = WatchParameters(flow=NAMES.index("heat"), flow_full_lpm=1000.0)
    rig = Rig(site(cdu={"watch": flow, "pump_group": PumpGroupParameters(duty=1)})).until(Mode.AUTOMATIC)
    rig.put(heat=800.0)
    rig.step(600)
    rests = [i for i in (PUMP1, PUMP2) if rig.command(i) == 0.0]
    assert len(rests) == 1
    rig.put(heat=100.0)
    rig.step(60)
    assert Hazard.FLOW_LOST in hazards(rig)
    assert min(rig.command(PUMP1), rig.command(PUMP2)) >= 75.0
    rig.put(heat=900.0)
    before = np.array([rig.command(PUMP1), rig.command(PUMP2)])
    for _ in range(600):
        rig.step()
        now = np.array([rig.command(PUMP1), rig.command(PUMP2)])
        starts_or_stops = (now == 0.0) | (before < 25.0)
        assert np.abs(np.where(starts_or_stops, 0.0, now - before)).max() <= SLEW["pump1"] * PERIOD_S + 1e-9
        assert not rig.decision.refusals.any()
        before = now
    assert not hazards(rig)
    assert [i for i in (PUMP1, PUMP2) if rig.command(i) == 0.0]
