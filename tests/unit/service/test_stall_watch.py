"""A loop that stands still is noticed from beside it, while it stands and when it goes on (FM-26)."""

import asyncio
import re
import threading
import time
from pathlib import Path

import pytest
import structlog

from coolantd.service import stall_watch as module
from coolantd.service.metrics import Metrics
from coolantd.service.stall_watch import BEAT_S, FAULT_S, STARVE_S, TOLD_S, WARN_S, StallWatch, where_is

UNIT = Path(__file__).parents[3] / "systemd" / "coolantd.service"


class Hands:
    """A clock turned by hand."""

    def __init__(self):
        self.s = 100.0

    def now_s(self):
        return self.s


class Rig:
    """A watch whose beats and looks are made by hand."""

    def __init__(self):
        self.hands, self.metrics = Hands(), Metrics()
        self.watch = StallWatch(self.metrics, now_s=self.hands.now_s)

    def beat_after(self, seconds):
        self.hands.s += seconds
        self.watch._beat()
        self.watch._timer.cancel()

    def count(self, severity):
        return self.metrics.registry.get_sample_value("coolantd_loop_stalls_total", {"severity": severity})


@pytest.mark.parametrize(
    ("late_s", "warnings", "faults"),
    [(0.0, 0, 0), (WARN_S - 0.01, 0, 0), (WARN_S + 0.01, 1, 0), (FAULT_S - 0.01, 1, 0), (FAULT_S + 0.01, 0, 1)],
)
async def test_fm_26_a_stall_is_counted_by_how_long_it_was(late_s, warnings, faults):
    rig = Rig()
    rig.beat_after(BEAT_S)
    rig.beat_after(BEAT_S + late_s)
    rig.beat_after(BEAT_S)
    assert (rig.count("warning"), rig.count("fault")) == (warnings, faults)
    assert rig.metrics.registry.get_sample_value("coolantd_loop_stall_seconds_count") == warnings + faults
    assert bool(rig.watch.fault()) is bool(faults)


async def test_fm_26_a_long_stall_is_said_while_it_lasts_once_and_with_its_place():
    rig = Rig()
    rig.watch._watched = threading.get_ident()
    with structlog.testing.capture_logs() as logs:
        for _ in range(60):
            rig.hands.s += 0.05
            rig.watch.look()
    assert [each["event"] for each in logs] == ["loop_standing_still"]
    assert logs[0]["seconds"] == pytest.approx(FAULT_S, abs=0.1)
    assert "stall_watch.py" in logs[0]["where"]
    rig.beat_after(0.0)
    assert "stood still for 2.9" in rig.watch.fault() or "stood still for 3.0" in rig.watch.fault()


async def test_fm_26_a_fault_is_told_for_a_while_and_the_longest_of_a_series_counts():
    rig = Rig()
    rig.beat_after(BEAT_S + 3.0)
    rig.beat_after(BEAT_S + 1.5)
    assert "3.0 s" in rig.watch.fault()
    for _ in range(3):
        rig.beat_after(BEAT_S)
    rig.hands.s += TOLD_S + 1.0
    assert rig.watch.fault() == ""


def test_fm_26_i12_half_the_service_managers_patience_without_a_beat_feeds_no_watchdog():
    rig = Rig()
    rig.hands.s += STARVE_S - 0.01
    assert not rig.watch.starving()
    rig.hands.s += 0.02
    assert rig.watch.starving()
    (watchdog_s,) = re.findall(r"^WatchdogSec=(\d+)$", UNIT.read_text(), re.M)
    assert int(watchdog_s) / 2.0 == STARVE_S


async def test_fm_26_a_loop_blocked_by_its_own_callback_is_seen_for_real():
    pulses, metrics = [], Metrics()
    watch = StallWatch(metrics, lambda: pulses.append(time.monotonic()))
    with structlog.testing.capture_logs() as logs:
        watch.start()
        await asyncio.sleep(0.2)
        while not logs:  # stand still until it is seen from beside
            time.sleep(0.1)  # noqa: ASYNC251 - the fault under test
        while not watch.fault():  # noqa: ASYNC110 - the loop goes on, and notes it
            await asyncio.sleep(0.05)
        watch.stop()
    assert "loop_standing_still" in [each["event"] for each in logs]
    assert metrics.registry.get_sample_value("coolantd_loop_stalls_total", {"severity": "fault"}) >= 1
    assert watch.fault()
    assert pulses
    watch._thread.join(10.0)
    assert not watch._thread.is_alive()


def test_the_place_names_our_own_line_and_what_it_waits_in():
    entered, leave = threading.Event(), threading.Event()

    def work():
        entered.set()
        leave.wait(5.0)

    thread = threading.Thread(target=work)
    thread.start()
    entered.wait(5.0)
    assert "wait" in where_is(thread.ident)
    leave.set()
    thread.join()
    assert where_is(thread.ident) == ""
    assert module.LOOK_S <= WARN_S / 4.0
