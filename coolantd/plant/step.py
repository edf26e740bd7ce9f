"""One step of the whole plant over packed arrays: what is done, and in which order. Knows no object and no clock.

Plain functions, the same uncompiled and compiled; nothing is allocated. Every node is solved exactly or
implicitly over the step, so any step is stable, and passes on the *mean* of what left it, so that heat in, heat
out and heat held balance as long as a step displaces less than the return pipe holds (3 s at the rated flow).
The pumps' own work is not counted as heat: 0.9 % of the load at the rated point.
"""

import math
from typing import Final

from coolantd.plant import coldplate, coolant, exchanger, hydraulics, transport, valve, vessel
from coolantd.plant import layout as at
from coolantd.point import FloatArray

TWO_WAY: Final = 0.0
DIVERTING: Final = 1.0
MIXING: Final = 2.0
"""``layout.P_LAYOUT``."""
STANDSTILL_RATIO: Final = 1e-6
"""A coasting pump slower than this stands still."""


def clip(value: float, low: float, high: float) -> float:
    """Return a value held between two limits."""
    return min(max(value, low), high)


def prepare(params: FloatArray, state: FloatArray, inputs: FloatArray, dt_s: float) -> None:
    """Compute once what stays constant during one call: lag gains and the branches' conductances."""
    state[at.S_PUMP_GAIN] = -math.expm1(-dt_s / params[at.P_PUMP_LAG_S])
    state[at.S_COAST_GAIN] = -math.expm1(-dt_s / params[at.P_COAST_DOWN_S])
    state[at.S_FLUID_GAIN] = -math.expm1(-dt_s / params[at.P_FLUID_LAG_S])
    state[at.S_VALVE_GAIN] = -math.expm1(-dt_s / params[at.P_VALVE_LAG_S])
    for rack in range(int(params[at.P_RACK_COUNT])):
        ratio = inputs[at.I_RACK + rack * at.I_STRIDE + at.IR_RESISTANCE_RATIO]
        conductance = params[at.P_BRANCH_CONDUCTANCE]
        if ratio != 1.0:
            conductance *= hydraulics.branch_conductance(ratio)
        state[at.S_RACK + rack * at.S_STRIDE + at.SR_CONDUCTANCE] = conductance


def move_pumps(params: FloatArray, state: FloatArray, inputs: FloatArray, dt_s: float) -> None:
    """Let each pump follow its command through lag and ramp; a tripped one coasts down."""
    most = dt_s / params[at.P_PUMP_TRAVEL_S]
    for pump in range(at.PUMP_COUNT):
        speed = state[at.S_PUMP_SPEED_RATIO + pump]
        if inputs[at.I_PUMP_AVAILABLE + pump] > 0.0:
            command = clip(inputs[at.I_PUMP_SPEED_RATIO + pump], 0.0, 1.0)
            speed += clip((command - speed) * state[at.S_PUMP_GAIN], -most, most)
        else:
            speed -= speed * state[at.S_COAST_GAIN]
        state[at.S_PUMP_SPEED_RATIO + pump] = speed if speed > STANDSTILL_RATIO else 0.0


def move_facility_valve(params: FloatArray, state: FloatArray, inputs: FloatArray, dt_s: float) -> None:
    """Let the facility valve follow its command through lag, stroke and stiction."""
    most = dt_s / params[at.P_VALVE_STROKE_S]
    drive = state[at.S_VALVE_DRIVE_RATIO]
    move = clip((clip(inputs[at.I_FWS_VALVE_RATIO], 0.0, 1.0) - drive) * state[at.S_VALVE_GAIN], -most, most)
    state[at.S_VALVE_DRIVE_RATIO] = drive + move
    state[at.S_FWS_VALVE_RATIO] = valve.stem_position(params, state, move, dt_s)


