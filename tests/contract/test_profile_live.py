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
    assert "not reached by Modbus TCP" in err


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
