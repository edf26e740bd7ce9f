"""The contestants: fixed PI, simple-pid and coolantd's model law, each from readings to two commands.

Ours and the fixed PI are the same ``step()`` with and without a model of the CDU. The model's parameters come from the
imaginary maker's data sheet below and agree with no plant of the table, the nominal one included.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Final, Protocol

import numpy as np
from simple_pid import PID

from coolantd.control.plan import ActuatorParameters, CduParameters, LoopParameters, ModelParameters, Plan, make_plan
from coolantd.control.pump_plan import ALL_RUN, PumpGroupParameters
from coolantd.control.stages import Stages
from coolantd.control.step import Decision, initial_state, step
from coolantd.point import Quality, Reason, Snapshot

SETPOINT_C: Final = 34.0
SETPOINT_KPA: Final = 90.0
PUMP_RATE_PCT_PER_S: Final = 5.0
NAMES: Final = (
    "supply", "pressure", "valve", "pump1", "pump2", "valve_rb", "pump1_rb", "pump2_rb", "dew", "heat",
    "return", "fws", "flow", "fws_pressure", "power", "rack_return", "rise",
)  # fmt: skip
POINT: Final = {name: k for k, name in enumerate(NAMES)}

DATA_SHEET: Final = ModelParameters(
    return_temp=POINT["return"],
    fws_supply_temp=POINT["fws"],
    flow=POINT["flow"],
    fws_pressure=POINT["fws_pressure"],
    conductance_kw_k=300.0,  # the plant: 313.5
    tcs_flow_rated_lpm=1200.0,
    fws_flow_rated_lpm=1200.0,
    fws_flow_open_lpm=1530.0,  # the plant: 1589
    fws_pressure_rated_kpa=170.0,
    valve_authority_ratio=0.45,  # the plant: 0.5
    valve_rangeability_ratio=45.0,  # the plant: 50
    exchanger_l=30.0,
    pipe_l=50.0,  # the plant: 60
    tank_l=110.0,  # the plant: 100
    plate_lag_s=5.0,
)
"""What an integrator would fill in: within 4 to 20 % of the nominal plant, never equal to it."""


class Controller(Protocol):
    """Readings in, (valve %, pump %) out, once per period; one speed for all pumps, or one for each."""

    def __call__(self, readings: dict[str, float], now_s: float) -> tuple[float, float | tuple[float, float]]:
        """Decide once."""
        ...


def _supply_loop(stroke_s: float) -> LoopParameters:
    return LoopParameters(
        point=POINT["supply"],
        unit="degC",
        gain=3.0,
        integral_time_s=20.0,
        derivative_time_s=0.0,
        filter_ratio=8.0,
        tracking_time_s=20.0,
        setpoint_weight_ratio=1.0,
        output_min_pct=0.0,
        output_max_pct=100.0,
        output_rate_pct_per_s=100.0 / stroke_s,
        setpoint=SETPOINT_C,
        setpoint_rate_per_s=2.0 / 60.0,
        hold_s=0.75,
    )


def _pressure_loop() -> LoopParameters:
    return replace(
        _supply_loop(30.0),
        point=POINT["pressure"],
        unit="kPa",
        gain=0.1,
        integral_time_s=2.0,
        tracking_time_s=2.0,
        output_min_pct=30.0,
        output_rate_pct_per_s=PUMP_RATE_PCT_PER_S,
        setpoint=SETPOINT_KPA,
        setpoint_rate_per_s=1.0,
    )


def _actuators(stroke_s: float) -> list[ActuatorParameters]:
    def one(name: str, role: str, minimum: float, rate: float) -> ActuatorParameters:
        pump = role == "pump"
        return ActuatorParameters(
            device="cdu",
            name=name,
            role=role,
            minimum=minimum,
            maximum=100.0,
            zero_allowed=pump,
            slew_pct_per_s=rate,
            position=POINT[name],
            readback=POINT[f"{name}_rb"],
            cdu=0,
            failsafe_pct=75.0 if pump else float("nan"),
        )

    pumps = [one(f"pump{k}", "pump", 25.0, PUMP_RATE_PCT_PER_S) for k in (1, 2)]
    return [one("valve", "fws_valve", 0.0, 100.0 / stroke_s), *pumps]


def make_scenario_plan(
    stroke_s: float, period_s: float, model: ModelParameters | None, pumps: PumpGroupParameters = ALL_RUN
) -> Plan:
    """Return the plan of one CDU, with interpreted kernels."""
    cdu = CduParameters(
        name="cdu",
        device="cdu",
        supply_temp=_supply_loop(stroke_s),
        pressure=_pressure_loop(),
        valve=0,
        pumps=(1, 2),
        dew_point=POINT["dew"],
        dew_point_design_c=18.0,
        dew_point_margin_k=2.0,
        heat=POINT["heat"],
        remote=None,
        remote_value=1,
        failsafe_speed_pct=75.0,
        valve_table=((100.0, 40.0), (500.0, 68.0), (1040.0, 80.0)),
        wants_manual=False,
        required=tuple(range(8)),
        model=model,
        pump_group=pumps,
    )
    return make_plan([cdu], _actuators(stroke_s), period_s=period_s)


class Ours:
    """``step()`` on one plan; writes are acknowledged at once.

    Attributes:
        lost: names of readings that are bad.
        others_valve_pct: where another writer, who has the valve's register, holds it; NaN while nobody does.
    """

    def __init__(self, plan: Plan, kernels: Stages) -> None:
        self.plan = plan.with_kernels(kernels)
        self.state = initial_state(plan)
        self.registers: dict[str, float] = {}
        self.decision: Decision | None = None
        self.lost: set[str] = set()
        self.others_valve_pct = float("nan")

    def __call__(self, readings: dict[str, float], now_s: float) -> tuple[float, tuple[float, float]]:
        """Decide once."""
        value = np.array([self.registers.get(n, readings[n[:-3]]) if n.endswith("_rb") else readings[n] for n in NAMES])
        quality = np.full(value.size, int(Quality.GOOD), dtype=np.int64)
        for name in self.lost:
            value[POINT[name]], quality[POINT[name]] = np.nan, int(Quality.BAD)
        reason = np.zeros(value.size, dtype=np.int64)
        if np.isfinite(self.others_valve_pct):
            value[POINT["valve_rb"]], reason[POINT["valve_rb"]] = self.others_valve_pct, int(Reason.LOCAL_OVERRIDE)
        snapshot = Snapshot(value, quality, reason, np.zeros(value.size))
        self.state, self.decision = step(self.plan, self.state, snapshot, now_s)
        for name, command in zip(("valve", "pump1", "pump2"), self.decision.commands, strict=True):
            self.registers[f"{name}_rb"] = readings[name] if np.isnan(command) else float(command)
        if np.isfinite(self.others_valve_pct):
            self.registers["valve_rb"] = self.others_valve_pct
        return self.registers["valve_rb"], (self.registers["pump1_rb"], self.registers["pump2_rb"])


class SimplePid:
    """Two ``simple_pid.PID`` with the gains of the fixed PI, its output limits and the same rate limits."""

    def __init__(self, stroke_s: float, period_s: float) -> None:
        self.rates = (100.0 / stroke_s * period_s, PUMP_RATE_PCT_PER_S * period_s)
        self.period_s = period_s
        self.loops: list[PID] = []
        self.outputs = [0.0, 0.0]

    def __call__(self, readings: dict[str, float], now_s: float) -> tuple[float, float]:  # noqa: ARG002 - the protocol
        """Decide once."""
        if not self.loops:
            self.outputs = [readings["valve"], readings["pump1"]]
            self.loops = [
                PID(-3.0, -3.0 / 20.0, 0.0, setpoint=SETPOINT_C, sample_time=None, output_limits=(0.0, 100.0),
                    starting_output=self.outputs[0]),
                PID(0.1, 0.05, 0.0, setpoint=SETPOINT_KPA, sample_time=None, output_limits=(30.0, 100.0),
                    starting_output=self.outputs[1]),
            ]  # fmt: skip
        for k, name in enumerate(("supply", "pressure")):
            wanted: float = self.loops[k](readings[name], dt=self.period_s)  # type: ignore[assignment]
            self.outputs[k] = min(max(wanted, self.outputs[k] - self.rates[k]), self.outputs[k] + self.rates[k])
        return self.outputs[0], self.outputs[1]


MakeController = Callable[[float, float], Controller]


def contestants(kernels: Stages) -> dict[str, MakeController]:
    """Return who competes: a name and how to make one for (stroke, period) in seconds."""
    with_power = replace(DATA_SHEET, power=(POINT["power"],))
    return {
        "fixed_pi": lambda stroke_s, period_s: Ours(make_scenario_plan(stroke_s, period_s, None), kernels),
        "simple_pid": SimplePid,
        "ours": lambda stroke_s, period_s: Ours(make_scenario_plan(stroke_s, period_s, DATA_SHEET), kernels),
        "ours_power": lambda stroke_s, period_s: Ours(make_scenario_plan(stroke_s, period_s, with_power), kernels),
    }
