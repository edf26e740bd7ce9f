"""PROFILES.md, followed to the letter: what the reader saves is saved, what the reader runs is run, and values come."""

import contextlib
import json
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from live_site import wait_for

from coolantd.sim.ports import free_port

PROFILES = Path(__file__).parents[2] / "PROFILES.md"
FOLDER = "/tmp/coolantd-try"
PORT = "15020"
SAVED = re.compile(rf"[Ss]ave as `({FOLDER}/[^`]+)`:\n\n```\w+\n(.*?)```", re.DOTALL)
SHELL = re.compile(r"```sh\n(.*?)```", re.DOTALL)
TIMEOUT_S = 30.0
EXPECTED = {
    "fws_supply_temp_c": 20.3,
    "tcs_supply_temp_c": 32.1,
    "tcs_return_temp_c": 41.2,
    "tcs_return_pressure_kpa": 147.0,
    "tcs_supply_pressure_kpa": 238.0,
    "tcs_differential_pressure_kpa": 91.0,
    "pump1_speed_pct": 44.0,
    "pump2_speed_pct": 0.0,
    "fws_flow_lpm": 610.0,
    "tcs_flow_lpm": 835.0,
    "status_code": 5.0,
    "tcs_supply_temp_setpoint_c": 32.0,
    "alarm_pump_flow_low_bool": 0.0,
}
"""The raw registers of the tutorial's device, worked out by hand from its list: 203 x 0.1, 147 x 0.01 bar, ..."""


class Reader:
    """Somebody who follows the text, in a folder and on a port of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = str(free_port())
        self.text = PROFILES.read_text(encoding="utf-8")

    def own(self, text: str) -> str:
        return text.replace(FOLDER, str(self.folder)).replace(PORT, self.port)

    def save_everything(self) -> None:
        for line in self.commands("mkdir"):
            subprocess.run(line, check=True, timeout=TIMEOUT_S)
        for path, content in SAVED.findall(self.text):
            Path(self.own(path)).write_text(self.own(content), encoding="utf-8")
        with (self.folder / "coolantd.toml").open("a", encoding="utf-8") as config:
            config.write("\n[http]\nport = 0\n")  # the reader has 9470 to himself

    def commands(self, *words: str) -> list[list[str]]:
        """The shell lines of the text that begin with these words, as arguments."""
        lines = [line.split() for block in SHELL.findall(self.text) for line in self.own(block).splitlines()]
        return [line for line in lines if line[: len(words)] == list(words)]

    def command(self, *words: str) -> list[str]:
        (line,) = self.commands(*words)
        assert line[0] in ("coolantd", ".venv/bin/python")
        interpreter = [sys.executable]
        return interpreter + (["-m", "coolantd"] if line[0] == "coolantd" else []) + line[1:]

    def run(self, *words: str, more: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
        line = [*self.command(*words), *more]
        return subprocess.run(line, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)

    @contextlib.contextmanager
    def running(self, *words: str) -> Iterator[None]:
        with (self.folder / "output.log").open("ab") as output:
            process = subprocess.Popen(self.command(*words), stdout=output, stderr=output)
            try:
                yield
            finally:
                process.terminate()
                process.wait(10.0)

    def answers(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", int(self.port)), timeout=1.0):
            return True
        return False

    def good_values(self) -> dict[str, float]:
        done = self.run("coolantd", "status", more=("--json",))
        points = json.loads(done.stdout)["points"] if done.returncode == 0 else []
        return {point["point"]: point["value"] for point in points if point["quality"] == "good"}


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    follower = Reader(tmp_path)
    follower.save_everything()
    return follower


def test_the_profile_and_the_configuration_are_right(reader: Reader) -> None:
    valid = reader.run("coolantd", "profile", "validate", f"{reader.folder}/profiles/example-cdu.toml")
    assert (valid.returncode, valid.stderr) == (0, "")
    assert valid.stdout.startswith("OK: ")
    assert "13 points" in valid.stdout
    checked = reader.run("coolantd", "check")
    assert checked.returncode == 0, checked.stderr


def test_the_slip_it_suggests_is_refused_with_its_line(reader: Reader) -> None:
    path = reader.folder / "profiles/example-cdu.toml"
    text = path.read_text()
    path.write_text(text.replace("scale = 0.1", "scal = 0.1", 1))
    line = text[: text.index("scale = 0.1")].count("\n") + 1
    done = reader.run("coolantd", "profile", "validate")
    assert done.returncode == 2
    assert f"{path}:{line}: " in done.stderr
    assert "did you mean scale?" in done.stderr


@pytest.mark.slow
def test_live_values(reader: Reader) -> None:
    with reader.running(".venv/bin/python"):
        wait_for("listening device", reader.answers, TIMEOUT_S)
        probed = reader.run("coolantd", "profile", "probe")
        assert probed.returncode == 0, probed.stderr
        assert "12 of 12 points plausible" in probed.stdout
        with reader.running("coolantd", "run"):
            wait_for("thirteen good points", lambda: set(reader.good_values()) == set(EXPECTED), TIMEOUT_S, poll_s=0.5)
            assert reader.good_values() == pytest.approx(EXPECTED)
