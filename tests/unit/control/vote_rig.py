"""One vote over some sensors, to be told values and qualities by hand."""

import numpy as np

from coolantd.control.sensor_layout import (
    MEMBER_STATE,
    MIDDLE,
    VM_DRIFTS,
    VM_EXCLUDED,
    VS_DISAGREE,
    VS_MEMBER,
)
from coolantd.control.sensor_plan import SensorPlan, VoteParameters, initial_sensors
from coolantd.control.voting import vote_one
from coolantd.point import Quality, Reason

PERIOD_S = 0.5
APART, APART_S, RATE_PER_S = 1.0, 30.0, 1.0 / 60.0


class VoteRig:
    """Members at rows 0…, the voted point behind them."""

    def __init__(self, *values, rule=MIDDLE, safe=1):
        self.count = len(values)
        tags = tuple(f"cdu1.t{k}" for k in range(self.count))
        vote = VoteParameters(
            tag="cdu1.voted",
            members=tags,
            cdu=0,
            point=self.count,
            member_points=tuple(range(self.count)),
            rule=rule,
            safe=safe,
            apart=APART,
            apart_s=APART_S,
            rate_per_s=RATE_PER_S,
            drift=0.4,
        )
        self.plan = SensorPlan((vote,))
        self.state = initial_sensors(self.plan)
        self.value = np.array([*values, np.nan])
        self.quality = np.full(self.count + 1, int(Quality.GOOD), dtype=np.int64)
        self.reason = np.zeros(self.count + 1, dtype=np.int64)
        self.age_s = np.full(self.count + 1, 0.1)
        self.run()

    def put(self, k, value):
        self.value[k], self.quality[k], self.reason[k] = value, int(Quality.GOOD), 0

    def spoil(self, k, quality=Quality.BAD, reason=Reason.OUT_OF_RANGE):
        self.quality[k], self.reason[k] = int(quality), int(reason)
        if quality is Quality.BAD:
            self.value[k] = np.nan

    def run(self, duration_s=PERIOD_S):
        """Return the voted value of the last cycle."""
        for _ in range(round(duration_s / PERIOD_S)):
            vx, vp, vs = self.plan.vx[0], self.plan.vp[0], self.state.vs[0]
            vote_one(vx, vp, vs, self.value, self.quality, self.reason, self.age_s, PERIOD_S)
        return float(self.value[self.count])

    @property
    def voted(self):
        return float(self.value[self.count])

    @property
    def voted_quality(self):
        return Quality(int(self.quality[self.count]))

    @property
    def voted_reason(self):
        return Reason(int(self.reason[self.count]))

    @property
    def disagree(self):
        return self.state.vs[0, VS_DISAGREE] != 0.0

    def excluded(self):
        return [k for k in range(self.count) if self.state.vs[0, VS_MEMBER + k * MEMBER_STATE + VM_EXCLUDED] != 0.0]

    def drifting(self):
        return [k for k in range(self.count) if self.state.vs[0, VS_MEMBER + k * MEMBER_STATE + VM_DRIFTS] != 0.0]
