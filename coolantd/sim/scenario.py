"""What happens to the virtual plant and its row CDU, and when: heat load, facility water, pump trips, other hands.

Pure: text in, a frozen ``Scenario`` out; whoever has files and clocks reads them elsewhere (``sim.scenario_file``).
Every mistake is one sentence in a ``ScenarioError``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final

from coolantd.errors import CoolantdError
from coolantd.plant.layout import PUMP_COUNT
from coolantd.sim.other_hands import Act, CduEvent
from coolantd.sim.track import Track, constant, from_steps
from coolantd.units import PA_PER_KPA

EVENTS_MAX: Final = 1000
"""Entries per list of a scenario; what needs more is a trace."""
TIME_MAX_S: Final = 30 * 86_400.0
"""A scenario ends within a month; a larger number is a slip of the keyboard."""
LOAD_MAX_RATIO: Final = 1.5
"""Heat above this multiple of the rated heat is outside what the plant model was made for."""
FWS_TEMP_MIN_C: Final = 2.0
FWS_TEMP_MAX_C: Final = 60.0
"""Liquid facility water from the coldest chiller to above class W45 (45 degC)."""
FWS_PRESSURE_MAX_KPA: Final = 600.0
"""Differential pressure a facility pump might offer at most; the reference plant has 170 kPa."""


class ScenarioError(CoolantdError):
    """A scenario that cannot be played; its text is one sentence that says where, what and what is allowed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpTrip:
    """One pump out of order from ``start_s`` to ``end_s`` (infinite: for good). ``pump`` counts from 1."""

    pump: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What acts on the plant at one time.

    Attributes:
        load_ratio: heat of the racks over their rated heat, 0 to ``LOAD_MAX_RATIO``.
        fws_supply_temp_c: facility water inlet temperature.
        fws_differential_pressure_pa: pressure the facility offers.
        pump_available: per pump, False while it is tripped.
    """

    load_ratio: float
    fws_supply_temp_c: float
    fws_differential_pressure_pa: float
    pump_available: tuple[bool, bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Everything that happens, over device time that starts at 0 s."""

    load_ratio: Track = field(default_factory=partial(constant, 0.1))
    fws_supply_temp_c: Track = field(default_factory=partial(constant, 28.0))
    fws_differential_pressure_kpa: Track = field(default_factory=partial(constant, 170.0))
    pump_trips: tuple[PumpTrip, ...] = ()
    cdu_events: tuple[CduEvent, ...] = ()

    def at(self, time_s: float) -> Conditions:
        """Return the conditions at a time."""
        tripped = {trip.pump for trip in self.pump_trips if trip.start_s <= time_s < trip.end_s}
        return Conditions(
            load_ratio=self.load_ratio.at(time_s),
            fws_supply_temp_c=self.fws_supply_temp_c.at(time_s),
            fws_differential_pressure_pa=self.fws_differential_pressure_kpa.at(time_s) * PA_PER_KPA,
            pump_available=(1 not in tripped, 2 not in tripped),
        )


def parse_steps(text: str, rated_heat_kw: float) -> Track:
    """Return the heat load (ratio of the rated heat) of a compact list such as ``0:10,60:100/30,300:500kW``.

    Each entry is ``TIME:LOAD`` in seconds and percent (or ``kW`` where it says so), ``/RAMP`` after it makes
    the load reach that value over so many seconds.

    Args:
        text: the list.
        rated_heat_kw: what 100 % is.

    Raises:
        ScenarioError: naming the entry and what is allowed.
    """
    entries = [entry.strip() for entry in text.split(",") if entry.strip()]
    if not entries:
        raise ScenarioError("steps: nothing given, allowed: TIME:LOAD[/RAMP], for example 0:10,60:100,300:10")
    steps = []
    for entry in entries:
        time_text, colon, rest = entry.partition(":")
        load_text, slash, ramp_text = rest.partition("/")
        if not colon or (slash and not ramp_text):
            raise ScenarioError(f"steps: {entry!r} is not TIME:LOAD[/RAMP], for example 60:100 or 60:100/30")
        kw = load_text.strip().lower().endswith("kw")
        load = finite_number(load_text.strip()[:-2] if kw else load_text, f"steps: load of {entry!r}")
        steps.append(
            (
                finite_number(time_text, f"steps: time of {entry!r}"),
                load / rated_heat_kw if kw else load / 100.0,
                finite_number(ramp_text, f"steps: ramp of {entry!r}") if slash else 0.0,
            )
        )
    return checked_track(steps, "steps", 0.0, LOAD_MAX_RATIO, "load ratio")


