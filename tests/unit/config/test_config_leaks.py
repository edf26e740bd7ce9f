"""Leak zones: what they become, and what is said of one that cannot be right (FM-04, FM-05, FM-06)."""

import math

import pytest
from config_files import DEMO, edited, loaded, problems

from coolantd.config.build import build_plan, build_plan_without, point_specs
from coolantd.config.diff import diff
from coolantd.safety.leak_layout import Kind, Level

SITE = edited(('profile = "rack-manifold"', 'profile = "rack-manifold-leak"'))
ZONE = """
[[leak_zone]]
name = "branch3"
kind = "branch"
manifold = "manifold1"
branch = 3
isolate = "major"

[[leak_zone.detector]]
point = "manifold1.branch3_leak_rope_v"
wet_above = 5.0
fault_below = 1.0
fault_above = 9.0

[[leak_zone.detector]]
point = "manifold1.branch3_leak_spot_wet_bool"
fault_point = "manifold1.branch3_leak_spot_fault_bool"
level = "critical"
"""
CDU_ZONE = """
[[leak_zone]]
name = "cdu1"
kind = "cdu"
isolate = "critical"
cut_power = "major"
power = ["cdu1.heat_load_kw"]
power_timeout_s = 30
detector = [
    { point = "cdu1.fault_leak_bool", fault_point = "cdu1.fault_leak_sensor_broken_bool", level = "critical" },
]
"""
LEAKY = SITE + ZONE + CDU_ZONE


def zones_of(tmp_path, text):
    found = loaded(tmp_path, text)
    plan, specs = build_plan(found), point_specs(found)
    return plan, [f"{spec.device}.{spec.point}" for spec in specs]


def test_a_branch_zone_finds_its_valve_and_its_detectors(tmp_path):
    plan, tags = zones_of(tmp_path, LEAKY)
    zone, _ = plan.leaks.zones
    assert (zone.name, zone.kind, zone.place) == ("branch3", Kind.BRANCH, "manifold1 branch 3")
    assert plan.actuators[zone.valve].name == "branch3_valve_position_setpoint_pct"
    assert tags[zone.valve_position] == "manifold1.branch3_valve_position_pct"
    assert (zone.bypass, zone.bypass_position, zone.power, zone.stops_pumps) == (None, None, (), False)
    assert (zone.isolate_at, zone.power_at) == (Level.MAJOR, Level.NEVER)
    assert (zone.votes, zone.on_s, zone.off_s) == (2, 0.0, 10.0)
    assert (zone.power_timeout_s, zone.bypass_timeout_s, zone.valve_timeout_s, zone.power_off_kw) == (
        5.0,
        5.0,
        60.0,
        1.0,
    )
    rope, spot = zone.detectors
    assert (rope.tag, tags[rope.point], rope.level) == (*["manifold1.branch3_leak_rope_v"] * 2, Level.MAJOR)
    assert (rope.wet_above, rope.wet_below, rope.fault_below, rope.fault_above) == (5.0, -math.inf, 1.0, 9.0)
    assert (rope.fault_point, spot.level, tags[spot.fault_point]) == (
        None, Level.CRITICAL, "manifold1.branch3_leak_spot_fault_bool",
    )  # fmt: skip
    assert (spot.wet_above, spot.wet_below, spot.fault_below, spot.fault_above) == (0.5, -math.inf, -math.inf, math.inf)
    assert spot.fault_value == 1.0


def test_a_zone_of_a_cdu_finds_the_only_one(tmp_path):
    plan, tags = zones_of(tmp_path, LEAKY)
    zone = plan.leaks.zones[1]
    assert (zone.kind, zone.cdu, zone.place, zone.valve, zone.stops_pumps) == (Kind.CDU, 0, "cdu1", None, True)
    assert ([tags[point] for point in zone.power], zone.power_timeout_s) == (["cdu1.heat_load_kw"], 30.0)
    assert (plan.leaks.p.shape[0], plan.leaks.dx.shape[0], plan.leaks.w.tolist()) == (2, 3, [[1, zone.power[0]]])


@pytest.mark.parametrize(
    ("edits", "above", "below"),
    [
        ([('level = "critical"', "wet = 1")], 0.5, -math.inf),
        ([('level = "critical"', "wet = 0")], math.inf, 0.5),
    ],
)
def test_a_contact_may_open_or_close_when_wet(tmp_path, edits, above, below):
    text = edited(*edits, ("fault_point", 'level = "critical"\nfault_value = 0\nfault_point'), text=SITE + ZONE)
    spot = build_plan(loaded(tmp_path, text)).leaks.zones[0].detectors[1]
    assert (spot.wet_above, spot.wet_below, spot.fault_value) == (above, below, 0.0)


