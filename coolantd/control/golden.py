"""A small plan and a short, eventful run of it: compiled kernels must reproduce the interpreted ones to the bit.

Run before a compiled kernel is trusted with a plant, because a damaged cache may load silently (FM-29).
"""

from dataclasses import replace
from typing import Final

import numpy as np

from coolantd.control.branch_plan import BalanceParameters, BranchParameters
from coolantd.control.estimate_plan import EstimateParameters, PumpCurve
from coolantd.control.golden_sensors import more_sensors, voting, with_more_sensors
from coolantd.control.group_plan import GroupParameters
from coolantd.control.plan import ActuatorParameters, CduParameters, LoopParameters, ModelParameters, Plan, make_plan
from coolantd.control.pump_plan import PumpGroupParameters
from coolantd.control.reset_plan import LimitParameters, ResetParameters, TrimParameters
from coolantd.control.step import initial_state, step
from coolantd.control.trial_order import Method, Trial, TrialOrder
from coolantd.point import FloatArray, Quality, Reason, Snapshot
from coolantd.safety.modes import Mode

STEPS: Final = 60
TRIALS_AT: Final = (24, 40)
"""Steps at which a trial of the first and of the second loop begins."""
_POINTS: Final = 9
_SUPPLY_TEMP, _PRESSURE, _VALVE, _PUMP, _VALVE_READBACK, _PUMP_READBACK, _DEW, _HEAT, _REMOTE = range(_POINTS)


def _loop(point: int, unit: str, gain: float, setpoint: float, rate: float) -> LoopParameters:
    return LoopParameters(
        point=point,
        unit=unit,
        gain=gain,
        integral_time_s=12.0,
        derivative_time_s=1.5,
        filter_ratio=8.0,
        tracking_time_s=12.0,
        setpoint_weight_ratio=0.7,
        output_min_pct=25.0,
        output_max_pct=100.0,
        output_rate_pct_per_s=rate,
        setpoint=setpoint,
        setpoint_rate_per_s=0.1,
        hold_s=0.5,
    )


def _actuator(name: str, role: str, minimum: float, position: int, readback: int) -> ActuatorParameters:
    return ActuatorParameters(
        device="golden",
        name=name,
        role=role,
        minimum=minimum,
        maximum=100.0,
        zero_allowed=role == "pump",
        slew_pct_per_s=4.0,
        position=position,
        readback=readback,
        cdu=0,
        failsafe_pct=75.0 if role == "pump" else float("nan"),
    )


def golden_plan() -> Plan:
    """Return a plan with one CDU that uses every branch of the kernels the run below can reach."""
    cdu = CduParameters(
        name="golden",
        device="golden",
        supply_temp=_loop(_SUPPLY_TEMP, "degC", 3.0, 34.0, 3.3),
        pressure=_loop(_PRESSURE, "kPa", 0.1, 90.0, 4.0),
        valve=0,
        pumps=(1,),
        dew_point=_DEW,
        dew_point_design_c=18.0,
        dew_point_margin_k=2.0,
        heat=_HEAT,
        remote=_REMOTE,
        remote_value=1,
        failsafe_speed_pct=75.0,
        valve_table=((100.0, 40.0), (900.0, 80.0)),
        wants_manual=False,
        required=tuple(range(_POINTS)),
    )
    actuators = (
        _actuator("valve", "fws_valve", 0.0, _VALVE, _VALVE_READBACK),
        _actuator("pump", "pump", 25.0, _PUMP, _PUMP_READBACK),
    )
    return make_plan((cdu,), actuators, period_s=0.5)


def model_plan() -> Plan:
    """Return the golden plan with a model and resets, fed from those of its points whose numbers pass for inputs."""
    plain = golden_plan()
    model = ModelParameters(
        return_temp=_VALVE_READBACK,
        fws_supply_temp=_DEW,
        flow=_HEAT,
        fws_pressure=_PRESSURE,
        power=(_HEAT,),
        conductance_kw_k=60.0,
        tcs_flow_rated_lpm=700.0,
        fws_flow_rated_lpm=900.0,
        fws_flow_open_lpm=1100.0,
        fws_pressure_rated_kpa=90.0,
        valve_authority_ratio=0.5,
        exchanger_l=30.0,
        pipe_l=60.0,
        tank_l=100.0,
    )
    cdu = replace(plain.cdus[0], model=model, reset=_reset(), estimate=_estimate())
    return make_plan([cdu], plain.actuators, period_s=plain.period_s)


