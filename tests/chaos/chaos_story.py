"""Runs a row of virtual CDUs under one daemon while their links go wrong, and gathers what was seen from outside."""

import contextlib
import itertools
import random
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

from coolantd.sim.chaos_site import ChaosSite, chaos_site
from coolantd.sim.chaos_site_config import cdu_name

ON_S, OFF_S, END_S = 5.0, 32.0, 60.0
"""Every scenario takes a minute: well, half of it wrong, and well again."""
SPREAD_S = 3.0
"""Within which links begin and cease to go wrong, by chance: at any phase of polls and cycles."""
CALM_WAIT_S = 60.0
"""How long after the end control may take to be in automatic everywhere; a busy machine needs some of it."""
READY_S = 60.0
VITALS = ("process_resident_memory_bytes", "process_open_fds", "coolantd_tasks")
PERIOD_S = 0.5
"""Of the daemon's cycle, which feeds the watchdog."""
STALL_S = 0.05
BUSY_RATIO = 0.03
"""Of its time: a machine that lets a process wait for longer answers late by itself; times say nothing then."""


@dataclass
class Scenario:
    """One CDU's minute.

    Attributes:
        kind: toxic of its link; None for none.
        orders: (seconds, order to its machine), beside that.
        on_s, off_s: when the link was wrong: (monotonic, since the epoch).
        report: what its witness saw.
        modes: (seconds since the epoch, mode, cause) of its CDU, by the journal.
        faults: errors the daemon counted, by kind.
    """

    kind: str | None
    orders: tuple[tuple[float, dict[str, Any]], ...] = ()
    on_s: tuple[float, float] = (float("nan"), float("nan"))
    off_s: tuple[float, float] = (float("nan"), float("nan"))
    report: dict[str, Any] = field(default_factory=dict)
    modes: list[tuple[float, str, str]] = field(default_factory=list)
    faults: dict[str, int] = field(default_factory=dict)

    def mode_at(self, wall_s: float) -> str:
        """Return the mode its CDU was in."""
        return next((mode for at_s, mode, _ in reversed(self.modes) if at_s <= wall_s), "failsafe")

    @property
    def recovery_s(self) -> float:
        """Return how long after the end of the trouble it was in automatic for good; 0 if it never left it."""
        last_s, mode, _ = self.modes[-1]
        if mode != "automatic":
            return float("inf")
        return max(last_s - self.off_s[1], 0.0)


@dataclass
class Story:
    """What happened in all scenarios of a run.

    Attributes:
        log: of the daemon. fed_s: when its watchdog was fed. ended: who ended by itself.
        stalls: when the row or the daemon was not let run: (since the epoch, seconds).
        vitals: what the daemon said of itself each second: (seconds since the beginning, memory in MB, descriptors,
            tasks).
        begun_wall_s: when all were in automatic and it began, since the epoch.
    """

    scenarios: list[Scenario]
    log: str
    fed_s: list[float]
    ended: list[str]
    stalls: list[tuple[float, float]]
    vitals: list[tuple[float, float, float, float]]
    begun_wall_s: float

    def stalled(self, from_s: float, to_s: float) -> float:
        """Return the longest stall of the machine itself in a stretch of time since the epoch."""
        return max((late_s for at_s, late_s in self.stalls if from_s <= at_s <= to_s), default=0.0)


def skip_if_busy(stalls: list[tuple[float, float]], watched_s: float) -> None:
    """Skip a test of times where the machine was too busy with other things for any time to mean something."""
    if sum(late_s for _, late_s in stalls) > BUSY_RATIO * watched_s:
        pytest.skip(f"the machine was busy: it let the row or the daemon wait {len(stalls)} times")


