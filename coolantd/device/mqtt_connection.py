"""One connection to an MQTT broker. The only file that knows aiomqtt, and paho beneath it.

Must never know what a message means, retry, or log. A connection is made once and never again: the library's client
is not fit for reuse after a failed attempt.

Deadlines of the wire are real seconds, whatever the rate of the clock: kernel and broker do not run faster for us.
"""

import asyncio
import functools
import logging
import math
import socket
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast

import aiomqtt

T = TypeVar("T")

KEEPALIVE_S: Final = 5
"""A silent broker is given up after at most twice this and the library's one-second tick."""
DIAL_TIMEOUT_S: Final = 1.5
"""For the TCP connection, and again for the broker's answer: 3 s in all (name resolution has its own limits)."""
CALL_TIMEOUT_S: Final = 2.0
"""For one publication or subscription; a broker on the same site answers in milliseconds."""
UNACKNOWLEDGED_MAX: Final = 16
"""Publications above QoS 0 inside the library; the link hands over one at a time."""
CONNECTION_ERRORS: Final = (aiomqtt.MqttError, OSError)
"""Everything a broker, or its absence, can raise here."""

Deliver = Callable[[str, bytes, bool], None]
"""Takes topic, payload, and whether the broker had stored it."""

_SILENT_LOGGER: Final = logging.getLogger("coolantd.device.mqtt.library")
_SILENT_LOGGER.disabled = True
"""The library's complaints repeat, unlimited in rate, what ``fault`` already says."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerAddress:
    """Where the broker is and who we are to it. With a ``ca_file`` the link is TLS and the broker is verified."""

    host: str
    port: int
    client_id: str
    username: str | None = None
    password: str | None = None
    ca_file: str | None = None
    keepalive_s: int = KEEPALIVE_S

    def __repr__(self) -> str:
        """Return the address without its secret."""
        return f"BrokerAddress({self.client_id!r} at {self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class Will:
    """What the broker says for us, retained, when we vanish."""

    topic: str
    payload: bytes


class BrokerConnection(Protocol):
    """What the link needs of one connection; every failure is one of ``CONNECTION_ERRORS``."""

    async def dial(self) -> None:
        """Connect."""
        ...

    def certificate_expires_s(self) -> float:
        """Return when the broker's certificate ends, seconds since the epoch; NaN without TLS."""
        ...

    async def watch(self) -> None:
        """Wait for the connection to end, and raise why."""
        ...

    async def subscribe_each(self, filters: list[str]) -> set[str]:
        """Subscribe; return the filters the broker refused."""
        ...

    async def unsubscribe(self, topic: list[str], /) -> Any:
        """Want these filters no longer."""
        ...

    async def publish(self, topic: str, /, payload: bytes, qos: int, retain: bool) -> Any:  # noqa: FBT001 -- library's
        """Send one message."""
        ...

    async def hang_up(self) -> None:
        """Disconnect properly: the broker forgets the last will."""
        ...

    def abandon(self) -> None:
        """Let go at once, in whatever state."""
        ...


class Connect(Protocol):
    """Makes a connection to a broker, not dialled yet."""

    def __call__(self, address: BrokerAddress, *, will: Will, deliver: Deliver) -> BrokerConnection:
        """Return it."""
        ...


def checked_topic(topic: str) -> str:
    """Return a topic one may publish on.

    Raises:
        ValueError: it is empty, too long, or holds a wildcard.
    """
    return str(aiomqtt.Topic(topic))


def checked_filter(topic: str) -> str:
    """Return a topic or filter one may subscribe to.

    Raises:
        ValueError: it is empty, too long, or its wildcards do not stand for whole levels.
    """
    return str(aiomqtt.Wildcard(topic))


class _Sink(asyncio.Queue[aiomqtt.Message]):
    """Stands in for the library's queue, which is unbounded or drops the newest: passes everything on at once."""

    def __init__(self, deliver: Deliver, maxsize: int = 0) -> None:
        super().__init__(maxsize)
        self._deliver = deliver

    def put_nowait(self, item: aiomqtt.Message) -> None:
        """Pass a message on; nothing is ever queued here."""
        self._deliver(str(item.topic), item.payload, item.retain)


