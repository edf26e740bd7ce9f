"""A control socket that gives fixed replies, for commands that ask the running daemon."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from coolantd.service.control_socket import ControlSocket


def command(function: Any) -> typer.Typer:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.command()(function)
    return app


@contextmanager
def daemon(path: Path, replies: dict[str, dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    """A control socket in a thread of its own that gives fixed replies; yields the orders it got."""
    orders: list[dict[str, Any]] = []
    ready, loop = threading.Event(), asyncio.new_event_loop()
    stop = asyncio.Event()

    async def serve() -> None:
        def handler(reply):
            async def handle(order, peer):
                orders.append(order)
                return reply

            return handle

        control = ControlSocket(path, handlers={name: handler(reply) for name, reply in replies.items()})
        await control.start()
        ready.set()
        await stop.wait()
        await control.stop()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(5)
    try:
        yield orders
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(5)
        loop.close()
