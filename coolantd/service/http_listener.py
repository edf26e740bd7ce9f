"""A bounded HTTP/1.1 listener: the daemon's only home of aiohttp. Knows connections, never what they ask for.

No client can hold the daemon (FM-52): connections are few, every one has a deadline after which it is cut
whatever it is doing, a newcomer displaces whoever has been idle longest, and bodies go out in pieces as fast
as they are read.
"""

import asyncio
import contextlib
import logging
from asyncio import Transport
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from coolantd.errors import CoolantdError

if TYPE_CHECKING:
    from coolantd.service.http import Reply

CONNECTIONS_MAX: Final = 16
"""Two scrapers, a load balancer and a few pages; each may hold two send pieces of memory."""

REQUEST_TIMEOUT_S: Final = 5.0
"""From connecting, or from the request's head, to the last byte taken over by the kernel's buffers."""

IDLE_TIMEOUT_S: Final = 75.0
"""Longer than the usual 15 s and 60 s scrape intervals, so that a scraper keeps its connection."""

STOP_TIMEOUT_S: Final = 0.4
"""The whole daemon has 5 s to stop safely; showing things is the least of it."""

SHUTDOWN_TIMEOUT_S: Final = 0.9
"""``STOP_TIMEOUT_S`` and the library's own cancelling after it."""

SEND_PIECE_BYTES: Final = 64 * 1024
"""The transport's own high-water mark: a slow reader holds two of these, not a whole body."""

LINE_BYTES_MAX: Final = 2048
FIELD_BYTES_MAX: Final = 4096
FIELDS_MAX: Final = 64
READ_BUFFER_BYTES: Final = 16 * 1024
"""Heads of our few short paths are a few hundred bytes; request bodies are never read."""

SERVER_HEADER: Final = {"Server": "coolantd"}
"""Which library and version answers is nobody's business."""

Answer = Callable[[str, str], "Awaitable[Reply]"]


@dataclass(slots=True)
class _Connection:
    transport: Transport
    timer: asyncio.TimerHandle
    busy: bool = False


class _Protocol(RequestHandler):
    """The library's protocol, with its error pages and their log lines kept short."""

    __slots__ = ()

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what could not be parsed, or a defect of ours, and close the connection."""
        if status < web.HTTPInternalServerError.status_code:
            # Anyone may send nonsense; a log line for each would let them fill the journal (FM-31).
            if request.writer.output_size > 0:
                raise ConnectionError
            response: web.StreamResponse = web.Response(status=status, text="bad request\n")
            response.force_close()
        else:
            response = super().handle_error(request, status, exc, message)
        response.headers.update(SERVER_HEADER)
        return response


class _BoundedServer(web.Server):
    """The library's connection registry, with a limit and one timer per connection."""

    def __init__(self, handler: Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]) -> None:
        super().__init__(handler)
        self.open: dict[RequestHandler, _Connection] = {}

    def __call__(self) -> RequestHandler:
        return _Protocol(
            self,
            loop=self._loop,
            logger=logging.getLogger("coolantd.http"),
            access_log=None,  # type: ignore[arg-type]
            keepalive_timeout=IDLE_TIMEOUT_S,
            max_line_size=LINE_BYTES_MAX,
            max_field_size=FIELD_BYTES_MAX,
            max_headers=FIELDS_MAX,
            read_bufsize=READ_BUFFER_BYTES,
            lingering_time=0.0,
        )

    def connection_made(self, handler: RequestHandler, transport: Transport) -> None:
        super().connection_made(handler, transport)
        if len(self.open) >= CONNECTIONS_MAX:
            self._displace_one()
        self.open[handler] = _Connection(transport, self._abort_after(transport, REQUEST_TIMEOUT_S))

    def connection_lost(self, handler: RequestHandler, exc: BaseException | None = None) -> None:
        super().connection_lost(handler, exc)
        self._forget(handler)

    def begin(self, handler: RequestHandler) -> None:
        """Note that a request's head has arrived: its deadline starts."""
        self._set_state(handler, busy=True, timeout_s=REQUEST_TIMEOUT_S)

    def end(self, handler: RequestHandler) -> None:
        """Note that a request is answered: the connection may stay idle for a while."""
        self._set_state(handler, busy=False, timeout_s=IDLE_TIMEOUT_S)

    def abort_all(self) -> None:
        """Cut every connection."""
        for connection in self.open.values():
            connection.timer.cancel()
            connection.transport.abort()

    def _displace_one(self) -> None:
        """Cut whoever has been without a request for longest, or else whoever has been busy for longest."""
        # Refusing the newcomer instead would let sixteen stalled clients lock the scraper out.
        victim = next((each for each, state in self.open.items() if not state.busy), next(iter(self.open)))
        self.open[victim].transport.abort()
        self._forget(victim)

    def _set_state(self, handler: RequestHandler, *, busy: bool, timeout_s: float) -> None:
        connection = self.open.pop(handler, None)
        if connection is None:
            return
        connection.timer.cancel()
        connection.timer = self._abort_after(connection.transport, timeout_s)
        connection.busy = busy
        self.open[handler] = connection  # last in order: the dict is sorted by how long nothing happened

    def _abort_after(self, transport: Transport, timeout_s: float) -> asyncio.TimerHandle:
        return self._loop.call_later(timeout_s, transport.abort)

    def _forget(self, handler: RequestHandler) -> None:
        connection = self.open.pop(handler, None)
        if connection is not None:
            connection.timer.cancel()


