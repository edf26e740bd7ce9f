"""Whether a CDU's loops fit the devices they name. Knows models and profiles; every answer is a problem at a key."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coolantd.config.document import Document
from coolantd.config.draft import CduDraft, DeviceDraft
from coolantd.config.explain import shown
from coolantd.config.fields import TOKEN_PATTERN
from coolantd.config.locate import KeyPath
from coolantd.config.models import FailsafeConfig, ManualConfig, PressureLoopConfig, SupplyTempLoopConfig
from coolantd.config.plant_model import ModelConfig
from coolantd.config.sensorcheck import check_own_device, tags_of
from coolantd.errors import Problem
from coolantd.protocol.profile import MessagePoint, RegisterPoint, Role, WriteRule


@dataclass(frozen=True, slots=True)
class PointFacts:
    """What a loop needs to know of a point: its unit, plausible range, and how it may be written."""

    unit: str
    minimum: float
    maximum: float
    write: WriteRule | None


def shared_facts(found: Sequence[PointFacts | None]) -> PointFacts | None:
    """Return what holds for each of some points of one unit, None where one of them is already wrong."""
    known = [facts for facts in found if facts is not None]
    if len(known) < len(found):
        return None
    low, high = max(facts.minimum for facts in known), min(facts.maximum for facts in known)
    return PointFacts(known[0].unit, low, high, None)


class Plant:
    """The devices of a draft, and which points are already driven.

    Attributes:
        document: where keys stand.
        devices: by name; the first one, where a name was given twice.
    """

    def __init__(self, document: Document, devices: Sequence[DeviceDraft]) -> None:
        self.document = document
        self.devices = {device.name: device for device in reversed(devices) if device.name is not None}
        self._points = {name: _facts(device) for name, device in self.devices.items()}
        self._drivers: dict[str, KeyPath] = {}

    @property
    def driven_devices(self) -> set[str]:
        """The names of devices of which some point is driven."""
        return {reference.partition(".")[0] for reference in self._drivers}

    def no_device(self, path: KeyPath, name: str) -> Problem:
        """Return the problem of a device that does not exist."""
        known = [each for each in sorted(self.devices) if TOKEN_PATTERN.fullmatch(each)]  # no other name is allowed
        return self.document.problem(
            path, "no such device", value=shown(name), allowed=", ".join(known) or "a [[device]]"
        )

    def find(self, reference: str, path: KeyPath) -> tuple[PointFacts | None, list[Problem]]:
        """Return a point by ``device.point``, or the problem; neither where its device is already wrong."""
        name, _, point = reference.partition(".")
        device = self.devices.get(name)
        if device is None:
            return None, [self.no_device(path, name)]
        if device.profile is None:
            return None, []
        facts = self._points[name].get(point)
        if facts is None:
            what = f"profile {device.profile.name} has no such point"
            return None, [self.document.problem(path, what, value=shown(reference), allowed=self._near(name, point))]
        return facts, []

    def claim(self, reference: str, path: KeyPath) -> Iterator[Problem]:
        """Note that the key at ``path`` drives a point; a second driver is a problem."""
        if reference in self._drivers:
            file, line = self.document.place_of(self._drivers[reference])
            what = f"point already driven from {file}:{line}"
            yield self.document.problem(path, what, value=shown(reference), allowed="one driver for each point")
        self._drivers.setdefault(reference, path)

    def _near(self, device: str, point: str) -> str:
        from difflib import get_close_matches  # only a mistake needs it

        near = get_close_matches(point[:80], self._points[device], n=3)
        return ", ".join(f"{device}.{name}" for name in near) or "a point of that profile"


def check_cdu(cdu: CduDraft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction between a CDU and the devices it names."""
    if cdu.device is not None and cdu.device not in plant.devices:
        yield plant.no_device((*cdu.path, "device"), cdu.device)
    valve: WriteRule | None = None
    pumps: list[WriteRule] = []
    if cdu.supply_temp is not None:
        path = (*cdu.path, "supply_temp")
        yield from _supply_temp(cdu.supply_temp, path, plant)
        rule, problems = _driven(
            cdu.supply_temp.manipulated_variable, Role.FWS_VALVE, (*path, "manipulated_variable"), plant
        )
        yield from problems
        if rule is not None:
            valve = rule
            yield from _output_limits(cdu.supply_temp, rule, path, plant.document)
    if cdu.pressure is not None:
        path = (*cdu.path, "pressure")
        yield from _pressure(cdu.pressure, path, plant)
        for index, reference in enumerate(cdu.pressure.manipulated_variables):
            rule, problems = _driven(reference, Role.PUMP, (*path, "manipulated_variables", index), plant)
            yield from problems
            if rule is not None:
                pumps.append(rule)
                yield from _output_limits(cdu.pressure, rule, path, plant.document)
    if cdu.failsafe is not None:
        yield from _failsafe(cdu.failsafe, cdu, valve, pumps, plant)
    if cdu.manual is not None:
        yield from _manual(cdu.manual, (*cdu.path, "manual"), valve, pumps, plant.document)
    if cdu.model is not None:
        yield from check_model(cdu.model, cdu.supply_temp, (*cdu.path, "model"), plant)
    yield from check_own_device(cdu, plant.document)


