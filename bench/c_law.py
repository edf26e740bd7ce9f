"""The supply law and the pressure loop in C (``bench/c/supply_law.c``): built here, fed from control's own arrays.

Compares one law in three forms on the same readings: compiled by numba, interpreted, and written by hand in C. The
readings are recorded from noisy CDUs in closed loop through a load step, a warm facility and a loss of its pressure. No
pump trips: the pump stage would lead the pressure loop's output then, and the C has no pump stage.
"""

import ctypes
import shutil
import subprocess
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from scenario_control import DATA_SHEET, NAMES, POINT
from scenario_fast import fleet_plan, instruments_of
from scenario_plant import PERTURBED, RACKS

from coolantd.control import layout as at
from coolantd.control.arrays import Fixed, Memory, Seen
from coolantd.control.loops import HELPERS, run_loops
from coolantd.control.plan import Plan
from coolantd.kernel import Kernel, KernelFunction
from coolantd.plant import layout as plant_at
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import reference_plant
from coolantd.point import FloatArray
from coolantd.safety.modes import Mode
from coolantd.sim.fast_kernel import LIVE
from coolantd.sim.fast_layout import Target
from coolantd.sim.fastloop import Event, FastLoop

SOURCE: Final = Path(__file__).parent / "c" / "supply_law.c"
FLAGS: Final = ("-O2", "-ffp-contract=off", "-shared", "-fPIC")
"""No -ffast-math: the two may differ by rounding alone."""
PERIOD_S: Final = 0.5
SETTLE_S: Final = 300.0
STORY_S: Final = 240.0
AGREEMENT_PCT: Final = 1e-9
_AUTOMATIC: Final = int(Mode.AUTOMATIC)

LOOP: Final = (
    at.P_GAIN, at.P_ACTION, at.P_INTEGRAL_TIME_S, at.P_DERIVATIVE_TIME_S, at.P_FILTER_RATIO, at.P_TRACKING_TIME_S,
    at.P_SETPOINT_WEIGHT, at.P_OUTPUT_MIN, at.P_OUTPUT_MAX, at.P_OUTPUT_RATE, at.P_SETPOINT, at.P_SETPOINT_RATE,
)  # fmt: skip
LOOP_STATE: Final = (
    at.S_OUTPUT, at.S_INTEGRAL, at.S_FILTERED, at.S_SETPOINT, at.S_GAIN_USED, at.S_WEIGHT_USED, at.S_SETPOINT_USED,
)  # fmt: skip
MODEL: Final = (
    at.C_MODEL_UA_KW_K, at.C_MODEL_TCS_RATED_LPM, at.C_MODEL_FWS_RATED_LPM, at.C_MODEL_KV_LPM,
    at.C_MODEL_FWS_RESISTANCE, at.C_MODEL_LN_RANGEABILITY, at.C_MODEL_TCS_CAPACITY, at.C_MODEL_FWS_CAPACITY,
    at.C_MODEL_EXCHANGER_L, at.C_MODEL_PIPE_L, at.C_MODEL_TANK_L, at.C_MODEL_PLATE_LAG_S, at.C_MODEL_SENSOR_LAG_S,
    at.C_MODEL_ACTUATOR_LAG_S, at.C_MODEL_DEADBAND_PCT, at.C_DEW_MARGIN_K,
)  # fmt: skip
MODEL_STATE: Final = (
    at.D_MODEL_HOT_C, at.D_MODEL_COLD_C, at.D_MODEL_FLOW_LPM, at.D_MODEL_DP_KPA, at.D_MODEL_HOT_SLOW_C,
    at.D_MODEL_COLD_SLOW_C, at.D_MODEL_HOT_CALM_C, at.D_MODEL_COLD_CALM_C, at.D_MODEL_VALVE_PCT, at.D_MODEL_SEEN_PCT,
    at.D_MODEL_SEEN_LPM, at.D_MODEL_SEEN_KPA, at.D_MODEL_SUPPLY_C, at.D_MODEL_BIAS_K, at.D_MODEL_TRIM_K,
    at.D_MODEL_STUCK_S, at.D_MODEL_OFFSET_PCT, at.D_MODEL_FREED_PCT, at.D_MODEL_FREEING_PCT,
    *range(at.D_MODEL_HEAT_KW, at.D_MODEL_HEAT_KW + at.HEAT_STAGES),
)  # fmt: skip
"""Columns of control's arrays in the order of the C structs."""
SUPPLY_OUTPUT: Final = LOOP_STATE.index(at.S_OUTPUT)
PRESSURE_OUTPUT: Final = len(LOOP_STATE) + SUPPLY_OUTPUT


