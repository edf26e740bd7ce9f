"""What happens when inputs cannot be trusted: silence at once, nonsense after the hold time; and the way back."""

import numpy as np
import pytest
from control_rig import FAILSAFE_PCT, NAMES, PERIOD_S, PUMP1, SLEW, VALVE, Rig, controlling, site

from coolantd.control.loops import FAILSAFE_HOLD_S
from coolantd.point import Quality, Reason
from coolantd.safety.modes import Cause, Mode


@pytest.mark.parametrize(("name", "cause"), [("supply", Cause.SUPPLY_TEMP_BAD), ("pressure", Cause.PRESSURE_BAD)])
def test_fm_18_silence_is_failsafe_at_once(name, cause):
    rig = controlling()
    rig.silence(name)
    rig.step()
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, cause)


@pytest.mark.parametrize("reason", [Reason.STALE, Reason.NOT_CONNECTED, Reason.NO_COMMUNICATION])
def test_fm_18_every_kind_of_silence_counts(reason):
    rig = controlling()
    rig.spoil("supply", reason=reason)
    rig.step()
    assert rig.mode() is Mode.FAILSAFE


@pytest.mark.parametrize("jitter_s", [-0.01, 0.0, 0.01])
def test_fm_16_one_refused_reading_holds_the_output_whatever_the_jitter(jitter_s):
    rig = controlling()
    before = rig.decision.outputs[0, 0]
    rig.spoil("supply", reason=Reason.OUT_OF_RANGE)
    rig.step(dt_s=PERIOD_S + jitter_s)
    assert rig.mode() is Mode.AUTOMATIC
    assert rig.decision.outputs[0, 0] == before
    rig.put(supply=34.0)
    rig.step()
    assert rig.decision.outputs[0, 0] == pytest.approx(before, abs=1.0)


@pytest.mark.parametrize("jitter_s", [-0.01, 0.0, 0.01])
def test_i2_readings_refused_beyond_the_hold_time_are_failsafe(jitter_s):
    rig = controlling()
    rig.spoil("supply", reason=Reason.SENSOR_FAILURE)
    rig.step(2, dt_s=PERIOD_S + jitter_s)
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, Cause.SUPPLY_TEMP_BAD)


def test_a_good_reading_in_between_starts_the_hold_time_anew():
    rig = controlling()
    for _ in range(10):
        rig.spoil("supply")
        rig.step()
        rig.put(supply=34.0)
        rig.step()
        assert rig.mode() is Mode.AUTOMATIC


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), 1e300, -1e12])
def test_fm_16_a_good_sample_that_is_no_plausible_number_is_a_bad_one(value):
    rig = controlling()
    before = rig.decision.outputs[0, 0]
    rig.put(supply=value)
    rig.step()
    assert rig.decision.outputs[0, 0] == before
    rig.put(supply=value)
    rig.step()
    assert rig.mode() is Mode.FAILSAFE
    rig.put(supply=34.0)
    rig.until(Mode.AUTOMATIC).step(5)
    assert np.isfinite(rig.state.s).all()


def test_fm_18_an_uncertain_process_variable_still_controls():
    rig = controlling()
    before = rig.command(VALVE)
    rig.put(supply=36.0)
    rig.spoil("supply", quality=Quality.UNCERTAIN, reason=Reason.STALE)
    rig.step(4)
    assert rig.mode() is Mode.AUTOMATIC
    assert rig.command(VALVE) > before + 2.0


@pytest.mark.parametrize(("running_pct", "failsafe_pct"), [(40.0, FAILSAFE_PCT), (90.0, 90.0)])
def test_pumps_go_to_the_greater_of_their_last_good_speed_and_failsafe(running_pct, failsafe_pct):
    rig = Rig(site())
    rig.put(pump1=running_pct, pump2=running_pct)
    rig.until(Mode.AUTOMATIC)
    rig.silence("supply")
    last = running_pct
    for _ in range(20):
        speed = rig.step().commands[PUMP1]
        assert last - 0.5 <= speed <= last + SLEW["pump1"] * PERIOD_S + 1e-9
        last = speed
    assert last == pytest.approx(failsafe_pct, abs=0.5)


@pytest.mark.parametrize(
    ("heat_kw", "position_pct"),
    [(50.0, 40.0), (100.0, 40.0), (300.0, 54.0), (500.0, 68.0), (1040.0, 80.0), (2e3, 80.0)],
)
def test_the_valve_goes_to_its_table_by_the_heat_load(heat_kw, position_pct):
    rig = controlling()
    rig.put(heat=heat_kw)
    rig.step()
    rig.silence("supply")
    rig.step(60)
    assert rig.command(VALVE) == pytest.approx(position_pct)


def test_fm_16_without_a_supply_temperature_the_valve_rests_before_it_goes_to_its_table():
    rig = controlling()
    rig.put(heat=1040.0)
    rig.step()
    before = rig.command(VALVE)
    rig.silence("supply")
    rig.step(round(FAILSAFE_HOLD_S / PERIOD_S))
    assert rig.mode() is Mode.FAILSAFE
    assert rig.command(VALVE) == before < 79.0
    rig.step(2)
    assert before < rig.command(VALVE) <= before + 2 * SLEW["valve"] * PERIOD_S + 1e-9


