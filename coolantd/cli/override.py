"""``coolantd override``: hold an actuator, a setpoint or the pumps' output for a while, see what is held, let it go."""

import os
import pwd
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from coolantd.cli.device import duration_s
from coolantd.cli.status import CONTROL_SOCKET, ask
from coolantd.cli.usage import FAILED
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

ORDER_TIMEOUT_S: Final = 35.0
"""A little more than the daemon itself allows an order, so that its own sentence is the one shown."""

SocketOption = Annotated[Path, typer.Option(help="Control socket of the running daemon.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")]
OwnerOption = Annotated[str | None, typer.Option("--owner", help="Your name. [default: your login name]")]
TakeOverOption = Annotated[bool, typer.Option("--take-over", help="Also if somebody else holds it.")]
TargetArgument = Annotated[
    str, typer.Argument(help="device.point, cdu/loop (its setpoint) or cdu/loop/output; `override targets` lists them.")
]

override: Final = typer.Typer(no_args_is_help=True, help="Hold an actuator or a loop for a while, or let it go.")


@override.command("list")
def list_overrides(socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Show what is held: by whom, why, for how long yet, and whether anything ranks above it now."""
    try:
        overrides = ask(socket)["overrides"]
    except CoolantdError as error:
        raise _failed(error) from error
    if as_json:
        print(orjson.dumps({"overrides": overrides}).decode())
    elif not overrides:
        print("nothing is held")
    else:
        _print("render_overrides", overrides)


@override.command("targets")
def list_targets(socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Show everything that can be held, where it is now and within which limits."""
    reply = _order(socket, {"command": "override_targets"}, as_json=as_json)
    if reply is not None:
        _print("render_targets", reply["targets"])


@override.command("set")
def set_override(  # noqa: PLR0917 - typer turns each parameter into an option
    target: TargetArgument,
    value: Annotated[float, typer.Argument(help="In the target's unit; 0 is off for a pump.")],
    reason: Annotated[str, typer.Option("--reason", help="Why, for whoever comes after you.")],
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, as 90s, 30m or 2h; at most 8h. [default: 30m]")
    ] = None,
    owner: OwnerOption = None,
    take_over: TakeOverOption = False,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Hold something at a value: it goes there at its usual rate, and back without a step when the time is over.

    Interlocks, trips and failsafe rank above it, and so does whoever writes at the device itself. A reload and a
    restart of the daemon do not end it. It is no lock-out: before you work on a machine, isolate it at the machine.
    """
    order: dict[str, Any] = {
        "command": "override_set",
        "target": target,
        "value": value,
        "reason": reason,
        "owner": owner or login_name(),
        "take_over": take_over,
    }
    if for_ is not None:
        order["lease_s"] = duration_s(for_)
    reply = _order(socket, order, as_json=as_json)
    if reply is None:
        return
    until = time.strftime("%H:%M:%S", time.localtime(reply["until_time_s"]))
    instead = f", taken over from {reply['replaced']}" if reply["replaced"] not in ("", order["owner"]) else ""
    print(f"{reply['target']} held at {reply['value']:g} {reply['unit']} until {until}{instead}")


@override.command("release")
def release_override(
    target: TargetArgument,
    owner: OwnerOption = None,
    take_over: TakeOverOption = False,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Let go of something before its time is over; its loop takes it back without a step."""
    order = {"command": "override_release", "target": target, "owner": owner or login_name(), "take_over": take_over}
    reply = _order(socket, order, as_json=as_json)
    if reply is not None:
        print(f"{reply['target']} released from {reply['value']:g} {reply['unit']}")


def login_name() -> str:
    """Return who is at the keyboard: behind sudo the one who called it."""
    name = os.environ.get("SUDO_USER")
    if name:
        return name
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid{os.getuid()}"


def _print(renderer: str, rows: list[dict[str, Any]]) -> None:
    # Rich takes 0.1 s to import; orders do without.
    from coolantd.cli import override_table
    from coolantd.cli.status_tables import status_console

    status_console().print(getattr(override_table, renderer)(rows))


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