def move_branch_valves(params: FloatArray, state: FloatArray, inputs: FloatArray, dt_s: float) -> float:
    """Let branch valves and bypass follow their commands at a constant rate; return their conductances' sum or 0."""
    most = dt_s / params[at.P_BRANCH_TRAVEL_S]
    position = state[at.S_BYPASS_VALVE_RATIO]
    position += clip(clip(inputs[at.I_BYPASS_VALVE_RATIO], 0.0, 1.0) - position, -most, most)
    state[at.S_BYPASS_VALVE_RATIO] = position
    total = position * params[at.P_BYPASS_BRANCH_RATIO] * params[at.P_BRANCH_CONDUCTANCE]
    for rack in range(int(params[at.P_RACK_COUNT])):
        base = at.S_RACK + rack * at.S_STRIDE
        position = state[base + at.SR_BRANCH_VALVE_RATIO]
        command = clip(inputs[at.I_RACK + rack * at.I_STRIDE + at.IR_BRANCH_VALVE_RATIO], 0.0, 1.0)
        position += clip(command - position, -most, most)
        state[base + at.SR_BRANCH_VALVE_RATIO] = position
        total += position * state[base + at.SR_CONDUCTANCE]
    return total if total > hydraulics.LEAST_CONDUCTANCE else 0.0


def balance_flow(params: FloatArray, state: FloatArray, inputs: FloatArray, conductance: float, dt_s: float) -> float:
    """Return the secondary flow after the step: it lags the balance of pumps and loop, or coasts down."""
    head_pa = params[at.P_PUMP_HEAD_PA] * vessel.head_factor(state, inputs, dt_s)
    curve = params[at.P_PUMP_CURVE_PA_S2_M6]
    loop = params[at.P_LOOP_RESISTANCE_PA_S2_M6] * inputs[at.I_LOOP_RESISTANCE_RATIO]
    first = state[at.S_PUMP_SPEED_RATIO] * state[at.S_PUMP_SPEED_RATIO] * head_pa
    second = state[at.S_PUMP_SPEED_RATIO + 1] * state[at.S_PUMP_SPEED_RATIO + 1] * head_pa
    strong_pa, weak_pa = max(first, second), min(first, second)
    flow = state[at.S_TCS_FLOW_M3_S]
    if inputs[at.I_PUMP_AVAILABLE] > 0.0 or inputs[at.I_PUMP_AVAILABLE + 1] > 0.0:
        start = state[at.S_TARGET_FLOW_M3_S]
        target = hydraulics.operating_flow_m3_s(strong_pa, weak_pa, curve, loop, conductance, start)
        state[at.S_TARGET_FLOW_M3_S] = target
        flow += (target - flow) * state[at.S_FLUID_GAIN]
    else:
        flow -= flow * state[at.S_COAST_GAIN]
    # Closing branches stop the flow with them: the pumps hold no more than their shut-off head against them.
    flow = min(flow, conductance * params[at.P_HEAD_ROOT])
    if flow < hydraulics.LEAST_FLOW_M3_S:
        flow = 0.0
    state[at.S_TCS_FLOW_M3_S] = flow
    pressure_pa = hydraulics.branches_pressure_pa(flow, conductance) if conductance > 0.0 else strong_pa
    state[at.S_RACK_DIFFERENTIAL_PRESSURE_PA] = pressure_pa
    lead = hydraulics.lead_pump_flow_m3_s(flow, strong_pa - weak_pa, curve)
    drive_w = electric_power_w(inputs, first, second, lead, flow - lead)
    state[at.S_PUMP_POWER_W] = drive_w / params[at.P_PUMP_EFFICIENCY_RATIO]
    return flow


def electric_power_w(
    inputs: FloatArray, first_pa: float, second_pa: float, strong_m3_s: float, weak_m3_s: float
) -> float:
    """Return the ideal-head power of both pumps in W; a tripped pump draws none.

    Args:
        inputs: packed inputs.
        first_pa: shut-off head of pump 0 at its speed.
        second_pa: of pump 1.
        strong_m3_s: flow of the pump with the higher head.
        weak_m3_s: flow of the other.
    """
    first_m3_s, second_m3_s = (strong_m3_s, weak_m3_s) if first_pa >= second_pa else (weak_m3_s, strong_m3_s)
    power_w = 0.0
    if inputs[at.I_PUMP_AVAILABLE] > 0.0:
        power_w += first_pa * first_m3_s
    if inputs[at.I_PUMP_AVAILABLE + 1] > 0.0:
        power_w += second_pa * second_m3_s
    return power_w


