"""What control is told to do: frozen parameters, and the same packed into the arrays the kernels read.

Built by config/ from files; knows none. Indices called *point* count in the snapshot, indices called *actuator* in the
plan's own actuator list; ``None`` where there is none.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from coolantd.control.actuator_plan import NAN, ActuatorParameters, pack_limits
from coolantd.control.actuator_plan import pack_indices as pack_actuator_indices
from coolantd.control.actuator_plan import pack_parameters as pack_actuator_parameters
from coolantd.control.arrays import Fixed
from coolantd.control.branch_plan import BalanceParameters, BranchPlan, pack_branches
from coolantd.control.estimate_layout import ESTIMATE_INDICES, ESTIMATE_PARAMETERS
from coolantd.control.estimate_plan import EstimateParameters, Machine, pack_parameters, pack_points
from coolantd.control.group_plan import GroupParameters, pack_groups
from coolantd.control.layout import (
    C_MODEL_UA_KW_K,
    CDU_INDICES,
    CDU_PARAMETERS,
    LOOP_PARAMETERS,
    LOOPS,
    MODEL_INPUTS,
    POWER_POINTS_MAX,
    PUMPS_MAX,
    REQUIRED_MAX,
    X_MODEL,
    X_POWER,
    X_PUMP,
    X_REQUIRED,
)
from coolantd.control.pump_layout import PUMP_INDICES, PUMPS_PARAMETERS
from coolantd.control.pump_plan import ALL_RUN, PumpGroupParameters, pack_group, pack_pump_points
from coolantd.control.reset_plan import NO_RESET, ResetParameters, ResetPlan, pack_resets, pump_action
from coolantd.control.sensor_plan import SensorPlan
from coolantd.control.stages import INTERPRETED, Stages
from coolantd.control.watch_plan import UNWATCHED, Watched, WatchParameters, pack_watch
from coolantd.point import FloatArray, IntArray
from coolantd.safety.leak_plan import LeakPlan, pack_leaks
from coolantd.safety.watch_layout import WATCH_INDICES, WATCH_PARAMETERS

__all__ = ["NAN", "ActuatorParameters", "Plan", "make_plan"]

NOTHING_MORE: Final = EstimateParameters()
"""No point and no figure besides the model's."""
NO_LEAKS: Final = pack_leaks()
"""No zone is watched."""
NO_SENSORS: Final = SensorPlan()
"""Every reference to a point is one sensor, and nothing is watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopParameters:
    """One loop. Outputs in %, rates in % per second, the setpoint in the unit of the process variable.

    Attributes:
        point: process variable.
        unit: of the process variable and the setpoint.
        gain: % per unit, > 0; the direction of action follows from the loop.
        tracking_time_s: time constant with which the integral is pulled back to the achieved output.
        hold_s: how long a refused reading only holds the output.
        manual_pct: output in manual; None holds.
        setpoint_min, setpoint_max: what an operator may hold the setpoint at.
    """

    point: int
    unit: str
    gain: float
    integral_time_s: float
    derivative_time_s: float
    filter_ratio: float
    tracking_time_s: float
    setpoint_weight_ratio: float
    output_min_pct: float
    output_max_pct: float
    output_rate_pct_per_s: float
    setpoint: float
    setpoint_rate_per_s: float
    hold_s: float
    manual_pct: float | None = None
    setpoint_min: float = -math.inf
    setpoint_max: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelParameters:
    """What control knows of a CDU's exchanger, valve and pipes, and where the model's inputs are measured.

    Attributes:
        return_temp, fws_supply_temp, flow: points, degC, degC and L/min.
        fws_pressure: point, kPa over valve and exchanger on the facility side; None takes the rated one.
        power: points whose sum is the racks' electric power in kW; empty where it is not measured.
        conductance_kw_k: of the exchanger at both rated flows.
        tcs_flow_rated_lpm, fws_flow_rated_lpm: those flows.
        fws_flow_open_lpm: facility flow with the valve wide open at ``fws_pressure_rated_kpa``.
        valve_authority_ratio: share of that pressure over the wide open valve, above 0, at most 1.
        valve_rangeability_ratio: of the equal-percentage valve, above 1.
        tcs_capacity_kj_l_k, fws_capacity_kj_l_k: rho cp; 4.01 for PG25 at 40 degC, 4.16 for water.
        exchanger_l: coolant that holds as much heat as the exchanger's secondary side with its metal.
        pipe_l, tank_l: from the racks to the tank, and the tank; only for the way of measured power.
        plate_lag_s: from a rack's power to its coolant at the rated flow.
        sensor_lag_s: of the temperature sensors. actuator_lag_s: of the valve's actuator besides its stroke.
        deadband_pct: smaller moves of the valve are not asked for.
    """

    return_temp: int
    fws_supply_temp: int
    flow: int
    fws_pressure: int | None
    power: tuple[int, ...] = ()
    conductance_kw_k: float
    tcs_flow_rated_lpm: float
    fws_flow_rated_lpm: float
    fws_flow_open_lpm: float
    fws_pressure_rated_kpa: float
    valve_authority_ratio: float
    valve_rangeability_ratio: float = 50.0
    tcs_capacity_kj_l_k: float = 4.01
    fws_capacity_kj_l_k: float = 4.16
    exchanger_l: float
    pipe_l: float
    tank_l: float
    plate_lag_s: float = 4.0
    sensor_lag_s: float = 2.0
    actuator_lag_s: float = 1.0
    deadband_pct: float = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class CduParameters:
    """One CDU: its two loops, its actuators and what happens when they cannot be trusted.

    Attributes:
        valve: actuator. pumps: actuators, 1 to PUMPS_MAX.
        remote: point that says whether the device obeys us, or None; ``remote_value`` when it does.
        valve_table: rows of (heat load kW, position %), ascending.
        required: points that must be good before failsafe is left.
        disabled: it is watched and never written.
        model: for the feedforward, or None: fixed gains alone.
        estimate: what is held against the model besides; without a model nothing is.
        pump_group: how its pumps share the work.
        reset: what the loops are asked for besides their setpoints.
        watch: limits of its protection.
    """

    name: str
    device: str
    supply_temp: LoopParameters
    pressure: LoopParameters
    valve: int
    pumps: tuple[int, ...]
    dew_point: int | None
    dew_point_design_c: float
    dew_point_margin_k: float
    heat: int | None
    remote: int | None
    remote_value: int
    failsafe_speed_pct: float
    valve_table: tuple[tuple[float, float], ...]
    wants_manual: bool
    required: tuple[int, ...]
    disabled: bool = False
    model: ModelParameters | None = None
    estimate: EstimateParameters = NOTHING_MORE
    pump_group: PumpGroupParameters = ALL_RUN
    reset: ResetParameters = NO_RESET
    watch: WatchParameters = UNWATCHED


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything ``step`` needs besides state and snapshot; the arrays hold what the parameters say.

    Attributes:
        branches: the balanced manifolds.
        sensors: votes and watched sensors.
        groups: CDUs that feed one header together.
        leaks: the leak zones.
        stages: the kernels in use; interpreted at first, replaced by ``with_kernels`` when compiled.
    """

    cdus: tuple[CduParameters, ...]
    actuators: tuple[ActuatorParameters, ...]
    period_s: float
    p: FloatArray
    c: FloatArray
    x: IntArray
    tables: FloatArray
    y: IntArray
    f: FloatArray
    limits: FloatArray
    branches: BranchPlan
    groups: tuple[GroupParameters, ...]
    group_x: IntArray
    ep: FloatArray
    ex: IntArray
    h: FloatArray
    k: IntArray
    sensors: SensorPlan = NO_SENSORS
    reset: ResetPlan
    watch_p: FloatArray
    watch_x: IntArray
    leaks: LeakPlan = NO_LEAKS
    stages: Stages = INTERPRETED

    def arrays(self) -> Fixed:
        """Return the arrays as kernels take them."""
        own = (self.p, self.c, self.x, self.tables, self.y, self.f, self.limits)
        b, v, z = self.branches, self.sensors, self.leaks
        more = (self.group_x, self.h, self.k, *self.reset)
        wp, wx = self.watch_p, self.watch_x
        votes = (v.vx, v.vp, v.sx, v.sp)
        return Fixed(*own, b.m, b.x, self.ep, self.ex, *votes, *more, wp, wx, z.p, z.x, z.w, z.dp, z.dx)

    def with_kernels(self, stages: Stages) -> "Plan":
        """Return the same plan carried out by other forms of the same kernels."""
        return replace(self, stages=stages)


