"""The body of ``/metrics``: Prometheus text format 0.0.4 from the view and the daemon's own counters.

Knows the text format and the names of the series. It must never know HTTP, and it never invents a value: what
is unknown (NaN, bad quality, no sample yet) has no series. Point lines are made by hand from cached prefixes,
a chunk at a time, because one render of a large site in a single piece would make a control cycle late.
"""

import asyncio
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from prometheus_client import generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from coolantd.control.branch_layout import BranchState
from coolantd.control.conditions import Condition
from coolantd.control.group_layout import GroupState
from coolantd.control.reset_layout import InCharge, ResetUse
from coolantd.point import Quality
from coolantd.safety.modes import Mode
from coolantd.service.alarm_view import alarm_families
from coolantd.service.claim_series import claim_families
from coolantd.service.estimate_series import estimate_families
from coolantd.service.leak_series import leak_families
from coolantd.service.metrics import Metrics
from coolantd.service.model_view import ModelUse
from coolantd.service.override_view import override_families
from coolantd.service.protection_series import protection_families
from coolantd.service.pump_view import pump_families
from coolantd.service.view import DaemonView, LoopView, PointLabels
from coolantd.service.view_json import QUALITY_LABELS, REASON_LABELS
from coolantd.service.vote_view import MemberUse
from coolantd.units import W_PER_KW

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

CHUNK_LINES: Final = 500
"""Lines between two turns of the event loop: a fraction of a millisecond, so that no cycle is late by it."""

PCT_PER_RATIO: Final = 100.0

Labels = tuple[tuple[str, str], ...]
Rows = Iterable[tuple[Labels, float]]

_POINT_FAMILIES: Final = (
    ("coolantd_point_value", "Last value of a point in its own unit; absent while its quality is bad"),
    ("coolantd_point_quality", "Quality of a point: 0 bad, 1 uncertain, 2 good"),
    (
        "coolantd_point_age_seconds",
        "Time since the request of a point's last sample was sent; absent before the first",
    ),
    ("coolantd_point_not_good", "1 for each point that is not good, with its quality and the reason"),
)


def escape_label(text: str) -> str:
    """Return a label value as it stands between the quotes of the text format."""
    return text.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _header(name: str, documentation: str) -> str:
    return f"# HELP {name} {documentation}\n# TYPE {name} gauge\n"


def _series(name: str, labels: Labels) -> str:
    """Return a series' name and labels, ending where its value begins."""
    inside = ",".join(f'{key}="{escape_label(text)}"' for key, text in labels)
    return f"{name}{{{inside}}} " if inside else f"{name} "


def _family(name: str, documentation: str, rows: Rows) -> str:
    """Return one gauge family without its NaN and infinite rows; empty if no row remains."""
    lines = [f"{_series(name, labels)}{number!r}\n" for labels, number in rows if math.isfinite(number)]
    return _header(name, documentation) + "".join(lines) if lines else ""


class _PointPrefixes:
    """Everything of the point lines that stays the same between two renders."""

    __slots__ = ("age", "labels", "not_good", "quality", "value")

    def __init__(self, labels: PointLabels) -> None:
        self.labels = labels
        self.value: list[str] = []
        self.quality: list[str] = []
        self.age: list[str] = []
        self.not_good: list[str] = []

    def add(self, index: int) -> None:
        device = escape_label(self.labels.devices[index])
        point = escape_label(self.labels.points[index])
        unit = escape_label(self.labels.units[index])
        pair = f'device="{device}",point="{point}"'
        self.value.append(f'coolantd_point_value{{{pair},unit="{unit}"}} ')
        self.quality.append(f"coolantd_point_quality{{{pair}}} ")
        self.age.append(f"coolantd_point_age_seconds{{{pair}}} ")
        self.not_good.append(f"coolantd_point_not_good{{{pair},")