def law_rows(fixed: Fixed, memory: Memory, seen: Seen, dt_s: float) -> None:
    """Run both loops of every CDU in automatic, and nothing else: what the C does."""
    for n in range(fixed.p.shape[0]):
        run_loops(
            fixed.p[n],
            memory.s[n],
            fixed.c[n],
            memory.d[n],
            fixed.x[n],
            fixed.tables[n],
            fixed.y,
            fixed.f,
            seen.value,
            seen.quality,
            seen.reason,
            _AUTOMATIC,
            False,  # noqa: FBT003 - kernels take no keywords
            dt_s,
        )


LAW: Final = Kernel(law_rows, HELPERS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """Recorded cycles of CDUs in automatic.

    Attributes:
        plan: theirs.
        memory: what control remembered before the first of them.
        seen: readings of each cycle.
        outputs: (cycles, cdus, LOOPS) of the loops in each, %.
    """

    plan: Plan
    memory: Memory
    seen: list[Seen]
    outputs: FloatArray


def copied(memory: Memory) -> Memory:
    """Return the same arrays once more."""
    return Memory(**{name: array.copy() for name, array in memory._asdict().items()})


def record(cdus: int, live: KernelFunction, advance: KernelFunction) -> Story:
    """Let noisy CDUs settle at a tenth of the load, then go through load and facility, and write it down."""
    plan = fleet_plan(cdus, PERIOD_S, replace(DATA_SHEET, power=(POINT["power"],)))
    noisy = next(plant for plant in PERTURBED if plant.name == "worst corner")
    loop = FastLoop(
        plan,
        [Plant(reference_plant(), kernel=advance) for _ in range(cdus)],
        [each for n in range(cdus) for each in instruments_of(noisy, n)],
        points=cdus * len(NAMES),
        events=[event for n in range(cdus) for event in _events(n)],
        kernel=live,
    )
    loop.run(SETTLE_S)
    memory, seen, outputs = copied(loop.memory), [], []
    for _ in range(round(STORY_S / PERIOD_S)):
        loop.run(PERIOD_S)
        if not (loop.memory.d[:, at.D_MODE] == _AUTOMATIC).all():
            raise SystemExit("the recorded CDUs left automatic: nothing to compare")
        seen.append(Seen(**{name: array.copy() for name, array in loop.seen._asdict().items()}))
        outputs.append(loop.memory.s[:, :, at.S_OUTPUT].copy())
    return Story(plan=plan, memory=memory, seen=seen, outputs=np.array(outputs))


def _events(plant: int) -> list[Event]:
    heat = [plant_at.I_RACK + rack * plant_at.I_STRIDE + plant_at.IR_HEAT_W for rack in range(RACKS)]
    rated_w = reference_plant().rack_heat_rated_w
    said = [(0.0, slot, 0.1 * rated_w) for slot in heat] + [(SETTLE_S + 20.0, slot, rated_w) for slot in heat]
    pressure = plant_at.I_FWS_DIFFERENTIAL_PRESSURE_PA
    said += [(SETTLE_S + 120.0, plant_at.I_FWS_SUPPLY_TEMP_C, 30.0), (SETTLE_S + 180.0, pressure, 85e3)]
    return [Event(time_s=t, target=Target.INPUT, row=plant, column=slot, value=value) for t, slot, value in said]


def build(directory: Path) -> ctypes.CDLL | None:
    """Return the C law, built into a directory; None where there is no compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    library = directory / "supply_law.so"
    subprocess.run([compiler, *FLAGS, "-o", str(library), str(SOURCE), "-lm"], check=True)
    return ctypes.CDLL(str(library))


class CLaw:
    """The C law on a story: parameters, state and readings in the structs' order."""

    def __init__(self, library: ctypes.CDLL, story: Story) -> None:
        self._rows = library.law_rows
        self._rows.argtypes = [ctypes.c_void_p] * 3 + [ctypes.c_ssize_t, ctypes.c_double]
        self._rows.restype = None
        p, c = story.plan.p, story.plan.c
        blocks = [p[:, at.SUPPLY_TEMP][:, LOOP], p[:, at.PRESSURE][:, LOOP], c[:, MODEL]]
        self.params = np.ascontiguousarray(np.hstack(blocks))
        self.inputs = [_inputs(story.plan, seen) for seen in story.seen]
        self.state = np.zeros((len(c), 0))
        self.reset(story.memory)

    def reset(self, memory: Memory) -> None:
        """Begin where control's memory is."""
        s, d = memory.s, memory.d
        loops = [s[:, at.SUPPLY_TEMP][:, LOOP_STATE], s[:, at.PRESSURE][:, LOOP_STATE]]
        self.state = np.ascontiguousarray(np.hstack([*loops, d[:, MODEL_STATE]]))

    def cycle(self, k: int) -> None:
        """Decide every CDU on the readings of one recorded cycle."""
        params, state, inputs = (array.ctypes.data for array in (self.params, self.state, self.inputs[k]))
        self._rows(params, state, inputs, len(self.state), PERIOD_S)

    def outputs(self) -> FloatArray:
        """Return (cdus, LOOPS) outputs, %."""
        return self.state[:, [SUPPLY_OUTPUT, PRESSURE_OUTPUT]]


def _inputs(plan: Plan, seen: Seen) -> FloatArray:
    names = ("supply", "pressure", "return", "fws", "flow", "fws_pressure", "dew", "power", "valve", "valve_rb")
    value = seen.value.reshape(len(plan.cdus), len(NAMES))
    pumps = [np.maximum(value[:, POINT[f"pump1{tail}"]], value[:, POINT[f"pump2{tail}"]]) for tail in ("", "_rb")]
    return np.ascontiguousarray(np.column_stack([value[:, [POINT[name] for name in names]], *pumps]))


def greatest_difference_pct(law: CLaw, story: Story) -> float:
    """Return by how much an output of the C ever differs from the compiled law's in closed loop."""
    law.reset(story.memory)
    worst = 0.0
    for k, expected in enumerate(story.outputs):
        law.cycle(k)
        worst = max(worst, float(np.abs(law.outputs() - expected).max()))
    return worst


class Forms:
    """The law in its forms over one story, each a function that decides a number of cycles."""

    def __init__(self, cdus: int) -> None:
        live, advance = LIVE.compiled(cache=False), ADVANCE.compiled(cache=False)
        self.story = record(cdus, live, advance)
        self.fixed = self.story.plan.arrays()
        self.law = LAW.compiled(cache=False)
        with tempfile.TemporaryDirectory() as directory:
            library = build(Path(directory))
        self.in_c = None if library is None else CLaw(library, self.story)
        self._memories = {True: copied(self.story.memory), False: copied(self.story.memory)}

    def compiled(self, cycles: int) -> None:
        """Decide with numba's form."""
        self._python(self.law, self._memories[True], cycles)

    def interpreted(self, cycles: int) -> None:
        """Decide with the law as it is written."""
        self._python(law_rows, self._memories[False], cycles)

    def c(self, cycles: int) -> None:
        """Decide with the C."""
        assert self.in_c is not None
        for k in range(cycles):
            self.in_c.cycle(k % len(self.story.seen))

    def _python(self, law: KernelFunction, memory: Memory, cycles: int) -> None:
        for k in range(cycles):
            law(self.fixed, memory, self.story.seen[k % len(self.story.seen)], PERIOD_S)
