"""The plant: one unit, its loop and its racks, advanced by the step kernel. Knows no sensor, controller or wire.

Temperatures are in degC, an SI derived unit; everything else is plain SI. What a sensor would make of these
values, and when, is the simulator's affair.
"""

import math
from typing import Final

import numpy as np

from coolantd.kernel import Kernel, KernelFunction
from coolantd.plant import coolant, hydraulics, step, vessel
from coolantd.plant import layout as at
from coolantd.plant.inputs import PlantInputs
from coolantd.plant.reference import PlantParams
from coolantd.point import FloatArray

__all__ = ["ADVANCE", "Plant", "PlantInputs"]

ADVANCE: Final = Kernel(step.advance, step.HELPERS)
"""``advance(params, state, supply_ring, return_ring, inputs, dt_s, steps)``, in place; see ``step.advance``."""

DEFAULT_STEP_S: Final = 0.1
"""Within 0.01 K of the limit of small steps for the harshest load step."""
MAX_STEP_S: Final = 5.0
"""Longest step: beyond it the actuators' lags are no longer followed at all."""
SETTLE_STEP_S: Final = 2.0
SETTLE_LIMIT_S: Final = 7200.0
"""Sixty times the slowest time constant (97 s, at a tenth of the load); 3 600 steps at most."""
SETTLE_CHECK_STEPS: Final = 30
SETTLED_K: Final = 1e-5
"""Settled when no temperature moves by more than this over one check (60 s)."""