class MqttConnection(aiomqtt.Client):
    """The library's client, bounded everywhere and made to let go of its socket whatever state it is in."""

    def __init__(self, address: BrokerAddress, *, will: Will, deliver: Deliver) -> None:
        super().__init__(
            address.host,
            address.port,
            username=address.username,
            password=address.password,
            identifier=address.client_id,
            logger=_SILENT_LOGGER,
            queue_type=cast("type[asyncio.Queue[aiomqtt.Message]]", functools.partial(_Sink, deliver)),
            protocol=aiomqtt.ProtocolVersion.V311,
            will=aiomqtt.Will(will.topic, will.payload, qos=1, retain=True),
            clean_session=True,
            timeout=DIAL_TIMEOUT_S,
            keepalive=address.keepalive_s,
            max_queued_outgoing_messages=UNACKNOWLEDGED_MAX,
            socket_options=[
                (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
                (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 2000 * address.keepalive_s),
            ],
        )
        self._client.connect_timeout = DIAL_TIMEOUT_S
        self._ca_file = address.ca_file
        self._dialling = False
        self._abandoned = False

    async def dial(self) -> None:
        """Connect; the only errors are the library's own and the system's.

        Raises:
            aiomqtt.MqttError: no connection, no answer, or a refusal.
        """
        self._dialling = True
        try:
            await self.__aenter__()
        except ValueError as error:  # a host name that cannot be encoded, a certificate for another name
            raise aiomqtt.MqttError(str(error)) from error
        self.timeout = CALL_TIMEOUT_S

    def certificate_expires_s(self) -> float:
        """Return when the broker's certificate ends, seconds since the epoch; NaN without TLS (FM-53)."""
        link = self._client.socket()
        certificate = link.getpeercert() if isinstance(link, ssl.SSLSocket) else None
        ends = (certificate or {}).get("notAfter")
        return ssl.cert_time_to_seconds(ends) if isinstance(ends, str) else math.nan

    async def watch(self) -> None:
        """Wait for the connection to end, and raise why."""
        async for _ in self.messages:
            raise AssertionError("unreachable: the sink queues nothing")

    async def subscribe_each(self, filters: list[str]) -> set[str]:
        """Subscribe; return the filters the broker refused."""
        codes = await self.subscribe([(topic, 0) for topic in filters])
        if len(codes) != len(filters):
            raise aiomqtt.MqttError(f"{len(codes)} answers to {len(filters)} subscriptions")
        return {topic for topic, code in zip(filters, codes, strict=True) if _is_refusal(code)}

    async def hang_up(self) -> None:
        """Disconnect properly: the broker forgets the last will."""
        await self.__aexit__(None, None, None)

    def abandon(self) -> None:
        """Let go at once, in whatever state: close the socket, stop the timer, release who watches.

        The library leaves the socket open and registered after a failed connection attempt, and after an error in
        a callback; such a leftover would fight the next client for the same id.
        """
        self._abandoned = True
        if self._dialling:
            return  # the worker thread holds the socket; it calls again when it is done
        self._client._sock_close()  # noqa: SLF001 -- the only way to close without a farewell
        if self._misc_task is not None:
            self._misc_task.cancel()
        if not self._disconnected.done():
            self._disconnected.set_result(None)
        elif not self._disconnected.cancelled():
            self._disconnected.exception()  # somebody has to have looked at it

    async def _wait_for(self, fut: Awaitable[T], timeout: float | None) -> T:  # noqa: ASYNC109 -- the base class's
        """Wait with a deadline; the library's own way swallows a cancellation that meets an answer (Python 3.11)."""
        try:
            async with asyncio.timeout(self.timeout if timeout is None else timeout):
                return await fut
        except TimeoutError:
            raise aiomqtt.MqttError("the broker did not answer in time") from None

    def _client_connect(self) -> None:
        """Connect (in a worker thread, which cannot be cancelled: what comes too late is let go of)."""
        try:
            if self._ca_file is not None:
                self._client.tls_set_context(_tls_context(self._ca_file))
            super()._client_connect()
        finally:
            self._loop.call_soon_threadsafe(self._dialled)

    def _dialled(self) -> None:
        self._dialling = False
        if self._abandoned:
            self.abandon()


class _TidySocket(ssl.SSLSocket):
    """Closes itself when the handshake fails; the library would leave it to the garbage collector."""

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 -- the base class's signature
        try:
            super().do_handshake(block)
        except OSError:
            self.close()
            raise


def _tls_context(ca_file: str) -> ssl.SSLContext:
    """Return a context that trusts this file alone; read for every connection, so that it may be renewed."""
    try:
        context = ssl.create_default_context(cafile=ca_file)
    except OSError as error:
        raise OSError(f"{ca_file} is not a usable file of certificates: {error.strerror or error}") from error
    context.sslsocket_class = _TidySocket
    return context


def _is_refusal(code: object) -> bool:
    return bool(getattr(code, "is_failure", False))
