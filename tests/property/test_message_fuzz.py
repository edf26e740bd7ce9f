"""Whatever arrives, decoding never raises and never calls a value good that is not one (FM-35, I10)."""

import json
import math

import orjson
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from coolantd.point import Quality, Reason
from coolantd.protocol.messages import Outcome, TopicState, decode_message
from coolantd.protocol.profile import MessagePoint

POINTS = tuple(
    MessagePoint(name=name, topic="t", field=name, unit="degC", minimum=low, maximum=high)
    for name, low, high in (("a", -10.0, 100.0), ("b", 0.0, 0.0), ("", -1e300, 1e300))
)
JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(st.sampled_from(["a", "b", "", "timestamp_ms", "c"]), JSON_VALUES).map(
    lambda fields: json.dumps(fields).encode()
)
SOUND = st.builds(
    lambda a, at_ms: orjson.dumps({"a": a, "b": 0, "timestamp_ms": at_ms}),
    st.floats(allow_nan=False, allow_infinity=False),
    st.integers(0, 4_102_444_800_000),
)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine's load is not a property of the code."""
TIMES_S = st.floats(0.0, 1e7, allow_nan=False)


def assert_sound(outcome, samples, received_s):
    assert (outcome is Outcome.ACCEPTED) == bool(samples)
    for point, sample in samples:
        assert math.isfinite(sample.time_s)
        assert sample.time_s <= received_s
        if sample.quality is Quality.GOOD:
            assert point.minimum <= sample.value <= point.maximum
            assert sample.reason is Reason.NONE
        else:
            assert math.isnan(sample.value)
            assert sample.reason in (Reason.SENSOR_FAILURE, Reason.OUT_OF_RANGE)


@UNHURRIED
@given(st.lists(st.tuples(st.binary(max_size=200) | OBJECTS | SOUND, TIMES_S, st.booleans()), max_size=8))
@example([(b'{"timestamp_ms":1,"a":1e400}', 0.0, False)])
@example([(b'{"timestamp_ms":1e308,"a":1}', 0.0, False)])
def test_fm35_any_sequence_of_payloads_is_judged_without_an_exception(messages):
    state = TopicState.initial()
    for payload, received_s, retained in messages:
        state, outcome, samples = decode_message(POINTS, payload, received_s=received_s, retained=retained, state=state)
        assert_sound(outcome, samples, received_s)


@UNHURRIED
@given(
    st.lists(st.tuples(st.floats(0.01, 5.0), st.floats(0.0, 10.0)), min_size=2, max_size=50),
    st.floats(0.0, 4e9),
)
def test_fm18_an_age_is_never_less_than_the_delay_beyond_the_quickest_message_so_far(steps, epoch_s):
    """Messages of a live source with any delays, in order of arrival."""
    sent_s, arrivals = 0.0, []
    for period_s, delay_s in steps:
        sent_s += period_s
        arrivals.append((sent_s + delay_s, sent_s, delay_s))
    state, least_s, latest_s = TopicState.initial(), math.inf, -math.inf
    for received_s, sent_at_s, delay_s in sorted(arrivals):
        if sent_at_s <= latest_s:
            continue
        latest_s = sent_at_s
        least_s = min(least_s, delay_s)
        payload = orjson.dumps({"a": 1.0, "b": 0, "timestamp_ms": (epoch_s + sent_at_s) * 1000.0})
        state, outcome, samples = decode_message(POINTS, payload, received_s=received_s, retained=False, state=state)
        assert outcome is Outcome.ACCEPTED
        drift_s = 1e-3 * (received_s - arrivals[0][1])
        assert received_s - samples[0][1].time_s >= delay_s - least_s - drift_s - 1e-5
