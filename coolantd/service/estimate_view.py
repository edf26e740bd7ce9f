"""What the daemon shows of its estimates: exchanger, heat, flow, branches, level. Plain data.

Knows the columns of the estimator's state. Must never know who reads it.
"""

import math
from dataclasses import dataclass

from coolantd.control.estimate_layout import (
    B_BASE,
    B_CONDUCTANCE,
    E_EXCITED,
    E_FILM,
    E_FOULING,
    E_HEAD_BASE,
    E_HEAD_SHARE,
    E_HEAT_FWS_KW,
    E_HEAT_FWS_Z,
    E_HEAT_POWER_KW,
    E_HEAT_POWER_Z,
    E_HEAT_TCS_KW,
    E_JUDGED,
    E_LEAK_LPM,
    E_LIMIT_S,
    E_LOOP_K,
    E_LOOP_K_BASE,
    E_OFFSET_K,
    E_PUMP_LPM,
    E_UA_KW_K,
    EP_WATCHED,
)
from coolantd.control.estimator import baseline_ratio
from coolantd.control.plan import Plan
from coolantd.control.step import ControlState
from coolantd.point import FloatArray


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimateView:
    """The estimates of one CDU; figures are NaN while they are not known.

    Attributes:
        conductance_kw_k: UA at the present flows.
        data_sheet_ratio, baseline_ratio: UA at the rated flows over the data sheet's, and over that when commissioned.
        excited: whether the readings say something about the exchanger now; else its estimate rests.
        offset_k: what the temperature sensors together are off, as seen at the supply.
        heat_tcs_kw, heat_fws_kw, heat_power_kw: by coolant, by facility water, by the racks' power.
        heat_fws_deviation, heat_power_deviation: the coolant's heat less each of the others, in standard deviations.
        pump_flow_lpm: flow that the pumps make at their speed against the measured pressure.
        head_missing_ratio: head that the pumps lack against what they had.
        loop_resistance_ratio: of everything behind the pressure's measuring points over what it was.
        leak_lpm: how fast the expansion vessel empties beyond what cooling down explains.
        limit_s: seconds until a limit is passed with a flow lost.
        judged: whether the sensors' places can be judged now: heat and flow are there.
        branch_ratios: conductance of each branch over what it was.
    """

    cdu: str
    conductance_kw_k: float
    data_sheet_ratio: float
    baseline_ratio: float
    excited: bool
    offset_k: float
    heat_tcs_kw: float
    heat_fws_kw: float
    heat_power_kw: float
    heat_fws_deviation: float
    heat_power_deviation: float
    pump_flow_lpm: float
    head_missing_ratio: float
    loop_resistance_ratio: float
    leak_lpm: float
    limit_s: float
    judged: bool
    branch_ratios: tuple[float, ...]


def estimate_views(plan: Plan, state: ControlState) -> tuple[EstimateView, ...]:
    """Return the estimates of every CDU that has a model, as the last cycle left them."""
    return tuple(
        _estimate(cdu.name, state.e[n], state.eb[n], cdu.estimate.branches)
        for n, cdu in enumerate(plan.cdus)
        if plan.ep[n, EP_WATCHED] == 1.0
    )


def _estimate(name: str, e: FloatArray, b: FloatArray, branches: int) -> EstimateView:
    known = math.isfinite(e[E_UA_KW_K])
    return EstimateView(
        cdu=name,
        conductance_kw_k=float(e[E_UA_KW_K]),
        data_sheet_ratio=1.0 / (1.0 + float(e[E_FILM] + e[E_FOULING])) if known else math.nan,
        baseline_ratio=float(baseline_ratio(e)) if known else math.nan,
        excited=bool(e[E_EXCITED] == 1.0),
        offset_k=float(e[E_OFFSET_K]) if known else math.nan,
        heat_tcs_kw=float(e[E_HEAT_TCS_KW]),
        heat_fws_kw=float(e[E_HEAT_FWS_KW]),
        heat_power_kw=float(e[E_HEAT_POWER_KW]),
        heat_fws_deviation=float(e[E_HEAT_FWS_Z]),
        heat_power_deviation=float(e[E_HEAT_POWER_Z]),
        pump_flow_lpm=float(e[E_PUMP_LPM]),
        head_missing_ratio=float(e[E_HEAD_SHARE] - e[E_HEAD_BASE]),
        loop_resistance_ratio=math.exp(e[E_LOOP_K] - e[E_LOOP_K_BASE]),
        leak_lpm=float(e[E_LEAK_LPM]),
        limit_s=float(e[E_LIMIT_S]),
        judged=bool(e[E_JUDGED] == 1.0),
        branch_ratios=tuple(math.exp(b[k, B_CONDUCTANCE] - b[k, B_BASE]) for k in range(branches)),
    )
