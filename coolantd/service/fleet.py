"""Every bus, broker link and device of a site: built from a configuration, changed only by a reload."""

import asyncio
import random
from collections.abc import Callable
from typing import Final

from coolantd.clock import Clock
from coolantd.config.build import write_rules
from coolantd.config.load import Loaded
from coolantd.config.models import DeviceConfig, MqttConfig
from coolantd.config.secrets import mqtt_password
from coolantd.control.plan import ActuatorParameters, Plan
from coolantd.device.modbus import ModbusTcpLink
from coolantd.device.mqtt import BrokerAddress, MqttLink
from coolantd.errors import CoolantdError
from coolantd.protocol.profile import Profile
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.mqtt_bus import MqttBus, MqttDevice
from coolantd.service.outlet import Outlet, RegisterOutlet, TopicOutlet
from coolantd.service.table import PointTable
from coolantd.service.view import DeviceView
from coolantd.service.writer import ActuatorOutlet, DeviceOutlet

MQTT_TASK: Final = "mqtt"

Endpoint = tuple[str, int]
Spawn = Callable[..., "asyncio.Task[None]"]


def _endpoint(device: DeviceConfig) -> Endpoint | None:
    return None if device.modbus_tcp is None else (device.modbus_tcp.host, device.modbus_tcp.port)


