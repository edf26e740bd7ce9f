"""What may be written must fit its registers: the daemon would find out in the middle of control, and end."""

import pytest
from config_files import edited

from coolantd.config.profiles import load_profile
from coolantd.errors import ConfigError

PROFILE = """title = "t"
source = "s"
verified = false

[heartbeat]
ours = "ours_count"
theirs = "theirs_count"
wrap_count = 65535
period_s = 1.0
timeout_s = 5.0

[remote_control]
point = "remote_bool"
remote_value = 1
local_value = 0

[unit_selector]
point = "imperial_bool"

[[block]]
table = "holding"
coding = "u16"
unit = "%"
minimum = 0.0
maximum = 100.0

[[block.point]]
name = "position_pct"
address = 1

[[block.point]]
name = "set_pct"
address = 0
access = "rw"
scale = 0.01
write = { role = "pump", minimum = 20.0, maximum = 100.0, zero_allowed = true, position = "position_pct" }

[[block]]
table = "holding"
coding = "u16"
unit = "count"
minimum = 0
maximum = 65535
point = [{ name = "ours_count", address = 10 }, { name = "theirs_count", address = 11 }]

[[block]]
table = "input"
coding = "u16"
unit = "count"
minimum = 0
maximum = 65535
point = [{ name = "fixed_count", address = 5 }]

[[block]]
table = "coil"
coding = "bool"
unit = "bool"
minimum = 0
maximum = 1
point = [{ name = "remote_bool", address = 0 }, { name = "imperial_bool", address = 1 }]
"""


def load(directory, *changes):
    (directory / "own.toml").write_text(edited(*changes, text=PROFILE))
    return load_profile("own", profiles_dir=directory)


def test_what_fits_is_taken(tmp_path):
    assert load(tmp_path).heartbeat.wrap_count == 65_535
    load(tmp_path, ("scale = 0.01", "scale = 0.01\nsentinels = [10001, 1999, 65535]"))


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("scale = 0.01", "scale = 0.001", "not every value can be sent"),
        ("scale = 0.01", "scale = 0.01\nsentinels = [2500]", "2500 means not available"),
        ("scale = 0.01", "scale = 0.01\nsentinels = [0]", "means not available"),
        ("scale = 0.01", 'scale = 0.01\nword_order = "BADC"\nsentinels = [2500]', "2500 means not available"),
        ("scale = 0.01", "scale = 0.01\noffset = 10.0", "not every value can be sent"),
        ('"ours_count", address = 10', '"ours_count", coding = "i16", address = 10', "ours_count cannot be sent this"),
        ("remote_value = 1", "remote_value = 2", "remote_bool cannot be sent this"),
        ('ours = "ours_count"', 'ours = "fixed_count"', "nothing can write table input"),
    ],
)
def test_what_does_not_fit_is_refused_at_load(tmp_path, old, new, words):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, (old, new))
    assert words in str(caught.value)


def test_a_scale_of_zero_is_said_once_and_no_traceback(tmp_path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, ("scale = 0.01", "scale = 0.0"))
    assert len(caught.value.problems) == 1
