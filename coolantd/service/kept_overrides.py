"""Operators' overrides over a restart of the daemon. Knows the cycle, whose state it takes and gives back.

They outlive the process, not the machine's switching-off: only within one boot does a clock that nobody can set tell
how much of a lease is gone, and an override never lives longer than its lease (FM-24, FM-25).
"""

import dataclasses
from typing import Any, Final

import structlog

from coolantd.clock import Clock
from coolantd.control.override_keep import keep_overrides, restore_overrides
from coolantd.control.override_order import Override
from coolantd.service.cycle import Cycle
from coolantd.service.journal import Recorder
from coolantd.service.keeper import Section

NAME: Final = "overrides"
OTHER_BOOT: Final = "the machine was switched off meanwhile"

log: Final = structlog.get_logger()


def override_section(cycle: Cycle, *, clock: Clock, journal: Recorder, boot_id: str) -> Section:
    """Return the section of the overrides.

    Args:
        cycle: whose state they are part of.
        clock: the monotonic time in which leases count.
        journal: told what came back and what did not.
        boot_id: of this boot; empty where it cannot be known, and then nothing comes back.
    """

    def keep() -> dict[str, Any]:
        return {"boot_id": boot_id, "held": keep_overrides(cycle.state.overrides, clock.now_s())}

    def restore(kept: dict[str, Any], age_s: float) -> None:
        same = bool(boot_id) and kept.get("boot_id") == boot_id
        age_s = age_s if same else float("nan")
        found, dropped = restore_overrides(kept.get("held"), age_s, cycle.plan, clock.now_s())
        cycle.state = dataclasses.replace(cycle.state, overrides=found)
        for each in found:
            _tell(journal, each, clock.now_s())
        for target, why in dropped:
            told = why if same else OTHER_BOOT
            log.warning("override_not_restored", target=target, why=told)
            journal.record("override_not_restored", target=target, why=told)

    return Section(name=NAME, keep=keep, restore=restore)


def _tell(journal: Recorder, override: Override, now_s: float) -> None:
    left_s = round(override.left_s(now_s), 1)
    fields = {"target": override.target.key, "value": override.value, "owner": override.owner, "left_s": left_s}
    log.warning("override_restored", **fields)
    journal.record("override_restored", **fields)
