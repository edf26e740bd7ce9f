"""Chooses from a seed what a site is and what happens to it. Knows kinds and dice; makes nothing happen.

The same seed gives the same plan for ever, as long as nothing here changes; a plan is data and can be cut down.
"""

import random
from dataclasses import dataclass, replace
from typing import Final

from coolantd.sim.dst.faults import BAY_KINDS, BROKER_KINDS, SITE_KINDS, Fault, Kind
from coolantd.sim.dst.settings import Bay, drawn_bay
from coolantd.sim.oddities import Oddities

HOUR_S: Final = 3600.0
QUIET_S: Final = 60.0
"""Before this nothing fails: every run shows a good start."""
END_SHARE: Final = 0.88
"""Of the run: after this everything has cleared, so that the way back is seen."""
SHORTEST_S: Final = 0.3
DURATION_MEAN_S: Final = 90.0
TOGETHER_S: Final = 60.0
"""The second fault of a pair begins so soon after the first, half of the time."""
SITE_SHARE: Final = 0.4
STALL_MAX_S: Final = 4.0
MQTT_SHARE: Final = 0.15
_GROUPS: Final = {
    Kind.DEVICE_SLOW: "delay",
    Kind.DEVICE_LATE: "delay",
    Kind.FACILITY_OFF: "pressure",
    Kind.FACILITY_PRESSURE: "pressure",
    Kind.LEAK_ONE: "leak",
    Kind.LEAK_TWO: "leak",
    Kind.LEAK_WIRE: "leak",
    Kind.RELOAD_SAME: "reload",
    Kind.RELOAD_CHANGED: "reload",
    Kind.RELOAD_BAD: "reload",
}
"""Kinds that turn the same switch exclude each other."""
AT_ONCE: Final = frozenset(
    {
        Kind.REBOOT,
        Kind.OTHER_WRITER,
        Kind.DEVICE_RESET,
        Kind.CLOCK_BACK,
        Kind.CLOCK_FORWARD,
        Kind.LOOP_STALL,
        Kind.RELOAD_SAME,
        Kind.RELOAD_CHANGED,
        Kind.RELOAD_BAD,
        Kind.KILL,
        Kind.ORDERS,
        Kind.OVERRIDE,
        Kind.SHELVE,
        Kind.BROKER_STALE,
    }
)
NEVER_INTERMITTENT: Final = AT_ONCE | {Kind.PUT_TO_LOCAL, Kind.LEAK, Kind.LEAK_TWO}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One run.

    Attributes:
        seed: of the site; a bay's is its own.
        bays: CDUs. faults: of each bay, in their order. site: of the whole daemon.
        period_s: of polls and cycle. mqtt: there is a broker. duration_s: of the run.
    """

    seed: int
    bays: tuple[Bay, ...]
    faults: tuple[tuple[Fault, ...], ...]
    site: tuple[Fault, ...] = ()
    period_s: float = 0.5
    mqtt: bool = False
    duration_s: float = HOUR_S

    def with_broker(self) -> "Plan":
        """Return the same plan at a site that has a broker, though nothing hangs on it."""
        return replace(self, mqtt=True)

    def __str__(self) -> str:
        """Return it so that a person can repeat it."""
        lines = [f"seed {self.seed}, period {self.period_s:g} s, {'with' if self.mqtt else 'no'} broker"]
        for bay, faults in zip(self.bays, self.faults, strict=True):
            lines += [f"  {bay.name}: {fault}" for fault in faults]
        return "\n".join([*lines, *(f"  site: {fault}" for fault in self.site)])


def group_of(kind: Kind) -> str:
    """Return what excludes what."""
    for prefix in ("reply", "exception"):
        if kind.startswith(prefix):
            return prefix
    return _GROUPS.get(kind, kind)


def drawn_plan(seed: int, count: int = 1, *, duration_s: float = HOUR_S) -> Plan:
    """Return the plan of a site whose bays have the seeds from ``seed`` on."""
    rng = random.Random(f"site {seed}")  # noqa: S311 - a simulation's luck
    mqtt = rng.random() < MQTT_SHARE
    period_s = rng.choice((0.5, 1.0, 1.0))
    kinds = tuple(kind for kind in SITE_KINDS if mqtt or kind not in BROKER_KINDS)
    site = _drawn(rng, kinds, 1 + mqtt, duration_s) if mqtt or rng.random() < SITE_SHARE else ()
    bays = tuple(drawn_bay(each, manifold=mqtt and k == 0) for k, each in enumerate(range(seed, seed + count)))
    return Plan(
        seed=seed,
        bays=bays,
        faults=tuple(drawn_faults(bay.seed, duration_s) for bay in bays),
        site=site,
        period_s=period_s,
        mqtt=mqtt,
        duration_s=duration_s,
    )


def drawn_faults(seed: int, duration_s: float) -> tuple[Fault, ...]:
    """Return what fails in a bay: half of the seeds one fault, most others two, some three."""
    rng = random.Random(f"faults {seed}")  # noqa: S311 - a simulation's luck
    return _drawn(rng, BAY_KINDS, rng.choices((1, 2, 3), (5, 4, 1))[0], duration_s)


def drawn_oddities(seed: int) -> Oddities:
    """Return how a bay's plant differs from the data sheet."""
    rng = random.Random(f"plant {seed}")  # noqa: S311 - a simulation's luck
    return Oddities(
        ua_ratio=rng.uniform(0.85, 1.15),
        kv_ratio=rng.uniform(0.85, 1.15),
        volume_ratio=rng.uniform(0.8, 1.25),
        head_ratio=rng.uniform(0.92, 1.05),
        sensor_ratio=rng.uniform(0.6, 1.8),
    )


def _drawn(rng: random.Random, kinds: tuple[Kind, ...], count: int, duration_s: float) -> tuple[Fault, ...]:
    found: list[Fault] = []
    taken: set[str] = set()
    while len(found) < count:
        kind = rng.choice(kinds)
        fault = _one(rng, kind, found[-1].start_s if found else None, duration_s)
        if group_of(kind) not in taken:
            taken.add(group_of(kind))
            found.append(fault)
    return tuple(found)


def _one(rng: random.Random, kind: Kind, before_s: float | None, duration_s: float) -> Fault:
    end_s = END_SHARE * duration_s
    start_s = rng.uniform(QUIET_S, 0.6 * duration_s)
    together, jitter_s = rng.random() < 0.5, rng.uniform(0.0, TOGETHER_S)
    lasts_s = min(max(rng.expovariate(1.0 / DURATION_MEAN_S), SHORTEST_S), 900.0)
    if before_s is not None and together:
        start_s = min(before_s + jitter_s, end_s - 1.0)
    size, pick, intermittent = rng.random(), rng.randrange(1000), rng.random() < 0.1
    return Fault(
        kind=kind,
        start_s=round(start_s, 3),
        duration_s=0.0 if kind in AT_ONCE else round(min(lasts_s, end_s - start_s), 3),
        size=round(size, 3),
        pick=pick,
        intermittent=intermittent and kind not in NEVER_INTERMITTENT,
    )
