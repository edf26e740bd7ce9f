"""A unit that refuses reads of illegal registers, and the polling of it, for tests of the quarantine."""

from collections import Counter, deque
from dataclasses import dataclass, field

from coolantd.protocol.profile import Coding, PollClass, RegisterPoint, Table
from coolantd.protocol.quarantine import SpanSet
from coolantd.protocol.spans import Span


def point(address: int, coding: Coding = Coding.U16, **changes: object) -> RegisterPoint:
    fields: dict[str, object] = {
        "name": f"p{address}_{coding}",
        "table": Table.HOLDING,
        "address": address,
        "coding": coding,
        "unit": "",
        "minimum": 0.0,
        "maximum": 1.0,
        "poll": PollClass.FAST,
    }
    return RegisterPoint(**(fields | changes))


@dataclass
class RefusingUnit:
    """Answers a read unless it touches an illegal register, is too long, or the unit is still starting."""

    illegal: set[tuple[Table, int]] = field(default_factory=set)
    longest: int = 2000
    starting: bool = False
    reads: int = 0
    answered: Counter[str] = field(default_factory=Counter)

    def read(self, span: Span) -> bool:
        self.reads += 1
        touched = {(span.table, address) for address in range(span.address, span.address + span.count)}
        if self.starting or touched & self.illegal or span.count > self.longest:
            return False
        self.answered.update(point.name for point in span.points)
        return True

    def refuses(self, point: RegisterPoint) -> bool:
        end = point.address + point.coding.register_count
        return any((point.table, address) in self.illegal for address in range(point.address, end))


def poll(spans: SpanSet, unit: RefusingUnit, now_s: float, *, depth_first: bool = False) -> int:
    """Read every span once and what is to be read in its place; return how many reads were extra."""
    planned = spans.spans
    extra = 0
    for span in planned:
        waiting = deque([span])
        while waiting:
            asked = waiting.pop() if depth_first else waiting.popleft()
            if unit.read(asked):
                spans.answered(asked, now_s)
            else:
                pieces = spans.refused(asked, now_s)
                waiting.extend(reversed(pieces) if depth_first else pieces)
                extra += len(pieces)
    return extra


def retry(spans: SpanSet, unit: RefusingUnit, now_s: float) -> int:
    """Do what is due of the retries; return how many reads that took."""
    reads = 0
    for span in spans.release_due(now_s):
        reads += 1
        if unit.read(span):
            spans.answered(span, now_s)
        else:
            assert spans.refused(span, now_s) == ()
    return reads
