"""Paints the view: gathers what the rooms know into one plain picture. Changes nothing."""

import dataclasses
import math

from coolantd import __version__
from coolantd.config.load import Loaded
from coolantd.control.layout import (
    D_CAUSE,
    D_MODE,
    D_MODE_S,
    PRESSURE,
    S_OUTPUT,
    S_SETPOINT_USED,
    SUPPLY_TEMP,
)
from coolantd.point import Quality, Snapshot
from coolantd.safety.actuator_modes import AM_MODE
from coolantd.safety.envelope import Refusal
from coolantd.safety.envelope_layout import T_LEFT, T_TOTAL
from coolantd.safety.hazards import Hazard
from coolantd.safety.latch import H_ACTIVE
from coolantd.safety.modes import IN_CONTROL, Cause, Mode
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.branch_view import branch_views
from coolantd.service.claim_view import claim_of
from coolantd.service.cycle import Cycle
from coolantd.service.estimate_view import estimate_views
from coolantd.service.fleet import Fleet
from coolantd.service.group_view import group_views
from coolantd.service.leak_view import leak_zone_views
from coolantd.service.model_view import model_views
from coolantd.service.override_view import override_views
from coolantd.service.pump_view import pump_views
from coolantd.service.request_view import RequestView
from coolantd.service.reset_view import pump_limit_views, reset_views
from coolantd.service.trial_record import loop_under_trial
from coolantd.service.view import ActuatorView, CduView, DaemonView, DeviceView, LoopView, ReloadView
from coolantd.service.vote_view import vote_views

AS_CONFIGURED = IN_CONTROL | {Mode.DISABLED}
"""A CDU in one of these is not what keeps the daemon from being ready."""


def portray(
    *,
    cycle: Cycle,
    loaded: Loaded,
    fleet: Fleet,
    reload: ReloadView,
    alarms: AlarmsView,
    compiled: bool,
    requests: tuple[RequestView, ...],
    now_s: float,
    begun_s: float,
) -> DaemonView:
    """Return the daemon at one instant; point samples are of ``now_s``, decisions of the last cycle."""
    snapshot = cycle.judged(now_s)
    cdus = _cdus(cycle)
    waiting = [f"{cdu.name} is in {cdu.mode}: {cdu.cause}" for cdu in cdus if cdu.mode not in _labels()]
    cause = "; ".join(waiting) if cdus else "no cycle has completed yet" * (cycle.decision is None)
    return DaemonView(
        version=__version__,
        site=loaded.config.site.name,
        uptime_s=now_s - begun_s,
        ready=not cause,
        ready_cause=cause,
        kernel="compiled" if compiled else "interpreted",
        cycles=cycle.completed,
        labels=cycle.table.labels,
        snapshot=snapshot,
        loops=_loops(cycle, snapshot),
        pumps=pump_views(cycle.plan, cycle.state),
        models=model_views(cycle.plan, cycle.state, [each.lease is not None for each in cycle.writer.actuators]),
        branches=branch_views(cycle.plan, cycle.state),
        groups=group_views(cycle.plan, cycle.state),
        resets=reset_views(cycle.plan, cycle.state),
        pump_limits=pump_limit_views(cycle.plan, cycle.state),
        actuators=_actuators(cycle, snapshot, now_s),
        cdus=cdus,
        devices=tuple(_with_local(cycle, device) for device in fleet.views(now_s)),
        reload=reload,
        broker_connected=None if fleet.mqtt is None else fleet.mqtt.link.connected,
        buses=fleet.bus_views(),
        estimates=estimate_views(cycle.plan, cycle.state),
        conditions=cycle.conditions.views(now_s),
        overrides=override_views(cycle.state.overrides, now_s),
        alarms=alarms,
        votes=vote_views(cycle.plan, cycle.state, cycle.seen),
        leak_zones=leak_zone_views(cycle.plan.leaks, (cycle.state.leak_z, cycle.state.leak_d)),
        requests=requests,
    )


