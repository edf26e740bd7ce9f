"""A live site for end-to-end tests: broker, simulator and daemon as real processes, and recordings of what they do.

Built on the demo's own site; everything a test starts here is ended here, by its process id.
"""

import contextlib
import os
import shutil
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from prometheus_client.parser import text_string_to_metric_families

from coolantd.errors import CoolantdError
from coolantd.sim.demo_site import SBIN, DemoSite, demo_site

VALVE = "fws_valve_position_setpoint_pct"
PUMPS = ("pump1_speed_setpoint_pct", "pump2_speed_setpoint_pct")
PERIOD_S = 0.5
"""Of polls and cycles in the demo's configuration."""
VALVE_RATE_PCT_PER_S = 3.3
PUMP_RATE_PCT_PER_S = 5.0
READY_TIMEOUT_S = 30.0
FULL = os.environ.get("COOLANTD_FULL") == "1"
"""Run the long variants: the figures of record."""

_MOSQUITTO = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *SBIN]))
needs_broker = [
    pytest.mark.real,
    pytest.mark.skipif(_MOSQUITTO is None, reason="mosquitto is not installed"),
]
"""For ``pytestmark``, alone or added to a list of others."""


class LiveSite:
    """A site under control.

    Attributes:
        demo: processes, ports and paths.
    """

    def __init__(self, demo: DemoSite) -> None:
        self.demo = demo

    def start(self, load_ratio: float, *options: str) -> None:
        """Start everything, the simulator with more options if any, and wait for automatic control."""
        self.demo.start_broker()
        self.demo.start_simulator(load_ratio, *options)
        self.demo.start_daemon()
        self.wait_ready()

    def wait_ready(self) -> None:
        wait_for("automatic control", lambda: self.status()["ready"], READY_TIMEOUT_S)

    def truth(self, since: int = 0) -> dict[str, Any]:
        """The simulator's state; its writes from number ``since``."""
        return self.demo.ask_simulator("state", since=since)

    def status(self) -> dict[str, Any]:
        return self.demo.ask_daemon("status")

    def mode(self) -> str:
        return self.status()["cdus"][0]["mode"]

    def set_load(self, ratio: float) -> None:
        self.demo.ask_simulator("set_load", ratio=ratio)

    def pid(self, name: str) -> int:
        return self.demo.processes[name].pid

    def signal(self, name: str, sig: signal.Signals) -> None:
        self.demo.processes[name].send_signal(sig)

    def kill(self, name: str) -> None:
        """End a process without a chance to say anything to anybody."""
        process = self.demo.processes.pop(name)
        process.kill()
        process.wait(5.0)

    def get(self, path: str) -> tuple[int, str]:
        """HTTP status and body of a page of the daemon."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.demo.http_port}{path}", timeout=5.0) as reply:
                return reply.status, reply.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str, **labels: str) -> float:
        """Sum of one metric over every series with these labels."""
        return total(self.get("/metrics")[1], name, **labels)

    def log(self, event: str | None = None) -> list[dict[str, Any]]:
        """What the daemon has logged; only one kind of event if named."""
        lines = (self.demo.folder / "daemon.log").read_bytes().splitlines()
        events = [orjson.loads(line) for line in lines if line.startswith(b"{") and line.endswith(b"}")]
        return [each for each in events if event is None or each["event"] == event]

    def edit(self, *changes: tuple[str, str]) -> None:
        """Change the configuration file; every old text must occur once. Nobody is told."""
        text = self.demo.config.read_text()
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} occurs {text.count(old)} times"
            text = text.replace(old, new)
        self.demo.config.write_text(text)


def total(text: str, name: str, **labels: str) -> float:
    """Sum of one sample name over every series that has these labels."""
    return sum(
        sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def wait_for(what: str, there: Callable[[], object], timeout_s: float, poll_s: float = 0.05) -> float:
    """Wait until something is true; return how long that took in seconds."""
    begun_s = time.monotonic()
    while not there():
        if time.monotonic() - begun_s > timeout_s:
            pytest.fail(f"no {what} within {timeout_s:g} s")
        time.sleep(poll_s)
    return time.monotonic() - begun_s


@contextlib.contextmanager
def live_site(load_ratio: float, *options: str, fixed_gains: bool = False) -> Iterator[LiveSite]:
    """Give a site in automatic control at real time; on a failure its daemon's last words are shown.

    With ``fixed_gains`` its CDU has no model: the law then answers to a reading in proportion, and two runs compare
    closely. The model's moves the valve in steps, and which reading releases one is chance.
    """
    with demo_site(1.0) as demo:
        if fixed_gains:
            text = demo.config.read_text(encoding="utf-8")
            for table in ("[cdu.estimate]", "[cdu.model]"):
                before, _, rest = text.partition(table)
                text = before + rest[rest.index("\n[") + 1 :]
            demo.config.write_text(text, encoding="utf-8")
        site = LiveSite(demo)
        try:
            site.start(load_ratio, *options)
            yield site
        except BaseException:
            log = demo.folder / "daemon.log"
            if log.exists():
                print("daemon.log:", *log.read_text(errors="replace").splitlines()[-15:], sep="\n  ")
            raise


@dataclass(frozen=True)
class Look:
    """One answer and the monotonic time just after it."""

    at_s: float
    state: dict[str, Any]


class Recording:
    """Asks for a state again and again in a thread of its own until the context ends; silence leaves gaps."""

    def __init__(self, ask: Callable[[], dict[str, Any]], every_s: float = 0.05) -> None:
        self.looks: list[Look] = []
        self._ask = ask
        self._every_s = every_s
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> "Recording":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join(10.0)

    def since(self, at_s: float) -> list[Look]:
        return [look for look in self.looks if look.at_s >= at_s]

    def _run(self) -> None:
        while not self._stop.wait(self._every_s):
            with contextlib.suppress(CoolantdError):
                self.looks.append(Look(time.monotonic(), self._ask()))


def truth_of(site: LiveSite, every_s: float = 0.05) -> Recording:
    """Record the plant's truth without its writes: those are all there at the end."""
    return Recording(lambda: site.truth(since=10**9), every_s)


