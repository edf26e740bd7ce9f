"""What it costs to poll 200 devices with 50 points each once a second, and whether all of it stays fresh.

    python bench/polling.py [--json] [--devices N] [--points PER_DEVICE] [--seconds S] [--rounds N]

One after another, each in a process of its own, in several rounds of which the median counts, and against the same
load server in C, whose own share of a core is shown to prove that it limits nobody:

- coolantd: the daemon itself with a generated configuration: buses, checks of every byte of every reply, decoding with
  sentinels and ranges, qualities, point table, one CDU under control twice a second, metrics, journal;
- pymodbus: the loop one would write first, an asyncio task for each device: read, ``convert_from_registers``, scale;
- collectd's modbus plugin, which asks for every point by itself;
- libmodbus in C: one thread that reads and scales, the floor.

CPU is the kernel's count of nanoseconds on a core over all threads of the contestant, everything it does included,
between two moments after it has settled. Only ratios within one run mean anything on a shared machine.

Needed: gcc. Optional, skipped with the reason where missing (Debian): libmodbus-dev; collectd-core with libmodbus5.
"""

import argparse
import json
import os
import platform
import select
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from polling_site import CONTROL_POINTS, write_site

from coolantd.sim.demo_site import cache_directory

PERIOD_S: Final = 1.0
READY_S: Final = 120.0
"""A compiler with a cold cache on a loaded machine included."""
SETTLE_S: Final = 3.0
STOP_S: Final = 10.0
FRESH_PERIODS: Final = 2.0
"""No point may be older than this many of its periods in any cycle."""
CORE_SHARE_MAX: Final = 0.5
OVER_PYMODBUS_MAX: Final = 1.3
SERVER_SHARE_MAX: Final = 0.5
"""Above this share of a core the load server may have been the limit."""

FIGURES: Final = (
    "requests_per_s", "points_per_s", "core_share_ratio", "cpu_us_per_request", "cpu_us_per_point",
    "server_core_share_ratio",
)  # fmt: skip

SOURCES: Final = Path(__file__).parent / "c"
SITE: Final = Path(__file__).parent / "polling_site.py"
COLLECTD_TYPES: Final = Path("/usr/share/collectd/types.db")
COLLECTD_PLUGIN: Final = Path("/usr/lib/collectd/modbus.so")


class Skipped(Exception):  # noqa: N818 (not an error: a peer that is not on this machine)
    """A contestant cannot run here; the text says why."""


