"""The course of ``coolantd tune``: nudges first, then a test of each loop, then what they come to. Writes no file."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from coolantd.cli.tune_session import TrialRun, TuneSession
from coolantd.errors import CoolantdError
from coolantd.tuning.exchanger_fit import ExchangerFit, ExchangerPoint, Sheet, exchanger_points
from coolantd.tuning.identify import Identified, identify
from coolantd.tuning.pairing import (
    Finding,
    Nudge,
    flow_findings,
    pump_findings,
    static_findings,
    valve_findings,
)
from coolantd.tuning.relay import RelayPoint, relay_point
from coolantd.tuning.result import LoopResult, Recommendation, fitted_model, loop_from_json, loop_result, recommend
from coolantd.tuning.simc import Gains
from coolantd.tuning.trace import Trace, even_trace

NUDGE_PCT: Final = 3.0
VALVE_NUDGE: Final = (10.0, 40.0, 15.0)
"""Seconds at rest, moved and back: at a tenth of the load the supply then moves by 0.3 K."""
PUMP_NUDGE: Final = (8.0, 10.0, 6.0)
REST_S: Final = {"supply_temp": 30.0, "pressure": 10.0}
HOLD_S: Final = {"supply_temp": 60.0, "pressure": 15.0}
AFTER_S: Final = {"supply_temp": 30.0, "pressure": 10.0}
RELAY_HYSTERESIS: Final = {"supply_temp": 0.15, "pressure": 1.0}
"""K, and per cent of the setpoint: five times the noise of good instruments."""
TCS_CAPACITY_KJ_L_K: Final = 4.01
"""rho cp of PG25 at 40 degC, where the CDU has no model that says otherwise."""
OFF_MARGIN_PCT: Final = 2.0
LOOPS: Final = ("supply_temp", "pressure")

Json = dict[str, Any]


@dataclass(slots=True)
class Wish:
    """What is asked for.

    Attributes:
        loops: to be tested, in order; empty for the pairing alone.
        amplitude_pct: of each step, above 0. hold_s: how long each is held; None for each loop's own.
        relay: a relay test after the step test.
        nudges: whether the pairing is looked at first.
        limits: of the trials, as the order takes them.
    """

    loops: Sequence[str]
    amplitude_pct: float
    hold_s: float | None
    relay: bool
    nudges: bool
    limits: Mapping[str, float]


@dataclass(slots=True)
class Test:
    """One test of one loop, to be shown: its readings and, where it was not aborted, what was found."""

    loop: str
    method: str
    trial: TrialRun
    trace: Trace
    found: Identified | None = None


@dataclass(slots=True)
class Outcome:
    """Everything a run came to.

    Attributes:
        findings: of the pairing; any refuses the tests.
        aborted: why a test ended before its time, or was refused; empty if none was.
        tests: to be shown. results: of this run and of earlier ones.
        points: of the exchanger, of this run and of earlier ones.
    """

    facts: Json
    findings: list[Finding] = field(default_factory=list)
    paired: bool = False
    aborted: str = ""
    tests: list[Test] = field(default_factory=list)
    nudges: list[Nudge] = field(default_factory=list)
    results: list[LoopResult] = field(default_factory=list)
    points: list[ExchangerPoint] = field(default_factory=list)

    @property
    def recommendations(self) -> list[Recommendation]:
        """Return gains for every loop of which there is a usable test."""
        made = [recommend(loop, self.results) for loop in LOOPS]
        return [each for each in made if each is not None]

    @property
    def model(self) -> ExchangerFit | None:
        """Return the parameters of the CDU's model that the readings ask for."""
        return fitted_model(self.points, sheet_of(self.facts))

    @property
    def ok(self) -> bool:
        """Return whether it came to what was asked for."""
        return not self.findings and not self.aborted and not any(each.doubts for each in self.results)


def sheet_of(facts: Json) -> Sheet | None:
    """Return the model's parameters in force; None without a model."""
    model = facts["model"]
    return None if model is None else Sheet(**{name: model[name] for name in Sheet.__dataclass_fields__})


def carry_out(session: TuneSession, wish: Wish, earlier: Sequence[Json]) -> Outcome:
    """Do everything that is wished for, as far as it may be done.

    Args:
        session: with the daemon.
        wish: what is asked for.
        earlier: results of earlier runs, as ``result_json`` made them.
    """
    outcome = Outcome(session.facts)
    for each in earlier:
        outcome.results += [loop_from_json(loop) for loop in each["loops"]]
        outcome.points += [ExchangerPoint(**point) for point in each["points"]]
    try:
        if wish.nudges:
            _pair(session, wish, outcome)
        for loop in wish.loops if not outcome.findings and not outcome.aborted else ():
            session.settle()
            _test(session, wish, loop, outcome)
            if outcome.aborted:
                break
    except CoolantdError as error:
        outcome.aborted = str(error)
    return outcome


