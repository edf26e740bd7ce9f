"""What a reload would change."""

import pytest
from config_files import DEMO, edited, loaded

from coolantd.config.diff import diff, refusals

OWN = '[[device]]\nname = "x"\nprofile = "own"\nmodbus_tcp = { host = "h" }\n\n[[cdu]]'
PUMP_1, PUMP_2 = "cdu1.pump1_speed_setpoint_pct", "cdu1.pump2_speed_setpoint_pct"
FAULT_1, FAULT_2 = "cdu1.fault_pump1_drive_bool", "cdu1.fault_pump2_drive_bool"
PROFILE = """title = "t"
source = "s"
verified = false
[[block]]
table = "holding"
coding = "u16"
unit = "degC"
minimum = 0
maximum = 60
point = [{ name = "a_c", address = 1 }]
"""


@pytest.fixture
def change(tmp_path):
    """The difference from the demo configuration that some edits make."""

    def make(*edits, base=DEMO):
        return diff(loaded(tmp_path, base), loaded(tmp_path, edited(*edits, text=base)))

    return make


def test_nothing(change):
    found = change(("# One virtual", "# One almost virtual"))
    assert found.empty
    assert not refusals(found)


def test_setpoint(change):
    found = change(("setpoint_c = 34.0", "setpoint_c = 35.0"))
    assert found.lines == ("cdu1.supply_temp.setpoint_c: 34.0 -> 35.0",)
    assert found.cdus_changed == ("cdu1",)
    assert not found.devices_changed
    assert not found.control_changed
    assert not refusals(found)


def test_same_value_written_otherwise_is_no_change(change):
    assert change(("setpoint_c = 34.0", "setpoint_c = 34")).empty


def test_valve_table_and_pumps(change):
    found = change(
        ("valve_position_pct = 68.0", "valve_position_pct = 70.0"),
        (', "cdu1.pump2_speed_setpoint_pct"]', "]"),
        (', ["cdu1.fault_pump2_drive_bool"]]', "]"),
    )
    assert found.lines == (
        f"cdu1.pressure.manipulated_variables: [{PUMP_1}, {PUMP_2}] -> [{PUMP_1}]",
        "cdu1.failsafe.valve_position_table[1].valve_position_pct: 68.0 -> 70.0",
        f"cdu1.pumps.faults: [[{FAULT_1}], [{FAULT_2}]] -> [[{FAULT_1}]]",
    )


def test_manual_position_given_and_taken(change):
    edit = ("[cdu.failsafe]", "[cdu.manual]\npump_speed_pct = 50\n\n[cdu.failsafe]")
    assert change(edit).lines == ("cdu1.manual.pump_speed_pct: not set -> 50.0",)
    assert change(edit[::-1], base=edited(edit)).lines == ("cdu1.manual.pump_speed_pct: 50.0 -> not set",)


def test_device_added_and_removed(change):
    device = (
        '[[device]]\nname = "cdu2"\nprofile = "row-cdu"\nmonitor_only = true\nmodbus_tcp = { host = "h" }\n\n[[cdu]]'
    )
    found = change(("[[cdu]]", device))
    assert (found.devices_added, found.devices_removed, found.devices_changed) == (("cdu2",), (), ())
    assert found.lines == ("device cdu2: added",)
    back = change((device, "[[cdu]]"), base=edited(("[[cdu]]", device)))
    assert back.devices_removed == ("cdu2",)
    assert back.lines == ("device cdu2: removed",)


def test_rename_is_one_removed_and_one_added(change):
    found = change(('[[cdu]]\nname = "cdu1"', '[[cdu]]\nname = "row-a"'))
    assert (found.cdus_added, found.cdus_removed, found.cdus_changed) == (("row-a",), ("cdu1",), ())


def test_order_of_devices_does_not_matter(change):
    first = DEMO[DEMO.index('[[device]]\nname = "cdu1"') : DEMO.index('[[device]]\nname = "manifold1"')]
    assert change((first, ""), ("[[cdu]]", f"{first}[[cdu]]")).empty


def test_device_address(change):
    found = change(("unit_id = 1", "unit_id = 2"))
    assert found.devices_changed == ("cdu1",)
    assert found.lines == ("device cdu1.modbus_tcp.unit_id: 1 -> 2",)


def test_changed_profile_changes_its_devices(tmp_path):
    (tmp_path / "profiles").mkdir()
    profile = tmp_path / "profiles" / "own.toml"
    text = edited(("[[cdu]]", OWN))
    profile.write_text(PROFILE)
    before = loaded(tmp_path, text)
    profile.write_text(PROFILE.replace("address = 1", "address = 2"))
    found = diff(before, loaded(tmp_path, text))
    assert found.devices_changed == ("x",)
    assert found.lines == ("device x.profile (content): changed",)


def test_sections(change):
    found = change(("period_s = 0.5 ", "period_s = 0.25 "), ("port = 1883", "port = 1884"))
    assert (found.control_changed, found.mqtt_changed, found.http_changed, found.paths_changed) == (
        True,
        True,
        False,
        False,
    )
    assert found.lines == ("control.period_s: 0.5 -> 0.25", "mqtt.port: 1883 -> 1884")
    assert not refusals(found)


def test_broker_given(change):
    manifold = DEMO[DEMO.index('[[device]]\nname = "manifold1"') : DEMO.index("[[cdu]]")]
    section = DEMO[DEMO.index("[mqtt]") : DEMO.index("[[device]]")]
    bare = edited((section, ""), (manifold, ""), (DEMO[DEMO.index("[[manifold]]") :], ""))
    found = change(("[[device]]", f"{section}[[device]]"), base=bare)
    assert found.mqtt_changed
    assert "mqtt.host: not set -> 127.0.0.1" in found.lines


@pytest.mark.parametrize(
    ("edit", "refused"),
    [
        (("port = 9470", "port = 9471"), "http.port: 9470 -> 9471"),
        (('host = "127.0.0.1"\nport = 9470', 'host = "::1"\nport = 9470'), "http.host: 127.0.0.1 -> ::1"),
        (('"/var/lib/coolantd"', '"/tmp/x"'), "paths.state: /var/lib/coolantd -> /tmp/x"),
        (('"/run/coolantd"', '"/tmp/x"'), "paths.runtime: /run/coolantd -> /tmp/x"),
    ],
)
def test_what_needs_a_restart_is_refused(change, edit, refused):
    (sentence,) = refusals(change(edit, ("setpoint_c = 34.0", "setpoint_c = 35.0")))
    assert sentence.startswith(refused)
    assert "restart" in sentence
