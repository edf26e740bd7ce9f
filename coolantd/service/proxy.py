"""The read-only proxy: shows other masters what a device last said, and how long ago (Modbus TCP).

For devices that serve one connection only, which is ours. Nothing a client does reaches a device, delays a poll or
changes a value: this file reads ``RawCache`` and knows no bus. Words that are too old are never given; the answer is
then exception 0B, as a gateway gives it for a device that does not answer.
"""

import asyncio
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

import structlog

from coolantd.clock import Clock
from coolantd.config.line_models import ProxyUnitConfig
from coolantd.errors import CoolantdError
from coolantd.protocol.kinds import Table
from coolantd.protocol.replies import ReadRequest
from coolantd.protocol.serving import Asked, Refusal, age_words, reply_exception, reply_words
from coolantd.service.metrics import Metrics
from coolantd.service.proxy_clients import ClientLimits, Clients
from coolantd.service.raw_cache import RawCache

STOP_TIMEOUT_S: Final = 0.4
"""The whole daemon has 5 s to stop safely; showing things is the least of it."""


class Outcome(StrEnum):
    """What became of a request: the label of ``coolantd_proxy_requests_total``."""

    WORDS = "words"
    AGES = "ages"
    ILLEGAL_FUNCTION = "illegal_function"
    """A write among others."""
    ILLEGAL_ADDRESS = "illegal_address"
    """At least one register of the range is never polled."""
    ILLEGAL_VALUE = "illegal_value"
    UNKNOWN_UNIT = "unknown_unit"
    UNAVAILABLE = "unavailable"
    """The device is paused, silent, or not the one configured."""
    STALE = "stale"
    """A register was not read yet, or not within three of its poll periods."""
    UNINTELLIGIBLE = "unintelligible"


_REFUSAL_OUTCOME: Final = {
    Refusal.ILLEGAL_FUNCTION: Outcome.ILLEGAL_FUNCTION,
    Refusal.ILLEGAL_ADDRESS: Outcome.ILLEGAL_ADDRESS,
    Refusal.ILLEGAL_VALUE: Outcome.ILLEGAL_VALUE,
    Refusal.GATEWAY_PATH_UNAVAILABLE: Outcome.UNKNOWN_UNIT,
}


class ProxiedDevice(Protocol):
    """What the proxy must know of a device."""

    @property
    def raw(self) -> RawCache:
        """Return what the device last said."""
        ...

    @property
    def available(self) -> bool:
        """Return whether what it said counts: it is polled, and it is the right device."""
        ...

    def max_ages_s(self, table: Table, address: int, count: int) -> tuple[float, ...]:
        """Return (count,) ages up to which each register counts; NaN for one that is never polled."""
        ...


@dataclass(frozen=True, slots=True)
class _Route:
    """What a unit id stands for: a device's registers, or their ages."""

    device: str
    ages: bool


class _Refused(Exception):  # noqa: N818 (an answer, not an error)
    """A request is answered with an exception."""

    def __init__(self, refusal: Refusal, outcome: Outcome | None = None) -> None:
        self.refusal = refusal
        self.outcome = outcome or _REFUSAL_OUTCOME[refusal]
        super().__init__(self.outcome.value)


