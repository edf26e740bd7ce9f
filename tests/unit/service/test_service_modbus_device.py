"""What becomes of each answer: values, qualities with reasons, a heartbeat that stands still, a unit selector."""

import math

import pytest
import structlog
from modbus_rig import BEAT, FLOW, TEMP, BusRig, fault

from coolantd.errors import DeviceError, Fault
from coolantd.point import Quality, Reason
from coolantd.service.failures import failure_reason
from coolantd.service.read_plan import DEADLINE_MAX_S


def ask_of(rig, name):
    return next(ask for ask in rig.device.spans if any(point.name == name for point in ask.span.points))


def receive(rig, name, *words):
    rig.device.received(ask_of(rig, name), words, rig.clock.now_s())


@pytest.mark.parametrize(
    ("kind", "code", "silent", "reason"),
    [
        (Fault.TIMEOUT, None, True, Reason.NO_COMMUNICATION),
        (Fault.CONNECTION_LOST, None, True, Reason.NO_COMMUNICATION),
        (Fault.NOT_CONNECTED, None, True, Reason.NOT_CONNECTED),
        (Fault.EXCEPTION, 1, False, Reason.CONFIGURATION_ERROR),
        (Fault.EXCEPTION, 2, False, Reason.CONFIGURATION_ERROR),
        (Fault.EXCEPTION, 3, False, Reason.CONFIGURATION_ERROR),
        (Fault.EXCEPTION, 4, False, Reason.DEVICE_FAILURE),
        (Fault.EXCEPTION, 5, True, Reason.NO_COMMUNICATION),
        (Fault.EXCEPTION, 6, True, Reason.NO_COMMUNICATION),
        (Fault.EXCEPTION, 10, True, Reason.NO_COMMUNICATION),
        (Fault.EXCEPTION, 11, True, Reason.NO_COMMUNICATION),
        (Fault.EXCEPTION, 77, False, Reason.DEVICE_FAILURE),
    ]
    + [
        (kind, None, False, Reason.DEVICE_FAILURE)
        for kind in Fault
        if kind not in (Fault.TIMEOUT, Fault.CONNECTION_LOST, Fault.NOT_CONNECTED, Fault.EXCEPTION)
    ],
)
def test_fm_36_every_fault_is_silence_or_a_bad_sample_with_its_reason(kind, code, silent, reason):
    assert failure_reason(fault(kind, code)) == (silent, reason)


def test_silence_lets_the_last_value_age():
    rig = BusRig()
    receive(rig, "temp_c", 340)
    rig.clock.jump(0.5)
    rig.device.failed(ask_of(rig, "temp_c"), fault(Fault.TIMEOUT), rig.clock.now_s())
    assert rig.point("temp_c") == (34.0, Quality.GOOD, Reason.NONE)
    rig.clock.jump(1.1)
    value, quality, reason = rig.point("temp_c")
    assert math.isnan(value)
    assert (quality, reason) == (Quality.BAD, Reason.NO_COMMUNICATION)


def test_nonsense_is_bad_at_once_and_counted():
    rig = BusRig()
    receive(rig, "temp_c", 340)
    rig.clock.jump(0.5)
    rig.device.failed(ask_of(rig, "temp_c"), fault(Fault.WRONG_BYTE_COUNT), rig.clock.now_s())
    assert rig.point("temp_c")[1:] == (Quality.BAD, Reason.DEVICE_FAILURE)
    assert rig.counter("coolantd_samples_bad_total", device="cdu1", reason="device_failure") == 1


def test_fm_21_a_reading_outside_its_range_is_bad_and_counted():
    rig = BusRig()
    receive(rig, "temp_c", 932)
    assert rig.point("temp_c")[1:] == (Quality.BAD, Reason.OUT_OF_RANGE)
    assert rig.counter("coolantd_samples_bad_total", device="cdu1", reason="out_of_range") == 1


def test_fm_37_a_device_is_up_after_a_good_read_and_down_after_two_lost_replies_not_one():
    rig = BusRig()
    assert (rig.device.up, rig.device.fault) == (False, Fault.NOT_CONNECTED)
    receive(rig, "temp_c", 340)
    assert (rig.device.up, rig.device.fault) == (True, None)
    rig.device.failed(ask_of(rig, "temp_c"), fault(Fault.TIMEOUT), rig.clock.now_s())
    assert (rig.device.up, rig.device.fault) == (True, None)
    rig.device.failed(ask_of(rig, "temp_c"), fault(Fault.TIMEOUT), rig.clock.now_s())
    assert (rig.device.up, rig.device.fault) == (False, Fault.TIMEOUT)