def test_a_wire_may_read_less_when_wet(tmp_path):
    text = edited(("wet_above = 5.0", "wet_below = 5.0"), text=SITE + ZONE)
    rope = build_plan(loaded(tmp_path, text)).leaks.zones[0].detectors[0]
    assert (rope.wet_above, rope.wet_below) == (math.inf, 5.0)


def test_places_are_called_as_people_call_them(tmp_path):
    names = ", ".join(f'"r70{k}"' for k in range(1, 9))
    text = edited(("branch_valve_rate_pct_per_s", f"racks = [{names}]\nbranch_valve_rate_pct_per_s"), text=SITE + ZONE)
    assert build_plan(loaded(tmp_path, text)).leaks.zones[0].place == "r703"
    manifold = edited(("branch = 3\n", ""), ('isolate = "major"', ""), text=SITE + ZONE)
    assert build_plan(loaded(tmp_path, manifold)).leaks.zones[0].place == "manifold1"
    named = edited(('isolate = "critical"', 'cdu = "cdu1"\nisolate = "critical"'), ('"cdu1"', '"skid"'), text=CDU_ZONE)
    assert build_plan(loaded(tmp_path, SITE + named)).leaks.zones[0].place == "cdu1"


def test_a_manifold_zone_stops_the_pumps_of_the_cdu_that_feeds_it(tmp_path):
    asks = ('isolate = "major"', 'isolate = "major"\ncut_power = "major"')
    text = edited(('kind = "branch"', 'kind = "manifold"'), asks, text=SITE + ZONE)
    zone = build_plan(loaded(tmp_path, text)).leaks.zones[0]
    assert (zone.cdu, zone.valve, zone.valve_position, zone.stops_pumps) == (0, None, None, True)


def test_while_a_manifold_is_given_back_its_zones_have_no_valve(tmp_path):
    zone, _ = build_plan_without(loaded(tmp_path, LEAKY), ["manifold1"]).leaks.zones
    assert (zone.valve, zone.valve_position, zone.kind) == (None, None, Kind.BRANCH)
    _, cdu = build_plan_without(loaded(tmp_path, LEAKY), ["cdu1"]).leaks.zones
    assert cdu.cdu is None


def test_without_zones_there_is_no_policy(tmp_path):
    assert build_plan(loaded(tmp_path, DEMO)).leaks.zones == ()


def test_a_reload_says_what_changes_of_a_zone(tmp_path):
    was = loaded(tmp_path, LEAKY)
    now = loaded(tmp_path, edited(('isolate = "major"', 'isolate = "never"'), text=LEAKY))
    assert diff(was, now).lines == ("leak zone branch3.isolate: major -> never",)
    assert diff(was, loaded(tmp_path, SITE + ZONE)).lines == ("leak zone cdu1: removed",)


TWICE = ('branch3_leak_spot_wet_bool"\nfault_point', 'branch3_leak_rope_v"\nfault_point')
NO_BRANCH = ('manifold = "manifold1"\nbranch = 3\n', "")


