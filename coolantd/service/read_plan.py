"""The asks of one device that is there and known: its spans, texts and retries. Knows a profile; not what was read."""

import math
from collections.abc import Iterable
from typing import Final

from coolantd.config.build import poll_period_s
from coolantd.config.models import DeviceConfig
from coolantd.protocol.bisect import SpanKey, key_of
from coolantd.protocol.kinds import PollClass
from coolantd.protocol.profile import Profile, RegisterPoint, TextPoint, registers_of
from coolantd.protocol.quarantine import SpanSet
from coolantd.protocol.spans import Span
from coolantd.service.agenda import Agenda, Ask, AskKind, Lane

DEADLINE_PERIOD_RATIO: Final = 0.5
"""A request may take half of its poll period, so that one lost reply never costs the next poll (FM-37)."""
DEADLINE_MAX_S: Final = 1.0
"""Slow classes gain nothing from waiting longer; a block read of 2 s is a device to be given its own limits."""
ORDER_S: Final = 1e-6
"""Between two reads due at once: enough to keep their order, too little to cost anything."""
ONCE_RETRY_S: Final = 5.0
"""Before a read that is wanted once, but was not answered, is tried again."""
REFUSED_TEXT_RETRY_S: Final = 60.0
"""Before a text that the device refuses is tried again: the refusal can be temporary (FM-15)."""


