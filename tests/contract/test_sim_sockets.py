"""The simulator over real sockets: a bare pymodbus client, the control socket, pacing by a clock."""

import asyncio
import contextlib
import struct

import pytest
from pymodbus.client import AsyncModbusTcpClient

from coolantd.clock import SystemClock
from coolantd.errors import CoolantdError
from coolantd.service.control_client import request
from coolantd.sim.other_hands import Act, CduEvent
from coolantd.sim.scenario import Scenario
from coolantd.sim.serial_port import ptys_available
from coolantd.sim.simulator import Simulator, SimulatorSettings
from coolantd.sim.track import constant

HEARTBEAT, PUMP1, VALVE = 301, 246, 352
PATIENCE_S = 10.0
SPEED = 20.0


def settings(**changes) -> SimulatorSettings:
    given = {"modbus_port": 0, "mqtt_host": None, "noise_ratio": 0.0, "speed_ratio": SPEED}
    return SimulatorSettings(**{**given, **changes})


@pytest.fixture
async def sim():
    async with Simulator(settings()) as running:
        yield running


@pytest.fixture
async def client(sim):
    client = AsyncModbusTcpClient("127.0.0.1", port=sim.modbus_port, timeout=2, retries=0)
    assert await client.connect()
    yield client
    client.close()


def cdab(value: float) -> list[int]:
    high, low = struct.unpack(">HH", struct.pack(">f", value))
    return [low, high]


def from_cdab(words: list[int]) -> float:
    return struct.unpack(">f", struct.pack(">HH", words[1], words[0]))[0]


async def until(condition, what: str) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110 -- what is awaited has no event
            await asyncio.sleep(0.01)
    assert condition(), what


async def test_status_block_in_one_read(sim, client):
    reply = await client.read_holding_registers(5000, count=62, device_id=1)
    assert not reply.isError()
    assert from_cdab(reply.registers[0:2]) == pytest.approx(34.0, abs=0.2)
    assert from_cdab(reply.registers[60:62]) == pytest.approx(96.0, abs=2.0)


async def test_take_over_move_the_valve_fall_silent_and_be_replaced(sim, client):
    """The device side of FM-28, over the wire."""
    await client.write_register(HEARTBEAT, 1, device_id=1)
    assert not (await client.write_registers(VALVE, cdab(60.0), device_id=1)).isError()
    assert not (await client.write_coil(8697, value=True, device_id=1)).isError()
    await until(lambda: sim.device.port.obeying, "taken over")
    await until(lambda: sim.device.valve_position_pct > 45.0, "valve moves")
    echo = await client.read_holding_registers(VALVE, count=2, device_id=1)
    assert from_cdab(echo.registers) == pytest.approx(60.0)
    await until(lambda: not sim.device.port.obeying, "fallen back")
    assert (await client.read_coils(8697, count=1, device_id=1)).bits[0] is False
    assert [write.value for write in sim.device.port.writes] == [60.0]


@pytest.mark.parametrize(
    ("address", "words", "code"),
    [
        (PUMP1, cdab(10.0), 3),
        (PUMP1, cdab(float("nan")), 3),
        (VALVE, cdab(101.0), 3),
        (VALVE, [1], 3),
        (5000, cdab(20.0), 2),
        (4000, [1], 2),
        (302, [1], 2),
    ],
)
async def test_refused_writes(sim, client, address, words, code):
    reply = await client.write_registers(address, words, device_id=1)
    assert reply.isError()
    assert reply.exception_code == code


async def test_refused_writes_are_counted_and_change_nothing(sim, client):
    before = (await client.read_holding_registers(PUMP1, count=2, device_id=1)).registers
    await client.write_registers(PUMP1, cdab(10.0), device_id=1)
    assert (await client.read_holding_registers(PUMP1, count=2, device_id=1)).registers == before
    assert sim.device.port.writes_refused == 1
    assert sim.device.port.writes_total == 0


