"""The configured model of a CDU's exchanger, valve and pipes. Knows shapes and ranges, as ``models`` does.

Each figure stands in the maker's data sheet or follows from the piping drawing; within 20 % is good enough, for the
loop learns what is left.
"""

from typing import Annotated

from pydantic import Field

from coolantd.config.fields import Model, Number, Reference, Sensors, within
from coolantd.control.layout import POWER_POINTS_MAX

Flow = Annotated[Number, within(1.0, 20_000.0)]
"""The largest published CDU moves about 2000 L/min."""
Volume = Annotated[Number, within(0.1, 20_000.0)]
"""From the content of a small exchanger to a buffer tank of 20 m3."""
Lag = Annotated[Number, within(0.0, 120.0)]
HeatCapacity = Annotated[Number, within(2.0, 4.5)]
"""Glycol mixtures are near 3.5, water 4.18 kJ/(L K); nothing that flows through racks holds less than 2."""


class ModelConfig(Model):
    """What moves the valve ahead of the temperature. Without this table the loop has its fixed gains alone.

    Attributes:
        return_temp: coolant into the exchanger. fws_supply_temp: facility water into it. flow: of the coolant.
        fws_pressure: over valve and exchanger on the facility side; ``fws_pressure_rated_kpa`` unless given.
        power: points whose sum is the racks' electric power; the valve then starts before the heat arrives.
        conductance_kw_k: UA of the exchanger at both rated flows: heat over mean temperature difference.
        fws_flow_open_lpm: facility flow with the valve wide open at ``fws_pressure_rated_kpa``.
        valve_authority_ratio: share of that pressure over the valve itself.
        valve_rangeability_ratio: of the equal-percentage valve.
        exchanger_l: content of the exchanger's coolant side, plus a quarter for its metal.
        pipe_l: racks to tank. tank_l: mixed volume before the exchanger.
        plate_lag_s: a rack's power to its coolant. sensor_lag_s: temperature sensors. actuator_lag_s: of the valve.
        deadband_pct: smaller moves are not asked of the valve.
    """

    return_temp: Sensors
    fws_supply_temp: Sensors
    flow: Sensors
    fws_pressure: Sensors | None = None
    power: Annotated[tuple[Reference, ...], Field(max_length=POWER_POINTS_MAX)] = ()
    conductance_kw_k: Annotated[Number, within(0.1, 10_000.0)]
    tcs_flow_rated_lpm: Flow
    fws_flow_rated_lpm: Flow
    fws_flow_open_lpm: Flow
    fws_pressure_rated_kpa: Annotated[Number, within(1.0, 1000.0)]
    # Below 0.1 no valve controls anything; at 1 it would have to be the whole circuit.
    valve_authority_ratio: Annotated[Number, within(0.1, 1.0)]
    valve_rangeability_ratio: Annotated[Number, within(5.0, 500.0)] = 50.0
    tcs_heat_capacity_kj_per_l_k: HeatCapacity = 4.01
    fws_heat_capacity_kj_per_l_k: HeatCapacity = 4.16
    exchanger_l: Volume
    pipe_l: Volume
    tank_l: Volume
    plate_lag_s: Lag = 4.0
    sensor_lag_s: Lag = 2.0
    actuator_lag_s: Lag = 1.0
    deadband_pct: Annotated[Number, within(0.0, 5.0)] = 0.3
