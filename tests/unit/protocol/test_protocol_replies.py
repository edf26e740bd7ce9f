"""The exhaustive table of tampered frames: every field of a reply, wrong in every way that differs."""

import pytest

from coolantd.errors import Fault
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import (
    ReadRequest,
    ReplyFault,
    WriteRequest,
    adu_size,
    check_read,
    check_write,
    request_adu,
)

READ = ReadRequest(0x1234, 1, Table.HOLDING, 0x0010, 2)
COILS = ReadRequest(0x1234, 1, Table.COIL, 0x0010, 11)
WRITE_ONE = WriteRequest(0x1234, 1, Table.HOLDING, 0x00F6, (0x0032,))
WRITE_MANY = WriteRequest(0x1234, 1, Table.HOLDING, 0x00F6, (0x41C8, 0))
COIL = WriteRequest(0x1234, 1, Table.COIL, 0x2204, (1,))
COILS_ON = WriteRequest(0x1234, 1, Table.COIL, 0x2204, (1, 1))

GOOD_READ = "1234 0000 0007 01 03 04 000A 0102"
GOOD_COILS = "1234 0000 0005 01 01 02 CD 05"


def test_good_replies() -> None:
    assert check_read(READ, bytes.fromhex(GOOD_READ)) == (0x000A, 0x0102)
    assert check_read(COILS, bytes.fromhex(GOOD_COILS)) == (1, 0, 1, 1, 0, 0, 1, 1, 1, 0, 1)
    check_write(WRITE_ONE, bytes.fromhex("1234 0000 0006 01 06 00F6 0032"))
    check_write(WRITE_MANY, bytes.fromhex("1234 0000 0006 01 10 00F6 0002"))
    check_write(COIL, bytes.fromhex("1234 0000 0006 01 05 2204 FF00"))
    check_write(COILS_ON, bytes.fromhex("1234 0000 0006 01 0F 2204 0002"))


@pytest.mark.parametrize(
    ("request_", "adu"),
    [
        (READ, "1234 0000 0006 01 03 0010 0002"),
        (ReadRequest(1, 255, Table.INPUT, 0xFFFF, 1), "0001 0000 0006 FF 04 FFFF 0001"),
        (COILS, "1234 0000 0006 01 01 0010 000B"),
        (ReadRequest(65_535, 0, Table.DISCRETE, 0, 2000), "FFFF 0000 0006 00 02 0000 07D0"),
        (WRITE_ONE, "1234 0000 0006 01 06 00F6 0032"),
        (WRITE_MANY, "1234 0000 000B 01 10 00F6 0002 04 41C8 0000"),
        (COIL, "1234 0000 0006 01 05 2204 FF00"),
        (WriteRequest(1, 1, Table.COIL, 0, (0,)), "0001 0000 0006 01 05 0000 0000"),
        (WriteRequest(1, 1, Table.COIL, 19, (1, 0, 1, 1, 0, 0, 1, 1, 1, 0)), "0001 0000 0009 01 0F 0013 000A 02 CD01"),
    ],
)
def test_request_frames_written_out_by_hand(request_: ReadRequest | WriteRequest, adu: str) -> None:
    assert request_adu(request_) == bytes.fromhex(adu)


