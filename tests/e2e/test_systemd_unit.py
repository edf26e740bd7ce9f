"""The unit file, as systemd's own tools judge it; how it behaves when booted is nspawn_unit.sh's business."""

import shutil
import subprocess
from pathlib import Path

import pytest

SYSTEMD = Path(__file__).parents[2] / "systemd"
DROP_INS = sorted((SYSTEMD / "coolantd.service.d").glob("*.conf.example"))
EXPOSURE_MAX = 15
"""Tenths, as `systemd-analyze security --threshold` takes them: 1.5."""

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"),
]


def analyze(*args: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *map(str, args)], capture_output=True, text=True, timeout=60, check=False
    )


def installed(tmp_path: Path, drop_in: Path | None = None, extra: str = "") -> Path:
    """The unit as it would lie in /etc/systemd/system.

    ExecStart's interpreter is replaced by a program that exists: verify reports a missing one, and /opt/coolantd
    exists only where the daemon is installed. nspawn_unit.sh verifies the unit unchanged, in such a place.
    """
    text = (SYSTEMD / "coolantd.service").read_text() + extra
    assert text.count("ExecStart=/opt/coolantd/bin/python ") == 1
    unit = tmp_path / "coolantd.service"
    unit.write_text(text.replace("/opt/coolantd/bin/python ", "/bin/true "))
    if drop_in is not None:
        folder = tmp_path / "coolantd.service.d"
        folder.mkdir()
        shutil.copy(drop_in, folder / drop_in.name.removesuffix(".example"))
    return unit


def complaints(unit: Path) -> str:
    """What verify says; its exit status is 0 even for a key it does not know."""
    done = analyze("verify", unit)
    return done.stdout + done.stderr


def test_verify_prints_nothing(tmp_path: Path) -> None:
    assert complaints(installed(tmp_path)) == ""


def test_verify_would_complain(tmp_path: Path) -> None:
    """A check that cannot fail is no check."""
    assert "WatchDogSec" in complaints(installed(tmp_path, extra="[Service]\nWatchDogSec=5\n"))


@pytest.mark.parametrize("drop_in", DROP_INS, ids=lambda path: path.name)
def test_verify_prints_nothing_with_a_drop_in(tmp_path: Path, drop_in: Path) -> None:
    assert complaints(installed(tmp_path, drop_in)) == ""


@pytest.mark.parametrize("drop_in", [None, *DROP_INS], ids=lambda path: path.name if path else "as shipped")
def test_exposure_stays_under_its_limit(tmp_path: Path, drop_in: Path | None) -> None:
    unit = installed(tmp_path, drop_in)
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit)
    assert "Overall exposure level" in done.stdout
    assert done.returncode == 0, done.stdout.strip().splitlines()[-1]


def test_exposure_check_would_fail(tmp_path: Path) -> None:
    unit = installed(
        tmp_path, extra="[Service]\nNoNewPrivileges=no\nSystemCallFilter=\nProtectSystem=no\nPrivateTmp=no\n"
    )
    assert analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", unit).returncode == 1


def test_verify_prints_nothing_about_the_units_for_requests(tmp_path: Path) -> None:
    """The site's own program is not there yet; a program that exists stands in."""
    for kind in ("path", "service"):
        text = (SYSTEMD / f"coolantd-request@.{kind}").read_text()
        (tmp_path / f"coolantd-request@.{kind}").write_text(
            text.replace("=/etc/coolantd/on-request /run", "=/bin/true /run")
        )
    for kind in ("path", "service"):
        assert complaints(tmp_path / f"coolantd-request@.{kind}") == ""


def directives(name: str) -> list[str]:
    lines = (SYSTEMD / "coolantd.service").read_text().splitlines()
    return [line.partition("=")[2] for line in lines if line.startswith(f"{name}=")]


def test_the_daemon_is_never_given_up_on() -> None:
    """FM-44: systemd's default ends in "failed" after five starts in ten seconds."""
    assert directives("StartLimitIntervalSec") == ["0"]
    assert directives("Restart") == ["always"]
    assert directives("RestartPreventExitStatus") == []


def test_machine_code_may_be_written_and_run() -> None:
    """Numba cannot even be imported with MemoryDenyWriteExecute on."""
    assert directives("MemoryDenyWriteExecute") == ["no"]


def test_callers_of_the_control_socket_keep_their_names() -> None:
    """In a user namespace of its own the daemon would see every operator as nobody."""
    assert directives("PrivateUsers") == ["no"]
    assert directives("User") == directives("Group") == ["coolantd"]


@pytest.mark.skipif(shutil.which("systemd-sysusers") is None, reason="systemd-sysusers is not installed")
def test_sysusers_makes_the_account(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    done = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(SYSTEMD / "coolantd.sysusers")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "coolantd:" in (tmp_path / "etc/passwd").read_text()
    assert "coolantd:" in (tmp_path / "etc/group").read_text()


def test_the_serial_drop_in_lets_serial_ports_in_and_nothing_else() -> None:
    text = (SYSTEMD / "coolantd.service.d/serial-line.conf.example").read_text()
    allowed = [line.partition("=")[2] for line in text.splitlines() if line.startswith("DeviceAllow=")]
    assert allowed == ["char-ttyUSB rw", "char-ttyACM rw", "char-ttyS rw"]
    assert "\nDevicePolicy=closed\n" in text
