"""Orders of ``coolantd tune``: what a CDU's loops are, begin a trial, hand out its readings, stop it.

Knows the cycle and keeps one record per trial; everything a trial may do is ``control.trial``'s. At most one at a time.
"""

import asyncio
import dataclasses
import math
from collections.abc import Callable
from typing import Any, Final

import structlog

from coolantd.control.layout import D_MODE, PRESSURE, S_OUTPUT, SUPPLY_TEMP
from coolantd.control.plan import LoopParameters, Plan
from coolantd.control.trial import begin, renewed, stopped
from coolantd.control.trial_limits import refusal, watched_points
from coolantd.control.trial_order import Method, Trial, TrialLimits, TrialOrder
from coolantd.errors import CoolantdError
from coolantd.point import Quality
from coolantd.safety.modes import Mode
from coolantd.service.cycle import Cycle
from coolantd.service.journal import Recorder
from coolantd.service.peer import Peer
from coolantd.service.trial_record import LOOP_NAMES, TrialRecord, record_of

SEGMENTS_MAX: Final = 32
DURATION_MAX_S: Final = 1800.0
"""Half an hour: no loop of a CDU needs longer to be known, and nobody watches for longer."""
ROWS_PER_REPLY: Final = 2000
CYCLES_MAX: Final = 10
SUPPLY_MAX_K: Final = 5.0
RATE_MAX_K_PER_MIN: Final = 60.0
PRESSURE_MAX_RATIO: Final = 0.5
"""A test that needs more than this is no test any more."""

Order = dict[str, Any]
log: Final = structlog.get_logger()


