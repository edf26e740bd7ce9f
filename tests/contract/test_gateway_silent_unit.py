"""One silent unit of eight behind a gateway: it costs the others nothing, is noticed soon and is back at once. FM-41.

With COOLANTD_FULL=1 the silence lasts ten real minutes; ``-s`` shows the figures.
"""

import asyncio
import os
from collections import Counter

import pytest
from gateway import Silence
from gateway_rig import block_profile, longest_gap_s, lost_updates, polled

from coolantd.point import Quality
from coolantd.service.probe_pace import PROBE_SHARE

FULL = bool(os.environ.get("COOLANTD_FULL"))
SILENT_S, RATE = (600.0, 1.0) if FULL else (30.0, 5.0)
PERIOD_S = 1.0
PROBE_S = 2.0
"""A dormant unit is asked this often."""
SILENT_UNIT, UNITS = 5, range(1, 9)


@pytest.mark.slow
@pytest.mark.timeout(SILENT_S + 120.0)
@pytest.mark.parametrize("silence", Silence)
@pytest.mark.parametrize("line_timeout_s", [0.1, 0.8])
async def test_one_silent_unit_of_eight_costs_the_others_no_update(silence: Silence, line_timeout_s: float) -> None:
    async with polled(
        UNITS, block_profile(10), rate_ratio=RATE, period_s=PERIOD_S, line_timeout_s=line_timeout_s, delay_s=0.02
    ) as rig:
        gateway, clock = rig.gateway, rig.clock
        gateway.silence = silence
        silent = gateway.units[SILENT_UNIT]
        others = [unit for unit in gateway.units.values() if unit is not silent]
        await rig.until(lambda: all(rig.good(number) for number in UNITS), 10.0)
        await clock.sleep(5.0)
        silent.silent = True
        begun_s = clock.now_s()
        noticed_s = await rig.until(lambda: not rig.devices[SILENT_UNIT].up, 10.0)
        looks: Counter[Quality] = Counter()
        times_s: dict[int, set[float]] = {unit.number: set() for unit in others}
        while clock.now_s() < begun_s + SILENT_S:
            await asyncio.sleep(0.01)
            for unit in others:
                sample = rig.sample(unit.number, "p0_count")
                looks[sample.quality] += 1
                times_s[unit.number].add(round(sample.time_s, 3))  # what the daemon has, not what the gateway sent
        silent.silent = False
        ended_s = clock.now_s()
        back_s = await rig.until(lambda: rig.good(SILENT_UNIT, range(10)), 30.0)
        await clock.sleep(5.0)

        probes = [heard for heard in silent.heard if begun_s < heard.sent_s < ended_s]
        spent_s = sum(probe.done_s - probe.sent_s for probe in probes)
        lost = sum(lost_updates(sorted(times), PERIOD_S) for times in times_s.values())
        missed = sum(rig.errors(unit.number) for unit in others)
        print(
            f"\n{silence.value}, gateway waits {line_timeout_s:g} s: silent for {ended_s - begun_s:.0f} s, "
            f"noticed after {noticed_s / PERIOD_S:.2f} polls, {len(probes)} requests to it took {spent_s:.1f} s; "
            f"the other seven: {sum(map(len, times_s.values()))} updates, {lost} lost, {missed:.0f} replies missed, "
            f"longest gap {max(longest_gap_s(sorted(times)) for times in times_s.values()):.2f} s, "
            f"{100 * looks[Quality.GOOD] / looks.total():.2f} % of looks good; back after {back_s:.2f} s"
        )
        # A gateway that holds its line for 0.8 s at every probe has the others wait, and on a loaded machine skip one.
        assert lost <= (0 if line_timeout_s < 0.5 else 0.01 * sum(map(len, times_s.values())))
        assert missed == 0
        assert looks[Quality.BAD] == 0
        assert looks[Quality.UNCERTAIN] <= 0.01 * looks.total()  # an answer may wait until the gateway is free again
        assert noticed_s <= 3 * PERIOD_S
        assert len(probes) <= SILENT_S / PROBE_S + 4
        assert back_s <= PROBE_S + PERIOD_S + line_timeout_s + 0.1
        assert gateway.connections == 1


