"""A row of virtual CDUs that go wrong and a daemon that controls them, as processes of their own, and what they say.

Everything started here is ended here, by its own id. The daemon runs as under systemd: somebody listens for its READY
and for its watchdog.
"""

import contextlib
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.sim.chaos_site_config import PROFILE, SiteText, profile_text
from coolantd.sim.demo_site import SBIN, cache_directory
from coolantd.sim.ports import free_port
from coolantd.sim.reaper import Reaper

START_S: Final = 60.0
"""For any process, on a machine that is busy with other things too."""
STOP_S: Final = 8.0
WATCHDOG_S: Final = 5.0
"""WatchdogSec= of the shipped unit."""
PATIENCE_S: Final = 10.0
LOOK_S: Final = 0.2


class Supervisor:
    """Stands in for systemd's notify socket; keeps when each message came.

    Args:
        path: of the socket.

    Attributes:
        heard: (monotonic seconds, message) of everything, oldest first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.heard: list[tuple[float, str]] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def times_s(self, message: str) -> list[float]:
        """Return when messages with this line came."""
        return [at_s for at_s, text in self.heard if message in text.splitlines()]

    def close(self) -> None:
        """Listen no more."""
        self._stop.set()
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            ready, _, _ = select.select([self._socket], [], [], LOOK_S)
            if ready:
                text = self._socket.recv(4096).decode(errors="replace")
                self.heard.append((time.monotonic(), text))


@dataclass(slots=True)
class ChaosSite:
    """One row and its daemon.

    Attributes:
        folder: of everything.
        count: CDUs.
        seed: of the row.
        period_s, poll_fast_s: of the daemon.
        refresh_s: of the devices' status blocks.
        mqtt_port: broker of the daemon and of the first CDU's rack manifold; None for none.
        ports: where the CDUs are reached; the same after a row was ended and started again.
        cdu_extra, pressure_kpa: see ``SiteText``.
        processes: by name, those that run.
    """

    folder: Path
    count: int
    seed: int = 0
    period_s: float = 0.5
    poll_fast_s: float = 0.5
    refresh_s: float = 0.5
    mqtt_port: int | None = None
    cdu_extra: str = ""
    pressure_kpa: float = 90.0
    http_port: int = 0
    ports: tuple[int, ...] = ()
    reaper: Reaper | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    supervisor: Supervisor | None = None

    @property
    def daemon_socket(self) -> Path:
        """Return the daemon's control socket."""
        return self.folder / "run" / "control.sock"

    @property
    def row_socket(self) -> Path:
        """Return the row's control socket."""
        return self.folder / "row.sock"

    @property
    def config(self) -> Path:
        """Return the daemon's configuration."""
        return self.folder / "coolantd.toml"

    def start_row(self) -> None:
        """Start the virtual CDUs and write the configuration that goes with them."""
        for name in ("state", "run", "profiles"):
            (self.folder / name).mkdir(exist_ok=True)
        (self.folder / "profiles" / f"{PROFILE}.toml").write_text(profile_text(), encoding="utf-8")
        arguments = [str(self.row_socket), str(self.folder / "profiles"), "--count", str(self.count)]
        arguments += ["--seed", str(self.seed), "--period-s", f"{self.period_s:g}"]
        arguments += ["--refresh-s", f"{self.refresh_s:g}"]
        arguments += ["--ports", ",".join(map(str, self.ports))]
        arguments += [] if self.mqtt_port is None else ["--mqtt-port", str(self.mqtt_port)]
        self._start("row", [sys.executable, "-m", "coolantd.sim.chaos_row", *arguments], {})
        self._wait_for("row", self.row_socket)
        self.http_port = self.http_port or free_port()
        self.ports = self.ports or tuple(self.row("ports")["ports"])
        text = SiteText(
            folder=self.folder,
            cache=cache_directory(),
            ports=self.ports,
            http_port=self.http_port,
            period_s=self.period_s,
            poll_fast_s=self.poll_fast_s,
            mqtt_port=self.mqtt_port,
            cdu_extra=self.cdu_extra,
            pressure_kpa=self.pressure_kpa,
        )
        self.config.write_text(text.configuration(), encoding="utf-8")

    def start_broker(self) -> None:
        """Start mosquitto on ``mqtt_port``, or on a free port, which is then everybody's.

        Raises:
            CoolantdError: it is not installed, or did not start.
        """
        program = mosquitto()
        if program is None:
            raise CoolantdError("no MQTT broker: install Debian's mosquitto")
        self.mqtt_port = self.mqtt_port or free_port()
        settings = self.folder / "mosquitto.conf"
        settings.write_text(
            f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\npersistence false\n", encoding="utf-8"
        )
        self._start("broker", [program, "-c", str(settings)], {})
        until_s = time.monotonic() + START_S
        while not _listens(self.mqtt_port):
            if self.processes["broker"].poll() is not None or time.monotonic() > until_s:
                raise CoolantdError(f"mosquitto did not start on port {self.mqtt_port}")
            time.sleep(LOOK_S)

    def start_daemon(self) -> None:
        """Start the daemon and wait until it answers."""
        if self.supervisor is None:
            self.supervisor = Supervisor(self.folder / "notify.sock")
        told = {"NOTIFY_SOCKET": str(self.supervisor.path), "WATCHDOG_USEC": f"{WATCHDOG_S * 1e6:.0f}"}
        self._start("daemon", [sys.executable, "-m", "coolantd", "run", str(self.config)], told)
        self._wait_for("daemon", self.daemon_socket)

    def row(self, command: str, **arguments: Any) -> dict[str, Any]:
        """Give the row an order."""
        return request(self.row_socket, {"command": command, **arguments}, timeout_s=PATIENCE_S)

    def device(self, cdu: int, command: str, **arguments: Any) -> dict[str, Any]:
        """Give one virtual machine an order."""
        return self.row("device", cdu=cdu, order={"command": command, **arguments})

    def status(self) -> dict[str, Any]:
        """Return the daemon's status."""
        return request(self.daemon_socket, {"command": "status"}, timeout_s=PATIENCE_S)

    def modes(self) -> list[str]:
        """Return every CDU's mode, in order."""
        return [str(cdu["mode"]) for cdu in self.status()["cdus"]]

    def journal(self) -> list[dict[str, Any]]:
        """Return the daemon's records, oldest first."""
        found: list[dict[str, Any]] = []
        for name in ("journal.1.jsonl", "journal.jsonl"):
            path = self.folder / "state" / name
            if path.exists():
                found += [orjson.loads(line) for line in path.read_bytes().splitlines() if line.endswith(b"}")]
        return found

    def log(self) -> str:
        """Return what the daemon has said."""
        path = self.folder / "daemon.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def ended(self) -> list[str]:
        """Return a sentence for each process that has ended by itself."""
        return [
            f"{name} ended with status {process.returncode}"
            for name, process in self.processes.items()
            if process.poll() is not None
        ]

    def stop(self, name: str) -> int | None:
        """End one process politely, then not; return its exit status."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            return process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def kill(self, name: str) -> None:
        """End one process without a chance to say anything to anybody."""
        process = self.processes.pop(name)
        process.kill()
        process.wait()

    def _start(self, name: str, command: Sequence[str], told: dict[str, str]) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own command lines
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **told},
                start_new_session=True,
            )
        if self.reaper is not None:
            self.reaper.watch(self.processes[name].pid)

    def _wait_for(self, name: str, path: Path) -> None:
        until_s = time.monotonic() + START_S
        while not _answers(path):
            if self.processes[name].poll() is not None or time.monotonic() > until_s:
                last = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
                raise CoolantdError(f"the {name} did not start within {START_S:g} s: {last}")
            time.sleep(LOOK_S)


def mosquitto() -> str | None:
    """Return the broker's program, None where it is not installed."""
    return shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *SBIN]))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except OSError:
            return False
    return True


@contextlib.contextmanager
def chaos_site(count: int, **settings: Any) -> Iterator[ChaosSite]:
    """Give a site whose processes and files are gone afterwards; nothing is started yet.

    Args:
        count: CDUs.
        settings: of ``ChaosSite``.
    """
    with tempfile.TemporaryDirectory(prefix="coolantd-chaos-") as folder:
        site = ChaosSite(Path(folder), count, **settings)
        site.reaper = Reaper(site.folder)
        try:
            yield site
        finally:
            for name in ("daemon", "row", "broker"):
                site.stop(name)
            site.reaper.close()
            if site.supervisor is not None:
                site.supervisor.close()
