"""The side of the row CDU a controller sees: what it may write, and whether it is obeyed. Knows no plant, no clock.

Time is counted in whole plant steps, so that "unchanged for 5 s" means exactly that. The rules:

- The setpoint registers are obeyed only while the remote control coil reads remote *and* the controller's heartbeat
  changed within ``HEARTBEAT_TIMEOUT_S``; otherwise the device's own controller cools.
- A heartbeat lost in remote control also clears the coil: a returning controller must take over again on purpose.
- A pump setpoint is 0 or 25-100 %, a valve setpoint 0-100 %. Anything else, a value that is not finite and a write
  that cuts a value in half are refused with exception 3; a write to what is not writable with exception 2.
- After a restart of its program the device refuses everything with exception 2 for ``BOOT_S``, as a PLC whose map is
  not yet loaded does, and begins with local control, both counters at 0 and its setpoints at ``DEFAULT_SETPOINT_PCT``.
- Setpoint registers keep what was last written to them, also while they are not obeyed: taking over before writing
  them means taking over with whatever they hold.
"""

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coolantd.protocol.codec import DecodeFault, decode
from coolantd.protocol.profile import Profile, RegisterPoint, Role
from coolantd.sim.registers import RegisterImage

STEP_S: Final = 0.1
"""The plant's step, and so the device's: a smaller one gains less than 0.01 K."""
HEARTBEAT_TIMEOUT_S: Final = 5.0
"""A controller whose heartbeat has not changed for so long is gone."""
HEARTBEAT_TIMEOUT_TICKS: Final = round(HEARTBEAT_TIMEOUT_S / STEP_S)
BOOT_S: Final = 3.0
BOOT_TICKS: Final = round(BOOT_S / STEP_S)
DEFAULT_SETPOINT_PCT: Final = 50.0
"""What a setpoint register holds after a restart: neither where anything stands nor harmless to be obeyed unasked."""
PUMP_MIN_PCT: Final = 25.0
"""The inverters run at 0, or from here to 100 %."""
WRITES_KEPT: Final = 10_000
"""Setpoint writes remembered, most of an hour at four a second; older ones are forgotten but stay counted."""
ILLEGAL_ADDRESS: Final = 2
ILLEGAL_VALUE: Final = 3


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One accepted setpoint write: device time, point, value and the value it replaced, in the point's unit."""

    time_s: float
    point: str
    value: float
    previous: float


