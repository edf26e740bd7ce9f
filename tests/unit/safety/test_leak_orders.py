"""Orders on the leak policy, what outlives a reload and a restart: no way past an acknowledgement (I7)."""

import math

import numpy as np
import pytest
from leak_bench import BYPASS, VALVE, Bench, at, branch_zone, rope

from coolantd.safety.leak_keep import keep_leaks, restore_leaks
from coolantd.safety.leak_layout import (
    D_WET,
    Z_FIRST,
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_POWER,
    Z_POWER_TOLD,
    Z_STEP,
    Z_STEP_S,
    Z_TEST_S,
    Z_UNSEEN,
    Z_WORST,
    Level,
    Step,
    StepState,
)
from coolantd.safety.leak_orders import TEST_DEFAULT_S, TEST_MAX_S, acknowledge, lost_latches, set_test, tell_power_off
from coolantd.safety.leak_plan import blank_leaks, carry_leaks, pack_leaks

NAN = math.nan


def both(**more):
    given = {"power_at": Level.MAJOR, "bypass": BYPASS, "bypass_position": at("bypass"), "power_timeout_s": 1.0}
    return branch_zone(**(given | {"bypass_timeout_s": 1.0} | more))


def shut(*zones):
    """Return a bench whose first zone has leaked, is shut and dry again."""
    bench = Bench(*(zones or (both(),)))
    bench.cycle()
    bench.set(r1=1.0, r2=1.0)
    bench.cycle(60)
    bench.set(r1=0.0, r2=0.0)
    bench.cycle(30)
    assert (bench.z(Z_ISOLATE), bench.z(Z_POWER), bench.demands[VALVE]) == (1.0, 1.0, 0.0)
    return bench


def test_i7_an_acknowledgement_gives_the_branch_back_to_control_and_ends_the_request():
    bench = shut()
    bench.memory[0][0, Z_POWER_TOLD] = 1.0
    before = [array.copy() for array in bench.memory]
    memory, refusal = acknowledge(bench.plan, bench.memory, 0)
    assert refusal == ""
    assert all(np.array_equal(a, b) for a, b in zip(bench.memory, before, strict=True))  # a function, not an act
    bench.memory = memory
    for column in (Z_ISOLATE, Z_POWER, Z_WORST, Z_FOUND_SHUT, Z_POWER_TOLD):
        assert bench.z(column) == 0.0
    assert not bench.memory[0][0, Z_STEP : Z_STEP_S + 4].any()
    bench.cycle()
    assert (bench.demands[VALVE], bench.forced.any(), bench.asks_power_off()) == (100.0, False, False)


def test_i7_no_acknowledgement_while_a_detector_is_wet():
    bench = shut()
    bench.set(r3=1.0)
    bench.cycle()
    memory, refusal = acknowledge(bench.plan, bench.memory, 0)
    assert refusal == "m.r3 is still wet; dry it, then acknowledge again"
    assert memory is bench.memory


def test_fm_06_a_detector_that_broke_while_wet_does_not_hold_an_acknowledgement_up_and_counts_no_more():
    bench = shut()
    bench.set(r2=1.0)
    bench.cycle()
    bench.set(r2=NAN)
    bench.cycle()
    bench.memory, refusal = acknowledge(bench.plan, bench.memory, 0)
    assert refusal == ""
    bench.cycle()
    assert (bench.level(), bench.memory[1][1, D_WET]) == (Level.DRY, 0.0)


def test_there_is_nothing_to_acknowledge_where_nothing_is_latched():
    bench = Bench(both())
    bench.cycle()
    assert acknowledge(bench.plan, bench.memory, 0) == (bench.memory, "nothing is latched there")


@pytest.mark.parametrize("column", [Z_ISOLATE, Z_POWER])
def test_either_latch_alone_can_be_acknowledged(column):
    bench = Bench(both())
    bench.memory[0][0, column] = 1.0
    memory, refusal = acknowledge(bench.plan, bench.memory, 0)
    assert (refusal, memory[0][0, column]) == ("", 0.0)


def test_an_acknowledgement_of_one_zone_leaves_the_others_as_they_are():
    bench = shut(both(), branch_zone(name="rack2", detectors=(rope("spot"),)))
    bench.memory[0][1, Z_ISOLATE] = 1.0
    bench.memory[1][3, D_WET] = 1.0
    memory, refusal = acknowledge(bench.plan, bench.memory, 0)
    assert (refusal, memory[0][1, Z_ISOLATE], memory[1][3, D_WET]) == ("", 1.0, 1.0)
    assert acknowledge(bench.plan, memory, 1)[1] == "m.spot is still wet; dry it, then acknowledge again"


@pytest.mark.parametrize(("for_s", "taken"), [(0.0, True), (1.0, True), (TEST_MAX_S, True), (TEST_MAX_S + 0.1, False),
                                              (-0.1, False), (NAN, False)])  # fmt: skip
