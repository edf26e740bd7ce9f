"""What the daemon shows of itself at one instant: read by metrics, HTTP, the control socket and MQTT.

Plain data, made by the app between cycles. Whoever reads it can change nothing.
"""

from dataclasses import dataclass, field

from coolantd.point import Snapshot
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.branch_view import BranchView
from coolantd.service.estimate_view import EstimateView
from coolantd.service.group_view import GroupView
from coolantd.service.leak_view import LeakZoneView
from coolantd.service.model_view import ModelView
from coolantd.service.override_view import OverrideView
from coolantd.service.pump_view import PumpView
from coolantd.service.request_view import RequestView
from coolantd.service.reset_view import PumpLimitView, ResetView
from coolantd.service.vote_view import VoteView


@dataclass(frozen=True, slots=True, kw_only=True)
class PointLabels:
    """Names of the points, in snapshot order; the same object until a reload changes the points."""

    devices: tuple[str, ...]
    points: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopView:
    """One loop: ``loop`` is ``supply_temp`` or ``pressure``; ``unit`` is that of setpoint and process variable.

    ``setpoint`` is the one in force (ramped, dew-point floor applied), ``setpoint_target`` the configured one.
    ``output_pct`` is the demand before the envelope. NaN where unknown.
    """

    cdu: str
    loop: str
    unit: str
    setpoint_target: float
    setpoint: float
    process_variable: float
    output_pct: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActuatorView:
    """One writable point that moves something: what was last commanded, and what is measured; NaN if unknown."""

    device: str
    point: str
    role: str
    command_pct: float
    position_pct: float
    refusal: str
    """Why the envelope refused the last demand; empty if it did not."""
    yield_left_s: float = float("nan")
    """How long its register is still left to another writer; NaN while it is ours."""
    budget_used_ratio: float = float("nan")
    """Writes of the last hour as a share of the register's budget; NaN where it has none."""
    travelled_strokes: float = float("nan")
    """Full strokes of travel that were commanded since the start."""
    travel_left_strokes: float = float("nan")
    """Full strokes that the loops may still command at once; NaN where its wear has no limit."""
    mode: str = "automatic"
    """A ``Mode`` label: an actuator has one of its own."""
    claim: str = "loop"
    """A ``Claim`` label: who has it; why, whose it is and for how long yet, where that is known."""
    claim_why: str = ""
    claim_owner: str = ""
    claim_left_s: float = float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class CduView:
    """One CDU: ``mode`` is a ``Mode`` label, ``cause`` says in words why it is in it (empty if automatic and alone)."""

    name: str
    mode: str
    cause: str
    mode_age_s: float
    hazards: tuple[str, ...] = ()
    """Labels of the hazards in force."""
    trial: str = ""
    """The loop that a test of ``coolantd tune`` holds now; empty while none does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionView:
    """One condition that is so now.

    Attributes:
        condition: a ``Condition`` label.
        detail: which pump, branch or point; empty where it concerns the CDU as a whole.
        cause, consequence, action: for people.
    """

    cdu: str
    condition: str
    detail: str
    age_s: float
    cause: str
    consequence: str
    action: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceView:
    """One device: ``up`` while its last exchange succeeded, ``endpoint`` as ``host:port/unit`` or the MQTT topic."""

    name: str
    transport: str
    endpoint: str
    up: bool
    fault: str
    """Fault of the last failed exchange, or ``paused``; empty while up."""
    paused_left_s: float = 0.0
    """How long its bus stays paused unless it is resumed before; 0 while it is not."""
    texts: tuple[tuple[str, str], ...] = ()
    """(point, text) of what it says of itself: model, serial number, firmware; empty while it is not up."""
    problems: tuple[str, ...] = ()
    """What an operator should know of it, in sentences."""
    wrong: bool = False
    """It answers, and says that it is another device than the one configured."""
    dormant: bool = False
    """It has stopped answering and is only probed."""
    put_local: bool = False
    """Somebody has put it to local control, and it is left to them."""
    points_refused: int = 0
    """Points not read because the device refuses them."""
    settings_wrong: tuple[str, ...] = ()
    """Points of its settings for the loss of communication that are not as its profile expects."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BusView:
    """One Modbus bus: a TCP endpoint, or a serial line with what that has been through since it was made."""

    name: str
    connected: bool
    busy_ratio: float
    """Share of its time spent on requests, averaged over about 30 s."""
    devices: tuple[str, ...]
    line: bool = False
    """It is a serial line; a TCP endpoint keeps none of the counts below."""
    quiet_times: int = 0
    discarded_bytes: int = 0
    loopbacks: int = 0
    loopbacks_missed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ReloadView:
    """The last (re)load of the configuration; ``error`` is the first problem of a failed one, else empty."""

    successful: bool
    success_time_s: float
    """Wall time of the last successful load, seconds since the epoch."""
    digest: str
    """First 12 hex digits of the SHA-256 over the configuration files in force."""
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DaemonView:
    """Everything at one instant."""

    version: str
    site: str
    uptime_s: float
    ready: bool
    ready_cause: str
    """Why not ready; empty when ready."""
    kernel: str
    """``interpreted`` or ``compiled``."""
    cycles: int
    labels: PointLabels
    snapshot: Snapshot
    loops: tuple[LoopView, ...]
    actuators: tuple[ActuatorView, ...]
    cdus: tuple[CduView, ...]
    devices: tuple[DeviceView, ...]
    reload: ReloadView
    broker_connected: bool | None
    """None when no broker is configured."""
    models: tuple[ModelView, ...] = ()
    """Of the CDUs that have one."""
    branches: tuple[BranchView, ...] = ()
    """Of the manifolds that are balanced."""
    groups: tuple[GroupView, ...] = ()
    """Every CDU of every group."""
    resets: tuple[ResetView, ...] = ()
    """Of the setpoints that are reset."""
    pump_limits: tuple[PumpLimitView, ...] = ()
    """Of the CDUs whose pumps have limits."""
    pumps: tuple[PumpView, ...] = ()
    buses: tuple[BusView, ...] = ()
    estimates: tuple[EstimateView, ...] = ()
    """Of the CDUs that have a model."""
    conditions: tuple[ConditionView, ...] = ()
    """What control has noticed and is so now."""
    overrides: tuple[OverrideView, ...] = ()
    """What operators hold."""
    alarms: AlarmsView = field(default_factory=AlarmsView)
    votes: tuple[VoteView, ...] = ()
    """Of every point that several sensors make."""
    leak_zones: tuple[LeakZoneView, ...] = ()
    requests: tuple[RequestView, ...] = ()
    """What is asked of others now."""
