"""Whether the daemon grows: memory, descriptors and tasks over minutes at full load, on links that break all the time.

    python bench/soak.py [--json] [--cdus N] [--seconds S] [--warm-up S] [--poll S]

One daemon controls a row of virtual CDUs over real sockets, twice as fast as usual, and publishes to a broker where
mosquitto is installed. A quarter of the links reset, hang up, babble or lie for good, so that connections are made and
lost without a pause; /metrics, the API, the health pages and the control socket are asked several times a second.
After the law is compiled and a warm-up has passed, what the daemon itself says of its memory, descriptors and tasks is
sampled each second. The slope is a least-squares line through all samples, and beside it the median of the last third
less that of the first, over the time between them: a heap that moves in steps makes the one jump and not the other.
"""

import argparse
import contextlib
import itertools
import json
import platform
import signal
import statistics
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from http.client import HTTPException
from pathlib import Path
from typing import Any, Final

import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from coolantd.errors import CoolantdError
from coolantd.sim.chaos_site import ChaosSite, chaos_site, mosquitto
from coolantd.sim.chaos_toxics import Kind

SAMPLE_S: Final = 1.0
CLIENT_PAUSE_S: Final = 0.2
"""Of each of the clients that ask for pages, between two of them."""
READY_S: Final = 900.0
"""A law that is compiled on a machine with other things to do included."""
RISE_MAX_MB_PER_H: Final = 1.0
FLAT_TASKS: Final = 6
FLAT_DESCRIPTORS: Final = 12
"""Requests and connections that happen to be under way while one looks."""
WATCHED: Final = {
    "rss_mb": ("process_resident_memory_bytes", 1e-6),
    "descriptors": ("process_open_fds", 1.0),
    "tasks": ("coolantd_tasks", 1.0),
}
BROKEN: Final = (Kind.FLAP, Kind.RESET_SOME, Kind.BABBLE, Kind.CORRUPT, Kind.CLOSE, Kind.EXCEPTION_STORM, Kind.REORDER)
PAGES: Final = ("/metrics", "/healthz", "/readyz", "/api/v1/status", "/api/v1/points", "/")


def page(site: ChaosSite, path: str) -> str:
    """Return a page of the daemon, whatever its status; empty where it does not answer in time."""
    with (
        contextlib.suppress(OSError, HTTPException),
        urllib.request.urlopen(f"http://127.0.0.1:{site.http_port}{path}", timeout=10.0) as reply,
    ):
        text: str = reply.read().decode()
        return text
    return ""


def metrics(site: ChaosSite) -> dict[str, float]:
    """Return every sample of /metrics, summed over its labels."""
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(page(site, "/metrics")):
        for sample in family.samples:
            found[sample.name] = found.get(sample.name, 0.0) + sample.value
    return found


@contextlib.contextmanager
def asked_without_end(site: ChaosSite) -> Iterator[None]:
    """Ask for every page and for the status again and again."""
    stop = threading.Event()

    def ask(deeds: list[Callable[[], Any]]) -> None:
        for deed in itertools.cycle(deeds):
            if stop.wait(CLIENT_PAUSE_S):
                return
            with contextlib.suppress(CoolantdError):
                deed()

    clients = [threading.Thread(target=ask, args=([lambda p=p: page(site, p) for p in PAGES],)) for _ in range(2)]
    clients.append(threading.Thread(target=ask, args=([site.status],)))
    for client in clients:
        client.start()
    try:
        yield
    finally:
        stop.set()
        for client in clients:
            client.join()


def await_compiled(site: ChaosSite) -> bool:
    """Wait until the law is compiled; return whether it is."""
    until_s = time.monotonic() + READY_S
    while time.monotonic() < until_s:
        if site.status()["kernel"] == "compiled":
            return True
        time.sleep(1.0)
    return False


def sampled(site: ChaosSite, seconds: float) -> dict[str, list[float]]:
    """Return what the daemon says of itself each second, with the times."""
    found: dict[str, list[float]] = {name: [] for name in ("at_s", *WATCHED)}
    begun_s = time.monotonic()
    for k in range(int(seconds / SAMPLE_S)):
        time.sleep(max(begun_s + k * SAMPLE_S - time.monotonic(), 0.0))
        values = metrics(site)
        if values:
            found["at_s"].append(time.monotonic() - begun_s)
            for name, (metric, scale) in WATCHED.items():
                found[name].append(values.get(metric, float("nan")) * scale)
    return found


