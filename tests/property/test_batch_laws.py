"""A span decoded at once says, to the last bit, what the codec says of each of its points."""

import math
import struct
from collections.abc import Sequence
from dataclasses import replace
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.config.profiles import load_profile, packaged_profiles
from coolantd.protocol.batch import BATCH_MIN_POINTS, SpanDecoder
from coolantd.protocol.codec import decode_sample
from coolantd.protocol.profile import Coding, PollClass, RawSpan, RegisterPoint, Table, WordOrder
from coolantd.protocol.spans import Span, plan_spans, slice_words
from coolantd.units import SOURCE_UNITS

EDGES = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x100,
    0x7F7F,
    0x7F80,
    0x7F81,
    0x7FC0,
    0x7FFF,
    0x8000,
    0x8001,
    0xFF80,
    0xFFFE,
    0xFFFF,
)
"""Words about the limits of signed integers and about infinities and NaNs of floats, in either byte order."""
RANDOM_REPLIES = 60

words16 = st.one_of(st.integers(0, 0xFFFF), st.sampled_from(EDGES))
numbers = st.sampled_from([1.0, 0.1, 0.01, -0.5, 10.0, 1 / 7, 1e300, -0.0, 5e-324])


def bits_of(value: float) -> bytes | str:
    return "nan" if math.isnan(value) else struct.pack(">d", value)


def assert_same(decoder: SpanDecoder, span: Span, words: Sequence[int], *, imperial: bool) -> None:
    values, quality, reason = decoder.decode(words, imperial=imperial)
    for i, point in enumerate(span.points):
        sample = decode_sample(point, slice_words(span, point, words), 0.0, imperial=imperial)
        found = (bits_of(float(values[i])), quality[i], reason[i])
        assert found == (bits_of(sample.value), sample.quality, sample.reason), (point, words)


def shipped_spans() -> list[Span]:
    spans = []
    for name in packaged_profiles():
        profile = load_profile(name, profiles_dir=None, branches=2)
        spans.extend(plan_spans(profile.registers, profile.limits))
        merged = [replace(point, poll=PollClass.FAST) for point in profile.registers]
        spans.extend(plan_spans(merged, replace(profile.limits, gap_max_registers=10, span_max_registers=120)))
    return spans


@pytest.mark.parametrize("imperial", [False, True])
def test_every_point_of_every_shipped_profile_is_the_codecs_to_the_bit(imperial: bool) -> None:
    rng = Random(5)
    batched = 0
    for span in shipped_spans():
        decoder = SpanDecoder(span)
        batched += decoder.batched
        for reply in range(RANDOM_REPLIES):
            high = (0xFFFF, 300, 3)[reply % 3]
            words = [rng.choice(EDGES) if rng.random() < 0.2 else rng.randint(0, high) for _ in range(span.count)]
            assert_same(decoder, span, words, imperial=imperial)
    assert batched > 500


@pytest.mark.parametrize("coding", [Coding.U16, Coding.I16, Coding.ENUM, Coding.BITS])
@pytest.mark.parametrize("order", [WordOrder.ABCD, WordOrder.BADC])
def test_all_65536_words_of_one_register(coding: Coding, order: WordOrder) -> None:
    """Each word once, several to a reply."""
    point = RegisterPoint(
        name="x", table=Table.HOLDING, address=0, coding=coding, unit="degC", minimum=-100.0, maximum=3000.0,
        word_order=order, scale=1.0 if coding is Coding.ENUM else 0.1, offset=0.0, sentinels=(0x7FFF, -1, 0x8000),
        bit=3, bit_count=9, value_names=((0, "off"), (256, "on"), (511, "fault")) if coding is Coding.ENUM else (),
    )  # fmt: skip
    span = Span(Table.HOLDING, 0, 64, tuple(replace(point, name=f"x{i}", address=i) for i in range(64)))
    decoder = SpanDecoder(span)
    assert decoder.batched == 64
    for first in range(0, 0x1_0000, 64):
        assert_same(decoder, span, range(first, first + 64), imperial=False)


