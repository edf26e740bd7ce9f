"""Connections of other masters: bounded in number, time, memory and pace. Knows requests; not what answers them.

No client can hold the daemon up (FM-52) or learn anything by force: each has one small buffer in either direction,
is answered at a bounded rate, and is cut when it says nothing, reads nothing or talks nonsense. All times are real
seconds of the event loop: a network is not faster because a clock is.
"""

import asyncio
import contextlib
import socket
from asyncio import BufferedProtocol, Transport
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, cast

import structlog

from coolantd.protocol.serving import Asked, Incomplete, Unintelligible, parse
from coolantd.service.metrics import Metrics

CLIENTS_MAX: Final = 16
"""A building management system, its stand-by, a data logger and a few laptops."""
DISPLACE_IDLE_S: Final = 5.0
"""When all places are taken a newcomer gets that of whoever has asked nothing for longest, if for at least this long:
sixteen dead connections lock nobody out, and sixteen busy masters do not cut each other off for ever."""
IDLE_TIMEOUT_S: Final = 60.0
"""A master that asks less often connects anew; dead ones (FM-40) give their place back."""
SEND_TIMEOUT_S: Final = 5.0
"""A client that does not take its answers for this long is not going to."""
REQUESTS_PER_S: Final = 50.0
"""The whole map of the largest profile several times a second. Faster requests wait, so that sixteen clients at their
fastest take about a tenth of a core from control."""
REQUESTS_BURST: Final = 16
"""A master's usual burst of blocks is answered at once; of sixteen clients together it takes about 10 ms (FM-26)."""
RECEIVE_BYTES: Final = 2048
"""170 reads waiting; more stays in the sender's own buffers."""
SEND_BUFFER_BYTES: Final = 8192
"""About thirty of the longest answers; above it nothing more is read from the client."""
KERNEL_BUFFER_BYTES: Final = 32 * 1024
"""Else the kernel would take megabytes of answers for a client that reads none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientLimits:
    """What clients may take; see the constants of the same names for the reasons."""

    clients_max: int = CLIENTS_MAX
    displace_idle_s: float = DISPLACE_IDLE_S
    idle_timeout_s: float = IDLE_TIMEOUT_S
    send_timeout_s: float = SEND_TIMEOUT_S
    requests_per_s: float = REQUESTS_PER_S
    requests_burst: int = REQUESTS_BURST


class Pace:
    """Spreads requests out: ``burst`` of them at once, then so many a second."""

    def __init__(self, per_s: float, burst: int) -> None:
        self._interval_s = 1.0 / per_s
        self._ahead_max_s = (burst - 1) / per_s
        self._owed_until_s = float("-inf")

    def take(self, now_s: float) -> float:
        """Return 0.0 if a request may be answered now, which then counts, else how long to wait before asking again."""
        wait_s = self._owed_until_s - self._ahead_max_s - now_s
        if wait_s > 0.0:
            return wait_s
        self._owed_until_s = max(self._owed_until_s, now_s) + self._interval_s
        return 0.0


class Clients:
    """The connections of one listener; called by the event loop for each new one.

    Args:
        answer: returns the reply to a request, at once.
        nonsense: called for each connection that spoke something else than Modbus TCP.
        metrics: where connections are counted.
        log: bound to what the listener is called.
    """

    def __init__(
        self,
        answer: Callable[[Asked], bytes],
        nonsense: Callable[[], None],
        *,
        metrics: Metrics,
        log: structlog.stdlib.BoundLogger,
        limits: ClientLimits,
    ) -> None:
        self.answer = answer
        self.nonsense = nonsense
        self.limits = limits
        self.log = log
        self._gauge = metrics.proxy_clients
        self._open: dict[_Client, None] = {}
        self._empty = asyncio.Event()
        self._empty.set()

    def __call__(self) -> "_Client":
        """Return the protocol of a new connection."""
        return _Client(self)

    def __len__(self) -> int:
        """Return how many clients are connected."""
        return len(self._open)

    def admit(self, client: "_Client") -> bool:
        """Give a new connection a place, another's if need be; False if there is none."""
        if len(self._open) >= self.limits.clients_max:
            longest_idle = next(iter(self._open))
            if longest_idle.idle_s() < self.limits.displace_idle_s:
                self.log.warning("proxy_client_refused", reason="all places taken", clients=len(self._open))
                return False
            longest_idle.cut("displaced")
            self.forget(longest_idle)
        self._open[client] = None
        self._gauge.inc()
        self._empty.clear()
        return True

    def note_active(self, client: "_Client") -> None:
        """Put a client last in order: the dict is sorted by how long nothing was asked."""
        if client in self._open:
            del self._open[client]
            self._open[client] = None

    def forget(self, client: "_Client") -> None:
        """Free the place of a client; nothing if it has none."""
        if client in self._open:
            del self._open[client]
            self._gauge.dec()
        if not self._open:
            self._empty.set()

    async def close(self, timeout_s: float) -> None:
        """Close every connection once its answers are sent, for at most this long; then cut the rest."""
        for client in list(self._open):
            client.close()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._empty.wait()
        for client in list(self._open):
            client.cut("stopping")
            self.forget(client)


