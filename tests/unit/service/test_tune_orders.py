"""Orders of ``coolantd tune``: what they refuse, what they record, and how a trial ends when nobody looks."""

import asyncio
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from test_service_cycle import CycleRig

from coolantd.control.golden import golden_plan
from coolantd.control.step import carry_state
from coolantd.errors import CoolantdError
from coolantd.service.trial_record import loop_under_trial
from coolantd.service.tune_orders import TuneOrders

PEER = SimpleNamespace(uid=0, pid=1)
ORDER = {"cdu": "golden", "loop": "supply_temp", "method": "pattern", "segments": [[2.0, 1.0], [2.0, 0.0]]}


class Site:
    """A cycle in automatic whose device does what it is told."""

    def __init__(self):
        self.rig = CycleRig()
        self.orders = TuneOrders(
            cycle=self.rig.cycle, journal=self.rig.journal, lock=asyncio.Lock(), stopping=lambda: False
        )
        self.now_s = 1000.0
        self.value = {2: 50.0, 3: 70.0, 4: 50.0, 5: 70.0}
        self.run(6)

    def run(self, times):
        for _ in range(times):
            self.now_s += 0.5
            self.rig.clock.jump(self.now_s - self.rig.clock.now_s())
            self.rig.fill()
            for row, number in self.value.items():
                self.rig.table.put(row, self.good(number))
            commands = self.rig.cycle.once(self.now_s).commands
            for rows, command in zip(((2, 4), (3, 5)), commands, strict=True):
                if np.isfinite(command):
                    self.value |= dict.fromkeys(rows, float(command))

    def good(self, number):
        from coolantd.point import good

        return good(number, self.rig.clock.now_s())

    def ask(self, name, **order):
        return asyncio.run(getattr(self.orders, name)(order, PEER))

    def records(self, event):
        return [fields for each, fields in self.rig.journal.records if each == event]


@pytest.fixture
def site():
    return Site()


def test_facts_say_what_the_loops_are(site):
    facts = site.ask("facts", cdu="golden")
    assert facts["mode"] == "automatic"
    assert facts["loops"]["supply_temp"]["gain"] == 3.0
    assert facts["loops"]["supply_temp"]["process_variable"] == "d.0"
    assert facts["valve"]["tag"] == "golden.valve"
    assert facts["model"] is None


def test_a_trial_is_begun_recorded_and_told_in_the_journal(site):
    begun = site.ask("begin", **ORDER)
    number, columns = begun["number"], list(begun["columns"])
    at = columns.index("supply_temp_output_pct")
    site.run(12)
    trace = site.ask("trace", number=number, since=0)
    outputs = [row[at] for row in trace["rows"]]
    assert (trace["phase"], trace["cause"], trace["next"]) == ("done", "", 12)
    assert max(outputs) == pytest.approx(begun["base_pct"][0] + 3.0)
    assert site.ask("trace", number=number, since=12)["rows"] == []
    assert loop_under_trial(site.rig.cycle.state.trials, 0) == ""
    assert [each["command"] for each in site.records("order")] == ["tune"]
    assert site.records("trial_ended") == [{"number": 1, "phase": "done", "cause": ""}]


def test_asking_renews_the_lease_and_silence_ends_it(site):
    number = site.ask("begin", **ORDER | {"segments": [[60.0, 1.0]]})["number"]
    for _ in range(6):
        site.run(10)
        assert site.ask("trace", number=number)["phase"] == "running"
        assert loop_under_trial(site.rig.cycle.state.trials, 0) == "supply_temp"
    site.run(22)
    standing = site.ask("trace", number=number)
    assert (standing["phase"], standing["cause"]) == ("aborted", "nobody asked for its readings any more")


def test_an_order_to_stop_and_a_reload_end_it(site):
    number = site.ask("begin", **ORDER)["number"]
    site.ask("stop", number=number)
    site.run(1)
    assert site.ask("trace", number=number)["cause"] == "it was told to stop"
    number = site.ask("begin", **ORDER)["number"]
    site.run(1)
    cycle, plan = site.rig.cycle, golden_plan()
    cycle.swap(plan, carry_state(cycle.plan, cycle.state, plan), cycle.table, cycle.writer)
    site.run(1)
    assert site.ask("trace", number=number)["cause"] == "the configuration was reloaded"
    assert cycle.state.s[0, 0, 8] == 0.0


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cdu": "other"}, "no CDU 'other', allowed: golden"),
        ({"loop": "flow"}, "allowed: supply_temp, pressure"),
        ({"method": "chirp"}, "allowed: pattern, relay, nudge"),
        ({"amplitude_pct": 12.0}, "at most 5"),
        ({"amplitude_pct": "3"}, "allowed: -100 to 100"),
        ({"amplitude_pct": float("nan")}, "allowed: -100 to 100"),
        ({"segments": []}, "allowed: 1 to 32 pairs"),
        ({"segments": [[1.0]]}, "pairs of seconds and share"),
        ({"segments": [[1.0, 2.0]]}, "share = 2.0"),
        ({"segments": [[1000.0, 1.0], [900.0, 0.0]]}, "more than 1800 s"),
        ({"method": "relay"}, "none for a relay"),
        ({"actuator": 0}, "in a nudge"),
        ({"cycles": True}, "cycles = True"),
        ({"supply_limit_k": 50.0}, "allowed: 0.1 to 5"),
    ],
)
def test_what_is_out_of_range_is_refused_in_a_sentence(site, change, sentence):
    with pytest.raises(CoolantdError, match=sentence.replace("(", r"\(")):
        site.ask("begin", **{**ORDER, **change})


def test_one_at_a_time_and_only_its_own_rows(site):
    site.ask("begin", **ORDER)
    with pytest.raises(CoolantdError, match="one at a time"):
        site.ask("begin", **ORDER)
    with pytest.raises(CoolantdError, match="no trial 7"):
        site.ask("trace", number=7)
    with pytest.raises(CoolantdError, match="since = -1"):
        site.ask("trace", number=1, since=-1)


def test_a_reading_that_is_not_good_refuses_it_by_name(site):
    site.rig.cycle.snapshot = replace(site.rig.cycle.snapshot, quality=site.rig.cycle.snapshot.quality * 0)
    with pytest.raises(CoolantdError, match=r"d\.0 is not good"):
        site.ask("begin", **ORDER)
