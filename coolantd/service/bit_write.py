"""Writes some bits of a register over a link: read, change, write, read again. Knows no schedule."""

from typing import TYPE_CHECKING, Final

import structlog

from coolantd.clock import Clock
from coolantd.protocol.bits import command_mask, merge_bits, others_changed
from coolantd.protocol.profile import RegisterPoint
from coolantd.service.metrics import Metrics
from coolantd.service.modbus_device import ModbusDevice

if TYPE_CHECKING:
    from coolantd.service.modbus_bus import Link

log: Final = structlog.get_logger()


async def write_bits(
    link: "Link", device: ModbusDevice, point: RegisterPoint, word: int, *, metrics: Metrics, clock: Clock
) -> None:
    """Write a ``BITS`` point and leave the other bits of its register as they are, command bits 0.

    The bus has one request in flight, so nothing of ours comes between; another master may, and is counted.

    Args:
        link: connected.
        device: whose register.
        point: what is written.
        word: its value as ``codec.encode`` gives it.
        metrics: where a contended write is counted.
        clock: for the device's silence between two requests.

    Raises:
        DeviceError: one of the three exchanges failed; the write may or may not have been taken.
    """
    where, deadline_s = (device.unit, point.table, point.address), device.write_deadline_s
    commands = command_mask(device.profile.registers, point)
    (current,) = await link.read(*where, 1, deadline_s=deadline_s)
    gap_s = device.profile.limits.request_gap_s
    await clock.sleep(gap_s)
    written = merge_bits(current, point, word, commands)
    await link.write(*where, (written,), deadline_s=deadline_s)
    await clock.sleep(gap_s)
    (reread,) = await link.read(*where, 1, deadline_s=deadline_s)
    if others_changed(written, reread, point, commands):
        metrics.writes_contended.labels(device.name, point.name).inc()
        log.warning(
            "write_contended",
            device=device.name,
            point=point.name,
            detail=f"register {point.address} reads 0x{reread:04X}, 0x{written:04X} was written",
        )
