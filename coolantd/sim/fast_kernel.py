"""The closed loop as one compiled function: plants, instruments, registers and the real control sequence.

Runs ``sequence.decide``, ``protection.protect`` and ``sequence.pass_gate``, the very functions behind ``step()``, and
the plant's own ``advance``. Knows no object, no clock and no file; the same numbers compiled and uncompiled.
"""

import math
from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.layout import D_FLOOR_C, D_MODE, S_SETPOINT_USED, SUPPLY_TEMP
from coolantd.control.protection import PROTECT, protect
from coolantd.control.sequence import DECIDE, PASS_GATE, decide, pass_gate
from coolantd.kernel import Kernel
from coolantd.plant import layout as at
from coolantd.plant.step import HELPERS as PLANT_HELPERS
from coolantd.plant.step import advance
from coolantd.plant.vessel import static_pressure_pa
from coolantd.point import FloatArray, Quality
from coolantd.sim.fast_layout import (
    E_COLUMN,
    E_ROW,
    E_TARGET,
    E_TIME_S,
    E_VALUE,
    GENERATOR_LONG,
    GENERATOR_SHORT,
    M_LISTENS,
    M_MOVES,
    M_PLANT,
    M_SLOT,
    N_BIAS,
    N_KIND,
    N_LAG_S,
    N_NOISE,
    N_PLANT,
    N_POINT,
    N_QUALITY,
    N_REASON,
    N_SCALE,
    N_SLOT,
    O_COMMAND_PCT,
    O_FORCED,
    O_REGISTER_PCT,
    R_CASE_TEMP_C,
    R_FLOOR_C,
    R_FLOW_M3_S,
    R_HEAT_W,
    R_LEVEL_M3,
    R_MODE,
    R_PRESSURE_PA,
    R_PUMP_POWER_W,
    R_PUMP_SPEED_RATIO,
    R_PUMP_SPEEDS_RATIO,
    R_RETURN_TEMP_C,
    R_SETPOINT_C,
    R_SUPPLY_TEMP_C,
    R_VALVE_RATIO,
    T_EVENT,
    T_TIME_S,
    Kind,
    Plants,
    Surroundings,
    Target,
)

_BAD: Final = int(Quality.BAD)
_STATE: Final = int(Kind.STATE)
_INPUT: Final = int(Kind.INPUT)
_REGISTER: Final = int(Kind.REGISTER)
_POWER: Final = int(Kind.POWER)
_STATIC: Final = int(Kind.STATIC_PRESSURE)
_SUPPLY: Final = int(Kind.SUPPLY_PRESSURE)
_SET_INPUT: Final = int(Target.INPUT)
_SET_INSTRUMENT: Final = int(Target.INSTRUMENT)
_SET_ACTUATOR: Final = int(Target.ACTUATOR)

TIME_DUST_S: Final = 1e-6
"""An event this little ahead is now: sums of periods end a hair beside the times people write."""


def uniform(generator: FloatArray) -> float:
    """Return the next fraction, 0 to 1 without 1; the generator moves on."""
    place = int(generator[0])
    other = place + GENERATOR_LONG - GENERATOR_SHORT
    other = other - GENERATOR_LONG if other >= GENERATOR_LONG else other
    fraction = generator[1 + place] + generator[1 + other]
    fraction = fraction - 1.0 if fraction >= 1.0 else fraction
    generator[1 + place] = fraction
    generator[0] = place + 1.0 if place + 1 < GENERATOR_LONG else 0.0
    return fraction


def normal(generator: FloatArray) -> float:
    """Return a number of the standard normal distribution (Box and Muller)."""
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(generator)))
    return radius * math.cos(2.0 * math.pi * uniform(generator))


def true_value(plants: Plants, around: Surroundings, row: int) -> float:
    """Return what an instrument looks at, in SI or, for a register, in %."""
    plant, kind = int(around.instruments[row, N_PLANT]), int(around.instruments[row, N_KIND])
    slot = int(around.instruments[row, N_SLOT])
    if kind == _STATE:
        return plants.state[plant, slot]
    if kind == _INPUT:
        return plants.inputs[plant, slot]
    if kind == _REGISTER:
        return around.registers[slot]
    if kind == _STATIC:
        return static_pressure_pa(plants.params[plant], plants.state[plant, at.S_VESSEL_M3])
    if kind == _SUPPLY:
        static_pa = static_pressure_pa(plants.params[plant], plants.state[plant, at.S_VESSEL_M3])
        return static_pa + plants.state[plant, at.S_RACK_DIFFERENTIAL_PRESSURE_PA]
    total = 0.0
    if kind == _POWER:
        for rack in range(int(plants.params[plant, at.P_RACK_COUNT])):
            total += plants.inputs[plant, at.I_RACK + rack * at.I_STRIDE + at.IR_HEAT_W]
    return total


