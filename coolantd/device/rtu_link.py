"""One line of Modbus RTU frames on an open wire, whatever the wire is, with replies that can be believed.

``protocol.line`` decides when to speak and what to believe; this file only waits, sends and receives for it. The
interface is that of ``device.modbus.ModbusTcpLink``. pymodbus has no part in it: its RTU framer searches what it
received for anything with a right CRC, and its client can neither keep a line silent nor tell when a byte arrived.
This file must never know points, retries or when to reconnect.
"""

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Final

from coolantd.clock import Clock
from coolantd.device.wire import Wire
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.line import LineCounts, SerialLine
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, Request, WriteRequest
from coolantd.protocol.rtu import RtuRequest, request_frame

TIMEOUTS_MAX: Final = 16
"""Requests in a row without a reply after which the line is opened anew (FM-37): an adapter or gateway may hang. Many,
because one connection serves many units and those that are switched off must not close it for the others."""
BABBLE_TURNAROUNDS_MAX: Final = 4
"""A line that has not been silent for one turnaround within this many is not waited for any longer."""
LOOPBACKS_MAX: Final = 3
"""Loopbacks in one call: a line on which the unit is suspect again after each is not worth waiting for."""
PULSE_S: Final = 0.5
"""Longest sleep between two signs of life, so that the watchdog can tell a quiet line from a hanging task (FM-47)."""


