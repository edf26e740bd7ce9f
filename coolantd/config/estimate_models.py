"""What is measured and known of a CDU besides its loops and its model: shapes and ranges, as ``models`` does.

Every key may be left out; each one given lets the daemon notice something more.
"""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Model, Number, Reference, within
from coolantd.config.plant_model import Flow, Volume
from coolantd.control.estimate_layout import BRANCHES_MAX

Pressure = Annotated[Number, within(1.0, 2000.0)]
"""Above any head that a CDU's pumps have."""
Branches = Annotated[tuple[Reference, ...], Field(max_length=BRANCHES_MAX)]

_PUMP_KEYS: Final = ("pump_head_kpa", "pump_point_lpm", "pump_point_kpa", "cdu_loss_kpa")
_VESSEL_KEYS: Final = ("static_pressure", "vessel_gas_l", "vessel_gas_kpa")


class EstimateConfig(Model):
    """Points and figures for the estimator; needs ``[cdu.model]`` beside it.

    Attributes:
        fws_return, fws_flow: facility water that leaves, and how much of it: fouling, heat balance, swapped sensors.
        commissioned_conductance_ratio: of the exchanger to its data sheet, as ``coolantd status`` showed it when it was
            clean; without it the first hours after each start count as clean.
        pump_head_kpa: one pump at full speed against a shut valve. pump_point_lpm, pump_point_kpa: another point of its
            curve. cdu_loss_kpa: lost between pumps and differential pressure at the model's ``tcs_flow_rated_lpm``.
        heat_ratio: share of the racks' power that reaches the coolant.
        rated_heat_kw: of the CDU. supply_limit_c: supply temperature that the racks stand.
        plate_margin_k, plate_heating_k_per_s: what cold plates may warm at rated heat, and how fast without flow.
        loop_l: coolant in the whole loop.
        branch_flows, branch_returns, branch_valves: by branch; where flows are not measured, ``model.power`` names the
            racks in the same order and ``branch_returns`` is needed.
        branch_valve_rangeability_ratio: of equal-percentage branch valves; linear where left out.
        level: of the expansion vessel; level_l_per_unit: litres for each of its units.
        static_pressure: of the vessel instead; vessel_gas_l: gas in it at vessel_gas_kpa (gauge).
        expansion_per_k: by how much of its volume the coolant grows.
    """

    fws_return: Reference | None = None
    fws_flow: Reference | None = None
    commissioned_conductance_ratio: Annotated[Number, within(0.3, 2.0)] | None = None
    pump_head_kpa: Pressure | None = None
    pump_point_lpm: Flow | None = None
    pump_point_kpa: Annotated[Number, within(0.0, 2000.0)] | None = None
    cdu_loss_kpa: Annotated[Number, within(0.0, 2000.0)] | None = None
    heat_ratio: Annotated[Number, within(0.3, 1.0)] = 0.945
    rated_heat_kw: Annotated[Number, within(1.0, 10_000.0)] | None = None
    supply_limit_c: Annotated[Number, within(20.0, 70.0)] = 45.0
    plate_margin_k: Annotated[Number, within(1.0, 60.0)] = 10.0
    plate_heating_k_per_s: Annotated[Number, within(0.1, 50.0)] = 5.6
    loop_l: Volume | None = None
    branch_flows: Branches = ()
    branch_returns: Branches = ()
    branch_valves: Branches = ()
    branch_valve_rangeability_ratio: Annotated[Number, within(5.0, 500.0)] | None = None
    level: Reference | None = None
    level_l_per_unit: Annotated[Number, within(0.0, 1000.0, low_open=True)] = 1.0
    static_pressure: Reference | None = None
    vessel_gas_l: Volume | None = None
    vessel_gas_kpa: Annotated[Number, within(0.0, 1000.0)] | None = None
    expansion_per_k: Annotated[Number, within(0.0, 0.002)] = 5.1e-4

    @model_validator(mode="after")
    def _whole(self) -> Self:
        for keys in (_PUMP_KEYS, _VESSEL_KEYS):
            given = [key for key in keys if getattr(self, key) is not None]
            if given and len(given) < len(keys):
                raise _together(f"{given[0]} without {next(k for k in keys if k not in given)}", ", ".join(keys))
        if self.level is not None and self.static_pressure is not None:
            raise _together("two ways to know the vessel's content", "either level or static_pressure")
        head, point = self.pump_head_kpa, self.pump_point_kpa
        if head is not None and point is not None and not point < head:
            raise _together("a pump curve that does not fall", "pump_point_kpa below pump_head_kpa")
        return self


def _together(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})
