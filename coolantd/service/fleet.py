"""Every bus, broker link and device of a site: built from a configuration, changed only by a reload."""

import asyncio
import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from coolantd.clock import Clock
from coolantd.config.line_models import LineConfig
from coolantd.config.load import Loaded
from coolantd.config.models import DeviceConfig, MqttConfig
from coolantd.config.secrets import mqtt_password
from coolantd.control.plan import Plan
from coolantd.device.mqtt import Message, MqttLink
from coolantd.device.mqtt_connection import Connect, MqttConnection
from coolantd.device.rtu_link import RtuLink
from coolantd.errors import CoolantdError
from coolantd.protocol.line import LineCounts
from coolantd.protocol.profile import Profile
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.device_outlet import DeviceOutlet
from coolantd.service.device_views import bus_view, modbus_view, mqtt_view
from coolantd.service.links import LinkMaker, Way, make_link, way_to
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.mqtt_bus import MqttBus, MqttDevice, make_mqtt_bus
from coolantd.service.outlets import Outlets
from coolantd.service.table import PointTable
from coolantd.service.view import BusView, DeviceView

MQTT_TASK: Final = "mqtt"

Spawn = Callable[..., "asyncio.Task[None]"]


class Fleet:
    """The wire side of the daemon: one bus for each TCP endpoint or serial line, one link to the broker.

    Args:
        spawn: starts a named task that ends with the daemon (``TaskGroup.create_task``).
        pulse: called with a task's name at every turn of its loop.
        forget: called with a task's name when it ends on purpose.
        resumed: told (bus, its devices) when a pause has ended by itself.
        make_link: makes the link of a bus.
        connect: makes the connections to the broker.

    Attributes:
        mqtt: the broker's bus, or None when no broker is configured.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        metrics: Metrics,
        rng: random.Random,
        spawn: Spawn,
        pulse: Callable[[str], None],
        forget: Callable[[str], None],
        resumed: Callable[[str, list[str]], None] = lambda bus, devices: None,  # noqa: ARG005 - tells nobody
        make_link: LinkMaker = make_link,
        connect: Connect = MqttConnection,
    ) -> None:
        self.mqtt: MqttBus | None = None
        self._make_link = make_link
        self._connect = connect
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._broker_rng = _stream_of(rng)  # its troubles shift no moment at which a bus comes back (I13)
        self._spawn = spawn
        self._pulse = pulse
        self._forget = forget
        self._resumed = resumed
        self._outlets = Outlets(clock, metrics)
        self._buses: dict[Way, ModbusBus] = {}
        self._lines: dict[str, LineConfig] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._leaving: frozenset[str] = frozenset()
        self._mqtt_task: asyncio.Task[None] | None = None
        self._mqtt_config: MqttConfig | None = None

    def build(self, loaded: Loaded, table: PointTable) -> None:
        """Begin to serve every device of a configuration.

        Raises:
            ConfigError: the broker password cannot be read.
        """
        self._set_broker(loaded, table)
        self._lines = {line.name: line for line in loaded.config.lines}
        for device in loaded.config.devices:
            self._add(device, loaded.profiles[device.name], table)

    def change(self, loaded: Loaded, table: PointTable, *, removed: set[str], changed: set[str]) -> None:
        """Go over to another configuration; devices neither removed nor changed keep their connection and schedule.

        A changed device keeps its connection too if its endpoint is the same: the new one joins the bus before the
        old one leaves it.
        """
        if loaded.config.mqtt != self._mqtt_config:
            self._set_broker(loaded, table)
        self._lines = {line.name: line for line in loaded.config.lines}
        paused = {name: bus.paused_until_s for bus in self._buses.values() for name in bus.devices}
        known = set(self._buses)
        leaving = [way for way, bus in self._buses.items() if (removed | changed) & set(bus.devices)]
        for name in removed | changed:
            self._take_away(name)
        for device in loaded.config.devices:
            self._add_or_bind(device, loaded.profiles[device.name], table)
        for way in self._buses.keys() - known:
            # A line of which something changed is a new one, and whoever works on it has not finished for that.
            until_s = max(paused.get(name, -math.inf) for name in self._buses[way].devices)
            if until_s > self._clock.now_s():
                self._buses[way].pause(until_s)
        for way in leaving:
            if not self._buses[way].devices:
                self._retire(way)
        if self.mqtt is not None:
            self.mqtt.bind(table)

    def actuator_outlets(self, plan: Plan, profiles: Mapping[str, Profile]) -> list[ActuatorOutlet]:
        """Return the writer's actuators in plan order."""
        return self._outlets.of_actuators(plan, profiles, self._buses.values(), self.mqtt)

    def device_outlets(self) -> dict[str, DeviceOutlet]:
        """Return the heartbeat and remote-control outlets of every Modbus device, as far as it has them."""
        return self._outlets.of_devices(self._buses.values())

    def names(self) -> list[str]:
        """Return the names of all devices, sorted."""
        modbus = [name for bus in self._buses.values() for name in bus.devices]
        return sorted([*modbus, *(() if self.mqtt is None else self.mqtt.devices)])

    def modbus_device(self, name: str) -> ModbusDevice | None:
        """Return a device as it is polled now, None where there is none or it is on MQTT."""
        return next((bus.devices[name] for bus in self._buses.values() if name in bus.devices), None)

    def broker(self) -> tuple[MqttLink, str] | None:
        """Return the link to the broker and our own topic there, None while no broker is configured."""
        if self.mqtt is None or self._mqtt_config is None:
            return None
        return self.mqtt.link, self._mqtt_config.topic

    def attend(self, topics: Mapping[str, Callable[[Message], None]]) -> None:
        """Hear topics that are no device's, in place of those before; without a broker nothing is heard."""
        if self.mqtt is not None:
            self.mqtt.attend(topics)

    def bus_of(self, name: str) -> tuple[str, list[str]]:
        """Return what the bus of a device is called and every device on it, sorted.

        Raises:
            CoolantdError: the device is on MQTT.
        """
        way, bus = self._way_and_bus(name)
        return way.name, sorted(bus.devices)

    def hush(self, names: Iterable[str]) -> None:
        """Have nothing written to these devices and to no others, a hand-over apart: they are about to be paused."""
        self._leaving = frozenset(names)

    def pause(self, name: str, until_s: float) -> None:
        """Be silent on the bus of a device until then, with its connection closed."""
        self._way_and_bus(name)[1].pause(until_s)

    def resume(self, name: str) -> None:
        """End the pause of a device's bus, if there is one."""
        self._way_and_bus(name)[1].resume()

    def hushed(self) -> frozenset[str]:
        """Return the devices to which nothing may be written now: those paused, and those about to be."""
        now_s = self._clock.now_s()
        paused = [name for bus in self._buses.values() if bus.paused_until_s > now_s for name in bus.devices]
        return self._leaving.union(paused)

    def views(self, now_s: float) -> tuple[DeviceView, ...]:
        """Return every device as it stands."""
        modbus = [modbus_view(way, bus, d, now_s) for way, bus in self._buses.items() for d in bus.devices.values()]
        mqtt = [] if self.mqtt is None else [mqtt_view(self.mqtt, d, now_s) for d in self.mqtt.devices.values()]
        return (*modbus, *mqtt)

    def bus_views(self) -> tuple[BusView, ...]:
        """Return every endpoint and line as it stands."""
        return tuple(bus_view(way, bus) for way, bus in self._buses.items())

    def line_counts(self) -> Iterator[tuple[str, LineCounts]]:
        """Yield the name of each serial line and what it has been through."""
        for way, bus in self._buses.items():
            if isinstance(bus.link, RtuLink):
                yield way.name, bus.link.counts

    def begin_stop(self) -> None:
        """Let no reading delay the hand-over from now on."""
        for bus in self._buses.values():
            bus.stopping = True

    async def stop(self, deadline_s: float, *, farewell: bytes) -> None:
        """Let every bus finish its queued writes and close, and say farewell to the broker, within a deadline.

        What still runs then is cancelled.
        """
        for bus in self._buses.values():
            bus.retire()
        closing = self._tasks - {self._mqtt_task}
        if self.mqtt is not None:
            closing.add(asyncio.create_task(self.mqtt.link.close(farewell=farewell), name="mqtt-close"))
        if closing:
            await asyncio.wait(closing, timeout=deadline_s)
        for task in closing | self._tasks:
            task.cancel()

    def _set_broker(self, loaded: Loaded, table: PointTable) -> None:
        config = loaded.config.mqtt
        password = None if config is None else mqtt_password(config)
        if self._mqtt_task is not None:
            self._mqtt_task.cancel()
            self._forget(MQTT_TASK)
        self.mqtt, self._mqtt_task, self._mqtt_config = None, None, config
        if config is None:
            return
        bus = make_mqtt_bus(
            config,
            password,
            clock=self._clock,
            metrics=self._metrics,
            rng=self._broker_rng,
            table=table,
            pulse=lambda: self._pulse(MQTT_TASK),
            connect=self._connect,
        )
        self.mqtt = bus
        self._pulse(MQTT_TASK)  # expected from now on: a task that never turns is missed too (I12)
        self._mqtt_task = self._own(self._spawn(bus.run(), name=MQTT_TASK))

    def _own(self, task: "asyncio.Task[None]") -> "asyncio.Task[None]":
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _add_or_bind(self, device: DeviceConfig, profile: Profile, table: PointTable) -> None:
        way = way_to(device, self._lines)
        if way is not None and way in self._buses and device.name in self._buses[way].devices:
            self._buses[way].devices[device.name].bind(table)
        elif way is not None or self.mqtt is None or device.name not in self.mqtt.devices:
            self._add(device, profile, table)

    def _add(self, device: DeviceConfig, profile: Profile, table: PointTable) -> None:
        self._metrics.expect_device(device.name)
        way = way_to(device, self._lines)
        if way is not None:
            self._bus(way).add(ModbusDevice(device, profile, table, self._metrics))
        elif self.mqtt is not None:
            self.mqtt.add(MqttDevice(device, profile))

    def _bus(self, way: Way) -> ModbusBus:
        if way not in self._buses:
            name = f"modbus {way.name}"

            def pulse() -> None:
                # A bus that was retired may take a while to end; nobody waits for its pulse any longer.
                if self._buses.get(way) is bus:
                    self._pulse(name)

            link = self._make_link(way, self._clock, pulse)
            bus = ModbusBus(
                link,
                clock=self._clock,
                metrics=self._metrics,
                rng=_stream_of(self._rng),
                pulse=pulse,
                name=way.name,
                lease_over=lambda: self._resumed(way.name, sorted(bus.devices)),
            )
            self._buses[way] = bus
            pulse()  # expected from now on
            self._own(self._spawn(bus.run(), name=name))
        return self._buses[way]

    def _way_and_bus(self, name: str) -> tuple[Way, ModbusBus]:
        for way, bus in self._buses.items():
            if name in bus.devices:
                return way, bus
        raise CoolantdError(f"{name} is reached by MQTT, whose broker others share; only a Modbus device can be paused")

    def _take_away(self, name: str) -> None:
        for bus in self._buses.values():
            if name in bus.devices:
                bus.remove(name)
        if self.mqtt is not None and name in self.mqtt.devices:
            self.mqtt.remove(name)

    def _retire(self, way: Way) -> None:
        self._buses.pop(way).retire()
        if all(other.name != way.name for other in self._buses):
            self._metrics.bus_busy_ratio.remove(way.name)
        self._forget(f"modbus {way.name}")


def _stream_of(rng: random.Random) -> random.Random:
    """Return a source of jitter that nobody else draws from."""
    return random.Random(rng.getrandbits(64))  # noqa: S311 - jitter, not a secret
