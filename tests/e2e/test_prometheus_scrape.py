"""A real Prometheus scrapes a running daemon, evaluates the shipped rules and answers every query of the dashboard."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

CONFIG = Path(__file__).parents[2] / "config"
START_MAX_S = 60.0
STOP_MAX_S = 10.0

pytestmark = [
    pytest.mark.real,
    pytest.mark.slow,
    pytest.mark.skipif(shutil.which("prometheus") is None, reason="prometheus is not installed"),
    pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed"),
]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


def fetch(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as reply:
        return str(reply.read().decode())


def eventually(ask: Callable[[], Any], what: str) -> Any:
    """Return the first true answer; an OSError (not listening yet) is no answer."""
    deadline_s = time.monotonic() + START_MAX_S
    while time.monotonic() < deadline_s:
        try:
            if answer := ask():
                return answer
        except OSError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"not within {START_MAX_S:g} s: {what}")


@contextmanager
def running(folder: Path, name: str, *command: str) -> Iterator[None]:
    """A process that writes to NAME.log and is stopped at the end."""
    with (folder / f"{name}.log").open("wb") as log:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        try:
            yield
        finally:
            process.terminate()
            try:
                process.wait(STOP_MAX_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def site_config(folder: Path, modbus_port: int, http_port: int) -> Path:
    """The demo's CDU alone, on ports and paths of its own."""
    blocks = (CONFIG / "demo.toml").read_text().split("\n\n")
    text = "\n\n".join(block for block in blocks if "manifold" not in block and not block.startswith("[mqtt]"))
    text = text.replace("port = 5020", f"port = {modbus_port}").replace("port = 9470", f"port = {http_port}")
    for key in ("state", "cache", "runtime"):
        (folder / key).mkdir()
        text = re.sub(rf'^{key} = ".*"', f'{key} = "{folder / key}"', text, flags=re.MULTILINE)
    path = folder / "coolantd.toml"
    path.write_text(text.rstrip() + "\n")
    return path


def prometheus_config(folder: Path, http_port: int) -> Path:
    """The shipped example, scraping faster and from the daemon's port."""
    text = (CONFIG / "prometheus/prometheus.yml").read_text()
    for old, new in (("interval: 5s", "interval: 1s"), ("timeout: 4s", "timeout: 1s"), (":9470", f":{http_port}")):
        assert old in text
        text = text.replace(old, new)
    shutil.copy(CONFIG / "prometheus/coolantd.rules.yml", folder)
    path = folder / "prometheus.yml"
    path.write_text(text.rstrip() + "\n")
    return path


@pytest.fixture(scope="module")
def urls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Addresses of a daemon in control and of the Prometheus that scrapes it."""
    folder = tmp_path_factory.mktemp("scrape")
    modbus, http, web = free_port(), free_port(), free_port()
    coolantd = (sys.executable, "-m", "coolantd")
    daemon, prometheus = f"http://127.0.0.1:{http}", f"http://127.0.0.1:{web}"
    with ExitStack() as stack:
        start = [folder, "simulator", *coolantd, "simulate", "--no-mqtt", "--modbus-port", str(modbus)]
        stack.enter_context(running(*start))
        config = site_config(folder, modbus, http)
        stack.enter_context(running(folder, "daemon", *coolantd, "run", "--config", str(config)))
        eventually(lambda: fetch(f"{daemon}/readyz"), "the daemon controls")
        stack.enter_context(running(
            folder, "prometheus", "prometheus", f"--config.file={prometheus_config(folder, http)}",
            f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address=127.0.0.1:{web}", "--log.level=warn",
        ))  # fmt: skip
        # Three scrapes, so that rates and increases have something to go by.
        eventually(lambda: query(prometheus, 'count_over_time(up{job="coolantd"}[1m]) >= 3'), "Prometheus scrapes")
        yield daemon, prometheus


def query(prometheus: str, expression: str) -> list[dict[str, Any]]:
    url = f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}"
    found: list[dict[str, Any]] = json.loads(fetch(url))["data"]["result"]
    return found


def test_promtool_check_metrics_is_silent(urls: tuple[str, str]) -> None:
    body = fetch(f"{urls[0]}/metrics")
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=body, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_scrape_is_whole(urls: tuple[str, str]) -> None:
    assert [row["value"][1] for row in query(urls[1], 'up{job="coolantd"}')] == ["1"]
    (supply,) = query(urls[1], 'coolantd_point_value{point="tcs_supply_temp_c"}')
    assert supply["metric"]["unit"] == "degC"
    assert 5.0 < float(supply["value"][1]) < 60.0
    assert query(urls[1], 'coolantd_cdu_mode{mode="automatic"} == 1')


def test_every_shipped_rule_evaluates(urls: tuple[str, str]) -> None:
    def rules() -> list[dict[str, Any]]:
        groups = json.loads(fetch(f"{urls[1]}/api/v1/rules"))["data"]["groups"]
        found = [rule for group in groups for rule in group["rules"]]
        return found if all(rule["health"] != "unknown" for rule in found) else []

    health = {rule["name"]: rule["health"] for rule in eventually(rules, "every rule has been evaluated")}
    assert len(health) >= 10
    assert set(health.values()) == {"ok"}


def test_every_query_of_the_dashboard_is_answered(urls: tuple[str, str]) -> None:
    dashboard = json.loads((CONFIG / "grafana/coolantd.json").read_text())
    targets = [target for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(targets) > 30
    empty = set()
    for target in targets:
        expression = re.sub(r"\$(instance|cdu|device)\b", ".+", target["expr"])
        expression = expression.replace("$__rate_interval", "10s").replace("$__interval", "10s")
        if not query(urls[1], expression):
            empty.add(target["expr"])
    # What shows only faults, and what this site has none of (branches, a broker), is empty on a healthy one.
    quiet = re.compile(r"> 0$|== [01]\)$|not_good|branch\[|mqtt|reloads_total")
    assert not {expression for expression in empty if not quiet.search(expression)}
