"""The demo's own site on free loopback ports: configuration, broker, simulator and daemon as processes of their own.

Every process is started by this file and ended by it, by its own id, whatever happens in between; by its reaper after
a SIGKILL of its owner.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from importlib import resources, util
from pathlib import Path
from typing import Any, Final

from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.sim.ports import free_port
from coolantd.sim.reaper import Reaper
from coolantd.sim.serial_port import ptys_available

START_TIMEOUT_S: Final = 30.0
"""Ten times what a loaded two-core machine takes."""
STOP_TIMEOUT_S: Final = 6.0
"""A second more than the daemon promises."""
POLL_S: Final = 0.05
PATIENCE_S: Final = 5.0
"""For an answer of the daemon or the simulator: a busy machine's worst, not a stopped process."""
SBIN: Final = ("/usr/sbin", "/usr/local/sbin")
"""Debian puts mosquitto where an ordinary user's PATH does not look."""

RPU_DEVICE: Final = "rpu1"
RPU_SPEED_MAX: Final = 2.0
"""A serial line does not run faster than time: polled five times as often its replies would be late for the daemon."""
RPU_CONFIG: Final = """
[[line]]
name = "rack-bus"                   # the virtual RPU's, a pseudo terminal as slow as 19200 baud
port = "{port}"
baudrate = 19200
turnaround_s = 0.3                  # the rack monitor's timeout for this unit

[[device]]
name = "{name}"
profile = "orv3-rpu"
modbus_rtu = {{ line = "rack-bus", unit_id = 12 }}
poll_fast_s = 1.0
monitor_only = true                 # looked at, not commanded
"""
"""Appended to the demo's configuration where there are pseudo terminals."""


def _demo_config() -> str:
    """Return config/demo.toml: from the checkout, or the copy that the wheel carries."""
    checkout = Path(__file__).resolve().parents[2] / "config" / "demo.toml"
    if checkout.is_file():
        return checkout.read_text(encoding="utf-8")
    return resources.files("coolantd.sim").joinpath("demo.toml").read_text(encoding="utf-8")


def _replace_once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise CoolantdError(f"config/demo.toml: {old!r} occurs {text.count(old)} times, allowed: once")
    return text.replace(old, new)


