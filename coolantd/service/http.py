"""What the daemon answers over HTTP: /metrics, /healthz, /readyz and the read-only JSON under /api/v1.

Knows the paths and what each shows. It must never change anything, and it never knows the server library
(``http_listener`` does), so that importing this file costs nothing.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import orjson

from coolantd.service import exposition
from coolantd.service.metrics import Metrics
from coolantd.service.view import DaemonView
from coolantd.service.view_json import alarms_json, points_json_in_chunks, view_json_in_chunks

if TYPE_CHECKING:
    from coolantd.service.http_listener import HttpListener

CACHE_S: Final = 0.5
"""One control period: a second scraper within it would see nothing new; many cost what one costs (FM-52)."""

TEXT: Final = "text/plain; charset=utf-8"
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer, complete."""

    status: int
    content_type: str
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


class _Shared:
    """One body made at most once per ``CACHE_S``; those who ask meanwhile wait for the same one."""

    def __init__(self, make: Callable[[], Awaitable[bytes]]) -> None:
        self._make = make
        self._lock = asyncio.Lock()
        self._body = b""
        self._made_s = float("-inf")

    async def get(self) -> bytes:
        async with self._lock:
            loop = asyncio.get_running_loop()
            if loop.time() - self._made_s > CACHE_S:
                # Dated from before the work: a body never claims to be younger than what it shows.
                begun_s = loop.time()
                self._body = await self._make()
                self._made_s = begun_s
            return self._body


class HttpFace:
    """The daemon's one HTTP listener.

    Args:
        view: returns everything to be shown, as of now; must be cheap, it is called once per answer.
        metrics: the daemon's own counters.
        host: address to listen on.
        port: TCP port, 0 for any free one; ``self.port`` is the bound one once started.
    """

    def __init__(self, *, view: Callable[[], DaemonView], metrics: Metrics, host: str, port: int) -> None:
        self.host = host
        self.port = port
        self._view = view
        self._metrics = metrics
        self._exposition = exposition.PointExposition()
        self._metrics_body = _Shared(self._render_metrics)
        self._status_body = _Shared(self._render_status)
        self._points_body = _Shared(self._render_points)
        self._alarms_body = _Shared(self._render_alarms)
        self._listener: HttpListener | None = None
        self._routes: dict[str, Callable[[], Awaitable[Reply]]] = {
            "/metrics": self._get_metrics,
            "/healthz": self._get_healthz,
            "/readyz": self._get_readyz,
            "/api/v1/status": self._get_status,
            "/api/v1/points": self._get_points,
            "/api/v1/alarms": self._get_alarms,
        }

    async def start(self) -> None:
        """Listen.

        Raises:
            CoolantdError: the address cannot be bound.
        """
        # The server library takes 0.1 s to import; commands that never listen must not pay for it.
        from coolantd.service.http_listener import HttpListener

        self._listener = HttpListener(self.answer, host=self.host, port=self.port)
        await self._listener.start()
        self.port = self._listener.port

    async def stop(self) -> None:
        """Close the listener and every connection, within a second."""
        if self._listener is not None:
            await self._listener.stop()
            self._listener = None

    async def answer(self, method: str, path: str) -> Reply:
        """Return the answer to one request; never raises for what a client sent."""
        route = self._routes.get(path)
        if route is None:
            return Reply(404, TEXT, f"nothing here; try {', '.join(self._routes)}\n".encode())
        if method != "GET":
            return Reply(405, TEXT, b"this face is read-only: GET\n", {"Allow": "GET"})
        return await route()

    async def _get_metrics(self) -> Reply:
        return Reply(200, exposition.CONTENT_TYPE, await self._metrics_body.get())

    async def _get_healthz(self) -> Reply:
        # That this runs at all is the answer: the event loop turns.
        return Reply(200, TEXT, b"ok\n")

    async def _get_readyz(self) -> Reply:
        view = self._view()
        if view.ready:
            return Reply(200, TEXT, b"ready\n")
        return Reply(503, TEXT, f"not ready: {view.ready_cause or 'no cause given'}\n".encode())

    async def _get_status(self) -> Reply:
        return Reply(200, JSON, await self._status_body.get())

    async def _get_points(self) -> Reply:
        return Reply(200, JSON, await self._points_body.get())

    async def _get_alarms(self) -> Reply:
        return Reply(200, JSON, await self._alarms_body.get())

    async def _render_metrics(self) -> bytes:
        return await self._exposition.render(self._view(), self._metrics)

    async def _render_status(self) -> bytes:
        return orjson.dumps(await view_json_in_chunks(self._view()))

    async def _render_points(self) -> bytes:
        return orjson.dumps(await points_json_in_chunks(self._view()))

    async def _render_alarms(self) -> bytes:
        return orjson.dumps(alarms_json(self._view().alarms))
