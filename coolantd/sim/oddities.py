"""How a virtual CDU differs from the reference plant, and what was connected wrongly when it was installed. Pure.

What a controller's configuration cannot know: another exchanger, valve or water volume than the data sheet says, slower
sensors; and wires that were swapped. Every mistake in a list is one sentence.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from coolantd.errors import CoolantdError
from coolantd.plant.reference import PlantParams

RATIO_MIN: Final = 0.5
RATIO_MAX: Final = 2.0
"""Outside of this it is another size of machine."""


class Miswired(StrEnum):
    """What an installer got wrong with an actuator; instruments are ``sim.miswiring``'s."""

    SWAPPED_PUMPS = "swapped-pumps"
    """The speed setpoints; each pump still shows its own speed."""
    REVERSED_VALVE = "reversed-valve"
    """It closes by as much as it is told to open, from where it was connected, and shows what it was told."""
    DEAD_VALVE = "dead-valve"
    """It stays where it is, and shows what it was told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Oddities:
    """Ratios to the reference plant, and wrong wires.

    Attributes:
        ua_ratio: of both films of the exchanger. kv_ratio: of the facility valve's flow coefficient.
        volume_ratio: of pipes and tank. head_ratio: of the pumps' head. sensor_ratio: of the temperature sensors' lag.
    """

    ua_ratio: float = 1.0
    kv_ratio: float = 1.0
    volume_ratio: float = 1.0
    head_ratio: float = 1.0
    sensor_ratio: float = 1.0
    miswired: frozenset[Miswired] = frozenset()

    def of(self, plant: PlantParams) -> PlantParams:
        """Return the plant with these ratios."""
        return replace(
            plant,
            film_tcs_w_k=plant.film_tcs_w_k * self.ua_ratio,
            film_fws_w_k=plant.film_fws_w_k * self.ua_ratio,
            valve_coefficient_m3_s=plant.valve_coefficient_m3_s * self.kv_ratio,
            supply_pipe_m3=plant.supply_pipe_m3 * self.volume_ratio,
            return_pipe_m3=plant.return_pipe_m3 * self.volume_ratio,
            tank_m3=plant.tank_m3 * self.volume_ratio,
            pump_head_pa=plant.pump_head_pa * self.head_ratio,
        )

    def told(
        self, valve_pct: float, pumps_pct: tuple[float, float], begun_pct: float
    ) -> tuple[float, tuple[float, float]]:
        """Return what reaches valve and pumps of what they were told; the valve was connected at ``begun_pct``."""
        if Miswired.REVERSED_VALVE in self.miswired:
            valve_pct = min(max(2.0 * begun_pct - valve_pct, 0.0), 100.0)
        if Miswired.DEAD_VALVE in self.miswired:
            valve_pct = begun_pct
        return valve_pct, pumps_pct[::-1] if Miswired.SWAPPED_PUMPS in self.miswired else pumps_pct

    def shown(self, truth: Mapping[str, float], told_pct: float, begun_pct: float) -> dict[str, float]:
        """Return what the instruments are connected to; ``told_pct`` is what the valve was told."""
        seen = dict(truth)
        if Miswired.REVERSED_VALVE in self.miswired:
            seen["fws_valve_position_pct"] = 2.0 * begun_pct - seen["fws_valve_position_pct"]
        if Miswired.DEAD_VALVE in self.miswired:
            seen["fws_valve_position_pct"] = told_pct
        return seen


NO_ODDITIES: Final = Oddities()
RATIOS: Final = ("ua", "kv", "volume", "head", "sensor")


def parse_oddities(ratios: str, miswired: str) -> Oddities:
    """Return oddities written as ``ua=0.8,kv=0.9`` and ``swapped-pumps,dead-valve``.

    Raises:
        CoolantdError: naming the entry and what is allowed.
    """
    found: dict[str, float] = {}
    for entry in filter(None, (each.strip() for each in ratios.split(","))):
        name, _, text = entry.partition("=")
        try:
            ratio = float(text)
        except ValueError:
            ratio = float("nan")
        if name not in RATIOS or not RATIO_MIN <= ratio <= RATIO_MAX:
            raise CoolantdError(
                f"--plant: {entry!r:.40}, allowed: {', '.join(RATIOS)}, each {RATIO_MIN:g} to {RATIO_MAX:g}, as ua=0.8"
            )
        found[f"{name}_ratio"] = ratio
    faults = [each.strip() for each in miswired.split(",") if each.strip()]
    for fault in faults:
        if fault not in list(Miswired):
            raise CoolantdError(f"--miswired: {fault!r:.40}, allowed: {', '.join(Miswired)}")
    return Oddities(**found, miswired=frozenset(map(Miswired, faults)))