@pytest.mark.parametrize(
    "read",
    [
        lambda client: client.read_holding_registers(5062, count=1, device_id=1),
        lambda client: client.read_holding_registers(5000, count=63, device_id=1),
        lambda client: client.read_holding_registers(0, count=1, device_id=1),
        lambda client: client.read_coils(8693, count=1, device_id=1),
        lambda client: client.read_coils(1, count=1, device_id=1),
        lambda client: client.read_input_registers(5000, count=2, device_id=1),
        lambda client: client.read_discrete_inputs(0, count=1, device_id=1),
        lambda client: client.read_holding_registers(5000, count=2, device_id=9),
        lambda client: client.write_coils(8692, [True, True], device_id=1),
    ],
)
async def test_what_does_not_exist_is_exception_2(sim, client, read):
    reply = await read(client)
    assert reply.isError()
    assert reply.exception_code == 2
    assert sim.device.port.imperial is False


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00",
        b"GET / HTTP/1.0\r\n\r\n",
        bytes(2000),
        b"\x00\x01\x00\x00\x00\x02\x01\x63",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\x13\x88\x00\x00",
        b"\x00\x01\x00\x00\x00\x06\x01\x03\xff\xff\xff\xff",
        b"\x00\x01\x00\x00\x00\x08\x01\x16\x00\xf6\x00\x00\xff\xff",
    ],
)
async def test_garbage_from_one_client_leaves_the_others_served(sim, client, garbage):
    reader, writer = await asyncio.open_connection("127.0.0.1", sim.modbus_port)
    writer.write(garbage)
    await writer.drain()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await reader.read(300)
    writer.close()
    reply = await client.read_holding_registers(5000, count=2, device_id=1)
    assert from_cdab(reply.registers) == pytest.approx(34.0, abs=0.2)
    assert sim.device.port.writes_total == 0


async def test_connections_and_requests_are_counted(sim, client):
    for _ in range(3):
        await client.read_coils(8706, count=1, device_id=1)
    assert (sim.server.connections, sim.server.connections_total, sim.server.requests) == (1, 1, 3)
    second = AsyncModbusTcpClient("127.0.0.1", port=sim.modbus_port, retries=0)
    await second.connect()
    await until(lambda: sim.server.connections == 2, "second connection")
    second.close()
    await until(lambda: sim.server.connections_lost == 1, "second connection closed")
    assert sim.server.connections == 1
    assert sim.server.connections_total == 2


async def test_a_taken_port_is_one_sentence(sim):
    with pytest.raises(CoolantdError, match=f"cannot listen on 127.0.0.1:{sim.modbus_port}"):
        async with Simulator(settings(modbus_port=sim.modbus_port)):
            pass


@pytest.mark.slow
async def test_the_compiled_plant_takes_over_without_a_jump():
    async with Simulator(settings(compiled=True, speed_ratio=1.0)) as sim:
        plain = sim.plant.kernel
        async with asyncio.timeout(100.0):
            while sim.plant.kernel is plain:  # noqa: ASYNC110 -- what is awaited has no event
                await asyncio.sleep(0.05)
        before_c = sim.plant.tcs_supply_temp_c
        await until(lambda: sim.device.time_s > 1.0, "time goes on")
        assert sim.plant.tcs_supply_temp_c == pytest.approx(before_c, abs=0.05)


class StoppedClock(SystemClock):
    """A clock moved by hand; its sleepers wake at the next turn of the loop."""

    def __init__(self) -> None:
        super().__init__()
        self.time_s = 100.0

    def now_s(self) -> float:
        return self.time_s

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(0.001)


async def turns() -> None:
    for _ in range(20):
        await asyncio.sleep(0.002)


async def test_a_pause_is_made_up_for_by_at_most_a_second():
    """As after SIGSTOP: the frozen device wakes up where it froze (FM-18 is seen by the daemon, not hidden)."""
    clock = StoppedClock()
    async with Simulator(settings(), clock) as frozen:
        await turns()
        clock.time_s += 0.55
        await turns()
        assert frozen.device.time_s == pytest.approx(0.5)
        clock.time_s += 10.0
        await turns()
        assert frozen.device.time_s == pytest.approx(1.5)
        assert frozen.time_dropped_s == pytest.approx(9.05)


async def test_control_socket_orders(tmp_path):
    path = tmp_path / "sim.sock"

    async def ask(command: str, **order):
        return await asyncio.to_thread(request, path, {"command": command, **order})

    async with Simulator(settings(control_path=path)) as sim:
        sim.device.port.write_holding(VALVE, cdab(60.0))
        sim.device.port.write_holding(VALVE, cdab(61.0))
        state = await ask("state", since=1)
        assert [write["value"] for write in state["writes"]] == [61.0]
        assert (state["first"], state["next"], state["writes_total"]) == (1, 2, 2)
        assert state["heat_load_kw"] == pytest.approx(96.0)
        await ask("set_load", ratio=1.0)
        await ask("set_fws_supply_temp", temp_c=30.0)
        await ask("trip_pump", pump=2)
        await ask("set_imperial", on=True)
        await until(lambda: sim.plant.inputs.rack_heat_w[0] == pytest.approx(120e3), "load follows")
        assert sim.plant.inputs.fws_supply_temp_c == 30.0
        assert list(sim.plant.inputs.pump_available) == [1.0, 0.0]
        assert sim.device.port.imperial
        await ask("trip_pump", pump=2, available=True)
        await ask("set_load", ratio=None)
        await until(lambda: sim.plant.inputs.rack_heat_w[0] == pytest.approx(12e3), "scenario again")
        for nonsense in ({"ratio": 9}, {"ratio": True}, {}, {"ratio": "x"}):
            reply = await asyncio.to_thread(_error_of, path, {"command": "set_load", **nonsense})
            assert "set_load: ratio" in reply
        assert "pump" in await asyncio.to_thread(_error_of, path, {"command": "trip_pump", "pump": 3})
        assert "since" in await asyncio.to_thread(_error_of, path, {"command": "state", "since": -1})
        assert "unknown command" in await asyncio.to_thread(_error_of, path, {"command": "explode"})
        await ask("quit")
        async with asyncio.timeout(PATIENCE_S):
            await sim.wait()
    assert not path.exists()


