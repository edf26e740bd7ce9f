"""Carries out decisions: writes what is worth it within each register's budget, checks readbacks, beats hearts.

Only what the envelope allowed arrives here. The two other kinds of write, the heartbeat and the request to obey us,
leave through ``device_outlet``.
"""

import asyncio
import functools
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import structlog

from coolantd.control.plan import Plan
from coolantd.control.step import Decision
from coolantd.errors import Fault
from coolantd.point import IntArray, Quality, Reason, Snapshot
from coolantd.protocol.profile import Role
from coolantd.safety.envelope import Refusal
from coolantd.safety.modes import Mode
from coolantd.safety.readback import VERIFY_AGE_S, InTransit
from coolantd.safety.write_budget import Permission
from coolantd.safety.writing import RETRY_FIRST_S as RETRY_S
from coolantd.safety.writing import Due
from coolantd.safety.yielding import YIELD_S
from coolantd.service.actuator_outlet import NOT_SENT, ActuatorOutlet
from coolantd.service.device_outlet import REMOTE_RETRY_S, DeviceOutlet
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.readback_watch import ORDERED, Mark, ReadbackWatch, mark_nothing

__all__ = ["REMOTE_RETRY_S", "RETRY_S", "VERIFY_AGE_S", "ActuatorOutlet", "DeviceOutlet", "Writer"]

URGENT_ACTUATOR_MODES: Final = frozenset({int(Mode.FAILSAFE), int(Mode.OVERRIDE), int(Mode.TRIPPED)})
"""What an interlock or an operator wants of one actuator does not wait for a budget."""
URGENT_MODES: Final = frozenset({int(Mode.STARTING), int(Mode.FAILSAFE), int(Mode.MANUAL), int(Mode.TRIPPED)})

_SILENT: Final = frozenset({int(Reason.STALE), int(Reason.NOT_CONNECTED), int(Reason.NO_COMMUNICATION)})

log: Final = structlog.get_logger()


def tell_nobody(actuator: ActuatorOutlet) -> None:
    """Tell nobody of an acknowledged write: for a writer that stands alone."""


