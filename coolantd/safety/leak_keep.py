"""What of the leak policy outlives the process: the latches, in plain values, by the names of their zones.

A latch has no age: however long coolantd was away, only an acknowledgement opens it (I7). Knows no file.
"""

from collections.abc import Mapping
from typing import Any

from coolantd.safety.leak_layout import (
    Z_FOUND_SHUT,
    Z_ISOLATE,
    Z_POWER,
    Z_STEP,
    Z_UNSEEN,
    Z_WORST,
    Level,
    Step,
    StepState,
)
from coolantd.safety.leak_plan import LeakMemory, LeakPlan


def keep_leaks(plan: LeakPlan, memory: LeakMemory) -> dict[str, Any]:
    """Return ``{zone: {"isolate", "power", "found_shut", "worst", "steps"}}`` of every latched zone.

    ``steps`` are those that have begun. Of the others nothing is kept: what was kept may be older than the last latch,
    so a branch that is found shut after a restart stays shut all the same.
    """
    z = memory[0]
    return {
        zone.name: {
            "isolate": bool(z[n, Z_ISOLATE]),
            "power": bool(z[n, Z_POWER]),
            "found_shut": bool(z[n, Z_FOUND_SHUT]),
            "worst": Level(int(z[n, Z_WORST])).label,
            "steps": [step.label for step in Step if z[n, Z_STEP + step] != StepState.IDLE],
        }
        for n, zone in enumerate(plan.zones)
        if z[n, Z_ISOLATE] == 1.0 or z[n, Z_POWER] == 1.0
    }


def restore_leaks(plan: LeakPlan, memory: LeakMemory, kept: Mapping[str, Any]) -> LeakMemory:
    """Return a memory with the latches that were kept; what is of no use in it is passed over.

    A step that had begun is under way again: what was shut stays shut while the steps before it are seen to anew. A
    zone of which nothing usable was kept stays unseen, and latches if its valve is found shut.
    """
    z, d = memory[0].copy(), memory[1].copy()
    worst = {level.label: float(level) for level in Level}
    for n, zone in enumerate(plan.zones):
        entry = kept.get(zone.name)
        if not isinstance(entry, Mapping):
            continue
        flags = {key: entry.get(key) for key in ("isolate", "power", "found_shut")}
        if not all(isinstance(flag, bool) for flag in flags.values()):
            continue
        z[n, Z_UNSEEN] = 1.0 - float(flags["isolate"] is True)
        z[n, Z_ISOLATE], z[n, Z_POWER] = float(flags["isolate"] is True), float(flags["power"] is True)
        z[n, Z_FOUND_SHUT] = float(flags["found_shut"] is True)
        said = entry.get("worst")
        z[n, Z_WORST] = worst.get(said, 0.0) if isinstance(said, str) else 0.0
        steps = entry.get("steps")
        for step in Step:
            if isinstance(steps, list) and step.label in steps:
                z[n, Z_STEP + step] = float(StepState.UNDER_WAY)
    return z, d
