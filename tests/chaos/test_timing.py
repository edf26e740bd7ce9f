"""From a single fault to the first safe command on the wire, measured where it arrives.

A row of CDUs, each hit again and again at a random phase of poll and cycle. The clock starts when the fault is there,
in the first reply that shows it or at the pump itself, and stops when the proxy sees the daemon's first write in the
safe direction: more speed (I6, FM-01, FM-02, FM-16, FM-18). Where a device says nothing no command can arrive; there
the end of automatic is measured.
"""

import math
import os
import random
import time
from dataclasses import dataclass, field

import pytest
from chaos_story import READY_S, await_automatic, late_feeds, skip_if_busy

from coolantd.sim.chaos_site import ChaosSite, chaos_site
from coolantd.sim.chaos_site_config import cdu_name

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900.0)]

FULL = os.environ.get("COOLANTD_FULL") == "1"
SEED = 11
CDUS = 30
ROUNDS = 20 if FULL else 1
POLL_S = 0.5
PERIOD_S = 0.2
"""Of the cycle: what a reading tells is acted upon within a fifth of a second, so that the poll decides."""
REFRESH_S = 0.1
"""Of the device's status block: the fault is in the registers at once."""
ALLOWED_S = 0.25
"""For everything beside the poll."""
MAX_S = 2.0
HOLD_S = 1.5 * POLL_S
"""A refused reading only holds the output for so long: the next one may be good."""
SETTLE_S = 18.0
LAST_S, PAUSE_S = 4.0, 22.0
"""How long each fault lasts, and how long until the next: longer than any recovery here takes."""
SPREAD_S = 3.0
MORE_PCT = 0.45
"""Of speed: less than one cycle's step at the rate allowed, more than the loop moves by itself at rest."""
CONFIRM_S = 1.5 * POLL_S
"""A flow is lost when two polls say so: by then the second has come."""
KINDS = ("trip", "nan", "hot", "flow", "mute")
WRONG_SENSORS = {
    "hot": {"tcs_supply_temp_c": {"offset": 15.0}},
    "flow": {"tcs_flow_lpm": {"factor": 0.02}},
}
"""What instruments show where the plant itself would take minutes to get there; control and protection believe it."""
LIMITS = """
[cdu.limits]
flow = "CDU.tcs_flow_lpm"
flow_full_speed_lpm = 1400.0
"""
BUCKETS_S = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 6.0)


@dataclass
class Hit:
    """One fault: which, where, from when to when (monotonic and since the epoch)."""

    kind: str
    cdu: int
    on_s: float
    on_wall_s: float
    off_wall_s: float = math.nan


@dataclass
class Outcome:
    """All hits and how long each took: to the first safe command, and from the end of the fault to automatic."""

    hits: list[Hit]
    safe_s: dict[str, list[float]] = field(default_factory=lambda: {kind: [] for kind in KINDS})
    fallback_s: list[float] = field(default_factory=list)
    back_s: list[float] = field(default_factory=list)
    stalls: list[tuple[float, float]] = field(default_factory=list)


def begin(site: ChaosSite, kind: str, cdu: int) -> Hit:
    if kind == "trip":
        at_s = site.device(cdu, "trip_pump", pump=1)["at_s"]
    elif kind in WRONG_SENSORS:
        at_s = site.device(cdu, "miswire", points=WRONG_SENSORS[kind])["at_s"]
    else:
        at_s = site.row("toxic", cdu=cdu, kind="not_a_number" if kind == "nan" else "mute")["at_s"]
    return Hit(kind, cdu, at_s, time.time() - (time.monotonic() - at_s))


def end(site: ChaosSite, hit: Hit) -> None:
    if hit.kind == "trip":
        site.device(hit.cdu, "trip_pump", pump=1, available=True)
    elif hit.kind in WRONG_SENSORS:
        site.device(hit.cdu, "miswire", points={})
    else:
        site.row("toxic", cdu=hit.cdu, kind=None)
    hit.off_wall_s = time.time()


def round_of_hits(site: ChaosSite, number: int, rng: random.Random) -> list[Hit]:
    """Hit every CDU once; return when all have had time to recover."""
    begun_s = time.monotonic()
    starts_s = sorted((rng.uniform(0.0, SPREAD_S), cdu) for cdu in range(CDUS))
    hits: list[Hit] = []
    for after_s, cdu in starts_s:
        time.sleep(max(begun_s + after_s - time.monotonic(), 0.0))
        hits.append(begin(site, KINDS[(cdu + number) % len(KINDS)], cdu))
    for hit, (after_s, _) in zip(hits, starts_s, strict=True):
        time.sleep(max(begun_s + after_s + LAST_S - time.monotonic(), 0.0))
        end(site, hit)
    time.sleep(max(begun_s + LAST_S + PAUSE_S - time.monotonic(), 0.0))
    await_automatic(site, READY_S)
    return hits


