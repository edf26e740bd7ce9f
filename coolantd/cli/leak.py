"""``coolantd leak``: leak zones as they stand, acknowledging one, testing its detectors."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from coolantd.cli.device import duration_s
from coolantd.cli.status import CONTROL_SOCKET, ask
from coolantd.cli.usage import FAILED
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

SocketOption = Annotated[Path, typer.Option(help="Control socket of the running daemon.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")]
ZoneArgument = Annotated[str, typer.Argument(help="Name of the leak zone, as configured.")]
ORDER_TIMEOUT_S: Final = 35.0
"""A little more than the daemon itself allows an order, so that its own sentence is the one shown."""

leak: Final = typer.Typer(no_args_is_help=True, help="Show leak zones, acknowledge one, test its detectors.")


@leak.command("list")
def list_zones(socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Show every zone: how bad it is, what is latched, how far its steps are, what its detectors say."""
    try:
        view = ask(socket)
    except CoolantdError as error:
        raise _failed(error) from error
    if as_json:
        print(orjson.dumps({key: view[key] for key in ("leak_zones", "requests")}).decode())
        return
    from coolantd.cli.leak_tables import render_leaks
    from coolantd.cli.status_tables import status_console

    status_console().print(render_leaks(view))


@leak.command()
def ack(zone: ZoneArgument, socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Acknowledge a leak that has been seen to: its branch opens again, and its power is no longer asked to be cut.

    Refused while a detector is wet. Nothing else opens a branch that was shut for a leak, not even a restart.
    """
    reply = _order(socket, {"command": "leak_acknowledge", "zone": zone}, as_json=as_json)
    if reply is not None:
        opened = "its branch is given back to control" if reply["isolated"] else "nothing was shut"
        print(f"acknowledged: {zone}; {opened}")


@leak.command("test")
def begin_test(
    zone: ZoneArgument,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, as 90s or 10m; at most 1h. [default: 10m]")
    ] = None,
    end: Annotated[bool, typer.Option("--end", help="End a test now.")] = False,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Let a zone's detectors be wetted for a while: what they say is shown and told, and nothing is shut or cut.

    What is latched already stays so. The test ends by itself; a detector still wet then is a leak.
    """
    order: dict[str, Any] = {"command": "leak_test", "zone": zone}
    if end:
        order["for_s"] = 0.0
    elif for_ is not None:
        order["for_s"] = duration_s(for_)
    reply = _order(socket, order, as_json=as_json)
    if reply is not None:
        print(f"test of {zone} " + (f"for {reply['for_s']:g} s" if reply["for_s"] else "ended"))


@leak.command("power-off")
def power_off(zone: ZoneArgument, socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Tell that the power of a zone is off, where nothing measures it: what waits for it goes on."""
    if _order(socket, {"command": "leak_power_off", "zone": zone}, as_json=as_json) is not None:
        print(f"noted: the power of {zone} is off")


def _order(socket: Path, order: dict[str, Any], *, as_json: bool) -> dict[str, Any] | None:
    """Return the reply to be told in words, or None when it was printed as JSON."""
    try:
        reply = request(socket, order, timeout_s=ORDER_TIMEOUT_S)
    except CoolantdError as error:
        raise _failed(error) from error
    if as_json:
        print(orjson.dumps(reply).decode())
        return None
    return reply


def _failed(error: CoolantdError) -> typer.Exit:
    print(error, file=sys.stderr)
    return typer.Exit(FAILED)
