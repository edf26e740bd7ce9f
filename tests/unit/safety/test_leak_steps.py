"""Latches, steps and what they demand: power before flow, bypass before branch, time-outs, no way back (FM-04, I7)."""

import math

import numpy as np
import pytest
from leak_bench import BYPASS, DT_S, OTHER, PUMP_A, PUMP_B, SLEW, VALVE, Bench, at, branch_zone, rope

from coolantd.kernel import Kernel
from coolantd.safety.leak import GUARD
from coolantd.safety.leak_layout import (
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_POWER,
    Z_POWER_TOLD,
    Z_STEP,
    Z_STEP_S,
    Z_TEST_S,
    Z_UNSEEN,
    Z_WORST,
    Kind,
    Level,
    Step,
    StepState,
)
from coolantd.safety.requests import Request

NAN = math.nan
LEAK = {"r1": 1.0, "r2": 1.0}
DRY = {"r1": 0.0, "r2": 0.0}


def leaking(*zones, **bench):
    made = Bench(*zones, **bench)
    made.cycle()
    made.set(**LEAK)
    return made


def test_fm_04_a_confirmed_leak_shuts_the_branch_at_its_slew_and_leaves_the_others():
    bench = leaking()
    demands = bench.cycle()
    assert demands.tolist() == [100.0 - SLEW * DT_S, 0.0, 60.0, 60.0, 50.0]
    assert bench.forced.tolist() == [1, 0, 0, 0, 0]
    bench.cycle(37)
    assert bench.demands[VALVE] == pytest.approx(5.0)
    assert (bench.step(Step.VALVE), bench.z(Z_STEP_S + Step.VALVE)) == (StepState.UNDER_WAY, 18.5)
    bench.cycle()
    assert (bench.step(Step.VALVE), bench.z(Z_STEP_S + Step.VALVE)) == (StepState.CONFIRMED, 0.0)
    bench.cycle(5)
    assert bench.demands[VALVE] == 0.0
    assert (bench.step(Step.POWER), bench.step(Step.BYPASS), bench.step(Step.PUMPS)) == (StepState.IDLE,) * 3
    assert not bench.asks_power_off()


def test_i7_a_latch_stays_closed_however_long_the_detectors_have_been_dry():
    bench = leaking()
    bench.cycle()
    bench.set(**DRY)
    bench.cycle(300)
    assert (bench.level(), bench.z(Z_ISOLATE), bench.demands[VALVE]) == (Level.DRY, 1.0, 0.0)
    assert bench.z(Z_WORST) == Level.MAJOR


@pytest.mark.parametrize("policy", ["isolate_at", "power_at"])
@pytest.mark.parametrize("at_level", list(Level)[2:])
@pytest.mark.parametrize("level", [Level.MINOR, Level.MAJOR, Level.CRITICAL])
def test_each_policy_latches_from_its_own_level_on(policy, at_level, level):
    never = {"isolate_at": Level.NEVER, "power_at": Level.NEVER}
    ropes = (rope("r1", level), rope("r2", level))
    bench = leaking(branch_zone(detectors=ropes, **(never | {policy: at_level})))
    bench.cycle()
    latched = 1.0 if level >= at_level else 0.0
    mine, other = (Z_ISOLATE, Z_POWER) if policy == "isolate_at" else (Z_POWER, Z_ISOLATE)
    assert (bench.z(mine), bench.z(other)) == (latched, 0.0)
    assert bench.z(Z_WORST) == latched * level
    assert bench.asks_power_off() == (policy == "power_at" and latched == 1.0)


def test_the_worst_level_since_the_latch_closed_is_remembered():
    ropes = (rope("r1"), rope("r2"), rope("r3", Level.CRITICAL))
    bench = leaking(branch_zone(detectors=ropes, off_s=0.0))
    bench.cycle()
    assert bench.z(Z_WORST) == Level.MAJOR
    bench.set(r3=1.0)
    bench.cycle()
    bench.set(r1=0.0, r2=0.0, r3=0.0)
    bench.cycle()
    assert (bench.level(), bench.z(Z_WORST)) == (Level.DRY, Level.CRITICAL)


