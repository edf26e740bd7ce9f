"""Opens and closes a tty the way Modbus RTU needs it: raw, eight data bits, ours alone. Knows no frames.

The standard library is enough: a serial port on Linux is a file descriptor with termios settings.
"""

import fcntl
import os
import termios
from typing import Final, Literal

from coolantd.errors import DeviceError, Fault

Parity = Literal["N", "E", "O"]

BAUDRATES: Final = {
    baudrate: getattr(termios, f"B{baudrate}")
    for baudrate in (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400)
}
"""What devices offer and every adapter can do."""

_PARITY_FLAGS: Final = {"N": 0, "E": termios.PARENB, "O": termios.PARENB | termios.PARODD}
_FRAMING_FLAGS: Final = termios.CSIZE | termios.PARENB | termios.PARODD | termios.CSTOPB
_STOPBITS_FLAGS: Final = {1: 0, 2: termios.CSTOPB}
_CFLAG, _ISPEED, _OSPEED, _CC = 2, 4, 5, 6
"""Places in the list that termios gives and takes."""


def check_settings(baudrate: int, parity: str, stopbits: int) -> None:
    """Refuse settings that no port has.

    Raises:
        ValueError: one sentence with what is allowed.
    """
    if baudrate not in BAUDRATES:
        raise ValueError(f"baudrate {baudrate}, allowed: {', '.join(map(str, BAUDRATES))}")
    if parity not in _PARITY_FLAGS:
        raise ValueError(f"parity {parity!r}, allowed: N, E, O")
    if stopbits not in _STOPBITS_FLAGS:
        raise ValueError(f"stopbits {stopbits}, allowed: 1, 2")


def open_port(path: str, *, baudrate: int, parity: Parity, stopbits: int) -> int:
    """Open a serial port and return its descriptor: non-blocking and ours alone.

    Args:
        path: best one of ``/dev/serial/by-id``, which names the adapter wherever it is plugged in.
        baudrate: one of ``BAUDRATES``.
        parity: none, even or odd.
        stopbits: 1 or 2.

    Raises:
        DeviceError: NOT_CONNECTED; no such port, no permission, in use, not a tty, or not able to be set so.
    """
    try:
        # Non-blocking at once: opening would otherwise wait for a modem's carrier.
        fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise DeviceError(Fault.NOT_CONNECTED, f"{path}: {error.strerror}") from None
    try:
        if not os.isatty(fd):
            raise DeviceError(Fault.NOT_CONNECTED, f"{path} is not a serial port")
        _take(fd, path)
        _set_up(fd, path, BAUDRATES[baudrate], _PARITY_FLAGS[parity] | _STOPBITS_FLAGS[stopbits])
    except DeviceError:
        os.close(fd)
        raise
    except (OSError, termios.error) as error:
        os.close(fd)
        raise DeviceError(Fault.NOT_CONNECTED, f"{path}: {error}") from None
    return fd


def close_port(fd: int) -> None:
    """Close a port without waiting for bytes still unsent; harmless when its adapter is gone."""
    try:
        termios.tcflush(fd, termios.TCIOFLUSH)
        fcntl.ioctl(fd, termios.TIOCNXCL)
    except (OSError, termios.error):
        pass  # an unplugged adapter has nothing left to flush or to share
    os.close(fd)


def _take(fd: int, path: str) -> None:
    """Keep every other process off the line: a second master would make any reply anybody's."""
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DeviceError(Fault.NOT_CONNECTED, f"{path} is in use by another process") from None
    # Against programs that do not ask for locks, modem managers among them.
    fcntl.ioctl(fd, termios.TIOCEXCL)


def _set_up(fd: int, path: str, speed: int, framing: int) -> None:
    """Set the port and read back what it made of that: tcsetattr succeeds when it could set any part."""
    # A byte with a wrong parity is read as 0, and the CRC refuses its frame.
    iflag = termios.INPCK if framing & termios.PARENB else 0
    cflag = termios.CS8 | termios.CREAD | termios.CLOCAL | framing
    settings = termios.tcgetattr(fd)
    settings[:_CC] = [iflag, 0, cflag, 0, speed, speed]
    # With VMIN 1 "nothing there" (would block) and "adapter gone" (no bytes) are different answers.
    settings[_CC][termios.VMIN], settings[_CC][termios.VTIME] = 1, 0
    termios.tcsetattr(fd, termios.TCSANOW, settings)
    got = termios.tcgetattr(fd)
    if got[_ISPEED] != speed or got[_OSPEED] != speed or (got[_CFLAG] ^ cflag) & _FRAMING_FLAGS:
        raise DeviceError(Fault.NOT_CONNECTED, f"{path} does not take these settings (speed, parity or stop bits)")
