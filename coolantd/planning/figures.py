"""A plan as a list of named figures: what every table, report and JSON of it shows. Knows names, units and order."""

import math
from dataclasses import dataclass

from coolantd.planning.assess import Plan
from coolantd.planning.demand import case_flow_lpm, power_law, table_heat
from coolantd.planning.findings import dew_margin_k, velocity_m_s
from coolantd.planning.ride_through import LOOK_S


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure.

    Attributes:
        key: for programs; the unit is its last token.
        title: for people.
        value: NaN where there is none; the note then says why.
        unit: of the value.
        note: what it is computed from or compared with.
    """

    key: str
    title: str
    value: float
    unit: str
    note: str = ""

    @property
    def text(self) -> str:
        """The value to three significant digits or its whole part, without an exponent; a dash where there is none."""
        if not math.isfinite(self.value):
            return "-"
        digits = 2 - math.floor(math.log10(abs(self.value))) if self.value else 0
        return f"{self.value:.{min(max(digits, 0), 4)}f}"


@dataclass(frozen=True, slots=True)
class Section:
    """Figures that belong together."""

    title: str
    figures: tuple[Figure, ...]


def sections(plan: Plan) -> tuple[Section, ...]:
    """Return every figure of a plan, in the order of the work."""
    return (
        Section("Racks", _racks(plan)),
        Section("Pumps", _pumps(plan)),
        Section("Exchanger and facility water", _exchange(plan)),
        Section("Facility valve", _valve(plan)),
        Section("Dew point", _dew(plan)),
        Section("Time to the limits, full load", _ride_through(plan)),
        Section("Load step 10 to 100 %", _load_step(plan)),
    )


def _racks(plan: Plan) -> tuple[Figure, ...]:
    demand, inputs = plan.demand, plan.inputs
    case_note = f"for cases of {inputs.racks.case_temp_max_c:g} degC"
    law = power_law(inputs.racks.demand)
    heat = table_heat(inputs.racks.demand, inputs.coolant)
    found = [
        Figure("liquid_heat_kw", "Heat into the coolant", inputs.liquid_kw, "kW", f"{inputs.racks.count} racks"),
        Figure("supply_temp_c", "TCS supply", inputs.supply_temp_c, "degC", "chosen"),
        Figure("return_temp_c", "TCS return", demand.return_temp_c, "degC"),
        Figure("rack_flow_lpm", "Flow per rack", demand.rack_flow_lpm, "L/min"),
        Figure("case_flow_lpm", "Flow per rack its plates need", case_flow_lpm(inputs), "L/min", case_note),
        Figure("flow_lpm", "Flow, all racks", demand.flow_lpm, "L/min"),
        Figure("flow_per_heat_lpm_per_kw", "Flow per heat", demand.flow_lpm_per_kw, "L/min/kW"),
        Figure("rack_pressure_kpa", "Pressure over the racks", demand.rack_pressure_kpa, "kPa"),
        Figure("rack_pressure_exponent", "dP ~ flow to the power of", law.exponent, "", "fitted to the flow table"),
    ]
    if heat:
        note = "return temperature and heat that explain the flow table"
        found.append(Figure("table_return_temp_c", "Flow table aims at", heat.return_temp_c, "degC", note))
        found.append(Figure("table_heat_kw", "Flow table stands for", heat.heat_kw, "kW", "per rack"))
    if not math.isnan(velocity := velocity_m_s(plan)):
        found.append(Figure("header_velocity_m_s", "Velocity in the header", velocity, "m/s"))
    return tuple(found)


def _pumps(plan: Plan) -> tuple[Figure, ...]:
    found = [
        Figure("flange_pressure_kpa", "Pressure at the pump flange", plan.flange_pressure_kpa, "kPa", "racks + loop")
    ]
    for index, duty in enumerate(plan.pumps):
        tail = "all" if index == 0 else "one_lost"
        who = f"{duty.running} running"
        verdict = "enough" if duty.enough else "short"
        found += [
            Figure(f"pump_speed_{tail}_pct", f"Speed, {who}", duty.speed_pct, "%", verdict),
            Figure(
                f"pump_power_{tail}_kw", f"Electric power, {who}", duty.power_kw, "kW", "flow x pressure / efficiency"
            ),
            Figure(f"pump_flow_max_{tail}_lpm", f"Flow at full speed, {who}", duty.flow_max_lpm, "L/min"),
        ]
    return tuple(found)


def _exchange(plan: Plan) -> tuple[Figure, ...]:
    exchange, hottest_c = plan.exchange, plan.inputs.facility.supply_temp_max_c
    reserve_pct = 100.0 * (exchange.conductance_available_kw_k / exchange.conductance_needed_kw_k - 1.0)
    at = f"facility water {hottest_c:g} degC"
    open_at = f"{at}, valve open" if math.isfinite(exchange.conductance_needed_kw_k) else "none could: too little water"
    flow_at = at if math.isfinite(exchange.fws_flow_needed_lpm) else "none is enough"
    granted = "valve open" if plan.inputs.facility.flow_max_lpm is None else "valve open, or what is granted"
    spare_k = plan.inputs.supply_temp_c - exchange.supply_reachable_c
    return (
        Figure(
            "conductance_rated_kw_k", "UA, rated", exchange.conductance_rated_kw_k, "kW/K", "from heat and approach"
        ),
        Figure("conductance_needed_kw_k", "UA needed", exchange.conductance_needed_kw_k, "kW/K", open_at),
        Figure("conductance_available_kw_k", "UA available", exchange.conductance_available_kw_k, "kW/K", "clean"),
        Figure("conductance_reserve_pct", "UA reserve, for fouling", reserve_pct, "%"),
        Figure("fws_flow_needed_lpm", "Facility flow needed", exchange.fws_flow_needed_lpm, "L/min", flow_at),
        Figure("fws_flow_available_lpm", "Facility flow there is", exchange.fws_flow_available_lpm, "L/min", granted),
        Figure("fws_return_temp_c", "Facility return", exchange.fws_return_temp_c, "degC", at),
        Figure("supply_reachable_c", "Coldest supply reachable", exchange.supply_reachable_c, "degC", at),
        Figure("supply_reserve_k", "Planned supply above it", spare_k, "K"),
    )


def _valve(plan: Plan) -> tuple[Figure, ...]:
    exchange, facility = plan.exchange, plan.inputs.facility
    found = [
        Figure("valve_authority_ratio", "Authority", exchange.valve_authority_ratio, "", "open, 0.3 or more is good")
    ]
    for water, temp_c in (("hot", facility.supply_temp_max_c), ("cold", facility.supply_temp_min_c)):
        for one in exchange.valve:
            load = f"{100 * one.load_ratio:.0f}"
            value = one.hot_pct if water == "hot" else one.cold_pct
            title = f"Position at {load} % load"
            found.append(Figure(f"valve_{water}_load{load}_pct", title, value, "%", f"facility water {temp_c:g} degC"))
    return tuple(found)


def _dew(plan: Plan) -> tuple[Figure, ...]:
    return (
        Figure("dew_point_c", "Room's design dew point", plan.inputs.dew_point_c, "degC"),
        Figure("dew_margin_k", "Supply above it", dew_margin_k(plan), "K", "2 K or more is customary"),
    )


def _ride_through(plan: Plan) -> tuple[Figure, ...]:
    ride, racks = plan.ride_through, plan.inputs.racks
    case, inlet = f"case {racks.case_temp_max_c:g} degC", f"{racks.inlet_temp_max_c:g} degC"
    spare_k = racks.inlet_temp_max_c - plan.inputs.supply_temp_c
    buffer_note = f"Q t/(rho cp {spare_k:g} K)" if spare_k > 0.0 else "none: the supply is at the limit already"
    return (
        Figure("case_temp_c", "Hottest case before", ride.case_temp_c, "degC", "simulated"),
        _time("flow_lost_s", f"All pumps lost, to {case}", ride.flow_lost_s, "simulated"),
        _time(
            "flow_lost_closed_s", f"All pumps lost, to {case}", ride.flow_lost_closed_s, "closed form, no coast-down"
        ),
        _time("fws_lost_s", f"Facility water lost, CDU outlet to {inlet}", ride.fws_lost_s, "simulated"),
        _time(
            "fws_lost_closed_s", f"Facility water lost, CDU outlet to {inlet}", ride.fws_lost_closed_s, "closed form"
        ),
        _time("fws_lost_rack_s", f"Facility water lost, rack inlet to {inlet}", ride.fws_lost_rack_s, "simulated"),
        _time("fws_lost_case_s", f"Facility water lost, to {case}", ride.fws_lost_case_s, "simulated"),
        Figure("buffer_60_s_m3", "Cold buffer that rides 60 s without it", ride.buffer_60_s_m3, "m3", buffer_note),
    )


def _time(key: str, title: str, value: float, note: str) -> Figure:
    return Figure(key, title, value, "s", f"{note}: not within {LOOK_S:g} s" if math.isnan(value) else note)


def _load_step(plan: Plan) -> tuple[Figure, ...]:
    step, stroke_s = plan.load_step, plan.inputs.cdu.valve_stroke_s
    return (
        Figure(
            "heat_time_s",
            "Heat at the exchanger after",
            step.heat_time_s,
            "s",
            "plates, return pipe and tank over flow",
        ),
        Figure("valve_time_s", "Valve in place after", step.valve_time_s, "s", f"stroke {stroke_s:g} s"),
        Figure(
            "stroke_in_time_s", "Slowest stroke that is in time", step.stroke_in_time_s, "s", "for both to be equal"
        ),
        Figure("peak_bound_k", "Supply rises at least", step.peak_bound_k, "K", "valve at full rate from the start"),
    )
