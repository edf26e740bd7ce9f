"""What is broken in a drill on the virtual site, and what a safe answer to it is. Plain data and short predicates.

A scenario says what is done to the simulator, its broker or the daemon, which write to the device is the safe one, and
how soon it must be there. Knows the demo's site; measures nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

VALVE: Final = "fws_valve_position_setpoint_pct"
PUMP1: Final = "pump1_speed_setpoint_pct"
PUMP2: Final = "pump2_speed_setpoint_pct"

POLL_S: Final = 0.5
"""Of the demo's fast poll; the device refreshes what it shows as often."""
GOAL_S: Final = POLL_S + 0.25
"""One poll and 250 ms: what nearly every safe command keeps."""
MAX_S: Final = 2.0
"""What every single fault keeps."""
LEAK_MAX_S: Final = 1.0
RESTART_MAX_S: Final = 10.0
"""From SIGKILL to the first command of the next daemon, as far as it can be started at once."""
STUCK_GOAL_S: Final = 60.0
STUCK_MAX_S: Final = 90.0
"""What stands still is doubted for half a minute at least, so that what merely rests is left alone (FM-13: 60 s)."""
LOAD_RATIO: Final = 0.5
"""Half load: room for pumps and valve to go either way."""
STEP_RATIO: Final = 0.8
MOVE_PCT: Final = 0.45
"""Less than this is a lease renewed or a small step of the loop, and no answer; a cycle at full rate is more."""

Order = dict[str, Any]
Before = Mapping[str, float]


class Watch(StrEnum):
    """Where the safe answer is seen."""

    WRITE = "write"
    """A write that the device takes."""
    MODE = "mode"
    """The CDU's mode in the daemon: nothing can be written to a device that is silent."""
    NOTHING = "nothing"
    """Control goes on: whatever is written stays as it would be."""
    BRANCH = "branch"
    """The leaking branch's valve closes."""
    RESTART = "restart"
    """The first write of the next daemon, from where the actuator is."""


class Deed(StrEnum):
    """What is done to a process of the site."""

    NONE = ""
    FREEZE_SIMULATOR = "freeze the device"
    STOP_BROKER = "stop the broker"
    KILL_DAEMON = "kill -9 the daemon"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One drill.

    Attributes:
        name: as it is chosen. about: one line. hazards: ids of the analysis.
        breaks, mends: orders to the simulator. deed: what happens to a process besides, and is undone.
        watch: where the answer is seen. safe: whether a write (point, value) is it, given what was commanded before;
            None where it is seen elsewhere.
        goal_s: what nearly every run keeps. max_s: what every run keeps.
        acknowledges: a leak zone that somebody has to acknowledge afterwards; empty for none.
    """

    name: str
    about: str
    hazards: tuple[str, ...]
    breaks: tuple[Order, ...] = ()
    mends: tuple[Order, ...] = ()
    deed: Deed = Deed.NONE
    watch: Watch = Watch.WRITE
    safe: Callable[[str, float, Before], bool] | None = None
    goal_s: float = GOAL_S
    max_s: float = MAX_S
    acknowledges: str = ""


def rises(*points: str) -> Callable[[str, float, Before], bool]:
    """Return a predicate: any of these points is commanded higher than before."""
    return lambda point, value, before: point in points and value > before.get(point, 0.0) + MOVE_PCT


def _show(point: str, **wrong: float) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    return ({"command": "miswire", "points": {point: wrong}},), ({"command": "miswire", "points": {}},)


def _trip(*pumps: int) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    broken = tuple({"command": "trip_pump", "pump": pump} for pump in pumps)
    return broken, tuple({**each, "available": True} for each in broken)


def _with_load(orders: tuple[tuple[Order, ...], tuple[Order, ...]]) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    """Return orders with a step of the load, without which what stands still would have no reason to move."""
    breaks, mends = orders
    return (*breaks, {"command": "set_load", "ratio": STEP_RATIO}), (
        *mends,
        {"command": "set_load", "ratio": LOAD_RATIO},
    )


def _scenario(
    name: str, about: str, hazards: str, orders: tuple[tuple[Order, ...], tuple[Order, ...]], **more: Any
) -> Scenario:
    return Scenario(name=name, about=about, hazards=tuple(hazards.split()), breaks=orders[0], mends=orders[1], **more)


LEAK_BRANCH: Final = 3
LEAK_ZONE: Final = "drill"
_WIRE: Final = "wet_above = 5.0, fault_below = 1.0, fault_above = 9.0"
_SPOT: Final = f"manifold1.branch{LEAK_BRANCH}_leak_spot"
LEAK_CONFIG: Final = f"""
[[leak_zone]]
name = "{LEAK_ZONE}"
kind = "branch"
manifold = "manifold1"
branch = {LEAK_BRANCH}
isolate = "major"
clear_s = 1.0
detector = [
    {{ point = "manifold1.branch{LEAK_BRANCH}_leak_rope_v", {_WIRE} }},
    {{ point = "manifold1.branch{LEAK_BRANCH}_leak_tray_v", {_WIRE} }},
    {{ point = "{_SPOT}_wet_bool", fault_point = "{_SPOT}_fault_bool" }},
]
"""
"""Two wires and a switch, of which two have to agree; appended to the demo's configuration."""
LEAK_PROFILE: Final = ('profile = "rack-manifold"', 'profile = "rack-manifold-leak"')


