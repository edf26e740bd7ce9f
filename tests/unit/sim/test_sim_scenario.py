"""Scenarios: what they say happens, and one clear sentence for each way of writing them wrong."""

import pytest

from coolantd.sim.scenario import EVENTS_MAX, Scenario, ScenarioError, build_scenario, parse_steps
from coolantd.sim.scenario_file import read_scenario
from coolantd.sim.trace import parse_trace
from coolantd.sim.track import Track, from_steps

RATED_KW = 960.0


def test_steps_take_effect_at_their_very_second():
    load = parse_steps("0:10, 60:100, 300:10", RATED_KW)
    assert [load.at(t) for t in (0.0, 59.999, 60.0, 299.9, 300.0, 1e6)] == [0.1, 0.1, 1.0, 1.0, 0.1, 0.1]


def test_before_its_first_entry_a_load_is_what_the_first_entry_says():
    assert parse_steps("60:50", RATED_KW).at(0.0) == 0.5


def test_ramp_and_kilowatt_entries():
    load = parse_steps("0:10,60:480kW/30", RATED_KW)
    assert load.at(75.0) == pytest.approx(0.3)
    assert load.at(90.0) == pytest.approx(0.5)


def test_step_during_a_ramp_starts_from_where_the_ramp_was():
    track = from_steps(((0.0, 0.0, 0.0), (10.0, 1.0, 10.0), (15.0, 0.0, 10.0)))
    assert track.at(15.0) == pytest.approx(0.5)
    assert track.at(20.0) == pytest.approx(0.25)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "steps: nothing given"),
        ("60", "'60' is not TIME:LOAD"),
        ("60:", "load of '60:' is ''"),
        ("0:x", "load of '0:x' is 'x'"),
        ("0:nan", "is 'nan', allowed: a finite number"),
        ("-1:10", "steps[0]: time = -1 s, allowed: 0 to"),
        ("0:10,60:200", "steps[1]: load ratio = 2, allowed: 0 to 1.5"),
        ("60:10,50:20", "steps[1]: time 50 s comes after 60 s"),
        ("0:10/", "is not TIME:LOAD[/RAMP]"),
        ("0:10/-5", "ramp = -5 s"),
        ("9e9:10", "time = 9e+09 s"),
        (",".join(f"{t}:10" for t in range(EVENTS_MAX + 1)), f"at most {EVENTS_MAX}"),
    ],
)
def test_nonsense_steps_are_one_sentence(text: str, sentence: str):
    with pytest.raises(ScenarioError) as caught:
        parse_steps(text, RATED_KW)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_whole_document():
    scenario = build_scenario(
        {
            "heat_load": [{"at_s": 0, "load_pct": 10}, {"at_s": 60, "load_kw": 960.0}],
            "fws_supply_temp": [{"at_s": 0, "temp_c": 28.0}, {"at_s": 100, "temp_c": 33.0, "ramp_s": 10}],
            "fws_differential_pressure": [{"at_s": 50, "pressure_kpa": 100.0}],
            "pump_trip": [{"at_s": 30, "pump": 2, "duration_s": 60}],
        },
        RATED_KW,
    )
    assert scenario.at(60.0).load_ratio == pytest.approx(1.0)
    assert scenario.at(105.0).fws_supply_temp_c == pytest.approx(30.5)
    assert scenario.at(50.0).fws_differential_pressure_pa == 100e3
    assert [scenario.at(t).pump_available for t in (29.9, 30.0, 89.9, 90.0)] == [
        (True, True),
        (True, False),
        (True, False),
        (True, True),
    ]


