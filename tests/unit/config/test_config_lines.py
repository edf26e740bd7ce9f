"""[[line]], modbus_rtu and [[proxy]]: what is refused, at which line and key, with which words; and what is not."""

import pytest
from config_files import DEMO, edited, line_of, loaded, problems

from coolantd.config.diff import diff, refusals
from coolantd.config.line_load import load_ratio, read_s
from coolantd.config.line_models import BAUDRATES, LineConfig
from coolantd.config.models import DeviceConfig
from coolantd.config.profiles import load_profile
from coolantd.device import serial_port
from coolantd.protocol.kinds import Table
from coolantd.protocol.spans import Span

SITE = """[site]
name = "row"

[[line]]
name = "rack-bus"
port = "/dev/serial/by-id/usb-a"
baudrate = 19200

[[line]]
name = "far-bus"
host = "192.0.2.5"
tcp_port = 4001
turnaround_s = 2.0
loopback = false

[[device]]
name = "rpu1"
profile = "orv3-rpu"
modbus_rtu = { line = "rack-bus", unit_id = 12 }
monitor_only = true

[[device]]
name = "rpu2"
profile = "orv3-rpu"
modbus_rtu = { line = "far-bus", unit_id = 12 }
monitor_only = true

[[device]]
name = "rpu3"
profile = "orv3-rpu"
modbus_tcp = { host = "192.0.2.6", port = 502, unit_id = 12 }
monitor_only = true

[[proxy]]
port = 5502
units = [
    { unit_id = 1, device = "rpu1", age_unit_id = 101 },
    { unit_id = 2, device = "rpu3" },
]
"""
RPU2_ON_RACK_BUS = ('{ line = "far-bus", unit_id = 12 }', '{ line = "rack-bus", unit_id = 12 }')
NO_FAR_BUS = (SITE[SITE.index('[[line]]\nname = "far-bus"') : SITE.index('[[device]]\nname = "rpu1"')], "")

