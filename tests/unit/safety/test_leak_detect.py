"""Detectors and zones: supervised wires, debouncing, voting; every rule on both of its sides (FM-04, FM-06)."""

import itertools
import math

import numpy as np
import pytest
from leak_bench import Bench, at, branch_zone, rope, wire

from coolantd.point import Quality
from coolantd.safety.leak_detect import reading_now
from coolantd.safety.leak_layout import (
    D_FAULT,
    D_WET,
    Z_BLIND,
    Z_FAULTS,
    Z_FIRST,
    Z_ISOLATE,
    Z_WET,
    Level,
    Reading,
)
from coolantd.safety.leak_plan import DetectorParameters, pack_leaks

NAN = math.nan


def read(detector, value, *, fault_says=0.0, quality=Quality.GOOD, fault_quality=Quality.GOOD):
    plan = pack_leaks([branch_zone(detectors=(detector,))])
    values, qualities = np.zeros(9), np.full(9, int(Quality.GOOD))
    values[detector.point], qualities[detector.point] = value, int(quality)
    values[at("spot_fault")], qualities[at("spot_fault")] = fault_says, int(fault_quality)
    return Reading(reading_now(plan.dp[0], plan.dx[0], values, qualities))


@pytest.mark.parametrize(
    ("milliamperes", "reading"),
    [
        (0.0, Reading.FAULT), (3.59, Reading.FAULT), (3.6, Reading.DRY), (8.0, Reading.DRY), (12.0, Reading.DRY),
        (12.01, Reading.WET), (21.0, Reading.WET), (21.01, Reading.FAULT), (NAN, Reading.FAULT),
        (math.inf, Reading.FAULT), (-math.inf, Reading.FAULT),
    ],
)  # fmt: skip
def test_fm_06_an_open_or_short_wire_is_a_fault_and_not_dry(milliamperes, reading):
    assert read(wire("spot"), milliamperes) is reading


@pytest.mark.parametrize(("value", "reading"), [(0.0, Reading.DRY), (0.5, Reading.DRY), (1.0, Reading.WET)])
def test_a_contact_that_closes_when_wet(value, reading):
    assert read(rope("spot"), value) is reading


@pytest.mark.parametrize(("value", "reading"), [(0.0, Reading.WET), (0.5, Reading.DRY), (1.0, Reading.DRY)])
def test_a_contact_that_opens_when_wet(value, reading):
    assert read(DetectorParameters(tag="m.spot", point=at("spot"), level=Level.MAJOR, wet_below=0.5), value) is reading


def test_fm_06_what_is_not_heard_is_a_fault_and_not_dry():
    assert read(rope("spot"), 0.0, quality=Quality.BAD) is Reading.FAULT
    assert read(rope("spot"), 1.0, quality=Quality.BAD) is Reading.FAULT
    assert read(rope("spot"), 1.0, quality=Quality.UNCERTAIN) is Reading.WET  # late, and still the last that is known


@pytest.mark.parametrize(
    ("says", "when", "reading"),
    [(1.0, 1.0, Reading.FAULT), (0.0, 1.0, Reading.WET), (0.5, 1.0, Reading.WET), (0.51, 1.0, Reading.FAULT),
     (0.0, 0.0, Reading.FAULT), (1.0, 0.0, Reading.WET), (NAN, 1.0, Reading.FAULT)],
)  # fmt: skip
def test_fm_06_a_fault_contact_outranks_what_the_detector_says(says, when, reading):
    detector = rope("spot", fault_point=at("spot_fault"), fault_value=when)
    assert read(detector, 1.0, fault_says=says) is reading


def test_fm_06_a_fault_contact_that_is_not_heard_is_a_fault():
    detector = rope("spot", fault_point=at("spot_fault"))
    assert read(detector, 0.0, fault_quality=Quality.BAD) is Reading.FAULT


def test_a_detector_counts_as_wet_at_once_without_a_delay():
    bench = Bench()
    bench.set(r1=1.0)
    bench.cycle()
    assert (bench.level(), bench.z(Z_WET)) == (Level.UNCONFIRMED, 1.0)


@pytest.mark.parametrize("period_s", [0.1, 0.3, 0.5, 1.0])
def test_a_detector_counts_once_it_has_been_wet_for_its_delay_without_a_break(period_s):
    bench = Bench(branch_zone(on_s=3.0), period_s=period_s)
    cycles = round(3.0 / period_s)
    bench.set(r1=1.0)
    bench.cycle(cycles)
    assert bench.level() is Level.DRY
    bench.set(r1=0.0)
    bench.cycle()
    bench.set(r1=1.0)
    bench.cycle(cycles)
    assert bench.level() is Level.DRY
    bench.cycle()
    assert bench.level() is Level.UNCONFIRMED


