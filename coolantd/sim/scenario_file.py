"""Scenario and trace files from disk, of bounded size; what they mean is ``sim.scenario`` and ``sim.trace``."""

import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Final

from coolantd.sim.scenario import Scenario, ScenarioError, build_scenario
from coolantd.sim.trace import TRACE_MAX_BYTES, parse_trace
from coolantd.sim.track import Track

SCENARIO_MAX_BYTES: Final = 1024 * 1024
"""A thousand entries per list fit ten times over."""


def read_scenario(path: Path, rated_heat_kw: float) -> Scenario:
    """Return the scenario of a TOML file.

    Besides what ``build_scenario`` takes, a ``[trace]`` table with ``file`` (relative to the scenario's own
    directory) and ``column`` makes the heat load follow a power trace.

    Args:
        path: the file.
        rated_heat_kw: what 100 % is.

    Raises:
        ScenarioError: one sentence beginning with the file's name.
    """
    try:
        document = tomllib.loads(_text(path, SCENARIO_MAX_BYTES))
        trace = document.pop("trace", None)
        scenario = build_scenario(document, rated_heat_kw)
        if trace is None:
            return scenario
        if "heat_load" in document:
            raise ScenarioError("trace: there is a heat_load too, allowed: one of both")
        return replace(scenario, load_ratio=_trace_track(trace, path.parent))
    except tomllib.TOMLDecodeError as error:
        raise ScenarioError(f"{path}: not TOML: {error}") from error
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def read_trace(path: Path, column: str) -> Track:
    """Return the load of a power trace file; see ``sim.trace.parse_trace``.

    Raises:
        ScenarioError: one sentence beginning with the file's name.
    """
    try:
        return parse_trace(_text(path, TRACE_MAX_BYTES), column)
    except ScenarioError as error:
        raise ScenarioError(f"{path}: {error}") from error


def _trace_track(trace: object, directory: Path) -> Track:
    if not isinstance(trace, dict) or set(trace) != {"file", "column"}:
        raise ScenarioError("trace: allowed: a table with exactly file and column")
    file, column = trace["file"], trace["column"]
    if not isinstance(file, str) or not isinstance(column, str):
        raise ScenarioError("trace: file and column, allowed: text")
    return read_trace(directory / file, column)


def _text(path: Path, limit_bytes: int) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(limit_bytes + 1)
    except OSError as error:
        raise ScenarioError(f"cannot be read: {error.strerror}") from error
    if len(content) > limit_bytes:
        raise ScenarioError(f"larger than {limit_bytes} bytes, allowed: at most {limit_bytes}")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise ScenarioError(f"not UTF-8 at byte {error.start}") from error
