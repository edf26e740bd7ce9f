"""When sensors of the same quantity contradict each other. Knows shapes and ranges, as ``models`` does."""

from typing import Annotated

from coolantd.config.fields import Model, Number, within


class SensorsConfig(Model):
    """How far sensors in one list may be apart, by the unit of what they measure, and for how long.

    Attributes:
        apart_s: how long a contradiction lasts before a sensor is excluded, and its end before it is taken back.
        apart_k: temperatures. dew_apart_k: dew points, which differ by more (3 % of humidity is 1 K).
        apart_kpa, apart_lpm, apart_kw: pressures, flows and heat loads.
    """

    apart_s: Annotated[Number, within(1.0, 3600.0)] = 30.0
    # Makers of CDUs exclude at 1.0 K over 30 s; two good sensors are 0.4 K apart at most.
    apart_k: Annotated[Number, within(0.2, 20.0)] = 1.0
    dew_apart_k: Annotated[Number, within(0.2, 20.0)] = 2.0
    # 1 % of the usual span of 600 kPa; what a clogged impulse line exceeds.
    apart_kpa: Annotated[Number, within(0.1, 500.0)] = 6.0
    # 2 % of the usual span of a row CDU's meter.
    apart_lpm: Annotated[Number, within(0.1, 5000.0)] = 30.0
    apart_kw: Annotated[Number, within(0.1, 5000.0)] = 50.0
