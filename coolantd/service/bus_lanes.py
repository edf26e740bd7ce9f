"""Which read of a bus is next: safety before telemetry, yet nothing starves. Knows asks and given times; no link."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from coolantd.service.agenda import Ask, Lane
from coolantd.service.modbus_device import ModbusDevice


@dataclass(slots=True)
class Choice:
    """What the bus may read next.

    Attributes:
        device, ask: the read whose turn it is; None when nothing is due.
        due_s: when the next read is due; inf if there is none.
        starved: that read has waited for so long that it goes before the next write.
    """

    device: ModbusDevice | None = None
    ask: Ask | None = None
    due_s: float = math.inf
    starved: bool = False


class Lanes:
    """The two lanes of reads of one bus."""

    def __init__(self) -> None:
        self._after_telemetry = False

    def choose(self, devices: Iterable[ModbusDevice], now_s: float) -> Choice:
        """Return the next read of devices.

        A lane's reads go in the order in which they fell due. One of telemetry that is overdue by a whole period of
        its own goes between two of safety; which of each lane is starved goes first within it.
        """
        safety, telemetry = self._lane(devices, Lane.SAFETY, now_s), self._lane(devices, Lane.TELEMETRY, now_s)
        if telemetry.ask is not None and telemetry.starved and not self._after_telemetry:
            return telemetry
        if safety.ask is not None:
            return safety
        if telemetry.ask is not None:
            return telemetry
        return Choice(due_s=min(safety.due_s, telemetry.due_s))

    def took(self, choice: Choice) -> None:
        """Note that this read is being carried out."""
        self._after_telemetry = choice.ask is not None and choice.ask.lane is Lane.TELEMETRY

    def _lane(self, devices: Iterable[ModbusDevice], lane: Lane, now_s: float) -> Choice:
        first, neediest, need_s = Choice(), Choice(), now_s
        for device in devices:
            ask = device.agenda.first(lane)
            if ask is None:
                continue
            due_s = max(ask.due_s, device.ready_s)
            if due_s < first.due_s:
                first.device, first.ask, first.due_s = device, ask, due_s
            needy = device.agenda.neediest(lane)
            if needy is not None and device.ready_s <= now_s and needy.due_s + needy.patience_s < need_s:
                need_s = needy.due_s + needy.patience_s
                neediest.device, neediest.ask, neediest.due_s, neediest.starved = device, needy, needy.due_s, True
        if neediest.ask is not None:
            return neediest
        if first.due_s > now_s:
            first.device = first.ask = None
        return first
