"""Ways to a Modbus device: which devices share one, what it is called, and the link that goes with it.

A way is a TCP endpoint or a serial line; each has one owner. Two ways are the same when they compare equal, so a line
of which anything changed is another one.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from coolantd.clock import Clock
from coolantd.config.line_models import LineConfig
from coolantd.config.models import DeviceConfig
from coolantd.device.modbus import ModbusTcpLink
from coolantd.device.modbus_serial import ModbusRtuTcpLink, ModbusSerialLink
from coolantd.device.rtu_link import RtuLink
from coolantd.device.serial_port import Parity
from coolantd.service.link import Link

PARITIES: Mapping[str, Parity] = {"none": "N", "even": "E", "odd": "O"}
"""As configured -> as the port has them."""


@dataclass(frozen=True, slots=True)
class TcpWay:
    """A Modbus TCP endpoint."""

    host: str
    port: int

    @property
    def name(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"


Way = TcpWay | LineConfig


def way_to(device: DeviceConfig, lines: Mapping[str, LineConfig]) -> Way | None:
    """Return how a device is reached, None for one on MQTT.

    Args:
        device: its configuration.
        lines: by name.
    """
    if device.modbus_tcp is not None:
        return TcpWay(device.modbus_tcp.host, device.modbus_tcp.port)
    return None if device.modbus_rtu is None else lines[device.modbus_rtu.line]


class LinkMaker(Protocol):
    """Makes the link that goes with a way, not connected yet."""

    def __call__(self, way: Way, clock: Clock, pulse: Callable[[], None]) -> Link:
        """Return it; ``pulse`` is called while a call on it waits for long."""
        ...


def make_link(way: Way, clock: Clock, pulse: Callable[[], None]) -> ModbusTcpLink | RtuLink:
    """Return a link, not connected yet; ``pulse`` is called while a call on it waits for long."""
    if isinstance(way, TcpWay):
        return ModbusTcpLink(way.host, way.port, clock=clock, pulse=pulse)
    if way.host is not None and way.tcp_port is not None:
        return ModbusRtuTcpLink(
            way.host, way.tcp_port, turnaround_s=way.turnaround_s, clock=clock, loopback=way.loopback, pulse=pulse
        )
    return ModbusSerialLink(
        str(way.port),
        baudrate=way.baudrate,
        parity=PARITIES[way.parity],
        stopbits=way.stopbits,
        turnaround_s=way.turnaround_s,
        clock=clock,
        loopback=way.loopback,
        pulse=pulse,
    )
