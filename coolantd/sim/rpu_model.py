"""What happens inside a virtual pumping unit with an air-cooled heat exchanger (RPU/AALC). Pure; knows no register.

A lump of coolant takes the heat of one small rack and gives it to room air: enough that flow follows the pumps and
temperatures follow flow and fans. It validates nothing: no public measurement of such a unit is known.
"""

import math
from dataclasses import dataclass, field
from typing import Final

PUMPS: Final = 4
HEX_FANS: Final = 14
FLOW_AT_FULL_LPM: Final = 60.0
"""All pumps at 100 %."""
HEAT_MEAN_KW: Final = 4.8
HEAT_SWING_KW: Final = 0.6
HEAT_SWING_PERIOD_S: Final = 900.0
"""The rack's heat goes up and down a little, so that a trend is to be seen. The unit's registers end at 6.55 kW."""
AIR_INLET_C: Final = 24.0
COOLANT_KJ_PER_K: Final = 78.0
"""Some 20 L of PG25."""
COOLANT_KJ_PER_L_K: Final = 3.95
UA_FULL_KW_PER_K: Final = 0.9
UA_EXPONENT: Final = 0.6
"""Air side of a finned coil, over the speed of its fans."""
UA_STILL_RATIO: Final = 0.05
DUTY_RATE_PCT_PER_S: Final = 5.0
FAN_MIN_PCT: Final = 20.0
FAN_GAIN_PCT_PER_K_S: Final = 0.2
PUMP_FULL_RPM: Final = 6000.0
FAN_FULL_RPM: Final = 5200.0
RPU_FAN_FULL_RPM: Final = 9000.0
PUMP_FULL_KW: Final = 0.9
FAN_FULL_KW: Final = 1.2
IDLE_KW: Final = 0.06
LOOP_DROP_KPA: Final = 180.0
"""At full flow, with its square."""
STATIC_KPA: Final = 40.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RpuSettings:
    """What a master has set.

    Attributes:
        flow_target_lpm, outlet_temp_target_c: for its own controllers.
        manual_pump_duty_pct, manual_fan_duty_pct: in force while the matching flag is set.
        manual_pump, manual_fan: whether the duties are set by hand.
        stopped: pumps and fans off.
    """

    flow_target_lpm: float
    outlet_temp_target_c: float
    manual_pump_duty_pct: float
    manual_fan_duty_pct: float
    manual_pump: bool = False
    manual_fan: bool = False
    stopped: bool = False


@dataclass(slots=True)
class RpuModel:
    """The unit's state; starts about steady.

    Attributes:
        time_s: device time.
        pump_duty_pct, fan_duty_pct: in force now.
        coolant_temp_c: of the lump.
        tripped_pumps: numbers from 1 of pumps out of order.
        run_time_s: of each pump.
    """

    time_s: float = 0.0
    pump_duty_pct: float = 40.0
    fan_duty_pct: float = 55.0
    coolant_temp_c: float = 31.5
    tripped_pumps: set[int] = field(default_factory=set)
    run_time_s: list[float] = field(default_factory=lambda: [5_400_000.0, 5_390_000.0, 5_410_000.0, 1_000.0])

    @property
    def heat_kw(self) -> float:
        """Return what the rack gives off."""
        return HEAT_MEAN_KW + HEAT_SWING_KW * math.sin(2.0 * math.pi * self.time_s / HEAT_SWING_PERIOD_S)

    @property
    def flow_lpm(self) -> float:
        """Return the coolant flow; each pump that turns has its share."""
        return FLOW_AT_FULL_LPM * self.pump_duty_pct / 100.0 * (PUMPS - len(self.tripped_pumps)) / PUMPS

    @property
    def cooling_kw(self) -> float:
        """Return what goes into the air."""
        ratio = math.pow(max(self.fan_duty_pct / 100.0, 0.0), UA_EXPONENT)
        return UA_FULL_KW_PER_K * max(ratio, UA_STILL_RATIO) * (self.coolant_temp_c - AIR_INLET_C)

    @property
    def rise_k(self) -> float:
        """Return how much warmer the coolant comes back than it goes out; bounded, as without flow it would boil."""
        flow_l_per_s = self.flow_lpm / 60.0
        return min(self.heat_kw / (flow_l_per_s * COOLANT_KJ_PER_L_K), 30.0) if flow_l_per_s > 0.0 else 0.0

    @property
    def outlet_temp_c(self) -> float:
        """Return what goes to the rack."""
        return self.coolant_temp_c - self.rise_k / 2.0

    @property
    def inlet_temp_c(self) -> float:
        """Return what comes back from the rack."""
        return self.coolant_temp_c + self.rise_k / 2.0

    @property
    def pump_power_kw(self) -> float:
        """Return what the pumps and their electronics draw."""
        return IDLE_KW + PUMP_FULL_KW * (self.pump_duty_pct / 100.0) ** 3

    @property
    def fan_power_kw(self) -> float:
        """Return what the heat exchanger's fans draw."""
        return IDLE_KW + FAN_FULL_KW * (self.fan_duty_pct / 100.0) ** 3

    @property
    def drop_kpa(self) -> float:
        """Return the pressure the pumps make."""
        return LOOP_DROP_KPA * (self.flow_lpm / FLOW_AT_FULL_LPM) ** 2

    def pump_rpm(self, pump: int) -> float:
        """Return the speed of a pump, from 1; no two are quite alike."""
        if pump in self.tripped_pumps:
            return 0.0
        return PUMP_FULL_RPM * self.pump_duty_pct / 100.0 * (1.0 + 0.002 * pump)

    def fan_rpm(self, fan: int) -> float:
        """Return the speed of a fan of the heat exchanger, from 1."""
        return FAN_FULL_RPM * self.fan_duty_pct / 100.0 * (1.0 + 0.001 * fan)

    def step(self, settings: RpuSettings, dt_s: float) -> None:
        """Move on by ``dt_s``."""
        self.pump_duty_pct = _toward(self.pump_duty_pct, self._pump_wanted_pct(settings), dt_s)
        self.fan_duty_pct = _toward(self.fan_duty_pct, self._fan_wanted_pct(settings, dt_s), dt_s)
        self.coolant_temp_c += (self.heat_kw - self.cooling_kw) / COOLANT_KJ_PER_K * dt_s
        self.coolant_temp_c = min(self.coolant_temp_c, 85.0)  # the rack's own trip
        for index in range(PUMPS):
            if self.pump_rpm(index + 1) > 0.0:
                self.run_time_s[index] += dt_s
        self.time_s += dt_s

    @staticmethod
    def _pump_wanted_pct(settings: RpuSettings) -> float:
        if settings.stopped:
            return 0.0
        if settings.manual_pump:
            return settings.manual_pump_duty_pct
        return min(settings.flow_target_lpm / FLOW_AT_FULL_LPM * 100.0, 100.0)

    def _fan_wanted_pct(self, settings: RpuSettings, dt_s: float) -> float:
        if settings.stopped:
            return 0.0
        if settings.manual_fan:
            return settings.manual_fan_duty_pct
        error_k = self.outlet_temp_c - settings.outlet_temp_target_c
        return min(max(self.fan_duty_pct + FAN_GAIN_PCT_PER_K_S * error_k * dt_s, FAN_MIN_PCT), 100.0)


def _toward(value: float, wanted: float, dt_s: float) -> float:
    step = DUTY_RATE_PCT_PER_S * dt_s
    return min(max(wanted, value - step), value + step)
