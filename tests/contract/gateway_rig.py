"""The daemon's polling engine before a gateway on a real socket: a bus, its devices and their point table."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from itertools import pairwise

from gateway import IDENTITY_ADDRESS, IDENTITY_REGISTERS, UPTIME_ADDRESS, Gateway

from coolantd.clock import SystemClock
from coolantd.config.build import PointSpec, poll_period_s
from coolantd.config.models import DeviceConfig, ModbusTcpConfig
from coolantd.device.modbus import ModbusTcpLink
from coolantd.point import Quality, Reason, Sample
from coolantd.protocol.profile import (
    Access,
    Coding,
    Identity,
    ModbusLimits,
    PollClass,
    Profile,
    RegisterPoint,
    Role,
    Table,
    TextPoint,
    WriteRule,
)
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus, WriteJob
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.table import PointTable

SETPOINT_ADDRESS = 400


def register(address: int, **changes: object) -> RegisterPoint:
    facts: dict[str, object] = {
        "name": f"p{address}_count",
        "table": Table.HOLDING,
        "address": address,
        "coding": Coding.U16,
        "unit": "count",
        "minimum": 0.0,
        "maximum": 65_535.0,
        "poll": PollClass.FAST,
    }
    return RegisterPoint(**(facts | changes))


def block_profile(
    registers: int, *, identity: str | None = None, uptime: bool = False, setpoint: bool = False
) -> Profile:
    """Return a device of one fast block from address 0, and what else a test needs of it."""
    points = [register(address) for address in range(registers)]
    if uptime:
        points.append(register(UPTIME_ADDRESS, name="uptime_s", coding=Coding.U32, unit="s", maximum=1e9))
    if setpoint:
        rule = WriteRule(role=Role.FWS_VALVE, minimum=0.0, maximum=100.0, position="position_pct")
        percent = {"unit": "%", "maximum": 100.0}
        points += [
            register(SETPOINT_ADDRESS, name="setpoint_pct", access=Access.READ_WRITE, write=rule, **percent),
            register(SETPOINT_ADDRESS + 1, name="position_pct", **percent),
        ]
    model = TextPoint(name="model", table=Table.HOLDING, address=IDENTITY_ADDRESS, register_count=IDENTITY_REGISTERS)
    return Profile(
        name="block",
        title="block",
        source="tests",
        verified=False,
        registers=tuple(points),
        texts=(model,) if identity else (),
        identity=Identity(point="model", text=identity) if identity else None,
        uptime_point="uptime_s" if uptime else None,
        limits=ModbusLimits(),
    )


class GatewayRig:
    """A bus and the devices of one profile behind a gateway, one for each of its units.

    Attributes:
        period_s: of the fast class.
    """

    def __init__(self, gateway: Gateway, profile: Profile, clock: SystemClock, *, period_s: float = 1.0) -> None:
        self.gateway, self.clock, self.period_s = gateway, clock, period_s
        self.metrics = Metrics()
        configs = [
            DeviceConfig(
                name=f"unit{number}",
                profile=profile.name,
                modbus_tcp=ModbusTcpConfig(host="127.0.0.1", port=gateway.port, unit_id=number),
                poll_fast_s=period_s,
            )
            for number in gateway.units
        ]
        self.table = PointTable(
            [
                PointSpec(device=config.name, point=p.name, unit=p.unit, period_s=poll_period_s(config, p.poll))
                for config in configs
                for p in profile.registers
            ]
        )
        link = ModbusTcpLink("127.0.0.1", gateway.port, clock=clock)
        self.bus = ModbusBus(link, clock=clock, metrics=self.metrics, rng=random.Random(1))
        self.devices = {
            config.unit_id: ModbusDevice(config, profile, self.table, self.metrics)
            for config in configs
            if config.unit_id is not None
        }
        for device in self.devices.values():
            self.bus.add(device)

    def sample(self, number: int, point: str) -> Sample:
        """Return a point as control would see it now."""
        row = self.table.index[f"unit{number}", point]
        now_s = self.clock.now_s()
        seen = self.table.snapshot(now_s)
        age_s = float(seen.age_s[row])
        return Sample(float(seen.value[row]), Quality(seen.quality[row]), Reason(seen.reason[row]), now_s - age_s)

    def good(self, number: int, addresses: range = range(1)) -> bool:
        """Return whether these points of a unit are good now."""
        return all(self.sample(number, f"p{address}_count").quality is Quality.GOOD for address in addresses)

    def errors(self, number: int) -> float:
        """Return how many exchanges with a unit have failed."""
        values = self.metrics.device_errors.collect()[0].samples
        return sum(s.value for s in values if s.name.endswith("_total") and s.labels["device"] == f"unit{number}")

    def write(self, number: int, value: int) -> "asyncio.Future[object]":
        """Queue a write of the setpoint; the future says what became of it."""
        outcome: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        device = self.devices[number]
        job = WriteJob(device, device.registers["setpoint_pct"], (value,), self.clock.now_s(), outcome.set_result)
        self.bus.submit(job)
        return outcome

    async def until(self, condition, within_s: float) -> float:
        """Wait until something is so and return how long that took; fail if it is not in time."""
        begun_s = self.clock.now_s()
        async with self.clock.timeout(within_s):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event
                await asyncio.sleep(0.002)
        return self.clock.now_s() - begun_s


@asynccontextmanager
async def polled(
    numbers: range,
    profile: Profile,
    *,
    rate_ratio: float = 1.0,
    period_s: float = 1.0,
    prepare=lambda gateway: None,
    **gateway_facts: float,
) -> AsyncIterator[GatewayRig]:
    """Run a gateway and the bus before it; ``prepare`` may change units before the first request."""
    clock = SystemClock(rate_ratio)
    gateway = Gateway(numbers, clock, **gateway_facts)
    await gateway.start()
    prepare(gateway)
    rig = GatewayRig(gateway, profile, clock, period_s=period_s)
    task = asyncio.create_task(rig.bus.run())
    try:
        yield rig
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        await gateway.stop()


def lost_updates(times_s: list[float], period_s: float) -> int:
    """Return how many updates are missing, one being due every period; one that came late is not lost."""
    return max(round((times_s[-1] - times_s[0]) / period_s) - (len(times_s) - 1), 0)


def longest_gap_s(times_s: list[float]) -> float:
    """Return the longest time between two updates."""
    return max((after - before for before, after in pairwise(times_s)), default=float("inf"))