def build_scenario(document: Mapping[str, object], rated_heat_kw: float) -> Scenario:
    """Return the scenario a parsed TOML document describes (its ``trace`` table is the caller's).

    The document may hold the arrays of tables ``heat_load`` (``at_s``, ``load_pct`` or ``load_kw``, ``ramp_s``),
    ``fws_supply_temp`` (``at_s``, ``temp_c``, ``ramp_s``), ``fws_differential_pressure`` (``at_s``,
    ``pressure_kpa``, ``ramp_s``), ``pump_trip`` (``at_s``, ``pump``, ``duration_s``) and ``cdu_event`` (``at_s``,
    ``act``: reboot, local, remote, or write with ``point`` and ``value``).

    Args:
        document: as tomllib returns it.
        rated_heat_kw: what 100 % is.

    Raises:
        ScenarioError: naming the first key that is wrong.
    """
    known = {"heat_load", "fws_supply_temp", "fws_differential_pressure", "pump_trip", "cdu_event"}
    for key in document:
        if key not in known:
            raise ScenarioError(f"{key}: unknown key, allowed: {', '.join(sorted(known))}, trace")
    scenario = Scenario()
    if loads := _tables(document, "heat_load"):
        loads = [_load_as_ratio(entry, rated_heat_kw, index) for index, entry in enumerate(loads)]
        scenario = replace(scenario, load_ratio=_track(loads, "heat_load", "load_ratio", 0.0, LOAD_MAX_RATIO))
    if temps := _tables(document, "fws_supply_temp"):
        track = _track(temps, "fws_supply_temp", "temp_c", FWS_TEMP_MIN_C, FWS_TEMP_MAX_C)
        scenario = replace(scenario, fws_supply_temp_c=track)
    if pressures := _tables(document, "fws_differential_pressure"):
        track = _track(pressures, "fws_differential_pressure", "pressure_kpa", 0.0, FWS_PRESSURE_MAX_KPA)
        scenario = replace(scenario, fws_differential_pressure_kpa=track)
    trips, events = _tables(document, "pump_trip"), _tables(document, "cdu_event")
    return replace(
        scenario,
        pump_trips=tuple(_trip(entry, index) for index, entry in enumerate(trips)),
        cdu_events=tuple(_event(entry, index) for index, entry in enumerate(events)),
    )


def checked_track(
    steps: Sequence[tuple[float, float, float]], where: str, minimum: float, maximum: float, quantity: str
) -> Track:
    """Return a track of (time s, value, ramp s) steps after checking every number.

    Raises:
        ScenarioError: naming the first entry that is outside its limits or out of order.
    """
    if len(steps) > EVENTS_MAX:
        raise ScenarioError(f"{where}: {len(steps)} entries, allowed: at most {EVENTS_MAX}")
    previous_s = 0.0
    for index, (time_s, value, ramp_s) in enumerate(steps):
        _within(time_s, f"{where}[{index}]: time", 0.0, TIME_MAX_S, "s")
        _within(ramp_s, f"{where}[{index}]: ramp", 0.0, TIME_MAX_S, "s")
        _within(value, f"{where}[{index}]: {quantity}", minimum, maximum, "")
        if time_s < previous_s:
            raise ScenarioError(
                f"{where}[{index}]: time {time_s:g} s comes after {previous_s:g} s, allowed: rising times"
            )
        previous_s = time_s
    return from_steps(tuple(steps))


def _within(value: float, where: str, minimum: float, maximum: float, unit: str) -> None:
    if not minimum <= value <= maximum:
        raise ScenarioError(f"{where} = {value:g}{unit and ' ' + unit}, allowed: {minimum:g} to {maximum:g}")