def powered(**more):
    given = {"power_at": Level.MAJOR, "power": (at("kw1"), at("kw2")), "power_timeout_s": 5.0, "power_off_kw": 2.0}
    return branch_zone(**(given | more))


def test_fm_04_power_before_flow_the_valve_waits_for_the_power_to_be_off():
    bench = Bench(powered())
    bench.set(kw1=40.0, kw2=30.0, **LEAK)
    bench.cycle(5)
    assert (bench.asks_power_off(), bench.demands[VALVE], bench.step(Step.VALVE)) == (True, 100.0, StepState.IDLE)
    assert bench.step(Step.POWER) is StepState.UNDER_WAY
    bench.set(kw1=0.0, kw2=2.0)
    bench.cycle()
    assert bench.step(Step.POWER) is StepState.UNDER_WAY  # 2 kW is not below 2 kW
    bench.set(kw2=1.9)
    bench.cycle()
    assert (bench.step(Step.POWER), bench.step(Step.VALVE)) == (StepState.CONFIRMED, StepState.UNDER_WAY)
    assert bench.demands[VALVE] == 97.5
    assert bench.asks_power_off()  # for as long as it is latched: the carrier says when it has asked often enough
    assert bench.requests[0, Request.REDUCE_LOAD] == 9  # not its business


def test_fm_04_after_its_time_out_the_valve_shuts_without_the_power_confirmed_and_it_is_told():
    bench = Bench(powered())
    bench.set(kw1=40.0, **LEAK)
    bench.cycle(10)
    assert (bench.step(Step.POWER), bench.z(Z_STEP_S + Step.POWER)) == (StepState.UNDER_WAY, 4.5)
    bench.cycle()
    assert (bench.step(Step.POWER), bench.step(Step.VALVE)) == (StepState.UNCONFIRMED, StepState.UNDER_WAY)
    assert (bench.demands[VALVE], bench.asks_power_off()) == (97.5, True)
    bench.set(kw1=0.0)
    bench.cycle()
    assert bench.step(Step.POWER) is StepState.CONFIRMED


def test_power_that_comes_back_is_asked_to_be_cut_again_and_the_valve_stays_where_it_is():
    bench = Bench(powered())
    bench.set(**LEAK)
    bench.cycle(60)
    assert (bench.step(Step.POWER), bench.step(Step.VALVE)) == (StepState.CONFIRMED, StepState.CONFIRMED)
    bench.set(kw1=40.0)
    bench.cycle()
    assert (bench.step(Step.POWER), bench.step(Step.VALVE)) == (StepState.UNDER_WAY, StepState.CONFIRMED)
    bench.cycle(8)
    assert bench.step(Step.POWER) is StepState.UNDER_WAY
    bench.cycle()
    assert (bench.step(Step.POWER), bench.demands[VALVE]) == (StepState.UNCONFIRMED, 0.0)


@pytest.mark.parametrize(
    ("kw1", "kw2", "told", "off"),
    [(0.0, 0.0, 0.0, True), (0.0, 0.0, 1.0, True), (40.0, 0.0, 1.0, False), (NAN, 0.0, 0.0, False),
     (NAN, 0.0, 1.0, True), (0.0, NAN, 1.0, True)],
)  # fmt: skip
def test_measured_power_overrules_what_was_told_where_it_is_known(kw1, kw2, told, off):
    bench = Bench(powered())
    bench.memory[0][0, Z_POWER_TOLD] = told
    bench.set(kw1=kw1, kw2=kw2, **LEAK)
    bench.cycle()
    assert (bench.step(Step.POWER) is StepState.CONFIRMED) == off


