"""``coolantd profile probe`` and ``scan`` against devices on real sockets: what they find, and that they only read."""

import asyncio
import json
import os
import signal
import struct
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from modbus_server import Asked, ScriptedServer, frame
from rtu_device import RtuDevice, TcpLine

from coolantd.clock import SystemClock
from coolantd.config.profiles import load_profile
from coolantd.device.modbus_serial import ModbusSerialLink
from coolantd.sim.rpu import UNIT_ID, Rpu
from coolantd.sim.serial_port import VirtualPort, ptys_available
from coolantd.sim.serial_server import LinePace, SerialServer
from coolantd.sim.simulator import Simulator, SimulatorSettings

ROOT = Path(__file__).parents[2]
PROFILE = """title = "Toy"
source = "made up"
verified = false

[limits]
span_max_registers = 60

[[block]]
table = "holding"
coding = "u16"
unit = "count"
minimum = 0.0
maximum = 1000.0
point = [
%s
]

[[block]]
table = "holding"
coding = "f32"
unit = "degC"
minimum = 0.0
maximum = 90.0
point = [{ name = "supply_temp_c", address = 200 }]

[[text]]
name = "model"
address = 300
register_count = 2
"""
POINTS = "\n".join(f'    {{ name = "p{n}_count", address = {n} }},' for n in range(60))


@dataclass
class Device(ScriptedServer):
    """A device with some registers in some units; refuses every read that touches one it does not have."""

    registers: dict[int, int] = field(default_factory=dict)
    units: tuple[int, ...] = (1,)

    async def _serve(self, reader, writer) -> None:
        self.connections += 1
        self._writers.add(writer)
        try:
            while True:
                head = await reader.readexactly(6)
                asked = Asked(head + await reader.readexactly(int.from_bytes(head[4:], "big")))
                self.asked.append(asked)
                unit = asked.adu[6]
                if unit in self.units:
                    writer.write(frame(asked.transaction, self._answer(asked), unit=unit))
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        self._writers.discard(writer)
        writer.transport.abort()

    def _answer(self, asked: Asked) -> bytes:
        if asked.function != 3:
            return bytes([asked.function | 0x80, 1])
        wanted = range(asked.address, asked.address + asked.count)
        if any(address not in self.registers for address in wanted):
            return bytes([0x83, 2])
        words = [self.registers[address] for address in wanted]
        return bytes([3, 2 * len(words)]) + struct.pack(f">{len(words)}H", *words)

    def functions(self) -> set[int]:
        return {asked.function for asked in self.asked}


@pytest.fixture
async def device() -> AsyncIterator[Device]:
    server = Device(registers=dict.fromkeys(range(60), 7))
    await server.start()
    yield server
    await server.stop()


@pytest.fixture
def toy(tmp_path) -> Path:
    path = tmp_path / "toy.toml"
    path.write_text(PROFILE % POINTS)
    return path


async def start(*arguments: object) -> asyncio.subprocess.Process:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "coolantd", "profile", *map(str, arguments),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, env=environment,
    )  # fmt: skip


async def run(*arguments: object) -> tuple[int | None, str, str]:
    process = await start(*arguments)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


def by_name(answer: str) -> dict[str, dict]:
    return {point["name"]: point for point in json.loads(answer)["points"]}


async def test_probe_one_illegal_register_costs_only_itself(device, toy):
    del device.registers[31]
    device.registers |= {200: 0x4208, 201: 0, 300: 0x4142, 301: 0x4300}
    code, out, err = await run(
        "probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy, "--json", "--pause-s", 0.01
    )
    assert code == 0, err
    points = by_name(out)
    assert [name for name, point in points.items() if point["illegal"]] == ["p31_count"]
    assert points["p31_count"]["value"] is None
    assert sum(point["plausible"] for point in points.values()) == 61
    assert points["supply_temp_c"]["value"] == 34.0
    assert points["model"]["text"] == "ABC"
    assert json.loads(out)["identity"] is None
    assert len(device.asked) <= 16  # halving, not one request for each
    assert device.functions() == {3}