class ControllerPort:
    """Registers as a controller may use them.

    Args:
        profile: the device's; it must name a heartbeat, a remote control coil and a unit selector.
        registers: the device's memory.

    Attributes:
        tick: device time in plant steps; the device keeps it.
        obeying: whether the setpoint registers are obeyed, as of the last ``watch``.
        writes: the last accepted setpoint writes, oldest first.
        writes_total: all of them.
        writes_refused: write requests answered with an exception.
        takeovers: times a controller took over.
        fallbacks: times the device went back to its own controller.
        reboots: times its program was restarted.
    """

    def __init__(self, profile: Profile, registers: RegisterImage) -> None:
        if profile.heartbeat is None or profile.remote_control is None or profile.unit_selector is None:
            raise ValueError(f"profile {profile.name} names no heartbeat, remote control or unit selector")
        self.registers = registers
        self.setpoints = tuple(point for point in profile.registers if point.write is not None)
        self.heartbeat = profile.heartbeat
        self.tick = 0
        self.obeying = False
        self.writes: deque[WriteRecord] = deque(maxlen=WRITES_KEPT)
        self.writes_total = 0
        self.writes_refused = 0
        self.takeovers = 0
        self.fallbacks = 0
        self.reboots = 0
        self._boot_until_tick = 0
        self._remote_control = profile.remote_control
        self._unit_selector = profile.unit_selector
        self._setpoint_names = {point.name for point in self.setpoints}
        self._beaten_tick: int | None = None
        self._remote_tick = 0
        registers.put(self._remote_control.point, self._remote_control.local_value)

    @property
    def holding_addresses(self) -> Sequence[int]:
        """Return the address of every holding register there is."""
        return self.registers.holding_addresses

    @property
    def coil_addresses(self) -> Sequence[int]:
        """Return the address of every coil there is."""
        return self.registers.coil_addresses

    @property
    def remote(self) -> bool:
        """Return whether the coil asks for remote control (obeyed or not: see ``obeying``)."""
        return self.registers.get(self._remote_control.point) == self._remote_control.remote_value

    @property
    def imperial(self) -> bool:
        """Return whether the status block is to be in degF, psi and gpm."""
        return self.registers.get(self._unit_selector.point) == self._unit_selector.imperial_value

    @property
    def booting(self) -> bool:
        """Return whether its program is not up yet: nothing is answered well and nothing is moved."""
        return self.tick < self._boot_until_tick

    @property
    def refuses_all(self) -> int:
        """Return exception 2 while it boots, else 0."""
        return ILLEGAL_ADDRESS if self.booting else 0

    @property
    def silent(self) -> bool:
        """Return False: it always answers something."""
        return False

    @property
    def controller_alive(self) -> bool:
        """Return whether the controller's heartbeat changed within the timeout."""
        return self._beaten_tick is not None and self.tick - self._beaten_tick < HEARTBEAT_TIMEOUT_TICKS

    @property
    def controller_lost(self) -> bool:
        """Return whether a controller has been there and is gone."""
        return self._beaten_tick is not None and not self.controller_alive

    def watch(self) -> bool:
        """Decide anew who is in command, and return whether a controller outside is."""
        alive = self.controller_alive
        if self.remote and not alive and self._patience_is_over():
            self.registers.put(self._remote_control.point, self._remote_control.local_value)
        obeying = self.remote and alive
        self.takeovers += obeying and not self.obeying
        self.fallbacks += self.obeying and not obeying
        self.obeying = obeying
        return obeying

    def set_imperial(self, *, on: bool) -> None:
        """Turn the unit selector, as somebody at the device's own panel would."""
        value = self._unit_selector.imperial_value
        self.registers.put(self._unit_selector.point, value if on else 1 - value)

    def set_remote(self, *, on: bool) -> None:
        """Turn the remote control coil, as somebody at the device's own panel would."""
        control = self._remote_control
        self._set_coil(control.point, on=bool(control.remote_value if on else control.local_value))

    def write_point(self, name: str, value: float) -> int | None:
        """Write a point as another master would; return 0 or the exception code, None if nothing can be written so."""
        try:
            address, words = self.registers.encoded(name, value)
        except (LookupError, ValueError):
            return None
        if self.registers.is_coil(name):
            return self.write_coils(address, [bool(word) for word in words])
        return self.write_holding(address, words)

    def reboot(self) -> None:
        """Lose everything that is not the device's own and be away for ``BOOT_S``."""
        self.reboots += 1
        self._boot_until_tick = self.tick + BOOT_TICKS
        self._beaten_tick = None
        self.registers.put(self._remote_control.point, self._remote_control.local_value)
        self.set_imperial(on=False)
        for name in (self.heartbeat.ours, self.heartbeat.theirs):
            self.registers.put(name, 0)
        for point in self.setpoints:
            self.registers.put(point.name, DEFAULT_SETPOINT_PCT)

    def read_holding(self, address: int, count: int) -> list[int]:
        """Return words; every address must be one of ``holding_addresses``."""
        return self.registers.words(address, count)

    def read_coil(self, address: int) -> bool:
        """Return one coil; its address must be one of ``coil_addresses``."""
        return self.registers.coil(address)

    def write_holding(self, address: int, words: Sequence[int]) -> int:
        """Take words as a controller writes them; return 0, or the exception code of the refusal."""
        points = self.registers.points_at(address, len(words))
        code = ILLEGAL_VALUE if points is None else self._refusal(points, words)
        if code or points is None:
            self.writes_refused += 1
            return code
        at = 0
        for point in points:
            width = point.coding.register_count
            self._take(point, decode(point, words[at : at + width]))
            at += width
        return 0

    def write_coils(self, address: int, bits: Sequence[bool]) -> int:
        """Take coils as a controller writes them; return 0, or the exception code of the refusal."""
        points = [self.registers.coil_point(address + index) for index in range(len(bits))]
        if None in points:
            self.writes_refused += 1
            return ILLEGAL_ADDRESS
        for point, bit in zip(points, bits, strict=True):
            if point is not None:
                self._set_coil(point.name, on=bit)
        return 0

    def _set_coil(self, name: str, *, on: bool) -> None:
        before = self.remote
        self.registers.put(name, on)
        if self.remote and not before:
            self._remote_tick = self.tick

    def _patience_is_over(self) -> bool:
        """Return whether remote control has been without a heartbeat for the whole timeout."""
        since_tick = max(self._beaten_tick or 0, self._remote_tick)
        return self.tick - since_tick >= HEARTBEAT_TIMEOUT_TICKS

    def _refusal(self, points: Sequence[RegisterPoint], words: Sequence[int]) -> int:
        at = 0
        for point in points:
            if point.name not in self._setpoint_names and point.name != self.heartbeat.ours:
                return ILLEGAL_ADDRESS
            width = point.coding.register_count
            try:
                value = decode(point, words[at : at + width])
            except DecodeFault:
                return ILLEGAL_VALUE
            if point.write is not None and not allowed(point.write.role, value):
                return ILLEGAL_VALUE
            at += width
        return 0

    def _take(self, point: RegisterPoint, value: float) -> None:
        previous = self.registers.get(point.name)
        self.registers.put(point.name, value)
        if point.write is not None:
            self.writes.append(WriteRecord(self.tick * STEP_S, point.name, value, previous))
            self.writes_total += 1
        elif value != previous:
            self._beaten_tick = self.tick


def allowed(role: Role, value_pct: float) -> bool:
    """Return whether the device takes a setpoint, in percent, for what moves in a role."""
    if role is Role.PUMP:
        return value_pct == 0.0 or PUMP_MIN_PCT <= value_pct <= 100.0
    return 0.0 <= value_pct <= 100.0
