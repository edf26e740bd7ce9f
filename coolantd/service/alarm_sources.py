"""What is so now, as signals for the alarms: conditions, hazards, devices, actuators and the daemon itself.

Looks and changes nothing. What costs something to look at is looked at once a second.
"""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from prometheus_client.metrics import MetricWrapperBase

from coolantd.safety.alarm_book import Signal
from coolantd.safety.alarm_definition import Key
from coolantd.safety.envelope_layout import DEVICE_STATES, Refusal
from coolantd.safety.hazards import Hazard
from coolantd.safety.meaning import NOTHING
from coolantd.safety.modes import Mode
from coolantd.service.alarm_faults import SITE, DaemonFault
from coolantd.service.alarm_hazards import TOLD_ELSEWHERE
from coolantd.service.alarm_leaks import leak_signals
from coolantd.service.cycle import Cycle
from coolantd.service.leak_view import leak_zone_views
from coolantd.service.memory_trend import MemoryTrend
from coolantd.service.metrics import Metrics
from coolantd.service.override_view import override_views
from coolantd.service.request_view import RequestView
from coolantd.service.requests import PATIENCE_S
from coolantd.service.view import DeviceView, ReloadView
from coolantd.service.vitals import ServiceFault

LOOK_S: Final = 1.0
"""Devices and the daemon are looked at so often; conditions in every cycle."""

ECHO_S: Final = 10.0
"""How long a loss that has been counted counts as being so."""
EXPIRES_S: Final = 300.0
EXPIRES_RATIO: Final = 0.2
"""Time enough to renew what is held: five minutes, or a fifth of a lease shorter than 25."""
CERTIFICATE_S: Final = 30 * 86_400.0
"""Time enough to have a certificate renewed (FM-53)."""

