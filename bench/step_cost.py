"""What one control cycle costs: the whole ``step()`` for 1 and 100 CDUs, compiled and interpreted, against simple-pid.

The peer does the same regulatory law for the same CDUs in the same run: two ``simple_pid.PID`` per CDU with the same
gains, output limits and measured dt, then the same rate limit on each output and one command per actuator. That is all
it does. ``step()`` also lets two supply sensors vote, runs the estimator, resets the pressure setpoint within two
limits, keeps a standby pump, inverts a model of the exchanger so that the valve moves ahead of the temperature,
judges the quality of every input, runs modes and failsafe, ramps setpoints over a dew-point floor, adopts and tracks
actuators, pulls integrals back to what was achieved, and passes every command through the envelope. The peer gets
plain floats; ``step()`` gets the snapshot that the point table makes of every point.

Then the law alone, supply temperature with feedforward and power and the pressure loop, for 100 CDUs in three forms on
the same recorded readings: compiled, interpreted, and in C by hand (``c_law``), whose outputs must agree to 1e-9 %.

Times are the processor's own, so that a machine that does other things too does not count against anybody.

Usage: ``python bench/step_cost.py [--json] [--rounds N]``
"""

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from importlib import metadata
from typing import Final

from c_law import AGREEMENT_PCT, FLAGS, Forms, greatest_difference_pct
from simple_pid import PID
from step_site import SNAPSHOTS, site

from coolantd.control.plan import LoopParameters, Plan
from coolantd.control.stages import compiled_stages
from coolantd.control.step import initial_state, step
from coolantd.point import Snapshot
from coolantd.safety.modes import Mode

SIZES: Final = (1, 100)
SLICE_S: Final = 0.02
"""Each contestant runs about this long in a round, so that none is measured by a few calls."""
PROGRESS_S: Final = 2.0
TARGET_US: Final = 10.0
"""Per CDU for the whole compiled ``step()`` in a batch of 100."""

Turn = Callable[[int], object]


class Ours:
    """``step()`` in automatic on one plan."""

    def __init__(self, plan: Plan, story: list[Snapshot]) -> None:
        self.plan, self.story = plan, story
        self.state, self.now_s = initial_state(plan), 0.0
        for _ in range(4):
            self.turn(1)

    def turn(self, times: int) -> None:
        """Decide ``times`` times."""
        for k in range(times):
            self.now_s += self.plan.period_s
            self.state, self.decision = step(self.plan, self.state, self.story[k % SNAPSHOTS], self.now_s)
        if times > 1 and not (self.decision.modes == Mode.AUTOMATIC).all():
            raise SystemExit("the benchmark left automatic: it no longer measures what it says")


def _peer_of(loop: LoopParameters, action: float, start_pct: float) -> PID:
    gain = action * loop.gain
    return PID(
        gain,
        gain / loop.integral_time_s,
        -gain * loop.derivative_time_s,
        setpoint=loop.setpoint,
        sample_time=None,
        output_limits=(loop.output_min_pct, loop.output_max_pct),
        starting_output=start_pct,
    )


class Peer:
    """The same loops on simple-pid, plus the rate limit and one command per actuator."""

    def __init__(self, plan: Plan, story: list[Snapshot]) -> None:
        self.dt_s = plan.period_s
        self.loops = []
        self.values = [
            [[float(s.value[c.supply_temp.point]), float(s.value[c.pressure.point])] for c in plan.cdus] for s in story
        ]
        for cdu in plan.cdus:
            self.loops.append((_peer_of(cdu.supply_temp, -1.0, 50.0), cdu.supply_temp.output_rate_pct_per_s))
            self.loops.append((_peer_of(cdu.pressure, 1.0, 50.0), cdu.pressure.output_rate_pct_per_s))
        self.outputs = [50.0] * len(self.loops)
        self.pumps = [len(cdu.pumps) for cdu in plan.cdus]

    def turn(self, times: int) -> list[float]:
        """Decide ``times`` times."""
        commands: list[float] = []
        dt_s, outputs = self.dt_s, self.outputs
        for k in range(times):
            values = self.values[k % SNAPSHOTS]
            for i, (pid, rate) in enumerate(self.loops):
                wanted: float = pid(values[i >> 1][i & 1], dt=dt_s)  # type: ignore[assignment]
                reach = rate * dt_s
                outputs[i] = min(max(wanted, outputs[i] - reach), outputs[i] + reach)
            commands = []
            for n, pumps in enumerate(self.pumps):
                commands.append(outputs[2 * n])
                commands.extend([outputs[2 * n + 1]] * pumps)
        return commands


def _time_s(turn: Turn, times: int) -> float:
    begun_s = time.process_time()
    turn(times)
    return (time.process_time() - begun_s) / times


def measure(contestants: dict[str, Turn], rounds: int, progress: Callable[[int], None]) -> dict[str, float]:
    """Return the median over interleaved rounds of the time of one turn, in microseconds."""
    times = {name: max(2, round(SLICE_S / _time_s(turn, 3))) for name, turn in contestants.items()}
    taken_s: dict[str, list[float]] = {name: [] for name in contestants}
    for number in range(rounds):
        for name, turn in contestants.items():
            taken_s[name].append(_time_s(turn, times[name]))
        progress(number + 1)
    return {name: statistics.median(values) * 1e6 for name, values in taken_s.items()}


