"""``coolantd device``: what the daemon reaches, and taking a bus out of its hands for a while."""

import re
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from coolantd.cli.status import CONTROL_SOCKET, ask
from coolantd.cli.usage import FAILED, WRONG_USAGE
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

ORDER_TIMEOUT_S: Final = 35.0
"""A little more than the daemon itself allows an order, so that its own sentence is the one shown."""
_DURATION: Final = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)(s|m|h)")
_UNITS_S: Final = {"s": 1.0, "m": 60.0, "h": 3600.0}

SocketOption = Annotated[Path, typer.Option(help="Control socket of the running daemon.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")]
NameArgument = Annotated[str, typer.Argument(help="Name of the device, as configured.")]

device: Final = typer.Typer(no_args_is_help=True, help="Show devices, or yield one's bus for a firmware update.")


@device.command("list")
def list_devices(socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Show every device: how it is reached, whether it answers, whether it is paused."""
    try:
        devices = ask(socket)["devices"]
    except CoolantdError as error:
        raise _failed(error) from error
    if as_json:
        print(orjson.dumps({"devices": devices}).decode())
        return
    from coolantd.cli.status_tables import render_devices, status_console

    status_console().print(render_devices(devices))


@device.command()
def pause(
    name: NameArgument,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, as 90s, 30m or 2h; at most 8h. [default: 30m]")
    ] = None,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Give a device back to its own controller and leave its whole bus alone, connection closed, for a while.

    All devices on the same line or endpoint are paused with it. Nothing is read or written until the time is over or
    `device resume`. A reload does not end a pause, a restart of the daemon does.
    """
    order: dict[str, Any] = {"command": "device_pause", "device": name}
    if for_ is not None:
        order["for_s"] = duration_s(for_)
    reply = _order(socket, order, as_json=as_json)
    if reply is None:
        return
    until = time.strftime("%H:%M:%S", time.localtime(reply["until_time_s"]))
    print(f"paused until {until}: {reply['bus']} with {', '.join(reply['devices'])}")
    for left in reply["not_handed_over"]:
        print(f"{left} did not acknowledge the hand-over: it falls back when our heartbeat ends", file=sys.stderr)


@device.command()
def resume(name: NameArgument, socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """End the pause of a device's bus, and write again to a device we had yielded to another writer."""
    reply = _order(socket, {"command": "device_resume", "device": name}, as_json=as_json)
    if reply is None:
        return
    if reply["was_paused"]:
        print(f"resumed: {reply['bus']} with {', '.join(reply['devices'])}")
    if reply["taken_back"]:
        print(f"taken back from another writer: {', '.join(reply['taken_back'])}")
    if not reply["was_paused"] and not reply["taken_back"]:
        print(f"nothing to resume: {name} was neither paused nor left to another writer")


def duration_s(text: str, option: str = "--for") -> float:
    """Return a duration such as ``90s``, ``30m`` or ``2h`` in seconds; exits 2 with a sentence if it is none."""
    match = _DURATION.fullmatch(text)
    if match is None:
        print(f"{option} = {text[:40]!r}, allowed: a number and s, m or h, for example 90s, 30m or 2h", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    return float(match[1]) * _UNITS_S[match[2]]


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
