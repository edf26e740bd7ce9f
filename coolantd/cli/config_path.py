"""Which configuration file a command means: as an argument, as ``--config``, or the usual place."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from coolantd.cli.usage import WRONG_USAGE
from coolantd.config.load import DEFAULT_FILE

ConfigArgument = Annotated[Path | None, typer.Argument(help=f"Main configuration file. [default: {DEFAULT_FILE}]")]
ConfigOption = Annotated[Path | None, typer.Option("--config", "-c", help="The same, as an option.")]


def config_path(argument: Path | None, option: Path | None) -> Path:
    """Return the file that was named; exits 2 if two different ones were."""
    if argument is not None and option is not None and argument != option:
        print(f"two configuration files named, {argument} and {option}, allowed: one", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    return argument or option or DEFAULT_FILE
