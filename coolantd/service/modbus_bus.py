"""One Modbus endpoint, one owner, one request in flight: writes first, then whatever reading is due.

A poll never controls and never waits for control: it fills the point table. The task ends only when it is cancelled or
retired; whatever a device does becomes a quality, a counter and a later attempt.
"""

import asyncio
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final

from coolantd.clock import Clock
from coolantd.device.modbus import ModbusTcpLink
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import RegisterPoint
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice, PolledSpan

BACKOFF_FIRST_S: Final = 0.1
BACKOFF_MAX_S: Final = 5.0
"""A device is back within this long after it answers again; faster retries only add to its start-up load."""
PULSE_S: Final = 0.5
"""Longest sleep between two signs of life of the task, so that the watchdog can tell waiting from hanging (FM-47)."""
WRITE_AGE_MAX_S: Final = 2.0
"""A queued write older than this is dropped: the cycle has long decided anew (at most every 5 s it decides again)."""

STARVED_PERIODS: Final = 0.5
"""A reading this far overdue goes between two writes: on a bus that takes 0.2 s per request, three loops' writes would
else leave no time to read, and control would be blinded by its own commands."""


@dataclass(frozen=True, slots=True)
class WriteJob:
    """One value to be written; a later job for the same point replaces it before it is sent.

    Attributes:
        done: called once with None when the device acknowledged, else with the fault.
    """

    device: ModbusDevice
    point: RegisterPoint
    words: tuple[int, ...]
    submitted_s: float
    done: Callable[[Fault | None], None]


