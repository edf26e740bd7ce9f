"""Codec vectors: the expected registers are laid out here by hand or by struct, independently of the codec."""

import math
import struct

import pytest

from coolantd.point import Quality, Reason
from coolantd.protocol.codec import DecodeFault, decode, decode_sample, encode
from coolantd.protocol.profile import Coding, RegisterPoint, Table, WordOrder


def point(coding: Coding, **changes: object) -> RegisterPoint:
    fields: dict[str, object] = {
        "name": "tcs_supply_temp_c",
        "table": Table.HOLDING,
        "address": 5000,
        "coding": coding,
        "unit": "degC",
        "minimum": -1e19,
        "maximum": 1e19,
    }
    return RegisterPoint(**(fields | changes))


def registers(layout: str, number: float, order: WordOrder = WordOrder.ABCD) -> tuple[int, ...]:
    """Lay a number out as the order says, with struct alone: BADC and DCBA send each word's low byte first."""
    packed = struct.pack(">" + layout, number)
    return in_order(struct.unpack(f">{len(packed) // 2}H", packed), order)


def in_order(words: tuple[int, ...], order: WordOrder) -> tuple[int, ...]:
    if order in (WordOrder.BADC, WordOrder.DCBA):
        words = struct.unpack(f"<{len(words)}H", struct.pack(f">{len(words)}H", *words))
    return words[::-1] if order in (WordOrder.CDAB, WordOrder.DCBA) else words


NUMBERS = [
    (Coding.U16, "H", 0),
    (Coding.U16, "H", 65_535),
    (Coding.I16, "h", -1),
    (Coding.I16, "h", -32_768),
    (Coding.I16, "h", 32_767),
    (Coding.U32, "I", 4_294_967_295),
    (Coding.U32, "I", 65_536),
    (Coding.I32, "i", -2),
    (Coding.I32, "i", -2_147_483_648),
    (Coding.F32, "f", 34.0),
    (Coding.F32, "f", -0.5),
    (Coding.F32, "f", 1e-40),
    (Coding.U64, "Q", 2**53),
    (Coding.U64, "Q", 0x0001_0002_0003_0004),
    (Coding.I64, "q", -(2**53)),
    (Coding.I64, "q", -2),
    (Coding.F64, "d", 34.1),
    (Coding.F64, "d", -5e-324),
]


@pytest.mark.parametrize("order", WordOrder)
@pytest.mark.parametrize(("coding", "layout", "number"), NUMBERS)
def test_every_coding_in_every_word_order(coding: Coding, layout: str, number: float, order: WordOrder) -> None:
    """FM-19."""
    subject = point(coding, word_order=order)
    expected = struct.unpack(">" + layout, struct.pack(">" + layout, number))[0]
    assert decode(subject, registers(layout, number, order)) == expected
    assert encode(subject, number) == registers(layout, number, order)


@pytest.mark.parametrize(("words", "order"), [((0x41C8, 0x0000), WordOrder.ABCD), ((0x0000, 0x41C8), WordOrder.CDAB)])
def test_25_degrees_as_a_float_written_out_by_hand(words: tuple[int, int], order: WordOrder) -> None:
    assert decode(point(Coding.F32, word_order=order), words) == 25.0


def test_minus_a_tenth_of_a_degree_is_not_6553_degrees() -> None:
    subject = point(Coding.I16, scale=0.1, minimum=-40.0, maximum=120.0)
    assert decode(subject, (0xFFFF,)) == pytest.approx(-0.1)
    assert encode(subject, -0.1) == (0xFFFF,)


def test_offset_is_added_after_the_scale() -> None:
    """The 4-20 mA form: 3200 counts = 4 mA = 0, 16000 counts = 20 mA = 1650 L/min."""
    scale = 1650.0 / 12_800.0
    subject = point(Coding.U16, scale=scale, offset=-3200 * scale, minimum=0.0, maximum=1650.0)
    assert decode(subject, (3200,)) == pytest.approx(0.0, abs=1e-9)
    assert decode(subject, (16_000,)) == pytest.approx(1650.0)
    assert encode(subject, 825.0) == (9600,)


@pytest.mark.parametrize(
    ("bit", "bit_count", "expected"), [(0, 1, 0), (1, 1, 1), (15, 1, 1), (4, 4, 0xA), (8, 8, 0x80), (0, 16, 0x80A2)]
)
def test_bits_count_from_the_least_significant(bit: int, bit_count: int, expected: int) -> None:
    subject = point(Coding.BITS, bit=bit, bit_count=bit_count)
    assert decode(subject, (0x80A2,)) == expected
    assert encode(subject, expected) == (expected << bit,)


@pytest.mark.parametrize("raw", [0, 1])
def test_coil(raw: int) -> None:
    subject = point(Coding.BOOL, table=Table.COIL, minimum=0.0, maximum=1.0)
    assert decode(subject, (raw,)) == raw
    assert encode(subject, raw) == (raw,)