Signals = dict[Key, Signal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where to look.

    Attributes:
        cycle: its last decision and its writer.
        devices: returns every device as it stands at a monotonic time.
        reload: returns what became of the last load.
        broker: returns whether there is a connection to the broker; None: none is configured.
        requests: returns what is asked of others at a monotonic time.
        faults: returns what is wrong with the process itself.
        metrics: what has been counted.
        wall_s: returns seconds since the epoch.
        memory_bytes: returns the daemon's resident memory.
    """

    cycle: Cycle
    devices: Callable[[float], tuple[DeviceView, ...]]
    reload: Callable[[], ReloadView]
    broker: Callable[[], bool | None]
    requests: Callable[[float], tuple[RequestView, ...]]
    faults: Callable[[], tuple[ServiceFault, ...]]
    metrics: Metrics
    wall_s: Callable[[], float]
    memory_bytes: Callable[[], int]


class AlarmSources:
    """Collects the signals of one cycle."""

    def __init__(self, sources: Sources) -> None:
        self._from = sources
        self._memory = MemoryTrend()
        self._slow: Signals = {}
        self._looked_s = float("-inf")
        self._seen: dict[DaemonFault, float] = {}
        self._echo_s: dict[DaemonFault, float] = {}

    def collect(self, now_s: float) -> Signals:
        """Return everything that is so now."""
        if now_s - self._looked_s >= LOOK_S:
            self._looked_s = now_s
            self._slow = {
                **self._devices(now_s),
                **self._daemon(now_s),
                **self._requests(now_s),
                **self._overrides(now_s),
            }
        fast = (self._conditions, self._hazards, self._leaks, self._modes, self._writing)
        return dict(itertools.chain(self._slow.items(), *(look().items() for look in fast)))

    def subjects(self) -> frozenset[str]:
        """Return everything an alarm may be about."""
        cycle = self._from.cycle
        cdus = {cdu.name for cdu in cycle.plan.cdus} | {cdu.device for cdu in cycle.plan.cdus}
        actuators = {f"{each.device}.{each.name}" for each in cycle.plan.actuators}
        zones = {zone.name for zone in cycle.plan.leaks.zones}
        return frozenset({SITE} | cdus | actuators | zones | set(cycle.table.labels.devices))

    def _conditions(self) -> Signals:
        cycle = self._from.cycle
        device_of = {cdu.name: cdu.device for cdu in cycle.plan.cdus}
        return {
            Key(condition.label, cdu): Signal(detail, _parents(device_of.get(cdu, cdu), detail), cdu)
            for cdu, condition, detail in cycle.conditions.active()
        }

    def _hazards(self) -> Signals:
        cycle, found = self._from.cycle, {}
        if cycle.decision is None:
            return {}
        for n, column in np.argwhere(cycle.decision.hazards == 1).tolist():
            hazard, cdu = Hazard(column), cycle.plan.cdus[n]
            if hazard not in TOLD_ELSEWHERE:
                number = int(cycle.decision.hazard_details[n, column])
                pump = "" if number == NOTHING else cycle.plan.actuators[cdu.pumps[number]].name
                found[Key(hazard.label, cdu.name)] = Signal(pump, (cdu.device,), cdu.name)
        return found

    def _leaks(self) -> Signals:
        plan, state = self._from.cycle.plan, self._from.cycle.state
        found: Signals = {}
        views = leak_zone_views(plan.leaks, (state.leak_z, state.leak_d)) if plan.leaks.zones else ()
        for zone, view in zip(plan.leaks.zones, views, strict=True):
            scope = zone.name if zone.cdu is None else plan.cdus[zone.cdu].name
            found |= dict(leak_signals(view, scope))
        return found

    def _requests(self, now_s: float) -> Signals:
        late = [each for each in self._from.requests(now_s) if not each.confirmed and each.age_s >= PATIENCE_S]
        return {
            Key(DaemonFault.REQUEST_UNANSWERED, each.name): Signal(each.kind.replace("_", " "), scope=each.name)
            for each in late
        }

    def _overrides(self, now_s: float) -> Signals:
        """Return what is let go soon; of a short lease its last part counts."""
        held = override_views(self._from.cycle.state.overrides, now_s)
        soon = [each for each in held if each.left_s < min(EXPIRES_S, EXPIRES_RATIO * (each.age_s + each.left_s))]
        return {Key(DaemonFault.OVERRIDE_EXPIRES, each.target): Signal(f"held by {each.owner}") for each in soon}

    def _modes(self) -> Signals:
        cycle = self._from.cycle
        if cycle.decision is None:
            return {}
        return {
            Key(DaemonFault.CDU_FAILSAFE, cdu.name): Signal(parents=(cdu.device,), scope=cdu.name)
            for cdu, mode in zip(cycle.plan.cdus, cycle.decision.modes.tolist(), strict=True)
            if mode == Mode.FAILSAFE
        }

    def _writing(self) -> Signals:
        found: Signals = {}
        for outlet in self._from.cycle.writer.actuators:
            parameters = outlet.parameters
            subject = f"{parameters.device}.{parameters.name}"
            if outlet.lease is not None:
                found[Key(DaemonFault.ACTUATOR_YIELDED, subject)] = Signal(parents=(parameters.device,))
            if outlet.refusal not in DEVICE_STATES:
                reason = Refusal(outlet.refusal).label.replace("_", " ")
                found[Key(DaemonFault.WRITE_REFUSED, subject)] = Signal(reason, (parameters.device,))
        return found

    def _devices(self, now_s: float) -> Signals:
        cycle = self._from.cycle
        scopes = {cdu.device: cdu.name for cdu in cycle.plan.cdus}
        found: Signals = {}
        for device in self._from.devices(now_s):
            name = device.name
            parents = (SITE,) if device.transport == "mqtt" else ()
            for fault, detail in _faults_of(device, put_local=cycle.writer.left_to_local(name)):
                found[Key(fault, name)] = Signal(detail, parents, scopes.get(name, name))
        return found

    def _daemon(self, now_s: float) -> Signals:
        found = {fault for fault in DaemonFault for told in self._from.faults() if told.active and told.key == fault}
        if self._from.broker() is False:
            found.add(DaemonFault.BROKER_GONE)
        if not self._from.reload().successful:
            found.add(DaemonFault.RELOAD_FAILED)
        metrics = self._from.metrics
        if value_of(metrics.mqtt_certificate_expiry_s) - self._from.wall_s() < CERTIFICATE_S:  # False for NaN
            found.add(DaemonFault.CERTIFICATE_ENDS)
        self._memory.note(self._from.memory_bytes(), now_s)
        if self._memory.grows:
            found.add(DaemonFault.MEMORY_GROWS)
        for fault, counted in (
            (DaemonFault.JOURNAL_FAILING, metrics.journal_dropped),
            (DaemonFault.ALARM_JOURNAL_FAILING, metrics.alarm_events_lost),
            (DaemonFault.STATE_NOT_KEPT, metrics.state_failed),
            (DaemonFault.STATE_DISCARDED, metrics.state_discarded),
        ):
            self._note_growth(fault, value_of(counted), now_s)
        found |= {fault for fault, at_s in self._echo_s.items() if now_s - at_s < ECHO_S}
        return {Key(fault, SITE): Signal() for fault in found}

    def _note_growth(self, fault: DaemonFault, count: float, now_s: float) -> None:
        """Note that something has been counted since the last look."""
        if count > self._seen.get(fault, 0.0):
            self._echo_s[fault] = now_s
        self._seen[fault] = count


def _faults_of(device: DeviceView, *, put_local: bool) -> Iterator[tuple[DaemonFault, str]]:
    """Yield what is wrong with a device, and a word on it."""
    if device.paused_left_s > 0.0:
        yield DaemonFault.DEVICE_PAUSED, ""
        return
    if device.wrong:
        yield DaemonFault.DEVICE_WRONG, ""
    elif not device.up:
        yield DaemonFault.DEVICE_DOWN, ""
    if put_local:
        yield DaemonFault.DEVICE_LOCAL, ""
    if device.settings_wrong:
        yield DaemonFault.SETTING_WRONG, ", ".join(device.settings_wrong)


def _parents(device: str, detail: str) -> tuple[str, ...]:
    """Return the devices that may explain a condition: the CDU's own, and that of the point or actuator it names."""
    other, dot, _ = detail.partition(".")
    return (device, other) if dot and other != device else (device,)


def value_of(counted: MetricWrapperBase) -> float:
    """Return the number of a counter or gauge without labels."""
    samples = (sample for family in counted.collect() for sample in family.samples)
    return next(sample.value for sample in samples if not sample.name.endswith("_created"))