class ProxyServer:
    """One listener.

    Args:
        host: address to bind.
        port: port to bind, 0 for any free one; ``self.port`` is the bound one once started.
        units: which unit id shows which device.
        lookup: returns a device by name as it is now; None where there is none.
        clock: whose seconds the ages are in.
        metrics: where requests and clients are counted.
        limits: what clients may take.
    """

    def __init__(
        self,
        host: str,
        port: int,
        units: Iterable[ProxyUnitConfig],
        lookup: Callable[[str], ProxiedDevice | None],
        *,
        clock: Clock,
        metrics: Metrics,
        limits: ClientLimits | None = None,
    ) -> None:
        self.host = host
        self.port = port
        self._lookup = lookup
        self._clock = clock
        self._metrics = metrics
        self._limits = limits or ClientLimits()
        self._listening: asyncio.Server | None = None
        self._clients: Clients | None = None
        self.show(units)
        for outcome in Outcome:
            metrics.proxy_requests.labels(outcome.value)

    def show(self, units: Iterable[ProxyUnitConfig]) -> None:
        """Answer for these units from now on; clients stay connected."""
        self._routes: dict[int, _Route] = {}
        for unit in units:
            self._routes[unit.unit_id] = _Route(unit.device, ages=False)
            if unit.age_unit_id is not None:
                self._routes[unit.age_unit_id] = _Route(unit.device, ages=True)

    async def start(self) -> None:
        """Bind and listen.

        Raises:
            CoolantdError: the address cannot be bound.
        """
        where = f"{self.host}:{self.port}"
        log = structlog.get_logger().bind(bus=f"proxy {where}")
        clients = Clients(self._answer, self._nonsense, metrics=self._metrics, log=log, limits=self._limits)
        loop = asyncio.get_running_loop()
        try:
            # The backlog is also how many connections one turn of the event loop accepts.
            self._listening = await loop.create_server(
                clients, self.host, self.port, backlog=self._limits.clients_max, reuse_address=True
            )
        except OSError as error:
            raise CoolantdError(f"proxy: cannot listen on {where}: {error.strerror or error}") from error
        self._clients = clients
        self.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and close every connection, within ``STOP_TIMEOUT_S``."""
        if self._listening is None or self._clients is None:
            return
        self._listening.close()
        await self._clients.close(STOP_TIMEOUT_S)
        self._listening = self._clients = None

    def _answer(self, asked: Asked) -> bytes:
        """Return the reply to a request."""
        try:
            request, words, outcome = self._judge(asked)
        except _Refused as refused:
            self._count(refused.outcome)
            return reply_exception(asked, refused.refusal)
        self._count(outcome)
        return reply_words(request, words)

    def _judge(self, asked: Asked) -> tuple[ReadRequest, tuple[int, ...], Outcome]:
        """Return the read that was asked for and its answer.

        Raises:
            _Refused: there is none.
        """
        if isinstance(asked.wanted, Refusal):
            raise _Refused(asked.wanted)
        route = self._routes.get(asked.unit)
        device = None if route is None else self._lookup(route.device)
        if route is None or device is None:
            raise _Refused(Refusal.GATEWAY_PATH_UNAVAILABLE)
        if route.ages:
            return asked.wanted, self._ages(device, asked.wanted), Outcome.AGES
        return asked.wanted, self._words(device, asked.wanted), Outcome.WORDS

    def _words(self, device: ProxiedDevice, wanted: ReadRequest) -> tuple[int, ...]:
        if not device.available:  # first: what is polled of it is not known before it has said its firmware
            raise _Refused(Refusal.GATEWAY_TARGET_FAILED, Outcome.UNAVAILABLE)
        max_ages_s = _max_ages_s(device, wanted)
        cached = device.raw.read(wanted.table, wanted.address, wanted.count)
        now_s = self._clock.now_s()
        if cached is None or any(
            now_s - sent_s > age_s for sent_s, age_s in zip(cached.sent_s, max_ages_s, strict=True)
        ):
            raise _Refused(Refusal.GATEWAY_TARGET_FAILED, Outcome.STALE)
        return cached.words

    def _ages(self, device: ProxiedDevice, wanted: ReadRequest) -> tuple[int, ...]:
        if wanted.is_bits:
            raise _Refused(Refusal.ILLEGAL_FUNCTION)  # an age does not fit in a bit
        _max_ages_s(device, wanted)
        sent_s = device.raw.sent_times_s(wanted.table, wanted.address, wanted.count)
        return age_words(sent_s, self._clock.now_s())

    def _nonsense(self) -> None:
        self._count(Outcome.UNINTELLIGIBLE)

    def _count(self, outcome: Outcome) -> None:
        self._metrics.proxy_requests.labels(outcome.value).inc()


def _max_ages_s(device: ProxiedDevice, wanted: ReadRequest) -> tuple[float, ...]:
    """Return the bad ages of the registers asked for.

    Raises:
        _Refused: one of them is never polled.
    """
    max_ages_s = device.max_ages_s(wanted.table, wanted.address, wanted.count)
    if any(math.isnan(age_s) for age_s in max_ages_s):
        raise _Refused(Refusal.ILLEGAL_ADDRESS)
    return max_ages_s
