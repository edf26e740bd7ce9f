"""Device profiles: the packaged ones say what the devices say, and a wrong one is refused at its line."""

import re
import subprocess
import sys
import zipfile
from importlib import resources

import pytest
from config_files import REPOSITORY, edited, line_of, loaded, problems

from coolantd.config.profiles import load_profile, packaged_profiles
from coolantd.errors import ConfigError
from coolantd.protocol.profile import Coding, PollClass, Role, Table, WordOrder
from coolantd.units import SOURCE_UNITS

SITE = """title = "t"
source = "s"
verified = true

[[block]]
table = "holding"
coding = "i16"
unit = "degC"
minimum = 0.0
maximum = 60.0

[[block.point]]
name = "a_temp_c"
address = 10
scale = 0.1
sentinels = [-32768, 0x7FFF]

[[block.point]]
name = "a_setpoint_c"
address = 11
write = { role = "fws_valve", minimum = 5.0, maximum = 50.0, position = "a_temp_c" }

[[difference]]
name = "d_c"
minuend = "a_temp_c"
subtrahend = "a_setpoint_c"
unit = "degC"
minimum = -60.0
maximum = 60.0
"""
HEARTBEAT = """[heartbeat]
ours = "a_setpoint_c"
theirs = "a_temp_c"
wrap_count = 9
period_s = 1
timeout_s = 1.5

"""
STATUS_BLOCK = {
    "tcs_supply_temp_c": 5000,
    "fws_return_temp_c": 5008,
    "tcs_supply_pressure_kpa": 5010,
    "tcs_return_pressure_kpa": 5014,
    "tcs_return_spare_pressure_kpa": 5028,
    "fws_valve_position_pct": 5034,
    "dew_point_c": 5040,
    "tcs_flow_lpm": 5042,
    "power_kw": 5052,
    "pump1_speed_pct": 5054,
    "pump2_speed_pct": 5056,
    "heat_load_kw": 5060,
}


@pytest.fixture(scope="module")
def row_cdu():
    return load_profile("row-cdu", profiles_dir=None)


@pytest.fixture
def site(tmp_path):
    """Write a profile of the site's own and load it."""

    def load(text, **arguments):
        (tmp_path / "own.toml").write_text(text)
        return load_profile("own", profiles_dir=tmp_path, **arguments)

    return load


def points_of(profile):
    return {point.name: point for point in (*profile.registers, *profile.messages, *profile.differences)}


