"""A device that restarted is told from a counter that wrapped; the laws are in tests/property."""

import math

import pytest

from coolantd.protocol.profile import Coding, Heartbeat, RawSpan, RegisterPoint, Table
from coolantd.protocol.restart import RestartWatch, uptime_step_s, uptime_wrap_s

BEAT = Heartbeat(ours="ours_count", theirs="theirs_count", wrap_count=65_535, period_s=1.0, timeout_s=10.0)
U16_S = 65_536.0


def uptime_point(**changes: object) -> RegisterPoint:
    fields: dict[str, object] = {
        "name": "uptime_s",
        "table": Table.HOLDING,
        "address": 0,
        "coding": Coding.U32,
        "unit": "s",
        "minimum": 0.0,
        "maximum": 1e9,
    }
    return RegisterPoint(**(fields | changes))


def test_an_uptime_that_went_back_is_a_restart_once() -> None:
    watch = RestartWatch()
    said = [watch.saw_uptime(value, now) for value, now in [(5000.0, 0.0), (5005.0, 5.0), (3.0, 10.0), (8.0, 15.0)]]
    assert said == [False, False, True, False]


def test_an_uptime_in_hours_alarms_neither_while_it_stands_nor_when_it_steps() -> None:
    watch = RestartWatch()
    assert not any(watch.saw_uptime(now // 3600 * 3600.0, float(now)) for now in range(0, 40_000, 60))
    assert watch.saw_uptime(0.0, 40_000.0)


def test_an_uptime_set_back_by_the_devices_clock_is_no_restart() -> None:
    watch = RestartWatch()
    assert not watch.saw_uptime(1000.0, 0.0)
    assert not watch.saw_uptime(996.0, 1.0)


def test_an_uptime_that_overflows_is_no_restart_if_its_range_is_known() -> None:
    for wrap_s, alarmed in [(None, True), (U16_S, False)]:
        watch = RestartWatch(uptime_wrap_s=wrap_s)
        watch.saw_uptime(U16_S - 10.0, 0.0)
        assert watch.saw_uptime(20.0, 30.0) is alarmed


def test_a_restart_is_seen_although_the_uptime_could_have_overflowed_later() -> None:
    watch = RestartWatch(uptime_wrap_s=U16_S)
    watch.saw_uptime(60_000.0, 0.0)
    assert watch.saw_uptime(20.0, 30.0)


@pytest.mark.parametrize(
    ("wrap_s", "step_s", "said_s", "elapsed_s", "alarmed"),
    [
        (U16_S, 1.0, (65_530.0, 10.0), 10.0, False),  # answered 6 s later than asked
        (U16_S, 1.0, (65_530.0, 30.0), 10.0, True),
        (U16_S, 1.0, (U16_S - 100.0, 2945.0), 3000.0, False),  # its clock runs 1.5 % fast
        (U16_S, 1.0, (U16_S - 100.0, 2845.0), 3000.0, False),
        (U16_S, 1.0, (U16_S - 100.0, 2700.0), 3000.0, True),
        (U16_S * 3600.0, 3600.0, (65_535 * 3600.0, 0.0), 720.0, False),  # 65535.9 h, shown as 65535
        (U16_S * 3600.0, 3600.0, (65_534 * 3600.0, 0.0), 720.0, True),
        (U16_S, 1.0, (100.0, 94.0), 0.0, True),  # more than a clock is set back by, and no overflow near
    ],
)
def test_an_overflow_is_told_from_a_restart_by_the_time_that_passed(
    wrap_s: float, step_s: float, said_s: tuple[float, float], elapsed_s: float, alarmed: bool
) -> None:
    watch = RestartWatch(uptime_wrap_s=wrap_s, uptime_step_s=step_s)
    assert not watch.saw_uptime(said_s[0], 0.0)
    assert watch.saw_uptime(said_s[1], elapsed_s) is alarmed


def test_nan_and_a_forgotten_device_show_nothing() -> None:
    watch = RestartWatch(heartbeat=BEAT)
    watch.saw_uptime(5000.0, 0.0)
    watch.saw_heartbeat(5000.0, 0.0)
    assert not watch.saw_uptime(math.nan, 1.0)
    assert not watch.saw_heartbeat(math.nan, 1.0)
    watch.forget()
    assert not watch.saw_uptime(1.0, 2.0)
    assert not watch.saw_heartbeat(1.0, 2.0)


def test_a_heartbeat_that_went_back_is_a_restart_and_a_wrap_is_none() -> None:
    watch = RestartWatch(heartbeat=BEAT)
    counts = [(100.0, 0.0), (101.0, 1.0), (1.0, 2.0), (65_530.0, 70_000.0), (3.0, 70_009.0)]
    assert [watch.saw_heartbeat(count, now_s) for count, now_s in counts] == [False, False, True, False, False]


def test_a_heartbeat_that_could_have_wrapped_while_nobody_looked_is_no_restart() -> None:
    watch = RestartWatch(heartbeat=BEAT)
    watch.saw_heartbeat(40_000.0, 0.0)
    assert not watch.saw_heartbeat(3.0, 65_539.0 - 40_000.0)


@pytest.mark.parametrize(("wrap_count", "alarmed"), [(5, False), (6, True)])
def test_a_heartbeat_that_wraps_within_seconds_can_show_little(wrap_count: int, alarmed: bool) -> None:
    """One answer may be 2 s later than the other, and the device twice as fast: 5 counts."""
    beat = Heartbeat(ours="o", theirs="t", wrap_count=wrap_count, period_s=1.0, timeout_s=10.0)
    watch = RestartWatch(heartbeat=beat)
    watch.saw_heartbeat(1.0, 0.0)
    assert watch.saw_heartbeat(0.0, 0.0) is alarmed


def test_a_heartbeat_of_a_device_that_has_none_is_refused() -> None:
    with pytest.raises(ValueError, match="a heartbeat of a device that has none"):
        RestartWatch().saw_heartbeat(1.0, 0.0)


@pytest.mark.parametrize(
    ("changes", "wrap_s"),
    [
        ({}, 2.0**32),
        ({"coding": Coding.U16}, 2.0**16),
        ({"coding": Coding.U16, "scale": 0.1}, 6553.6),
        ({"coding": Coding.U16, "unit": "h"}, 2.0**16 * 3600.0),
        ({"source_unit": "ms"}, 2.0**32 / 1000.0),
        ({"coding": Coding.U16, "unit": "h", "source_unit": "min"}, 2.0**16 * 60.0),
        ({"coding": Coding.F32}, None),
        ({"scale": -1.0}, None),
    ],
)
def test_the_wrap_of_an_uptime_follows_from_its_coding(changes: dict[str, object], wrap_s: float | None) -> None:
    assert uptime_wrap_s(uptime_point(**changes)) == (None if wrap_s is None else pytest.approx(wrap_s))


def test_the_step_of_an_uptime_follows_from_its_scale() -> None:
    assert uptime_step_s(uptime_point(unit="h", scale=-0.5)) == 1800.0
    assert uptime_step_s(uptime_point(fraction_bits=2)) == 0.25
    line = RawSpan(raw_minimum=0, raw_maximum=10, value_minimum=0, value_maximum=5)
    assert uptime_step_s(uptime_point(raw_span=line)) == 0.0
