"""Every cross-check from both sides: what is refused, at which line and key, and the nearest thing that is not."""

import pytest
from config_files import DEMO, edited, line_of, problems

SUPPLY = "cdu[0].supply_temp"
PRESSURE = "cdu[0].pressure"
FAILSAFE = "cdu[0].failsafe"
SECOND_DEVICE = """
[[device]]
name = "cdu2"
profile = "row-cdu"
modbus_tcp = { host = "127.0.0.1", port = 5020, unit_id = 2 }
"""
MANIFOLD_2 = """
[[manifold]]
name = "manifold2"
device = "manifold1"
branch_valve_position_pct = 100.0
branch_valve_rate_pct_per_s = 2.0
"""
SECOND_CDU = DEMO[DEMO.index("[[cdu]]") : DEMO.index("[[manifold]]")]
FLOW = (
    ('"cdu1.tcs_differential_pressure_kpa"', '"cdu1.tcs_flow_lpm"'),
    ("setpoint_kpa = 90.0", "setpoint_lpm = 1200.0"),
    ("setpoint_rate_kpa_per_min = 60.0", "setpoint_rate_lpm_per_min = 600.0"),
    ("gain_pct_per_kpa = 0.1", "gain_pct_per_lpm = 0.02"),
)

REFUSED = {
    # id: (edits, key, snippet on the reported line, words of the message)
    "cycle longer than two fast polls": (
        [("period_s = 0.5 ", "period_s = 1.1 ")], "control.period_s", "period_s = 1.1", "2 fast polls"),
    "cycle too fast": ([("period_s = 0.5 ", "period_s = 0.09 ")], "control.period_s", "period_s = 0.09", "range"),
    "cycle too slow": ([("period_s = 0.5 ", "period_s = 5.1 ")], "control.period_s", "period_s = 5.1", "range"),
    "http beyond this machine": (
        [('host = "127.0.0.1"\nport = 9470', 'host = "0.0.0.0"\nport = 9470')],
        "http.host", '"0.0.0.0"', "allow_remote = true"),
    "relative path": ([('"/var/lib/coolantd"', '"lib"')], "paths.state", 'state = "lib"', "absolute"),
    "secret inline": (
        [('client_id = "coolantd-demo-row"', 'client_id = "coolantd-demo-row"\npassword = "hunter2"')],
        "mqtt.password", "hunter2", "password_file"),
    "two passwords": (
        [('client_id = "coolantd-demo-row"',
          'client_id = "a"\nusername = "u"\npassword_file = "/a"\npassword_credential = "b"')],
        "mqtt", "[mqtt]", "at most one"),
    "password without user": (
        [('client_id = "coolantd-demo-row"', 'client_id = "a"\npassword_file = "/a"')], "mqtt", "[mqtt]", "username"),
    "wildcard topic": (
        [('topic = "manifold/manifold1"', 'topic = "manifold/#"')],
        "device[1].mqtt.topic", "manifold/#", "no wildcard"),
    "device topic below the daemon's": (
        [('topic = "manifold/manifold1"', 'topic = "coolantd/demo-row/m"')],
        "device[1].mqtt.topic", "coolantd/demo-row/m", "own topic"),
    "name with a capital": ([('name = "demo-row"', 'name = "Demo"')], "site.name", "Demo", "a-z first"),
    "two devices of a name": (
        [('name = "manifold1"\nprofile', 'name = "cdu1"\nprofile'), ('device = "manifold1"', 'device = "cdu1"')],
        "device[1].name", 'name = "cdu1"\nprofile = "rack', "already used"),
    "unknown profile": (
        [('profile = "rack-manifold"', 'profile = "rack"')], "device[1].profile", '"rack"', "no such profile"),
    "profile for another transport": (
        [('profile = "row-cdu"\nmodbus_tcp = { host = "127.0.0.1", port = 5020, unit_id = 1 }',
          'profile = "row-cdu"\nmqtt = { topic = "x" }')],
        "device[0].mqtt", '{ topic = "x" }', "modbus_tcp"),
    "two transports": (
        [("mqtt = { topic =", 'modbus_tcp = { host = "h" }\nmqtt = { topic =')],
        "device[1]", '[[device]]\nname = "manifold1"', "exactly one"),
    "no transport": (
        [('mqtt = { topic = "manifold/manifold1", branches = 8 }', "")],
        "device[1]", '[[device]]\nname = "manifold1"', "no transport"),
    "manifold without branches": (
        [(", branches = 8", "")], "device[1].mqtt.branches", "manifold/manifold1", "how many branches"),
    "same endpoint": (
        [("\n[[cdu]]\n", SECOND_DEVICE.replace("unit_id = 2 }", "unit_id = 1 }\nmonitor_only = true") + "\n[[cdu]]\n")],
        "device[2].modbus_tcp", 'port = 5020, unit_id = 1 }\nmonitor_only', "same address"),
    "device that nobody drives (FM-43)": (
        [(SECOND_CDU, "")], "device[0]", '[[device]]\nname = "cdu1"', "monitor_only = true"),
    "driven although monitored only": (
        [("unit_id = 1 }", "unit_id = 1 }\nmonitor_only = true")],
        "device[0].monitor_only", "monitor_only = true", "drives this device"),
    "polls out of order": (
        [("poll_normal_s = 5.0", "poll_normal_s = 0.4")], "device[0].poll_normal_s", "poll_normal_s = 0.4", "order"),
    "unit id 256": ([("unit_id = 1", "unit_id = 256")], "device[0].modbus_tcp.unit_id", "unit_id = 256", "0 to 255"),
    "cdu on no device": (
        [('device = "cdu1"\nmode', 'device = "cdu9"\nmode')], "cdu[0].device", '"cdu9"', "no such device"),
    "loop on no device": (
        [('dew_point = "cdu1.dew', 'dew_point = "cdu9.dew')], f"{SUPPLY}.dew_point", "cdu9.dew", "no such device"),
    "point that does not exist": (
        [('"cdu1.tcs_supply_temp_c"', '"cdu1.tcs_suply_temp_c"')],
        f"{SUPPLY}.process_variable", "tcs_suply_temp_c", "cdu1.tcs_supply_temp_c"),
    "reference without a device": (
        [('"cdu1.tcs_supply_temp_c"', '"tcs_supply_temp_c"')],
        f"{SUPPLY}.process_variable", '"tcs_supply_temp_c"', "device.point"),
    "process variable in the wrong unit": (
        [('"cdu1.tcs_supply_temp_c"', '"cdu1.tcs_supply_pressure_kpa"')],
        f"{SUPPLY}.process_variable", "tcs_supply_pressure_kpa", "degC"),
    "flow as pressure": (
        [('"cdu1.tcs_differential_pressure_kpa"', '"cdu1.tcs_flow_lpm"')],
        f"{PRESSURE}.process_variable", "tcs_flow_lpm", "kPa"),
    "dew point in the wrong unit": (
        [('"cdu1.dew_point_c"', '"cdu1.relative_humidity_pct"')],
        f"{SUPPLY}.dew_point", "relative_humidity", "degC"),
    "setpoint as heat load": (
        [('"cdu1.heat_load_kw"', '"cdu1.tcs_flow_lpm"')], f"{FAILSAFE}.heat_load", "heat_load = ", "kW"),
    "not writable": (
        [('"cdu1.fws_valve_position_setpoint_pct"', '"cdu1.fws_valve_position_pct"')],
        f"{SUPPLY}.manipulated_variable", '"cdu1.fws_valve_position_pct"', "not writable"),
    "wrong role": (
        [('["cdu1.pump1_speed_setpoint_pct"', '["cdu1.fws_valve_position_setpoint_pct"')],
        f"{PRESSURE}.manipulated_variables[0]", '["cdu1.fws', "moves a fws_valve"),
    "same pump twice": (
        [('"cdu1.pump2_speed_setpoint_pct"', '"cdu1.pump1_speed_setpoint_pct"')],
        f"{PRESSURE}.manipulated_variables[1]", "manipulated_variables = ", "already driven"),
    "no pump": (
        [('["cdu1.pump1_speed_setpoint_pct", "cdu1.pump2_speed_setpoint_pct"]', "[]")],
        f"{PRESSURE}.manipulated_variables", "manipulated_variables = []", "at least 1"),
    "branch valves driven twice": (
        [("branch_valve_rate_pct_per_s = 2.0", f"branch_valve_rate_pct_per_s = 2.0\n{MANIFOLD_2}")],
        "manifold[1].device", 'device = "manifold1"\nbranch_valve_position_pct = 100.0\nbranch', "already driven"),
    "manifold on a cdu": (
        [('device = "manifold1"', 'device = "cdu1"')], "manifold[0].device", 'device = "cdu1"\nbranch',
        "branch valves"),
    "manifold on nothing": (
        [('device = "manifold1"', 'device = "m9"')], "manifold[0].device", '"m9"', "no such device"),
    "branch shut": (
        [("branch_valve_position_pct = 100.0", "branch_valve_position_pct = 0")],
        "manifold[0].branch_valve_position_pct", "branch_valve_position_pct = 0", "above 0"),
    "branch valve slams (FM-11)": (
        [("branch_valve_rate_pct_per_s = 2.0", "branch_valve_rate_pct_per_s = 5.1")],
        "manifold[0].branch_valve_rate_pct_per_s", "branch_valve_rate_pct_per_s", "up to 5"),
    "racks do not match branches": (
        [("branch_valve_rate_pct_per_s = 2.0", 'branch_valve_rate_pct_per_s = 2.0\nracks = ["r1", "r2"]')],
        "manifold[0].racks", "racks = ", "8 branches"),
    "setpoint under the dew point (condensation)": (
        [("setpoint_c = 34.0", "setpoint_c = 19.9")], f"{SUPPLY}.setpoint_c", "setpoint_c = 19.9", "20 or more"),
    "setpoint absurd": (
        [("setpoint_c = 34.0", "setpoint_c = 93.2")], f"{SUPPLY}.setpoint_c", "setpoint_c = 93.2", "5 to 60"),
    "pressure setpoint beyond its point": (
        [("setpoint_kpa = 90.0", "setpoint_kpa = 701")], f"{PRESSURE}.setpoint_kpa", "setpoint_kpa = 701",
        "-100 to 700"),
    "flow setpoint beyond its point": (
        [*FLOW[:1], ("setpoint_kpa = 90.0", "setpoint_lpm = 2300"), *FLOW[2:]],
        f"{PRESSURE}.setpoint_lpm", "setpoint_lpm", "-20 to 2200"),
    "pressure and flow at once": (
        [("setpoint_kpa = 90.0", "setpoint_kpa = 90.0\nsetpoint_lpm = 9.0")], PRESSURE, "[cdu.pressure]", "either"),
    "pressure without gain": ([("gain_pct_per_kpa = 0.1", "")], PRESSURE, "[cdu.pressure]", "gain_pct_per_kpa"),
    "neither pressure nor flow": (
        [("setpoint_kpa = 90.0", ""), ("gain_pct_per_kpa = 0.1", ""), ("setpoint_rate_kpa_per_min = 60.0", "")],
        PRESSURE, "[cdu.pressure]", "neither"),
    "outputs out of order": (
        [("output_max_pct = 100.0\noutput_rate_pct_per_s = 3.3", "output_max_pct = 0.0\noutput_rate_pct_per_s = 3.3")],
        f"{SUPPLY}.output_max_pct", "output_max_pct = 0.0", "order"),
    "pump slower than it can (FM-12)": (
        [("output_min_pct = 30.0", "output_min_pct = 24.9")], f"{PRESSURE}.output_min_pct", "output_min_pct = 24.9",
        "25 to 100"),
    "valve too fast (FM-11)": (
        [("output_rate_pct_per_s = 3.3", "output_rate_pct_per_s = 5.01")],
        f"{SUPPLY}.output_rate_pct_per_s", "output_rate_pct_per_s = 5.01", "up to 5"),
    "pump too fast (FM-11)": (
        [("output_rate_pct_per_s = 5.0", "output_rate_pct_per_s = 10.01")],
        f"{PRESSURE}.output_rate_pct_per_s", "output_rate_pct_per_s = 10.01", "up to 10"),
    "failsafe pump off (FM-12)": (
        [("pump_speed_pct = 75.0", "pump_speed_pct = 0.0")], f"{FAILSAFE}.pump_speed_pct", "pump_speed_pct = 0.0",
        "above 0"),
    "failsafe pump under the loop's least": (
        [("pump_speed_pct = 75.0", "pump_speed_pct = 29")], f"{FAILSAFE}.pump_speed_pct", "pump_speed_pct = 29",
        "30 or more"),
    "failsafe valve shut": (
        [("valve_position_pct = 40.0", "valve_position_pct = 0.0")],
        f"{FAILSAFE}.valve_position_table[0].valve_position_pct", "valve_position_pct = 0.0", "above 0"),
    "failsafe table falls": (
        [("heat_load_kw = 500.0", "heat_load_kw = 100.0")],
        f"{FAILSAFE}.valve_position_table[1].heat_load_kw", "heat_load_kw = 100.0, valve_position_pct = 68", "rise"),
    "failsafe table empty": (
        [(DEMO[DEMO.index("valve_position_table = [") : DEMO.index("\n]\n") + 2], "valve_position_table = []")],
        f"{FAILSAFE}.valve_position_table", "valve_position_table = []", "at least 1"),
    "manual pump slower than it can": (
        [("[cdu.failsafe]", "[cdu.manual]\npump_speed_pct = 20.0\n[cdu.failsafe]")],
        "cdu[0].manual.pump_speed_pct", "pump_speed_pct = 20.0", "25 to 100"),
    "manual pump off (FM-12)": (
        [("[cdu.failsafe]", "[cdu.manual]\npump_speed_pct = 0\n[cdu.failsafe]")],
        "cdu[0].manual.pump_speed_pct", "pump_speed_pct = 0", "above 0"),
    "mode misspelt": (
        [('mode = "automatic"', 'mode = "auto"')], "cdu[0].mode", 'mode = "auto"',
        "'automatic', 'manual' or 'disabled'"),
    "not finite (FM-16)": ([("setpoint_c = 34.0", "setpoint_c = nan")], f"{SUPPLY}.setpoint_c", "= nan", "finite"),
    "infinite (FM-16)": ([("setpoint_c = 34.0", "setpoint_c = 1e999")], f"{SUPPLY}.setpoint_c", "= 1e999", "finite"),
    "number as text": ([("setpoint_c = 34.0", 'setpoint_c = "34.0"')], f"{SUPPLY}.setpoint_c", '"34.0"', "a number"),
    "true as number": ([("setpoint_c = 34.0", "setpoint_c = true")], f"{SUPPLY}.setpoint_c", "= true", "a number"),
    "mistyped key": (
        [("derivative_time_s = 0.0\noutput_min_pct = 0.0", "derivativ_time_s = 0.0\noutput_min_pct = 0.0")],
        f"{SUPPLY}.derivativ_time_s", "derivativ_time_s", "did you mean derivative_time_s?"),
    "missing key": ([("setpoint_c = 34.0", "")], f"{SUPPLY}.setpoint_c", "[cdu.supply_temp]", "missing"),
    "missing section": ([('[site]\nname = "demo-row"', "")], "site", "# One virtual", "missing"),
    "section as value": (
        [("[http]\nhost", "[http_]\nhost"), ("[site]", "http = 3\n[site]")], None, "http = 3", "table"),
}  # fmt: skip

