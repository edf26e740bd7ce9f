"""The fast closed loop gives the numbers of the slow one: step() and Plant.advance, cycle by cycle."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coolantd.control.plan import Plan, make_plan
from coolantd.control.step import initial_state, step
from coolantd.plant import layout as at
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant
from coolantd.point import Quality, Reason, Snapshot
from coolantd.sim import fast_layout as on
from coolantd.sim.fast_kernel import LIVE, follow, happen, obey, show
from coolantd.sim.fastloop import Event, FastLoop, Instrument

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, NAMES, POINT, Ours, make_scenario_plan
from scenario_fast import instruments_of
from scenario_plant import NOMINAL, PERTURBED, Rig
from scenario_rows import rows
from scenario_run import SETTLE_S, run

PERIOD_S = 0.5
WITH_POWER = replace(DATA_SHEET, power=(POINT["power"],))


@pytest.fixture(scope="module")
def kernels(stages):
    return stages


@pytest.fixture(scope="module")
def advance():
    return ADVANCE.compiled(cache=False)


def two_cdus() -> Plan:
    """One CDU with a model and its racks' power, one with fixed gains; the second's points behind the first's."""
    first = make_scenario_plan(30.0, PERIOD_S, WITH_POWER)
    second = make_scenario_plan(30.0, PERIOD_S, None)
    by, cdu = len(NAMES), second.cdus[0]
    moved = replace(
        cdu,
        name="other",
        device="other",
        supply_temp=replace(cdu.supply_temp, point=cdu.supply_temp.point + by),
        pressure=replace(cdu.pressure, point=cdu.pressure.point + by),
        valve=3,
        pumps=(4, 5),
        dew_point=cdu.dew_point + by,
        heat=cdu.heat + by,
        required=tuple(point + by for point in cdu.required),
    )
    actuators = [
        replace(a, device="other", cdu=1, position=a.position + by, readback=a.readback + by) for a in second.actuators
    ]
    return make_plan([first.cdus[0], moved], [*first.actuators, *actuators], period_s=PERIOD_S)


def imposed(time_s: float, plant: int, slot: int, value: float) -> Event:
    return Event(time_s=time_s, target=on.Target.INPUT, row=plant, column=slot, value=value)


def shown(time_s: float, plant: int, point: str, quality: Quality) -> list[Event]:
    row = plant * len(NAMES) + POINT[point]
    why = Reason.OUT_OF_RANGE if quality == Quality.BAD else Reason.NONE
    return [
        Event(time_s=time_s, target=on.Target.INSTRUMENT, row=row, column=column, value=float(value))
        for column, value in ((on.N_QUALITY, quality), (on.N_REASON, why))
    ]


LOADS = ((300.0, 0, 1.0), (301.3, 1, 1.0), (900.0, 0, 0.1), (1500.2, 1, 0.2), (1700.0, 0, 0.8))
IMPOSED = (
    (1000.0, 0, at.I_PUMP_AVAILABLE, 0.0), (1100.0, 0, at.I_PUMP_AVAILABLE, 1.0),
    (1200.0, 1, at.I_FWS_SUPPLY_TEMP_C, 31.0), (1300.0, 0, at.I_FWS_DIFFERENTIAL_PRESSURE_PA, 85e3),
    (1900.0, 1, at.I_LEAK_M3_S, 1e-5), (2000.0, 0, at.I_HEAD_RIPPLE_RATIO, 0.1), (2100.0, 0, at.I_HEAD_RATIO, 0.9),
)  # fmt: skip
SHOWN = (
    (2200.0, 0, "supply", Quality.BAD), (2230.0, 0, "supply", Quality.GOOD), (2300.0, 0, "flow", Quality.BAD),
    (2400.0, 0, "flow", Quality.GOOD), (2500.0, 1, "dew", Quality.BAD), (2600.0, 1, "pressure", Quality.UNCERTAIN),
    (2700.0, 0, "valve_rb", Quality.BAD), (2701.0, 0, "valve_rb", Quality.GOOD),
)  # fmt: skip


def events_of_an_hour() -> list[Event]:
    """Loads, trips, silence, dew point, leak, air, a warm facility: on both plants, at odd moments."""
    heat = [at.I_RACK + rack * at.I_STRIDE + at.IR_HEAT_W for rack in range(8)]
    said = [imposed(time_s, plant, slot, ratio * 120e3) for time_s, plant, ratio in LOADS for slot in heat]
    said += [imposed(*each) for each in IMPOSED]
    return said + [event for each in SHOWN for event in shown(*each)]


def make_loop(plan, advance, kernel, events):
    plants = [Plant(reference_plant(), kernel=advance) for _ in plan.cdus]
    for plant in plants:
        plant.inputs.rack_heat_w[:] = 12e3
        plant.settle()
    instruments = [each for n in range(len(plants)) for each in instruments_of(PERTURBED[12], n)]
    return FastLoop(plan, plants, instruments, points=len(plants) * len(NAMES), events=events, seed=7, kernel=kernel)


