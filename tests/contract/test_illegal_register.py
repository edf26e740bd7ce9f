"""One illegal register refuses the whole read: it is found and left out, the others keep their rate. FM-15."""

import pytest
from gateway_rig import block_profile, longest_gap_s, polled

from coolantd.point import Quality, Reason

PERIOD_S = 1.0
BAD = 37
GOOD = [address for address in range(60) if address != BAD]
SLACK_S = 0.1
"""What a loaded machine may add to a time here, at five times the rate: 20 ms."""


@pytest.mark.parametrize("identity", [None, "PUMP-A"])
@pytest.mark.parametrize(("period_s", "delay_s"), [(1.0, 0.01), (0.5, 0.03)])
async def test_fm15_the_other_59_of_60_registers_keep_their_rate_from_the_first_scan_on(
    identity: str | None, period_s: float, delay_s: float
) -> None:
    """Also where the search takes most of a period: twelve reads of 30 ms."""

    def prepare(gateway) -> None:
        gateway.units[1].illegal = {BAD}

    async with polled(
        range(1, 2),
        block_profile(60, identity=identity),
        rate_ratio=2.0,
        period_s=period_s,
        prepare=prepare,
        delay_s=delay_s,
    ) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: unit.heard, 5.0)
        await rig.clock.sleep(12.0 * period_s)
        first_s = min(heard.sent_s for heard in unit.heard if heard.covers(0))
        times_s = {address: [heard.done_s for heard in unit.answers(address)] for address in GOOD}
        begin_s = {address: times[0] - first_s for address, times in times_s.items()}
        longest_s = max(map(longest_gap_s, times_s.values()))
        extra = sum(not heard.answered for heard in unit.heard)
        print(
            f"\nidentity {identity}, every {period_s:g} s: 59 good registers first seen "
            f"{max(begin_s.values()):.2f} s after the first request, then at most {longest_s:.2f} s apart; "
            f"{len(unit.heard)} reads in 12 periods, {extra} refused"
        )
        assert max(begin_s.values()) <= period_s
        assert longest_s <= 1.5 * period_s
        assert all(len(times) >= 11 for times in times_s.values())
        assert all(rig.good(1, range(address, address + 1)) for address in GOOD)
        bad = rig.sample(1, f"p{BAD}_count")
        assert (bad.quality, bad.reason) == (Quality.BAD, Reason.CONFIGURATION_ERROR)
        assert rig.devices[1].up
        settled = [heard for heard in unit.heard if heard.sent_s > rig.clock.now_s() - 5.0 * period_s]
        assert {(heard.address, heard.count) for heard in settled if heard.address < 60} == {
            (0, BAD),
            (BAD + 1, 59 - BAD),
        }


async def test_a_register_that_becomes_illegal_later_costs_the_others_no_update() -> None:
    async with polled(range(1, 3), block_profile(60), rate_ratio=5.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: rig.good(1, range(60)), 5.0)
        await rig.clock.sleep(3.0)
        unit.illegal = {0, 59}
        await rig.clock.sleep(5.0)
        gaps_s = [longest_gap_s([heard.done_s for heard in unit.answers(address)]) for address in range(1, 59)]
        assert max(gaps_s) <= 1.5 * PERIOD_S
        assert rig.good(1, range(1, 59))
        assert {rig.sample(1, f"p{address}_count").reason for address in (0, 59)} == {Reason.CONFIGURATION_ERROR}
        other = longest_gap_s([heard.done_s for heard in rig.gateway.units[2].answers(0)])
        assert other <= PERIOD_S + SLACK_S * 2


async def test_a_register_that_is_legal_again_comes_back_by_itself() -> None:
    def prepare(gateway) -> None:
        gateway.units[1].illegal = {BAD}

    async with polled(range(1, 2), block_profile(60), rate_ratio=20.0, period_s=PERIOD_S, prepare=prepare) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: rig.good(1, range(BAD)), 10.0)
        await rig.clock.sleep(5.0)
        assert not rig.good(1, range(BAD, BAD + 1))
        unit.illegal = set()
        await rig.until(lambda: rig.good(1, range(60)), 65.0)
        await rig.clock.sleep(3.0)
        assert unit.heard[-1].count == 60


async def test_an_illegal_register_is_retried_when_the_device_returns() -> None:
    async with polled(range(1, 3), block_profile(60), rate_ratio=10.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[1]
        unit.illegal = {BAD}
        await rig.until(lambda: rig.good(1, range(BAD)), 10.0)
        unit.silent = True
        await rig.until(lambda: not rig.devices[1].up, 10.0)
        unit.illegal, unit.silent = set(), False
        await rig.until(lambda: rig.good(1, range(60)), 10.0)


async def test_exception_2_while_a_device_starts_condemns_nothing() -> None:
    def prepare(gateway) -> None:
        gateway.units[1].starting = True

    async with polled(range(1, 3), block_profile(60), rate_ratio=10.0, period_s=PERIOD_S, prepare=prepare) as rig:
        unit = rig.gateway.units[1]
        await rig.clock.sleep(8.0)
        asked = len(unit.heard)
        unit.starting = False
        back_s = await rig.until(lambda: rig.good(1, range(60)), 10.0)
        await rig.clock.sleep(3.0)
        print(f"\n{asked} requests while it started for 8 s, every register good {back_s:.2f} s after that")
        assert asked <= 3 * 9
        assert back_s <= PERIOD_S + SLACK_S
        assert {heard.count for heard in unit.heard[-2:]} == {60}
        other = longest_gap_s([heard.done_s for heard in rig.gateway.units[2].answers(0)])
        assert other <= 1.5 * PERIOD_S


@pytest.mark.parametrize("identity", [None, "PUMP-A"])
async def test_a_unit_of_one_read_that_refuses_everything_for_three_seconds_is_back_with_its_first_answer(
    identity: str | None,
) -> None:
    """Its program was restarted without the connection being lost: no register of it is illegal."""
    async with polled(range(1, 2), block_profile(10, identity=identity), rate_ratio=2.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: rig.good(1, range(10)), 10.0)
        await rig.clock.sleep(2.0)
        unit.starting = True
        await rig.clock.sleep(3.0)
        asked = len(unit.heard)
        unit.starting = False
        back_s = await rig.until(lambda: rig.good(1, range(10)), 30.0)
        await rig.clock.sleep(3.0)
        print(f"\nidentity {identity}: all ten good {back_s:.2f} s after it answered again")
        assert back_s <= PERIOD_S + SLACK_S
        reads = [(heard.address, heard.count) for heard in unit.heard[asked:]]
        assert reads.count((0, 10)) >= 3
        assert len(reads) <= 6  # one point alone may have been asked behind a refusal, then the whole as ever
