"""The profile format: every key reaches the profile, a contradiction is refused at its line."""

import pytest
from config_files import REPOSITORY, edited, line_of

from coolantd.config import profile_models
from coolantd.config.fields import Model
from coolantd.config.profiles import load_profile
from coolantd.errors import ConfigError
from coolantd.protocol.kinds import Access, Basis, Coding, PollClass, Table, WordOrder, WriteClass
from coolantd.protocol.profile import CommunicationLoss, Identity, RawSpan, TextPoint

SITE = """title = "t"
source = "s"
verified = false
firmware_point = "firmware"
uptime_point = "up_h"

[[text]]
name = "firmware"
address = 100
register_count = 4
swapped = true
basis = "inferred"
note = "n"

[identity]
point = "firmware"
text = "FW1"

[limits]
span_max_registers = 16
write_gap_s = 1.0
timeout_s = 2.5
connections_max = 1

[[communication_loss]]
point = "loss_action_code"
expected = 1
sentence = "says what"

[[block]]
table = "holding"
coding = "u16"
unit = "kPa"
minimum = -100.0
maximum = 1000.0
note = "of all"

[[block.point]]
name = "a_kpa"
address = 10
word_order = "DCBA"
source_unit = "psi"
fraction_bits = 3
rate_max_per_s = 50.0
poll = "once"

[[block.point]]
name = "b_kpa"
address = 11
raw_span = { raw_minimum = 6400, raw_maximum = 32000, value_minimum = 0, value_maximum = 1000, broken_below = 1200 }
firmware = "2."
basis = "verified"
note = "own"

[[block.point]]
name = "c_kpa"
address = 12
[block.point.write]
role = "pump"
minimum = 0.0
maximum = 100.0
position = "a_kpa"
write_class = "persistent"
min_interval_s = 5.0
writes_per_hour_max = 60
verify_delay_s = 1.5

[[block]]
table = "holding"
coding = "enum"
point = [
    { name = "loss_action_code", address = 20, access = "rw", value_names = { hold = 0, local = 1 } },
]

[[block]]
table = "discrete"
coding = "bool"
unit = "bool"
minimum = 0.0
maximum = 1.0
alarm = true
point = [
    { name = "leak_bool", address = 0 },
    { name = "door_bool", address = 1, alarm = false },
]

[[bits]]
address = 30
access = "rw"
command_bits = [1]
word_order = "DCBA"
names = ["mode_bool", "reset_bool"]

[[block]]
table = "input"
coding = "f64"
unit = "kW"
minimum = 0.0
maximum = 9.0
point = [{ name = "d_kw", address = 40 }]

[[block]]
table = "input"
coding = "u32"
unit = "h"
minimum = 0.0
maximum = 1e6

[[block.point]]
name = "up_h"
address = 60
"""


@pytest.fixture
def site(tmp_path):
    def load(text):
        (tmp_path / "own.toml").write_text(text)
        return load_profile("own", profiles_dir=tmp_path)

    return load


def test_i5_what_a_valves_wear_allows_reaches_the_profile(site):
    text = SITE.replace('role = "pump"', 'role = "fws_valve"\ntravel_strokes_per_day_max = 96.0')
    (valve,) = (point for point in site(text).registers if point.name == "c_kpa")
    assert valve.write.travel_strokes_per_day_max == 96.0


def test_every_new_key_reaches_the_profile(site):
    profile = site(SITE)
    points = {point.name: point for point in profile.registers}
    a, b, c, loss = (points[name] for name in ("a_kpa", "b_kpa", "c_kpa", "loss_action_code"))
    assert (a.word_order, a.source_unit, a.fraction_bits, a.rate_max_per_s) == (WordOrder.DCBA, "psi", 3, 50.0)
    assert (a.poll, a.access, a.basis, a.note) == (PollClass.ONCE, Access.READ, Basis.DOCUMENTED, "of all")
    assert b.raw_span == RawSpan(
        raw_minimum=6400, raw_maximum=32_000, value_minimum=0, value_maximum=1000, broken_below=1200
    )
    assert (b.firmware, b.basis, b.note) == ("2.", Basis.VERIFIED, "own")
    assert (c.access, c.write.write_class, c.write.min_interval_s) == (Access.READ_WRITE, WriteClass.PERSISTENT, 5.0)
    assert (c.write.writes_per_hour_max, c.write.verify_delay_s) == (60, 1.5)
    assert (loss.coding, loss.unit, loss.minimum, loss.maximum) == (Coding.ENUM, "code", 0.0, 1.0)
    assert (loss.value_names, loss.access) == (((0, "hold"), (1, "local")), Access.READ_WRITE)
    assert (points["mode_bool"].access, points["reset_bool"].access) == (Access.READ_WRITE, Access.COMMAND)
    assert points["mode_bool"].word_order is WordOrder.DCBA
    assert profile.alarms == ("leak_bool",)
    assert profile.texts == (
        TextPoint(
            name="firmware",
            table=Table.HOLDING,
            address=100,
            register_count=4,
            swapped=True,
            basis=Basis.INFERRED,
            note="n",
        ),
    )
    assert profile.identity == Identity(point="firmware", text="FW1")
    assert profile.communication_loss == (
        CommunicationLoss(point="loss_action_code", expected=1.0, sentence="says what"),
    )
    assert profile.firmware_point == "firmware"
    assert profile.uptime_point == "up_h"
    limits = profile.limits
    assert (limits.write_gap_s, limits.timeout_s, limits.connections_max) == (1.0, 2.5, 1)