ALLOWED = {
    "cycle of two fast polls": [("period_s = 0.5 ", "period_s = 1.0 ")],
    "fastest cycle": [("period_s = 0.5 ", "period_s = 0.1 ")],
    "remote on purpose": [("port = 9470", "port = 9470\nallow_remote = true"), ('"127.0.0.1"', '"0.0.0.0"')],
    "ipv6 loopback": [('"127.0.0.1"', '"::1"')],
    "password by file": [
        ('client_id = "coolantd-demo-row"', 'client_id = "a"\nusername = "u"\npassword_file = "/run/x"')
    ],
    "password by credential": [
        ('client_id = "coolantd-demo-row"', 'client_id = "a"\nusername = "u"\npassword_credential = "x"')
    ],
    "device and cdu of one name": [],
    "two units behind one address": [("\n[[cdu]]\n", f"{SECOND_DEVICE}monitor_only = true\n\n[[cdu]]\n")],
    "polls all equal": [("poll_normal_s = 5.0", "poll_normal_s = 0.5"), ("poll_slow_s = 60.0", "poll_slow_s = 0.5")],
    "unit id 255": [("unit_id = 1", "unit_id = 255")],
    "setpoint just above the dew point margin": [("setpoint_c = 34.0", "setpoint_c = 20.0")],
    "integer for a number": [("setpoint_c = 34.0", "setpoint_c = 34")],
    "flow instead of pressure": FLOW,
    "pump at its least speed": [("output_min_pct = 30.0", "output_min_pct = 25.0")],
    "valve at its fastest": [("output_rate_pct_per_s = 3.3", "output_rate_pct_per_s = 5.0")],
    "pump at its fastest": [("output_rate_pct_per_s = 5.0", "output_rate_pct_per_s = 10.0")],
    "failsafe at the loop's least": [("pump_speed_pct = 75.0", "pump_speed_pct = 30.0")],
    "manual positions": [
        ("[cdu.failsafe]", "[cdu.manual]\npump_speed_pct = 25\nvalve_position_pct = 0\n[cdu.failsafe]")
    ],
    "one pump": [(', "cdu1.pump2_speed_setpoint_pct"]', "]"), (', ["cdu1.fault_pump2_drive_bool"]]', "]")],
    "racks named": [
        (
            "branch_valve_rate_pct_per_s = 2.0",
            'branch_valve_rate_pct_per_s = 5.0\nracks = ["a", "b", "c", "d", "e", "f", "g", "h"]',
        )
    ],
    "monitoring only": [(SECOND_CDU, ""), ("unit_id = 1 }", "unit_id = 1 }\nmonitor_only = true")],
    "optional loop keys": [
        (
            "integral_time_s = 20.0",
            "integral_time_s = 20.0\ntracking_time_s = 5\nderivative_filter_ratio = 10\nsetpoint_weight_ratio = 0.7",
        )
    ],
}


