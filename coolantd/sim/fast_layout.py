"""Columns and bundles of the fast closed loop: who measures what, what moves what, and what happens when. Names only.

Everything is an array, because the whole loop is one compiled function. One row of ``instruments`` shows one quantity
of one plant as one point of the snapshot; one row of ``actuators`` carries one of the plan's actuators to one input.
"""

from enum import IntEnum
from typing import Final, NamedTuple

from coolantd.point import FloatArray, IntArray


class Kind(IntEnum):
    """Where an instrument looks."""

    STATE = 0
    INPUT = 1
    REGISTER = 2
    """What the register of actuator ``N_SLOT`` holds: a readback."""
    POWER = 3
    """Heat of all racks together."""
    STATIC_PRESSURE = 4
    CONSTANT = 5
    """``N_BIAS`` alone."""
    SUPPLY_PRESSURE = 6
    """Static pressure and what the racks take of it."""


N_POINT: Final = 0
N_PLANT: Final = 1
N_KIND: Final = 2
N_SLOT: Final = 3
N_SCALE: Final = 4
"""From SI to the point's unit."""
N_LAG_S: Final = 5
"""First order; 0 for none."""
N_BIAS: Final = 6
N_NOISE: Final = 7
"""Standard deviation, in the point's unit."""
N_QUALITY: Final = 8
"""``Quality`` of what it shows; bad shows NaN."""
N_REASON: Final = 9
INSTRUMENT_COLUMNS: Final = 10

M_PLANT: Final = 0
M_SLOT: Final = 1
"""Of the plant's inputs."""
M_LISTENS: Final = 2
"""1 while commands reach its register, else 0."""
M_MOVES: Final = 3
"""1 while it goes where its register says, else 0: it stays."""
ACTUATOR_COLUMNS: Final = 4


class Target(IntEnum):
    """What an event sets."""

    INPUT = 0
    """Slot ``E_COLUMN`` of the inputs of plant ``E_ROW``."""
    INSTRUMENT = 1
    """Column ``E_COLUMN`` of instrument ``E_ROW``."""
    ACTUATOR = 2
    """Column ``E_COLUMN`` of actuator ``E_ROW``."""
    REGISTER = 3
    """What the register of actuator ``E_ROW`` holds."""


E_TIME_S: Final = 0
E_TARGET: Final = 1
E_ROW: Final = 2
E_COLUMN: Final = 3
E_VALUE: Final = 4
EVENT_COLUMNS: Final = 5

R_SUPPLY_TEMP_C: Final = 0
R_RETURN_TEMP_C: Final = 1
R_CASE_TEMP_C: Final = 2
"""Of the hottest rack."""
R_VALVE_RATIO: Final = 3
R_PUMP_SPEED_RATIO: Final = 4
"""Of the fastest pump."""
R_FLOW_M3_S: Final = 5
R_PRESSURE_PA: Final = 6
R_HEAT_W: Final = 7
R_PUMP_POWER_W: Final = 8
R_MODE: Final = 9
"""``Mode`` of the CDU of the same number."""
R_SETPOINT_C: Final = 10
"""Supply setpoint in force; NaN before the first."""
R_FLOOR_C: Final = 11
"""Dew-point floor that control knows."""
R_LEVEL_M3: Final = 12
"""What the expansion vessel holds."""
R_PUMP_SPEEDS_RATIO: Final = 13
"""Two columns, one per pump."""
RECORD_COLUMNS: Final = 15

O_COMMAND_PCT: Final = 0
"""What the envelope let pass; NaN where nothing was to be written."""
O_REGISTER_PCT: Final = 1
O_FORCED: Final = 2
"""``safety.hazards.Force``."""
ORDER_COLUMNS: Final = 3

T_TIME_S: Final = 0
T_EVENT: Final = 1
"""Next event."""
CLOCK_COLUMNS: Final = 2

GENERATOR_LONG: Final = 607
GENERATOR_SHORT: Final = 273
"""Lags of an additive lagged Fibonacci generator on fractions (Knuth, volume 2, 3.2.2): exact in floating point, so the
same compiled and uncompiled, with a period beyond 2^607."""


class Plants(NamedTuple):
    """Packed plants, one row each; columns as in ``plant.layout``."""

    params: FloatArray
    state: FloatArray
    supply_rings: FloatArray
    return_rings: FloatArray
    inputs: FloatArray


class Surroundings(NamedTuple):
    """What stands between plants and control, and what happens to both.

    Attributes:
        instruments: (instruments, INSTRUMENT_COLUMNS).
        shown: (instruments,) behind their lag, in SI; NaN before the first look.
        actuators: (actuators, ACTUATOR_COLUMNS), in the plan's order; -1 for one that moves nothing.
        registers: (actuators,) setpoint registers, %.
        heat_w: (samples, plants, racks) heat of every rack, held for ``sample_s`` each, then for ever; no samples
            leave it to inputs and events.
        events: (events, EVENT_COLUMNS) by rising time.
        generator: (1 + GENERATOR_LONG,) place and fractions of the noise's generator.
        clock: (CLOCK_COLUMNS,).
    """

    instruments: FloatArray
    shown: FloatArray
    actuators: IntArray
    registers: FloatArray
    heat_w: FloatArray
    events: FloatArray
    generator: FloatArray
    clock: FloatArray
