"""Takes over another configuration while everything that stays goes on. Knows fleet and cycle; reads no file."""

import dataclasses
from collections.abc import Callable, Collection, Sequence

from coolantd.config.build import build_plan, build_plan_without, point_specs
from coolantd.config.diff import diff
from coolantd.config.load import Loaded
from coolantd.control.plan import Plan
from coolantd.control.step import carry_state
from coolantd.errors import CoolantdError
from coolantd.service.cycle import Cycle
from coolantd.service.fleet import Fleet
from coolantd.service.links import way_to
from coolantd.service.surroundings import Listeners
from coolantd.service.table import PointTable
from coolantd.service.writer import Writer

WriterMaker = Callable[[Plan, Loaded, PointTable], Writer]


async def take_over(
    new: Loaded,
    old: Loaded,
    *,
    fleet: Fleet,
    cycle: Cycle,
    faces: Listeners,
    make_writer: WriterMaker,
    hand_over_s: float,
    stopping: Callable[[], bool],
) -> None:
    """Give back devices that leave, then swap between two cycles, in one turn of the loop.

    Args:
        new: what is to be in force.
        old: what is.
        fleet: of the site.
        cycle: what controls.
        faces: our listeners.
        make_writer: returns the writer for a plan, its configuration and its table.
        hand_over_s: how long devices that leave have to acknowledge it.
        stopping: whether coolantd is being stopped: a bus begun then would outlive the hand-over.

    Raises:
        CoolantdError: a listener cannot be opened, and nothing has been changed; or coolantd was told to stop while
            devices were given back, and nothing else has.
    """
    difference = diff(old, new)
    removed, paused = set(difference.devices_removed), fleet.hushed()
    moved = moved_devices(old, new, difference.devices_changed)
    given_back = [name for name in devices_given_up(old, new, removed | moved) if name not in paused]
    plan = build_plan(new)
    table = PointTable(point_specs(new))
    await faces.change(new.config.proxies)  # first, as a port may be taken: then nothing is changed
    old_writer = cycle.writer
    if given_back:
        await give_back(cycle, old, given_back, hand_over_s)
        if stopping():
            raise CoolantdError("coolantd is stopping")
    table.carry(cycle.table, without=moved)
    fleet.change(new, table, removed=removed, changed=set(difference.devices_changed))
    writer = make_writer(plan, new, table)
    writer.carry(old_writer, without=moved)
    cycle.swap(plan, carry_state(cycle.plan, cycle.state, plan), table, writer)


def moved_devices(old: Loaded, new: Loaded, changed: Collection[str]) -> set[str]:
    """Return which of the changed devices are at another address now, and so are another machine (FM-20)."""
    return {name for name in changed if _way_of(old, name) != _way_of(new, name)}


def devices_given_up(old: Loaded, new: Loaded, gone: Collection[str]) -> list[str]:
    """Return the devices that are commanded now and are not, or are elsewhere, afterwards.

    Args:
        old: what is in force.
        new: what will be.
        gone: devices that are removed or have moved.
    """
    commanded = {cdu.device for cdu in new.config.cdus if cdu.mode != "disabled"}
    staying = {device.name for device in old.config.devices if device.name in commanded} - set(gone)
    return [cdu.device for cdu in old.config.cdus if cdu.mode != "disabled" and cdu.device not in staying]


async def give_back(cycle: Cycle, loaded: Loaded, devices: Sequence[str], deadline_s: float) -> None:
    """Stop commanding devices that leave, then hand them over, while every other device goes on."""
    staying = build_plan_without(loaded, list(devices))
    writer = cycle.writer
    remaining = dataclasses.replace(
        writer,
        actuators=[a for a in writer.actuators if a.parameters.device not in devices],
        devices={name: device for name, device in writer.devices.items() if name not in devices},
    )
    cycle.swap(staying, carry_state(cycle.plan, cycle.state, staying), cycle.table, remaining)
    await writer.hand_over(devices, deadline_s)


def _way_of(loaded: Loaded, name: str) -> object:
    """Return how a device is reached, in a form that differs when it must be given up and taken anew."""
    device = next(d for d in loaded.config.devices if d.name == name)
    way = way_to(device, {line.name: line for line in loaded.config.lines})
    return device.mqtt if way is None else (way, device.unit_id)
