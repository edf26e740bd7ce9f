"""Builds daemon views for tests: a site with one CDU, one manifold and as many points as asked for."""

import dataclasses
from typing import Any

import numpy as np

from coolantd.point import Quality, Reason, Sample, Snapshot, good
from coolantd.service.alarm_view import AlarmsView, AlarmView
from coolantd.service.branch_view import BranchView
from coolantd.service.estimate_view import EstimateView
from coolantd.service.group_view import GroupView
from coolantd.service.leak_view import LeakDetectorView, LeakZoneView
from coolantd.service.model_view import ModelUse, ModelView
from coolantd.service.override_view import OverrideView
from coolantd.service.pump_view import PumpView
from coolantd.service.request_view import RequestView
from coolantd.service.reset_view import PumpLimitView, ResetView
from coolantd.service.view import (
    ActuatorView,
    CduView,
    ConditionView,
    DaemonView,
    DeviceView,
    LoopView,
    PointLabels,
    ReloadView,
)

NAN = float("nan")


LEAKING = LeakZoneView(
    zone="r703",
    kind="branch",
    place="r703",
    level="major",
    worst="major",
    isolated=True,
    power_cut=True,
    found_shut=False,
    blind=False,
    first="manifold1.branch3_leak_rope_v",
    test_left_s=0.0,
    power="under_way",
    bypass="idle",
    valve="idle",
    pumps="idle",
    detectors=(LeakDetectorView(point="manifold1.branch3_leak_rope_v", level="major", wet=True, fault=False),),
)
ASKED = RequestView(kind="power_off", about="leak_zone", name="r703", confirmed=False, attempts=3, age_s=4.0)

ESTIMATE = EstimateView(
    cdu="cdu1",
    conductance_kw_k=251.4,
    data_sheet_ratio=0.93,
    baseline_ratio=0.98,
    excited=True,
    offset_k=0.1,
    heat_tcs_kw=481.0,
    heat_fws_kw=484.0,
    heat_power_kw=475.2,
    heat_fws_deviation=-0.2,
    heat_power_deviation=0.4,
    pump_flow_lpm=1204.0,
    head_missing_ratio=0.01,
    loop_resistance_ratio=1.0,
    leak_lpm=0.02,
    limit_s=NAN,
    judged=True,
    branch_ratios=(1.0, 0.97),
)
"""A healthy CDU's."""


HELD = OverrideView(
    target="cdu1.valve",
    value=60.0,
    unit="%",
    owner="ann",
    uid=1000,
    reason="flushing",
    age_s=10.0,
    left_s=725.0,
    in_force=False,
    standing="outranked: the CDU is not under control",
)
"""An operator's override that failsafe outranks."""


ALARM = AlarmView(
    tag="cdu1/fouling",
    kind="fouling",
    subject="cdu1",
    priority="low",
    state="unacknowledged",
    detail="",
    age_s=12.0,
    raised_age_s=12.0,
    cause="the exchanger is dirty",
    consequence="less heat passes",
    action="clean it",
    first_out=True,
    count=1,
)


def make_labels(count: int) -> PointLabels:
    return PointLabels(
        devices=tuple("cdu1" for _ in range(count)),
        points=tuple(f"temp_{i}_c" for i in range(count)),
        units=tuple("degC" for _ in range(count)),
    )


def make_snapshot(samples: list[Sample], age_s: float = 0.25) -> Snapshot:
    """A snapshot of samples, all of one age; ``bad(WAITING_FOR_INITIAL_DATA)`` ones have no age."""
    waiting = Reason.WAITING_FOR_INITIAL_DATA
    return Snapshot(
        value=np.array([sample.value for sample in samples], dtype=np.float64),
        quality=np.array([int(sample.quality) for sample in samples], dtype=np.int64),
        reason=np.array([int(sample.reason) for sample in samples], dtype=np.int64),
        age_s=np.array([np.inf if sample.reason is waiting else age_s for sample in samples], dtype=np.float64),
    )


