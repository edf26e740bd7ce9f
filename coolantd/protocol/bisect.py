"""Finds, by halving one planned read, the registers that make a device refuse it. Knows points; no time, no socket.

The halves of a refused read are read in its place until each has been answered or is a single point. Points that
share the same registers (the bits of one) stay together. When the search is over the points that answer are merged
again, in such a way that no read runs across what was found:

- a *condemned* point: refused although it was read alone;
- a *seam*: two neighbouring reads that are answered apart but refused together, because an illegal register lies in
  the gap between them, or because the device takes less at once than its profile says.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, groupby
from typing import Final

from coolantd.protocol.profile import ModbusLimits, PollClass, RegisterPoint, Table
from coolantd.protocol.spans import Span, plan_spans

SPLITS_PER_PASS_MAX: Final = 32
"""Extra reads that one planned read may cost in one pass of polling. Twice what one illegal register in the longest
read takes, so that a pair of them is found at once, yet a bus of 0.1 s per read loses three seconds at most."""
LONELY_REFUSALS_MAX: Final = 3
"""A single point that was refused this often is condemned although the unit answered nothing else meanwhile."""

SpanKey = tuple[Table, PollClass, int, int]
"""What tells the reads of a unit apart: table, poll class, address, count."""
Registers = tuple[int, int]
"""First address, and the one after the last."""


def key_of(span: Span) -> SpanKey:
    """Return what tells a read from the others of its unit, cheaper to compare than its points."""
    return span.table, span.points[0].poll, span.address, span.count


@dataclass(slots=True, eq=False)
class Piece:
    """A part of a planned read, and what is known of it.

    Attributes:
        span: what is read.
        parent: the piece it is half of; None for one that no search made.
        answers_before: how many reads the unit had answered when the search for this piece began.
        open: it was refused, or its parent was, and it is not settled yet.
        clean: answered whole since its parent was refused.
        pass_number: the pass in which it was read last; -1 before.
        refusals: how often in a row it was refused.
        halves: what it was split into.
    """

    span: Span
    parent: "Piece | None" = None
    answers_before: int = 0
    open: bool = False
    clean: bool = False
    pass_number: int = -1
    refusals: int = 0
    halves: "tuple[Piece, Piece] | None" = None


class SpanSearch:
    """One planned read: the reads that carry its points at present, and what was found in it.

    Attributes:
        pieces: what is read in its place, in address order.
        condemned: the points that are not read, by the key of their own read.
        seams: registers that no read may hold together; the value says whether that is being tried again.
        settled: no part of it is being searched.
    """

    def __init__(self, span: Span, limits: ModbusLimits) -> None:
        self._planned = span
        self._limits = limits
        self.clear()

    def clear(self) -> None:
        """Forget what was found: the planned read is tried whole again."""
        self.condemned: dict[SpanKey, Span] = {}
        self.seams: dict[Registers, bool] = {}
        self.pieces = [Piece(self._planned)]
        self.settled = True
        self._pass_number = 0
        self._splits_left = SPLITS_PER_PASS_MAX

    def refused(self, piece: Piece, answers: int) -> tuple[Span, ...]:
        """Split or condemn a piece; return what to read at once in its place, empty where nothing changed.

        Args:
            piece: one of ``pieces``.
            answers: how many reads the unit has answered so far.
        """
        self._begin_pass(piece)
        piece.refusals += 1
        if not piece.open:
            piece.open, piece.clean, piece.answers_before = True, False, answers
            self.settled = False
        parts = alike_points(piece.span.points)
        if len(parts) == 1:
            if answers > piece.answers_before or piece.refusals >= LONELY_REFUSALS_MAX:
                self._condemn(piece)
            return ()
        if self._splits_left < 2:
            return ()
        self._splits_left -= 2
        return self._split(piece, parts)

    @property
    def refused_throughout(self) -> bool:
        """Whether every piece of the read was refused the last time it was read."""
        return all(piece.refusals for piece in self.pieces)

    def answered(self, piece: Piece) -> bool:
        """Note that a piece was answered whole; return whether ``pieces`` changed."""
        self._begin_pass(piece)
        piece.refusals = 0
        for seam in [seam for seam in self.seams if _holds(_registers(piece.span), seam)]:
            del self.seams[seam]
        if not piece.open:
            return False
        piece.clean = True
        return self._close(piece)

    def pardon(self, key: SpanKey) -> None:
        """Read a condemned point again with the others."""
        self.pieces.append(Piece(self.condemned.pop(key)))
        if self.settled:
            self._merge()

    def retry_seam(self, registers: Registers) -> None:
        """Read across a seam once more; it comes back if that is refused."""
        if self.settled:
            self.seams[registers] = True
            self._merge()

    def _begin_pass(self, piece: Piece) -> None:
        """Begin a new pass, with a new allowance of splits, where a piece is read again."""
        if piece.pass_number == self._pass_number:
            self._pass_number += 1
            self._splits_left = SPLITS_PER_PASS_MAX
        piece.pass_number = self._pass_number

    def _split(self, piece: Piece, parts: list[tuple[RegisterPoint, ...]]) -> tuple[Span, ...]:
        middle = (len(parts) + 1) // 2
        left, right = (
            Piece(span_of(chain.from_iterable(half)), piece, piece.answers_before, open=True)
            for half in (parts[:middle], parts[middle:])
        )
        piece.halves = left, right
        at = self.pieces.index(piece)
        self.pieces[at : at + 1] = left, right
        return left.span, right.span

    def _condemn(self, piece: Piece) -> None:
        self.pieces.remove(piece)
        self.condemned[key_of(piece.span)] = piece.span
        self._close(piece)

    def _close(self, piece: Piece) -> bool:
        """Settle a piece and whatever that settles above it; return whether the search is over."""
        piece.open = False
        above = piece.parent
        if above is not None and above.open and above.halves and not any(half.open for half in above.halves):
            if all(half.clean for half in above.halves):
                self._sew(*(half.span for half in above.halves))
            return self._close(above)
        if any(piece.open for piece in self.pieces):
            return False
        self.settled = True
        self._merge()
        return True

    def _sew(self, left: Span, right: Span) -> None:
        left_end = left.address + left.count
        seam = min(left_end, right.address) - 1, max(left_end, right.address) + 1
        self.seams[seam] = False

    def _merge(self) -> None:
        """Plan anew what is read, across nothing that was found."""
        points = [point for piece in self.pieces for point in piece.span.points]
        if len(points) == len(self._planned.points) and not any(not trying for trying in self.seams.values()):
            spans: tuple[Span, ...] = (self._planned,)
        else:
            spans = tuple(span for run in self._runs(points) for span in plan_spans(run, self._limits))
        self.pieces = [Piece(span) for span in spans]

    def _runs(self, points: list[RegisterPoint]) -> list[list[RegisterPoint]]:
        """Divide points into runs of which none holds a condemned point's registers or a seam."""
        barred = [_registers(span) for span in self.condemned.values()]
        barred += [seam for seam, trying in self.seams.items() if not trying]
        runs: list[list[RegisterPoint]] = []
        for same in alike_points(points):
            run = [*runs[-1], *same] if runs else []
            if run and not any(_holds(_registers(span_of(run)), registers) for registers in barred):
                runs[-1] = run
            else:
                runs.append(list(same))
        return runs


def alike_points(points: Iterable[RegisterPoint]) -> list[tuple[RegisterPoint, ...]]:
    """Return points in address order, those that share the same registers together."""

    def place(point: RegisterPoint) -> tuple[int, int]:
        return point.address, point.coding.register_count

    return [tuple(group) for _, group in groupby(sorted(points, key=place), key=place)]


def span_of(points: Iterable[RegisterPoint]) -> Span:
    """Return the read that carries these points, of one table and in address order."""
    points = tuple(points)
    end = max(point.address + point.coding.register_count for point in points)
    return Span(points[0].table, points[0].address, end - points[0].address, points)


def _registers(span: Span) -> Registers:
    return span.address, span.address + span.count


def _holds(outer: Registers, inner: Registers) -> bool:
    return outer[0] <= inner[0] and inner[1] <= outer[1]
