"""A site of a few CDUs and branch valves for tests of ``step``, and a device that does what it is told."""

from dataclasses import replace

import numpy as np

from coolantd.control.plan import ActuatorParameters, CduParameters, LoopParameters, make_plan
from coolantd.control.step import initial_state, step
from coolantd.point import Quality, Reason, Snapshot
from coolantd.safety.modes import Cause, Mode

PERIOD_S = 0.5
NAMES = (
    "supply", "pressure", "valve", "pump1", "pump2", "valve_rb", "pump1_rb", "pump2_rb", "dew", "heat", "remote"
)  # fmt: skip
VALVE, PUMP1, PUMP2 = range(3)
ROLES = ("valve", "pump1", "pump2")
SLEW = {"valve": 3.3, "pump1": 5.0, "pump2": 5.0, "branch": 2.0}
TABLE = ((100.0, 40.0), (500.0, 68.0), (1040.0, 80.0))
FAILSAFE_PCT = 75.0
STARTING_VALUES = {
    "supply": 34.0,
    "pressure": 90.0,
    "valve": 55.0,
    "pump1": 60.0,
    "pump2": 60.0,
    "valve_rb": 55.0,
    "pump1_rb": 60.0,
    "pump2_rb": 60.0,
    "dew": 13.0,
    "heat": 300.0,
    "remote": 1.0,
}


def loop(point, **changes):
    parameters = LoopParameters(
        point=point,
        unit="degC",
        gain=3.0,
        integral_time_s=20.0,
        derivative_time_s=0.0,
        filter_ratio=8.0,
        tracking_time_s=20.0,
        setpoint_weight_ratio=1.0,
        output_min_pct=0.0,
        output_max_pct=100.0,
        output_rate_pct_per_s=SLEW["valve"],
        setpoint=34.0,
        setpoint_rate_per_s=2.0 / 60.0,
        hold_s=0.75,
    )
    return replace(parameters, **changes)


def cdu_parts(number, *, name=None, device=None, cdu=None, supply_temp=None, pressure=None):
    """Return (CDU, its three actuators) at the ``number``-th block of points and actuators."""
    name = name or f"cdu{number}"
    device = device or name
    point = {each: number * len(NAMES) + k for k, each in enumerate(NAMES)}
    actuators = [
        ActuatorParameters(
            device=device,
            name=role,
            role="fws_valve" if role == "valve" else "pump",
            minimum=0.0 if role == "valve" else 25.0,
            maximum=100.0,
            zero_allowed=role != "valve",
            slew_pct_per_s=SLEW[role],
            position=point[role],
            readback=point[f"{role}_rb"],
            cdu=number,
            failsafe_pct=float("nan") if role == "valve" else FAILSAFE_PCT,
        )
        for role in ROLES
    ]
    pressure_loop = loop(
        point["pressure"],
        unit="kPa",
        gain=0.1,
        integral_time_s=2.0,
        tracking_time_s=2.0,
        output_min_pct=30.0,
        output_rate_pct_per_s=SLEW["pump1"],
        setpoint=90.0,
        setpoint_rate_per_s=1.0,
    )
    parameters = CduParameters(
        name=name,
        device=device,
        supply_temp=replace(loop(point["supply"]), **(supply_temp or {})),
        pressure=replace(pressure_loop, **(pressure or {})),
        valve=3 * number,
        pumps=(3 * number + 1, 3 * number + 2),
        dew_point=point["dew"],
        dew_point_design_c=18.0,
        dew_point_margin_k=2.0,
        heat=point["heat"],
        remote=point["remote"],
        remote_value=1,
        failsafe_speed_pct=FAILSAFE_PCT,
        valve_table=TABLE,
        wants_manual=False,
        required=tuple(point[each] for each in NAMES if each not in ("dew", "heat")),
    )
    return replace(parameters, **(cdu or {})), actuators


def site(count=1, *, branches=0, **changes):
    """Return a plan of ``count`` CDUs, all with the same changes, and ``branches`` branch valves after them."""
    parts = [cdu_parts(n, **changes) for n in range(count)]
    return assemble(parts, branches=branches)


