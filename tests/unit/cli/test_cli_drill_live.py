"""``coolantd drill --live``: holds what is told already, asks first, touches nothing that is not under control."""

import pytest
from typer.testing import CliRunner

from coolantd.cli import drill_live
from coolantd.cli.drill_live import hold_and_let_go, pick
from coolantd.errors import CoolantdError

KEY, TAG = "cdu1/supply_temp/output", "cdu1.valve"


class Daemon:
    """One CDU whose override is in force some looks after the order."""

    def __init__(self, mode="automatic", now=55.0, command=55.2, looks=3):
        self.mode, self.now, self.command, self.looks = mode, now, command, looks
        self.orders, self.held = [], False

    def __call__(self, order):
        if order["command"] != "status":
            self.orders.append(order)
        match order["command"]:
            case "override_targets":
                return {"targets": [{"target": KEY, "now": self.now}]}
            case "override_set":
                self.held = True
                return {"target": TAG}
            case "override_release":
                self.held = False
                return {}
        self.looks -= self.held
        overrides = [{"target": TAG, "in_force": self.looks <= 0}] if self.held else []
        return {
            "cdus": [{"name": "cdu1", "mode": self.mode, "cause": "supply temp bad"}],
            "overrides": overrides,
            "actuators": [{"device": "cdu1", "point": "valve", "command_pct": self.command}],
        }


@pytest.fixture(autouse=True)
def clock(monkeypatch):
    time = {"s": 0.0}
    monkeypatch.setattr("time.monotonic", lambda: time["s"])
    monkeypatch.setattr("time.sleep", lambda s: time.update(s=time["s"] + s))


def test_the_valve_is_held_at_the_value_it_is_told_for_a_short_lease_and_let_go():
    ask = Daemon()
    in_force_s, back_s, note = hold_and_let_go(ask, *pick(ask, None), "ann")
    assert in_force_s == pytest.approx(0.1)
    assert back_s == 0.0
    assert note == "cdu1.valve at 55.0 %"
    (_, order, release) = ask.orders
    assert (order["value"], order["lease_s"], order["owner"]) == (55.0, 30.0, "ann")
    assert release["command"] == "override_release"


@pytest.mark.parametrize("mode", ["failsafe", "tripped", "starting", "disabled"])
def test_a_cdu_that_is_not_under_control_is_left_alone(mode):
    ask = Daemon(mode=mode)
    with pytest.raises(CoolantdError, match=f"cdu1 is in {mode}"):
        pick(ask, None)
    with pytest.raises(CoolantdError, match="no CDU 'cdu9', allowed: cdu1"):
        pick(ask, "cdu9")
    assert ask.orders == []


def test_what_somebody_holds_already_is_not_disturbed():
    ask = Daemon()
    ask.held = True
    with pytest.raises(CoolantdError, match=r"cdu1\.valve is under way, allowed: while nothing is held"):
        pick(ask, None)
    assert ask.orders == []


@pytest.mark.parametrize(("change", "text"), [({"looks": 10**6}, "nothing came"), ({"command": 57.0}, "moved by 2.00")])
def test_whatever_goes_wrong_it_is_let_go(change, text):
    ask = Daemon(**change)
    with pytest.raises(CoolantdError, match=text):
        hold_and_let_go(ask, "cdu1", KEY, "ann")
    assert ask.orders[-1]["command"] == "override_release"
    assert not ask.held


@pytest.mark.parametrize(("answer", "status", "held"), [("y\n", 0, True), ("n\n", 1, False)])
def test_it_asks_before_it_touches_anything(monkeypatch, answer, status, held):
    from fake_daemon import command

    from coolantd.cli.drill import drill

    ask = Daemon()
    monkeypatch.setattr(drill_live, "asker", lambda socket: ask)
    done = CliRunner().invoke(command(drill), ["--live"], input=answer)
    assert done.exit_code == status
    assert bool(ask.orders) == held
    assert ("kept" in done.stdout) == held