class _OneFamily(Collector):
    """Lets the library format a single family, so that the event loop gets a turn between two."""

    def __init__(self, family: Metric) -> None:
        # Creation times double the series of every counter and say nothing that a counter's reset does not.
        family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
        self._family = family

    def collect(self) -> Iterable[Metric]:
        yield self._family


class PointExposition:
    """Renders ``/metrics``; keeps the point prefixes until a reload brings other labels."""

    def __init__(self) -> None:
        self._prefixes: _PointPrefixes | None = None

    async def render(self, view: DaemonView, metrics: Metrics) -> bytes:
        """Return the whole body, having given the event loop a turn at least every ``CHUNK_LINES`` lines."""
        parts: list[bytes] = []
        for family in metrics.registry.collect():
            parts.append(generate_latest(_OneFamily(family)))
            await asyncio.sleep(0)
        parts.append("".join(_daemon_families(view)).encode())
        await self._render_points(view, parts)
        return b"".join(parts)

    async def _render_points(self, view: DaemonView, parts: list[bytes]) -> None:
        # One instant for all four families, although the loop turns in between.
        snapshot = view.snapshot
        value, age_s = snapshot.value.tolist(), snapshot.age_s.tolist()
        quality, reason = snapshot.quality.tolist(), snapshot.reason.tolist()
        prefixes = await self._prefixes_of(view.labels)
        lines_of: tuple[Callable[[range], list[str]], ...] = (
            lambda rows: _value_lines(prefixes, value, quality, rows),
            lambda rows: [f"{prefixes.quality[i]}{quality[i]}\n" for i in rows],
            lambda rows: [f"{prefixes.age[i]}{age_s[i]:.3f}\n" for i in rows if math.isfinite(age_s[i])],
            lambda rows: _not_good_lines(prefixes, quality, reason, rows),
        )
        for (name, documentation), lines in zip(_POINT_FAMILIES, lines_of, strict=True):
            parts.append(_header(name, documentation).encode())
            for rows in _chunks(len(value)):
                parts.append("".join(lines(rows)).encode())
                await asyncio.sleep(0)

    async def _prefixes_of(self, labels: PointLabels) -> _PointPrefixes:
        cached = self._prefixes
        if cached is not None and cached.labels is labels:
            return cached
        prefixes = _PointPrefixes(labels)
        for rows in _chunks(len(labels.devices)):
            for i in rows:
                prefixes.add(i)
            await asyncio.sleep(0)
        self._prefixes = prefixes
        return prefixes


def _chunks(count: int) -> Iterator[range]:
    for start in range(0, count, CHUNK_LINES):
        yield range(start, min(start + CHUNK_LINES, count))


def _value_lines(prefixes: _PointPrefixes, value: list[float], quality: list[int], rows: range) -> list[str]:
    bad = int(Quality.BAD)
    return [f"{prefixes.value[i]}{value[i]!r}\n" for i in rows if quality[i] != bad and math.isfinite(value[i])]


def _not_good_lines(prefixes: _PointPrefixes, quality: list[int], reason: list[int], rows: range) -> list[str]:
    good = int(Quality.GOOD)
    prefix = prefixes.not_good
    return [
        f'{prefix[i]}quality="{QUALITY_LABELS[quality[i]]}",reason="{REASON_LABELS[reason[i]]}"}} 1\n'
        for i in rows
        if quality[i] != good
    ]


