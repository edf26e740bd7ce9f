"""The virtual ORv3 RPU: its memory after the profile, what it lets a master write, what a command does. Knows no line.

What the public map leaves open is chosen here as a careful device would have it: reads of undefined registers are
refused with exception 2, values outside a point's range with 3; the bits of 37904 that are commands act once when
written 1 and read back 0; a power cycle silences the unit and starts its second up time anew, settings stay.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from coolantd.protocol.codec import DecodeFault, decode
from coolantd.protocol.profile import Access, Profile
from coolantd.protocol.rtu_serving import ILLEGAL_ADDRESS, ILLEGAL_VALUE
from coolantd.sim.registers import RegisterImage
from coolantd.sim.rpu_model import PUMPS, RpuModel, RpuSettings
from coolantd.sim.rpu_values import TEXTS, measured

UNIT_ID: Final = 12
"""Where the unit answers out of the box."""
REFRESH_S: Final = 1.0
"""How often measured registers change."""
POWER_CYCLE_S: Final = 3.0
"""How long it is silent when told to cycle its power."""

SETTINGS: Final = {
    "auto_tune_flow_target_lpm": 24.0,
    "auto_tune_outlet_temp_target_c": 30.0,
    "pump_redundancy_switch_interval_count": 168.0,
    "manual_pump_duty_pct": 50.0,
    "manual_fan_duty_pct": 60.0,
    "pump_redundant_switched_enable_bool": 1.0,
    "auto_tune_flow_control_on_bool": 1.0,
    "rpu_external_leakage_setting_on_bool": 1.0,
    "rpu_internal_leakage_setting_on_bool": 1.0,
    "rack_floor_leakage_setting_on_bool": 1.0,
    "rack_pan_leakage_setting_on_bool": 1.0,
    "modbus_address_count": float(UNIT_ID),
    "manual_rpu_fan_duty_pct": 45.0,
    "manual_pump1_duty_pct": 50.0,
    "manual_pump2_duty_pct": 50.0,
    "manual_pump3_duty_pct": 50.0,
}
"""What is set out of the box; every other setting is 0."""
POWER_CYCLE: Final = "rpu_remote_power_cycle_bool"
CLEAR_RUN_TIME: Final = "clear_pump_running_time_bool"
PUMP_RESETS: Final = {f"pump{pump}_reset_bool": pump for pump in range(1, PUMPS + 1)}


class Rpu:
    """One virtual pumping unit, as its line sees it.

    Args:
        profile: the ``orv3-rpu`` profile.

    Attributes:
        registers: its memory.
        model: its inside.
        commands: how often each command bit was written 1.
        writes_total, writes_refused: requests to write.
    """

    def __init__(self, profile: Profile) -> None:
        self.registers = RegisterImage(profile)
        self.model = RpuModel()
        self.commands: Counter[str] = Counter()
        self.writes_total = 0
        self.writes_refused = 0
        self._settable = {point.name: point for point in profile.registers if point.access is not Access.READ}
        self._held: dict[int, int] = {}
        self._on_since_s = -86_400.0
        self._silent_until_s = 0.0
        self._refresh_due_s = 0.0
        for name, text in TEXTS.items():
            self.registers.put_text(name, text)
        for name, value in SETTINGS.items():
            self.registers.put(name, value)
        self._refresh()

    @property
    def holding_addresses(self) -> Sequence[int]:
        """Return the address of every register there is."""
        return self.registers.holding_addresses

    @property
    def coil_addresses(self) -> Sequence[int]:
        """Return no address: the unit has no coils."""
        return ()

    @property
    def refuses_all(self) -> int:
        """Return 0: what the unit does not answer, it is silent about."""
        return 0

    @property
    def silent(self) -> bool:
        """Return whether its power is just being cycled."""
        return self.model.time_s < self._silent_until_s

    def step(self, dt_s: float) -> None:
        """Move on by ``dt_s``, and measure when it is time."""
        self.model.step(self._settings(), dt_s)
        if self.model.time_s >= self._refresh_due_s:
            self._refresh_due_s = self.model.time_s + REFRESH_S
            self._refresh()

    def hold(self, words: Mapping[int, int | None]) -> None:
        """Fix registers by hand, whatever the unit measures; None lets one go again.

        Raises:
            ValueError: there is no such register.
        """
        if unknown := set(words) - set(self.holding_addresses):
            raise ValueError(f"register {min(unknown)} does not exist")
        for address, word in words.items():
            if word is None:
                self._held.pop(address, None)
            else:
                self._held[address] = word
        self._refresh()

    def read_holding(self, address: int, count: int) -> list[int]:
        """Return words; every address must be one of ``holding_addresses``."""
        return self.registers.words(address, count)

    def read_coil(self, address: int) -> bool:
        """Raise: there are none."""
        raise LookupError(f"coil {address} does not exist")

    def write_coils(self, address: int, bits: Sequence[bool]) -> int:  # noqa: ARG002 (as every device)
        """Refuse: there are none."""
        self.writes_refused += 1
        return ILLEGAL_ADDRESS

    def write_holding(self, address: int, words: Sequence[int]) -> int:
        """Take words as a master writes them; return 0, or the exception code of the refusal of all of them."""
        code = next((code for index, word in enumerate(words) if (code := self._refusal(address + index, word))), 0)
        if code:
            self.writes_refused += 1
            return code
        self.writes_total += 1
        for index, word in enumerate(words):
            self._take(address + index, word)
        return 0

    def _refusal(self, address: int, word: int) -> int:
        points = [point for point in self._settable.values() if point.address == address]
        try:
            for point in points:
                decode(point, (word,))
        except DecodeFault:
            return ILLEGAL_VALUE
        return 0 if points else ILLEGAL_ADDRESS

    def _take(self, address: int, word: int) -> None:
        for point in self._settable.values():
            if point.address == address and point.access is Access.COMMAND and word >> point.bit & 1:
                word &= ~(1 << point.bit)
                self.commands[point.name] += 1
                self._act(point.name)
        self.registers.put_words(address, (word,))

    def _act(self, command: str) -> None:
        if command == POWER_CYCLE:
            self._silent_until_s = self.model.time_s + POWER_CYCLE_S
            self._on_since_s = self.model.time_s
        elif command == CLEAR_RUN_TIME:
            self.model.run_time_s = [0.0] * PUMPS
        elif command in PUMP_RESETS:
            self.model.tripped_pumps.discard(PUMP_RESETS[command])

    def _settings(self) -> RpuSettings:
        get = self._setting
        by_hand = bool(get("enable_manual_control_bool"))
        return RpuSettings(
            flow_target_lpm=get("auto_tune_flow_target_lpm"),
            outlet_temp_target_c=get("auto_tune_outlet_temp_target_c"),
            manual_pump_duty_pct=get("manual_pump_duty_pct"),
            manual_fan_duty_pct=get("manual_fan_duty_pct"),
            manual_pump=by_hand or bool(get("manual_control_pump_on_bool")),
            manual_fan=by_hand or bool(get("manual_control_fan_on_bool")),
            stopped=bool(get("system_stop_bool")),
        )

    def _setting(self, name: str) -> float:
        """Return a setting as stored; what somebody holds at nonsense counts as out of the box."""
        try:
            return self.registers.get(name)
        except DecodeFault:
            return SETTINGS.get(name, 0.0)

    def _refresh(self) -> None:
        """Write what is measured, then what somebody holds."""
        for name, value in measured(self.model, on_s=self.model.time_s - self._on_since_s):
            self.registers.put(name, value)
        for address, word in self._held.items():
            self.registers.put_words(address, (word,))
