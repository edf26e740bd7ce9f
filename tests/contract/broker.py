"""A real mosquitto for tests: started by pid on a free loopback port, stopped, frozen and started again at will.

Use it as a context manager in a module that says ``pytestmark = needs_mosquitto``::

    with Mosquitto(tmp_path) as broker:
        ...  # broker.port; broker.stop(), broker.start(), broker.freeze(), broker.thaw()
"""

import contextlib
import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from coolantd.sim.ports import free_port

_SEARCH_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"])
MOSQUITTO = shutil.which("mosquitto", path=_SEARCH_PATH)
MOSQUITTO_PASSWD = shutil.which("mosquitto_passwd", path=_SEARCH_PATH)

START_TIMEOUT_S = 5.0
STOP_TIMEOUT_S = 5.0
START_ATTEMPTS = 3


needs_mosquitto = [
    pytest.mark.real,
    pytest.mark.skipif(MOSQUITTO is None, reason="mosquitto is not installed"),
]
"""For ``pytestmark``, alone or added to a list of others."""


class Mosquitto:
    """One broker process; the port stays the same over stop and start, retained messages do not.

    Args:
        folder: for configuration and log.
        users: name to password; without any, everybody may connect.
        certificate, key: PEM files; with them the listener is TLS.
    """

    def __init__(
        self,
        folder: Path,
        *,
        users: dict[str, str] | None = None,
        certificate: Path | None = None,
        key: Path | None = None,
    ) -> None:
        self.host = "127.0.0.1"
        self.port = 0
        self.log = folder / "mosquitto.log"
        self._config = folder / "mosquitto.conf"
        self._folder = folder
        self._users = users or {}
        self._tls = (certificate, key) if certificate and key else None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Mosquitto":
        for attempt in range(START_ATTEMPTS):
            self.port = free_port()
            try:
                self.start()
            except RuntimeError:  # somebody took the port between finding and using it
                if attempt == START_ATTEMPTS - 1:
                    raise
            else:
                return self
        raise AssertionError("unreachable")

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        assert self._process is not None, "the broker is stopped"
        return self._process.pid

    def start(self) -> None:
        """Start and wait until it accepts connections."""
        assert self._process is None, "already started"
        assert MOSQUITTO is not None
        self._write_config()
        self._process = subprocess.Popen(
            [MOSQUITTO, "-c", str(self._config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline_s = time.monotonic() + START_TIMEOUT_S
        while time.monotonic() < deadline_s and self._process.poll() is None:
            with contextlib.suppress(OSError), socket.create_connection((self.host, self.port), timeout=0.5):
                return
            time.sleep(0.02)
        self.kill()
        raise RuntimeError(f"mosquitto did not start; its log: {self._log_text()}")

    def stop(self) -> None:
        """Stop it as an operator would; a frozen one too. Nothing happens if it is stopped already."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End it without a chance to say anything to anybody."""
        self._end(signal.SIGKILL)

    def freeze(self) -> None:
        """Stop its execution: the kernel goes on accepting connections and bytes, nobody answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    def _end(self, sig: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(sig)
        process.send_signal(signal.SIGCONT)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)

    def _write_config(self) -> None:
        lines = [
            f"listener {self.port} {self.host}",
            "persistence false",
            f"log_dest file {self.log}",
            "log_type all",
            # A root broker changes to another user, who could not read a private test folder.
            f"user {getpass.getuser()}",
        ]
        if self._users:
            lines += ["allow_anonymous false", f"password_file {self._password_file()}"]
        else:
            lines.append("allow_anonymous true")
        if self._tls:
            lines += [f"certfile {self._tls[0]}", f"keyfile {self._tls[1]}"]
        self._config.write_text("\n".join(lines) + "\n")

    def _password_file(self) -> Path:
        path = self._folder / "passwords"
        if not path.exists():
            if MOSQUITTO_PASSWD is None:
                pytest.skip("mosquitto_passwd is not installed")
            path.touch(mode=0o600)
            for name, password in self._users.items():
                subprocess.run([MOSQUITTO_PASSWD, "-b", str(path), name, password], check=True, timeout=10)
        return path

    def _log_text(self) -> str:
        return self.log.read_text() if self.log.exists() else "(none)"
