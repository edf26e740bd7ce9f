"""Whether the CDUs of a group can work on one header. Every answer is a problem at a key."""

from collections.abc import Iterator

from coolantd.config.draft import CduDraft, Draft, GroupDraft
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.errors import Problem


def check_groups(draft: Draft) -> Iterator[Problem]:
    """Yield every contradiction between groups and the CDUs they name."""
    cdus = {cdu.name: cdu for cdu in draft.cdus if cdu.name is not None}
    taken: dict[str, KeyPath] = {}
    for group in draft.groups:
        for index, name in enumerate(group.config.cdus if group.config else ()):
            path = (*group.path, "cdus", index)
            if name not in cdus:
                allowed = ", ".join(sorted(cdus)) or "a [[cdu]]"
                yield draft.document.problem(path, "no such CDU", value=shown(name), allowed=allowed)
            elif name in taken:
                file, line = draft.document.place_of(taken[name])
                what = f"CDU already in a group at {file}:{line}"
                yield draft.document.problem(path, what, value=shown(name), allowed="one group for each CDU")
            taken.setdefault(name, path)
        yield from _alike(group, cdus, draft)


def _alike(group: GroupDraft, cdus: dict[str, CduDraft], draft: Draft) -> Iterator[Problem]:
    """All must hold one and the same pressure, and go on holding it: with two setpoints they fight."""
    setpoints: list[float] = []
    for index, name in enumerate(group.config.cdus if group.config else ()):
        loop, path = cdus[name].pressure if name in cdus else None, (*group.path, "cdus", index)
        if loop is None:
            continue
        if loop.setpoint_kpa is None:
            allowed = "CDUs that hold a differential pressure"
            yield draft.document.problem(path, "a CDU that holds no pressure", value=shown(name), allowed=allowed)
            continue
        if setpoints and loop.setpoint_kpa != setpoints[0]:
            yield draft.document.problem(
                path,
                "another pressure setpoint than the first CDU of the group",
                value=f"{loop.setpoint_kpa:g}",
                allowed=f"setpoint_kpa = {setpoints[0]:g}",
            )
        if loop.reset is not None:
            what, allowed = "a CDU of a group that resets its own pressure", "CDUs without [cdu.pressure.reset]"
            yield draft.document.problem(path, what, value=shown(name), allowed=allowed)
        setpoints.append(loop.setpoint_kpa)