def _daemon_families(view: DaemonView) -> Iterator[str]:
    """Yield readiness, broker, devices, modes, loops and actuators: few lines, in one piece."""
    yield _family("coolantd_ready", "1 while the daemon controls, else 0", [((), int(view.ready))])
    if view.broker_connected is not None:
        connected: Rows = [((), int(view.broker_connected))]
        yield _family("coolantd_mqtt_connected", "1 while connected to the MQTT broker, else 0", connected)
    up: Rows = [((("device", device.name),), int(device.up)) for device in view.devices]
    yield _family("coolantd_device_up", "1 while a device answers and is the one configured, else 0", up)
    paused: Rows = [((("device", device.name),), int(device.paused_left_s > 0.0)) for device in view.devices]
    yield _family("coolantd_device_paused", "1 while a device's bus is paused by an operator, else 0", paused)
    wrong: Rows = [((("device", device.name),), int(device.wrong)) for device in view.devices]
    yield _family(
        "coolantd_device_identity_wrong", "1 while a device answers and says that it is another one, else 0", wrong
    )
    texts: Rows = [
        ((("device", device.name), ("point", point), ("text", text)), 1)
        for device in view.devices
        for point, text in device.texts
    ]
    yield _family("coolantd_device_text_info", "What a device says of itself in text", texts)
    yield _family("coolantd_cdu_mode", "1 for the mode a CDU is in, 0 for every other", _mode_rows(view))
    tested = [((("cdu", each.name),), int(bool(each.trial))) for each in view.cdus]
    yield _family("coolantd_cdu_trial_active", "1 while coolantd tune tests a loop of a CDU, else 0", tested)
    yield _family("coolantd_cdu_condition", "1 while control has noticed this of a CDU, else 0", _condition_rows(view))
    yield _family("coolantd_vote_member_used", "1 while a sensor makes its voted point, else 0", _member_rows(view))
    yield from (_family(*family) for family in alarm_families(view.alarms))
    yield from _loop_families(view.loops)
    yield from _model_families(view)
    yield from _branch_families(view)
    members = [((("cdu", each.cdu), ("group", each.group)), each) for each in view.groups]
    yield _family(
        "coolantd_group_state",
        "1 for what a CDU is to its group (member, joining, out), 0 for every other",
        [((*labels, ("state", s.label)), int(each.state == s.label)) for labels, each in members for s in GroupState],
    )
    yield from (_family(*family) for family in estimate_families(view.estimates))
    yield from _reset_families(view)
    yield from (_family(*family) for family in pump_families(view.pumps))
    yield from (_family(*family) for family in override_families(view.overrides))
    yield from (_family(*family) for family in claim_families(view.actuators))
    yield from (_family(*family) for family in protection_families(view.cdus, view.actuators))
    yield from (_family(*family) for family in leak_families(view.leak_zones, view.requests))
    yield from _actuator_families(view)


def _mode_rows(view: DaemonView) -> Rows:
    for cdu in view.cdus:
        for mode in Mode:
            yield (("cdu", cdu.name), ("mode", mode.label)), int(cdu.mode == mode.label)


def _member_rows(view: DaemonView) -> Rows:
    for vote in view.votes:
        for member in vote.members:
            yield (("cdu", vote.cdu), ("vote", vote.tag), ("member", member.tag)), int(member.use == MemberUse.USED)


def _condition_rows(view: DaemonView) -> Rows:
    active = {(each.cdu, each.condition) for each in view.conditions}
    for cdu in view.cdus:
        for condition in Condition:
            yield (("cdu", cdu.name), ("condition", condition.label)), int((cdu.name, condition.label) in active)


def _loop_families(loops: tuple[LoopView, ...]) -> Iterator[str]:
    named = [((("cdu", loop.cdu), ("loop", loop.loop)), loop) for loop in loops]
    with_unit = [((*labels, ("unit", loop.unit)), loop) for labels, loop in named]
    yield _family(
        "coolantd_loop_setpoint",
        "Setpoint in force of a control loop, in the loop's unit",
        [(labels, loop.setpoint) for labels, loop in with_unit],
    )
    yield _family(
        "coolantd_loop_process_variable",
        "Process variable of a control loop, in the loop's unit",
        [(labels, loop.process_variable) for labels, loop in with_unit],
    )
    yield _family(
        "coolantd_loop_deviation",
        "Process variable minus setpoint of a control loop, in the loop's unit",
        [(labels, loop.process_variable - loop.setpoint) for labels, loop in with_unit],
    )
    yield _family(
        "coolantd_loop_output_ratio",
        "What a control loop asks for before the last gate, 0 to 1",
        [(labels, loop.output_pct / PCT_PER_RATIO) for labels, loop in named],
    )


