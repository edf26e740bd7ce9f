"""One Modbus endpoint or line, one owner, one request in flight: writes first, then whatever reading is due.

A poll never controls and never waits for control: it fills the point table. The task ends only when it is cancelled or
retired; whatever a device does becomes a quality, a counter and a later attempt.
"""

import asyncio
import math
import random
from collections.abc import Callable
from typing import Final

from coolantd.clock import Clock
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.kinds import Coding
from coolantd.service.agenda import Ask
from coolantd.service.bit_write import write_bits
from coolantd.service.bus_lanes import Lanes
from coolantd.service.bus_load import BusLoad
from coolantd.service.link import Link
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.probe_pace import ProbePace
from coolantd.service.write_queue import WRITE_AGE_MAX_S, WriteJob, WriteQueue

__all__ = ["BACKOFF_FIRST_S", "BACKOFF_MAX_S", "PULSE_S", "WRITE_AGE_MAX_S", "Link", "ModbusBus", "WriteJob"]

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
"""A device is back within this long after it answers again; faster retries only add to its start-up load."""
RECONNECT_GAP_S: Final = 0.2
"""Least time between two attempts to connect, whatever came of the first: a device that answers once and hangs up would
else be called on some hundred times a second."""
PULSE_S: Final = 0.5
"""Longest sleep between two signs of life of the task, so that the watchdog can tell waiting from hanging (FM-47)."""

GATEWAY_HOLD_S: Final = 1.0
"""A gateway waits longer for a dormant unit than a probe does, often a second: the next unit's reply comes behind that,
and giving it up too would lose an update of a unit that is well."""


