"""Where a live device is reached, as the options of ``coolantd profile probe`` and ``scan`` say it. Opens nothing.

Three ways: Modbus TCP, Modbus RTU on a serial port, and RTU frames over TCP; or whichever a site's configuration names.
"""

import errno
import fcntl
import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from coolantd.cli.usage import WRONG_USAGE

if TYPE_CHECKING:
    from coolantd.clock import Clock
    from coolantd.config.line_models import LineConfig
    from coolantd.device.modbus import ModbusTcpLink
    from coolantd.device.rtu_link import RtuLink
    from coolantd.protocol.profile import Profile

TURNAROUND_MAX_S: Final = 10.0
TURNAROUND_S: Final = 0.5
"""Half of what a site's line has by default: a person is waiting, and nothing is controlled by what is read."""


class ParityChoice(StrEnum):
    """What a port can be set to."""

    NONE = "none"
    EVEN = "even"
    ODD = "odd"


Host = Annotated[str | None, typer.Option(help="Name or address of the device, gateway or converter.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Its TCP port.")]
RtuTcp = Annotated[bool, typer.Option("--rtu-tcp", help="RTU frames over TCP: a transparent serial converter.")]
Serial = Annotated[Path | None, typer.Option(help="Instead of --host: a serial port, best of /dev/serial/by-id.")]
Baudrate = Annotated[int, typer.Option(help="Of the serial port.")]
Parity = Annotated[ParityChoice, typer.Option(help="Of the serial port.")]
Stopbits = Annotated[int, typer.Option(min=1, max=2, help="Of the serial port.")]
Turnaround = Annotated[
    float,
    typer.Option(min=0.001, max=TURNAROUND_MAX_S, help="RTU: longest wait for a unit; silence kept after a fault."),
]
NoLoopback = Annotated[bool, typer.Option("--no-loopback", help="RTU: never send function 8.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration that --device is looked up in.")]
Device = Annotated[str | None, typer.Option(help="Instead of --host: a device of the site's configuration.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The options that say where, as they were given."""

    host: str | None
    port: int
    rtu_tcp: bool
    serial: Path | None
    baudrate: int
    parity: ParityChoice
    stopbits: int
    turnaround_s: float
    no_loopback: bool
    config: Path | None
    device: str | None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where to ask: a TCP address, or a line.

    Attributes:
        host, port: of a Modbus TCP device; unused for a line.
        line: the line, or None for Modbus TCP.
        device: name of the device in the site's configuration, None where the options named the place themselves.
    """

    host: str
    port: int
    line: "LineConfig | None" = None
    device: str | None = None

    @property
    def name(self) -> str:
        """Return the place as people write it."""
        return f"{self.host}:{self.port}" if self.line is None else self.line.endpoint

    def link(self, clock: "Clock", connect_timeout_s: float) -> "ModbusTcpLink | RtuLink":
        """Return a link to it, not connected yet."""
        # Links bring asyncio and the whole service room with them; the commands that look at files do without.
        if self.line is None:
            from coolantd.device.modbus import ModbusTcpLink

            return ModbusTcpLink(self.host, self.port, clock=clock, connect_timeout_s=connect_timeout_s)
        from coolantd.service.links import make_link

        return make_link(self.line, clock, lambda: None)

    def answered_s(self, count: int) -> float:
        """Return about how long one read of registers takes on the line that answers at once; 0 for Modbus TCP."""
        if self.line is None or self.line.host is not None:
            return 0.0
        from coolantd.config.line_load import read_s
        from coolantd.protocol.profile import Table
        from coolantd.protocol.spans import Span

        return read_s(Span(Table.HOLDING, 0, count, ()), self.line, self.line.baudrate)

    def silent_s(self, timeout_s: float) -> float:
        """Return about how long one read of a unit that is not there takes."""
        from coolantd.protocol.line import LONG_QUIETS

        return timeout_s + (0.0 if self.line is None else LONG_QUIETS * self.line.turnaround_s)

    def in_use(self) -> str:
        """Return a sentence if another process holds the serial port, else nothing."""
        path = None if self.line is None else self.line.port
        if path is None or not _held(path):
            return ""
        name = self.device or "NAME"
        return (
            f"{path} is in use by another process; if that is coolantd, `coolantd device pause {name}` hands the line "
            f"over and `coolantd device resume {name}` takes it back"
        )


def endpoint_of(asked: Asked) -> Endpoint:
    """Return where the options point, without a site's configuration; exits 2 if they do not."""
    if asked.serial is not None and (asked.host is not None or asked.rtu_tcp):
        raise wrong("--serial and --host: allowed: one of them")
    if asked.serial is None and asked.host is None:
        raise wrong("missing: --host, or --serial, or --device of the site's configuration")
    if asked.serial is None and not asked.rtu_tcp:
        return Endpoint(asked.host or "", asked.port)
    return Endpoint(asked.host or "", asked.port, _line(asked))


def endpoint_of_site(asked: Asked, name: str) -> tuple[Endpoint, "Profile", int]:
    """Return where a device of the site is, its profile and its unit; exits 2 if it is no Modbus device of it.

    Raises:
        ConfigError: the configuration cannot be used.
    """
    from coolantd.config.load import DEFAULT_FILE, load

    config = asked.config or DEFAULT_FILE
    loaded = load(config)
    found = next((device for device in loaded.config.devices if device.name == name), None)
    if found is None:
        known = ", ".join(device.name for device in loaded.config.devices)
        raise wrong(f"{config}: no device {name!r:.60}, allowed: {known}")
    profile = loaded.profiles[name]
    if found.modbus_rtu is not None:
        line = next(line for line in loaded.config.lines if line.name == found.modbus_rtu.line)
        return Endpoint("", 0, line, name), profile, found.modbus_rtu.unit_id
    if found.modbus_tcp is None:
        raise wrong(f"{config}: device {name} is reached by MQTT, allowed: a device with modbus_tcp or modbus_rtu")
    return Endpoint(found.modbus_tcp.host, found.modbus_tcp.port, None, name), profile, found.modbus_tcp.unit_id


def wrong(*lines: str) -> typer.Exit:
    """Say what is wrong with the options; the exit to raise."""
    for line in lines:
        print(line, file=sys.stderr)
    return typer.Exit(WRONG_USAGE)


def _line(asked: Asked) -> "LineConfig":
    from coolantd.config.line_models import BAUDRATES, LineConfig

    shared = {"name": "asked", "turnaround_s": asked.turnaround_s, "loopback": not asked.no_loopback}
    if asked.serial is None:
        return LineConfig.model_validate(shared | {"host": asked.host, "tcp_port": asked.port})
    if asked.baudrate not in BAUDRATES:
        raise wrong(f"--baudrate = {asked.baudrate}, allowed: {', '.join(map(str, BAUDRATES))}")
    framing = {"baudrate": asked.baudrate, "parity": asked.parity.value, "stopbits": asked.stopbits}
    return LineConfig.model_validate(shared | framing | {"port": str(asked.serial.absolute())})


def _held(path: Path) -> bool:
    """Return whether another process has opened a port for itself alone."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        return error.errno == errno.EBUSY
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(fd)
    return False