def _model_families(view: DaemonView) -> Iterator[str]:
    named = [((("cdu", model.cdu),), model) for model in view.models]
    yield _family(
        "coolantd_model_state",
        "1 for what a CDU's model is doing (in_use, following), or for why it is not used, 0 for every other",
        [((*labels, ("state", use.value)), int(model.use == use)) for labels, model in named for use in ModelUse],
    )
    yield _family(
        "coolantd_model_bias_kelvin",
        "Supply temperature measured less expected by a CDU's model, low-passed",
        [(labels, model.bias_k) for labels, model in named],
    )
    yield _family(
        "coolantd_model_valve_ratio",
        "Where a CDU's model would have the facility valve, 0 to 1",
        [(labels, model.valve_wanted_pct / PCT_PER_RATIO) for labels, model in named],
    )


def _branch_families(view: DaemonView) -> Iterator[str]:
    named = [((("manifold", each.manifold), ("branch", each.branch)), each) for each in view.branches]
    yield _family(
        "coolantd_branch_state",
        "1 for what becomes of a balanced branch (balanced, open, short, held), 0 for every other",
        [((*labels, ("state", s.label)), int(each.state == s.label)) for labels, each in named for s in BranchState],
    )
    yield _family(
        "coolantd_branch_share_wanted_ratio",
        "Share of its manifold's heat that a branch carries, which is the share of the flow it should have",
        [(labels, each.share_wanted_ratio) for labels, each in named],
    )
    yield _family(
        "coolantd_branch_share_ratio",
        "Share of its manifold's flow that a branch has",
        [(labels, each.share_ratio) for labels, each in named],
    )
    yield _family(
        "coolantd_branch_coolant_rise_kelvin",
        "Coolant rise that a branch's heat and flow come to",
        [(labels, each.coolant_rise_k) for labels, each in named],
    )
    yield _family(
        "coolantd_branch_heat_watts",
        "Heat of a branch, low-passed",
        [(labels, each.heat_kw * W_PER_KW) for labels, each in named],
    )


def _reset_families(view: DaemonView) -> Iterator[str]:
    named = [((("cdu", each.cdu), ("loop", each.loop)), each) for each in view.resets]
    yield _family(
        "coolantd_reset_state",
        "1 for what the reset of a setpoint is doing, or for why it is not in force, 0 for every other",
        [((*labels, ("state", use.label)), int(each.use == use.label)) for labels, each in named for use in ResetUse],
    )
    yield _family(
        "coolantd_reset_setpoint",
        "Where a reset wants its setpoint, before ramp and dew-point floor, in the loop's unit",
        [((*labels, ("unit", each.unit)), each.setpoint) for labels, each in named],
    )
    yield _family(
        "coolantd_reset_requests",
        "Requests of a reset's last whole period",
        [(labels, each.requests) for labels, each in named],
    )
    yield _family(
        "coolantd_pump_in_charge",
        "1 for the controller that a CDU's pump speed comes from, 0 for every other; only where the pumps have limits",
        [
            ((("cdu", limit.cdu), ("controller", each.label)), int(limit.in_charge == each.label))
            for limit in view.pump_limits
            for each in InCharge
        ],
    )


def _actuator_families(view: DaemonView) -> Iterator[str]:
    named = [((("device", each.device), ("point", each.point)), each) for each in view.actuators]
    yield _family(
        "coolantd_actuator_command_ratio",
        "Position or speed last commanded, 0 to 1",
        [(labels, each.command_pct / PCT_PER_RATIO) for labels, each in named],
    )
    yield _family(
        "coolantd_actuator_position_ratio",
        "Position or speed measured, 0 to 1",
        [(labels, each.position_pct / PCT_PER_RATIO) for labels, each in named],
    )
