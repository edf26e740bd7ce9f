"""What a unit says of itself when it comes: who it is, its texts, its firmware. Knows words; no schedule, no socket."""

import math
from collections.abc import Sequence

from coolantd.point import Quality
from coolantd.protocol.bisect import span_of
from coolantd.protocol.codec import DecodeFault, decode_sample
from coolantd.protocol.profile import Profile, TextPoint
from coolantd.protocol.spans import Span
from coolantd.protocol.text import decode_text


class Introduction:
    """What one device has said of itself since it came.

    Attributes:
        trusted: it is the device configured, or its profile says nothing of how to tell.
        said: what it answered when it was asked who it is, in words; empty before.
        texts: what its text points say, by name.
        identity_text, identity_span: what to read to learn who it is: one of them, or none.
    """

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._identity = profile.identity
        self.identity_text: TextPoint | None = None
        self.identity_span: Span | None = None
        if self._identity is not None:
            self.identity_text = next((t for t in profile.texts if t.name == self._identity.point), None)
            point = next((r for r in profile.registers if r.name == self._identity.point), None)
            self.identity_span = None if point is None else span_of([point])
        self.texts: dict[str, str] = {}
        self.forget()

    def forget(self) -> None:
        """Forget everything: another device may be there now."""
        self.trusted = self._identity is None
        self.said = ""
        self.texts.clear()

    @property
    def firmware(self) -> str | None:
        """Return what the firmware point says, None before it has said anything."""
        name = self._profile.firmware_point
        return None if name is None else self.texts.get(name)

    @property
    def expected(self) -> str:
        """Return what it has to say of who it is, in words."""
        identity = self._identity
        if identity is None:
            return "anything"
        return repr(identity.text) if identity.text is not None else f"{identity.number:g}"

    def identify(self, words: Sequence[int]) -> bool:
        """Take the answer to who it is; return whether it is the device configured."""
        if self._identity is None:
            return True
        said: str | float
        if self.identity_text is not None:
            self.hear(self.identity_text, words)
            said = self.texts.get(self.identity_text.name, "")
            self.said = repr(said)
        else:
            said = self._number(words)
            self.said = "nothing usable" if math.isnan(said) else f"{said:g}"
        self.trusted = self._identity.agrees(said)
        return self.trusted

    def still_agrees(self, span: Span, words: Sequence[int]) -> bool:
        """Take a reply that may hold a number that tells the device; return whether it is still trusted."""
        mine = self.identity_span
        if mine is None or span.table is not mine.table:
            return self.trusted
        at = mine.address - span.address
        if at >= 0 and at + mine.count <= span.count:
            self.identify(words[at : at + mine.count])
        return self.trusted

    def hear(self, point: TextPoint, words: Sequence[int]) -> None:
        """Take what a text point says; nothing readable is no text."""
        try:
            self.texts[point.name] = decode_text(point, words)
        except DecodeFault:
            self.texts.pop(point.name, None)

    def _number(self, words: Sequence[int]) -> float:
        if self.identity_span is None:
            return math.nan
        sample = decode_sample(self.identity_span.points[0], words, 0.0)
        return sample.value if sample.quality is Quality.GOOD else math.nan
