"""The rows of the scenario table in which pumps stand by: a duty pump that trips, and a hand-over by run hours.

Knows rigs and traces, and how the pumps are arranged; no contestant. simple-pid has one output and no standby.
"""

from typing import Final

import numpy as np
from scenario_plant import Rig
from scenario_rows import Figures, Row, pump_trip
from scenario_run import SETTLE_S, Trace

from coolantd.control.pump_plan import PumpGroupParameters

ONE_RUNS: Final = PumpGroupParameters(duty=1)
HANDS_OVER: Final = PumpGroupParameters(duty=1, rotation_s=SETTLE_S + 60.0)
"""A minute into the recording; before, one of the two that are found running has gone."""
PRESSURE_EXPONENT: Final = 1.85
"""Of the racks' differential pressure over their flow."""


def handed_over(trace: Trace) -> Figures:
    """Return how far the racks' pressure was off, from the flow, and how long before the last of it."""
    off_ratio = np.abs(trace.flow_ratio**PRESSURE_EXPONENT - 1.0)
    moving = np.flatnonzero(off_ratio > 0.005)  # half a percent: neither pump has an effect before or after
    return {
        "pressure_off_ratio": float(off_ratio.max()),
        "case_k": float(trace.case_c.max()) - trace.case_before_c,
        "takes_s": 0.0 if moving.size == 0 else float(trace.time_s[moving[-1]] - trace.time_s[moving[0]]),
    }


def _full_load(rig: Rig) -> None:
    rig.load(1.0)


def _three_quarters(rig: Rig) -> None:
    rig.load(0.75)


def _trip_the_running_one(rig: Rig, time_s: float) -> None:
    if time_s == 0.0:
        rig.plant.inputs.pump_available[int(np.argmax(rig.plant.pump_speed_ratio))] = 0.0


def _nothing(_rig: Rig, _time_s: float) -> None:
    pass


def pump_rows() -> tuple[Row, ...]:
    """Return the rows, to stand behind those of ``scenario_rows``."""
    return (
        Row(
            key="standby",
            number="6",
            title="duty pump trips, standby starts",
            prepare=_full_load,
            disturb=_trip_the_running_one,
            duration_s=300.0,
            figures=pump_trip,
            must={"case_k": 3.0},
            worst={"case_k": 3.0},
            pumps=ONE_RUNS,
        ),
        Row(
            key="handover",
            number="6",
            title="duty hands over to standby",
            prepare=_three_quarters,
            disturb=_nothing,
            duration_s=1500.0,
            figures=handed_over,
            must={"pressure_off_ratio": 0.03, "case_k": 0.5},
            worst={"pressure_off_ratio": 0.03},
            pumps=HANDS_OVER,
        ),
    )
