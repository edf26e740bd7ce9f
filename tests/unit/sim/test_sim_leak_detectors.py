"""The virtual leak detectors say what real ones would (FM-06)."""

import asyncio

import pytest

from coolantd.clock import SystemClock
from coolantd.sim.leak_detectors import Detector, LeakDetectors, Wire

DRY = {"rope_v": 3.0, "tray_v": 3.0, "spot_wet": 0.0, "spot_fault": 0.0, "timestamp_ms": 12_000}


def test_they_are_dry_until_somebody_wets_one():
    leaks = LeakDetectors(2)
    leaks.set(2, Detector.ROPE, Wire.WET)
    assert leaks.says(1, 12.0) == DRY
    assert leaks.says(2, 12.0) == DRY | {"rope_v": 7.0}


@pytest.mark.parametrize(
    ("detector", "wire", "says"),
    [
        (Detector.ROPE, Wire.OPEN, {"rope_v": 10.0}),
        (Detector.ROPE, Wire.SHORT, {"rope_v": 0.0}),
        (Detector.TRAY, Wire.WET, {"tray_v": 7.0}),
        (Detector.SPOT, Wire.WET, {"spot_wet": 1.0}),
        (Detector.SPOT, Wire.OPEN, {"spot_fault": 1.0}),
        (Detector.SPOT, Wire.SHORT, {"spot_fault": 1.0}),
    ],
)
def test_fm_06_a_cut_or_short_wire_shows(detector, wire, says):
    leaks = LeakDetectors(1)
    leaks.set(1, detector, wire)
    assert leaks.says(1, 12.0) == DRY | says


@pytest.mark.parametrize("branch", [0, 3])
def test_there_are_no_other_branches(branch):
    with pytest.raises(ValueError, match=f"branch = {branch}, allowed: 1 to 2"):
        LeakDetectors(2).set(branch, Detector.ROPE, Wire.WET)


async def test_a_change_does_not_wait_for_the_period():
    leaks, clock = LeakDetectors(1), SystemClock()
    waiting = asyncio.create_task(leaks.change(clock, at_most_s=60.0))
    await asyncio.sleep(0)
    leaks.set(1, Detector.TRAY, Wire.WET)
    await asyncio.wait_for(waiting, 5.0)
    await asyncio.wait_for(leaks.change(clock, at_most_s=0.01), 5.0)  # said already: only the period ends this one
