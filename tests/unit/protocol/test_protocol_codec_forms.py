"""The coding forms that real register maps use, each against numbers worked out from the map's own rule."""

import struct

import pytest

from coolantd.point import Reason
from coolantd.protocol.codec import DecodeFault, decode, decode_sample, encode, value_name
from coolantd.protocol.profile import Coding, RawSpan, RegisterPoint, Table, WordOrder

FLOW_SPAN = RawSpan(
    raw_minimum=3200,
    raw_maximum=16_000,
    value_minimum=0.0,
    value_maximum=1650.0,
    broken_below=1000,
    broken_above=20_000,
)


def point(coding: Coding = Coding.U16, **changes: object) -> RegisterPoint:
    fields: dict[str, object] = {
        "name": "x",
        "table": Table.HOLDING,
        "address": 0,
        "coding": coding,
        "unit": "kPa",
        "minimum": -1e9,
        "maximum": 1e9,
    }
    return RegisterPoint(**(fields | changes))


@pytest.mark.parametrize(
    ("order", "words"),
    [
        (WordOrder.ABCD, (0x0102, 0x0304)),
        (WordOrder.CDAB, (0x0304, 0x0102)),
        (WordOrder.BADC, (0x0201, 0x0403)),
        (WordOrder.DCBA, (0x0403, 0x0201)),
    ],
)
def test_the_four_orders_of_one_number_written_out_by_hand(order: WordOrder, words: tuple[int, ...]) -> None:
    """FM-19. 0x01020304: A is 01, D is 04."""
    assert decode(point(Coding.U32, word_order=order), words) == 0x01020304
    assert encode(point(Coding.U32, word_order=order), 0x01020304) == words


def test_eight_bytes_in_every_order() -> None:
    number = struct.unpack(">d", bytes.fromhex("4041000000000A0B"))[0]
    expected = {
        WordOrder.ABCD: (0x4041, 0x0000, 0x0000, 0x0A0B),
        WordOrder.CDAB: (0x0A0B, 0x0000, 0x0000, 0x4041),
        WordOrder.BADC: (0x4140, 0x0000, 0x0000, 0x0B0A),
        WordOrder.DCBA: (0x0B0A, 0x0000, 0x0000, 0x4140),
    }
    for order, words in expected.items():
        assert decode(point(Coding.F64, word_order=order), words) == number
        assert encode(point(Coding.F64, word_order=order), number) == words


def test_little_endian_register_beside_big_endian_ones() -> None:
    assert decode(point(word_order=WordOrder.DCBA), (0x3412,)) == 0x1234
    assert decode(point(Coding.I16, word_order=WordOrder.BADC), (0xFEFF,)) == -2
    assert decode(point(Coding.BITS, bit=0, word_order=WordOrder.DCBA), (0x0100,)) == 1.0
    assert encode(point(Coding.BITS, bit=0, word_order=WordOrder.DCBA), 1) == (0x0100,)


def test_a_coil_has_no_byte_order() -> None:
    coil = point(Coding.BOOL, table=Table.COIL, minimum=0.0, maximum=1.0, word_order=WordOrder.DCBA)
    assert decode(coil, (1,)) == 1.0
    assert encode(coil, 1) == (1,)


@pytest.mark.parametrize(
    ("fraction_bits", "raw", "expected"), [(1, 3, 1.5), (3, 100, 12.5), (12, 4096, 1.0), (0, 7, 7)]
)
def test_binary_fixed_point(fraction_bits: int, raw: int, expected: float) -> None:
    """The value is shift + scale * raw / 2^precision."""
    plain = point(fraction_bits=fraction_bits)
    assert decode(plain, (raw,)) == expected
    assert encode(plain, expected) == (raw,)
    scaled = point(Coding.I16, fraction_bits=fraction_bits, scale=2.0, offset=-40.0)
    assert decode(scaled, (raw,)) == -40.0 + 2.0 * expected
    assert encode(scaled, -40.0 + 2.0 * expected) == (raw,)


def test_offset_and_precision() -> None:
    """The value is (raw - 3000) * 0.1: 3250 is 25.0, 2990 is -1.0."""
    subject = point(scale=0.1, offset=-300.0)
    assert decode(subject, (3250,)) == pytest.approx(25.0)
    assert decode(subject, (2990,)) == pytest.approx(-1.0)
    assert encode(subject, 25.0) == (3250,)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [(3200, 0.0), (16_000, 1650.0), (9600, 825.0), (3000, -25.78125), (1000, -283.59375), (20_000, 2165.625)],
)
def test_counts_of_a_current_loop(raw: int, expected: float) -> None:
    """3200 is 4 mA, 16000 is 20 mA; (raw - 3200) / 12800 * 1650, past both ends too."""
    subject = point(unit="L/min", raw_span=FLOW_SPAN)
    assert decode(subject, (raw,)) == pytest.approx(expected, abs=1e-9)
    assert encode(subject, expected) == (raw,)


