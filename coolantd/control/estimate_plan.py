"""What the estimator is told, packed, and the state it begins with. Knows columns; built by config/ from files."""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.estimate_layout import (
    B_BASE,
    B_CONDUCTANCE,
    B_POWER_KW,
    BRANCH_STATE,
    BRANCHES_MAX,
    E_FILM,
    E_FLOW_PER_PCT,
    E_HEAD_BASE,
    E_HEAD_SHARE,
    E_HEAT_FWS_KW,
    E_HEAT_FWS_Z,
    E_HEAT_POWER_KW,
    E_HEAT_POWER_Z,
    E_HEAT_TCS_KW,
    E_LEAK_LPM,
    E_LEVEL_L,
    E_LEVEL_SLOW_L,
    E_LIMIT_S,
    E_LOOP_K,
    E_LOOP_K_BASE,
    E_NOW,
    E_PRESSURE_KPA,
    E_PRESSURE_MOVE_KPA,
    E_PUMP_LPM,
    E_SLOW,
    E_UA_KW_K,
    ESTIMATE_INDICES,
    ESTIMATE_PARAMETERS,
    ESTIMATE_STATE,
    EX_BRANCH_FLOW,
    EX_BRANCH_POSITION,
    EX_BRANCH_RETURN,
    EX_FWS_FLOW,
    EX_FWS_RETURN,
    EX_LEVEL,
    READINGS,
)
from coolantd.control.level_watch import ATMOSPHERE_KPA
from coolantd.point import FloatArray, IntArray

NAN: Final = float("nan")
RATED_RISE_K: Final = 12.0
"""Coolant rise at rated heat where that is not given: data sheets count with 10 to 15 K."""