def test_what_is_not_said_keeps_its_default(site):
    profile = site(SITE[: SITE.index("firmware_point")] + SITE[SITE.index('[[block]]\ntable = "discrete"') :])
    (point,) = [point for point in profile.registers if point.name == "d_kw"]
    assert (point.word_order, point.scale, point.offset, point.fraction_bits) == (WordOrder.ABCD, 1.0, 0.0, 0)
    assert (point.raw_span, point.source_unit, point.value_names, point.rate_max_per_s) == (None, None, (), None)
    assert (point.access, point.firmware, point.basis, point.note) == (Access.READ, None, Basis.DOCUMENTED, "")
    assert (profile.texts, profile.identity, profile.communication_loss) == ((), None, ())
    limits = profile.limits
    assert (limits.write_gap_s, limits.timeout_s, limits.connections_max) == (0.0, None, None)


@pytest.mark.parametrize(
    ("old", "new", "snippet", "words"),
    [
        ('word_order = "DCBA"\nsource', 'word_order = "ABDC"\nsource', "ABDC", "'BADC'"),
        ('source_unit = "psi"', 'source_unit = "atm"', "atm", "mbar"),
        ('source_unit = "psi"', 'source_unit = "degF"', "degF", "does not convert to kPa"),
        ("fraction_bits = 3", "fraction_bits = 33", "= 33", "0 to 32"),
        ("rate_max_per_s = 50.0", "rate_max_per_s = 0", "rate_max_per_s = 0", "above 0"),
        ('poll = "once"', 'poll = "twice"', "twice", "'once'"),
        ('name = "a_kpa"', 'name = "a_kpa"\ncoding = "f32"', "address = 11", "overlaps"),
        ("raw_span = {", "scale = 2\nraw_span = {", "raw_span = {", "beside scale"),
        ("raw_minimum = 6400", "raw_minimum = 32000", "raw_minimum = 32000", "raw_maximum not above raw_minimum"),
        ("value_maximum = 1000,", "value_maximum = 0,", "value_maximum = 0", "equal to value_minimum"),
        ("broken_below = 1200", "broken_below = 7000", "broken_below = 7000", "broken_below above raw_minimum"),
        ("broken_below = 1200", "broken_above = 7000", "broken_above = 7000", "broken_above below raw_maximum"),
        ("broken_below", "broken_beneath", "broken_beneath", "did you mean broken_below?"),
        ('firmware = "2."', 'firmware = ""', 'firmware = ""', "empty"),
        ('firmware_point = "firmware"\n', "", 'firmware = "2."', "needs firmware_point"),
        ('firmware_point = "firmware"', 'firmware_point = "a_kpa"', "firmware_point", "no text point"),
        ('uptime_point = "up_h"', 'uptime_point = "firmware"', "uptime_point", "no register point of unit s or h"),
        ('uptime_point = "up_h"', 'uptime_point = "a_kpa"', "uptime_point", "no register point of unit s or h"),
        ('name = "up_h"', 'name = "up_h"\npoll = "once"', "uptime_point", "read only once per connect"),
        ('name = "up_h"', 'name = "up_h"\naccess = "rw"', "uptime_point", "not a point that is only read"),
        ('basis = "verified"', 'basis = "guessed"', "guessed", "'inferred'"),
        ("min_interval_s = 5.0", "min_interval_s = -1", "min_interval_s = -1", "0 to 3600"),
        ("writes_per_hour_max = 60", "writes_per_hour_max = 0", "writes_per_hour_max = 0", "1 to 3600"),
        ("verify_delay_s = 1.5", "travel_strokes_per_day_max = 90.0", "max = 90.0", "a speed is not travel"),
        ('"pump"', '"fws_valve"\ntravel_strokes_per_day_max = 0.0', "max = 0.0", "1 to 10000"),
        ('write_class = "persistent"', 'write_class = "forever"', "forever", "'refreshed'"),
        ('"persistent"', '"refreshed"', "writes_per_hour_max = 60", "120 or more to renew every 30 s"),
        ('"persistent"\nmin_interval_s = 5', '"refreshed"\nmin_interval_s = 31', "s = 31", "longer than refresh_s"),
        ('name = "c_kpa"', 'name = "c_kpa"\naccess = "ro"', 'access = "ro"', "does not fit a write rule"),
        ('name = "c_kpa"', 'name = "c_kpa"\naccess = "command"', 'access = "command"', "does not fit a write rule"),
        ("{ hold = 0, local = 1 }", "{ hold = 1, local = 1 }", "hold = 1", "one code with two names"),
        ("{ hold = 0, local = 1 }", "{ hold = 0, local = 65536 }", "local = 65536", "not a value of enum"),
        ("{ hold = 0, local = 1 }", '{ hold = 0, local = "1" }', 'local = "1"', "an integer"),
        (", value_names = { hold = 0, local = 1 }", "", "loss_action_code\", address", "missing here and at the block"),
        ("address = 20,", "address = 20, scale = 2.0,", "scale = 2.0", "not scaled"),
        ('name = "a_kpa"', 'name = "a_kpa"\ncoding = "bits"', "fraction_bits = 3", "only for integers"),
        ("address = 0 }", 'address = 0, access = "rw" }', "address = 0, access", "nothing can write table discrete"),
        ("command_bits = [1]", "command_bits = [16]", "command_bits", "0 to 15"),
        ("register_count = 4", "register_count = 17", "register_count = 17", "longer than one read"),
        ("register_count = 4", "register_count = 0", "register_count = 0", "1 to 125"),
        ('name = "firmware"', 'name = "Firm ware"', "Firm ware", "malformed point name"),
        ('name = "firmware"', 'name = "a_kpa"', 'name = "a_kpa"', "already used"),
        ("swapped = true", 'table = "coil"', 'table = "coil"', "holds no text"),
        ("address = 100", "address = 10", "address = 10\n", "overlaps"),
        ("span_max_registers = 16", "span_max_registers = 3", "d_kw", "longer than one read"),
        ("timeout_s = 2.5", "timeout_s = 0", "timeout_s = 0", "above 0"),
        ("connections_max = 1", "connections_max = 0", "connections_max = 0", "1 to 64"),
        ('text = "FW1"', "number = 3", "[identity]", "no register point"),
        ('text = "FW1"', 'text = "FW1"\nnumber = 3', "[identity]", "neither or both"),
        ('text = "FW1"', "", "[identity]", "neither or both"),
        ('text = "FW1"', 'text = "much too long"', "much too long", "8 characters"),
        ('point = "firmware"\ntext', 'point = "a_kpa"\ntext', 'point = "a_kpa"', "no text point"),
        ("expected = 1", "expected = 2", "[[communication_loss]]", "0 to 1"),
        ('point = "loss_action_code"', 'point = "x"', "[[communication_loss]]", "no register point"),
        ("address = 40 }", "address = 40, alarm = true }", "title", "cannot be an alarm"),
    ],
)  # fmt: skip
def test_refused_at_its_line(site, tmp_path, old, new, snippet, words):  # noqa: PLR0917 - a table's columns
    text = edited((old, new), text=SITE)
    with pytest.raises(ConfigError) as caught:
        site(text)
    here = [p for p in caught.value.problems if words in str(p)]
    assert here, str(caught.value)
    assert here[0].file == str(tmp_path / "own.toml")
    assert line_of(text, snippet) in {p.line for p in here}, str(caught.value)


