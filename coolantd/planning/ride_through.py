"""How long the loop forgives: pumps lost, facility water lost, a load step against a slow valve.

Each time is told twice: in closed form, which a person can check, and simulated with the plant, which counts
coast-down, mixing and transport as well. Knows no figure of its own but how long it looks.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from coolantd.planning.demand import Demand, heat_capacity_j_m3_k
from coolantd.planning.exchange import Exchange
from coolantd.planning.inputs import PlanInputs
from coolantd.planning.machine import EXCHANGER_METAL_RATIO, L_PER_M3, ML_PER_M3
from coolantd.plant.loop import Plant
from coolantd.plant.reference import PlantParams
from coolantd.units import PA_PER_KPA, W_PER_KW

LOOK_S: Final = 300.0
"""A loop that forgives five minutes needs no figure."""
BUFFER_S: Final = 60.0
"""The ride-through a buffer is quoted for."""
TRACE_STEP_S: Final = 0.1
BISECTIONS: Final = 60

Series = tuple[tuple[float, float], ...]
"""(seconds, degC) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RideThrough:
    """Seconds to a limit, from full load at the hottest facility water; NaN where it is not reached in ``LOOK_S``.

    Attributes:
        case_temp_c: of the chips before anything happens, simulated.
        flow_lost_closed_s: all pumps lost, to the case limit, flow gone at once.
        flow_lost_s: the same simulated, with coast-down.
        fws_lost_closed_s: facility water lost, to the racks' inlet limit at the CDU's outlet.
        fws_lost_s: the same simulated.
        fws_lost_rack_s: facility water lost, to the racks' inlet limit where it counts, simulated.
        fws_lost_case_s: facility water lost, to the case limit, simulated.
        buffer_60_s_m3: coolant at supply temperature that takes all heat for 60 s up to the racks' inlet limit; NaN
            where the supply is there already.
        case_trace: hottest case after all pumps are lost.
        supply_trace: supply after the facility water is lost.
    """

    case_temp_c: float
    flow_lost_closed_s: float
    flow_lost_s: float
    fws_lost_closed_s: float
    fws_lost_s: float
    fws_lost_rack_s: float
    fws_lost_case_s: float
    buffer_60_s_m3: float
    case_trace: Series
    supply_trace: Series


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadStep:
    """The racks go from 10 to 100 % at once, hottest facility water.

    Attributes:
        valve_time_s: stroke times the way the valve has to go.
        heat_time_s: until the heat is at the exchanger: coolant of plates, return pipe and tank over the flow.
        stroke_in_time_s: stroke at which both are equal; NaN where the valve need not move.
        peak_bound_k: supply above its plan with the valve opening at full rate from the first instant: no
            controller without foreknowledge stays below it.
    """

    valve_time_s: float
    heat_time_s: float
    stroke_in_time_s: float
    peak_bound_k: float


def ride_through_of(
    inputs: PlanInputs, demand: Demand, plant: PlantParams, steady: Exchange, speed: float
) -> RideThrough:
    """Return how long the loop forgives; ``speed`` is the ratio the pumps run at before."""
    valve_ratio = steady.valve[-1].hot_pct / 100.0
    before = settled(inputs, plant, 1.0, valve_ratio, speed)
    case_c, supply_c = case_temp_c(before), before.tcs_supply_temp_c
    before.inputs.pump_available[:] = 0.0
    limit_c = inputs.racks.case_temp_max_c
    (case_trace,) = _traces(before, ((case_temp_c, limit_c),))
    again = settled(inputs, plant, 1.0, valve_ratio, speed)
    again.inputs.fws_differential_pressure_pa = 0.0
    inlet_max_c = inputs.racks.inlet_temp_max_c
    supply_trace, rack_trace, hot_trace = _traces(
        again, ((_supply_c, inlet_max_c), (_rack_inlet_c, inlet_max_c), (case_temp_c, limit_c))
    )
    return RideThrough(
        case_temp_c=case_c,
        flow_lost_closed_s=stagnant_s(inputs, demand, case_c),
        flow_lost_s=_reached_s(case_trace, limit_c),
        fws_lost_closed_s=warming_s(inputs, demand, plant, supply_c),
        fws_lost_s=_reached_s(supply_trace, inlet_max_c),
        fws_lost_rack_s=_reached_s(rack_trace, inlet_max_c),
        fws_lost_case_s=_reached_s(hot_trace, limit_c),
        buffer_60_s_m3=buffer_m3(inputs, demand, BUFFER_S),
        case_trace=case_trace,
        supply_trace=supply_trace,
    )


