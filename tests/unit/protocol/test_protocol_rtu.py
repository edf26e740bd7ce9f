"""RTU frames against bytes that other people published or that were worked out by hand."""

import pytest

from coolantd.errors import Fault
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, Request, WriteRequest
from coolantd.protocol.rtu import (
    LoopbackRequest,
    RtuRequest,
    check_reply,
    crc16,
    frame_gap_s,
    loopback_answered,
    missing_bytes,
    reply_size,
    request_frame,
    with_crc,
)


def read(table: Table, address: int, count: int, unit: int = 1) -> ReadRequest:
    return ReadRequest(0, unit, table, address, count)


def write(table: Table, address: int, *words: int, unit: int = 1) -> WriteRequest:
    return WriteRequest(0, unit, table, address, words)


@pytest.mark.parametrize(
    ("data", "crc"),
    [
        (b"", 0xFFFF),
        (b"123456789", 0x4B37),  # the check value of CRC-16/MODBUS in every catalogue
        (b"\x02\x07", 0x1241),  # the worked example of the serial line standard: 41 12 on the wire
        (b"\x00", 0x40BF),
    ],
)
def test_crc_gives_published_values(data: bytes, crc: int) -> None:
    assert crc16(data) == crc


@pytest.mark.parametrize(
    ("request_", "frame"),
    [
        (read(Table.HOLDING, 0, 10), "01 03 00 00 00 0a c5 cd"),
        (read(Table.HOLDING, 0, 1), "01 03 00 00 00 01 84 0a"),
        (read(Table.INPUT, 0, 2), "01 04 00 00 00 02 71 cb"),
        (read(Table.COIL, 0, 1), "01 01 00 00 00 01 fd ca"),
        (read(Table.HOLDING, 0x006B, 3, unit=0x11), "11 03 00 6b 00 03 76 87"),
        (read(Table.COIL, 0x0013, 0x25, unit=0x11), "11 01 00 13 00 25 0e 84"),
        (read(Table.DISCRETE, 0x00C4, 0x16, unit=0x11), "11 02 00 c4 00 16 ba a9"),
        (write(Table.COIL, 0x00AC, 1, unit=0x11), "11 05 00 ac ff 00 4e 8b"),
        (write(Table.HOLDING, 0x0001, 3, unit=0x11), "11 06 00 01 00 03 9a 9b"),
        (write(Table.HOLDING, 0x0001, 0x000A, 0x0102, unit=0x11), "11 10 00 01 00 02 04 00 0a 01 02 c6 f0"),
        (
            write(Table.COIL, 0x0013, 1, 0, 1, 1, 0, 0, 1, 1, 1, 0, unit=0x11),
            "11 0f 00 13 00 0a 02 cd 01 bf 0b",
        ),
    ],
)
def test_requests_are_coded_as_in_published_examples(request_: RtuRequest, frame: str) -> None:
    assert request_frame(request_).hex(" ") == frame


def test_loopback_is_function_8_with_its_token() -> None:
    assert request_frame(LoopbackRequest(1, 0xA537))[:-2] == bytes.fromhex("01 08 00 00 a5 37")


@pytest.mark.parametrize(
    ("request_", "reply", "words"),
    [
        (read(Table.HOLDING, 0x006B, 3, unit=0x11), "11 03 06 ae 41 56 52 43 40 49 ad", (0xAE41, 0x5652, 0x4340)),
        (read(Table.COIL, 0x0013, 3, unit=0x11), with_crc(bytes.fromhex("11 01 01 05")).hex(), (1, 0, 1)),
        (write(Table.HOLDING, 0x0001, 3, unit=0x11), "11 06 00 01 00 03 9a 9b", ()),
        (write(Table.HOLDING, 0x0001, 10, 258, unit=0x11), "11 10 00 01 00 02 12 98", ()),
        (write(Table.COIL, 0x0013, *[1] * 10, unit=0x11), "11 0f 00 13 00 0a 26 99", ()),
        (write(Table.COIL, 0x00AC, 1, unit=0x11), "11 05 00 ac ff 00 4e 8b", ()),
    ],
)
def test_published_replies_are_read(request_: Request, reply: str, words: tuple[int, ...]) -> None:
    frame = bytes.fromhex(reply)
    assert reply_size(request_) == len(frame)
    assert missing_bytes(request_, frame) == 0
    assert missing_bytes(request_, frame[:-1]) == 1
    assert check_reply(request_, frame) == words


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("01 83 02", Fault.EXCEPTION),
        ("02 03 02 00 05", Fault.WRONG_UNIT),
        ("01 04 02 00 05", Fault.WRONG_FUNCTION),
        ("01 84 02", Fault.WRONG_FUNCTION),
        ("01 03 04 00 05 00 06", Fault.WRONG_COUNT),
        ("01 03 00", Fault.WRONG_COUNT),
        ("01 03 01 05", Fault.WRONG_BYTE_COUNT),
        ("01 03 02 00 05 00", Fault.WRONG_BYTE_COUNT),
        ("01 03 04 00 05", Fault.WRONG_BYTE_COUNT),
        ("01 83 02 00", Fault.WRONG_BYTE_COUNT),
        ("01 03", Fault.MALFORMED),
        ("01 03 fe" + 254 * " 00", Fault.MALFORMED),
    ],
)
def test_fm38_whole_frames_that_answer_something_else_are_refused(body: str, fault: Fault) -> None:
    with pytest.raises(ReplyFault) as caught:
        check_reply(read(Table.HOLDING, 5, 1), with_crc(bytes.fromhex(body)))
    assert caught.value.fault is fault