def first_more(writes: list[dict], hit: Hit) -> float:
    """How long after a fault the first write came that asks a pump for more than it was told, or told since."""
    pumps = [w for w in writes if w["point"].startswith("pump2" if hit.kind == "trip" else "pump")]
    told = {w["point"]: w["value"] for w in pumps if w["at_s"] <= hit.on_s}
    for write in pumps:
        if write["at_s"] > hit.on_s:
            least = told.get(write["point"], math.inf)
            if write["value"] > least + MORE_PCT:
                return write["at_s"] - hit.on_s
            told[write["point"]] = min(least, write["value"])  # a loop on its way down is no answer, nor its end
    return math.inf


@pytest.fixture(scope="module")
def outcome():
    settings = {"seed": SEED, "refresh_s": REFRESH_S, "period_s": PERIOD_S, "poll_fast_s": POLL_S, "pressure_kpa": 45.0}
    settings["cdu_extra"] = LIMITS
    with chaos_site(CDUS, **settings) as site:
        site.start_row()
        site.start_daemon()
        await_automatic(site, READY_S)
        time.sleep(SETTLE_S)
        rng = random.Random(SEED)
        found = Outcome([hit for number in range(ROUNDS) for hit in round_of_hits(site, number, rng)])
        modes = [r for r in site.journal() if r["event"] == "mode_changed"]
        for hit in found.hits:
            mine = [(r["time_s"], r["mode"]) for r in modes if r["cdu"] == cdu_name(hit.cdu)]
            if hit.kind == "mute":
                left = [at_s - hit.on_wall_s for at_s, mode in mine if mode == "failsafe" and at_s > hit.on_wall_s]
                found.safe_s["mute"].append(min(left, default=math.inf))
            else:
                found.safe_s[hit.kind].append(first_more(site.row("report", cdu=hit.cdu)["writes"], hit))
            until_s = hit.off_wall_s + PAUSE_S - LAST_S
            back = [
                at_s - hit.off_wall_s for at_s, mode in mine if hit.off_wall_s < at_s < until_s and mode == "automatic"
            ]
            found.back_s.append(max(back, default=0.0))
        assert site.supervisor is not None
        fed_s = site.supervisor.times_s("WATCHDOG=1")
        found.stalls = [(at, late) for at, late in site.row("stalls")["stalls"]] + late_feeds(fed_s, PERIOD_S)
        return found


def quantile(values, share):
    ordered = sorted(values)
    return ordered[min(math.ceil(share * len(ordered)) - 1, len(ordered) - 1)]


def show(kind, values):
    print(
        f"\n{kind}: {len(values)} faults, p50 {quantile(values, 0.5):.2f} s, p99 {quantile(values, 0.99):.2f} s, "
        f"max {max(values):.2f} s"
    )
    low_s = 0.0
    for high_s in BUCKETS_S:
        count = sum(low_s < value <= high_s for value in values)
        if count:
            print(f"  {low_s:4.2f} to {high_s:4.2f} s {'#' * count} {count}")
        low_s = high_s


@pytest.mark.parametrize(
    ("kind", "known_s"),
    [
        ("trip", REFRESH_S + POLL_S),
        ("nan", HOLD_S + POLL_S),
        ("hot", REFRESH_S + POLL_S),
        ("flow", CONFIRM_S + REFRESH_S + POLL_S),
    ],
)
def test_i6_fm_01_fm_02_fm_16_a_fault_is_answered_within_a_poll_and_a_quarter_second(outcome, kind, known_s):
    """A pump that trips, a sensor that shows no number, a supply too hot, a flow that is lost: pumps are told more.

    A poll and a quarter of a second after the fault is in the registers, of a trip its drive's fault; of a refused
    reading and a lost flow, after the time for which one odd reading is not believed.
    """
    values = outcome.safe_s[kind]
    show(kind, values)
    skip_if_busy(outcome.stalls, ROUNDS * (LAST_S + PAUSE_S))
    assert quantile(values, 0.99) <= known_s + ALLOWED_S
    assert max(values) <= max(MAX_S, known_s + ALLOWED_S)


def test_i6_fm_18_a_silent_device_ends_automatic_within_three_polls_and_a_quarter_second(outcome):
    values = outcome.safe_s["mute"]
    show("mute, end of automatic", values)
    skip_if_busy(outcome.stalls, ROUNDS * (LAST_S + PAUSE_S))
    assert max(values) <= 3 * POLL_S + PERIOD_S + ALLOWED_S


def test_i6_after_a_fault_automatic_is_back_soon(outcome):
    show("back in automatic", outcome.back_s)
    skip_if_busy(outcome.stalls, ROUNDS * (LAST_S + PAUSE_S))
    assert max(outcome.back_s) <= PAUSE_S - LAST_S