@dataclass(slots=True)
class Writer:
    """Owner of every write.

    Attributes:
        actuators: in plan order.
        devices: those on Modbus, by name.
        mark: told (row of the readback, whether the register is left to another writer): ``PointTable.overridden``.
        yield_s: how long a register is left to another writer unless they write again.
        acknowledged: told whenever a device took a write.
    """

    metrics: Metrics
    journal: Recorder
    actuators: Sequence[ActuatorOutlet] = ()
    devices: Mapping[str, DeviceOutlet] = field(default_factory=dict)
    mark: Mark = mark_nothing
    yield_s: float = YIELD_S
    acknowledged: Callable[[ActuatorOutlet], None] = tell_nobody
    watch: ReadbackWatch = field(init=False)

    def __post_init__(self) -> None:
        """Show every state from its beginning."""
        self.watch = ReadbackWatch(self.metrics, self.journal, self.mark, self.yield_s)
        for actuator in self.actuators:
            self.watch.show(actuator)
        for device in self.devices.values():
            self._show_local(device)

    def carry(self, old: "Writer", *, without: Collection[str] = ()) -> None:
        """Take over what an older writer knew of actuators and devices that are still there.

        Args:
            old: the writer of the configuration before.
            without: devices that are at another address now: what was written there is in another machine (FM-20).
        """
        known = {actuator.tag: actuator for actuator in old.actuators}
        for actuator in self.actuators:
            before = known.pop(actuator.tag, None)
            if before is None:
                continue
            if actuator.parameters.device in without:
                actuator.state.budget = before.state.budget  # likely the same machine: an address costs no new memory
            else:
                actuator.carry(before)
                self.watch.show(actuator)
        for tag in known:
            self.metrics.forget_actuator(*tag)
        for name, device in self.devices.items():
            if name in old.devices and name not in without:
                device.carry(old.devices[name])
                self._show_local(device)

    def permits(self, silent: Collection[str]) -> IntArray:
        """Return what the envelope has to know of every actuator now: (actuators,) ``Permit`` flags.

        Args:
            silent: devices to which nothing may be written now.
        """
        flags = []
        for actuator in self.actuators:
            name = actuator.parameters.device
            local = name in self.devices and self.devices[name].put_local
            flags.append(int(actuator.permits(obeying=not local and name not in silent)))
        return np.array(flags, dtype=np.int64)

    def carry_out(self, plan: Plan, decision: Decision, snapshot: Snapshot, now_s: float) -> None:
        """Send what one decision changed; called once per completed cycle.

        A device hears our heartbeat only while we command something in it. Before the first valid scan, while it is
        out of touch and while somebody has put it to local, its own controller is the better one: a heartbeat would
        keep it obeying setpoints that nobody looks after (FM-44). A register left to another writer counts as
        commanded: without our heartbeat the device would drop what they have set. A CDU in starting waits for its
        readbacks, so there a value that the device has lost is sent again, not when its lease runs out (FM-41).
        """
        self._watch_devices(plan, snapshot, now_s)
        commanded = set()
        for i, actuator in enumerate(self.actuators):
            device = self.devices.get(actuator.parameters.device)
            self._report_refusal(actuator, int(decision.refusals[i]), float(decision.demands[i]))
            self._check(actuator, device, snapshot, now_s)
            value = float(decision.commands[i])
            if device is not None and device.put_local:
                continue
            if math.isfinite(value) or (actuator.lease is not None and self._in_touch(actuator, snapshot)):
                commanded.add(actuator.parameters.device)
            if math.isfinite(value) and actuator.lease is None:
                self._consider(actuator, value, now_s, urgent=_urgent(i, actuator, decision))
        for n, cdu in enumerate(plan.cdus):
            device = self.devices.get(cdu.device)
            if device is not None and decision.wants_remote[n] and not device.put_local and device.ask_to_obey(now_s):
                self.journal.record("take_over", device=device.name)
        for name, device in self.devices.items():
            if name in commanded:
                device.beat(now_s)

    def resume(self, device: str) -> list[str]:
        """Take a device back at an operator's order: end its yields, and ask it to obey again if it was put to local.

        Returns:
            Names of the points taken back.
        """
        taken = [actuator for actuator in self.actuators if actuator.parameters.device == device and actuator.lease]
        for actuator in taken:
            self.watch.end_yield(actuator, ORDERED)
        names = [actuator.parameters.name for actuator in taken]
        outlet = self.devices.get(device)
        if outlet is not None and outlet.put_local and outlet.remote is not None:
            outlet.put_local = False
            self._show_local(outlet)
            names.append(outlet.remote.point)
        return names

    def withdraw(self, devices: Collection[str], now_s: float) -> None:
        """Take back every write to these devices that is still queued: from now on they are somebody else's."""
        for actuator in self.actuators:
            if actuator.parameters.device in devices:
                actuator.withdraw(now_s)
        for name in devices:
            if name in self.devices:
                self.devices[name].withdraw()

    def left_to_local(self, device: str) -> bool:
        """Return whether somebody has put a device to local, and it is left to them."""
        return device in self.devices and self.devices[device].put_local

    async def hand_over(self, names: Sequence[str], deadline_s: float) -> list[str]:
        """Give devices back to their own controllers and wait until they have acknowledged it.

        A device without a remote-control point keeps its last setpoints and falls back when our heartbeat ends.

        Returns:
            Names of the devices that did not acknowledge in time.
        """
        waiting: dict[str, asyncio.Future[Fault | None]] = {}
        loop = asyncio.get_running_loop()
        for device in (self.devices[name] for name in names if name in self.devices):
            future = loop.create_future()
            if device.give_back(functools.partial(_settle, future)):
                waiting[device.name] = future
        if waiting:
            await asyncio.wait(waiting.values(), timeout=deadline_s)
        failed = [name for name, future in waiting.items() if not future.done() or future.result() is not None]
        for name in waiting:
            self.journal.record("handed_over", device=name, acknowledged=name not in failed)
        return failed

    def _watch_devices(self, plan: Plan, snapshot: Snapshot, now_s: float) -> None:
        """Notice restarts and who put a device to local; either explains registers that have just changed."""
        for device in self.devices.values():
            if device.restarted():
                self.journal.record("device_restarted", device=device.name)
                self._show_local(device)
                for actuator in self._of(device.name):
                    self.watch.withdraw(actuator, "restart", now_s)
                    actuator.lose()
        for cdu in plan.cdus:
            outlet = self.devices.get(cdu.device)
            if outlet is None or cdu.remote is None:
                continue
            known = snapshot.quality[cdu.remote] != Quality.BAD
            says = float(snapshot.value[cdu.remote]) if known else None
            obeyed = outlet.obeys
            changed = outlet.watch(says, now_s - float(snapshot.age_s[cdu.remote]), now_s)
            # A device that we have given back ourselves explains nothing: what another wrote before stays theirs.
            if known and obeyed and not outlet.obeys and not outlet.given_back:
                for actuator in self._of(outlet.name):
                    self.watch.withdraw(actuator, "device_local", now_s)
            if changed:
                self.withdraw([outlet.name], now_s)
            if changed is not None:
                self._tell_local(outlet)

    @staticmethod
    def _in_touch(actuator: ActuatorOutlet, snapshot: Snapshot) -> bool:
        row = actuator.parameters.readback
        return row is not None and bool(snapshot.quality[row] != Quality.BAD)

    def _of(self, device: str) -> list[ActuatorOutlet]:
        return [actuator for actuator in self.actuators if actuator.parameters.device == device]

    def _tell_local(self, device: DeviceOutlet) -> None:
        event = "device_local" if device.put_local else "device_remote"
        tell = log.warning if device.put_local else log.info
        tell(event, device=device.name)
        self.journal.record(event, device=device.name)
        self._show_local(device)

    def _show_local(self, device: DeviceOutlet) -> None:
        if device.remote is not None:
            self.metrics.device_local.labels(device.name).set(1 if device.put_local else 0)

    def _check(self, actuator: ActuatorOutlet, device: DeviceOutlet | None, snapshot: Snapshot, now_s: float) -> None:
        """Judge the readback of one actuator, if it has one that is good."""
        actuator.settle(now_s)
        self.watch.end_if_over(actuator, now_s)
        used_ratio = actuator.state.budget.used_ratio(actuator.policy, now_s)
        if math.isfinite(used_ratio):
            self.metrics.write_budget_used.labels(*actuator.tag).set(used_ratio)
        row = actuator.parameters.readback
        if row is None:
            return
        if snapshot.quality[row] == Quality.GOOD:
            asked_s = now_s - float(snapshot.age_s[row])
            obeys = device is None or device.obeys
            self.watch.look(actuator, float(snapshot.value[row]), asked_s, now_s, obeys=obeys)
        elif snapshot.quality[row] == Quality.BAD and int(snapshot.reason[row]) in _SILENT:
            actuator.lose()

    def _consider(self, actuator: ActuatorOutlet, value: float, now_s: float, *, urgent: bool) -> None:
        """Send a value if it is worth a write and the register may be written; count a write that has to wait."""
        state, policy = actuator.state, actuator.policy
        wanted = actuator.readback.within_limits(value, now_s)
        due = state.due(policy, wanted, now_s, urgent=urgent)
        if due is Due.NO:
            actuator.deferred = ""
            return
        permission = state.permitted(policy, now_s, urgent=urgent or due is Due.LEASE)
        if permission.deferred:
            if actuator.deferred != permission.value:
                self.metrics.writes_deferred.labels(*actuator.tag, permission.value).inc()
            actuator.deferred = permission.value
            return
        if permission is Permission.OVER_BUDGET:
            self.metrics.writes_over_budget.labels(*actuator.tag).inc()
        actuator.deferred, actuator.urgent = "", False
        self._send(actuator, value, now_s)

    def _send(self, actuator: ActuatorOutlet, value: float, now_s: float) -> None:
        actuator.state.send(actuator.policy, value, now_s)
        entry = actuator.readback.send(value)
        actuator.outlet.submit(value, functools.partial(self._sent, actuator, entry))
        actuator.settle(now_s)

    def _sent(self, actuator: ActuatorOutlet, entry: InTransit, fault: Fault | None) -> None:
        p, state, value = actuator.parameters, actuator.state, entry.value
        actuator.answers.append((entry, fault))
        if fault is not None:
            refused = fault is Fault.EXCEPTION
            state.fail(actuator.policy, refused=refused, reached=fault.value not in NOT_SENT)
            if fault is not Fault.WITHDRAWN and actuator.may_tell("write_failed", fault.value, state.attempt_s):
                self.journal.record("write_failed", device=p.device, point=p.name, value=value, fault=fault.value)
            return
        previous, renewed = None if math.isnan(state.written) else round(state.written, 3), state.written == value
        state.acknowledge()
        self.acknowledged(actuator)
        if p.readback is None:
            state.retry_s = RETRY_S
        if not renewed:  # a lease renewed with the same value is nearly half of all writes and tells nobody anything
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


def _urgent(i: int, actuator: ActuatorOutlet, decision: Decision) -> bool:
    """Return whether a write is urgent: it is not the loop's, a pump starts, or the register is not known."""
    cdu = actuator.parameters.cdu
    return (
        actuator.urgent
        or (actuator.parameters.role == Role.PUMP and actuator.state.held == 0.0)
        or math.isnan(actuator.state.held)
        or int(decision.actuator_modes[i]) in URGENT_ACTUATOR_MODES
        or (cdu is not None and int(decision.modes[cdu]) in URGENT_MODES)
    )


def _settle(future: "asyncio.Future[Fault | None]", fault: Fault | None) -> None:
    if not future.done():
        future.set_result(fault)
