"""What is done about each hazard, as one table: delays, rank, orders to actuators, requests to others, how it ends.

An order bounds where actuators of one kind may be: at least here, at most there. Orders of several hazards are carried
out together as far as they can be; where they contradict each other, the higher rank wins, actuator by actuator. So
over-temperature opens the valve that condensation would close, and a shut loop slows pumps that heat would speed up.

Basis of delays and actions: rows of the project's hazard analysis, named in each rule. A hazard with no order is told,
and control and the devices go on dealing with it. Knows no reading and no kernel.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

import numpy as np

from coolantd.point import FloatArray, IntArray
from coolantd.safety.hazards import HAZARDS, Hazard
from coolantd.safety.requests import Request


class Target(IntEnum):
    """Which actuators of a CDU an order is for."""

    VALVE = 0
    """The facility water valve."""
    PUMPS = 1
    """Those that run."""
    EVERY_PUMP = 2
    """Those that rest as well."""
    BYPASS = 3


class At(IntEnum):
    """Where a bound is."""

    NONE = 0
    MINIMUM = 1
    MAXIMUM = 2
    FAILSAFE = 3
    """A pump's speed for when nothing better is known."""
    OFF = 4
    LIMITED = 5
    """The speed that little suction pressure allows."""
    CREEP = 6
    """Where it was last, and a little more: it rises slowly."""
    UNLOAD = 7
    """The minimum until the cause is gone, and from wherever that was it rises slowly."""


class Clear(IntEnum):
    """How a hazard ends once its cause is gone."""

    BY_ITSELF = 0
    BY_ACKNOWLEDGE = 1
    """Somebody has to acknowledge it as well: it is latched, and survives a restart."""


@dataclass(frozen=True, slots=True)
class Order:
    """Bounds of one kind of actuator; ``At.NONE`` leaves a side open."""

    target: Target
    at_least: At = At.NONE
    at_most: At = At.NONE


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to others, ``after_s`` seconds after the hazard came into force."""

    request: Request
    after_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One row.

    Attributes:
        rows: of the hazard analysis.
        on_s: how long the cause has to be there; 0 acts on the first reading that shows it.
        confirmed: a second reading has to show it too: one odd reading is no hazard. How long that takes is the CDU's.
        off_s: how long it has to be gone.
        rank: of its orders, 1 to 9; 0 without any.
        trips: its orders take the CDU to tripped.
    """

    rows: tuple[str, ...]
    on_s: float
    off_s: float
    clear: Clear = Clear.BY_ITSELF
    rank: int = 0
    orders: tuple[Order, ...] = ()
    asks: tuple[Ask, ...] = ()
    confirmed: bool = False
    trips: bool = False


CALM_S: Final = 10.0
"""Gone for this long: no actuator goes to and fro on a reading that dithers about its limit."""
EASE_S: Final = 60.0
"""A loop filled too full is back at its limit with every gain of speed: slowly, then, and not from far below."""
_COOL: Final = (Order(Target.VALVE, at_least=At.MAXIMUM), Order(Target.PUMPS, at_least=At.MAXIMUM))
_LESS_LOAD: Final = Ask(Request.REDUCE_LOAD, 0.0)
_UNLOAD: Final = (
    Order(Target.PUMPS, at_least=At.MINIMUM, at_most=At.UNLOAD),
    Order(Target.BYPASS, at_least=At.MAXIMUM),
)

