"""Carries out decisions: writes on change or when the lease runs out, never more; checks readbacks; beats hearts.

Only what the envelope allowed arrives here. The two other kinds of write, the heartbeat and the request to obey us,
have values fixed by the profile and are checked against it by ``envelope.permits_word``.
"""

import asyncio
import functools
import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from coolantd.control.plan import ActuatorParameters, Plan
from coolantd.control.step import Decision
from coolantd.errors import Fault
from coolantd.point import Quality, Snapshot
from coolantd.protocol.profile import Heartbeat, RemoteControl, WriteRule
from coolantd.safety.envelope import Refusal, permits_word
from coolantd.safety.modes import Mode
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.outlet import Done, Outlet

REMOTE_RETRY_S: Final = 2.0
"""Between two requests that a device obey us; it needs a poll or two to show the first."""
RETRY_S: Final = 1.0
"""Between two attempts at a write that failed; a device that refuses is not hammered."""
VERIFY_AGE_S: Final = 2.0
"""A readback is compared once it was requested this long after the acknowledgement: real status blocks are refreshed
about once a second."""


@dataclass(slots=True)
class ActuatorOutlet:
    """What the writer remembers of one actuator.

    Attributes:
        written: last acknowledged value; NaN before the first.
        in_flight: value sent and not yet answered; NaN if none.
        next_try_s: no attempt before this time.
        mismatch: the readback differed from ``written``, and it was said.
        refusal: ``Refusal`` code of the last demand.
    """

    parameters: ActuatorParameters
    rule: WriteRule
    outlet: Outlet
    written: float = math.nan
    written_s: float = -math.inf
    in_flight: float = math.nan
    next_try_s: float = -math.inf
    mismatch: bool = False
    refusal: int = Refusal.NONE

    def due(self, value: float, now_s: float) -> bool:
        """Return whether a value must be sent now: it changed by the deadband, or its lease ran out."""
        if not math.isnan(self.in_flight) or now_s < self.next_try_s:
            return False
        changed = not abs(value - self.written) < self.rule.deadband
        return changed or now_s - self.written_s >= self.rule.refresh_s


@dataclass(slots=True)
class DeviceOutlet:
    """Heartbeat and remote-control outlets of one device; either may be absent."""

    name: str
    heartbeat: Heartbeat | None = None
    beat_outlet: Outlet | None = None
    count: int = 0
    beat_s: float = -math.inf
    remote: RemoteControl | None = None
    remote_outlet: Outlet | None = None
    remote_s: float = -math.inf