class ReadPlan:
    """What is read of one device, while it is known to be the one configured.

    Attributes:
        spans: asks for its points; the same objects as in the agenda.
        set: which registers it refuses.
        due_s: when a refused register is tried again; inf while none is.
        condemned: points that are not read because the device refuses them.
        foreign: points of another firmware than the one it has.
    """

    def __init__(self, config: DeviceConfig, profile: Profile, agenda: Agenda) -> None:
        self._config = config
        self._profile = profile
        self._agenda = agenda
        self._safety = _safety_points(profile)
        self.spans: list[Ask] = []
        self.replan(None)

    def replan(self, firmware: str | None) -> None:
        """Plan for a firmware; None while it has not been said."""
        points = registers_of(self._profile, firmware)
        self.set = SpanSet(points, self._profile.limits)
        kept = {point.name for point in points}
        known = firmware is not None or self._profile.firmware_point is None
        self.foreign = [
            point
            for point in self._profile.registers
            if known and point.firmware is not None and point.name not in kept
        ]
        self.due_s = math.inf
        self.condemned: tuple[RegisterPoint, ...] = ()
        self._generation = self.set.generation
        self.spans = [self.ask(span) for span in self.set.spans]

    def reset(self) -> None:
        """Try everything whole again."""
        self.set.reset()
        self._rebuild(-math.inf)

    def ask(self, span: Span, *, once: bool = False) -> Ask:
        """Return an ask for a read; ``once`` for one that is not part of the rhythm."""
        poll = span.points[0].poll
        period_s = poll_period_s(self._config, poll)
        safe = poll is PollClass.FAST or any(point.name in self._safety for point in span.points)
        return Ask(
            AskKind.VALUES,
            span.table,
            span.address,
            span.count,
            Lane.SAFETY if safe else Lane.TELEMETRY,
            math.inf if once else period_s,
            self.deadline_s(period_s),
            span=span,
        )

    def text(self, text: TextPoint, kind: AskKind, due_s: float) -> Ask:
        """Return an ask for a text point; every value rests on who the device is and on its firmware."""
        decides = kind is AskKind.IDENTITY or text.name == self._profile.firmware_point
        lane = Lane.SAFETY if decides else Lane.TELEMETRY
        deadline_s = self.deadline_s(math.inf)
        return Ask(
            kind, text.table, text.address, text.register_count, lane, math.inf, deadline_s, due_s=due_s, text=text
        )

    def deadline_s(self, period_s: float) -> float:
        """Return how long a read of this period may take."""
        timeout_s = self._profile.limits.timeout_s
        return min(period_s * DEADLINE_PERIOD_RATIO, DEADLINE_MAX_S) if timeout_s is None else timeout_s

    def stagger(self, now_s: float, *, phase_ratio: float) -> None:
        """Spread the first reads over a fast period; the unit selector first: others cannot be decoded without it."""
        fast_s = self._config.poll_fast_s
        selector = self._profile.unit_selector
        ordered = sorted(self.spans, key=lambda ask: selector is None or not _carries(ask, selector.point))
        for k, ask in enumerate(ordered):
            share = (k / len(ordered) + phase_ratio / len(ordered)) % 1.0
            ask.due_s = now_s + min(ask.period_s, fast_s) * share
        self._agenda.touch()

    def begin(self, now_s: float, texts: Iterable[TextPoint], *, phase_ratio: float) -> None:
        """Want everything: the texts first, the points spread over a fast period."""
        self.stagger(now_s, phase_ratio=phase_ratio)
        asks = [self.text(text, AskKind.TEXT, now_s + k * ORDER_S) for k, text in enumerate(texts)]
        self._agenda.replace([*asks, *self.spans])

    def answered(self, ask: Ask, now_s: float) -> None:
        """Note that a read was answered."""
        if ask.span is None:
            self.set.heard()
            return
        self.set.answered(ask.span, now_s)
        if math.isinf(ask.period_s) and ask not in self.spans:
            self._agenda.drop(ask)
        self._follow(now_s)

    def refused(self, ask: Ask, now_s: float) -> bool:
        """Note that the device refused a read; return whether its points are to be searched apart from now on."""
        if ask.span is None:
            return False
        pieces = self.set.refused(ask.span, now_s)
        planned = ask in self.spans
        if not planned:
            self._agenda.drop(ask)
        elif math.isinf(ask.due_s):
            ask.due_s = now_s + ONCE_RETRY_S
            self._agenda.touch()
        self._follow(now_s)
        self._read_at_once(pieces, now_s)
        return bool(pieces)

    def release(self, now_s: float) -> None:
        """Try a refused register again that is due for it."""
        for span in self.set.release_due(now_s):
            released = self.ask(span, once=True)
            released.due_s = now_s
            self._agenda.add(released)
        self._follow(now_s)

    def _read_at_once(self, pieces: Iterable[Span], now_s: float) -> None:
        planned = {key_of(ask.span): ask for ask in self.spans if ask.span is not None}
        for k, piece in enumerate(pieces):
            ask = planned.get(key_of(piece))
            if ask is None:
                ask = self.ask(piece, once=True)
                self._agenda.add(ask)
            ask.due_s = now_s + k * ORDER_S
        self._agenda.touch()

    def _follow(self, now_s: float) -> None:
        """Take over what the search has changed."""
        if self.set.generation != self._generation:
            self._rebuild(now_s)
        wait_s = self.set.retry_in_s(now_s)
        self.due_s = math.inf if wait_s is None else now_s + wait_s

    def _rebuild(self, now_s: float) -> None:
        """Plan the spans anew; those that stay keep their phase, new ones take that of what they replace."""
        self._generation = self.set.generation
        before: dict[SpanKey, Ask] = {key_of(ask.span): ask for ask in self.spans if ask.span is not None}
        others = [ask for ask in self._agenda.asks if ask not in self.spans]
        self.spans = []
        for span in self.set.spans:
            ask = before.get(key_of(span))
            if ask is None or ask.span is None or len(ask.span.points) != len(span.points):
                ask = self.ask(span)
                ask.due_s = self._due_s(ask, before.values(), now_s)
            self.spans.append(ask)
        self.condemned = self.set.condemned
        self._agenda.replace([*others, *self.spans])

    def _due_s(self, new: Ask, before: Iterable[Ask], now_s: float) -> float:
        """Return when a new read is due: with the first that it replaces, so that no point waits for the search.

        What is read once and was found whole again is read whole once more.
        """
        end = new.address + new.count
        replaced = [
            ask.due_s
            for ask in before
            if (ask.table, ask.period_s) == (new.table, new.period_s)
            and ask.address < end
            and new.address < ask.address + ask.count
        ]
        return min(*replaced, now_s + min(new.period_s, self._config.poll_fast_s), math.inf)


def _carries(ask: Ask, name: str) -> bool:
    return ask.span is not None and any(point.name == name for point in ask.span.points)


def _safety_points(profile: Profile) -> frozenset[str]:
    """Return the points that control or safety rests on, whatever their poll class."""
    names = {point.name for point in profile.registers if point.write is not None}
    names |= {point.write.position for point in profile.registers if point.write is not None}
    if profile.unit_selector is not None:
        names.add(profile.unit_selector.point)
    if profile.remote_control is not None:
        names.add(profile.remote_control.point)
    if profile.heartbeat is not None:
        names.add(profile.heartbeat.theirs)
    return frozenset(names)
