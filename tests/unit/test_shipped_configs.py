"""The site configurations that ship are valid, and agree with the unit that ships beside them."""

import re
from pathlib import Path

import pytest

from coolantd.config.load import load

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd/coolantd.service").read_text()


SITES = sorted({*(ROOT / "config").glob("*.toml")} - {*(ROOT / "config").glob("plan.*")})
"""``plan.*.toml`` are the inputs of ``coolantd plan``, checked with it."""


@pytest.mark.parametrize("path", SITES, ids=lambda path: path.name)
def test_it_loads(path: Path) -> None:
    assert load(path).config.cdus


def test_what_the_site_example_only_shows_is_valid_too(tmp_path: Path) -> None:
    """Its commented serial line, RPU and proxy, taken as they stand."""
    text = (ROOT / "config/coolantd.toml").read_text()
    for begin in ("# [[line]]\n", "# [[proxy]]\n"):
        start = text.index(begin)
        block = re.match(r"(#.*\n)+", text[start:])
        assert block is not None
        text = text[:start] + re.sub(r"^# ?", "", block[0], flags=re.MULTILINE) + text[start + block.end() :]
    (tmp_path / "coolantd.toml").write_text(text)
    config = load(tmp_path / "coolantd.toml").config
    assert [line.name for line in config.lines] == ["rack-bus"]
    assert [device.transport for device in config.devices].count("modbus_rtu") == 1
    assert [unit.device for proxy in config.proxies for unit in proxy.units] == ["cdu1"]
    assert not load(ROOT / "config/coolantd.toml").config.lines, "they are commented out as shipped"


def test_the_leak_zone_that_the_site_example_only_shows_is_valid_too(tmp_path: Path) -> None:
    """As it stands, on a manifold that has detectors; the meter it names is another device's."""
    text = (ROOT / "config/coolantd.toml").read_text()
    start = text.index("# [[leak_zone]]\n")
    block = re.match(r"(#.*\n)+", text[start:])
    assert block is not None
    zone = re.sub(r"^# ?", "", block[0], flags=re.MULTILINE).replace("pdu3.power_kw", "cdu1.heat_load_kw")
    text = text.replace('profile = "rack-manifold"', 'profile = "rack-manifold-leak"') + zone
    (tmp_path / "coolantd.toml").write_text(text)
    config = load(tmp_path / "coolantd.toml").config
    assert [(each.name, each.isolate, len(each.detectors)) for each in config.leak_zones] == [("r703", "major", 2)]
    assert not load(ROOT / "config/coolantd.toml").config.leak_zones, "it is commented out as shipped"


def test_the_site_example_asks_for_the_credential_that_the_unit_hands_over() -> None:
    config = load(ROOT / "config/coolantd.toml").config
    assert config.mqtt is not None
    assert re.search(rf"^LoadCredential={config.mqtt.password_credential}:", UNIT, re.MULTILINE)


@pytest.mark.parametrize(("key", "directive"), [("state", "State"), ("cache", "Cache"), ("runtime", "Runtime")])
def test_default_directories_are_those_that_systemd_makes(key: str, directive: str) -> None:
    paths = load(ROOT / "config/coolantd.toml").config.paths
    made = re.findall(rf"^{directive}Directory=(\w+)$", UNIT, re.MULTILINE)
    assert [getattr(paths, key).name] == made
