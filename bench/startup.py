"""How long the daemon takes from process start to control, and how much memory it takes, with a cold and a warm cache.

    python bench/startup.py [--json] [--warm N] [--cold N]

Each run is a process of its own against a virtual CDU and a broker on this machine. READY is the message systemd gets,
on a notify socket of our own; /readyz is asked every few milliseconds. Cold means that no compiled kernel is on disk;
Python's own byte code and the system's file cache are warm in both. Compiling happens in a child process at low
priority: its memory is told apart from the daemon's.
"""

import argparse
import contextlib
import json
import os
import platform
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.sim.demo_site import DemoSite, demo_site

TARGET_READY_S: Final = 1.5
TARGET_RSS_MIB: Final = 180.0
LOOK_S: Final = 0.005
"""Resolution of every time below."""
SLOW_LOOK_S: Final = 0.05
"""Between two questions that cost the daemon something: whether the compiled law runs, and memory."""
COMPILE_TIMEOUT_S: Final = 240.0
SETTLE_S: Final = 5.0
"""Memory is looked at for so long after the compiled law took over."""
KIB_PER_MIB: Final = 1024.0
LOAD_RATIO: Final = 0.5


@dataclass(frozen=True, slots=True)
class Run:
    """One start: seconds from process start, and MiB.

    ``rss_peak_mib`` is the daemon's highest ever, ``compiler_peak_mib`` its compiling child's.
    """

    ready_s: float
    readyz_s: float
    compiled_s: float
    rss_ready_mib: float
    rss_settled_mib: float
    rss_peak_mib: float
    compiler_peak_mib: float


def memory_mib(pid: int, field: str) -> float:
    """Return VmRSS or VmHWM of a process in MiB, 0 if it is gone."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                return float(line.split()[1]) / KIB_PER_MIB
    return 0.0


def children(pid: int) -> list[int]:
    """Return the child processes of a process."""
    with contextlib.suppress(OSError):
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    return []


@contextlib.contextmanager
def notify_socket(folder: Path) -> Iterator[socket.socket]:
    """Listen where a service manager would."""
    path = folder / "notify.sock"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(path))
        listening.setblocking(False)  # noqa: FBT003 - the socket's own method
        try:
            yield listening
        finally:
            path.unlink()


class Start:
    """One daemon process, watched from its start until it has settled."""

    def __init__(
        self, site: DemoSite, process: subprocess.Popen[bytes], notified: socket.socket, begun_s: float
    ) -> None:
        self._site = site
        self._process = process
        self._notified = notified
        self._begun_s = begun_s
        self._compiler_peak_mib = 0.0

    def watch(self) -> Run:
        """Return the figures of this start."""
        ready_s, readyz_s, rss_ready_mib = self._until_ready()
        compiled_s = self._until(self._is_compiled, "the compiled law", COMPILE_TIMEOUT_S, SLOW_LOOK_S)
        time.sleep(SETTLE_S)
        return Run(
            ready_s=ready_s,
            readyz_s=readyz_s,
            compiled_s=compiled_s,
            rss_ready_mib=rss_ready_mib,
            rss_settled_mib=memory_mib(self._process.pid, "VmRSS"),
            rss_peak_mib=memory_mib(self._process.pid, "VmHWM"),
            compiler_peak_mib=self._compiler_peak_mib,
        )

    def _until_ready(self) -> tuple[float, float, float]:
        ready_s = self._until(self._has_notified, "READY=1", 30.0, LOOK_S)
        rss_mib = memory_mib(self._process.pid, "VmRSS")
        return ready_s, self._until(self._answers_ready, "/readyz 200", 30.0, LOOK_S), rss_mib

    def _until(self, there: Callable[[], bool], what: str, timeout_s: float, look_s: float) -> float:
        while not there():
            for child in children(self._process.pid):
                self._compiler_peak_mib = max(self._compiler_peak_mib, memory_mib(child, "VmHWM"))
            if self._process.poll() is not None:
                raise CoolantdError(f"the daemon ended with status {self._process.returncode} before {what}")
            if time.perf_counter() - self._begun_s > timeout_s:
                raise CoolantdError(f"no {what} within {timeout_s:g} s")
            time.sleep(look_s)
        return time.perf_counter() - self._begun_s

    def _has_notified(self) -> bool:
        with contextlib.suppress(BlockingIOError):
            return b"READY=1" in self._notified.recv(4096).splitlines()
        return False

    def _answers_ready(self) -> bool:
        with contextlib.suppress(urllib.error.HTTPError, OSError):
            address = f"http://127.0.0.1:{self._site.http_port}/readyz"
            with urllib.request.urlopen(address, timeout=1.0) as reply:
                return bool(reply.status == 200)
        return False

    def _is_compiled(self) -> bool:
        return bool(request(self._site.daemon_socket, {"command": "status"})["kernel"] == "compiled")


def start_once(site: DemoSite) -> Run:
    """Start the daemon, watch it, end it."""
    with notify_socket(site.folder) as notified, (site.folder / "daemon.log").open("ab") as log:
        environment = {**os.environ, "NOTIFY_SOCKET": str(site.folder / "notify.sock")}
        begun_s = time.perf_counter()
        process = subprocess.Popen(
            [sys.executable, "-m", "coolantd", "run", "--config", str(site.config)],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
        try:
            return Start(site, process, notified, begun_s).watch()
        finally:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(6.0)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def figures(warm: int, cold: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Measure everything: a cold start takes as long as compiling does, a warm one some ten seconds."""
    with tempfile.TemporaryDirectory(prefix="coolantd-bench-") as cache:
        os.environ["XDG_CACHE_HOME"] = cache  # the kernels of this measurement alone
        with demo_site(1.0) as site:
            site.start_broker()
            site.start_simulator(LOAD_RATIO)
            cold_runs = []
            for number in range(cold):
                say(f"cold start {number + 1} of {cold}")
                shutil.rmtree(Path(cache) / "coolantd", ignore_errors=True)
                cold_runs.append(start_once(site))
            warm_runs = []
            for number in range(warm):
                say(f"warm start {number + 1} of {warm}")
                warm_runs.append(start_once(site))
    result: dict[str, Any] = {"cold": summary(cold_runs), "warm": summary(warm_runs)}
    ready_s = result["warm"]["ready_s"]["median"]
    settled_mib, peak_mib = (
        max(result[kind][name]["max"] for kind in ("cold", "warm")) for name in ("rss_settled_mib", "rss_peak_mib")
    )
    result |= {"target_ready_warm_s": TARGET_READY_S, "target_ready_warm_met": ready_s <= TARGET_READY_S}
    result |= {"target_rss_mib": TARGET_RSS_MIB, "target_rss_settled_met": settled_mib <= TARGET_RSS_MIB}
    result |= {"target_rss_peak_met": peak_mib <= TARGET_RSS_MIB}
    return result | {"resolution_s": LOOK_S, "python": platform.python_version(), "machine": platform.machine()}


