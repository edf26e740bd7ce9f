"""Where a command leaves the daemon: a register on a bus or a topic on a broker, behind one small interface."""

from collections.abc import Callable
from typing import Protocol

from coolantd.clock import Clock
from coolantd.device.mqtt import MqttLink
from coolantd.errors import Fault
from coolantd.protocol.codec import encode
from coolantd.protocol.messages import encode_setpoint
from coolantd.protocol.profile import RegisterPoint
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_bus import ModbusBus, WriteJob
from coolantd.service.modbus_device import ModbusDevice

Done = Callable[[Fault | None], None]


class Outlet(Protocol):
    """One writable point of one device."""

    @property
    def waits(self) -> bool:
        """Return whether the last value submitted has not left yet; a newer one would take its place."""
        ...

    def submit(self, value: float, done: Done) -> None:
        """Send a value soon; ``done`` is called once, with None when the device has it, else with the fault."""
        ...

    def withdraw(self) -> None:
        """Take back what was submitted and not sent yet: its ``done`` is told ``Fault.WITHDRAWN``."""
        ...


class RegisterOutlet:
    """A register or coil, written by the bus that owns its endpoint."""

    def __init__(self, bus: ModbusBus, device: ModbusDevice, point: RegisterPoint, clock: Clock) -> None:
        self._bus = bus
        self._device = device
        self._point = point
        self._clock = clock

    @property
    def waits(self) -> bool:
        """Return whether the bus has not sent the last value yet."""
        return self._bus.has_waiting(self._device.name, self._point.name)

    def submit(self, value: float, done: Done) -> None:
        """Queue a write; a value the register cannot hold is a programming error and raises ValueError.

        A value whose unit the device decides, and has not said, is not sent.
        """
        imperial = self._device.imperial(self._point)
        if imperial is None:
            done(Fault.NOT_CONNECTED)
            return
        words = encode(self._point, value, imperial=imperial)
        self._bus.submit(WriteJob(self._device, self._point, words, self._clock.now_s(), done))

    def withdraw(self) -> None:
        """Take back what the bus has not sent yet."""
        self._bus.withdraw(self._device.name, self._point.name)


class TopicOutlet:
    """A setpoint topic. MQTT has no acknowledgement from the device: its next message is the readback."""

    def __init__(self, link: MqttLink, topic: str, labels: tuple[str, str], clock: Clock, metrics: Metrics) -> None:
        self._link = link
        self._topic = topic
        self._labels = labels
        self._clock = clock
        self._metrics = metrics

    @property
    def waits(self) -> bool:
        """Return False: what was published has left."""
        return False

    def submit(self, value: float, done: Done) -> None:
        """Publish a value, not retained; while the broker is gone nothing is kept, so nothing stale is replayed."""
        if not self._link.connected:
            self._metrics.writes_failed.labels(*self._labels).inc()
            done(Fault.NOT_CONNECTED)
            return
        self._link.publish(self._topic, encode_setpoint(value, self._clock.wall_s()), qos=1)
        self._metrics.writes.labels(*self._labels).inc()
        done(None)

    def withdraw(self) -> None:
        """Take back nothing: what was published has left."""
