"""``coolantd plan``: exit codes, what it prints, its report, and what it says of a wrong file."""

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from coolantd.cli.plan import plan
from coolantd.cli.plan_file import read_plan
from coolantd.planning.figures import Figure

EXAMPLE = Path(__file__).parents[3] / "config" / "plan.example.toml"


@pytest.fixture
def run():
    app = typer.Typer()
    app.command()(plan)
    return lambda *arguments: CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def edited(tmp_path):
    """Return a maker of files: the example with one text replaced, and the 1-based line where that stands."""

    def make(before: str, after: str) -> tuple[Path, int]:
        text = EXAMPLE.read_text(encoding="utf-8")
        assert text.count(before) == 1
        path = tmp_path / "plan.toml"
        path.write_text(text.replace(before, after), encoding="utf-8")
        return path, text[: text.index(before)].count("\n") + 1

    return make


def test_the_example_holds(run):
    result = run(EXAMPLE)
    assert result.exit_code == 0
    assert "The plan holds." in result.stdout
    assert result.stderr == ""
    assert re.search(r"Flow, all racks +952 +L/min", result.stdout)


def test_json_is_one_object_with_a_unit_on_every_figure(run):
    result = run(EXAMPLE, "--json")
    answer = json.loads(result.stdout)
    assert (result.exit_code, answer["ok"]) == (0, True)
    assert answer["figures"]["flow_lpm"]["value"] == pytest.approx(8 * 119.0)
    assert answer["figures"]["flow_lpm"]["unit"] == "L/min"
    assert {"flow_loss", "low_flow"} <= {one["key"] for one in answer["findings"]}
    assert result.stdout.isascii()


def test_a_plan_that_does_not_hold_fails(run, edited):
    path, _ = edited("supply_temp_max_c = 34.0 ", "supply_temp_max_c = 39.5 ")
    result = run(path)
    assert result.exit_code == 1
    assert "shortfall: With facility water of 39.5 degC the CDU supplies" in result.stdout
    assert "The plan does not hold: 1 shortfall." in result.stdout
    answer = json.loads(run(path, "--json").stdout)
    assert (answer["ok"], answer["findings"][0]["key"]) == (False, "supply_not_reachable")


def test_figures_that_do_not_exist_are_null_and_a_dash(run, edited):
    path, _ = edited("supply_temp_max_c = 34.0 ", "supply_temp_max_c = 41.0 ")
    answer = json.loads(run(path, "--json").stdout)
    assert answer["figures"]["fws_flow_needed_lpm"] == {
        "value": None, "unit": "L/min", "title": "Facility flow needed", "note": "none is enough",
    }  # fmt: skip
    assert re.search(r"Facility flow needed +- +L/min +none is enough", run(path).stdout)


@pytest.mark.parametrize(
    ("before", "after", "key", "said"),
    [
        ("count = 8", "count = 0", "racks.count", "out of range, got 0, allowed: 1 to 256"),
        ("heat_kw = 135.0", "heat_kw = nan", "racks.heat_kw", "not a finite number, got nan, allowed: a finite number"),
        ("d_ratio = 0.9 ", "d_ratio = 90 ", "racks.liquid_ratio", "out of range, got 90, allowed: above 0, up to 1"),
        ('nt = "pg25" ', 'nt = "oil" ', "coolant",
         "unknown value, got 'oil', allowed: 'pg25', 'pg55', 'water' or 'table'"),
        ("tank_l = 100.0", "tank = 100.0", "cdu.tank", "unknown key, did you mean tank_l?, got 100.0"),
        ("p_count = 2 ", 'p_count = "two" ', "cdu.pump_count", "wrong type, got 'two', allowed: an integer"),
        ("_lpm = 71.0", "_lpm = 50.0", "racks.demand[1].flow_lpm",
         "does not rise from row to row, got 50, allowed: above 59"),
        ("head_kpa = 405.0", "head_kpa = 500.0", "cdu.pump_curve[1].head_kpa",
         "does not fall from point to point, got 500, allowed: below 480"),
        ("supply_temp_c = 40.0", "supply_temp_c = 50.0", "supply_temp_c",
         "outside the racks' flow table, got 50, allowed: 25 to 45"),
        ("case_temp_max_c = 88.0", "case_temp_max_c = 35.0", "racks.case_temp_max_c",
         "no warmer than the coolant, got 35, allowed: above supply_temp_c, 40"),
        ("supply_temp_min_c = 20.0", "supply_temp_min_c = 36.0", "facility.supply_temp_min_c",
         "above the hottest, got 36, allowed: at most supply_temp_max_c, 34"),
    ],
)  # fmt: skip
def test_nonsense_is_one_sentence_with_its_line(run, edited, before, after, key, said):  # noqa: PLR0917 (a table's columns)
    path, line = edited(before, after)
    result = run(path, "--json")
    assert (result.exit_code, result.stdout) == (2, "")
    assert f"{path}:{line}: {key}: {said}\n" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_rating_that_no_exchanger_meets(run, edited):
    path, _ = edited("fws_flow_rated_lpm = 1215.0", "fws_flow_rated_lpm = 600.0")
    result = run(path)
    assert result.exit_code == 2
    assert (
        "cdu.heat_rated_kw: no exchanger does this with the rated flows and approach, got 1350, allowed"
        in result.stderr
    )


def test_a_pipe_that_holds_nothing_is_refused_not_simulated(run, edited):
    path, line = edited("supply_pipe_l = 60.0 ", "supply_pipe_l = 0.1 ")
    result = run(path)
    assert result.exit_code == 2
    assert (
        f"{path}:{line}: cdu.supply_pipe_l: emptied in less than 0.5 s by the 952 L/min of the racks" in result.stderr
    )


