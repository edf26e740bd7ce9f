"""Several CDUs side by side on one header that feeds all racks: flows, pressures and temperatures, SI inside.

Each unit is the reference plant's own: two pumps, internal resistance, exchanger, facility valve; a check valve keeps a
unit that cannot reach the header's pressure from being driven backwards. The racks are one set of cold plates, the
pipes one mixed volume each. Knows no controller. Much simpler than ``coolantd.plant``: it shows how units share a
load, not how a supply temperature is held to a tenth of a kelvin.
"""

import math
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.plant import layout as at
from coolantd.plant.coldplate import advance_plate
from coolantd.plant.coolant import volumetric_heat_capacity_j_m3_k
from coolantd.plant.exchanger import conductance_w_k, heat_per_kelvin_w_k, valve_flow_m3_s
from coolantd.plant.hydraulics import BRANCH_EXPONENT
from coolantd.plant.reference import PlantParams, reference_plant
from coolantd.point import FloatArray

STEP_S: Final = 0.1
BISECTIONS: Final = 40
"""Of the header's pressure: to 0.5 mPa."""
RACK_PRESSURE_PA: Final = 90e3


@dataclass(slots=True)
class Unit:
    """One CDU: what it is told, and where it is.

    Attributes:
        speed_command, valve_command: ratios. available: False while its pumps have no power.
    """

    speed_command: float
    valve_command: float
    available: bool = True
    speed: float = 0.0
    valve: float = 0.0
    flow_m3_s: float = 0.0
    supply_c: float = 34.0


class GroupPlant:
    """``count`` reference units that together carry ``load_ratio`` of their rated heat and flow.

    Args:
        count: units.
        load_ratio: of all units' rated heat, with the racks' flow in proportion at 90 kPa.
    """

    def __init__(self, count: int, load_ratio: float) -> None:
        self.params: PlantParams = reference_plant()
        self._packed = self.params.packed()
        self.flow_rated_m3_s = count * load_ratio * self.params.rated_tcs_flow_m3_s
        self.heat_w = count * load_ratio * self.params.rack_count * self.params.rack_heat_rated_w
        self._racks = count * load_ratio * self.params.rack_count
        self.header_k = RACK_PRESSURE_PA / self.flow_rated_m3_s**BRANCH_EXPONENT
        self.fws_supply_c, self.fws_pressure_pa = 28.0, 170e3
        self.units = [Unit(0.65, 0.7, speed=0.65, valve=0.7) for _ in range(count)]
        self.rack_in_c, self.rack_out_c, self.case_c, self.tank_c = 34.0, 45.0, 67.0, 45.0
        for unit in self.units:
            unit.flow_m3_s = self.flow_rated_m3_s / count

    @property
    def flow_m3_s(self) -> float:
        """Flow of all units together."""
        return sum(unit.flow_m3_s for unit in self.units)

    @property
    def header_pa(self) -> float:
        """Pressure over the racks."""
        return float(self.header_k * self.flow_m3_s**BRANCH_EXPONENT)

    @property
    def shares(self) -> FloatArray:
        """Each unit's share of the flow."""
        return np.array([unit.flow_m3_s for unit in self.units]) / max(self.flow_m3_s, 1e-9)

    def advance(self, duration_s: float) -> None:
        """Live on for a whole number of steps."""
        for _ in range(round(duration_s / STEP_S)):
            self._actuate()
            self._flow()
            self._heat()

    def _actuate(self) -> None:
        p = self.params
        for unit in self.units:
            if unit.available:
                move = (unit.speed_command - unit.speed) * -math.expm1(-STEP_S / p.pump_lag_s)
                unit.speed += min(max(move, -STEP_S / p.pump_travel_s), STEP_S / p.pump_travel_s)
            else:
                unit.speed *= math.exp(-STEP_S / p.coast_down_s)
            move = (unit.valve_command - unit.valve) * -math.expm1(-STEP_S / p.valve_lag_s)
            unit.valve += min(max(move, -STEP_S / p.valve_stroke_s), STEP_S / p.valve_stroke_s)

    def _flow_at(self, unit: Unit, header_pa: float) -> float:
        p = self.params
        left_pa = unit.speed**2 * p.pump_head_pa - header_pa
        return math.sqrt(max(left_pa, 0.0) / (p.pump_curve_pa_s2_m6 / at.PUMP_COUNT**2 + p.loop_resistance_pa_s2_m6))

    def _flow(self) -> None:
        low, high = 0.0, self.params.pump_head_pa
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            offered = sum(self._flow_at(unit, middle) for unit in self.units)
            if offered > (middle / self.header_k) ** (1.0 / BRANCH_EXPONENT):
                low = middle
            else:
                high = middle
        gain = -math.expm1(-STEP_S / self.params.fluid_lag_s)
        for unit in self.units:
            unit.flow_m3_s += (self._flow_at(unit, low) - unit.flow_m3_s) * gain

    def _heat(self) -> None:
        p, packed = self.params, self._packed
        capacity = volumetric_heat_capacity_j_m3_k(packed, 40.0)
        for unit in self.units:
            hot = unit.flow_m3_s * capacity
            fws = valve_flow_m3_s(packed, unit.valve, self.fws_pressure_pa)
            if hot > 1.0:
                conductance = conductance_w_k(packed, unit.flow_m3_s, fws, 0.0)
                cold = packed[at.P_FWS_HEAT_CAPACITY_J_M3_K] * fws
                heat_w = heat_per_kelvin_w_k(conductance, hot, cold) * (self.tank_c - self.fws_supply_c)
                rest_c = self.tank_c - heat_w / hot
                unit.supply_c += (rest_c - unit.supply_c) * -math.expm1(-STEP_S * hot / p.exchanger_tcs_capacity_j_k)
        flow = max(self.flow_m3_s, 1e-6)
        mixed_c = sum(unit.flow_m3_s * unit.supply_c for unit in self.units) / flow
        volume = len(self.units)
        self.rack_in_c += (mixed_c - self.rack_in_c) * -math.expm1(-STEP_S * flow / (volume * p.supply_pipe_m3))
        metal = self._racks * p.plate_capacity_j_k / STEP_S
        liquid = self._racks * p.plate_coolant_m3 * capacity / STEP_S
        self.case_c, self.rack_out_c = advance_plate(
            self.case_c, self.rack_out_c, self.rack_in_c, self.heat_w, self._racks * p.plate_conductance_w_k,
            metal, liquid, flow * capacity,
        )  # fmt: skip
        held_m3 = volume * (p.tank_m3 + p.return_pipe_m3)
        self.tank_c += (self.rack_out_c - self.tank_c) * -math.expm1(-STEP_S * flow / held_m3)
