"""How the proxy sees a polled device: which registers it knows, and how old each may be; and how it paces requests."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.kinds import Table
from coolantd.protocol.profile import TextPoint
from coolantd.service.proxies import PolledDevice
from coolantd.service.proxy_clients import Pace
from coolantd.service.raw_cache import RawCache

NEVER = math.nan


def device(*reads: tuple[Table, int, int, float], texts: tuple[TextPoint, ...] = ()) -> PolledDevice:
    """Return a device with these reads: table, address, count and period."""
    spans = [
        SimpleNamespace(table=table, address=address, count=count, period_s=period_s)
        for table, address, count, period_s in reads
    ]
    polled = SimpleNamespace(spans=spans, profile=SimpleNamespace(texts=texts), raw=RawCache(), up=True)
    return PolledDevice(polled)  # type: ignore[arg-type]


def test_a_register_counts_for_three_of_its_own_poll_periods():
    polled = device((Table.HOLDING, 10, 2, 0.5), (Table.HOLDING, 12, 1, 60.0))
    assert polled.max_ages_s(Table.HOLDING, 10, 3) == (1.5, 1.5, 180.0)


def test_what_is_never_polled_has_no_age():
    polled = device((Table.HOLDING, 10, 2, 0.5))
    assert polled.max_ages_s(Table.HOLDING, 9, 4) == pytest.approx((NEVER, 1.5, 1.5, NEVER), nan_ok=True)
    assert all(math.isnan(age_s) for age_s in polled.max_ages_s(Table.INPUT, 10, 2))
    assert all(math.isnan(age_s) for age_s in polled.max_ages_s(Table.HOLDING, 12, 3))


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_reads_the_more_frequent_one_counts(order: int):
    reads = [(Table.INPUT, 0, 4, 5.0), (Table.INPUT, 2, 1, 1.0)][::order]
    assert device(*reads).max_ages_s(Table.INPUT, 0, 4) == (15.0, 15.0, 3.0, 15.0)


def test_what_is_read_once_counts_while_the_device_is_there():
    model = TextPoint(name="model", table=Table.HOLDING, address=100, register_count=4)
    polled = device((Table.HOLDING, 104, 2, math.inf), (Table.INPUT, 100, 1, 1.0), texts=(model,))
    assert polled.max_ages_s(Table.HOLDING, 100, 6) == (math.inf,) * 6
    assert math.isnan(polled.max_ages_s(Table.INPUT, 101, 1)[0])


def test_a_change_of_plan_is_seen_at_once():
    polled = device((Table.COIL, 0, 8, 1.0))
    polled._device.spans.pop()
    assert math.isnan(polled.max_ages_s(Table.COIL, 0, 1)[0])


@given(st.lists(st.floats(0.0, 0.2), min_size=1, max_size=200), st.integers(1, 20), st.floats(1.0, 200.0))
def test_no_window_holds_more_than_the_burst_and_the_rate_allow(gaps_s: list[float], burst: int, per_s: float) -> None:
    pace, now_s, taken = Pace(per_s, burst), 0.0, []
    for gap_s in gaps_s:
        now_s += gap_s
        if pace.take(now_s) == 0.0:
            taken.append(now_s)
    for first, begin_s in enumerate(taken):
        for last in range(first, len(taken)):
            assert last - first + 1 <= burst + (taken[last] - begin_s) * per_s + 1e-6


@given(st.integers(1, 20), st.floats(1.0, 200.0))
def test_whoever_waits_as_long_as_told_is_answered(burst: int, per_s: float) -> None:
    pace, now_s = Pace(per_s, burst), 1000.0
    for number in range(3 * burst):
        wait_s = pace.take(now_s)
        assert wait_s < 1e-9 or number >= burst
        if wait_s > 0.0:
            assert wait_s <= 1.0 / per_s + 1e-9
            now_s += wait_s + 1e-9
            assert pace.take(now_s) == 0.0
