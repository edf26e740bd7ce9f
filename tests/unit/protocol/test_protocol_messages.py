"""JSON messages to samples: what is fresh, what is bad; one bad value spoils no other (FM-18, FM-25, FM-34, FM-35)."""

import json
import math

import pytest

from coolantd.point import STALE_UNCERTAIN_PERIODS, Quality, Reason
from coolantd.protocol.messages import (
    PAYLOAD_MAX_BYTES,
    RELEARN_COUNT,
    TIMESTAMP_MAX_MS,
    Outcome,
    TopicState,
    decode_message,
    encode_setpoint,
)
from coolantd.protocol.profile import MessagePoint, Role, WriteRule

FLOW = MessagePoint(
    name="branch1_flow_lpm", topic="branch/1/telemetry", field="flow_lpm", unit="L/min", minimum=0.0, maximum=400.0
)
TEMP = MessagePoint(
    name="branch1_return_temp_c",
    topic="branch/1/telemetry",
    field="return_temp_c",
    unit="degC",
    minimum=-10.0,
    maximum=100.0,
)
SETPOINT = MessagePoint(
    name="branch1_valve_position_setpoint_pct",
    topic="branch/1/telemetry",
    field="value",
    unit="%",
    minimum=0.0,
    maximum=100.0,
    write=WriteRule(role=Role.BRANCH_VALVE, minimum=0.0, maximum=100.0, position="branch1_valve_position_pct"),
)
EPOCH_MS = 1_750_000_000_000
"""An arbitrary start of the source's clock, nowhere near ours."""


def message(at_s=0.0, **fields):
    return json.dumps(
        {"flow_lpm": 120.5, "return_temp_c": 44.0, "timestamp_ms": EPOCH_MS + round(at_s * 1000), **fields}
    ).encode()


def decode(payload, *, received_s=100.0, retained=False, state=None):
    return decode_message(
        (FLOW, TEMP), payload, received_s=received_s, retained=retained, state=state or TopicState.initial()
    )


class Source:
    """Sends messages with its own clock to a decoder that remembers."""

    def __init__(self):
        self.state = TopicState.initial()

    def say(self, at_s, received_s, *, retained=False):
        self.state, outcome, samples = decode(message(at_s), received_s=received_s, retained=retained, state=self.state)
        self.age_s = received_s - samples[0][1].time_s if samples else None
        return outcome


def test_every_value_of_a_first_message_is_good_and_dated_at_its_arrival():
    _, outcome, samples = decode(message())
    assert outcome is Outcome.ACCEPTED
    assert [(point, sample.value) for point, sample in samples] == [(FLOW, 120.5), (TEMP, 44.0)]
    assert all(sample.quality is Quality.GOOD for _, sample in samples)
    assert all(sample.time_s == pytest.approx(100.0, abs=1e-6) for _, sample in samples)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (None, Reason.SENSOR_FAILURE),
        (True, Reason.SENSOR_FAILURE),
        (False, Reason.SENSOR_FAILURE),
        ("120.5", Reason.SENSOR_FAILURE),
        ([120.5], Reason.SENSOR_FAILURE),
        ({"value": 120.5}, Reason.SENSOR_FAILURE),
        (-0.1, Reason.OUT_OF_RANGE),
        (400.1, Reason.OUT_OF_RANGE),
        (10**30, Reason.OUT_OF_RANGE),
    ],
)
def test_one_bad_value_is_bad_with_a_reason_and_spoils_no_other(raw, reason):
    _, outcome, samples = decode(message(flow_lpm=raw))
    flow, temp = samples[0][1], samples[1][1]
    assert outcome is Outcome.ACCEPTED
    assert (flow.quality, flow.reason) == (Quality.BAD, reason)
    assert math.isnan(flow.value)
    assert (temp.quality, temp.value) == (Quality.GOOD, 44.0)


@pytest.mark.parametrize("raw", [0, 0.0, 400, 400.0])
def test_the_ends_of_the_plausible_range_are_inside_it(raw):
    _, _, samples = decode(message(flow_lpm=raw))
    assert (samples[0][1].quality, samples[0][1].value) == (Quality.GOOD, raw)


