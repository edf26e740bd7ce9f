"""``coolantd tune`` against a virtual CDU that the configuration does not know, over real Modbus."""

import contextlib
import math
import subprocess
import sys
import time
import tomllib
from dataclasses import dataclass

import numpy as np
import orjson
import pytest
from live_site import FULL, Recording, needs_broker, wait_for

from coolantd.control.trial_order import Abort
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant
from coolantd.sim.demo_site import demo_site
from coolantd.sim.oddities import parse_oddities
from coolantd.sim.settling import settle_on_fallback
from coolantd.sim.simulator import RACK_COUNT, RACK_HEAT_RATED_W

pytestmark = [*needs_broker, pytest.mark.slow]

SPEED = 2.0 if FULL else 5.0
"""At 5 a busy machine's own delays, five times as long for the plant, make gains up to 38 % too high; gains are judged
at 2, everything else also at 5."""
SLOWER = (2.0, 2.0)
"""For a test that ended because a busy machine's readings came late: the same again, with more time for each."""
LATE = Abort.READING.sentence
LOST_MAX_RATIO = 0.04
"""A virtual plant that had to drop more of its time than this is another plant, slower than the one compared with."""
ODD = "ua=0.85,kv=0.9,volume=1.2,sensor=1.5"
LIMIT_K = 1.8
LOADS = (0.3, 0.9) if FULL else (0.9,)
WITHIN = 0.30
SENSOR_LAG_S = 3.0
LATE_S = 0.25 + 0.25 + 0.25
"""From a decision to its reading beside plant and sensor, on the average: half a period of the status block, half of
the poll, and half of the cycle for holding the output."""


@dataclass
class Tuned:
    status: int
    result: dict
    out: str
    error: str


@contextlib.contextmanager
def site(load, *options, mode="automatic", speed=SPEED):
    with demo_site(speed) as demo:
        text = demo.config.read_text(encoding="utf-8")
        demo.config.write_text(text.replace('mode = "automatic" ', f'mode = "{mode}" '), encoding="utf-8")
        demo.start_broker()
        demo.start_simulator(load, "--no-mqtt", *options)
        demo.start_daemon()
        wait_for("control", lambda: demo.ask_daemon("status")["ready"], 30.0)
        yield demo


def tune(demo, folder, *options):
    command = [sys.executable, "-m", "coolantd", "tune", "cdu1", "--json", "--socket", str(demo.daemon_socket)]
    done = subprocess.run(
        [*command, "--report", str(folder), *options], capture_output=True, timeout=750 / SPEED, check=False, text=True
    )
    assert done.stdout, done.stderr
    return Tuned(done.returncode, orjson.loads(done.stdout), done.stdout, done.stderr)


def true_gains(load):
    """SIMC's gains from the plant itself: its answer to 0.2 % of valve, without noise, Modbus or code of tuning/."""
    odd = parse_oddities(ODD, "")
    plant = Plant(odd.of(reference_plant(rack_count=RACK_COUNT, rack_heat_rated_w=RACK_HEAT_RATED_W)))
    plant.inputs.rack_heat_w[:] = load * RACK_HEAT_RATED_W
    settle_on_fallback(plant)
    plant.settle()
    before_c, shown_k, move, dt_s = plant.tcs_supply_temp_c, 0.0, 0.002, 0.1
    plant.inputs.fws_valve_ratio += move
    answer = []
    for _ in range(6000):
        plant.advance(dt_s)
        shown_k += (plant.tcs_supply_temp_c - before_c - shown_k) * (1.0 - math.exp(-dt_s / SENSOR_LAG_S))
        answer.append(shown_k / (100.0 * move))
    time_s, answer = dt_s * np.arange(1, len(answer) + 1), np.array(answer)
    omega = np.logspace(-3.0, 0.5, 600)
    gain = answer[-1]
    turn = np.exp(-1j * np.outer(omega, time_s))
    seen = (gain + 1j * omega * dt_s * (turn @ (answer - gain))) * np.exp(-1j * omega * LATE_S) / gain
    phase = np.unwrap(np.angle(seen))
    at = int(np.flatnonzero(phase <= math.radians(-135.0))[0])
    tau_s = math.sqrt(1.0 / abs(seen[at]) ** 2 - 1.0) / omega[at]
    delay_s = (-phase[at] - math.atan(tau_s * omega[at])) / omega[at]
    return tau_s / (abs(gain) * 2.0 * delay_s), min(tau_s, 8.0 * delay_s)


@pytest.mark.skipif(not FULL, reason="COOLANTD_FULL=1; four minutes a load, for it has to run at nearly a site's pace")
@pytest.mark.parametrize("load", LOADS)
@pytest.mark.timeout(600)
def test_gains_are_those_of_the_true_plant_and_the_supply_stays_within_the_abort_limits(load, tmp_path):
    with site(load, "--plant", ODD) as demo:
        time.sleep((90.0 if FULL else 45.0) / SPEED)
        with Recording(lambda: demo.ask_simulator("state", since=10**9), 0.05) as plant:
            options = () if FULL else ("--no-check", "--loop", "supply")
            tuned = tune(demo, tmp_path, "--supply-limit-k", str(LIMIT_K), *options)
        config = demo.config.read_text(encoding="utf-8")
        checked = merged_config_is_valid(demo, tuned.result["fragment"], config)
    lost = 1.0 - (plant.looks[-1].state["time_s"] - plant.looks[0].state["time_s"]) / (
        SPEED * (plant.looks[-1].at_s - plant.looks[0].at_s)
    )
    if lost > LOST_MAX_RATIO:
        pytest.skip(f"this machine is too busy: the virtual plant lost {lost:.0%} of its time")
    doubts = [doubt for each in tuned.result["loops"] for doubt in each["doubts"]]
    assert tuned.status == 0, tuned.result["aborted"] or tuned.result["findings"] or doubts
    supply = next(each for each in tuned.result["loops"] if each["loop"] == "supply_temp")
    gain, integral_time_s = true_gains(load)
    found = supply["gains"]
    worst_k = max(abs(look.state["tcs_supply_temp_c"] - 34.0) for look in plant.looks)
    print(
        f"\n{load:.0%} load: gain {found['gain']:.2f} %/K (true plant {gain:.2f}), integral time "
        f"{found['integral_time_s']:.1f} s ({integral_time_s:.1f}); supply {worst_k:.2f} K off, limit {LIMIT_K} K"
    )
    assert found["gain"] == pytest.approx(gain, rel=WITHIN)
    assert found["integral_time_s"] == pytest.approx(integral_time_s, rel=WITHIN)
    assert worst_k <= LIMIT_K
    assert tuned.result["paired"] == FULL
    assert checked
    page = (tmp_path / "tune.html").read_text(encoding="utf-8")
    assert page.count("<svg") == (6 if FULL else 3)
    assert "http" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    ).replace("https://matplotlib.org", "")


