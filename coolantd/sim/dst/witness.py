"""Sees what goes over one device's wire, and keeps its own books. Knows frames and addresses; judges nothing.

It shares no code with the daemon's decoding on purpose: addresses and codings are written down here a second time.
"""

import struct
from dataclasses import dataclass, field
from typing import Final

from coolantd.sim.dst.network import HEADER

VALVE: Final = "valve"
PUMPS: Final = ("pump1", "pump2")
SETPOINTS: Final = {352: VALVE, 246: PUMPS[0], 222: PUMPS[1]}
"""Addresses of the row CDU's setpoints, f32 with the low word first."""
BEAT_ADDRESS: Final = 301
REMOTE_COIL: Final = 8697
STATUS_ADDRESS: Final = 5000
"""First register of the block that the loops live on."""
COIL_ON: Final = 0xFF00


@dataclass(frozen=True, slots=True)
class Write:
    """One write that reached the device: when, what, and the value (a coil's 0 or 1, a count, %)."""

    time_s: float
    what: str
    value: float


@dataclass(slots=True)
class Witness:
    """The books of one device.

    Attributes:
        unit: the unit id that is the device's.
        writes: every write, in order.
        fresh: writes since the last call of ``take``.
        status_s: when the newest status block that came back undamaged had been asked for.
        heard_s: when the newest reply that came back undamaged had been asked for.
        greeted: something came back undamaged since the connection was made.
        trace: of every request that writes, as it was on the wire, with its time in microseconds.
    """

    unit: int
    writes: list[Write] = field(default_factory=list)
    fresh: list[Write] = field(default_factory=list)
    strange: list[str] = field(default_factory=list)
    status_s: float = -1e9
    heard_s: float = -1e9
    greeted: bool = False
    trace: list[bytes] = field(default_factory=list)

    def asked(self, time_s: float, frame: bytes) -> None:
        """See a request that reaches the device."""
        function = frame[HEADER.size]
        if function in (5, 6, 16):
            self._wrote(time_s, frame, function)

    def answered(self, asked_s: float, frame: bytes, reply: bytes) -> None:
        """See a reply that arrives as the device sent it."""
        self.greeted = True
        self.heard_s = max(self.heard_s, asked_s)
        function = frame[HEADER.size]
        exception = reply[HEADER.size] & 0x80
        if function == 3 and not exception and struct.unpack_from(">H", frame, HEADER.size + 1)[0] == STATUS_ADDRESS:
            self.status_s = max(self.status_s, asked_s)

    def take(self) -> list[Write]:
        """Return the writes since the last call."""
        taken, self.fresh = self.fresh, []
        return taken

    def _wrote(self, time_s: float, frame: bytes, function: int) -> None:
        unit = frame[HEADER.size - 1]
        address, word = struct.unpack_from(">HH", frame, HEADER.size + 1)
        # What is the same in every run but for nothing: time, and the frame without its transaction.
        self.trace.append(b"%d %s" % (round(time_s * 1e6), frame[2:].hex().encode()))
        if unit != self.unit:
            self.strange.append(f"a write to unit {unit}")
            return
        if not self.greeted:
            self.strange.append(f"a write to {address} before anything had come back on this connection")
        write = self._decoded(time_s, function, address, word, frame)
        if write is None:
            self.strange.append(f"a write to {address}, which nobody may write")
        else:
            self.writes.append(write)
            self.fresh.append(write)

    def _decoded(self, time_s: float, function: int, address: int, word: int, frame: bytes) -> Write | None:
        if function == 5 and address == REMOTE_COIL:
            return Write(time_s, "remote", float(word == COIL_ON))
        if function == 6 and address == BEAT_ADDRESS:
            return Write(time_s, "beat", float(word))
        if function == 16 and address in SETPOINTS:
            low, high = struct.unpack_from(">HH", frame, HEADER.size + 6)
            return Write(time_s, SETPOINTS[address], struct.unpack(">f", struct.pack(">HH", high, low))[0])
        return None
