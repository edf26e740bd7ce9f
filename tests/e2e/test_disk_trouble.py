"""A state directory that is full, read-only or dead: control comes up, goes on and ends as ever (FM-30, I13)."""

import os
import signal
import subprocess
import time

import pytest
from kill_site import SPEED, Nursery, Site

CYCLES = 12
PERIOD_S = 0.5
STOP_MAX_S = 5.0

pytestmark = pytest.mark.slow


def mounts():
    """Whether a mount of our own can be made here."""
    tried = subprocess.run(["unshare", "-m", "true"], capture_output=True, check=False) if os.geteuid() == 0 else None
    return tried is not None and tried.returncode == 0


needs_mounts = pytest.mark.skipif(not mounts(), reason="no right to mount")


async def goes_on(site, **options):
    """Live through some cycles; return what was said, and how long the end took in seconds."""
    life = await site.bear(**options)
    await site.to_control(life)
    beats = site.simulator.device.registers.get(site.simulator.device.port.heartbeat.ours)
    await site.until(lambda: False, within_s=CYCLES * PERIOD_S / SPEED)
    assert not life.over(), site.words()
    assert site.simulator.device.port.obeying
    assert site.simulator.device.registers.get(site.simulator.device.port.heartbeat.ours) != beats
    begun_s = time.monotonic()
    life.send(signal.SIGTERM)
    assert await life.end()
    took_s, said = time.monotonic() - begun_s, site.words()
    site.judge("disk")
    assert not [sentence for sentence in site.violations if "off by" not in sentence and "its log" not in sentence]
    assert "Traceback" not in said
    return said, took_s


@needs_mounts
@pytest.mark.parametrize("trouble", ["full", "readonly"])
async def test_fm_30_a_full_or_read_only_disk_costs_records_and_no_control(tmp_path, trouble):
    state = tmp_path / "site" / "state"
    mount = f"mount -t tmpfs -o size=64k,mode=700 none {state}"
    spoil = f"head -c 1000000 /dev/zero > {state}/fill" if trouble == "full" else f"mount -o remount,ro {state}"
    script = f'{mount} && {{ {spoil}; }} 2>/dev/null; exec "$@"'
    site = Site(tmp_path / "site", None, 0)
    async with Nursery("unshare", "-m", "sh", "-c", script, "sh") as nursery, site:
        site.nursery = nursery
        said, _ = await goes_on(site)
    assert "state_failing" in said
    assert "journal_failing" in said


async def test_fm_30_a_disk_that_does_not_answer_costs_records_and_no_control(tmp_path):
    async with Nursery() as nursery, Site(tmp_path / "site", nursery, 0) as site:
        said, stop_s = await goes_on(site, fault="dead_disk")
    assert "state_discarded" in said  # it could not be read in time
    assert stop_s <= STOP_MAX_S
