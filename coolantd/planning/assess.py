"""A plan: every part computed from the inputs, and what is to be said about it. Knows the order of the work."""

from dataclasses import dataclass

from coolantd.planning.contradictions import contradictions
from coolantd.planning.demand import Demand, demand_at
from coolantd.planning.exchange import Exchange, exchange_of
from coolantd.planning.inputs import PlanInputs
from coolantd.planning.machine import plant_params
from coolantd.planning.pumps import PumpDuty, duty, flange_pressure_kpa
from coolantd.planning.ride_through import LoadStep, RideThrough, load_step_of, ride_through_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything computed about one set of inputs.

    Attributes:
        inputs: what it was made from.
        demand: of the racks.
        flange_pressure_kpa: what the pumps must add.
        pumps: with all pumps and, of two or more, with one fewer.
        exchange: facility side in steady state.
        ride_through: times to the limits.
        load_step: a load step against the valve.
    """

    inputs: PlanInputs
    demand: Demand
    flange_pressure_kpa: float
    pumps: tuple[PumpDuty, ...]
    exchange: Exchange
    ride_through: RideThrough
    load_step: LoadStep


def make_plan(inputs: PlanInputs) -> Plan:
    """Return the plan.

    Raises:
        ValueError: the inputs contradict each other; ask ``contradictions`` first.
    """
    if wrong := contradictions(inputs):
        raise ValueError(f"plan: {wrong[0].path}: {wrong[0].what}")
    demand = demand_at(inputs, inputs.supply_temp_c)
    count = inputs.cdu.pump_count
    pumps = tuple(duty(inputs, demand, running) for running in (count, count - 1) if running)
    plant = plant_params(inputs, demand)
    exchange = exchange_of(inputs, demand, plant)
    speed_ratio = pumps[0].speed_pct / 100.0
    return Plan(
        inputs=inputs,
        demand=demand,
        flange_pressure_kpa=flange_pressure_kpa(inputs, demand),
        pumps=pumps,
        exchange=exchange,
        ride_through=ride_through_of(inputs, demand, plant, exchange, speed_ratio),
        load_step=load_step_of(inputs, demand, plant, exchange, speed_ratio),
    )