def follow(plants: Plants, around: Surroundings, period_s: float) -> None:
    """Let every instrument with a lag follow the truth for a period; it begins at the truth."""
    for row in range(around.shown.shape[0]):
        lag_s = around.instruments[row, N_LAG_S]
        if lag_s > 0.0:
            truth = true_value(plants, around, row)
            shown = around.shown[row]
            moved = shown + (truth - shown) * -math.expm1(-period_s / lag_s)
            around.shown[row] = truth if math.isnan(shown) else moved


def show(plants: Plants, around: Surroundings, seen: Seen) -> None:
    """Fill the snapshot from every instrument."""
    for row in range(around.shown.shape[0]):
        instrument = around.instruments[row]
        point = int(instrument[N_POINT])
        value = around.shown[row] if instrument[N_LAG_S] > 0.0 else true_value(plants, around, row)
        value = value * instrument[N_SCALE] + instrument[N_BIAS]
        if instrument[N_NOISE] > 0.0:
            value += instrument[N_NOISE] * normal(around.generator)
        quality = int(instrument[N_QUALITY])
        seen.value[point] = math.nan if quality == _BAD else value
        seen.quality[point] = quality
        seen.reason[point] = int(instrument[N_REASON])


def happen(plants: Plants, around: Surroundings, sample_s: float) -> None:
    """Impose the heat of this moment, then every event that is due."""
    now_s = around.clock[T_TIME_S] + TIME_DUST_S
    if around.heat_w.shape[0] > 0:
        sample = min(int(now_s / sample_s), around.heat_w.shape[0] - 1)
        for plant in range(around.heat_w.shape[1]):
            for rack in range(around.heat_w.shape[2]):
                slot = at.I_RACK + rack * at.I_STRIDE + at.IR_HEAT_W
                plants.inputs[plant, slot] = around.heat_w[sample, plant, rack]
    k = int(around.clock[T_EVENT])
    while k < around.events.shape[0] and around.events[k, E_TIME_S] <= now_s:
        row, column = int(around.events[k, E_ROW]), int(around.events[k, E_COLUMN])
        target, value = int(around.events[k, E_TARGET]), around.events[k, E_VALUE]
        if target == _SET_INPUT:
            plants.inputs[row, column] = value
        elif target == _SET_INSTRUMENT:
            around.instruments[row, column] = value
        elif target == _SET_ACTUATOR:
            around.actuators[row, column] = int(value)
        else:
            around.registers[row] = value
        k += 1
    around.clock[T_EVENT] = k


def obey(plants: Plants, around: Surroundings, commands: FloatArray) -> None:
    """Write commands into registers, and registers through to the plants' inputs."""
    for i in range(commands.shape[0]):
        if not math.isnan(commands[i]) and around.actuators[i, M_LISTENS] == 1:
            around.registers[i] = commands[i]
        plant = around.actuators[i, M_PLANT]
        if plant >= 0 and around.actuators[i, M_MOVES] == 1:
            plants.inputs[plant, around.actuators[i, M_SLOT]] = around.registers[i] / 100.0