def _estimate() -> EstimateParameters:
    """Return instruments of everything that the estimator compares, fed like the model."""
    return EstimateParameters(
        fws_return=_VALVE,
        fws_flow=_HEAT,
        pumps=PumpCurve(head_kpa=300.0, point_lpm=900.0, point_kpa=120.0, cdu_loss_kpa=40.0),
        branch_flow=(_PRESSURE,),
        branch_position=(_PUMP,),
        branch_rangeability_ratio=50.0,
        static_pressure=_PUMP_READBACK,
        gas_l=24.0,
        gas_kpa=60.0,
    )


def _reset() -> ResetParameters:
    """Return resets and limits that all come into play during the run, fed like the model."""

    def trim(least: float, greatest: float, hot_limit_c: float) -> TrimParameters:
        return TrimParameters(
            least=least,
            greatest=greatest,
            period_s=2.0,
            trim=0.4,
            respond=0.7,
            requests_max=3.0,
            ignored_requests=0.0,
            delay_s=1.0,
            hot_limit_c=hot_limit_c,
        )

    def limit(point: int, limit: float, gain: float) -> LimitParameters:
        return LimitParameters(point=point, limit=limit, gain=gain, integral_time_s=4.0)

    return ResetParameters(
        supply_temp=trim(33.0, 36.0, 35.0),
        pump=trim(40.0, 120.0, 52.0),
        rise_limit_k=12.0,
        volume_l=30.0,
        flow=_HEAT,
        returns=(_VALVE_READBACK, _SUPPLY_TEMP),
        branches=(_PUMP_READBACK,),
        hot=(_SUPPLY_TEMP,),
        minimum_flow=limit(_HEAT, 300.0, 0.05),
        maximum_pressure=limit(_PRESSURE, 91.0, 2.0),
        maximum_return_temp=limit(_VALVE_READBACK, 49.5, 1.0),
        flow_table=((20.0, 80.0), (35.0, 95.0)),
        inlet=_SUPPLY_TEMP,
    )


def branch_plan() -> Plan:
    """Return the golden plan with a manifold of two branches and a bypass, fed from points that pass for theirs."""
    plain = golden_plan()
    valve = replace(plain.actuators[0], device="manifold", role="branch_valve", minimum=0.0, readback=None, cdu=None)
    valve = replace(valve, paths=0, fed_by=0)
    valves = [replace(valve, name=f"branch{k}", position=at) for k, at in enumerate((_VALVE, _PUMP))]
    valves.append(replace(valve, name="bypass", role="bypass_valve", position=_PUMP_READBACK))
    branches = [
        BranchParameters(name="1", actuator=2, flow=_PRESSURE, supply_temp=_DEW, return_temp=_SUPPLY_TEMP),
        BranchParameters(name="2", actuator=3, flow=_PUMP, supply_temp=_DEW, return_temp=_VALVE_READBACK, power=_HEAT),
    ]
    manifolds = [
        BalanceParameters(name="linear", cdu=0, branches=tuple(branches), period_s=5.0, coolant_rise_max_k=40.0),
        BalanceParameters(name="curved", cdu=0, branches=tuple(branches), period_s=4.0, rangeability_ratio=50.0),
    ]
    actuators = (*plain.actuators, *valves)
    return make_plan(plain.cdus, actuators, period_s=plain.period_s, manifolds=manifolds)


def voting_plan() -> Plan:
    """Return the model plan with several sensors of supply temperature, pressure and dew point."""
    plain = model_plan()
    sensors = more_sensors(_POINTS, _SUPPLY_TEMP, _PRESSURE, _DEW)
    return make_plan([voting(plain.cdus[0], _POINTS)], plain.actuators, period_s=plain.period_s, sensors=sensors)


