"""The reference plant: every physical parameter of one unit, its loop and its racks, in SI. Knows numbers only.

The figures are assumed, coherent and checked against the published steady states, not measured on a machine: a
real site replaces them. A plant of another size is the same plant scaled, so its temperatures stay the same.
"""

import math
from dataclasses import dataclass, fields
from enum import Enum, IntEnum
from typing import Final

import numpy as np

from coolantd.plant import layout
from coolantd.plant.coldplate import PG25_CASE_TO_MEAN_K_W, PG25_LEAST_FLOW_M3_S
from coolantd.plant.coolant import PG25, Coolant
from coolantd.plant.hydraulics import BRANCH_EXPONENT, branch_conductance
from coolantd.point import FloatArray

MAX_RACKS: Final = 256
"""More racks than any one unit feeds; bounds the arrays."""

REFERENCE_HEAT_W: Final = 960_000.0
REFERENCE_FLOW_M3_S: Final = 0.02025
"""1 215 L/min on both sides."""
REFERENCE_RACK_HEAT_W: Final = 120_000.0
PLATES_PER_REFERENCE_RACK: Final = 72.0
LOOP_PRESSURE_PA: Final = 84_000.0
RACK_PRESSURE_PA: Final = 90_000.0
EXPANSION_COOLANT_M3: Final = 0.024
"""A published 1.35 MW unit's: a leak of 0.5 L/min empties it in 48 min."""
EXPANSION_VESSEL_M3: Final = 0.048
"""Half coolant, half gas: assumed."""
STATIC_PRESSURE_PA: Final = 60_000.0
"""Gauge, at the rated point; assumed, below the 100 kPa at which a published unit asks for service."""
VALVE_OVERSIZE_RATIO: Final = 1.3
"""Facility flow with the valve's and the exchanger's own 84 kPa each, over the rated flow."""

STICK_MAX_RATIO: Final = 0.5
"""A stem that needs more than half of its stroke is no valve."""
_ZERO_ALLOWED: Final = ("valve_stick_ratio", "valve_slip_ratio", "plate_flow_resistance_k_m3_j", "bypass_branch_ratio")
_NOT_AS_IS: Final = (
    "coolant",
    "branch_resistance_pa",
    "plate_coolant_m3",
    "rack_heat_rated_w",
    "valve_rangeability_ratio",
    "valve_characteristic",
    "layout",
)
"""Fields the kernel needs in another form or not at all; every other field has a slot of its own name in layout."""


class Characteristic(Enum):
    """How a valve's flow coefficient goes with its position."""

    EQUAL_PERCENTAGE = "equal percentage"
    LINEAR = "linear"