def test_a_missing_value_is_a_sensor_failure():
    _, outcome, samples = decode(b'{"flow_lpm": 120.5, "timestamp_ms": %d}' % EPOCH_MS)
    assert outcome is Outcome.ACCEPTED
    assert [sample.reason for _, sample in samples] == [Reason.NONE, Reason.SENSOR_FAILURE]


def test_a_setpoint_we_publish_is_never_read_back_as_a_measurement():
    payload = message(value=50.0)
    _, _, samples = decode_message(
        (SETPOINT, FLOW), payload, received_s=1.0, retained=False, state=TopicState.initial()
    )
    assert [point for point, _ in samples] == [FLOW]


@pytest.mark.parametrize(
    ("payload", "outcome"),
    [
        (b"", Outcome.NOT_JSON),
        (b"online", Outcome.NOT_JSON),
        (b'{"flow_lpm": NaN, "timestamp_ms": 1}', Outcome.NOT_JSON),
        (b'{"flow_lpm": Infinity, "timestamp_ms": 1}', Outcome.NOT_JSON),
        (b'{"flow_lpm": 1, "timestamp_ms": 1', Outcome.NOT_JSON),
        (b'{"flow_lpm": 1, "timestamp_ms": 1} x', Outcome.NOT_JSON),
        (b'{"flow_lpm": 1, "timestamp_ms": 1, "\xff": 0}', Outcome.NOT_JSON),
        (b"[" * 60_000, Outcome.NOT_JSON),
        (b'{"a":' * 10_000 + b"1" + b"}" * 10_000, Outcome.NOT_JSON),
        (b"null", Outcome.NOT_OBJECT),
        (b"42", Outcome.NOT_OBJECT),
        (b'[{"flow_lpm": 1, "timestamp_ms": 1}]', Outcome.NOT_OBJECT),
        (b"{}", Outcome.MISSING_FIELD),
        (b'{"flow_lpm": 120.5}', Outcome.MISSING_FIELD),
        (b'{"flow_lpm": 120.5, "timestamp_ms": null}', Outcome.WRONG_TYPE),
        (b'{"flow_lpm": 120.5, "timestamp_ms": "1750000000000"}', Outcome.WRONG_TYPE),
        (b'{"flow_lpm": 120.5, "timestamp_ms": true}', Outcome.WRONG_TYPE),
        (b'{"flow_lpm": 120.5, "timestamp_ms": -1}', Outcome.OUT_OF_RANGE),
        (b'{"flow_lpm": 120.5, "timestamp_ms": %d}' % (TIMESTAMP_MAX_MS + 1), Outcome.OUT_OF_RANGE),
        (b'{"timestamp_ms": 1, "pad": "' + b"x" * PAYLOAD_MAX_BYTES + b'"}', Outcome.TOO_LARGE),
    ],
    ids=lambda value: str(value)[:40],
)
def test_fm35_a_message_that_makes_no_sense_gives_no_sample_and_changes_no_memory(payload, outcome):
    before, _, _ = decode(message())
    after, found, samples = decode(payload, received_s=101.0, state=before)
    assert (found, samples, after) == (outcome, (), before)


def test_a_message_of_exactly_the_largest_size_is_read():
    payload = message()
    padded = payload + b" " * (PAYLOAD_MAX_BYTES - len(payload))
    assert decode(padded)[1] is Outcome.ACCEPTED
    assert decode(padded + b" ")[1] is Outcome.TOO_LARGE


def test_of_a_key_that_occurs_twice_the_last_counts():
    _, _, samples = decode(b'{"flow_lpm": 1, "flow_lpm": 2, "return_temp_c": 3, "timestamp_ms": %d}' % EPOCH_MS)
    assert samples[0][1].value == 2.0


def test_fm34_a_retained_message_is_never_fresh_and_does_not_set_the_reference():
    source = Source()
    assert source.say(0.0, 100.0, retained=True) is Outcome.RETAINED
    assert source.state == TopicState.initial()
    assert source.say(0.0, 101.0) is Outcome.ACCEPTED


