"""Reading, merging and freezing a configuration."""

import hashlib
import os

import pydantic
import pytest
from config_files import DEMO, REPOSITORY, edited, line_of, loaded, problems

from coolantd.config.load import PROBLEMS_MAX, load
from coolantd.config.models import Config
from coolantd.config.source import FILE_BYTES_MAX
from coolantd.errors import ConfigError

CONFIG_DIR = REPOSITORY / "config"
EXAMPLES = sorted({*CONFIG_DIR.glob("*.toml")} - {*CONFIG_DIR.glob("plan.*")})


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_every_example_configuration_loads(path):
    assert load(path).config.site.name


def test_what_the_demo_says_is_what_is_loaded(tmp_path):
    result = loaded(tmp_path, DEMO)
    cdu = result.config.cdus[0]
    assert result.config.control.period_s == 0.5
    assert result.config.devices[0].modbus_tcp.port == 5020
    assert cdu.supply_temp.setpoint_c == 34.0
    assert (cdu.pressure.unit, cdu.pressure.setpoint, cdu.pressure.gain) == ("kPa", 90.0, 0.1)
    assert cdu.pressure.setpoint_rate_per_min == 60.0
    assert [row.valve_position_pct for row in cdu.failsafe.valve_position_table] == [40.0, 68.0, 80.0]
    assert (cdu.manual.pump_speed_pct, cdu.manual.valve_position_pct) == (None, None)
    assert set(result.profiles) == {"cdu1", "manifold1"}
    assert len(result.profiles["manifold1"].messages) == 8 * 5


def test_defaults_of_a_loop(tmp_path):
    loop = loaded(tmp_path, DEMO).config.cdus[0].supply_temp
    assert (loop.derivative_filter_ratio, loop.setpoint_weight_ratio) == (8.0, 1.0)
    assert loop.tracking_time_s == loop.integral_time_s == 20.0


def test_configuration_is_frozen(tmp_path):
    result = loaded(tmp_path, DEMO)
    with pytest.raises(pydantic.ValidationError):
        result.config.control.period_s = 1.0
    with pytest.raises(TypeError):
        result.profiles["cdu1"] = result.profiles["manifold1"]


def test_dump_loads_to_the_same_configuration(tmp_path):
    config = loaded(tmp_path, DEMO).config
    assert Config.model_validate(config.model_dump(by_alias=True, mode="json")) == config
    assert loaded(tmp_path, DEMO).config == config


def test_digest_covers_every_byte_read(tmp_path):
    result = loaded(tmp_path, DEMO)
    assert result.digest == hashlib.sha256(b"".join(file.read_bytes() for file in result.files)).hexdigest()
    assert loaded(tmp_path, DEMO).digest == result.digest
    assert loaded(tmp_path, DEMO + "#\n").digest != result.digest


def test_files_are_read_once(tmp_path, monkeypatch):
    """FM-43: what was validated is what is applied, so no file is opened a second time."""
    opened = []
    real_open = os.open
    monkeypatch.setattr(os, "open", lambda path, *rest: opened.append(str(path)) or real_open(path, *rest))
    loaded(tmp_path, DEMO, more="")
    own = [path for path in opened if path.startswith(str(tmp_path)) and path.endswith(".toml")]
    assert [path.rsplit("/", 1)[1] for path in own if "conf.d" in path or "coolantd.toml" in path].count(
        "more.toml"
    ) == 1
    assert len(own) == len(set(own)) == 2


class TestFragments:
    def test_tables_merge_and_arrays_of_tables_append(self, tmp_path):
        start = DEMO.index('[[device]]\nname = "manifold1"')
        device = DEMO[start : DEMO.index("[[cdu]]")]
        main = edited((device, ""), ("port = 9470", ""))
        result = loaded(tmp_path, main, b=device, a="[http]\nport = 9999\n")
        assert result.config.http.port == 9999
        assert result.config.http.host == "127.0.0.1"
        assert [device.name for device in result.config.devices] == ["cdu1", "manifold1"]
        assert [file.name for file in result.files[:3]] == ["coolantd.toml", "a.toml", "b.toml"]

    def test_key_set_twice_names_both_places(self, tmp_path):
        (found,) = problems(tmp_path, DEMO, a="# a\n[http]\nport = 9999\n")
        assert (found.file, found.line, found.key) == (str(tmp_path / "conf.d" / "a.toml"), 3, "http.port")
        assert f"{tmp_path / 'coolantd.toml'}:{line_of(DEMO, 'port = 9470')}" in found.what

    def test_problem_in_an_appended_table_has_its_own_file_and_line(self, tmp_path):
        fragment = '\n[[device]]\nname = "x"\nprofile = "row-cdu"\nmodbus_tcp = { host = "h", unit_id = 999 }\n'
        (found,) = problems(tmp_path, DEMO, extra=fragment)
        assert (found.file, found.line) == (str(tmp_path / "conf.d" / "extra.toml"), 5)
        assert found.key == "device[2].modbus_tcp.unit_id"

    def test_syntax_error_in_each_of_two_files(self, tmp_path):
        found = problems(tmp_path, edited(("period_s = 0.5 ", "period_s = ")), a="[http\n")
        assert [(problem.file.rsplit("/", 1)[1], problem.line) for problem in found] == [
            ("a.toml", 1),
            ("coolantd.toml", 8),
        ]

    def test_mistakes_of_good_files_show_beside_a_broken_one(self, tmp_path):
        found = problems(tmp_path, edited(("period_s = 0.5 ", "period_s = 99 ")), a="[http\n")
        assert [problem.key for problem in found] == ["", "control.period_s"]

    def test_other_files_in_conf_d_are_ignored(self, tmp_path):
        (tmp_path / "conf.d").mkdir()
        (tmp_path / "conf.d" / "a.toml.bak").write_text("nonsense")
        assert loaded(tmp_path, DEMO)

    def test_too_many(self, tmp_path):
        found = problems(tmp_path, DEMO, **{f"f{n}": "" for n in range(65)})
        assert "too many fragments" in str(found[0])