def exchange_heat(
    params: FloatArray, state: FloatArray, inputs: FloatArray, flow: float, hot_temp_c: float, dt_s: float
) -> float:
    """Cool the secondary side and warm the primary one over the step; return the mean supply temperature.

    Args:
        params: packed parameters.
        state: packed state; supply and facility return temperature and the heat account move.
        inputs: packed inputs.
        flow: secondary flow over the step, m3/s.
        hot_temp_c: mean secondary inlet temperature over the step.
        dt_s: the step.
    """
    pressure_pa = inputs[at.I_FWS_DIFFERENTIAL_PRESSURE_PA]
    layout, position = params[at.P_LAYOUT], state[at.S_FWS_VALVE_RATIO]
    hot_share, cold_share = 1.0, 1.0
    if layout == DIVERTING:
        cold_share = valve.three_way_share(params, position)
    elif layout == MIXING:
        hot_share = valve.three_way_share(params, position)
    fws_flow = exchanger.valve_flow_m3_s(params, position if layout == TWO_WAY else 1.0, pressure_pa)
    through_flow, through_fws_flow = flow * hot_share, fws_flow * cold_share
    fws_temp_c = inputs[at.I_FWS_SUPPLY_TEMP_C]
    supply_c = state[at.S_TCS_OUTLET_TEMP_C]
    hot_rate = through_flow * coolant.volumetric_heat_capacity_j_m3_k(params, 0.5 * (hot_temp_c + supply_c))
    cold_rate = through_fws_flow * params[at.P_FWS_HEAT_CAPACITY_J_M3_K]
    conductance = exchanger.conductance_w_k(params, through_flow, through_fws_flow, inputs[at.I_FOULING_K_W])
    heat_w = exchanger.heat_per_kelvin_w_k(conductance, hot_rate, cold_rate) * (hot_temp_c - fws_temp_c)
    mean_supply_c = supply_c
    if hot_rate > 0.0:
        capacity = params[at.P_EXCHANGER_TCS_CAPACITY_J_K]
        rest_c = hot_temp_c - heat_w / hot_rate
        move_k = (supply_c - rest_c) * math.expm1(-dt_s * hot_rate / capacity)
        mean_supply_c = rest_c - capacity * move_k / (hot_rate * dt_s)
        supply_c += move_k
    if cold_rate > 0.0:
        capacity = params[at.P_EXCHANGER_FWS_CAPACITY_J_K]
        outlet_c = state[at.S_FWS_OUTLET_TEMP_C]
        rest_c = fws_temp_c + heat_w / cold_rate
        move_k = (outlet_c - rest_c) * math.expm1(-dt_s * cold_rate / capacity)
        state[at.S_FWS_OUTLET_TEMP_C] = outlet_c + move_k
        state[at.S_HEAT_OUT_J] += heat_w * dt_s - capacity * move_k
    state[at.S_TCS_OUTLET_TEMP_C] = supply_c
    state[at.S_TCS_SUPPLY_TEMP_C] = mixed_coolant_c(params, hot_share, supply_c, hot_temp_c)
    state[at.S_FWS_RETURN_TEMP_C] = mixed_c(cold_share, state[at.S_FWS_OUTLET_TEMP_C], fws_temp_c)
    state[at.S_FWS_FLOW_M3_S] = fws_flow
    state[at.S_HEAT_EXCHANGED_W] = heat_w
    return mixed_coolant_c(params, hot_share, mean_supply_c, hot_temp_c)


def mixed_c(share: float, through_c: float, past_c: float) -> float:
    """Return the temperature where what went through the exchanger meets what went past it."""
    return through_c if share >= 1.0 else share * through_c + (1.0 - share) * past_c


