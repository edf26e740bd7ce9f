"""Laws of the coding forms: what is written reads back, whatever line, unit or text a profile describes."""

import string
import sys

from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.codec import DecodeFault, decode, encode
from coolantd.protocol.profile import Coding, RawSpan, RegisterPoint, Table, TextPoint, WordOrder
from coolantd.protocol.text import decode_text, encode_text
from coolantd.units import SOURCE_UNITS

UNITS = sorted(SOURCE_UNITS)
PRINTABLE = sorted(set(string.printable) - set("\t\n\r\x0b\x0c"))
words16 = st.integers(0, 0xFFFF)


@st.composite
def spans(draw: st.DrawFn) -> RawSpan:
    low = draw(st.integers(0, 30_000))
    high = draw(st.integers(low + 100, 65_535))
    first = draw(st.integers(-1000, 1000))
    rise = draw(st.sampled_from([-500, -1, 1, 10, 1650]))
    below = draw(st.none() | st.integers(0, low))
    above = draw(st.none() | st.integers(high, 65_535))
    return RawSpan(
        raw_minimum=low,
        raw_maximum=high,
        value_minimum=first,
        value_maximum=first + rise,
        broken_below=below,
        broken_above=above,
    )


def point(**changes: object) -> RegisterPoint:
    plain: dict[str, object] = {
        "name": "x",
        "table": Table.HOLDING,
        "address": 0,
        "coding": Coding.U16,
        "unit": "kPa",
        "minimum": -1e12,
        "maximum": 1e12,
    }
    return RegisterPoint(**(plain | changes))


@given(spans(), words16, st.sampled_from(WordOrder))
def test_fm16_counts_are_on_the_line_or_a_broken_wire(span: RawSpan, raw: int, order: WordOrder) -> None:
    subject = point(raw_span=span, word_order=order)
    words = (raw,) if not order.swaps_bytes else ((raw & 0xFF) << 8 | raw >> 8,)
    try:
        value = decode(subject, words)
    except DecodeFault:
        below, above = span.broken_below, span.broken_above
        assert (below is not None and raw < below) or (above is not None and raw > above)
        return
    share = (raw - span.raw_minimum) / (span.raw_maximum - span.raw_minimum)
    on_the_line = span.value_minimum * (1 - share) + span.value_maximum * share
    assert abs(value - on_the_line) <= 1e-9 * (1 + abs(on_the_line) + abs(span.value_minimum))
    assert encode(subject, value) == words


@given(st.sampled_from(UNITS), words16, st.sampled_from([1.0, 0.1, 0.01, 10.0]), st.sampled_from([0.0, -300.0]))
def test_a_unit_on_the_wire_is_undone_in_writing(unit: str, raw: int, scale: float, offset: float) -> None:
    subject = point(source_unit=unit, unit=SOURCE_UNITS[unit][0], scale=scale, offset=offset)
    assert encode(subject, decode(subject, (raw,))) == (raw,)


@given(st.sampled_from([Coding.U64, Coding.I64]), st.integers(-(2**53), 2**53), st.sampled_from(WordOrder))
def test_64_bit_integers_are_exact_within_53_bits(coding: Coding, number: int, order: WordOrder) -> None:
    number = abs(number) if coding is Coding.U64 else number
    subject = point(coding=coding, word_order=order, minimum=-1e19, maximum=1e19)
    assert decode(subject, encode(subject, number)) == number


@given(st.floats(allow_nan=False, allow_infinity=False, width=64), st.sampled_from(WordOrder))
def test_64_bit_floats_are_exact(number: float, order: WordOrder) -> None:
    subject = point(coding=Coding.F64, word_order=order, minimum=-sys.float_info.max, maximum=sys.float_info.max)
    assert decode(subject, encode(subject, number)) == number


@given(st.text(PRINTABLE, max_size=8).map(str.strip), st.booleans())
def test_text_reads_back(text: str, swapped: bool) -> None:
    subject = TextPoint(name="model", table=Table.HOLDING, address=0, register_count=4, swapped=swapped)
    words = encode_text(subject, text)
    assert len(words) == 4
    assert decode_text(subject, words) == text


@given(st.lists(words16, min_size=4, max_size=4), st.booleans())
def test_any_registers_are_printable_text_or_a_fault(words: list[int], swapped: bool) -> None:
    subject = TextPoint(name="model", table=Table.HOLDING, address=0, register_count=4, swapped=swapped)
    try:
        text = decode_text(subject, words)
    except DecodeFault:
        return
    assert set(text) <= set(PRINTABLE)
    assert decode_text(subject, encode_text(subject, text)) == text