class Layout(IntEnum):
    """Where the facility valve sits."""

    TWO_WAY = 0
    """It throttles the facility water."""
    DIVERTING = 1
    """Three-way on the facility side: all its water flows always, the valve's share of it through the exchanger."""
    MIXING = 2
    """Three-way on the coolant side: the valve's share of the coolant through the exchanger, the rest past it into the
    supply; the facility water flows freely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlantParams:
    """One unit with two pumps, its facility side and its racks. SI; every number finite and above 0.

    Attributes:
        coolant: what the secondary loop carries.
        rack_count: racks in parallel, 1 to 256, all alike.
        rack_heat_rated_w: heat of one rack the plant is sized for; where it starts.
        pump_head_pa: shut-off head of a pump at full speed.
        pump_curve_pa_s2_m6: a of one pump in ``n^2 H0 - a Q^2``.
        pump_efficiency_ratio: ideal-head power ``Q n^2 H0`` over shaft power; the curve's own loss comes on top.
        pump_lag_s: first-order lag of the drive.
        pump_travel_s: time from standstill to full speed at the drive's ramp.
        coast_down_s: time constant of a tripped pump, and of the flow once all are.
        fluid_lag_s: first-order lag of the flow behind the pumps.
        loop_resistance_pa_s2_m6: Kc: exchanger, filter, couplings and pipes together.
        branch_resistance_pa: K of one open rack branch in ``dp = K q^1.85`` (Pa at 1 m3/s).
        branch_travel_s: time of a branch valve from shut to open.
        valve_rangeability_ratio: R of the equal-percentage facility valve, above 1.
        valve_leak_ratio: its flow coefficient when shut, over the full one.
        valve_toe_ratio: position below which the characteristic is a straight line.
        valve_coefficient_m3_s: its full flow coefficient, m3/s at 1 Pa.
        valve_lag_s: first-order lag of its actuator.
        valve_stroke_s: time from shut to open.
        fws_resistance_pa_s2_m6: exchanger and pipes of the facility side.
        fws_heat_capacity_j_m3_k: rho cp of the facility water.
        film_tcs_w_k: film conductance of the secondary side at its rated flow.
        film_fws_w_k: the same of the primary side.
        film_exponent: of the flow ratio.
        film_floor_ratio: flow ratio below which the film stays what it is: laminar.
        rated_tcs_flow_m3_s: secondary flow the films are rated at.
        rated_fws_flow_m3_s: primary flow the films are rated at.
        exchanger_tcs_capacity_j_k: coolant and metal of the exchanger's secondary side.
        exchanger_fws_capacity_j_k: the same of its primary side.
        supply_pipe_m3: volume from the exchanger to the racks.
        return_pipe_m3: volume from the racks to the tank.
        tank_m3: mixed volume before the exchanger.
        plate_conductance_w_k: case to mean coolant, all plates of one rack.
        plate_capacity_j_k: metal of all plates of one rack.
        plate_coolant_m3: coolant in all plates of one rack.
        expansion_vessel_m3: expansion vessel, coolant and gas together.
        expansion_coolant_m3: coolant in it at the rated point, less than the vessel.
        static_pressure_pa: gauge pressure that its gas then holds at the loop's return.
        layout: where the facility valve sits. valve_characteristic: its.
        valve_stick_ratio: S: how far the actuator goes before a resting stem moves, 0 to 0.5 (see ``valve``).
        valve_slip_ratio: J: how far the stem then jumps, 0 to S.
        plate_flow_resistance_k_m3_j: what a flow adds to the plates' resistance, 0 or more: then
            ``plate_conductance_w_k`` is theirs at a flow without limit (see ``coldplate.conductance_w_k``).
        plate_flow_floor_m3_s: flow of a rack below which that stays what it is.
        bypass_branch_ratio: what the open bypass from supply to return passes, in clean, open branches; 0 for none.
            Its valve moves as the branches' do.
    """

    coolant: Coolant = PG25
    rack_count: int
    rack_heat_rated_w: float
    pump_head_pa: float
    pump_curve_pa_s2_m6: float
    pump_efficiency_ratio: float
    pump_lag_s: float
    pump_travel_s: float
    coast_down_s: float
    fluid_lag_s: float
    loop_resistance_pa_s2_m6: float
    branch_resistance_pa: float
    branch_travel_s: float
    valve_rangeability_ratio: float
    valve_leak_ratio: float
    valve_toe_ratio: float
    valve_coefficient_m3_s: float
    valve_lag_s: float
    valve_stroke_s: float
    fws_resistance_pa_s2_m6: float
    fws_heat_capacity_j_m3_k: float
    film_tcs_w_k: float
    film_fws_w_k: float
    film_exponent: float
    film_floor_ratio: float
    rated_tcs_flow_m3_s: float
    rated_fws_flow_m3_s: float
    exchanger_tcs_capacity_j_k: float
    exchanger_fws_capacity_j_k: float
    supply_pipe_m3: float
    return_pipe_m3: float
    tank_m3: float
    plate_conductance_w_k: float
    plate_capacity_j_k: float
    plate_coolant_m3: float
    expansion_vessel_m3: float = EXPANSION_VESSEL_M3
    expansion_coolant_m3: float = EXPANSION_COOLANT_M3
    static_pressure_pa: float = STATIC_PRESSURE_PA
    layout: Layout = Layout.TWO_WAY
    valve_characteristic: Characteristic = Characteristic.EQUAL_PERCENTAGE
    valve_stick_ratio: float = 0.0
    valve_slip_ratio: float = 0.0
    plate_flow_resistance_k_m3_j: float = 0.0
    plate_flow_floor_m3_s: float = PLATES_PER_REFERENCE_RACK * PG25_LEAST_FLOW_M3_S
    bypass_branch_ratio: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what the equations cannot carry.

        Raises:
            ValueError: naming the field, its value and what is allowed.
        """
        if not 1 <= self.rack_count <= MAX_RACKS:
            raise ValueError(f"plant: rack_count is {self.rack_count}, allowed: 1 to {MAX_RACKS}")
        for field in fields(self):
            value = getattr(self, field.name)
            if field.name in _ZERO_ALLOWED:
                if not (math.isfinite(value) and value >= 0.0):
                    raise ValueError(f"plant: {field.name} is {value}, allowed: a finite number, 0 or more")
            elif isinstance(value, float) and not (math.isfinite(value) and value > 0.0):
                raise ValueError(f"plant: {field.name} is {value}, allowed: a finite number above 0")
        if self.valve_rangeability_ratio <= 1.0:
            raise ValueError(f"plant: valve_rangeability_ratio is {self.valve_rangeability_ratio}, allowed: above 1")
        self._check_stiction()
        if self.expansion_coolant_m3 >= self.expansion_vessel_m3:
            allowed = f"below the vessel's {self.expansion_vessel_m3}"
            raise ValueError(f"plant: expansion_coolant_m3 is {self.expansion_coolant_m3}, allowed: {allowed}")

    def _check_stiction(self) -> None:
        if self.valve_stick_ratio > STICK_MAX_RATIO:
            allowed = f"0 to {STICK_MAX_RATIO}"
            raise ValueError(f"plant: valve_stick_ratio is {self.valve_stick_ratio}, allowed: {allowed}")
        if self.valve_slip_ratio > self.valve_stick_ratio:
            allowed = f"0 to valve_stick_ratio, {self.valve_stick_ratio}"
            raise ValueError(f"plant: valve_slip_ratio is {self.valve_slip_ratio}, allowed: {allowed}")

    def packed(self) -> FloatArray:
        """Return the parameters as the kernel reads them, shape (``layout.P_SIZE``,)."""
        params = np.zeros(layout.P_SIZE)
        params[layout.P_VALVE_LN_RANGEABILITY] = math.log(self.valve_rangeability_ratio)
        params[layout.P_BRANCH_CONDUCTANCE] = branch_conductance(self.branch_resistance_pa)
        params[layout.P_HEAD_ROOT] = self.pump_head_pa ** (1.0 / BRANCH_EXPONENT)
        params[layout.P_LAYOUT] = float(self.layout)
        params[layout.P_VALVE_LINEAR] = float(self.valve_characteristic is Characteristic.LINEAR)
        for field in fields(self):
            if field.name not in _NOT_AS_IS:
                params[getattr(layout, f"P_{field.name.upper()}")] = getattr(self, field.name)
        first = layout.P_HEAT_CAPACITY
        coefficients = self.coolant.volumetric_heat_capacity()
        params[first : first + coefficients.size] = coefficients
        params[layout.P_PLATE_COOLANT_J_K] = self.plate_coolant_m3 * coefficients[0]
        params[layout.P_EXPANSION_PER_K] = -self.coolant.density[1] / self.coolant.density[0]
        return params


