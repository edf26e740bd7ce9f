"""Dashboard, alert rules and their tests speak of series that the daemon has, and the dashboard is well formed."""

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from service_view_factory import ASKED, ESTIMATE, HELD, LEAKING, make_view, uncertain

from coolantd.point import Reason
from coolantd.protocol.line import LineCounts
from coolantd.safety.modes import Mode
from coolantd.service.exposition import PointExposition
from coolantd.service.gc_watch import GcWatch
from coolantd.service.line_metrics import LineCollector
from coolantd.service.metrics import Metrics
from coolantd.service.vitals import Inhabitants

CONFIG = Path(__file__).parents[2] / "config"
DASHBOARD = json.loads((CONFIG / "grafana/coolantd.json").read_text())
PROCESS = {"process_resident_memory_bytes", "process_open_fds", "process_max_fds"}
FOREIGN = {"up", "ALERTS"} | PROCESS
"""Series that Prometheus makes itself, and those that its library makes of every process."""


@pytest.fixture(scope="module")
def series() -> dict[str, set[str]]:
    """Every series name that /metrics can show, and the labels it has there."""
    metrics = Metrics()
    metrics.registry.register(LineCollector(lambda: [("rack-bus", LineCounts())]))
    metrics.registry.register(GcWatch())
    with contextlib.closing(asyncio.new_event_loop()) as loop:
        metrics.registry.register(Inhabitants(loop))
    for family in vars(metrics).values():
        names = getattr(family, "_labelnames", ())
        if names:
            family.labels(*names)
    view = make_view([uncertain(34.0, Reason.STALE)], broker_connected=True)
    named = dataclasses.replace(view.devices[0], texts=(("model", "X-1"),))
    lost = dataclasses.replace(ESTIMATE, limit_s=12.0)
    view = dataclasses.replace(
        view, devices=(named,), estimates=(lost,), overrides=(HELD,), leak_zones=(LEAKING,), requests=(ASKED,)
    )
    body = asyncio.run(PointExposition().render(view, metrics)).decode()
    found: dict[str, set[str]] = {}
    for line in body.splitlines():
        if not line.startswith("#"):
            name, labels = re.match(r"(\w+)(?:\{(.*)\})? ", line).groups()
            found.setdefault(name, set()).update(re.findall(r'(\w+)="', labels or ""))
    return found


def panels() -> list[dict[str, Any]]:
    return [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def dashboard_expressions() -> Iterator[str]:
    for panel in panels():
        yield from (target["expr"] for target in panel["targets"])
    yield from (annotation["expr"] for annotation in DASHBOARD["annotations"]["list"])
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            yield re.sub(r"label_values\((.*), *\w+\)", r"\1", variable["query"]["query"])


def expressions(kind: str) -> list[str]:
    if kind == "dashboard":
        return list(dashboard_expressions())
    rules = (CONFIG / "prometheus/coolantd.rules.yml").read_text()
    tests = (CONFIG / "prometheus/coolantd.rules.test.yml").read_text()
    if kind == "rules":
        return re.findall(r"^ {8}expr: (.*(?:\n {10}.*)*)", rules, re.MULTILINE)
    return re.findall(r"\{series: '([^']+)'", tests)


def selectors(expression: str) -> list[tuple[str, set[str]]]:
    """Each metric of an expression with the labels it is selected by."""
    named = re.findall(r"\b(coolantd_\w+|up|ALERTS)\b(?:\{([^}]*)\})?", expression)
    return [(name, set(re.findall(r"(\w+)(?:=~|!~|!=|=)", labels))) for name, labels in named]


@pytest.mark.parametrize("kind", ["dashboard", "rules", "rule tests"])
def test_every_series_named_is_one_the_daemon_has(kind: str, series: dict[str, set[str]]) -> None:
    named = [selector for expression in expressions(kind) for selector in selectors(expression)]
    assert len(named) > 15
    for name, labels in named:
        assert name in series.keys() | FOREIGN, f"{name} in {kind}"
        if name not in FOREIGN:
            assert labels <= series[name] | {"job", "instance"}, f"{name} in {kind}"


@pytest.mark.parametrize("kind", ["dashboard", "rules", "rule tests"])
def test_modes_and_reasons_named_exist(kind: str) -> None:
    text = "\n".join(expressions(kind))
    assert set(re.findall(r'\bmode="(\w+)"', text)) <= {mode.label for mode in Mode}
    reasons = re.findall(r'point_not_good\{[^}]*reason!?="(\w+)"', text)
    assert set(reasons) <= {reason.label for reason in Reason}


def test_every_series_of_the_daemon_is_on_the_dashboard(series: dict[str, set[str]]) -> None:
    shown = {name for expression in expressions("dashboard") for name, _ in selectors(expression)}
    families = {re.sub(r"_(bucket|sum|count)$", "", name) for name in series}
    assert families - {re.sub(r"_bucket$", "", name) for name in shown} == set()


def test_panels_have_ids_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(ids) == len(set(ids))
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + i, at["y"] + j) for i in range(at["w"]) for j in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert at["x"] + at["w"] <= 24
        taken |= cells


def test_every_panel_says_what_it_shows_and_asks_the_chosen_data_source() -> None:
    for panel in panels():
        assert panel["title"]
        assert panel["description"], panel["title"]
        sources = [panel["datasource"], *(target["datasource"] for target in panel["targets"])]
        assert all(source == {"type": "prometheus", "uid": "${datasource}"} for source in sources), panel["title"]


def test_variables_used_are_defined() -> None:
    defined = {variable["name"] for variable in DASHBOARD["templating"]["list"]}
    used = set(re.findall(r"\$\{?(?!__)(\w+)", "\n".join(dashboard_expressions())))
    assert used == {"instance", "cdu", "device"}
    assert used | {"datasource"} == defined


def test_colour_is_only_for_the_abnormal() -> None:
    """ISA-101: what is normal is grey."""
    allowed = {"#8e8e8e", "#5a5a5a", "transparent", "#e0a030", "#d0383f"}
    text = json.dumps(DASHBOARD)
    assert set(re.findall(r'"(?:color|fixedColor|iconColor)": "([^"]+)"', text)) <= allowed
    assert "palette-classic" not in text