def told(scenarios: list[Scenario], seed: int) -> Story:
    """Return what happens when each scenario is lived through by a CDU of one row."""
    with chaos_site(len(scenarios), seed=seed) as site:
        site.start_row()
        site.start_daemon()
        await_automatic(site, READY_S)
        begun_s, begun_wall_s = time.monotonic(), time.time()
        with _looking(site, begun_s) as vitals:
            _live(site, scenarios, random.Random(seed), begun_s)
        await_automatic(site, CALM_WAIT_S)
        assert site.supervisor is not None
        fed_s = [at_s for at_s in site.supervisor.times_s("WATCHDOG=1") if at_s >= begun_s]
        _gather(site, scenarios)
        stalls = [(at_s, late_s) for at_s, late_s in site.row("stalls")["stalls"]]
        story = Story(scenarios, "", fed_s, site.ended(), stalls + late_feeds(fed_s, PERIOD_S), vitals, begun_wall_s)
        site.stop("daemon")
        story.log = site.log()
        return story


def late_feeds(fed_s: list[float], period_s: float) -> list[tuple[float, float]]:
    """Return when the watchdog was fed late, since the epoch: the daemon was not let run."""
    since_epoch_s = time.time() - time.monotonic()
    gaps = [(after, after - before - period_s) for before, after in itertools.pairwise(fed_s)]
    return [(at_s + since_epoch_s, late_s) for at_s, late_s in gaps if late_s > STALL_S]


@contextlib.contextmanager
def _looking(site: ChaosSite, begun_s: float) -> Iterator[list[tuple[float, float, float, float]]]:
    """Ask the daemon each second how it is."""
    vitals: list[tuple[float, float, float, float]] = []
    stop = threading.Event()

    def look() -> None:
        while not stop.wait(1.0):
            values = {s.name: s.value for f in _metrics(site) for s in f.samples if s.name in VITALS}
            vitals.append((time.monotonic() - begun_s, *(values[name] for name in VITALS)))

    looking = threading.Thread(target=look)
    looking.start()
    try:
        yield vitals
    finally:
        stop.set()
        looking.join()


def _metrics(site: ChaosSite) -> list[Metric]:
    with urllib.request.urlopen(f"http://127.0.0.1:{site.http_port}/metrics", timeout=20.0) as reply:
        return list(text_string_to_metric_families(reply.read().decode()))


def _live(site: ChaosSite, scenarios: list[Scenario], rng: random.Random, begun_s: float) -> None:
    deeds: list[tuple[float, int, str, Any]] = []
    for k, scenario in enumerate(scenarios):
        if scenario.kind is not None:
            deeds.append((ON_S + rng.uniform(0.0, SPREAD_S), k, "on", scenario.kind))
            deeds.append((OFF_S + rng.uniform(0.0, SPREAD_S), k, "off", None))
        deeds += [(at_s, k, "order", order) for at_s, order in scenario.orders]
    for at_s, k, what, thing in sorted(deeds, key=lambda deed: deed[:2]):
        time.sleep(max(begun_s + at_s - time.monotonic(), 0.0))
        if what == "order":
            site.row("device", cdu=k, order=thing)
            continue
        at = site.row("toxic", cdu=k, kind=thing)["at_s"], time.time()
        scenarios[k].on_s, scenarios[k].off_s = (at, scenarios[k].off_s) if what == "on" else (scenarios[k].on_s, at)
    time.sleep(max(begun_s + END_S - time.monotonic(), 0.0))


def await_automatic(site: ChaosSite, timeout_s: float) -> None:
    """Wait until all CDUs are in automatic; no longer than the time given."""
    until_s = time.monotonic() + timeout_s
    while set(site.modes()) != {"automatic"} and time.monotonic() < until_s:
        time.sleep(0.5)


def _gather(site: ChaosSite, scenarios: list[Scenario]) -> None:
    journal = [record for record in site.journal() if record["event"] == "mode_changed"]
    errors = [s for f in _metrics(site) for s in f.samples if s.name == "coolantd_device_errors_total"]
    for k, scenario in enumerate(scenarios):
        name = cdu_name(k)
        scenario.report = site.row("report", cdu=k)
        scenario.modes = [(r["time_s"], r["mode"], r["cause"]) for r in journal if r["cdu"] == name]
        mine = [s for s in errors if s.labels["device"] == name and s.value]
        scenario.faults = {s.labels["fault"]: int(s.value) for s in mine}
