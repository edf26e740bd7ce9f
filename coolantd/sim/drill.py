"""Breaks something on a virtual site on purpose and times the answer: from the cause to the safe command on the wire.

The site is the demo's own: a virtual CDU on Modbus, a broker, and a private daemon. What arrives at the device is read
from the device. Knows processes, orders and clocks; what is safe is the scenario's to say.
"""

import contextlib
import math
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.sim.demo_site import DemoSite
from coolantd.sim.drill_scenarios import (
    LEAK_BRANCH,
    LEAK_CONFIG,
    LEAK_PROFILE,
    PUMP1,
    PUMP2,
    VALVE,
    Deed,
    Scenario,
    Watch,
)

LOOK_S: Final = 0.02
"""Between two looks: what a time is good for."""
GIVE_UP_S: Final = 15.0
"""An answer that has not come by then is none."""
NOTHING_S: Final = 10.0
"""For so long control is watched where nothing is to happen."""
STAY_BROKEN_S: Final = 3.0
"""What is broken stays so for a while after the answer, so that the way back is one."""
NORMAL_MAX_S: Final = 300.0
"""After it clears: normal within five minutes (I6)."""
REENTRY_MAX_PCT: Final = 2.0
CALM_S: Final = 8.0
"""Before each run the site is at rest for so long without a break: what swings passes its setpoint too."""
REST_MAX_S: Final = 900.0
"""A pump that tripped is given back after minutes; a run that begins before would time another fault."""
STEADY_PCT: Final = 0.3
"""An output that moves by more meanwhile is not at rest: its own way would pass for the answer."""
NEAR_K: Final = 0.5
NEAR_RATIO: Final = 0.05
"""Of the pressure's setpoint."""
SETTLED_ROLES: Final = ("duty", "standby")
FREE_PCT: Final = 95.0
"""An output above it has no room to answer with."""
READY_S: Final = 60.0

OPEN_PCT: Final = 99.9
IN_CONTROL: Final = ("automatic", "override")
SILENT: Final = ""


@dataclass(slots=True)
class Outcome:
    """What became of one scenario.

    Attributes:
        times_s: from the cause to the safe answer, one a run; inf where none came.
        normal_s: the longest way back to normal. reentry_pct: the largest first step of an actuator on it.
        note: what was seen besides; why it failed.
    """

    name: str
    about: str
    hazards: tuple[str, ...]
    goal_s: float
    max_s: float
    times_s: list[float] = field(default_factory=list)
    normal_s: float = 0.0
    reentry_pct: float = 0.0
    note: str = ""

    @property
    def p99_s(self) -> float:
        """Return the time that 99 of 100 runs keep: with fewer the longest."""
        ordered = sorted(self.times_s)
        return ordered[max(math.ceil(0.99 * len(ordered)) - 1, 0)] if ordered else math.inf

    @property
    def worst_s(self) -> float:
        """Return the longest time."""
        return max(self.times_s, default=math.inf)

    @property
    def verdict(self) -> str:
        """Return ``kept``, ``late`` (every run within the maximum, not within the goal) or ``failed``."""
        back = self.normal_s <= NORMAL_MAX_S and self.reentry_pct <= REENTRY_MAX_PCT
        if not self.worst_s <= self.max_s or not back:
            return "failed"
        return "kept" if self.p99_s <= self.goal_s else "late"

    def plain(self) -> dict[str, Any]:
        """Return it as JSON values; a time that never came is null."""
        known = [round(each, 3) if math.isfinite(each) else None for each in self.times_s]
        return {**asdict(self), "times_s": known, "verdict": self.verdict}


