"""What the commands share: exit codes, and the check of an option that has a range."""

import sys
from typing import Final

import typer

FAILED: Final = 1
"""It failed while running."""
WRONG_USAGE: Final = 2
"""Wrong arguments, or a configuration that cannot be used."""
SPEED_MIN_RATIO: Final = 0.1
"""Slower than this a demonstration only looks broken."""


def check_range(option: str, value: float, minimum: float, maximum: float) -> None:
    """Say in one sentence that an option is outside its range, NaN included, and exit; else do nothing."""
    if not minimum <= value <= maximum:
        print(f"{option} = {value:g}, allowed: {minimum:g} to {maximum:g}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
