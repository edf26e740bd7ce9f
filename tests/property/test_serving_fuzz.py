"""Laws of the read-only server's frames over any bytes: typed results only, accepted requests re-encode identically.

The parser sees ``INPUTS`` inputs: 50 000 as a rule, a million with ``COOLANTD_FULL=1`` (a few seconds).
"""

import os
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, adu_size, check_read, request_adu
from coolantd.protocol.serving import Asked, Incomplete, Refusal, Unintelligible, parse, reply_exception, reply_words

INPUTS = 1_000_000 if os.environ.get("COOLANTD_FULL") == "1" else 50_000
EDGES = np.array([0, 1, 2, 3, 4, 5, 6, 16, 0x7D, 0x7E, 0x7F, 0x80, 0xFE, 0xFF], dtype=np.uint8)

words16 = st.integers(0, 0xFFFF)
BITS = (Table.COIL, Table.DISCRETE)


@st.composite
def reads(draw: st.DrawFn) -> ReadRequest:
    """Return reads as the daemon's own client sends them: never as transaction 0."""
    table = draw(st.sampled_from(Table))
    count = draw(st.integers(1, 2000 if table in BITS else 125))
    address = draw(st.integers(0, 65_536 - count))
    return ReadRequest(draw(st.integers(1, 0xFFFF)), draw(st.integers(0, 255)), table, address, count)


@st.composite
def frames(draw: st.DrawFn) -> bytes:
    """Return frames with an honest header around anything, most of them near a read."""
    any_pdu = st.binary(min_size=1, max_size=253)
    near_read = st.builds(lambda f, d: bytes([f]) + d, st.integers(0, 6), st.binary(min_size=2, max_size=6))
    pdu = draw(st.one_of(near_read, any_pdu))
    return struct.pack(">HHHB", draw(words16), 0, len(pdu) + 1, draw(st.integers(0, 255))) + pdu


@given(st.one_of(st.binary(max_size=300), frames(), st.builds(bytes.__add__, frames(), st.binary(max_size=20))))
def test_any_bytes_give_a_typed_result_and_what_is_accepted_re_encodes_identically(data: bytes) -> None:
    result = parse(data)
    assert isinstance(result, Incomplete | Unintelligible | Asked)
    if isinstance(result, Asked):
        assert 8 <= result.size_bytes <= min(len(data), 260)
        if isinstance(result.wanted, ReadRequest):
            assert request_adu(result.wanted) == data[: result.size_bytes]
        else:
            assert result.wanted in Refusal


@given(frames())
def test_only_the_four_reads_are_ever_wanted(data: bytes) -> None:
    asked = parse(data)
    assert isinstance(asked, Asked)
    if asked.function not in (1, 2, 3, 4):
        assert asked.wanted is Refusal.ILLEGAL_FUNCTION


@given(st.binary(max_size=300), st.data())
def test_more_bytes_never_change_a_verdict(data: bytes, more: st.DataObject) -> None:
    """What was told of a beginning holds for the whole: so it does not matter how the network cuts a stream."""
    shorter = parse(data[: more.draw(st.integers(0, len(data)))])
    longer = parse(data)
    if isinstance(shorter, Asked):
        assert longer == shorter
    elif isinstance(shorter, Unintelligible):
        assert isinstance(longer, Unintelligible)


@given(reads(), st.data())
def test_the_daemons_own_client_believes_every_answer(request: ReadRequest, data: st.DataObject) -> None:
    asked = parse(request_adu(request))
    assert isinstance(asked, Asked)
    assert asked.wanted == request
    word = st.integers(0, 1) if request.is_bits else words16
    words = tuple(data.draw(st.lists(word, min_size=request.count, max_size=request.count)))
    reply = reply_words(request, words)
    assert adu_size(reply) == len(reply) <= 260
    assert check_read(request, reply) == words


@given(reads(), st.sampled_from(Refusal))
def test_the_daemons_own_client_understands_every_refusal(request: ReadRequest, refusal: Refusal) -> None:
    asked = parse(request_adu(request))
    assert isinstance(asked, Asked)
    with pytest.raises(ReplyFault) as caught:
        check_read(request, reply_exception(asked, refusal))
    assert caught.value.code == refusal


def damaged_requests(seed: int, count: int) -> np.ndarray:
    """Return (count, 14) bytes: reads with up to four bytes replaced, half of those by bytes where limits are."""
    random = np.random.default_rng(seed)
    rows = np.zeros((count, 14), dtype=np.uint8)
    rows[:, [0, 1, 6, 8, 9, 12, 13]] = random.integers(0, 256, (count, 7), dtype=np.uint8)
    rows[:, 5], rows[:, 7], rows[:, 11] = 6, random.integers(1, 5, count), random.integers(0, 128, count)
    for _ in range(4):
        row = np.flatnonzero(random.random(count) < 0.4)
        new = np.where(random.random(row.size) < 0.5, random.choice(EDGES, row.size), random.integers(0, 256, row.size))
        rows[row, random.integers(0, 14, row.size)] = new
    return rows


def test_damaged_requests_are_reads_refusals_or_nonsense_and_reads_re_encode_identically() -> None:
    seen = dict.fromkeys((Incomplete, Unintelligible, ReadRequest, Refusal), 0)
    for row in damaged_requests(20261123, INPUTS):
        data = row.tobytes()
        result = parse(data)
        kind = type(result.wanted) if isinstance(result, Asked) else type(result)
        seen[kind] += 1
        if isinstance(result, Asked) and isinstance(result.wanted, ReadRequest):
            assert request_adu(result.wanted) == data[:12]
            assert result.size_bytes == 12
    assert sum(seen.values()) == INPUTS
    assert min(seen.values()) > INPUTS // 100, f"too few of a kind: {seen}"