def test_fm38_zeros_behind_a_right_frame_leave_its_crc_right_and_are_refused_by_length() -> None:
    reply = with_crc(bytes.fromhex("01 03 02 00 05"))
    assert crc16((reply + b"\x00")[:-2]).to_bytes(2, "little") == (reply + b"\x00")[-2:]
    for zeros in (1, 2, 3):
        with pytest.raises(ReplyFault):
            check_reply(read(Table.HOLDING, 5, 1), reply + bytes(zeros))
    echo = request_frame(write(Table.HOLDING, 5, 7))
    with pytest.raises(ReplyFault):
        check_reply(write(Table.HOLDING, 5, 7), echo + b"\x00")


@pytest.mark.parametrize(
    ("function", "count", "data_bytes"),
    [
        (Table.HOLDING, 125, 250),
        (Table.INPUT, 1, 2),
        (Table.COIL, 1, 1),
        (Table.COIL, 9, 2),
        (Table.DISCRETE, 2000, 250),
    ],
)
def test_the_size_of_a_reply_is_known_from_the_request(function: Table, count: int, data_bytes: int) -> None:
    assert reply_size(read(function, 0, count)) == 3 + data_bytes + 2


@pytest.mark.parametrize(
    ("received", "missing"),
    [
        ("", 5),
        ("01", 4),
        ("02", 0),
        ("01 83 02 c0", 1),
        ("01 83 02 c0 f1", 0),
        ("01 03 04 00 01", 4),
        ("01 03 02 00 01", 0),
        ("01 04 04 00 01", 0),
    ],
)
def test_how_many_bytes_are_missing(received: str, missing: int) -> None:
    assert missing_bytes(read(Table.HOLDING, 5, 2), bytes.fromhex(received)) == missing


@pytest.mark.parametrize("unit", [0, 256, -1])
def test_units_nobody_can_answer_for_are_refused(unit: int) -> None:
    with pytest.raises(ValueError, match="unit"):
        request_frame(LoopbackRequest(unit, 1))
    with pytest.raises(ValueError, match="unit"):
        request_frame(read(Table.HOLDING, 1, 1, unit=unit))
    with pytest.raises(ValueError, match="unit"):
        request_frame(write(Table.HOLDING, 1, 1, unit=unit))


@pytest.mark.parametrize("unit", [1, 247, 248, 250, 255])
def test_units_the_field_uses_are_allowed(unit: int) -> None:
    assert request_frame(read(Table.HOLDING, 1, 1, unit=unit))[0] == unit


def test_a_loopback_is_answered_by_its_own_echo_or_the_units_refusal_only() -> None:
    asked = LoopbackRequest(7, 300)
    late = with_crc(bytes.fromhex("07 03 02 00 05"))
    assert loopback_answered(asked, request_frame(asked))
    assert loopback_answered(asked, late + request_frame(asked))
    assert loopback_answered(asked, late + with_crc(bytes.fromhex("07 88 01")))
    assert not loopback_answered(asked, request_frame(LoopbackRequest(7, 299)))
    assert not loopback_answered(asked, request_frame(LoopbackRequest(8, 300)))
    assert not loopback_answered(asked, request_frame(asked) + b"\x00")
    assert not loopback_answered(asked, with_crc(bytes.fromhex("08 88 01")))
    assert not loopback_answered(asked, with_crc(bytes.fromhex("07 88 0b")))
    assert not loopback_answered(asked, bytes.fromhex("07 88 01 00 00"))
    assert not loopback_answered(asked, late)
    assert not loopback_answered(asked, b"")


@pytest.mark.parametrize(
    ("baudrate", "gap_ms"), [(1200, 32.083), (9600, 4.010), (19200, 2.005), (38400, 1.75), (115200, 1.75)]
)
def test_gap_between_frames_follows_the_standard(baudrate: int, gap_ms: float) -> None:
    assert 1000.0 * frame_gap_s(baudrate) == pytest.approx(gap_ms, abs=0.001)
