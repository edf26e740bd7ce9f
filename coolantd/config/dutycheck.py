"""Whether a CDU's pumps table fits its pumps and devices. Knows models and profiles; every answer is a problem."""

from collections.abc import Iterator, Sequence

from coolantd.config.draft import CduDraft
from coolantd.config.duty_models import PumpsConfig
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, measured
from coolantd.errors import Problem


def check_duty(cdu: CduDraft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction between how a CDU's pumps are to share the work and what they are."""
    if cdu.pumps is None:
        return
    path = (*cdu.path, "pumps")
    for index, reference in enumerate(cdu.pumps.run_times):
        yield from measured(reference, "h", (*path, "run_times", index), plant)[1]
    for index, points in enumerate(cdu.pumps.faults):
        for k, reference in enumerate(points):
            yield from measured(reference, "bool", (*path, "faults", index, k), plant)[1]
    if cdu.pressure is not None:
        yield from _against(cdu.pumps, cdu.pressure.manipulated_variables, path, plant)


def _against(pumps: PumpsConfig, driven: Sequence[str], path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Yield what does not fit the pumps that the pressure loop drives."""
    count = len(driven)
    for key, given in (("run_times", len(pumps.run_times)), ("faults", len(pumps.faults))):
        if given not in (0, count):
            what = "not one entry for each pump"
            yield plant.document.problem((*path, key), what, value=f"{given}", allowed=f"{count}, or none")
    if pumps.arrangement == "all":
        return
    if pumps.duty >= count:
        what = f"no pump is left to stand by with {count} of them"
        key = "duty" if "duty" in pumps.model_fields_set else "arrangement"
        allowed = f"at most {count - 1}" if count > 1 else 'arrangement = "all"'
        yield plant.document.problem((*path, key), what, value=f"{pumps.duty}", allowed=allowed)
    for reference in driven:
        facts, _ = plant.find(reference, path)
        if facts is not None and facts.write is not None and not facts.write.zero_allowed:
            what = "a pump that may not be off cannot stand by"
            allowed = "pumps whose profile says zero_allowed = true"
            yield plant.document.problem((*path, "arrangement"), what, value=shown(reference), allowed=allowed)