@st.composite
def points(draw: st.DrawFn, index: int) -> RegisterPoint:
    coding = draw(st.sampled_from([each for each in Coding if each is not Coding.BOOL]))
    bit = draw(st.integers(0, 15))
    low, high = sorted(draw(st.tuples(*[st.floats(-1e5, 1e5) | st.sampled_from([-math.inf, 0.0, math.inf])] * 2)))
    raw_span = RawSpan(
        raw_minimum=draw(st.sampled_from([0.0, 4000.0, -7.5])), raw_maximum=20_000.0,
        value_minimum=draw(st.sampled_from([0.0, -0.0, 10.0])), value_maximum=draw(st.sampled_from([100.0, -3.0])),
        broken_below=draw(st.sampled_from([None, 3500.0])), broken_above=draw(st.sampled_from([None, 21_000.0])),
    )  # fmt: skip
    units = st.sampled_from([None, *SOURCE_UNITS])
    marks = st.lists(st.sampled_from([0, -1, -32_768, 32_767, 65_535, 0x7FC00000, 1 << 70]), max_size=3)
    return RegisterPoint(
        name=f"x{index}", table=Table.HOLDING, address=4 * index, coding=coding, unit="degC", minimum=low, maximum=high,
        word_order=draw(st.sampled_from(WordOrder)), scale=draw(numbers),
        offset=draw(st.sampled_from([0.0, -0.0, -40.0])), sentinels=tuple(draw(marks)),
        bit=bit, bit_count=draw(st.integers(1, 16 - bit)), fraction_bits=draw(st.sampled_from([0, 0, 4, 12])),
        raw_span=raw_span if draw(st.booleans()) else None, source_unit=draw(units), imperial_unit=draw(units),
        value_names=((0, "a"), (1, "b"), (300, "c")),
    )  # fmt: skip


@given(st.data(), st.integers(1, BATCH_MIN_POINTS + 6), st.booleans())
def test_any_points_and_any_words(data: st.DataObject, count: int, imperial: bool) -> None:
    span = Span(Table.HOLDING, 0, 4 * count, tuple(data.draw(points(i)) for i in range(count)))
    words = data.draw(st.lists(words16, min_size=span.count, max_size=span.count))
    assert_same(SpanDecoder(span), span, words, imperial=imperial)


@given(st.lists(st.integers(0, 1), min_size=20, max_size=20))
def test_coils(words: list[int]) -> None:
    point = RegisterPoint(
        name="x", table=Table.COIL, address=0, coding=Coding.BOOL, unit="bool", minimum=0.0, maximum=1.0
    )
    orders = list(WordOrder)
    coils = tuple(replace(point, name=f"x{i}", address=100 + i, word_order=orders[i % 4]) for i in range(20))
    span = Span(Table.COIL, 100, 20, coils)
    assert_same(SpanDecoder(span), span, words, imperial=False)


@pytest.mark.parametrize("count", [1, 20])
def test_impossible_words_are_the_callers_mistake(count: int) -> None:
    point = RegisterPoint(
        name="x", table=Table.INPUT, address=0, coding=Coding.U16, unit="degC", minimum=0.0, maximum=1.0
    )
    span = Span(Table.INPUT, 0, count, tuple(replace(point, address=i) for i in range(count)))
    decoder = SpanDecoder(span)
    for words in ([0] * (count + 1), [0] * (count - 1), [-1] * count, [65_536] * count):
        with pytest.raises(ValueError, match=r"words, got|register value"):
            decoder.decode(words)
    misplaced = replace(span, points=tuple(replace(point, address=5000 + i) for i in range(count)))
    with pytest.raises(ValueError, match="is not in the read"):
        SpanDecoder(misplaced).decode([0] * count)


def test_what_is_returned_is_the_callers_own() -> None:
    point = RegisterPoint(
        name="x", table=Table.INPUT, address=0, coding=Coding.U16, unit="degC", minimum=0.0, maximum=9.0
    )
    span = Span(Table.INPUT, 0, 8, tuple(replace(point, address=i) for i in range(8)))
    decoder = SpanDecoder(span)
    for array in decoder.decode([1] * 8):
        array[:] = 7
    values, quality, reason = decoder.decode([2] * 8)
    assert np.array_equal(values, np.full(8, 2.0))
    assert set(quality) == {2}
    assert set(reason) == {0}
