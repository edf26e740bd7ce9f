"""Where a scenario begins: the steady state under the device's own controller. Knows plant and controller; no clock."""

from typing import Final

from coolantd.plant.loop import Plant
from coolantd.sim.fallback import FallbackController
from coolantd.units import PA_PER_KPA

SETTLE_STEP_S: Final = 0.5
SETTLE_MAX_S: Final = 3600.0
"""A scenario that begins where no steady state exists (hot facility water) begins wherever an hour leads."""
SETTLED_S: Final = 60.0
SETTLED_K: Final = 0.01
"""Steady: supply this near its setpoint and return moving less than this a step, for a minute."""


def settle_on_fallback(plant: Plant) -> None:
    """Run a plant under the device's own controller until it is steady, or ``SETTLE_MAX_S`` have gone by.

    Afterwards the plant's time is 0.
    """
    controller = FallbackController(plant.fws_valve_ratio * 100.0, float(plant.pump_speed_ratio.max()) * 100.0)
    quiet_s = elapsed_s = 0.0
    while quiet_s < SETTLED_S and elapsed_s < SETTLE_MAX_S:
        before_c = plant.tcs_return_temp_c
        valve_pct, pump_pct = controller.step(
            plant.tcs_supply_temp_c, plant.rack_differential_pressure_pa / PA_PER_KPA, SETTLE_STEP_S
        )
        plant.inputs.fws_valve_ratio = valve_pct / 100.0
        plant.inputs.pump_speed_ratio[:] = pump_pct / 100.0
        plant.advance(SETTLE_STEP_S, dt_s=SETTLE_STEP_S)
        elapsed_s += SETTLE_STEP_S
        error_k = plant.tcs_supply_temp_c - controller.supply_temp.settings.setpoint
        steady = abs(error_k) < SETTLED_K and abs(plant.tcs_return_temp_c - before_c) < SETTLED_K
        quiet_s = quiet_s + SETTLE_STEP_S if steady else 0.0
    plant.reset_energy()
    plant.time_s = 0.0
