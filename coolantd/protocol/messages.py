"""JSON telemetry to samples, setpoints to JSON. Knows the message format and what makes a message fresh.

Must never know a socket, a broker or a clock: when a message arrived is an argument. Wall time is never compared
with ours (FM-25); a source's timestamps are only compared with each other and with the pace of arrival.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

import orjson

from coolantd.point import Reason, Sample, bad, good
from coolantd.protocol.profile import MessagePoint

PAYLOAD_MAX_BYTES: Final = 65_536
"""Far above any telemetry message; a larger one is a mistake or an attack (FM-35)."""
TIMESTAMP_FIELD: Final = "timestamp_ms"
TIMESTAMP_MAX_MS: Final = 4_102_444_800_000.0
"""2100-01-01. Small values are allowed: a source without a real-time clock may count from its own start."""
DRIFT_MAX_RATIO: Final = 1e-3
"""How fast the transport reference may rise: 500 ppm of clock slewing and 100 ppm of quartz at either end, rounded
up. Without it a source clock 100 ppm slow would look 8.6 s older after a day."""
RELEARN_COUNT: Final = 3
"""Messages in a row that must advance among themselves before a source clock set back is believed."""
RELEARN_PACE_RATIO: Final = 2.0
RELEARN_PACE_SLACK_S: Final = 0.05
"""Source time may run at most this much ahead of arrival while a set-back clock is being believed. A live source
keeps pace; a replay of stored messages arrives far faster than it was written (FM-34)."""


class Outcome(StrEnum):
    """What became of a message: the label of ``coolantd_mqtt_messages_total``.

    Only ``ACCEPTED`` carries samples. ``MISSING_FIELD``, ``WRONG_TYPE`` and ``OUT_OF_RANGE`` speak of the
    timestamp: without one nothing in the message can be called fresh. A fault in a single value is a bad sample of
    an accepted message.
    """

    ACCEPTED = "accepted"
    RETAINED = "retained"
    OLD = "old"
    TOO_LARGE = "too_large"
    NOT_JSON = "not_json"
    NOT_OBJECT = "not_object"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    OUT_OF_RANGE = "out_of_range"


@dataclass(frozen=True, slots=True)
class TopicState:
    """What is remembered of one topic to judge the next message; keep it across reconnects.

    Attributes:
        source_s: source timestamp of the last accepted message, in the source's own seconds; NaN before the first.
        received_s: monotonic arrival of the last accepted message; NaN before the first.
        least_offset_s: least (arrival - source timestamp), allowed to rise by ``DRIFT_MAX_RATIO``: the quickest
            transport, against which every other message's delay is measured.
        candidate_source_s, candidate_received_s: the last message that did not advance past ``source_s``.
        candidate_count: how many of those in a row advanced among themselves at the pace of arrival.
    """

    source_s: float = math.nan
    received_s: float = math.nan
    least_offset_s: float = math.inf
    candidate_source_s: float = math.nan
    candidate_received_s: float = math.nan
    candidate_count: int = 0

    @classmethod
    def initial(cls) -> "TopicState":
        """Return the state of a topic on which nothing was heard yet."""
        return cls()


Decoded = tuple[TopicState, Outcome, tuple[tuple[MessagePoint, Sample], ...]]


def decode_message(
    points: Sequence[MessagePoint], payload: bytes, *, received_s: float, retained: bool, state: TopicState
) -> Decoded:
    """Turn one message into samples of its points.

    Of keys that occur twice the last one counts. A value that is missing, null or not a finite number (true and
    false are not numbers) is a bad sample with ``SENSOR_FAILURE``; outside the plausible range ``OUT_OF_RANGE``.

    Args:
        points: every point carried by this topic; those we write ourselves are passed over.
        payload: the message as received.
        received_s: monotonic time of arrival.
        retained: the broker stored it some time ago; such a message is never fresh (FM-34).
        state: what was returned for the message before on this topic.

    Returns:
        The topic's next state, what became of the message, and a sample per point (none unless accepted). A
        sample's ``time_s`` lies before ``received_s`` by how much later than the quickest message this one came.
    """
    outcome, fields = _parse(payload, retained=retained)
    if outcome is not Outcome.ACCEPTED:
        return state, outcome, ()
    outcome, source_s = _source_time(fields)
    if outcome is not Outcome.ACCEPTED:
        return state, outcome, ()
    state, fresh = _advance(state, source_s, received_s)
    if not fresh:
        return state, Outcome.OLD, ()
    time_s = min(source_s + state.least_offset_s, received_s)
    samples = tuple((point, _sample(point, fields.get(point.field), time_s)) for point in points if point.write is None)
    return state, Outcome.ACCEPTED, samples


def encode_setpoint(value: float, wall_s: float) -> bytes:
    """Return the message that asks a device for a setpoint.

    Args:
        value: in the point's unit.
        wall_s: seconds since the epoch, by which the device may refuse a request that lay in a queue.

    Raises:
        ValueError: either number is not finite.
    """
    if not (math.isfinite(value) and math.isfinite(wall_s)):
        raise ValueError(f"a setpoint message needs finite numbers, got value {value} at {wall_s} s")
    return orjson.dumps({"value": float(value), TIMESTAMP_FIELD: round(wall_s * 1000.0)})


def _parse(payload: bytes, *, retained: bool) -> tuple[Outcome, dict[str, object]]:
    if retained:
        return Outcome.RETAINED, {}
    if len(payload) > PAYLOAD_MAX_BYTES:
        return Outcome.TOO_LARGE, {}
    try:
        fields = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return Outcome.NOT_JSON, {}
    return (Outcome.ACCEPTED, fields) if isinstance(fields, dict) else (Outcome.NOT_OBJECT, {})


def _source_time(fields: dict[str, object]) -> tuple[Outcome, float]:
    if TIMESTAMP_FIELD not in fields:
        return Outcome.MISSING_FIELD, math.nan
    timestamp_ms = _number(fields[TIMESTAMP_FIELD])
    if timestamp_ms is None:
        return Outcome.WRONG_TYPE, math.nan
    if not 0.0 <= timestamp_ms <= TIMESTAMP_MAX_MS:
        return Outcome.OUT_OF_RANGE, math.nan
    return Outcome.ACCEPTED, timestamp_ms / 1000.0


def _advance(state: TopicState, source_s: float, received_s: float) -> tuple[TopicState, bool]:
    """Return the state after a message, and whether the message is fresh."""
    offset_s = received_s - source_s
    if source_s > state.source_s:
        crept_s = state.least_offset_s + DRIFT_MAX_RATIO * max(received_s - state.received_s, 0.0)
        return TopicState(source_s, received_s, min(offset_s, crept_s)), True
    count = state.candidate_count + 1 if _keeps_pace(state, source_s, received_s) else 1
    if math.isnan(state.source_s) or count >= RELEARN_COUNT:
        return TopicState(source_s, received_s, offset_s), True
    return replace(state, candidate_source_s=source_s, candidate_received_s=received_s, candidate_count=count), False


def _keeps_pace(state: TopicState, source_s: float, received_s: float) -> bool:
    """Say whether a message follows the last candidate as a live source's next message would."""
    advance_s = source_s - state.candidate_source_s
    elapsed_s = received_s - state.candidate_received_s
    return 0.0 < advance_s <= RELEARN_PACE_RATIO * elapsed_s + RELEARN_PACE_SLACK_S


def _sample(point: MessagePoint, raw: object, time_s: float) -> Sample:
    value = _number(raw)
    if value is None:
        return bad(Reason.SENSOR_FAILURE, time_s)
    if not point.minimum <= value <= point.maximum:
        return bad(Reason.OUT_OF_RANGE, time_s)
    return good(value, time_s)


def _number(raw: object) -> float | None:
    """Return a JSON number as float; None for everything else, true and false among it."""
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return None
    value = float(raw)
    return value if math.isfinite(value) else None
