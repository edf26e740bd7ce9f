"""What a failed exchange with a unit says, and of what: of its points, of the unit, or of nothing. Knows no device."""

from typing import Final

from coolantd.errors import DeviceError, Fault
from coolantd.point import Reason

_SILENT: Final = {
    Fault.TIMEOUT: Reason.NO_COMMUNICATION,
    Fault.CONNECTION_LOST: Reason.NO_COMMUNICATION,
    Fault.NOT_CONNECTED: Reason.NOT_CONNECTED,
}
_BUSY_CODES: Final = frozenset({5, 6})
"""Acknowledge and busy: no statement about the register (FM-36)."""
_TARGET_CODES: Final = frozenset({10, 11})
"""A gateway whose target does not answer: the silence of the unit, never that of the connection (FM-36)."""
_REFUSED_CODES: Final = frozenset({1, 2, 3})


def failure_reason(error: DeviceError) -> tuple[bool, Reason]:
    """Return (whether the exchange said nothing about the point, reason).

    Silence lets the last sample age. Nonsense and refusals are bad samples at once.
    """
    if error.fault in _SILENT:
        return True, _SILENT[error.fault]
    if is_busy(error) or is_miss(error):
        return True, Reason.NO_COMMUNICATION
    return False, Reason.CONFIGURATION_ERROR if is_refusal(error) else Reason.DEVICE_FAILURE


def is_busy(error: DeviceError) -> bool:
    """Return whether the unit asks for time."""
    return error.fault is Fault.EXCEPTION and error.code in _BUSY_CODES


def is_miss(error: DeviceError) -> bool:
    """Return whether the unit did not answer, as far as we or its gateway know."""
    return error.fault is Fault.TIMEOUT or (error.fault is Fault.EXCEPTION and error.code in _TARGET_CODES)


def is_refusal(error: DeviceError) -> bool:
    """Return whether the unit has not, or does not give, what was asked for."""
    return error.fault is Fault.EXCEPTION and error.code in _REFUSED_CODES
