"""What a configuration says of setpoint resets, pump limits and flow tables. Knows shapes and ranges, nothing else."""

from typing import Annotated, Any, Final

from pydantic import Field
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Integer, Model, Number, Reference, within
from coolantd.control.reset_layout import RETURNS_MAX

TABLE_ROWS_MAX: Final = 32
"""Published flow tables have five rows."""

References = Annotated[tuple[Reference, ...], Field(max_length=RETURNS_MAX)]
Kpa = Annotated[Number, within(0.0, 1000.0, low_open=True)]
"""1000 kPa is above every published CDU head."""
Lpm = Annotated[Number, within(0.0, 10_000.0, low_open=True)]
"""The largest published CDU moves about 2000 L/min."""
HotTemp = Annotated[Number, within(20.0, 110.0)]
"""From coolant that hardly left the racks to a chip's case."""
Gain = Annotated[Number, within(0.0, 100.0, low_open=True)]
LimitTime = Annotated[Number, within(0.5, 3600.0)]
"""Faster than half a second is the pumps' own rate limit."""


class FlowRow(Model):
    """One point of the racks' flow table: what all of them together want at an inlet temperature."""

    inlet_temp_c: Annotated[Number, within(5.0, 60.0)]
    flow_lpm: Lpm


class MinimumFlow(Model):
    """The pumps keep at least this flow whatever their loop asks for."""

    process_variable: Reference
    limit_lpm: Lpm
    gain_pct_per_lpm: Gain
    integral_time_s: LimitTime


class MaximumPressure(Model):
    """The pumps keep this pressure from being exceeded, whatever anything else asks for."""

    process_variable: Reference
    limit_kpa: Kpa
    gain_pct_per_kpa: Gain
    integral_time_s: LimitTime


class MaximumReturnTemp(Model):
    """The pumps run faster while the coolant comes back warmer than this, unless its supply is too warm already."""

    process_variable: Reference
    limit_c: HotTemp
    gain_pct_per_k: Gain
    integral_time_s: LimitTime


class _ResetConfig(Model):
    """What both resets share.

    Attributes:
        period_s: between two decisions: trim, hold or respond.
        ignored_requests: so many are not answered.
        start_delay_s: in automatic before it begins.
    """

    # Below 5 s it is a loop of its own; above an hour nobody's load is that slow.
    period_s: Annotated[Number, within(5.0, 3600.0)]
    ignored_requests: Annotated[Integer, within(0, 100)] = 0
    start_delay_s: Annotated[Number, within(0.0, 86_400.0)] = 300.0


class SupplyResetConfig(_ResetConfig):
    """Reset of the supply temperature: warmer by and by, colder for each kelvin a watched temperature is too hot.

    Attributes:
        setpoint_min_c, setpoint_max_c: limits of the setpoint; the dew-point floor stays above both.
        hot_temps: what is watched: return or case temperatures. hot_limit_c: their limit.
        trim_k: per period without a request. respond_k: per request. respond_max_k: per period.
    """

    setpoint_min_c: Annotated[Number, within(5.0, 60.0)]
    setpoint_max_c: Annotated[Number, within(5.0, 60.0)]
    hot_temps: Annotated[References, Field(min_length=1)]
    hot_limit_c: HotTemp
    period_s: Annotated[Number, within(5.0, 3600.0)] = 60.0
    trim_k: Annotated[Number, within(0.0, 2.0, low_open=True)] = 0.1
    respond_k: Annotated[Number, within(0.0, 5.0, low_open=True)] = 0.3
    respond_max_k: Annotated[Number, within(0.0, 5.0, low_open=True)] = 0.9


class PumpResetConfig(_ResetConfig):
    """Reset of the pump loop's setpoint: less by and by, more when something asks for it.

    Limits stand in the unit of the loop's own setpoint. Amounts are shares of that setpoint.

    Attributes:
        rise_limit_k: the coolant's rise over the racks that the flow keeps; needs flow, return_temps and
            return_volume_l, and raises the setpoint at once.
        return_temps: coolant out of the racks, the hottest counts. flow: of all racks.
        return_volume_l: coolant that holds as much heat as everything before those sensors.
        return_limit_c: above it each kelvin of the hottest return is a request.
        branch_valves: positions; one above 95 % is a request.
        trim_pct: per period without a request. respond_pct: per request. respond_max_pct: per period.
    """

    setpoint_min_kpa: Kpa | None = None
    setpoint_max_kpa: Kpa | None = None
    setpoint_min_lpm: Lpm | None = None
    setpoint_max_lpm: Lpm | None = None
    # Below 2 K the pumps would run flat out for nothing; above 30 K no cold plate is made for it.
    rise_limit_k: Annotated[Number, within(2.0, 30.0)] | None = None
    return_temps: References = ()
    flow: Reference | None = None
    return_volume_l: Annotated[Number, within(0.1, 20_000.0)] | None = None
    return_limit_c: HotTemp | None = None
    branch_valves: References = ()
    period_s: Annotated[Number, within(5.0, 3600.0)] = 30.0
    trim_pct: Annotated[Number, within(0.0, 20.0, low_open=True)] = 4.0
    respond_pct: Annotated[Number, within(0.0, 50.0, low_open=True)] = 4.0
    respond_max_pct: Annotated[Number, within(0.0, 50.0, low_open=True)] = 12.0

    def limits(self, unit: str) -> tuple[float | None, float | None]:
        """Return (least, greatest) setpoint in a unit; None where it is not given."""
        if unit == "kPa":
            return self.setpoint_min_kpa, self.setpoint_max_kpa
        return self.setpoint_min_lpm, self.setpoint_max_lpm

    def foreign_limits(self, unit: str) -> bool:
        """Return whether a limit is given in the unit that the loop does not have."""
        return any(limit is not None for limit in self.limits("L/min" if unit == "kPa" else "kPa"))


PUMP_SETS: Final = (
    ("kPa", ("setpoint_kpa", "gain_pct_per_kpa", "setpoint_rate_kpa_per_min")),
    ("L/min", ("setpoint_lpm", "gain_pct_per_lpm", "setpoint_rate_lpm_per_min")),
    ("K", ("setpoint_k", "gain_pct_per_k", "setpoint_rate_k_per_min")),
)
"""What a pump loop may hold, and its three keys: pressure, flow, or the coolant's rise over the racks."""


def one_pump_set(values: dict[str, Any]) -> str:
    """Return the unit of the one whole set of keys that is given.

    Raises:
        PydanticCustomError: none is whole, or there are several.
    """
    given = [unit for unit, keys in PUMP_SETS if any(values[key] is not None for key in keys)]
    whole = [unit for unit, keys in PUMP_SETS if all(values[key] is not None for key in keys)]
    if len(given) != 1 or given != whole:
        what = "several controllers" if len(given) > 1 else "neither a whole pressure, flow nor rise controller"
        allowed = "either " + ", or ".join(" and ".join((", ".join(keys[:2]), keys[2])) for _, keys in PUMP_SETS)
        raise PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})
    return given[0]
