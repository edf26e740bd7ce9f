"""From lists of sensors to voted points, and from references to the sensors that are watched. Opens no file.

A voted point is a row of its own behind all devices' points, named after its CDU; what it says is decided by
``control.sensors`` in every cycle.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

from coolantd.config.models import CduConfig, Config
from coolantd.config.sensor_models import SensorsConfig
from coolantd.config.sensorcheck import tags_of
from coolantd.control.sensor_layout import (
    HIGHEST,
    MIDDLE,
    MOVED_BY_HEAT,
    MOVED_BY_PUMPS,
    MOVED_BY_SUPPLY,
    MOVED_BY_VALVE,
)
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, WatchParameters
from coolantd.protocol.kinds import Coding
from coolantd.protocol.profile import Profile

RAMP_S: Final = 60.0
"""In which a change of members that makes the greatest allowed difference comes into a voted value: slower than any
loop, so that it moves an actuator by less than its noise."""
DRIFT_RATIO: Final = 0.4
"""Of the greatest allowed difference: 0.4 K away from what is usual is told long before 1 K excludes."""
STILL_S: Final = 30.0
"""In which a sensor answers: five times its lag and an exchanger's together; once around the loop for a return."""
STILL_POLLS: Final = 3.0
"""Between two polls a reading cannot change."""
COARSE_K: Final = 0.2
"""A temperature that comes in larger steps may rest while the plant moves: it is not watched."""
HEAT_PCT: Final = 10.0
"""Without a model every tenth of the greatest heat load swings the supply by tenths of a kelvin at least."""
HEAT_MODEL_PCT: Final = 40.0
"""With one, only a sudden large step does: a ramp of 90 % in a minute may pass within a tenth of a kelvin."""
NEVER: Final = 1e9
"""No evidence refuses: a loop with a model does better with a doubtful sensor than failsafe would without."""
EVIDENCE: Final[dict[int, tuple[float, float]]] = {
    MOVED_BY_VALVE: (0.5, 1.0),
    MOVED_BY_SUPPLY: (0.7, 1.4),
    MOVED_BY_PUMPS: (15.0, 30.0),
    MOVED_BY_HEAT: (HEAT_PCT, 2.0 * HEAT_PCT),
}
"""What should have been seen to doubt and to refuse a sensor that stands still: kelvins that the model expects of a
supply, or a supply passes on to a return; % of pump speed; % of the greatest heat load. Sensors of 0.1 K that are well
answer within half of ``STILL_S`` on all of the scenarios' plants (``bench/scenario_sensors.py``)."""

VOTED: Final = "voted_"


@dataclass(frozen=True, slots=True)
class Quantity:
    """One measured quantity of a CDU.

    Attributes:
        name: of its voted point, if it has several sensors. unit: of the point.
        tags: its sensors.
        apart: when they contradict each other.
        safe: 1 if the higher of two is the safe one to believe, -1 the lower.
        moved_by: what moves it (``MOVED_BY_…``), the one that may refuse it first.
        rule: how they vote.
    """

    name: str
    unit: str
    tags: tuple[str, ...]
    apart: float
    safe: int
    moved_by: tuple[int, ...] = ()
    rule: int = MIDDLE


def quantities(cdu: CduConfig, sensors: SensorsConfig) -> Iterator[Quantity]:
    """Yield every measured quantity of a CDU that may have several sensors.

    Safe is what cools more: a warmer temperature, a smaller flow, a smaller pressure. For the dew point it is the
    highest, always.
    """
    temp, dew, kpa, lpm = sensors.apart_k, sensors.dew_apart_k, sensors.apart_kpa, sensors.apart_lpm
    loop, pump_loop = cdu.supply_temp, cdu.pressure
    supply = tags_of(loop.process_variable)
    yield Quantity("supply_temp_c", "degC", supply, temp, 1, (MOVED_BY_VALVE, MOVED_BY_HEAT))
    name, apart = ("pressure_kpa", kpa) if pump_loop.unit == "kPa" else ("loop_flow_lpm", lpm)
    yield Quantity(name, pump_loop.unit, tags_of(pump_loop.process_variable), apart, -1, (MOVED_BY_PUMPS,))
    yield Quantity("dew_point_c", "degC", tags_of(loop.dew_point), dew, 1, (), HIGHEST)
    yield Quantity("heat_load_kw", "kW", tags_of(cdu.failsafe.heat_load), sensors.apart_kw, 1)
    if (model := cdu.model) is not None:
        yield Quantity("return_temp_c", "degC", tags_of(model.return_temp), temp, 1, (MOVED_BY_SUPPLY,))
        yield Quantity("fws_supply_temp_c", "degC", tags_of(model.fws_supply_temp), temp, 1)
        yield Quantity("flow_lpm", "L/min", tags_of(model.flow), lpm, -1, (MOVED_BY_PUMPS,))
        if model.fws_pressure is not None:
            yield Quantity("fws_pressure_kpa", "kPa", tags_of(model.fws_pressure), kpa, -1)