def test_every_mistake_is_listed(run, edited):
    path, _ = edited("count = 8", "count = -1")
    path.write_text(path.read_text().replace("tank_l", "tnk_l").replace("heat_kw = 135.0", "heat_kw = 1e9"))
    assert len(run(path).stderr.splitlines()) == 4, "count, heat_kw, tnk_l, and tank_l missing"


@pytest.mark.parametrize("content", [b"", b"supply_temp_c = \n", b"\xff\xfe\n", b"[racks\n", b"racks = 1\n"])
def test_what_is_no_plan_at_all(run, tmp_path, content):
    path = tmp_path / "plan.toml"
    path.write_bytes(content)
    result = run(path)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(str(path))


def test_missing_file(run, tmp_path):
    result = run(tmp_path / "none.toml")
    assert result.exit_code == 2
    assert "No such file" in result.stderr


def test_report_tells_the_same_figures_as_json(run, tmp_path):
    """The JSON, the Markdown and the HTML carry the same figures, row by row."""
    pytest.importorskip("matplotlib", reason="matplotlib is an optional extra")
    result = run(EXAMPLE, "--json", "--report", tmp_path / "out")
    figures = json.loads(result.stdout)["figures"]
    wanted = [(one["title"], Figure("", "", one["value"], "").text, one["unit"]) for one in figures.values()]
    page = (tmp_path / "out" / "plan.html").read_text(encoding="utf-8")
    row = r'<tr data-key="(\w+)"><td>(.*?)</td><td class="value">(.*?)</td><td>(.*?)</td>'
    rows = [[unescape(cell) for cell in found] for found in re.findall(row, page)]
    assert [key for key, *_ in rows] == list(figures)
    assert [tuple(row) for _, *row in rows] == wanted
    text = (tmp_path / "out" / "plan.md").read_text(encoding="utf-8")
    cells = [
        tuple(part.strip() for part in line.split("|")[1:4]) for line in text.splitlines() if line.startswith("| ")
    ]
    assert [row for row in cells if row[0] != "figure"] == wanted
    linked = re.findall(r"\]\((plan-\w+\.svg)\)", text)
    assert sorted(linked) == sorted(path.name for path in (tmp_path / "out").glob("*.svg"))
    assert page.count("<svg") == len(linked) == 6
    assert all(f"written: {tmp_path / 'out' / name}" in result.stderr for name in ("plan.html", "plan.md"))


def test_the_same_plan_is_the_same_bytes(run, tmp_path):
    pytest.importorskip("matplotlib", reason="matplotlib is an optional extra")
    for name in ("one", "two"):
        run(EXAMPLE, "--report", tmp_path / name)
    for path in (tmp_path / "one").iterdir():
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes(), path.name


def test_without_matplotlib_the_report_says_so(run, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run(EXAMPLE, "--report", tmp_path / "out")
    assert result.exit_code == 0
    assert "the report has no plots: matplotlib is not installed" in result.stderr
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"plan.html", "plan.md"}
    assert "<svg" not in (tmp_path / "out" / "plan.html").read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written(run, tmp_path):
    (tmp_path / "out").write_text("a file")
    result = run(EXAMPLE, "--report", tmp_path / "out")
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_one_row_is_a_flow_at_any_temperature(run, tmp_path):
    text = EXAMPLE.read_text(encoding="utf-8")
    start, end = text.index("demand = ["), text.index("]\n", text.index("demand = ["))
    path = tmp_path / "plan.toml"
    path.write_text(text[:start] + "demand = [ { inlet_temp_c = 30, flow_lpm = 150, pressure_kpa = 90 } " + text[end:])
    assert read_plan(path).racks.demand[0].flow_lpm == 150
    figures = json.loads(run(path, "--json").stdout)["figures"]
    assert figures["flow_lpm"]["value"] == pytest.approx(1200)
    assert "table_heat_kw" not in figures


@pytest.mark.parametrize("module", ["coolantd.cli.run", "coolantd.app", "coolantd.cli.plan"])
def test_the_daemon_and_the_bare_command_import_no_plotting(module):
    code = f"import sys; sys.argv = ['coolantd', 'run']; import coolantd.cli.main, {module}; print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert not {"matplotlib", "scipy", "coolantd.cli.plan_report", "coolantd.planning"} & set(found.stdout.split())


TABLE = """
[[coolant_table]]
temp_c = {temp_c}
density_kg_m3 = {density}
heat_capacity_j_kg_k = {heat_capacity}
conductivity_w_m_k = 0.35
viscosity_pa_s = {viscosity}
"""
PG55_ROWS = [(10, 1048, 3394, 0.0129), (20, 1041, 3436, 0.00768), (40, 1027, 3520, 0.00342), (60, 1012, 3603, 0.00191)]
LAST_ROW = (80, 996, 3686, 0.00122)


def written(rows):
    keys = ("temp_c", "density", "heat_capacity", "viscosity")
    return "".join(TABLE.format(**dict(zip(keys, row, strict=True))) for row in rows)


def test_a_coolant_may_be_a_table_from_its_data_sheet(run, edited):
    path, _ = edited('coolant = "pg25" ', 'coolant = "table" ')
    path.write_text(path.read_text() + written([*PG55_ROWS, LAST_ROW]))
    assert run(path, "--json").exit_code == 0


def test_a_coolant_table_with_a_typing_error_is_one_sentence(run, edited):
    path, _ = edited('coolant = "pg25" ', 'coolant = "table" ')
    path.write_text(path.read_text() + written([*PG55_ROWS, (80, 996, 3186, 0.00122)]))
    result = run(path, "--json")
    assert result.exit_code == 2
    assert "coolant_table: heat_capacity_j_kg_k at 60 degC is 3603, " in result.stderr
    assert "off the curve through all rows, allowed: 1%" in result.stderr