def summary(runs: list[Run]) -> dict[str, Any]:
    """Return median, lowest and highest of every figure."""
    columns = {name: [asdict(run)[name] for run in runs] for name in asdict(runs[0])}
    return {"runs": len(runs)} | {
        name: {"median": round(statistics.median(c), 3), "min": round(min(c), 3), "max": round(max(c), 3)}
        for name, c in columns.items()
    }


def show(result: dict[str, Any]) -> None:
    """Print the table for people."""
    rows = (
        ("ready_s", "process start to READY=1", "s"),
        ("readyz_s", "process start to /readyz 200", "s"),
        ("compiled_s", "process start to compiled law", "s"),
        ("rss_ready_mib", "memory at READY", "MiB"),
        ("rss_settled_mib", f"memory {SETTLE_S:g} s after compiling", "MiB"),
        ("rss_peak_mib", "memory at its highest", "MiB"),
        ("compiler_peak_mib", "its compiling child at its highest", "MiB"),
    )
    heads = [f"{kind} cache, {result[kind]['runs']} runs" for kind in ("cold", "warm")]
    print(f"{'median (lowest to highest)':38}{heads[0]:>30}{heads[1]:>30}")
    for name, label, unit in rows:
        cells = [_cell(result[kind][name], unit) for kind in ("cold", "warm")]
        print(f"  {label:36}{cells[0]:>30}{cells[1]:>30}")
    for name, text in (
        ("ready_warm", f"READY with a warm cache, median, <= {TARGET_READY_S:g} s"),
        ("rss_settled", f"settled memory, highest, <= {TARGET_RSS_MIB:g} MiB"),
        ("rss_peak", f"memory at its highest for a moment <= {TARGET_RSS_MIB:g} MiB"),
    ):
        print(f"  {text}: {'met' if result[f'target_{name}_met'] else 'MISSED'}")


def _cell(figure: dict[str, float], unit: str) -> str:
    return f"{figure['median']:.2f} ({figure['min']:.2f} to {figure['max']:.2f}) {unit}"


def main() -> None:
    """Parse the command line, measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", action="store_true", help="print one JSON object and nothing else on stdout")
    parser.add_argument("--warm", type=int, default=5, choices=range(1, 101), metavar="1..100")
    parser.add_argument("--cold", type=int, default=2, choices=range(1, 21), metavar="1..20")
    options = parser.parse_args()
    result = figures(options.warm, options.cold, lambda line: print(f"startup: {line}", file=sys.stderr, flush=True))
    if options.json:
        print(json.dumps(result))
    else:
        show(result)


if __name__ == "__main__":
    main()