def branch_valve(number, position):
    return ActuatorParameters(
        device="manifold",
        name=f"branch{number}",
        role="branch_valve",
        minimum=0.0,
        maximum=100.0,
        zero_allowed=False,
        slew_pct_per_s=SLEW["branch"],
        position=position,
        readback=None,
        cdu=None,
        fixed_pct=100.0,
    )


def assemble(parts, *, branches=0):
    actuators = [actuator for _, own in parts for actuator in own]
    first = len(parts) * len(NAMES)
    actuators += [branch_valve(k, first + k) for k in range(branches)]
    return make_plan([cdu for cdu, _ in parts], actuators, period_s=PERIOD_S)


class Rig:
    """A plan, its state and every point's present sample; the devices follow at once while they obey."""

    def __init__(self, plan, *, follows=True):
        self.plan = plan
        self.state = initial_state(plan)
        self.follows = follows
        self.now_s = 500.0
        n = len(plan.cdus) * len(NAMES) + sum(a.cdu is None for a in plan.actuators)
        self.value = np.full(n, 100.0)
        self.quality = np.full(n, int(Quality.GOOD), dtype=np.int64)
        self.reason = np.zeros(n, dtype=np.int64)
        for k in range(len(plan.cdus)):
            self.put(cdu=k, **STARTING_VALUES)
        self.decision = None

    def put(self, *, cdu=0, **values):
        for name, value in values.items():
            row = self.row(name, cdu)
            self.value[row], self.quality[row], self.reason[row] = value, int(Quality.GOOD), 0

    def row(self, name, cdu=0):
        if name.startswith("branch"):
            return len(self.plan.cdus) * len(NAMES) + int(name.removeprefix("branch"))
        return cdu * len(NAMES) + NAMES.index(name)

    def get(self, name, cdu=0):
        return float(self.value[self.row(name, cdu)])

    def spoil(self, *names, cdu=0, quality=Quality.BAD, reason=Reason.OUT_OF_RANGE):
        for name in names:
            row = self.row(name, cdu)
            self.quality[row], self.reason[row] = int(quality), int(reason)
            if quality is Quality.BAD:
                self.value[row] = np.nan

    def silence(self, *names, cdu=0):
        self.spoil(*names, cdu=cdu, reason=Reason.NO_COMMUNICATION)

    def snapshot(self):
        return Snapshot(self.value.copy(), self.quality.copy(), self.reason.copy(), np.zeros(self.value.size))

    def step(self, times=1, dt_s=PERIOD_S):
        for _ in range(times):
            self.now_s += dt_s
            self.state, self.decision = step(self.plan, self.state, self.snapshot(), self.now_s)
            if self.follows:
                self._follow()
        return self.decision

    def _follow(self):
        for i, actuator in enumerate(self.plan.actuators):
            command = self.decision.commands[i]
            if not np.isfinite(command):
                continue
            if actuator.readback is not None and self.quality[actuator.readback] != Quality.BAD:
                self.value[actuator.readback] = command
            obeys = actuator.cdu is None or self.get("remote", actuator.cdu) == 1.0
            if obeys and self.quality[actuator.position] != Quality.BAD:
                self.value[actuator.position] = command

    def mode(self, cdu=0):
        return Mode(int(self.decision.modes[cdu]))

    def cause(self, cdu=0):
        return Cause(int(self.decision.causes[cdu]))

    def command(self, actuator=VALVE):
        return float(self.decision.commands[actuator])

    def until(self, mode, limit=10, cdu=0):
        for _ in range(limit):
            self.step()
            if self.mode(cdu) is mode:
                return self
        raise AssertionError(f"still {self.mode(cdu)} after {limit} steps: {self.cause(cdu).label}")

    def reload(self, plan):
        from coolantd.control.step import carry_state

        self.state = carry_state(self.plan, self.state, plan)
        self.plan = plan


def controlling(plan=None, **changes):
    """Return a rig in automatic, some seconds in."""
    rig = Rig(plan or site(**changes)).until(Mode.AUTOMATIC)
    rig.step(4)
    return rig