class ModbusBus:
    """Polls and writes the devices behind one endpoint or on one line.

    Args:
        link: connection; owned by this bus alone.
        rng: for the jitter of reconnects.
        pulse: called at every turn of the loop, at least each ``PULSE_S``.
        name: of the bus in metrics and log; empty to show it in none.
        lease_over: called when a pause has ended by itself.

    Attributes:
        stopping: what is still to be written, a hand-over above all, goes before every reading.
        paused_until_s: until then the bus is silent and its link closed; -inf while it is not paused.
        load: how much of its time the bus spends on requests.
    """

    def __init__(
        self,
        link: Link,
        *,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        pulse: Callable[[], None] = lambda: None,
        name: str = "",
        lease_over: Callable[[], None] = lambda: None,
    ) -> None:
        self.link = link
        self.devices: dict[str, ModbusDevice] = {}
        self.stopping = False
        self.paused_until_s = -math.inf
        self.load = BusLoad(name, metrics, clock.now_s(), self.devices.values)
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._pulse = pulse
        self._lease_over = lease_over
        self._writes = WriteQueue()
        self._lanes = Lanes()
        self._wake = asyncio.Event()
        self._failures = 0
        self._attempt_s = -math.inf
        self._retired = False
        self._wrote = False
        self._paused = False
        self._hold_s = 0.0
        self._probes = ProbePace()

    def add(self, device: ModbusDevice) -> None:
        """Begin to poll a device; its reads are spread over their periods."""
        self.devices[device.name] = device
        self._share()
        if self.link.connected and not self._paused:
            device.connected(self._clock.now_s(), phase_ratio=self._rng.random())
        self._wake.set()

    def remove(self, name: str) -> None:
        """Stop polling a device; writes queued for it are dropped."""
        self.devices.pop(name).leave()
        self._share()
        self._writes.drop(name)

    def submit(self, job: WriteJob) -> None:
        """Queue a write."""
        self._writes.put(job)
        self._wake.set()

    def has_waiting(self, device: str, point: str) -> bool:
        """Return whether a write of a point is still queued."""
        return (device, point) in self._writes

    def withdraw(self, device: str, point: str) -> None:
        """Take back a write that is still queued; one that is on its way is not stopped."""
        self._writes.withdraw(device, point)

    def pause(self, until_s: float) -> None:
        """Send nothing and keep the link closed until then, once the exchange in flight has ended."""
        self.paused_until_s = until_s
        self._wake.set()

    def resume(self) -> None:
        """End a pause."""
        self.paused_until_s = -math.inf
        self._wake.set()

    def retire(self) -> None:
        """End ``run`` after the writes already queued, or at once if the device is not connected."""
        self._retired = True
        self._wake.set()

    async def run(self) -> None:
        """Serve the bus until retired; closes the link at the end."""
        try:
            while not (self._retired and (not self._writes or not self.link.connected)):
                self._pulse()
                await self._turn()
        finally:
            self._writes.drop()
            self.load.end()
            await self.link.close()

    async def _turn(self) -> None:
        now_s = self._clock.now_s()
        self._wake.clear()
        self.load.turn(now_s)
        if now_s < self.paused_until_s:
            await self._stay_silent(now_s)
            return
        if math.isfinite(self.paused_until_s):
            self.resume()
            self._lease_over()
        if not self.link.connected:
            self._paused = False
            await self._connect()
        else:
            await self._serve(now_s)

    async def _serve(self, now_s: float) -> None:
        devices = self.devices.values()
        for device in devices:
            if device.next_wish_s() <= now_s:
                device.release(now_s)
        choice = self._lanes.choose(devices, now_s)
        job = None
        if self._writes and (self.stopping or not (self._wrote and choice.starved)):
            job = self._writes.take(now_s)
        self._wrote = job is not None
        if job is not None:
            await self._write(job)
        elif choice.device is not None and choice.ask is not None:
            self._lanes.took(choice)
            await self._poll(choice.device, choice.ask)
        else:
            await self._sleep(min(choice.due_s, self._writes.ready_s()) - now_s)

    async def _sleep(self, duration_s: float) -> None:
        """Wait, at most ``PULSE_S``; whatever was asked for since the turn began ends it at once."""
        try:
            async with self._clock.timeout(min(duration_s, PULSE_S)):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _stay_silent(self, now_s: float) -> None:
        self._writes.drop()
        if self.link.connected or not self._paused:
            self._paused = True
            await self.link.close()
            for device in self.devices.values():
                device.unreachable(Fault.NOT_CONNECTED)
        self._failures = 0
        await self._sleep(self.paused_until_s - now_s)

    async def _connect(self) -> None:
        self._writes.drop()
        for device in self.devices.values():
            device.unreachable()
        await self._back_off()
        if self._retired or self._clock.now_s() < self.paused_until_s:
            return
        self._attempt_s = self._clock.now_s()
        try:
            await self.link.connect()
        except DeviceError as error:
            self._failures += 1
            for device in self.devices.values():
                self._count(device, error)
                device.note(error)
            return
        self._failures += 1  # forgiven by the first reply: a listener that never answers is no success
        for k, device in enumerate(self.devices.values()):
            self._metrics.device_connects.labels(device.name).inc()
            device.connected(self._clock.now_s(), phase_ratio=k / len(self.devices))

    async def _back_off(self) -> None:
        until_s = self._attempt_s + RECONNECT_GAP_S
        if self._failures:
            longest_s = min(BACKOFF_FIRST_S * 2.0 ** min(self._failures - 1, 16), BACKOFF_MAX_S)
            until_s = max(until_s, self._clock.now_s() + longest_s * self._rng.uniform(0.5, 1.0))
        while (now_s := self._clock.now_s()) < until_s and not self._retired and now_s >= self.paused_until_s:
            self._pulse()
            self._writes.drop()
            self._wake.clear()
            await self._sleep(until_s - now_s)

    async def _poll(self, device: ModbusDevice, ask: Ask) -> None:
        sent_s = self._clock.now_s()
        self.load.sent(device, ask, sent_s)
        probing = device.presence.dormant
        deadline_s = device.sending(ask, sent_s) + (0.0 if probing else self._hold_s)
        device.requests.inc()
        try:
            words = await self.link.read(device.unit, ask.table, ask.address, ask.count, deadline_s=deadline_s)
        except DeviceError as error:
            self._hold_s = GATEWAY_HOLD_S if probing and error.fault is Fault.TIMEOUT else 0.0
            self._count(device, error)
            device.failed(ask, error, sent_s, took_s=self._took_s(device, sent_s))
            self._forgive(error)
        else:
            self._failures, self._hold_s = 0, 0.0
            device.received(ask, words, sent_s, took_s=self._took_s(device, sent_s))
        self._probes.spread(self.devices.values())

    async def _write(self, job: WriteJob) -> None:
        device, point, sent_s = job.device, job.point, self._clock.now_s()
        late = job.expired(sent_s) and not self.stopping  # a hand-over is never out of date, and nothing replaces it
        barred = Fault.EXPIRED if late else device.write_bar()
        if barred is not None and not (barred is Fault.NOT_CONNECTED and self.stopping):
            job.done(barred)
            return
        device.requests.inc()
        try:
            if point.coding is Coding.BITS:
                await write_bits(self.link, device, point, job.words[0], metrics=self._metrics, clock=self._clock)
            else:
                await self.link.write(
                    device.unit,
                    point.table,
                    point.address,
                    job.words,
                    deadline_s=device.write_deadline_s + self._hold_s,
                )
        except DeviceError as error:
            self._hold_s = 0.0
            self._count(device, error)
            self._metrics.writes_failed.labels(device.name, point.name).inc()
            device.write_failed(error, self._took_s(device, sent_s), self._clock.now_s())
            self._forgive(error)
            job.done(error.fault)
        except BaseException:
            job.done(Fault.CONNECTION_LOST)
            raise
        else:
            self._failures, self._hold_s = 0, 0.0
            self._metrics.writes.labels(device.name, point.name).inc()
            device.written(self._took_s(device, sent_s), self._clock.now_s())
            job.done(None)
        device.write_ready_s = self._clock.now_s() + device.profile.limits.write_gap_s

    def _took_s(self, device: ModbusDevice, sent_s: float) -> float:
        """Return how long the exchange that has just ended took; the device gets its silence from now on."""
        now_s = self._clock.now_s()
        device.ready_s = now_s + device.profile.limits.request_gap_s
        self.load.spent(now_s - sent_s)
        self._probes.spent(device, sent_s, now_s - sent_s)
        return now_s - sent_s

    def _forgive(self, error: DeviceError) -> None:
        """Count an exception as a sign of life of the connection, whoever refused what."""
        if error.fault is Fault.EXCEPTION:
            self._failures = 0

    def _share(self) -> None:
        for device in self.devices.values():
            device.shared = len(self.devices) > 1

    def _count(self, device: ModbusDevice, error: DeviceError) -> None:
        self._metrics.device_errors.labels(device.name, error.fault.value).inc()
        if error.code is not None:
            self._metrics.device_exceptions.labels(device.name, str(error.code)).inc()