class TestUnusableFiles:
    def test_missing(self, tmp_path):
        with pytest.raises(ConfigError) as caught:
            load(tmp_path / "none.toml")
        (found,) = caught.value.problems
        assert found.file == str(tmp_path / "none.toml")
        assert "No such file" in found.what

    def test_directory_and_pipe(self, tmp_path):
        """A pipe must not hang a reload."""
        os.mkfifo(tmp_path / "pipe.toml")
        for path in (tmp_path, tmp_path / "pipe.toml"):
            with pytest.raises(ConfigError, match="cannot be read"):
                load(path)

    def test_nul_in_the_name(self, tmp_path):
        with pytest.raises(ConfigError, match="cannot be read"):
            load(tmp_path / "a\0b.toml")

    def test_not_utf8(self, tmp_path):
        (tmp_path / "c.toml").write_bytes(b"# one\n# \xff\n")
        with pytest.raises(ConfigError, match=r"c\.toml:2: not UTF-8"):
            load(tmp_path / "c.toml")

    def test_too_long(self, tmp_path):
        (tmp_path / "c.toml").write_bytes(DEMO.encode() + b"#" * FILE_BYTES_MAX)
        with pytest.raises(ConfigError, match="longer than"):
            load(tmp_path / "c.toml")

    @pytest.mark.parametrize(
        ("text", "line"),
        [
            ("[site\n", 1),
            ('\n\n[site]\nname = "a\n', 4),
            ("[site]\nname = 1\nname = 2\n", 3),
            ("[site]\nname =", 2),
            ("x = 2026-13-41\n", 1),
            ("x = " + "9" * 5000 + "\n", 1),
            ("x = " + "[" * 20_000 + "\n", 1),
            ("x = " + "[" * 100 + "]" * 100 + "\n", 1),
            ("x" + ".x" * 20 + " = 1\n", 1),
            ("y = 1\nx" + ".x" * 100_000 + " = 1\n", 2),
            ("\ufeff[site]\n", 1),
            ('[site]\nname = "a\x00b"\n', 2),
        ],
    )
    def test_not_toml(self, tmp_path, text, line):
        found = problems(tmp_path, text)
        assert found[0].line == line
        assert found[0].key == ""

    def test_without_its_last_newline(self, tmp_path):
        """FM-43: half a number is a number."""
        text = edited(("branch_valve_rate_pct_per_s = 2.0\n", "branch_valve_rate_pct_per_s = 2"))
        (found,) = problems(tmp_path, text)
        assert (found.line, found.what) == (
            line_of(text, "branch_valve_rate"),
            "does not end with a newline: half written?",
        )
        assert not problems(tmp_path, f"{text}\n")


def test_unknown_sections_are_bounded(tmp_path):
    text = DEMO + "".join(f"[z{n}]\n" for n in range(PROBLEMS_MAX + 100))
    found = problems(tmp_path, text)
    assert len(found) == PROBLEMS_MAX + 1
    assert "100 more problems" in found[-1].what


def test_huge_integer_is_described_not_printed(tmp_path):
    (found,) = problems(tmp_path, edited(("port = 9470", "port = 0x" + "f" * 20_000)))
    assert found.value == "an integer of 80000 bits"


def test_odd_keys_stay_on_one_line(tmp_path):
    (found,) = problems(tmp_path, edited(("port = 9470", 'port = 9470\n"a\\nb\u2028c" = "x\\ny"')))
    assert len(str(found).splitlines()) == 1
