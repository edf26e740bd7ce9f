"""What the pumps are asked for, in several ways, with the same supply law: constant flow, a reset of flow or pressure.

Knows how to change a scenario plan's pump loop; no plant. The resets look at the racks' outlets as a manifold's sensors
show them, and at the CDU's own flow meter.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from scenario_control import DATA_SHEET, POINT, Controller, Ours, make_scenario_plan

from coolantd.control.plan import CduParameters, ModelParameters, Plan, make_plan
from coolantd.control.reset_plan import NO_RESET, ResetParameters, TrimParameters
from coolantd.control.stages import Stages

RATED_LPM: Final = 1215.0
LEAST_RATIO: Final = 0.3
RISE_MAX_K: Final = 12.0
"""What the static optimum is allowed."""
PUMP_LEAST_PCT: Final = 20.0
"""The plant's pumps move 30 % of the rated flow at 22 % speed."""
RAISE_STROKES: Final = 2.0
"""The flow rises over its whole range in this many strokes of the facility valve: the valve must keep up with it."""
PLATE_L: Final = 100.0
"""What a data sheet says of the plates' heat: 5 s at 1200 L/min; the plant's plates hold as much as 122 L."""
SPAN_KPA: Final = 80.0

MakeController = Callable[[float, float], Controller]


def _trim(least: float, greatest: float, trim: float) -> TrimParameters:
    return TrimParameters(
        least=least,
        greatest=greatest,
        period_s=30.0,
        trim=trim,
        respond=trim,
        requests_max=3.0,
        ignored_requests=0.0,
        delay_s=300.0,
    )


def _by_rise(trim: TrimParameters) -> ResetParameters:
    return ResetParameters(
        pump=trim,
        rise_limit_k=RISE_MAX_K,
        volume_l=PLATE_L,
        flow=POINT["flow"],
        returns=(POINT["rack_return"],),
    )


FLOW_RESET: Final = _by_rise(_trim(LEAST_RATIO * RATED_LPM, 1300.0, 0.04 * RATED_LPM))
PRESSURE_RESET: Final = _by_rise(_trim(9.7, 100.0, 4.0))
"""9.7 kPa move 30 % of the rated flow through the racks."""


def rise_plan(stroke_s: float, period_s: float, model: ModelParameters | None, reset: ResetParameters) -> Plan:
    """Return the scenario plan with a loop that holds the coolant's rise, and what ``reset`` has of limits.

    Gain and time by SIMC for the slowest case, the least flow: -0.55 K/%, 25 s of lag and 25 s of delay.
    """
    plan = make_scenario_plan(stroke_s, period_s, model)
    loop = replace(
        plan.cdus[0].pressure,
        point=POINT["rise"],
        unit="K",
        gain=0.9,
        integral_time_s=30.0,
        tracking_time_s=30.0,
        output_min_pct=PUMP_LEAST_PCT,
        setpoint=RISE_MAX_K,
        setpoint_rate_per_s=1.0,
    )
    return _with_pumps(plan, replace(plan.cdus[0], pressure=loop, reset=reset))


def _with_pumps(plan: Plan, cdu: CduParameters) -> Plan:
    actuators = [replace(a, minimum=PUMP_LEAST_PCT) if a.role == "pump" else a for a in plan.actuators]
    return make_plan([cdu], actuators, period_s=plan.period_s)


def flow_plan(stroke_s: float, period_s: float, model: ModelParameters | None, reset: ResetParameters) -> Plan:
    """Return the scenario plan with a flow loop: constant flow, or reset."""
    plan = make_scenario_plan(stroke_s, period_s, model)
    loop = replace(
        plan.cdus[0].pressure,
        point=POINT["flow"],
        unit="L/min",
        gain=0.03,
        integral_time_s=1.0,
        tracking_time_s=1.0,
        output_min_pct=PUMP_LEAST_PCT,
        setpoint=RATED_LPM,
        setpoint_rate_per_s=RATED_LPM / (RAISE_STROKES * stroke_s),
    )
    return _with_pumps(plan, replace(plan.cdus[0], pressure=loop, reset=reset))


def pressure_plan(stroke_s: float, period_s: float, model: ModelParameters | None, reset: ResetParameters) -> Plan:
    """Return the scenario plan with its pressure loop and a reset."""
    plan = make_scenario_plan(stroke_s, period_s, model)
    rate = SPAN_KPA / (RAISE_STROKES * stroke_s)
    loop = replace(plan.cdus[0].pressure, output_min_pct=PUMP_LEAST_PCT, setpoint_rate_per_s=rate)
    return _with_pumps(plan, replace(plan.cdus[0], pressure=loop, reset=reset))


def demands(kernels: Stages) -> dict[str, MakeController]:
    """Return who competes for the pumps' energy: a name and how to make one for (stroke, period) in seconds."""

    def one(plan: Callable[..., Plan], reset: ResetParameters) -> MakeController:
        return lambda stroke_s, period_s: Ours(plan(stroke_s, period_s, DATA_SHEET, reset), kernels)

    return {
        "ours_flow": one(flow_plan, NO_RESET),
        "ours_dp_reset": one(pressure_plan, PRESSURE_RESET),
        "ours_reset": one(flow_plan, FLOW_RESET),
    }