def mixed_coolant_c(params: FloatArray, share: float, through_c: float, past_c: float) -> float:
    """Return the same for coolant, whose heat capacity goes with its temperature, so that enthalpy is what mixes."""
    if share >= 1.0:
        return through_c
    met_c = mixed_c(share, through_c, past_c)
    for _ in range(2):  # the capacities move by 1 % over 20 K: two rounds leave 1e-6 K
        cold = share * coolant.volumetric_heat_capacity_j_m3_k(params, 0.5 * (through_c + met_c))
        warm = (1.0 - share) * coolant.volumetric_heat_capacity_j_m3_k(params, 0.5 * (past_c + met_c))
        met_c = (cold * through_c + warm * past_c) / (cold + warm)
    return met_c


def mix_tank(params: FloatArray, state: FloatArray, flow: float, inlet_temp_c: float, dt_s: float) -> float:
    """Mix the return into the tank; return the mean temperature of what left it over the step."""
    tank_c = state[at.S_TANK_TEMP_C]
    changed = flow * dt_s / params[at.P_TANK_M3]
    if changed <= 0.0:
        return float(tank_c)
    move_k = (tank_c - inlet_temp_c) * math.expm1(-changed)
    state[at.S_TANK_TEMP_C] = tank_c + move_k
    return float(inlet_temp_c - move_k / changed)


def heat_racks(
    params: FloatArray, state: FloatArray, inputs: FloatArray, flow_per_conductance: float, dt_s: float
) -> None:
    """Advance every rack's cold plates, and the mixed temperature they return.

    Args:
        params: packed parameters.
        state: packed state; the supply temperature at the racks is read from it.
        inputs: packed inputs.
        flow_per_conductance: secondary flow over the sum of the open branches' conductances.
        dt_s: the step.
    """
    supply_c = state[at.S_RACK_SUPPLY_TEMP_C]
    conductance = open_conductance = params[at.P_PLATE_CONDUCTANCE_W_K]
    flow_resistance = params[at.P_PLATE_FLOW_RESISTANCE_K_M3_J]
    floor_m3_s = params[at.P_PLATE_FLOW_FLOOR_M3_S]
    metal_rate = params[at.P_PLATE_CAPACITY_J_K] / dt_s
    coolant_rate = params[at.P_PLATE_COOLANT_J_K] / dt_s
    bypass = state[at.S_BYPASS_VALVE_RATIO] * params[at.P_BYPASS_BRANCH_RATIO] * params[at.P_BRANCH_CONDUCTANCE]
    state[at.S_BYPASS_FLOW_M3_S] = flow_per_conductance * bypass
    total, carried_w, heat_w = state[at.S_BYPASS_FLOW_M3_S], 0.0, 0.0
    for rack in range(int(params[at.P_RACK_COUNT])):
        base = at.S_RACK + rack * at.S_STRIDE
        rack_heat_w = inputs[at.I_RACK + rack * at.I_STRIDE + at.IR_HEAT_W]
        opening = state[base + at.SR_BRANCH_VALVE_RATIO] * state[base + at.SR_CONDUCTANCE]
        flow = flow_per_conductance * opening
        outlet_c = state[base + at.SR_RETURN_TEMP_C]
        capacity = coolant.volumetric_heat_capacity_j_m3_k(params, 0.5 * (supply_c + outlet_c))
        if flow_resistance > 0.0:
            conductance = coldplate.conductance_w_k(open_conductance, flow_resistance, max(flow, floor_m3_s))
        case_c, outlet_c = coldplate.advance_plate(
            state[base + at.SR_CASE_TEMP_C],
            outlet_c,
            supply_c,
            rack_heat_w,
            conductance,
            metal_rate,
            coolant_rate,
            flow * capacity,
        )
        state[base + at.SR_CASE_TEMP_C] = case_c
        state[base + at.SR_RETURN_TEMP_C] = outlet_c
        state[base + at.SR_FLOW_M3_S] = flow
        total += flow
        carried_w += flow * capacity * (outlet_c - supply_c)
        heat_w += rack_heat_w
    state[at.S_HEAT_IN_J] += heat_w * dt_s
    if total > 0.0:
        # Enthalpies mix, not temperatures: with racks 40 K apart and 55 % glycol that is 0.3 % of the heat.
        mean_c = 0.5 * (supply_c + state[at.S_MIXED_RETURN_TEMP_C])
        capacity = coolant.volumetric_heat_capacity_j_m3_k(params, mean_c)
        state[at.S_MIXED_RETURN_TEMP_C] = supply_c + carried_w / (total * capacity)