def _facts(device: DeviceDraft) -> dict[str, PointFacts]:
    if device.profile is None:
        return {}
    written: tuple[RegisterPoint | MessagePoint, ...] = (*device.profile.registers, *device.profile.messages)
    facts = {p.name: PointFacts(p.unit, p.minimum, p.maximum, p.write) for p in written}
    facts |= {p.name: PointFacts(p.unit, p.minimum, p.maximum, None) for p in device.profile.differences}
    return facts


def measured(
    reference: str | tuple[str, ...], unit: str, path: KeyPath, plant: Plant
) -> tuple[PointFacts | None, list[Problem]]:
    """Return a point that must be a measurement in a unit, or the problems; of several, the range that all share."""
    if isinstance(reference, tuple):
        found = [measured(each, unit, (*path, k), plant) for k, each in enumerate(reference)]
        return shared_facts([facts for facts, _ in found]), [problem for _, problems in found for problem in problems]
    facts, problems = plant.find(reference, path)
    if facts is None:
        return None, problems
    if facts.unit != unit:
        what = f"a point in {facts.unit or 'no unit'}"
        return None, [plant.document.problem(path, what, value=shown(reference), allowed=f"a point in {unit}")]
    if facts.write is not None:
        what = "a setpoint, not a measurement"
        return None, [plant.document.problem(path, what, value=shown(reference), allowed="a point that is only read")]
    return facts, []


def _driven(reference: str, role: Role, path: KeyPath, plant: Plant) -> tuple[WriteRule | None, list[Problem]]:
    """Return the write rule of a point that must be an actuator of a role, and claim the point."""
    facts, problems = plant.find(reference, path)
    if facts is None:
        return None, problems
    allowed = f"a writable point of role {role}"
    if facts.write is None:
        return None, [plant.document.problem(path, "not writable", value=shown(reference), allowed=allowed)]
    if facts.write.role is not role:
        what = f"moves a {facts.write.role}"
        return None, [plant.document.problem(path, what, value=shown(reference), allowed=allowed)]
    return facts.write, list(plant.claim(reference, path))


