"""What a meddler can do to a reply, and what one of them remembers. Knows bytes and deeds; no socket and no clock."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from coolantd.sim.chaos_frames import Asked


class Accepts(StrEnum):
    """What becomes of a new connection."""

    SERVED = "served"
    MUTE = "mute"
    RESET = "reset"
    NOT_AT_ALL = "not_at_all"


@dataclass(frozen=True, slots=True)
class Say:
    """Send bytes to the master.

    Attributes:
        data: what.
        after_s: how long after the deed before it.
        true: with the last of them the master has the device's own answer, whole.
    """

    data: bytes
    after_s: float = 0.0
    true: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """End the connection: with a reset, or politely."""

    reset: bool
    after_s: float = 0.0


Deed = Say | Cut


@dataclass(slots=True)
class Meddler:
    """What one toxic knows while it is at work.

    Attributes:
        rng: its chance.
        identity: address of the register that tells the device.
        sensor: address of the upper word of a sensor to break.
        held: replies held back. cache: the first reply to each request.
        count: replies seen.
    """

    rng: random.Random
    identity: int
    sensor: int
    held: list[bytes] = field(default_factory=list)
    cache: dict[bytes, bytes] = field(default_factory=dict)
    count: int = 0


Meddle = Callable[[Meddler, Asked, bytes], Sequence[Deed]]


def whole(reply: bytes, *, after_s: float = 0.0) -> list[Deed]:
    """Return the deed of letting a reply pass, at once or later."""
    return [Say(reply, after_s, true=True)]


def pass_on(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Meddle with nothing."""
    return whole(reply)


@dataclass(frozen=True, slots=True)
class Toxic:
    """One way of going wrong.

    Attributes:
        meddle: what becomes of a reply.
        hears: whether requests reach the device; ``takes_writes`` the same of writes alone, else they are acknowledged
            and thrown away.
        reads: False: the meddler does not even take bytes off its socket, as a process that was stopped does not.
        accepts: what becomes of a new connection.
        cuts_at_once: connections end when it begins.
    """

    meddle: Meddle = pass_on
    hears: bool = True
    takes_writes: bool = True
    reads: bool = True
    accepts: Accepts = Accepts.SERVED
    cuts_at_once: bool = False


HARMLESS = Toxic()
