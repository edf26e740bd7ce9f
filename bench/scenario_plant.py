"""A plant for the scenarios, what its instruments make of it, and how it may differ from the controller's model.

Knows the plant model and a handful of named measurements; no controller. Sensors and valve are idealised as little as
the rows of the table ask for: lag, bias and noise on the temperatures, noise on flow and pressure, stiction.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from coolantd.kernel import KernelFunction
from coolantd.plant.loop import Plant
from coolantd.plant.reference import PlantParams, reference_plant
from coolantd.units import PA_PER_KPA, W_PER_KW, lpm_from_m3_s

RACKS: Final = 8
STEP_S: Final = 0.1
TEMP_NOISE_K: Final = 0.02
FLOW_NOISE_LPM: Final = 2.0
PRESSURE_NOISE_KPA: Final = 0.2
"""Standard deviations of good industrial instruments."""
TEMPS: Final = ("supply", "return", "fws")


@dataclass(frozen=True, slots=True, kw_only=True)
class Perturbation:
    """How one plant and its instruments differ from the reference.

    Attributes:
        ua_ratio, kv_ratio: of the exchanger's films and the valve's flow coefficient.
        supply_bias_k, return_bias_k, fws_bias_k: constant errors of the temperature sensors.
        sensor_lag_s: of the temperature sensors.
        noise_ratio: scale of all noise, 0 for none.
        stiction_ratio: how far the actuator must go before a resting stem moves; it then goes all the way (S = J in
            ``plant.valve``).
        readings_late: every reading is this many periods old when it arrives, as over a slow bus.
    """

    name: str = "nominal"
    ua_ratio: float = 1.0
    kv_ratio: float = 1.0
    supply_bias_k: float = 0.0
    return_bias_k: float = 0.0
    fws_bias_k: float = 0.0
    sensor_lag_s: float = 2.0
    noise_ratio: float = 0.0
    stiction_ratio: float = 0.0
    readings_late: int = 0

    def params(self, stroke_s: float) -> PlantParams:
        """Return the reference plant changed by this."""
        plant = reference_plant(rack_count=RACKS, valve_stroke_s=stroke_s)
        return replace(
            plant,
            film_tcs_w_k=plant.film_tcs_w_k * self.ua_ratio,
            film_fws_w_k=plant.film_fws_w_k * self.ua_ratio,
            valve_coefficient_m3_s=plant.valve_coefficient_m3_s * self.kv_ratio,
            valve_stick_ratio=self.stiction_ratio,
            valve_slip_ratio=self.stiction_ratio,
        )


NOMINAL: Final = Perturbation()
PERTURBED: Final = (
    Perturbation(name="UA +20 %", ua_ratio=1.2),
    Perturbation(name="UA -20 %", ua_ratio=0.8),
    Perturbation(name="Kv +10 %", kv_ratio=1.1),
    Perturbation(name="Kv -10 %", kv_ratio=0.9),
    Perturbation(name="return +0.2 K", return_bias_k=0.2),
    Perturbation(name="return -0.2 K", return_bias_k=-0.2),
    Perturbation(name="supply +0.2 K", supply_bias_k=0.2),
    Perturbation(name="supply -0.2 K", supply_bias_k=-0.2),
    Perturbation(name="fws +0.2 K", fws_bias_k=0.2),
    Perturbation(name="fws -0.2 K", fws_bias_k=-0.2),
    Perturbation(name="sensors 1 s", sensor_lag_s=1.0),
    Perturbation(name="sensors 4 s", sensor_lag_s=4.0),
    Perturbation(name="noise", noise_ratio=1.0),
    Perturbation(
        name="worst corner", ua_ratio=0.8, kv_ratio=0.9, return_bias_k=-0.2, supply_bias_k=0.2, noise_ratio=1.0
    ),
    Perturbation(name="other corner", ua_ratio=1.2, kv_ratio=1.1, return_bias_k=0.2, noise_ratio=1.0),
)


LATE: Final = Perturbation(name="readings 1 s late", readings_late=2)
"""Beyond the table: every reading has aged by two cycles of half a second on its way."""


class Rig:
    """One plant behind its instruments.

    Args:
        perturbation: how it differs.
        stroke_s: of the facility valve.
        kernel: the plant's step function, compiled.
        seed: of the noise.

    Attributes:
        plant: the truth; change its inputs freely.
        dew_point_c: what the dew-point sensor shows.
    """

    def __init__(self, perturbation: Perturbation, stroke_s: float, kernel: KernelFunction, seed: int = 1) -> None:
        self.perturbation = perturbation
        self.plant = Plant(perturbation.params(stroke_s), kernel=kernel)
        self.dew_point_c = 13.0
        self._random = np.random.default_rng(seed)
        self._rack_random = np.random.default_rng((seed, 1))  # its own, so that no other instrument's noise changes
        self._temps_c = self._true_temps_c()
        self._readings: list[dict[str, float]] = []

    def load(self, ratio: float) -> None:
        """Set every rack's heat."""
        self.plant.inputs.rack_heat_w[:] = ratio * self.plant.params.rack_heat_rated_w

    def command(self, valve_pct: float, pump_pct: float | tuple[float, float]) -> None:
        """Tell the actuators; one speed for both pumps, or one for each."""
        self.plant.inputs.fws_valve_ratio = valve_pct / 100.0
        self.plant.inputs.pump_speed_ratio[:] = np.asarray(pump_pct) / 100.0

    def advance(self, duration_s: float) -> None:
        """Let plant and sensors live on."""
        self.plant.advance(duration_s, STEP_S)
        share = 1.0 - np.exp(-duration_s / self.perturbation.sensor_lag_s)
        self._temps_c += (self._true_temps_c() - self._temps_c) * share

    def measure(self) -> dict[str, float]:
        """Return one reading of every instrument, as late as they are."""
        self._readings.append(self._measure())
        if len(self._readings) > self.perturbation.readings_late + 1:
            self._readings.pop(0)
        return self._readings[0]

    def _measure(self) -> dict[str, float]:
        plant, p = self.plant, self.perturbation
        noise = p.noise_ratio * self._random.standard_normal(6) if p.noise_ratio else _QUIET
        supply_c, return_c, fws_c = self._temps_c[:3] + TEMP_NOISE_K * noise[:3]
        rack_c = self._temps_c[3] + TEMP_NOISE_K * p.noise_ratio * self._rack_random.standard_normal()
        speeds = plant.pump_speed_ratio
        return {
            "supply": supply_c + p.supply_bias_k,
            "return": return_c + p.return_bias_k,
            "fws": fws_c + p.fws_bias_k,
            "rise": return_c + p.return_bias_k - supply_c - p.supply_bias_k,
            "rack_return": rack_c + p.return_bias_k,
            "flow": lpm_from_m3_s(plant.tcs_flow_m3_s) + FLOW_NOISE_LPM * noise[3],
            "pressure": plant.rack_differential_pressure_pa / PA_PER_KPA + PRESSURE_NOISE_KPA * noise[4],
            "fws_pressure": plant.inputs.fws_differential_pressure_pa / PA_PER_KPA + PRESSURE_NOISE_KPA * noise[5],
            "valve": plant.fws_valve_ratio * 100.0,
            "pump1": speeds[0] * 100.0,
            "pump2": speeds[1] * 100.0,
            "dew": self.dew_point_c,
            "power": float(plant.inputs.rack_heat_w.sum()) / W_PER_KW,
            "heat": plant.heat_exchanged_w / W_PER_KW,
        }

    @property
    def shown_supply_c(self) -> float:
        """What a sensor without lag and noise would show: the truth, and the bias nobody can know of."""
        return self.plant.tcs_supply_temp_c + self.perturbation.supply_bias_k

    def _true_temps_c(self) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
        plant = self.plant
        hottest_c = float(plant.rack_return_temp_c.max())
        return np.array([plant.tcs_supply_temp_c, plant.tcs_return_temp_c, plant.inputs.fws_supply_temp_c, hottest_c])


_QUIET: Final = np.zeros(6)
