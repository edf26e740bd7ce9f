"""When a serial line may be used and what is believed on it, moment by moment (FM-39)."""

import pytest

from coolantd.errors import Fault
from coolantd.protocol.line import MISSES_MAX, SerialLine
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, WriteRequest
from coolantd.protocol.rtu import RtuRequest, request_frame, with_crc

GAP_S = 0.002
TURNAROUND_S = 0.5
UNIT = 7


def read(unit: int = UNIT) -> ReadRequest:
    return ReadRequest(0, unit, Table.HOLDING, 100, 1)


def reply(word: int, unit: int = UNIT) -> bytes:
    return with_crc(bytes([unit, 3, 2]) + word.to_bytes(2, "big"))


class Rig:
    """A line and the time, in small steps of talk."""

    def __init__(self, *, loopback: bool = True) -> None:
        self.line = SerialLine(gap_s=GAP_S, turnaround_s=TURNAROUND_S, loopback=loopback)
        self.now_s = 50.0
        self.line.opened(self.now_s)

    def wait(self, duration_s: float) -> None:
        self.now_s += duration_s

    def wait_until_ready(self) -> float:
        wait_s = self.line.ready_in_s(self.now_s)
        self.now_s += wait_s + 1e-9
        return wait_s

    def hear(self, data: bytes) -> None:
        self.line.receive(data, self.now_s)

    def exchange(self, request: RtuRequest, answer: bytes) -> tuple[int, ...]:
        self.wait_until_ready()
        self.line.begin(request, self.now_s)
        self.wait(0.01)
        self.hear(answer)
        settle_s = self.line.settled_in_s(self.now_s)
        assert settle_s is not None
        self.wait(settle_s + 1e-9)
        return self.line.finish(self.now_s)

    def trust(self, unit: int = UNIT) -> None:
        self.wait_until_ready()
        loopback = self.line.loopback(unit)
        self.exchange(loopback, request_frame(loopback))

    def miss(self, request: RtuRequest, wait_s: float = 0.25) -> ReplyFault:
        self.wait_until_ready()
        self.line.begin(request, self.now_s)
        self.wait(wait_s)
        missed = self.line.give_up(self.now_s)
        assert missed is not None
        return missed


@pytest.fixture
def rig() -> Rig:
    rig = Rig()
    rig.trust()
    return rig


def test_a_line_just_opened_is_silent_for_a_turnaround_and_trusts_nobody() -> None:
    rig = Rig()
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)
    assert rig.line.needs_loopback(1)
    assert rig.line.needs_loopback(250)


def test_opening_anew_makes_known_units_suspect_again(rig: Rig) -> None:
    assert not rig.line.needs_loopback(UNIT)
    rig.line.opened(rig.now_s)
    assert rig.line.needs_loopback(UNIT)
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)


def test_the_gap_between_frames_is_kept_even_where_units_are_quicker_than_it() -> None:
    line = SerialLine(gap_s=0.032, turnaround_s=0.01)
    line.opened(0.0)
    line.receive(b"\x00", 1.0)
    assert line.ready_in_s(1.02) == pytest.approx(0.012)
    assert line.ready_in_s(1.033) == 0.0


def test_a_good_reply_is_judged_after_the_gap_and_the_next_request_may_follow_at_once(rig: Rig) -> None:
    assert rig.exchange(read(), reply(0x1234)) == (0x1234,)
    assert rig.line.ready_in_s(rig.now_s) == 0.0
    assert not rig.line.needs_loopback(UNIT)
    assert rig.line.counts.quiet_times == 1  # the one after opening


def test_a_reply_is_complete_only_with_its_last_byte(rig: Rig) -> None:
    rig.line.begin(read(), rig.now_s)
    for byte in reply(5)[:-1]:
        rig.hear(bytes([byte]))
        assert rig.line.settled_in_s(rig.now_s + 1.0) is None
    rig.hear(reply(5)[-1:])
    assert rig.line.settled_in_s(rig.now_s) == pytest.approx(GAP_S)


def test_bytes_within_the_gap_behind_a_reply_make_it_worthless(rig: Rig) -> None:
    with pytest.raises(ReplyFault) as caught:
        rig.exchange(read(), reply(5) + reply(6))
    assert caught.value.fault is Fault.MALFORMED
    assert rig.line.needs_loopback(UNIT)
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)


def test_a_timeout_makes_the_line_silent_for_a_turnaround_and_its_unit_suspect(rig: Rig) -> None:
    rig.trust(unit=8)
    assert rig.miss(read()).fault is Fault.TIMEOUT
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)
    assert rig.line.needs_loopback(UNIT)
    assert not rig.line.needs_loopback(8)


def test_a_late_reply_in_the_quiet_time_is_discarded_and_the_silence_counts_from_it(rig: Rig) -> None:
    rig.miss(read())
    rig.wait(0.4)
    rig.hear(reply(0x1111))
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)
    assert rig.line.counts.discarded_bytes == 7
    assert rig.line.counts.quiet_times == 2
    rig.trust()
    assert rig.exchange(read(), reply(0x2222)) == (0x2222,)


def test_a_reply_later_than_the_quiet_time_ends_before_the_loopback_and_never_in_a_value(rig: Rig) -> None:
    rig.miss(read())
    rig.wait_until_ready()
    loopback = rig.line.loopback(UNIT)
    rig.line.begin(loopback, rig.now_s)
    rig.hear(reply(0x1111))
    assert rig.line.settled_in_s(rig.now_s + 1.0) is None
    rig.hear(request_frame(loopback))
    rig.wait(GAP_S)
    assert rig.line.finish(rig.now_s) == ()
    assert rig.exchange(read(), reply(0x2222)) == (0x2222,)


