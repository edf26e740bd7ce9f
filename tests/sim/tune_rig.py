"""``coolantd tune`` without a wire: a session whose daemon is the real step on the scenario bench's plant."""

import math

from trial_rig import PERIOD_S, TrialRig

from coolantd.cli.tune_session import TrialRun
from coolantd.control.layout import PRESSURE, S_OUTPUT, SUPPLY_TEMP
from coolantd.control.trial_order import Method, TrialLimits, TrialOrder
from coolantd.errors import CoolantdError
from coolantd.safety.modes import Mode

SETTLE_S = 240.0
MEASURED = {
    "supply_temp": "supply",
    "pressure": "pressure",
    "valve_pct": "valve",
    "pump1_pct": "pump1",
    "pump2_pct": "pump2",
    "dew_point": "dew",
    "heat_kw": "heat",
    "return_temp": "return",
    "fws_temp": "fws",
    "flow_lpm": "flow",
    "fws_pressure_kpa": "fws_pressure",
}
COLUMNS = [
    "time_s", "supply_temp_output_pct", "pressure_output_pct", "supply_temp_setpoint", "pressure_setpoint", *MEASURED
]  # fmt: skip


class SimSession:
    """What ``TuneSession`` is to the command, on a ``TrialRig``.

    Args:
        rig: in automatic or manual.
        model: the sheet of its model, as the daemon tells it.

    Attributes:
        supply_c: true supply temperature of every cycle since the session began.
    """

    def __init__(self, rig: TrialRig, model):
        self.rig = rig
        self.supply_c = []
        self.facts = {
            "cdu": "cdu",
            "mode": Mode(int(rig.control.decision.modes[0])).label,
            "period_s": PERIOD_S,
            "loops": {"supply_temp": self._loop(SUPPLY_TEMP), "pressure": self._loop(PRESSURE)},
            "valve": {"tag": "cdu.valve", "index": 0, "minimum_pct": 0.0},
            "pumps": [{"tag": f"cdu.pump{k}", "index": k, "minimum_pct": 25.0} for k in (1, 2)],
            "model": model,
        }

    def _loop(self, k):
        cdu = self.rig.control.plan.cdus[0]
        loop = (cdu.supply_temp, cdu.pressure)[k]
        return {
            "gain": loop.gain, "integral_time_s": loop.integral_time_s, "unit": loop.unit, "setpoint": loop.setpoint,
            "output_pct": float(self.rig.control.state.s[0, k, S_OUTPUT]), "output_max_pct": loop.output_max_pct,
            "output_rate_pct_per_s": loop.output_rate_pct_per_s, "poll_s": 0.0,
        }  # fmt: skip

    def settle(self):
        if self.facts["mode"] == "automatic":
            self._run(SETTLE_S, [])

    def run(self, what, after_s, **order):
        trial = TrialRun(order, 1, COLUMNS, None)
        method = Method[order["method"].upper()]
        wanted = TrialOrder(
            cdu=0,
            loop=SUPPLY_TEMP if order["loop"] == "supply_temp" else PRESSURE,
            method=method,
            amplitude_pct=order["amplitude_pct"],
            segments=tuple(map(tuple, order.get("segments", ()))),
            actuator=order.get("actuator"),
            hysteresis=order.get("hysteresis", 0.1),
            limits=TrialLimits(supply_k=order["supply_limit_k"], pressure_ratio=order["pressure_limit_ratio"]),
        )
        why = self.rig.order(wanted)
        if why:
            raise CoolantdError(why)
        while not self.rig.trial.over:
            self._run(PERIOD_S, trial.rows)
        trial.ended_s = self.rig.trial.ended_s
        trial.phase, trial.cause = self.rig.trial.phase.name.lower(), self.rig.trial.abort.sentence
        self._run(after_s, trial.rows)
        return trial

    def _run(self, duration_s, rows):
        for _ in range(math.ceil(duration_s / PERIOD_S)):
            at_s = self.rig.now_s
            self.supply_c += list(self.rig.run(PERIOD_S)[0])
            s = self.rig.control.state.s[0]
            own = [at_s, s[0, S_OUTPUT], s[1, S_OUTPUT], 34.0, 90.0]
            rows.append([float(each) for each in (*own, *(self.rig.readings[name] for name in MEASURED.values()))])
