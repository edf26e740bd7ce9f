"""What an engineer would say about a plan, a sentence each. Knows limits and their reasons; computes nothing new."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from coolantd.planning.assess import Plan
from coolantd.planning.demand import table_heat
from coolantd.planning.pumps import fit_curve

AUTHORITY_MIN_RATIO: Final = 0.3
"""Customary: below it the valve does most of its work in the first third of its stroke."""
DEW_MARGIN_MIN_K: Final = 2.0
"""Customary 2 to 3 K; a humidity sensor 3 % and 0.5 K off already costs 1.4 K."""
FLOW_MIN_LPM_PER_KW: Final = 1.0
"""Open Compute guidance is 1.25 to 2 L/min per kW; cold plates lose quickly below 1."""
VELOCITY_MAX_M_S: Final = 3.0
"""Customary limit in steel headers, against erosion and noise; hoses take less."""
VALVE_LOW_PCT: Final = 10.0
"""Below it a valve's leak, deadband and friction matter more than its characteristic."""
TABLE_HEAT_TOLERANCE_RATIO: Final = 0.1
PUMP_MISFIT_MAX_RATIO: Final = 0.05
FLOW_LOSS_MIN_S: Final = 10.0
"""Detecting lost flow takes 2 s and a standby pump's start 3 to 5 s."""
FWS_LOSS_MIN_S: Final = 60.0
"""Nobody acts faster by hand."""
PEAK_BOUND_MAX_K: Final = 0.5


class Severity(StrEnum):
    """How bad it is."""

    SHORTFALL = "shortfall"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know.

    Attributes:
        severity: a shortfall is a plan that does not hold.
        key: which finding it is, for programs.
        sentence: what is the matter, with its figures.
    """

    severity: Severity
    key: str
    sentence: str


def findings(plan: Plan) -> tuple[Finding, ...]:
    """Return everything to be said about a plan, shortfalls first."""
    said = [*_thermal(plan), *_dew(plan), *_flow(plan), *_pumps(plan), *_valve(plan), *_time(plan)]
    return tuple(sorted(said, key=lambda one: one.severity is not Severity.SHORTFALL))


def dew_margin_k(plan: Plan) -> float:
    """Return the planned supply above the room's design dew point."""
    return plan.inputs.supply_temp_c - plan.inputs.dew_point_c


def velocity_m_s(plan: Plan) -> float:
    """Return the velocity in the header; NaN where its bore is not given."""
    bore_mm = plan.inputs.cdu.header_bore_mm
    if bore_mm is None:
        return math.nan
    return plan.demand.flow_lpm / 60_000.0 / (math.pi / 4.0 * (bore_mm / 1000.0) ** 2)


def _thermal(plan: Plan) -> Iterator[Finding]:
    inputs, exchange = plan.inputs, plan.exchange
    if exchange.supply_reachable_c > inputs.supply_temp_c:
        yield _shortfall(
            "supply_not_reachable",
            f"With facility water of {inputs.facility.supply_temp_max_c:g} degC the CDU supplies"
            f" {exchange.supply_reachable_c:.1f} degC at best, not {inputs.supply_temp_c:g}.",
        )
    if inputs.supply_temp_c > inputs.racks.inlet_temp_max_c:
        yield _shortfall(
            "supply_too_warm",
            f"The supply of {inputs.supply_temp_c:g} degC is above the racks' {inputs.racks.inlet_temp_max_c:g} degC.",
        )
    if inputs.liquid_kw > inputs.cdu.heat_rated_kw:
        yield _warning(
            "above_rating",
            f"The racks give {inputs.liquid_kw:.0f} kW to the coolant, the CDU is rated"
            f" {inputs.cdu.heat_rated_kw:g} kW.",
        )
    case_c = plan.ride_through.case_temp_c
    if case_c >= inputs.racks.case_temp_max_c:
        yield _shortfall(
            "case_too_hot",
            f"Cases are at {case_c:.1f} degC with everything running, above {inputs.racks.case_temp_max_c:g} degC.",
        )
    heat = table_heat(inputs.racks.demand, inputs.coolant)
    if heat and abs(heat.heat_kw / inputs.racks.liquid_kw - 1.0) > TABLE_HEAT_TOLERANCE_RATIO:
        yield _warning(
            "table_heat_differs",
            f"The flow table stands for {heat.heat_kw:.0f} kW per rack, the plan puts {inputs.racks.liquid_kw:.0f} kW"
            " into the coolant: check that table and rack belong together.",
        )


