"""One conversation with the daemon about a CDU: orders a trial, collects its readings, ends it if we are ended.

Knows the control socket's tune orders and the shape of their replies; makes nothing of the readings.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

POLL_S: Final = 0.2
"""Real time between two looks: fifty of them fit into a trial's lease, and five where the demo's clock runs fast."""
STEADY_S: Final = 20.0
STEADY_K: Final = 0.25
"""At rest: within this of the setpoint, and of itself, for so long."""
STEADY_MAX_S: Final = 400.0
STALLED_MAX_S: Final = 15.0
"""Real time without a new row: no cycle runs any more."""

Json = dict[str, Any]


@dataclass(slots=True)
class TrialRun:
    """A trial and what it saw; ``rows`` go on after its end for as long as somebody asks.

    Attributes:
        order: as it was given. columns: names of the rows' cells.
        phase: ``done``, ``aborted``, …; cause: in words, empty if it was done.
        ended_s: seconds from its beginning to its end.
    """

    order: Json
    number: int
    columns: list[str]
    duration_s: float | None
    rows: list[list[float | None]] = field(default_factory=list)
    phase: str = "running"
    cause: str = ""
    ended_s: float = 0.0

    def column(self, name: str) -> list[float | None]:
        """Return one column."""
        at = self.columns.index(name)
        return [row[at] for row in self.rows]

    @property
    def over(self) -> bool:
        """Return whether it moves nothing any more."""
        return self.phase in {"done", "aborted"}

    @property
    def span_s(self) -> float:
        """Return the time that its rows cover."""
        times = [each for each in self.column("time_s") if each is not None]
        return times[-1] - times[0] if times else 0.0


class TuneSession:
    """Orders and readings for one CDU.

    Args:
        socket: of the daemon.
        cdu: its name.
        tell: called with (what, share done or None) while something is under way.

    Attributes:
        facts: what the daemon says of its loops.
    """

    def __init__(self, socket: Path, cdu: str, tell: Callable[[str, float | None], None]) -> None:
        self._socket = socket
        self._cdu = cdu
        self._tell = tell
        self.facts: Json = request(socket, {"command": "tune_facts", "cdu": cdu})
        self.last: TrialRun | None = None

    def run(self, what: str, after_s: float, **order: Any) -> TrialRun:
        """Carry one trial out and return it with its readings until some seconds after its end.

        Raises:
            CoolantdError: it was refused, or the daemon went away.
        """
        begun = self._ask(command="tune_begin", **order)
        trial = TrialRun(order, begun["number"], begun["columns"], begun["duration_s"])
        self.last = trial
        try:
            self._collect(trial, what, lambda: trial.over and trial.span_s >= trial.ended_s + after_s)
        except BaseException:
            self._stop(trial)
            raise
        return trial

    def settle(self) -> None:
        """Wait until the supply is at rest at its setpoint, as the readings after the last trial show it."""
        trial = self.last
        if trial is None or self.facts["mode"] != "automatic":
            return
        begun_s = trial.span_s
        self._collect(
            trial,
            "waiting until the supply is at rest",
            lambda: _steady(trial) or trial.span_s - begun_s > STEADY_MAX_S,
        )

    def _collect(self, trial: TrialRun, what: str, enough: Callable[[], bool]) -> None:
        seen_s = time.monotonic()
        while not enough():
            reply = self._ask(command="tune_trace", number=trial.number, since=len(trial.rows))
            if reply["rows"]:
                seen_s = time.monotonic()
            trial.rows += reply["rows"]
            trial.phase, trial.cause = reply["phase"], reply["cause"]
            trial.ended_s = reply["ended_s"] or trial.ended_s
            self._tell(what, None if trial.duration_s is None else reply["elapsed_s"] / trial.duration_s)
            if trial.cause == "the configuration was reloaded":
                return
            if time.monotonic() - seen_s > STALLED_MAX_S:
                raise CoolantdError(f"no new readings for {STALLED_MAX_S:g} s: the daemon's cycle has stopped")
            time.sleep(POLL_S)

    def _stop(self, trial: TrialRun) -> None:
        try:
            self._ask(command="tune_stop", number=trial.number)
        except CoolantdError:
            return  # it ends by itself when nobody asks for its readings any more

    def _ask(self, **order: Any) -> Json:
        try:
            return request(self._socket, {"cdu": self._cdu, **order})
        except CoolantdError as error:  # whose socket it is need not be said of a refusal
            raise CoolantdError(str(error).removeprefix(f"{self._socket}: ")) from error


def _steady(trial: TrialRun) -> bool:
    times, temps, setpoints = (trial.column(name) for name in ("time_s", "supply_temp", "supply_temp_setpoint"))
    if not times or times[-1] is None:
        return False
    recent = [k for k, at in enumerate(times) if at is not None and at > times[-1] - STEADY_S]
    return trial.span_s > STEADY_S and _within([temps[k] for k in recent], [setpoints[k] for k in recent])


def _within(temps: Sequence[float | None], setpoints: Sequence[float | None]) -> bool:
    pairs = [(a, b) for a, b in zip(temps, setpoints, strict=True) if a is not None and b is not None]
    if len(pairs) < len(temps) or not pairs:
        return False
    low, high = min(a for a, _ in pairs), max(a for a, _ in pairs)
    return high - low < 2.0 * STEADY_K and all(abs(a - b) < STEADY_K for a, b in pairs)