def write_down(plants: Plants, memory: Memory, record: FloatArray) -> None:
    """Fill one (plants, RECORD_COLUMNS) row of the record."""
    for n in range(record.shape[0]):
        state = plants.state[n]
        hottest_c = state[at.S_RACK + at.SR_CASE_TEMP_C]
        for rack in range(1, int(plants.params[n, at.P_RACK_COUNT])):
            hottest_c = max(hottest_c, state[at.S_RACK + rack * at.S_STRIDE + at.SR_CASE_TEMP_C])
        fastest = 0.0
        for pump in range(at.PUMP_COUNT):
            fastest = max(fastest, state[at.S_PUMP_SPEED_RATIO + pump])
            record[n, R_PUMP_SPEEDS_RATIO + pump] = state[at.S_PUMP_SPEED_RATIO + pump]
        record[n, R_SUPPLY_TEMP_C] = state[at.S_TCS_SUPPLY_TEMP_C]
        record[n, R_RETURN_TEMP_C] = state[at.S_TANK_TEMP_C]
        record[n, R_CASE_TEMP_C] = hottest_c
        record[n, R_VALVE_RATIO] = state[at.S_FWS_VALVE_RATIO]
        record[n, R_PUMP_SPEED_RATIO] = fastest
        record[n, R_FLOW_M3_S] = state[at.S_TCS_FLOW_M3_S]
        record[n, R_PRESSURE_PA] = state[at.S_RACK_DIFFERENTIAL_PRESSURE_PA]
        record[n, R_HEAT_W] = state[at.S_HEAT_EXCHANGED_W]
        record[n, R_PUMP_POWER_W] = state[at.S_PUMP_POWER_W]
        record[n, R_MODE] = memory.d[n, D_MODE]
        record[n, R_SETPOINT_C] = memory.s[n, SUPPLY_TEMP, S_SETPOINT_USED]
        record[n, R_FLOOR_C] = memory.d[n, D_FLOOR_C]
        record[n, R_LEVEL_M3] = state[at.S_VESSEL_M3]


def write_orders(around: Surroundings, result: Result, orders: FloatArray) -> None:
    """Fill one (actuators, ORDER_COLUMNS) row of the orders."""
    for i in range(orders.shape[0]):
        orders[i, O_COMMAND_PCT] = result.commands[i]
        orders[i, O_REGISTER_PCT] = around.registers[i]
        orders[i, O_FORCED] = float(result.forced[i])


def live(
    plants: Plants,
    around: Surroundings,
    fixed: Fixed,
    memory: Memory,
    seen: Seen,
    result: Result,
    record: FloatArray,
    orders: FloatArray,
    period_s: float,
    sample_s: float,
    plant_steps: int,
    cycles: int,
    record_every: int,
) -> None:
    """Run the closed loop for a number of cycles, in place.

    Each cycle: what happens, what is seen, what is decided and allowed, what moves, then the plants live for a period
    and the instruments follow.

    Args:
        plants: packed plants.
        around: instruments, registers, heat, events.
        fixed: what the plan says.
        memory: what control remembers.
        seen: the snapshot's arrays; rows that no instrument fills stay what they are.
        result: of the last cycle.
        record: (rows, plants, RECORD_COLUMNS), one row after every ``record_every`` cycles.
        orders: (rows, actuators, ORDER_COLUMNS), in step with the record.
        period_s: of the control cycle.
        sample_s: of ``around.heat_w``.
        plant_steps: steps of the plant in a cycle.
        cycles: how many.
        record_every: cycles per row of the record; 0 for none.
    """
    dt_s = period_s / plant_steps
    for cycle in range(cycles):
        happen(plants, around, sample_s)
        show(plants, around, seen)
        decide(fixed, memory, seen, result, period_s)
        protect(fixed, memory, seen, result, period_s)
        pass_gate(fixed, memory, result, period_s)
        obey(plants, around, result.commands)
        for n in range(plants.state.shape[0]):
            advance(
                plants.params[n],
                plants.state[n],
                plants.supply_rings[n],
                plants.return_rings[n],
                plants.inputs[n],
                dt_s,
                plant_steps,
            )
        follow(plants, around, period_s)
        around.clock[T_TIME_S] += period_s
        if record_every > 0 and (cycle + 1) % record_every == 0:
            row = (cycle + 1) // record_every - 1
            write_down(plants, memory, record[row])
            write_orders(around, result, orders[row])


LIVE: Final = Kernel(
    live,
    (
        *DECIDE.helpers,
        decide,
        *PROTECT.helpers,
        protect,
        *PASS_GATE.helpers,
        pass_gate,
        *PLANT_HELPERS,
        advance,
        static_pressure_pa,
        uniform,
        normal,
        true_value,
        follow,
        show,
        happen,
        obey,
        write_down,
        write_orders,
    ),
)
"""The closed loop of any number of CDUs, each with a plant of its own."""
