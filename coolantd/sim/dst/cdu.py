"""A virtual row CDU whose parts can fail, and its server's side of Modbus TCP. Knows frames, instruments and parts.

Plant, registers and manners are ``sim.row_cdu``'s. Added here: what fails inside the machine (a valve that sticks, an
instrument that lies, a setpoint that is not taken), as switches that somebody else turns.
"""

import math
import random
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from coolantd.plant.loop import Plant
from coolantd.protocol.profile import Coding, Profile, Table
from coolantd.sim.controller_port import STEP_S
from coolantd.sim.dst.network import EXCEPTION_FLAG, HEADER
from coolantd.sim.oddities import Oddities
from coolantd.sim.row_cdu import RowCdu

Lie = Callable[[float, float], float]
"""Takes what an instrument would show and the device's time; returns what it shows."""

NAN_WORDS: Final = (0x0000, 0x7FC0)
"""A quiet NaN as a float32 with its low word first, as this device stores floats."""
STATUS_ADDRESS: Final = 5000
_READS: Final = {1: "coil", 3: "holding"}
_ILLEGAL_FUNCTION: Final = 1
_ILLEGAL_ADDRESS: Final = 2
_COIL_ON: Final = 0xFF00


@dataclass(slots=True)
class Parts:
    """What is wrong inside the machine; all of it right at first.

    Attributes:
        valve_stuck: it stays where it is. valve_slow_pct_per_s: it goes no faster.
        pump_ratio: of the commanded speed, what each pump reaches.
        lies: by point, what its instrument makes of the truth.
        swapped: pairs of points that show each other's values.
        frozen: the status block is not refreshed, while everything else goes on.
        ignores_writes: setpoints are acknowledged and not taken.
        valve_limit_pct: setpoints of the valve above it are cut to it.
        unit: unit id it answers to.
    """

    valve_stuck: bool = False
    valve_slow_pct_per_s: float = math.inf
    pump_ratio: list[float] = field(default_factory=lambda: [1.0, 1.0])
    lies: dict[str, Lie] = field(default_factory=dict)
    swapped: list[tuple[str, str]] = field(default_factory=list)
    frozen: bool = False
    ignores_writes: bool = False
    valve_limit_pct: float = 100.0
    unit: int = 1


class VirtualCdu(RowCdu):
    """The machine.

    Args:
        profile, plant, seed, oddities: as for ``RowCdu``.
        stride_s: how much time one ``step`` is; a whole number of the plant's steps.

    Attributes:
        parts: what is wrong with it.
        shown: what its status block shows since the last refresh, NaN where that is no number.
    """

    def __init__(self, profile: Profile, plant: Plant, *, seed: int, oddities: Oddities, stride_s: float) -> None:
        self.parts = Parts()
        self._no_numbers: list[str] = []
        self.shown: dict[str, float] = {}
        self._addresses = {point.name: point.address for point in profile.registers}
        self.rng = random.Random(seed)  # noqa: S311 - a simulation's luck
        block = sorted((p for p in profile.registers if p.address >= STATUS_ADDRESS), key=lambda p: p.address)
        self._block = [p.name for p in block if p.table is Table.HOLDING and p.coding is Coding.F32]
        self._floats, self._words = struct.Struct(f"<{len(self._block)}f"), struct.Struct(f"<{2 * len(self._block)}H")
        super().__init__(profile, plant, seed=seed, oddities=oddities, stride_ticks=round(stride_s / STEP_S))
        self._stride_s = stride_s

    def answer(self, frame: bytes) -> bytes:
        """Return the reply to a request; empty for another unit's, or for nonsense."""
        if len(frame) < HEADER.size + 1:
            return b""
        transaction, protocol, _, unit = HEADER.unpack_from(frame)
        if unit != self.parts.unit:
            return b""
        function, body = frame[HEADER.size], frame[HEADER.size + 1 :]
        data, code = self._served(function, body)
        pdu = bytes([function | EXCEPTION_FLAG, code]) if code else bytes([function]) + data
        return HEADER.pack(transaction, protocol, len(pdu) + 1, unit) + pdu

    def _served(self, function: int, body: bytes) -> tuple[bytes, int]:
        """Return (data of the reply, exception code)."""
        if self.port.refuses_all:
            return b"", self.port.refuses_all
        try:
            if function in _READS:
                return self._read(function, *struct.unpack_from(">HH", body)), 0
            return self._write(function, body)
        except LookupError:
            return b"", _ILLEGAL_ADDRESS

    def _read(self, function: int, address: int, count: int) -> bytes:
        if _READS[function] == "holding":
            words = self.port.read_holding(address, count)
            return bytes([2 * count]) + struct.pack(f">{count}H", *words)
        bits = sum(self.port.read_coil(address + k) << k for k in range(count))
        size = -(-count // 8)
        return bytes([size]) + bits.to_bytes(size, "little")

    def _write(self, function: int, body: bytes) -> tuple[bytes, int]:
        address, word = struct.unpack_from(">HH", body)
        if function == 5:
            return body[:4], self.port.write_coils(address, [word == _COIL_ON])
        if function == 6:
            return body[:4], self._take(address, [word])
        if function == 16:
            return body[:4], self._take(address, list(struct.unpack_from(f">{word}H", body, 5)))
        return b"", _ILLEGAL_FUNCTION

    def _take(self, address: int, words: list[int]) -> int:
        before = {point.name: self.registers.get(point.name) for point in self.port.setpoints}
        code = self.port.write_holding(address, words)
        for point in () if code else self.port.setpoints:
            value = self.registers.get(point.name)
            if self.parts.ignores_writes:
                self.registers.put(point.name, before[point.name])
            elif "valve" in point.name and value > self.parts.valve_limit_pct:
                self.registers.put(point.name, self.parts.valve_limit_pct)
        return code

    def _drive(self, valve_pct: float, pumps_pct: tuple[float, float]) -> None:
        parts, now_pct = self.parts, self.valve_position_pct
        if parts.valve_stuck:
            valve_pct = now_pct
        elif math.isfinite(parts.valve_slow_pct_per_s):
            most_pct = parts.valve_slow_pct_per_s * self._stride_s
            valve_pct = min(max(valve_pct, now_pct - most_pct), now_pct + most_pct)
        first, second = (speed * ratio for speed, ratio in zip(pumps_pct, parts.pump_ratio, strict=True))
        super()._drive(valve_pct, (first, second))

    def _refresh(self) -> None:
        if self.parts.frozen:
            return
        super()._refresh()
        for name in self._no_numbers:
            self.registers.put_words(self._addresses[name], NAN_WORDS)

    def _store(self, shown: Mapping[str, float], *, imperial: bool) -> None:
        """Put everything into the block at once where nothing is to be converted: a run spends its time on this."""
        if imperial:
            super()._store(shown, imperial=imperial)
            return
        # Little end first throughout gives each float's low word first, as the device stores it.
        data = self._floats.pack(*[shown.get(name, 0.0) for name in self._block])
        self.registers.put_words(self._addresses[self._block[0]], self._words.unpack(data))

    def _displayed(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return what the instruments show."""
        shown = super()._displayed(measured)
        for one, other in self.parts.swapped:
            shown[one], shown[other] = shown[other], shown[one]
        for name, lie in self.parts.lies.items():
            shown[name] = lie(shown[name], self.time_s)
        self.shown = shown
        self._no_numbers = [name for name, value in shown.items() if not math.isfinite(value)]
        return {name: value for name, value in shown.items() if math.isfinite(value)}
