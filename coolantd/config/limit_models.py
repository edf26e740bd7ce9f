"""What a configuration says of the limits of a CDU's protection. Knows shapes and ranges, as ``models`` does.

Every key may be left out: a limit without a default is then not watched. The limits are the protection's own: control
holds its setpoints and keeps away from them by itself.
"""

from typing import Annotated, Self

from pydantic import model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Model, Number, Reference, within
from coolantd.config.plant_model import Flow

Temp = Annotated[Number, within(20.0, 90.0)]
"""From the coldest supply that makes sense as a limit to where water-based coolants begin to boil off."""
Kpa = Annotated[Number, within(-90.0, 2000.0)]
"""From nearly a vacuum to above any relief valve of a CDU."""
Level = Annotated[Number, within(0.0, 100_000.0)]
SpeedPct = Annotated[Number, within(0.0, 100.0, low_open=True)]


class LimitsConfig(Model):
    """Limits and the points behind them.

    Attributes:
        supply_temp_c: of the coolant toward the racks; 10 K above the greatest setpoint unless given.
        return_temp_c: of the coolant from the racks, at ``return_temp``, which is the model's unless given.
        flow: of the whole loop; the model's unless given, and the pump loop's own if that holds a flow.
        flow_full_speed_lpm: at full pump speed with every branch as in operation.
        pressure_kpa: at ``pressure``; the relief valve's less a tenth.
        suction_kpa: least before the pumps, at ``suction``. suction_speed_pct: fastest pump speed below it.
        dead_head_kpa: differential pressure at full speed against a shut loop; the estimate's pump curve unless given.
        level_low, level_lost: in the unit of the point ``level``; the second stops the pumps.
    """

    supply_temp_c: Temp | None = None
    return_temp: Reference | None = None
    return_temp_c: Temp | None = None
    flow: Reference | None = None
    flow_full_speed_lpm: Flow | None = None
    pressure: Reference | None = None
    pressure_kpa: Kpa | None = None
    suction: Reference | None = None
    suction_kpa: Kpa | None = None
    suction_speed_pct: SpeedPct = 60.0
    dead_head_kpa: Annotated[Number, within(1.0, 2000.0)] | None = None
    level: Reference | None = None
    level_low: Level | None = None
    level_lost: Level | None = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for point, limits in (
            ("pressure", ("pressure_kpa",)),
            ("suction", ("suction_kpa",)),
            ("level", ("level_low", "level_lost")),
        ):
            given = [key for key in limits if getattr(self, key) is not None]
            if given and getattr(self, point) is None:
                raise _refused(f"{given[0]} without {point}", "both or neither")
            if getattr(self, point) is not None and not given:
                raise _refused(f"{point} without {' or '.join(limits)}", "both or neither")
        if self.level_low is not None and self.level_lost is not None and not self.level_lost < self.level_low:
            raise _refused("the pumps would stop before the level is called low", "level_lost below level_low")
        return self


def _refused(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})
