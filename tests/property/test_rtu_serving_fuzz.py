"""The server's side of RTU over generated requests and noise: what is asked is understood, nothing else is."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, Request, WriteRequest
from coolantd.protocol.rtu import LoopbackRequest, check_reply, loopback_answered, request_frame, with_crc
from coolantd.protocol.rtu_serving import (
    FUNCTIONS,
    RequestFramer,
    RequestRefused,
    parse_request,
    read_reply,
    refusal_frame,
    write_reply,
)

GAP_S = 0.002
units = st.integers(1, 255)
words16 = st.integers(0, 0xFFFF)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    if draw(st.booleans()):
        count = draw(st.integers(1, 125))
        return ReadRequest(0, draw(units), draw(st.sampled_from(Table)), draw(st.integers(0, 65_536 - count)), count)
    table = draw(st.sampled_from([Table.COIL, Table.HOLDING]))
    word = st.integers(0, 1) if table is Table.COIL else words16
    words = tuple(draw(st.lists(word, min_size=1, max_size=60)))
    return WriteRequest(0, draw(units), table, draw(st.integers(0, 65_000)), words)


@given(requests())
def test_a_request_of_ours_is_understood_as_it_was_meant(request: Request) -> None:
    asked = parse_request(request_frame(request))
    assert (asked.unit, asked.function, asked.address) == (request.unit, request.function, request.address)
    if isinstance(request, WriteRequest):
        assert asked.values == request.words
        assert check_reply(request, write_reply(asked)) == ()
    else:
        assert asked.count == request.count


@given(requests(), st.data())
def test_a_reply_to_a_read_carries_exactly_its_values(request: Request, data: st.DataObject) -> None:
    if isinstance(request, WriteRequest):
        return
    word = st.integers(0, 1) if request.is_bits else words16
    values = data.draw(st.lists(word, min_size=request.count, max_size=request.count))
    reply = read_reply(parse_request(request_frame(request)), values)
    assert check_reply(request, reply) == tuple(values)
    with pytest.raises(ValueError, match="values for a read of"):
        read_reply(parse_request(request_frame(request)), [*values, 0])


@given(units, words16)
def test_a_loopback_comes_back_as_it_was(unit: int, token: int) -> None:
    request = LoopbackRequest(unit, token)
    assert loopback_answered(request, write_reply(parse_request(request_frame(request))))


@given(st.binary(min_size=2, max_size=252))
def test_any_frame_is_understood_or_refused_with_an_exception_of_the_standard(body: bytes) -> None:
    code = 0
    try:
        asked = parse_request(with_crc(body))
    except RequestRefused as refused:
        code = refused.code
    else:
        assert asked.function in FUNCTIONS
        assert asked.address + asked.count <= 65_536
    assert code in {0, 1, 2, 3}
    assert len(refusal_frame(body[0], body[1], code)) == 5


@given(st.lists(st.tuples(requests(), st.integers(1, 40)), min_size=1, max_size=4))
def test_frames_come_out_whole_however_they_were_cut_and_however_close(given_frames: list[tuple[Request, int]]) -> None:
    frames = [request_frame(request) for request, _ in given_frames]
    framer, found, now_s = RequestFramer(GAP_S), [], 0.0
    for frame, (_, piece) in zip(frames, given_frames, strict=True):
        for start in range(0, len(frame), piece):
            now_s += GAP_S / 10.0
            found += framer.receive(frame[start : start + piece], now_s)
    assert found == frames
    assert framer.waits_s(now_s) is None
    assert framer.discarded_bytes == 0


@given(st.binary(max_size=600), requests())
def test_after_noise_and_a_silence_the_next_request_is_heard(noise: bytes, request: Request) -> None:
    framer = RequestFramer(GAP_S)
    heard = framer.receive(noise, 0.0)
    heard += framer.receive(request_frame(request), 2.0 * GAP_S)
    assert heard[-1] == request_frame(request)
    assert framer.discarded_bytes + sum(map(len, heard[:-1])) == len(noise)


@given(requests(), st.data())
def test_a_frame_with_one_bit_turned_is_never_a_request(request: Request, data: st.DataObject) -> None:
    frame = bytearray(request_frame(request))
    bit = data.draw(st.integers(0, 8 * len(frame) - 1))
    frame[bit // 8] ^= 1 << bit % 8
    framer = RequestFramer(GAP_S)
    found = framer.receive(bytes(frame), 0.0) + framer.silent(2.0 * GAP_S)
    assert found == []
    assert framer.discarded_bytes == len(frame)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (struct.pack(">BBHH", 1, 3, 0, 0), 3),
        (struct.pack(">BBHH", 1, 3, 0, 126), 3),
        (struct.pack(">BBHH", 1, 3, 65_535, 2), 2),
        (struct.pack(">BBHH", 1, 5, 0, 1), 3),
        (struct.pack(">BBHHBH", 1, 16, 0, 1, 3, 7), 3),
        (struct.pack(">BBHHBH", 1, 16, 0, 2, 2, 7), 3),
        (struct.pack(">BBHH", 1, 8, 1, 0), 1),
        (struct.pack(">BBB", 1, 43, 14), 1),
    ],
)
def test_what_no_unit_can_do_has_the_code_of_the_standard(body: bytes, code: int) -> None:
    with pytest.raises(RequestRefused) as caught:
        parse_request(with_crc(body))
    assert caught.value.code == code
