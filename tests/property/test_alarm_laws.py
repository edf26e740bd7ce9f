"""A1 to A6 after every tick of any course of conditions and orders, against laws written another way (FM-32)."""

import os
import random
from collections import Counter
from dataclasses import replace

import pytest

from coolantd.safety.alarm_book import CHATTER_S, Alarm, AlarmBook, Hold, Signal
from coolantd.safety.alarm_definition import Definition, Definitions, Key, Priority
from coolantd.safety.alarm_memory import keep, restore
from coolantd.safety.alarm_orders import SHELVE_MAX_S, acknowledge, release, remove, shelve
from coolantd.safety.alarm_relations import FLOOD_BEGIN, FLOOD_WINDOW_S, announced, collapsed
from coolantd.safety.alarm_states import HIDDEN, OWED, STANDING, Event, State
from coolantd.safety.alarms import FLOOD, advance

TICKS = 400
SEEDS = range(1000 if os.environ.get("COOLANTD_FULL") == "1" else 12)
NO_ALARM = Alarm()
SUBJECTS = ("cdu1", "cdu2", "cdu3")


def definitions(rng: random.Random) -> Definitions:
    """A table of kinds as a seed would have it: parents first, then children, critical and latching ones among them."""
    kinds = {"alarm_flood": replace(_definition(rng, Priority.HIGH), group="")}
    for i in range(3):
        kinds[f"parent{i}"] = _definition(rng, rng.choice([Priority.HIGH, Priority.CRITICAL]))
    for i in range(12):
        priority = rng.choice(list(Priority))
        latching = rng.random() < 0.2
        free = priority is not Priority.CRITICAL and not latching
        by = tuple(rng.sample(["parent0", "parent1", "parent2"], rng.randint(0, 2))) if free else ()
        kinds[f"kind{i}"] = _definition(rng, priority, latching=latching, suppressed_by=by)
    return Definitions(kinds)


def _definition(rng: random.Random, priority: Priority, **fields: object) -> Definition:
    return Definition(
        priority=priority,
        cause="a",
        consequence="b",
        action="c",
        on_delay_s=rng.choice([0.0, 0.0, 2.0, 7.5]),
        off_delay_s=rng.choice([0.0, 1.0, 5.0]),
        inhibit_s=rng.choice([0.0, 0.0, 20.0]),
        group=rng.choice(["", "cooling", "sensors"]),
        **fields,
    )