@pytest.mark.parametrize(
    ("edits", "key", "what"),
    [
        ([('kind = "branch"', 'kind = "rack"')], "leak_zone[0].kind", "unknown value"),
        ([("branch = 3", "branch = 9")], "leak_zone[0].branch", "manifold manifold1 has no such branch"),
        ([("branch = 3", "branch = 0")], "leak_zone[0].branch", "out of range"),
        ([('manifold = "manifold1"\n', "")], "leak_zone[0].branch", "a branch of no manifold"),
        ([('manifold = "manifold1"\nbranch', 'manifold = "m2"\nbranch')], "leak_zone[0].manifold", "no such manifold"),
        ([NO_BRANCH], "leak_zone[0].isolate", "nothing is named that could shut it off"),
        ([("branch = 3\n", "")], "leak_zone[0].isolate", "nothing is named that could shut it off"),
        ([("branch = 3", 'branch = 3\ncdu = "cdu7"')], "leak_zone[0].cdu", "no such CDU"),
        ([("branch = 3", "branch = 3\nvotes = 1")], "leak_zone[0].votes", "out of range"),
        ([('level = "critical"', "")], "leak_zone[0].isolate", None),
        ([('level = "critical"', 'level = "minor"')], "leak_zone[0].isolate", "1 detectors of that level or above"),
        ([('level = "critical"', 'level = "minor"'), ('"major"', '"never"\ncut_power = "major"')],
         "leak_zone[0].cut_power", "1 detectors of that level or above"),
        ([TWICE], "leak_zone[0].detector[1].point", "a detector of this zone already"),
        ([("wet_above = 5.0", "wet_above = 5.0\nwet = 1")], "leak_zone[0].detector[0]", "several ways"),
        ([("wet_above = 5.0", "wet_above = 5.0\nwet_below = 4.0")], "leak_zone[0].detector[0]", "several ways"),
        ([("wet_above = 5.0\n", "")], "leak_zone[0].detector[0]", "a band of a contact"),
        ([("fault_below = 1.0\n", "")], "leak_zone[0].detector[0]", "not supervised"),
        ([("fault_above = 9.0\n", "")], "leak_zone[0].detector[0]", "not supervised"),
        ([("wet_above = 5.0", "wet_above = 1.0")], "leak_zone[0].detector[0]", "1 is not between"),
        ([("wet_above = 5.0", "wet_above = 9.0")], "leak_zone[0].detector[0]", "9 is not between"),
        ([("wet_above = 5.0", "wet_above = 10.5"), ("fault_above = 9.0", "fault_above = 30.0")],
         "leak_zone[0].detector[0].wet_above", "a limit that is never passed"),
        ([("wet_above = 5.0", "wet_below = -0.5"), ("fault_below = 1.0", "fault_below = -2.0")],
         "leak_zone[0].detector[0].wet_below", "a limit that is never passed"),
        ([("branch3_leak_rope_v", "branch3_leak_rope_w")], "leak_zone[0].detector[0].point", "no such point"),
        ([("spot_fault_bool", "odd_bool")], "leak_zone[0].detector[1].fault_point", "no such point"),
        ([('cut_power = "major"\npower = ["cdu1.heat_load_kw"]\n', "")], "leak_zone[1].isolate", "known to be off"),
        ([('power = ["cdu1.heat_load_kw"]', 'power = ["cdu1.tcs_flow_lpm"]')], "leak_zone[1].power[0]", ""),
        ([('name = "cdu1"\nkind = "cdu"\nisolate', 'name = "branch3"\nkind = "cdu"\nisolate')],
         "leak_zone[1].name", "already used"),
        ([("branch_valve_position_pct = 100.0", "branch_valve_position_pct = 5.0")], "leak_zone[0].isolate",
         "count as shut already"),
        ([("isolate = \"major\"", "isolate = true")], "leak_zone[0].isolate", "unknown value"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_sentence_at_its_key(tmp_path, edits, key, what):
    found = [problem for problem in problems(tmp_path, edited(*edits, text=LEAKY)) if problem.key == key]
    if what is None:
        assert not found  # two major detectors and two votes will do
    else:
        assert any(what in problem.what for problem in found), problems(tmp_path, edited(*edits, text=LEAKY))
        assert all(problem.allowed for problem in found)


def test_a_zone_of_one_of_two_cdus_says_which(tmp_path):
    """Two CDUs take a second device each; the sentence is what counts here."""
    second = DEMO[DEMO.index("[[cdu]]") : DEMO.index("[[manifold]]")].replace('name = "cdu1"', 'name = "cdu2"', 1)
    text = edited(("[[manifold]]", second + "\n[[manifold]]"), text=SITE + CDU_ZONE)
    assert any(p.what == "nothing says which CDU's pumps are to be stopped" for p in problems(tmp_path, text))
    fed = ("branch_valve_position_pct", 'cdu = "cdu2"\nbranch_valve_position_pct')
    kind = ('kind = "cdu"', 'kind = "manifold"\nmanifold = "manifold1"')
    manifold = edited(("[[manifold]]", second + "\n[[manifold]]"), kind, fed, text=SITE + CDU_ZONE)
    assert not any("which CDU" in p.what for p in problems(tmp_path, manifold))


def test_a_zone_that_only_tells_needs_no_place_and_no_majority(tmp_path):
    text = edited(NO_BRANCH, ('isolate = "major"', ""), ('level = "critical"', ""), text=SITE + ZONE)
    zone = build_plan(loaded(tmp_path, text)).leaks.zones[0]
    assert (zone.place, zone.valve, zone.isolate_at, zone.power_at) == ("branch3", None, Level.NEVER, Level.NEVER)