class ModbusBus:
    """Polls and writes the devices behind one endpoint.

    Args:
        link: connection; owned by this bus alone.
        rng: for the jitter of reconnects.
        pulse: called at every turn of the loop, at least each ``PULSE_S``.

    Attributes:
        stopping: what is still to be written, a hand-over above all, goes before every reading.
    """

    def __init__(
        self,
        link: ModbusTcpLink,
        *,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        self.link = link
        self.devices: dict[str, ModbusDevice] = {}
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._pulse = pulse
        self._writes: dict[tuple[str, str], WriteJob] = {}
        self._wake = asyncio.Event()
        self._failures = 0
        self._retired = False
        self._wrote = False
        self.stopping = False

    def add(self, device: ModbusDevice) -> None:
        """Begin to poll a device; its spans are spread over their periods."""
        device.stagger(self._clock.now_s(), phase_ratio=self._rng.random())
        self.devices[device.name] = device
        self._wake.set()

    def remove(self, name: str) -> None:
        """Stop polling a device; writes queued for it are dropped."""
        self.devices.pop(name)
        for key in [key for key in self._writes if key[0] == name]:
            self._writes.pop(key).done(Fault.NOT_CONNECTED)

    def submit(self, job: WriteJob) -> None:
        """Queue a write; the queue holds one per point, so it is bounded by the profile.

        A newer value takes the place of an older one in the queue, so that even on a slow bus each comes to its turn.
        """
        key = job.device.name, job.point.name
        replaced = self._writes.get(key)
        self._writes[key] = job
        if replaced is not None:
            replaced.done(Fault.NOT_CONNECTED)
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
            self._drop_writes()
            await self.link.close()

    async def _turn(self) -> None:
        if not self.link.connected:
            await self._connect()
        elif self._writes and not (self._wrote and self._starved()):
            self._wrote = True
            await self._write(self._writes.pop(next(iter(self._writes))))
        else:
            self._wrote = False
            device, polled = self._next_poll()
            wait_s = polled.due_s - self._clock.now_s() if polled is not None else PULSE_S
            if device is None or polled is None or wait_s > 0.0:
                await self._sleep(min(wait_s, PULSE_S))
            else:
                await self._poll(device, polled)

    def _next_poll(self) -> tuple[ModbusDevice | None, PolledSpan | None]:
        due = [(span.due_s, device, span) for device in self.devices.values() for span in device.spans]
        if not due:
            return None, None
        _, device, span = min(due, key=lambda entry: entry[0])
        return device, span

    def _starved(self) -> bool:
        """Return whether a reading has waited for so long that it goes before the next write; never while stopping."""
        now_s = self._clock.now_s()
        spans = (span for device in self.devices.values() for span in device.spans)
        return not self.stopping and any(now_s - span.due_s > STARVED_PERIODS * span.period_s for span in spans)

    async def _sleep(self, duration_s: float) -> None:
        self._wake.clear()
        if self._writes:
            return
        try:
            async with self._clock.timeout(duration_s):
                await self._wake.wait()
        except TimeoutError:
            pass

    async def _connect(self) -> None:
        self._drop_writes()
        for device in self.devices.values():
            device.unreachable()
        await self._back_off()
        if self._retired:
            return
        try:
            await self.link.connect()
        except DeviceError as error:
            self._failures += 1
            self._count(self.devices.values(), error)
            for device in self.devices.values():
                device.note(error)
        else:
            self._failures += 1  # forgiven by the first reply: a listener that never answers is no success
            for device in self.devices.values():
                self._metrics.device_connects.labels(device.name).inc()
                device.stagger(self._clock.now_s(), phase_ratio=0.0)

    async def _back_off(self) -> None:
        if self._failures == 0:
            return
        longest_s = min(BACKOFF_FIRST_S * 2.0 ** min(self._failures - 1, 16), BACKOFF_MAX_S)
        until_s = self._clock.now_s() + longest_s * self._rng.uniform(0.5, 1.0)
        while (left_s := until_s - self._clock.now_s()) > 0.0 and not self._retired:
            self._pulse()
            self._drop_writes()
            await self._sleep(min(left_s, PULSE_S))

    async def _poll(self, device: ModbusDevice, polled: PolledSpan) -> None:
        span = polled.span
        sent_s = self._clock.now_s()
        polled.schedule_next(sent_s)
        self._metrics.device_requests.labels(device.name).inc()
        try:
            words = await self.link.read(
                device.unit, span.table, span.address, span.count, deadline_s=polled.deadline_s
            )
        except DeviceError as error:
            self._count([device], error)
            device.failed(span, error, sent_s)
            if error.fault is Fault.TIMEOUT and len(self.devices) > 1:
                device.pause_if_silent(self._clock.now_s())
        else:
            self._failures = 0
            device.received(span, words, sent_s)
        await self._gap(device)

    async def _write(self, job: WriteJob) -> None:
        if self._clock.now_s() - job.submitted_s > WRITE_AGE_MAX_S:
            job.done(Fault.TIMEOUT)
            return
        self._metrics.device_requests.labels(job.device.name).inc()
        try:
            await self.link.write(
                job.device.unit, job.point.table, job.point.address, job.words, deadline_s=job.device.write_deadline_s
            )
        except DeviceError as error:
            self._count([job.device], error)
            self._metrics.writes_failed.labels(job.device.name, job.point.name).inc()
            job.device.note(error)
            job.done(error.fault)
        except BaseException:
            job.done(Fault.CONNECTION_LOST)
            raise
        else:
            self._failures = 0
            self._metrics.writes.labels(job.device.name, job.point.name).inc()
            job.done(None)
        await self._gap(job.device)

    async def _gap(self, device: ModbusDevice) -> None:
        if device.profile.limits.request_gap_s > 0.0:
            await self._clock.sleep(device.profile.limits.request_gap_s)

    def _drop_writes(self) -> None:
        jobs = list(self._writes.values())
        self._writes.clear()
        for job in jobs:
            job.done(Fault.NOT_CONNECTED)

    def _count(self, devices: Iterable[ModbusDevice], error: DeviceError) -> None:
        for device in devices:
            self._metrics.device_errors.labels(device.name, error.fault.value).inc()
            if error.code is not None:
                self._metrics.device_exceptions.labels(device.name, str(error.code)).inc()
