"""What others do to the row CDU behind the daemon's back: another master, somebody at its panel, a restart."""

from dataclasses import dataclass
from enum import StrEnum

from coolantd.sim.controller_port import ControllerPort


class Act(StrEnum):
    """What can happen."""

    REBOOT = "reboot"
    LOCAL = "local"
    REMOTE = "remote"
    WRITE = "write"


@dataclass(frozen=True, slots=True, kw_only=True)
class CduEvent:
    """One act at a time of the device, in s; a write has a point and a value in the point's unit."""

    at_s: float
    act: Act
    point: str = ""
    value: float = 0.0


def carry_out(port: ControllerPort, event: CduEvent) -> int | None:
    """Let an act happen now; return 0, the device's exception code, or None where there is no such point or value."""
    match event.act:
        case Act.REBOOT:
            port.reboot()
        case Act.LOCAL | Act.REMOTE:
            port.set_remote(on=event.act is Act.REMOTE)
        case Act.WRITE:
            return port.write_point(event.point, event.value)
    return 0
