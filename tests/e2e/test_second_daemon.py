"""A second daemon started by mistake on the same site ends with one sentence and has touched nothing."""

import subprocess
import sys
import time

import pytest
from live_site import live_site, needs_broker

pytestmark = [*needs_broker, pytest.mark.slow]


def test_a_second_daemon_ends_and_the_first_never_notices():
    with live_site(0.5) as site:
        time.sleep(2.0)
        before, connects = site.truth(), site.metric("coolantd_mqtt_connects_total")
        done = subprocess.run(
            [sys.executable, "-m", "coolantd", "run", "--config", str(site.demo.config)],
            capture_output=True,
            text=True,
            timeout=20,
            check=False,
        )
        time.sleep(2.0)
        after = site.truth()
        assert done.returncode == 1
        said = [line for line in done.stderr.splitlines() if not line.startswith("{")]
        assert len(said) == 1, done.stderr
        assert after["modbus"]["connections_total"] == before["modbus"]["connections_total"]
        assert after["obeying"]
        assert (after["takeovers"], after["fallbacks"]) == (before["takeovers"], before["fallbacks"])
        assert site.metric("coolantd_mqtt_connects_total") == connects, "it took the first one's place at the broker"
        assert site.status()["ready"]
        assert site.mode() == "automatic"
