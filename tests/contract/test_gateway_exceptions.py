"""Exceptions that speak of one unit's moment, or of a gateway's target, close no connection. FM-36."""

import pytest
from gateway_rig import block_profile, longest_gap_s, polled

from coolantd.point import Quality, Reason

PERIOD_S = 1.0


@pytest.mark.parametrize("code", [5, 6, 0x0A, 0x0B])
async def test_fm36_a_busy_or_absent_unit_closes_nothing_and_marks_no_other(code: int) -> None:
    async with polled(range(1, 4), block_profile(8), rate_ratio=10.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[2]
        await rig.until(lambda: all(rig.good(number) for number in range(1, 4)), 10.0)
        unit.exception = code
        for _ in range(12):
            await rig.clock.sleep(1.0)
            assert rig.good(1, range(8))
            assert rig.good(3, range(8))
        sample = rig.sample(2, "p0_count")
        assert (sample.quality, sample.reason) == (Quality.BAD, Reason.NO_COMMUNICATION)
        unit.exception = None
        back_s = await rig.until(lambda: rig.good(2, range(8)), 10.0)
        assert back_s <= 2.0 + PERIOD_S + 0.2
        assert {heard.count for heard in unit.heard} <= {8, 1}  # whole reads and probes: no register was suspected
        await rig.clock.sleep(3.0)
        assert {heard.count for heard in unit.heard[-2:]} == {8}
        assert rig.gateway.connections == 1
        for number in (1, 3):
            gap_s = longest_gap_s([heard.done_s for heard in rig.gateway.units[number].answers(0)])
            assert gap_s <= 1.5 * PERIOD_S