def _index(value: int | None) -> int:
    return -1 if value is None else value


def _pack_watch(cdu: CduParameters) -> tuple[FloatArray, IntArray]:
    own = Watched(
        supply=cdu.supply_temp.point,
        loop=cdu.pressure.point,
        dew=cdu.dew_point,
        heat=cdu.heat,
        dew_design_c=cdu.dew_point_design_c,
        dew_margin_k=cdu.dew_point_margin_k,
        unit=cdu.pressure.unit,
        setpoint=cdu.pressure.setpoint,
        valve=cdu.valve,
        pumps=cdu.pumps,
    )
    return pack_watch(cdu.watch, own)


def _pack_loop(loop: LoopParameters, action: float) -> list[float]:
    return [
        loop.gain,
        action,
        loop.integral_time_s,
        loop.derivative_time_s,
        loop.filter_ratio,
        loop.tracking_time_s,
        loop.setpoint_weight_ratio,
        loop.output_min_pct,
        loop.output_max_pct,
        loop.output_rate_pct_per_s,
        loop.setpoint,
        loop.setpoint_rate_per_s,
        loop.hold_s,
        NAN if loop.manual_pct is None else loop.manual_pct,
    ]


def _pack_indices(cdu: CduParameters) -> IntArray:
    if cdu.model is not None and len(cdu.model.power) > POWER_POINTS_MAX:
        raise ValueError(f"{cdu.name}: {len(cdu.model.power)} power points are too many")
    if len(cdu.pumps) > PUMPS_MAX or len(cdu.required) > REQUIRED_MAX:
        raise ValueError(f"{cdu.name}: {len(cdu.pumps)} pumps, {len(cdu.required)} required points are too many")
    row = np.full(CDU_INDICES, -1, dtype=np.int64)
    row[:X_PUMP] = [
        cdu.supply_temp.point,
        cdu.pressure.point,
        _index(cdu.dew_point),
        _index(cdu.heat),
        _index(cdu.remote),
        cdu.valve,
    ]
    row[X_PUMP : X_PUMP + len(cdu.pumps)] = cdu.pumps
    row[X_REQUIRED : X_REQUIRED + len(cdu.required)] = cdu.required
    if cdu.model is not None:
        m = cdu.model
        row[X_MODEL : X_MODEL + MODEL_INPUTS] = [m.return_temp, m.fws_supply_temp, m.flow, _index(m.fws_pressure)]
        row[X_POWER : X_POWER + len(m.power)] = m.power
    return row