def test_an_hour_of_events_is_that_of_step_and_the_plants_own_advance(kernels, advance, live):
    plan, events = two_cdus(), events_of_an_hour()
    fast = make_loop(plan, advance, live, events)
    slow = make_loop(plan, advance, None, events)
    with_kernels, state = plan.with_kernels(kernels), initial_state(plan)
    around, packed, seen = slow._around, slow._packed, slow.seen
    modes = set()
    for cycle in range(7200):
        fast.run(PERIOD_S)
        happen(packed, around, 15.0)
        show(packed, around, seen)
        snapshot = Snapshot(seen.value.copy(), seen.quality.copy(), seen.reason.copy(), np.zeros(seen.value.size))
        state, decision = step(with_kernels, state, snapshot, cycle * PERIOD_S)
        obey(packed, around, decision.commands)
        for n, plant in enumerate(slow.plants):
            plant._inputs[:] = packed.inputs[n]
            plant._run(0.1, 5)
            packed.state[n] = plant._state
        follow(packed, around, PERIOD_S)
        around.clock[on.T_TIME_S] += PERIOD_S
        modes.update(decision.modes.tolist())
        if cycle % 60 == 59:
            same(fast, slow, state, decision)
    assert len(modes) == 3


def same(fast, slow, state, decision):
    for name in fast.memory._fields:
        np.testing.assert_allclose(getattr(fast.memory, name), getattr(state, name), rtol=1e-9, atol=1e-9)
    for name in ("commands", "demands", "refusals", "conditions", "details"):
        np.testing.assert_allclose(getattr(fast.result, name), getattr(decision, name), rtol=1e-9, atol=1e-9)
    for mine, theirs in zip(fast.plants, slow.plants, strict=True):
        np.testing.assert_allclose(mine._state, theirs._state, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("key", ["up", "facility_step"])
def test_a_row_of_the_table_is_the_same_on_the_benchs_own_rig(kernels, advance, live, key):
    """The rig has instruments, settling and recording of its own."""
    row = next(row for row in rows() if row.key == key)
    rig = Rig(NOMINAL, row.stroke_s, advance)
    row.prepare(rig)
    trace = run(
        rig, Ours(make_scenario_plan(row.stroke_s, PERIOD_S, WITH_POWER), kernels), PERIOD_S, row.disturb, 120.0
    )

    twin = Rig(NOMINAL, row.stroke_s, advance)
    plan = make_scenario_plan(row.stroke_s, PERIOD_S, WITH_POWER)
    loop = FastLoop(plan, [twin.plant], instruments_of(NOMINAL), points=len(NAMES), kernel=live)
    row.prepare(twin)
    loop.impose()
    loop.run(SETTLE_S)
    row.disturb(twin, 0.0)
    loop.impose()
    record = loop.run(120.0, record_every=1)
    np.testing.assert_allclose(record[:, 0, on.R_SUPPLY_TEMP_C], trace.supply_c, rtol=1e-9)
    np.testing.assert_allclose(100.0 * record[:, 0, on.R_VALVE_RATIO], trace.valve_pct, rtol=1e-9)
    np.testing.assert_allclose(record[:, 0, on.R_CASE_TEMP_C], trace.case_c, rtol=1e-9)


def test_uncompiled_it_gives_the_same_numbers_to_the_bit(advance, live):
    plan, events = two_cdus(), [replace(each, time_s=each.time_s / 90.0) for each in events_of_an_hour()]
    plain, compiled = (make_loop(plan, advance, kernel, events) for kernel in (LIVE.function, live))
    for loop in (plain, compiled):
        loop.run(40.0)
    for mine, theirs in zip((*plain.memory, *plain.seen), (*compiled.memory, *compiled.seen), strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-12, atol=1e-12)


def test_noise_is_normal_seeded_and_never_the_same_twice(advance, live):
    plan = make_scenario_plan(30.0, PERIOD_S, None)
    noisy = [replace(each, noise=1.0 if each.point == POINT["flow"] else 0.0) for each in instruments_of(NOMINAL)]
    seen = []
    for seed in (1, 1, 2):
        plant = Plant(reference_plant(), kernel=advance)
        loop = FastLoop(plan, [plant], noisy, points=len(NAMES), seed=seed, kernel=live)
        flows = []
        for _ in range(2000):
            loop.run(PERIOD_S)
            flows.append(loop.seen.value[POINT["flow"]] - plant.tcs_flow_m3_s * 60_000)
        seen.append(np.array(flows[200:]))
    assert np.array_equal(seen[0], seen[1])
    assert not np.array_equal(seen[0], seen[2])
    assert abs(seen[0].mean()) < 0.1
    assert seen[0].std() == pytest.approx(1.0, abs=0.1)
    assert abs(np.corrcoef(seen[0][1:], seen[0][:-1])[0, 1]) < 0.1


def test_heat_is_held_for_its_sample_and_the_last_for_ever(advance, live):
    plan = make_scenario_plan(30.0, PERIOD_S, DATA_SHEET)
    heat_w = np.full((4, 1, 8), 60e3) * np.arange(1, 5).reshape(4, 1, 1) / 4.0
    loop = FastLoop(
        plan, [Plant(reference_plant(), kernel=advance)], instruments_of(NOMINAL), points=len(NAMES), heat_w=heat_w,
        sample_s=10.0, kernel=live,
    )  # fmt: skip
    power_kw = []
    for _ in range(120):
        loop.run(PERIOD_S)
        power_kw.append(loop.seen.value[POINT["power"]])
    assert power_kw[:20] == pytest.approx([120.0] * 20)
    assert power_kw[20:40] == pytest.approx([240.0] * 20)
    assert power_kw[60:] == pytest.approx([480.0] * 60)


def test_a_point_without_an_instrument_is_bad(advance):
    plan = make_scenario_plan(30.0, PERIOD_S, DATA_SHEET)
    some = [Instrument(point=POINT["supply"], quantity="tcs_supply_temp_c")]
    loop = FastLoop(plan, [Plant(reference_plant(), kernel=advance)], some, points=len(NAMES))
    loop.run(2.0)
    assert loop.seen.quality[POINT["flow"]] == Quality.BAD
    assert np.isnan(loop.result.commands).all()
