"""A live device read once, point by point. Knows profiles and an ``Asker``; must never write or retry in a loop."""

from collections.abc import Sequence
from typing import Final

from coolantd.errors import DeviceError
from coolantd.lab.asking import Asker, RequestsSpent, is_illegal, is_silence
from coolantd.lab.judge import Judgement, judge, judge_text, unread
from coolantd.protocol.kinds import Access
from coolantd.protocol.profile import Profile, RegisterPoint, TextPoint
from coolantd.protocol.spans import Span, plan_spans, slice_words

SILENCES_MAX: Final = 3
"""Spans in a row without an answer after which the rest is not asked for."""
WRITE_ONLY: Final = "write-only: not read"
SILENT: Final = "not asked: the device is silent"


class Probe:
    """One reading of a device.

    Args:
        profile: what it is believed to be.
        unit: its Modbus unit.
        asker: reads for us.
    """

    def __init__(self, profile: Profile, unit: int, asker: Asker) -> None:
        self._profile = profile
        self._unit = unit
        self._asker = asker
        self._words: dict[str, tuple[int, ...]] = {}
        self._why: dict[str, str] = {}
        self._illegal: set[str] = set()
        self._silences = 0
        self.answered = False
        """Whether the device answered anything at all, an exception included."""

    async def run(self) -> None:
        """Read every point once; what was read so far stays when this is cancelled.

        Raises:
            DeviceError: the device cannot be connected to.
        """
        readable = [point for point in self._profile.registers if point.access is not Access.WRITE]
        try:
            for span in plan_spans(readable, self._profile.limits):
                await self._span(span)
            for text in self._profile.texts:
                await self._text(text)
        except RequestsSpent as spent:
            names = [point.name for point in readable] + [text.name for text in self._profile.texts]
            for name in names:
                self._why.setdefault(name, str(spent))

    def identity(self) -> tuple[bool | None, str]:
        """Return whether the device is the one the profile describes, and a sentence.

        None where the profile names nothing to tell it by, or the device did not say.
        """
        wanted = self._profile.identity
        if wanted is None:
            return None, "identity: the profile names nothing to tell the device by"
        found = next((one for one in self.judgements() if one.name == wanted.point), None)
        said = None if found is None else (found.text if wanted.text is not None else found.value)
        expected = wanted.text if wanted.text is not None else wanted.number
        if found is None or said is None:
            why = found.reason if found is not None else "no such point"
            return None, f"identity: {wanted.point} was not read ({why}), expected {expected!r}"
        agrees = wanted.agrees(said)
        return agrees, f"identity: {wanted.point} says {said!r}" + ("" if agrees else f", expected {expected!r}")

    def judgements(self) -> tuple[Judgement, ...]:
        """Return what every point said, in the profile's order."""
        imperial = self._imperial()
        found = [self._judged(point, imperial=imperial) for point in self._profile.registers]
        return (*found, *(self._judged_text(text) for text in self._profile.texts))

    async def _span(self, span: Span) -> None:
        if self._silences >= SILENCES_MAX:
            self._give(span.points, SILENT)
            return
        answer = await self._asker.ask(self._unit, span.table, span.address, span.count)
        self._heard(answer)
        if not isinstance(answer, DeviceError):
            for point in span.points:
                self._words[point.name] = slice_words(span, point, answer)
            return
        addresses = sorted({point.address for point in span.points})
        if not is_illegal(answer) or len(addresses) == 1:
            self._give(span.points, str(answer))
            if is_illegal(answer):
                self._illegal.update(point.name for point in span.points)
            return
        # One register that does not exist refuses the whole read: halve it until that one stands alone.
        middle = addresses[len(addresses) // 2]
        for half in (
            [point for point in span.points if point.address < middle],
            [point for point in span.points if point.address >= middle],
        ):
            for part in plan_spans(half, self._profile.limits):
                await self._span(part)

    async def _text(self, text: TextPoint) -> None:
        if self._silences >= SILENCES_MAX:
            self._why[text.name] = SILENT
            return
        answer = await self._asker.ask(self._unit, text.table, text.address, text.register_count)
        self._heard(answer)
        if isinstance(answer, DeviceError):
            self._why[text.name] = str(answer)
            if is_illegal(answer):
                self._illegal.add(text.name)
        else:
            self._words[text.name] = answer

    def _heard(self, answer: tuple[int, ...] | DeviceError) -> None:
        if isinstance(answer, DeviceError) and is_silence(answer):
            self._silences += 1
        else:
            self._silences, self.answered = 0, True

    def _give(self, points: Sequence[RegisterPoint], why: str) -> None:
        for point in points:
            self._why[point.name] = why

    def _imperial(self) -> bool:
        selector = self._profile.unit_selector
        words = self._words.get(selector.point) if selector else None
        return bool(selector and words and words[0] == selector.imperial_value)

    def _judged(self, point: RegisterPoint, *, imperial: bool) -> Judgement:
        if point.name in self._words:
            return judge(point, self._words[point.name], imperial=imperial)
        default = WRITE_ONLY if point.access is Access.WRITE else "not asked"
        return unread(point, self._why.get(point.name, default), illegal=point.name in self._illegal)

    def _judged_text(self, text: TextPoint) -> Judgement:
        if text.name in self._words:
            return judge_text(text, self._words[text.name])
        return unread(text, self._why.get(text.name, "not asked"), illegal=text.name in self._illegal)
