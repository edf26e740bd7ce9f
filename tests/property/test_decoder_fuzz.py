"""Whatever registers hold, a decoder answers with a finite value in range or a typed fault, and means what it says.

Each decoder sees ``INPUTS`` inputs: 50 000 as a rule, a million with ``COOLANTD_FULL=1`` (about three minutes in all).
"""

import math
import os
import string

import numpy as np
import pytest

from coolantd.point import Reason
from coolantd.protocol.codec import DecodeFault, decode, encode
from coolantd.protocol.profile import Coding, RawSpan, RegisterPoint, Table, TextPoint, WordOrder
from coolantd.protocol.text import decode_text, encode_text

INPUTS = 1_000_000 if os.environ.get("COOLANTD_FULL") == "1" else 50_000
EXACT_MAX = 2**53
EDGES = np.array([0, 1, 0x7F80, 0x7FC0, 0x7FF0, 0x7FFF, 0x8000, 0x8001, 0xFF80, 0xFFF0, 0xFFFF], dtype=np.int64)
SPAN = RawSpan(raw_minimum=3200, raw_maximum=16_000, value_minimum=0.0, value_maximum=1650.0, broken_below=1000)
PRINTABLE = set(string.printable) - set("\t\n\r\x0b\x0c")
EXPECTED = (Reason.SENSOR_FAILURE, Reason.OUT_OF_RANGE)
LOSSLESS = {Coding.U16, Coding.I16, Coding.U32, Coding.I32, Coding.ENUM, Coding.BOOL, Coding.BITS}

FORMS: list[dict[str, object]] = [
    {},
    {"scale": 0.1, "offset": -300.0},
    {"scale": -0.01},
    {"sentinels": (0x7FFF, 0xFFFF)},
    {"minimum": -100.0, "maximum": 1000.0, "scale": 0.1},
    {"source_unit": "degF", "scale": 0.1},
]
INTEGER_FORMS: list[dict[str, object]] = [{"fraction_bits": 12, "scale": 2.0}, {"raw_span": SPAN}]


def points_of(coding: Coding) -> list[RegisterPoint]:
    """Points of a coding in every order and form that a profile may give it."""
    plain: dict[str, object] = {"minimum": -1e300, "maximum": 1e300}
    if coding in (Coding.BOOL, Coding.ENUM, Coding.BITS):
        forms: list[dict[str, object]] = [{}, {"minimum": 0.0, "maximum": 1.0}]
    else:
        forms = FORMS if coding in (Coding.F32, Coding.F64) else FORMS + INTEGER_FORMS
    if coding is Coding.ENUM:
        plain["value_names"] = tuple((code, f"state {code}") for code in (0, 1, 5, 0x8000))
    bits = [(0, 1), (15, 1), (3, 7), (0, 16)] if coding is Coding.BITS else [(0, 1)]
    return [
        RegisterPoint(
            name="x",
            table=Table.COIL if coding is Coding.BOOL else Table.HOLDING,
            address=0,
            coding=coding,
            unit="degC",
            word_order=order,
            bit=bit,
            bit_count=count,
            **(plain | form),
        )
        for order in WordOrder
        for form in forms
        for bit, count in bits
    ]


def registers(seed: int, rows: int, columns: int) -> np.ndarray:
    """Random words, a third of them where codings have their edges."""
    random = np.random.default_rng(seed)
    words = random.integers(0, 0x10000, (rows, columns))
    edges = random.choice(EDGES, (rows, columns))
    return np.where(random.random((rows, columns)) < 1 / 3, edges, words)


def outcome(point: RegisterPoint, words: tuple[int, ...]) -> float | Reason:
    """What a decoder says: a value, or the reason of its fault; nothing else may come out of it."""
    try:
        return decode(point, words)
    except DecodeFault as fault:
        return fault.reason


