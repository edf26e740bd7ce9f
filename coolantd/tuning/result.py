"""What a test of a loop came to, and the recommendation that several such tests make. Plain data and its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from coolantd.tuning.exchanger_fit import ExchangerFit, ExchangerPoint, Sheet, fit_exchanger
from coolantd.tuning.identify import Identified
from coolantd.tuning.process import Process
from coolantd.tuning.relay import RelayPoint
from coolantd.tuning.simc import Gains, Margins, margins, reduced, safest, tuned

LOAD_CHANGE_MAX_RATIO: Final = 0.06
"""Of the mean heat during a test. What the loop itself stores in a test is 1 to 3 % of a small load; where the racks'
power is measured the trial itself ends at 3 %."""
LOADS_APART_RATIO: Final = 1.5
"""Two tests count as two loads if one is half as large again as the other."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoopResult:
    """A test of one loop at one load.

    Attributes:
        loop: ``supply_temp`` or ``pressure``. unit: of its process variable.
        period_s: of the control cycle. poll_s: of the readings.
        heat_kw: load it was made at; NaN where unknown.
        process: the plant. fit_ratio, error_ratio, noise, load_change_ratio: see ``identify.Identified``.
        present, gains: in force, and SIMC's. present_margins, margins: of each.
        relay: what a relay test says beside it.
        doubts: why the gains should not be used, a sentence each; empty if they may be.
    """

    loop: str
    unit: str
    period_s: float
    poll_s: float
    heat_kw: float
    process: Process
    fit_ratio: float
    error_ratio: float
    noise: float
    load_change_ratio: float
    present: Gains
    present_margins: Margins
    gains: Gains
    margins: Margins
    relay: RelayPoint | None = None
    doubts: tuple[str, ...] = ()

    @property
    def late_s(self) -> float:
        """Return what ``margins`` takes: twice the dead time that cycle and poll may bring."""
        return _late_s((self.period_s, self.poll_s))

    def json(self) -> dict[str, Any]:
        """Return it as JSON types; ``from_json`` reads it back."""
        return asdict(self) | {"reduced": asdict(reduced(self.process, self.late_s))}


def _late_s(periods_s: tuple[float, float]) -> float:
    """Return twice a whole control cycle and a whole poll, where ``margins`` would take the average for the worst.

    A device, its poll and the cycle run at the same pace, so that their phases stand: one run sees none of it, the
    next, after a restart, all. Gains have to suit both.
    """
    return 2.0 * sum(periods_s)


def loop_result(  # noqa: PLR0917 - one argument per thing a test leaves
    loop: str,
    unit: str,
    periods_s: tuple[float, float],
    heat_kw: float,
    found: Identified,
    present: Gains,
    relay: RelayPoint | None,
) -> LoopResult:
    """Return what an identified plant comes to; ``periods_s`` of control cycle and poll."""
    late_s = _late_s(periods_s)
    gains = tuned(found.process, late_s, found.noise)
    return LoopResult(
        loop=loop,
        unit=unit,
        period_s=periods_s[0],
        poll_s=periods_s[1],
        heat_kw=heat_kw,
        process=found.process,
        fit_ratio=found.fit_ratio,
        error_ratio=found.error_ratio,
        noise=found.noise,
        load_change_ratio=found.load_change_ratio,
        present=present,
        present_margins=margins(found.process, present, late_s),
        gains=gains,
        margins=margins(found.process, gains, late_s),
        relay=relay,
        doubts=tuple(_doubts(loop, found, relay)),
    )


def _doubts(loop: str, found: Identified, relay: RelayPoint | None) -> list[str]:
    doubts = []
    if not found.believed:
        doubts.append(
            f"the plant explains {100.0 * found.fit_ratio:.0f} % of the movement and is known to "
            f"{100.0 * found.error_ratio:.0f} %, allowed: 75 % and 30 %; use a larger amplitude or a quieter hour"
        )
    expected = -1.0 if loop == "supply_temp" else 1.0
    if found.process.gain * expected <= 0.0:
        doubts.append("the process variable moved the wrong way: look at the pairing of sensor and actuator")
    if abs(found.load_change_ratio) > LOAD_CHANGE_MAX_RATIO:
        doubts.append(f"the load moved by {100.0 * found.load_change_ratio:+.0f} % during the test: repeat it")
    if relay is not None and not relay.agrees:
        doubts.append(
            f"the relay test found {relay.predicted_ratio:.2f} times the answer, {relay.predicted_deg:+.0f} degrees "
            "apart from the step test: repeat both"
        )
    return doubts


def loop_from_json(data: Mapping[str, Any]) -> LoopResult:
    """Return what ``LoopResult.json`` made.

    Raises:
        KeyError, TypeError: it is none.
    """
    numbers = ("heat_kw", "fit_ratio", "error_ratio", "noise", "load_change_ratio", "period_s", "poll_s")
    return LoopResult(
        loop=str(data["loop"]),
        unit=str(data["unit"]),
        **{name: float("nan") if data[name] is None else float(data[name]) for name in numbers},
        process=Process(**data["process"]),
        present=Gains(**data["present"]),
        present_margins=_margins(data["present_margins"]),
        gains=Gains(**data["gains"]),
        margins=_margins(data["margins"]),
        relay=None if data["relay"] is None else RelayPoint(**data["relay"]),
        doubts=tuple(data["doubts"]),
    )


def _margins(data: Mapping[str, Any]) -> Margins:
    return Margins(**{name: float("nan") if number is None else number for name, number in data.items()})


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Gains for one loop from all tests of it.

    Attributes:
        results: they rest on; those with doubts are left out.
        margins: at each of these.
        loads: how many different loads that are.
    """

    loop: str
    gains: Gains
    results: tuple[LoopResult, ...]
    margins: tuple[Margins, ...]
    loads: int


def recommend(loop: str, results: Sequence[LoopResult]) -> Recommendation | None:
    """Return gains for a loop; None where no test of it can be used."""
    used = tuple(each for each in results if each.loop == loop and not each.doubts)
    if not used:
        return None
    late_s = max(each.late_s for each in used)
    gains = safest([each.process for each in used], late_s, max(each.noise for each in used))
    return Recommendation(
        loop=loop,
        gains=gains,
        results=used,
        margins=tuple(margins(each.process, gains, late_s) for each in used),
        loads=loads_of([each.heat_kw for each in used]),
    )


def loads_of(heats_kw: Sequence[float]) -> int:
    """Return how many loads are clearly different; unknown ones count as one."""
    count, last = 0, 0.0
    for heat_kw in sorted(heat for heat in heats_kw if heat > 0.0):
        if heat_kw > LOADS_APART_RATIO * last:
            count, last = count + 1, heat_kw
    return max(count, 1)


def fitted_model(points: Sequence[ExchangerPoint], sheet: Sheet | None) -> ExchangerFit | None:
    """Return the model's parameters from all trials; None without a model or readings."""
    return None if sheet is None else fit_exchanger(points, sheet)