REFUSED = {
    # name: (edits, key, snippet on the reported line, words of the message)
    "unknown line": (
        [('line = "rack-bus"', 'line = "rock-bus"')], "device[0].modbus_rtu.line", "rock-bus", "far-bus, rack-bus"),
    "line nobody uses": (
        [('{ line = "far-bus", unit_id = 12 }', '{ line = "rack-bus", unit_id = 13 }')],
        "line[1].name", 'name = "far-bus"', "no device is on this line"),
    "two lines of a name": (
        [('name = "far-bus"', 'name = "rack-bus"'), RPU2_ON_RACK_BUS], "line[1].name", None, "already used"),
    "two lines on a port": (
        [('host = "192.0.2.5"\ntcp_port = 4001', 'port = "/dev/serial/by-id/usb-a"')],
        "line[1].port", None, "same endpoint as the line at"),
    "a line and a TCP device at one endpoint": (
        [('host = "192.0.2.5"\ntcp_port = 4001', 'host = "192.0.2.6"\ntcp_port = 502')],
        "line[1].host", '"192.0.2.6"\ntcp_port', "same endpoint as the modbus_tcp device at"),
    "a unit twice on a line": (
        [RPU2_ON_RACK_BUS, NO_FAR_BUS], "device[1].modbus_rtu", None, "same address as the device at"),
    "broadcast": (
        [('"rack-bus", unit_id = 12', '"rack-bus", unit_id = 0')], "device[0].modbus_rtu.unit_id", "unit_id = 0",
        "1 to 255"),
    "unit beyond a byte": (
        [('"rack-bus", unit_id = 12', '"rack-bus", unit_id = 256')], "device[0].modbus_rtu.unit_id", "= 256",
        "1 to 255"),
    "odd speed": ([("= 19200", "= 19201")], "line[0].baudrate", "19201", "1200, 2400, 4800, 9600, 19200"),
    "speed as text": ([("= 19200", '= "19200"')], "line[0].baudrate", '"19200"', "an integer"),
    "parity of the port's spelling": (
        [("= 19200", '= 19200\nparity = "N"')], "line[0].parity", "parity", "'none', 'even' or 'odd'"),
    "three stop bits": ([("= 19200", "= 19200\nstopbits = 3")], "line[0].stopbits", "stopbits", "1 to 2"),
    "no turnaround": (
        [("turnaround_s = 2.0", "turnaround_s = 0")], "line[1].turnaround_s", "turnaround_s = 0", "above 0, up to 10"),
    "endless turnaround": (
        [("turnaround_s = 2.0", "turnaround_s = 11")], "line[1].turnaround_s", "turnaround_s = 11", "up to 10"),
    "relative port": (
        [("/dev/serial/by-id/usb-a", "ttyUSB0")], "line[0].port", "ttyUSB0", "a path that begins with /"),
    "port and host": (
        [("= 19200", '= 19200\nhost = "h"\ntcp_port = 1')], "line[0]", "[[line]]", "both port and host"),
    "neither port nor host": (
        [('port = "/dev/serial/by-id/usb-a"\n', "")], "line[0]", "[[line]]", "neither port nor host"),
    "host without its port": ([("tcp_port = 4001\n", "")], "line[1]", None, "host without tcp_port"),
    "speed of a converter": (
        [("tcp_port = 4001", "tcp_port = 4001\nbaudrate = 9600")], "line[1]", None, "set in the converter itself"),
    "two ways to a device": (
        [('modbus_tcp = {', 'modbus_rtu = { line = "rack-bus", unit_id = 1 }\nmodbus_tcp = {')],
        "device[2]", None, "exactly one of modbus_tcp, modbus_rtu and mqtt"),
    "Modbus device on MQTT": (
        [('modbus_tcp = { host = "192.0.2.6", port = 502, unit_id = 12 }', 'mqtt = { topic = "x" }'),
         ('{ unit_id = 2, device = "rpu3" },', ""),
         ('[[line]]', '[mqtt]\nhost = "h"\nclient_id = "c"\ntopic = "t"\n[[line]]')],
        "device[2].mqtt", "mqtt = {", "modbus_tcp = { ... } or modbus_rtu"),
    "proxy on the port of /metrics": ([("port = 5502", "port = 9470")], "proxy[0].port", "port = 9470", "[http]"),
    "proxy beyond this machine": (
        [("port = 5502", 'host = "0.0.0.0"\nport = 5502')], "proxy[0].host", '"0.0.0.0"', "allow_remote = true"),
    "proxy of a device that is not there": (
        [('device = "rpu3" }', 'device = "rpu4" }')], "proxy[0].units[1].device", "rpu4", "rpu1, rpu2, rpu3"),
    "proxy with a unit twice": (
        [('unit_id = 2, device = "rpu3"', 'unit_id = 1, device = "rpu3"')], "proxy[0].units[1].unit_id", None,
        "already used in this proxy"),
    "proxy whose ages hide a unit": (
        [('unit_id = 2, device = "rpu3"', 'unit_id = 101, device = "rpu3"')], "proxy[0].units[1].unit_id", None,
        "already used in this proxy"),
    "proxy without units": (
        [(SITE[SITE.index("units = [") :], "units = []\n")], "proxy[0].units", "units = []", "at least 1"),
    "manifold on a line": (
        [('"rpu1"\nprofile = "orv3-rpu"', '"rpu1"\nprofile = "rack-manifold"')],
        "device[0].modbus_rtu", None, "another transport, allowed: mqtt = { ... }"),
    "unit of a proxy beyond a byte": (
        [(SITE[SITE.index("units = [") :], 'units = [ { unit_id = 256, device = "rpu1" } ]\n')],
        "proxy[0].units[0].unit_id", None, "0 to 255"),
    "unit of a proxy by its name alone": (
        [(SITE[SITE.index("units = [") :], 'units = [ "rpu1" ]\n')], "proxy[0].units[0]", "units = [", "a table"),
    "key of a proxy's unit misspelt": (
        [('device = "rpu3" }', 'devise = "rpu3" }')], "proxy[0].units[1].devise", None, "did you mean device?"),
}  # fmt: skip

