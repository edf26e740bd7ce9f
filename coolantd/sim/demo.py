"""The demo: a load step up and down under the daemon's control, watched, measured and summed up."""

import contextlib
import time
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.sim.demo_measure import StepResponse, bad_points, quantile, total
from coolantd.sim.demo_site import RPU_DEVICE, DemoSite

LOW_RATIO: Final = 0.1
HIGH_RATIO: Final = 1.0
STEP_UP_AT: Final = 0.08
STEP_DOWN_AT: Final = 0.80
"""Shares of the duration at which the load steps: most of it watches the hard direction settle."""
SAMPLE_S: Final = 0.5
READY_TIMEOUT_S: Final = 30.0
SCRAPE_TIMEOUT_S: Final = 5.0
LOOK_PATIENCE_S: Final = 1.0
"""For each of the two asked at a look: whoever was stopped on purpose must not stop the picture too."""


@dataclass(frozen=True, slots=True)
class Tick:
    """One look at everything: what the live table shows.

    Attributes:
        elapsed_s: real seconds since the demo began to control.
        duration_s: how long it will take.
        status: the daemon's status; None while it does not answer.
        truth: the simulator's state; None while it does not answer.
        ended: a sentence for each process that has ended by itself.
    """

    elapsed_s: float
    duration_s: float
    status: dict[str, Any] | None
    truth: dict[str, Any] | None
    ended: tuple[str, ...] = ()


class Demo:
    """One demo on a site whose processes run.

    Args:
        site: broker, simulator and daemon.
        duration_s: real seconds from automatic control to the summary.
        show: called with every tick.
    """

    def __init__(self, site: DemoSite, duration_s: float, show: Callable[[Tick], None]) -> None:
        self._site = site
        self._duration_s = duration_s
        self._show = show
        self._up: StepResponse | None = None
        self._down: StepResponse | None = None
        self._bad_s = 0.0
        self._last_s = 0.0
        self._begun_s = 0.0
        self._ready_s = 0.0

    def run(self) -> dict[str, Any]:
        """Run it and return the summary; a process that is stopped or killed meanwhile is shown, and does not end it.

        Raises:
            CoolantdError: control was not reached in time, or at the end somebody whose figures are wanted is gone.
        """
        self._wait_ready()
        self._begun_s = self._last_s = time.monotonic()
        stopped = ""
        try:
            while (elapsed_s := time.monotonic() - self._begun_s) < self._duration_s:
                self._steer(elapsed_s / self._duration_s)
                self._look(elapsed_s)
                time.sleep(max(SAMPLE_S - (time.monotonic() - self._begun_s - elapsed_s), 0.0))
        except KeyboardInterrupt:
            stopped = "interrupted"
        return self._summary(stopped)

    def _wait_ready(self) -> None:
        begun_s = time.monotonic()
        while not (status := self._site.ask_daemon("status"))["ready"]:
            self._site.check_alive()
            if time.monotonic() - begun_s > READY_TIMEOUT_S:
                raise CoolantdError(f"no automatic control after {READY_TIMEOUT_S:g} s: {status['ready_cause']}")
            time.sleep(0.1)
        self._ready_s = time.monotonic() - begun_s

    def _steer(self, share: float) -> None:
        with contextlib.suppress(CoolantdError):  # somebody does not answer: the next look tries again
            if self._up is None and share >= STEP_UP_AT:
                self._up = self._step_to(HIGH_RATIO)
            elif self._down is None and share >= STEP_DOWN_AT:
                self._down = self._step_to(LOW_RATIO)

    def _step_to(self, ratio: float) -> StepResponse:
        status = self._site.ask_daemon("status", patience_s=LOOK_PATIENCE_S)
        loop = next(loop for loop in status["loops"] if loop["loop"] == "supply_temp")
        self._site.ask_simulator("set_load", ratio=ratio, patience_s=LOOK_PATIENCE_S)
        truth = self._site.ask_simulator("state", patience_s=LOOK_PATIENCE_S)
        return StepResponse(loop["setpoint_target"], truth["time_s"])

    def _look(self, elapsed_s: float) -> None:
        truth, status = _answer(self._site.ask_simulator, "state"), _answer(self._site.ask_daemon, "status")
        response = self._down or self._up
        if response is not None and truth is not None:
            response.add(truth["time_s"], truth["tcs_supply_temp_c"])
        now_s = time.monotonic()
        if status is not None:
            self._bad_s += bad_points(status["points"]) * (now_s - self._last_s) * self._site.speed
        self._last_s = now_s
        self._show(Tick(elapsed_s, self._duration_s, status, truth, tuple(self._site.ended())))

    def _summary(self, stopped: str) -> dict[str, Any]:
        self._site.check_alive()
        address = f"http://127.0.0.1:{self._site.http_port}"
        metrics = _scrape(f"{address}/metrics")
        status, truth = self._site.ask_daemon("status"), self._site.ask_simulator("state")
        up, down = self._up, self._down
        return {
            "duration_s": round(time.monotonic() - self._begun_s, 1),
            "speed": self._site.speed,
            "broker": self._site.broker,
            "supply_setpoint_c": None if up is None else up.setpoint_c,
            "supply_deviation_peak_k": _round(None if up is None else up.peak_k),
            "supply_settle_s": _round(None if up is None else up.settle_s, 1),
            "supply_watched_s": _round(None if up is None or not up.times_s else up.times_s[-1] - up.begun_s, 1),
            "supply_deviation_low_k": _round(None if down is None else down.peak_k),
            "time_to_automatic_s": round(self._ready_s, 2),
            "cycles": int(total(metrics, "coolantd_cycles_total")),
            "cycle_lateness_p50_s": _round(quantile(metrics, "coolantd_cycle_lateness_seconds", 0.5), 5),
            "cycle_lateness_p99_s": _round(quantile(metrics, "coolantd_cycle_lateness_seconds", 0.99), 5),
            "kernel": status["kernel"],
            "writes": int(total(metrics, "coolantd_writes_total")),
            "writes_refused": int(total(metrics, "coolantd_writes_refused_total")),
            "writes_refused_by_device": truth["writes_refused"],
            "write_mismatches": int(total(metrics, "coolantd_write_mismatches_total")),
            "device_errors": int(total(metrics, "coolantd_device_errors_total")),
            "points": len(status["points"]),
            "points_bad_s": round(self._bad_s, 1),
            "rpu": _rpu(status, truth),
            "modes": {cdu["name"]: cdu["mode"] for cdu in status["cdus"]},
            "http": address,
            "interrupted": bool(stopped),
        }


