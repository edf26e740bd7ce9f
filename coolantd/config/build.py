"""From a validated configuration to what runs: the list of points and control's plan. Opens no file.

Everything here was cross-checked when it was loaded, so a missing name is a programming error and may raise KeyError.
"""

import math
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from coolantd.config.build_branches import balance_parameters, feeding_cdu, fixed_positions
from coolantd.config.build_groups import build_groups
from coolantd.config.build_leaks import build_leaks
from coolantd.config.build_limits import build_limits
from coolantd.config.build_pumps import reset_parameters
from coolantd.config.duty_build import build_pumps
from coolantd.config.estimate_build import build_estimate, fed_branches
from coolantd.config.estimate_models import EstimateConfig
from coolantd.config.load import Loaded
from coolantd.config.models import (
    CduConfig,
    DeviceConfig,
    ManifoldConfig,
    PressureLoopConfig,
    SupplyTempLoopConfig,
)
from coolantd.config.plant_model import ModelConfig
from coolantd.config.sensor_build import sensor_plan, voted_quantities, voted_tag
from coolantd.config.sensorcheck import tags_of
from coolantd.config.setpoint_range import setpoint_range
from coolantd.control.branch_plan import BalanceParameters
from coolantd.control.estimate_plan import EstimateParameters
from coolantd.control.plan import (
    NAN,
    NOTHING_MORE,
    ActuatorParameters,
    CduParameters,
    LoopParameters,
    ModelParameters,
    Plan,
    make_plan,
)
from coolantd.protocol.profile import DifferencePoint, PollClass, Profile, Role, WriteRule
from coolantd.safety.leak_plan import pack_leaks

