"""When a serial line may be used, and which reply on it may be believed. Knows frames and given times; no port.

RTU has no transaction id, so a reply that comes after its request was given up could be taken for the answer to the
next one (FM-39). Two rules that do not depend on each other keep that from happening:

- *Quiet.* After a timeout, a refused reply, a cancelled request or bytes nobody asked for, the line must have been
  silent for the worst turnaround before anything is sent; what comes meanwhile is discarded.
- *Order.* A unit that was given up is suspect, and so is every unit after opening (another process may have asked
  it). A suspect unit must first answer a loopback, whose reply only it can be. Units answer in order, so by then
  every older reply has come, however late, and has been discarded.

A refusal of a loopback carries no token, so one may be taken only when no older one can still be on its way: a unit
that does not echo keeps twice the quiet after a miss. Some units ignore loopbacks. One that never echoed any is asked
without after one miss, one that once did after three; a unit that then answers keeps twice the quiet from then on.

So no reply that comes within two turnarounds of its request can be mistaken, whatever its unit does about loopbacks and
whatever noise or loss there is; nor one within four turnarounds and three deadlines by a unit that echoes them all. No
request is sent twice for this and no sample is marked doubtful: a value that could be another's is not taken at all,
and the call fails.
"""

from dataclasses import dataclass
from typing import Final

from coolantd.errors import Fault
from coolantd.protocol.replies import ReplyFault, Request
from coolantd.protocol.rtu import (
    EXCEPTION_BYTES,
    FRAME_MAX_BYTES,
    GATEWAY_CODES,
    LoopbackRequest,
    RtuRequest,
    check_reply,
    loopback_answered,
    missing_bytes,
    reply_size,
    request_frame,
)

TURNAROUND_MAX_S: Final = 10.0
"""Slower than any device known; every fault on the line costs all its units this long."""
MISSES_MAX: Final = 3
"""Loopbacks in a row left unanswered by a unit that once echoed one, after which it is asked without. A unit that
was exchanged for another model must come back; until then four quiet times have passed."""
LONG_QUIETS: Final = 2
"""Turnarounds of silence where order does not help: after faults of a unit that ignores loopbacks, and after a loopback
missed by one that may refuse them."""
_TOKENS: Final = 0x1_0000


@dataclass(slots=True)
class LineCounts:
    """What a line has been through since it was made.

    Attributes:
        quiet_times: how often it had to be silent for a turnaround.
        discarded_bytes: bytes received that were no accepted reply.
        loopbacks: loopbacks sent.
        loopbacks_missed: those left unanswered.
    """

    quiet_times: int = 0
    discarded_bytes: int = 0
    loopbacks: int = 0
    loopbacks_missed: int = 0


@dataclass(slots=True)
class _Unit:
    """What is known of one unit."""

    suspect: bool = True
    echoes: bool = False
    mute: bool = False
    misses: int = 0
    missed: LoopbackRequest | None = None
    """The last loopback, while unanswered and the last thing this unit was asked."""

    @property
    def needs_loopback(self) -> bool:
        return self.suspect and not self.mute and self.misses < (MISSES_MAX if self.echoes else 1)