def status_of(site: LiveSite, every_s: float = 0.05) -> Recording:
    return Recording(site.status, every_s)


def writes_since(site: LiveSite, first: int) -> list[dict[str, Any]]:
    """Every setpoint write the device took, from number ``first``, oldest first."""
    writes: list[dict[str, Any]] = []
    while True:
        state = site.truth(since=first)
        assert state["first"] == first, "writes were forgotten"
        writes += state["writes"]
        if not state["writes"]:
            return writes
        first = state["next"]


def position_of(state: dict[str, Any], point: str) -> float:
    """Where the actuator behind a setpoint truly is, in percent."""
    if point == VALVE:
        return state["fws_valve_position_pct"]
    return state["pump_speeds_pct"][PUMPS.index(point)]


def position_at(looks: Iterable[Look], point: str, time_s: float) -> float:
    """Where the actuator truly was at a device time, linear between two looks."""
    trace = sorted({look.state["time_s"]: position_of(look.state, point) for look in looks}.items())
    before = [pair for pair in trace if pair[0] <= time_s] or trace[:1]
    after = [pair for pair in trace if pair[0] > time_s] or trace[-1:]
    (t0, p0), (t1, p1) = before[-1], after[0]
    return p0 if t1 <= t0 else p0 + (p1 - p0) * (time_s - t0) / (t1 - t0)


def outside_limits(writes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Writes that the device's data sheet does not allow: pumps 0 or 25 to 100 %, valve 0 to 100 %."""
    return [
        w
        for w in writes
        if not (0.0 <= w["value"] <= 100.0 and (w["point"] == VALVE or w["value"] == 0.0 or w["value"] >= 25.0))
    ]


def too_fast(writes: list[dict[str, Any]]) -> list[tuple[dict[str, Any], float]]:
    """Writes farther from the one before to the same point than its rate allows in the time between them.

    Device time has steps of 0.1 s and a write may take a cycle more or less to arrive, hence the period added.
    """
    found, last = [], {}
    for write in writes:
        before = last.get(write["point"])
        last[write["point"]] = write
        if before is None:
            continue
        rate = VALVE_RATE_PCT_PER_S if write["point"] == VALVE else PUMP_RATE_PCT_PER_S
        allowed = rate * (write["time_s"] - before["time_s"] + PERIOD_S)
        if abs(write["value"] - before["value"]) > allowed:
            found.append((write, before["value"]))
    return found