class Drill:
    """Runs scenarios on a site whose processes it may break.

    Args:
        site: started by ``prepare``.
        tell: shown what happens, in a few words.
    """

    def __init__(self, site: DemoSite, tell: Callable[[str], None]) -> None:
        self._site = site
        self._tell = tell

    def prepare(self, load_ratio: float) -> None:
        """Start the site and wait until it is under control."""
        self._tell("starting the virtual site")
        config = self._site.config
        text = config.read_text(encoding="utf-8").replace(*LEAK_PROFILE)
        config.write_text(text + LEAK_CONFIG, encoding="utf-8")
        self._site.start_broker()
        self._site.start_simulator(load_ratio, "--noise-ratio", "0")
        self._site.start_daemon()
        self._wait_for("control", self._in_control, READY_S)

    def run(self, scenario: Scenario, repeat: int) -> Outcome:
        """Carry out one scenario so many times."""
        outcome = Outcome(scenario.name, scenario.about, scenario.hazards, goal_s=scenario.goal_s, max_s=scenario.max_s)
        for number in range(repeat):
            self._tell(f"{scenario.name}: run {number + 1} of {repeat}, coming to rest")
            self._wait_for("an open branch", lambda: _branch_pct(self._truth()) > OPEN_PCT, NORMAL_MAX_S)
            self._come_to_rest()
            try:
                self._once(scenario, outcome)
            finally:
                self._mend(scenario)
        return outcome

    def _come_to_rest(self) -> None:
        """Wait until the site has been at rest for ``CALM_S``."""
        since_s, first = time.monotonic(), self._outputs_at_rest_pct()

        def calm() -> bool:
            nonlocal since_s, first
            now = self._outputs_at_rest_pct()
            if not now or not first or max(abs(a - b) for a, b in zip(now, first, strict=True)) > STEADY_PCT:
                since_s, first = time.monotonic(), now
            return time.monotonic() - since_s >= CALM_S

        self._wait_for("rest", calm, REST_MAX_S)

    def _once(self, scenario: Scenario, outcome: Outcome) -> None:
        state = self._truth()
        before, first = _commanded(state), int(state["writes_total"])
        self._tell(f"{scenario.name}: {scenario.about}")
        begun_s = time.monotonic()
        self._break(scenario)
        taken_s = self._answer(scenario, before, first, begun_s, outcome)
        outcome.times_s.append(taken_s)
        if scenario.watch is not Watch.RESTART:
            time.sleep(STAY_BROKEN_S)
            self._mend(scenario)
            self._tell(f"{scenario.name}: answered after {taken_s:.2f} s, on the way back")
            self._back_to_normal(outcome)

    def _break(self, scenario: Scenario) -> None:
        for order in scenario.breaks:
            self._site.ask_simulator(**order)
        match scenario.deed:
            case Deed.FREEZE_SIMULATOR:
                self._site.processes["simulator"].send_signal(signal.SIGSTOP)
            case Deed.STOP_BROKER:
                self._site.stop("broker")
            case Deed.KILL_DAEMON:
                process = self._site.processes.pop("daemon")
                process.kill()
                process.wait(5.0)
                self._site.start_daemon()

    def _mend(self, scenario: Scenario) -> None:
        if scenario.deed is Deed.FREEZE_SIMULATOR:
            self._site.processes["simulator"].send_signal(signal.SIGCONT)
        if scenario.deed is Deed.STOP_BROKER and "broker" not in self._site.processes:
            self._site.start_broker()
        for order in scenario.mends:
            self._site.ask_simulator(**order)
        if scenario.acknowledges:
            self._wait_for("a dry zone", lambda: self._acknowledged(scenario.acknowledges), GIVE_UP_S)

    def _acknowledged(self, zone: str) -> bool:
        """Return whether a leak zone is latched no longer, after asking for it."""
        order = {"command": "leak_acknowledge", "zone": zone}
        with contextlib.suppress(CoolantdError):
            request(self._site.daemon_socket, order)
        latched = ("isolated", "power_cut")
        return not any(each[key] for each in self._site.ask_daemon("status")["leak_zones"] for key in latched)

    def _answer(
        self, scenario: Scenario, before: Mapping[str, float], first: int, begun_s: float, outcome: Outcome
    ) -> float:
        """Return how long the safe answer took, inf if it did not come."""
        if scenario.watch is Watch.NOTHING:
            return self._undisturbed(begun_s, outcome)
        give_up_s = max(GIVE_UP_S, 3.0 * scenario.max_s)
        until_s = begun_s + give_up_s
        while time.monotonic() < until_s:
            if scenario.watch is Watch.MODE:
                mode, cause = self._mode()
                if mode not in (*IN_CONTROL, SILENT):
                    outcome.note = f"{mode}: {cause}"
                    return time.monotonic() - begun_s
            elif scenario.watch is Watch.BRANCH:
                branch_pct = _branch_pct(self._truth())
                if branch_pct < OPEN_PCT:
                    outcome.note = f"branch {LEAK_BRANCH} at {branch_pct:.1f} % and closing"
                    return time.monotonic() - begun_s
            elif self._answered(scenario, before, first, outcome):
                return time.monotonic() - begun_s
            time.sleep(LOOK_S)
        outcome.note = f"no safe answer within {give_up_s:g} s"
        return math.inf

    def _answered(self, scenario: Scenario, before: Mapping[str, float], first: int, outcome: Outcome) -> bool:
        state = self._truth(first)
        for write in state["writes"]:
            if scenario.watch is Watch.RESTART:
                bump_pct = abs(float(write["value"]) - _positions(state)[write["point"]])
                outcome.reentry_pct = max(outcome.reentry_pct, bump_pct)
                outcome.note = f"first command {bump_pct:.2f} % from the actuator"
                return True
            if scenario.safe is not None and scenario.safe(write["point"], float(write["value"]), before):
                outcome.note = f"{write['point']} {before.get(write['point'], math.nan):.1f} -> {write['value']:.1f} %"
                return True
        return False

    def _undisturbed(self, begun_s: float, outcome: Outcome) -> float:
        """Return 0 if control went on all the time."""
        while time.monotonic() < begun_s + NOTHING_S:
            mode, cause = self._mode()
            if mode not in (*IN_CONTROL, SILENT):
                outcome.note = f"the CDU left control: {mode}, {cause}"
                return math.inf
            if "broker" in self._site.processes and _branch_pct(self._truth()) < OPEN_PCT:
                outcome.note = f"branch {LEAK_BRANCH} closed"
                return math.inf
            time.sleep(LOOK_S * 5)
        outcome.note = f"control went on for {NOTHING_S:g} s"
        return 0.0

    def _back_to_normal(self, outcome: Outcome) -> None:
        """Wait until the CDU is in control again; note how long it took and the largest step on the way."""
        begun_s, first = time.monotonic(), int(self._truth()["writes_total"])
        was_out = not self._in_control()
        self._wait_for("control", self._in_control, NORMAL_MAX_S)
        outcome.normal_s = max(outcome.normal_s, time.monotonic() - begun_s)
        if was_out:
            positions = _positions(self._truth())
            time.sleep(1.5)
            seen: set[str] = set()
            for write in self._truth(first)["writes"]:
                if write["point"] in positions and write["point"] not in seen:
                    seen.add(write["point"])
                    # a pump that stands still although it is told to run is told nothing new by the same command
                    known = [positions[write["point"]], float(write["previous"])]
                    step_pct = min(abs(float(write["value"]) - each) for each in known)
                    outcome.reentry_pct = max(outcome.reentry_pct, step_pct)

    def _truth(self, since: int | None = None) -> dict[str, Any]:
        return self._site.ask_simulator("state", since=10**9 if since is None else since)

    def _mode(self) -> tuple[str, str]:
        """Return the CDU's mode and its cause; ``SILENT`` while the daemon does not answer."""
        with contextlib.suppress(CoolantdError):
            cdu = self._site.ask_daemon("status")["cdus"][0]
            return str(cdu["mode"]), str(cdu["cause"])
        return SILENT, ""

    def _in_control(self) -> bool:
        return self._mode()[0] in IN_CONTROL

    def _outputs_at_rest_pct(self) -> list[float]:
        """Return the loops' outputs; none unless in control, with no pump changing, all loops near and with room."""
        with contextlib.suppress(CoolantdError):
            status = self._site.ask_daemon("status")
            settled = all(each["role"] in SETTLED_ROLES for each in status["pumps"])
            if settled and status["cdus"][0]["mode"] in IN_CONTROL and all(map(_rests, status["loops"])):
                return [float(each["output_pct"]) for each in status["loops"]]
        return []

    def _wait_for(self, what: str, there: Callable[[], bool], at_most_s: float) -> None:
        until_s = time.monotonic() + at_most_s
        while not there():
            self._site.check_alive()
            if time.monotonic() > until_s:
                raise CoolantdError(f"no {what} within {at_most_s:g} s")
            time.sleep(0.1)


def _rests(loop: Mapping[str, Any]) -> bool:
    """Return whether a loop is near its setpoint and its output has room to answer with."""
    measured, setpoint, output_pct = loop["process_variable"], loop["setpoint"], loop["output_pct"]
    if None in (measured, setpoint, output_pct):
        return False
    near = NEAR_K if loop["loop"] == "supply_temp" else NEAR_RATIO * abs(setpoint)
    return bool(abs(measured - setpoint) < near and output_pct < FREE_PCT)


def _branch_pct(state: Mapping[str, Any]) -> float:
    """Return where the valve of the leak zone's branch is."""
    return float(state["branch_valve_positions_pct"][LEAK_BRANCH - 1])


def _positions(state: Mapping[str, Any]) -> dict[str, float]:
    """Return where the actuators behind the setpoints are, in percent."""
    pumps = state["pump_speeds_pct"]
    return {VALVE: state["fws_valve_position_pct"], PUMP1: pumps[0], PUMP2: pumps[1]}


def _commanded(state: Mapping[str, Any]) -> dict[str, float]:
    """Return what the actuators are told: at rest that is where they are."""
    return _positions(state)
