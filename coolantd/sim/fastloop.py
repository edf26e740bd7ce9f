"""A closed loop of plants and control that runs thousands of times faster than time. Knows plans, plants and arrays.

For long studies: days of load, many perturbed plants, months of false alarms. It decides with the same sequence as the
daemon (``control.sequence``) and moves the same plants, without a Python call per cycle. What is said of a plant's
instruments and of what happens to it is fixed before a run; whatever needs a person's hand between two cycles belongs
on the slow path, ``step()`` and ``Plant.advance``, which gives the same numbers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.control.arrays import Seen, empty_result
from coolantd.control.plan import Plan
from coolantd.control.step import initial_state
from coolantd.kernel import KernelFunction
from coolantd.plant import layout as at
from coolantd.plant.loop import Plant
from coolantd.point import FloatArray, IntArray, Quality
from coolantd.safety.permits import EVERY_PERMIT
from coolantd.sim import fast_layout as on
from coolantd.sim.fast_kernel import LIVE, follow
from coolantd.units import LPM_PER_M3_S, PA_PER_KPA, W_PER_KW

PLANT_STEP_S: Final = 0.1
"""Within 0.01 K of the limit of small steps (see ``plant.loop``)."""
LITRES_PER_M3: Final = 1000.0

_STATE, _INPUT = on.Kind.STATE, on.Kind.INPUT
QUANTITIES: Final[dict[str, tuple[on.Kind, int, int, float]]] = {
    "tcs_supply_temp_c": (_STATE, at.S_TCS_SUPPLY_TEMP_C, 0, 1.0),
    "tcs_return_temp_c": (_STATE, at.S_TANK_TEMP_C, 0, 1.0),
    "tcs_flow_lpm": (_STATE, at.S_TCS_FLOW_M3_S, 0, LPM_PER_M3_S),
    "tcs_differential_pressure_kpa": (_STATE, at.S_RACK_DIFFERENTIAL_PRESSURE_PA, 0, 1.0 / PA_PER_KPA),
    "fws_supply_temp_c": (_INPUT, at.I_FWS_SUPPLY_TEMP_C, 0, 1.0),
    "fws_return_temp_c": (_STATE, at.S_FWS_RETURN_TEMP_C, 0, 1.0),
    "fws_flow_lpm": (_STATE, at.S_FWS_FLOW_M3_S, 0, LPM_PER_M3_S),
    "fws_differential_pressure_kpa": (_INPUT, at.I_FWS_DIFFERENTIAL_PRESSURE_PA, 0, 1.0 / PA_PER_KPA),
    "fws_valve_position_pct": (_STATE, at.S_FWS_VALVE_RATIO, 0, 100.0),
    "pump_speed_pct": (_STATE, at.S_PUMP_SPEED_RATIO, 1, 100.0),
    "pump_lost": (_INPUT, at.I_PUMP_AVAILABLE, 1, -1.0),  # with a bias of 1
    "pump_power_kw": (_STATE, at.S_PUMP_POWER_W, 0, 1.0 / W_PER_KW),
    "heat_load_kw": (_STATE, at.S_HEAT_EXCHANGED_W, 0, 1.0 / W_PER_KW),
    "racks_power_kw": (on.Kind.POWER, 0, 0, 1.0 / W_PER_KW),
    "rack_power_kw": (_INPUT, at.I_RACK + at.IR_HEAT_W, at.I_STRIDE, 1.0 / W_PER_KW),
    "branch_flow_lpm": (_STATE, at.S_RACK + at.SR_FLOW_M3_S, at.S_STRIDE, LPM_PER_M3_S),
    "branch_return_temp_c": (_STATE, at.S_RACK + at.SR_RETURN_TEMP_C, at.S_STRIDE, 1.0),
    "branch_valve_position_pct": (_STATE, at.S_RACK + at.SR_BRANCH_VALVE_RATIO, at.S_STRIDE, 100.0),
    "case_temp_c": (_STATE, at.S_RACK + at.SR_CASE_TEMP_C, at.S_STRIDE, 1.0),
    "static_pressure_kpa": (on.Kind.STATIC_PRESSURE, 0, 0, 1.0 / PA_PER_KPA),
    "supply_pressure_kpa": (on.Kind.SUPPLY_PRESSURE, 0, 0, 1.0 / PA_PER_KPA),
    "expansion_l": (_STATE, at.S_VESSEL_M3, 0, LITRES_PER_M3),
    "register_pct": (on.Kind.REGISTER, 0, 1, 1.0),
    "constant": (on.Kind.CONSTANT, 0, 0, 1.0),
}
"""What an instrument may look at: where, first slot, slots per ``index``, and the factor to the unit in the name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instrument:
    """One point of the snapshot and what it shows.

    Attributes:
        point: row of the snapshot.
        quantity: one of ``QUANTITIES``.
        plant: whose.
        index: which pump, rack or, of ``register_pct``, actuator of the plan, from 0.
        lag_s: first-order lag, 0 for none.
        bias: constant error; of a ``constant`` its value.
        noise: standard deviation.
    """

    point: int
    quantity: str
    plant: int = 0
    index: int = 0
    lag_s: float = 0.0
    bias: float = 0.0
    noise: float = 0.0

    def packed(self) -> list[float]:
        """Return the instrument's row."""
        kind, slot, stride, scale = QUANTITIES[self.quantity]
        where = [self.point, self.plant, kind, slot + stride * self.index, scale]
        return [*map(float, where), self.lag_s, self.bias, self.noise, float(Quality.GOOD), 0.0]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """A moment at which an input of a plant or a column of an instrument changes.

    Attributes:
        time_s: since the loop began; counts from the first cycle that is not before it.
        target, row, column: see ``fast_layout.Target``.
        value: what it becomes.
    """

    time_s: float
    target: on.Target
    row: int
    column: int
    value: float