@pytest.mark.parametrize("order", WordOrder)
@pytest.mark.parametrize("pattern", [0x7FC00000, 0xFFC00000, 0x7F800001, 0x7F800000, 0xFF800000])
def test_fm16_nan_and_infinity_are_a_failed_sensor(pattern: int, order: WordOrder) -> None:
    words = in_order((pattern >> 16, pattern & 0xFFFF), order)
    sample = decode_sample(point(Coding.F32, word_order=order), words, 12.5)
    assert (sample.quality, sample.reason, sample.time_s) == (Quality.BAD, Reason.SENSOR_FAILURE, 12.5)
    assert math.isnan(sample.value)


@pytest.mark.parametrize(
    ("coding", "sentinel", "words"),
    [
        (Coding.U16, 0xFFFF, (0xFFFF,)),
        (Coding.I16, 0x7FFF, (0x7FFF,)),
        (Coding.I16, -32_768, (0x8000,)),
        (Coding.I16, 0x8000, (0x8000,)),
        (Coding.U32, 0xFFFFFFFF, (0xFFFF, 0xFFFF)),
        (Coding.F32, 0x461C3C00, registers("f", 9999.0)),
        (Coding.BITS, 0xFFFF, (0xFFFF,)),
    ],
)
def test_fm17_sentinel_is_a_failed_sensor_although_in_range(
    coding: Coding, sentinel: int, words: tuple[int, ...]
) -> None:
    subject = point(coding, sentinels=(1, sentinel), bit_count=16)
    with pytest.raises(DecodeFault, match="not available") as caught:
        decode(subject, words)
    assert caught.value.reason is Reason.SENSOR_FAILURE


def test_fm17_what_would_read_as_a_sentinel_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="means not available"):
        encode(point(Coding.U16, sentinels=(0xFFFF,)), 65_535)
    with pytest.raises(ValueError, match="means not available"):
        encode(point(Coding.I16, sentinels=(-32_768,)), -32_768)


@pytest.mark.parametrize(("coding", "scale"), [(Coding.U16, 0.1), (Coding.I16, 0.1), (Coding.F32, 1.0)])
def test_fm21_range_includes_both_limits_and_clamps_nothing(coding: Coding, scale: float) -> None:
    """3 x 0.1 is above 0.3 in binary, and so is 0.3 as a 32-bit float; 0.7 as one is below 0.7."""
    assert decode(point(coding, scale=scale, minimum=0.0, maximum=0.3), encode(point(coding, scale=scale), 0.3))
    assert decode(point(coding, scale=scale, minimum=0.7, maximum=9.0), encode(point(coding, scale=scale), 0.7))
    subject = point(coding, scale=scale, minimum=0.3, maximum=6.9)
    for outside in (0.2, 7.0):
        with pytest.raises(DecodeFault, match="outside") as caught:
            decode(subject, encode(subject, outside))
        assert caught.value.reason is Reason.OUT_OF_RANGE
        assert math.isnan(decode_sample(subject, encode(subject, outside), 0.0).value)


@pytest.mark.parametrize(
    ("imperial_unit", "unit", "source", "expected"),
    [("degF", "degC", 98.6, 37.0), ("psi", "kPa", 10.0, 68.94757), ("gpm", "L/min", 100.0, 378.5412)],
)
def test_imperial_block_is_converted_before_the_range_is_checked(
    imperial_unit: str, unit: str, source: float, expected: float
) -> None:
    subject = point(Coding.F32, unit=unit, imperial_unit=imperial_unit, minimum=0.0, maximum=1.01 * expected)
    words = registers("f", source)
    assert decode(subject, words, imperial=True) == pytest.approx(expected, rel=1e-6)
    assert decode_sample(subject, words, 1.0, imperial=True).quality is Quality.GOOD
    assert decode(point(Coding.F32), words, imperial=True) == pytest.approx(source, rel=1e-6)


def test_integers_round_half_to_even() -> None:
    subject = point(Coding.U16, scale=2.0)
    assert [encode(subject, value)[0] for value in (1.0, 3.0, 5.0)] == [0, 2, 2]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("coding", Coding)
def test_fm16_only_finite_numbers_can_be_sent(coding: Coding, value: float) -> None:
    with pytest.raises(ValueError, match="only finite numbers"):
        encode(point(coding), value)


@pytest.mark.parametrize(
    ("coding", "value"),
    [
        (Coding.U16, -1),
        (Coding.U16, 65_536),
        (Coding.I16, 32_768),
        (Coding.I16, -32_769),
        (Coding.U32, 2.0**32),
        (Coding.I32, -(2.0**31) - 1),
        (Coding.F32, 1e39),
        (Coding.BITS, 2),
        (Coding.BOOL, 2),
    ],
)
def test_what_does_not_fit_is_refused_not_wrapped(coding: Coding, value: float) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        encode(point(coding), value)


@pytest.mark.parametrize("coding", Coding)
def test_what_overflows_in_scaling_is_refused(coding: Coding) -> None:
    with pytest.raises(ValueError, match="too large"):
        encode(point(coding, scale=0.1), 1.7e308)


@pytest.mark.parametrize("words", [(), (1,), (1, 2, 3), (1, -1), (65_536, 0)])
def test_impossible_words_are_the_callers_mistake(words: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="tcs_supply_temp_c"):
        decode_sample(point(Coding.U32), words, 0.0)
