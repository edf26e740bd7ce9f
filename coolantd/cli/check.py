"""``coolantd check``: every mistake of a configuration, or that there is none. Starts and contacts nothing."""

import json
from dataclasses import asdict
from typing import Annotated

import typer

from coolantd.cli.config_path import ConfigArgument, ConfigOption, config_path
from coolantd.cli.usage import WRONG_USAGE
from coolantd.config.load import Loaded, load
from coolantd.errors import ConfigError
from coolantd.protocol.profile import Profile


def check(
    config: ConfigArgument = None,
    config_option: ConfigOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="print one JSON object")] = False,
) -> None:
    """Check a configuration, conf.d/*.toml beside it included, and say everything that is wrong with it.

    Exit code 0 if it can be applied as it is, 2 if it cannot.
    """
    path = config_path(config, config_option)
    try:
        loaded = load(path)
    except ConfigError as error:
        _refuse(error, json_output=json_output)
        raise typer.Exit(WRONG_USAGE) from error
    if json_output:
        typer.echo(json.dumps({"ok": True, "problems": [], **_summary(loaded)}))
    else:
        counts = ", ".join(_counted(name, count) for name, count in _summary(loaded).items() if name != "digest")
        typer.echo(_printable(f"OK: {path}: {counts}; digest {loaded.digest[:12]}"))


def _refuse(error: ConfigError, *, json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps({"ok": False, "problems": [asdict(problem) for problem in error.problems]}))
        return
    for problem in error.problems:
        typer.echo(_printable(str(problem)), err=True)
    typer.echo(_counted("problems", len(error.problems)), err=True)


def _summary(loaded: Loaded) -> dict[str, int | str]:
    config = loaded.config
    points = sum(_shown_points(profile) for profile in loaded.profiles.values())
    return {
        "devices": len(config.devices),
        "points": points,
        "loops": 2 * len(config.cdus),
        "cdus": len(config.cdus),
        "manifolds": len(config.manifolds),
        "digest": loaded.digest,
    }


def _shown_points(profile: Profile) -> int:
    """Return how many points a device has in the point table: a setpoint that is only published has no row there."""
    received = sum(message.write is None for message in profile.messages)
    return len(profile.registers) + received + len(profile.differences)


def _counted(plural: str, count: int | str) -> str:
    return f"{count} {plural.removesuffix('s') if count == 1 else plural}"


def _printable(text: str) -> str:
    """Return text that any terminal takes: a file's name may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