def run(rounds: int, progress: Callable[[str], None]) -> dict[str, object]:
    """Return every figure."""
    progress("compiling")
    kernels = compiled_stages(cache=False)
    result: dict[str, object] = {
        "bench": "step_cost",
        "machine": platform.machine(),
        "python": platform.python_version(),
        "peer": f"simple-pid {metadata.version('simple-pid')}",
        "rounds": rounds,
        "loops_per_cdu": 2,
    }
    for count in SIZES:
        plan, story = site(count)
        contestants: dict[str, Turn] = {
            "compiled": Ours(plan.with_kernels(kernels), story).turn,
            "interpreted": Ours(plan, story).turn,
            "simple_pid": Peer(plan, story).turn,
        }
        us = measure(contestants, rounds, lambda n, c=count: progress(f"{c} CDU: round {n} of {rounds}"))  # type: ignore[misc]
        result[f"cdus_{count}"] = {
            **{f"{name}_us": round(value, 2) for name, value in us.items()},
            **{f"{name}_us_per_cdu": round(value / count, 3) for name, value in us.items()},
            "simple_pid_over_compiled_ratio": round(us["simple_pid"] / us["compiled"], 3),
            "simple_pid_over_interpreted_ratio": round(us["simple_pid"] / us["interpreted"], 4),
            "interpreted_over_compiled_ratio": round(us["interpreted"] / us["compiled"], 2),
            "target_met": us["compiled"] / count <= TARGET_US,
            "compiled_share_of_period_ratio": round(us["compiled"] * 1e-6 / plan.period_s, 7),
        }
    result["target_us_per_cdu"] = TARGET_US
    result["law_100"] = law_forms(100, rounds, progress)
    return result


def law_forms(count: int, rounds: int, progress: Callable[[str], None]) -> dict[str, object]:
    """Return what the law alone costs in each form; without C where there is no compiler."""
    progress("compiling the law alone")
    forms = Forms(count)
    contestants: dict[str, Turn] = {"compiled": forms.compiled, "interpreted": forms.interpreted}
    result: dict[str, object] = {"c": "no C compiler found: not measured"}
    if forms.in_c is not None:
        difference_pct = greatest_difference_pct(forms.in_c, forms.story)
        if not difference_pct <= AGREEMENT_PCT:
            raise SystemExit(f"the law in C differs by {difference_pct} %: it is not the same law")
        contestants["c"] = forms.c
        result = {"c": f"gcc {' '.join(FLAGS)}", "greatest_difference_pct": difference_pct}
    us = measure(contestants, rounds, lambda n: progress(f"the law alone: round {n} of {rounds}"))
    result |= {f"{name}_us_per_cdu": round(value / count, 3) for name, value in us.items()}
    result["interpreted_over_compiled_ratio"] = round(us["interpreted"] / us["compiled"], 1)
    if "c" in us:
        result["compiled_over_c_ratio"] = round(us["compiled"] / us["c"], 2)
    return result


def table(result: dict[str, object]) -> str:
    """Return the figures for people."""
    lines = [f"one control cycle, median of {result['rounds']} interleaved rounds"]
    for count in SIZES:
        row = result[f"cdus_{count}"]
        assert isinstance(row, dict)
        lines.append(f"\n{count} CDU{'s' * (count > 1)}")
        for name, title in (
            ("compiled", "step(), compiled"),
            ("interpreted", "step(), interpreted"),
            ("simple_pid", "simple-pid, the bare loops"),
        ):
            lines.append(f"  {title:<28}{row[name + '_us']:>12.1f} us {row[name + '_us_per_cdu']:>10.2f} us per CDU")
        lines.append(f"  {'simple-pid / compiled':<28}{row['simple_pid_over_compiled_ratio']:>12.2f} x")
        if count == SIZES[-1]:
            verdict = "met" if row["target_met"] else "MISSED"
            lines.append(f"  {'target':<28}{TARGET_US:>12.1f} us per CDU: {verdict}")
    law = result["law_100"]
    assert isinstance(law, dict)
    lines.append("\nthe law alone, 100 CDUs in automatic, the same readings")
    for name, title in (("compiled", "compiled"), ("interpreted", "interpreted"), ("c", "C by hand")):
        if f"{name}_us_per_cdu" in law:
            lines.append(f"  {title:<28}{law[f'{name}_us_per_cdu']:>12.2f} us per CDU")
    lines.append(f"  {'interpreted / compiled':<28}{law['interpreted_over_compiled_ratio']:>12.1f} x")
    if "compiled_over_c_ratio" in law:
        lines.append(f"  {'compiled / C':<28}{law['compiled_over_c_ratio']:>12.2f} x")
        lines.append(f"  outputs of the two differ by at most {law['greatest_difference_pct']:.0e} %")
    else:
        lines.append(f"  C: {law['c']}")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description="Cost of one control cycle against simple-pid.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, default=40)
    arguments = parser.parse_args()
    if not 3 <= arguments.rounds <= 10_000:
        parser.error(f"--rounds is {arguments.rounds}, allowed: 3 to 10000")
    begun_s = time.monotonic()

    def progress(what: str) -> None:
        if sys.stderr.isatty() and time.monotonic() - begun_s > PROGRESS_S:
            print(f"\r{what:<60}", end="", file=sys.stderr, flush=True)

    result = run(arguments.rounds, progress)
    if sys.stderr.isatty():
        print(f"\r{'':<60}\r", end="", file=sys.stderr)
    print(json.dumps(result) if arguments.json else table(result))


if __name__ == "__main__":
    main()
