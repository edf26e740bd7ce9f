"""A virtual ORv3 RPU on a serial line of 19200 baud and the virtual row CDU, polled together by the real daemon.

The line is a pty whose server answers as slowly as the wire would; what the daemon shows of the RPU's 243 registers is
compared with a table that no code of coolantd has made. ``pytest -s`` prints the figures.
"""

import csv
import itertools
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from live_site import PERIOD_S, LiveSite, needs_broker, status_of, wait_for
from prometheus_client.parser import text_string_to_metric_families

from coolantd.config.profiles import load_profile
from coolantd.sim.demo_site import RPU_DEVICE, demo_site
from coolantd.sim.serial_port import ptys_available

pytestmark = [
    *needs_broker,
    pytest.mark.slow,
    pytest.mark.skipif(not ptys_available(), reason="this machine gives no pseudo terminals"),
]
TABLE = Path(__file__).parents[1] / "unit" / "protocol" / "orv3_expected.csv"
REGISTERS = 243
CDU_FAST = "tcs_supply_temp_c"
PROFILE = load_profile("orv3-rpu", profiles_dir=None)


def rows() -> list[dict[str, str]]:
    lines = TABLE.read_text(encoding="ascii").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


def words_of(some: list[dict[str, str]]) -> dict[str, int]:
    """Return the table's words by address, as the simulator takes them."""
    found = {}
    for row in some:
        for index, word in enumerate(row["words"].split()):
            found[str(int(row["address"]) + index)] = int(word, 16)
    return found


def expected_points(some: list[dict[str, str]]) -> dict[str, float]:
    """Return what the table expects of each numeric point; the profile is asked for its names only."""
    found = {}
    for row in some:
        for point in PROFILE.registers:
            if point.address == int(row["address"]):
                whole = int(row["expected"], 16) if row["kind"] == "flags" else float(row["expected"])
                found[point.name] = whole >> point.bit & 1 if row["kind"] == "flags" else whole
    return found


def expected_texts(some: list[dict[str, str]]) -> dict[str, str]:
    names = {text.address: text.name for text in PROFILE.texts}
    return {names[int(row["address"])]: row["expected"] for row in some if row["kind"] == "text"}


def points(status: dict[str, Any], device: str = RPU_DEVICE) -> dict[str, dict[str, Any]]:
    return {point["point"]: point for point in status["points"] if point["device"] == device}


def all_good(status: dict[str, Any]) -> bool:
    return all(point["quality"] == "good" for point in points(status).values())


def texts(site: LiveSite) -> dict[str, str]:
    found = next(device for device in site.status()["devices"] if device["name"] == RPU_DEVICE)
    return dict(found["texts"])


@pytest.fixture
def site() -> Iterator[LiveSite]:
    with demo_site(1.0, rpu=True) as demo:
        live = LiveSite(demo)
        try:
            yield live
        except BaseException:
            print((demo.folder / "daemon.log").read_text(errors="replace")[-3000:])
            raise


def start(site: LiveSite) -> float:
    """Start everything with the table's words in the RPU; return how long the first whole sweep took."""
    site.demo.start_broker()
    site.demo.start_simulator(0.5)
    site.demo.ask_simulator("hold_rpu", registers=words_of(rows()[:REGISTERS]))
    site.demo.start_daemon()
    taken_s = wait_for("a good sweep of the RPU", lambda: all_good(site.status()), 30.0, poll_s=0.02)
    site.wait_ready()
    return taken_s


def test_every_one_of_the_243_registers_is_decoded_as_the_independent_table_says(site: LiveSite) -> None:
    sweep_s = start(site)
    shown = points(site.status())
    wanted = expected_points(rows()[:REGISTERS])
    assert shown.keys() == wanted.keys()
    assert {name: point["value"] for name, point in shown.items()} == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    assert metric_values(site) == pytest.approx(wanted, rel=1e-9, abs=1e-9)
    wait_for("the texts", lambda: texts(site) == expected_texts(rows()[:REGISTERS]), 10.0)
    below_zero = rows()[REGISTERS:]
    site.demo.ask_simulator("hold_rpu", registers=words_of(below_zero))
    cold = expected_points(below_zero)
    wait_for(
        "readings below zero",
        lambda: {name: points(site.status())[name]["value"] for name in cold} == pytest.approx(cold, rel=1e-9),
        10.0,
    )
    print(f"\nRPU: {len(wanted)} points and 14 texts of 243 registers, first sweep within {sweep_s:.2f} s")


