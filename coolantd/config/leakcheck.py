"""Whether leak zones fit the plant they are about, and can do what they say. Every answer is a problem at a key."""

from collections.abc import Iterator
from typing import Final

from coolantd.config.draft import Draft, LeakZoneDraft, ManifoldDraft
from coolantd.config.explain import shown
from coolantd.config.leak_models import LeakDetectorConfig, LeakZoneConfig
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, measured
from coolantd.errors import Problem
from coolantd.protocol.profile import Role
from coolantd.safety.openings import SHUT_PCT

_LEVELS: Final = ("minor", "major", "critical")


def check_leaks(draft: Draft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction between leak zones and the rest of a configuration."""
    manifolds = {each.name: each for each in draft.manifolds if each.name is not None}
    cdus = [cdu.name for cdu in draft.cdus if cdu.name is not None]
    for zone in draft.leak_zones:
        config, path = zone.config, zone.path
        if config is None:
            continue
        for index, detector in enumerate(config.detectors):
            yield from _detector(detector, (*path, "detector", index), plant)
        for index, reference in enumerate(config.power):
            yield from measured(reference, "kW", (*path, "power", index), plant)[1]
        yield from _twice(config, path, plant)
        yield from _reachable(config, path, plant)
        yield from _place(zone, config, manifolds, cdus, plant)


def _detector(detector: LeakDetectorConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    facts, problems = plant.find(detector.point, (*path, "point"))
    yield from problems
    if detector.fault_point is not None:
        yield from plant.find(detector.fault_point, (*path, "fault_point"))[1]
    if facts is None:
        return
    if detector.limit is not None and not facts.minimum < detector.limit < facts.maximum:
        key = "wet_below" if detector.wet_above is None else "wet_above"
        allowed = f"above {facts.minimum:g}, below {facts.maximum:g}, the range of {detector.point}"
        yield plant.document.problem(
            (*path, key), "a limit that is never passed", value=f"{detector.limit:g}", allowed=allowed
        )


def _twice(zone: LeakZoneConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Two votes of one detector would be one detector that acts alone."""
    seen: set[str] = set()
    for index, detector in enumerate(zone.detectors):
        if detector.point in seen:
            yield plant.document.problem(
                (*path, "detector", index, "point"),
                "a detector of this zone already",
                value=shown(detector.point),
                allowed="one vote for each detector",
            )
        seen.add(detector.point)


def _reachable(zone: LeakZoneConfig, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """A policy that no leak can ever set off protects nobody."""
    for key in ("isolate", "cut_power"):
        policy = getattr(zone, key)
        if policy == "never":
            continue
        levels = [_LEVELS.index(each.level) for each in zone.detectors]
        able = sum(level >= _LEVELS.index(policy) for level in levels)
        if "critical" not in [each.level for each in zone.detectors] and able < zone.votes:
            yield plant.document.problem(
                (*path, key),
                f"{able} detectors of that level or above, of which {zone.votes} would have to be wet",
                value=shown(policy),
                allowed='as many detectors as votes, or one of level = "critical"',
            )
    if zone.isolate != "never" and zone.kind in ("manifold", "cdu") and zone.cut_power == "never" and not zone.power:
        yield plant.document.problem(
            (*path, "isolate"),
            "pumps are stopped only once the power is known to be off, and nothing would say so",
            value=shown(zone.isolate),
            allowed="cut_power or power with it",
        )


def _place(
    zone: LeakZoneDraft,
    config: LeakZoneConfig,
    manifolds: dict[str, ManifoldDraft],
    cdus: list[str],
    plant: Plant,
) -> Iterator[Problem]:
    document, path = plant.document, zone.path
    if config.cdu is not None and config.cdu not in cdus:
        allowed = ", ".join(sorted(cdus)) or "a [[cdu]]"
        yield document.problem((*path, "cdu"), "no such CDU", value=shown(config.cdu), allowed=allowed)
    if config.manifold is not None and config.manifold not in manifolds:
        allowed = ", ".join(sorted(manifolds)) or "a [[manifold]]"
        yield document.problem((*path, "manifold"), "no such manifold", value=shown(config.manifold), allowed=allowed)
        return
    manifold = manifolds.get(config.manifold or "")
    yield from _branch(config, manifold, path, plant)
    if config.isolate == "never":
        return
    if config.kind in ("tray", "branch") and (manifold is None or config.branch is None):
        what = "nothing is named that could shut it off"
        yield document.problem((*path, "isolate"), what, value=shown(config.isolate), allowed="manifold and branch")
    elif config.kind in ("manifold", "cdu") and config.cdu is None and len(cdus) != 1 and not _fed(manifold):
        what = "nothing says which CDU's pumps are to be stopped"
        yield document.problem((*path, "isolate"), what, value=shown(config.isolate), allowed="cdu with it")


def _fed(manifold: ManifoldDraft | None) -> bool:
    return manifold is not None and manifold.config is not None and manifold.config.cdu is not None


def _branch(config: LeakZoneConfig, manifold: ManifoldDraft | None, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    document = plant.document
    if config.branch is not None and config.manifold is None:
        yield document.problem(
            (*path, "branch"), "a branch of no manifold", value=str(config.branch), allowed="manifold"
        )
    made = None if manifold is None else manifold.config
    device = None if made is None else plant.devices.get(made.device)
    if made is None or device is None or device.profile is None or config.branch is None:
        return
    count = sum(m.write is not None and m.write.role is Role.BRANCH_VALVE for m in device.profile.messages)
    if config.branch > count:
        what = f"manifold {made.name} has no such branch"
        yield document.problem((*path, "branch"), what, value=str(config.branch), allowed=f"1 to {count}")
    if config.isolate != "never" and made.branch_valve_position_pct <= SHUT_PCT:
        yield document.problem(
            (*path, "isolate"),
            f"the branches of manifold {made.name} count as shut already",
            value=shown(config.isolate),
            allowed=f"branch_valve_position_pct above {SHUT_PCT:g}",
        )
