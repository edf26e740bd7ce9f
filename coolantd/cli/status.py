"""``coolantd status``: what the running daemon says of itself, as tables or as JSON. Reads, never orders."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from coolantd.cli.usage import FAILED
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

if TYPE_CHECKING:
    from rich.console import Console, Group
    from rich.live import Live

CONTROL_SOCKET: Final = Path("/run/coolantd/control.sock")
WATCH_PERIOD_S: Final = 1.0


def status(
    socket: Annotated[Path, typer.Option(help="Control socket of the running daemon.")] = CONTROL_SOCKET,
    as_json: Annotated[bool, typer.Option("--json", help="Print the status as one JSON object.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Refresh every second until Ctrl-C.")] = False,
) -> None:
    """Show what the running daemon measures, decides and commands."""
    try:
        view = ask(socket)
        if as_json:
            _show_json(socket, view, watch=watch)
        else:
            _show_tables(socket, view, watch=watch)
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        # The usual way to leave --watch, and no failure.
        return


def ask(socket: Path) -> dict[str, Any]:
    """Return the daemon's view as the JSON of ``/api/v1/status``.

    Raises:
        CoolantdError: the daemon cannot be reached.
    """
    return request(socket, {"command": "status"})


def _show_json(socket: Path, view: dict[str, Any], *, watch: bool) -> None:
    print(orjson.dumps(view).decode(), flush=True)
    while watch:
        time.sleep(WATCH_PERIOD_S)
        print(orjson.dumps(ask(socket)).decode(), flush=True)


def _show_tables(socket: Path, view: dict[str, Any], *, watch: bool) -> None:
    # Rich takes 0.1 s to import; the JSON output and the other commands do without.
    from coolantd.cli.status_tables import render, status_console

    console = status_console()
    if not watch:
        console.print(render(view, plain=not console.is_terminal))
    elif console.is_terminal:
        _watch_live(socket, view, console)
    else:
        _watch_plain(socket, view, console)


def _watch_plain(socket: Path, view: dict[str, Any], console: "Console") -> None:
    from coolantd.cli.status_tables import render

    while True:
        console.print(render(view, plain=True))
        time.sleep(WATCH_PERIOD_S)
        view = ask(socket)


def _watch_live(socket: Path, view: dict[str, Any], console: "Console") -> None:
    from rich.live import Live

    from coolantd.cli.status_tables import render

    with Live(render(view, plain=False), console=console, screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(WATCH_PERIOD_S)
            _refresh(live, socket)


def _refresh(live: "Live", socket: Path) -> None:
    from coolantd.cli.status_tables import render

    try:
        shown: Group | str = render(ask(socket), plain=False)
    except CoolantdError as error:
        # Someone who watches a restart wants to see it come back; old figures must not stand there meanwhile.
        shown = f"{error}; trying again every second"
    live.update(shown, refresh=True)