def test_points_of_firmwares_that_exclude_each_other_may_share_a_register(site):
    both = SITE.replace('poll = "once"', 'firmware = "1."').replace("address = 11", "address = 10")
    assert [p.name for p in site(both).registers if p.address == 10] == ["a_kpa", "b_kpa"]
    with pytest.raises(ConfigError, match="overlaps a_kpa"):
        site(both.replace('firmware = "1."', 'firmware = "2.1"'))


def test_sentinels_of_bits_are_patterns_of_the_whole_register(site):
    text = edited(("f64", "bits"), ('"kW"', '"bool"\nsentinels = [65535]'), ("d_kw", "d_bool"), text=SITE)
    (point,) = [p for p in site(text).registers if p.name == "d_bool"]
    assert point.sentinels == (65_535,)


def test_the_reference_names_every_key():
    """PROFILES.md is the format's reference: what the loader knows, it explains, as `key`."""
    text = (REPOSITORY / "PROFILES.md").read_text(encoding="utf-8")
    models = [
        value
        for value in vars(profile_models).values()
        if isinstance(value, type) and issubclass(value, Model) and value is not Model
    ]
    assert len(models) > 10
    keys = {key for model in models for key in model.model_fields}
    assert not sorted(key for key in keys if f"`{key}`" not in text)
    kinds = (Access, Basis, Coding, PollClass, Table, WordOrder, WriteClass)
    assert not sorted(kind.value for enum in kinds for kind in enum if f"`{kind.value}`" not in text)