class TestRowCdu:
    def test_status_block_is_31_floats_low_word_first(self, row_cdu):
        block = [point for point in row_cdu.registers if 5000 <= point.address <= 5061]
        assert sorted(point.address for point in block) == list(range(5000, 5062, 2))
        assert {(p.table, p.coding, p.word_order, p.poll) for p in block} == {
            (Table.HOLDING, Coding.F32, WordOrder.CDAB, PollClass.FAST)
        }
        points = points_of(row_cdu)
        assert {name: points[name].address for name in STATUS_BLOCK} == STATUS_BLOCK

    def test_whatever_changes_unit_with_the_selector_says_so(self, row_cdu):
        """FM: a unit that switches to degF, psi and gpm must never be read as degC, kPa and L/min."""
        assert row_cdu.unit_selector.point == "imperial_units_bool"
        for point in row_cdu.registers:
            switches = 5000 <= point.address <= 5061 and point.unit in {"degC", "kPa", "L/min"}
            assert (point.imperial_unit is not None) == switches, point.name
            if switches:
                assert SOURCE_UNITS[point.imperial_unit][0] == point.unit

    @pytest.mark.parametrize("temp_c", [20.0, 25.0, 34.0, 45.0])
    def test_fahrenheit_taken_for_celsius_is_out_of_range(self, row_cdu, temp_c):
        supply = points_of(row_cdu)["tcs_supply_temp_c"]
        assert not supply.minimum <= temp_c * 1.8 + 32.0 <= supply.maximum
        assert supply.minimum <= temp_c <= supply.maximum

    def test_setpoints(self, row_cdu):
        points = points_of(row_cdu)
        pumps = [points[f"pump{n}_speed_setpoint_pct"] for n in (1, 2)]
        valve = points["fws_valve_position_setpoint_pct"]
        assert [point.address for point in (*pumps, valve)] == [246, 222, 352]
        for number, pump in enumerate(pumps, start=1):
            rule = pump.write
            assert (rule.role, rule.minimum, rule.maximum, rule.zero_allowed) == (Role.PUMP, 25.0, 100.0, True)
            assert rule.position == f"pump{number}_speed_pct"
        assert (valve.write.role, valve.write.position) == (Role.FWS_VALVE, "fws_valve_position_pct")
        assert sum(point.write is not None for point in row_cdu.registers) == 3

    def test_heartbeat_and_control_point(self, row_cdu):
        points, heartbeat = points_of(row_cdu), row_cdu.heartbeat
        assert (points[heartbeat.theirs].address, points[heartbeat.ours].address) == (300, 301)
        assert (heartbeat.wrap_count, heartbeat.period_s, heartbeat.timeout_s) == (30000, 1.0, 5.0)
        assert points[row_cdu.remote_control.point].address == 8697
        assert (row_cdu.remote_control.remote_value, row_cdu.remote_control.local_value) == (1, 0)
        assert points["run_bool"].address == 8706
        assert points["imperial_units_bool"].address == 8692

    def test_alarm_bits(self, row_cdu):
        points = points_of(row_cdu)
        assert len(row_cdu.alarms) == 34 + 34 + 51
        where = {name: (points[name].address, points[name].bit) for name in row_cdu.alarms}
        assert len(set(where.values())) == len(where)
        assert where["warning_tcs_supply_temp_high_bool"] == (1700, 0)
        assert where["alarm_current_high_bool"] == (1707, 1)
        assert where["fault_leak_bool"] == (1708, 5)
        assert where["fault_leak_sensor_broken_bool"] == (1708, 6)
        assert where["fault_level3_bool"] == (1711, 2)
        for kind, addresses in {"warning": {1700, 1701, 1702}, "alarm": {1705, 1706, 1707}}.items():
            assert {where[name][0] for name in where if name.startswith(kind)} == addresses

    def test_run_hours_and_difference(self, row_cdu):
        points = points_of(row_cdu)
        for number, address in ((1, 200), (2, 202)):
            point = points[f"pump{number}_run_time_h"]
            assert (point.address, point.coding, point.word_order) == (address, Coding.U32, WordOrder.CDAB)
            assert point.poll is PollClass.SLOW
        difference, facility, rise = row_cdu.differences
        assert (rise.unit, rise.minuend, rise.subtrahend) == ("K", "tcs_return_temp_c", "tcs_supply_temp_c")
        assert (facility.minuend, facility.subtrahend) == ("fws_supply_pressure_kpa", "fws_return_pressure_kpa")
        assert difference.name == "tcs_differential_pressure_kpa"
        assert (difference.minuend, difference.subtrahend) == ("tcs_supply_pressure_kpa", "tcs_return_pressure_kpa")

    def test_nobody_has_tried_it_on_the_real_device(self, row_cdu):
        assert row_cdu.verified is False


class TestRackManifold:
    @pytest.mark.parametrize("branches", [1, 8, 64])
    def test_branches_expand(self, branches):
        profile = load_profile("rack-manifold", profiles_dir=None, branches=branches)
        points = points_of(profile)
        assert len(points) == 5 * branches
        last = points[f"branch{branches}_flow_lpm"]
        assert (last.topic, last.field, last.period_s) == (f"branch/{branches}/telemetry", "flow_lpm", 1.0)
        setpoint = points["branch1_valve_position_setpoint_pct"]
        assert setpoint.topic == "branch/1/valve_setpoint"
        assert setpoint.write.role is Role.BRANCH_VALVE
        assert (setpoint.write.position, setpoint.write.refresh_s) == ("branch1_valve_position_pct", 10.0)
        assert profile.online_topic == "status"


def test_packaged_profiles_all_load_and_say_where_they_are_from():
    assert set(packaged_profiles()) >= {"row-cdu", "rack-manifold"}
    for name in packaged_profiles():
        assert load_profile(name, profiles_dir=None, branches=2).source
        text = (resources.files("coolantd") / "profiles" / f"{name}.toml").read_text()
        assert re.match(r"# .+\n#\n# Source: .+", text), f"{name}: header comment"
        assert "# How verified" in text


def test_profiles_hold_no_python():
    assert not [file for file in (resources.files("coolantd") / "profiles").iterdir() if file.name.endswith(".py")]