def _pack_model(model: ModelParameters | None) -> list[float]:
    if model is None:
        return [NAN] * (CDU_PARAMETERS - C_MODEL_UA_KW_K)
    valve_kpa = model.valve_authority_ratio * model.fws_pressure_rated_kpa
    rest_kpa = model.fws_pressure_rated_kpa - valve_kpa
    return [
        model.conductance_kw_k,
        model.tcs_flow_rated_lpm,
        model.fws_flow_rated_lpm,
        model.fws_flow_open_lpm / math.sqrt(valve_kpa),
        rest_kpa / model.fws_flow_open_lpm**2,
        math.log(model.valve_rangeability_ratio),
        model.tcs_capacity_kj_l_k,
        model.fws_capacity_kj_l_k,
        model.fws_pressure_rated_kpa,
        model.exchanger_l,
        model.pipe_l,
        model.tank_l,
        model.plate_lag_s,
        model.sensor_lag_s,
        model.actuator_lag_s,
        model.deadband_pct,
    ]


def _machine(cdu: CduParameters) -> Machine | None:
    if cdu.model is None:
        return None
    return Machine(
        tcs_flow_rated_lpm=cdu.model.tcs_flow_rated_lpm,
        tcs_capacity_kj_l_k=cdu.model.tcs_capacity_kj_l_k,
        volume_l=2.0 * cdu.model.pipe_l + cdu.model.tank_l + cdu.model.exchanger_l,
        pressure_in_kpa=cdu.pressure.unit == "kPa",
    )


