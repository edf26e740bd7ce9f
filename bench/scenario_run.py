"""Closes the loop between a rig and a controller and says what became of it. Knows neither scenario nor contestant."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scenario_control import SETPOINT_C, Controller
from scenario_plant import Rig

from coolantd.point import FloatArray

SETTLE_S: Final = 1500.0
"""Fifteen times the slowest time constant of the loop: where a run starts from."""
BAND_K: Final = 0.5

Disturb = Callable[[Rig, float], None]
"""Called before every period with the rig and the seconds since the disturbance began."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """What was recorded, one row per period.

    Attributes:
        time_s: since the disturbance.
        supply_c: true supply, with the sensor's bias.
        case_c: hottest case.
        valve_pct: true position.
        flow_ratio: of the flow before.
        pump_kw: electric power of the pumps.
        case_before_c: before the disturbance.
    """

    time_s: FloatArray
    supply_c: FloatArray
    case_c: FloatArray
    valve_pct: FloatArray
    command_pct: FloatArray
    flow_ratio: FloatArray
    pump_kw: FloatArray
    case_before_c: float

    @property
    def error_k(self) -> FloatArray:
        """Supply less setpoint."""
        return self.supply_c - SETPOINT_C

    @property
    def peak_k(self) -> float:
        """Greatest deviation with its sign."""
        return float(self.error_k[np.abs(self.error_k).argmax()])

    @property
    def settle_s(self) -> float:
        """When the supply entered the band for good."""
        outside = np.flatnonzero(np.abs(self.error_k) > BAND_K)
        return 0.0 if outside.size == 0 else float(self.time_s[outside[-1]])

    def last(self, duration_s: float) -> "Trace":
        """Return the end of it."""
        keep = self.time_s > self.time_s[-1] - duration_s
        arrays = {
            name: getattr(self, name)[keep]
            for name in ("time_s", "supply_c", "case_c", "valve_pct", "command_pct", "flow_ratio", "pump_kw")
        }
        return Trace(**arrays, case_before_c=self.case_before_c)

    @property
    def swing_k(self) -> float:
        """Peak to peak."""
        return float(np.ptp(self.supply_c))

    @property
    def strokes_per_h(self) -> float:
        """Valve travel in full strokes per hour."""
        hours = (self.time_s[-1] - self.time_s[0]) / 3600.0
        return float(np.abs(np.diff(self.valve_pct)).sum() / 100.0 / hours)


def run(
    rig: Rig, control: Controller, period_s: float, disturb: Disturb, duration_s: float, *, settle_s: float = SETTLE_S
) -> Trace:
    """Let a controller settle a rig, then disturb it and record."""
    now_s = 0.0
    valve_pct = 0.0
    for _ in range(round(settle_s / period_s)):
        valve_pct, pump_pct = control(rig.measure(), now_s)
        rig.command(valve_pct, pump_pct)
        rig.advance(period_s)
        now_s += period_s
    flow, case_c = rig.plant.tcs_flow_m3_s, float(rig.plant.rack_case_temp_c.max())
    rows = []
    for k in range(round(duration_s / period_s)):
        disturb(rig, k * period_s)
        valve_pct, pump_pct = control(rig.measure(), now_s)
        rig.command(valve_pct, pump_pct)
        rig.advance(period_s)
        now_s += period_s
        plant = rig.plant
        rows.append(
            (
                (k + 1) * period_s,
                rig.shown_supply_c,
                float(plant.rack_case_temp_c.max()),
                plant.fws_valve_ratio * 100.0,
                valve_pct,
                plant.tcs_flow_m3_s / flow,
                plant.pump_power_w / 1000.0,
            )
        )
    return _trace(rows, case_c)


def _trace(rows: Sequence[tuple[float, ...]], case_before_c: float) -> Trace:
    time_s, supply_c, case_c, valve_pct, command_pct, flow_ratio, pump_kw = np.array(rows).T
    return Trace(
        time_s=time_s,
        supply_c=supply_c,
        case_c=case_c,
        valve_pct=valve_pct,
        command_pct=command_pct,
        flow_ratio=flow_ratio,
        pump_kw=pump_kw,
        case_before_c=case_before_c,
    )
