"""What a probe says about raw words, and how addresses are shown."""

import struct
from dataclasses import replace

import pytest

from coolantd.lab.judge import judge, judge_text
from coolantd.lab.scanning import Range, estimate, parse_ranges, parse_units
from coolantd.lab.shelf import coding_words, reference
from coolantd.lab.unit_words import conversion, hint
from coolantd.protocol.profile import Coding, RegisterPoint, Table, TextPoint, WordOrder

TEMP = RegisterPoint(
    name="temp_c", table=Table.HOLDING, address=0, coding=Coding.F32, unit="degC", minimum=-1e38, maximum=1e38
)


def words(value: float, order: WordOrder) -> tuple[int, ...]:
    pair = struct.unpack(">HH", struct.pack(">f", value))
    if order.swaps_bytes:
        pair = tuple((word & 0xFF) << 8 | word >> 8 for word in pair)
    return tuple(reversed(pair)) if order.swaps_words else pair


@pytest.mark.parametrize("order", list(WordOrder))
def test_a_range_leaves_only_the_right_word_order(order):
    found = judge(replace(TEMP, minimum=1.0, maximum=90.0), words(34.2, order))
    assert [one.order for one in found.orders if one.plausible] == [order]
    assert found.plausible is (order is WordOrder.ABCD)
    assert next(one.value for one in found.orders if one.order == order) == pytest.approx(34.2, rel=1e-6)


def test_without_a_range_freaks_of_swapped_words_still_stand_out():
    found = judge(TEMP, words(34.0, WordOrder.CDAB))
    assert {one.order: one.plausible for one in found.orders}["ABCD"] is False
    assert {one.order: one.plausible for one in found.orders}["CDAB"] is True
    assert "another word order" in found.reason


def test_out_of_range_shows_the_value_and_the_reason():
    point = RegisterPoint(
        name="a_c", table=Table.HOLDING, address=0, coding=Coding.U16, unit="degC", minimum=0.0, maximum=90.0, scale=0.1
    )
    found = judge(point, (65535,))
    assert found.value == pytest.approx(6553.5)
    assert not found.plausible
    assert "outside [0, 90]" in found.reason
    assert found.orders == ()


def test_a_sentinel_has_no_value():
    point = RegisterPoint(
        name="a_c", table=Table.HOLDING, address=0, coding=Coding.U16, unit="degC", minimum=0.0, maximum=90.0,
        sentinels=(65535,),
    )  # fmt: skip
    found = judge(point, (65535,))
    assert found.value is None
    assert "not available" in found.reason


def test_text():
    text = TextPoint(name="model", table=Table.HOLDING, address=0, register_count=2)
    assert judge_text(text, (0x4142, 0x4300)).text == "ABC"
    assert not judge_text(text, (0xFFFF, 0xFFFF)).plausible


@pytest.mark.parametrize(
    ("table", "address", "shown"),
    [
        (Table.HOLDING, 0, "40001"), (Table.INPUT, 10, "30011"), (Table.DISCRETE, 28, "10029"),
        (Table.COIL, 0, "00001"),
        (Table.HOLDING, 9998, "49999"), (Table.HOLDING, 9999, "410000"), (Table.HOLDING, 36864, "436865"),
    ],
)  # fmt: skip
def test_reference_notation(table, address, shown):
    assert reference(table, address) == shown


def test_coding_in_words():
    assert coding_words(TEMP) == "f32 ABCD"


@pytest.mark.parametrize(
    ("word", "unit", "source"),
    [
        ("°C", "degC", ""), ("deg C", "degC", ""), ("l/min", "L/min", ""), ("LPM", "L/min", ""),
        ("m³/h", "L/min", "m3/h"),
        ("bar", "kPa", "bar"), ("PSI", "kPa", "psi"), ("% RH", "%RH", ""), ("W", "kW", "W"), ("MPa", "kPa", "MPa"),
    ],
)  # fmt: skip
def test_units_as_people_write_them(word, unit, source):
    found = conversion(word)
    assert found is not None
    assert (found.unit, found.source_unit) == (unit, source)


@pytest.mark.parametrize("word", ["mPa", "MA", "furlong", "raw", "min,h", "same", "", " "])
def test_words_that_are_no_unit(word):
    found = conversion(word)
    assert found is None or (not word.strip() and found.unit == "")


def test_a_hint_is_the_last_word():
    assert hint("RPU_Coolant_Outlet_Pressure_kPa") == "kPa"
    assert hint("Coolant_Temp_1") is None
    assert hint("") is None


def test_units_and_ranges():
    assert parse_units("1-3,20,3") == (1, 2, 3, 20)
    assert parse_ranges("holding:0-200, input:5") == (Range(Table.HOLDING, 0, 201), Range(Table.INPUT, 5, 1))
    assert estimate((1, 2), parse_ranges("holding:0-99"), 50) == (6, 404)


@pytest.mark.parametrize("text", ["", "a", "5-1", "1-256", "1,,2", "-1", "1-2-3"])
def test_wrong_units(text):
    with pytest.raises(ValueError, match="allowed: ids of 0 to 255"):
        parse_units(text)


@pytest.mark.parametrize("text", ["", "holding", "holding:9-1", "holding:0-65536", "flag:1-2", "holding:0-1,"])
def test_wrong_ranges(text):
    with pytest.raises(ValueError, match="allowed: TABLE:FIRST-LAST"):
        parse_ranges(text)
