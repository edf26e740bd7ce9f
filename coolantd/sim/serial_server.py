"""Units on a virtual Modbus RTU line, as slow as a real one. Knows frames, devices and pace; no plant.

Times are those of the line: a request takes its characters' time to arrive although a pty hands it over at once, the
unit thinks for its reply delay, and its reply leaves a few bytes at a time, as many as the baud rate has let through.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from coolantd.clock import Clock
from coolantd.protocol.rtu import LOOPBACK_FUNCTION, frame_gap_s
from coolantd.protocol.rtu_serving import (
    BROADCAST_UNIT,
    ILLEGAL_ADDRESS,
    READ_BITS,
    READ_WORDS,
    WRITE_BIT,
    WRITE_BITS,
    RequestFramer,
    RequestRefused,
    ServedRequest,
    parse_request,
    read_reply,
    refusal_frame,
    write_reply,
)
from coolantd.sim.modbus_server import READ_COILS, READ_INPUT, RegisterDevice
from coolantd.sim.serial_port import VirtualPort

FRAMES_WAITING_MAX: Final = 16
"""Requests heard and not yet answered; a master sends one, so more is a babble."""
PIECE_S: Final = 0.002
"""Between two pieces of a reply: about four bytes at 19200 baud."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePace:
    """How fast a line and its units are.

    Attributes:
        baudrate: bits per second.
        char_bits: bits per character on the wire: 10 without parity and with one stop bit, else 11.
        reply_delay_s: how long a unit thinks before it answers.
    """

    baudrate: int = 19200
    char_bits: int = 10
    reply_delay_s: float = 0.005

    @property
    def char_s(self) -> float:
        """Return how long one character takes."""
        return self.char_bits / self.baudrate


class SerialUnit:
    """One device as it answers requests.

    Args:
        device: its memory and its rules.
    """

    def __init__(self, device: RegisterDevice) -> None:
        self._device = device
        self._holding = frozenset(device.holding_addresses)
        self._coils = frozenset(device.coil_addresses)

    def answer(self, request: ServedRequest) -> bytes:
        """Carry a request out and return the frame that answers it; empty where the device is silent."""
        if self._device.silent:
            return b""
        if request.function == LOOPBACK_FUNCTION:
            return write_reply(request)
        code = self._device.refuses_all
        if not code and request.function in READ_BITS | READ_WORDS:
            values = self._read(request)
            if values is not None:
                return read_reply(request, values)
            code = ILLEGAL_ADDRESS
        code = code or self._write(request)
        return refusal_frame(request.unit, request.function, code) if code else write_reply(request)

    def _read(self, request: ServedRequest) -> list[int] | None:
        wanted = range(request.address, request.address + request.count)
        if request.function == READ_COILS:
            return [int(self._device.read_coil(at)) for at in wanted] if self._coils.issuperset(wanted) else None
        if request.function in READ_BITS or request.function == READ_INPUT or not self._holding.issuperset(wanted):
            return None
        return self._device.read_holding(request.address, request.count)

    def _write(self, request: ServedRequest) -> int:
        if request.function in {WRITE_BIT, WRITE_BITS}:
            return self._device.write_coils(request.address, [bool(bit) for bit in request.values])
        return self._device.write_holding(request.address, request.values)


class SerialServer:
    """A line and the units on it.

    Args:
        units: unit id, 1..255, to device; any other id stays silent.
        port: where the bytes go.
        clock: whose seconds the line's times are in.
        pace: how fast.

    Attributes:
        requests: frames heard with a right CRC, whoever they were for.
        replies: frames sent.
        busy_s: how long the line has been in use since the start, by the time its characters and its units take.
    """

    def __init__(self, units: Mapping[int, RegisterDevice], *, port: VirtualPort, clock: Clock, pace: LinePace) -> None:
        self.port = port
        self.pace = pace
        self.requests = 0
        self.replies = 0
        self.busy_s = 0.0
        self._units = {unit: SerialUnit(device) for unit, device in units.items()}
        self._clock = clock
        self._framer = RequestFramer(frame_gap_s(pace.baudrate))
        self._frames: deque[tuple[bytes, float]] = deque(maxlen=FRAMES_WAITING_MAX)
        self._arrived = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def discarded_bytes(self) -> int:
        """Return how many bytes heard were no request."""
        return self._framer.discarded_bytes

    async def start(self) -> None:
        """Plug in and listen.

        Raises:
            CoolantdError: no pty, or no link to be made.
        """
        self.plug()
        self._task = asyncio.create_task(self._serve(), name="serial-line")

    async def stop(self) -> None:
        """Unplug."""
        self.port.unplug()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    def plug(self) -> None:
        """Put the adapter back; its path is the same if it has a link.

        Raises:
            CoolantdError: no pty, or no link to be made.
        """
        self.port.plug(self._heard)

    def unplug(self) -> None:
        """Pull the adapter; what was heard and not answered is forgotten."""
        self.port.unplug()
        self._frames.clear()
        self._framer = RequestFramer(frame_gap_s(self.pace.baudrate))

    def reply_to(self, frame: bytes) -> bytes:
        """Return what a frame with a right CRC is answered with; empty where nobody answers."""
        if frame[0] == BROADCAST_UNIT:
            with contextlib.suppress(RequestRefused):
                request = parse_request(frame)
                for unit in self._units.values():
                    unit.answer(request)
            return b""
        addressed = self._units.get(frame[0])
        if addressed is None:
            return b""
        try:
            return addressed.answer(parse_request(frame))
        except RequestRefused as refused:
            return refusal_frame(frame[0], frame[1], refused.code)

    def _heard(self, data: bytes) -> None:
        now_s = self._clock.now_s()
        self._frames += [(frame, now_s) for frame in self._framer.receive(data, now_s)]
        self._arrived.set()

    async def _serve(self) -> None:
        while True:
            while self._frames:
                await self._answer(*self._frames.popleft())
            await self._wait()
            now_s = self._clock.now_s()
            self._frames += [(frame, now_s) for frame in self._framer.silent(now_s)]

    async def _wait(self) -> None:
        """Wait for bytes, or for the silence that ends those which came."""
        self._arrived.clear()
        wait_s = self._framer.waits_s(self._clock.now_s())
        if wait_s is None:
            await self._arrived.wait()
            return
        with contextlib.suppress(TimeoutError):
            async with self._clock.timeout(wait_s):
                await self._arrived.wait()

    async def _answer(self, frame: bytes, heard_s: float) -> None:
        self.requests += 1
        asked_s = len(frame) * self.pace.char_s
        reply = self.reply_to(frame)
        self.busy_s += asked_s
        if reply:
            self.replies += 1
            self.busy_s += self.pace.reply_delay_s + len(reply) * self.pace.char_s
            await self._say(reply, heard_s + asked_s + self.pace.reply_delay_s)

    async def _say(self, reply: bytes, begin_s: float) -> None:
        """Send a reply whose first bit leaves at ``begin_s``, each piece once its last bit would have arrived."""
        sent = 0
        while sent < len(reply):
            passed = int((self._clock.now_s() - begin_s) / self.pace.char_s)
            if passed > sent:
                self.port.say(reply[sent:passed])
                sent = min(passed, len(reply))
            else:
                await self._clock.sleep(max(PIECE_S, begin_s - self._clock.now_s()))