def test_fm_16_a_supply_temperature_that_comes_and_goes_does_not_wear_the_valve():
    rig = controlling()
    rig.put(heat=1040.0)
    rig.step()
    before = rig.command(VALVE)
    for _ in range(10):
        rig.silence("supply")
        rig.step(4)
        rig.put(supply=34.0)
        rig.step(4)
        assert rig.command(VALVE) == pytest.approx(before, abs=2.0)


@pytest.mark.parametrize(("dew_c", "opens"), [(17.0, True), (31.0, True), (32.5, False)])
def test_fm_03_failsafe_opens_the_valve_no_further_while_the_supply_is_below_its_floor(dew_c, opens):
    """The supply is at 34 degC and the margin 2 K. The interlock, at 1 K above the dew point, has no part in this."""
    rig = controlling()
    rig.put(heat=1040.0, dew=dew_c)
    rig.step(400)  # the floor follows a dew point at the setpoint's rate
    before = rig.command(VALVE)
    rig.silence("pressure")
    rig.step(60)
    assert rig.mode() is Mode.FAILSAFE
    assert rig.command(VALVE) == (pytest.approx(80.0) if opens else before)


def test_the_valve_uses_the_last_good_heat_load():
    rig = controlling()
    rig.put(heat=300.0)
    rig.step()
    rig.put(heat=1000.0)
    rig.spoil("heat", quality=Quality.UNCERTAIN)
    rig.silence("supply")
    rig.step(60)
    assert rig.command(VALVE) == pytest.approx(54.0)


def test_i3_a_heat_load_that_was_never_known_counts_as_the_greatest():
    rig = Rig(site())
    rig.spoil("heat", reason=Reason.WAITING_FOR_INITIAL_DATA)
    rig.until(Mode.AUTOMATIC)
    rig.silence("supply")
    rig.step(60)
    assert rig.command(VALVE) == pytest.approx(80.0)


def test_i6_recovery_is_bumpless():
    rig = controlling()
    rig.silence("supply", "pressure")
    rig.step(30)
    failsafe = rig.decision.commands
    rig.put(supply=35.5, pressure=97.0)
    last, modes = failsafe, []
    for _ in range(12):
        rig.step()
        modes.append(rig.mode())
        assert (np.abs(rig.decision.commands - last) <= 2.0).all()
        last = rig.decision.commands
    assert modes[:2] == [Mode.STARTING, Mode.AUTOMATIC]


def test_failsafe_is_left_only_after_a_full_valid_scan():
    rig = controlling()
    rig.silence("supply")
    rig.step()
    rig.put(supply=34.0)
    rig.spoil("pump2_rb", quality=Quality.UNCERTAIN, reason=Reason.STALE)
    rig.step(10)
    assert (rig.mode(), rig.cause()) == (Mode.FAILSAFE, Cause.SUPPLY_TEMP_BAD)


def everything_silent(rig, times):
    rig.silence(*NAMES)
    for _ in range(times):
        assert np.isnan(rig.step().commands).all()
    assert rig.mode() is Mode.FAILSAFE


def test_i8_nothing_is_commanded_while_the_device_does_not_answer_and_recovery_moves_nothing():
    rig = controlling()
    everything_silent(rig, 20)
    measured = {"valve": 47.0, "pump1": 66.0, "pump2": 66.0}
    rig.put(supply=34.4, pressure=91.0, dew=13.0, heat=300.0, remote=1.0, valve_rb=55.0, pump1_rb=60.0, pump2_rb=60.0)
    rig.put(**measured)
    rig.step()
    assert list(rig.decision.commands) == [47.0, 66.0, 66.0]
    for _ in range(5):
        rig.step()
        assert rig.decision.commands == pytest.approx([47.0, 66.0, 66.0], abs=2.0)


def test_fm_41_after_silence_failsafe_starts_from_the_measured_positions_not_from_old_commands():
    rig = controlling()
    everything_silent(rig, 10)
    rig.put(valve=20.0, pump1=90.0, pump2=90.0, valve_rb=55.0, pump1_rb=60.0, pump2_rb=60.0, remote=1.0)
    rig.step()
    assert rig.mode() is Mode.FAILSAFE
    assert list(rig.decision.commands) == [20.0, 90.0, 90.0]


def test_a_stopped_process_wakes_without_a_jump():
    rig = controlling()
    before = rig.decision.commands
    rig.put(supply=36.0, pressure=80.0)
    rig.step(dt_s=10.0)
    allowed = np.array([SLEW["valve"], SLEW["pump1"], SLEW["pump2"]]) * 4 * PERIOD_S
    assert (np.abs(rig.decision.commands - before) <= allowed + 1e-6).all()


@pytest.mark.parametrize("dt_s", [0.0, -5.0, 1e-9])
def test_i10_time_that_stands_still_or_runs_back_moves_nothing(dt_s):
    rig = controlling()
    before = rig.decision.commands
    rig.put(supply=36.0)
    rig.step(dt_s=dt_s)
    assert rig.decision.commands == pytest.approx(before, abs=0.01)
    assert np.isfinite(rig.state.s).all()


def test_fm_26_a_long_gap_integrates_no_more_than_four_periods():
    ordinary, late = controlling(), controlling()
    for rig in (ordinary, late):
        rig.put(supply=34.5)
    ordinary.step(dt_s=4 * PERIOD_S)
    late.step(dt_s=60.0)
    assert late.command(VALVE) == ordinary.command(VALVE)
