"""From a CDU's configured resets, pump limits and flow table to control's parameters. Cross-checked before."""

from collections.abc import Callable
from typing import Final

from coolantd.config.models import CduConfig, PressureLoopConfig
from coolantd.config.pump_models import PumpResetConfig, SupplyResetConfig
from coolantd.control.reset_plan import NAN, LimitParameters, ResetParameters, TrimParameters

PCT: Final = 0.01


def reset_parameters(cdu: CduConfig, point: Callable[[str], int]) -> ResetParameters:
    """Return what the reset stage is told of a CDU.

    Args:
        cdu: configured.
        point: returns the row of a ``device.point``.
    """
    loop, supply = cdu.pressure, cdu.supply_temp.reset
    reset = loop.reset

    def points(references: tuple[str, ...]) -> tuple[int, ...]:
        return tuple(point(reference) for reference in references)

    minimum_flow, maximum_pressure, maximum_return_temp = _limits(loop, point)
    return ResetParameters(
        supply_temp=None if supply is None else _supply_trim(supply),
        pump=None if reset is None else _pump_trim(reset, loop),
        rise_limit_k=NAN if reset is None or reset.rise_limit_k is None else reset.rise_limit_k,
        volume_l=0.0 if reset is None or reset.return_volume_l is None else reset.return_volume_l,
        flow=None if reset is None or reset.flow is None else point(reset.flow),
        returns=() if reset is None else points(reset.return_temps),
        branches=() if reset is None else points(reset.branch_valves),
        hot=() if supply is None else points(supply.hot_temps),
        minimum_flow=minimum_flow,
        maximum_pressure=maximum_pressure,
        maximum_return_temp=maximum_return_temp,
        flow_table=tuple((row.inlet_temp_c, row.flow_lpm) for row in loop.flow_table),
        inlet=None if loop.inlet_temp is None else point(loop.inlet_temp),
    )


def _limits(loop: PressureLoopConfig, point: Callable[[str], int]) -> tuple[LimitParameters | None, ...]:
    flow, pressure, hot = loop.minimum_flow, loop.maximum_pressure, loop.maximum_return_temp

    def limit(process_variable: str, value: float, gain: float, integral_time_s: float) -> LimitParameters:
        return LimitParameters(point=point(process_variable), limit=value, gain=gain, integral_time_s=integral_time_s)

    return (
        None
        if flow is None
        else limit(flow.process_variable, flow.limit_lpm, flow.gain_pct_per_lpm, flow.integral_time_s),
        None
        if pressure is None
        else limit(pressure.process_variable, pressure.limit_kpa, pressure.gain_pct_per_kpa, pressure.integral_time_s),
        None if hot is None else limit(hot.process_variable, hot.limit_c, hot.gain_pct_per_k, hot.integral_time_s),
    )


def _supply_trim(reset: SupplyResetConfig) -> TrimParameters:
    return TrimParameters(
        least=reset.setpoint_min_c,
        greatest=reset.setpoint_max_c,
        period_s=reset.period_s,
        trim=reset.trim_k,
        respond=reset.respond_k,
        requests_max=reset.respond_max_k / reset.respond_k,
        ignored_requests=float(reset.ignored_requests),
        delay_s=reset.start_delay_s,
        hot_limit_c=reset.hot_limit_c,
    )


def _pump_trim(reset: PumpResetConfig, loop: PressureLoopConfig) -> TrimParameters:
    least, greatest = reset.limits(loop.unit)
    if least is None or greatest is None:
        raise ValueError("a pump reset without limits")
    return TrimParameters(
        least=least,
        greatest=greatest,
        period_s=reset.period_s,
        trim=reset.trim_pct * PCT * loop.setpoint,
        respond=reset.respond_pct * PCT * loop.setpoint,
        requests_max=reset.respond_max_pct / reset.respond_pct,
        ignored_requests=float(reset.ignored_requests),
        delay_s=reset.start_delay_s,
        hot_limit_c=NAN if reset.return_limit_c is None else reset.return_limit_c,
    )
