"""Meddlers that change what is said: broken frames, frames of somebody else, refusals, false values."""

from typing import Final

from coolantd.sim.chaos_deeds import Deed, Meddle, Meddler, Say, whole
from coolantd.sim.chaos_frames import READ_HOLDING, Asked, framed, refusal, with_bytes, with_word

OVERSIZE_BYTES: Final = 65_000
"""As much as a length field can promise."""
VALUES_AT: Final = 9
"""Offset of the first value in a reply to a read."""
NAN_HIGH_WORD: Final = 0x7FC0
"""The upper half of a quiet NaN in single precision."""


def corrupt(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Turn over one bit anywhere in a reply; in a value nobody can tell, and the answer counts as the device's own."""
    at = self.rng.randrange(len(reply))
    return [Say(with_bytes(reply, at, bytes([reply[at] ^ 1 << self.rng.randrange(8)])), true=at >= VALUES_AT)]


def corrupt_header(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Turn over one bit before the first value."""
    at = self.rng.randrange(VALUES_AT)
    return [Say(with_bytes(reply, at, bytes([reply[at] ^ 1 << self.rng.randrange(8)])))]


def garbage(self: Meddler, _asked: Asked, _reply: bytes) -> list[Deed]:
    """Answer with noise."""
    return [Say(self.rng.randbytes(self.rng.randrange(1, 300)))]


def babble(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer, and go on talking."""
    return [*whole(reply), Say(self.rng.randbytes(200), 0.02), Say(self.rng.randbytes(2000), 0.05)]


def oversize(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Promise as much as a length field can, and keep the promise."""
    head = with_bytes(reply, 4, (OVERSIZE_BYTES - 6).to_bytes(2, "big"))
    return [Say(head), Say(self.rng.randbytes(OVERSIZE_BYTES - len(head)))]


def transaction(self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer somebody else's request."""
    return [Say(with_bytes(reply, 0, self.rng.randbytes(2)))]


def zero_transaction(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer with the identifier that no request has."""
    return [Say(with_bytes(reply, 0, b"\0\0"))]


def old_transaction(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer with the identifier of the request before."""
    before = (int.from_bytes(reply[:2], "big") - 1) % 0x10000
    return [Say(with_bytes(reply, 0, before.to_bytes(2, "big")))]


def protocol(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Speak another protocol."""
    return [Say(with_bytes(reply, 2, b"\0\1"))]


def long_length(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Promise more bytes than come."""
    return [Say(with_bytes(reply, 4, (len(reply) + 20).to_bytes(2, "big")))]


def short_length(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Promise fewer bytes than come."""
    return [Say(with_bytes(reply, 4, (len(reply) - 7).to_bytes(2, "big")))]


def unit(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer for another unit."""
    return [Say(with_bytes(reply, 6, bytes([reply[6] ^ 3])))]


def function(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer another function."""
    return [Say(with_bytes(reply, 7, bytes([reply[7] ^ 7])))]


def few_words(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Leave out the last word and make every length agree; one that has just one is cut to its byte count."""
    data = reply[9:-2] or b""
    return [Say(framed(reply, reply[7:8] + bytes([len(data)]) + data))]


def many_words(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer with one word too many."""
    data = reply[9:] + b"\0\1"
    return [Say(framed(reply, reply[7:8] + bytes([len(data) & 0xFF]) + data))]


def byte_count(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Count the bytes wrongly."""
    return [Say(with_bytes(reply, 8, bytes([reply[8] ^ 2])))]


def odd_bytes(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer with half a word."""
    data = reply[9:-1]
    return [Say(framed(reply, reply[7:8] + bytes([len(data)]) + data))]


def empty(_self: Meddler, _asked: Asked, reply: bytes) -> list[Deed]:
    """Answer with a header and nothing behind it."""
    return [Say(framed(reply, b""))]


def refuses(*codes: int) -> Meddle:
    """Return a meddler that answers everything with one of these exceptions."""

    def meddle(self: Meddler, asked: Asked, _reply: bytes) -> list[Deed]:
        return [Say(refusal(asked.adu, self.rng.choice(codes)))]

    return meddle


def wrong_echo(_self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Acknowledge another write than the one asked for."""
    return [Say(with_bytes(reply, 8, bytes([reply[8] ^ 1])))] if asked.is_write else whole(reply)


def write_mute(_self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Acknowledge no write."""
    return [] if asked.is_write else whole(reply)


def write_refused(_self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Refuse every write that the device has taken."""
    return [Say(refusal(asked.adu, 4))] if asked.is_write else whole(reply)


def stale_cache(self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Answer each read as the first of its kind was answered, as a gateway does whose own line is dead (FM-18)."""
    first = self.cache.setdefault(asked.adu[6:], reply)
    return [Say(reply[:2] + first[2:])]


def not_a_number(self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Break one sensor: the answer is the device's own in everything else."""
    return whole(with_word(asked, reply, self.sensor, NAN_HIGH_WORD))


def impostor(self: Meddler, asked: Asked, reply: bytes) -> list[Deed]:
    """Be another machine at the same address, of the same make (FM-20)."""
    if asked.function == READ_HOLDING and asked.covers(self.identity):
        return [Say(with_word(asked, reply, self.identity, 1))]
    return whole(reply)
