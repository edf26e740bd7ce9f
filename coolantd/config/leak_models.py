"""The configured leak zones, as frozen models. Knows shapes and ranges; what depends on devices is in ``leakcheck``."""

from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.balance_model import BRANCHES_MAX
from coolantd.config.fields import Integer, Model, Number, Reference, Token, within

ZONES_MAX: Final = 256
"""Every rack of a row and every tray that has a detector of its own."""
DETECTORS_MAX: Final = 16
"""Of one zone; a rack has one to four."""
POWER_MAX: Final = 16
"""Meters of one zone."""

Level = Literal["minor", "major", "critical"]
Policy = Literal["never", "minor", "major", "critical"]
Contact = Annotated[Integer, within(0, 1)]
StepTime = Annotated[Number, within(0.0, 600.0)]
"""Ten minutes: a server that shuts down in order takes no longer."""


class LeakDetectorConfig(Model):
    """One detector. A contact says ``wet``; a supervised wire has a band of its own in the unit of its point.

    Attributes:
        level: how bad a leak at it is. A critical detector needs no other to agree.
        wet: what a contact says when wet; 1 if neither it nor a limit is given.
        wet_above, wet_below: a wire's limit; one of them.
        fault_below, fault_above: a wire that reads beyond these is open or short; both go with a limit.
        fault_point: a point that says the detector is in fault. fault_value: what it says then.
    """

    point: Reference
    level: Level = "major"
    wet: Contact | None = None
    wet_above: Number | None = None
    wet_below: Number | None = None
    fault_below: Number | None = None
    fault_above: Number | None = None
    fault_point: Reference | None = None
    fault_value: Contact = 1

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        limits = [limit for limit in (self.wet_above, self.wet_below) if limit is not None]
        if len(limits) + (self.wet is not None) > 1:
            raise _together("several ways of being wet", "one of wet, wet_above and wet_below")
        band = (self.fault_below, self.fault_above)
        if not limits and band != (None, None):
            raise _together("a band of a contact, which has none", "fault_point, or wet_above or wet_below")
        if limits and None in band:
            raise _together("a wire that is not supervised", "fault_below and fault_above with wet_above or wet_below")
        low, high = band
        if limits and low is not None and high is not None and not low < limits[0] < high:
            raise _together(
                f"{limits[0]:g} is not between fault_below = {low:g} and fault_above = {high:g}",
                "fault_below < the limit < fault_above",
            )
        return self

    @property
    def limit(self) -> float | None:
        """Return a wire's limit, None for a contact."""
        return self.wet_below if self.wet_above is None else self.wet_above


class LeakZoneConfig(Model):
    """One zone, its detectors, and what is done about a leak in it: nothing but telling, unless it is asked for.

    Attributes:
        cdu: of a zone that stops pumps; the only one if there is one.
        manifold, branch: whose valve shuts it off; branches count from 1.
        votes: detectors that must be wet together, unless a critical one is.
        debounce_s, clear_s: for how long a detector must be wet, and then dry, to count as it.
        isolate, cut_power: level from which on its liquid is shut off, and its power asked to be cut.
        power: points of its electric power in kW; less than ``power_off_kw`` together means that it is off.
        power_timeout_s, bypass_timeout_s, valve_timeout_s: what is not confirmed by then is told, and the next step
            begins.
    """

    name: Token
    kind: Literal["tray", "branch", "manifold", "cdu"]
    cdu: Token | None = None
    manifold: Token | None = None
    branch: Annotated[Integer, within(1, BRANCHES_MAX)] | None = None
    # Below 2 a single detector would act; one that may is called critical.
    votes: Annotated[Integer, within(2, DETECTORS_MAX)] = 2
    debounce_s: Annotated[Number, within(0.0, 60.0)] = 0.0
    clear_s: Annotated[Number, within(0.0, 3600.0)] = 10.0
    isolate: Policy = "never"
    cut_power: Policy = "never"
    power: Annotated[tuple[Reference, ...], Field(max_length=POWER_MAX)] = ()
    power_off_kw: Annotated[Number, within(0.0, 1000.0, low_open=True)] = 1.0
    power_timeout_s: StepTime = 5.0
    bypass_timeout_s: StepTime = 5.0
    valve_timeout_s: StepTime = 60.0
    detectors: Annotated[
        tuple[LeakDetectorConfig, ...], Field(alias="detector", min_length=1, max_length=DETECTORS_MAX)
    ]

    @property
    def acts(self) -> bool:
        """Return whether a leak in it is acted upon."""
        return (self.isolate, self.cut_power) != ("never", "never")


def _together(what: str, allowed: str) -> PydanticCustomError:
    return PydanticCustomError("together", "{what}", {"what": what, "allowed": allowed})
