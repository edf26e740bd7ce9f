"""``coolantd tune``: what it refuses, and what it makes of a daemon's readings; against a real control socket."""

import numpy as np
import orjson
import pytest
from fake_daemon import command, daemon
from typer.testing import CliRunner

from coolantd.cli.tune import tune
from coolantd.tuning.process import Process

LOOP = {"gain": 4.0, "integral_time_s": 20.0, "unit": "degC", "output_pct": 60.0, "output_max_pct": 100.0,
        "output_rate_pct_per_s": 3.3, "setpoint": 34.0, "poll_s": 0.5}  # fmt: skip
FACTS = {
    "cdu": "cdu1",
    "mode": "manual",
    "period_s": 0.5,
    "loops": {"supply_temp": LOOP, "pressure": {**LOOP, "unit": "kPa"}},
    "valve": {"tag": "cdu1.valve", "index": 0, "minimum_pct": 0.0},
    "pumps": [],
    "model": None,
}
PLANT = Process(gain=-0.36, fast_ratio=0.35, fast_s=2.0, slow_s=25.0, loop_s=8.0, common_s=1.5, delay_s=1.0)


def rows(segments, size):
    offset = np.concatenate([np.full(round(2.0 * seconds), size * share) for seconds, share in segments])
    answer = PLANT.answer(offset, 0.5)
    return [
        [100.0 + 0.5 * k, 60.0 + float(offset[k]), 34.0, 0.5, 34.0 + float(answer[k]), 60.0 + float(offset[k]), 300.0]
        for k in range(offset.size)
    ]


COLUMNS = ["time_s", "supply_temp_output_pct", "supply_temp_setpoint", "supply_temp_age_s", "supply_temp", "valve_pct",
           "heat_kw"]  # fmt: skip
TEST = [(30.0, 0.0), (60.0, 1.0), (60.0, -1.0), (70.0, 0.0)]


def replies(**changes):
    trace = {"number": 1, "rows": rows(TEST, 3.0), "next": 0, "phase": "done", "cause": "", "elapsed_s": 180.0,
             "ended_s": 180.0, "offset_pct": 0.0, "switches": 0}  # fmt: skip
    begun = {"ok": True, "number": 1, "columns": COLUMNS, "base_pct": [60.0, 70.0], "duration_s": 180.0}
    return {"tune_facts": FACTS, "tune_begin": begun, "tune_trace": {**trace, **changes}, "tune_stop": {"ok": True}}


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "c.sock"

    def run(*options, answers=None):
        runner = CliRunner()
        if answers is None:
            return runner.invoke(command(tune), ["cdu1", "--socket", str(path), *options]), []
        with daemon(path, answers) as orders:
            return runner.invoke(command(tune), ["cdu1", "--socket", str(path), *options]), orders

    return run


def test_a_test_that_went_well_ends_in_gains_a_report_and_a_fragment(run, tmp_path):
    report = tmp_path / "report"
    done, orders = run("--no-check", "--loop", "supply", "--json", "--report", str(report), answers=replies())
    assert done.exit_code == 0, done.output
    result = orjson.loads(done.stdout)
    assert result["loops"][0]["gains"]["gain"] == pytest.approx(6.5, rel=0.3)
    assert "gain_pct_per_k" in result["fragment"]
    assert sorted(path.name for path in report.iterdir()) == [
        "tune-supply_temp-margins.svg", "tune-supply_temp-prediction.svg", "tune-supply_temp-step.svg",
        "tune.html", "tune.json", "tune.md", "tune.toml",
    ]  # fmt: skip
    begin = next(order for order in orders if order["command"] == "tune_begin")
    assert (begin["method"], begin["loop"], begin["amplitude_pct"]) == ("pattern", "supply_temp", 3.0)
    again, _ = run("--no-check", "--loop", "supply", "--json", "--with", str(report / "tune.json"), answers=replies())
    assert len(orjson.loads(again.stdout)["loops"]) == 2


def test_an_abort_says_why_and_that_the_old_gains_are_in_force(run):
    aborted = replies(phase="aborted", cause="the supply temperature was about to leave its limits")
    done, _ = run("--no-check", "--loop", "supply", answers=aborted)
    assert done.exit_code == 1
    assert "about to leave its limits. The gains that were in force before are in force." in done.stdout


def test_a_wrong_pairing_makes_no_test(run):
    still = [[*row[:4], 34.0, *row[5:]] for row in rows([(10.0, 0.0), (40.0, 1.0), (20.0, 0.0)], 3.0)]
    done, orders = run("--loop", "supply", answers=replies(rows=still, ended_s=65.0))
    assert done.exit_code == 1
    assert "! cdu1.valve moved by 3.0 % and the supply temperature did not answer" in done.stdout
    assert "automatic is not recommended" in done.stdout
    assert [order["method"] for order in orders if order["command"] == "tune_begin"] == ["nudge"]


def test_without_a_daemon_it_says_so(run):
    done, _ = run()
    assert done.exit_code == 1
    assert "there is no control socket" in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--loop", "valve"], "allowed: supply, pressure, both"),
        (["--method", "chirp"], "allowed: step, relay"),
        (["--amplitude-pct", "9"], "allowed: 0.5 to 5"),
        (["--hold-s", "1"], "allowed: 5 to 600"),
        (["--supply-limit-k", "nan"], "allowed: 0.3 to 5"),
        (["--pressure-limit-pct", "90"], "allowed: 2 to 50"),
        (["--check-only", "--no-check"], "nothing would be done"),
    ],
)
def test_wrong_usage_is_a_sentence(run, options, sentence):
    done, _ = run(*options)
    assert done.exit_code == 2
    assert sentence in done.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "cannot be read"),
        ("{", "no result of coolantd tune"),
        ("[1]", "no result of coolantd tune"),
        ('{"cdu": "other", "loops": [], "points": []}', "a result for 'other', allowed: for cdu1"),
    ],
)
def test_an_earlier_result_that_is_none_is_a_sentence(run, tmp_path, text, sentence):
    path = tmp_path / "tune.json"
    if text is not None:
        path.write_text(text)
    done, _ = run("--with", str(path))
    assert done.exit_code == 2
    assert sentence in done.stderr
