"""Pumps in parallel against the loop: speed, power, and what is left when one is lost. Knows no temperature."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coolantd.planning.demand import Demand
from coolantd.planning.inputs import Cdu, PlanInputs, PumpPoint
from coolantd.plant.hydraulics import BRANCH_EXPONENT, branch_conductance, operating_flow_m3_s
from coolantd.units import LPM_PER_M3_S, PA_PER_KPA

CURVE_TOLERANCE_RATIO: Final = 0.01
"""Of the flow: no curve read from a data sheet is better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpCurve:
    """``head = shut_off - curve q^2`` of one pump at full speed.

    Attributes:
        shut_off_kpa: head without flow.
        curve_kpa_lpm2: fall per (L/min)^2.
        misfit_ratio: largest distance of a given point from the curve, over the shut-off head.
    """

    shut_off_kpa: float
    curve_kpa_lpm2: float
    misfit_ratio: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpDuty:
    """What a number of running pumps does for the planned flow.

    Attributes:
        running: pumps, all at one speed.
        speed_pct: speed they need; above 100 they fall short of the planned flow.
        power_kw: electric power of all of them at that speed; NaN where they cannot.
        flow_max_lpm: flow at full speed.
        enough: whether they reach the planned flow, within ``CURVE_TOLERANCE_RATIO``.
    """

    running: int
    speed_pct: float
    power_kw: float
    flow_max_lpm: float
    enough: bool


def fit_curve(points: Sequence[PumpPoint]) -> PumpCurve:
    """Return the least-squares curve ``H0 - a Q^2`` through the points; a may come out as 0 or less if they rise."""
    count = len(points)
    mean_square = sum(point.flow_lpm**2 for point in points) / count
    mean_head_kpa = sum(point.head_kpa for point in points) / count
    spread = sum((point.flow_lpm**2 - mean_square) ** 2 for point in points)
    joint = sum((point.flow_lpm**2 - mean_square) * (point.head_kpa - mean_head_kpa) for point in points)
    fall = -joint / spread
    shut_off_kpa = mean_head_kpa + fall * mean_square
    worst_kpa = max(abs(shut_off_kpa - fall * point.flow_lpm**2 - point.head_kpa) for point in points)
    return PumpCurve(shut_off_kpa=shut_off_kpa, curve_kpa_lpm2=fall, misfit_ratio=worst_kpa / shut_off_kpa)


def loop_pressure_kpa(cdu: Cdu, flow_lpm: float) -> float:
    """Return the pressure of everything but the racks: square law from the rated flow."""
    return cdu.loop_pressure_rated_kpa * (flow_lpm / cdu.tcs_flow_rated_lpm) ** 2


def flange_pressure_kpa(inputs: PlanInputs, demand: Demand) -> float:
    """Return what the pumps must add: racks and loop in series."""
    return demand.rack_pressure_kpa + loop_pressure_kpa(inputs.cdu, demand.flow_lpm)


def duty(inputs: PlanInputs, demand: Demand, running: int) -> PumpDuty:
    """Return what a number of pumps, 1 or more, does.

    Affinity laws: ``n^2 H0 - a (q/m)^2 = dp``, so ``n = sqrt((dp + a (q/m)^2)/H0)``. Power is ``q dp/efficiency``.
    """
    curve = fit_curve(inputs.cdu.pump_curve)
    pressure_kpa = flange_pressure_kpa(inputs, demand)
    drawn_kpa = curve.curve_kpa_lpm2 * (demand.flow_lpm / running) ** 2
    speed_ratio = math.sqrt((pressure_kpa + drawn_kpa) / curve.shut_off_kpa)
    flow_max_lpm = full_speed_flow_lpm(inputs, demand, running)
    enough = flow_max_lpm >= (1.0 - CURVE_TOLERANCE_RATIO) * demand.flow_lpm
    hydraulic_kw = demand.flow_lpm / LPM_PER_M3_S * pressure_kpa
    return PumpDuty(
        running=running,
        speed_pct=100.0 * speed_ratio,
        power_kw=hydraulic_kw / inputs.cdu.pump_efficiency_ratio if enough else math.nan,
        flow_max_lpm=flow_max_lpm,
        enough=enough,
    )


def full_speed_flow_lpm(inputs: PlanInputs, demand: Demand, running: int) -> float:
    """Return the flow of a number of pumps at full speed through the loop as it stands.

    The plant's two-pump balance serves any number m: m equal pumps are two with the curve ``4 a/m^2``.
    """
    curve = fit_curve(inputs.cdu.pump_curve)
    head_pa = curve.shut_off_kpa * PA_PER_KPA
    flow_m3_s = operating_flow_m3_s(
        head_pa,
        head_pa,
        pair_curve_pa_s2_m6(curve, running),
        loop_resistance_pa_s2_m6(inputs.cdu),
        branch_conductance(racks_resistance_pa(demand)),
        demand.flow_lpm / LPM_PER_M3_S,
    )
    return flow_m3_s * LPM_PER_M3_S


def pair_curve_pa_s2_m6(curve: PumpCurve, count: int) -> float:
    """Return the curve of each of two pumps that together equal ``count`` pumps, in SI."""
    return 4.0 * curve.curve_kpa_lpm2 * PA_PER_KPA * LPM_PER_M3_S**2 / count**2


def loop_resistance_pa_s2_m6(cdu: Cdu) -> float:
    """Return Kc of everything but the racks, in SI."""
    return cdu.loop_pressure_rated_kpa * PA_PER_KPA / (cdu.tcs_flow_rated_lpm / LPM_PER_M3_S) ** 2


def racks_resistance_pa(demand: Demand) -> float:
    """Return K of all racks as one branch in ``dp = K q^1.85``, exact at the planned flow (Pa at 1 m3/s)."""
    return float(demand.rack_pressure_kpa * PA_PER_KPA / (demand.flow_lpm / LPM_PER_M3_S) ** BRANCH_EXPONENT)