@pytest.mark.parametrize("told", [0.0, 1.0])
def test_without_a_power_point_only_somebodys_word_confirms(told):
    bench = Bench(powered(power=()), branch_zone(name="rack2", power=(at("kw1"),), detectors=()))
    bench.memory[0][0, Z_POWER_TOLD] = told
    bench.set(**LEAK)
    bench.cycle()
    assert (bench.step(Step.POWER) is StepState.CONFIRMED) == bool(told)


def bypassed(**more):
    given = {"bypass": BYPASS, "bypass_position": at("bypass"), "bypass_timeout_s": 8.0}
    return branch_zone(**(given | more))


def test_fm_04_bypass_before_branch():
    bench = leaking(bypassed(bypass_timeout_s=60.0))
    demands = bench.cycle()
    assert (demands[BYPASS], demands[VALVE]) == (2.5, 100.0)
    assert bench.forced.tolist() == [0, 1, 0, 0, 0]
    bench.cycle(37)
    assert (bench.demands[BYPASS], bench.demands[VALVE]) == (95.0, 100.0)
    bench.cycle()
    assert (bench.step(Step.BYPASS), bench.demands[VALVE]) == (StepState.CONFIRMED, 97.5)
    bench.cycle(50)
    assert (bench.demands[BYPASS], bench.demands[VALVE]) == (100.0, 0.0)


def test_fm_04_a_bypass_that_does_not_open_holds_the_branch_up_no_longer_than_its_time_out():
    bench = leaking(bypassed())
    bench.cycle(16, moves=False)
    assert (bench.step(Step.BYPASS), bench.demands[VALVE]) == (StepState.UNDER_WAY, 100.0)
    bench.cycle(moves=False)
    assert (bench.step(Step.BYPASS), bench.demands[VALVE]) == (StepState.UNCONFIRMED, 97.5)


def test_a_branch_that_is_to_be_shut_opens_no_further_while_it_waits():
    bench = leaking(bypassed())
    bench.last[VALVE] = bench.value[at("valve")] = 40.0
    assert (bench.cycle()[VALVE], bench.forced[VALVE]) == (40.0, 1)
    bench.normal[VALVE] = 30.0
    assert (bench.cycle()[VALVE], bench.forced[VALVE]) == (30.0, 0)


def test_what_was_never_adopted_is_left_to_the_envelope_to_refuse():
    bench = leaking()
    bench.last[VALVE] = NAN
    assert math.isnan(bench.cycle(moves=False)[VALVE])
    assert bench.forced[VALVE] == 1
    waiting = leaking(bypassed())
    waiting.last[VALVE] = NAN
    assert waiting.cycle(moves=False)[VALVE] == 100.0  # as control demanded it: nothing to hold it at
    assert waiting.forced[VALVE] == 0


def test_a_valve_that_does_not_shut_is_told_after_its_time_out_and_goes_on_being_shut():
    bench = leaking(branch_zone(valve_timeout_s=30.0))
    bench.cycle(60, moves=False)
    assert bench.step(Step.VALVE) is StepState.UNDER_WAY
    bench.cycle(moves=False)
    assert (bench.step(Step.VALVE), bench.demands[VALVE]) == (StepState.UNCONFIRMED, 0.0)
    bench.set(valve=NAN)
    bench.cycle(moves=False)
    assert bench.step(Step.VALVE) is StepState.UNCONFIRMED
    bench.set(valve=5.0)
    bench.cycle(moves=False)
    assert bench.step(Step.VALVE) is StepState.CONFIRMED


@pytest.mark.parametrize(("position", "confirmed"), [(5.0, True), (5.01, False), (0.0, True), (NAN, False)])
def test_a_shut_valve_is_measured_to_be(position, confirmed):
    bench = leaking()
    bench.set(valve=position)
    bench.cycle(moves=False)
    assert (bench.step(Step.VALVE) is StepState.CONFIRMED) == confirmed


