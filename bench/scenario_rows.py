"""The rows of the scenario table: what is done to the plant, what is measured of it, and what it must show.

Knows rigs and traces; no contestant. Rows of the table that need what is not built yet (detection of
fouling, blockage, air and leaks, groups of CDUs) are not here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from scenario_plant import NOMINAL, STEP_S, Rig
from scenario_run import Disturb, Trace

from coolantd.control.pump_plan import ALL_RUN, PumpGroupParameters
from coolantd.kernel import KernelFunction

Figures = dict[str, float]

FACILITY_C: Final = 27.0
FACILITY_STEP_K: Final = 5.0
"""27 to 32 degC: 28 to 33 would saturate the valve at 75 % load, and nobody could do anything about it."""
GPU_TAIL_S: Final = 600.0
PATIENCE_S: Final = 60.0
"""How long the bound looks at what a movement of the valve leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One scenario.

    Attributes:
        key, number, title: names; the number is that of the published table.
        prepare: sets the plant before it settles. disturb: what happens then. duration_s: how long it is watched.
        figures: measures a trace.
        must: what has to be shown on the nominal plant, figure by figure (greatest allowed); ``worst`` on every plant.
        stroke_s: of the facility valve.
        bound: whether the best possible peak is computed and ``must["peak_k"]`` counts from it.
        stiction_ratio: added to every plant.
        pumps: how they share the work; contestants that know of no standby sit out where one rests.
    """

    key: str
    number: str
    title: str
    prepare: Callable[[Rig], None]
    disturb: Disturb
    duration_s: float
    figures: Callable[[Trace], Figures]
    must: Figures
    worst: Figures | None = None
    stroke_s: float = 30.0
    bound: bool = False
    stiction_ratio: float = 0.0
    pumps: PumpGroupParameters = ALL_RUN


def peak(trace: Trace) -> Figures:
    """Return the greatest deviation either way and when the band was entered for good."""
    return {"peak_k": float(np.abs(trace.error_k).max()), "signed_k": trace.peak_k, "settle_s": trace.settle_s}


def swing(trace: Trace) -> Figures:
    """Return what is left once the start is over."""
    tail = trace.last(GPU_TAIL_S)
    return {"swing_k": tail.swing_k, "strokes_per_h": tail.strokes_per_h}


def pump_trip(trace: Trace) -> Figures:
    """Return flow lost, and case and supply temperatures gained."""
    lost = 1.0 - float(trace.flow_ratio.min())
    return {**peak(trace), "flow_lost_ratio": lost, "case_k": float(trace.case_c.max()) - trace.case_before_c}


def stuck(trace: Trace) -> Figures:
    """Return the limit cycle and the offset that is left."""
    tail = trace.last(GPU_TAIL_S)
    return {"swing_k": tail.swing_k, "offset_k": abs(float(tail.error_k.mean())), "strokes_per_h": tail.strokes_per_h}


def dew_shortfall(trace: Trace) -> Figures:
    """Return by how much the margin over the dew point fell short of 2 K, and the overshoot over the floor."""
    floor_c = np.array([_dew_c(t) for t in trace.time_s]) + 2.0
    wanted_c = np.maximum(floor_c, 34.0)
    return {
        "short_k": max(0.0, float((floor_c - trace.supply_c).max())),
        "over_k": float((trace.supply_c - wanted_c).max()),
    }


def _dew_c(time_s: float) -> float:
    return 28.0 + 6.0 * min(1.0, time_s / 600.0)


def _at(ratio: float, facility_c: float = 28.0) -> Callable[[Rig], None]:
    def prepare(rig: Rig) -> None:
        rig.load(ratio)
        rig.plant.inputs.fws_supply_temp_c = facility_c

    return prepare


def _load(ratio: float, over_s: float = 0.0, start: float = 0.0) -> Disturb:
    def disturb(rig: Rig, time_s: float) -> None:
        share = 1.0 if over_s == 0.0 else min(1.0, time_s / over_s)
        rig.load(start + (ratio - start) * share)

    return disturb


def _square(frequency_hz: float) -> Disturb:
    def disturb(rig: Rig, time_s: float) -> None:
        rig.load(1.0 if (time_s * frequency_hz) % 1.0 < 0.5 else 0.3)

    return disturb


def _facility(over_s: float) -> Disturb:
    def disturb(rig: Rig, time_s: float) -> None:
        share = 1.0 if over_s == 0.0 else min(1.0, time_s / over_s)
        rig.plant.inputs.fws_supply_temp_c = FACILITY_C + FACILITY_STEP_K * share

    return disturb


def _halve_pressure(rig: Rig, _: float) -> None:
    rig.plant.inputs.fws_differential_pressure_pa = 85e3


def _trip(rig: Rig, _: float) -> None:
    rig.plant.inputs.pump_available[0] = 0.0


def _damp(rig: Rig) -> None:
    rig.load(0.5)
    rig.dew_point_c = _dew_c(0.0)


def _damper(rig: Rig, time_s: float) -> None:
    rig.dew_point_c = _dew_c(time_s)


def rows() -> tuple[Row, ...]:
    """Return every row, in the order of the table."""
    up = {"prepare": _at(0.1), "disturb": _load(1.0), "duration_s": 300.0, "figures": peak}
    gpu = {"prepare": _at(0.65), "duration_s": 1200.0, "figures": swing, "must": {"swing_k": 0.4, "strokes_per_h": 8.0}}
    return (
        Row(key="up", number="1", title="load 10 to 100 %", must={"peak_k": 0.7, "settle_s": 15.0},
            worst={"peak_k": 0.9}, **up),  # type: ignore[arg-type]
        Row(key="up60", number="1", title="the same, stroke 60 s", stroke_s=60.0, bound=True, must={"peak_k": 0.5},
            **up),  # type: ignore[arg-type]
        Row(key="up120", number="1", title="the same, stroke 120 s", stroke_s=120.0, bound=True, must={"peak_k": 0.5},
            **up),  # type: ignore[arg-type]
        Row(key="down", number="2", title="load 100 to 10 %", prepare=_at(1.0), disturb=_load(0.1), duration_s=400.0,
            figures=peak, must={"peak_k": 0.7}),
        *(
            Row(key=f"gpu{hz:g}", number="3", title=f"racks in step, 30 to 100 % at {hz:g} Hz", disturb=_square(hz),
                **gpu)  # type: ignore[arg-type]
            for hz in (0.05, 0.1, 0.2, 0.5, 1.0)
        ),
        Row(key="ramp", number="4", title="load 10 to 100 % in 60 s", prepare=_at(0.1), disturb=_load(1.0, 60.0, 0.1),
            duration_s=300.0, figures=peak, must={"peak_k": 0.5}),
        Row(key="trip", number="5", title="one of two pumps trips", prepare=_at(1.0), disturb=_trip, duration_s=300.0,
            figures=pump_trip, must={"flow_lost_ratio": 0.3, "case_k": 1.0, "peak_k": 1.5}),
        Row(key="facility_step", number="7", title="facility water +5 K at once", prepare=_at(0.75, FACILITY_C),
            disturb=_facility(0.0), duration_s=300.0, figures=peak, must={"peak_k": 1.9, "settle_s": 10.0}),
        Row(key="facility_ramp", number="7", title="facility water +5 K in 60 s", prepare=_at(0.75, FACILITY_C),
            disturb=_facility(60.0), duration_s=300.0, figures=peak, must={"peak_k": 0.2}),
        Row(key="facility_pressure", number="8", title="facility pressure halved", prepare=_at(0.75),
            disturb=_halve_pressure, duration_s=300.0, figures=peak, must={"peak_k": 1.3, "settle_s": 8.0}),
        Row(key="stiction", number="11", title="valve stiction 2 %", prepare=_at(0.4), disturb=_load(0.5),
            duration_s=2400.0, figures=stuck, must={"swing_k": 0.4}, stiction_ratio=0.02),
        Row(key="dew", number="13", title="dew point +6 K in 10 min", prepare=_damp, disturb=_damper, duration_s=900.0,
            figures=dew_shortfall, must={"short_k": 0.0, "over_k": 1.0}),
    )  # fmt: skip


def least_peak_k(row: Row, kernel: KernelFunction, start_ratio: float) -> float:
    """Return the least peak that any movement of the valve from the moment of the disturbance can reach.

    The valve runs at full rate from the first moment and stops somewhere, on a grid of end positions. For a valve so
    slow that it is late whatever it does (60 s and above here), that is the best there is.

    Args:
        row: a load step.
        kernel: the plant's step function.
        start_ratio: where the valve stands before.
    """
    best = np.inf
    for end_ratio in np.arange(0.74, 0.90, 0.01):
        rig = Rig(NOMINAL, row.stroke_s, kernel)
        row.prepare(rig)
        rig.plant.inputs.fws_valve_ratio = start_ratio
        rig.plant.settle()
        before_c = rig.plant.tcs_supply_temp_c
        row.disturb(rig, 0.0)
        rig.plant.inputs.fws_valve_ratio = float(end_ratio)
        worst = 0.0
        for _ in range(round(PATIENCE_S / STEP_S)):
            rig.plant.advance(STEP_S, STEP_S)
            worst = max(worst, abs(rig.plant.tcs_supply_temp_c - before_c))
        best = min(best, worst)
    return float(best)
