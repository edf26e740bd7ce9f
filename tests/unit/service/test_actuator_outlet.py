"""What a profile's write class becomes: a lease, a value that is kept, an act that is done once."""

import math

import pytest

from coolantd.protocol.profile import Role, WriteClass, WriteRule
from coolantd.service.actuator_outlet import policy_of


@pytest.mark.parametrize(
    ("write_class", "refresh_s", "once"),
    [
        (WriteClass.REFRESHED, 12.0, False),
        (WriteClass.PERSISTENT, math.inf, False),
        (WriteClass.COMMAND, math.inf, True),
    ],
)
def test_fm_50_a_write_class_decides_what_is_written_again(write_class, refresh_s, once):
    rule = WriteRule(
        role=Role.FWS_VALVE,
        minimum=0.0,
        maximum=100.0,
        position="valve_position_pct",
        refresh_s=12.0,
        write_class=write_class,
        min_interval_s=3.0,
        writes_per_hour_max=40,
        verify_delay_s=7.0,
    )
    policy = policy_of(rule)
    assert (policy.refresh_s, policy.once) == (refresh_s, once)
    assert (policy.min_interval_s, policy.writes_per_hour_max, policy.verify_delay_s) == (3.0, 40, 7.0)
