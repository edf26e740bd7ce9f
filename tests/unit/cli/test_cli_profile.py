"""``coolantd profile`` on files: exit codes, words and JSON."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from coolantd.cli.profile import profile

MAP = """table,address,length,name,type,word_order,scale,unit,access,note
holding,10,2,SupplyTemp,float32,CDAB,1,degC,ro,
holding,12,1,Flow,uint16,,0.1,,ro,
holding,13,1,Odd,quaternion,,,,ro,
"""
GOOD = """title = "Toy"
source = "made up"
verified = false

[[block]]
table = "holding"
coding = "u16"
unit = "degC"
minimum = 0.0
maximum = 90.0
point = [{ name = "supply_temp_c", address = 7, scale = 0.1 }]
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return lambda *arguments: CliRunner().invoke(profile, [str(argument) for argument in arguments])


@pytest.fixture
def toy(tmp_path):
    path = tmp_path / "toy.toml"
    path.write_text(GOOD)
    return path


def test_list_shows_packaged_and_site_profiles(run, toy):
    result = run("list", "--profiles-dir", toy.parent)
    assert result.exit_code == 0
    assert "row-cdu" in result.stdout
    assert "Row CDU, PLC with float32 CDAB registers" in result.stdout
    rows = {
        row["name"]: row for row in json.loads(run("list", "--json", "--profiles-dir", toy.parent).stdout)["profiles"]
    }
    assert rows["toy"] | {"title": ""} == {
        "name": "toy", "where": "site", "title": "", "transport": "modbus", "points": 1, "verified": False,
        "problems": 0,
    }  # fmt: skip
    assert rows["rack-manifold"]["transport"] == "mqtt"


def test_list_names_a_broken_site_profile_and_goes_on(run, toy):
    toy.write_text("title = 3\n")
    result = run("list", "--profiles-dir", toy.parent)
    assert result.exit_code == 0
    assert "3 problems" in result.stdout
    assert "row-cdu" in result.stdout


def test_show_has_both_notations(run, toy):
    result = run("show", toy)
    assert result.exit_code == 0
    line = next(line for line in result.stdout.splitlines() if "supply_temp_c" in line)
    assert line.split() == ["supply_temp_c", "holding", "7", "40008", "u16", "x0.1", "degC", "0", "90", "normal", "ro"]
    (point,) = json.loads(run("show", toy, "--json").stdout)["points"]
    assert (point["address"], point["reference"], point["scale"]) == (7, "40008", 0.1)


def test_show_every_packaged_profile(run):
    names = [row["name"] for row in json.loads(run("list", "--json").stdout)["profiles"]]
    for name in names:
        result = run("show", name, "--json")
        assert result.exit_code == 0, name
        assert json.loads(result.stdout)["points"]
        assert run("show", name).exit_code == 0


def test_show_unknown(run):
    result = run("show", "nobody")
    assert result.exit_code == 2
    assert "no such profile, got 'nobody', allowed: " in result.stderr
    assert "row-cdu" in result.stderr


def test_validate(run, toy, tmp_path):
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(GOOD.replace("0.1", '"x"').replace("minimum", "minimun"))
    result = run("validate", toy, wrong, tmp_path / "missing.toml")
    assert result.exit_code == 2
    assert result.stdout == f"OK: {toy}: Toy: 1 point\n"
    lines = result.stderr.splitlines()
    assert f"{wrong}:9: block[0].minimun: unknown key, did you mean minimum?, got 0.0" in lines
    assert any(line.startswith(f"{wrong}:11: block[0].point[0].scale: wrong type") for line in lines)
    assert f"{tmp_path / 'missing.toml'}: cannot be read: No such file or directory" in lines
    assert lines[-1] == "3 problems"
    answer = json.loads(run("validate", wrong, "--json").stdout)
    assert answer["ok"] is False
    assert {problem["line"] for problem in answer["problems"]} == {9, 11}
    assert run("validate", toy).exit_code == 0