def reference_plant(
    *, rack_count: int = 8, rack_heat_rated_w: float = 120_000.0, valve_stroke_s: float = 30.0
) -> PlantParams:
    """Return the reference plant, scaled to a rated heat with 1.27 L/min per kW on both sides.

    Args:
        rack_count: racks, 1 to 256.
        rack_heat_rated_w: rated heat of one rack, above 0.
        valve_stroke_s: time of the facility valve from shut to open.

    Raises:
        ValueError: for a value outside these ranges.
    """
    size = rack_count * rack_heat_rated_w / REFERENCE_HEAT_W
    if not (math.isfinite(size) and size > 0.0):
        raise ValueError(f"plant: {rack_count} racks of {rack_heat_rated_w} W, allowed: both above 0")
    plates = PLATES_PER_REFERENCE_RACK * rack_heat_rated_w / REFERENCE_RACK_HEAT_W
    flow_m3_s = size * REFERENCE_FLOW_M3_S
    full_valve_flow_m3_s = VALVE_OVERSIZE_RATIO * flow_m3_s
    return PlantParams(
        rack_count=rack_count,
        rack_heat_rated_w=rack_heat_rated_w,
        pump_head_pa=480_000.0,
        pump_curve_pa_s2_m6=480_000.0 / (1.25 * flow_m3_s) ** 2,
        pump_efficiency_ratio=0.6,
        pump_lag_s=0.5,
        pump_travel_s=10.0,
        coast_down_s=1.0,
        fluid_lag_s=0.4,
        loop_resistance_pa_s2_m6=LOOP_PRESSURE_PA / flow_m3_s**2,
        branch_resistance_pa=RACK_PRESSURE_PA / (flow_m3_s / rack_count) ** BRANCH_EXPONENT,
        branch_travel_s=25.0,
        valve_rangeability_ratio=50.0,
        valve_leak_ratio=1e-4,
        valve_toe_ratio=0.01,
        valve_coefficient_m3_s=full_valve_flow_m3_s / math.sqrt(LOOP_PRESSURE_PA),
        valve_lag_s=1.0,
        valve_stroke_s=valve_stroke_s,
        fws_resistance_pa_s2_m6=LOOP_PRESSURE_PA / full_valve_flow_m3_s**2,
        fws_heat_capacity_j_m3_k=996.0 * 4180.0,
        film_tcs_w_k=size * 627_050.0,
        film_fws_w_k=size * 627_050.0,
        film_exponent=0.8,
        film_floor_ratio=0.1,
        rated_tcs_flow_m3_s=flow_m3_s,
        rated_fws_flow_m3_s=flow_m3_s,
        exchanger_tcs_capacity_j_k=size * 131_740.0,
        exchanger_fws_capacity_j_k=size * 124_898.0,
        supply_pipe_m3=size * 0.060,
        return_pipe_m3=size * 0.060,
        tank_m3=size * 0.100,
        plate_conductance_w_k=plates / PG25_CASE_TO_MEAN_K_W,
        plate_capacity_j_k=plates * 450.0,
        plate_coolant_m3=plates * 100e-6,
        plate_flow_floor_m3_s=plates * PG25_LEAST_FLOW_M3_S,
        expansion_vessel_m3=size * EXPANSION_VESSEL_M3,
        expansion_coolant_m3=size * EXPANSION_COOLANT_M3,
    )
