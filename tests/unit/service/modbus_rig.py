"""A small Modbus device without a socket: a link that answers as told, on a clock that moves as told."""

import random

from fake_clock import FakeClock

from coolantd.config.build import PointSpec, poll_period_s
from coolantd.config.models import DeviceConfig, ModbusTcpConfig
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.profile import (
    Coding,
    Heartbeat,
    ModbusLimits,
    PollClass,
    Profile,
    RegisterPoint,
    Role,
    Table,
    UnitSelector,
    WriteRule,
)
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus, WriteJob
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.table import PointTable

TEMP, FLOW, SLOW, BEAT, SETPOINT = 0, 10, 20, 30, 40


def register(name, address, unit="degC", **changes):
    facts = {"coding": Coding.U16, "minimum": 0.0, "maximum": 200.0, "poll": PollClass.FAST, **changes}
    return RegisterPoint(name=name, table=Table.HOLDING, address=address, unit=unit, **facts)


def profile(*, heartbeat=False, selector=False, gap_s=0.0):
    points = [
        register("temp_c", TEMP, scale=0.1, imperial_unit="degF" if selector else None, maximum=60.0),
        register("flow_lpm", FLOW, "L/min"),
        register("slow_c", SLOW, poll=PollClass.NORMAL),
        register("position_pct", SETPOINT + 5, "%"),
        register(
            "setpoint_pct",
            SETPOINT,
            "%",
            write=WriteRule(role=Role.FWS_VALVE, minimum=0.0, maximum=100.0, position="position_pct"),
        ),
    ]
    if heartbeat:
        points += [register("theirs_count", BEAT, "count"), register("ours_count", BEAT + 2, "count")]
    if selector:
        coil = RegisterPoint(
            name="imperial_bool",
            table=Table.COIL,
            address=0,
            coding=Coding.BOOL,
            unit="bool",
            minimum=0.0,
            maximum=1.0,
            poll=PollClass.FAST,
        )
        points.append(coil)
    return Profile(
        name="small",
        title="small",
        source="tests",
        verified=False,
        registers=tuple(points),
        limits=ModbusLimits(request_gap_s=gap_s),
        heartbeat=Heartbeat(ours="ours_count", theirs="theirs_count", wrap_count=9, period_s=1.0, timeout_s=5.0)
        if heartbeat
        else None,
        unit_selector=UnitSelector(point="imperial_bool") if selector else None,
    )


class FakeLink:
    """Answers reads from ``words``; ``faults`` by address (or "connect") instead of an answer; logs everything."""

    def __init__(self, clock):
        self.clock = clock
        self.connected = False
        self.words = {TEMP: 340, FLOW: 120, SLOW: 25, SETPOINT: 50, SETPOINT + 5: 50, BEAT: 1, BEAT + 2: 0}
        self.coils = {0: 0}
        self.faults = {}
        self.takes_s = 0.0
        self.log = []
        self.closed = False
        self.hangs_up = False
        self.in_flight = 0

    async def connect(self):
        self.log.append(("connect", None, self.clock.now_s()))
        if "connect" in self.faults:
            raise self.faults["connect"]
        self.connected = True

    async def read(self, unit, table, address, count, *, deadline_s):
        self.log.append(("read", address, self.clock.now_s()))
        await self._take(address, deadline_s)
        self.connected = not self.hangs_up
        source = self.coils if table is Table.COIL else self.words
        return tuple(source[address + k] for k in range(count))

    async def write(self, unit, table, address, words, *, deadline_s):
        self.log.append(("write", address, self.clock.now_s()))
        await self._take(("write", address), deadline_s)
        self.words[address] = words[0]

    async def _take(self, key, deadline_s):
        assert self.in_flight == 0, "one request in flight per bus"
        self.in_flight = 1
        try:
            await self.clock.sleep(min(self.takes_s, deadline_s))
        finally:
            self.in_flight = 0
        fault = self.faults.get(key)
        if fault is not None:
            if fault.fault is Fault.CONNECTION_LOST:
                self.connected = False
            raise fault

    async def close(self):
        self.connected, self.closed = False, True

    def times(self, kind, address=None):
        return [t for what, where, t in self.log if what == kind and address in (None, where)]


def device_config(name="cdu1", unit_id=1):
    return DeviceConfig(name=name, profile="small", modbus_tcp=ModbusTcpConfig(host="127.0.0.1", unit_id=unit_id))


class BusRig:
    """A bus with one device behind a fake link."""

    def __init__(self, *, seed=0, names=("cdu1",), **profile_changes):
        self.clock = FakeClock()
        self.metrics = Metrics()
        self.link = FakeLink(self.clock)
        self.profile = profile(**profile_changes)
        configs = [device_config(name) for name in names]
        specs = [
            PointSpec(device=c.name, point=r.name, unit=r.unit, period_s=poll_period_s(c, r.poll))
            for c in configs
            for r in self.profile.registers
        ]
        self.table = PointTable(specs)
        self.pulses = 0
        self.bus = ModbusBus(
            self.link, clock=self.clock, metrics=self.metrics, rng=random.Random(seed), pulse=self._pulse
        )
        self.devices = {c.name: ModbusDevice(c, self.profile, self.table, self.metrics) for c in configs}
        self.device = self.devices[names[0]]
        for device in self.devices.values():
            self.bus.add(device)
        self.done = []

    def _pulse(self):
        self.pulses += 1

    def write(self, value=55, *, point="setpoint_pct", device=None):
        device = device or self.device
        self.bus.submit(WriteJob(device, device.registers[point], (value,), self.clock.now_s(), self.done.append))

    def point(self, name, device="cdu1"):
        row = self.table.index[device, name]
        snapshot = self.table.snapshot(self.clock.now_s())
        return float(snapshot.value[row]), int(snapshot.quality[row]), int(snapshot.reason[row])

    def counter(self, name, **labels):
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


def fault(kind, code=None):
    return DeviceError(kind, code=code)
