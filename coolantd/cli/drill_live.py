"""``coolantd drill --live``: what can be tried on a running site because it cannot harm. Knows orders and the status.

An actuator is held for an operator at the very value it is told now, and let go again: nothing moves, while the order,
its check, its record, the claim and the way back are those of any override. What would break something to see what
happens is for the virtual plant.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request

LEASE_S: Final = 30.0
"""It ends by itself if this process dies half-way."""
GOAL_S: Final = 0.75
MAX_S: Final = 2.0
GIVE_UP_S: Final = 10.0
LOOK_S: Final = 0.05
MOVED_MAX_PCT: Final = 1.0
"""What a loop may have moved between being asked and being held."""
MODES: Final = ("automatic", "manual", "override")

Json = dict[str, Any]
Ask = Callable[[Json], Json]


def asker(socket: Path) -> Ask:
    """Return what gives the daemon an order."""
    return lambda order: request(socket, order)


def pick(ask: Ask, cdu: str | None) -> tuple[str, str]:
    """Return (CDU, key of its valve) of the CDU named, or of the first.

    Raises:
        CoolantdError: there is no such CDU, it is not under control (nobody drills a plant that is in failsafe), or
            somebody holds or tests something already, whom a drill must not disturb.
    """
    status = ask({"command": "status"})
    cdus = status["cdus"]
    found = next((each for each in cdus if cdu in (None, each["name"])), None)
    if found is None:
        names = ", ".join(each["name"] for each in cdus) or "none is configured"
        raise CoolantdError(f"no CDU {cdu!r:.80}, allowed: {names}")
    if found["mode"] not in MODES:
        cause = f" ({found['cause']})" if found["cause"] else ""
        raise CoolantdError(f"{found['name']} is in {found['mode']}{cause}, allowed: {', '.join(MODES)}")
    if status["overrides"] or found.get("trial"):
        held = ", ".join(each["target"] for each in status["overrides"]) or f"a test of {found['trial']}"
        raise CoolantdError(f"{held} is under way, allowed: while nothing is held or tested")
    return found["name"], f"{found['name']}/supply_temp/output"


def hold_and_let_go(ask: Ask, cdu: str, key: str, owner: str) -> tuple[float, float, str]:
    """Hold a CDU's valve where it is told to be, and let it go.

    Returns:
        Seconds from the order until it is in force, seconds from the release until it is the loop's, and what was held.

    Raises:
        CoolantdError: an order was refused, it did not come into force, or the valve was moved by it.
    """
    now = next(each["now"] for each in ask({"command": "override_targets"})["targets"] if each["target"] == key)
    if now is None:
        raise CoolantdError(f"{key} was not told anything yet, allowed: an actuator that is commanded")
    begun_s = time.monotonic()
    order = {"command": "override_set", "target": key, "value": now, "reason": f"drill on {cdu}: held where it is"}
    held = ask({**order, "owner": owner, "lease_s": LEASE_S})
    try:
        in_force_s = _until(lambda: any(_stands(each, held) for each in _overrides(ask)), begun_s)
        moved_pct = abs(_command(ask, held["target"]) - now)
        if moved_pct > MOVED_MAX_PCT:
            raise CoolantdError(f"{held['target']} moved by {moved_pct:.2f} %, allowed: {MOVED_MAX_PCT:g} %")
    finally:
        released_s = time.monotonic()
        ask({"command": "override_release", "target": held["target"], "owner": owner})
    back_s = _until(lambda: all(each["target"] != held["target"] for each in _overrides(ask)), released_s)
    return in_force_s, back_s, f"{held['target']} at {now:.1f} %"


def _overrides(ask: Ask) -> list[Json]:
    overrides: list[Json] = ask({"command": "status"})["overrides"]
    return overrides


def _stands(override: Json, held: Json) -> bool:
    return bool(override["target"] == held["target"] and override["in_force"])


def _command(ask: Ask, target: str) -> float:
    for actuator in ask({"command": "status"})["actuators"]:
        if f"{actuator['device']}.{actuator['point']}" == target and actuator["command_pct"] is not None:
            return float(actuator["command_pct"])
    raise CoolantdError(f"{target} has no acknowledged command")


def _until(there: Callable[[], bool], since_s: float) -> float:
    while not there():
        if time.monotonic() - since_s > GIVE_UP_S:
            raise CoolantdError(f"nothing came of the order within {GIVE_UP_S:g} s")
        time.sleep(LOOK_S)
    return time.monotonic() - since_s