def load_step_of(inputs: PlanInputs, demand: Demand, plant: PlantParams, steady: Exchange, speed: float) -> LoadStep:
    """Return what a load step costs at best; ``speed`` is the ratio the pumps run at."""
    low, full = steady.valve[0], steady.valve[-1]
    cdu, flow_l_s = inputs.cdu, demand.flow_lpm / 60.0
    plates_l = inputs.racks.count * inputs.plates.count * inputs.plates.coolant_ml / 1000.0
    moved = settled(inputs, plant, low.load_ratio, low.hot_pct / 100.0, speed)
    start_c = moved.tcs_supply_temp_c
    moved.inputs.rack_heat_w[:] = plant.rack_heat_rated_w
    moved.inputs.fws_valve_ratio = 1.0
    (trace,) = _traces(moved, ((_supply_c, math.inf),), max(LOOK_S, 2.0 * cdu.valve_stroke_s))
    way_ratio = (full.hot_pct - low.hot_pct) / 100.0
    heat_time_s = (plates_l + cdu.return_pipe_l + cdu.tank_l) / flow_l_s
    return LoadStep(
        valve_time_s=way_ratio * cdu.valve_stroke_s,
        heat_time_s=heat_time_s,
        stroke_in_time_s=heat_time_s / way_ratio if way_ratio > 0.0 else math.nan,
        peak_bound_k=max(0.0, max(temp_c for _, temp_c in trace) - start_c),
    )


def settled(inputs: PlanInputs, plant: PlantParams, load_ratio: float, valve_ratio: float, speed_ratio: float) -> Plant:
    """Return the plant in steady state at a share of the load, hottest facility water."""
    made = Plant(plant)
    made.inputs.pump_speed_ratio[:] = min(speed_ratio, 1.0)
    made.inputs.fws_valve_ratio = valve_ratio
    made.inputs.rack_heat_w[:] = load_ratio * plant.rack_heat_rated_w
    made.inputs.fws_supply_temp_c = inputs.facility.supply_temp_max_c
    made.inputs.fws_differential_pressure_pa = inputs.facility.pressure_kpa * PA_PER_KPA
    made.settle()
    return made


def stagnant_s(inputs: PlanInputs, demand: Demand, case_c: float) -> float:
    """Return the seconds to the case limit with the coolant standing still from the first instant.

    One plate, metal and coolant: ``Cw dTw/dt = P - G D`` and ``Cf dTo/dt = G D`` with ``D = Tw - (Ts + To)/2``, which
    starts at P/G. ``D`` decays exponentially, so Tw(t) has a closed form; it is solved for t by bisection.
    NaN beyond ``LOOK_S``.
    """
    rise_k = inputs.racks.case_temp_max_c - case_c
    if rise_k <= 0.0:
        return 0.0
    plates = inputs.plates
    heat_w = inputs.racks.liquid_kw * W_PER_KW / plates.count
    coolant_j_k = plates.coolant_ml / ML_PER_M3 * heat_capacity_j_m3_k(inputs.coolant, demand.return_temp_c)
    conductance = 1.0 / plates.case_to_mean_k_w
    decay_1_s = conductance * (1.0 / plates.metal_j_k + 0.5 / coolant_j_k)
    final_k = heat_w / plates.metal_j_k / decay_1_s
    first_k = heat_w / conductance

    def risen_k(time_s: float) -> float:
        settled_j = (heat_w - conductance * final_k) * time_s
        started_j = conductance * (first_k - final_k) * -math.expm1(-decay_1_s * time_s) / decay_1_s
        return (settled_j - started_j) / plates.metal_j_k

    return _first_s(risen_k, rise_k)


