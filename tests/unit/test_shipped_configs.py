"""The site configurations that ship are valid, and agree with the unit that ships beside them."""

import re
from pathlib import Path

import pytest

from coolantd.config.load import load

ROOT = Path(__file__).parents[2]
UNIT = (ROOT / "systemd/coolantd.service").read_text()


@pytest.mark.parametrize("path", sorted((ROOT / "config").glob("*.toml")), ids=lambda path: path.name)
def test_it_loads(path: Path) -> None:
    assert load(path).config.cdus


def test_the_site_example_asks_for_the_credential_that_the_unit_hands_over() -> None:
    config = load(ROOT / "config/coolantd.toml").config
    assert config.mqtt is not None
    assert re.search(rf"^LoadCredential={config.mqtt.password_credential}:", UNIT, re.MULTILINE)


@pytest.mark.parametrize(("key", "directive"), [("state", "State"), ("cache", "Cache"), ("runtime", "Runtime")])
def test_default_directories_are_those_that_systemd_makes(key: str, directive: str) -> None:
    paths = load(ROOT / "config/coolantd.toml").config.paths
    made = re.findall(rf"^{directive}Directory=(\w+)$", UNIT, re.MULTILINE)
    assert [getattr(paths, key).name] == made