def _dew(plan: Plan) -> Iterator[Finding]:
    margin_k, dew_c = dew_margin_k(plan), plan.inputs.dew_point_c
    if margin_k <= 0.0:
        yield _shortfall(
            "dew", f"The supply is {-margin_k:.1f} K below the dew point of {dew_c:g} degC: racks would sweat."
        )
    elif margin_k < DEW_MARGIN_MIN_K:
        yield _warning("dew", f"The supply is {margin_k:.1f} K above the dew point, below the customary 2 K.")
    coldest_c = plan.inputs.facility.supply_temp_min_c
    if coldest_c <= dew_c:
        yield _warning(
            "facility_dew",
            f"Facility water of {coldest_c:g} degC is at or below the dew point of {dew_c:g} degC: insulate its pipes.",
        )


def _flow(plan: Plan) -> Iterator[Finding]:
    per_kw = plan.demand.flow_lpm_per_kw
    if per_kw < FLOW_MIN_LPM_PER_KW:
        yield _warning(
            "low_flow",
            f"The racks get {per_kw:.2f} L/min per kW, less than 1: an uneven share or a blocked plate shows at once.",
        )
    velocity = velocity_m_s(plan)
    if velocity > VELOCITY_MAX_M_S:
        yield _warning(
            "velocity", f"The coolant runs at {velocity:.1f} m/s in the header, above {VELOCITY_MAX_M_S:g} m/s."
        )


def _pumps(plan: Plan) -> Iterator[Finding]:
    flow_lpm = plan.demand.flow_lpm
    everything, *fewer = plan.pumps
    if not everything.enough:
        yield _shortfall(
            "pumps_short",
            f"All {everything.running} pumps at full speed move {everything.flow_max_lpm:.0f} of {flow_lpm:.0f} L/min.",
        )
    elif not fewer:
        yield _warning("no_redundancy", "There is a single pump: without it all cooling stops.")
    elif not fewer[0].enough:
        share_pct = 100.0 * fewer[0].flow_max_lpm / flow_lpm
        yield _warning("redundancy_short", f"With one pump lost, full speed keeps {share_pct:.0f} % of the flow.")
    curve = fit_curve(plan.inputs.cdu.pump_curve)
    if curve.misfit_ratio > PUMP_MISFIT_MAX_RATIO:
        yield _warning(
            "pump_curve_misfit",
            f"The pump's points lie {100.0 * curve.misfit_ratio:.0f} % of shut-off head off a square law: check them.",
        )


def _valve(plan: Plan) -> Iterator[Finding]:
    authority = plan.exchange.valve_authority_ratio
    if authority < AUTHORITY_MIN_RATIO:
        yield _warning(
            "low_authority", f"The facility valve has an authority of {authority:.2f}, below 0.3: choose a smaller Kvs."
        )
    lowest_pct = min(plan.exchange.valve[0].hot_pct, plan.exchange.valve[0].cold_pct)
    if lowest_pct < VALVE_LOW_PCT:
        yield _warning(
            "valve_nearly_shut",
            f"At 10 % load and the coldest facility water the valve is {lowest_pct:.0f} % open, where friction rules.",
        )


def _time(plan: Plan) -> Iterator[Finding]:
    lost_s = plan.ride_through.flow_lost_s
    if 0.0 < lost_s < FLOW_LOSS_MIN_S:
        yield _warning(
            "flow_loss",
            f"Without flow the cases reach their limit in {lost_s:.1f} s: only a trip in hardware is that fast.",
        )
    lost_s = plan.ride_through.fws_lost_case_s
    if 0.0 < lost_s < FWS_LOSS_MIN_S:
        yield _warning(
            "facility_loss",
            f"Without facility water the cases reach their limit in {lost_s:.0f} s: racks must cut power themselves.",
        )
    if plan.load_step.peak_bound_k > PEAK_BOUND_MAX_K:
        yield _warning(
            "slow_valve",
            f"A load step from 10 to 100 % costs at least {plan.load_step.peak_bound_k:.1f} K with a stroke of"
            f" {plan.inputs.cdu.valve_stroke_s:g} s, whatever controls it.",
        )


def _shortfall(key: str, sentence: str) -> Finding:
    return Finding(Severity.SHORTFALL, key, sentence)


def _warning(key: str, sentence: str) -> Finding:
    return Finding(Severity.WARNING, key, sentence)