class TestSiteProfile:
    def test_every_key_reaches_the_profile(self, site):
        points = points_of(site(SITE))
        point = points["a_temp_c"]
        assert (point.coding, point.scale, point.sentinels) == (Coding.I16, 0.1, (-32768, 0x7FFF))
        assert (point.minimum, point.maximum, point.unit) == (0.0, 60.0, "degC")
        assert points["a_setpoint_c"].write.deadband == 0.1
        assert points["d_c"].minuend == "a_temp_c"

    @pytest.mark.parametrize(
        ("old", "new", "snippet", "words"),
        [
            ('title = "t"', "title = 1", "title", "a string"),
            ("verified = true", 'verified = "yes"', "verified", "true or false"),
            ("scale = 0.1", "scal = 0.1", "scal =", "did you mean scale?"),
            ("scale = 0.1", "scale = 0", "scale = 0", "zero"),
            ("scale = 0.1", "scale = inf", "scale = inf", "finite"),
            ('coding = "i16"', 'coding = "i24"', "i24", "'u16'"),
            ('coding = "i16"', 'coding = "bool"', "[[block.point]]", "coil"),
            ('coding = "i16"\n', "", "[[block.point]]", "missing here and at the block"),
            ('coding = "i16"', 'coding = "i32"', "address = 11", "overlaps a_temp_c"),
            ("address = 11", "address = 10", "address = 10\nwrite", "overlaps a_temp_c"),
            ("address = 11", "address = 65536", "65536", "0 to 65535"),
            ('name = "a_setpoint_c"', 'name = "a_temp_c"', 'name = "a_temp_c"\naddress = 11', "already used"),
            ('name = "a_setpoint_c"', 'name = "a_setpoint_f"', "a_setpoint_f", "ending in _c"),
            ('name = "a_setpoint_c"', 'name = "A_c"', "A_c", "malformed"),
            ('unit = "degC"\nminimum = 0.0', 'unit = "degF"\nminimum = 0.0', "degF", "degC"),
            ("maximum = 60.0", "maximum = 0.0", "[[block.point]]", "not above minimum"),
            ("0x7FFF]", "0x10000]", "sentinels", "not a value of i16"),
            ("minimum = 5.0", "minimum = -5.0", "write = ", "within 0 to 60"),
            ("minimum = 5.0", "minimum = 55.0", "write = ", "out of order"),
            ('position = "a_temp_c"', 'position = "b"', "write = ", "no readable point"),
            ('position = "a_temp_c"', 'position = "a_setpoint_c"', "write = ", "no readable point"),
            ('role = "fws_valve"', 'role = "door"', "write = ", "'pump'"),
            ('table = "holding"', 'table = "input"', '[[block.point]]\nname = "a_setpoint_c"', "only holding"),
            ('minuend = "a_temp_c"', 'minuend = "x_c"', "minuend", "no point of unit degC"),
            ("[[difference]]", "[heartbeat]\nours = 1\n[[difference]]", "ours = 1", "a string"),
            ("[[difference]]", HEARTBEAT + "[[difference]]", "timeout_s = 1.5", "under two periods"),
            (
                "[[difference]]",
                '[remote_control]\npoint = "x"\nremote_value = 1\nlocal_value = 1\n[[difference]]',
                "local_value",
                "the same as remote_value",
            ),
            ("[[difference]]", '[unit_selector]\npoint = "x"\n[[difference]]', 'point = "x"', "no register point"),
            ("scale = 0.1", 'imperial_unit = "degF"', "imperial_unit", "needs [unit_selector]"),
            ("scale = 0.1", 'imperial_unit = "psi"', "imperial_unit", "does not convert"),
            ("[[difference]]", '[limits]\nspan_max_registers = 126\n[[difference]]', "126", "2 to 125"),
            ('verified = true', 'verified = true\nonline_topic = "status"', "online_topic", "only MQTT"),
            ("maximum = 60.0\n\n[[block.point]]", "maximum = 60.0\n[[block.point]", "[[block.point]\n", "not TOML"),
        ],
    )  # fmt: skip
    def test_refused_at_its_line(self, site, tmp_path, old, new, snippet, words):  # noqa: PLR0917 - a table's columns
        text = edited((old, new), text=SITE)
        with pytest.raises(ConfigError) as caught:
            site(text)
        here = [p for p in caught.value.problems if words in str(p)]
        assert here, str(caught.value)
        assert here[0].file == str(tmp_path / "own.toml")
        first = line_of(text, snippet)
        assert {p.line for p in here} & set(range(first, first + 1 + snippet.count("\n")))

    def test_unknown_name(self, tmp_path):
        for directory in (None, tmp_path, tmp_path / "none"):
            with pytest.raises(ConfigError, match="no such profile"):
                load_profile("nobody", profiles_dir=directory)

    def test_name_cannot_leave_the_directory(self, tmp_path):
        (tmp_path / "own.toml").write_text(SITE)
        (tmp_path / "sub").mkdir()
        with pytest.raises(ConfigError, match="no such profile"):
            load_profile("../own", profiles_dir=tmp_path / "sub")

    def test_without_points(self, site):
        with pytest.raises(ConfigError, match="no points"):
            site(SITE[: SITE.index("[[block]]")])


