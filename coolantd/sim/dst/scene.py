"""What faults and judges work on: one CDU with its wire and its surroundings. Knows who is there, no rule."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from coolantd.sim.dst.cdu import VirtualCdu
from coolantd.sim.dst.faults import Fault, Kind
from coolantd.sim.dst.network import Line
from coolantd.sim.dst.settings import Bay
from coolantd.sim.manifold import Manifold


@dataclass(slots=True)
class Load:
    """What the racks and the facility do, before anything fails: the ground to which a fault's end returns."""

    heat_w: float
    fws_temp_c: float
    fws_pressure_pa: float


@dataclass(frozen=True, slots=True)
class Foreign:
    """What somebody else wrote: when, what, and what was there before."""

    time_s: float
    value: float
    before: float


@dataclass(frozen=True, slots=True)
class Held:
    """What an operator holds: the value, %, and from when to when."""

    value: float
    from_s: float
    until_s: float


@dataclass(slots=True)
class Leaked:
    """A leak that two detectors agreed on: since when, and when its latch was opened; NaN while it is not."""

    from_s: float
    opened_s: float = math.nan


@dataclass(slots=True)
class Scene:
    """One CDU.

    Attributes:
        bay: what was drawn of it. cdu: the machine. line: its wire. load: its surroundings.
        now_s: monotonic time. faults: what is planned. active: what is so now.
        held: by setpoint (as the witness calls it), (time, what its register held) of late.
        foreign: by setpoint, what another master wrote last. operator: by setpoint, what an operator held last.
        manifold: on which its racks hang, if any. leaked: by branch. suspected: branches where one detector spoke.
        touched_s: when anything at the site last began or ceased to fail.
    """

    bay: Bay
    cdu: VirtualCdu
    line: Line
    load: Load
    now_s: Callable[[], float]
    faults: tuple[Fault, ...] = ()
    active: list[Fault] = field(default_factory=list)
    held: dict[str, deque[tuple[float, float]]] = field(default_factory=dict)
    foreign: dict[str, Foreign] = field(default_factory=dict)
    operator: dict[str, Held] = field(default_factory=dict)
    manifold: Manifold | None = None
    leaked: dict[int, Leaked] = field(default_factory=dict)
    suspected: set[int] = field(default_factory=set)
    touched_s: float = -math.inf

    def alone(self, kind: Kind) -> bool:
        """Return whether nothing but faults of this kind is planned here."""
        return all(fault.kind is kind for fault in self.faults)


Undo = Callable[[], None]