def voted_quantities(cdu: CduConfig, sensors: SensorsConfig) -> dict[tuple[str, ...], Quantity]:
    """Return a CDU's quantities with several sensors, by those; one that two keys name alike is voted once."""
    found: dict[tuple[str, ...], Quantity] = {}
    for quantity in quantities(cdu, sensors):
        if len(quantity.tags) > 1:
            found.setdefault(quantity.tags, quantity)
    return found


def voted_tag(cdu: CduConfig, quantity: Quantity) -> tuple[str, str]:
    """Return (device, point) under which a voted point is shown."""
    return cdu.name, f"{VOTED}{quantity.name}"


def sensor_plan(
    config: Config,
    cdus: Sequence[CduConfig],
    index: Mapping[tuple[str, str], int],
    period_s: Mapping[tuple[str, str], float],
    profiles: Mapping[str, Profile],
) -> SensorPlan:
    """Return votes and watched sensors of a site.

    Args:
        config: of the site.
        cdus: those in the plan, in its order.
        index: row of each (device, point).
        period_s: how often each is due.
        profiles: of each device.
    """
    coarse = {f"{device}.{name}" for device, profile in profiles.items() for name in coarse_temps(profile)}
    votes: list[VoteParameters] = []
    watches: list[WatchParameters] = []
    for number, cdu in enumerate(cdus):
        voted = voted_quantities(cdu, config.sensors).values()
        watched = watched_sensors(number, cdu, config.sensors, index, period_s)
        watches += [watch for watch in watched if watch.tag not in coarse]
        votes += [_vote(number, cdu, quantity, config.sensors, index) for quantity in voted]
    return SensorPlan(tuple(votes), tuple(watches))


def coarse_temps(profile: Profile) -> Iterator[str]:
    """Yield the temperatures of a profile that come in steps too large to watch."""
    floats = (Coding.F32, Coding.F64)
    for point in profile.registers:
        step = 0.0 if point.coding in floats or point.raw_span else point.scale / 2.0**point.fraction_bits
        if point.unit == "degC" and abs(step) > COARSE_K:
            yield point.name


def _row(tag: str, index: Mapping[tuple[str, str], int]) -> int:
    device, _, point = tag.partition(".")
    return index[device, point]


def _vote(
    number: int, cdu: CduConfig, quantity: Quantity, sensors: SensorsConfig, index: Mapping[tuple[str, str], int]
) -> VoteParameters:
    tag = voted_tag(cdu, quantity)
    return VoteParameters(
        tag=".".join(tag),
        members=quantity.tags,
        cdu=number,
        point=index[tag],
        member_points=tuple(_row(each, index) for each in quantity.tags),
        rule=quantity.rule,
        safe=quantity.safe,
        apart=quantity.apart,
        apart_s=sensors.apart_s,
        rate_per_s=quantity.apart / RAMP_S,
        drift=DRIFT_RATIO * quantity.apart,
    )


def evidence(kind: int, *, model: bool) -> tuple[float, float]:
    """Return what has to have moved before a sensor that stands still is doubted, and refused."""
    return (HEAT_MODEL_PCT, NEVER) if kind == MOVED_BY_HEAT and model else EVIDENCE[kind]


def watched_sensors(
    number: int,
    cdu: CduConfig,
    sensors: SensorsConfig,
    index: Mapping[tuple[str, str], int],
    period_s: Mapping[tuple[str, str], float],
) -> list[WatchParameters]:
    """Return the sensors of a CDU that something we know moves; arguments as for ``sensor_plan``."""
    beside = _row(tags_of(cdu.supply_temp.process_variable)[0], index)
    found: dict[tuple[str, int], WatchParameters] = {}
    for quantity in quantities(cdu, sensors):
        for tag, kind in product(quantity.tags, quantity.moved_by):
            doubt, refuse = evidence(kind, model=cdu.model is not None)
            device, _, point = tag.partition(".")
            watch = WatchParameters(
                tag=tag,
                cdu=number,
                point=index[device, point],
                kind=kind,
                beside=beside if kind == MOVED_BY_SUPPLY else -1,
                still_s=max(STILL_S, STILL_POLLS * period_s[device, point]),
                doubt=doubt,
                refuse=refuse,
                heat_kw=cdu.failsafe.valve_position_table[-1].heat_load_kw,
            )
            found.setdefault((tag, kind), watch)
    return list(found.values())