@pytest.mark.parametrize(("position", "confirmed"), [(95.0, True), (94.99, False), (100.0, True), (NAN, False)])
def test_an_open_bypass_is_measured_to_be(position, confirmed):
    bench = leaking(bypassed())
    bench.set(bypass=position)
    bench.cycle(moves=False)
    assert (bench.step(Step.BYPASS) is StepState.CONFIRMED) == confirmed


def test_a_zone_without_a_valve_demands_nothing_of_any():
    bench = leaking(branch_zone(valve=None, valve_position=None))
    assert bench.cycle(50).tolist() == bench.normal.tolist()
    assert (bench.z(Z_ISOLATE), bench.forced.any()) == (1.0, False)


def test_a_bypass_is_left_alone_while_only_power_is_latched():
    bench = leaking(bypassed(isolate_at=Level.NEVER, power_at=Level.MAJOR))
    assert bench.cycle(20).tolist() == bench.normal.tolist()


def cdu_zone(**more):
    given = {"name": "cdu1", "kind": Kind.CDU, "cdu": 0, "valve": None, "valve_position": None}
    return powered(**(given | more))


def test_fm_05_a_leak_in_the_cdu_stops_the_pumps_only_once_the_power_is_known_to_be_off():
    bench = Bench(cdu_zone())
    bench.set(kw1=40.0, **LEAK)
    bench.cycle(300)
    assert bench.step(Step.POWER) is StepState.UNCONFIRMED
    assert (bench.step(Step.PUMPS), bench.demands.tolist()) == (StepState.IDLE, bench.normal.tolist())
    bench.set(kw1=0.0)
    bench.cycle()
    assert (bench.step(Step.PUMPS), bench.forced.tolist()) == (StepState.UNDER_WAY, [0, 0, 2, 2, 0])
    assert bench.demands.tolist() == [100.0, 0.0, 57.5, 57.5, 50.0]


def test_fm_05_pumps_slow_down_to_their_least_speed_and_then_stop():
    bench = Bench(cdu_zone(power=()))
    bench.memory[0][0, Z_POWER_TOLD] = 1.0
    bench.last[PUMP_B] = 20.0
    bench.set(**LEAK)
    bench.cycle()
    assert (bench.demands[PUMP_A], bench.demands[PUMP_B]) == (57.5, 0.0)
    bench.cycle(15)
    assert bench.demands[PUMP_A] == 20.0
    bench.cycle()
    assert bench.demands[PUMP_A] == 0.0
    bench.cycle(300)
    assert (bench.demands[PUMP_A], bench.step(Step.PUMPS)) == (0.0, StepState.UNDER_WAY)


def test_fm_05_pumps_of_another_cdu_go_on():
    bench = Bench(cdu_zone(power=(), cdu=1))
    bench.memory[0][0, Z_POWER_TOLD] = 1.0
    bench.set(**LEAK)
    assert bench.cycle(20).tolist() == bench.normal.tolist()


def test_fm_05_stopping_pumps_needs_no_power_policy_where_the_power_is_measured_to_be_off():
    bench = Bench(cdu_zone(power_at=Level.NEVER))
    bench.set(**LEAK)
    bench.cycle()
    assert (bench.step(Step.PUMPS), bench.asks_power_off()) == (StepState.UNDER_WAY, False)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("isolate_at", [Level.MAJOR, Level.NEVER])
def test_only_a_manifold_and_a_cdu_stop_pumps_and_only_if_told_to(kind, isolate_at):
    zone = branch_zone(kind=kind, isolate_at=isolate_at)
    assert zone.stops_pumps == (kind in (Kind.MANIFOLD, Kind.CDU) and isolate_at is Level.MAJOR)


def test_a_step_that_has_begun_goes_on_when_power_is_latched_later():
    ropes = (rope("r1"), rope("r2"), rope("r3", Level.CRITICAL))
    bench = Bench(powered(detectors=ropes, power_at=Level.CRITICAL))
    bench.set(kw1=40.0, **LEAK)
    bench.cycle(4)
    assert (bench.demands[VALVE], bench.asks_power_off()) == (90.0, False)
    bench.set(r3=1.0)
    bench.cycle()
    assert (bench.demands[VALVE], bench.asks_power_off()) == (87.5, True)