ALLOWED = {
    "as it is": [],
    "unit ids at their ends": [('"rack-bus", unit_id = 12', '"rack-bus", unit_id = 255')],
    "two units of a line": [('{ line = "far-bus", unit_id = 12 }', '{ line = "rack-bus", unit_id = 1 }'), NO_FAR_BUS],
    "every setting of a port": [("= 19200", '= 9600\nparity = "even"\nstopbits = 2\nturnaround_s = 10')],
    "proxy beyond this machine when asked for": [("port = 5502", 'host = "::"\nallow_remote = true\nport = 5502')],
    "proxy on a port of the system's choice": [("port = 5502", "port = 0")],
}


@pytest.mark.parametrize(("edits", "key", "snippet", "words"), REFUSED.values(), ids=REFUSED.keys())
def test_refused_at_its_line_with_one_sentence(tmp_path, edits, key, snippet, words):
    text = edited(*edits, text=SITE)
    found = problems(tmp_path, text)
    wanted = [problem for problem in found if problem.key == key]
    assert len(wanted) == 1, [str(problem) for problem in found]
    assert words in str(wanted[0])
    assert wanted[0].file == str(tmp_path / "coolantd.toml")
    if snippet is not None:
        assert wanted[0].line == line_of(text, snippet)
    assert all("\n" not in str(problem) for problem in found)


def test_one_mistake_is_one_message(tmp_path):
    more = {name for name, (edits, *_) in REFUSED.items() if len(problems(tmp_path, edited(*edits, text=SITE))) != 1}
    # These are two mistakes each: two units of one address as well, and the key that is missing without it.
    assert more == {"two lines of a name", "key of a proxy's unit misspelt"}, more


@pytest.mark.parametrize("edits", ALLOWED.values(), ids=ALLOWED.keys())
def test_nearest_valid_neighbour_loads(tmp_path, edits):
    assert [str(problem) for problem in problems(tmp_path, edited(*edits, text=SITE))] == []


def test_proxy_shows_no_mqtt_device(tmp_path):
    proxy = '[[proxy]]\nport = 5502\nunits = [ { unit_id = 1, device = "manifold1" } ]\n'
    (found,) = problems(tmp_path, DEMO + proxy)
    assert found.key == "proxy[0].units[0].device"
    assert "no registers" in found.what
    assert found.allowed == "cdu1"


def test_two_proxies_on_one_port(tmp_path):
    proxy = '[[proxy]]\nport = 5503\nunits = [ { unit_id = 1, device = "rpu1" } ]\n'
    (found,) = problems(tmp_path, SITE + proxy + proxy)
    assert found.key == "proxy[2].port"
    assert "another proxy at" in found.what


def test_lines_of_fragments_count_with_those_of_the_main_file(tmp_path):
    (found,) = problems(tmp_path, SITE, more='[[line]]\nname = "third"\nport = "/dev/ttyS0"\n')
    assert found.file.endswith("more.toml")
    assert found.key == "line[2].name"


def test_speeds_are_those_a_port_can_be_set_to():
    assert set(BAUDRATES) == set(serial_port.BAUDRATES)