def uncertain(value: float, reason: Reason) -> Sample:
    return Sample(value, Quality.UNCERTAIN, reason, 0.0)


def make_view(samples: list[Sample] | None = None, **changes: Any) -> DaemonView:
    """A healthy daemon in automatic, with the given samples as its points."""
    samples = [good(34.5, 0.0), good(90.0, 0.0)] if samples is None else samples
    view = DaemonView(
        version="0.1.0",
        site="test-row",
        uptime_s=3723.0,
        ready=True,
        ready_cause="",
        kernel="compiled",
        cycles=1000,
        labels=make_labels(len(samples)),
        snapshot=make_snapshot(samples),
        loops=(
            LoopView(
                cdu="cdu1",
                loop="supply_temp",
                unit="degC",
                setpoint_target=34.0,
                setpoint=34.0,
                process_variable=34.5,
                output_pct=42.0,
            ),
        ),
        models=(
            ModelView(
                cdu="cdu1",
                use=ModelUse.IN_USE,
                bias_k=-0.4,
                trim_k=0.1,
                supply_temp_c=34.9,
                valve_wanted_pct=43.0,
            ),
        ),
        branches=(
            BranchView(
                manifold="manifold1",
                branch="r701",
                state="balanced",
                heat_kw=60.0,
                share_wanted_ratio=0.6,
                share_ratio=0.58,
                coolant_rise_k=11.5,
                valve_target_pct=100.0,
            ),
            BranchView(
                manifold="manifold1",
                branch="r702",
                state="open",
                heat_kw=NAN,
                share_wanted_ratio=NAN,
                share_ratio=NAN,
                coolant_rise_k=NAN,
                valve_target_pct=100.0,
            ),
        ),
        groups=(
            GroupView(group="hall2", cdu="cdu1", state="member", output_pct=61.0),
            GroupView(group="hall2", cdu="cdu2", state="out", output_pct=75.0),
        ),
        resets=(
            ResetView(
                cdu="cdu1",
                loop="pressure",
                unit="L/min",
                use="trimming",
                setpoint=812.5,
                configured=1200.0,
                needed=800.0,
                requests=0,
            ),
            ResetView(
                cdu="cdu1",
                loop="supply_temp",
                unit="degC",
                use="inputs_bad",
                setpoint=34.0,
                configured=34.0,
                needed=NAN,
                requests=2,
            ),
        ),
        pumps=(PumpView(cdu="cdu1", device="cdu1", point="pump1_speed_setpoint_pct", role="duty", run_h=4120.0),),
        pump_limits=(PumpLimitView(cdu="cdu1", in_charge="maximum_pressure", age_s=75.0, low_pct=30.0, high_pct=61.0),),
        actuators=(
            ActuatorView(
                device="cdu1",
                point="fws_valve_position_setpoint_pct",
                role="facility_valve",
                command_pct=42.0,
                position_pct=41.5,
                refusal="",
            ),
        ),
        alarms=AlarmsView(alarms=(ALARM,), announced_10min=1),
        cdus=(CduView(name="cdu1", mode="automatic", cause="", mode_age_s=600.0),),
        devices=(
            DeviceView(name="cdu1", transport="modbus_tcp", endpoint="127.0.0.1:502/1", up=True, fault=""),
            DeviceView(name="manifold1", transport="mqtt", endpoint="manifold/1", up=False, fault="timeout"),
        ),
        reload=ReloadView(successful=True, success_time_s=1.7e9, digest="0123456789ab", error=""),
        broker_connected=True,
    )
    return dataclasses.replace(view, **changes)


FOULED = ConditionView(
    cdu="cdu1",
    condition="fouling",
    detail="",
    age_s=300.0,
    cause="the exchanger passes less heat",
    consequence="the valve has less left",
    action="clean it",
)
"""A condition to show."""