def test_a_wet_detector_counts_until_it_has_been_dry_for_its_delay_without_a_break():
    bench = Bench(branch_zone(off_s=2.0))
    bench.set(r1=1.0)
    bench.cycle()
    bench.set(r1=0.0)
    bench.cycle(4)
    assert bench.level() is Level.UNCONFIRMED
    bench.set(r1=1.0)
    bench.cycle()
    bench.set(r1=0.0)
    bench.cycle(4)
    assert bench.level() is Level.UNCONFIRMED
    bench.cycle()
    assert bench.level() is Level.DRY


def test_a_detector_that_has_just_become_wet_or_dry_needs_the_whole_delay_to_change_again():
    bench = Bench(branch_zone(on_s=2.0, off_s=2.0))
    bench.set(r1=1.0)
    bench.cycle(5)
    bench.set(r1=0.0)
    bench.cycle(4)
    assert bench.level() is Level.UNCONFIRMED
    bench.cycle()
    assert bench.level() is Level.DRY


def test_fm_06_the_first_point_of_a_site_may_be_a_fault_contact():
    plan = pack_leaks([branch_zone(detectors=(rope("spot", fault_point=0),))])
    values, good = np.zeros(9), np.full(9, int(Quality.GOOD))
    values[0] = 1.0
    assert Reading(reading_now(plan.dp[0], plan.dx[0], values, good)) is Reading.FAULT


def test_fm_06_a_fault_breaks_the_time_and_changes_what_counts_neither_way():
    bench = Bench(branch_zone(on_s=1.0, off_s=1.0))
    bench.set(r1=1.0)
    bench.cycle(2)
    bench.set(r1=NAN)
    bench.cycle(20)
    assert bench.memory[1][0].tolist() == [0.0, 1.0, 0.0]
    bench.set(r1=1.0)
    bench.cycle(2)
    assert bench.level() is Level.DRY
    bench.cycle()
    assert bench.level() is Level.UNCONFIRMED
    bench.set(r1=NAN)
    bench.cycle(20)
    assert (bench.level(), bench.memory[1][0, D_WET], bench.memory[1][0, D_FAULT]) == (Level.UNCONFIRMED, 1.0, 1.0)
    bench.set(r1=0.0)
    bench.cycle(3)
    assert (bench.level(), bench.memory[1][0, D_FAULT]) == (Level.DRY, 0.0)


MINOR, MAJOR, CRITICAL = Level.MINOR, Level.MAJOR, Level.CRITICAL


@pytest.mark.parametrize(
    ("levels", "votes", "wet", "level"),
    [
        ((MAJOR, MAJOR, MAJOR), 2, (0, 0, 0), Level.DRY),
        ((MAJOR, MAJOR, MAJOR), 2, (0, 1, 0), Level.UNCONFIRMED),
        ((MAJOR, MAJOR, MAJOR), 2, (1, 0, 1), MAJOR),
        ((MAJOR, MAJOR, MAJOR), 2, (1, 1, 1), MAJOR),
        ((MAJOR, MAJOR, MAJOR), 3, (1, 0, 1), Level.UNCONFIRMED),
        ((MAJOR, MAJOR, MAJOR), 3, (1, 1, 1), MAJOR),
        ((MINOR, MINOR, MINOR), 2, (1, 0, 0), Level.UNCONFIRMED),
        ((MINOR, MINOR, MINOR), 2, (1, 1, 0), MINOR),
        ((MINOR, MAJOR, MAJOR), 2, (1, 1, 0), MINOR),
        ((MINOR, MAJOR, MAJOR), 2, (0, 1, 1), MAJOR),
        ((MINOR, MINOR, CRITICAL), 2, (0, 0, 1), CRITICAL),
        ((CRITICAL, CRITICAL, CRITICAL), 3, (1, 0, 0), CRITICAL),
        ((MINOR, MAJOR, CRITICAL), 2, (1, 1, 0), MINOR),
    ],
)
def test_fm_04_votes_make_the_level_of_a_zone(levels, votes, wet, level):
    ropes = tuple(rope(name, each) for name, each in zip(("r1", "r2", "r3"), levels, strict=True))
    bench = Bench(branch_zone(detectors=ropes, votes=votes))
    bench.set(r1=float(wet[0]), r2=float(wet[1]), r3=float(wet[2]))
    bench.cycle()
    assert (bench.level(), bench.z(Z_WET)) == (level, sum(wet))


def test_fm_04_no_single_detector_that_is_not_critical_ever_shuts_a_branch():
    for one, level, votes in itertools.product(("r1", "r2", "r3"), (MINOR, MAJOR), (2, 3)):
        ropes = tuple(rope(name, level) for name in ("r1", "r2", "r3"))
        bench = Bench(branch_zone(detectors=ropes, votes=votes, isolate_at=Level.MINOR, power_at=Level.MINOR))
        bench.set(**{one: 1.0})
        assert bench.cycle(40).tolist() == bench.normal.tolist()
        assert bench.z(Z_ISOLATE) == 0.0