class World:
    """Conditions that come and go at random, with what was so at every tick."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.definitions = definitions(self.rng)
        assert self.definitions.problems == ()
        self.book = AlarmBook(0.0)
        self.now_s = 0.0
        self.there: dict[Key, float] = {}
        self.gone: dict[Key, float] = {}
        self.announced: list[float] = []
        self.busy = self.rng.choice([0.002, 0.01, 0.05])

    def tick(self) -> tuple:
        self.now_s += self.rng.choice([0.5, 0.5, 0.5, 3.0])
        for kind in self.definitions:
            for subject in SUBJECTS:
                key = Key(kind, subject)
                if kind != FLOOD.kind and self.rng.random() < self.busy * (5 if key in self.there else 1):
                    self._turn(key)
        signals = {key: Signal(scope=key.subject, parents=(key.subject,)) for key in self.there}
        before = self.book
        self.book, changes = advance(self.definitions, self.book, signals, self.now_s)
        self.announced += [self.now_s for change in changes if announced(change) and change.key != FLOOD]
        return before, changes

    def _turn(self, key: Key) -> None:
        if key in self.there:
            del self.there[key]
            self.gone[key] = self.now_s
        else:
            self.there[key] = self.now_s
            self.gone.pop(key, None)

    def order(self) -> None:
        """Now and then an operator does something, sensible or not."""
        key = Key(self.rng.choice(list(self.definitions)), self.rng.choice(SUBJECTS))
        hold = Hold("ana", 7, "why not", self.now_s + self.rng.choice([5.0, 60.0, SHELVE_MAX_S, SHELVE_MAX_S + 1.0]))
        orders = [
            lambda: acknowledge(self.book, list(self.book.alarms), self.now_s, uid=7),
            lambda: shelve(self.definitions, self.book, key, hold, self.now_s),
            lambda: remove(self.definitions, self.book, key, hold, self.now_s),
            lambda: release(self.book, key, State.SHELVED, self.now_s, uid=7),
            lambda: release(self.book, key, State.OUT_OF_SERVICE, self.now_s, uid=7),
        ]
        self.book = self.rng.choice(orders)().book


@pytest.mark.parametrize("seed", SEEDS)
def test_a1_to_a6_hold_after_every_tick(seed: int) -> None:
    world = World(seed)
    for _ in range(TICKS):
        before, changes = world.tick()
        per_alarm = Counter(change.key for change in changes)
        assert max(per_alarm.values(), default=0) == min(len(per_alarm), 1), (
            "A1: at most one event of one alarm at a time"
        )
        for change in changes:
            check_a2(world, before, change)
        check_states(world)
        check_a3(world)
        check_a4(world)
        if world.rng.random() < 0.1:
            world.order()


def check_a2(world: World, before: AlarmBook, change) -> None:
    """No alarm is raised before its on-delay, nor cleared before its off-delay."""
    if change.key == FLOOD:
        return
    definition = world.definitions[change.key.kind]
    if change.event is Event.RAISED:
        assert world.now_s - world.there[change.key] >= definition.on_delay_s
        assert world.now_s >= definition.inhibit_s
    if change.event in (Event.CLEARED, Event.CLEARED_LATCHING):
        needed_s = max(definition.off_delay_s, CHATTER_S if before.alarms[change.key].chatters else 0.0)
        assert world.now_s - world.gone[change.key] >= needed_s


def check_states(world: World) -> None:
    for key, alarm in world.book.alarms.items():
        definition = world.definitions[key.kind]
        if not definition.may_be_hidden:
            assert alarm.state not in HIDDEN, "A6"
        if alarm.state is State.SHELVED:
            assert 0.0 < alarm.hold.until_s - world.now_s <= SHELVE_MAX_S, "A5"
        assert (alarm.hold is not None) == (alarm.state in (State.SHELVED, State.OUT_OF_SERVICE))
        if key != FLOOD and key in world.there and alarm.active:
            assert alarm.state in STANDING | HIDDEN, "nothing that is there is forgotten"
            parents = [world.book.alarms.get(Key(kind, key.subject), NO_ALARM) for kind in definition.suppressed_by]
            if any(parent.active for parent in parents):
                assert alarm.state in HIDDEN, "what explains it is told"
            elif not any(parent.present for parent in parents):
                assert alarm.state is not State.SUPPRESSED, "nothing hides it any more"
        if alarm.state in (State.RETURNED, State.LATCHED):
            assert not alarm.active
        if alarm.state is State.SUPPRESSED:
            assert alarm.active
            assert definition.suppressed_by


def check_a3(world: World) -> None:
    recent = [time_s for time_s in world.announced if world.now_s - time_s < FLOOD_WINDOW_S]
    if len(recent) >= FLOOD_BEGIN:
        assert world.book.flood.on
        assert FLOOD in world.book.alarms
    assert len(world.book.flood.announced) == len(recent)
    for key, alarm in world.book.alarms.items():
        if world.definitions[key.kind].priority is Priority.CRITICAL:
            assert not collapsed(world.definitions[key.kind], alarm, world.book.flood), "A6: never hidden in a flood"
        elif world.book.flood.on and world.now_s - alarm.raised_s < FLOOD_WINDOW_S and alarm.state in OWED:
            assert collapsed(world.definitions[key.kind], alarm, world.book.flood)


def check_a4(world: World) -> None:
    """In every group that is not clear one alarm came first, and none that is active began before it."""
    members: dict[tuple[str, str], list[tuple[Key, Alarm]]] = {}
    for key, alarm in world.book.alarms.items():
        group = world.definitions[key.kind].group
        if group and alarm.active and alarm.state in (State.UNACKNOWLEDGED, State.ACKNOWLEDGED):
            members.setdefault((group, alarm.scope or key.subject), []).append((key, alarm))
    # An order between two ticks may have hidden the last one of a group, or shown one again.
    for group, alarms in members.items():
        first = world.book.groups[group]
        assert sum(alarm.first_out for _, alarm in alarms) <= 1
        for key, alarm in alarms:
            assert alarm.first_out == (key == first.key)
            assert alarm.onset_s >= first.onset_s
    assert set(world.book.groups) == set(members)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_any_moment_may_be_the_last_before_a_restart(seed: int) -> None:
    world = World(seed)
    for _ in range(TICKS // 4):
        world.tick()
        if world.rng.random() < 0.2:
            world.order()
        after = restore(world.definitions, AlarmBook(100.0), keep(world.book, world.now_s), 0.0, 100.0)
        owed = {key for key, alarm in world.book.alarms.items() if alarm.state in OWED}
        assert {key for key, alarm in after.alarms.items() if alarm.state in OWED} == owed
        for key, alarm in after.alarms.items():
            assert alarm.state is world.book.alarms[key].state
            if alarm.hold is not None:
                assert alarm.hold.until_s - 100.0 == pytest.approx(world.book.alarms[key].hold.until_s - world.now_s)


@pytest.mark.parametrize("seed", SEEDS[:10])
def test_a_pause_between_two_ticks_changes_no_outcome(seed: int) -> None:
    """What stands still may be looked at as often as one likes: the extra looks find nothing."""
    world = World(seed)
    for _ in range(TICKS // 4):
        world.tick()
        signals = {key: Signal(scope=key.subject, parents=(key.subject,)) for key in world.there}
        again, changes = advance(world.definitions, world.book, signals, world.now_s)
        assert changes == ()
        assert again.alarms == world.book.alarms
