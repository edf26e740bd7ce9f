"""Every kind of alarm of the daemon, causes before consequences. Data put together; knows no state."""

from typing import Final

from coolantd.safety.alarm_definition import Definitions
from coolantd.service.alarm_conditions import condition_definitions
from coolantd.service.alarm_faults import FAULTS
from coolantd.service.alarm_hazards import hazard_definitions, late_hazard_definitions
from coolantd.service.alarm_leaks import DEFINITIONS as LEAKS

DEFINITIONS: Final = Definitions(
    {
        **{fault.value: definition for fault, definition in FAULTS.items()},
        **LEAKS,
        **hazard_definitions(),
        **condition_definitions(),
        **late_hazard_definitions(),
    }
)
