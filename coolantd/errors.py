"""What can go wrong, by whose fault it is. Knows no device, no file format and no library."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class CoolantdError(Exception):
    """Root of every error raised on purpose."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong in a configuration or profile.

    Attributes:
        file: the file as the user named it.
        line: 1-based line, or 0 where no line can be named.
        key: dotted key, for example ``cdu[0].supply_temp.setpoint_c``; empty for a file-level problem.
        what: what is wrong, lower case, without the value.
        value: the value as written, or None where there is none to show.
        allowed: what is allowed, or empty.
    """

    file: str
    line: int
    key: str
    what: str
    value: str | None = None
    allowed: str = ""

    def __str__(self) -> str:
        """Return ``file:line: key: what, got VALUE, allowed: ...``."""
        where = f"{self.file}:{self.line}: " if self.line else f"{self.file}: "
        key = f"{self.key}: " if self.key else ""
        got = f", got {self.value}" if self.value is not None else ""
        allowed = f", allowed: {self.allowed}" if self.allowed else ""
        return f"{where}{key}{self.what}{got}{allowed}"


class ConfigError(CoolantdError):
    """The configuration is not usable; carries every problem found, in file and line order."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.key)))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class Fault(StrEnum):
    """Kinds of failed exchange with a device: the label of the error counters."""

    TIMEOUT = "timeout"
    NOT_CONNECTED = "not_connected"
    CONNECTION_LOST = "connection_lost"
    EXCEPTION = "exception"
    WRONG_FUNCTION = "wrong_function"
    WRONG_UNIT = "wrong_unit"
    WRONG_TRANSACTION = "wrong_transaction"
    WRONG_BYTE_COUNT = "wrong_byte_count"
    WRONG_COUNT = "wrong_count"
    WRONG_ECHO = "wrong_echo"
    MALFORMED = "malformed"
    WRONG_DEVICE = "wrong_device"
    """It answers, but is not, or has not yet shown that it is, the device configured: it is never written."""
    WITHDRAWN = "withdrawn"
    """A write taken back before it was sent; no error, and counted as none."""
    EXPIRED = "expired"
    """A write that had waited too long for its turn, and was not sent."""


class DeviceError(CoolantdError):
    """An exchange with a device failed; device/ raises nothing else.

    Attributes:
        fault: the kind, for counters and qualities.
        code: the Modbus exception code for ``Fault.EXCEPTION``, else None.
    """

    def __init__(self, fault: Fault, detail: str = "", code: int | None = None) -> None:
        self.fault = fault
        self.code = code
        super().__init__(f"{fault.value}{': ' + detail if detail else ''}")