HOLD_POLLS: Final = 1.5
"""A refused reading holds for this many polls: one never trips and two in a row do, whatever the cycle's jitter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PointSpec:
    """One row of the point table.

    Attributes:
        period_s: how often a sample is due; staleness counts in these. Inf where one holds until the device is lost.
        difference: how it is computed from two other points of its device, or None for a point that is read.
    """

    device: str
    point: str
    unit: str
    period_s: float
    difference: DifferencePoint | None = None


def poll_period_s(device: DeviceConfig, poll: PollClass) -> float:
    """Return how long a poll class is on a device; inf for what is read once."""
    return {
        PollClass.FAST: device.poll_fast_s,
        PollClass.NORMAL: device.poll_normal_s,
        PollClass.SLOW: device.poll_slow_s,
        # Read when the device comes; what was read then holds until the device is lost, and is bad at once with that.
        PollClass.ONCE: math.inf,
    }[poll]


def _device_points(device: DeviceConfig, profile: Profile) -> Iterator[PointSpec]:
    periods = {r.name: poll_period_s(device, r.poll) for r in profile.registers}
    periods |= {m.name: m.period_s for m in profile.messages if m.write is None}
    units = {r.name: r.unit for r in profile.registers} | {m.name: m.unit for m in profile.messages}
    for name, period_s in periods.items():
        yield PointSpec(device=device.name, point=name, unit=units[name], period_s=period_s)
    for difference in profile.differences:
        slower = max(periods[difference.minuend], periods[difference.subtrahend])
        yield PointSpec(
            device=device.name, point=difference.name, unit=difference.unit, period_s=slower, difference=difference
        )


def point_specs(loaded: Loaded) -> tuple[PointSpec, ...]:
    """Return every point of every device, then every voted point, in the order of the point table."""
    specs = [spec for device in loaded.config.devices for spec in _device_points(device, loaded.profiles[device.name])]
    periods_s = {f"{spec.device}.{spec.point}": spec.period_s for spec in specs}
    for cdu in loaded.config.cdus:
        for tags, quantity in voted_quantities(cdu, loaded.config.sensors).items():
            device, point = voted_tag(cdu, quantity)
            slowest_s = max(periods_s[tag] for tag in tags)
            specs.append(PointSpec(device=device, point=point, unit=quantity.unit, period_s=slowest_s))
    return tuple(specs)


def split_tag(tag: str) -> tuple[str, str]:
    """Return (device, point) of a ``device.point`` reference."""
    device, _, point = tag.partition(".")
    return device, point


def write_rules(profile: Profile) -> dict[str, WriteRule]:
    """Return the writable actuator points of a profile by name."""
    rules = {r.name: r.write for r in profile.registers} | {m.name: m.write for m in profile.messages}
    return {name: rule for name, rule in rules.items() if rule is not None}


class _Builder:
    """Collects actuators while CDUs and manifolds are built, so that each knows its indices."""

    def __init__(self, loaded: Loaded, specs: Sequence[PointSpec]) -> None:
        self.loaded = loaded
        self.index = {(spec.device, spec.point): i for i, spec in enumerate(specs)}
        self.periods_s = {(spec.device, spec.point): spec.period_s for spec in specs}
        self.voted: dict[tuple[str, ...], int] = {}  # of the CDU being built
        self.actuators: list[ActuatorParameters] = []
        self.devices = {device.name: device for device in loaded.config.devices}

    def point(self, reference: str | tuple[str, ...]) -> int:
        return self.index[split_tag(reference)] if isinstance(reference, str) else self.voted[reference]

    def add_actuator(
        self,
        tag: str,
        *,
        slew_pct_per_s: float,
        cdu: int | None,
        fixed_pct: float = NAN,
        failsafe_pct: float = NAN,
        least_pct: float = 0.0,
        paths: int | None = None,
        fed_by: int | None = None,
    ) -> int:
        device, name = split_tag(tag)
        rule = write_rules(self.loaded.profiles[device])[name]
        self.actuators.append(
            ActuatorParameters(
                device=device,
                name=name,
                role=rule.role.value,
                minimum=rule.minimum,
                maximum=rule.maximum,
                zero_allowed=rule.zero_allowed,
                slew_pct_per_s=slew_pct_per_s,
                position=self.index[device, rule.position],
                readback=self.index.get((device, name)),
                cdu=cdu,
                fixed_pct=fixed_pct,
                failsafe_pct=failsafe_pct,
                least_pct=least_pct,
                paths=paths,
                fed_by=fed_by,
                travel_strokes_per_day=math.inf if (most := rule.travel_strokes_per_day_max) is None else most,
            )
        )
        return len(self.actuators) - 1

    def supply_temp(self, cdu: CduConfig) -> LoopParameters:
        loop = cdu.supply_temp
        return self.loop(
            loop,
            unit="degC",
            gain=loop.gain_pct_per_k,
            setpoint=loop.setpoint_c,
            setpoint_rate_per_s=loop.setpoint_rate_k_per_min / 60.0,
            manual_pct=cdu.manual.valve_position_pct,
        )

    def pressure(self, cdu: CduConfig) -> LoopParameters:
        loop = cdu.pressure
        return self.loop(
            loop,
            unit=loop.unit,
            gain=loop.gain,
            setpoint=loop.setpoint,
            setpoint_rate_per_s=loop.setpoint_rate_per_min / 60.0,
            manual_pct=cdu.manual.pump_speed_pct,
        )

    def loop(
        self,
        loop: SupplyTempLoopConfig | PressureLoopConfig,
        *,
        unit: str,
        gain: float,
        setpoint: float,
        setpoint_rate_per_s: float,
        manual_pct: float | None,
    ) -> LoopParameters:
        tags = tags_of(loop.process_variable)
        setpoint_min, setpoint_max = setpoint_range(unit, tags, self.loaded.profiles)
        return LoopParameters(
            point=self.point(loop.process_variable),
            unit=unit,
            gain=gain,
            integral_time_s=loop.integral_time_s,
            derivative_time_s=loop.derivative_time_s,
            filter_ratio=loop.derivative_filter_ratio,
            tracking_time_s=loop.tracking_time_s,
            setpoint_weight_ratio=loop.setpoint_weight_ratio,
            output_min_pct=loop.output_min_pct,
            output_max_pct=loop.output_max_pct,
            output_rate_pct_per_s=loop.output_rate_pct_per_s,
            setpoint=setpoint,
            setpoint_rate_per_s=setpoint_rate_per_s,
            hold_s=HOLD_POLLS * max(self.devices[split_tag(t)[0]].poll_fast_s for t in tags),
            manual_pct=manual_pct,
            setpoint_min=setpoint_min,
            setpoint_max=setpoint_max,
        )

    def required(
        self, supply_temp: int, pressure: int, actuators: tuple[int, ...], remote: int | None
    ) -> tuple[int, ...]:
        wanted = [supply_temp, pressure, *(self.actuators[i].position for i in actuators)]
        wanted += [readback for i in actuators if (readback := self.actuators[i].readback) is not None]
        wanted += [remote] if remote is not None else []
        return tuple(dict.fromkeys(wanted))

    def cdu(self, number: int, cdu: CduConfig) -> CduParameters:
        voted = voted_quantities(cdu, self.loaded.config.sensors)
        self.voted = {tags: self.index[voted_tag(cdu, quantity)] for tags, quantity in voted.items()}
        valve = self.add_actuator(
            cdu.supply_temp.manipulated_variable, slew_pct_per_s=cdu.supply_temp.output_rate_pct_per_s, cdu=number
        )
        pumps = tuple(
            self.add_actuator(
                tag,
                slew_pct_per_s=cdu.pressure.output_rate_pct_per_s,
                cdu=number,
                failsafe_pct=cdu.failsafe.pump_speed_pct,
            )
            for tag in cdu.pressure.manipulated_variables
        )
        rule = self.loaded.profiles[cdu.device].remote_control
        remote = None if rule is None else self.index[cdu.device, rule.point]
        supply_temp, pressure = self.supply_temp(cdu), self.pressure(cdu)
        return CduParameters(
            name=cdu.name,
            device=cdu.device,
            supply_temp=supply_temp,
            pressure=pressure,
            valve=valve,
            pumps=pumps,
            dew_point=self.point(cdu.supply_temp.dew_point),
            dew_point_design_c=cdu.supply_temp.dew_point_design_c,
            dew_point_margin_k=cdu.supply_temp.dew_point_margin_k,
            heat=self.point(cdu.failsafe.heat_load),
            remote=remote,
            remote_value=1 if rule is None else rule.remote_value,
            failsafe_speed_pct=cdu.failsafe.pump_speed_pct,
            valve_table=tuple((r.heat_load_kw, r.valve_position_pct) for r in cdu.failsafe.valve_position_table),
            wants_manual=cdu.mode == "manual",
            disabled=cdu.mode == "disabled",
            required=self.required(supply_temp.point, pressure.point, (valve, *pumps), remote),
            model=None if cdu.model is None else self.model(cdu.model),
            pump_group=build_pumps(cdu.pumps, self.point, self.speed_poll_s(pumps)),
            estimate=NOTHING_MORE if cdu.model is None else self.estimate(number, cdu),
            reset=reset_parameters(cdu, self.point),
            watch=build_limits(cdu, self.point, self.confirm_s),
        )

    def speed_poll_s(self, pumps: tuple[int, ...]) -> float:
        """Return how often the slowest of the pumps' speeds is read."""
        return self.slowest_s([self.actuators[i].position for i in pumps])

    def slowest_s(self, rows: Sequence[int]) -> float:
        """Return how often the slowest of some rows is read."""
        periods_s = list(self.periods_s.values())
        return max(periods_s[row] for row in rows)

    def confirm_s(self, rows: Sequence[int]) -> float:
        """Return by when each of some rows has a second reading."""
        return HOLD_POLLS * self.slowest_s(rows)

    def model(self, model: ModelConfig) -> ModelParameters:
        return ModelParameters(
            return_temp=self.point(model.return_temp),
            fws_supply_temp=self.point(model.fws_supply_temp),
            flow=self.point(model.flow),
            fws_pressure=None if model.fws_pressure is None else self.point(model.fws_pressure),
            power=tuple(self.point(tag) for tag in model.power),
            conductance_kw_k=model.conductance_kw_k,
            tcs_flow_rated_lpm=model.tcs_flow_rated_lpm,
            fws_flow_rated_lpm=model.fws_flow_rated_lpm,
            fws_flow_open_lpm=model.fws_flow_open_lpm,
            fws_pressure_rated_kpa=model.fws_pressure_rated_kpa,
            valve_authority_ratio=model.valve_authority_ratio,
            valve_rangeability_ratio=model.valve_rangeability_ratio,
            tcs_capacity_kj_l_k=model.tcs_heat_capacity_kj_per_l_k,
            fws_capacity_kj_l_k=model.fws_heat_capacity_kj_per_l_k,
            exchanger_l=model.exchanger_l,
            pipe_l=model.pipe_l,
            tank_l=model.tank_l,
            plate_lag_s=model.plate_lag_s,
            sensor_lag_s=model.sensor_lag_s,
            actuator_lag_s=model.actuator_lag_s,
            deadband_pct=model.deadband_pct,
        )

    def estimate(self, number: int, cdu: CduConfig) -> EstimateParameters:
        config, profiles = self.loaded.config, self.loaded.profiles
        fed = [each for each in config.manifolds if feeding_cdu(each, config.cdus) == number]
        branches = fed_branches(fed, lambda device: write_rules(profiles[device]), self.index.get)
        return build_estimate(cdu.estimate or EstimateConfig(), self.point, branches)

    def manifold(self, manifold: ManifoldConfig) -> BalanceParameters | None:
        rules = write_rules(self.loaded.profiles[manifold.device])
        config = self.loaded.config
        fed_by, fixed_pct = feeding_cdu(manifold, config.cdus), fixed_positions(manifold)
        paths = len(config.cdus) + config.manifolds.index(manifold) if fed_by is None else fed_by
        added = {
            name: self.add_actuator(
                f"{manifold.device}.{name}",
                slew_pct_per_s=manifold.branch_valve_rate_pct_per_s,
                cdu=None,
                fixed_pct=fixed_pct[rule.role],
                least_pct=manifold.bypass_valve_position_pct if rule.role is Role.BYPASS_VALVE else 0.0,
                paths=paths,
                fed_by=fed_by,
            )
            for name, rule in rules.items()
            if rule.role in fixed_pct
        }
        valves = {name: i for name, i in added.items() if rules[name].role is Role.BRANCH_VALVE}
        return balance_parameters(manifold, valves, fed_by, self.point)


