"""The daemon's own state over MQTT: topics, payloads and pace. Knows the view and a ``publish`` callable.

It must never know a client or a broker, and it keeps no history: what could not be sent is not sent later.
Nothing is retained, so that a subscriber never takes an old value for a present one (FM-34).
"""

import itertools
from collections.abc import Callable, Iterator
from typing import Final

import numpy as np
import orjson

from coolantd.point import IntArray, Quality, Snapshot
from coolantd.service.alarm_view import visible
from coolantd.service.view import DaemonView, PointLabels
from coolantd.service.view_json import QUALITY_LABELS, REASON_LABELS, Json, finite_or_none

STATE_PERIOD_MIN_S: Final = 1.0
"""Process variables move all the time; once a second is what a display can use."""

STATE_PERIOD_MAX_S: Final = 10.0
"""A subscriber that hears nothing for three of these may take the daemon for dead."""

POINTS_PERIOD_S: Final = 10.0
"""Every point is told at least this often, unless there are more than ``POINTS_PER_TICK_MAX`` allows."""

POINTS_PER_TICK_MAX: Final = 100
"""Some milliseconds of the event loop; a site of more than a thousand points takes longer to go round."""

ALARMS_MAX: Final = 50
"""Alarms of one message, the most urgent: a message of ten kilobytes; the API has them all."""

MS_PER_S: Final = 1000.0


Publish = Callable[[str, bytes], object]
"""Takes a topic and a payload, at QoS 0 and not retained; must not block, and may drop it without a broker."""


class StatePublisher:
    """Publishes ``<topic>/state`` and ``<topic>/points/<device>/<point>``.

    Args:
        publish: takes each message.
        topic: prefix of every topic, without a slash at its end.
        wall_s: seconds since the epoch, for the time stamps.
    """

    def __init__(self, publish: Publish, topic: str, wall_s: Callable[[], float]) -> None:
        self._publish = publish
        self._topic = topic
        self._wall_s = wall_s
        self._state: Json = {}
        self._state_s = float("-inf")
        self._points: _PointRound | None = None

    def tick(self, view: DaemonView, now_s: float) -> None:
        """Publish what is due; call it about once a second.

        Args:
            view: the daemon as of now.
            now_s: monotonic seconds.
        """
        self._tick_state(view, now_s)
        points = self._points
        if points is None or points.labels is not view.labels:
            points = self._points = _PointRound(view.labels, self._topic, now_s)
        timestamp_ms = self._timestamp_ms()
        for i in points.due(view.snapshot, now_s):
            self._publish(points.topics[i], _point_payload(view.snapshot, i, timestamp_ms))

    def _tick_state(self, view: DaemonView, now_s: float) -> None:
        since_s = now_s - self._state_s
        if since_s < STATE_PERIOD_MIN_S:
            return
        state = _state(view)
        if state == self._state and since_s < STATE_PERIOD_MAX_S:
            return
        self._state, self._state_s = state, now_s
        payload = orjson.dumps({**state, "alarms": _aged_alarms(view), "timestamp_ms": self._timestamp_ms()})
        self._publish(f"{self._topic}/state", payload)

    def _timestamp_ms(self) -> int:
        return int(self._wall_s() * MS_PER_S)


class _PointRound:
    """Which points are due: those whose quality or reason changed first, then the next ones of the round."""

    def __init__(self, labels: PointLabels, topic: str, now_s: float) -> None:
        self.labels = labels
        names = zip(labels.devices, labels.points, strict=True)
        self.topics = [f"{topic}/points/{device}/{point}" for device, point in names]
        count = len(self.topics)
        never = -1
        self._told_quality: IntArray = np.full(count, never, dtype=np.int64)
        self._told_reason: IntArray = np.full(count, never, dtype=np.int64)
        self._next = 0
        self._credit = 0.0
        self._last_s = now_s

    def due(self, snapshot: Snapshot, now_s: float) -> list[int]:
        """Return at most ``POINTS_PER_TICK_MAX`` indices and take them as told."""
        changed = (snapshot.quality != self._told_quality) | (snapshot.reason != self._told_reason)
        due: list[int] = np.flatnonzero(changed)[:POINTS_PER_TICK_MAX].tolist()
        due += [i for i in self._round(now_s, POINTS_PER_TICK_MAX - len(due)) if not changed[i]]
        self._told_quality[due] = snapshot.quality[due]
        self._told_reason[due] = snapshot.reason[due]
        return due

    def _round(self, now_s: float, room: int) -> list[int]:
        """Return the next points of the round, as many as the time since the last call is worth."""
        count = len(self.topics)
        self._credit = min(self._credit + count * (now_s - self._last_s) / POINTS_PERIOD_S, float(count))
        self._last_s = now_s
        take = min(int(self._credit), room)
        self._credit -= take
        begin, self._next = self._next, (self._next + take) % max(count, 1)
        return [(begin + k) % count for k in range(take)]


def _state(view: DaemonView) -> Json:
    return {
        "version": view.version,
        "ready": view.ready,
        "ready_cause": view.ready_cause,
        "cdus": [{"name": cdu.name, "mode": cdu.mode, "cause": cdu.cause} for cdu in view.cdus],
        "conditions": [{"cdu": c.cdu, "condition": c.condition, "detail": c.detail} for c in view.conditions],
        "alarm_flood": view.alarms.flood,
        "alarms": [alarm for alarm, _ in _alarms(view)],
        "loops": [
            {
                "cdu": loop.cdu,
                "loop": loop.loop,
                "unit": loop.unit,
                "setpoint": _rounded(loop.setpoint),
                "process_variable": _rounded(loop.process_variable),
                "output_pct": _rounded(loop.output_pct),
            }
            for loop in view.loops
        ],
    }


def _alarms(view: DaemonView) -> Iterator[tuple[Json, float]]:
    """Yield what an operator is to be bothered with, and its age in seconds, which alone is no news."""
    for each in itertools.islice(visible(view.alarms), ALARMS_MAX):
        alarm = {"subject": each.subject, "kind": each.kind, "priority": each.priority, "state": each.state}
        yield alarm | {"detail": each.detail}, each.age_s


def _aged_alarms(view: DaemonView) -> list[Json]:
    return [alarm | {"age_s": _rounded(age_s)} for alarm, age_s in _alarms(view)]


def _rounded(number: float) -> float | None:
    """Return the number to a thousandth, finer than any sensor, so that noise alone is no change."""
    return finite_or_none(round(number, 3))


def _point_payload(snapshot: Snapshot, index: int, timestamp_ms: int) -> bytes:
    quality = int(snapshot.quality[index])
    value = finite_or_none(float(snapshot.value[index])) if quality != Quality.BAD else None
    return orjson.dumps(
        {
            "value": value,
            "quality": QUALITY_LABELS[quality],
            "reason": REASON_LABELS[int(snapshot.reason[index])],
            "age_s": _rounded(float(snapshot.age_s[index])),
            "timestamp_ms": timestamp_ms,
        }
    )
