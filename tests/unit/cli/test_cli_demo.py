"""``coolantd demo``: what it tells to copy works where it is copied to."""

import shutil
import sys
from pathlib import Path

import pytest

from coolantd.cli.demo import _addresses
from coolantd.sim.demo_site import DemoSite


@pytest.mark.parametrize(
    ("on_the_path", "command"), [("/usr/bin/coolantd", "coolantd"), (None, f"{sys.executable} -m coolantd")]
)
def test_commands_to_copy_are_found_although_make_demo_leaves_the_path_alone(monkeypatch, on_the_path, command):
    monkeypatch.setattr(shutil, "which", lambda _name: on_the_path)
    site = DemoSite(Path("/site"), 1.0, http_port=1, modbus_port=2, mqtt_port=3, broker="mosquitto")
    shown = _addresses(site)
    assert f"{command} status --watch --socket /site/run/control.sock" in shown
    assert f"{command} reload --socket /site/run/control.sock" in shown