def _error_of(path, order) -> str:
    try:
        reply = request(path, order)
    except CoolantdError as error:
        return str(error)
    return reply.get("error", "")


async def test_control_socket_orders_of_other_hands(tmp_path):
    path = tmp_path / "sim.sock"

    async def ask(command: str, **order):
        return await asyncio.to_thread(request, path, {"command": command, **order})

    async def refused(command: str, **order) -> str:
        return await asyncio.to_thread(_error_of, path, {"command": command, **order})

    async with Simulator(settings(control_path=path, speed_ratio=1.0)) as sim:
        port, valve = sim.device.port, "fws_valve_position_setpoint_pct"
        assert (await ask("write_point", point=valve, value=22.0))["ok"] is True
        assert sim.device.registers.get(valve) == pytest.approx(22.0)
        reply = await ask("write_point", point=valve, value=222.0)
        assert (reply["ok"], reply["exception"]) == (False, 3)
        assert "write_point: point = 'nobody', allowed" in await refused("write_point", point="nobody", value=1.0)
        assert "write_point: value" in await refused("write_point", point=valve, value="high")
        await ask("set_remote", on=True)
        assert port.remote
        await ask("set_remote", on=False)
        assert not port.remote
        client = AsyncModbusTcpClient("127.0.0.1", port=sim.modbus_port, timeout=2, retries=0)
        assert await client.connect()
        await ask("reboot")
        reply = await client.read_holding_registers(5000, count=2, device_id=1)
        assert (reply.isError(), reply.exception_code) == (True, 2)
        client.close()
        for command in ("hold_rpu", "trip_rpu_pump", "plug_rpu"):
            assert f"{command}: there is no RPU here, allowed: with --rpu" in await refused(command)


@pytest.mark.skipif(not ptys_available(), reason="this machine gives no pseudo terminals")
async def test_control_socket_orders_of_the_rpu(tmp_path):
    path, link = tmp_path / "sim.sock", tmp_path / "by-id" / "usb-rpu"

    async def ask(command: str, **order):
        return await asyncio.to_thread(request, path, {"command": command, **order})

    async def refused(command: str, **order) -> str:
        return await asyncio.to_thread(_error_of, path, {"command": command, **order})

    async with Simulator(settings(control_path=path, rpu=True, rpu_link=link)) as sim:
        assert sim.rpu is not None
        assert (await ask("state"))["rpu"]["port"] == str(link)
        await ask("hold_rpu", registers={"36865": 65_535, "36866": 7})
        await ask("hold_rpu", registers={"36866": None})
        assert sim.rpu.read_holding(36865, 1) == [65_535]
        assert sim.rpu.read_holding(36866, 1) != [7]
        for nonsense in ({"x": 1}, {"36865": 65_536}, {"36865": True}, {"5": 1}):
            assert "hold_rpu: " in await refused("hold_rpu", registers=nonsense)
        assert "hold_rpu: registers is missing" in await refused("hold_rpu")
        await ask("trip_rpu_pump", pump=4)
        await until(lambda: sim.rpu.read_holding(36877, 1) == [0], "the pump stands still")
        assert "pump = 5, allowed: 1 to 4" in await refused("trip_rpu_pump", pump=5)
        await ask("plug_rpu", on=False)
        assert not link.exists()
        assert (await ask("state"))["rpu"]["plugged"] is False
        await ask("plug_rpu", on=True)
        assert link.exists()
    assert not link.exists()


async def test_a_scenario_restarts_the_device_once():
    scenario = Scenario(cdu_events=(CduEvent(at_s=0.7, act=Act.REBOOT),))
    async with Simulator(settings(scenario=scenario)) as sim:
        await until(lambda: sim.device.time_s > 2.0, "time goes on")
        assert sim.device.port.reboots == 1


async def test_a_scenario_acts_in_device_time():
    scenario = Scenario(fws_supply_temp_c=constant(30.0))
    async with Simulator(settings(scenario=scenario)) as sim:
        assert sim.plant.inputs.fws_supply_temp_c == 30.0
        await until(lambda: sim.device.time_s > 2.0, "time goes on")
        assert sim.plant.tcs_supply_temp_c == pytest.approx(34.0, abs=0.1)