class Fleet:
    """The wire side of the daemon.

    Args:
        spawn: starts a named task that ends with the daemon (``TaskGroup.create_task``).
        pulse: called with a task's name at every turn of its loop.
        forget: called with a task's name when it ends on purpose.

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
    ) -> None:
        self.mqtt: MqttBus | None = None
        self._clock = clock
        self._metrics = metrics
        self._rng = rng
        self._spawn = spawn
        self._pulse = pulse
        self._forget = forget
        self._buses: dict[Endpoint, ModbusBus] = {}
        self._tasks: dict[Endpoint, asyncio.Task[None]] = {}
        self._mqtt_task: asyncio.Task[None] | None = None
        self._mqtt_config: MqttConfig | None = None

    def build(self, loaded: Loaded, table: PointTable) -> None:
        """Begin to serve every device of a configuration.

        Raises:
            ConfigError: the broker password cannot be read.
        """
        self._set_broker(loaded, table)
        for device in loaded.config.devices:
            self._add(device, loaded.profiles[device.name], table)

    def change(self, loaded: Loaded, table: PointTable, *, removed: set[str], changed: set[str]) -> None:
        """Go over to another configuration; devices neither removed nor changed keep their connection and schedule.

        A changed device keeps its connection too if its endpoint is the same: the new one joins the bus before the
        old one leaves it.
        """
        if loaded.config.mqtt != self._mqtt_config:
            self._set_broker(loaded, table)
        leaving = [bus for bus in self._buses.values() if (removed | changed) & set(bus.devices)]
        for name in removed | changed:
            self._take_away(name)
        for device in loaded.config.devices:
            self._add_or_bind(device, loaded.profiles[device.name], table)
        for bus in leaving:
            if not bus.devices:
                self._retire(bus)
        if self.mqtt is not None:
            self.mqtt.bind(table)

    def actuator_outlets(self, plan: Plan, profiles: "dict[str, Profile]") -> list[ActuatorOutlet]:
        """Return the writer's actuators in plan order."""
        for a in plan.actuators:
            self._metrics.expect_actuator(a.device, a.name)
        return [
            ActuatorOutlet(a, write_rules(profiles[a.device])[a.name], self._actuator_outlet(a)) for a in plan.actuators
        ]

    def device_outlets(self) -> dict[str, DeviceOutlet]:
        """Return the heartbeat and remote-control outlets of every Modbus device, as far as it has them."""
        outlets = {}
        for bus in self._buses.values():
            for name, device in bus.devices.items():
                profile = device.profile
                beat, remote = profile.heartbeat, profile.remote_control
                outlets[name] = DeviceOutlet(
                    name=name,
                    heartbeat=beat,
                    beat_outlet=None if beat is None else self._register(bus, device, beat.ours),
                    remote=remote,
                    remote_outlet=None if remote is None else self._register(bus, device, remote.point),
                )
        return outlets

    def views(self, now_s: float) -> tuple[DeviceView, ...]:
        """Return every device as it stands."""
        modbus = [
            DeviceView(
                name=d.name,
                transport="modbus_tcp",
                endpoint=f"{endpoint[0]}:{endpoint[1]}/{d.unit}",
                up=d.up,
                fault="" if d.fault is None else d.fault.value,
            )
            for endpoint, bus in self._buses.items()
            for d in bus.devices.values()
        ]
        mqtt = [] if self.mqtt is None else [self._mqtt_view(self.mqtt, d, now_s) for d in self.mqtt.devices.values()]
        return (*modbus, *mqtt)

    def begin_stop(self) -> None:
        """Let no reading delay the hand-over from now on."""
        for bus in self._buses.values():
            bus.stopping = True

    async def stop(self, deadline_s: float, *, farewell: bytes) -> None:
        """Let every bus finish its queued writes and close, and say farewell to the broker, within a deadline."""
        for bus in self._buses.values():
            bus.retire()
        closing = [*self._tasks.values()]
        if self.mqtt is not None:
            closing.append(asyncio.create_task(self.mqtt.link.close(farewell=farewell), name="mqtt-close"))
        if closing:
            await asyncio.wait(closing, timeout=deadline_s)

    @staticmethod
    def _mqtt_view(bus: MqttBus, device: MqttDevice, now_s: float) -> DeviceView:
        up = device.up(now_s)
        fault = "" if up else ("timeout" if bus.link.connected else "not_connected")
        return DeviceView(name=device.name, transport="mqtt", endpoint=device.base, up=up, fault=fault)

    def _set_broker(self, loaded: Loaded, table: PointTable) -> None:
        config = loaded.config.mqtt
        password = None if config is None else mqtt_password(config)
        if self._mqtt_task is not None:
            self._mqtt_task.cancel()
            self._forget(MQTT_TASK)
        self.mqtt, self._mqtt_task, self._mqtt_config = None, None, config
        if config is None:
            return
        address = BrokerAddress(
            host=config.host,
            port=config.port,
            client_id=config.client_id,
            username=config.username,
            password=password,
            ca_file=None if config.ca_file is None else str(config.ca_file),
        )
        link = MqttLink(
            address,
            clock=self._clock,
            will_topic=f"{config.topic}/status",
            will_payload=b"offline",
            online_payload=b"online",
            on_connection=lambda connected: bus.connection_changed(connected),  # noqa: PLW0108 - bus comes after link
            rng=self._rng,
        )
        bus = MqttBus(link, clock=self._clock, metrics=self._metrics, table=table, pulse=lambda: self._pulse(MQTT_TASK))
        self.mqtt = bus
        self._mqtt_task = self._spawn(bus.run(), name=MQTT_TASK)

    def _add_or_bind(self, device: DeviceConfig, profile: Profile, table: PointTable) -> None:
        endpoint = _endpoint(device)
        if endpoint is not None and endpoint in self._buses and device.name in self._buses[endpoint].devices:
            self._buses[endpoint].devices[device.name].bind(table)
        elif endpoint is not None or self.mqtt is None or device.name not in self.mqtt.devices:
            self._add(device, profile, table)

    def _add(self, device: DeviceConfig, profile: Profile, table: PointTable) -> None:
        self._metrics.expect_device(device.name)
        endpoint = _endpoint(device)
        if endpoint is not None:
            self._bus(endpoint).add(ModbusDevice(device, profile, table, self._metrics))
        elif self.mqtt is not None:
            self.mqtt.add(MqttDevice(device, profile))

    def _bus(self, endpoint: Endpoint) -> ModbusBus:
        if endpoint not in self._buses:
            name = f"modbus {endpoint[0]}:{endpoint[1]}"
            link = ModbusTcpLink(*endpoint, clock=self._clock)
            bus = ModbusBus(
                link, clock=self._clock, metrics=self._metrics, rng=self._rng, pulse=lambda: self._pulse(name)
            )
            self._buses[endpoint] = bus
            self._tasks[endpoint] = self._spawn(bus.run(), name=name)
        return self._buses[endpoint]

    def _take_away(self, name: str) -> None:
        for bus in self._buses.values():
            if name in bus.devices:
                bus.remove(name)
        if self.mqtt is not None and name in self.mqtt.devices:
            self.mqtt.remove(name)

    def _retire(self, bus: ModbusBus) -> None:
        endpoint = next(e for e, b in self._buses.items() if b is bus)
        bus.retire()
        del self._buses[endpoint]
        self._forget(self._tasks.pop(endpoint).get_name())

    def _register(self, bus: ModbusBus, device: ModbusDevice, point: str) -> Outlet:
        return RegisterOutlet(bus, device, device.registers[point], self._clock)

    def _actuator_outlet(self, actuator: ActuatorParameters) -> Outlet:
        for bus in self._buses.values():
            device = bus.devices.get(actuator.device)
            if device is not None:
                return self._register(bus, device, actuator.name)
        if self.mqtt is None:
            raise CoolantdError(f"{actuator.device}: no broker to write {actuator.name} to")
        mqtt_device = self.mqtt.devices[actuator.device]
        point = next(p for p in mqtt_device.profile.messages if p.name == actuator.name)
        return TopicOutlet(
            self.mqtt.link,
            f"{mqtt_device.base}/{point.topic}",
            (actuator.device, actuator.name),
            self._clock,
            self._metrics,
        )