async def test_probe_finds_the_word_order(device, toy):
    device.registers |= {200: 0, 201: 0x4208}
    code, out, _ = await run("probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy, "--json")
    assert code == 0
    temp = by_name(out)["supply_temp_c"]
    assert not temp["plausible"]
    assert temp["words"] == [0, 0x4208]
    assert [one["order"] for one in temp["orders"] if one["plausible"]] == ["CDAB"]
    code, out, _ = await run("probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy)
    assert code == 0
    assert "CDAB 34" in out
    assert "the device has no holding 300" in out


async def test_probe_says_whether_it_is_the_device_described(device, toy):
    toy.write_text(f'{toy.read_text()}\n[identity]\npoint = "model"\ntext = "ABD"\n')
    device.registers |= {300: 0x4142, 301: 0x4300}
    code, out, err = await run("probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy)
    assert code == 0, err
    assert "identity: model says 'ABC', expected 'ABD'" in out
    device.registers[301] = 0x4400
    code, out, _ = await run("probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy, "--json")
    assert json.loads(out)["identity"] is True


async def test_probe_of_the_virtual_row_cdu_by_profile_and_by_site(tmp_path):
    async with Simulator(SimulatorSettings(modbus_port=0, mqtt_host=None, noise_ratio=0.0)) as sim:
        port = sim.modbus_port
        code, out, err = await run("probe", "--host", "127.0.0.1", "--port", port, "--profile", "row-cdu", "--json")
        assert code == 0, err
        supply = by_name(out)["tcs_supply_temp_c"]
        assert supply["value"] == pytest.approx(34.0, abs=1.0)
        assert [one["order"] for one in supply["orders"] if one["plausible"]] == ["CDAB"]
        site = tmp_path / "site.toml"
        text = (ROOT / "config" / "demo.toml").read_text()
        site.write_text(text.replace("port = 5020", f"port = {port}"))
        code, out, err = await run("probe", "--config", site, "--device", "cdu1", "--json")
        assert code == 0, err
        assert by_name(out)["tcs_supply_temp_c"]["plausible"]


async def test_probe_heeds_the_unit_selector():
    async with Simulator(SimulatorSettings(modbus_port=0, mqtt_host=None, noise_ratio=0.0, speed_ratio=20.0)) as sim:
        sim.device.port.set_imperial(on=True)
        await asyncio.sleep(0.5)  # ten seconds of the device, which rewrites its status block once a second
        port = sim.modbus_port
        code, out, err = await run("probe", "--host", "127.0.0.1", "--port", port, "--profile", "row-cdu", "--json")
        assert code == 0, err
        supply = by_name(out)["tcs_supply_temp_c"]
        raw_f = struct.unpack(">f", struct.pack(">HH", *reversed(supply["words"])))[0]
        assert 80.0 < raw_f < 110.0
        assert supply["value"] == pytest.approx((raw_f - 32.0) / 1.8)


async def test_probe_of_a_device_that_is_not_in_the_site_or_not_modbus():
    demo = ROOT / "config" / "demo.toml"
    code, _, err = await run("probe", "--config", demo, "--device", "nobody")
    assert code == 2
    assert "no device 'nobody', allowed: " in err
    code, _, err = await run("probe", "--config", demo, "--device", "manifold1")
    assert code == 2
    assert "device manifold1 is reached by MQTT, allowed: a device with modbus_tcp or modbus_rtu" in err


async def test_probe_of_a_silent_unit_gives_up_soon(device, toy):
    code, out, err = await run(
        "probe",
        "--host",
        "127.0.0.1",
        "--port",
        device.port,
        "--unit",
        9,
        "--profile",
        toy,
        "--timeout-s",
        0.1,
        "--json",
    )
    assert code == 1
    assert "unit 9 does not answer" in err
    assert json.loads(out)["answered"] is False
    assert not any(point["plausible"] for point in json.loads(out)["points"])
    assert len(device.asked) <= 4


async def test_probe_nobody_there(toy, device):
    await device.stop()
    code, _, err = await run("probe", "--host", "127.0.0.1", "--port", device.port, "--profile", toy)
    assert code == 1
    assert "not_connected" in err
    await device.start()


async def test_scan_finds_units_and_runs_of_registers(device):
    device.units = (2, 5)
    device.registers = dict.fromkeys((*range(10, 20), 25, *range(40, 43)), 1)
    code, out, err = await run(
        "scan", "--host", "127.0.0.1", "--port", device.port, "--units", "1-5", "--ranges", "holding:0-63",
        "--timeout-s", 0.1, "--pause-s", 0.01, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert "10 to 650 requests, at most 5000" in err
    answer = json.loads(out)
    assert answer["complete"] is True
    assert answer["silent"] == [1, 3, 4]
    runs = [[(run["address"], run["count"]) for run in unit["readable"]] for unit in answer["units"]]
    assert runs == [[(10, 10), (25, 1), (40, 3)]] * 2
    assert [unit["refused_count"] for unit in answer["units"]] == [50, 50]
    assert device.functions() == {3}


async def test_scan_stops_at_its_bound_and_says_so(device):
    device.registers = {}
    code, out, err = await run(
        "scan", "--host", "127.0.0.1", "--port", device.port, "--units", "1", "--pause-s", 0.01, "--requests-max", 20,
        "--json",
    )  # fmt: skip
    assert code == 1
    assert len(device.asked) == 20
    assert json.loads(out)["stopped"] == "stopped after 20 requests"
    assert "not complete" in err


async def test_scan_interrupted_keeps_what_was_found(device):
    process = await start(
        "scan", "--host", "127.0.0.1", "--port", device.port, "--units", "1", "--ranges",
        "holding:0-59,holding:100-3000", "--span", 60, "--pause-s", 0.05, "--json",
    )  # fmt: skip
    async with asyncio.timeout(60):
        while len(device.asked) < 5:  # noqa: ASYNC110 (what is awaited has no event)
            await asyncio.sleep(0.01)
        process.send_signal(signal.SIGINT)
        out, err = await process.communicate()
    assert process.returncode == 1
    assert "Traceback" not in err.decode()
    answer = json.loads(out)
    assert (answer["complete"], answer["stopped"]) == (False, "interrupted")
    assert answer["units"][0]["readable"] == [{"table": "holding", "address": 0, "count": 60}]


async def test_scan_goes_on_after_the_connection_was_closed(device):
    """A unit that stays silent makes the link close itself; the next unit is still found."""
    device.units = (9,)
    code, out, _ = await run(
        "scan", "--host", "127.0.0.1", "--port", device.port, "--units", "1-9", "--ranges", "holding:0-9",
        "--timeout-s", 0.05, "--pause-s", 0.01, "--json",
    )  # fmt: skip
    assert code == 0
    assert [unit["unit"] for unit in json.loads(out)["units"]] == [9]
    assert device.connections > 1


needs_pty = pytest.mark.skipif(not ptys_available(), reason="this machine gives no pseudo terminals")
SITE_WITH_LINE = """
[[line]]
name = "bench"
port = "%s"
turnaround_s = 0.1

[[device]]
name = "rpu1"
profile = "orv3-rpu"
modbus_rtu = { line = "bench", unit_id = 12 }
poll_fast_s = 2.0
monitor_only = true
"""


@pytest.fixture
async def serial(tmp_path) -> AsyncIterator[SerialServer]:
    rpu = Rpu(load_profile("orv3-rpu", profiles_dir=None))
    port = VirtualPort(tmp_path / "usb-rpu")
    server = SerialServer({UNIT_ID: rpu}, port=port, clock=SystemClock(), pace=LinePace())
    await server.start()
    yield server
    await server.stop()


@needs_pty
async def test_probe_over_a_serial_line_reads_every_point_of_the_virtual_rpu(serial):
    code, out, err = await run(
        "probe", "--serial", serial.port.path, "--unit", UNIT_ID, "--profile", "orv3-rpu", "--turnaround-s", 0.1,
        "--json",
    )  # fmt: skip
    assert code == 0, err
    points = by_name(out)
    assert len(points) == json.loads(out)["plausible"] == 327 + 14
    assert points["rpu_coolant_flow_lpm"]["value"] == 24.0
    assert points["model"]["text"] == "VIRTUAL-RPU"


@needs_pty
async def test_probe_of_a_device_on_a_line_of_the_site(serial, tmp_path):
    site = tmp_path / "site.toml"
    site.write_text((ROOT / "config" / "demo.toml").read_text() + SITE_WITH_LINE % serial.port.path)
    code, out, err = await run("probe", "--config", site, "--device", "rpu1", "--json")
    assert code == 0, err
    assert by_name(out)["rpu_input_voltage_v"]["value"] == 48.2


@needs_pty
@pytest.mark.parametrize("command", [("probe", "--unit", 12, "--profile", "orv3-rpu"), ("scan", "--units", "12")])
async def test_a_line_that_a_daemon_holds_is_one_sentence_with_the_way_out(serial, command):
    holder = ModbusSerialLink(serial.port.path, turnaround_s=0.1, clock=SystemClock())
    await holder.connect()
    code, _, err = await run(command[0], "--serial", serial.port.path, *command[1:])
    await holder.close()
    assert code == 1
    said = err.splitlines()[-1]
    assert f"{serial.port.path} is in use by another process" in said
    assert "`coolantd device pause NAME` hands the line over" in said
    assert "Traceback" not in err


@needs_pty
async def test_scan_of_a_line_says_how_long_first_and_keeps_the_silence_after_units_that_are_not_there(serial):
    begun_s = asyncio.get_running_loop().time()
    code, out, err = await run(
        "scan", "--serial", serial.port.path, "--units", "11-13", "--ranges", "holding:36860-36895", "--timeout-s", 0.2,
        "--turnaround-s", 0.2, "--json",
    )  # fmt: skip
    assert code == 0, err
    assert err.startswith(f"{serial.port.path}: 3 units, 1 ranges: 6 to 222 requests, at most 5000; about 0.")
    assert "s where every unit has all of it, 4 s where none answers, up to 15 s where registers are missing" in err
    answer = json.loads(out)
    assert answer["silent"] == [11, 13]
    assert answer["units"][0]["readable"] == [{"table": "holding", "address": 36864, "count": 26}]
    assert asyncio.get_running_loop().time() - begun_s > 2 * 2 * (0.2 + 0.2)


async def test_scan_and_probe_over_rtu_frames_on_tcp(tmp_path):
    device = RtuDevice(units=range(3, 4))
    line = TcpLine(device)
    await line.start()
    toy = tmp_path / "toy.toml"
    toy.write_text(PROFILE % '    { name = "p0_count", address = 0 },')
    to_it = ("--host", "127.0.0.1", "--port", line.port, "--rtu-tcp", "--turnaround-s", 0.05, "--timeout-s", 0.2)
    code, out, err = await run("scan", *to_it, "--units", "2-3", "--ranges", "holding:0-9", "--json")
    assert code == 0, err
    assert [unit["unit"] for unit in json.loads(out)["units"]] == [3]
    code, out, err = await run("probe", *to_it, "--unit", 3, "--profile", toy, "--json")
    assert code == 0, err
    assert by_name(out)["p0_count"]["words"] == [17]
    assert {asked.function for asked in device.asked} <= {3, 8}
    await line.stop()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--serial", "/dev/x", "--host", "h"), "--serial and --host: allowed: one of them"),
        (("--serial", "/dev/x", "--baudrate", 12345), "--baudrate = 12345, allowed: 1200, 2400, "),
        (("--serial", "/dev/x", "--units", "0-3"), "--units: got 0, allowed: 1 to 255 on a line"),
        ((), "missing: --host, or --serial, or --device of the site's configuration"),
    ],
)
async def test_a_place_that_is_none_is_one_sentence(arguments, sentence):
    code, _, err = await run("scan", *arguments)
    assert code == 2
    assert err.startswith(sentence)
    assert err.count("\n") == 1


async def test_a_port_that_is_not_there_says_so(tmp_path):
    code, _, err = await run("scan", "--serial", tmp_path / "nothing", "--units", "1")
    assert code == 1
    assert "No such file or directory" in err