class RtuLink(ABC):
    """One line of RTU frames: one request in flight, each under its own deadline, nothing retried.

    Args:
        line: judge of the line.
        clock: whose seconds deadlines and silences are in.
        name: of port or converter, for people.
        pulse: called at least each ``PULSE_S`` while a call waits, for silence or for a reply: either can take longer
            than a watchdog allows.
    """

    def __init__(self, line: SerialLine, clock: Clock, name: str, pulse: Callable[[], None]) -> None:
        self._line = line
        self._clock = clock
        self._name = name
        self._pulse = pulse
        self._lock = asyncio.Lock()
        self._arrived = asyncio.Event()
        self._wire: Wire | None = None
        self._closed_because = ""
        self._timeouts = 0

    @property
    def connected(self) -> bool:
        """Return whether requests can be sent now."""
        return self._wire is not None

    @property
    def counts(self) -> LineCounts:
        """Return what the line has been through, for counters."""
        return self._line.counts

    async def connect(self) -> None:
        """Make one attempt to open the line, closing it first; a port is looked up by its path anew.

        The first request afterwards waits for one turnaround of silence: another process may have asked last.

        Raises:
            DeviceError: NOT_CONNECTED.
        """
        await self.close()
        self._wire = await self._open()
        self._closed_because, self._timeouts = "", 0
        self._line.opened(self._clock.now_s())

    async def read(self, unit: int, table: Table, address: int, count: int, *, deadline_s: float) -> tuple[int, ...]:
        """Return registers, or 0 or 1 per coil.

        Args:
            unit: Modbus unit, 1..255.
            table: any of the four.
            address: first wire address, 0-based.
            count: 1..125 registers or 1..2000 coils.
            deadline_s: how long the reply may take from sending the request to its last byte, in the clock's
                seconds. Before that a call may wait for the one in flight, for the line to become silent (at most
                4 turnarounds) and, after a fault, for the unit's answer to a loopback (a deadline of its own).

        Raises:
            DeviceError: the exchange failed; nothing is known of the values. The line stays open, except when it
                was lost or after ``TIMEOUTS_MAX`` timeouts in a row.
            ValueError: no such request exists; a caller's mistake, found before anything is sent.
        """
        return await self._exchange(ReadRequest(0, unit, table, address, count), deadline_s)

    async def write(self, unit: int, table: Table, address: int, words: Sequence[int], *, deadline_s: float) -> None:
        """Write coils or holding registers and return when the device has acknowledged exactly that.

        Args:
            unit: Modbus unit, 1..255; never a broadcast, which nobody acknowledges.
            table: coils or holding registers.
            address: first wire address, 0-based.
            words: 1..123 registers, or 1..1968 coils as 0 or 1.
            deadline_s: as for ``read``.

        Raises:
            DeviceError: as for ``read``; the device may or may not have taken the write.
            ValueError: as for ``read``.
        """
        await self._exchange(WriteRequest(0, unit, table, address, tuple(words)), deadline_s)

    async def close(self) -> None:
        """Close at once; a call in flight ends as CONNECTION_LOST. Never raises, never waits for the device."""
        if self._wire is not None:
            self._wire.close()
            self._lost("closed by us")

    @abstractmethod
    async def _open(self) -> Wire:
        """Open the wire or raise DeviceError."""

    def _received(self, data: bytes) -> None:
        self._line.receive(data, self._clock.now_s())
        self._arrived.set()

    def _lost(self, why: str) -> None:
        self._wire, self._closed_because = None, f"{self._name}: {why}"
        self._arrived.set()

    async def _exchange(self, request: Request, deadline_s: float) -> tuple[int, ...]:
        request_frame(request)  # a request that does not exist is found before the wait for its turn
        async with self._lock:
            if self._wire is None:
                raise DeviceError(Fault.NOT_CONNECTED, self._closed_because)
            for _ in range(LOOPBACKS_MAX):
                # A unit can become suspect while the line is waited for, by bytes that nobody asked for.
                wire = await self._silent_line()
                if not self._line.needs_loopback(request.unit):
                    return await self._ask(wire, request, deadline_s)
                await self._ask(wire, self._line.loopback(request.unit), deadline_s)
            raise self._noisy()

    async def _ask(self, wire: Wire, request: RtuRequest, deadline_s: float) -> tuple[int, ...]:
        """Send one request on the silent line and return the words of its reply."""
        wire.send(self._line.begin(request, self._clock.now_s()))
        try:
            async with self._clock.timeout(deadline_s):
                await self._reply(wire)
            words = self._line.finish(self._clock.now_s())
        except TimeoutError:
            raise self._give_up() from None
        except ReplyFault as refused:
            self._timeouts = 0
            raise DeviceError(refused.fault, refused.detail, refused.code) from None
        finally:
            self._line.give_up(self._clock.now_s())  # a cancelled or broken off request; nothing after a reply
        self._timeouts = 0
        return words

    async def _silent_line(self) -> Wire:
        """Wait until the line may be used, discarding what comes; return it."""
        started_s = self._clock.now_s()
        wire = self._wire
        while True:
            self._pulse()
            if wire is not None:
                wire.drain()
            wire = self._same(wire)
            now_s = self._clock.now_s()
            wait_s = self._line.ready_in_s(now_s)
            if wait_s <= 0.0:
                return wire
            if now_s - started_s > BABBLE_TURNAROUNDS_MAX * self._line.turnaround_s:
                raise self._noisy()
            await self._clock.sleep(min(wait_s, PULSE_S))

    async def _reply(self, wire: Wire) -> None:
        """Wait until the reply is complete and the line silent behind it."""
        self._same(wire)
        while (wait_s := self._line.settled_in_s(self._clock.now_s())) is None or wait_s > 0.0:
            if wait_s is None:
                self._arrived.clear()
                await self._arrival()
            else:
                await self._clock.sleep(wait_s)
                wire.drain()
            self._same(wire)

    async def _arrival(self) -> None:
        """Wait for bytes, or until it is time for a sign of life."""
        self._pulse()
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(PULSE_S):
                await self._arrived.wait()

    def _same(self, wire: Wire | None) -> Wire:
        """Return the wire if it is still the one in use."""
        if wire is None or wire is not self._wire:
            raise DeviceError(Fault.CONNECTION_LOST, self._closed_because)
        return wire

    def _noisy(self) -> DeviceError:
        return DeviceError(Fault.MALFORMED, f"{self._name} does not become silent: bytes nobody asked for")

    def _give_up(self) -> DeviceError:
        missed = self._line.give_up(self._clock.now_s()) or ReplyFault(Fault.TIMEOUT, "no reply in time")
        self._timeouts += 1
        if self._timeouts >= TIMEOUTS_MAX and self._wire is not None:
            self._wire.close()
            self._lost(f"{TIMEOUTS_MAX} requests in a row without a reply")
        return DeviceError(missed.fault, missed.detail)
