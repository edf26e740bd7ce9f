"""``coolantd demo``: what it tells to copy works where it is copied to, and what it sums up was seen."""

import collections
import shutil
import sys
from pathlib import Path

import pytest

from coolantd.cli.demo import _addresses, _in_words
from coolantd.config.load import load
from coolantd.sim import demo_site as demo_site_module
from coolantd.sim.demo_site import RPU_DEVICE, DemoSite, demo_site


@pytest.mark.parametrize(
    ("on_the_path", "command"), [("/usr/bin/coolantd", "coolantd"), (None, f"{sys.executable} -m coolantd")]
)
def test_commands_to_copy_are_found_although_make_demo_leaves_the_path_alone(monkeypatch, on_the_path, command):
    monkeypatch.setattr(shutil, "which", lambda _name: on_the_path)
    site = DemoSite(Path("/site"), 1.0, http_port=1, modbus_port=2, mqtt_port=3, broker="mosquitto")
    shown = _addresses(site)
    assert f"{command} status --watch --socket /site/run/control.sock" in shown
    assert f"{command} reload --socket /site/run/control.sock" in shown


@pytest.mark.parametrize("ptys", [True, False])
def test_the_rpu_is_part_of_the_demo_where_there_are_pseudo_terminals_and_said_to_be_missing_elsewhere(
    monkeypatch, ptys
):
    monkeypatch.setattr(demo_site_module, "ptys_available", lambda: ptys)
    with demo_site(1.0, rpu=True) as site:
        loaded = load(site.config)
        shown = _addresses(site)
    names = [device.name for device in loaded.config.devices]
    assert (RPU_DEVICE in names) is ptys
    assert [str(line.port) for line in loaded.config.lines] == [str(site.rpu_port)] * ptys
    assert (f"{site.rpu_port} unit 12" in shown) is ptys
    assert ("none: its serial line needs a pseudo terminal" in shown) is not ptys


@pytest.mark.parametrize("key", ["supply_deviation_peak_k", "supply_deviation_low_k"])
def test_a_load_step_that_an_interrupted_demo_did_not_reach_is_said_to_be_missing(key):
    steps = {"supply_deviation_peak_k": 0.94, "supply_deviation_low_k": 0.3, "supply_settle_s": 18.5}
    summary = collections.defaultdict(int, duration_s=20.0, speed=1.0, rpu=None, **(steps | {key: None}))
    text = _in_words(summary)
    assert text.count("not reached") == 1
    assert "None" not in text