def _supply_temp(loop: SupplyTempLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    facts, problems = measured(loop.process_variable, "degC", (*path, "process_variable"), plant)
    yield from problems
    if facts is not None:
        yield from _setpoint(loop.setpoint_c, facts, (*path, "setpoint_c"), plant.document)
    yield from measured(loop.dew_point, "degC", (*path, "dew_point"), plant)[1]
    floor_c = loop.dew_point_design_c + loop.dew_point_margin_k
    if loop.setpoint_c < floor_c:
        yield plant.document.problem(
            (*path, "setpoint_c"),
            "under the design dew point plus margin: the racks would sweat",
            value=f"{loop.setpoint_c:g}",
            allowed=f"{floor_c:g} or more",
        )
    yield from _ordered(loop, path, plant.document)


def _pressure(loop: PressureLoopConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    facts, problems = measured(loop.process_variable, loop.unit, (*path, "process_variable"), plant)
    yield from problems
    if facts is not None:
        key = {"kPa": "setpoint_kpa", "L/min": "setpoint_lpm", "K": "setpoint_k"}[loop.unit]
        yield from _setpoint(loop.setpoint, facts, (*path, key), plant.document)
    if loop.output_min_pct <= 0.0:
        yield plant.document.problem(
            (*path, "output_min_pct"), "would let every pump stop", value=f"{loop.output_min_pct:g}", allowed="above 0"
        )
    yield from _ordered(loop, path, plant.document)


def _setpoint(setpoint: float, facts: PointFacts, path: KeyPath, document: Document) -> Iterator[Problem]:
    if not facts.minimum <= setpoint <= facts.maximum:
        yield document.problem(
            path,
            "outside the range of its process variable",
            value=f"{setpoint:g}",
            allowed=f"{facts.minimum:g} to {facts.maximum:g} {facts.unit}",
        )


def _ordered(loop: SupplyTempLoopConfig | PressureLoopConfig, path: KeyPath, document: Document) -> Iterator[Problem]:
    if not loop.output_min_pct < loop.output_max_pct:
        yield document.problem(
            (*path, "output_max_pct"),
            "output limits out of order",
            value=f"{loop.output_max_pct:g}",
            allowed=f"above output_min_pct = {loop.output_min_pct:g}",
        )


def _output_limits(
    loop: SupplyTempLoopConfig | PressureLoopConfig, rule: WriteRule, path: KeyPath, document: Document
) -> Iterator[Problem]:
    for key, value in (("output_min_pct", loop.output_min_pct), ("output_max_pct", loop.output_max_pct)):
        yield from inside(value, rule, (*path, key), document)


def inside(value: float, rule: WriteRule, path: KeyPath, document: Document) -> Iterator[Problem]:
    """Yield a problem if a value is outside what may be written."""
    if not rule.minimum <= value <= rule.maximum:
        yield document.problem(
            path,
            f"outside the limits of the {rule.role}",
            value=f"{value:g}",
            allowed=f"{rule.minimum:g} to {rule.maximum:g}",
        )


def _failsafe(
    failsafe: FailsafeConfig, cdu: CduDraft, valve: WriteRule | None, pumps: Sequence[WriteRule], plant: Plant
) -> Iterator[Problem]:
    path, document = (*cdu.path, "failsafe"), plant.document
    yield from measured(failsafe.heat_load, "kW", (*path, "heat_load"), plant)[1]
    for rule in pumps:
        yield from inside(failsafe.pump_speed_pct, rule, (*path, "pump_speed_pct"), document)
    if cdu.pressure is not None and failsafe.pump_speed_pct < cdu.pressure.output_min_pct:
        yield document.problem(
            (*path, "pump_speed_pct"),
            "under the loop's own least speed",
            value=f"{failsafe.pump_speed_pct:g}",
            allowed=f"{cdu.pressure.output_min_pct:g} or more",
        )
    rows = failsafe.valve_position_table
    for index, row in enumerate(rows):
        here = (*path, "valve_position_table", index)
        if index and row.heat_load_kw <= rows[index - 1].heat_load_kw:
            yield document.problem(
                (*here, "heat_load_kw"),
                "heat loads must rise from row to row",
                value=f"{row.heat_load_kw:g}",
                allowed=f"above {rows[index - 1].heat_load_kw:g}",
            )
        if valve is not None:
            yield from inside(row.valve_position_pct, valve, (*here, "valve_position_pct"), document)


def _manual(
    manual: ManualConfig, path: KeyPath, valve: WriteRule | None, pumps: Sequence[WriteRule], document: Document
) -> Iterator[Problem]:
    if manual.valve_position_pct is not None and valve is not None:
        yield from inside(manual.valve_position_pct, valve, (*path, "valve_position_pct"), document)
    if manual.pump_speed_pct is not None:
        for rule in pumps:
            yield from inside(manual.pump_speed_pct, rule, (*path, "pump_speed_pct"), document)


_MODEL_INPUTS = (("return_temp", "degC"), ("fws_supply_temp", "degC"), ("flow", "L/min"), ("fws_pressure", "kPa"))


def check_model(
    model: ModelConfig, loop: SupplyTempLoopConfig | None, path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    """Yield every contradiction between a CDU's model, the points it names and the loop it serves."""
    seen: dict[str, str] = {}
    if loop is not None:
        seen = dict.fromkeys(tags_of(loop.process_variable), "supply_temp.process_variable")
    for key, unit in _MODEL_INPUTS:
        reference = getattr(model, key)
        if reference is None:
            continue
        yield from measured(reference, unit, (*path, key), plant)[1]
        for tag in tags_of(reference):
            if tag in seen:
                what = f"the same point as {seen[tag]}"
                yield plant.document.problem((*path, key), what, value=shown(tag), allowed="a point of its own")
            seen[tag] = key
    for index, reference in enumerate(model.power):
        yield from measured(reference, "kW", (*path, "power", index), plant)[1]
    if model.fws_flow_open_lpm < 0.5 * model.fws_flow_rated_lpm:
        yield plant.document.problem(
            (*path, "fws_flow_open_lpm"),
            "the open valve passes not even half the rated flow",
            value=f"{model.fws_flow_open_lpm:g}",
            allowed=f"{0.5 * model.fws_flow_rated_lpm:g} or more",
        )