def test_zones_do_not_count_each_others_detectors():
    bench = Bench(branch_zone(detectors=(rope("r1"), rope("r2"))), branch_zone(name="rack2", detectors=(rope("r3"),)))
    bench.set(r2=1.0, r3=1.0)
    bench.cycle()
    assert [bench.level(zone) for zone in (0, 1)] == [Level.UNCONFIRMED, Level.UNCONFIRMED]
    assert [bench.z(Z_WET, zone) for zone in (0, 1)] == [1.0, 1.0]
    bench.set(r2=0.0, r3=NAN)
    bench.cycle()
    assert [bench.z(Z_FAULTS, zone) for zone in (0, 1)] == [0.0, 1.0]
    assert [bench.z(Z_BLIND, zone) for zone in (0, 1)] == [0.0, 1.0]


@pytest.mark.parametrize(
    ("readings", "faults", "blind"),
    [
        ((0.0, 0.0, 0.0), 0, 0),
        ((NAN, 0.0, 0.0), 1, 0),  # two are left, and two can confirm
        ((NAN, NAN, 0.0), 2, 1),
        ((NAN, NAN, NAN), 3, 1),
    ],
)
def test_fm_06_a_zone_that_could_not_confirm_a_leak_any_more_says_so(readings, faults, blind):
    bench = Bench()
    bench.set(r1=readings[0], r2=readings[1], r3=readings[2])
    bench.cycle()
    assert (bench.z(Z_FAULTS), bench.z(Z_BLIND), bench.level()) == (faults, blind, Level.DRY)


def test_fm_06_a_critical_detector_keeps_a_zone_from_being_blind_while_it_works():
    bench = Bench(branch_zone(detectors=(rope("r1"), rope("r2"), rope("r3", CRITICAL))))
    bench.set(r1=NAN, r2=NAN)
    bench.cycle()
    assert bench.z(Z_BLIND) == 0.0
    bench.set(r1=0.0, r3=NAN)
    bench.cycle()
    assert bench.z(Z_BLIND) == 1.0
    bench.set(r2=0.0)
    bench.cycle()
    assert bench.z(Z_BLIND) == 0.0


def test_fm_06_a_wet_detector_whose_wire_then_breaks_still_counts_towards_a_vote():
    bench = Bench()
    bench.set(r1=1.0)
    bench.cycle()
    bench.set(r1=NAN, r2=NAN)
    bench.cycle()
    assert (bench.z(Z_BLIND), bench.level()) == (0.0, Level.UNCONFIRMED)
    bench.set(r3=1.0)
    bench.cycle()
    assert bench.level() is MAJOR


def test_fm_06_one_broken_wire_of_three_and_two_wet_is_a_leak_and_one_wet_is_none():
    bench = Bench()
    bench.set(r1=NAN, r2=1.0)
    bench.cycle(100)
    assert (bench.level(), bench.z(Z_ISOLATE)) == (Level.UNCONFIRMED, 0.0)
    bench.set(r3=1.0)
    bench.cycle()
    assert (bench.level(), bench.z(Z_ISOLATE)) == (MAJOR, 1.0)


def test_a_zone_without_policies_whose_only_detector_works_is_not_blind():
    bench = Bench(branch_zone(detectors=(rope("r1"),), isolate_at=Level.NEVER))
    bench.cycle()
    assert bench.z(Z_BLIND) == 0.0


def test_the_first_wet_detector_is_remembered_until_all_are_dry():
    bench = Bench(branch_zone(off_s=0.0))
    assert bench.z(Z_FIRST) == -1.0
    bench.cycle()
    assert bench.z(Z_FIRST) == -1.0
    bench.set(r2=1.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == 1.0
    bench.set(r1=1.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == 1.0
    bench.set(r1=0.0, r2=0.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == -1.0
    bench.set(r1=1.0, r3=1.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == 0.0


def test_the_first_stays_the_first_when_it_is_dry_before_the_others():
    bench = Bench(branch_zone(off_s=0.0))
    bench.set(r1=1.0)
    bench.cycle()
    bench.set(r1=0.0, r2=1.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == 0.0


def test_the_first_wet_detector_is_counted_over_all_zones():
    bench = Bench(branch_zone(detectors=(rope("r1"), rope("r2"))), branch_zone(name="rack2", detectors=(rope("r3"),)))
    bench.set(r3=1.0)
    bench.cycle()
    assert (bench.z(Z_FIRST, 0), bench.z(Z_FIRST, 1)) == (-1.0, 2.0)
