"""Debian's Prometheus scrapes a live daemon with the shipped configuration and rules; promtool finds nothing to say."""

import contextlib
import json
import shutil
import subprocess
import urllib.parse
import urllib.request
from pathlib import Path

import pytest
from live_site import live_site, needs_broker, wait_for

from coolantd.sim.ports import free_port

SHIPPED = Path(__file__).parents[2] / "config/prometheus"
SCRAPE_S = "1s"
START_TIMEOUT_S = 30.0

pytestmark = [
    *needs_broker,
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("prometheus") is None or shutil.which("promtool") is None, reason="prometheus is not installed"
    ),
]


@contextlib.contextmanager
def prometheus(folder, target_port):
    """Run Prometheus on the shipped files, with this site's port and a shorter interval; give its port."""
    text = (SHIPPED / "prometheus.yml").read_text()
    changes = {
        "127.0.0.1:9470": f"127.0.0.1:{target_port}",
        "scrape_interval: 5s": f"scrape_interval: {SCRAPE_S}",
        "evaluation_interval: 5s": f"evaluation_interval: {SCRAPE_S}",
        "scrape_timeout: 4s": f"scrape_timeout: {SCRAPE_S}",
    }
    for old, new in changes.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    (folder / "prometheus.yml").write_text(text)
    shutil.copy(SHIPPED / "coolantd.rules.yml", folder)
    port = free_port()
    with (folder / "prometheus.log").open("wb") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder / 'prometheus.yml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        wait_for("Prometheus", lambda: answers(port, "/-/ready"), START_TIMEOUT_S, poll_s=0.2)
        yield port
    finally:
        process.terminate()
        process.wait(10.0)


def answers(port, path):
    with contextlib.suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=2.0) as reply:
        return reply.status == 200
    return False


def api(port, path, **query):
    url = f"http://127.0.0.1:{port}/api/v1/{path}?{urllib.parse.urlencode(query)}"
    with urllib.request.urlopen(url, timeout=5.0) as reply:
        answer = json.load(reply)
    assert answer["status"] == "success"
    return answer["data"]


def query(port, expression):
    return {
        tuple(sorted(each["metric"].items())): float(each["value"][1])
        for each in api(port, "query", query=expression)["result"]
    }


def test_prometheus_scrapes_a_live_daemon(tmp_path):
    with live_site(0.5) as site, prometheus(tmp_path, site.demo.http_port) as port:
        wait_for("a scrape", lambda: list(query(port, 'up{job="coolantd"}').values()) == [1.0], 15.0, poll_s=0.2)
        value = 'coolantd_point_value{device="cdu1",point="tcs_supply_temp_c",unit="degC"}'
        wait_for("a point", lambda: query(port, value), 10.0, poll_s=0.2)
        (supply_c,) = query(port, value).values()
        assert supply_c == pytest.approx(34.0, abs=1.0)
        assert len(query(port, "coolantd_point_value")) > 50
        assert set(query(port, "coolantd_ready").values()) == {1.0}
        (target,) = api(port, "targets")["activeTargets"]
        assert (target["health"], target["lastError"]) == ("up", "")
        rules = [rule for group in api(port, "rules")["groups"] for rule in group["rules"]]
        wait_for("an evaluation", lambda: all_evaluated(port), 10.0, poll_s=0.5)
        assert len(rules) == (SHIPPED / "coolantd.rules.yml").read_text().count("- alert:")
        assert query(port, 'ALERTS{alertstate="firing"}') == {}
        body = site.get("/metrics")[1]
        site.kill("daemon")
        wait_for("a failed scrape", lambda: list(query(port, 'up{job="coolantd"}').values()) == [0.0], 10.0)
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=body.encode(), capture_output=True, timeout=30, check=False
    )
    assert (checked.returncode, checked.stdout, checked.stderr) == (0, b"", b"")
    print(f"\nscraped: up 1, {body.count(chr(10))} lines, {len(rules)} rules evaluated, promtool check metrics silent")


def all_evaluated(port):
    rules = [rule for group in api(port, "rules")["groups"] for rule in group["rules"]]
    assert all(rule["health"] != "err" for rule in rules), [rule.get("lastError") for rule in rules]
    return all(rule["health"] == "ok" for rule in rules)


@pytest.mark.parametrize("line", ["coolantd_badName 1\n", 'coolantd_x{a="1"} 1\ncoolantd_x{a="1"} 2\n'])
def test_promtool_would_complain(line):
    """A check that cannot fail is no check."""
    checked = subprocess.run(
        ["promtool", "check", "metrics"], input=line.encode(), capture_output=True, timeout=30, check=False
    )
    assert checked.returncode != 0 or checked.stderr