def test_an_empty_scenario_is_the_reference_plant_at_a_tenth_of_its_load():
    conditions = Scenario().at(1000.0)
    assert (conditions.load_ratio, conditions.fws_supply_temp_c) == (0.1, 28.0)
    assert conditions.fws_differential_pressure_pa == 170e3
    assert conditions.pump_available == (True, True)


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"heatload": []}, "heatload: unknown key, allowed: cdu_event, fws_differential_pressure"),
        ({"heat_load": 5}, "heat_load: not an array of tables"),
        ({"heat_load": [{"at_s": 0}]}, "heat_load[0]: allowed: exactly one of load_pct and load_kw"),
        ({"heat_load": [{"load_pct": 5}]}, "heat_load[0]: at_s is missing"),
        ({"heat_load": [{"at_s": True, "load_pct": 5}]}, "heat_load[0]: at_s = True"),
        ({"heat_load": [{"at_s": 0, "load_pct": 5, "x": 1}]}, "heat_load[0]: unknown key x"),
        ({"fws_supply_temp": [{"at_s": 0, "temp_c": 99}]}, "temp_c = 99, allowed: 2 to 60"),
        ({"pump_trip": [{"at_s": 0, "pump": 3}]}, "pump = 3, allowed: 1 or 2"),
        ({"pump_trip": [{"at_s": 0, "pump": 1, "duration_s": 0}]}, "duration_s = 0, allowed: above 0"),
    ],
)
def test_nonsense_documents_are_one_sentence(document: dict[str, object], sentence: str):
    with pytest.raises(ScenarioError) as caught:
        build_scenario(document, RATED_KW)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


TRACE = "time,wet bulb,power[1]\n100,5,250\n115,5,500\n130,5,1000\n"


def test_trace_starts_at_zero_and_its_peak_is_the_rated_heat():
    load = parse_trace(TRACE, "power[1]")
    assert load == Track((0.0, 15.0, 30.0), (0.25, 0.5, 1.0))
    assert load.at(7.5) == pytest.approx(0.375)


@pytest.mark.parametrize(
    ("text", "column", "sentence"),
    [
        (TRACE, "power[2]", "no column 'power[2]', allowed: wet bulb, power[1]"),
        (TRACE, "time", "no column 'time'"),
        ("", "p", "no column 'p', allowed: none in this file"),
        ("t,p\n0,1\n0,2\n", "p", "line 3: time 0 s does not rise"),
        ("t,p\n0,-1\n", "p", "line 2: p = -1 W"),
        ("t,p\n0\n", "p", "line 2: p is ''"),
        ("t,p\n0,inf\n", "p", "p is 'inf', allowed: a finite number"),
        ("t,p\n0,0\n", "p", "holds no power above 0 W"),
        ("t,p\n", "p", "holds no power above 0 W"),
    ],
)
def test_nonsense_traces_are_one_sentence(text: str, column: str, sentence: str):
    with pytest.raises(ScenarioError) as caught:
        parse_trace(text, column)
    assert sentence in str(caught.value)


def test_scenario_file_may_name_a_trace_beside_it(tmp_path):
    (tmp_path / "load.csv").write_text(TRACE)
    (tmp_path / "s.toml").write_text('[trace]\nfile = "load.csv"\ncolumn = "power[1]"\n')
    assert read_scenario(tmp_path / "s.toml", RATED_KW).at(30.0).load_ratio == 1.0


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"[[heat_load", "s.toml: not TOML"),
        (b"\xff", "s.toml: not UTF-8 at byte 0"),
        (b"x = 1", "s.toml: x: unknown key"),
        (b'[trace]\nfile = "gone.csv"\ncolumn = "p"\n', "gone.csv: cannot be read: No such file"),
        (b'[trace]\nfile = "gone.csv"\n', "exactly file and column"),
        (b'[trace]\nfile = 1\ncolumn = "p"\n', "allowed: text"),
        (b"#" * (1024 * 1024 + 1), "larger than 1048576 bytes"),
    ],
)
def test_bad_scenario_files_are_one_sentence(tmp_path, content: bytes, sentence: str):
    (tmp_path / "s.toml").write_bytes(content)
    with pytest.raises(ScenarioError) as caught:
        read_scenario(tmp_path / "s.toml", RATED_KW)
    assert sentence in str(caught.value)
