"""``coolantd check``: every mistake of a configuration, or that there is none. Starts and contacts nothing."""

import json
from dataclasses import asdict
from typing import Annotated, Final

import typer

from coolantd.cli.config_path import ConfigArgument, ConfigOption, config_path
from coolantd.cli.usage import WRONG_USAGE
from coolantd.config.build import point_specs
from coolantd.config.line_load import load_ratio
from coolantd.config.line_models import LineConfig
from coolantd.config.load import Loaded, load
from coolantd.config.secrets import beyond_this_user
from coolantd.errors import ConfigError

OPTIONAL: Final = ("lines", "proxies")
"""Counts not worth a word where there are none."""


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
        remark = beyond_this_user(loaded.config.mqtt) if loaded.config.mqtt is not None else ""
        loaded = loaded if remark else load(path, secrets=True)
    except ConfigError as error:
        _refuse(error, json_output=json_output)
        raise typer.Exit(WRONG_USAGE) from error
    if json_output:
        remarks = [remark] if remark else []
        typer.echo(json.dumps({"ok": True, "problems": [], "remarks": remarks, **_summary(loaded)}))
    else:
        summary = _summary(loaded)
        shown = [name for name in summary if name != "digest" and (summary[name] or name not in OPTIONAL)]
        counts = ", ".join(_counted(name, summary[name]) for name in shown)
        lines = [_line(line, loaded) for line in loaded.config.lines]
        for text in (f"OK: {path}: {counts}; digest {loaded.digest[:12]}", *lines, *([remark] if remark else [])):
            typer.echo(_printable(text))


def _refuse(error: ConfigError, *, json_output: bool) -> None:
    if json_output:
        typer.echo(json.dumps({"ok": False, "problems": [asdict(problem) for problem in error.problems]}))
        return
    for problem in error.problems:
        typer.echo(_printable(str(problem)), err=True)
    typer.echo(_counted("problems", len(error.problems)), err=True)


def _summary(loaded: Loaded) -> dict[str, int | str]:
    config = loaded.config
    points = len(point_specs(loaded))
    return {
        "devices": len(config.devices),
        "lines": len(config.lines),
        "points": points,
        "loops": 2 * len(config.cdus),
        "cdus": len(config.cdus),
        "manifolds": len(config.manifolds),
        "proxies": len(config.proxies),
        "digest": loaded.digest,
    }


def _line(line: LineConfig, loaded: Loaded) -> str:
    """Return what there is to know of a serial line before anything is asked on it."""
    devices = [d for d in loaded.config.devices if d.modbus_rtu is not None and d.modbus_rtu.line == line.name]
    text = f"line {line.name}: {line.endpoint}, {_counted('devices', len(devices))}"
    if line.port is None:
        return text
    ratio = sum(load_ratio(d, loaded.profiles[d.name], line, line.baudrate) for d in devices)
    framing = f"{line.baudrate} baud, parity {line.parity}, {_counted('stop bits', line.stopbits)}"
    return f"{text}, {framing}, at least {100.0 * ratio:.0f} % of its time"


def _counted(plural: str, count: int | str) -> str:
    return f"{count} {_singular(plural) if count == 1 else plural}"


def _singular(plural: str) -> str:
    return f"{plural.removesuffix('ies')}y" if plural.endswith("ies") else plural.removesuffix("s")


def _printable(text: str) -> str:
    """Return text that any terminal takes: a file's name may hold bytes that are no characters."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
