"""What a unit is read in, and which registers it refuses. Knows reads and given times; no socket, no value.

One illegal register makes a device refuse the whole read that holds it (Modbus exception 2; 1 and 3 in some). The
reads that are refused are halved until the register is found (``bisect``); the others keep their rate, and what was
found is tried again after a growing pause, since a refusal can be temporary (FM-15).

A device that is still starting refuses everything. So nothing is searched while no read of the unit has been answered
since it came; of each refused read only one point is tried alone, another one every time. A unit that refuses several
reads in a row which it used to answer has begun to start anew, and counts as one that has just come. So does one that
refuses every part of the only read it used to answer, and answers nothing else meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coolantd.protocol.bisect import Piece, Registers, SpanKey, SpanSearch, alike_points, key_of, span_of
from coolantd.protocol.profile import ModbusLimits, RegisterPoint
from coolantd.protocol.spans import Span, plan_spans

RETRY_FIRST_S: Final = 60.0
RETRY_MAX_S: Final = 3600.0
"""Longest pause before a refused register is tried again; a mended device need not be restarted to be seen whole."""
STARTING_READS: Final = 3
"""Planned reads that used to be answered and are refused one after the other, with nothing answered in between, after
which the unit is taken to be starting: its program was restarted behind a gateway or without losing the connection."""
RETRY_GAP_S: Final = 1.0
"""Least time between two retries of one unit: where a whole block is refused they would else come in one burst."""


@dataclass(slots=True)
class _Retry:
    due_s: float
    pause_s: float = RETRY_FIRST_S

    def lengthen(self, now_s: float) -> None:
        self.pause_s = min(2.0 * self.pause_s, RETRY_MAX_S)
        self.due_s = now_s + self.pause_s


class SpanSet:
    """The reads of one unit.

    The caller reads ``spans``, each at its own pace, and says of each whether it was ``answered`` or ``refused``
    (exceptions 1, 2, 3); of a read that failed otherwise it says nothing. What ``refused`` returns is read at once, in
    the order of return (first in, first out). When ``generation`` has changed, ``spans`` has.

    Args:
        points: what is to be read of the unit.
        limits: how much it takes at once.

    Attributes:
        generation: goes up whenever ``spans`` or ``condemned`` changes.
    """

    def __init__(self, points: Sequence[RegisterPoint], limits: ModbusLimits) -> None:
        self._searches = tuple(SpanSearch(span, limits) for span in plan_spans(points, limits))
        self.generation = 0
        self.reset()

    @property
    def spans(self) -> tuple[Span, ...]:
        """The reads that together carry every point that is not condemned exactly once."""
        return self._spans

    @property
    def condemned(self) -> tuple[RegisterPoint, ...]:
        """The points that are not read because the device refuses them, by address within a planned read."""
        spans = [span for search in self._searches for _, span in sorted(search.condemned.items())]
        return tuple(point for span in spans for point in span.points)

    def reset(self) -> None:
        """Try everything whole again: the device returned, restarted or has other firmware."""
        self._answers = 0
        self._known: set[SpanSearch] = set()
        self._refused_in_a_row: set[SpanSearch] = set()
        self._retries: dict[tuple[SpanSearch, SpanKey | Registers], _Retry] = {}
        self._scouts: dict[SpanKey, int] = {}
        self._quiet_until_s = float("-inf")
        for search in self._searches:
            search.clear()
        self._changed()

    def heard(self) -> None:
        """Note that the unit answered a read that is none of ``spans`` (its identity, a text)."""
        self._answers += 1
        self._refused_in_a_row.clear()

    def answered(self, span: Span, now_s: float) -> None:
        """Note that a read was answered; a condemned point that was answered is read with the others again."""
        self._answers += 1
        self._refused_in_a_row.clear()
        key = key_of(span)
        found = self._pieces.get(key)
        if found is not None:
            search, piece = found
            self._known.add(search)
            if search.answered(piece):
                self._after(search, now_s)
            return
        for search in self._searches:
            if key in search.condemned:
                search.pardon(key)
                del self._retries[search, key]
                self._changed()

    def refused(self, span: Span, now_s: float) -> tuple[Span, ...]:
        """Note that a read was refused (exception 1, 2 or 3); return what is to be read at once in its place.

        Empty where it is to be read again at its own pace, where its point is condemned now, or where the pass has
        had its share of extra reads.
        """
        key = key_of(span)
        found = self._pieces.get(key)
        if found is None:
            for search in self._searches:
                if key in search.condemned:
                    self._retries[search, key].lengthen(now_s)
            return ()
        search, piece = found
        if self._answers == 0:
            return self._scout(key, span)
        if self._starts_anew(search):
            self.reset()
            return ()
        halves = search.refused(piece, self._answers)
        if self._known == {search} and search.refused_throughout and self._answers == piece.answers_before:
            self.reset()
            return ()
        if halves or key in search.condemned or search.settled:
            self._after(search, now_s)
        return halves

    def retry_in_s(self, now_s: float) -> float | None:
        """Return how long until ``release_due`` has something to do; None while nothing is condemned."""
        if not self._retries:
            return None
        due_s = max(min(retry.due_s for retry in self._retries.values()), self._quiet_until_s)
        return max(due_s - now_s, 0.0)

    def release_due(self, now_s: float) -> tuple[Span, ...]:
        """Return the condemned point whose turn it is to be read alone once more; empty where none is due.

        What becomes of it is said by ``answered`` or ``refused`` as for any read; if by neither, it is retried after
        as long a pause as before.
        """
        if self.retry_in_s(now_s) != 0.0:
            return ()
        self._quiet_until_s = now_s + RETRY_GAP_S
        (search, found), retry = min(self._retries.items(), key=lambda item: item[1].due_s)
        retry.due_s = now_s + retry.pause_s
        if found in search.condemned:
            return (search.condemned[found],)
        if found in search.seams:
            retry.lengthen(now_s)
            search.retry_seam(found)
            self._changed()
        else:
            del self._retries[search, found]
        return ()

    def _starts_anew(self, search: SpanSearch) -> bool:
        """Take note of a refusal; return whether the unit refuses everything that it used to answer."""
        if search in self._known:
            self._refused_in_a_row.add(search)
        return len(self._refused_in_a_row) >= min(STARTING_READS, max(len(self._known), 2))

    def _scout(self, key: SpanKey, span: Span) -> tuple[Span, ...]:
        """Return one point alone, and the read again behind it: if the point is answered, the search begins there."""
        parts = [part for part in map(span_of, alike_points(span.points)) if part.count < span.count]
        turn = self._scouts.get(key, 0)
        self._scouts[key] = turn + 1
        if not parts or turn % 2:
            return ()
        return parts[turn // 2 % len(parts)], span

    def _after(self, search: SpanSearch, now_s: float) -> None:
        """Have everything that a search has found retried in time."""
        barred: list[SpanKey | Registers] = [*search.condemned, *search.seams]
        for found in barred:
            self._retries.setdefault((search, found), _Retry(now_s + RETRY_FIRST_S))
        self._changed()

    def _changed(self) -> None:
        self.generation += 1
        self._pieces: dict[SpanKey, tuple[SpanSearch, Piece]] = {
            key_of(piece.span): (search, piece) for search in self._searches for piece in search.pieces
        }
        self._spans = tuple(piece.span for search in self._searches for piece in search.pieces)
