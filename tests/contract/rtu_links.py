"""What the tests of RTU links share: a link to a tty, a read of one register, the error of one that fails."""

import pytest
from rtu_device import UNIT

from coolantd.clock import SystemClock
from coolantd.device.modbus_serial import ModbusSerialLink
from coolantd.device.rtu_link import RtuLink
from coolantd.errors import DeviceError
from coolantd.protocol.profile import Table

PATIENT_S = 5.0
HURRIED_S = 0.03
TURNAROUND_S = 0.05


def serial_link(path: str, turnaround_s: float = TURNAROUND_S, *, loopback: bool = True) -> ModbusSerialLink:
    return ModbusSerialLink(path, baudrate=115200, turnaround_s=turnaround_s, clock=SystemClock(), loopback=loopback)


async def read_one(link: RtuLink, address: int = 5000, deadline_s: float = PATIENT_S, unit: int = UNIT) -> int:
    (word,) = await link.read(unit, Table.HOLDING, address, 1, deadline_s=deadline_s)
    return word


async def error_of_read(link: RtuLink, deadline_s: float = HURRIED_S, unit: int = UNIT) -> DeviceError:
    with pytest.raises(DeviceError) as caught:
        await read_one(link, deadline_s=deadline_s, unit=unit)
    return caught.value