def build_plan(loaded: Loaded) -> Plan:
    """Return control's plan for a configuration; its point indices count in ``point_specs(loaded)``."""
    return _plan(loaded, point_specs(loaded))


def _plan(loaded: Loaded, specs: Sequence[PointSpec]) -> Plan:
    builder, config = _Builder(loaded, specs), loaded.config
    cdus = [builder.cdu(number, cdu) for number, cdu in enumerate(config.cdus)]
    balanced = [found for manifold in config.manifolds if (found := builder.manifold(manifold)) is not None]
    sensors = sensor_plan(config, config.cdus, builder.index, builder.periods_s, loaded.profiles)
    period_s = config.control.period_s
    groups = build_groups(config)
    plan = make_plan(cdus, builder.actuators, period_s=period_s, manifolds=balanced, sensors=sensors, groups=groups)
    return replace(plan, leaks=pack_leaks(build_leaks(config, builder.actuators, builder.point)))


def build_plan_without(loaded: Loaded, devices: Collection[str]) -> Plan:
    """Return the plan of a configuration without the CDUs and manifolds of some devices; point indices stay."""
    config = loaded.config
    kept = config.model_copy(
        update={
            "cdus": tuple(cdu for cdu in config.cdus if cdu.device not in devices),
            "manifolds": tuple(m for m in config.manifolds if m.device not in devices),
        }
    )
    return _plan(replace(loaded, config=kept), point_specs(loaded))