def _wires(wire: str, *detectors: str) -> tuple[tuple[Order, ...], tuple[Order, ...]]:
    def orders(state: str) -> tuple[Order, ...]:
        named = {"command": "set_leak", "branch": LEAK_BRANCH}
        return tuple({**named, "detector": detector, "wire": state} for detector in detectors)

    return orders(wire), orders("dry")


NO_ORDERS: Final[tuple[tuple[Order, ...], tuple[Order, ...]]] = ((), ())

SCENARIOS: Final = (
    _scenario(
        "over-temp",
        "the supply shows 15 K too much; the valve opens",
        "FM-02",
        _show("tcs_supply_temp_c", offset=15.0),
        safe=rises(VALVE),
    ),
    _scenario(
        "sensor-bad",
        "the supply shows what cannot be; failsafe raises the pumps",
        "FM-16 FM-17",
        _show("tcs_supply_temp_c", offset=900.0),
        safe=rises(PUMP1, PUMP2),
    ),
    _scenario(
        "sensor-stuck",
        "the supply stands still 1 K too low while the load rises; it is refused, the CDU in failsafe",
        "FM-13",
        _with_load(_show("tcs_supply_temp_c", factor=0.0, offset=33.0)),
        watch=Watch.MODE,
        goal_s=STUCK_GOAL_S,
        max_s=STUCK_MAX_S,
    ),
    _scenario(
        "device-silent",
        "the device freezes; the CDU is in failsafe",
        "FM-18 FM-37 FM-40",
        NO_ORDERS,
        deed=Deed.FREEZE_SIMULATOR,
        watch=Watch.MODE,
        goal_s=MAX_S,
    ),
    _scenario(
        "leak",
        "two of three detectors of a branch are wet; its valve closes",
        "FM-04",
        _wires("wet", "rope", "spot"),
        watch=Watch.BRANCH,
        goal_s=LEAK_MAX_S,
        max_s=LEAK_MAX_S,
        acknowledges=LEAK_ZONE,
    ),
    _scenario(
        "wire-broken",
        "one detector's wire breaks; a fault and no leak, control goes on",
        "FM-06",
        _wires("open", "tray"),
        watch=Watch.NOTHING,
    ),
    _scenario(
        "broker-down",
        "the MQTT broker stops; control goes on",
        "FM-33",
        NO_ORDERS,
        deed=Deed.STOP_BROKER,
        watch=Watch.NOTHING,
    ),
    _scenario(
        "kill",
        "SIGKILL of the daemon; the next one goes on from where the actuators are",
        "FM-44 FM-46",
        NO_ORDERS,
        deed=Deed.KILL_DAEMON,
        watch=Watch.RESTART,
        goal_s=RESTART_MAX_S,
        max_s=RESTART_MAX_S,
    ),
    _scenario(
        "flow-lost", "both pumps trip; both are told to run", "FM-01 FM-12", _trip(1, 2), safe=rises(PUMP1, PUMP2)
    ),
    _scenario("pump-trip", "pump 1 trips; pump 2 takes its share", "FM-01", _trip(1), safe=rises(PUMP2)),
)
"""In the order in which a site is back at rest: a pump that tripped comes back to the work slowly, within minutes."""
