"""A plan as curves: what its plots draw. Knows numbers, no picture."""

from dataclasses import dataclass
from typing import Final

from coolantd.planning.assess import Plan
from coolantd.planning.demand import demand_at
from coolantd.planning.exchange import valve_at
from coolantd.planning.machine import plant_params
from coolantd.planning.pumps import duty, fit_curve, flange_pressure_kpa
from coolantd.plant.hydraulics import BRANCH_EXPONENT

POINTS: Final = 61
LOAD_MIN_RATIO: Final = 0.02

Line = tuple[tuple[float, float], ...]
"""(x, y) pairs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """One line of a chart."""

    name: str
    line: Line


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One picture.

    Attributes:
        key: its file's name.
        title: what it shows.
        x: name and unit of the horizontal axis.
        y: of the vertical one.
        curves: lines.
        marks: points of interest.
        limit: a value of y that must not be passed, or None.
    """

    key: str
    title: str
    x: str
    y: str
    curves: tuple[Curve, ...]
    marks: Line = ()
    limit: float | None = None


def charts(plan: Plan) -> tuple[Chart, ...]:
    """Return the charts of a plan."""
    return (*_demand(plan), _pumps(plan), _valve(plan), _flow_lost(plan), _facility_lost(plan))


def _demand(plan: Plan) -> tuple[Chart, ...]:
    """Return what another supply temperature would ask for, over the racks' flow table; none for a single row."""
    inputs, planned_c = plan.inputs, plan.inputs.supply_temp_c
    first, last = inputs.racks.demand[0].inlet_temp_c, inputs.racks.demand[-1].inlet_temp_c
    if first == last:
        return ()
    temps = [first + (last - first) * index / (POINTS - 1) for index in range(POINTS)]
    wanted = [demand_at(inputs, temp_c) for temp_c in temps]
    flows = tuple((temp_c, demand.flow_lpm) for temp_c, demand in zip(temps, wanted, strict=True))
    speeds = [
        Curve(
            name=f"{pumps.running} running",
            line=tuple(
                (temp_c, duty(inputs, demand, pumps.running).speed_pct)
                for temp_c, demand in zip(temps, wanted, strict=True)
            ),
        )
        for pumps in plan.pumps
    ]
    flow_chart = Chart(
        key="flow",
        title="Flow the racks need",
        x="TCS supply, °C",
        y="flow, L/min",
        curves=(Curve(name="all racks", line=flows),),
        marks=((planned_c, plan.demand.flow_lpm),),
    )
    marks = tuple((planned_c, pumps.speed_pct) for pumps in plan.pumps)
    title, x = "Pump speed that takes", "TCS supply, °C"
    speed = Chart(key="speed", title=title, x=x, y="speed, %", curves=tuple(speeds), marks=marks, limit=100.0)
    return flow_chart, speed


def _pumps(plan: Plan) -> Chart:
    inputs, demand = plan.inputs, plan.demand
    curve = fit_curve(inputs.cdu.pump_curve)
    most_lpm = 1.1 * max(demand.flow_lpm, plan.pumps[0].flow_max_lpm)
    flows = [most_lpm * index / (POINTS - 1) for index in range(1, POINTS)]
    system = []
    for flow_lpm in flows:
        ratio = flow_lpm / demand.flow_lpm
        racks_kpa = demand.rack_pressure_kpa * ratio**BRANCH_EXPONENT
        system.append((flow_lpm, racks_kpa + (plan.flange_pressure_kpa - demand.rack_pressure_kpa) * ratio**2))
    lines = [Curve(name="racks and loop", line=tuple(system))]
    for pumps in plan.pumps:
        heads = [(flow, curve.shut_off_kpa - curve.curve_kpa_lpm2 * (flow / pumps.running) ** 2) for flow in flows]
        line = tuple((flow, head) for flow, head in heads if head >= 0.0)
        lines.append(Curve(name=f"{pumps.running} at full speed", line=line))
    return Chart(
        key="pumps",
        title="Pumps against the loop",
        x="flow, L/min",
        y="pressure, kPa",
        curves=tuple(lines),
        marks=((demand.flow_lpm, flange_pressure_kpa(inputs, demand)),),
    )


def _valve(plan: Plan) -> Chart:
    inputs = plan.inputs
    params = plant_params(inputs, plan.demand).packed()
    loads = [LOAD_MIN_RATIO + (1.0 - LOAD_MIN_RATIO) * index / (POINTS - 1) for index in range(POINTS)]
    found = [valve_at(inputs, plan.demand, params, load) for load in loads]
    hot = tuple((100.0 * one.load_ratio, one.hot_pct) for one in found)
    cold = tuple((100.0 * one.load_ratio, one.cold_pct) for one in found)
    water = inputs.facility
    return Chart(
        key="valve",
        title="Where the facility valve stands",
        x="load, %",
        y="position, %",
        curves=(
            Curve(name=f"facility water {water.supply_temp_max_c:g} °C", line=hot),
            Curve(name=f"facility water {water.supply_temp_min_c:g} °C", line=cold),
        ),
        marks=tuple((100.0 * one.load_ratio, one.hot_pct) for one in plan.exchange.valve),
    )


def _flow_lost(plan: Plan) -> Chart:
    return Chart(
        key="flow_lost",
        title="All pumps lost at full load",
        x="time, s",
        y="hottest case, °C",
        curves=(Curve(name="case", line=plan.ride_through.case_trace),),
        limit=plan.inputs.racks.case_temp_max_c,
    )


def _facility_lost(plan: Plan) -> Chart:
    return Chart(
        key="facility_lost",
        title="Facility water lost at full load",
        x="time, s",
        y="TCS supply, °C",
        curves=(Curve(name="supply", line=plan.ride_through.supply_trace),),
        limit=plan.inputs.racks.inlet_temp_max_c,
    )
