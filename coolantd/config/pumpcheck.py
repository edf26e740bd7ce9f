"""Whether resets, pump limits and flow tables fit their loops and points. Knows models; every answer is at a key."""

from collections.abc import Iterator

from coolantd.config.draft import CduDraft
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, measured
from coolantd.config.models import PressureLoopConfig, SupplyTempLoopConfig
from coolantd.config.pump_models import PumpResetConfig, SupplyResetConfig
from coolantd.errors import Problem

_SUFFIX = {"kPa": "kpa", "L/min": "lpm", "K": "k"}


def check_pumps(cdu: CduDraft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction in what a CDU's loops are asked for besides their setpoints."""
    if cdu.supply_temp is not None and cdu.supply_temp.reset is not None:
        yield from _supply_reset(cdu.supply_temp.reset, cdu.supply_temp, (*cdu.path, "supply_temp", "reset"), plant)
    if cdu.pressure is not None:
        path = (*cdu.path, "pressure")
        yield from _limits(cdu.pressure, path, plant)
        yield from _table(cdu.pressure, path, plant)
        if cdu.pressure.reset is not None:
            yield from _pump_reset(cdu.pressure.reset, cdu.pressure, path, plant)


def _supply_reset(
    reset: SupplyResetConfig, loop: SupplyTempLoopConfig, path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    floor_c = loop.dew_point_design_c + loop.dew_point_margin_k
    if reset.setpoint_min_c < floor_c:
        yield plant.document.problem(
            (*path, "setpoint_min_c"),
            "under the design dew point plus margin: the racks would sweat",
            value=f"{reset.setpoint_min_c:g}",
            allowed=f"{floor_c:g} or more",
        )
    yield from _around((reset.setpoint_min_c, reset.setpoint_max_c), loop.setpoint_c, "c", path, plant)
    for index, reference in enumerate(reset.hot_temps):
        yield from measured(reference, "degC", (*path, "hot_temps", index), plant)[1]


def _around(
    limits: tuple[float, float], setpoint: float, suffix: str, path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    """Check that a reset's limits enclose the configured setpoint, to which it goes back."""
    least, greatest = limits
    if not least <= setpoint:
        key, value, allowed = f"setpoint_min_{suffix}", least, f"{setpoint:g} or less, the configured setpoint"
    elif not setpoint <= greatest:
        key, value, allowed = f"setpoint_max_{suffix}", greatest, f"{setpoint:g} or more, the configured setpoint"
    else:
        return
    what = "the configured setpoint lies outside its reset's limits"
    yield plant.document.problem((*path, key), what, value=f"{value:g}", allowed=allowed)


def _limits(loop: PressureLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    flow, pressure, hot = loop.minimum_flow, loop.maximum_pressure, loop.maximum_return_temp
    if flow is not None:
        here = (*path, "minimum_flow")
        yield from measured(flow.process_variable, "L/min", (*here, "process_variable"), plant)[1]
        if flow.process_variable == loop.process_variable and flow.limit_lpm > loop.setpoint:
            what = "above the setpoint of the loop it limits"
            allowed = f"{loop.setpoint:g} or less"
            yield plant.document.problem((*here, "limit_lpm"), what, value=f"{flow.limit_lpm:g}", allowed=allowed)
    if pressure is not None:
        here = (*path, "maximum_pressure")
        yield from measured(pressure.process_variable, "kPa", (*here, "process_variable"), plant)[1]
        if pressure.process_variable == loop.process_variable and pressure.limit_kpa <= loop.setpoint:
            what = "not above the setpoint of the loop it limits"
            allowed = f"above {loop.setpoint:g}"
            yield plant.document.problem((*here, "limit_kpa"), what, value=f"{pressure.limit_kpa:g}", allowed=allowed)
    if hot is not None:
        yield from measured(hot.process_variable, "degC", (*path, "maximum_return_temp", "process_variable"), plant)[1]


def _table(loop: PressureLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    if loop.inlet_temp is not None:
        yield from measured(loop.inlet_temp, "degC", (*path, "inlet_temp"), plant)[1]
    rows, document = loop.flow_table, plant.document
    if bool(rows) != (loop.inlet_temp is not None):
        key, what = ("inlet_temp", "without flow_table") if not rows else ("flow_table", "without inlet_temp")
        yield document.problem((*path, key), what, allowed="both or neither")
    if not rows:
        return
    if loop.unit != "L/min":
        yield document.problem((*path, "flow_table"), "the loop does not hold a flow", allowed="with setpoint_lpm")
        return
    if loop.reset is not None:
        yield document.problem((*path, "flow_table"), "beside a reset of the same setpoint", allowed="one of the two")
    for index, row in enumerate(rows[1:], start=1):
        if row.inlet_temp_c <= rows[index - 1].inlet_temp_c:
            yield document.problem(
                (*path, "flow_table", index, "inlet_temp_c"),
                "inlet temperatures must rise from row to row",
                value=f"{row.inlet_temp_c:g}",
                allowed=f"above {rows[index - 1].inlet_temp_c:g}",
            )
    greatest = max(row.flow_lpm for row in rows)
    if loop.setpoint < greatest:
        yield document.problem(
            (*path, "setpoint_lpm"),
            "less than its flow table's greatest flow: it stands in while the inlet temperature is bad",
            value=f"{loop.setpoint:g}",
            allowed=f"{greatest:g} or more",
        )


def _pump_reset(reset: PumpResetConfig, loop: PressureLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    here, document, suffix = (*path, "reset"), plant.document, _SUFFIX[loop.unit]
    if loop.unit == "K":
        yield document.problem(here, "a loop that holds a temperature difference has no reset", allowed="no reset")
        return
    least, greatest = reset.limits(loop.unit)
    if reset.foreign_limits(loop.unit) or least is None or greatest is None:
        allowed = f"setpoint_min_{suffix} and setpoint_max_{suffix}"
        yield document.problem(here, f"limits that do not fit a loop in {loop.unit}", allowed=allowed)
    else:
        yield from _around((least, greatest), loop.setpoint, suffix, here, plant)
    yield from _askers(reset, here, plant)


def _askers(reset: PumpResetConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Check what a pump reset looks at: something, and what each kind of it needs."""
    document = plant.document
    if reset.rise_limit_k is None and reset.return_limit_c is None and not reset.branch_valves:
        allowed = "rise_limit_k, return_limit_c or branch_valves"
        yield document.problem(path, "nothing would ever ask this reset for more", allowed=allowed)
    if reset.rise_limit_k is not None and (reset.flow is None or reset.return_volume_l is None):
        allowed = "flow and return_volume_l with it"
        yield document.problem((*path, "rise_limit_k"), "a rise alone is no heat", allowed=allowed)
    if (reset.rise_limit_k or reset.return_limit_c) and not reset.return_temps:
        key = "rise_limit_k" if reset.rise_limit_k else "return_limit_c"
        yield document.problem((*path, key), "no return temperature to look at", allowed="return_temps with it")
    if reset.flow is not None:
        yield from measured(reset.flow, "L/min", (*path, "flow"), plant)[1]
    for key, unit in (("return_temps", "degC"), ("branch_valves", "%")):
        for index, reference in enumerate(getattr(reset, key)):
            yield from measured(reference, unit, (*path, key, index), plant)[1]
