"""Laws of RTU frames and of the serial line, over generated frames, noise and devices that answer late."""

import heapq
import itertools
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from coolantd.protocol.line import MISSES_MAX, SerialLine
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, Request, WriteRequest
from coolantd.protocol.rtu import RtuRequest, check_reply, crc16, missing_bytes, reply_size, request_frame, with_crc

units = st.integers(1, 255)
words16 = st.integers(0, 0xFFFF)


@st.composite
def requests(draw: st.DrawFn) -> Request:
    if draw(st.booleans()):
        count = draw(st.integers(1, 125))
        table = draw(st.sampled_from(Table))
        return ReadRequest(0, draw(units), table, draw(st.integers(0, 65_536 - count)), count)
    table = draw(st.sampled_from([Table.COIL, Table.HOLDING]))
    word = st.integers(0, 1) if table is Table.COIL else words16
    words = tuple(draw(st.lists(word, min_size=1, max_size=30)))
    return WriteRequest(0, draw(units), table, draw(st.integers(0, 65_000)), words)


def reply_with(request: Request, words: tuple[int, ...]) -> bytes:
    """Return the one frame that answers a request with these words, built here without the module under test."""
    head = bytes([request.unit, request.function])
    if isinstance(request, WriteRequest):
        return with_crc(request_frame(request)[:6])
    if request.is_bits:
        packed = sum(bit << index for index, bit in enumerate(words))
        payload = packed.to_bytes((request.count + 7) // 8, "little")
    else:
        payload = struct.pack(f">{len(words)}H", *words)
    return with_crc(head + bytes([len(payload)]) + payload)


def right_reply(request: Request, draw: st.DrawFn) -> tuple[bytes, tuple[int, ...]]:
    if isinstance(request, WriteRequest):
        return reply_with(request, ()), ()
    word = st.integers(0, 1) if request.is_bits else words16
    words = tuple(draw(st.lists(word, min_size=request.count, max_size=request.count)))
    return reply_with(request, words), words


@given(st.binary(max_size=300))
def test_crc_is_the_remainder_of_the_polynomial_division(data: bytes) -> None:
    """Bit by bit, after the definition; the module under test works with a table."""
    crc = 0xFFFF
    for byte in data:
        for bit in range(8):
            feedback = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (0xA001 if feedback else 0)
    assert crc16(data) == crc
    assert crc16(with_crc(data)) == 0


@given(st.data())
def test_any_one_changed_byte_of_a_reply_is_refused(data: st.DataObject) -> None:
    """A CRC of 16 bits finds every burst of up to 16: one byte can never slip through, wherever it is."""
    request = data.draw(requests())
    frame, words = right_reply(request, data.draw)
    assert len(frame) == reply_size(request)
    assert check_reply(request, frame) == words
    changed = bytearray(frame)
    changed[data.draw(st.integers(0, len(frame) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ReplyFault):
        check_reply(request, bytes(changed))


@given(st.data())
def test_fm38_whatever_is_accepted_codes_back_to_the_very_same_bytes(data: st.DataObject) -> None:
    """Bytes changed, inserted, removed, with the CRC put right again: no byte of an accepted frame is unread."""
    request = data.draw(requests())
    body = bytearray(right_reply(request, data.draw)[0][:-2])
    for _ in range(data.draw(st.integers(0, 4))):
        start = data.draw(st.integers(0, len(body)))
        body[start : start + data.draw(st.integers(0, 2))] = data.draw(st.binary(max_size=2))
    frame = with_crc(bytes(body)) + bytes(data.draw(st.integers(0, 2)))
    try:
        words = check_reply(request, frame)
    except ReplyFault:
        return
    assert reply_with(request, words) == frame


@given(requests(), st.binary(max_size=300))
def test_fm38_noise_is_refused_or_codes_back(request: Request, noise: bytes) -> None:
    for frame in (noise, with_crc(noise)):
        try:
            words = check_reply(request, frame)
        except ReplyFault:
            continue
        assert reply_with(request, words) == frame


@given(st.data())
def test_a_right_reply_is_never_judged_before_its_last_byte(data: st.DataObject) -> None:
    request = data.draw(requests())
    frame, _ = right_reply(request, data.draw)
    for size in range(len(frame)):
        assert 0 < missing_bytes(request, frame[:size]) <= len(frame) - size
    assert missing_bytes(request, frame) == 0


DEADLINE_S = 0.2
TURNAROUND_S = 0.3
GAP_S = 0.002
LATEST_S = 2 * TURNAROUND_S
"""How long after its request a reply may come without ever being mistaken: twice what the line is configured for."""
LATEST_ANSWERING_S = MISSES_MAX * DEADLINE_S + (MISSES_MAX + 1) * TURNAROUND_S
"""The same for a unit that answers loopbacks: the line's other defence is in order alone. Here six times."""
LOST = -1.0


@dataclass
class LateUnit:
    """Answers in order, each reply up to ``latest_s`` after its request; the register at an address is the address."""

    manner: str
    latest_s: float
    delays_ratio: Iterator[float]
    on_the_way: list[tuple[float, bytes]] = field(default_factory=list)
    last_s: float = 0.0

    def hear(self, frame: bytes, now_s: float) -> None:
        delay_ratio = next(self.delays_ratio)
        if frame[1] == 8 and self.manner == "ignores":
            return
        if delay_ratio == LOST:
            return
        if delay_ratio < LOST:  # a disturbance comes first, and ends the request early
            heapq.heappush(self.on_the_way, (now_s + 1e-6, b"\x00"))
            delay_ratio = LOST - delay_ratio
        if frame[1] == 8:
            reply = frame if self.manner == "answers" else with_crc(bytes([frame[0], 0x88, 1]))
        else:
            reply = with_crc(frame[:2] + b"\x02" + frame[2:4])
        self.last_s = max(self.last_s + 1e-6, now_s + delay_ratio * self.latest_s)
        heapq.heappush(self.on_the_way, (self.last_s, reply))


class Talk:
    """What the link does, without a port: waits, asks, and takes what arrives meanwhile."""

    def __init__(self, unit: LateUnit) -> None:
        self.line = SerialLine(gap_s=GAP_S, turnaround_s=TURNAROUND_S)
        self.unit = unit
        self.now_s = 0.0
        self.line.opened(self.now_s)

    def pass_time(self, until_s: float) -> None:
        """Go on until a reply arrives, at the latest until then."""
        if self.unit.on_the_way and self.unit.on_the_way[0][0] <= until_s:
            self.now_s, reply = heapq.heappop(self.unit.on_the_way)
            self.line.receive(reply, self.now_s)
        else:
            self.now_s = until_s + 1e-9

    def read(self, address: int) -> int | None:
        for _ in range(3):
            while (wait_s := self.line.ready_in_s(self.now_s)) > 0.0:
                self.pass_time(self.now_s + wait_s)
            if not self.line.needs_loopback(1):
                words = self.ask(ReadRequest(0, 1, Table.HOLDING, address, 1))
                return words[0] if words else None
            if self.ask(self.line.loopback(1)) is None:
                return None
        return None

    def ask(self, request: RtuRequest) -> tuple[int, ...] | None:
        self.unit.hear(self.line.begin(request, self.now_s), self.now_s)
        give_up_s = self.now_s + DEADLINE_S
        while (settle_s := self.line.settled_in_s(self.now_s)) is None or settle_s > 0.0:
            if self.now_s >= give_up_s:
                self.line.give_up(self.now_s)
                return None
            self.pass_time(give_up_s if settle_s is None else min(give_up_s, self.now_s + settle_s))
        try:
            return self.line.finish(self.now_s)
        except ReplyFault:
            return None


late = st.one_of(st.just(0.0), st.floats(0.0, 0.05), st.floats(0.0, 0.98))
late_lost_or_disturbed = late | st.just(LOST) | st.floats(LOST - 0.98, LOST - 0.01)
pauses_s = st.sampled_from([0.0, 0.1, 0.7])


def check_every_read_gives_its_own_register_or_nothing(talk: Talk, pause_s: float) -> None:
    for address in range(1, 60):
        assert talk.read(address) in (None, address)
        until_s = talk.now_s + pause_s
        while talk.now_s < until_s:
            talk.pass_time(until_s)


@pytest.mark.parametrize("manner", ["answers", "refuses", "ignores"])
@settings(max_examples=200)
@given(delays=st.lists(late_lost_or_disturbed, min_size=1, max_size=60), pause_s=pauses_s)
def test_fm39_no_late_reply_ever_becomes_another_registers_value(
    manner: str, delays: list[float], pause_s: float
) -> None:
    """Whatever a unit does about loopbacks, and with replies lost and noise before them at will."""
    unit = LateUnit(manner, LATEST_S, itertools.cycle(delays))
    check_every_read_gives_its_own_register_or_nothing(Talk(unit), pause_s)


@settings(max_examples=200)
@given(delays=st.lists(late, min_size=1, max_size=60), pause_s=pauses_s)
@example(delays=[0.943359375, 0.0, 0.0, 0.0, 0.0, 0.5], pause_s=0.0)  # an echo as the deadline passed, its silence not
def test_fm39_a_unit_that_answers_loopbacks_may_be_even_later(delays: list[float], pause_s: float) -> None:
    """Once it has answered one, and as long as none of its replies is lost."""
    unit = LateUnit("answers", LATEST_ANSWERING_S, itertools.chain([0.0], itertools.cycle(delays)))
    check_every_read_gives_its_own_register_or_nothing(Talk(unit), pause_s)


def test_the_law_above_can_fail() -> None:
    """A unit much slower than configured that ignores loopbacks is beyond what anyone can tell apart."""
    wrong = 0
    for lateness in range(1, 40):
        talk = Talk(
            LateUnit("ignores", DEADLINE_S + 4 * TURNAROUND_S, itertools.cycle([0.0, 0.0, lateness / 40, 0.98]))
        )
        wrong += sum(talk.read(address) not in (None, address) for address in range(1, 40))
    assert wrong > 0