def test_a_test_has_a_limit(for_s, taken):
    bench = Bench(both())
    memory, refusal = set_test(bench.memory, 0, for_s)
    assert (not refusal) == taken
    assert memory[0][0, Z_TEST_S] == (for_s if taken else 0.0)
    assert bench.z(Z_TEST_S) == 0.0
    if not taken:
        assert refusal == f"a test of {for_s:g} s, allowed: 0 to 3600 s"


def test_a_test_lasts_ten_minutes_unless_said():
    assert TEST_DEFAULT_S == 600.0


def test_power_is_told_to_be_off_only_where_somebody_was_asked_to_cut_it():
    bench = Bench(both())
    assert tell_power_off(bench.memory, 0) == (bench.memory, "nobody was asked to cut its power")
    bench = shut()
    memory, refusal = tell_power_off(bench.memory, 0)
    assert (refusal, memory[0][0, Z_POWER_TOLD], bench.z(Z_POWER_TOLD)) == ("", 1.0, 0.0)


def test_i7_a_latch_outlives_a_reload_that_changes_the_zone():
    bench = shut()
    plan = pack_leaks([branch_zone(name="rack0"), both(detectors=(rope("r3"), rope("r2")), votes=1)])
    bench.memory[1][1] = 1.0, 1.0, 0.25
    z, d = carry_leaks(bench.plan, bench.memory, plan)
    assert np.array_equal(z[1], bench.memory[0][0])
    assert (z[0, Z_ISOLATE], z[0, Z_UNSEEN]) == (0.0, 1.0)
    assert d[-1].tolist() == [1.0, 1.0, 0.25]
    assert not d[:-1].any()


def test_the_first_wet_detector_is_found_again_after_a_reload():
    bench = Bench(both())
    bench.set(r2=1.0)
    bench.cycle()
    assert bench.z(Z_FIRST) == 1.0
    other = branch_zone(name="rack0", detectors=(rope("spot"), rope("spot_fault")))
    kept = carry_leaks(bench.plan, bench.memory, pack_leaks([other, both(detectors=(rope("r3"), rope("r2")))]))
    gone = carry_leaks(bench.plan, bench.memory, pack_leaks([other, both(detectors=(rope("r3"), rope("r1")))]))
    assert (kept[0][1, Z_FIRST], gone[0][1, Z_FIRST], kept[0][0, Z_FIRST]) == (3.0, -1.0, -1.0)


TAGS = [("m", "v"), ("m", "b"), ("c", "a"), ("c", "b"), ("m", "o")]


@pytest.mark.parametrize(
    ("zones", "tags", "lost"),
    [
        ([both()], TAGS, []),
        ([branch_zone(name="x"), both(isolate_at=Level.NEVER)], TAGS, []),
        ([both(valve=4)], [("m", "x"), *TAGS[1:4], ("m", "v")], []),  # the same valve, elsewhere in the plan
        ([], TAGS, ["rack1"]),
        ([both(name="other")], TAGS, ["rack1"]),
        ([both(valve=4)], TAGS, ["rack1"]),
        ([both(valve=None)], TAGS, ["rack1"]),
    ],
)
def test_i7_a_plan_that_would_lose_a_latch_is_told(zones, tags, lost):
    bench = shut()
    assert lost_latches(bench.plan, bench.memory, pack_leaks(zones), (TAGS, tags)) == lost


def test_a_zone_that_is_not_latched_may_go_and_one_without_a_valve_keeps_its_latch():
    bench = Bench(both(), branch_zone(name="cdu1", valve=None))
    assert lost_latches(bench.plan, bench.memory, pack_leaks(), (TAGS, TAGS)) == []
    bench.memory[0][1, Z_ISOLATE] = 1.0
    same = pack_leaks([branch_zone(name="cdu1", valve=None)])
    assert lost_latches(bench.plan, bench.memory, same, (TAGS, TAGS)) == []
    assert lost_latches(bench.plan, bench.memory, pack_leaks(), (TAGS, TAGS)) == ["cdu1"]


def test_i7_a_latch_outlives_a_restart_and_the_branch_does_not_stir():
    before = shut()
    kept = keep_leaks(before.plan, before.memory)
    assert kept == {
        "rack1": {
            "isolate": True, "power": True, "found_shut": False, "worst": "major",
            "steps": ["power", "bypass", "valve"],
        }
    }  # fmt: skip
    after = Bench(both())
    after.memory = restore_leaks(after.plan, after.memory, kept)
    after.set(valve=0.0)
    after.last[VALVE] = 0.0
    assert after.cycle()[VALVE] == 0.0
    assert (after.z(Z_WORST), after.z(Z_UNSEEN), after.z(Z_FOUND_SHUT)) == (Level.MAJOR, 0.0, 0.0)
    assert after.asks_power_off()
    after.cycle(300)
    assert after.demands[VALVE] == 0.0
    after.memory, refusal = acknowledge(after.plan, after.memory, 0)
    assert (refusal, after.cycle()[VALVE]) == ("", 100.0)


