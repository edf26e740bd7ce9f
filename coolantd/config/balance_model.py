"""The configured balancing of a manifold's branches. Knows shapes and ranges, as ``models`` does."""

from collections.abc import Sequence
from typing import Annotated, Final

from pydantic import Field

from coolantd.config.fields import Model, Number, PositivePct, Reference, within

BRANCHES_MAX: Final = 64
"""Racks on one manifold; a row has 8 to 24."""

References = Annotated[tuple[Reference, ...], Field(max_length=BRANCHES_MAX)]
MEASURED: Final = {"flow": ("flow_lpm", "L/min"), "supply_temp": ("supply_temp_c", "degC"),
                   "return_temp": ("return_temp_c", "degC")}  # fmt: skip
"""Key -> (end of a point's name, unit) of what is measured of a branch."""


class BalanceConfig(Model):
    """How branch valves share a manifold's flow. Without this table all stand at ``branch_valve_position_pct``.

    Attributes:
        power: each rack's electric power in kW, branch by branch; left out, heat comes from flow and temperatures.
        flow, supply_temp, return_temp: branch by branch; left out, the points named like the branch's valve.
        step_max_pct: largest move in one period.
        minimum_pct: no valve closes further.
        deadband_ratio: an error of a branch's flow that moves nothing, as a share of it.
        coolant_rise_max_k: no branch is throttled so far that its coolant rises more.
        filter_s: time constant of the branches' heat.
        valve_rangeability_ratio: of equal-percentage valves; left out, flow is taken as proportional to position.
    """

    power: References = ()
    flow: References = ()
    supply_temp: References = ()
    return_temp: References = ()
    # A coolant rise has followed a valve's move after about 30 s; beyond 10 min a shift of load is over before it.
    period_s: Annotated[Number, within(10.0, 600.0)] = 45.0
    step_max_pct: Annotated[Number, within(0.0, 50.0, low_open=True)] = 10.0
    minimum_pct: PositivePct = 25.0
    # Below 0.5 % no meter can tell; above 30 % nothing is balanced any more.
    deadband_ratio: Annotated[Number, within(0.005, 0.3)] = 0.03
    # 1.0 L/min per kW, the least that published racks take, is 15 K with PG25.
    coolant_rise_max_k: Annotated[Number, within(2.0, 40.0)] = 15.0
    filter_s: Annotated[Number, within(1.0, 600.0)] = 30.0
    heat_capacity_kj_per_l_k: Annotated[Number, within(2.0, 4.5)] = 4.01
    valve_rangeability_ratio: Annotated[Number, within(5.0, 500.0)] | None = None

    def points(self, key: str, device: str, valves: Sequence[str]) -> tuple[str, ...]:
        """Return the references of one measured quantity, a branch each.

        Args:
            key: of ``MEASURED``.
            device: the manifold's device.
            valves: names of its branch valves: ``branch3_valve_...`` is measured by ``branch3_flow_lpm``.
        """
        given: tuple[str, ...] = getattr(self, key)
        return given or tuple(f"{device}.{valve.partition('_')[0]}_{MEASURED[key][0]}" for valve in valves)
