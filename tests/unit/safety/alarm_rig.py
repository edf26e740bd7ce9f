"""Alarms for tests: a few kinds of every sort, and a course of time that feeds them."""

from collections.abc import Iterable

from coolantd.safety.alarm_book import Alarm, AlarmBook, Change, Signal
from coolantd.safety.alarm_definition import Definition, Definitions, Key, Priority
from coolantd.safety.alarms import FLOOD, advance


def define(priority=Priority.MEDIUM, **fields):
    texts = {"cause": "something is so", "consequence": "something comes of it", "action": "do something"}
    return Definition(priority=priority, **{**texts, "off_delay_s": 0.0, **fields})


DEFINITIONS = Definitions(
    {
        "alarm_flood": define(Priority.HIGH),
        "device_down": define(Priority.HIGH, off_delay_s=5.0, group="cooling"),
        "pump_tripped": define(Priority.HIGH, group="cooling"),
        "flow_lost": define(Priority.CRITICAL, group="cooling"),
        "leak": define(Priority.CRITICAL, latching=True),
        "too_warm": define(on_delay_s=10.0, off_delay_s=5.0, group="cooling", suppressed_by=("device_down",)),
        "sensor_stuck": define(suppressed_by=("device_down",)),
        "slow_start": define(inhibit_s=60.0),
        "fouling": define(Priority.LOW),
    }
)


class Course:
    """A book and its time; every change there was."""

    def __init__(self, definitions: Definitions = DEFINITIONS) -> None:
        self.definitions = definitions
        self.book = AlarmBook(begun_s=0.0)
        self.now_s = 0.0
        self.changes: list[Change] = []
        self.last: tuple[Change, ...] = ()

    def tick(self, *tags: str, dt_s: float = 1.0, **signals: Signal) -> tuple[Change, ...]:
        """Pass some time with these conditions there: ``subject/kind`` names, or signals by kind about ``cdu1``."""
        self.now_s += dt_s
        there = {key_of(tag): Signal() for tag in tags}
        there |= {Key(kind, "cdu1"): signal for kind, signal in signals.items()}
        return self.take(advance(self.definitions, self.book, there, self.now_s))

    def take(self, result: tuple[AlarmBook, tuple[Change, ...]]) -> tuple[Change, ...]:
        self.book, self.last = result
        self.changes += self.last
        return self.last

    def order(self, outcome) -> str:
        self.take((outcome.book, outcome.changes))
        return outcome.problem

    def alarm(self, tag: str) -> Alarm:
        return self.book.alarms.get(key_of(tag), Alarm())

    def state(self, tag: str) -> str:
        return self.alarm(tag).state.label

    @property
    def flood(self) -> Alarm:
        return self.book.alarms.get(FLOOD, Alarm())


def key_of(tag: str) -> Key:
    subject, kind = tag.split("/")
    return Key(kind, subject)


def events(changes: Iterable[Change]) -> list[tuple[str, str]]:
    return [(change.key.tag, change.event.label) for change in changes]
