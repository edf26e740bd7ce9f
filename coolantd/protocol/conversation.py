"""One connection's requests and replies without the connection. Knows frames and transactions; no socket, no time.

One request is in flight at a time. A transaction identifier decides whose reply a frame is, and nothing else
does: a late reply to a request that was given up is skipped, a frame that answers nothing we asked makes the
stream worthless (FM-38, FM-39).
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from coolantd.errors import Fault
from coolantd.protocol.replies import (
    ReadRequest,
    ReplyFault,
    Request,
    adu_size,
    check_read,
    check_write,
    transaction_of,
)

ABANDONED_MAX: Final = 16
"""Given-up requests whose late replies are still recognised. The link closes after far fewer timeouts; the rest
is room for cancelled requests. An even older reply counts as one nobody asked for."""

STREAM_FAULTS: Final = frozenset({Fault.MALFORMED, Fault.WRONG_BYTE_COUNT, Fault.WRONG_TRANSACTION})
"""Faults after which nobody knows where the next frame begins or whom it answers: drop the connection. Any other
fault lies inside one whole frame that answers our request, and the stream behind it is sound."""


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that passed every check.

    Attributes:
        adu: the frame.
        words: what a read returned; empty for a write.
    """

    adu: bytes
    words: tuple[int, ...]


class Conversation:
    """What was asked on one connection and what became of it."""

    def __init__(self) -> None:
        self._received = bytearray()
        self._pending: Request | None = None
        self._answered = 0
        self._abandoned: deque[int] = deque(maxlen=ABANDONED_MAX)
        self._answered_again = False
        self._head_is_old = False

    def begin(self, request: Request) -> None:
        """Note a request that is being sent now; its transaction must be set."""
        self._pending = request
        self._answered_again = False
        self._head_is_old = bool(self._received)

    def receive(self, data: bytes) -> Reply | None:
        """Take bytes as they arrive, in pieces of any size.

        Returns:
            The reply to the request in flight once it is complete and right, else None.

        Raises:
            ReplyFault: the reply is refused, or with a fault of ``STREAM_FAULTS`` the whole stream is. Bytes
                that come together with a good reply and cannot be accounted for refuse that reply too.
        """
        self._received += data
        outcome: Reply | ReplyFault | None = None
        while (size := adu_size(self._received)) is not None and size <= len(self._received):
            adu = bytes(self._received[:size])
            del self._received[:size]
            request = self._pending
            # A frame that had begun to arrive before the request left cannot be its reply.
            if request and transaction_of(adu) == request.transaction and not self._head_is_old:
                self._pending, self._answered = None, request.transaction
                outcome = _judge(request, adu)
            else:
                self._skip(adu)
            self._head_is_old = False
        if isinstance(outcome, ReplyFault):
            raise outcome
        return outcome

    def abandon(self) -> ReplyFault | None:
        """Give up the request in flight, if any, and return what it died of."""
        request, self._pending = self._pending, None
        if request is None:
            return None
        self._abandoned.append(request.transaction)
        if self._received:
            return ReplyFault(Fault.MALFORMED, f"only {len(self._received)} bytes of a reply in time")
        if self._answered_again:
            return ReplyFault(Fault.WRONG_TRANSACTION, f"transaction {self._answered} was answered again instead")
        return ReplyFault(Fault.TIMEOUT, "no reply in time")

    def _skip(self, adu: bytes) -> None:
        """Pass over a whole frame that answers an earlier request; refuse any other."""
        transaction = transaction_of(adu)
        if transaction in self._abandoned:
            self._abandoned.remove(transaction)
        elif transaction and transaction == self._answered:
            self._answered_again = True
        else:
            asked = f"asked {self._pending.transaction}" if self._pending else "nothing asked"
            raise ReplyFault(Fault.WRONG_TRANSACTION, f"transaction {transaction}, {asked}")


def _judge(request: Request, adu: bytes) -> Reply | ReplyFault:
    try:
        if isinstance(request, ReadRequest):
            return Reply(adu, check_read(request, adu))
        check_write(request, adu)
        return Reply(adu, ())
    except ReplyFault as fault:
        return fault