@dataclass(slots=True)
class Writer:
    """Owner of every write.

    Attributes:
        actuators: in plan order.
        devices: those on Modbus, by name.
    """

    metrics: Metrics
    journal: Recorder
    actuators: Sequence[ActuatorOutlet] = ()
    devices: Mapping[str, DeviceOutlet] = field(default_factory=dict)

    def carry(self, old: "Writer") -> None:
        """Take over what an older writer knew of actuators and devices that are still there."""
        known = {(a.parameters.device, a.parameters.name): a for a in old.actuators}
        for actuator in self.actuators:
            before = known.get((actuator.parameters.device, actuator.parameters.name))
            if before is not None:
                actuator.written, actuator.written_s = before.written, before.written_s
        for name, device in self.devices.items():
            if name in old.devices:
                device.count, device.beat_s = old.devices[name].count, old.devices[name].beat_s

    def carry_out(self, plan: Plan, decision: Decision, snapshot: Snapshot, now_s: float) -> None:
        """Send what one decision changed; called once per completed cycle.

        A device hears our heartbeat only while we command something in it. Before the first valid scan, and while
        it is out of touch, its own controller is the better one: a heartbeat would keep it obeying setpoints that
        nobody looks after (FM-44). A CDU in starting waits for its readbacks, so there a value that the device has
        lost is sent again at once, not when its lease runs out (FM-41).
        """
        commanded = set()
        for i, actuator in enumerate(self.actuators):
            self._report_refusal(actuator, int(decision.refusals[i]), float(decision.demands[i]))
            self._verify(actuator, snapshot, now_s)
            if actuator.mismatch and _is_starting(actuator, decision):
                actuator.written = math.nan
            value = float(decision.commands[i])
            if math.isfinite(value):
                commanded.add(actuator.parameters.device)
                if actuator.due(value, now_s):
                    self._send(actuator, value, now_s)
        for n, cdu in enumerate(plan.cdus):
            device = self.devices.get(cdu.device)
            if device is not None and decision.wants_remote[n]:
                self._take_over(device, now_s)
        for name, device in self.devices.items():
            if name in commanded:
                self._beat(device, now_s)

    async def hand_over(self, names: Sequence[str], deadline_s: float) -> list[str]:
        """Give devices back to their own controllers and wait until they have acknowledged it.

        A device without a remote-control point keeps its last setpoints and falls back when our heartbeat ends.

        Returns:
            Names of the devices that did not acknowledge in time.
        """
        waiting: dict[str, asyncio.Future[Fault | None]] = {}
        loop = asyncio.get_running_loop()
        for device in (self.devices[name] for name in names if name in self.devices):
            if device.remote is not None and device.remote_outlet is not None:
                waiting[device.name] = future = loop.create_future()
                _say(
                    device.remote_outlet,
                    device.remote.local_value,
                    _words(device.remote),
                    functools.partial(_settle, future),
                )
        if waiting:
            await asyncio.wait(waiting.values(), timeout=deadline_s)
        failed = [name for name, future in waiting.items() if not future.done() or future.result() is not None]
        for name in waiting:
            self.journal.record("handed_over", device=name, acknowledged=name not in failed)
        return failed

    def _send(self, actuator: ActuatorOutlet, value: float, now_s: float) -> None:
        actuator.in_flight = value
        actuator.outlet.submit(value, functools.partial(self._sent, actuator, value, now_s))

    def _sent(self, actuator: ActuatorOutlet, value: float, now_s: float, fault: Fault | None) -> None:
        p = actuator.parameters
        actuator.in_flight = math.nan
        if fault is not None:
            actuator.next_try_s = now_s + RETRY_S
            self.journal.record("write_failed", device=p.device, point=p.name, value=value, fault=fault.value)
            return
        previous = None if math.isnan(actuator.written) else round(actuator.written, 3)
        actuator.written, actuator.written_s, actuator.mismatch = value, now_s, False
        self.journal.record("write", device=p.device, point=p.name, value=round(value, 3), previous=previous)

    def _report_refusal(self, actuator: ActuatorOutlet, code: int, demand: float) -> None:
        """Count a refusal in every cycle that has one; record it when it begins or changes."""
        before, actuator.refusal = actuator.refusal, code
        if code == Refusal.NONE:
            return
        p, reason = actuator.parameters, Refusal(code).label
        self.metrics.writes_refused.labels(p.device, p.name, reason).inc()
        if code != before:
            self.journal.record("write_refused", device=p.device, point=p.name, demand=demand, reason=reason)

    def _verify(self, actuator: ActuatorOutlet, snapshot: Snapshot, now_s: float) -> None:
        """Count a readback that differs from what was written, once per write; we never fight it."""
        row = actuator.parameters.readback
        if row is None or math.isnan(actuator.written) or actuator.mismatch or not math.isnan(actuator.in_flight):
            return
        asked_s = now_s - float(snapshot.age_s[row])
        if snapshot.quality[row] != Quality.GOOD or asked_s < actuator.written_s + VERIFY_AGE_S:
            return
        if abs(float(snapshot.value[row]) - actuator.written) > actuator.rule.verify_tolerance:
            p = actuator.parameters
            self.metrics.write_mismatches.labels(p.device, p.name).inc()
            self.journal.record(
                "readback_differs",
                device=p.device,
                point=p.name,
                written=round(actuator.written, 3),
                readback=round(float(snapshot.value[row]), 3),
            )
            actuator.mismatch = True

    def _take_over(self, device: DeviceOutlet, now_s: float) -> None:
        if device.remote is None or device.remote_outlet is None or now_s - device.remote_s < REMOTE_RETRY_S:
            return
        device.remote_s = now_s
        _say(device.remote_outlet, device.remote.remote_value, _words(device.remote), _ignore)
        self.journal.record("take_over", device=device.name)

    def _beat(self, device: DeviceOutlet, now_s: float) -> None:
        beat = device.heartbeat
        if beat is None or device.beat_outlet is None or now_s - device.beat_s < beat.period_s:
            return
        device.count = device.count + 1 if device.count < beat.wrap_count else 0
        device.beat_s = now_s
        _say(device.beat_outlet, device.count, range(beat.wrap_count + 1), _ignore)


def _is_starting(actuator: ActuatorOutlet, decision: Decision) -> bool:
    cdu = actuator.parameters.cdu
    return cdu is not None and bool(decision.modes[cdu] == Mode.STARTING)


def _words(remote: RemoteControl) -> tuple[int, int]:
    return remote.remote_value, remote.local_value


def _say(outlet: Outlet, word: int, allowed: Collection[int], done: Done) -> None:
    """Send a control word: the one way out for everything that is not a position."""
    if permits_word(word, allowed):
        outlet.submit(word, done)


def _settle(future: "asyncio.Future[Fault | None]", fault: Fault | None) -> None:
    if not future.done():
        future.set_result(fault)


def _ignore(fault: Fault | None) -> None:  # noqa: ARG001 - the bus has counted it, and the next cycle tries again
    return
