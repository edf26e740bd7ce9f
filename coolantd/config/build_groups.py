"""From validated groups of CDUs to control's parameters. Opens no file."""

from coolantd.config.models import Config
from coolantd.control.group_plan import GroupParameters


def build_groups(config: Config) -> tuple[GroupParameters, ...]:
    """Return the groups of a configuration; a CDU that is not in it is left out, and so is a group of one."""
    index = {cdu.name: n for n, cdu in enumerate(config.cdus)}
    groups = (
        GroupParameters(name=group.name, cdus=tuple(index[name] for name in group.cdus if name in index))
        for group in config.groups
    )
    return tuple(group for group in groups if len(group.cdus) > 1)