@pytest.mark.slow
@pytest.mark.parametrize("coding", Coding)
def test_fm16_fm17_fm21_any_registers(coding: Coding) -> None:
    points = points_of(coding)
    counts = {"value": 0, "fault": 0}
    for index, row in enumerate(registers(list(Coding).index(coding), INPUTS, coding.register_count).tolist()):
        point = points[index % len(points)]
        words = (row[0] & 1,) if coding is Coding.BOOL and index % 7 else tuple(row)
        value = outcome(point, words)
        if isinstance(value, Reason):
            assert value in EXPECTED
            counts["fault"] += 1
            continue
        counts["value"] += 1
        assert math.isfinite(value)
        assert point.minimum - 1e-4 <= value <= point.maximum + 1e-4
        check_re_encoding(point, words, value)
    assert counts["value"] > INPUTS // 20, counts
    assert counts["fault"] > 0, counts


def check_re_encoding(point: RegisterPoint, words: tuple[int, ...], value: float) -> None:
    """Registers come back as they were: whole where the coding loses nothing, to its last digits elsewhere."""
    if point.coding is Coding.BOOL and words[0] > 1:
        return  # no coil holds it; only a range that allows it lets it through
    if point.coding is Coding.BITS:
        again = encode(point, value)
        assert decode(point, again) == value
        assert again[0] & ~words[0] == 0, "a bit that was not there"
    elif point.coding in LOSSLESS:
        assert encode(point, value) == words
    elif point.coding in (Coding.U64, Coding.I64):
        if abs(value) * max(1.0, 1 / abs(point.scale)) < EXACT_MAX / 4096 and point.source_unit is None:
            assert encode(point, value) == words
    else:
        digits = 2.0**-22 if point.coding is Coding.F32 else 2.0**-50
        again_value = decode(point, encode(point, value))
        assert abs(again_value - value) <= digits * (abs(value) + abs(point.offset) + 32.0)


@pytest.mark.slow
@pytest.mark.parametrize("coding", [Coding.F32, Coding.F64])
@pytest.mark.parametrize("order", WordOrder)
def test_plain_floats_re_encode_bit_for_bit(coding: Coding, order: WordOrder) -> None:
    point = RegisterPoint(
        name="x",
        table=Table.HOLDING,
        address=0,
        coding=coding,
        unit="degC",
        minimum=-1.7e308,
        maximum=1.7e308,
        word_order=order,
    )
    for row in registers(7, INPUTS // 4, coding.register_count).tolist():
        words = tuple(row)
        value = outcome(point, words)
        if isinstance(value, Reason):
            assert value in EXPECTED
            continue
        assert encode(point, value) == words or value == 0.0  # minus zero comes back as zero


@pytest.mark.slow
@pytest.mark.parametrize("swapped", [False, True])
def test_any_registers_as_text(swapped: bool) -> None:
    point = TextPoint(name="model", table=Table.HOLDING, address=0, register_count=4, swapped=swapped)
    random = np.random.default_rng(11)
    kinds = [
        random.integers(0, 0x10000, (INPUTS // 2, 4)),
        random.integers(0x20, 0x7F, (INPUTS // 4, 4)) * 256 + random.integers(0x20, 0x7F, (INPUTS // 4, 4)),
        random.choice(np.array([0x4142, 0x2020, 0x0000, 0x4100, 0x0041, 0xFFFF]), (INPUTS // 4, 4)),
    ]
    texts = 0
    for row in np.concatenate(kinds).tolist():
        try:
            text = decode_text(point, row)
        except DecodeFault:
            continue
        texts += 1
        assert set(text) <= PRINTABLE
        assert len(text) <= 8
        assert decode_text(point, encode_text(point, text)) == text
    assert INPUTS // 4 < texts < INPUTS


@pytest.mark.parametrize("coding", Coding)
def test_impossible_input_is_a_value_error(coding: Coding) -> None:
    (point, *_) = points_of(coding)
    count = coding.register_count
    for words in ((), (0,) * (count + 1), (-1,) * count, (0x10000,) * count, (2**70,) * count):
        with pytest.raises(ValueError, match="x"):
            decode(point, words)