def _answer(ask: Callable[..., dict[str, Any]], command: str) -> dict[str, Any] | None:
    """Return what somebody says, None while they do not."""
    try:
        return ask(command, patience_s=LOOK_PATIENCE_S)
    except CoolantdError:
        return None


def _rpu(status: dict[str, Any], truth: dict[str, Any]) -> dict[str, Any] | None:
    """Return how many points of the RPU are shown and how much of its line's time they take; None without one."""
    rpu = truth["rpu"]
    if rpu is None:
        return None
    busy_pct = 100.0 * rpu["busy_s"] / max(truth["time_s"], 1.0)
    return {
        "points": sum(point["device"] == RPU_DEVICE for point in status["points"]),
        "requests": rpu["requests"],
        "line_busy_pct": round(busy_pct, 1),
    }


def _scrape(url: str) -> str:
    try:
        with urllib.request.urlopen(url, timeout=SCRAPE_TIMEOUT_S) as reply:  # noqa: S310 - loopback
            text: str = reply.read().decode()
    except (OSError, HTTPException) as error:
        raise CoolantdError(f"{url}: no answer from the daemon: {error}") from error
    return text


def _round(value: float | None, digits: int = 2) -> float | None:
    return None if value is None or value != value else round(value, digits)  # noqa: PLR0124 - the NaN test


def prepare(site: DemoSite, tell: Callable[[str], None]) -> None:
    """Start broker, simulator and daemon in order, saying what happens.

    Raises:
        CoolantdError: one of them did not start.
    """
    tell("starting the MQTT broker …")
    site.start_broker()
    beside = ", and an RPU on a serial line" if site.rpu else ""
    tell(f"starting the virtual row CDU, eight racks and their manifold at {LOW_RATIO:.0%} load{beside} …")
    site.start_simulator(LOW_RATIO)
    tell("starting coolantd …")
    site.start_daemon()