def judged(samples: dict[str, list[float]]) -> dict[str, Any]:
    """Return slopes and ranges."""
    at_s, rss_mb = np.array(samples["at_s"]), np.array(samples["rss_mb"])
    third = len(at_s) // 3
    rise_mb = float(np.median(rss_mb[-third:]) - np.median(rss_mb[:third]))
    between_h = float(np.median(at_s[-third:]) - np.median(at_s[:third])) / 3600.0
    found: dict[str, Any] = {
        "samples": len(at_s),
        "rss_mb": [round(float(rss_mb[0]), 2), round(float(rss_mb[-1]), 2)],
        "rss_slope_mb_per_h": round(float(np.polyfit(at_s / 3600.0, rss_mb, 1)[0]), 3),
        "rss_rise_mb_per_h": round(rise_mb / between_h, 3),
    }
    for name in ("descriptors", "tasks"):
        first, last = samples[name][:third], samples[name][-third:]
        found[name] = {
            "first": statistics.median(first),
            "last": statistics.median(last),
            "range": [min(samples[name]), max(samples[name])],
        }
    return found


def soak(options: argparse.Namespace) -> dict[str, Any]:
    """Run it."""
    published = mosquitto() is not None
    settings = {"period_s": options.poll, "poll_fast_s": options.poll, "refresh_s": options.poll}
    with chaos_site(options.cdus, **settings) as site:
        if published:
            site.start_broker()
        site.start_row()
        site.start_daemon()
        compiled = await_compiled(site) if options.compiled else False
        for k in range(0, options.cdus, 4):
            site.row("toxic", cdu=k, kind=BROKEN[k // 4 % len(BROKEN)])
        with asked_without_end(site):
            time.sleep(options.warm_up)
            before = metrics(site)
            samples = sampled(site, options.seconds)
            after = metrics(site)
        took_s = samples["at_s"][-1] - samples["at_s"][0]
        result = {
            "cdus": options.cdus,
            "poll_s": options.poll,
            "seconds": options.seconds,
            "warm_up_s": options.warm_up,
        }
        result |= {"compiled": compiled, "published": published, **judged(samples)}
        result |= {
            f"{key}_per_s": round((after[name] - before[name]) / took_s, 1)
            for key, name in (
                ("requests", "coolantd_device_requests_total"),
                ("connects", "coolantd_device_connects_total"),
                ("errors", "coolantd_device_errors_total"),
                ("writes", "coolantd_writes_total"),
                ("cycles", "coolantd_cycles_total"),
            )
        }
        result |= {"ended": site.ended(), "tracebacks": site.log().count("Traceback")}
        result["breaches"] = [b for k in range(options.cdus) for b in site.row("report", cdu=k)["breaches"].values()]
        if options.samples:
            Path(options.samples).write_text(json.dumps(samples), encoding="utf-8")
    return result | {"targets": targets(result), "python": platform.python_version(), "machine": platform.machine()}


def targets(result: dict[str, Any]) -> dict[str, bool]:
    """Return what was promised and whether it is so."""
    return {
        f"rss_rises_less_than_{RISE_MAX_MB_PER_H:g}_mb_per_h": result["rss_rise_mb_per_h"] < RISE_MAX_MB_PER_H,
        "descriptors_flat": abs(result["descriptors"]["last"] - result["descriptors"]["first"]) <= FLAT_DESCRIPTORS,
        "tasks_flat": abs(result["tasks"]["last"] - result["tasks"]["first"]) <= FLAT_TASKS,
        "alive_without_traceback": not result["ended"] and result["tracebacks"] == 0,
        "no_breach": not result["breaches"],
    }


def main() -> None:
    """Parse the command line, soak, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--cdus", type=int, default=24, help="virtual CDUs, 4 to 100")
    parser.add_argument("--seconds", type=float, default=600.0, help="how long it is watched, 10 to 86400")
    parser.add_argument("--warm-up", type=float, default=300.0, help="how long it runs before, 0 to 3600")
    parser.add_argument(
        "--poll", type=float, default=0.25, help="seconds between polls and between decisions, 0.1 to 5"
    )
    parser.add_argument("--compiled", action=argparse.BooleanOptionalAction, default=True, help="wait for the compiler")
    parser.add_argument("--samples", help="write all samples here, as JSON")
    options = parser.parse_args()
    for name, low, high in (("cdus", 4, 100), ("seconds", 10, 86400), ("warm_up", 0, 3600), ("poll", 0.1, 5)):
        if not low <= getattr(options, name) <= high:
            parser.error(f"--{name.replace('_', '-')} = {getattr(options, name):g}, allowed: {low} to {high}")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # its processes end with it
    result = soak(options)
    if options.json:
        print(json.dumps(result))
        return
    for key, value in result.items():
        print(f"{key}: {value}")
    if not all(result["targets"].values()):
        sys.exit(1)


if __name__ == "__main__":
    main()
