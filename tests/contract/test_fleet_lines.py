"""Serial lines from configuration to samples: a fleet on real ttys, with a device whose registers are known."""

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from rtu_device import PtyLine, RtuDevice, TcpLine, value_at

from coolantd.clock import SystemClock
from coolantd.config.build import point_specs
from coolantd.config.diff import diff
from coolantd.config.load import Loaded, load
from coolantd.device.serial_port import close_port, open_port
from coolantd.point import Quality
from coolantd.service.fleet import Fleet
from coolantd.service.line_metrics import LineCollector
from coolantd.service.metrics import Metrics
from coolantd.service.table import PointTable

PATIENT_S = 10.0
PROFILE = """title = "t"
source = "s"
verified = false
[[block]]
table = "holding"
coding = "u16"
unit = "L/min"
minimum = 0
maximum = 70000
poll = "fast"
point = [{ name = "a_lpm", address = 100 }, { name = "b_lpm", address = 101 }]
"""
LINE = '[[line]]\nname = "bus"\n{way}\nturnaround_s = {turnaround_s}\n'
DEVICE = """[[device]]
name = "{name}"
profile = "own"
modbus_rtu = {{ line = "bus", unit_id = {unit} }}
poll_fast_s = 0.1
"""


class Rig:
    """A fleet, its table, and the names of the tasks whose pulse it wants to be missed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pulses: dict[str, int] = {}
        self.tasks: list[asyncio.Task[None]] = []
        self.clock, self.metrics = SystemClock(), Metrics()
        self.fleet = Fleet(
            clock=self.clock,
            metrics=self.metrics,
            rng=random.Random(1),
            spawn=self._spawn,
            pulse=lambda name: self.pulses.update({name: self.pulses.get(name, 0) + 1}),
            forget=lambda name: self.pulses.pop(name, None),
        )
        (folder / "profiles").mkdir()
        (folder / "profiles" / "own.toml").write_text(PROFILE)

    def config(self, way: str, *, turnaround_s: float = 0.02, units: tuple[int, ...] = (12,)) -> Loaded:
        devices = "".join(DEVICE.format(name=f"rpu{unit}", unit=unit) for unit in units)
        text = f'[site]\nname = "x"\n[control]\nperiod_s = 0.2\n{LINE.format(way=way, turnaround_s=turnaround_s)}'
        (self.folder / "c.toml").write_text(text + devices)
        return load(self.folder / "c.toml")

    def begin(self, way: str, **settings: object) -> None:
        self.loaded = self.config(way, **settings)
        self.table = PointTable(point_specs(self.loaded))
        self.fleet.build(self.loaded, self.table)

    def reload(self, way: str, **settings: object) -> None:
        new = self.config(way, **settings)
        found = diff(self.loaded, new)
        table = PointTable(point_specs(new))
        self.fleet.change(new, table, removed=set(found.devices_removed), changed=set(found.devices_changed))
        self.loaded, self.table = new, table

    def values(self) -> list[float]:
        """Every value, NaN where it is not good."""
        snapshot = self.table.snapshot(self.clock.now_s())
        good = snapshot.quality == Quality.GOOD
        return [float(value) if fine else float("nan") for value, fine in zip(snapshot.value, good, strict=True)]

    def up(self) -> list[bool]:
        return [view.up for view in self.fleet.views(self.clock.now_s())]

    def all_read(self) -> bool:
        return self.values() == [value_at(100), value_at(101)] * len(self.loaded.config.devices)

    def _spawn(self, work: object, *, name: str) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        task.set_name(name)
        self.tasks.append(task)
        return task


@pytest.fixture
def device() -> RtuDevice:
    return RtuDevice()


@pytest.fixture
async def rig(tmp_path: Path) -> AsyncIterator[Rig]:
    made = Rig(tmp_path)
    yield made
    await made.fleet.stop(1.0, farewell=b"")
    await asyncio.wait(made.tasks, timeout=1.0)
    assert all(task.done() for task in made.tasks), "a bus outlived its fleet"


@pytest.fixture
async def pty(device: RtuDevice) -> AsyncIterator[PtyLine]:
    line = PtyLine(device)
    await line.start()
    yield line
    await line.stop()


async def wait_for(what: str, there: Callable[[], object]) -> None:
    for _ in range(int(PATIENT_S / 0.02)):
        if there():
            return
        await asyncio.sleep(0.02)
    pytest.fail(f"no {what} within {PATIENT_S:g} s")


def port(path: str | Path, more: str = "") -> str:
    return f'port = "{path}"\nbaudrate = 115200{more}'


async def test_units_of_a_line_share_one_bus_and_are_shown_by_its_name(rig: Rig, pty: PtyLine) -> None:
    rig.begin(port(pty.path), units=(12, 255))
    await wait_for("samples of both units", rig.all_read)
    views = rig.fleet.views(rig.clock.now_s())
    assert [(view.transport, view.endpoint, view.up) for view in views] == [
        ("modbus_rtu", "bus/12", True),
        ("modbus_rtu", "bus/255", True),
    ]
    assert [task.get_name() for task in rig.tasks] == ["modbus bus"]
    assert rig.pulses.keys() == {"modbus bus"}
    assert rig.fleet.bus_of("rpu12") == ("bus", ["rpu12", "rpu255"])


async def test_a_line_behind_a_converter(rig: Rig, device: RtuDevice) -> None:
    line = TcpLine(device)
    await line.start()
    rig.begin(f'host = "127.0.0.1"\ntcp_port = {line.port}')
    await wait_for("samples", rig.all_read)
    views = rig.fleet.views(rig.clock.now_s())
    assert [(view.transport, view.endpoint, view.up) for view in views] == [("modbus_rtu", "bus/12", True)]
    await line.stop()


async def test_what_the_line_has_been_through_is_counted_per_line(rig: Rig, pty: PtyLine) -> None:
    collector = LineCollector(rig.fleet.line_counts)
    assert list(collector.collect()) == []
    rig.metrics.registry.register(collector)
    rig.begin(port(pty.path))
    await wait_for("samples", rig.all_read)

    def count(name: str) -> float | None:
        return rig.metrics.registry.get_sample_value(f"coolantd_line_{name}_total", {"line": "bus"})

    assert count("loopbacks") == 1.0
    assert count("loopbacks_missed") == 0.0
    assert count("quiet_times") == 1.0
    assert count("discarded_bytes") == 0.0


async def test_an_adapter_unplugged_and_back_under_its_path_is_found_again(rig: Rig, tmp_path: Path) -> None:
    """What udev does: the by-id link goes with the adapter, and comes back pointing at another tty."""
    by_id = tmp_path / "usb-adapter"
    first = RtuDevice()
    line = PtyLine(first)
    await line.start()
    by_id.symlink_to(line.path)
    rig.begin(port(by_id))
    await wait_for("samples", rig.all_read)

    by_id.unlink()
    await line.stop()
    await wait_for("the loss being noticed", lambda: rig.up() == [False])
    await wait_for("no value being good any longer", lambda: all(map(math.isnan, rig.values())))
    assert rig.tasks[0].done() is False

    second = RtuDevice()
    other = PtyLine(second)
    await other.start()
    by_id.symlink_to(other.path)
    await wait_for("samples again", rig.all_read)
    assert second.plainly_asked
    assert rig.up() == [True]
    await other.stop()


async def test_a_changed_line_is_opened_anew_and_an_unchanged_one_is_not(rig: Rig, pty: PtyLine) -> None:
    rig.begin(port(pty.path))
    await wait_for("samples", rig.all_read)
    rig.reload(port(pty.path), units=(12, 13))
    assert len(rig.tasks) == 1, "a device that joins does not disturb the line"
    await wait_for("samples of the device that joined", rig.all_read)

    rig.reload(port(pty.path), turnaround_s=0.03, units=(12, 13))
    assert len(rig.tasks) == 2
    await wait_for("samples over the new line", rig.all_read)
    await wait_for("the old bus to end", rig.tasks[0].done)
    rig.pulses.clear()
    await wait_for("a pulse of the new bus", lambda: rig.pulses)
    assert rig.pulses.keys() == {"modbus bus"}


async def test_a_line_that_leaves_takes_its_pulse_with_it(rig: Rig, pty: PtyLine) -> None:
    """A pulse that nobody gives any more would keep the watchdog from being fed."""
    rig.begin(port(pty.path))
    await wait_for("samples", rig.all_read)
    rig.reload('host = "127.0.0.1"\ntcp_port = 1')  # nobody listens there
    await wait_for("the old bus to end", rig.tasks[0].done)
    assert rig.up() == [False]


async def test_a_port_that_is_not_there_is_tried_again_and_again(rig: Rig, tmp_path: Path) -> None:
    rig.begin(port(tmp_path / "nothing"))
    await wait_for(
        "a second attempt",
        lambda: (
            rig.metrics.registry.get_sample_value(
                "coolantd_device_errors_total", {"device": "rpu12", "fault": "not_connected"}
            )
            == 2.0
        ),
    )
    assert rig.up() == [False]
    assert not rig.tasks[0].done()


async def test_a_pause_leaves_the_line_to_others_until_it_is_resumed(rig: Rig, device: RtuDevice, pty: PtyLine) -> None:
    rig.begin(port(pty.path), units=(12, 13))
    await wait_for("samples", rig.all_read)
    rig.fleet.pause("rpu13", rig.clock.now_s() + 600.0)
    assert rig.fleet.hushed() == {"rpu12", "rpu13"}
    await asyncio.sleep(0.2)
    asked = len(device.asked)
    taken = open_port(pty.path, baudrate=9600, parity="N", stopbits=1)
    await asyncio.sleep(0.5)
    close_port(taken)
    assert len(device.asked) == asked
    views = rig.fleet.views(rig.clock.now_s())
    assert [(view.up, view.fault) for view in views] == [(False, "paused")] * 2
    assert all(599.0 <= view.paused_left_s <= 600.0 for view in views)
    rig.fleet.resume("rpu12")
    await wait_for("samples again", rig.all_read)
    assert rig.fleet.hushed() == frozenset()


@pytest.mark.parametrize("settings", [{"units": (12, 13)}, {"turnaround_s": 0.03}], ids=["same line", "changed line"])
async def test_a_pause_survives_a_reload(
    rig: Rig, device: RtuDevice, pty: PtyLine, settings: dict[str, object]
) -> None:
    """Whoever works on the line has not finished because somebody else edits the configuration."""
    rig.begin(port(pty.path))
    await wait_for("samples", rig.all_read)
    rig.fleet.pause("rpu12", rig.clock.now_s() + 600.0)
    await asyncio.sleep(0.2)
    asked = len(device.asked)
    rig.reload(port(pty.path), **settings)
    await asyncio.sleep(0.5)
    assert len(device.asked) == asked
    assert "rpu12" in rig.fleet.hushed()
