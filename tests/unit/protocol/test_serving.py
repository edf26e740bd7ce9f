"""The read-only server's frames: what is taken for a request, and the exact bytes of the answers."""

import math

import pytest

from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, check_read
from coolantd.protocol.serving import (
    AGE_MAX_STEPS,
    AGE_UNKNOWN,
    Asked,
    Incomplete,
    Refusal,
    Unintelligible,
    age_words,
    parse,
    reply_exception,
    reply_words,
)


def asked_by(adu: bytes) -> Asked:
    asked = parse(adu)
    assert isinstance(asked, Asked)
    return asked


def adu(pdu: str, *, transaction: int = 0x1234, unit: int = 0x11) -> bytes:
    data = bytes.fromhex(pdu)
    return transaction.to_bytes(2, "big") + b"\0\0" + (len(data) + 1).to_bytes(2, "big") + bytes([unit]) + data


@pytest.mark.parametrize(
    ("function", "table"), [("01", Table.COIL), ("02", Table.DISCRETE), ("03", Table.HOLDING), ("04", Table.INPUT)]
)
def test_the_four_reads_are_understood(function: str, table: Table):
    asked = asked_by(adu(function + "006b0003"))
    assert asked.wanted == ReadRequest(0x1234, 0x11, table, 0x6B, 3)
    assert asked.size_bytes == 12


@pytest.mark.parametrize(
    "pdu", ["0500acff00", "06000100ff", "0f0013000a02cd01", "1000010002040a0b0c0d", "160004f2f20025"]
)
def test_every_write_is_an_illegal_function(pdu: str):
    asked = asked_by(adu(pdu))
    assert asked.wanted is Refusal.ILLEGAL_FUNCTION
    assert reply_exception(asked, Refusal.ILLEGAL_FUNCTION)[7:] == bytes([int(pdu[:2], 16) | 0x80, 1])


@pytest.mark.parametrize("pdu", ["07", "08000012ab", "11", "17000000010000000102beef", "2b0e0100", "00", "83"])
def test_every_other_function_is_illegal_too(pdu: str):
    assert asked_by(adu(pdu)).wanted is Refusal.ILLEGAL_FUNCTION


@pytest.mark.parametrize(
    ("pdu", "refusal"),
    [
        ("0300000000", Refusal.ILLEGAL_VALUE),
        ("030000007e", Refusal.ILLEGAL_VALUE),
        ("04ffff007e", Refusal.ILLEGAL_VALUE),
        ("01000007d1", Refusal.ILLEGAL_VALUE),
        ("03ffff0002", Refusal.ILLEGAL_ADDRESS),
        ("02fff00011", Refusal.ILLEGAL_ADDRESS),
        ("03", Refusal.ILLEGAL_VALUE),
        ("03000000", Refusal.ILLEGAL_VALUE),
        ("030000000100", Refusal.ILLEGAL_VALUE),
    ],
)
def test_reads_that_do_not_exist_are_refused_with_the_code_of_the_standard(pdu: str, refusal: Refusal):
    assert asked_by(adu(pdu)).wanted is refusal


@pytest.mark.parametrize("pdu", ["030000007d", "02000007d0", "03ffff0001", "0400000001"])
def test_the_largest_and_the_last_reads_exist(pdu: str):
    assert isinstance(asked_by(adu(pdu)).wanted, ReadRequest)


def test_a_request_in_pieces_is_incomplete_until_its_last_byte():
    whole = adu("03006b0003")
    assert all(isinstance(parse(whole[:size]), Incomplete) for size in range(len(whole)))


def test_of_two_requests_in_one_buffer_the_first_is_given():
    first, second = adu("03006b0003"), adu("0400000001", transaction=0x1235)
    assert asked_by(first + second) == asked_by(first)
    assert asked_by((first + second)[asked_by(first).size_bytes :]) == asked_by(second)


@pytest.mark.parametrize(
    ("head", "says"),
    [
        ("00010001", "protocol identifier 0001"),
        ("000101", "protocol identifier 01"),
        ("000100000000", "length field of 0"),
        ("000100000001", "length field of 1"),
        ("0001000000ff", "length field of 255"),
        (b"GET / HTTP/1.1\r\n".hex(), "protocol identifier"),
    ],
)
def test_what_cannot_be_modbus_is_told_as_soon_as_it_shows(head: str, says: str):
    nonsense = parse(bytes.fromhex(head))
    assert isinstance(nonsense, Unintelligible)
    assert says in nonsense.detail


def test_registers_are_answered_high_byte_first():
    request = ReadRequest(0x1234, 0x11, Table.HOLDING, 0x6B, 3)
    assert reply_words(request, (0x022B, 0, 0x0064)) == adu("0306022b00000064")


def test_coils_are_answered_first_in_the_lowest_bit():
    """The example of Modbus Application Protocol V1.1b3, 6.1."""
    request = ReadRequest(0x1234, 0x11, Table.COIL, 0x13, 19)
    bits = [int(bit) for bit in "1011001111010110" + "101"]
    assert reply_words(request, bits) == adu("0103cd6b05")
    assert check_read(request, reply_words(request, bits)) == tuple(bits)


def test_an_exception_repeats_transaction_unit_and_function():
    assert reply_exception(asked_by(adu("040000000a")), Refusal.GATEWAY_TARGET_FAILED) == adu("840b")


@pytest.mark.parametrize("words", [(1,), (1, 2, 3), (1, 65_536), (-1, 1)])
def test_words_that_are_not_the_answer_cannot_be_sent(words: tuple[int, ...]):
    with pytest.raises(ValueError, match=r"asked|outside"):
        reply_words(ReadRequest(1, 1, Table.INPUT, 0, 2), words)


def test_a_coil_is_nothing_but_0_or_1():
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        reply_words(ReadRequest(1, 1, Table.COIL, 0, 1), (2,))


@pytest.mark.parametrize(
    ("age_s", "word"),
    [
        (0.0, 0),
        (0.01, 1),
        (0.5, 5),
        (12.34, 124),
        (6553.3, 65_533),
        (6553.4, AGE_MAX_STEPS),
        (1e9, AGE_MAX_STEPS),
        (math.inf, AGE_MAX_STEPS),
        (math.nan, AGE_UNKNOWN),
    ],
)
def test_ages_are_tenths_of_a_second_never_too_young_and_unknown_is_no_age(age_s: float, word: int):
    assert age_words([-age_s], 0.0) == (word,)