def metric_values(site: LiveSite) -> dict[str, float]:
    families = text_string_to_metric_families(site.get("/metrics")[1])
    return {
        sample.labels["point"]: sample.value
        for family in families
        for sample in family.samples
        if sample.name == "coolantd_point_value" and sample.labels["device"] == RPU_DEVICE
    }


def test_both_devices_stay_good_together_and_the_line_is_not_full(site: LiveSite) -> None:
    start(site)
    before, writes = site.truth()["rpu"], site.metric("coolantd_writes_total")
    begun_s = time.monotonic()
    with status_of(site, every_s=0.05) as recording:
        time.sleep(15.0)
    taken_s, after = time.monotonic() - begun_s, site.truth()["rpu"]
    for look in recording.looks:
        assert not [p for p in look.state["points"] if p["quality"] == "bad"]
    assert site.mode() == "automatic"
    assert site.metric("coolantd_writes_total") > writes
    busy_ratio = (after["busy_s"] - before["busy_s"]) / taken_s
    assert 0.0 < busy_ratio < 0.5
    assert after["discarded_bytes"] == 0
    cdu, rpu = periods_s(recording.looks, "cdu1", CDU_FAST), periods_s(recording.looks, RPU_DEVICE, "rpu_power_kw")
    assert statistics.median(cdu) == pytest.approx(PERIOD_S, abs=0.05)
    rate = (after["requests"] - before["requests"]) / taken_s
    print(f"\nCDU's {CDU_FAST} every {statistics.median(cdu):.3f} s, longest {max(cdu):.3f} s")
    print(f"RPU's fast points every {statistics.median(rpu):.3f} s, longest {max(rpu):.3f} s")
    print(f"serial line: {rate:.1f} requests/s, in use {busy_ratio:.1%}")


def periods_s(looks: list[Any], device: str, point: str) -> list[float]:
    """Return the times between samples of a point, from the ages it was shown with."""
    taken = sorted(look.at_s - points(look.state, device)[point]["age_s"] for look in looks)
    starts = [taken[0]]
    for at_s in taken:
        if at_s - starts[-1] > 0.2:
            starts.append(at_s)
    return [later - earlier for earlier, later in itertools.pairwise(starts)]


def test_the_adapter_is_pulled_and_put_back_under_the_same_path(site: LiveSite) -> None:
    """Points bad, CDU untouched, points good again; nobody restarted anything (USB adapters come and go)."""
    start(site)
    port = Path(site.demo.rpu_port)
    assert port.is_symlink()
    site.demo.ask_simulator("plug_rpu", on=False)
    assert not port.exists()
    fast = "rpu_power_kw"
    gone_s = wait_for("a bad point", lambda: points(site.status())[fast]["quality"] == "bad", 15.0)
    assert points(site.status())[fast]["value"] is None
    assert site.mode() == "automatic"
    assert points(site.status(), "cdu1")[CDU_FAST]["quality"] == "good"
    pid = site.pid("daemon")
    site.demo.ask_simulator("plug_rpu", on=True)
    assert port.is_symlink()
    back_s = wait_for("a good point", lambda: points(site.status())[fast]["quality"] == "good", 30.0)
    wait_for("every point good", lambda: all_good(site.status()), 30.0)
    assert site.pid("daemon") == pid
    assert site.mode() == "automatic"
    print(f"\nunplugged: bad after {gone_s:.2f} s; plugged in again: good after {back_s:.2f} s")


def test_the_line_is_handed_over_for_a_probe_and_taken_back(site: LiveSite) -> None:
    """While the daemon holds the line a probe says how to get it; paused, the line is the probe's."""
    start(site)
    code, _, said = coolantd("profile", "probe", "--config", site.demo.config, "--device", RPU_DEVICE)
    assert code == 1
    assert f"is in use by another process; if that is coolantd, `coolantd device pause {RPU_DEVICE}`" in said
    control = ("--socket", site.demo.daemon_socket)
    assert coolantd("device", "pause", RPU_DEVICE, "--for", "5m", *control)[0] == 0
    code, out, said = coolantd("profile", "probe", "--config", site.demo.config, "--device", RPU_DEVICE, "--json")
    assert code == 0, said
    assert json.loads(out)["plausible"] == len(PROFILE.registers) + len(PROFILE.texts)
    assert site.mode() == "automatic"
    assert coolantd("device", "resume", RPU_DEVICE, *control)[0] == 0
    wait_for("every point good", lambda: all_good(site.status()), 30.0)


def coolantd(*arguments: object) -> tuple[int, str, str]:
    command = [sys.executable, "-m", "coolantd", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout, done.stderr
