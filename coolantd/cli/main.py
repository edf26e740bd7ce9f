"""The command line: which commands there are. Each lives in a file of its own, imported only when it is used."""

import importlib
import sys
from collections.abc import Callable
from typing import Any, Final

import typer

COMMANDS: Final = (
    "run",
    "check",
    "demo",
    "status",
    "reload",
    "device",
    "alarm",
    "override",
    "leak",
    "simulate",
    "profile",
    "plan",
    "tune",
    "drill",
)
"""In the order ``coolantd --help`` lists them; each is a function, or a group of commands, of the same name in
``coolantd.cli.<name>``."""


def _wanted() -> tuple[str, ...]:
    """Return the commands to load: the one asked for, or all of them for help and mistakes.

    The daemon's start is measured; it does not pay for the demo's imports.
    """
    first = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    return (first,) if first in COMMANDS else COMMANDS


def _command(name: str) -> Callable[..., Any] | typer.Typer:
    found: Callable[..., Any] | typer.Typer = getattr(importlib.import_module(f"coolantd.cli.{name}"), name)
    return found


def _version(value: bool) -> None:
    if value:
        from coolantd import __version__

        print(f"coolantd {__version__}")
        raise typer.Exit


def app() -> None:
    """Parse the command line and run one command."""
    cli = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)

    @cli.callback()
    def root(
        version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
    ) -> None:
        """Control coolant distribution units and rack manifolds over Modbus and MQTT."""

    for name in _wanted():
        command = _command(name)
        if isinstance(command, typer.Typer):
            cli.add_typer(command, name=name)
        else:
            cli.command(name)(command)
    cli()
