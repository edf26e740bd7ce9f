"""How late control cycles begin over a long demo, against a bare asyncio loop beside it.

    python bench/lateness.py [--json] [--duration SECONDS]

The demo runs as always: broker, virtual CDU and daemon, load steps, its status asked twice a second. At the same time
and on the same machine a process that does nothing but sleep to the same due times in an asyncio loop tells what this
kernel and event loop allow at best: the bound. Both are counted in the daemon's own histogram buckets, so quantiles
are interpolated within a bucket, and the daemon's maximum is known only as the edge of the highest bucket hit.
"""

import argparse
import asyncio
import json
import math
import platform
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from typing import Any, Final

from prometheus_client.parser import text_string_to_metric_families

from coolantd.service.metrics import LATENESS_BUCKETS_S
from coolantd.sim.demo import Demo, Tick, prepare
from coolantd.sim.demo_measure import quantile
from coolantd.sim.demo_site import DemoSite, demo_site

PERIOD_S: Final = 0.5
"""Of the demo's cycle, and of the bare loop."""
LATENESS: Final = "coolantd_cycle_lateness_seconds"
PROGRESS_S: Final = 30.0
QUANTILES: Final = (0.5, 0.99)


async def sleep_to_due_times(duration_s: float) -> list[float]:
    """Return how late a loop that only sleeps wakes up, seconds."""
    begun_s = due_s = time.monotonic()
    late_s = []
    while due_s - begun_s < duration_s:
        await asyncio.sleep(due_s - time.monotonic())
        late_s.append(max(time.monotonic() - due_s, 0.0))
        due_s += PERIOD_S
    return late_s


def as_buckets(late_s: list[float]) -> str:
    """Return lateness in the daemon's buckets, as a Prometheus exposition."""
    lines = [f"# TYPE {LATENESS} histogram"]
    for edge_s in (*LATENESS_BUCKETS_S, math.inf):
        name = "+Inf" if math.isinf(edge_s) else repr(edge_s)
        lines.append(f'{LATENESS}_bucket{{le="{name}"}} {sum(each <= edge_s for each in late_s)}')
    return "\n".join([*lines, f"{LATENESS}_count {len(late_s)}", f"{LATENESS}_sum {sum(late_s)}", ""])


def highest_bucket_s(text: str) -> float:
    """Return the upper edge of the highest bucket that counts anything; infinite above the last edge."""
    counts = sorted(
        (float(sample.labels["le"]), sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == f"{LATENESS}_bucket"
    )
    return next(edge_s for edge_s, count in counts if count == counts[-1][1])


def describe(text: str) -> dict[str, float | None]:
    """Return quantiles and the bound of the maximum; None where it is above the last bucket."""
    top_s = highest_bucket_s(text)
    found = {f"p{q * 100:g}_s": round(quantile(text, LATENESS, q), 6) for q in QUANTILES}
    return {**found, "max_at_most_s": None if math.isinf(top_s) else top_s}


def scrape(site: DemoSite) -> str:
    """Return the daemon's metrics."""
    with urllib.request.urlopen(f"http://127.0.0.1:{site.http_port}/metrics", timeout=5.0) as reply:
        body: bytes = reply.read()
    return body.decode()


class Progress:
    """Says every half minute how far the demo is."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._next_s = PROGRESS_S

    def show(self, tick: Tick) -> None:
        """Take one look of the demo."""
        if tick.elapsed_s >= self._next_s:
            self._next_s += PROGRESS_S
            cycles = tick.status["cycles"] if tick.status else "no"
            self._say(f"{tick.elapsed_s:.0f} of {tick.duration_s:.0f} s, {cycles} cycles")


def figures(duration_s: float, say: Callable[[str], None]) -> dict[str, Any]:
    """Run the demo and the bare loop side by side."""
    with demo_site(1.0) as site:
        prepare(site, say)
        bare = subprocess.Popen(
            [sys.executable, __file__, "--bare", "--duration", f"{duration_s:g}"], stdout=subprocess.PIPE
        )
        try:
            summary = Demo(site, duration_s, Progress(say).show).run()
            daemon = scrape(site)
            late_s: list[float] = json.loads(bare.communicate(timeout=30.0)[0])
        finally:
            bare.kill()
            bare.wait()
    ours, bound = describe(daemon), describe(as_buckets(late_s))
    exact = {"p50_exact_s": _exact(late_s, 0.5), "p99_exact_s": _exact(late_s, 0.99), "max_exact_s": max(late_s)}
    return {
        "duration_s": summary["duration_s"],
        "period_s": PERIOD_S,
        "cycles": summary["cycles"],
        "cycles_expected": round(summary["duration_s"] / PERIOD_S),
        "kernel": summary["kernel"],
        "daemon": ours,
        "bare_asyncio": bound | {name: round(value, 6) for name, value in exact.items()},
        "p99_over_bare": round((ours["p99_s"] or 0.0) / (bound["p99_s"] or math.inf), 2),
        "python": platform.python_version(),
        "machine": platform.machine(),
    }


def _exact(values: list[float], q: float) -> float:
    return sorted(values)[min(int(q * len(values)), len(values) - 1)]


def show(result: dict[str, Any]) -> None:
    """Print the table for people."""
    print(f"lateness of {result['cycles']} cycles of {result['period_s']} s in {result['duration_s']:.0f} s of demo")
    print(f"  {'':22}{'p50':>10}{'p99':>10}{'max':>12}")
    for name, label in (("daemon", "coolantd"), ("bare_asyncio", "bare asyncio, same buckets")):
        found = result[name]
        top = "above 1 s" if found["max_at_most_s"] is None else f"<= {found['max_at_most_s'] * 1e3:g} ms"
        print(f"  {label:26}{found['p50_s'] * 1e3:7.2f} ms{found['p99_s'] * 1e3:7.2f} ms{top:>12}")
    bare = result["bare_asyncio"]
    figures_ms = [bare[f"{name}_exact_s"] * 1e3 for name in ("p50", "p99", "max")]
    print(f"  {'bare asyncio, exact':26}{figures_ms[0]:7.2f} ms{figures_ms[1]:7.2f} ms{figures_ms[2]:9.2f} ms")
    print(f"  p99 over the bare loop's: {result['p99_over_bare']}; maximum: edge of the highest bucket hit")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--duration", type=float, default=600.0, help="seconds of demo, 10 to 86400")
    parser.add_argument("--bare", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if not 10.0 <= options.duration <= 86_400.0:
        parser.error(f"--duration = {options.duration:g}, allowed: 10 to 86400")
    if options.bare:
        print(json.dumps(asyncio.run(sleep_to_due_times(options.duration))))
        return
    result = figures(options.duration, lambda line: print(f"lateness: {line}", file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