RULES: Final[dict[Hazard, Rule]] = {
    Hazard.FLOW_LOW: Rule(rows=("FM-01",), on_s=100.0, off_s=CALM_S),
    Hazard.FLOW_LOST: Rule(
        rows=("FM-01",),
        on_s=0.0,
        off_s=CALM_S,
        confirmed=True,
        rank=4,
        orders=(Order(Target.EVERY_PUMP, at_least=At.FAILSAFE),),
        asks=(Ask(Request.REDUCE_LOAD, 5.0),),
    ),
    Hazard.NO_FLOW: Rule(
        rows=("FM-01",),
        on_s=0.0,
        off_s=CALM_S,
        confirmed=True,
        rank=4,
        orders=(Order(Target.EVERY_PUMP, at_least=At.FAILSAFE),),
        asks=(_LESS_LOAD, Ask(Request.POWER_OFF, 5.0)),
    ),
    Hazard.SUPPLY_TEMP_HIGH: Rule(rows=("FM-02",), on_s=120.0, off_s=CALM_S),
    Hazard.OVER_TEMP_SUPPLY: Rule(
        rows=("FM-02", "FM-03"), on_s=0.0, off_s=CALM_S, rank=5, orders=_COOL, asks=(_LESS_LOAD,)
    ),
    Hazard.OVER_TEMP_RETURN: Rule(rows=("FM-02",), on_s=0.0, off_s=CALM_S, rank=5, orders=_COOL, asks=(_LESS_LOAD,)),
    Hazard.OVER_TEMP_SOON: Rule(rows=("FM-02",), on_s=1.0, off_s=CALM_S, rank=5, orders=_COOL),
    Hazard.CONDENSATION: Rule(
        rows=("FM-03",),
        on_s=0.0,
        off_s=5.0,
        confirmed=True,
        rank=3,
        orders=(Order(Target.VALVE, at_most=At.MINIMUM), Order(Target.PUMPS, at_least=At.MINIMUM)),
    ),
    Hazard.OVER_PRESSURE: Rule(rows=("FM-07",), on_s=0.0, off_s=EASE_S, rank=7, orders=_UNLOAD),
    Hazard.DEAD_HEAD: Rule(rows=("FM-08",), on_s=2.0, off_s=CALM_S, rank=8, orders=_UNLOAD),
    Hazard.LOW_SUCTION: Rule(
        rows=("FM-09",),
        on_s=3.0,
        off_s=30.0,
        rank=6,
        orders=(Order(Target.PUMPS, at_least=At.MINIMUM, at_most=At.LIMITED),),
    ),
    Hazard.AIR: Rule(rows=("FM-10",), on_s=0.0, off_s=60.0, rank=2, orders=(Order(Target.PUMPS, at_most=At.CREEP),)),
    Hazard.LEVEL_LOW: Rule(
        rows=("FM-05", "FM-09"),
        on_s=10.0,
        off_s=30.0,
        rank=6,
        orders=(Order(Target.PUMPS, at_least=At.MINIMUM, at_most=At.LIMITED),),
    ),
    Hazard.LEVEL_LOST: Rule(
        rows=("FM-05", "FM-09"),
        on_s=3.0,
        off_s=CALM_S,
        clear=Clear.BY_ACKNOWLEDGE,
        rank=9,
        orders=(Order(Target.EVERY_PUMP, at_most=At.OFF),),
        asks=(Ask(Request.POWER_OFF, 0.0),),
        trips=True,
    ),
    Hazard.PUMPS_OFF: Rule(
        rows=("FM-12",), on_s=5.0, off_s=5.0, rank=4, orders=(Order(Target.EVERY_PUMP, at_least=At.FAILSAFE),)
    ),
    Hazard.PUMP_NOT_TURNING: Rule(rows=("FM-01",), on_s=5.0, off_s=CALM_S),
    Hazard.VALVE_NOT_FOLLOWING: Rule(rows=("FM-02",), on_s=60.0, off_s=CALM_S),
    Hazard.VALVE_WITHOUT_EFFECT: Rule(rows=("FM-02",), on_s=120.0, off_s=CALM_S),
    Hazard.DATA_LOST: Rule(rows=("FM-18", "FM-37"), on_s=0.0, off_s=CALM_S),
    Hazard.WRITES_LOST: Rule(rows=("FM-23", "FM-36"), on_s=0.0, off_s=CALM_S),
    Hazard.SENSOR_STUCK: Rule(rows=("FM-13",), on_s=0.0, off_s=CALM_S),
    Hazard.SENSORS_SWAPPED: Rule(rows=("FM-14",), on_s=0.0, off_s=CALM_S),
    Hazard.SENSOR_DRIFTS: Rule(rows=("FM-15",), on_s=0.0, off_s=CALM_S),
    Hazard.OTHER_WRITER: Rule(rows=("FM-22",), on_s=0.0, off_s=0.0),
    Hazard.CLOCK_STEP: Rule(rows=("FM-25",), on_s=0.0, off_s=CALM_S),
    Hazard.LOOP_STALL: Rule(rows=("FM-26",), on_s=0.0, off_s=CALM_S),
    Hazard.PROTECTION_BLIND: Rule(rows=("FM-16", "FM-18"), on_s=5.0, off_s=CALM_S),
}
"""Of every hazard."""

R_ON_S: Final = 0
R_OFF_S: Final = 1
R_LATCHES: Final = 2
R_TRIPS: Final = 3
R_CONFIRMED: Final = 4
R_LOW: Final = 5
"""len(Target) columns: ``At`` of the lower bound of each kind of actuator."""
R_HIGH: Final = R_LOW + len(Target)
R_ASK_S: Final = R_HIGH + len(Target)
"""len(Request) columns: how long after the onset each is made; inf: never."""
RULE_COLUMNS: Final = R_ASK_S + len(Request)


def _packed(rule: Rule) -> list[float]:
    row = [rule.on_s, rule.off_s, float(rule.clear), float(rule.trips), float(rule.confirmed)]
    row += [0.0] * (2 * len(Target))
    for order in rule.orders:
        row[R_LOW + order.target] = float(order.at_least)
        row[R_HIGH + order.target] = float(order.at_most)
    asks = {ask.request: ask.after_s for ask in rule.asks}
    return row + [asks.get(request, float("inf")) for request in Request]


TABLE: Final[FloatArray] = np.array([_packed(RULES[hazard]) for hazard in Hazard]).reshape(HAZARDS, RULE_COLUMNS)
"""(HAZARDS, RULE_COLUMNS): the table above in the form kernels read."""
BY_RANK: Final[IntArray] = np.array(
    [int(hazard) for hazard in sorted(Hazard, key=lambda each: -RULES[each].rank) if RULES[hazard].rank > 0],
    dtype=np.int64,
)
"""The hazards that order anything, the highest rank first."""