class TestLoad:
    """A line whose devices ask for more than its time."""

    SLOW = ("= 19200", "= 1200")

    def test_it_is_refused_with_the_load_and_what_would_fit(self, tmp_path):
        text = edited(self.SLOW, text=SITE)
        (found,) = problems(tmp_path, text)
        assert found.key == "line[0]"
        assert found.line == line_of(text, "[[line]]")
        percent = round(100.0 * load_of("orv3-rpu", 1200))
        assert percent > 100
        assert f"needs {percent} % of the line's time (rpu1 {percent} %)" in found.what
        assert "at most 100 %: poll periods" in found.allowed
        fitting = min(baudrate for baudrate in BAUDRATES if load_of("orv3-rpu", baudrate) <= 1.0)
        assert f"baudrate = {fitting} " in found.allowed

    def test_the_periods_that_it_names_do_fit(self, tmp_path):
        text = edited(self.SLOW, text=SITE)
        (found,) = problems(tmp_path, text)
        factor = float(found.allowed.partition("poll periods ")[2].partition(" times")[0])
        slower = "monitor_only = true\n" + "".join(
            f"poll_{name}_s = {period_s * factor}\n" for name, period_s in (("fast", 0.5), ("normal", 5), ("slow", 60))
        )
        control = ("[[line]]", f"[control]\nperiod_s = {min(factor / 2, 1.0)}\n[[line]]")
        assert problems(tmp_path, edited(control, ("monitor_only = true\n", slower), text=text)) == ()

    def test_devices_add_up(self, tmp_path):
        one = load_of("row-cdu", 9600)
        assert 0.5 < one < 1.0
        device = """
[[device]]
name = "cdu{n}"
profile = "row-cdu"
modbus_rtu = {{ line = "bus", unit_id = {n} }}
monitor_only = true
"""
        site = '[site]\nname = "row"\n[[line]]\nname = "bus"\nport = "/dev/ttyS0"\nbaudrate = 9600\n'
        assert problems(tmp_path, site + device.format(n=1)) == ()
        (found,) = problems(tmp_path, site + device.format(n=1) + device.format(n=2))
        assert f"{round(200.0 * one)} %" in found.what
        assert "cdu2" in found.what

    def test_wire_time_is_that_of_the_standard(self):
        """60 registers at 9600 baud with parity: 8 and 125 characters of 11 bits, two gaps of 3.5, the answer."""
        line = LineConfig(name="l", port="/dev/ttyS0", baudrate=9600, parity="even")
        wire_s = (8 + 125 + 7) * 11 / 9600
        assert read_s(Span(Table.HOLDING, 0, 60, ()), line, 9600) == pytest.approx(wire_s + 0.005)

    @pytest.mark.parametrize(("parity", "stopbits", "bits"), [("none", 1, 10), ("none", 2, 11), ("odd", 1, 11)])
    def test_bits_of_a_character(self, parity, stopbits, bits):
        assert LineConfig(name="l", port="/dev/x", parity=parity, stopbits=stopbits).bits_per_character == bits

    def test_a_converter_is_not_judged(self, tmp_path):
        """Its speed is known to itself alone."""
        fast = ('unit_id = 12 }\nmonitor_only = true\n\n[[device]]\nname = "rpu3"',
                'unit_id = 12 }\npoll_fast_s = 0.05\nmonitor_only = true\n\n[[device]]\nname = "rpu3"')  # fmt: skip
        control = ("[[line]]", "[control]\nperiod_s = 0.1\n[[line]]")
        assert problems(tmp_path, edited(fast, control, text=SITE)) == ()


def load_of(profile, baudrate):
    device = DeviceConfig(name="d", profile=profile, modbus_rtu={"line": "l", "unit_id": 1})
    line = LineConfig(name="l", port="/dev/x")
    return load_ratio(device, load_profile(profile, profiles_dir=None), line, baudrate)


@pytest.fixture
def change(tmp_path):
    """The difference that some edits make."""

    def make(*edits):
        return diff(loaded(tmp_path, SITE), loaded(tmp_path, edited(*edits, text=SITE)))

    return make


class TestDiff:
    """What a reload says of lines and proxies, and which devices it takes anew."""

    def test_a_changed_line_takes_its_devices_anew(self, change):
        found = change(("= 19200", "= 38400"))
        assert found.lines == ("line rack-bus.baudrate: 19200 -> 38400",)
        assert found.lines_changed == ("rack-bus",)
        assert found.devices_changed == ("rpu1",)
        assert not refusals(found)

    def test_a_device_that_moves_to_another_line(self, change):
        found = change(('{ line = "rack-bus", unit_id = 12 }', '{ line = "far-bus", unit_id = 13 }'),
                       (SITE[SITE.index("[[line]]") : SITE.index('[[line]]\nname = "far-bus"')], ""))  # fmt: skip
        assert "line rack-bus: removed" in found.lines
        assert "device rpu1.modbus_rtu.line: rack-bus -> far-bus" in found.lines
        assert found.devices_changed == ("rpu1",)

    def test_a_proxy_is_named_by_where_it_listens(self, change):
        found = change(('device = "rpu3" }', 'device = "rpu2" }'))
        assert found.lines == ("proxy 127.0.0.1:5502.units[1].device: rpu3 -> rpu2",)
        assert found.proxies_changed
        assert not found.devices_changed
        assert not refusals(found)

    def test_a_proxy_that_moves_is_one_removed_and_one_added(self, change):
        found = change(("port = 5502", "port = 5503"))
        assert found.lines == ("proxy 127.0.0.1:5503: added", "proxy 127.0.0.1:5502: removed")
