"""The pace of a virtual line, on a clock that a test moves: characters take their time, both ways, and units think."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from fake_clock import FakeClock

from coolantd.config.profiles import load_profile
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, WriteRequest
from coolantd.protocol.rtu import check_reply, request_frame, with_crc
from coolantd.sim.rpu import UNIT_ID, Rpu
from coolantd.sim.serial_server import PIECE_S, LinePace, SerialServer

CHAR_S = 10 / 19200
ASKED = ReadRequest(0, UNIT_ID, Table.HOLDING, 36864, 26)
FRAME = request_frame(ASKED)
REPLY_BYTES = 5 + 2 * 26


class Port:
    """Stands in for a pty: notes what is said and when."""

    path = "/dev/nowhere"
    plugged = True

    def __init__(self, clock: FakeClock) -> None:
        self.pieces: list[tuple[float, bytes]] = []
        self._clock = clock

    @property
    def said(self) -> bytes:
        return b"".join(piece for _, piece in self.pieces)

    def plug(self, on_bytes) -> None:
        self.hear = on_bytes

    def unplug(self) -> None:
        pass

    def say(self, data: bytes) -> None:
        self.pieces.append((self._clock.now_s(), data))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def port(clock) -> Port:
    return Port(clock)


@pytest.fixture
async def line(clock, port) -> AsyncIterator[SerialServer]:
    units = {UNIT_ID: Rpu(load_profile("orv3-rpu", profiles_dir=None))}
    server = SerialServer(units, port=port, clock=clock, pace=LinePace(reply_delay_s=0.02))
    await server.start()
    await asyncio.sleep(0)
    yield server
    await server.stop()


async def test_a_reply_comes_in_small_pieces_none_before_its_bits_could_be_there(line, clock, port):
    begun_s = clock.now_s()
    port.hear(FRAME)
    await clock.advance(0.2)
    assert check_reply(ASKED, port.said)
    first_s = begun_s + len(FRAME) * CHAR_S + 0.02
    sent = 0
    for at_s, piece in port.pieces:
        sent += len(piece)
        assert at_s >= first_s + sent * CHAR_S - 1e-9
        assert len(piece) <= PIECE_S / CHAR_S + 2
    assert port.pieces[-1][0] <= first_s + REPLY_BYTES * CHAR_S + PIECE_S
    assert len(port.pieces) >= REPLY_BYTES * CHAR_S / PIECE_S / 2
    assert line.busy_s == pytest.approx((len(FRAME) + REPLY_BYTES) * CHAR_S + 0.02)


async def test_a_request_cut_short_by_silence_is_no_request_and_the_next_is_heard(line, clock, port):
    port.hear(FRAME[:5])
    await clock.advance(0.01)
    port.hear(FRAME[5:])
    await clock.advance(0.2)
    assert port.said == b""
    assert line.discarded_bytes == len(FRAME)
    port.hear(FRAME)
    await clock.advance(0.2)
    assert len(port.said) == REPLY_BYTES


async def test_two_requests_at_once_are_answered_one_after_the_other(line, clock, port):
    port.hear(FRAME + FRAME)
    await clock.advance(0.3)
    assert port.said[:REPLY_BYTES] == port.said[REPLY_BYTES:]
    assert line.replies == 2


async def test_a_broadcast_is_carried_out_and_answered_by_nobody(line, clock, port):
    frame = with_crc(b"\0" + request_frame(WriteRequest(0, UNIT_ID, Table.HOLDING, 37891, (33,)))[1:-2])
    port.hear(frame)
    await clock.advance(0.1)
    assert port.said == b""
    asked = ReadRequest(0, UNIT_ID, Table.HOLDING, 37891, 1)
    port.hear(request_frame(asked))
    await clock.advance(0.1)
    assert check_reply(asked, port.said) == (33,)


async def test_a_babble_is_bounded(line, clock, port):
    port.hear(FRAME * 100)
    await clock.advance(5.0)
    assert 1 <= line.replies <= 17
