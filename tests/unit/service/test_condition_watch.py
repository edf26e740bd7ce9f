"""A condition is told once when it begins and once when it ends, with the part it is about by name."""

from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest
from service_view_factory import make_labels

from coolantd.control.conditions import CONDITIONS, MEANINGS, Condition
from coolantd.control.golden import golden_plan
from coolantd.safety.meaning import Detail
from coolantd.service.condition_watch import ConditionWatch

FOULING = Condition.FOULING


class Journal:
    def __init__(self):
        self.records = []

    def record(self, event, **fields):
        self.records.append((event, fields))


@dataclass
class Rig:
    journal: Journal
    watch: ConditionWatch
    now_s: float = 100.0

    def see(self, active, detail=-1):
        conditions = np.zeros((1, CONDITIONS), dtype=np.int64)
        details = np.full((1, CONDITIONS), -1, dtype=np.int64)
        conditions[0, FOULING], details[0, FOULING] = int(active), detail
        decision = SimpleNamespace(conditions=conditions, details=details)
        self.watch.follow(golden_plan(), decision, make_labels(9), self.now_s)
        self.now_s += 0.5

    def events(self):
        return [(event, fields["detail"]) for event, fields in self.journal.records]


@pytest.fixture
def rig():
    journal = Journal()
    return Rig(journal, ConditionWatch(journal))


def test_it_is_told_when_it_begins_and_when_it_ends_and_not_between(rig):
    for active in (False, True, True, True, False, False):
        rig.see(active)
    assert rig.journal.records == [
        ("condition_began", {"cdu": "golden", "condition": "fouling", "detail": ""}),
        ("condition_ended", {"cdu": "golden", "condition": "fouling", "detail": ""}),
    ]


def test_it_is_shown_with_its_age_and_its_three_sentences(rig):
    rig.see(True)
    rig.see(True)
    (view,) = rig.watch.views(now_s=130.0)
    assert (view.cdu, view.condition, view.age_s) == ("golden", "fouling", 30.0)
    assert view.action == MEANINGS[FOULING].action
    rig.see(False)
    assert rig.watch.views(now_s=131.0) == ()


@pytest.mark.parametrize(
    ("kind", "number", "name"),
    [
        (Detail.PUMP, 0, "pump"),
        (Detail.ACTUATOR, 0, "golden.valve"),
        (Detail.BRANCH, 2, "branch 3"),
        (Detail.POINT, 4, "cdu1.temp_4_c"),
        (Detail.NONE, 3, ""),
        (Detail.PUMP, -1, ""),
    ],
)
def test_the_part_is_named(rig, monkeypatch, kind, number, name):
    monkeypatch.setitem(MEANINGS, FOULING, replace(MEANINGS[FOULING], detail=kind))
    rig.see(True, number)
    assert rig.events() == [("condition_began", name)]


def test_another_part_is_told_and_the_age_goes_on(rig, monkeypatch):
    monkeypatch.setitem(MEANINGS, FOULING, replace(MEANINGS[FOULING], detail=Detail.BRANCH))
    rig.see(True, 0)
    rig.see(True, 1)
    assert rig.events() == [("condition_began", "branch 1"), ("condition_began", "branch 2")]
    assert [(view.detail, view.age_s) for view in rig.watch.views(101.0)] == [("branch 2", 1.0)]