class _Client(BufferedProtocol):
    """One connection. Requests are answered in order, each before the next one is looked at."""

    def __init__(self, owner: Clients) -> None:
        self._owner = owner
        self._loop = asyncio.get_running_loop()
        self._piece = bytearray(RECEIVE_BYTES)
        self._pending = bytearray()
        self._pace = Pace(owner.limits.requests_per_s, owner.limits.requests_burst)
        self._active_s = self._loop.time()
        self._transport: Transport | None = None
        self._idle: asyncio.TimerHandle | None = None
        self._later: asyncio.TimerHandle | None = None
        self._stuck: asyncio.TimerHandle | None = None

    def idle_s(self) -> float:
        """Return for how long nothing was asked."""
        return self._loop.time() - self._active_s

    def close(self) -> None:
        """Close when what was answered is sent."""
        if self._transport is not None:
            self._transport.close()

    def cut(self, reason: str, detail: str = "") -> None:
        """Close at once."""
        if self._transport is not None:
            # What a client can vary is no part of the reason, by which lines are held back (FM-31).
            self._owner.log.info("proxy_client_cut", reason=reason, detail=detail)
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("Transport", transport)
        if not self._owner.admit(self):
            self._transport.abort()
            return
        sock = transport.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, KERNEL_BUFFER_BYTES)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, KERNEL_BUFFER_BYTES)
        self._transport.set_write_buffer_limits(high=SEND_BUFFER_BYTES)
        self._check_idle()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        for timer in (self._idle, self._later, self._stuck):
            if timer is not None:
                timer.cancel()
        self._owner.forget(self)

    def get_buffer(self, sizehint: int) -> bytearray:
        del sizehint
        return self._piece

    def buffer_updated(self, nbytes: int) -> None:
        self._pending += memoryview(self._piece)[:nbytes]
        self._serve()

    def pause_writing(self) -> None:
        self._stuck = self._loop.call_later(self._owner.limits.send_timeout_s, self.cut, "takes no answers")

    def resume_writing(self) -> None:
        if self._stuck is not None:
            self._stuck.cancel()
            self._stuck = None
        self._serve()

    def _serve(self) -> None:
        """Answer what is pending, as far as the pace and the client's own reading allow.

        Nothing more is read meanwhile, not even that the client has finished: what it asked before is answered.
        """
        transport = self._transport
        if transport is None or transport.is_closing() or self._later is not None:
            return
        while self._stuck is None:
            asked = parse(self._pending)
            if isinstance(asked, Incomplete):
                transport.resume_reading()
                return
            if isinstance(asked, Unintelligible):
                self._owner.nonsense()
                self.cut("not Modbus TCP", asked.detail)
                return
            wait_s = self._pace.take(self._loop.time())
            if wait_s > 0.0:
                self._later = self._loop.call_later(wait_s, self._go_on)
                break
            del self._pending[: asked.size_bytes]
            self._active_s = self._loop.time()
            self._owner.note_active(self)
            transport.write(self._owner.answer(asked))
        transport.pause_reading()

    def _go_on(self) -> None:
        self._later = None
        self._serve()

    def _check_idle(self) -> None:
        """Cut the client if it has asked nothing for too long, else look again when it would have."""
        left_s = self._owner.limits.idle_timeout_s - self.idle_s()
        if left_s <= 0.0:
            self.cut("idle")
        else:
            self._idle = self._loop.call_later(left_s, self._check_idle)
