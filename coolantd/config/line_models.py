"""Serial lines and the read-only proxy, as frozen models. Knows shapes and ranges; opens no port.

What depends on two lines, on a line and its devices, or on a profile is checked in ``linecheck`` and ``proxycheck``.
"""

from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.fields import AbsolutePath, Flag, Host, Integer, ListenPort, Model, Number, Port, Token, within
from coolantd.protocol.line import TURNAROUND_MAX_S
from coolantd.protocol.rtu import UNIT_MAX, UNIT_MIN

BAUDRATES: Final = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
"""What devices offer and every adapter can do; the port itself knows no others."""
LINES_MAX: Final = 32
"""A controller has a handful of adapters; a line holds 32 units without a repeater (TIA-485)."""
PROXIES_MAX: Final = 16
"""Each is a listener with clients of its own; one per management system is plenty."""
PROXY_UNITS_MAX: Final = 247
"""Unit ids there are in the standard."""
TURNAROUND_S: Final = 1.0
"""Slow enough for every device known to answer within milliseconds to a second; slower ones are told apart by hand."""


def _baudrate(value: int) -> int:
    if value not in BAUDRATES:
        raise PydanticCustomError("form", "no such speed", {"allowed": ", ".join(map(str, BAUDRATES))})
    return value


def _together(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})


class LineConfig(Model):
    """One serial line of Modbus RTU: a serial port of this machine, or a converter that carries RTU frames over TCP.

    Attributes:
        port: path of the port; best one of ``/dev/serial/by-id``, which names the adapter wherever it is plugged in.
        host: name or address of a converter, in place of ``port``; ``tcp_port`` goes with it.
        turnaround_s: the longest any unit of the line may take to answer, a converter's own delays included. The
            line is silent for this long after every fault.
        loopback: False where a unit of the line must not see Modbus function 8.
    """

    name: Token
    port: AbsolutePath | None = None
    baudrate: Annotated[Integer, AfterValidator(_baudrate)] = 19200
    parity: Literal["none", "even", "odd"] = "none"
    stopbits: Annotated[Integer, within(1, 2)] = 1
    host: Host | None = None
    tcp_port: Port | None = None
    turnaround_s: Annotated[Number, within(0.0, TURNAROUND_MAX_S, low_open=True)] = TURNAROUND_S
    loopback: Flag = True

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        if (self.port is None) == (self.host is None):
            what = "neither port nor host" if self.port is None else "both port and host"
            raise _together(what, "port for a serial port, or host and tcp_port for a converter")
        if (self.host is None) != (self.tcp_port is None):
            what = "host without tcp_port" if self.tcp_port is None else "tcp_port without host"
            raise _together(what, "host and tcp_port together")
        framing = sorted({"baudrate", "parity", "stopbits"} & self.model_fields_set)
        if self.host is not None and framing:
            raise _together(f"{framing[0]} of a line behind a converter", "none: it is set in the converter itself")
        return self

    @property
    def endpoint(self) -> str:
        """Return the path of the port, or ``host:tcp_port`` of the converter."""
        return str(self.port) if self.port is not None else f"{self.host}:{self.tcp_port}"

    @property
    def bits_per_character(self) -> int:
        """Return start, eight data, parity and stop bits of one character."""
        return 9 + (self.parity != "none") + self.stopbits


class ModbusRtuConfig(Model):
    """Where a Modbus RTU device answers: the name of its ``line``, and its ``unit_id`` there (0 is broadcast)."""

    line: Token
    unit_id: Annotated[Integer, within(UNIT_MIN, UNIT_MAX)]


ProxyUnitId = Annotated[Integer, within(0, UNIT_MAX)]
"""As asked over TCP, where 0 and 255 mean the server itself to some masters."""


class ProxyUnitConfig(Model):
    """One device as other masters see it: under ``unit_id``, and the ages of its registers under ``age_unit_id``."""

    unit_id: ProxyUnitId
    device: Token
    age_unit_id: ProxyUnitId | None = None


class ProxyConfig(Model):
    """One listener that shows registers as they were last read; a host beyond loopback must be asked for."""

    host: Host = "127.0.0.1"
    port: ListenPort
    allow_remote: Flag = False
    units: Annotated[tuple[ProxyUnitConfig, ...], Field(min_length=1, max_length=PROXY_UNITS_MAX)]

    @property
    def endpoint(self) -> str:
        """Return ``host:port``."""
        return f"{self.host}:{self.port}"