def test_in_a_test_everything_is_told_and_nothing_is_done_and_it_ends_by_itself():
    bench = Bench(powered())
    bench.memory[0][0, Z_TEST_S] = 10.0
    bench.set(**LEAK)
    bench.cycle(20)
    assert (bench.level(), bench.z(Z_TEST_S)) == (Level.MAJOR, 0.0)
    assert (bench.z(Z_ISOLATE), bench.z(Z_POWER), bench.z(Z_WORST)) == (0.0, 0.0, 0.0)
    assert (bench.demands.tolist(), bench.asks_power_off()) == (bench.normal.tolist(), False)
    bench.cycle()
    assert (bench.z(Z_ISOLATE), bench.z(Z_POWER)) == (1.0, 1.0)


def test_i7_a_test_opens_no_latch():
    bench = leaking()
    bench.cycle(50)
    bench.memory[0][0, Z_TEST_S] = 10.0
    bench.set(**DRY)
    bench.cycle(10)
    assert (bench.z(Z_ISOLATE), bench.demands[VALVE]) == (1.0, 0.0)


@pytest.mark.parametrize(("position", "latched"), [(0.0, 1.0), (5.0, 1.0), (5.01, 0.0), (100.0, 0.0)])
def test_i7_a_branch_found_shut_at_the_start_stays_shut(position, latched):
    bench = Bench()
    bench.set(valve=position)
    bench.last[VALVE] = position
    bench.cycle()
    assert (bench.z(Z_ISOLATE), bench.z(Z_FOUND_SHUT), bench.z(Z_UNSEEN)) == (latched, latched, 0.0)
    assert bench.z(Z_WORST) == 0.0
    if latched:
        assert bench.demands[VALVE] == max(position - SLEW * DT_S, 0.0)


def test_i7_a_branch_not_seen_yet_is_judged_when_it_is():
    bench = Bench()
    bench.set(valve=NAN)
    bench.cycle(10, moves=False)
    assert (bench.z(Z_UNSEEN), bench.z(Z_ISOLATE)) == (1.0, 0.0)
    bench.set(valve=0.0)
    bench.cycle(moves=False)
    assert (bench.z(Z_UNSEEN), bench.z(Z_ISOLATE)) == (0.0, 1.0)


def test_a_branch_shut_later_or_in_a_zone_that_never_shuts_any_is_not_latched_for_it():
    later = Bench()
    later.cycle()
    later.set(valve=0.0)
    later.cycle(moves=False)
    assert later.z(Z_ISOLATE) == 0.0
    never = Bench(branch_zone(isolate_at=Level.NEVER))
    never.set(valve=0.0)
    never.cycle(moves=False)
    assert (never.z(Z_UNSEEN), never.z(Z_ISOLATE)) == (0.0, 0.0)


def test_a_leak_in_a_zone_that_was_found_shut_is_a_leak():
    bench = Bench()
    bench.set(valve=0.0)
    bench.cycle()
    assert bench.z(Z_FOUND_SHUT) == 1.0
    bench.set(**LEAK)
    bench.cycle()
    assert (bench.z(Z_FOUND_SHUT), bench.z(Z_ISOLATE), bench.z(Z_WORST)) == (0.0, 1.0, Level.MAJOR)


def test_every_zone_goes_its_own_way():
    bench = Bench(branch_zone(), branch_zone(name="rack2", valve=OTHER, valve_position=at("bypass"),
                                             detectors=(rope("r1"), rope("spot"))))  # fmt: skip
    bench.set(bypass=50.0)
    bench.cycle(moves=False)
    bench.set(**LEAK)
    bench.cycle(moves=False)
    assert (bench.z(Z_ISOLATE, 0), bench.z(Z_ISOLATE, 1)) == (1.0, 0.0)
    assert bench.demands[OTHER] == 50.0
    bench.set(spot=1.0)
    bench.cycle(moves=False)
    assert (bench.z(Z_ISOLATE, 1), bench.demands[OTHER]) == (1.0, 47.5)