def plain_actuators(plan: Plan) -> list[tuple[int, int]]:
    """Return (plant, input slot) of each of the plan's actuators where CDU n has plant n: its valve and its pumps.

    (-1, 0) for a third pump, which the plant has none of, and for an actuator that belongs to no CDU.
    """
    slots = [(-1, 0)] * len(plan.actuators)
    for n, cdu in enumerate(plan.cdus):
        slots[cdu.valve] = (n, at.I_FWS_VALVE_RATIO)
        for k, pump in enumerate(cdu.pumps[: at.PUMP_COUNT]):
            slots[pump] = (n, at.I_PUMP_SPEED_RATIO + k)
    return slots


class FastLoop:
    """A plan and its plants in closed loop.

    Args:
        plan: with a CDU for every plant, of the same number; its own ``stages`` are not used.
        plants: with equally many racks each; copied in, and brought up to date after every run.
        instruments: what fills the snapshot. A point without one is bad.
        points: length of the snapshot.
        actuators: (plant, input slot) per actuator of the plan; ``plain_actuators`` unless given.
        heat_w: (samples, plants, racks), held for ``sample_s`` each.
        events: in any order.
        seed: of the noise.
        kernel: ``LIVE``, plain or compiled.

    Attributes:
        memory, seen, result: of control, after the last cycle.
        time_s: simulated time.
        orders: (rows, actuators, ORDER_COLUMNS) of the last run, in step with its record.
    """

    def __init__(
        self,
        plan: Plan,
        plants: Sequence[Plant],
        instruments: Sequence[Instrument],
        *,
        points: int,
        actuators: Sequence[tuple[int, int]] | None = None,
        heat_w: FloatArray | None = None,
        sample_s: float = 15.0,
        events: Sequence[Event] = (),
        seed: int = 0,
        kernel: KernelFunction = LIVE.function,
    ) -> None:
        self.plan, self.plants, self.kernel, self._sample_s = plan, tuple(plants), kernel, sample_s
        self._fixed = plan.arrays()
        self.memory = initial_state(plan).copied()
        self.result = empty_result(len(plan.cdus), len(plan.actuators), len(plan.leaks.zones))
        self.result.permits[:] = EVERY_PERMIT
        bad, reason = np.full(points, int(Quality.BAD), dtype=np.int64), np.zeros(points, dtype=np.int64)
        self.seen = Seen(np.full(points, np.nan), bad, reason, np.zeros(points))
        self._packed = on.Plants(*(np.stack(rows) for rows in zip(*(plant.packed() for plant in plants), strict=True)))
        table = np.array([each.packed() for each in instruments]).reshape(-1, on.INSTRUMENT_COLUMNS)
        slots = np.array(plain_actuators(plan) if actuators is None else list(actuators), dtype=np.int64)
        slots = np.column_stack([slots.reshape(-1, 2), np.ones((len(plan.actuators), 2), dtype=np.int64)])
        self._around = on.Surroundings(
            instruments=table,
            shown=np.full(len(table), np.nan),
            actuators=slots,
            registers=self._positions_pct(slots),
            heat_w=np.zeros((0, len(plants), 1)) if heat_w is None else np.ascontiguousarray(heat_w, dtype=np.float64),
            events=_packed_events(events),
            generator=np.concatenate([[0.0], np.random.default_rng(seed).random(on.GENERATOR_LONG)]),
            clock=np.zeros(on.CLOCK_COLUMNS),
        )
        follow(self._packed, self._around, plan.period_s)  # a first look: they begin at the truth

    @property
    def time_s(self) -> float:
        """Simulated time since the loop began."""
        return float(self._around.clock[on.T_TIME_S])

    def impose(self) -> None:
        """Take the plants' ``inputs`` as they are now; heat, events and actuators go on as they were told."""
        for row, plant in enumerate(self.plants):
            self._packed.inputs[row] = plant.packed()[4]

    def run(self, duration_s: float, *, record_every: int = 0) -> FloatArray:
        """Run for a duration, a whole number of control periods.

        Args:
            duration_s: 0 or more.
            record_every: cycles per row of the record; 0 for none.

        Returns:
            (rows, plants, RECORD_COLUMNS), see ``fast_layout``.
        """
        period_s = self.plan.period_s
        cycles = round(duration_s / period_s)
        rows = cycles // record_every if record_every else 0
        record = np.zeros((rows, len(self.plants), on.RECORD_COLUMNS))
        self.orders = np.zeros((rows, len(self.plan.actuators), on.ORDER_COLUMNS))
        steps = max(1, round(period_s / PLANT_STEP_S))
        bundles = (self._packed, self._around, self._fixed, self.memory, self.seen, self.result)
        self.kernel(*bundles, record, self.orders, period_s, self._sample_s, steps, cycles, record_every)
        for row, plant in enumerate(self.plants):
            state, supply_ring, return_ring = (each[row] for each in self._packed[1:4])
            plant.restore(state, supply_ring, return_ring, cycles * period_s)
        return record

    def _positions_pct(self, slots: IntArray) -> FloatArray:
        """Return what registers hold before the first command: where the actuators are told to be."""
        inputs = self._packed.inputs
        return np.array([100.0 * inputs[plant, slot] if plant >= 0 else 0.0 for plant, slot, _, _ in slots])


def _packed_events(events: Sequence[Event]) -> FloatArray:
    rows = [[e.time_s, float(e.target), float(e.row), float(e.column), e.value] for e in events]
    table = np.array(rows).reshape(-1, on.EVENT_COLUMNS)
    return np.ascontiguousarray(table[np.argsort(table[:, on.E_TIME_S], kind="stable")])