def merged_config_is_valid(demo, fragment, config):
    """Replace the fragment's keys in the configuration and ask the daemon whether it would take it."""
    for table, keys in tomllib.loads(fragment)["cdu"].items():
        for key, value in keys.items():
            lines, inside = [], False
            for line in config.splitlines():
                inside = line.startswith(f"[cdu.{table}]") or (inside and not line.startswith("["))
                lines.append(f"{key} = {value}" if inside and line.startswith(f"{key} = ") else line)
            config = "\n".join(lines) + "\n"
            assert f"{key} = {value}" in config
    demo.config.write_text(config, encoding="utf-8")
    return (
        subprocess.run(
            [sys.executable, "-m", "coolantd", "check", str(demo.config)], capture_output=True, check=False
        ).returncode
        == 0
    )


@pytest.mark.skipif(not FULL, reason="COOLANTD_FULL=1; tests/sim/test_trial.py shows the same without a wire")
@pytest.mark.timeout(120)
def test_a_limit_ends_the_test_and_the_old_gains_stay_in_force(tmp_path):
    with site(0.9, "--plant", ODD) as demo:
        time.sleep(60.0 / SPEED)
        options = ("--no-check", "--loop", "supply", "--supply-limit-k", "0.6", "--amplitude-pct", "4")
        with Recording(lambda: demo.ask_simulator("state", since=10**9), 0.05) as plant:
            tuned = tune(demo, tmp_path, *options)
            time.sleep(60.0 / SPEED)
        status = demo.ask_daemon("status")
        journal = (demo.folder / "state" / "journal.jsonl").read_text(encoding="utf-8")
    worst_k = max(abs(look.state["tcs_supply_temp_c"] - 34.0) for look in plant.looks)
    assert tuned.status == 1
    assert "supply temperature was about to leave its limits" in tuned.result["aborted"]
    assert "The gains that were in force before are in force." in (tmp_path / "tune.html").read_text(encoding="utf-8")
    assert not tuned.result["fragment"]
    assert worst_k <= 0.6 + 0.5
    assert abs(plant.looks[-1].state["tcs_supply_temp_c"] - 34.0) < 0.4
    assert status["cdus"][0]["mode"] == "automatic"
    assert '"trial_ended"' in journal


WRONG = {
    "swapped-pumps": "pumps_swapped",
    "reversed-valve": "valve_reversed",
    "dead-valve": "valve_dead",
}


@pytest.mark.parametrize("wrong", WRONG if FULL else ("reversed-valve",))
@pytest.mark.timeout(300)
def test_what_is_connected_wrongly_is_found_before_automatic(wrong, tmp_path):
    for speed in (SPEED, *SLOWER):
        with site(0.5, "--miswired", wrong, mode="manual", speed=speed) as demo:
            tuned = tune(demo, tmp_path, "--check-only")
        if LATE not in str(tuned.result["aborted"]):
            break
    keys = {each["key"] for each in tuned.result["findings"]}
    print(f"\n{wrong}: " + "; ".join(each["sentence"] for each in tuned.result["findings"]))
    assert tuned.status == 1
    assert keys == {WRONG[wrong]}, tuned.result["aborted"]
    assert "automatic is not recommended" in (tmp_path / "tune.md").read_text(encoding="utf-8")


INSTRUMENTS = {
    "swapped temperatures": {
        "tcs_supply_temp_c": {"source": "tcs_return_temp_c"},
        "tcs_return_temp_c": {"source": "tcs_supply_temp_c"},
    },
    "a tenth of the flow": {"tcs_flow_lpm": {"factor": 0.1}},
}


@pytest.mark.skipif(not FULL, reason="COOLANTD_FULL=1; the permissives have tests of their own")
@pytest.mark.parametrize("wrong", INSTRUMENTS)
@pytest.mark.timeout(120)
def test_what_the_readings_at_rest_already_contradict_lets_no_test_begin(wrong, tmp_path):
    with demo_site(SPEED) as demo:
        demo.start_broker()
        demo.start_simulator(0.5, "--no-mqtt")
        demo.ask_simulator("miswire", points=INSTRUMENTS[wrong])
        demo.start_daemon()
        time.sleep(30.0 / SPEED)
        tuned = tune(demo, tmp_path, "--check-only")
        cause = demo.ask_daemon("status")["cdus"][0]["cause"]
    print(f"\n{wrong}: {tuned.result['aborted']}")
    assert tuned.status == 1
    assert cause
    assert cause in tuned.result["aborted"]
