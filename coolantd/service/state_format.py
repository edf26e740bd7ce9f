"""The bytes of the state file: one line that says what follows, then JSON. Knows bytes; no disk and no clock.

Whatever is odd about them is one sentence in a ``StateError`` and never anything else: a power cut may have left half
of them, a disk may have changed one, and somebody may have put another file there (FM-48).
"""

import hashlib
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import orjson

from coolantd.errors import CoolantdError

MAGIC: Final = b"coolantd-state"
VERSION: Final = 1
BYTES_MAX: Final = 1 << 20
"""A hundred CDUs with everything that is kept of them take a tenth of it; more is no state of ours."""
CLOCK_SET_S: Final = 1.6e9
"""September 2020, before this was written: a wall clock behind it has not been set since the machine started."""

_HEAD: Final = re.compile(rb"%s ([0-9]{1,6}) ([0-9a-f]{64}) ([0-9]{1,10})\n" % MAGIC)
_HEAD_BYTES_MAX: Final = 128
"""The longest first line is 98 bytes."""

Fields = dict[str, Any]


class StateError(CoolantdError):
    """A state file that is not to be believed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When something was, on the two clocks that outlive a process.

    Attributes:
        wall_s: seconds since the epoch, as far as the machine knows.
        boottime_s: seconds since the machine was switched on, suspends included.
        boot_id: which switching-on it was; empty where that cannot be known.
    """

    wall_s: float
    boottime_s: float
    boot_id: str


@dataclass(frozen=True, slots=True)
class Saved:
    """What a state file holds: ``sections`` by name, and when it was written."""

    sections: Mapping[str, Fields]
    moment: Moment


def encode(sections: Mapping[str, Fields], moment: Moment) -> bytes:
    """Return the bytes of a state file; NaN and infinity become null.

    Raises:
        StateError: they would be more than ``BYTES_MAX``, or hold what JSON does not have.
    """
    when = {"wall_s": moment.wall_s, "boottime_s": moment.boottime_s, "boot_id": moment.boot_id}
    try:
        body = orjson.dumps({"moment": when, "sections": sections})
    except orjson.JSONEncodeError as error:
        raise StateError(f"the state cannot be written down: {error}") from error
    data = b"%s %d %s %d\n" % (MAGIC, VERSION, hashlib.sha256(body).hexdigest().encode(), len(body)) + body
    if len(data) > BYTES_MAX:
        raise StateError(f"the state would be {len(data)} bytes, allowed: at most {BYTES_MAX}")
    return data


def decode(data: bytes) -> Saved:
    """Return what a state file holds.

    Raises:
        StateError: anything about it is odd; the message is one sentence.
    """
    body = _checked_body(data)
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise StateError(f"it is no JSON: {error}") from error
    moment = _moment(found.get("moment") if isinstance(found, dict) else None)
    sections = found.get("sections")
    if not isinstance(sections, dict) or not all(isinstance(each, dict) for each in sections.values()):
        raise StateError("its sections are no tables")
    return Saved(sections, moment)


def age_s(saved: Moment, now: Moment) -> float:
    """Return how old a moment is in seconds; NaN where no clock can tell (FM-25).

    Within one boot the boot clock tells, which nobody can set. Across boots only the wall clock can, and one that has
    not been set, or by which the moment has not come yet, tells nothing.
    """
    if saved.boot_id and saved.boot_id == now.boot_id:
        since_s = now.boottime_s - saved.boottime_s
    elif min(saved.wall_s, now.wall_s) < CLOCK_SET_S:
        return math.nan
    else:
        since_s = now.wall_s - saved.wall_s
    return since_s if since_s >= 0.0 else math.nan


def _checked_body(data: bytes) -> bytes:
    if len(data) > BYTES_MAX:
        raise StateError(f"it is larger than {BYTES_MAX} bytes")
    head = _HEAD.match(data[:_HEAD_BYTES_MAX])
    if head is None:
        raise StateError("it does not begin like a state file")
    version, digest, length = int(head[1]), head[2], int(head[3])
    if version != VERSION:
        raise StateError(f"it has version {version}, known: {VERSION}")
    body = data[head.end() :]
    if len(body) != length:
        raise StateError(f"it holds {len(body)} of {length} bytes")
    if hashlib.sha256(body).hexdigest().encode() != digest:
        raise StateError("its checksum is wrong")
    return body


def _moment(found: object) -> Moment:
    if not isinstance(found, dict):
        raise StateError("it does not say when it was written")
    wall_s, boottime_s, boot_id = found.get("wall_s"), found.get("boottime_s"), found.get("boot_id")
    if not isinstance(wall_s, float) or not isinstance(boottime_s, float) or not isinstance(boot_id, str):
        raise StateError("it does not say when it was written")
    return Moment(wall_s=wall_s, boottime_s=boottime_s, boot_id=boot_id)
