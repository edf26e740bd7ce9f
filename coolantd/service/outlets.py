"""Makes the writer's outlets: for every actuator and device of a site the way out. Knows buses; sends nothing."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from coolantd.clock import Clock
from coolantd.config.build import write_rules
from coolantd.control.plan import ActuatorParameters, Plan
from coolantd.errors import CoolantdError
from coolantd.protocol.profile import Profile, RegisterPoint
from coolantd.service.actuator_outlet import ActuatorOutlet
from coolantd.service.device_outlet import DeviceOutlet
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.mqtt_bus import MqttBus
from coolantd.service.outlet import Outlet, RegisterOutlet, TopicOutlet


@dataclass(frozen=True, slots=True)
class Outlets:
    """Maker of outlets."""

    clock: Clock
    metrics: Metrics

    def of_actuators(
        self, plan: Plan, profiles: Mapping[str, Profile], buses: Iterable[ModbusBus], mqtt: MqttBus | None
    ) -> list[ActuatorOutlet]:
        """Return the actuators of a plan, in its order.

        Raises:
            CoolantdError: an actuator is behind a broker and there is none.
        """
        buses = tuple(buses)
        for a in plan.actuators:
            self.metrics.expect_actuator(a.device, a.name)
        return [
            ActuatorOutlet(
                a,
                write_rules(profiles[a.device])[a.name],
                self._of_actuator(a, buses, mqtt),
                verified=_verifier(a.device, buses, mqtt),
            )
            for a in plan.actuators
        ]

    def of_devices(self, buses: Iterable[ModbusBus]) -> dict[str, DeviceOutlet]:
        """Return the heartbeat and remote-control outlets of every device, as far as it has them."""
        return {name: self._of_device(bus, device) for bus in buses for name, device in bus.devices.items()}

    def _of_device(self, bus: ModbusBus, device: ModbusDevice) -> DeviceOutlet:
        beat, remote = device.profile.heartbeat, device.profile.remote_control
        return DeviceOutlet(
            name=device.name,
            heartbeat=beat,
            beat_outlet=None if beat is None else self._register(bus, device, beat.ours),
            remote=remote,
            remote_outlet=None if remote is None else self._register(bus, device, remote.point),
            restarts=functools.partial(getattr, device, "restarts"),
            shows=(lambda: None) if beat is None else functools.partial(_shown, device, device.registers[beat.ours]),
        )

    def _of_actuator(self, actuator: ActuatorParameters, buses: Iterable[ModbusBus], mqtt: MqttBus | None) -> Outlet:
        for bus in buses:
            device = bus.devices.get(actuator.device)
            if device is not None:
                return self._register(bus, device, actuator.name)
        if mqtt is None:
            raise CoolantdError(f"{actuator.device}: no broker to write {actuator.name} to")
        mqtt_device = mqtt.devices[actuator.device]
        point = next(p for p in mqtt_device.profile.messages if p.name == actuator.name)
        return TopicOutlet(
            mqtt.link,
            f"{mqtt_device.base}/{point.topic}",
            (actuator.device, actuator.name),
            self.clock,
            self.metrics,
        )

    def _register(self, bus: ModbusBus, device: ModbusDevice, point: str) -> Outlet:
        return RegisterOutlet(bus, device, device.registers[point], self.clock)


def _shown(device: ModbusDevice, point: RegisterPoint) -> tuple[int, float] | None:
    """Return the word that a register of one word was last read as, and when that was asked for."""
    if point.coding.register_count != 1:
        return None
    read = device.raw.read(point.table, point.address, 1)
    return None if read is None else (read.words[0], read.sent_s[0])


def _verifier(name: str, buses: Iterable[ModbusBus], mqtt: MqttBus | None) -> Callable[[], bool]:
    """Return what says whether a device is the one configured, and may be written to.

    A topic belongs to one device by the broker's access list, and whether that one is there its points' qualities say.
    """
    for bus in buses:
        device = bus.devices.get(name)
        if device is not None:
            return lambda: device.write_bar() is None
    known = mqtt is not None and name in mqtt.devices
    return lambda: known
