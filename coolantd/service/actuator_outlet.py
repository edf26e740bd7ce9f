"""What the writer knows of one actuator: its policy, what was written, what came back, and who has it now."""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from coolantd.control.plan import ActuatorParameters
from coolantd.errors import Fault
from coolantd.protocol.profile import WriteClass, WriteRule
from coolantd.safety.envelope import Refusal
from coolantd.safety.permits import Permit
from coolantd.safety.readback import InTransit, Readback
from coolantd.safety.write_budget import WritePolicy
from coolantd.safety.writing import WriteState
from coolantd.safety.yielding import YieldLease
from coolantd.service.outlet import Outlet

TELL_S: Final = 60.0
"""The same failure of the same point is recorded once in this time (FM-30)."""

NOT_SENT: Final = frozenset({"not_connected", "wrong_device", "withdrawn", "expired"})
"""Faults with which a write certainly never left for the device."""


def policy_of(rule: WriteRule) -> WritePolicy:
    """Return what a profile's write rule says about when to write."""
    return WritePolicy(
        deadband=rule.deadband,
        refresh_s=rule.refresh_s if rule.write_class is WriteClass.REFRESHED else math.inf,
        once=rule.write_class is WriteClass.COMMAND,
        min_interval_s=rule.min_interval_s,
        writes_per_hour_max=rule.writes_per_hour_max,
        tolerance=rule.verify_tolerance,
        verify_delay_s=rule.verify_delay_s,
    )


@dataclass(slots=True)
class ActuatorOutlet:
    """What the writer remembers of one actuator.

    Attributes:
        state, readback: of its writing; the same objects over every reload.
        lease: while the register is left to another writer.
        answers: writes answered since the last cycle, and with what.
        urgent: the next write is urgent, whatever the mode: a yield has just ended.
        deferred: label of the permission that holds a write back; empty if none does.
        limited: the device limits what is written, and that was said.
        refusal: ``Refusal`` code of the last demand.
        told: event -> (detail, when) of the last record of it.
        verified: whether its device has shown that it is the one configured, and is in touch; denied by itself.
    """

    parameters: ActuatorParameters
    rule: WriteRule
    outlet: Outlet
    state: WriteState = field(default_factory=WriteState)
    readback: Readback = field(default_factory=Readback)
    lease: YieldLease | None = None
    answers: deque[tuple[InTransit, Fault | None]] = field(default_factory=deque)
    urgent: bool = False
    deferred: str = ""
    limited: bool = False
    refusal: int = Refusal.NONE
    told: dict[str, tuple[str, float]] = field(default_factory=dict)
    verified: Callable[[], bool] = lambda: False
    policy: WritePolicy = field(init=False)

    def __post_init__(self) -> None:
        """Derive the policy from the rule."""
        self.policy = policy_of(self.rule)
        self._adjust()

    @property
    def tag(self) -> tuple[str, str]:
        """Return (device, point)."""
        return self.parameters.device, self.parameters.name

    @property
    def writable(self) -> bool:
        """Return whether the profile lets the point be written wherever the plan may want it."""
        p, rule = self.parameters, self.rule
        return rule.role == p.role and rule.minimum <= p.minimum <= p.maximum <= rule.maximum

    def permits(self, *, obeying: bool) -> Permit:
        """Return what the envelope has to know before it lets anything be written.

        Args:
            obeying: whether its device is neither put to local nor worked on.
        """
        permits = Permit.VERIFIED if self.verified() else Permit(0)
        permits |= Permit.WRITABLE if self.writable else Permit(0)
        permits |= Permit.OBEYING if obeying else Permit(0)
        return permits | (Permit.OWNED if self.lease is None else Permit(0))

    @property
    def written(self) -> float:
        """Return the last acknowledged value; NaN before the first."""
        return self.state.written

    def carry(self, old: "ActuatorOutlet") -> None:
        """Go on where an older outlet of the same point stands; a write in flight settles for both."""
        self.state, self.readback, self.lease, self.answers = old.state, old.readback, old.lease, old.answers
        self.urgent, self.limited, self.told = old.urgent, old.limited, old.told
        self._adjust()

    def settle(self, now_s: float) -> None:
        """Tell the readback what became of the writes answered since."""
        while self.answers:
            entry, fault = self.answers.popleft()
            if fault is None:
                self.readback.acknowledge(entry, now_s)
            elif fault.value in NOT_SENT:
                self.readback.drop(entry)
            else:
                self.readback.doubt(entry, now_s)

    def withdraw(self, now_s: float) -> None:
        """Take back a write that has not been sent yet."""
        self.outlet.withdraw()
        self.settle(now_s)

    def lose(self) -> None:
        """Forget what the register holds; nobody's value in it is foreign until we write again."""
        self.readback.forget()
        self.state.lose()
        self.limited = False
        if self.lease is not None:
            self.lease.foreign = math.nan

    def may_tell(self, event: str, detail: str, now_s: float) -> bool:
        """Return whether an event is to be recorded: it is new, says something else, or was last said a while ago."""
        before = self.told.get(event)
        if before is not None and before[0] == detail and now_s - before[1] < TELL_S:
            return False
        self.told[event] = detail, now_s
        return True

    def _adjust(self) -> None:
        self.readback.tolerance, self.readback.delay_s = self.policy.tolerance, self.policy.verify_delay_s