class HttpListener:
    """Listens on one address and passes each request's method and path to ``answer``.

    Args:
        answer: returns the complete reply to a method and a path.
        host: address to bind.
        port: port to bind, 0 for any free one; ``self.port`` is the bound one once started.
    """

    def __init__(self, answer: Answer, *, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._answer = answer
        self._server: _BoundedServer | None = None
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Bind and listen.

        Raises:
            CoolantdError: the address cannot be bound.
        """
        self._server = _BoundedServer(self._handle)
        loop = asyncio.get_running_loop()
        try:
            # The backlog is also how many connections one turn of the event loop accepts.
            self._listening = await loop.create_server(
                self._server, self.host, self.port, backlog=CONNECTIONS_MAX, reuse_address=True
            )
        except OSError as error:
            reason = error.strerror or str(error)
            raise CoolantdError(f"http: cannot listen on {self.host}:{self.port}: {reason}") from error
        self.port = self._listening.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening, let answers in progress finish for ``STOP_TIMEOUT_S``, cut the rest."""
        if self._listening is None or self._server is None:
            return
        self._listening.close()
        self._server.pre_shutdown()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._server.shutdown(STOP_TIMEOUT_S), SHUTDOWN_TIMEOUT_S)
        self._server.abort_all()
        self._listening = self._server = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        server, protocol = self._server, request.protocol
        if server is None:
            return web.Response(status=503, headers=SERVER_HEADER)
        server.begin(protocol)
        try:
            reply = await self._answer(request.method, request.path)
            return await _send(request, reply)
        finally:
            server.end(protocol)


async def _send(request: web.BaseRequest, reply: "Reply") -> web.StreamResponse:
    """Send a reply piece by piece, each only when the reader has taken most of what went before."""
    response = web.StreamResponse(status=reply.status, headers={**SERVER_HEADER, **reply.headers})
    response.headers["Content-Type"] = reply.content_type
    response.content_length = len(reply.body)
    body = memoryview(reply.body)
    try:
        await response.prepare(request)
        for start in range(0, len(body), SEND_PIECE_BYTES):
            await response.write(body[start : start + SEND_PIECE_BYTES])
        await response.write_eof()
    except ConnectionError:
        # The client is gone; the library notices the same when it finishes the response.
        pass
    return response