class TestInAConfiguration:
    def use(self, tmp_path, text):
        directory = tmp_path / "mine"
        directory.mkdir()
        (directory / "own.toml").write_text(text)
        device = '[[device]]\nname = "x"\nprofile = "own"\nmonitor_only = true\nmodbus_tcp = { host = "h" }\n\n[[cdu]]'
        return edited(("[mqtt]", f'profiles_dir = "{directory}"\n\n[mqtt]'), ("[[cdu]]", device))

    def test_site_profile_is_used(self, tmp_path):
        result = loaded(tmp_path, self.use(tmp_path, SITE))
        assert result.profiles["x"].title == "t"
        assert tmp_path / "mine" / "own.toml" in result.files

    def test_profiles_beside_the_main_file_need_no_key(self, tmp_path):
        text = self.use(tmp_path, SITE).replace(f'profiles_dir = "{tmp_path / "mine"}"', "")
        (tmp_path / "mine").rename(tmp_path / "profiles")
        assert loaded(tmp_path, text).profiles["x"].title == "t"

    def test_mistake_in_the_profile_names_the_profile(self, tmp_path):
        (found,) = problems(tmp_path, self.use(tmp_path, SITE.replace("scale = 0.1", "scale = 0")))
        assert (found.file, found.line) == (str(tmp_path / "mine" / "own.toml"), line_of(SITE, "scale = 0.1"))

    def test_packaged_name_may_not_be_shadowed(self, tmp_path):
        text = self.use(tmp_path, SITE)
        (tmp_path / "mine" / "row-cdu.toml").write_text(SITE)
        (found,) = problems(tmp_path, text)
        assert found.key == "paths.profiles_dir"
        assert "shadows" in found.what

    def test_directory_that_is_not_there(self, tmp_path):
        found = problems(tmp_path, edited(("[mqtt]", 'profiles_dir = "/nowhere/at/all"\n\n[mqtt]')))
        assert [problem.key for problem in found] == ["paths.profiles_dir"]

    def test_branches_for_a_device_without(self, tmp_path):
        message = SITE[: SITE.index("[[block]]")] + (
            '[[message]]\ntopic = "t"\npoint = [{ name = "a_c", unit = "degC", minimum = 0, maximum = 9 }]\n'
        )
        text = self.use(tmp_path, message).replace(
            'modbus_tcp = { host = "h" }', 'mqtt = { topic = "q", branches = 2 }'
        )
        (found,) = problems(tmp_path, text)
        assert found.key == "device[2].mqtt.branches"


@pytest.mark.slow
def test_wheel_carries_every_profile_the_demo_and_its_types(tmp_path):
    """What is installed is what was tested: each profile lies in the wheel, byte for byte."""
    build = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-input", "--quiet", "--wheel-dir", str(tmp_path)]
    done = subprocess.run([*build, str(REPOSITORY)], capture_output=True, text=True, timeout=110, check=False)
    if done.returncode and "hatchling" in done.stderr:
        pytest.skip(f"no build backend: {done.stderr.strip().splitlines()[-1]}")
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        for name in packaged_profiles():
            packed = archive.read(f"coolantd/profiles/{name}.toml")
            assert packed == (resources.files("coolantd") / "profiles" / f"{name}.toml").read_bytes()
        assert archive.read("coolantd/sim/demo.toml") == (REPOSITORY / "config" / "demo.toml").read_bytes()
        assert "coolantd/py.typed" in archive.namelist(), "the classifier promises types to whoever imports it"
