"""Modbus RTU on a serial port, and the same frames over TCP. Knows how either is opened, and nothing of frames.

Both are plain descriptors of the standard library: a tty with termios, a socket. asyncio's transports and pymodbus's
read on their own, and the line must know what had arrived at the moment it spoke.
"""

import os
from collections.abc import Callable
from typing import Final

from coolantd.clock import Clock
from coolantd.device.rtu_link import RtuLink
from coolantd.device.serial_port import Parity, check_settings, close_port, open_port
from coolantd.device.tcp_socket import connected_socket
from coolantd.device.wire import Wire
from coolantd.errors import DeviceError, Fault
from coolantd.protocol.line import SerialLine
from coolantd.protocol.rtu import frame_gap_s

TCP_GAP_S: Final = 0.002
"""Silence that ends a frame where no characters are timed: about what a serial line of 19200 baud keeps."""


class ModbusSerialLink(RtuLink):
    """Modbus RTU on a serial port.

    Args:
        port: path, best one of ``/dev/serial/by-id``: the adapter is found again wherever it is plugged in.
        baudrate: bits per second, one of ``serial_port.BAUDRATES``.
        parity: none, even or odd.
        stopbits: 1 or 2.
        turnaround_s: the longest any unit of the line may take to answer, in (0, 10].
        clock: whose seconds deadlines and silences are in.
        loopback: False where a unit of the line must not see Modbus function 8.
        pulse: called at least each ``PULSE_S`` while a call waits.

    Raises:
        ValueError: a setting that does not exist.
    """

    def __init__(
        self,
        port: str,
        *,
        baudrate: int = 19200,
        parity: Parity = "N",
        stopbits: int = 1,
        turnaround_s: float,
        clock: Clock,
        loopback: bool = True,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        check_settings(baudrate, parity, stopbits)
        line = SerialLine(gap_s=frame_gap_s(baudrate), turnaround_s=turnaround_s, loopback=loopback)
        super().__init__(line, clock, port, pulse)
        self._port, self._baudrate, self._parity, self._stopbits = port, baudrate, parity, stopbits

    async def _open(self) -> Wire:
        fd = open_port(self._port, baudrate=self._baudrate, parity=self._parity, stopbits=self._stopbits)
        return Wire(fd, on_bytes=self._received, on_lost=self._lost, close_fd=close_port)


class ModbusRtuTcpLink(RtuLink):
    """Modbus RTU frames over TCP: a serial line behind a transparent converter.

    Args:
        host: name or address of the converter.
        port: its TCP port.
        turnaround_s: the longest any unit may take to answer, the converter's own delays included, in (0, 10].
        clock: whose seconds deadlines and silences are in.
        connect_timeout_s: how long one attempt to connect may take, name resolution included.
        loopback: False where a unit of the line must not see Modbus function 8.
        pulse: called at least each ``PULSE_S`` while a call waits.

    Raises:
        ValueError: a setting that does not exist.
    """

    def __init__(
        self,
        host: str,
        port: int,
        *,
        turnaround_s: float,
        clock: Clock,
        connect_timeout_s: float = 2.0,
        loopback: bool = True,
        pulse: Callable[[], None] = lambda: None,
    ) -> None:
        line = SerialLine(gap_s=TCP_GAP_S, turnaround_s=turnaround_s, loopback=loopback)
        super().__init__(line, clock, f"{host}:{port}", pulse)
        self._host, self._port = host, port
        self._connect_timeout_s = connect_timeout_s

    async def _open(self) -> Wire:
        why = f"no answer within {self._connect_timeout_s:g} s"
        try:
            async with self._clock.timeout(self._connect_timeout_s):
                sock = await connected_socket(self._host, self._port)
        except TimeoutError:
            pass
        except OSError as error:
            why = error.strerror or str(error)
        else:
            return Wire(sock.detach(), on_bytes=self._received, on_lost=self._lost, close_fd=os.close)
        raise DeviceError(Fault.NOT_CONNECTED, f"{self._name}: {why}")
