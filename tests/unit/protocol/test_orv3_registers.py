"""Every register of the ORv3 RPU against a table of expected values that no code of coolantd has made.

The table holds the raw rule of each register (kind and factor), the words, and the value. The value is computed once
more here, in decimal arithmetic from bytes, so that table and profile are each checked against a third party.
"""

import csv
from decimal import Decimal
from pathlib import Path

import pytest

from coolantd.config.profiles import load_profile
from coolantd.point import Quality, Reason
from coolantd.protocol.codec import decode, decode_sample, encode
from coolantd.protocol.profile import Access, Coding
from coolantd.protocol.spans import plan_spans, slice_words
from coolantd.protocol.text import decode_text

REGISTERS = 243
WIDTH_BITS = {"u16": 16, "i16": 16, "u32": 32}


def rows() -> list[dict[str, str]]:
    lines = (Path(__file__).parent / "orv3_expected.csv").read_text(encoding="ascii").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


ROWS = rows()
NUMBERS = [row for row in ROWS if row["kind"] in WIDTH_BITS]
FLAGS = [row for row in ROWS if row["kind"] == "flags"]
TEXTS = [row for row in ROWS if row["kind"] == "text"]
PROFILE = load_profile("orv3-rpu", profiles_dir=None)


def words_of(row: dict[str, str]) -> tuple[int, ...]:
    return tuple(int(word, 16) for word in row["words"].split())


def by_hand(row: dict[str, str]) -> Decimal:
    """The raw rule in decimal: bytes, most significant first, to an integer; times the unit of one count."""
    pattern = int("".join(row["words"].split()), 16)
    width = WIDTH_BITS[row["kind"]]
    if row["kind"] == "i16" and pattern >= 1 << (width - 1):
        pattern -= 1 << width
    return Decimal(pattern) * Decimal(row["factor"])


def points_at(address: int) -> list:
    return [point for point in PROFILE.registers if point.address == address]


def test_table_and_profile_cover_the_same_243_registers() -> None:
    places = {int(row["address"]): int(row["count"]) for row in ROWS}
    assert len(places) == REGISTERS
    found = {p.address: p.coding.register_count for p in PROFILE.registers}
    found |= {text.address: text.register_count for text in PROFILE.texts}
    assert found == places
    assert len(NUMBERS) + len(FLAGS) + len(TEXTS) == len(ROWS) == REGISTERS + 3


@pytest.mark.parametrize("row", NUMBERS, ids=lambda row: f"{row['address']}-{row['words']}")
def test_number(row: dict[str, str]) -> None:
    (point,) = points_at(int(row["address"]))
    assert by_hand(row) == Decimal(row["expected"])
    value = decode(point, words_of(row))
    assert value == pytest.approx(float(row["expected"]), rel=1e-12, abs=1e-12)
    assert encode(point, value) == words_of(row)


@pytest.mark.parametrize("row", FLAGS, ids=lambda row: row["address"])
def test_flags(row: dict[str, str]) -> None:
    bits = points_at(int(row["address"]))
    (word,) = words_of(row)
    mask = int(row["factor"], 16)
    assert int(row["expected"], 16) == word & mask
    assert sum(1 << point.bit for point in bits) == mask
    assert sum(int(decode(point, (word,))) << point.bit for point in bits) == int(row["expected"], 16)


@pytest.mark.parametrize("row", TEXTS, ids=lambda row: row["address"])
def test_text(row: dict[str, str]) -> None:
    (text,) = [text for text in PROFILE.texts if text.address == int(row["address"])]
    by_bytes = bytes.fromhex(row["words"].replace(" ", "")).rstrip(b"\0 ").decode("ascii")
    assert decode_text(text, words_of(row)) == row["expected"] == by_bytes


def test_every_value_comes_out_of_the_planned_reads() -> None:
    """As the poller does it: spans, slices, decoded samples; nothing is lost between reads."""
    image = {}
    for row in ROWS[:REGISTERS]:
        image |= {int(row["address"]) + index: word for index, word in enumerate(words_of(row))}
    expected = {int(row["address"]): row for row in ROWS[:REGISTERS]}
    seen = set()
    for span in plan_spans(PROFILE.registers, PROFILE.limits):
        reply = [image[address] for address in range(span.address, span.address + span.count)]
        for point in span.points:
            sample = decode_sample(point, slice_words(span, point, reply), 1.0)
            assert sample.quality is Quality.GOOD, point.name
            row = expected[point.address]
            if row["kind"] == "flags":
                assert sample.value == int(row["expected"], 16) >> point.bit & 1, point.name
            else:
                assert sample.value == pytest.approx(float(row["expected"]), rel=1e-12, abs=1e-12), point.name
            seen.add(point.name)
    assert len(seen) == len(PROFILE.registers)


def test_nothing_of_it_is_written_by_coolantd_itself() -> None:
    assert not [point.name for point in PROFILE.registers if point.write is not None]
    assert PROFILE.verified is False


def test_commands_among_the_modes_are_marked() -> None:
    """A read-modify-write of a mode bit must send 0 for these; system stop is a mode: clearing it would start pumps."""
    commands = {point.bit for point in points_at(37904) if point.access is Access.COMMAND}
    assert commands == {6, 10, 11, 12, 13, 14, 15}
    assert {point.bit for point in points_at(37904) if point.access is Access.READ_WRITE} == set(range(16)) - commands


@pytest.mark.parametrize("address", [36865, 36866, 37138, 40960, 41216])
def test_temperatures_are_signed_and_a_dead_input_is_out_of_range(address: int) -> None:
    (point,) = points_at(address)
    assert point.coding is Coding.I16
    for words in ((0x7FFF,), (0x8000,)):
        assert decode_sample(point, words, 0.0).reason is Reason.OUT_OF_RANGE
