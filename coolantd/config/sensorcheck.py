"""Whether lists of sensors fit the CDU that uses them. Knows drafts; every answer is a problem at a key."""

from collections.abc import Iterator

from coolantd.config.document import Document
from coolantd.config.draft import CduDraft
from coolantd.config.explain import shown
from coolantd.errors import Problem


def tags_of(reference: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return the sensors of a reference, one or several."""
    return (reference,) if isinstance(reference, str) else reference


def check_own_device(cdu: CduDraft, document: Document) -> Iterator[Problem]:
    """Yield a problem where both loops would go on without the CDU's own device.

    Losing touch with the device that moves valve and pumps has to end in failsafe, and it does so because a process
    variable goes bad with it. Lists whose members live elsewhere too would hide it.
    """
    loops = {"supply_temp": cdu.supply_temp, "pressure": cdu.pressure}
    references = {key: loop.process_variable for key, loop in loops.items() if loop is not None}
    if cdu.device is None or len(references) < len(loops):
        return
    own = [all(tag.startswith(f"{cdu.device}.") for tag in tags_of(each)) for each in references.values()]
    lists = [key for key, each in references.items() if isinstance(each, tuple)]
    if lists and not any(own):
        yield document.problem(
            (*cdu.path, lists[0], "process_variable"),
            f"neither process variable would miss {cdu.device}, and its loss would go unnoticed",
            value=shown(list(references[lists[0]])),
            allowed=f"at least one of the two process variables from {cdu.device} alone",
        )
