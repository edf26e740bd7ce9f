"""CDUs on one header in closed loop (row 15): nobody fights, a lost one is carried, and it comes back gently."""

import sys
from pathlib import Path

import numpy as np
import pytest

from coolantd.control.conditions import Condition
from coolantd.control.group_layout import G_STATE, GroupState

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))

from group import BIAS_KPA, SETPOINT_KPA, lose_one
from group_control import GroupControl, group_plan
from group_plant import GroupPlant


def settled(stages, *, count=4, load=0.75, duration_s=300.0):
    plant = GroupPlant(count, load)
    control = GroupControl(group_plan(count, grouped=True), stages, np.resize(BIAS_KPA, count))
    control.run(plant, duration_s)
    return plant, control


def states(control):
    return [GroupState(int(code)) for code in control.state.group_d[:, G_STATE]]


def test_row_15_the_others_carry_a_lost_unit_within_five_seconds(stages):
    figures = lose_one(stages, 4, 0.75, grouped=True)
    assert figures["back_85_s"] <= 5.0
    assert figures["dip_ratio"] >= 0.7
    assert figures["case_k"] <= 1.0
    assert figures["rack_inlet_k"] <= 1.0
    assert figures["share_spread_before"] <= 0.02
    assert figures["share_spread_after"] <= 0.02
    assert figures["return_peak_ratio"] <= 1.2


@pytest.mark.parametrize(("count", "load"), [(2, 0.5), (3, 0.6), (8, 0.8)])
def test_other_groups_manage_it_too(stages, count, load):
    assert lose_one(stages, count, load, grouped=True)["back_85_s"] <= 5.0


def test_fm_56_sensors_that_differ_do_not_drive_one_unit_against_another(stages):
    plant, control = settled(stages, duration_s=1800.0)
    assert np.ptp(plant.shares) <= 0.02
    assert np.ptp(control.decision.outputs[:, 1]) <= 1.5
    assert plant.header_pa / 1000.0 == pytest.approx(SETPOINT_KPA, abs=1.0)
    assert states(control) == [GroupState.MEMBER] * 4


def test_a_unit_out_of_touch_whose_pumps_go_on_raises_no_wave(stages):
    plant, control = settled(stages)
    control.silence = {1}
    rows = np.array(control.run(plant, 30.0))
    assert states(control)[1] is GroupState.OUT
    assert rows[:, 0].max() <= 1.08 * SETPOINT_KPA
    assert rows[:, 0].min() >= 0.95 * SETPOINT_KPA
    assert control.decision.conditions[:, Condition.GROUP_SHORT].tolist() == [1, 0, 1, 1]


def test_a_unit_that_returns_joins_first_and_counts_only_then(stages):
    plant, control = settled(stages)
    plant.units[1].available = False
    control.run(plant, 60.0)
    plant.units[1].available = True
    seen = []
    for _ in range(120):
        control.run(plant, 0.5)
        seen.append(states(control)[1])
        assert plant.header_pa / 1000.0 >= 0.9 * SETPOINT_KPA
    assert GroupState.JOINING in seen
    assert seen[-1] is GroupState.MEMBER
    assert np.ptp(plant.shares) <= 0.03
    assert not control.decision.conditions[:, Condition.GROUP_SHORT].any()


def test_units_alone_would_drift_apart(stages):
    """What the group is for: the same units and sensors, each loop on its own."""
    figures = lose_one(stages, 4, 0.75, grouped=False)
    assert figures["share_spread_before"] > 0.3
    assert figures["back_85_s"] > 5.0
