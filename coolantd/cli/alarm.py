"""``coolantd alarm``: what is wrong, what was, and what an operator says to it. Thin: the daemon decides."""

import getpass
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from coolantd.cli.device import ORDER_TIMEOUT_S, duration_s
from coolantd.cli.status import CONTROL_SOCKET
from coolantd.cli.usage import FAILED, WRONG_USAGE
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

SocketOption = Annotated[Path, typer.Option(help="Control socket of the running daemon.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON; so it is where the output is no terminal.")]
TagArgument = Annotated[str, typer.Argument(metavar="ALARM", help="The alarm, as subject/kind: cdu1/fouling.")]
ReasonOption = Annotated[str, typer.Option("--reason", help="Why; shown with the alarm and kept in its history.")]
OwnerOption = Annotated[str | None, typer.Option("--owner", help="Who. [default: your login name]")]
SinceOption = Annotated[str | None, typer.Option("--since", help="Only the last 90s, 30m or 24h.")]

alarm: Final = typer.Typer(no_args_is_help=True, help="Show, acknowledge, shelve and export alarms.")


@alarm.command("list")
def list_alarms(
    everything: Annotated[bool, typer.Option("--all", help="Hidden ones and those of a flood too.")] = False,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Show what is wrong now, the most urgent first: cause, consequence and what to do."""
    view = _ask(socket, {"command": "alarm_list"})
    from coolantd.cli.alarm_lines import is_shown

    shown = view["alarms"] if everything else [each for each in view["alarms"] if is_shown(each)]
    if _wants_json(as_json):
        _print_json({**view, "alarms": shown})
        return
    from coolantd.cli.alarm_tables import print_alarms

    print_alarms(view, shown)


@alarm.command()
def history(
    *,
    rows: Annotated[int, typer.Option("--rows", min=1, max=5000, help="How many events.")] = 50,
    since: SinceOption = None,
    subject: Annotated[str | None, typer.Option(help="Only of this subject, for example cdu1.")] = None,
    kind: Annotated[str | None, typer.Option(help="Only of this kind, for example fouling.")] = None,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Show what happened to alarms, the newest first."""
    order = {"command": "alarm_history", "rows": rows, "since_s": _since_s(since), "subject": subject, "kind": kind}
    events = _ask(socket, order)["events"]
    if _wants_json(as_json):
        _print_json({"events": events})
        return
    from coolantd.cli.alarm_tables import print_events

    print_events(events)


@alarm.command()
def ack(
    tags: Annotated[list[str] | None, typer.Argument(metavar="ALARM...", help="As subject/kind.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="Every alarm; none that latches is released by it.")
    ] = False,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Say that alarms have been seen. Named one by one it also opens the latch behind one whose cause has gone."""
    if bool(tags) == everything:
        _wrong("name alarms as subject/kind, or give --all")
    reply = _ask(socket, {"command": "alarm_ack", **({"all": True} if everything else {"tags": tags})})
    if as_json:
        _print_json(reply)
        return
    for tag in reply["acknowledged"]:
        print(f"acknowledged: {tag}")
    for tag in reply["released"]:
        print(f"released: {tag}")
    for tag, why in reply["not_released"].items():
        print(f"{tag} stays latched: {why}", file=sys.stderr)
    if not reply["acknowledged"] and not reply["released"]:
        print("nothing waited for an acknowledgement")


@alarm.command()
def shelve(
    tag: TagArgument,
    reason: ReasonOption,
    *,
    for_: Annotated[
        str | None, typer.Option("--for", help="How long, as 90s, 30m or 2h; at most 8h. [default: 30m]")
    ] = None,
    owner: OwnerOption = None,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Hide an alarm for a while; it comes back by itself. A critical one cannot be hidden."""
    order: dict[str, Any] = {"command": "alarm_shelve", "tag": tag, "reason": reason, "owner": _owner(owner)}
    if for_ is not None:
        order["for_s"] = duration_s(for_)
    reply = _ask(socket, order)
    until = time.strftime("%H:%M:%S", time.localtime(time.time() + reply["for_s"]))
    _say(reply, f"shelved until {until}: {tag}", as_json=as_json)


@alarm.command()
def unshelve(tag: TagArgument, socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Show a shelved alarm again."""
    _say(_ask(socket, {"command": "alarm_unshelve", "tag": tag}), f"shown again: {tag}", as_json=as_json)


@alarm.command()
def suppress(
    tag: TagArgument,
    reason: ReasonOption,
    owner: OwnerOption = None,
    socket: SocketOption = CONTROL_SOCKET,
    as_json: JsonOption = False,
) -> None:
    """Put an alarm out of service until further notice. A critical one cannot be."""
    order = {"command": "alarm_suppress", "tag": tag, "reason": reason, "owner": _owner(owner)}
    _say(_ask(socket, order), f"out of service: {tag}", as_json=as_json)


@alarm.command()
def unsuppress(tag: TagArgument, socket: SocketOption = CONTROL_SOCKET, as_json: JsonOption = False) -> None:
    """Put an alarm back to service."""
    _say(_ask(socket, {"command": "alarm_unsuppress", "tag": tag}), f"back in service: {tag}", as_json=as_json)


@alarm.command()
def export(
    file: Annotated[Path | None, typer.Argument(help="Where to; standard output if none is given.")] = None,
    as_format: Annotated[str, typer.Option("--format", help="csv or json.")] = "csv",
    since: SinceOption = None,
    socket: SocketOption = CONTROL_SOCKET,
) -> None:
    """Write the history of alarms to a file, the oldest event first."""
    from coolantd.cli.alarm_export import FORMATS, all_events

    if as_format not in FORMATS:
        _wrong(f"--format = {as_format[:40]!r}, allowed: {', '.join(FORMATS)}")
    try:
        text = FORMATS[as_format](all_events(lambda order: _ask(socket, order), _since_s(since)))
        if file is None:
            sys.stdout.write(text)
        else:
            file.write_text(text, encoding="utf-8")
    except OSError as error:
        print(f"{file}: {error.strerror or error}", file=sys.stderr)
        raise typer.Exit(FAILED) from error


def _ask(socket: Path, order: dict[str, Any]) -> dict[str, Any]:
    try:
        return request(socket, order, timeout_s=ORDER_TIMEOUT_S)
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error


def _say(reply: dict[str, Any], sentence: str, *, as_json: bool) -> None:
    if as_json:
        _print_json(reply)
    else:
        print(sentence)


def _print_json(found: dict[str, Any]) -> None:
    print(orjson.dumps(found).decode())


def _wants_json(as_json: bool) -> bool:
    return as_json or not sys.stdout.isatty()


def _since_s(since: str | None) -> float | None:
    return None if since is None else time.time() - duration_s(since, "--since")


def _owner(owner: str | None) -> str:
    if owner is not None:
        return owner
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a uid without a name; which it is the daemon records anyway
        return "unnamed"


def _wrong(sentence: str) -> None:
    print(sentence, file=sys.stderr)
    raise typer.Exit(WRONG_USAGE)
