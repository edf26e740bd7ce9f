"""What a unit said before it went does not count when it returns: its firmware, its words, its texts, its unit."""

import random

from fake_clock import FakeClock
from modbus_rig import FakeLink, device_config, fault, register

from coolantd.config.build import PointSpec, poll_period_s
from coolantd.errors import Fault
from coolantd.point import Quality
from coolantd.protocol.profile import Identity, ModbusLimits, PollClass, Profile, Table, TextPoint, UnitSelector
from coolantd.protocol.text import encode_text
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.outlet import RegisterOutlet
from coolantd.service.table import PointTable

MODEL = TextPoint(name="model", table=Table.HOLDING, address=500, register_count=4)
FIRMWARE = TextPoint(name="firmware", table=Table.HOLDING, address=510, register_count=2)
SERIAL = TextPoint(name="serial", table=Table.HOLDING, address=520, register_count=2)


class Asked:
    """One device without a bus: what it wants next is asked of it as a bus would, and answered from ``words``."""

    def __init__(self, *points, **facts):
        self.profile = Profile(
            registers=points, **({"name": "small", "title": "small", "source": "tests", "verified": False} | facts)
        )
        self.clock = FakeClock()
        self.now_s = self.clock.now_s()
        self.metrics = Metrics()
        config = device_config()
        self.table = PointTable(
            [
                PointSpec(device=config.name, point=p.name, unit=p.unit, period_s=poll_period_s(config, p.poll))
                for p in points
            ]
        )
        self.device = ModbusDevice(config, self.profile, self.table, self.metrics)
        self.words = {}
        self.refused = {}
        self.log = []

    def say(self, text, says):
        for k, word in enumerate(encode_text(text, says)):
            self.words[text.address + k] = word

    def connect(self):
        self.device.connected(self.now_s)

    def lose(self):
        self.device.unreachable(Fault.CONNECTION_LOST)

    def ask(self, count=1):
        """Carry out the next reads, safety first."""
        for _ in range(count):
            ask = min(self.device.agenda.asks, key=lambda each: (each.due_s > self.now_s, each.lane, each.due_s))
            self.now_s = max(self.now_s, ask.due_s)
            self.log.append(ask.address)
            self.device.sending(ask, self.now_s)
            if ask.address in self.refused:
                self.device.failed(ask, self.refused[ask.address], self.now_s, took_s=0.01)
            else:
                words = tuple(self.words.get(ask.address + k, 7) for k in range(ask.count))
                self.device.received(ask, words, self.now_s, took_s=0.01)
            self.now_s += 0.01

    def quality(self, name):
        return int(self.table.snapshot(self.now_s).quality[self.table.index["cdu1", name]])


def test_a_unit_that_returns_with_other_firmware_is_not_read_by_the_map_of_the_old_one():
    old = register("old_c", 70, poll=PollClass.FAST, firmware="1.")
    new = register("new_c", 80, poll=PollClass.FAST, firmware="2.")
    asked = Asked(register("temp_c", 0), old, new, texts=(FIRMWARE,), firmware_point="firmware")
    asked.say(FIRMWARE, "1.9")
    asked.connect()
    asked.ask(6)
    assert 70 in asked.log
    asked.lose()
    asked.say(FIRMWARE, "2.0")
    asked.log.clear()
    asked.now_s += 5.0
    asked.connect()
    asked.ask(8)
    assert asked.log[0] == FIRMWARE.address
    assert 70 not in asked.log
    assert asked.quality("new_c") == Quality.GOOD
    assert asked.quality("old_c") == Quality.BAD


def test_a_unit_whose_firmware_cannot_be_read_when_it_returns_is_read_only_where_every_firmware_agrees():
    old = register("old_c", 70, poll=PollClass.FAST, firmware="1.")
    asked = Asked(register("temp_c", 0), old, texts=(FIRMWARE,), firmware_point="firmware")
    asked.say(FIRMWARE, "1.9")
    asked.connect()
    asked.ask(6)
    asked.lose()
    asked.refused[FIRMWARE.address] = fault(Fault.EXCEPTION, 2)
    asked.log.clear()
    asked.now_s += 5.0
    asked.connect()
    asked.ask(6)
    assert 0 in asked.log
    assert 70 not in asked.log


def test_words_read_before_a_unit_went_are_not_shown_to_other_masters_after_it_returned():
    asked = Asked(register("temp_c", 0), register("made_count", 90, "count", poll=PollClass.ONCE), texts=(SERIAL,))
    asked.say(SERIAL, "A1")
    asked.connect()
    asked.ask(4)
    assert asked.device.raw.read(Table.HOLDING, SERIAL.address, 2) is not None
    assert asked.device.raw.read(Table.HOLDING, 90, 1) is not None
    asked.lose()
    asked.refused = {SERIAL.address: fault(Fault.EXCEPTION, 2), 90: fault(Fault.EXCEPTION, 4)}
    asked.now_s += 5.0
    asked.connect()
    asked.ask(4)
    assert asked.device.up
    assert asked.device.raw.read(Table.HOLDING, SERIAL.address, 2) is None
    assert asked.device.raw.read(Table.HOLDING, 90, 1) is None
    assert asked.device.raw.read(Table.HOLDING, 0, 1) is not None


def test_fm_21_after_a_loss_nothing_is_written_before_the_device_has_said_its_unit_again():
    coil = register("imperial_bool", 0, "bool", maximum=1.0)
    setpoint = register("set_c", 40, scale=0.1, imperial_unit="degF")
    asked = Asked(setpoint, coil, unit_selector=UnitSelector(point="imperial_bool"))
    asked.words[0] = 0
    asked.connect()
    asked.ask(6)
    assert asked.device.imperial(setpoint) is False
    asked.lose()
    asked.words[0] = 1
    asked.connect()
    assert asked.device.imperial(setpoint) is None
    bus = ModbusBus(FakeLink(asked.clock), clock=asked.clock, metrics=asked.metrics, rng=random.Random(1))
    done = []
    RegisterOutlet(bus, asked.device, setpoint, asked.clock).submit(20.0, done.append)
    assert done == [Fault.NOT_CONNECTED]
    asked.ask(2)
    assert asked.device.imperial(setpoint) is True


def test_a_unit_that_refuses_to_say_who_it_is_is_not_called_disconnected():
    asked = Asked(register("temp_c", 0), texts=(MODEL,), identity=Identity(point="model", text="X"))
    asked.refused[MODEL.address] = fault(Fault.EXCEPTION, 2)
    asked.connect()
    asked.ask()
    assert not asked.device.up
    assert asked.device.fault is Fault.EXCEPTION


def test_a_refused_register_whose_device_is_busy_is_not_wanted_twice():
    limits = ModbusLimits(span_max_registers=2)
    asked = Asked(*[register(f"p{k}_c", k) for k in range(6)], limits=limits)
    asked.refused[2] = fault(Fault.EXCEPTION, 2)
    asked.connect()
    for _ in range(60):
        asked.ask()
    assert len(asked.device.problems) == 1
    asked.refused[2] = fault(Fault.EXCEPTION, 6)
    wanted = len(asked.device.agenda.asks)
    for _ in range(4):
        asked.now_s += 70.0
        asked.device.release(asked.now_s)
        for _ in range(3 * wanted):
            asked.ask()
    assert len(asked.device.agenda.asks) == wanted
