"""Meddlers that leave every byte as it is, and deliver it late, in pieces, twice, in another order, or not at all."""

from collections.abc import Sequence
from typing import Final

from coolantd.sim.chaos_deeds import Cut, Deed, Meddle, Meddler, Say, whole
from coolantd.sim.chaos_frames import Asked

DELAY_S: Final = 0.05
JITTER_PER_S: Final = 10.0
"""A tenth of a second in the mean, without an end."""
LATE_S: Final = 0.8
"""Later than a device may answer whose values are wanted every half second."""
BURST_COUNT: Final = 6
"""Replies held back and then sent at once."""
PIECE_S: Final = 0.005
LINGER_S: Final = 3.0
FLAP_COUNT: Final = 12
"""Replies between two ends of a link that flaps: about a second of polling."""


def delay(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Be slow, within what a device may take."""
    return whole(reply, after_s=DELAY_S)


def jitter(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Be slow by chance."""
    return whole(reply, after_s=self.rng.expovariate(JITTER_PER_S))


def late(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer when nobody waits any more."""
    return whole(reply, after_s=LATE_S)


def burst(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Hold replies back and let them all go at once."""
    self.held.append(reply)
    if len(self.held) < BURST_COUNT:
        return []
    held, self.held = self.held, []
    return [Say(b"".join(held), true=True)]


def slices(reply: bytes, pause_s: float) -> list[Deed]:
    """Return a reply in single bytes."""
    last = len(reply) - 1
    return [Say(reply[k : k + 1], pause_s if k else 0.0, true=k == last) for k in range(len(reply))]


def one_by_one(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Send single bytes without a pause."""
    return slices(reply, 0.0)


def trickle(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Send single bytes, slowly."""
    return slices(reply, PIECE_S)


def nothing(_self: Meddler, _asked: Asked, _reply: bytes) -> list[Deed]:
    """Say nothing."""
    return []


def reset(_self: Meddler, _asked: Asked, _reply: bytes) -> list[Deed]:
    """Reset the connection in place of an answer."""
    return [Cut(reset=True)]


def reset_mid_frame(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Reset it within an answer."""
    return [Say(reply[: self.rng.randrange(1, len(reply))]), Cut(reset=True, after_s=0.01)]


def close(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Close politely after each answer."""
    return [*whole(reply), Cut(reset=False)]


def slow_close(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Begin an answer, and close politely much later."""
    return [Say(reply[:4]), Cut(reset=False, after_s=LINGER_S)]


def flap(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Reset the connection each second or so."""
    return [Cut(reset=True)] if self.count % FLAP_COUNT == 0 else whole(reply)


def limit(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Close in the middle of a frame after some hundred bytes, as a proxy with a quota does."""
    return [Say(reply[:7]), Cut(reset=False)] if self.count % FLAP_COUNT == 0 else whole(reply)


def truncate(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer in part and say nothing more."""
    return [Say(reply[: self.rng.randrange(1, len(reply))])]


def reorder(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer each second request before the one ahead of it."""
    self.held.append(reply)
    return [] if len(self.held) == 1 else [Say(reply, true=True), Say(self.held.pop(0)), Say(self.held.pop())]


def duplicate(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer twice."""
    return [Say(reply, true=True), Say(reply)]


def echo(_self: Meddler, asked: Asked, _reply: bytes) -> list[Deed]:
    """Send the request back."""
    return [Say(asked.adu)]


def in_part(meddle: Meddle, share: float) -> Meddle:
    """Return a toxic that lets the rest of the replies pass."""

    def some(self: Meddler, asked: Asked, reply: bytes) -> Sequence[Deed]:
        return meddle(self, asked, reply) if self.rng.random() < share else whole(reply)

    return some