@pytest.mark.parametrize(("edits", "key", "snippet", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_at_its_line_with_a_sentence(tmp_path, edits, key, snippet, words):
    text = edited(*edits)
    found = problems(tmp_path, text)
    wanted = [problem for problem in found if problem.key == key] if key is not None else found
    assert wanted, [str(problem) for problem in found]
    assert wanted[0].file == str(tmp_path / "coolantd.toml")
    lines = {problem.line for problem in wanted}
    assert lines & {line_of(text, snippet) + offset for offset in range(snippet.count("\n") + 1)}
    assert any(words in str(problem) for problem in wanted), [str(problem) for problem in wanted]
    assert all("\n" not in str(problem) for problem in found)


def test_most_mistakes_are_said_once(tmp_path):
    """One mistake gives one message: what merely follows from it is not blamed on others."""
    more = {name for name, (edits, *_) in REFUSED.items() if len(problems(tmp_path, edited(*edits))) != 1}
    assert more == {"two devices of a name", "section as value"}  # two mistakes each, by construction


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED.keys())
def test_nearest_valid_neighbour_loads(tmp_path, edits):
    assert [str(problem) for problem in problems(tmp_path, edited(*edits))] == []


def test_device_mqtt_without_broker(tmp_path):
    section = DEMO[DEMO.index("[mqtt]") : DEMO.index("[[device]]")]
    text = edited((section, ""))
    (found,) = problems(tmp_path, text)
    assert found.key == "device[1].mqtt"
    assert found.line == line_of(text, "mqtt = {")
    assert "[mqtt]" in found.allowed


def test_two_cdus_may_not_drive_one_pump(tmp_path):
    """FM-12, two masters: a second CDU on the same actuators is refused at each of its references."""
    text = DEMO + SECOND_CDU.replace('name = "cdu1"', 'name = "cdu2"')
    found = problems(tmp_path, text)
    assert [problem.key for problem in found] == [
        "cdu[1].supply_temp.manipulated_variable",
        "cdu[1].pressure.manipulated_variables[0]",
        "cdu[1].pressure.manipulated_variables[1]",
    ]
    first = line_of(DEMO, "manipulated_variable = ")
    assert f"coolantd.toml:{first}" in found[0].what


def test_secret_is_never_repeated(tmp_path):
    text = edited(('client_id = "coolantd-demo-row"', 'client_id = "a"\npassword = "hunter2"'))
    assert "hunter2" not in " ".join(str(problem) for problem in problems(tmp_path, text))


def test_every_problem_is_listed_at_once(tmp_path):
    """Shape, cross-check and profile mistakes in different places come in one go, in line order."""
    text = edited(
        ("period_s = 0.5 ", "period_s = 60 "),
        ('profile = "rack-manifold"', 'profile = "rack"'),
        ("setpoint_c = 34.0", "setpoint_c = 3.4"),
        ("output_min_pct = 30.0", "output_min_pct = 10.0"),
        ("pump_speed_pct = 75.0", "pump_speed = 75.0"),
    )
    found = problems(tmp_path, text)
    assert [problem.key for problem in found] == [
        "control.period_s",
        "device[1].profile",
        "cdu[0].supply_temp.setpoint_c",
        "cdu[0].pressure.output_min_pct",
        "cdu[0].failsafe.pump_speed_pct",
        "cdu[0].failsafe.pump_speed",
    ]
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)