def test_i7_a_restart_in_the_middle_goes_on_where_it_was():
    before = Bench(both(power_at=Level.NEVER))
    before.cycle()
    before.set(r1=1.0, r2=1.0)
    before.cycle(10)
    assert before.step(Step.BYPASS) is StepState.UNCONFIRMED
    after = Bench(both(power_at=Level.NEVER))
    after.memory = restore_leaks(after.plan, after.memory, keep_leaks(before.plan, before.memory))
    after.last[:2] = before.last[:2]
    demands = after.cycle()
    assert (demands[VALVE], demands[BYPASS]) == (before.last[VALVE] - 2.5, before.last[BYPASS] + 2.5)


def test_i7_a_latch_that_nobody_had_time_to_keep_is_found_by_its_shut_branch():
    before = Bench(both())
    before.cycle()
    kept = keep_leaks(before.plan, before.memory)
    assert kept == {}
    after = Bench(both())
    after.memory = restore_leaks(after.plan, after.memory, kept)
    after.set(valve=0.0)
    after.last[VALVE] = 0.0
    after.cycle()
    assert (after.z(Z_FOUND_SHUT), after.z(Z_ISOLATE), after.demands[VALVE]) == (1.0, 1.0, 0.0)


@pytest.mark.parametrize(("column", "kept"), [(Z_UNSEEN, False), (Z_ISOLATE, True), (Z_POWER, True)])
def test_only_latched_zones_are_kept(column, kept):
    plan = pack_leaks([both()])
    memory = blank_leaks(plan)
    memory[0][0, Z_UNSEEN] = 0.0
    memory[0][0, column] = 1.0
    assert ("rack1" in keep_leaks(plan, memory)) == kept


@pytest.mark.parametrize("isolate", [True, False])
def test_only_a_restored_latch_on_the_valve_makes_looking_at_it_needless(isolate):
    plan = pack_leaks([both()])
    z, _ = restore_leaks(plan, blank_leaks(plan), {"rack1": GOOD | {"isolate": isolate, "power": True}})
    assert z[0, Z_UNSEEN] == (0.0 if isolate else 1.0)


GOOD = {"isolate": True, "power": False, "found_shut": True, "worst": "critical", "steps": ["valve"]}


@pytest.mark.parametrize(
    "entry",
    [None, [], "shut", 1, {}, GOOD | {"isolate": 1}, GOOD | {"power": None}, GOOD | {"found_shut": "no"},
     {"isolate": True, "power": True}],
)  # fmt: skip
def test_what_is_odd_in_what_was_kept_leaves_the_zone_unseen(entry):
    plan = pack_leaks([both()])
    z, _ = restore_leaks(plan, blank_leaks(plan), {"rack1": entry, "rack9": GOOD})
    assert np.array_equal(z, blank_leaks(plan)[0])


@pytest.mark.parametrize("worst", [None, 3, "awful", ["major"]])
@pytest.mark.parametrize("steps", [None, "valve", {"valve": 1}, [7, None, "valves"]])
def test_the_latch_counts_even_where_the_rest_is_odd(worst, steps):
    plan = pack_leaks([both()])
    z, _ = restore_leaks(plan, blank_leaks(plan), {"rack1": GOOD | {"worst": worst, "steps": steps}})
    assert (z[0, Z_ISOLATE], z[0, Z_POWER], z[0, Z_FOUND_SHUT]) == (1.0, 0.0, 1.0)
    assert (z[0, Z_WORST], z[0, Z_STEP : Z_STEP + 4].tolist()) == (0.0, [0.0] * 4)


def test_everything_that_is_kept_is_restored():
    plan = pack_leaks([both()])
    z, d = restore_leaks(plan, blank_leaks(plan), {"rack1": GOOD | {"power": True}})
    assert (z[0, Z_POWER], z[0, Z_WORST], z[0, Z_STEP + Step.VALVE]) == (1.0, Level.CRITICAL, StepState.UNDER_WAY)
    assert not d.any()


def test_rows_of_zones_are_found_by_name():
    plan = pack_leaks([both(), branch_zone(name="rack2", detectors=(rope("spot"),))])
    assert (plan.row_of("rack2"), plan.row_of("rack3"), plan.rows(1)) == (1, None, range(3, 4))


def test_a_policy_without_zones_has_empty_arrays_and_does_nothing():
    plan = pack_leaks()
    assert (plan.p.shape, plan.x.shape, plan.w.shape) == ((0, 10), (0, 6), (0, 2))
    assert (plan.dp.shape, plan.dx.shape) == ((0, 5), (0, 4))
    assert [array.shape for array in blank_leaks(plan)] == [(0, 20), (0, 3)]