def group_plan() -> Plan:
    """Return the golden plan with a second CDU of other gains on the same header: both see the same points."""
    plain = golden_plan()
    (cdu,), others = plain.cdus, [replace(each, device="other", cdu=1) for each in plain.actuators]
    pressure = replace(cdu.pressure, gain=0.3, output_min_pct=40.0)
    other = replace(cdu, name="other", device="other", pressure=pressure, valve=2, pumps=(3,))
    groups = [GroupParameters(name="group", cdus=(0, 1))]
    return make_plan([cdu, other], [*plain.actuators, *others], period_s=plain.period_s, groups=groups)


def golden_plans() -> tuple[Plan, ...]:
    """Return every plan that compiled kernels have to reproduce."""
    return golden_plan(), model_plan(), branch_plan(), voting_plan(), group_plan(), pumps_plan()


def pumps_plan() -> Plan:
    """Return the golden plan with two pumps of which one is to run; the first one trips."""
    plain = golden_plan()
    valve, pump = plain.actuators
    first = replace(pump, name="pump1")
    second = replace(pump, name="pump2", position=_VALVE, readback=_VALVE_READBACK)
    group = PumpGroupParameters(duty=1, rotation_s=10.0, run_times=(_HEAT, _DEW))
    cdu = replace(plain.cdus[0], pumps=(1, 2), pump_group=group)
    return make_plan([cdu], [valve, first, second], period_s=plain.period_s)


def _snapshot(k: int, plan: Plan) -> Snapshot:
    seen = _plain_snapshot(k)
    return with_more_sensors(seen, k, _SUPPLY_TEMP, _DEW) if plan.sensors.votes else seen


def _plain_snapshot(k: int) -> Snapshot:
    value = np.array([34.0 + 2.0 * np.sin(k / 5.0), 88.0 + k / 10.0, 50.0, 70.0, 50.0, 70.0, 17.0, 20.0 * k, 1.0])
    quality = np.full(_POINTS, int(Quality.GOOD), dtype=np.int64)
    reason = np.zeros(_POINTS, dtype=np.int64)
    if k % 20 in (12, 13, 14):  # a refused supply temperature, longer than its hold time
        value[_SUPPLY_TEMP], quality[_SUPPLY_TEMP] = np.nan, int(Quality.BAD)
        reason[_SUPPLY_TEMP] = int(Reason.OUT_OF_RANGE)
    if k > 50:  # the dew point rises above the setpoint and its sensor then fails
        value[_DEW] = 35.0
        quality[_DEW] = int(Quality.BAD if k > 55 else Quality.GOOD)
    if 36 < k < 49:  # the pump trips and comes back
        value[_PUMP] = 20.0
    if k in (32, 33, 34):  # another writer has the valve
        reason[_VALVE_READBACK] = int(Reason.LOCAL_OVERRIDE)
    return Snapshot(value, quality, reason, np.zeros(value.size))


def _trial(loop: int) -> Trial:
    """Return a trial that holds one loop while the run leaves it alone, and takes its actuator with it."""
    order = TrialOrder(cdu=0, loop=loop, method=Method.PATTERN, amplitude_pct=3.0, segments=((2.0, 1.0), (2.0, -1.0)))
    return Trial(
        order=order,
        base_pct=(55.0, 60.0),
        actuator_base_pct=float("nan"),
        began_at=(34.0, 90.0),
        power_kw=float("nan"),
        mode=int(Mode.AUTOMATIC),
        lease_left_s=order.limits.lease_s,
    )


def golden_trace(plan: Plan) -> FloatArray:
    """Run ``STEPS`` steps of a plan and return (STEPS, …) commands, outputs, modes and the pumps' state."""
    state = initial_state(plan)
    rows = []
    for k in range(STEPS):
        if k in TRIALS_AT:
            state = replace(state, trials=(_trial(TRIALS_AT.index(k)),))
        state, decision = step(plan, state, _snapshot(k, plan), 0.5 * k)
        told = (decision.commands, decision.outputs, decision.modes, decision.setpoints)
        noticed = (decision.conditions, decision.details)
        remembered = (
            state.branch_b,
            state.group_d,
            state.vs,
            state.ss,
            state.g,
            state.u,
            state.reset,
            state.e,
            state.eb,
            state.hz,
            state.watch_d,
            state.am,
        )
        rows.append(np.concatenate([part.ravel() for part in (*told, *noticed, *remembered)]))
    return np.array(rows, dtype=np.float64)