def warming_s(inputs: PlanInputs, demand: Demand, plant: PlantParams, supply_c: float) -> float:
    """Return the seconds to the racks' inlet limit, at the CDU's outlet, without facility water.

    Two things happen. The exchanger's content takes the return temperature with the lag ``M/(rho cp q)``; that is
    the first pass. Then the whole loop warms at ``Q/C``: with the racks' rise spread evenly over it, the supply is
    at its old value plus half that rise plus ``Q t/C``. A limit below the return temperature falls to the first pass,
    any other to the second. NaN beyond ``LOOK_S``.
    """
    limit_c = inputs.racks.inlet_temp_max_c
    if limit_c <= supply_c:
        return 0.0
    rise_k = demand.return_temp_c - inputs.supply_temp_c
    wanted_k = limit_c - supply_c
    warmed_k = max(wanted_k, rise_k) - 0.5 * rise_k
    time_s = loop_capacity_j_k(inputs, demand) * warmed_k / (inputs.liquid_kw * W_PER_KW)
    if wanted_k < rise_k:
        lag_s = plant.exchanger_tcs_capacity_j_k / (demand.capacity_rate_kw_k * W_PER_KW)
        time_s = min(time_s, lag_s * math.log(rise_k / (rise_k - wanted_k)))
    return time_s if time_s <= LOOK_S else math.nan


def buffer_m3(inputs: PlanInputs, demand: Demand, duration_s: float) -> float:
    """Return ``Q t/(rho cp dT)``: 1.44 m3 for 960 kW, 60 s and 10 K of PG25; NaN where nothing is left to warm."""
    spare_k = inputs.racks.inlet_temp_max_c - inputs.supply_temp_c
    if spare_k <= 0.0:
        return math.nan
    heat_j = inputs.liquid_kw * W_PER_KW * duration_s
    return heat_j / (heat_capacity_j_m3_k(inputs.coolant, demand.return_temp_c) * spare_k)


def loop_capacity_j_k(inputs: PlanInputs, demand: Demand) -> float:
    """Return the heat capacity of the whole loop: coolant everywhere, metal of plates and exchanger."""
    cdu, plates = inputs.cdu, inputs.plates
    count = inputs.racks.count * plates.count
    coolant_l = cdu.supply_pipe_l + cdu.return_pipe_l + cdu.tank_l + cdu.exchanger_tcs_l * (1.0 + EXCHANGER_METAL_RATIO)
    volume_m3 = coolant_l / L_PER_M3 + count * plates.coolant_ml / ML_PER_M3
    return volume_m3 * heat_capacity_j_m3_k(inputs.coolant, demand.return_temp_c) + count * plates.metal_j_k


def case_temp_c(plant: Plant) -> float:
    """Return the hottest case."""
    return float(plant.rack_case_temp_c.max())


def _supply_c(plant: Plant) -> float:
    return plant.tcs_supply_temp_c


def _rack_inlet_c(plant: Plant) -> float:
    return float(plant.rack_supply_temp_c.max())


def _traces(
    plant: Plant, wanted: tuple[tuple[Callable[[Plant], float], float], ...], look_s: float = LOOK_S
) -> tuple[Series, ...]:
    """Return readings over time, until each has passed its limit or the time is over."""
    rows = [[(0.0, reading(plant))] for reading, _ in wanted]
    for step in range(1, round(look_s / TRACE_STEP_S) + 1):
        if all(row[-1][1] >= limit for row, (_, limit) in zip(rows, wanted, strict=True)):
            break
        plant.advance(TRACE_STEP_S)
        for row, (reading, _) in zip(rows, wanted, strict=True):
            row.append((step * TRACE_STEP_S, reading(plant)))
    return tuple(tuple(row) for row in rows)


def _reached_s(trace: Series, limit: float) -> float:
    return next((time_s for time_s, value in trace if value >= limit), math.nan)


def _first_s(risen: Callable[[float], float], wanted: float) -> float:
    """Return when a rising function of time reaches a value, by bisection; NaN beyond ``LOOK_S``."""
    low, high = 0.0, LOOK_S
    if risen(high) < wanted:
        return math.nan
    for _ in range(BISECTIONS):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if risen(middle) < wanted else (low, middle)
    return high