@pytest.mark.parametrize("raw", [0, 999, 20_001, 65_535])
def test_fm16_a_broken_wire_is_a_failed_sensor_and_not_a_flow(raw: int) -> None:
    sample = decode_sample(point(unit="L/min", raw_span=FLOW_SPAN), (raw,), 0.0)
    assert sample.reason is Reason.SENSOR_FAILURE


def test_a_value_that_would_read_as_a_broken_wire_cannot_be_sent() -> None:
    with pytest.raises(ValueError, match="means not available"):
        encode(point(unit="L/min", raw_span=FLOW_SPAN), -400.0)


@pytest.mark.parametrize("sentinel", [-1, -32_768, 0xFFFF])
def test_a_signed_value_that_would_read_as_not_available_cannot_be_sent(sentinel: int) -> None:
    """However the map writes it, signed or as its pattern."""
    value = -1.0 if sentinel == 0xFFFF else float(sentinel)
    with pytest.raises(ValueError, match="means not available"):
        encode(point(Coding.I16, sentinels=(sentinel,)), value)


def test_a_falling_line() -> None:
    falling = RawSpan(raw_minimum=0, raw_maximum=100, value_minimum=100.0, value_maximum=0.0)
    assert decode(point(raw_span=falling), (25,)) == 75.0
    assert encode(point(raw_span=falling), 75.0) == (25,)


@pytest.mark.parametrize(
    ("source_unit", "unit", "raw", "expected"),
    [
        ("degF", "degC", 212, 100.0),
        ("psi", "kPa", 100, 689.4757293168361),
        ("bar", "kPa", 3, 300.0),
        ("mbar", "kPa", 1013, 101.3),
        ("Pa", "kPa", 1500, 1.5),
        ("gpm", "L/min", 10, 37.85411784),
        ("0.1gpm", "L/min", 1000, 378.5411784),
        ("l/h", "L/min", 600, 10.0),
        ("l/s", "L/min", 2, 120.0),
        ("m3/h", "L/min", 6, 100.0),
        ("W", "kW", 2500, 2.5),
        ("mA", "A", 20, 0.02),
        ("mV", "V", 500, 0.5),
        ("min", "h", 90, 1.5),
        ("ms", "s", 250, 0.25),
    ],
)
def test_unit_on_the_wire(source_unit: str, unit: str, raw: int, expected: float) -> None:
    subject = point(unit=unit, source_unit=source_unit)
    assert decode(subject, (raw,)) == pytest.approx(expected, rel=1e-12)
    assert encode(subject, expected) == (raw,)


def test_the_unit_selector_overrides_the_unit_on_the_wire() -> None:
    subject = point(Coding.F32, source_unit="bar", imperial_unit="psi")
    words = struct.unpack(">2H", struct.pack(">f", 2.0))
    assert decode(subject, words) == 200.0
    assert decode_sample(subject, words, 0.0).value == 200.0
    assert decode(subject, words, imperial=True) == pytest.approx(13.789514586)
    assert encode(subject, 200.0) == words
    assert encode(subject, 13.789514586336722, imperial=True) == words


STATUS = point(
    Coding.ENUM, unit="code", minimum=0.0, maximum=5.0, value_names=((0, "stopped"), (2, "running"), (5, "x"))
)


def test_enum_reads_as_its_code_and_shows_its_name() -> None:
    assert decode(STATUS, (2,)) == 2.0
    assert value_name(STATUS, 2.0) == "running"
    assert value_name(STATUS, 1.0) is None
    assert encode(STATUS, 5) == (5,)


@pytest.mark.parametrize("code", [1, 3, 4, 6, 65_535])
def test_a_code_without_a_name_is_not_a_state(code: int) -> None:
    with pytest.raises(DecodeFault, match="none of its named codes") as caught:
        decode(STATUS, (code,))
    assert caught.value.reason is Reason.OUT_OF_RANGE
    with pytest.raises(ValueError, match="none of its named codes"):
        encode(STATUS, code)


def test_names_on_a_plain_number_restrict_nothing() -> None:
    subject = point(value_names=((4, "energy valve"),))
    assert decode(subject, (7,)) == 7.0
    assert value_name(subject, 4.0) == "energy valve"


@pytest.mark.parametrize(("raw", "expected"), [(2**53 - 1, 2**53 - 1), (2**53 + 1, 2**53)])
def test_64_bits_are_exact_up_to_two_to_the_53(raw: int, expected: int) -> None:
    assert decode(point(Coding.U64, maximum=2e19), struct.unpack(">4H", struct.pack(">Q", raw))) == expected


def test_fm21_a_64_bit_float_that_overflows_in_scaling_is_out_of_range() -> None:
    words = struct.unpack(">4H", struct.pack(">d", 1e308))
    sample = decode_sample(point(Coding.F64, scale=100.0, maximum=float("inf")), words, 0.0)
    assert sample.reason is Reason.OUT_OF_RANGE


def test_fm17_sentinels_are_patterns_after_ordering() -> None:
    subject = point(Coding.I32, word_order=WordOrder.DCBA, sentinels=(-2_147_483_648,))
    assert decode_sample(subject, (0x0000, 0x0080), 0.0).reason is Reason.SENSOR_FAILURE