def test_one_meter_is_enough_to_know_that_the_power_is_off():
    bench = Bench(powered(power=(at("kw1"),)))
    bench.set(**LEAK)
    bench.cycle()
    assert bench.step(Step.POWER) is StepState.CONFIRMED


def test_the_first_actuator_and_the_first_point_count_like_any_other():
    bench = Bench(branch_zone(bypass=0, bypass_position=0, valve=OTHER, valve_position=at("valve"),
                              detectors=(rope("r2"), rope("r3"))))  # fmt: skip
    bench.cycle(moves=False)
    bench.set(r2=1.0, r3=1.0, r1=96.0)
    bench.cycle(moves=False)
    assert (bench.forced[0], bench.step(Step.BYPASS), bench.step(Step.VALVE)) == (
        1, StepState.CONFIRMED, StepState.UNDER_WAY,
    )  # fmt: skip


def test_a_zone_without_a_valve_is_never_found_shut():
    bench = Bench(branch_zone(valve=None, valve_position=None))
    bench.cycle(moves=False)
    assert (bench.z(Z_UNSEEN), bench.z(Z_ISOLATE)) == (1.0, 0.0)


def test_a_step_that_nothing_asks_for_any_more_is_idle_again():
    bench = leaking()
    bench.cycle(4)
    bench.memory[0][0, Z_ISOLATE] = 0.0
    bench.set(**DRY)
    bench.memory[1][:, 0] = 0.0
    bench.cycle()
    assert (bench.step(Step.VALVE), bench.z(Z_STEP_S + Step.VALVE)) == (StepState.IDLE, 0.0)


def test_a_demand_never_leaves_the_range_of_its_actuator():
    bench = leaking(bypassed())
    bench.limits[VALVE, 0], bench.limits[BYPASS, 1] = 10.0, 80.0
    bench.value[at("bypass")] = 95.0
    bench.cycle(200, moves=False)
    assert (bench.demands[VALVE], bench.demands[BYPASS]) == (10.0, 80.0)


def test_the_kernel_names_every_function_it_calls_in_an_order_that_compiles():
    helpers = [helper.__name__ for helper in GUARD.helpers]
    assert isinstance(GUARD, Kernel)
    assert len(set(helpers)) == len(helpers)
    for place, helper in enumerate(GUARD.helpers):
        called = set(helper.__code__.co_names) & set(helpers)
        assert called <= set(helpers[:place]), helper.__name__
    assert set(GUARD.function.__code__.co_names) & {"judge_zones", "latch", "advance", "force"} <= set(helpers)


@pytest.mark.slow
def test_machine_code_does_what_the_law_says(monkeypatch):
    """The same story through both forms, number by number."""
    compiled = GUARD.compiled(cache=False, boundscheck=True)
    zones = (bypassed(power_at=Level.CRITICAL, power=(at("kw1"),)), cdu_zone(detectors=(rope("spot", Level.CRITICAL),)))
    plain, machine = Bench(*zones), Bench(*zones)
    random = np.random.default_rng(7)
    for _ in range(400):
        readings = {name: float(random.choice([0.0, 0.0, 1.0, NAN])) for name in ("r1", "r2", "r3", "spot")}
        readings["kw1"] = float(random.choice([0.0, 40.0]))
        for bench, form in ((plain, GUARD.function), (machine, compiled)):
            monkeypatch.setattr("leak_bench.guard_leaks", form)
            bench.set(**readings)
            bench.cycle()
        assert plain.demands.tolist() == machine.demands.tolist()
        assert all(np.array_equal(a, b) for a, b in zip(plain.memory, machine.memory, strict=True))
        assert np.array_equal(plain.requests, machine.requests)
    assert plain.memory[0][:, Z_STEP : Z_STEP + 4].any()
