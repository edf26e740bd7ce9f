"""Every query of the dashboard is answered by a real Prometheus, and shows something on a healthy site."""

import json
import re
import shutil
from pathlib import Path

import pytest
from live_site import live_site, needs_broker, wait_for
from test_prometheus_scrape import prometheus, query

DASHBOARD = Path(__file__).parents[2] / "config/grafana/coolantd.json"
MAYBE_EMPTY = re.compile(
    r"> 0$|== [01]\)?$|not_good|write_mismatches|reloads_total|text_info|write_budget_used|time_to_limit"
    r"|coolantd_(reset|branch|override|alarm_state|request)_?"
)
"""Queries that are empty while all is well, or on a site without texts, budgets for writes, resets and balancing; an
override, an alarm or a request has a series only while there is one."""

pytestmark = [
    *needs_broker,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
]


def queries() -> list[str]:
    """What each panel asks, with Grafana's variables filled in."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    asked = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    filled = [re.sub(r"\$(instance|cdu|device)\b", ".+", expression) for expression in asked]
    return [re.sub(r"\$__(rate_)?interval", "10s", expression) for expression in filled]


def test_every_query_of_the_dashboard_is_answered(tmp_path: Path) -> None:
    assert len(queries()) > 30
    with live_site(0.5) as site, prometheus(tmp_path, site.demo.http_port) as port:
        # Some scrapes first, so that rates have something to go by.
        wait_for("scrapes", lambda: query(port, 'count_over_time(up{job="coolantd"}[1m]) >= 4'), 20.0, poll_s=0.5)
        wait_for("a branch", lambda: query(port, 'coolantd_point_value{point="branch1_flow_lpm"}'), 20.0, poll_s=0.5)
        empty = [expression for expression in queries() if not query(port, expression)]
    unanswered = [expression for expression in empty if not MAYBE_EMPTY.search(expression)]
    assert not unanswered, "\n".join(unanswered)