_UNKNOWN: Final = (
    *range(E_NOW, E_NOW + READINGS),
    *range(E_SLOW, E_SLOW + READINGS),
    *(E_FILM, E_UA_KW_K, E_HEAT_TCS_KW, E_HEAT_FWS_KW, E_HEAT_POWER_KW, E_HEAT_FWS_Z, E_HEAT_POWER_Z),
    *(E_PUMP_LPM, E_HEAD_SHARE, E_HEAD_BASE, E_LOOP_K, E_LOOP_K_BASE, E_PRESSURE_KPA, E_PRESSURE_MOVE_KPA),
    *(E_FLOW_PER_PCT, E_LIMIT_S, E_LEVEL_L, E_LEVEL_SLOW_L, E_LEAK_LPM),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpCurve:
    """One pump at full speed: its shut-off head, one more point, and what the CDU itself loses at its rated flow."""

    head_kpa: float
    point_lpm: float
    point_kpa: float
    cdu_loss_kpa: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateParameters:
    """What is measured besides the loops' and the model's points, and what is known of the machine.

    Attributes:
        fws_return, fws_flow: points, degC and L/min, or None.
        commissioned_ratio: conductance over the data sheet's when the exchanger was commissioned; None learns it.
        pumps: their curve, or None.
        heat_ratio: share of the racks' power that reaches the coolant.
        rated_heat_kw: of the CDU; None takes ``RATED_RISE_K`` at the model's rated flow.
        supply_limit_c: supply temperature that the racks stand.
        plate_margin_k: from the cold plates' usual temperature at rated heat to what they stand.
        plate_heating_k_s: how fast they warm then without flow; the fastest known plate is the safe choice.
        loop_l: coolant in the whole loop; None takes twice the model's pipes, its tank and its exchanger.
        branch_flow, branch_return, branch_position: points by branch, or empty. Branch 1 belongs to the model's first
            power point.
        branch_rangeability_ratio: of equal-percentage branch valves; None: linear.
        level: point of the expansion vessel's level, or None. level_l: litres per unit of it.
        static_pressure: point of the vessel's pressure instead, kPa gauge. gas_l: gas in it at ``gas_kpa`` gauge.
        expansion_per_k: of the coolant; 5.1e-4 for PG25 at 40 degC.
    """

    fws_return: int | None = None
    fws_flow: int | None = None
    commissioned_ratio: float | None = None
    pumps: PumpCurve | None = None
    heat_ratio: float = 0.945
    rated_heat_kw: float | None = None
    supply_limit_c: float = 45.0
    plate_margin_k: float = 10.0
    plate_heating_k_s: float = 5.6
    loop_l: float | None = None
    branch_flow: tuple[int, ...] = ()
    branch_return: tuple[int, ...] = ()
    branch_position: tuple[int, ...] = ()
    branch_rangeability_ratio: float | None = None
    level: int | None = None
    level_l: float = 1.0
    static_pressure: int | None = None
    gas_l: float = NAN
    gas_kpa: float = NAN
    expansion_per_k: float = 5.1e-4

    @property
    def branches(self) -> int:
        """Return how many branches are watched."""
        return max(len(self.branch_flow), len(self.branch_return))


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What packing needs of the CDU's model and pump loop."""

    tcs_flow_rated_lpm: float
    tcs_capacity_kj_l_k: float
    volume_l: float
    pressure_in_kpa: bool


def pack_parameters(given: EstimateParameters, machine: Machine | None) -> FloatArray:
    """Return (ESTIMATE_PARAMETERS,); without a model the CDU is not watched."""
    if machine is None:
        return np.zeros(ESTIMATE_PARAMETERS)
    rated_kw = given.rated_heat_kw
    if rated_kw is None:
        rated_kw = machine.tcs_capacity_kj_l_k * machine.tcs_flow_rated_lpm / 60.0 * RATED_RISE_K
    pumps = given.pumps
    curve = NAN if pumps is None else (pumps.head_kpa - pumps.point_kpa) / pumps.point_lpm**2
    loss = NAN if pumps is None else pumps.cdu_loss_kpa / machine.tcs_flow_rated_lpm**2
    ratio = given.branch_rangeability_ratio
    return np.array(
        [
            1.0,
            NAN if given.commissioned_ratio is None else given.commissioned_ratio,
            NAN if pumps is None else pumps.head_kpa,
            curve,
            loss,
            given.heat_ratio,
            given.supply_limit_c,
            given.plate_margin_k,
            given.plate_heating_k_s,
            rated_kw,
            machine.volume_l if given.loop_l is None else given.loop_l,
            0.0 if ratio is None else math.log(ratio),
            given.level_l,
            given.gas_l * (given.gas_kpa + ATMOSPHERE_KPA) if given.static_pressure is not None else NAN,
            given.expansion_per_k,
            float(machine.pressure_in_kpa),
        ]
    )


def pack_points(given: EstimateParameters) -> IntArray:
    """Return (ESTIMATE_INDICES,).

    Raises:
        ValueError: more branches than the arrays hold (configuration refuses it first).
    """
    if max(len(given.branch_flow), len(given.branch_return), len(given.branch_position)) > BRANCHES_MAX:
        raise ValueError(f"more than {BRANCHES_MAX} branches")
    row = np.full(ESTIMATE_INDICES, -1, dtype=np.int64)
    level = given.level if given.static_pressure is None else given.static_pressure
    for column, point in ((EX_FWS_RETURN, given.fws_return), (EX_FWS_FLOW, given.fws_flow), (EX_LEVEL, level)):
        row[column] = -1 if point is None else point
    for column, points in (
        (EX_BRANCH_FLOW, given.branch_flow),
        (EX_BRANCH_RETURN, given.branch_return),
        (EX_BRANCH_POSITION, given.branch_position),
    ):
        row[column : column + len(points)] = points
    return row


def initial_estimates(cdus: int) -> tuple[FloatArray, FloatArray]:
    """Return the state of an estimator that has seen nothing."""
    e = np.zeros((cdus, ESTIMATE_STATE))
    e[:, _UNKNOWN] = NAN
    b = np.zeros((cdus, BRANCHES_MAX, BRANCH_STATE))
    b[:, :, [B_CONDUCTANCE, B_BASE, B_POWER_KW]] = NAN
    return e, b