BAD_READS = [
    ("transaction 0", "0000 0000 0007 01 03 04 000A 0102", Fault.WRONG_TRANSACTION),
    ("next transaction", "1235 0000 0007 01 03 04 000A 0102", Fault.WRONG_TRANSACTION),
    ("transaction swapped", "3412 0000 0007 01 03 04 000A 0102", Fault.WRONG_TRANSACTION),
    ("protocol, low byte", "1234 0001 0007 01 03 04 000A 0102", Fault.MALFORMED),
    ("protocol, high byte", "1234 0100 0007 01 03 04 000A 0102", Fault.MALFORMED),
    ("length one less", "1234 0000 0006 01 03 04 000A 0102", Fault.MALFORMED),
    ("length one more", "1234 0000 0008 01 03 04 000A 0102", Fault.MALFORMED),
    ("length 0", "1234 0000 0000 01 03 04 000A 0102", Fault.MALFORMED),
    ("length 255", "1234 0000 00FF 01 03 04 000A 0102", Fault.MALFORMED),
    ("length 65535", "1234 0000 FFFF 01 03 04 000A 0102", Fault.MALFORMED),
    ("nothing", "", Fault.MALFORMED),
    ("part of a header", "1234 0000 00", Fault.MALFORMED),
    ("header alone", "1234 0000 0007", Fault.MALFORMED),
    ("unit and function alone", "1234 0000 0002 01 03", Fault.MALFORMED),
    ("another unit", "1234 0000 0007 02 03 04 000A 0102", Fault.WRONG_UNIT),
    ("unit 0", "1234 0000 0007 00 03 04 000A 0102", Fault.WRONG_UNIT),
    ("another read", "1234 0000 0007 01 04 04 000A 0102", Fault.WRONG_FUNCTION),
    ("function 0", "1234 0000 0007 01 00 04 000A 0102", Fault.WRONG_FUNCTION),
    ("another read's exception", "1234 0000 0003 01 84 02", Fault.WRONG_FUNCTION),
    ("a write's echo", "1234 0000 0006 01 06 0010 0002", Fault.WRONG_FUNCTION),
    ("function 0x80", "1234 0000 0003 01 80 02", Fault.WRONG_FUNCTION),
    ("byte count less", "1234 0000 0007 01 03 02 000A 0102", Fault.WRONG_BYTE_COUNT),
    ("byte count more", "1234 0000 0007 01 03 06 000A 0102", Fault.WRONG_BYTE_COUNT),
    ("byte count 0", "1234 0000 0007 01 03 00 000A 0102", Fault.WRONG_BYTE_COUNT),
    ("odd", "1234 0000 0006 01 03 03 000A 01", Fault.WRONG_BYTE_COUNT),
    ("one register", "1234 0000 0005 01 03 02 000A", Fault.WRONG_COUNT),
    ("three registers", "1234 0000 0009 01 03 06 000A 0102 0003", Fault.WRONG_COUNT),
    ("no registers", "1234 0000 0003 01 03 00", Fault.WRONG_COUNT),
    ("exception of two codes", "1234 0000 0004 01 83 02 02", Fault.WRONG_BYTE_COUNT),
]


@pytest.mark.parametrize(("adu", "fault"), [row[1:] for row in BAD_READS], ids=[row[0] for row in BAD_READS])
def test_tampered_register_reply(adu: str, fault: Fault) -> None:
    with pytest.raises(ReplyFault) as caught:
        check_read(READ, bytes.fromhex(adu))
    assert caught.value.fault is fault
    assert caught.value.code is None


BAD_COILS = [
    ("padding bit set", "1234 0000 0005 01 01 02 CD 0D", Fault.WRONG_COUNT),
    ("top padding bit set", "1234 0000 0005 01 01 02 CD 85", Fault.WRONG_COUNT),
    ("one byte", "1234 0000 0004 01 01 01 CD", Fault.WRONG_COUNT),
    ("three bytes", "1234 0000 0006 01 01 03 CD 05 00", Fault.WRONG_COUNT),
    ("byte count wrong", "1234 0000 0005 01 01 01 CD 05", Fault.WRONG_BYTE_COUNT),
    ("discrete inputs", "1234 0000 0005 01 02 02 CD 05", Fault.WRONG_FUNCTION),
]


@pytest.mark.parametrize(("adu", "fault"), [row[1:] for row in BAD_COILS], ids=[row[0] for row in BAD_COILS])
def test_tampered_coil_reply(adu: str, fault: Fault) -> None:
    with pytest.raises(ReplyFault) as caught:
        check_read(COILS, bytes.fromhex(adu))
    assert caught.value.fault is fault


