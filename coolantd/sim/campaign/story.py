"""What one seed makes of an hour: a plant that differs from the data sheet, a load that moves, and faults.

The same seed is the same hour for ever, whatever runs before it. Knows the kinds of faults; runs nothing.
"""

from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from coolantd.plant import layout as at
from coolantd.plant.reference import PlantParams, reference_plant
from coolantd.sim import fast_layout as on
from coolantd.sim.campaign.kinds import KINDS
from coolantd.sim.campaign.site import SENSOR_LAG_S, TEMPS, Site
from coolantd.sim.fastloop import Event, Instrument

HOUR_S: Final = 3600.0
QUIET_S: Final = 240.0
"""Before the first fault: start, take-over, and the loops at rest."""
LAST_BEGIN_S: Final = 2400.0
SHORTEST_S: Final = 5.0
LONGEST_S: Final = 600.0
AGAIN_NORMAL_S: Final = 300.0
"""I6: within this after a fault has ended everything is as before."""
FAULTS_WEIGHTS: Final = (0.05, 0.45, 0.35, 0.15)
"""None, one, two or three faults in an hour."""
LOAD_CHANGES_MAX: Final = 3
RACKS: Final = 8
FLOW_NOISE_LPM: Final = 2.0
PRESSURE_NOISE_KPA: Final = 0.2
TEMP_NOISE_K: Final = 0.02


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of an hour; its ``strength`` is 0 to 1."""

    kind: str
    begin_s: float
    end_s: float
    strength: float


@dataclass(frozen=True, slots=True)
class Story:
    """One hour.

    Attributes:
        seed: what it was drawn from; also of the noise.
        variant: which of the sites, 0 to ``VARIANTS`` - 1.
        params: of the plant.
        instruments: by point, in the order in which the loop has them.
        load_ratio: heat of every rack over the rated one at the beginning.
        loads: (time, ratio) of every later change.
        faults: in the order drawn.
    """

    seed: int
    variant: int
    params: PlantParams
    instruments: dict[str, Instrument]
    load_ratio: float
    loads: tuple[tuple[float, float], ...]
    faults: tuple[Fault, ...]

    def without(self, *numbers: int) -> "Story":
        """Return the same hour with some of its faults left out."""
        kept = tuple(fault for k, fault in enumerate(self.faults) if k not in numbers)
        return replace(self, faults=kept)

    def events(self, site: Site) -> list[Event]:
        """Return everything that happens."""
        found = [event for time_s, ratio in self.loads for event in _load(self.params, time_s, ratio)]
        dressed = replace(site, instruments=self.instruments)
        for fault in self.faults:
            found += KINDS[fault.kind](dressed, fault.begin_s, fault.end_s, fault.strength)
        return found

    @property
    def over_s(self) -> float:
        """Return when the last fault ends; 0 without any."""
        return max((fault.end_s for fault in self.faults), default=0.0)


PLAIN_VARIANTS: Final = 8
"""Sites: model or fixed gains, one pump at rest or both at work, two supply sensors or one."""
VARIANTS: Final = 2 * PLAIN_VARIANTS
"""And as many whose drives tell that a pump has tripped."""
TOLD_EVERY: Final = 5
"""One seed in so many has such drives: apart from what is drawn, so that every seed keeps the rest of its hour."""


def draw(seed: int, site_of: dict[int, Site]) -> Story:
    """Return the story of a seed.

    Args:
        seed: 0 or more.
        site_of: variant -> site.
    """
    random = np.random.default_rng((seed, 5))
    variant = int(random.integers(PLAIN_VARIANTS)) + PLAIN_VARIANTS * (seed % TOLD_EVERY == 0)
    params, instruments = _plant(random), _dress(site_of[variant].instruments, random)
    load_ratio = float(random.uniform(0.1, 1.0))
    times = np.sort(random.uniform(QUIET_S, HOUR_S, random.integers(0, LOAD_CHANGES_MAX + 1)))
    loads = tuple((float(t), float(random.uniform(0.1, 1.0))) for t in times)
    count = int(random.choice(len(FAULTS_WEIGHTS), p=FAULTS_WEIGHTS))
    return Story(seed, variant, params, instruments, load_ratio, loads, tuple(_fault(random) for _ in range(count)))


def _fault(random: np.random.Generator) -> Fault:
    kind = list(KINDS)[int(random.integers(len(KINDS)))]
    begin_s = float(random.uniform(QUIET_S, LAST_BEGIN_S))
    duration_s = float(np.exp(random.uniform(np.log(SHORTEST_S), np.log(LONGEST_S))))
    return Fault(kind, begin_s, begin_s + duration_s, float(random.uniform()))


def _plant(random: np.random.Generator) -> PlantParams:
    """Return the reference plant, up to 20 % off in its exchanger and 10 % in its valve."""
    plant = reference_plant(rack_count=RACKS, valve_stroke_s=float(random.choice([30.0, 60.0])))
    films, valve = random.uniform(0.8, 1.2), random.uniform(0.9, 1.1)
    return replace(
        plant,
        film_tcs_w_k=plant.film_tcs_w_k * films,
        film_fws_w_k=plant.film_fws_w_k * films,
        valve_coefficient_m3_s=plant.valve_coefficient_m3_s * valve,
    )


def _dress(bare: dict[str, Instrument], random: np.random.Generator) -> dict[str, Instrument]:
    """Return instruments with constant errors, lags and noise of their own."""
    noisy = float(random.choice([0.0, 1.0]))
    found = {}
    for point, each in bare.items():
        if point in TEMPS:
            bias_k, lag_s = random.uniform(-0.2, 0.2), SENSOR_LAG_S * random.uniform(0.5, 2.0)
            found[point] = replace(each, bias=float(bias_k), lag_s=float(lag_s), noise=noisy * TEMP_NOISE_K)
        elif point.endswith("_lpm"):
            found[point] = replace(each, noise=noisy * FLOW_NOISE_LPM)
        elif point.endswith("_kpa"):
            found[point] = replace(each, noise=noisy * PRESSURE_NOISE_KPA)
        else:
            found[point] = each
    return found


def _load(params: PlantParams, time_s: float, ratio: float) -> list[Event]:
    heat_w = ratio * params.rack_heat_rated_w
    slots = [at.I_RACK + rack * at.I_STRIDE + at.IR_HEAT_W for rack in range(params.rack_count)]
    return [Event(time_s=time_s, target=on.Target.INPUT, row=0, column=slot, value=heat_w) for slot in slots]