class TuneOrders:
    """Carries out ``tune_facts``, ``tune_begin``, ``tune_trace`` and ``tune_stop``.

    Args:
        lock: held by a reload; a trial does not begin in the middle of one.
        stopping: whether the daemon is on its way out.
    """

    def __init__(
        self,
        *,
        cycle: Cycle,
        journal: Recorder,
        lock: asyncio.Lock,
        stopping: Callable[[], bool],
    ) -> None:
        self._cycle = cycle
        self._journal = journal
        self._lock = lock
        self._stopping = stopping
        self._record: TrialRecord | None = None
        self._told = True
        self._cut = False
        self._last: Trial | None = None
        self._number = 0
        cycle.watchers.append(self._watch)

    async def facts(self, order: Order, peer: Peer) -> Order:
        """Return what the loops of a CDU are: gains, limits, setpoints, tags, and the model's parameters."""
        del peer
        plan, n = self._cycle.plan, self._cdu(order)
        cdu = plan.cdus[n]
        model = None if cdu.model is None else dataclasses.asdict(cdu.model)
        for key in ("return_temp", "fws_supply_temp", "flow", "fws_pressure", "power"):
            if model is not None:
                del model[key]
        return {
            "cdu": cdu.name,
            "mode": Mode(int(self._cycle.state.d[n, D_MODE])).label,
            "period_s": plan.period_s,
            "loops": {"supply_temp": self._loop(n, SUPPLY_TEMP), "pressure": self._loop(n, PRESSURE)},
            "valve": self._actuator(plan, cdu.valve),
            "pumps": [self._actuator(plan, i) for i in cdu.pumps],
            "model": model,
        }

    async def begin(self, order: Order, peer: Peer) -> Order:
        """Begin a trial.

        Args:
            order: ``cdu``, ``loop``, ``method``, ``amplitude_pct``, and what ``control.trial_order`` has besides.
            peer: who gave it, for the record.

        Raises:
            CoolantdError: something is out of its range, or the CDU is not in a state to be tested.
        """
        async with self._lock:
            wanted = self._order(order)
            self._refuse(wanted)
            cycle = self._cycle
            state, snapshot = cycle.state, cycle.snapshot
            if snapshot is None:
                raise CoolantdError("no cycle has completed yet")
            self._number += 1
            self._record = record_of(self._number, cycle.plan, wanted.cdu)
            self._told, self._cut = False, False
            self._last = begin(wanted, cycle.plan, state.s, state.d, state.a, snapshot.value)
            cycle.state = dataclasses.replace(state, trials=(self._last,))
            self._journal.record(
                "order",
                command="tune",
                cdu=cycle.plan.cdus[wanted.cdu].name,
                loop=LOOP_NAMES[wanted.loop],
                method=wanted.method.name.lower(),
                amplitude_pct=wanted.amplitude_pct,
                uid=peer.uid,
                pid=peer.pid,
            )
            return {
                "ok": True,
                "number": self._number,
                "columns": self._record.columns,
                "base_pct": list(self._last.base_pct),
                "duration_s": None if math.isnan(self._last.duration_s) else self._last.duration_s,
            }

    async def trace(self, order: Order, peer: Peer) -> Order:
        """Return the rows from ``since`` on, and how the trial stands; asking renews its lease."""
        del peer
        record, since = self._record, order.get("since", 0)
        if record is None or order.get("number") != record.number:
            raise CoolantdError(f"no trial {order.get('number')!r:.20}, allowed: the last one begun")
        if isinstance(since, bool) or not isinstance(since, int) or since < 0:
            raise CoolantdError(f"since = {since!r:.20}, allowed: an integer from 0")
        self._change(renewed)
        rows = record.rows[since : since + ROWS_PER_REPLY]
        return {"number": record.number, "rows": rows, "next": since + len(rows), **self._standing()}

    async def stop(self, order: Order, peer: Peer) -> Order:
        """End the trial now; the loop goes on with the gains it has."""
        if self._record is None or order.get("number") != self._record.number:
            raise CoolantdError(f"no trial {order.get('number')!r:.20}, allowed: the last one begun")
        self._journal.record("order", command="tune_stop", number=self._record.number, uid=peer.uid, pid=peer.pid)
        self._change(stopped)
        return {"ok": True}

    def _watch(self, now_s: float) -> None:
        """Record the cycle that has just ended, and tell the end of a trial once."""
        record, cycle = self._record, self._cycle
        if record is None or cycle.snapshot is None:
            return
        trial = self._present()
        if trial is None and self._last is not None and not self._last.over:
            self._last, self._cut = stopped(self._last), True  # a reload took it away with the state it belonged to
        self._last = trial or self._last
        if trial is not None:
            record.take(cycle.state, cycle.snapshot, now_s)
        if self._last is not None and self._last.over and not self._told:
            self._told = True
            ended = {"phase": self._last.phase.name.lower(), "cause": self._standing()["cause"]}
            self._journal.record("trial_ended", number=record.number, **ended)
            log.info("trial_ended", number=record.number, **ended)

    def _present(self) -> Trial | None:
        trials = self._cycle.state.trials
        return trials[0] if trials else None

    def _change(self, change: Callable[[Trial], Trial]) -> None:
        state = self._cycle.state
        if state.trials:
            self._cycle.state = dataclasses.replace(state, trials=tuple(map(change, state.trials)))

    def _standing(self) -> Order:
        trial = self._last
        if trial is None:
            return {"phase": "none", "cause": "", "elapsed_s": 0.0, "offset_pct": 0.0}
        cause = "the configuration was reloaded" if self._cut else trial.abort.sentence
        return {
            "phase": trial.phase.name.lower(),
            "cause": cause,
            "elapsed_s": trial.elapsed_s,
            "ended_s": trial.ended_s,
            "offset_pct": trial.offset_pct,
            "switches": trial.switches,
        }

    def _refuse(self, order: TrialOrder) -> None:
        cycle = self._cycle
        if self._stopping():
            raise CoolantdError("coolantd is stopping")
        present = self._present()
        if present is not None and not present.over:
            raise CoolantdError("another trial is under way, allowed: one at a time")
        if cycle.snapshot is None:
            raise CoolantdError("no cycle has completed yet")
        labels = cycle.table.labels
        for row in watched_points(cycle.plan, order.cdu):
            if cycle.snapshot.quality[row] != Quality.GOOD:
                raise CoolantdError(f"{labels.devices[row]}.{labels.points[row]} is not good; a test needs it")
        state = cycle.state
        why = refusal(order, cycle.plan, state.s, state.d, cycle.snapshot.value, cycle.snapshot.quality)
        if why:
            raise CoolantdError(why)

    def _cdu(self, order: Order) -> int:
        names = [cdu.name for cdu in self._cycle.plan.cdus]
        name = order.get("cdu")
        if name not in names:
            raise CoolantdError(f"no CDU {name!r:.80}, allowed: {', '.join(names[:20])}")
        return names.index(name)

    def _loop(self, n: int, k: int) -> Order:
        plan, state = self._cycle.plan, self._cycle.state
        loop: LoopParameters = plan.cdus[n].supply_temp if k == SUPPLY_TEMP else plan.cdus[n].pressure
        labels = self._cycle.table.labels
        named = dataclasses.asdict(loop)
        named["process_variable"] = f"{labels.devices[loop.point]}.{labels.points[loop.point]}"
        output = float(state.s[n, k, S_OUTPUT])
        poll_s = self._cycle.table.period_s(loop.point)
        named["poll_s"] = poll_s if math.isfinite(poll_s) else plan.period_s
        named["output_pct"] = output if math.isfinite(output) else None
        return {key: value for key, value in named.items() if key not in ("point", "manual_pct")}

    @staticmethod
    def _actuator(plan: Plan, i: int) -> Order:
        actuator = plan.actuators[i]
        return {"tag": f"{actuator.device}.{actuator.name}", "index": i, "minimum_pct": actuator.minimum,
                "slew_pct_per_s": actuator.slew_pct_per_s}  # fmt: skip

    def _order(self, order: Order) -> TrialOrder:
        n = self._cdu(order)
        cdu = self._cycle.plan.cdus[n]
        loop, method, actuator = order.get("loop"), order.get("method"), order.get("actuator")
        methods = {each.name.lower(): each for each in Method}
        if loop not in LOOP_NAMES:
            raise CoolantdError(f"loop = {loop!r:.40}, allowed: {', '.join(LOOP_NAMES)}")
        if method not in methods:
            raise CoolantdError(f"method = {method!r:.40}, allowed: {', '.join(methods)}")
        own = (cdu.valve, *cdu.pumps)
        if actuator is not None and (isinstance(actuator, bool) or actuator not in own or method != "nudge"):
            raise CoolantdError(f"actuator = {actuator!r:.20}, allowed: one of {cdu.name}'s, in a nudge")
        defaults, cycles = TrialLimits(), order.get("cycles", 4)
        if isinstance(cycles, bool) or not isinstance(cycles, int) or not 2 <= cycles <= CYCLES_MAX:
            raise CoolantdError(f"cycles = {cycles!r:.20}, allowed: 2 to {CYCLES_MAX}")
        return TrialOrder(
            cdu=n,
            loop=LOOP_NAMES.index(loop),
            method=methods[method],
            amplitude_pct=_number(order, "amplitude_pct", -100.0, 100.0, 3.0),
            segments=_segments(order, methods[method]),
            actuator=actuator,
            hysteresis=_number(order, "hysteresis", 0.0, 1000.0, 0.1),
            cycles=cycles,
            limits=TrialLimits(
                supply_k=_number(order, "supply_limit_k", 0.1, SUPPLY_MAX_K, defaults.supply_k),
                supply_rate_k_per_min=_number(
                    order, "supply_rate_limit_k_per_min", 0.1, RATE_MAX_K_PER_MIN, defaults.supply_rate_k_per_min
                ),
                pressure_ratio=_number(
                    order, "pressure_limit_ratio", 0.01, PRESSURE_MAX_RATIO, defaults.pressure_ratio
                ),
            ),
        )


def _number(order: Order, key: str, minimum: float, maximum: float, default: float) -> float:
    value = order.get(key, default)
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not fits or not minimum <= value <= maximum:
        raise CoolantdError(f"{key} = {value!r:.40}, allowed: {minimum:g} to {maximum:g}")
    return float(value)


def _segments(order: Order, method: Method) -> tuple[tuple[float, float], ...]:
    given = order.get("segments", [])
    if not isinstance(given, list) or len(given) > SEGMENTS_MAX or (not given) != (method is Method.RELAY):
        raise CoolantdError(f"segments: allowed: 1 to {SEGMENTS_MAX} pairs of seconds and share, none for a relay")
    found = []
    for pair in given:
        if not isinstance(pair, list) or len(pair) != 2:
            raise CoolantdError(f"segments: {pair!r:.40}, allowed: pairs of seconds and share")
        named = {"seconds": pair[0], "share": pair[1]}
        found.append((_number(named, "seconds", 0.1, DURATION_MAX_S, 0.0), _number(named, "share", -1.0, 1.0, 0.0)))
    if sum(seconds for seconds, _ in found) > DURATION_MAX_S:
        raise CoolantdError(f"segments: more than {DURATION_MAX_S:g} s together, allowed: at most that")
    return tuple(found)
