"""The device's own controller: what cools when nobody outside is in command. Pure; knows no register and no clock.

Two plain PI loops, as a CDU's PLC runs them: supply temperature to the facility valve and differential pressure to
both pumps. On purpose not the daemon's control law: the device must not share its faults.
"""

import math
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class PiSettings:
    """One PI loop whose output is in percent.

    Attributes:
        setpoint: in the unit of the process variable.
        gain_pct_per_unit: output per unit of (process variable - setpoint); negative when a low process
            variable asks for more output.
        integral_time_s: reset time, also that of the anti-windup.
        output_min_pct, output_max_pct: limits of the output.
    """

    setpoint: float
    gain_pct_per_unit: float
    integral_time_s: float
    output_min_pct: float
    output_max_pct: float


SUPPLY_TEMP: Final = PiSettings(
    setpoint=34.0, gain_pct_per_unit=3.0, integral_time_s=20.0, output_min_pct=0.0, output_max_pct=100.0
)
"""degC to facility valve: stable over the whole load range of the reference plant, without scheduling."""
PRESSURE: Final = PiSettings(
    setpoint=90.0, gain_pct_per_unit=-0.1, integral_time_s=2.0, output_min_pct=25.0, output_max_pct=100.0
)
"""kPa to both pumps: the rack differential pressure of design, and the least speed the inverters accept."""


class PiLoop:
    """One PI loop with back-calculated anti-windup.

    Args:
        settings: gains and limits.
        output_pct: the present position of the actuator, from where it starts.
    """

    def __init__(self, settings: PiSettings, output_pct: float) -> None:
        self.settings = settings
        self.output_pct = output_pct
        self._integral_pct = math.nan

    def start(self, output_pct: float) -> None:
        """Begin anew from a present position, in percent; the next step does not jump."""
        self.output_pct = output_pct
        self._integral_pct = math.nan

    def step(self, process_variable: float, dt_s: float) -> float:
        """Return the output in percent after one period; it holds while the process variable is not finite."""
        if not math.isfinite(process_variable):
            self._integral_pct = math.nan
            return self.output_pct
        law = self.settings
        error = process_variable - law.setpoint
        proportional_pct = law.gain_pct_per_unit * error
        if math.isnan(self._integral_pct):
            self._integral_pct = self.output_pct - proportional_pct
        wanted_pct = proportional_pct + self._integral_pct
        self.output_pct = min(max(wanted_pct, law.output_min_pct), law.output_max_pct)
        growth_pct = proportional_pct + self.output_pct - wanted_pct
        self._integral_pct += growth_pct * dt_s / law.integral_time_s
        return self.output_pct


class FallbackController:
    """Both loops of the device.

    Args:
        valve_pct: present facility valve position.
        pump_pct: present pump speed.
    """

    def __init__(self, valve_pct: float, pump_pct: float) -> None:
        self.supply_temp = PiLoop(SUPPLY_TEMP, valve_pct)
        self.pressure = PiLoop(PRESSURE, pump_pct)

    def start(self, valve_pct: float, pump_pct: float) -> None:
        """Take over from present positions, in percent, without a jump."""
        self.supply_temp.start(valve_pct)
        self.pressure.start(pump_pct)

    def step(self, supply_temp_c: float, differential_pressure_kpa: float, dt_s: float) -> tuple[float, float]:
        """Return (facility valve, pump speed) in percent after one period of ``dt_s``."""
        return (
            self.supply_temp.step(supply_temp_c, dt_s),
            self.pressure.step(differential_pressure_kpa, dt_s),
        )