def _with_local(cycle: Cycle, device: DeviceView) -> DeviceView:
    """Return a device with what only the writer knows: who put it to local."""
    return dataclasses.replace(device, put_local=True) if cycle.writer.left_to_local(device.name) else device


def _labels() -> tuple[str, ...]:
    return tuple(mode.label for mode in AS_CONFIGURED)


def _cdus(cycle: Cycle) -> tuple[CduView, ...]:
    """Return every CDU as the state has it: a reload carries that over, so no mode blinks before the next cycle."""
    d = cycle.state.d
    return tuple(
        CduView(
            name=cdu.name,
            mode=Mode(int(d[n, D_MODE])).label,
            cause=_cause(cycle, n).label,
            mode_age_s=float(d[n, D_MODE_S]),
            hazards=tuple(h.label for h in Hazard if cycle.state.hz[n, h, H_ACTIVE] == 1.0),
            trial=loop_under_trial(cycle.state.trials, n),
        )
        for n, cdu in enumerate(cycle.plan.cdus)
    )


def _cause(cycle: Cycle, n: int) -> Cause:
    """Return why a CDU is in its mode; that somebody has put its device to local explains whatever it waits for."""
    if cycle.writer.left_to_local(cycle.plan.cdus[n].device):
        return Cause.PUT_TO_LOCAL
    return Cause(int(cycle.state.d[n, D_CAUSE]))


def _value(snapshot: Snapshot, row: int) -> float:
    return float(snapshot.value[row]) if snapshot.quality[row] != Quality.BAD else math.nan


def _loop(cycle: Cycle, snapshot: Snapshot, n: int, number: int) -> LoopView:
    state, cdu = cycle.state.s[n, number], cycle.plan.cdus[n]
    loop = cdu.supply_temp if number == SUPPLY_TEMP else cdu.pressure
    return LoopView(
        cdu=cdu.name,
        loop="supply_temp" if number == SUPPLY_TEMP else "pressure",
        unit=loop.unit,
        setpoint_target=loop.setpoint,
        setpoint=float(state[S_SETPOINT_USED]),
        process_variable=_value(snapshot, loop.point),
        output_pct=float(state[S_OUTPUT]),
    )


def _loops(cycle: Cycle, snapshot: Snapshot) -> tuple[LoopView, ...]:
    return tuple(
        _loop(cycle, snapshot, n, number) for n in range(len(cycle.plan.cdus)) for number in (SUPPLY_TEMP, PRESSURE)
    )


def _actuators(cycle: Cycle, snapshot: Snapshot, now_s: float) -> tuple[ActuatorView, ...]:
    decision = cycle.decision
    claims = [
        claim_of(i, each, cycle.state, put_local=cycle.writer.left_to_local(each.parameters.device), now_s=now_s)
        for i, each in enumerate(cycle.writer.actuators)
    ]
    return tuple(
        ActuatorView(
            device=outlet.parameters.device,
            point=outlet.parameters.name,
            role=outlet.parameters.role,
            command_pct=outlet.written,
            position_pct=_value(snapshot, outlet.parameters.position),
            refusal="" if decision is None else Refusal(int(decision.refusals[i])).label,
            yield_left_s=math.nan if outlet.lease is None else outlet.lease.left_s(now_s),
            budget_used_ratio=outlet.state.budget.used_ratio(outlet.policy, now_s),
            travelled_strokes=float(cycle.state.travel[i, T_TOTAL]),
            travel_left_strokes=float(cycle.state.travel[i, T_LEFT]),
            mode=Mode(int(cycle.state.am[i, AM_MODE])).label,
            claim=claims[i].claim,
            claim_why=claims[i].why,
            claim_owner=claims[i].owner,
            claim_left_s=claims[i].left_s,
        )
        for i, outlet in enumerate(cycle.writer.actuators)
    )
