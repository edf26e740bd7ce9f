"""Taking over a configuration: what a stop in the middle of it leaves undone."""

import dataclasses
from pathlib import Path
from typing import Any, cast

import pytest

from coolantd.config.load import load
from coolantd.errors import CoolantdError
from coolantd.service import taking_over

DEMO = Path(__file__).parents[3] / "config" / "demo.toml"


class _Fleet:
    """Remembers whether it was changed; no device is paused."""

    changed = False

    def hushed(self) -> frozenset[str]:
        return frozenset()

    def change(self, *_: Any, **__: Any) -> None:
        self.changed = True


class _Faces:
    async def change(self, proxies: Any) -> None:
        del proxies


class _Cycle:
    """Stands in for the cycle: only its writer and table are looked at before the stop is noticed."""

    writer = None
    table = None


async def test_a_stop_while_devices_are_given_back_begins_no_bus(monkeypatch: pytest.MonkeyPatch) -> None:
    """FM-43: what the reload would have begun after the hand-over would outlive it."""
    old = load(DEMO)
    new = dataclasses.replace(old, config=old.config.model_copy(update={"cdus": ()}))
    told: list[list[str]] = []

    async def give_back(cycle: Any, loaded: Any, devices: list[str], deadline_s: float) -> None:
        del cycle, loaded, deadline_s
        told.append(devices)

    monkeypatch.setattr(taking_over, "give_back", give_back)
    fleet = _Fleet()
    with pytest.raises(CoolantdError, match="coolantd is stopping"):
        await taking_over.take_over(
            new,
            old,
            fleet=cast("Any", fleet),
            cycle=cast("Any", _Cycle()),
            faces=cast("Any", _Faces()),
            make_writer=cast("Any", None),
            hand_over_s=1.0,
            stopping=lambda: bool(told),
        )
    assert told == [["cdu1"]]
    assert not fleet.changed


def _with_mode(loaded: Any, mode: str) -> Any:
    cdus = tuple(cdu.model_copy(update={"mode": mode}) for cdu in loaded.config.cdus)
    return dataclasses.replace(loaded, config=loaded.config.model_copy(update={"cdus": cdus}))


def test_a_cdu_that_is_disabled_is_given_back_and_one_that_was_is_not_again() -> None:
    automatic = load(DEMO)
    disabled = _with_mode(automatic, "disabled")
    devices = [cdu.device for cdu in automatic.config.cdus]
    assert taking_over.devices_given_up(automatic, disabled, ()) == devices
    assert taking_over.devices_given_up(disabled, disabled, ()) == []
    assert taking_over.devices_given_up(disabled, automatic, ()) == []
    assert taking_over.devices_given_up(automatic, automatic, ()) == []
