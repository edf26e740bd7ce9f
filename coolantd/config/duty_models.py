"""How the pumps of a CDU share the work, as configured. Knows shapes and ranges, as ``models`` does."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from coolantd.config.fields import Integer, Model, Number, Reference, within
from coolantd.control.layout import PUMPS_MAX
from coolantd.control.pump_layout import FAULTS_MAX


class PumpsConfig(Model):
    """Which pumps run; lists of points are in the order of ``pressure.manipulated_variables``.

    Attributes:
        arrangement: ``all`` runs every pump at one speed; ``duty_standby`` runs ``duty`` of them, the others rest.
        rotation_h: how long a pump is on duty before it hands over to the one with the fewest run hours; never if
            left out.
        drive_ramp_s: from standstill to full speed, as the drives are set: how long a start may take to show.
        run_times: points with each pump's run hours. Without them coolantd counts what it sees, since its own start.
        faults: points of each pump that are on while its drive is out of order.
    """

    arrangement: Literal["all", "duty_standby"] = "all"
    duty: Annotated[Integer, within(1, PUMPS_MAX - 1)] = 1
    # Below an hour the pumps would wear by their starts; two years is longer than anybody leaves one untried.
    rotation_h: Annotated[Number, within(1.0, 17_520.0)] | None = None
    # Below 1 s no drive of this size ramps; 60 s is the longest of the published drives' factory settings.
    drive_ramp_s: Annotated[Number, within(1.0, 60.0)] = 10.0
    run_times: Annotated[tuple[Reference, ...], Field(max_length=PUMPS_MAX)] = ()
    faults: Annotated[
        tuple[Annotated[tuple[Reference, ...], Field(max_length=FAULTS_MAX)], ...], Field(max_length=PUMPS_MAX)
    ] = ()

    @model_validator(mode="after")
    def _only_where_pumps_rest(self) -> Self:
        if self.arrangement == "all" and (self.duty != 1 or self.rotation_h is not None):
            what = "duty and rotation_h say nothing where every pump runs"
            raise PydanticCustomError(
                "together", "{what}", {"what": what, "allowed": 'them with arrangement = "duty_standby" alone'}
            )
        return self