def _pair(session: TuneSession, wish: Wish, outcome: Outcome) -> None:
    facts = session.facts
    valve = _nudge(session, wish, outcome, facts["valve"], None)
    if valve is None:
        return
    rest = valve.trace.part(0.0, VALVE_NUDGE[0])
    model = facts["model"] or {}
    outcome.findings += static_findings(rest)
    outcome.findings += flow_findings(
        rest, model.get("tcs_capacity_kj_l_k", TCS_CAPACITY_KJ_L_K), model.get("tcs_flow_rated_lpm", math.nan)
    )
    known = {each.key for each in outcome.findings}
    outcome.findings += [each for each in valve_findings(valve, len(facts["pumps"])) if each.key not in known]
    for k, pump in enumerate(facts["pumps"], 1):
        if valve.before(f"pump{k}_pct") < pump["minimum_pct"] - OFF_MARGIN_PCT:
            continue  # it stands still, and starting it is no nudge
        nudge = _nudge(session, wish, outcome, pump, k)
        if nudge is None:
            return
        outcome.findings += pump_findings(nudge, len(facts["pumps"]))
    outcome.paired = True


def _nudge(session: TuneSession, wish: Wish, outcome: Outcome, actuator: Json, pump: int | None) -> Nudge | None:
    """Nudge one actuator; None if that was aborted."""
    loop, times_s = ("supply_temp", VALVE_NUDGE) if pump is None else ("pressure", PUMP_NUDGE)
    amplitude = min(NUDGE_PCT, wish.amplitude_pct) if wish.amplitude_pct else NUDGE_PCT
    signed = _toward_room(session.facts["loops"][loop], amplitude)
    name = "the valve" if pump is None else f"pump {pump}"
    trial = session.run(
        f"nudging {name}",
        3.0,
        loop=loop,
        method="nudge",
        amplitude_pct=signed,
        segments=[[times_s[0], 0.0], [times_s[1], 1.0], [times_s[2], 0.0]],
        actuator=None if pump is None else actuator["index"],
        **wish.limits,
    )
    trace = even_trace(trial.columns, trial.rows, session.facts["period_s"])
    if trial.phase != "done":
        outcome.aborted = f"the nudge of {name} was aborted: {trial.cause}"
        outcome.tests.append(Test(loop, "nudge", trial, trace))
        return None
    nudge = Nudge(
        actuator=actuator["tag"],
        pump=pump,
        moved_pct=signed,
        from_s=times_s[0],
        to_s=times_s[0] + times_s[1],
        trace=trace,
    )
    outcome.nudges.append(nudge)
    return nudge


def _toward_room(loop: Json, amplitude_pct: float) -> float:
    """Return a signed amplitude that stays inside the output's limits."""
    output = loop["output_pct"]
    return -amplitude_pct if output is not None and output + amplitude_pct > loop["output_max_pct"] else amplitude_pct


def _test(session: TuneSession, wish: Wish, loop: str, outcome: Outcome) -> None:
    facts = session.facts
    hold_s = wish.hold_s or HOLD_S[loop]
    rest_s = REST_S[loop]
    segments = [[rest_s, 0.0], [hold_s, 1.0], [hold_s, -1.0], [rest_s, 0.0]]
    words = loop.replace("_", " ")
    trial = session.run(
        f"step test of {words}",
        AFTER_S[loop],
        loop=loop,
        method="pattern",
        amplitude_pct=wish.amplitude_pct,
        segments=segments,
        **wish.limits,
    )
    test = Test(loop, "step", trial, even_trace(trial.columns, trial.rows, facts["period_s"]))
    outcome.tests.append(test)
    if trial.phase != "done":
        outcome.aborted = f"the step test of {words} was aborted: {trial.cause}"
        return
    try:
        round_again = loop == "supply_temp"
        test.found = identify(test.trace, f"{loop}_output_pct", loop, trial.ended_s, two_ways=round_again)
    except ValueError as error:
        outcome.aborted = f"the step test of {words} cannot be used: {error}"
        return
    relay = _relay(session, wish, loop, test.found, outcome) if wish.relay else None
    now = facts["loops"][loop]
    heat_kw = test.trace.mean("heat_kw", 0.0, rest_s) if test.trace.has("heat_kw") else math.nan
    present = Gains(gain=now["gain"], integral_time_s=now["integral_time_s"])
    outcome.results.append(
        loop_result(loop, now["unit"], (facts["period_s"], now["poll_s"]), heat_kw, test.found, present, relay)
    )
    if loop == "supply_temp" and facts["model"] is not None:
        ends_s = [rest_s, rest_s + hold_s, rest_s + 2.0 * hold_s, 2.0 * (rest_s + hold_s)]
        outcome.points += exchanger_points(test.trace, ends_s, facts["model"]["fws_pressure_rated_kpa"])


def _relay(session: TuneSession, wish: Wish, loop: str, found: Identified, outcome: Outcome) -> RelayPoint | None:
    session.settle()
    facts = session.facts["loops"][loop]
    hysteresis = RELAY_HYSTERESIS[loop] * (1.0 if loop == "supply_temp" else 0.01 * facts["setpoint"])
    trial = session.run(
        f"relay test of {loop.replace('_', ' ')}",
        AFTER_S[loop],
        loop=loop,
        method="relay",
        amplitude_pct=wish.amplitude_pct,
        hysteresis=hysteresis,
        **wish.limits,
    )
    trace = even_trace(trial.columns, trial.rows, session.facts["period_s"])
    outcome.tests.append(Test(loop, "relay", trial, trace))
    if trial.phase != "done":
        outcome.aborted = f"the relay test of {loop.replace('_', ' ')} was aborted: {trial.cause}"
        return None
    return relay_point(trace, f"{loop}_output_pct", loop, trial.ended_s, found.process)