def cache_directory() -> Path:
    """Return where compiled kernels are kept from one demo to the next."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "coolantd"


@dataclass(slots=True)
class DemoSite:
    """A site in a temporary directory, its processes and its addresses.

    Attributes:
        speed: seconds of plant and daemon per real second.
        broker: which broker runs: ``mosquitto`` or ``amqtt``.
        rpu: whether a virtual RPU on a serial line is part of it.
    """

    folder: Path
    speed: float
    http_port: int = 0
    modbus_port: int = 0
    mqtt_port: int = 0
    broker: str = ""
    rpu: bool = False
    reaper: Reaper | None = None
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    @property
    def daemon_socket(self) -> Path:
        """Return the daemon's control socket."""
        return self.folder / "run" / "control.sock"

    @property
    def simulator_socket(self) -> Path:
        """Return the simulator's control socket."""
        return self.folder / "simulator.sock"

    @property
    def config(self) -> Path:
        """Return the daemon's configuration file."""
        return self.folder / "coolantd.toml"

    @property
    def rpu_port(self) -> Path:
        """Return the serial port of the virtual RPU, named as udev names an adapter."""
        return self.folder / "serial" / "by-id" / "usb-virtual-rpu-port0"

    def write_config(self) -> None:
        """Write the demo's configuration with this site's ports and directories."""
        text = _demo_config()
        changes = {
            "port = 5020": f"port = {self.modbus_port}",
            "port = 1883": f"port = {self.mqtt_port}",
            "port = 9470": f"port = {self.http_port}",
            '"/var/lib/coolantd"': f'"{self.folder / "state"}"',
            '"/var/cache/coolantd"': f'"{cache_directory()}"',
            '"/run/coolantd"': f'"{self.folder / "run"}"',
        }
        for old, new in changes.items():
            text = _replace_once(text, old, new)
        if self.rpu:
            text += RPU_CONFIG.format(port=self.rpu_port, name=RPU_DEVICE)
        for directory in ("state", "run"):
            (self.folder / directory).mkdir()
        self.config.write_text(text, encoding="utf-8")

    def start_broker(self) -> None:
        """Start mosquitto if it is installed, else amqtt.

        Raises:
            CoolantdError: neither is there.
        """
        mosquitto = shutil.which("mosquitto", path=os.pathsep.join([os.environ.get("PATH", ""), *SBIN]))
        if mosquitto is not None:
            self.broker = "mosquitto"
            settings = self.folder / "mosquitto.conf"
            settings.write_text(f"listener {self.mqtt_port} 127.0.0.1\nallow_anonymous true\npersistence false\n")
            self._start("broker", mosquitto, "-c", str(settings))
        elif util.find_spec("amqtt") is not None:
            self.broker = "amqtt"
            self._start("broker", sys.executable, "-m", "coolantd.sim.broker", str(self.mqtt_port))
        else:
            raise CoolantdError(
                "no MQTT broker: install Debian's mosquitto, or the extra: pip install 'coolantd[demo]'"
            )
        self._wait_for("the broker", lambda: _listens(self.mqtt_port))

    def start_simulator(self, load_ratio: float, *options: str) -> None:
        """Start the virtual CDU and manifold at a constant load until told otherwise.

        Args:
            load_ratio: of the rated load.
            options: more of ``coolantd simulate``; one given twice counts as given last.
        """
        self._start(
            "simulator",
            *_coolantd("simulate", "--json"),
            *("--modbus-port", str(self.modbus_port), "--mqtt-port", str(self.mqtt_port)),
            *("--steps", f"0:{load_ratio * 100.0:g}", "--speed", f"{self.speed:g}"),
            *("--control", str(self.simulator_socket)),
            *(("--rpu-link", str(self.rpu_port)) if self.rpu else ()),
            *options,
        )
        self._wait_for("the simulator", lambda: _accepts(self.simulator_socket))

    def start_daemon(self) -> None:
        """Start the daemon and wait until it answers."""
        self._start("daemon", *_coolantd("run"), "--config", str(self.config), "--speed", f"{self.speed:g}")
        self._wait_for("the daemon", lambda: _accepts(self.daemon_socket))

    def ask_daemon(self, command: str, *, patience_s: float = PATIENCE_S) -> dict[str, Any]:
        """Give the daemon an order."""
        return request(self.daemon_socket, {"command": command}, timeout_s=patience_s)

    def ask_simulator(self, command: str, *, patience_s: float = PATIENCE_S, **arguments: Any) -> dict[str, Any]:
        """Give the simulator an order."""
        return request(self.simulator_socket, {"command": command, **arguments}, timeout_s=patience_s)

    def ended(self) -> list[str]:
        """Return a sentence for each process that has ended by itself, with its last words."""
        return [
            f"{name} ended with status {process.returncode}: {self._last_words(name)}"
            for name, process in self.processes.items()
            if process.poll() is not None
        ]

    def check_alive(self) -> None:
        """Raise CoolantdError if a process has ended by itself."""
        for sentence in self.ended():
            raise CoolantdError(sentence)

    def stop(self, name: str) -> int | None:
        """End one process politely, then not; return its exit status."""
        process = self.processes.pop(name, None)
        if process is None:
            return None
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.terminate()
        try:
            return process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def _start(self, name: str, *command: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(  # noqa: S603 - our own command lines
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for whoever started us: we end them, in order
            )
        if self.reaper is not None:
            self.reaper.watch(self.processes[name].pid)

    def _wait_for(self, what: str, there: Any) -> None:
        until_s = time.monotonic() + START_TIMEOUT_S
        while not there():
            self.check_alive()
            if time.monotonic() > until_s:
                raise CoolantdError(f"{what} did not start within {START_TIMEOUT_S:g} s")
            time.sleep(POLL_S)

    def _last_words(self, name: str) -> str:
        lines = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return lines[-1][:300] if lines else "it said nothing"


def _coolantd(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "coolantd", *arguments)


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _accepts(path: Path) -> bool:
    """Return whether somebody listens on a socket; its file is there a moment before, and after one that was killed."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(POLL_S)  # one that listens and takes nobody would hold us for ever
        return probe.connect_ex(str(path)) == 0


@contextlib.contextmanager
def demo_site(speed: float, *, rpu: bool = False) -> Iterator[DemoSite]:
    """Give a site whose processes and files are gone afterwards; the daemon is ended first, as an operator would.

    Args:
        speed: seconds of plant and daemon per real second.
        rpu: with a virtual RPU on a serial line, if speed and machine allow one; see ``DemoSite.rpu``.
    """
    with tempfile.TemporaryDirectory(prefix="coolantd-demo-") as folder:
        ports = (free_port(), free_port(), free_port())
        site = DemoSite(Path(folder), speed, http_port=ports[0], modbus_port=ports[1], mqtt_port=ports[2])
        site.rpu = rpu and speed <= RPU_SPEED_MAX and ptys_available()
        site.write_config()
        site.reaper = Reaper(site.folder)
        try:
            yield site
        finally:
            for name in ("daemon", "simulator", "broker"):
                site.stop(name)
            site.reaper.close()
