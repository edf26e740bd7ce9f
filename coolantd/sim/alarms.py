"""The device's own alarms: a limit, a reset value and a delay each. Pure; the device says what a bit is called.

Factory thresholds of the row CDU: what it warns of and what it raises an alarm for, each with a reset of its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """One limit of one quantity.

    Attributes:
        point: name of the alarm's point.
        quantity: name of the measured quantity it watches.
        trip: active beyond this, once it has been so for ``delay_s``.
        reset: inactive again at or within this; above ``trip`` for a low limit, below it for a high one.
        delay_s: how long the quantity must stay beyond ``trip``.
        needs_pump: watched only while a pump is commanded to run.
    """

    point: str
    quantity: str
    trip: float
    reset: float
    delay_s: float = 0.0
    needs_pump: bool = False

    def beyond(self, value: float) -> bool:
        """Return whether a value is beyond the limit."""
        return value > self.trip if self.trip >= self.reset else value < self.trip

    def within(self, value: float) -> bool:
        """Return whether a value lets an active alarm go."""
        return value <= self.reset if self.trip >= self.reset else value >= self.reset


def _pair(
    stem: str,
    quantity: str,
    warning: tuple[float, float],
    alarm: tuple[float, float],
    *,
    delay_s: float = 0.0,
    needs_pump: bool = False,
) -> tuple[Threshold, ...]:
    """Return the warning and the alarm of one quantity; each is (trip, reset)."""
    return tuple(
        Threshold(
            point=f"{severity}_{stem}_bool",
            quantity=quantity,
            trip=limits[0],
            reset=limits[1],
            delay_s=delay_s,
            needs_pump=needs_pump,
        )
        for severity, limits in (("warning", warning), ("alarm", alarm))
    )


DEW_POINT_MARGIN: Final = "dew_point_margin_k"
"""Quantity the device computes: supply temperature minus dew point."""

FACTORY_THRESHOLDS: Final = (
    *_pair("tcs_supply_temp_high", "tcs_supply_temp_c", (60.0, 55.0), (65.0, 60.0)),
    *_pair("tcs_supply_spare_temp_high", "tcs_supply_spare_temp_c", (60.0, 55.0), (65.0, 60.0)),
    *_pair("tcs_return_temp_high", "tcs_return_temp_c", (60.0, 55.0), (65.0, 60.0)),
    *_pair("fws_supply_temp_low", "fws_supply_temp_c", (10.0, 15.0), (5.0, 10.0)),
    *_pair("fws_supply_temp_high", "fws_supply_temp_c", (40.0, 35.0), (45.0, 40.0)),
    *_pair("fws_return_temp_low", "fws_return_temp_c", (10.0, 15.0), (5.0, 10.0)),
    *_pair("fws_return_temp_high", "fws_return_temp_c", (45.0, 40.0), (50.0, 45.0)),
    *_pair("tcs_supply_pressure_high", "tcs_supply_pressure_kpa", (350.0, 300.0), (400.0, 350.0)),
    *_pair("tcs_supply_spare_pressure_high", "tcs_supply_spare_pressure_kpa", (350.0, 300.0), (400.0, 350.0)),
    *_pair("tcs_return_pressure_high", "tcs_return_pressure_kpa", (150.0, 100.0), (200.0, 150.0)),
    *_pair("tcs_return_spare_pressure_high", "tcs_return_spare_pressure_kpa", (150.0, 100.0), (200.0, 150.0)),
    *_pair("filter_inlet_pressure_high", "filter_inlet_pressure_kpa", (500.0, 450.0), (550.0, 500.0)),
    *_pair("fws_supply_pressure_high", "fws_supply_pressure_kpa", (750.0, 700.0), (800.0, 750.0)),
    *_pair("dew_point_margin_low", DEW_POINT_MARGIN, (5.0, 5.5), (2.0, 2.5)),
    *_pair("tcs_flow_low", "tcs_flow_lpm", (30.0, 35.0), (20.0, 25.0), delay_s=40.0, needs_pump=True),
    *_pair("fws_flow_low", "fws_flow_lpm", (30.0, 35.0), (20.0, 25.0)),
    *_pair("current_high", "current_a", (40.0, 35.0), (45.0, 40.0), delay_s=10.0),
)
"""The factory settings of the row CDU behind the ``row-cdu`` profile, for what the plant model can move."""


class AlarmLatch:
    """Remembers which thresholds are active.

    Args:
        thresholds: what to watch.
    """

    def __init__(self, thresholds: tuple[Threshold, ...] = FACTORY_THRESHOLDS) -> None:
        self.thresholds = thresholds
        self._active: set[str] = set()
        self._beyond_since_s: dict[str, float] = {}

    def step(self, values: Mapping[str, float], time_s: float, *, pump_on: bool) -> frozenset[str]:
        """Return the names of the alarms active at a time; a quantity without a value changes nothing."""
        for threshold in self.thresholds:
            if threshold.quantity in values:
                watched = pump_on or not threshold.needs_pump
                self._step_one(threshold, values[threshold.quantity], time_s, watched=watched)
        return frozenset(self._active)

    def _step_one(self, threshold: Threshold, value: float, time_s: float, *, watched: bool) -> None:
        name = threshold.point
        if not watched or threshold.within(value):
            self._active.discard(name)
        if not watched or not threshold.beyond(value):
            self._beyond_since_s.pop(name, None)
            return
        since_s = self._beyond_since_s.setdefault(name, time_s)
        if time_s - since_s >= threshold.delay_s:
            self._active.add(name)
