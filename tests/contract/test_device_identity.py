"""A device that is not the one configured is never written and never believed; a restart voids all. FM-20."""

from gateway import UPTIME_ADDRESS
from gateway_rig import block_profile, polled

from coolantd.errors import Fault
from coolantd.point import Quality, Reason

PERIOD_S = 1.0
ASK_AGAIN_S = 30.0
"""A wrong device is asked again this often."""
WRONG = "PUMP-B"
PROFILE = block_profile(4, identity="PUMP-A", setpoint=True)


async def test_fm20_a_wrong_device_is_never_written_and_never_believed_until_it_is_exchanged() -> None:
    def prepare(gateway) -> None:
        gateway.units[1].identity = WRONG

    async with polled(range(1, 3), PROFILE, rate_ratio=20.0, period_s=PERIOD_S, prepare=prepare) as rig:
        wrong, right = rig.gateway.units[1], rig.gateway.units[2]
        await rig.until(lambda: rig.devices[1].fault is Fault.WRONG_DEVICE, 5.0)
        outcomes = []
        for value in range(10):
            outcomes.append(rig.write(1, value))
            await rig.clock.sleep(1.0)
            assert not rig.good(1)
        assert [await outcome for outcome in outcomes] == [Fault.WRONG_DEVICE] * 10
        assert wrong.writes == []
        assert wrong.answers(0) == []  # not even asked for values
        sample = rig.sample(1, "p0_count")
        assert (sample.quality, sample.reason) == (Quality.BAD, Reason.CONFIGURATION_ERROR)
        device = rig.devices[1]
        assert (device.up, device.fault) == (False, Fault.WRONG_DEVICE)
        assert rig.good(2)
        assert await rig.write(2, 33) is None
        assert right.writes
        wrong.identity = "PUMP-A"
        back_s = await rig.until(lambda: rig.good(1, range(4)), ASK_AGAIN_S + 3.0)
        print(f"\nexchanged for the right one: used again after {back_s:.1f} s")
        assert await rig.write(1, 44) is None
        assert len(wrong.writes) == 1


async def test_fm20_a_device_exchanged_while_it_was_silent_is_found_out_before_anything_else() -> None:
    async with polled(range(1, 3), PROFILE, rate_ratio=10.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: rig.good(1), 10.0)
        unit.silent = True
        await rig.until(lambda: not rig.devices[1].up, 10.0)
        returned_s = rig.clock.now_s()
        unit.identity, unit.silent = WRONG, False
        await rig.until(lambda: rig.devices[1].fault is Fault.WRONG_DEVICE, 10.0)
        assert await rig.write(1, 55) is Fault.WRONG_DEVICE
        await rig.clock.sleep(5.0)
        assert not rig.good(1)
        assert rig.sample(1, "p0_count").time_s < returned_s or rig.sample(1, "p0_count").quality is Quality.BAD
        assert unit.writes == []


async def test_fm20_a_device_exchanged_behind_a_new_connection_is_found_out() -> None:
    async with polled(range(1, 2), PROFILE, rate_ratio=10.0, period_s=PERIOD_S) as rig:
        await rig.until(lambda: rig.good(1), 10.0)
        gateway, unit = rig.gateway, rig.gateway.units[1]
        await gateway.stop()
        unit.identity = WRONG
        await gateway.start()
        await rig.until(lambda: rig.devices[1].fault is Fault.WRONG_DEVICE, 10.0)
        assert await rig.write(1, 55) is Fault.WRONG_DEVICE
        assert unit.writes == []


async def test_a_restart_voids_everything_once_and_the_device_is_used_again() -> None:
    profile = block_profile(4, identity="PUMP-A", uptime=True)
    async with polled(range(1, 3), profile, rate_ratio=5.0, period_s=PERIOD_S) as rig:
        unit, device = rig.gateway.units[1], rig.devices[1]
        await rig.until(lambda: rig.good(1, range(4)), 10.0)
        await rig.clock.sleep(3.0)
        assert device.restarts == 0
        unit.restart(rig.clock.now_s())
        asked = len(unit.heard)
        voided_s = await rig.until(lambda: device.restarts == 1, 2.5 * PERIOD_S)
        await rig.until(lambda: rig.good(1, range(4)), 3 * PERIOD_S)
        names = [heard.address for heard in unit.heard[asked:]]
        await rig.clock.sleep(10.0)
        print(f"\nrestart seen after {voided_s:.2f} s")
        assert 200 in names  # its identity was asked again
        assert device.restarts == 1
        assert rig.devices[2].restarts == 0
        assert rig.good(1, range(4))


async def test_every_point_of_a_restarted_device_is_bad_once() -> None:
    profile = block_profile(4, identity="PUMP-A", uptime=True)
    async with polled(range(1, 2), profile, rate_ratio=2.0, period_s=PERIOD_S) as rig:
        unit = rig.gateway.units[1]
        await rig.until(lambda: rig.good(1, range(4)), 10.0)
        await rig.until(lambda: unit.answers(UPTIME_ADDRESS), 10.0)
        await rig.clock.sleep(0.1)
        unit.delay_s = 0.2  # so that the moment is long enough to be seen
        unit.restart(rig.clock.now_s())
        await rig.until(lambda: rig.sample(1, "p0_count").reason is Reason.NO_COMMUNICATION, 3.0)
        assert {rig.sample(1, f"p{address}_count").quality for address in range(4)} == {Quality.BAD}
        await rig.until(lambda: rig.good(1, range(4)), 3.0)
