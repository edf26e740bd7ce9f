"""``coolantd reload``: have the running daemon read its configuration again, and say what came of it."""

import sys
from pathlib import Path
from typing import Annotated, Any, Final

import orjson
import typer

from coolantd.cli.status import CONTROL_SOCKET
from coolantd.cli.usage import FAILED, WRONG_USAGE
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

RELOAD_TIMEOUT_S: Final = 35.0
"""A little more than the daemon itself allows an order, so that its own sentence is the one shown."""


def reload(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would change.")] = False,
    socket: Annotated[Path, typer.Option(help="Control socket of the running daemon.")] = CONTROL_SOCKET,
    as_json: Annotated[bool, typer.Option("--json", help="Print the reply as one JSON object.")] = False,
) -> None:
    """Reload the configuration: all of it, or on any error none of it."""
    order = {"command": "reload", "dry_run": dry_run}
    try:
        reply = request(socket, order, timeout_s=RELOAD_TIMEOUT_S)
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    if as_json:
        print(orjson.dumps(reply).decode())
    else:
        _show(reply, dry_run=dry_run)
    if not reply.get("ok", False):
        raise typer.Exit(WRONG_USAGE)


def _show(reply: dict[str, Any], *, dry_run: bool) -> None:
    if not reply.get("ok", False):
        for problem in reply.get("problems", []):
            print(problem, file=sys.stderr)
        print("nothing was changed: the configuration in force stays", file=sys.stderr)
        return
    changes = reply.get("changes", [])
    for change in changes:
        print(change)
    if not changes:
        print("nothing to change")
    else:
        print("these changes would be made" if dry_run else "reloaded")