def advance(
    params: FloatArray,
    state: FloatArray,
    supply_ring: FloatArray,
    return_ring: FloatArray,
    inputs: FloatArray,
    dt_s: float,
    steps: int,
) -> None:
    """Advance the plant in place by a number of equal steps under constant inputs.

    Args:
        params: packed parameters, shape (``layout.P_SIZE``,).
        state: packed state, shape (``layout.S_RACK + racks * layout.S_STRIDE``,).
        supply_ring: cell temperatures of the supply pipe.
        return_ring: cell temperatures of the return pipe.
        inputs: packed inputs, shape (``layout.I_RACK + racks * layout.I_STRIDE``,); all finite.
        dt_s: the step, above 0; 0.1 s keeps a load step within 0.01 K of the limit of small steps.
        steps: how many.
    """
    prepare(params, state, inputs, dt_s)
    supply_cells_s_m3 = dt_s * supply_ring.size / params[at.P_SUPPLY_PIPE_M3]
    return_cells_s_m3 = dt_s * return_ring.size / params[at.P_RETURN_PIPE_M3]
    warmed_m3_k = 0.0
    for _ in range(steps):
        move_pumps(params, state, inputs, dt_s)
        move_facility_valve(params, state, inputs, dt_s)
        conductance = move_branch_valves(params, state, inputs, dt_s)
        flow = balance_flow(params, state, inputs, conductance, dt_s)
        cells = flow * return_cells_s_m3
        mixed_c = state[at.S_MIXED_RETURN_TEMP_C]
        arriving_c = transport.outflow_temp_c(return_ring, state, at.S_RETURN_RING, cells, mixed_c)
        hot_c = mix_tank(params, state, flow, arriving_c, dt_s)
        leaving_c = exchange_heat(params, state, inputs, flow, hot_c, dt_s)
        supplied = flow * supply_cells_s_m3
        rack_c = transport.outflow_temp_c(supply_ring, state, at.S_SUPPLY_RING, supplied, leaving_c)
        state[at.S_RACK_SUPPLY_TEMP_C] = rack_c
        transport.push(supply_ring, state, at.S_SUPPLY_RING, supplied, leaving_c)
        heat_racks(params, state, inputs, flow / conductance if conductance > 0.0 else 0.0, dt_s)
        returned_c = state[at.S_MIXED_RETURN_TEMP_C]
        transport.push(return_ring, state, at.S_RETURN_RING, cells, returned_c)
        warmed_m3_k += flow * dt_s * (leaving_c - rack_c + returned_c - arriving_c)
    vessel.advance_vessel(params, state, inputs, warmed_m3_k, dt_s * steps)


HELPERS: Final = (
    clip,
    prepare,
    hydraulics.branch_conductance,
    hydraulics.branches_pressure_pa,
    hydraulics.lead_pump_flow_m3_s,
    hydraulics.newton_flow_m3_s,
    hydraulics.operating_flow_m3_s,
    hydraulics.valve_opening_ratio,
    hydraulics.linear_opening_ratio,
    hydraulics.facility_flow_m3_s,
    coolant.offset_k,
    coolant.volumetric_heat_capacity_j_m3_k,
    exchanger.effectiveness_ratio,
    exchanger.film_w_k,
    exchanger.conductance_w_k,
    exchanger.heat_per_kelvin_w_k,
    exchanger.opening_ratio,
    exchanger.valve_flow_m3_s,
    *valve.HELPERS,
    coldplate.conductance_w_k,
    coldplate.advance_plate,
    transport.outflow_temp_c,
    transport.push,
    *vessel.HELPERS,
    move_pumps,
    move_facility_valve,
    move_branch_valves,
    electric_power_w,
    balance_flow,
    mixed_c,
    mixed_coolant_c,
    exchange_heat,
    mix_tank,
    heat_racks,
)
"""Every plain function ``advance`` calls, callees before callers."""
