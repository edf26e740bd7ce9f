"""Text in registers: two characters each, padded with blanks or NULs."""

import pytest

from coolantd.point import Reason
from coolantd.protocol.codec import DecodeFault
from coolantd.protocol.profile import Access, Identity, Profile, RegisterPoint, Table, TextPoint, registers_of
from coolantd.protocol.text import decode_text, encode_text

MODEL = TextPoint(name="model", table=Table.HOLDING, address=0x19CC, register_count=8)
SWAPPED = TextPoint(name="model", table=Table.HOLDING, address=0, register_count=2, swapped=True)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"RDF040DSS5193E0\0", "RDF040DSS5193E0"),
        (b"RDF040DSS5193E0 ", "RDF040DSS5193E0"),
        (b"0123456789ABCDEF", "0123456789ABCDEF"),
        (b"AB\0\0leftover text", "AB"),
        (b"  AB            ", "AB"),
        (b"A B" + b" " * 13, "A B"),
        (b"\0" * 16, ""),
        (b" " * 16, ""),
    ],
)
def test_padding(content: bytes, expected: str) -> None:
    words = [content[index] << 8 | content[index + 1] for index in range(0, 16, 2)]
    assert decode_text(MODEL, words) == expected


def test_low_byte_first() -> None:
    assert decode_text(SWAPPED, (0x4241, 0x4443)) == "ABCD"
    assert encode_text(SWAPPED, "ABCD") == (0x4241, 0x4443)


@pytest.mark.parametrize("words", [(0xFFFF,) * 8, (0x4142, 0x0741, *[0] * 6), (0x41E9, *[0] * 7), (0x417F, *[0] * 7)])
def test_what_is_not_printable_is_no_text(words: tuple[int, ...]) -> None:
    with pytest.raises(DecodeFault, match="not printable") as caught:
        decode_text(MODEL, words)
    assert caught.value.reason is Reason.SENSOR_FAILURE


@pytest.mark.parametrize("words", [(), (0,) * 7, (0,) * 9, (65_536, *[0] * 7), (-1, *[0] * 7)])
def test_impossible_words_are_the_callers_mistake(words: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="model"):
        decode_text(MODEL, words)


@pytest.mark.parametrize("text", ["", "A", "RDF040DSS5193E0", "0123456789ABCDEF", "A B"])
def test_round_trip(text: str) -> None:
    assert decode_text(MODEL, encode_text(MODEL, text)) == text


@pytest.mark.parametrize("text", ["x" * 17, " A", "A ", "caf\xe9", "a\nb", "a\0b"])
def test_what_could_not_be_read_back_cannot_be_sent(text: str) -> None:
    with pytest.raises(ValueError, match="cannot be sent"):
        encode_text(MODEL, text)


def test_identity_agrees_with_the_same_text_or_number_only() -> None:
    assert Identity(point="model", text="RDF040").agrees("RDF040")
    assert not Identity(point="model", text="RDF040").agrees("RDF040DSS")
    assert not Identity(point="model", text="RDF040").agrees("")
    assert Identity(point="type_code", number=4).agrees(4.0)
    assert not Identity(point="type_code", number=4).agrees(0.0)
    assert not Identity(point="type_code", number=4).agrees(float("nan"))


def test_points_of_another_firmware_and_what_cannot_be_read_are_not_read() -> None:
    def point(name: str, **changes: object) -> RegisterPoint:
        plain = {"table": Table.HOLDING, "address": 0, "coding": "u16", "unit": "count", "minimum": 0, "maximum": 1}
        return RegisterPoint(name=name, **(plain | changes))

    profile = Profile(
        name="p",
        title="t",
        source="s",
        verified=False,
        registers=(
            point("always"),
            point("new", firmware="1.0b2"),
            point("command", access=Access.COMMAND),
            point("write_only", access=Access.WRITE),
        ),
    )

    def names(firmware: str | None) -> list[str]:
        return [found.name for found in registers_of(profile, firmware)]

    assert names(None) == names("1.0b1") == names("") == ["always", "command"]
    assert names("1.0b20") == ["always", "new", "command"]
