"""Days and weeks of the estimator in closed loop: fast, with every instrument, on plants unlike its data sheet."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from estimator_rig import AT, BRANCH_NOISE_LPM, MORE, instrumented_plan

from coolantd.control.conditions import Condition
from coolantd.kernel import KernelFunction
from coolantd.plant import layout as at
from coolantd.plant.exchanger import conductance_w_k
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.point import FloatArray
from coolantd.sim import fast_layout as on
from coolantd.sim.fastloop import Event, FastLoop, Instrument

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_day import SAMPLE_S, synthetic_day
from scenario_fast import instruments_of
from scenario_plant import FLOW_NOISE_LPM, PRESSURE_NOISE_KPA, RACKS, TEMP_NOISE_K, Perturbation

DAY_S = 86_400.0
LOOK_S = 5.0
"""How often it is looked whether anything is told: everything that is told stays so for at least as long."""


def further_instruments(plant: Perturbation, fws_return_bias_k: float) -> list[Instrument]:
    """Return one instrument per name of ``estimator_rig.MORE``."""
    noise = plant.noise_ratio
    branch = {
        "flow": ("branch_flow_lpm", 0.0, BRANCH_NOISE_LPM * noise, 0.0),
        "return": ("branch_return_temp_c", plant.sensor_lag_s, TEMP_NOISE_K * noise, plant.return_bias_k),
        "valve": ("branch_valve_position_pct", 0.0, 0.0, 0.0),
    }
    made = []
    for name in MORE:
        head, _, tail = name.partition("_")
        if head.startswith("branch"):
            quantity, lag_s, deviation, bias = branch[tail]
            index = int(head.removeprefix("branch"))
            made.append(
                Instrument(point=AT[name], quantity=quantity, index=index, lag_s=lag_s, noise=deviation, bias=bias)
            )
        elif head.startswith("rack"):
            made.append(Instrument(point=AT[name], quantity="rack_power_kw", index=int(head.removeprefix("rack"))))
    flow, pressure, temp = FLOW_NOISE_LPM * noise, PRESSURE_NOISE_KPA * noise, TEMP_NOISE_K * noise
    made += [
        Instrument(
            point=AT["fws_return"],
            quantity="fws_return_temp_c",
            lag_s=plant.sensor_lag_s,
            bias=fws_return_bias_k,
            noise=temp,
        ),
        Instrument(point=AT["fws_flow"], quantity="fws_flow_lpm", noise=flow),
        Instrument(point=AT["static"], quantity="static_pressure_kpa", noise=pressure),
    ]
    return made


def days_of_load(days: int, seed: int) -> FloatArray:
    """Return (samples,) load ratios: another synthetic day each day."""
    return np.concatenate([synthetic_day(seed + k) for k in range(days)])


class Days:
    """One plant and its control over days of varying load.

    Args:
        plant: how it differs.
        days: of load.
        kernel: the compiled fast loop.
        events: what happens.
        seed: of load and noise.
        fws_return_bias_k: of that sensor.
    """

    def __init__(
        self,
        plant: Perturbation,
        days: int,
        kernel: KernelFunction,
        events: list[Event] | None = None,
        *,
        seed: int = 1,
        fws_return_bias_k: float = 0.0,
        load: FloatArray | None = None,
    ) -> None:
        self.plan = instrumented_plan()
        self.plant = Plant(plant.params(30.0), kernel=ADVANCE.function)
        ratios = days_of_load(days, seed) if load is None else load
        heat_w = np.repeat(ratios[:, None, None] * self.plant.params.rack_heat_rated_w, RACKS, axis=2)
        self.loop = FastLoop(
            self.plan,
            [self.plant],
            [*instruments_of(plant), *further_instruments(plant, fws_return_bias_k)],
            points=len(AT),
            heat_w=heat_w,
            sample_s=SAMPLE_S,
            events=events or [],
            seed=seed,
            kernel=kernel,
        )

    @property
    def e(self) -> FloatArray:
        """The estimator's state."""
        return self.loop.memory.e[0]

    @property
    def true_ua_kw_k(self) -> float:
        """The exchanger's conductance now."""
        return self.true_conductance(self.plant.tcs_flow_m3_s, self.plant.fws_flow_m3_s)

    @property
    def true_rated_ua_kw_k(self) -> float:
        """The exchanger's conductance at the rated flows."""
        params = self.plant.params
        return self.true_conductance(params.rated_tcs_flow_m3_s, params.rated_fws_flow_m3_s)

    def true_conductance(self, flow_m3_s: float, fws_flow_m3_s: float) -> float:
        """Return the conductance at two flows, as fouled as it is."""
        fouling = float(self.loop._packed.inputs[0, at.I_FOULING_K_W])  # as the events left it
        return conductance_w_k(self.plant.params.packed(), flow_m3_s, fws_flow_m3_s, fouling) / 1000.0

    def told(self, duration_s: float, also: Callable[[], None] = lambda: None) -> Iterator[tuple[float, Condition]]:
        """Run and yield (time, condition) each time that one begins to be told; ``also`` is called at every look."""
        before: set[Condition] = set()
        for _ in range(round(duration_s / LOOK_S)):
            self.loop.run(LOOK_S)
            now = {Condition(int(k)) for k in np.flatnonzero(self.loop.result.conditions[0])}
            for condition in now - before:
                yield self.loop.time_s, condition
            before = now
            also()


def fouling_events(plant: Plant, loss: float, begin_s: float, duration_s: float, steps: int) -> list[Event]:
    """Return a resistance that grows evenly until the rated conductance has lost a share."""
    params = plant.params
    clean = conductance_w_k(params.packed(), params.rated_tcs_flow_m3_s, params.rated_fws_flow_m3_s, 0.0)
    whole = (1.0 / (1.0 - loss) - 1.0) / clean
    return [
        Event(
            time_s=begin_s + duration_s * k / steps,
            target=on.Target.INPUT,
            row=0,
            column=at.I_FOULING_K_W,
            value=whole * k / steps,
        )
        for k in range(1, steps + 1)
    ]