class LoadServer:
    """Virtual devices in a process of their own.

    Attributes:
        ports: one for each device.
    """

    def __init__(self, folder: Path, devices: int) -> None:
        program = compiled(folder, "load_server")
        self._process = subprocess.Popen(
            [program, str(devices)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
        )
        self.ports = [int(port) for port in self._line().split()]

    def counts(self) -> tuple[int, int, float]:
        """Return requests answered, registers handed out and CPU seconds used so far."""
        assert self._process.stdin is not None
        self._process.stdin.write("?\n")
        requests, registers, cpu_s = self._line().split()
        return int(requests), int(registers), float(cpu_s)

    def stop(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.communicate()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


def compiled(folder: Path, name: str, *libraries: str) -> str:
    """Compile one of the C programs; return its path."""
    if shutil.which("gcc") is None:
        raise Skipped("gcc is not installed (Debian: gcc)")
    program = folder / name
    command = ["gcc", "-O2", "-o", str(program), str(SOURCES / f"{name}.c"), *libraries]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode != 0:
        raise Skipped(f"{name}.c does not compile: {(made.stderr.strip().splitlines() or ['no message'])[0]}")
    return str(program)


def cpu_s(pid: int) -> float:
    """Return the CPU seconds that all threads of a process have used."""
    total_ns = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total_ns += int((task / "schedstat").read_text(encoding="ascii").split()[0])
    return total_ns / 1e9


@contextmanager
def running(command: list[str], log: Path, *, says_ready: bool) -> Iterator[subprocess.Popen[str]]:
    """Run a contestant from when it is ready; end it at the end, by its own id."""
    with (
        log.open("w", encoding="utf-8") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        try:
            if says_ready:
                await_ready(process, command, log)
            yield process
        finally:
            process.kill()


def await_ready(process: subprocess.Popen[str], command: list[str], log: Path) -> None:
    """Wait until a contestant says that it is ready."""
    assert process.stdout is not None
    heard, _, _ = select.select([process.stdout], [], [], READY_S)
    line = process.stdout.readline() if heard else ""
    if line.strip() != "ready":
        last = (log.read_text(encoding="utf-8").strip().splitlines() or ["it said nothing"])[-1]
        raise RuntimeError(f"{' '.join(command[:3])} did not get ready: {last}")


def measured(process: subprocess.Popen[str], server: LoadServer, seconds: float) -> dict[str, float]:
    """Let a contestant settle and watch it for some time."""
    time.sleep(SETTLE_S)
    began_s, used_s, before = time.monotonic(), cpu_s(process.pid), server.counts()
    time.sleep(seconds)
    ended_s, used_s, after = time.monotonic(), cpu_s(process.pid) - used_s, server.counts()
    if process.poll() is not None:
        raise RuntimeError(f"a contestant ended by itself with {process.returncode}")
    wall_s, requests, registers = ended_s - began_s, after[0] - before[0], after[1] - before[1]
    return {
        "began_s": began_s,
        "ended_s": ended_s,
        "requests_per_s": round(requests / wall_s, 1),
        "points_per_s": round(registers / wall_s, 1),
        "core_share_ratio": round(used_s / wall_s, 4),
        "cpu_us_per_request": round(used_s / max(requests, 1) * 1e6, 2),
        "cpu_us_per_point": round(used_s / max(registers, 1) * 1e6, 3),
        "server_core_share_ratio": round((after[2] - before[2]) / wall_s, 4),
    }


def coolantd(folder: Path, server: LoadServer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the daemon; with freshness of all points and lateness of cycles."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        http_port = probe.getsockname()[1]
    cache = cache_directory()
    cache.mkdir(parents=True, exist_ok=True)
    config = write_site(
        folder, cache, ports=server.ports, points=options.points, period_s=PERIOD_S, http_port=http_port
    )
    with running(
        [sys.executable, str(SITE), "daemon", str(config)], folder / "coolantd.log", says_ready=True
    ) as process:
        found: dict[str, Any] = measured(process, server, options.seconds)
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=STOP_S)
    cycles = [c for c in json.loads(output) if found["began_s"] <= c["ended_s"] <= found["ended_s"]]
    return found | {"cycles": cycles}


def judged(cycles: list[dict[str, float]]) -> dict[str, Any]:
    """Return how fresh the points and how late the cycles were."""
    late_s = sorted(c["late_s"] for c in cycles)
    return {
        "cycles": len(cycles),
        "cycles_with_a_point_not_good": sum(c["not_good"] > 0 for c in cycles),
        "age_max_s": round(max(c["age_max_s"] for c in cycles), 3),
        "all_fresh": all(c["age_max_s"] <= FRESH_PERIODS * PERIOD_S and c["not_good"] == 0 for c in cycles),
        "lateness_p50_ms": round(late_s[len(late_s) // 2] * 1e3, 2),
        "lateness_p99_ms": round(late_s[min(int(0.99 * len(late_s)), len(late_s) - 1)] * 1e3, 2),
        "lateness_max_ms": round(late_s[-1] * 1e3, 2),
    }


def pymodbus(folder: Path, server: LoadServer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the plain pymodbus loop."""
    arguments = [str(options.points), str(PERIOD_S), *map(str, server.ports)]
    command = [sys.executable, str(SITE), "pymodbus", *arguments]
    with running(command, folder / "pymodbus.log", says_ready=True) as process:
        return measured(process, server, options.seconds)


def libmodbus(folder: Path, server: LoadServer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure the C loop."""
    program = compiled(folder, "libmodbus_loop", "-lmodbus")
    command = [program, str(options.points), str(PERIOD_S), *map(str, server.ports)]
    with running(command, folder / "libmodbus.log", says_ready=False) as process:
        return measured(process, server, options.seconds)


def collectd(folder: Path, server: LoadServer, options: argparse.Namespace) -> dict[str, Any]:
    """Measure collectd with nothing but its modbus plugin."""
    program = shutil.which("collectd", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or not COLLECTD_PLUGIN.exists():
        raise Skipped("collectd with its modbus plugin is not installed (Debian: collectd-core, libmodbus5)")
    config = folder / "collectd.conf"
    config.write_text(collectd_config(folder, server.ports, options.points), encoding="utf-8")
    with running([program, "-f", "-C", str(config)], folder / "collectd.log", says_ready=False) as process:
        return measured(process, server, options.seconds)


def collectd_config(folder: Path, ports: list[int], points: int) -> str:
    """Return a configuration that reads every register of every device."""
    lines = [
        'Hostname "bench"', "FQDNLookup false", f"Interval {PERIOD_S:g}", f'BaseDir "{folder}"',
        f'PIDFile "{folder}/collectd.pid"', f'TypesDB "{COLLECTD_TYPES}"', "LoadPlugin modbus", "<Plugin modbus>",
    ]  # fmt: skip
    for k in range(points):
        lines += [
            f'<Data "t{k}">', f"RegisterBase {k}", "RegisterType Int16", "RegisterCmd ReadHolding", "Type temperature",
            f'Instance "t{k}"', "Scale 0.1", "</Data>",
        ]  # fmt: skip
    collect = [f'Collect "t{k}"' for k in range(points)]
    for k, port in enumerate(ports):
        lines += [f'<Host "device{k}">', 'Address "127.0.0.1"', f'Port "{port}"', f"Interval {PERIOD_S:g}"]
        lines += ["<Slave 1>", 'Instance "d"', *collect, "</Slave>", "</Host>"]
    return "\n".join([*lines, "</Plugin>", ""])


CONTESTANTS: Final = {"coolantd": coolantd, "pymodbus": pymodbus, "collectd": collectd, "libmodbus": libmodbus}


def figures(options: argparse.Namespace) -> dict[str, Any]:
    """Run all contestants in turn."""
    result: dict[str, Any] = {name: getattr(options, name) for name in ("devices", "points", "seconds", "rounds")}
    rounds: dict[str, list[dict[str, Any]]] = {name: [] for name in CONTESTANTS}
    with tempfile.TemporaryDirectory(prefix="coolantd-polling-") as name:
        folder = Path(name)
        server = LoadServer(folder, options.devices)
        try:
            for number in range(options.rounds):
                for contestant, measure in CONTESTANTS.items():
                    print(f"polling: round {number + 1}, {contestant}", file=sys.stderr, flush=True)
                    try:
                        rounds[contestant].append(measure(folder, server, options))
                    except Skipped as why:
                        rounds[contestant] = [{"skipped": str(why)}]
        finally:
            server.stop()
    result |= {name: merged(found) for name, found in rounds.items()}
    ours, plain = result["coolantd"], result["pymodbus"]
    result["ratios"] = ratios(result)
    shares = [result[name].get("server_core_share_ratio", 0.0) for name in ("coolantd", "pymodbus")]
    result["targets"] = {
        "all_fresh": ours["all_fresh"],
        f"core_share_at_most_{CORE_SHARE_MAX}": ours["core_share_ratio"] <= CORE_SHARE_MAX,
        f"cpu_per_request_at_most_{OVER_PYMODBUS_MAX}_of_pymodbus": (
            ours["cpu_us_per_request"] <= OVER_PYMODBUS_MAX * plain["cpu_us_per_request"]
        ),
        "load_server_no_bottleneck": max(shares) <= SERVER_SHARE_MAX,
    }
    return result | {"python": platform.python_version(), "machine": platform.machine()}


def merged(rounds: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the medians of a contestant's rounds, and what all its cycles together say."""
    if "skipped" in rounds[0]:
        return rounds[0]
    found: dict[str, Any] = {name: statistics.median(each[name] for each in rounds) for name in FIGURES}
    cycles = [cycle for each in rounds for cycle in each.get("cycles", ())]
    return found | judged(cycles) if cycles else found


def ratios(result: dict[str, Any]) -> dict[str, float]:
    """Return coolantd's CPU over each peer's: per request, and per point, where the peer ran."""
    found = {}
    for peer in ("pymodbus", "collectd", "libmodbus"):
        # collectd's requests carry one point each: per request it says nothing of ours.
        for what in ("point",) if peer == "collectd" else ("request", "point"):
            theirs = result[peer].get(f"cpu_us_per_{what}")
            if theirs:
                found[f"coolantd_over_{peer}_per_{what}"] = round(result["coolantd"][f"cpu_us_per_{what}"] / theirs, 2)
    return found


def show(result: dict[str, Any]) -> None:
    """Print the table for people."""
    watched = f"{result['rounds']} x {result['seconds']:g} s"
    print(f"{result['devices']} devices x {result['points']} points each second, watched for {watched}")
    print(f"  {'':10}{'requests/s':>12}{'points/s':>10}{'core':>8}{'us/request':>12}{'us/point':>10}{'server':>8}")
    for name in CONTESTANTS:
        found = result[name]
        if "skipped" in found:
            print(f"  {name:10}skipped: {found['skipped']}")
            continue
        print(
            f"  {name:10}{found['requests_per_s']:12.0f}{found['points_per_s']:10.0f}{found['core_share_ratio']:8.1%}"
            f"{found['cpu_us_per_request']:12.1f}{found['cpu_us_per_point']:10.2f}"
            f"{found['server_core_share_ratio']:8.1%}"
        )
    ours = result["coolantd"]
    print(f"  oldest point in {ours['cycles']} cycles: {ours['age_max_s']} s of {FRESH_PERIODS * PERIOD_S:g} allowed")
    print(
        f"  cycles late by p50 {ours['lateness_p50_ms']} p99 {ours['lateness_p99_ms']} max {ours['lateness_max_ms']} ms"
    )
    for name, value in (result["ratios"] | result["targets"]).items():
        print(f"  {name}: {value}")


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--devices", type=int, default=200, help="virtual devices, 1 to 400")
    parser.add_argument("--points", type=int, default=50, help=f"points per device, {CONTROL_POINTS} to 120")
    parser.add_argument("--seconds", type=float, default=20.0, help="how long each is watched in a round, 5 to 3600")
    parser.add_argument("--rounds", type=int, default=3, help="1 to 99")
    options = parser.parse_args()
    for name, low, high in (
        ("devices", 1, 400),
        ("points", CONTROL_POINTS, 120),
        ("seconds", 5, 3600),
        ("rounds", 1, 99),
    ):
        if not low <= getattr(options, name) <= high:
            parser.error(f"--{name} = {getattr(options, name):g}, allowed: {low} to {high}")
    try:
        result = figures(options)
    except Skipped as why:
        parser.exit(1, f"polling: {why}\n")
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