def beat(rig, count):
    receive(rig, "theirs_count", count)


def test_fm_18_a_heartbeat_that_stands_still_makes_every_answer_stuck():
    rig = BusRig(heartbeat=True)
    for k in range(4):
        rig.clock.jump(1.5)
        beat(rig, 7)
        receive(rig, "temp_c", 340)
        assert rig.point("temp_c")[1] == Quality.GOOD, k
    rig.clock.jump(1.5)
    beat(rig, 7)
    receive(rig, "temp_c", 340)
    assert rig.point("temp_c")[1:] == (Quality.BAD, Reason.STUCK)
    assert rig.point("theirs_count")[:2] == (7.0, Quality.GOOD)
    rig.clock.jump(0.5)
    beat(rig, 8)
    receive(rig, "temp_c", 340)
    assert rig.point("temp_c") == (34.0, Quality.GOOD, Reason.NONE)


def test_fm_18_a_heartbeat_that_wraps_or_restarts_is_alive():
    rig = BusRig(heartbeat=True)
    for count in (8, 9, 0, 1, 0, 1):
        rig.clock.jump(3.0)
        beat(rig, count)
        receive(rig, "temp_c", 340)
        assert rig.point("temp_c")[1] == Quality.GOOD


def test_a_heartbeat_nobody_could_watch_has_not_stood_still():
    rig = BusRig(heartbeat=True)
    beat(rig, 7)
    rig.device.unreachable()
    rig.clock.jump(60.0)
    receive(rig, "temp_c", 340)
    assert rig.point("temp_c") == (34.0, Quality.GOOD, Reason.NONE)


def select(rig, imperial):
    receive(rig, "imperial_bool", imperial)


def read_between(rig, imperial, temp, *, after=None):
    """One poll round: the block, then the selector right behind it."""
    receive(rig, "temp_c", temp)
    rig.clock.jump(0.01)
    select(rig, imperial if after is None else after)
    rig.clock.jump(0.49)


def test_fm_21_values_are_converted_while_the_selector_reads_imperial():
    rig = BusRig(selector=True)
    select(rig, 1)
    rig.clock.jump(0.1)
    read_between(rig, 1, 932)
    assert rig.point("temp_c")[0] == pytest.approx(34.0)


def test_fm_21_a_value_keeps_the_age_of_its_own_reading_not_of_its_confirmation():
    rig = BusRig(selector=True)
    select(rig, 0)
    rig.clock.jump(0.1)
    sent_s = rig.clock.now_s()
    read_between(rig, 0, 340)
    assert rig.table.sample(rig.table.index["cdu1", "temp_c"]).time_s == sent_s


def test_fm_21_a_block_waits_until_the_selector_has_been_read_again():
    rig = BusRig(selector=True)
    select(rig, 0)
    receive(rig, "temp_c", 340)
    assert rig.point("temp_c")[2] == Reason.WAITING_FOR_INITIAL_DATA
    rig.clock.jump(0.01)
    select(rig, 0)
    assert rig.point("temp_c")[0] == pytest.approx(34.0)


def test_fm_21_the_selector_is_asked_right_behind_the_block_that_waits():
    rig = BusRig(selector=True)
    select(rig, 0)
    selector = ask_of(rig, "imperial_bool")
    selector.due_s = rig.clock.now_s() + 9.0
    receive(rig, "temp_c", 340)
    assert selector.due_s == rig.clock.now_s()