def _pack_tables(cdus: Sequence[CduParameters]) -> FloatArray:
    rows = max((len(cdu.valve_table) for cdu in cdus), default=1)
    tables = np.full((len(cdus), rows, 2), NAN)
    for n, cdu in enumerate(cdus):
        tables[n, : len(cdu.valve_table)] = cdu.valve_table
    return tables


def make_plan(
    cdus: Sequence[CduParameters],
    actuators: Sequence[ActuatorParameters],
    *,
    period_s: float,
    manifolds: Sequence[BalanceParameters] = (),
    sensors: SensorPlan = NO_SENSORS,
    groups: Sequence[GroupParameters] = (),
) -> Plan:
    """Pack parameters into a plan with interpreted kernels.

    Raises:
        ValueError: a CDU has more pumps or required points than the arrays hold (configuration refuses it first).
    """
    p = [[_pack_loop(cdu.supply_temp, -1.0), _pack_loop(cdu.pressure, pump_action(cdu.pressure.unit))] for cdu in cdus]
    c = [
        [
            cdu.dew_point_design_c,
            cdu.dew_point_margin_k,
            cdu.failsafe_speed_pct,
            float(cdu.wants_manual),
            cdu.remote_value,
            float(cdu.disabled),
            *_pack_model(cdu.model),
        ]
        for cdu in cdus
    ]
    n = len(cdus)
    return Plan(
        cdus=tuple(cdus),
        actuators=tuple(actuators),
        period_s=period_s,
        sensors=sensors,
        p=np.array(p, dtype=np.float64).reshape(n, LOOPS, LOOP_PARAMETERS),
        c=np.array(c, dtype=np.float64).reshape(n, CDU_PARAMETERS),
        x=np.array([_pack_indices(cdu) for cdu in cdus], dtype=np.int64).reshape(n, CDU_INDICES),
        tables=_pack_tables(cdus),
        y=pack_actuator_indices(actuators),
        f=pack_actuator_parameters(actuators),
        limits=pack_limits(actuators),
        branches=pack_branches(manifolds),
        ep=np.array([pack_parameters(cdu.estimate, _machine(cdu)) for cdu in cdus]).reshape(n, ESTIMATE_PARAMETERS),
        ex=np.array([pack_points(cdu.estimate) for cdu in cdus], dtype=np.int64).reshape(n, ESTIMATE_INDICES),
        groups=tuple(groups),
        group_x=pack_groups(groups),
        h=np.array([pack_group(cdu.pump_group, len(cdu.pumps)) for cdu in cdus]).reshape(n, PUMPS_PARAMETERS),
        k=np.array([pack_pump_points(cdu.pump_group) for cdu in cdus], dtype=np.int64).reshape(
            n, PUMPS_MAX, PUMP_INDICES
        ),
        watch_p=np.array([_pack_watch(cdu)[0] for cdu in cdus]).reshape(n, WATCH_PARAMETERS),
        watch_x=np.array([_pack_watch(cdu)[1] for cdu in cdus], dtype=np.int64).reshape(n, WATCH_INDICES),
        reset=pack_resets([cdu.reset for cdu in cdus], [cdu.pressure.unit for cdu in cdus]),
    )
