"""What the outside world imposes on the plant, and how the kernel reads it. Knows no physics and no controller."""

from dataclasses import dataclass, field, fields
from typing import Final, Self

import numpy as np

from coolantd.plant import layout as at
from coolantd.plant.reference import PlantParams
from coolantd.point import FloatArray

RATED_PUMP_SPEED_RATIO: Final = 0.7228
RATED_VALVE_RATIO: Final = 0.777
"""Where the reference plant stands at its rated heat: 90 kPa over the racks, 34 degC supply."""


@dataclass(slots=True)
class PlantInputs:
    """What the outside world imposes on the plant; change it freely between two advances.

    Attributes:
        pump_speed_ratio: commanded speeds, shape (2,), 0 to 1; values outside are clipped.
        fws_valve_ratio: commanded facility valve position, 0 to 1, clipped.
        branch_valve_ratio: commanded branch valve positions, shape (racks,), 0 to 1, clipped; 1 is open.
        bypass_valve_ratio: commanded position of the bypass, 0 to 1, clipped; 0 is shut.
        rack_heat_w: heat into the coolant, shape (racks,).
        fws_supply_temp_c: facility water inlet.
        fws_differential_pressure_pa: over facility valve and exchanger; 0 or less means no flow.
        pump_available: shape (2,); 0 is tripped: that pump coasts down whatever its command.
        fouling_k_w: fouling resistance of the exchanger, K/W, 0 when clean.
        loop_resistance_ratio: of the loop outside the racks, 1 when clean; a dirty filter raises it.
        branch_resistance_ratio: of each rack branch, shape (racks,), 1 when clean; a blockage raises it.
        head_ratio: what air in the pumps leaves of their head, 1 without air, above 0.
        head_ripple_ratio: how far air makes the head swing either way, as a share of it, 0 to 1.
        leak_m3_s: coolant that leaves the loop, 0 or more. fill_m3_s: coolant that is pumped in, 0 or more.
    """

    pump_speed_ratio: FloatArray
    fws_valve_ratio: float
    branch_valve_ratio: FloatArray
    rack_heat_w: FloatArray
    fws_supply_temp_c: float = 28.0
    fws_differential_pressure_pa: float = 170e3
    pump_available: FloatArray = field(default_factory=lambda: np.ones(at.PUMP_COUNT))
    fouling_k_w: float = 0.0
    loop_resistance_ratio: float = 1.0
    branch_resistance_ratio: FloatArray = field(default_factory=lambda: np.ones(1))
    head_ratio: float = 1.0
    head_ripple_ratio: float = 0.0
    leak_m3_s: float = 0.0
    fill_m3_s: float = 0.0
    bypass_valve_ratio: float = 0.0

    @classmethod
    def rated(cls, params: PlantParams) -> Self:
        """Return the reference plant's rated point: both pumps on, branches open, every rack at rated heat."""
        racks = params.rack_count
        return cls(
            pump_speed_ratio=np.full(at.PUMP_COUNT, RATED_PUMP_SPEED_RATIO),
            fws_valve_ratio=RATED_VALVE_RATIO,
            branch_valve_ratio=np.ones(racks),
            rack_heat_w=np.full(racks, params.rack_heat_rated_w),
            branch_resistance_ratio=np.ones(racks),
        )

    def pack_into(self, packed: FloatArray) -> None:
        """Write the inputs where the kernel reads them.

        Raises:
            ValueError: for a value that is not finite, a resistance ratio not above 0, a head or ripple ratio out of
                range, or a negative fouling, leak or fill.
        """
        packed[at.I_PUMP_SPEED_RATIO : at.I_PUMP_SPEED_RATIO + at.PUMP_COUNT] = self.pump_speed_ratio
        packed[at.I_PUMP_AVAILABLE : at.I_PUMP_AVAILABLE + at.PUMP_COUNT] = self.pump_available
        packed[at.I_FWS_VALVE_RATIO] = self.fws_valve_ratio
        packed[at.I_FWS_SUPPLY_TEMP_C] = self.fws_supply_temp_c
        packed[at.I_FWS_DIFFERENTIAL_PRESSURE_PA] = self.fws_differential_pressure_pa
        packed[at.I_FOULING_K_W] = self.fouling_k_w
        packed[at.I_LOOP_RESISTANCE_RATIO] = self.loop_resistance_ratio
        packed[at.I_HEAD_RATIO] = self.head_ratio
        packed[at.I_HEAD_RIPPLE_RATIO] = self.head_ripple_ratio
        packed[at.I_LEAK_M3_S] = self.leak_m3_s
        packed[at.I_FILL_M3_S] = self.fill_m3_s
        packed[at.I_BYPASS_VALVE_RATIO] = self.bypass_valve_ratio
        packed[at.I_RACK + at.IR_BRANCH_VALVE_RATIO :: at.I_STRIDE] = self.branch_valve_ratio
        packed[at.I_RACK + at.IR_HEAT_W :: at.I_STRIDE] = self.rack_heat_w
        packed[at.I_RACK + at.IR_RESISTANCE_RATIO :: at.I_STRIDE] = self.branch_resistance_ratio
        if not np.isfinite(packed).all() or self._any_resistance_lost() or self._any_out_of_range():
            raise ValueError(self._complaint())

    def _any_resistance_lost(self) -> bool:
        return self.loop_resistance_ratio <= 0.0 or min(self.branch_resistance_ratio) <= 0.0

    def _any_out_of_range(self) -> bool:
        least = min(self.fouling_k_w, self.leak_m3_s, self.fill_m3_s)
        return least < 0.0 or not 0.0 < self.head_ratio <= 1.0 or not 0.0 <= self.head_ripple_ratio <= 1.0

    def _complaint(self) -> str:
        for each in fields(self):
            value = getattr(self, each.name)
            if not np.isfinite(value).all():
                return f"plant inputs: {each.name} is {value}, allowed: finite numbers"
        for name in ("fouling_k_w", "leak_m3_s", "fill_m3_s"):
            if getattr(self, name) < 0.0:
                return f"plant inputs: {name} is {getattr(self, name)}, allowed: 0 or more"
        if not 0.0 < self.head_ratio <= 1.0:
            return f"plant inputs: head_ratio is {self.head_ratio}, allowed: above 0, at most 1"
        if not 0.0 <= self.head_ripple_ratio <= 1.0:
            return f"plant inputs: head_ripple_ratio is {self.head_ripple_ratio}, allowed: 0 to 1"
        ratios = f"{self.loop_resistance_ratio} (loop), {self.branch_resistance_ratio} (branches)"
        return f"plant inputs: resistance ratios are {ratios}, allowed: above 0"