@pytest.mark.parametrize("lag_s", [0.0, 0.5, 1.0, 2.0])
def test_fm_21_a_flip_between_two_polls_never_passes_a_value_in_the_wrong_unit(lag_s):
    """The device's block follows its coil by ``lag_s``; 34 degC throughout, flipped every 7 s at odd times."""
    rig = BusRig(selector=True)
    begun_s = rig.clock.now_s()
    seen = []

    def coil(now_s):
        return int((now_s - begun_s) // 7.03) % 2

    while rig.clock.now_s() - begun_s < 60.0:
        now_s = rig.clock.now_s()
        receive(rig, "temp_c", 932 if coil(now_s - lag_s) else 340)
        rig.clock.jump(0.013)
        select(rig, coil(rig.clock.now_s()))
        rig.clock.jump(0.487)
        seen.append(rig.point("temp_c"))
    good = [value for value, quality, _ in seen if quality == Quality.GOOD]
    assert len(good) > 40
    assert good == pytest.approx([34.0] * len(good))


def test_fm_21_without_a_selector_reading_a_value_in_unknown_units_is_not_taken():
    rig = BusRig(selector=True)
    receive(rig, "temp_c", 340)
    receive(rig, "flow_lpm", 120)
    assert rig.point("temp_c")[2] == Reason.WAITING_FOR_INITIAL_DATA
    assert rig.point("flow_lpm")[1] == Quality.GOOD


def test_fm_21_a_refused_selector_reading_stops_the_block_too():
    rig = BusRig(selector=True)
    select(rig, 0)
    rig.clock.jump(0.1)
    rig.device.failed(ask_of(rig, "imperial_bool"), fault(Fault.WRONG_COUNT), rig.clock.now_s())
    receive(rig, "temp_c", 340)
    assert rig.point("temp_c")[2] == Reason.WAITING_FOR_INITIAL_DATA


def test_the_selector_is_read_before_what_it_decides():
    rig = BusRig(selector=True)
    rig.device.stagger(rig.clock.now_s(), phase_ratio=0.0)
    first = min(rig.device.spans, key=lambda polled: polled.due_s)
    assert [point.name for point in first.span.points] == ["imperial_bool"]


def test_fm_37_a_read_may_take_half_of_its_period_and_at_most_a_second():
    rig = BusRig()
    deadlines = {polled.period_s: polled.deadline_s for polled in rig.device.spans}
    assert deadlines == {0.5: 0.25, 5.0: DEADLINE_MAX_S}
    assert rig.device.write_deadline_s == 0.25


@pytest.mark.parametrize(
    ("now_s", "next_s"), [(10.0, 10.5), (10.3, 10.5), (10.5, 11.0), (10.51, 11.0), (60.2, 60.5), (9.9, 10.5)]
)
def test_the_next_slot_keeps_its_phase_and_is_still_to_come(now_s, next_s):
    polled = ask_of(BusRig(), "flow_lpm")
    polled.due_s = 10.0
    polled.schedule_next(now_s)
    assert polled.due_s == pytest.approx(next_s)


def test_the_rig_reads_where_it_says():
    rig = BusRig(heartbeat=True)
    assert {ask_of(rig, n).address for n in ("temp_c", "flow_lpm", "theirs_count")} == {TEMP, FLOW, BEAT}


class TestWhyADeviceIsDown:
    def test_one_that_never_came_up_says_once_why(self):
        rig = BusRig()
        rig.device.unreachable()
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                rig.device.note(DeviceError(Fault.NOT_CONNECTED, "/dev/ttyS0 is in use by another process"))
        (told,) = logs
        assert (told["event"], told["device"]) == ("device_down", "cdu1")
        assert "in use by another process" in told["detail"]

    def test_one_that_never_answers_says_so_once(self):
        rig = BusRig()
        rig.device.connected(rig.clock.now_s())
        with structlog.testing.capture_logs() as logs:
            for _ in range(6):
                rig.device.failed(rig.device.agenda.asks[0], fault(Fault.TIMEOUT), rig.clock.now_s())
        assert [each["event"] for each in logs] == ["device_down"]

    def test_one_that_was_up_is_down_once(self):
        rig = BusRig()
        receive(rig, "temp_c", 340)
        with structlog.testing.capture_logs() as logs:
            for _ in range(3):
                rig.device.unreachable()
                rig.device.note(DeviceError(Fault.NOT_CONNECTED, "refused"))
        assert [each["event"] for each in logs] == ["device_down"]

    def test_one_that_refuses_everything_says_so_and_not_that_it_is_not_connected(self):
        rig = BusRig()
        rig.device.connected(rig.clock.now_s())
        with structlog.testing.capture_logs() as logs:
            for ask in list(rig.device.spans):
                rig.device.failed(ask, fault(Fault.EXCEPTION, 2), rig.clock.now_s())
        assert [each["event"] for each in logs] == ["device_down"]
        assert (rig.device.up, rig.device.fault) == (False, Fault.EXCEPTION)

    def test_one_that_refuses_one_register_stays_up(self):
        rig = BusRig()
        receive(rig, "temp_c", 340)
        rig.device.failed(ask_of(rig, "temp_c"), fault(Fault.EXCEPTION, 2), rig.clock.now_s())
        assert rig.device.up
