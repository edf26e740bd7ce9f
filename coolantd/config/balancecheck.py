"""Whether the balancing of a manifold fits its branches and the points it names. Every answer is a problem at a key."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from coolantd.config.balance_model import MEASURED, BalanceConfig
from coolantd.config.draft import CduDraft
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, inside, measured
from coolantd.config.models import ManifoldConfig
from coolantd.errors import Problem
from coolantd.protocol.profile import WriteRule

_UNITS: Final = {"power": "kW"} | {key: unit for key, (_, unit) in MEASURED.items()}


def check_balance(
    manifold: ManifoldConfig, rules: Mapping[str, WriteRule], cdus: Sequence[str], path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    """Yield every contradiction between a manifold's balancing, its branches and the CDU that feeds it.

    Args:
        manifold: as configured.
        rules: the write rules of its branch valves by name, in the order of the branches.
        cdus: names of the CDUs there are.
        path: of the manifold.
        plant: the devices.
    """
    if manifold.cdu is not None and manifold.cdu not in cdus:
        allowed = ", ".join(sorted(cdus)) or "a [[cdu]]"
        yield plant.document.problem((*path, "cdu"), "no such CDU", value=shown(manifold.cdu), allowed=allowed)
    if manifold.balance is None:
        return
    path = (*path, "balance")
    for key in _UNITS:
        yield from _points(manifold, key, list(rules), path, plant)
    yield from _twice(manifold.balance, path, plant)
    yield from _moves(manifold, manifold.balance, rules, path, plant)


def check_askers(manifolds: Sequence[ManifoldConfig], cdus: Sequence[CduDraft], plant: Plant) -> Iterator[Problem]:
    """Yield a problem where an open valve of a balanced manifold would ask a pump reset for more, for ever."""
    devices = {manifold.device for manifold in manifolds if manifold.balance is not None}
    for cdu in cdus:
        reset = None if cdu.pressure is None else cdu.pressure.reset
        for index, reference in enumerate(() if reset is None else reset.branch_valves):
            if reference.partition(".")[0] in devices:
                yield plant.document.problem(
                    (*cdu.path, "pressure", "reset", "branch_valves", index),
                    "a valve of a balanced manifold, whose neediest branch is always open",
                    value=shown(reference),
                    allowed="rise_limit_k with the branches' return temperatures",
                )
                break


def _points(
    manifold: ManifoldConfig, key: str, valves: Sequence[str], path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    balance, unit = manifold.balance, _UNITS[key]
    if balance is None:
        return
    given: tuple[str, ...] = getattr(balance, key)
    if given and len(given) != len(valves):
        what, allowed = "wrong number of points", f"one for each of the {len(valves)} branches, or none"
        yield plant.document.problem((*path, key), what, value=str(len(given)), allowed=allowed)
        return
    for index, reference in enumerate(given):
        yield from measured(reference, unit, (*path, key, index), plant)[1]
    if given or key not in MEASURED:
        return
    for reference in balance.points(key, manifold.device, valves):
        facts, problems = plant.find(reference, path)
        if problems or (facts is not None and facts.unit != unit):
            allowed = f'{key} = [ "device.point", ... ], one in {unit} for each branch'
            yield plant.document.problem(path, f"nothing measures {reference}", allowed=allowed)
            return


def _twice(balance: BalanceConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """A point of two branches, or supply and return in one; several branches may share a supply sensor."""
    seen: set[str] = set()
    for key in ("power", "flow", "return_temp"):
        for index, reference in enumerate(getattr(balance, key)):
            if reference in seen or (key == "return_temp" and reference in balance.supply_temp):
                what = "a point that is named already"
                yield plant.document.problem(
                    (*path, key, index), what, value=shown(reference), allowed="a point of its own"
                )
            seen.add(reference)


def _moves(
    manifold: ManifoldConfig, balance: BalanceConfig, rules: Mapping[str, WriteRule], path: KeyPath, plant: Plant
) -> Iterator[Problem]:
    """The valves must have room to move, and time to get there before they are judged again."""
    open_pct = manifold.branch_valve_position_pct
    outside = [
        found
        for rule in rules.values()
        for found in inside(balance.minimum_pct, rule, (*path, "minimum_pct"), plant.document)
    ]
    yield from outside[:1]
    if not balance.minimum_pct < open_pct:
        yield plant.document.problem(
            (*path, "minimum_pct"),
            "leaves the valves no room to close",
            value=f"{balance.minimum_pct:g}",
            allowed=f"below branch_valve_position_pct = {open_pct:g}",
        )
    most_pct = 0.5 * balance.period_s * manifold.branch_valve_rate_pct_per_s
    if balance.step_max_pct > most_pct:
        yield plant.document.problem(
            (*path, "step_max_pct"),
            "a move that takes more than half a period",
            value=f"{balance.step_max_pct:g}",
            allowed=f"up to {most_pct:g} with this period_s and branch_valve_rate_pct_per_s",
        )
