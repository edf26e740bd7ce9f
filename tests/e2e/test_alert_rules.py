"""The alert rules, as Prometheus' own tool judges them, and what every alert must tell an operator."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

PROMETHEUS = Path(__file__).parents[2] / "config/prometheus"
RULES = (PROMETHEUS / "coolantd.rules.yml").read_text()
TESTS = (PROMETHEUS / "coolantd.rules.test.yml").read_text()
ALERTS = re.findall(r"- alert: (\w+)\n(.*?)(?=\n\n|\Z)", RULES, re.DOTALL)

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")


def promtool(*args: str, cwd: Path = PROMETHEUS) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *args], cwd=cwd, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.real
@needs_promtool
@pytest.mark.parametrize(
    "args",
    [
        ("check", "rules", "coolantd.rules.yml"),
        ("check", "config", "prometheus.yml"),
        ("test", "rules", "coolantd.rules.test.yml"),
    ],
    ids=" ".join,
)
def test_promtool_is_content(args: tuple[str, ...]) -> None:
    done = promtool(*args)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.real
@needs_promtool
@pytest.mark.parametrize(
    "pattern", [r"^ +for: .*\n", r"(?<=deviation\{job=\"coolantd\", loop=\"supply_temp\"\}\) > )2"]
)
def test_the_rule_tests_would_notice(tmp_path: Path, pattern: str) -> None:
    """Without its delays, or with another limit, the same tests must fail."""
    broken = re.sub(pattern, "", RULES, flags=re.MULTILINE) if "for" in pattern else re.sub(pattern, "9", RULES)
    assert broken != RULES
    (tmp_path / "coolantd.rules.yml").write_text(broken)
    (tmp_path / "coolantd.rules.test.yml").write_text(TESTS)
    assert promtool("test", "rules", "coolantd.rules.test.yml", cwd=tmp_path).returncode != 0


def test_alerts_are_found() -> None:
    assert len(ALERTS) == RULES.count("- alert:") >= 10


@pytest.mark.parametrize(("name", "body"), ALERTS, ids=[name for name, _ in ALERTS])
def test_an_alert_says_what_why_and_what_to_do(name: str, body: str) -> None:
    """ISA-18.2: an alarm without cause, consequence and action is not an alarm."""
    assert re.search(r"labels: \{severity: (critical|warning|info)\}", body)
    for key in ("summary", "description", "cause", "consequence", "action"):
        assert re.search(rf'^ +{key}: ".{{20,}}"$', body, re.MULTILINE), key
    assert 'job="coolantd"' in body


@pytest.mark.parametrize("name", [name for name, _ in ALERTS])
def test_an_alert_is_shown_firing_and_not_firing(name: str) -> None:
    of_its_own = [part for part in TESTS.split("  - name: ")[1:] if re.match(rf"{name}\b", part)]
    assert any(f'alertname="{name}"' in part for part in of_its_own)
    assert any("exp_samples: []" in part for part in of_its_own)
