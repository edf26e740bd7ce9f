"""The scenario bench's plant under the real ``step``, with trials ordered as the daemon orders them."""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from coolantd.control.layout import S_OUTPUT, SUPPLY_TEMP
from coolantd.control.trial import begin, renewed, stopped
from coolantd.control.trial_limits import refusal
from coolantd.point import Quality

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from scenario_control import DATA_SHEET, NAMES, Ours, make_scenario_plan
from scenario_plant import NOMINAL, Rig

PERIOD_S = 0.5
DOUBLET = ((20.0, 0.0), (60.0, 1.0), (60.0, -1.0), (30.0, 0.0))


class TrialRig:
    """A plant and its controller, some minutes in.

    Args:
        model: None for fixed gains.

    Attributes:
        watched: whether somebody asks for the readings in every cycle.
    """

    def __init__(self, kernels, advance, *, load=0.6, plant=NOMINAL, model=DATA_SHEET, stroke_s=30.0, settle_s=900.0):
        self.rig = Rig(plant, stroke_s, advance)
        self.rig.load(load)
        self.control = Ours(make_scenario_plan(stroke_s, PERIOD_S, model), kernels)
        self.now_s = 0.0
        self.readings = None
        self.watched = True
        self.run(settle_s)

    def order(self, order):
        """Begin a trial; return the sentence of a refusal, empty where it began."""
        state, plan = self.control.state, self.control.plan
        value, quality = self.snapshot()
        why = refusal(order, plan, state.s, state.d, value, quality)
        if not why:
            trial = begin(order, plan, state.s, state.d, state.a, value)
            self.control.state = replace(state, trials=(trial,))
        return why

    def snapshot(self):
        registers = self.control.registers
        value = [registers.get(n, self.readings[n[:-3]]) if n.endswith("_rb") else self.readings[n] for n in NAMES]
        quality = [Quality.BAD if n in self.control.lost else Quality.GOOD for n in NAMES]
        return np.array(value), np.array(quality, dtype=np.int64)

    @property
    def trial(self):
        return self.control.state.trials[0]

    def stop(self):
        self.control.state = replace(self.control.state, trials=(stopped(self.trial),))

    def run(self, duration_s):
        """Return columns (true supply, valve command, pump command, valve output), one row a cycle."""
        rows = []
        for _ in range(round(duration_s / PERIOD_S)):
            if self.watched and self.control.state.trials:
                self.control.state = replace(self.control.state, trials=(renewed(self.trial),))
            self.readings = self.rig.measure()
            valve_pct, pump_pct = self.control(self.readings, self.now_s)
            self.rig.command(valve_pct, pump_pct)
            self.rig.advance(PERIOD_S)
            self.now_s += PERIOD_S
            output = self.control.state.s[0, SUPPLY_TEMP, S_OUTPUT]
            rows.append((self.rig.shown_supply_c, valve_pct, pump_pct[0], output))
        return np.array(rows).T