class Plant:
    """A plant in motion: parameters, inputs and packed state.

    Starts settled at its rated point. Not thread-safe; one owner advances it.

    Attributes:
        params: what it is made of.
        inputs: what the outside world imposes; the caller changes it between two advances.
        kernel: the step function, plain or compiled; may be exchanged between two advances.
        time_s: simulated time since construction; settling does not count.
    """

    def __init__(self, params: PlantParams, *, kernel: KernelFunction = ADVANCE.function) -> None:
        self.params = params
        self.inputs = PlantInputs.rated(params)
        self.kernel = kernel
        self.time_s = 0.0
        self._params = params.packed()
        self._inputs = np.zeros(at.I_RACK + at.I_STRIDE * params.rack_count)
        start_c = self.inputs.fws_supply_temp_c
        self._state = np.zeros(at.S_RACK + at.S_STRIDE * params.rack_count)
        self._supply_ring = np.full(at.RING_CELLS, start_c)
        self._return_ring = np.full(at.RING_CELLS, start_c)
        for slot in _TEMPERATURES:
            self._state[slot] = start_c
        self._rack(at.SR_CASE_TEMP_C)[:] = start_c
        self._rack(at.SR_RETURN_TEMP_C)[:] = start_c
        pipes_m3 = params.supply_pipe_m3 + params.return_pipe_m3
        self._state[at.S_PIPE_WARMTH_M3_K] = pipes_m3 * (start_c - coolant.REFERENCE_TEMP_C)
        self.settle()
        self.refill()

    def settle(self) -> None:
        """Put every actuator at its command and run to the steady state of the present inputs.

        Bounded: at most ``SETTLE_LIMIT_S`` of simulated time. Inputs without a steady state (heat but no flow)
        leave the plant where that time leads it: hot, and finite. Restarts the heat account; time stands still, so
        nothing leaks or is filled in, and the air in the pumps does not ripple.
        """
        self.inputs.pack_into(self._inputs)
        self._inputs[[at.I_LEAK_M3_S, at.I_FILL_M3_S, at.I_HEAD_RIPPLE_RATIO]] = 0.0
        state = self._state
        available = np.asarray(self.inputs.pump_available) > 0.0
        speeds = np.where(available, np.clip(self.inputs.pump_speed_ratio, 0.0, 1.0), 0.0)
        state[at.S_PUMP_SPEED_RATIO : at.S_PUMP_SPEED_RATIO + at.PUMP_COUNT] = speeds
        position = min(max(self.inputs.fws_valve_ratio, 0.0), 1.0)
        state[at.S_FWS_VALVE_RATIO] = state[at.S_VALVE_DRIVE_RATIO] = position
        state[at.S_VALVE_SLIPPING] = 0.0
        self._rack(at.SR_BRANCH_VALVE_RATIO)[:] = np.clip(self.inputs.branch_valve_ratio, 0.0, 1.0)
        state[at.S_BYPASS_VALVE_RATIO] = min(max(self.inputs.bypass_valve_ratio, 0.0), 1.0)
        state[at.S_TCS_FLOW_M3_S] = self._steady_flow_m3_s()
        for _ in range(int(SETTLE_LIMIT_S / SETTLE_STEP_S) // SETTLE_CHECK_STEPS):
            before = self._temperatures_c()
            self._run(SETTLE_STEP_S, SETTLE_CHECK_STEPS)
            if np.abs(self._temperatures_c() - before).max() < SETTLED_K:
                break
        self.reset_energy()

    def advance(self, duration_s: float, dt_s: float = DEFAULT_STEP_S) -> None:
        """Advance by a duration in equal steps of at most ``dt_s``, under the present inputs.

        Args:
            duration_s: 0 or more.
            dt_s: longest step, above 0 and at most ``MAX_STEP_S``.

        Raises:
            ValueError: for a duration, a step or an input outside its range.
        """
        if not (math.isfinite(duration_s) and duration_s >= 0.0):
            raise ValueError(f"plant: duration_s is {duration_s}, allowed: a finite number, 0 or more")
        if not 0.0 < dt_s <= MAX_STEP_S:
            raise ValueError(f"plant: dt_s is {dt_s}, allowed: above 0, at most {MAX_STEP_S}")
        self.inputs.pack_into(self._inputs)
        # The small allowance keeps 1.0/0.1 at ten steps.
        steps = math.ceil(duration_s / dt_s - 1e-9)
        if steps:
            self._run(duration_s / steps, steps)
        self.time_s += duration_s

    @property
    def pump_speed_ratio(self) -> FloatArray:
        """Actual pump speeds, shape (2,), 0 to 1."""
        return self._state[at.S_PUMP_SPEED_RATIO : at.S_PUMP_SPEED_RATIO + at.PUMP_COUNT].copy()

    @property
    def fws_valve_ratio(self) -> float:
        """Actual facility valve position, 0 to 1."""
        return float(self._state[at.S_FWS_VALVE_RATIO])

    @property
    def tcs_supply_temp_c(self) -> float:
        """Secondary outlet of the exchanger, or of the mixing valve behind it."""
        return float(self._state[at.S_TCS_SUPPLY_TEMP_C])

    @property
    def tcs_return_temp_c(self) -> float:
        """Secondary inlet of the exchanger, after the tank."""
        return float(self._state[at.S_TANK_TEMP_C])

    @property
    def fws_return_temp_c(self) -> float:
        """Primary outlet of the exchanger, with what a diverting valve sent past it."""
        return float(self._state[at.S_FWS_RETURN_TEMP_C])

    @property
    def tcs_flow_m3_s(self) -> float:
        """Secondary flow."""
        return float(self._state[at.S_TCS_FLOW_M3_S])

    @property
    def fws_flow_m3_s(self) -> float:
        """Primary flow."""
        return float(self._state[at.S_FWS_FLOW_M3_S])

    @property
    def rack_differential_pressure_pa(self) -> float:
        """Pressure over the rack branches; the pumps' shut-off head when every branch is shut."""
        return float(self._state[at.S_RACK_DIFFERENTIAL_PRESSURE_PA])

    @property
    def heat_exchanged_w(self) -> float:
        """Heat through the exchanger; negative while the facility water is the warmer side."""
        return float(self._state[at.S_HEAT_EXCHANGED_W])

    @property
    def pump_power_w(self) -> float:
        """Power drawn by both pumps."""
        return float(self._state[at.S_PUMP_POWER_W])

    @property
    def expansion_m3(self) -> float:
        """Coolant in the expansion vessel."""
        return float(self._state[at.S_VESSEL_M3])

    @property
    def expansion_level_ratio(self) -> float:
        """Share of the expansion vessel that holds coolant: half of the reference plant's at its rated point."""
        return self.expansion_m3 / self.params.expansion_vessel_m3

    @property
    def static_pressure_pa(self) -> float:
        """Gauge pressure at the loop's return, where the vessel holds it."""
        return vessel.static_pressure_pa(self._params, self.expansion_m3)

    def refill(self) -> None:
        """Put the vessel's content back to what it holds at the rated point."""
        expanded_m3 = self._params[at.P_EXPANSION_PER_K] * vessel.warmth_m3_k(self._params, self._state)
        self._state[at.S_SPARE_M3] = self.params.expansion_coolant_m3 - expanded_m3
        self._state[at.S_VESSEL_M3] = self.params.expansion_coolant_m3

    @property
    def rack_flow_m3_s(self) -> FloatArray:
        """Flow of each rack, shape (racks,)."""
        return self._rack(at.SR_FLOW_M3_S).copy()

    @property
    def rack_supply_temp_c(self) -> FloatArray:
        """Coolant arriving at each rack, shape (racks,); one pipe feeds them all."""
        return np.full(self.params.rack_count, self._state[at.S_RACK_SUPPLY_TEMP_C])

    @property
    def rack_return_temp_c(self) -> FloatArray:
        """Coolant leaving each rack, shape (racks,)."""
        return self._rack(at.SR_RETURN_TEMP_C).copy()

    @property
    def rack_case_temp_c(self) -> FloatArray:
        """Case temperature of each rack's chips, shape (racks,)."""
        return self._rack(at.SR_CASE_TEMP_C).copy()

    @property
    def branch_valve_ratio(self) -> FloatArray:
        """Actual branch valve positions, shape (racks,), 0 to 1."""
        return self._rack(at.SR_BRANCH_VALVE_RATIO).copy()

    @property
    def bypass_valve_ratio(self) -> float:
        """Actual position of the bypass, 0 to 1."""
        return float(self._state[at.S_BYPASS_VALVE_RATIO])

    @property
    def bypass_flow_m3_s(self) -> float:
        """Flow past the racks."""
        return float(self._state[at.S_BYPASS_FLOW_M3_S])

    @property
    def heat_in_j(self) -> float:
        """Heat the racks gave to the coolant since construction, settling or ``reset_energy``."""
        return float(self._state[at.S_HEAT_IN_J])

    @property
    def heat_out_j(self) -> float:
        """Heat the facility water carried away since then."""
        return float(self._state[at.S_HEAT_OUT_J])

    def reset_energy(self) -> None:
        """Start the account of heat in and heat out anew."""
        self._state[at.S_HEAT_IN_J] = 0.0
        self._state[at.S_HEAT_OUT_J] = 0.0

    def stored_energy_j(self) -> float:
        """Return the heat held by coolant, plates and exchanger; only differences mean anything."""
        p, state, params = self.params, self._state, self._params
        stored = p.exchanger_tcs_capacity_j_k * state[at.S_TCS_OUTLET_TEMP_C]
        stored += p.exchanger_fws_capacity_j_k * state[at.S_FWS_OUTLET_TEMP_C]
        stored += p.plate_capacity_j_k * self._rack(at.SR_CASE_TEMP_C).sum()
        stored += p.tank_m3 * coolant.volumetric_enthalpy_j_m3(params, state[at.S_TANK_TEMP_C])
        stored += params[at.P_PLATE_COOLANT_J_K] * self._rack(at.SR_RETURN_TEMP_C).sum()
        stored += p.supply_pipe_m3 * self._pipe_enthalpy_j_m3(self._supply_ring, at.S_SUPPLY_RING)
        stored += p.return_pipe_m3 * self._pipe_enthalpy_j_m3(self._return_ring, at.S_RETURN_RING)
        return float(stored)

    def packed(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Return copies of the arrays as the kernel takes them: parameters, state, both rings and present inputs."""
        self.inputs.pack_into(self._inputs)
        arrays = (self._params, self._state, self._supply_ring, self._return_ring, self._inputs)
        return tuple(each.copy() for each in arrays)  # type: ignore[return-value]

    def restore(self, state: FloatArray, supply_ring: FloatArray, return_ring: FloatArray, elapsed_s: float) -> None:
        """Take over what became of this plant's arrays elsewhere, ``elapsed_s`` later."""
        self._state[:], self._supply_ring[:], self._return_ring[:] = state, supply_ring, return_ring
        self.time_s += elapsed_s

    def _pipe_enthalpy_j_m3(self, ring: FloatArray, slots: int) -> float:
        head = int(self._state[slots + at.RING_HEAD])
        fill = self._state[slots + at.RING_FILL_RATIO]
        cells = ring.copy()
        cells[head] = (1.0 - fill) * ring[head] + self._state[slots + at.RING_PARTIAL]
        return sum(coolant.volumetric_enthalpy_j_m3(self._params, cell) for cell in cells) / ring.size

    def _rack(self, quantity: int) -> FloatArray:
        return self._state[at.S_RACK + quantity :: at.S_STRIDE]

    def _run(self, dt_s: float, steps: int) -> None:
        self.kernel(self._params, self._state, self._supply_ring, self._return_ring, self._inputs, dt_s, steps)

    def _temperatures_c(self) -> FloatArray:
        rack = [self._rack(at.SR_CASE_TEMP_C), self._rack(at.SR_RETURN_TEMP_C)]
        return np.concatenate([self._state[_TEMPERATURES], *rack, self._supply_ring, self._return_ring])

    def _steady_flow_m3_s(self) -> float:
        p, inputs = self.params, self.inputs
        heads_pa = p.pump_head_pa * inputs.head_ratio * self.pump_speed_ratio**2
        opened = self.branch_valve_ratio * np.asarray(inputs.branch_resistance_ratio) ** (
            -1.0 / hydraulics.BRANCH_EXPONENT
        )
        branches = float(opened.sum()) + self.bypass_valve_ratio * p.bypass_branch_ratio
        return hydraulics.operating_flow_m3_s(
            float(heads_pa.max()),
            float(heads_pa.min()),
            p.pump_curve_pa_s2_m6,
            p.loop_resistance_pa_s2_m6 * inputs.loop_resistance_ratio,
            branches * hydraulics.branch_conductance(p.branch_resistance_pa),
            0.0,
        )


_TEMPERATURES: Final = [
    at.S_TCS_OUTLET_TEMP_C,
    at.S_FWS_OUTLET_TEMP_C,
    at.S_TCS_SUPPLY_TEMP_C,
    at.S_FWS_RETURN_TEMP_C,
    at.S_TANK_TEMP_C,
    at.S_MIXED_RETURN_TEMP_C,
    at.S_RACK_SUPPLY_TEMP_C,
]