def test_a_suspect_unit_cannot_be_asked_and_a_line_in_use_or_quiet_not_be_used(rig: Rig) -> None:
    with pytest.raises(RuntimeError, match="unit 9 was asked before"):
        rig.line.begin(read(9), rig.now_s)
    rig.line.begin(read(), rig.now_s)
    with pytest.raises(RuntimeError, match="before it was ready"):
        rig.line.begin(read(), rig.now_s)
    rig.line.give_up(rig.now_s)
    with pytest.raises(RuntimeError, match="before it was ready"):
        rig.line.begin(rig.line.loopback(UNIT), rig.now_s)


def test_part_of_a_reply_is_malformed_and_a_second_giving_up_is_nothing(rig: Rig) -> None:
    rig.line.begin(read(), rig.now_s)
    rig.hear(reply(5)[:6])
    missed = rig.line.give_up(rig.now_s)
    assert missed is not None
    assert missed.fault is Fault.MALFORMED
    assert "6 of 7 bytes" in missed.detail
    assert rig.line.give_up(rig.now_s) is None


def test_bytes_nobody_asked_for_need_silence_and_a_loopback(rig: Rig) -> None:
    rig.exchange(read(), reply(5))
    rig.wait(3.0)
    rig.hear(reply(6))
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)
    assert rig.line.needs_loopback(UNIT)


def test_an_exception_is_an_answer(rig: Rig) -> None:
    with pytest.raises(ReplyFault) as caught:
        rig.exchange(read(), with_crc(bytes([UNIT, 0x83, 2])))
    assert caught.value.code == 2
    assert rig.line.ready_in_s(rig.now_s) == 0.0
    assert not rig.line.needs_loopback(UNIT)


@pytest.mark.parametrize("code", [10, 11])
def test_an_exception_by_a_gateway_is_no_answer_of_the_unit(rig: Rig, code: int) -> None:
    with pytest.raises(ReplyFault):
        rig.exchange(read(), with_crc(bytes([UNIT, 0x83, code])))
    assert rig.line.needs_loopback(UNIT)


def test_a_unit_that_never_answered_a_loopback_is_asked_without_after_one(rig: Rig) -> None:
    missed = rig.miss(rig.line.loopback(9))
    assert missed.fault is Fault.TIMEOUT
    assert not rig.line.needs_loopback(9)
    assert rig.exchange(read(9), reply(5, unit=9)) == (5,)
    assert rig.miss(read(9)).fault is Fault.TIMEOUT
    assert not rig.line.needs_loopback(9)
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(2 * TURNAROUND_S)
    rig.line.opened(rig.now_s)
    assert rig.line.needs_loopback(9)


def test_a_unit_that_answered_loopbacks_is_asked_without_after_three_only(rig: Rig) -> None:
    rig.miss(read())
    for _ in range(MISSES_MAX):
        assert rig.line.needs_loopback(UNIT)
        rig.miss(rig.line.loopback(UNIT))
    assert not rig.line.needs_loopback(UNIT)
    rig.miss(read())
    assert rig.line.needs_loopback(UNIT)


def test_a_missed_loopback_costs_twice_the_quiet_unless_the_unit_is_known_to_echo_it(rig: Rig) -> None:
    """A refusal carries no token: an old one must not be taken for the next one."""
    rig.miss(rig.line.loopback(9))
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(2 * TURNAROUND_S)
    rig.wait_until_ready()
    rig.miss(rig.line.loopback(UNIT))
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(TURNAROUND_S)


def test_a_late_answer_to_a_loopback_makes_the_unit_trusted_again(rig: Rig) -> None:
    rig.miss(read())
    loopback = rig.line.loopback(UNIT)
    rig.miss(loopback)
    rig.wait(0.1)
    rig.hear(reply(0x1111))
    assert rig.line.needs_loopback(UNIT)
    rig.hear(request_frame(loopback))
    assert not rig.line.needs_loopback(UNIT)
    assert rig.exchange(read(), reply(5)) == (5,)


def test_without_loopbacks_every_fault_costs_twice_the_quiet() -> None:
    rig = Rig(loopback=False)
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(2 * TURNAROUND_S)
    assert not rig.line.needs_loopback(UNIT)
    rig.miss(read())
    assert rig.line.ready_in_s(rig.now_s) == pytest.approx(2 * TURNAROUND_S)
    assert not rig.line.needs_loopback(UNIT)


def test_noise_is_bounded_in_memory(rig: Rig) -> None:
    rig.line.begin(read(), rig.now_s)
    rig.hear(b"\x55" * 5000)
    assert rig.line.settled_in_s(rig.now_s) == 0.0
    rig.line.give_up(rig.now_s)
    rig.wait_until_ready()
    rig.line.begin(rig.line.loopback(UNIT), rig.now_s)
    for _ in range(20):
        rig.hear(b"\x55" * 500)
    assert rig.line.settled_in_s(rig.now_s) is None
    assert len(rig.line._received) <= 256


def test_a_write_is_acknowledged_by_its_own_echo(rig: Rig) -> None:
    write = WriteRequest(0, UNIT, Table.HOLDING, 246, (75,))
    assert rig.exchange(write, request_frame(write)) == ()


@pytest.mark.parametrize("turnaround_s", [0.0, -1.0, 10.1, float("nan"), float("inf")])
def test_a_turnaround_that_cannot_be_is_refused(turnaround_s: float) -> None:
    with pytest.raises(ValueError, match="turnaround_s"):
        SerialLine(gap_s=GAP_S, turnaround_s=turnaround_s)