def test_diff_exit_codes(run, toy, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text(GOOD.replace("u16", "i16").replace("0.1", "0.01"))
    assert run("diff", toy, toy).exit_code == 0
    assert run("diff", toy, toy).stdout == "no difference\n"
    result = run("diff", toy, other)
    assert result.exit_code == 1
    assert "~ holding 7  supply_temp_c  sign: unsigned -> signed  scale: 0.1 -> 0.01" in result.stdout
    answer = json.loads(run("diff", toy, other, "--json").stdout)
    assert answer["same"] is False
    assert [aspect["what"] for aspect in answer["differences"][0]["aspects"]] == ["sign", "scale"]
    assert run("diff", toy, other, "--ignore", "sign,scale").exit_code == 0
    assert run("diff", toy, other, "--ignore", "sign").exit_code == 1
    assert run("diff", toy, tmp_path / "missing.toml").exit_code == 2
    refused = run("diff", toy, other, "--ignore", "colour")
    assert refused.exit_code == 2
    assert "--ignore: got 'colour', allowed: name, address, sign" in refused.stderr


def test_import_writes_a_profile_that_loads_and_reports_by_line(run, tmp_path):
    (tmp_path / "toy map.csv").write_text(MAP)
    result = run("import", tmp_path / "toy map.csv", "--name", "toy")
    assert result.exit_code == 0
    assert result.stdout == "toy.toml: 2 points from csv, 4 remarks, 1 lines not imported\n"
    assert f"{tmp_path}/toy map.csv:3: Flow: unit not stated: read as a plain number" in result.stderr
    assert f"{tmp_path}/toy map.csv:4: Odd: not imported: unknown type 'quaternion'" in result.stderr
    assert run("validate", tmp_path / "toy.toml").exit_code == 0
    assert run("show", tmp_path / "toy.toml").exit_code == 0


def test_import_does_not_overwrite_unasked(run, tmp_path):
    (tmp_path / "m.csv").write_text(MAP)
    assert run("import", "m.csv").exit_code == 0
    (tmp_path / "m.toml").write_text("mine")
    again = run("import", "m.csv")
    assert again.exit_code == 2
    assert "m.toml exists: --force overwrites it" in again.stderr
    assert (tmp_path / "m.toml").read_text() == "mine"
    assert run("import", "m.csv", "--force").exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["missing.csv"], "cannot be read: No such file or directory"),
        (["."], "not a regular file"),
        (["m.csv", "--notation", "5"], "allowed: 0-based, 4xxxx"),
        (["m.csv", "--table", "shelf"], "allowed: coil, discrete, input, holding"),
        (["m.csv", "--format", "rackmon"], "not JSON"),
        (["m.csv", "-o", "no/such/dir.toml"], "cannot be written: No such file or directory"),
    ],
)
def test_import_refuses_with_a_sentence(run, tmp_path, arguments, sentence):
    (tmp_path / "m.csv").write_text(MAP)
    result = run("import", *arguments)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert not (tmp_path / "m.toml").exists()


def test_import_control_codes_do_not_reach_the_terminal(run, tmp_path):
    (tmp_path / "m.csv").write_text("table,address,name,type,unit\nholding,1,A\x1b[31mB,what\x07,degC\n")
    result = run("import", "m.csv")
    assert result.exit_code == 2
    assert "\x1b" not in result.stderr
    assert "\x07" not in result.stderr


def test_wrong_usage(run):
    assert run("probe").exit_code == 2
    assert run("probe", "--host", "127.0.0.1", "--profile", "nobody").exit_code == 2
    assert run("probe", "--host", "127.0.0.1", "--profile", "rack-manifold").exit_code == 2
    assert run("scan", "--host", "127.0.0.1", "--units", "9-1").exit_code == 2
    assert run("scan").exit_code == 2


def test_the_group_is_in_the_program_and_costs_the_daemon_nothing():
    root = Path(__file__).parents[3]
    code = (
        "import sys; sys.argv = ['coolantd', 'profile', 'show', 'row-cdu', '--json']\n"
        "from coolantd.cli.main import app\n"
        "try:\n    app()\nexcept SystemExit as done:\n    assert not done.code, done.code\n"
        "assert 'pymodbus' not in sys.modules and 'aiohttp' not in sys.modules\n"
    )
    environment = os.environ | {"PYTHONPATH": str(root)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["name"] == "row-cdu"