BAD_ECHOES = [
    (WRITE_ONE, "06 00F7 0032", Fault.WRONG_ECHO),
    (WRITE_ONE, "06 00F6 0033", Fault.WRONG_ECHO),
    (WRITE_ONE, "06 03E7 03E7", Fault.WRONG_ECHO),
    (WRITE_ONE, "06 0032 00F6", Fault.WRONG_ECHO),
    (WRITE_ONE, "10 00F6 0001", Fault.WRONG_FUNCTION),
    (WRITE_ONE, "06 00F6", Fault.WRONG_BYTE_COUNT),
    (WRITE_ONE, "06 00F6 0032 00", Fault.WRONG_BYTE_COUNT),
    (WRITE_MANY, "10 00F6 0001", Fault.WRONG_ECHO),
    (WRITE_MANY, "10 00F5 0002", Fault.WRONG_ECHO),
    (WRITE_MANY, "06 00F6 41C8", Fault.WRONG_FUNCTION),
    (WRITE_MANY, "10 00F6 0002 04 41C8 0000", Fault.WRONG_BYTE_COUNT),
    (COIL, "05 2204 0000", Fault.WRONG_ECHO),
    (COIL, "05 2204 0001", Fault.WRONG_ECHO),
    (COIL, "05 2205 FF00", Fault.WRONG_ECHO),
    (COILS_ON, "0F 2204 0003", Fault.WRONG_ECHO),
    (COILS_ON, "05 2204 FF00", Fault.WRONG_FUNCTION),
]


@pytest.mark.parametrize(("request_", "pdu", "fault"), BAD_ECHOES)
def test_tampered_write_echo(request_: WriteRequest, pdu: str, fault: Fault) -> None:
    body = bytes.fromhex(pdu)
    with pytest.raises(ReplyFault) as caught:
        check_write(request_, bytes.fromhex("1234 0000") + (len(body) + 1).to_bytes(2, "big") + b"\x01" + body)
    assert caught.value.fault is fault


@pytest.mark.parametrize("code", range(256))
def test_fm36_every_exception_code_is_kept(code: int) -> None:
    with pytest.raises(ReplyFault) as caught:
        check_read(READ, bytes.fromhex("1234 0000 0003 01 83") + bytes([code]))
    assert (caught.value.fault, caught.value.code) == (Fault.EXCEPTION, code)
    with pytest.raises(ReplyFault) as caught:
        check_write(WRITE_MANY, bytes.fromhex("1234 0000 0003 01 90") + bytes([code]))
    assert (caught.value.fault, caught.value.code) == (Fault.EXCEPTION, code)


def test_transaction_0_is_refused_even_where_it_was_asked() -> None:
    with pytest.raises(ReplyFault) as caught:
        check_read(ReadRequest(0, 1, Table.HOLDING, 0x10, 2), bytes.fromhex("0000" + GOOD_READ[4:]))
    assert caught.value.fault is Fault.WRONG_TRANSACTION


def test_size_of_a_frame_is_known_as_early_as_it_can_be() -> None:
    adu = bytes.fromhex(GOOD_READ)
    assert [adu_size(adu[:have]) for have in range(9)] == [None] * 6 + [13] * 3
    for head in ("1234 01", "1234 0000 0002", "1234 0000 00FF"):
        with pytest.raises(ReplyFault) as caught:
            adu_size(bytes.fromhex(head))
        assert caught.value.fault is Fault.MALFORMED


@pytest.mark.parametrize(
    "make",
    [
        lambda: ReadRequest(65_536, 1, Table.HOLDING, 0, 1),
        lambda: ReadRequest(1, -1, Table.HOLDING, 0, 1),
        lambda: ReadRequest(1, 1, Table.HOLDING, 0, 0),
        lambda: ReadRequest(1, 1, Table.INPUT, 0, 126),
        lambda: ReadRequest(1, 1, Table.DISCRETE, 0, 2001),
        lambda: ReadRequest(1, 1, Table.HOLDING, -1, 1),
        lambda: ReadRequest(1, 1, Table.HOLDING, 65_500, 100),
        lambda: WriteRequest(1, 1, Table.HOLDING, 0, (0,) * 124),
        lambda: WriteRequest(1, 1, Table.COIL, 0, (0,) * 1969),
        lambda: WriteRequest(1, 1, Table.DISCRETE, 0, (0,)),
        lambda: WriteRequest(1, 1, Table.HOLDING, 0, (-1,)),
    ],
)
def test_requests_that_do_not_exist_cannot_be_made(make: object) -> None:
    with pytest.raises(ValueError, match=r"\d|cannot"):
        make()