def test_fm34_a_message_sent_again_is_old_however_often_it_comes():
    source = Source()
    source.say(0.0, 100.0)
    assert {source.say(0.0, 100.0 + i) for i in range(1, 20)} == {Outcome.OLD}


def test_fm34_a_replay_of_stored_messages_in_one_burst_is_old():
    source = Source()
    for i in range(60):
        source.say(float(i), 100.0 + i)
    replay = [source.say(float(i), 160.0 + i * 0.001) for i in range(60)]
    assert set(replay) == {Outcome.OLD}
    assert source.say(61.0, 161.0) is Outcome.ACCEPTED


def test_fm18_a_backlog_delivered_in_one_burst_keeps_its_real_age():
    source = Source()
    source.say(0.0, 100.0)
    ages_s = []
    for i in range(1, 31):
        assert source.say(float(i), 130.5) is Outcome.ACCEPTED
        ages_s.append(source.age_s)
    assert ages_s[0] == pytest.approx(29.5, abs=0.05)
    assert ages_s[-1] == pytest.approx(0.5, abs=0.05)


def test_fm25_a_source_clock_years_off_is_as_good_as_any():
    for epoch_s in (-1_749_999_999.0, 1_000_000_000.0):
        source = Source()
        assert source.say(epoch_s, 100.0) is Outcome.ACCEPTED
        assert source.say(epoch_s + 1.0, 101.2) is Outcome.ACCEPTED
        assert source.age_s == pytest.approx(0.2, abs=0.01)


def test_fm25_a_source_clock_set_forward_is_followed_at_once():
    source = Source()
    for i in range(5):
        source.say(float(i), 100.0 + i)
    assert source.say(3605.0, 105.0) is Outcome.ACCEPTED
    assert source.age_s == pytest.approx(0.0, abs=1e-6)
    assert source.say(3606.0, 106.3) is Outcome.ACCEPTED
    assert source.age_s == pytest.approx(0.3, abs=0.01)


def test_fm25_a_source_clock_set_back_is_believed_at_the_third_advancing_message():
    source = Source()
    for i in range(5):
        source.say(3600.0 + i, 100.0 + i)
    outcomes = [source.say(float(i), 105.0 + i) for i in range(RELEARN_COUNT + 1)]
    assert outcomes == [Outcome.OLD] * (RELEARN_COUNT - 1) + [Outcome.ACCEPTED] * 2
    assert source.age_s == pytest.approx(0.0, abs=0.01)


def test_a_slower_second_publisher_between_the_messages_of_the_first_is_never_believed():
    source = Source()
    outcomes = []
    for i in range(20):
        source.say(100.0 + i, 100.0 + i)
        outcomes.append(source.say(50.0 + i, 100.5 + i))
    assert set(outcomes) == {Outcome.OLD}


@pytest.mark.parametrize("drift_ratio", [-2e-4, 2e-4])
def test_a_quartz_that_drifts_for_a_day_does_not_age_its_messages(drift_ratio):
    """200 ppm between two clocks is 17 s a day; judged against a fixed reference every point would go bad."""
    source = Source()
    for i in range(0, 86_400, 10):
        assert source.say(i * (1.0 + drift_ratio), 100.0 + i) is Outcome.ACCEPTED
        assert source.age_s < 0.1


def test_fm18_a_transport_that_grows_slower_by_the_second_shows():
    source = Source()
    for i in range(60):
        source.say(float(i), 100.0 + i * 1.1)
    assert source.age_s > STALE_UNCERTAIN_PERIODS * FLOW.period_s


def test_a_setpoint_message_says_value_and_wall_time():
    assert json.loads(encode_setpoint(37.5, 1_750_000_000.1234)) == {"value": 37.5, "timestamp_ms": 1_750_000_000_123}


@pytest.mark.parametrize(("value", "wall_s"), [(math.nan, 0.0), (math.inf, 0.0), (1.0, math.nan), (1.0, -math.inf)])
def test_a_setpoint_that_is_not_a_number_is_never_sent(value, wall_s):
    with pytest.raises(ValueError, match="finite"):
        encode_setpoint(value, wall_s)