def finite_number(text: str, where: str) -> float:
    """Return a number written as text.

    Raises:
        ScenarioError: naming where it stands and what is there instead.
    """
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ScenarioError(f"{where} is {text.strip()!r}, allowed: a finite number")
    return value


def _tables(document: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    entries = document.get(key, [])
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise ScenarioError(f"{key}: not an array of tables, allowed: [[{key}]] sections")
    return entries


def _field(entry: Mapping[str, object], where: str, key: str, default: float | None = None) -> float:
    value = entry.get(key, default)
    if value is None:
        raise ScenarioError(f"{where}: {key} is missing, allowed: a number")
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ScenarioError(f"{where}: {key} = {value!r}, allowed: a finite number")
    return float(value)


def _only(entry: Mapping[str, object], where: str, allowed: set[str]) -> None:
    for key in entry:
        if key not in allowed:
            raise ScenarioError(f"{where}: unknown key {key}, allowed: {', '.join(sorted(allowed))}")


def _load_as_ratio(entry: Mapping[str, object], rated_heat_kw: float, index: int) -> Mapping[str, object]:
    where = f"heat_load[{index}]"
    _only(entry, where, {"at_s", "load_pct", "load_kw", "ramp_s"})
    if ("load_pct" in entry) == ("load_kw" in entry):
        raise ScenarioError(f"{where}: allowed: exactly one of load_pct and load_kw")
    kw = "load_kw" in entry
    ratio = _field(entry, where, "load_kw") / rated_heat_kw if kw else _field(entry, where, "load_pct") / 100.0
    rest = {key: value for key, value in entry.items() if key in {"at_s", "ramp_s"}}
    return {**rest, "load_ratio": ratio}


def _track(entries: Sequence[Mapping[str, object]], where: str, key: str, minimum: float, maximum: float) -> Track:
    steps = []
    for index, entry in enumerate(entries):
        here = f"{where}[{index}]"
        _only(entry, here, {"at_s", "ramp_s", key})
        steps.append((_field(entry, here, "at_s"), _field(entry, here, key), _field(entry, here, "ramp_s", 0.0)))
    return checked_track(steps, where, minimum, maximum, key)


def _trip(entry: Mapping[str, object], index: int) -> PumpTrip:
    where = f"pump_trip[{index}]"
    _only(entry, where, {"at_s", "pump", "duration_s"})
    pump = _field(entry, where, "pump")
    if pump not in range(1, PUMP_COUNT + 1):
        raise ScenarioError(f"{where}: pump = {pump:g}, allowed: 1 or {PUMP_COUNT}")
    start_s = _field(entry, where, "at_s")
    _within(start_s, f"{where}: at_s", 0.0, TIME_MAX_S, "s")
    duration_s = _field(entry, where, "duration_s") if "duration_s" in entry else math.inf
    if duration_s <= 0.0:
        raise ScenarioError(f"{where}: duration_s = {duration_s:g}, allowed: above 0, or left out for good")
    return PumpTrip(pump=int(pump), start_s=start_s, end_s=start_s + duration_s)


def _event(entry: Mapping[str, object], index: int) -> CduEvent:
    where = f"cdu_event[{index}]"
    act, point = entry.get("act"), entry.get("point", "")
    if not isinstance(act, str) or act not in list(Act):
        raise ScenarioError(f"{where}: act = {act!r}, allowed: {', '.join(Act)}")
    writes = act == Act.WRITE
    _only(entry, where, {"at_s", "act", "point", "value"} if writes else {"at_s", "act"})
    if not isinstance(point, str) or bool(point) != writes:
        raise ScenarioError(f"{where}: point = {point!r}, allowed: the name of a point to write")
    at_s = _field(entry, where, "at_s")
    _within(at_s, f"{where}: at_s", 0.0, TIME_MAX_S, "s")
    return CduEvent(at_s=at_s, act=Act(act), point=point, value=_field(entry, where, "value") if writes else 0.0)