async def test_half_a_line_that_falls_silent_does_not_take_the_other_half_with_it() -> None:
    async with polled(UNITS, block_profile(10), rate_ratio=5.0, line_timeout_s=0.1, delay_s=0.02) as rig:
        await rig.until(lambda: all(rig.good(number) for number in UNITS), 10.0)
        for number in range(1, 5):
            rig.gateway.units[number].silent = True
        begun_s = rig.clock.now_s()
        while rig.clock.now_s() < begun_s + 20.0:
            await asyncio.sleep(0.01)
            assert all(rig.sample(number, "p0_count").quality is not Quality.BAD for number in range(5, 9))
        assert rig.gateway.connections == 1
        assert not any(rig.devices[number].up for number in range(1, 5))
        assert all(rig.good(number) for number in range(5, 9))
        for number in range(1, 5):
            rig.gateway.units[number].silent = False
        await rig.until(lambda: all(rig.good(number) for number in UNITS), PROBE_S + 2 * PERIOD_S)


@pytest.mark.slow
async def test_half_a_line_that_its_gateway_waits_for_costs_the_other_half_no_update() -> None:
    """Four probes of 0.8 s every 2 s would be more than the line has: together they get a quarter of it."""
    silent_numbers, well_numbers, line_timeout_s, silent_s = range(1, 5), range(5, 9), 0.8, 60.0
    async with polled(
        UNITS, block_profile(10), rate_ratio=RATE, period_s=PERIOD_S, line_timeout_s=line_timeout_s, delay_s=0.02
    ) as rig:
        await rig.until(lambda: all(rig.good(number) for number in UNITS), 10.0)
        for number in silent_numbers:
            rig.gateway.units[number].silent = True
        noticed_s = await rig.until(lambda: not any(rig.devices[number].up for number in silent_numbers), 30.0)
        await rig.until(lambda: all(rig.good(number) for number in well_numbers), 15.0)  # some were lost for a moment
        await rig.clock.sleep(5.0)
        begun_s, missed = rig.clock.now_s(), sum(rig.errors(number) for number in well_numbers)
        while rig.clock.now_s() < begun_s + silent_s:
            await asyncio.sleep(0.01)
            assert all(rig.sample(number, "p0_count").quality is not Quality.BAD for number in well_numbers)
        ended_s = rig.clock.now_s()
        for number in silent_numbers:
            rig.gateway.units[number].silent = False
        back_s = await rig.until(lambda: all(rig.good(number) for number in UNITS), 60.0)
        probes = {
            number: [heard for heard in rig.gateway.units[number].heard if begun_s < heard.sent_s < ended_s]
            for number in silent_numbers
        }
        spent_s = sum(probe.done_s - probe.sent_s for asked in probes.values() for probe in asked)
        answers_s = {
            number: [heard.sent_s for heard in rig.gateway.units[number].answers(0) if begun_s < heard.sent_s < ended_s]
            for number in well_numbers
        }
        due = int((ended_s - begun_s) / PERIOD_S) - 1  # one may come late, just beyond the end
        lost = sum(max(due - len(times_s), 0) for times_s in answers_s.values())
        print(
            f"\nfour of eight silent, noticed after {noticed_s:.1f} s, {missed:.0f} replies of the others missed; "
            f"probes {[len(asked) for asked in probes.values()]} took {100 * spent_s / (ended_s - begun_s):.0f} % of "
            f"the line; {lost} updates lost; all back after {back_s:.1f} s"
        )
        assert lost == 0
        assert sum(rig.errors(number) for number in well_numbers) == missed
        assert spent_s <= 1.15 * PROBE_SHARE * (ended_s - begun_s) + line_timeout_s
        counts = [len(asked) for asked in probes.values()]
        assert min(counts) >= 3
        assert max(counts) - min(counts) <= 1
        stretched_s = len(silent_numbers) * line_timeout_s / PROBE_SHARE
        assert back_s <= stretched_s + PERIOD_S + line_timeout_s + 0.5
        assert rig.gateway.connections == 1


async def test_a_dormant_unit_that_answers_late_is_not_forgotten() -> None:
    """A unit grown slower than the probes' learned deadline is found by a probe with the full one."""
    async with polled(range(1, 4), block_profile(4), rate_ratio=10.0, delay_s=0.01) as rig:
        unit = rig.gateway.units[2]
        await rig.until(lambda: all(rig.good(number) for number in range(1, 4)), 10.0)
        unit.silent = True
        await rig.until(lambda: not rig.devices[2].up, 10.0)
        await rig.clock.sleep(10.0)
        unit.silent, unit.delay_s = False, 0.3
        back_s = await rig.until(lambda: rig.good(2), 30.0)
        assert back_s <= 4 * PROBE_S + 2 * PERIOD_S