class SerialLine:
    """The state of one line: one request in flight, silences kept, every byte accounted for.

    Args:
        gap_s: silence that ends a frame and that precedes one.
        turnaround_s: the longest any unit of the line may take to answer, in (0, 10].
        loopback: False where a unit must not see function 8: then all keep twice the quiet instead.
    """

    def __init__(self, *, gap_s: float, turnaround_s: float, loopback: bool = True) -> None:
        if not 0.0 < turnaround_s <= TURNAROUND_MAX_S:
            raise ValueError(f"turnaround_s = {turnaround_s:g} is outside (0, {TURNAROUND_MAX_S:g}]")
        self.counts = LineCounts()
        self.turnaround_s = turnaround_s
        self._gap_s = gap_s
        self._loopback = loopback
        self._units: dict[int, _Unit] = {}
        self._asked: RtuRequest | None = None
        self._last_unit = 0
        self._received = bytearray()
        self._last_byte_s = float("-inf")
        self._quiet_until_s = float("-inf")
        self._token = 0

    def opened(self, now_s: float) -> None:
        """Begin anew on a line just opened: quiet, and every unit suspect."""
        self._asked = None
        self._received.clear()
        for unit in self._units.values():
            unit.suspect, unit.mute, unit.misses, unit.missed = True, not self._loopback, 0, None
        self._be_quiet(now_s, long=not self._loopback)

    def ready_in_s(self, now_s: float) -> float:
        """Return how long the line must still be silent before ``begin``; 0 when it may be used now."""
        return max(self._quiet_until_s - now_s, self._last_byte_s + self._gap_s - now_s, 0.0)

    def needs_loopback(self, unit: int) -> bool:
        """Return whether a unit must answer a loopback before it may be asked anything else."""
        return self._unit(unit).needs_loopback

    def loopback(self, unit: int) -> LoopbackRequest:
        """Return the next loopback for a unit."""
        self._token = (self._token + 1) % _TOKENS
        return LoopbackRequest(unit, self._token)

    def begin(self, request: RtuRequest, now_s: float) -> bytes:
        """Note a request that is sent now, and return its frame.

        Raises:
            RuntimeError: the line is not ready, or the unit is suspect; the caller's mistake.
            ValueError: the unit is not 1..255.
        """
        frame = request_frame(request)
        loopback = isinstance(request, LoopbackRequest)
        if self._asked is not None or self.ready_in_s(now_s) > 0.0:
            raise RuntimeError("a serial line was used before it was ready")
        if not loopback and self.needs_loopback(request.unit):
            raise RuntimeError(f"unit {request.unit} was asked before it had answered a loopback")
        self.counts.loopbacks += loopback
        self._unit(request.unit).missed = None
        self._asked, self._last_unit = request, request.unit
        self._received.clear()
        return frame

    def receive(self, data: bytes, now_s: float) -> None:
        """Take bytes as they arrive, in pieces of any size; those nobody asked for begin a quiet time."""
        if not data:
            return
        self._last_byte_s = now_s
        if self._asked is None:
            self._discard(data, now_s)
            return
        self._received += data
        if isinstance(self._asked, LoopbackRequest):
            surplus = max(len(self._received) - FRAME_MAX_BYTES, 0)
            self.counts.discarded_bytes += surplus
            del self._received[:surplus]

    def settled_in_s(self, now_s: float) -> float | None:
        """Return how long the silence after a reply must still last, or None while bytes of it are missing.

        A reply is judged after the silence only: bytes that follow it make it worthless.
        """
        request = self._asked
        if request is None:
            return 0.0
        if isinstance(request, LoopbackRequest):
            complete = loopback_answered(request, self._received)
        else:
            complete = missing_bytes(request, self._received) == 0
        if not complete:
            return None
        if len(self._received) > FRAME_MAX_BYTES:
            return 0.0
        return max(self._last_byte_s + self._gap_s - now_s, 0.0)

    def finish(self, now_s: float) -> tuple[int, ...]:
        """End the request in flight by its reply, once ``settled_in_s`` is 0, and return the words it carries.

        Raises:
            ReplyFault: the reply is an exception, or is refused.
        """
        request = self._asked
        if request is None:
            raise RuntimeError("nothing was asked")
        if isinstance(request, LoopbackRequest):
            self._asked = None
            echoed = self._received.endswith(request_frame(request))
            self.counts.discarded_bytes += len(self._received) - (reply_size(request) if echoed else EXCEPTION_BYTES)
            self._units[request.unit] = _Unit(suspect=False, echoes=echoed)
            return ()
        try:
            words = check_reply(request, bytes(self._received))
        except ReplyFault as fault:
            if fault.fault is not Fault.EXCEPTION:
                self._failed(request, now_s)
            elif fault.code in GATEWAY_CODES:
                self._unanswered(request)
            else:
                self._answered(request)
            raise
        self._answered(request)
        return words

    def give_up(self, now_s: float) -> ReplyFault | None:
        """End the request in flight without a reply; return what it died of, or None when there is none."""
        request = self._asked
        if request is None:
            return None
        received = len(self._received)
        echoed = isinstance(request, LoopbackRequest) and self._received.endswith(request_frame(request))
        self._failed(request, now_s)
        if echoed:  # only the silence behind it is missing; its token says all the same that every older reply has come
            self.counts.loopbacks_missed -= 1
            self._units[request.unit] = _Unit(suspect=False, echoes=True)
        if isinstance(request, LoopbackRequest):
            return ReplyFault(Fault.TIMEOUT, f"unit {request.unit} did not answer a loopback, nothing else was asked")
        if received:
            return ReplyFault(Fault.MALFORMED, f"{received} of {reply_size(request)} bytes of a reply in time")
        return ReplyFault(Fault.TIMEOUT, "no reply in time")

    def _discard(self, data: bytes, now_s: float) -> None:
        """Take bytes nobody asked for; only a late answer to a loopback says something, and only about its unit."""
        self.counts.discarded_bytes += len(data)
        self._received = (self._received + data)[-FRAME_MAX_BYTES:]
        unit = self._unit(self._last_unit)
        unit.suspect = True
        self._be_quiet(now_s, long=unit.mute)
        if unit.missed is not None and loopback_answered(unit.missed, self._received):
            echoed = self._received.endswith(request_frame(unit.missed))
            self._units[self._last_unit] = _Unit(suspect=False, echoes=echoed)

    def _unit(self, number: int) -> _Unit:
        return self._units.setdefault(number, _Unit(mute=not self._loopback))

    def _answered(self, request: Request) -> None:
        self._asked = None
        unit = self._unit(request.unit)
        if unit.misses:
            unit.mute, unit.echoes, unit.misses = True, False, 0
        unit.suspect = False

    def _unanswered(self, request: RtuRequest) -> None:
        self._asked = None
        unit = self._unit(request.unit)
        unit.suspect = True
        if isinstance(request, LoopbackRequest):
            unit.misses += 1
            unit.missed = request
            self.counts.loopbacks_missed += 1
        else:
            unit.misses = 0

    def _failed(self, request: RtuRequest, now_s: float) -> None:
        self.counts.discarded_bytes += len(self._received)
        self._received.clear()
        self._unanswered(request)
        unit = self._unit(request.unit)
        self._be_quiet(now_s, long=unit.mute or (isinstance(request, LoopbackRequest) and not unit.echoes))

    def _be_quiet(self, now_s: float, *, long: bool) -> None:
        if now_s >= self._quiet_until_s:
            self.counts.quiet_times += 1
        turnarounds = LONG_QUIETS if long else 1
        self._quiet_until_s = max(self._quiet_until_s, now_s + turnarounds * self.turnaround_s)
