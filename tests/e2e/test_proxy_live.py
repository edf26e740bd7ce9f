"""The read-only proxy of a live site: another master sees what the daemon sees, and nothing once it is too old."""

import contextlib
import signal
import struct
import time
from collections.abc import Callable, Iterator

import pytest
from live_site import PERIOD_S, LiveSite, needs_broker, wait_for
from pymodbus.client import ModbusTcpClient

from coolantd.service.control_client import request
from coolantd.sim.demo_site import demo_site
from coolantd.sim.ports import free_port

pytestmark = [*needs_broker, pytest.mark.slow]

SUPPLY_TEMP = 5000
"""Two registers, least significant word first."""
SLOWLY_READ = 200
"""A pump's run time, read every minute: what is known of it counts for three."""
UNIT, AGE_UNIT = 7, 107
PROXY = """
[[proxy]]
port = {port}
units = [ {{ unit_id = 7, device = "cdu1", age_unit_id = 107 }} ]
"""


@contextlib.contextmanager
def site_with_proxy() -> Iterator[tuple[LiveSite, ModbusTcpClient]]:
    """Give a site in automatic control and a master connected to its proxy."""
    with demo_site(1.0) as demo:
        port = free_port()
        demo.config.write_text(demo.config.read_text() + PROXY.format(port=port))
        site = LiveSite(demo)
        site.start(0.5)
        master = ModbusTcpClient("127.0.0.1", port=port, retries=0, timeout=5.0)
        assert master.connect()
        try:
            yield site, master
        finally:
            master.close()


def supply_temp_c(master: ModbusTcpClient) -> float:
    low, high = master.read_holding_registers(SUPPLY_TEMP, count=2, device_id=UNIT).registers
    return float(struct.unpack(">f", struct.pack(">HH", high, low))[0])


def age_s(master: ModbusTcpClient, address: int = SUPPLY_TEMP) -> float:
    return float(master.read_holding_registers(address, count=1, device_id=AGE_UNIT).registers[0]) / 10.0


def exception(master: ModbusTcpClient, address: int = SUPPLY_TEMP) -> int:
    """Return the code a read is refused with, 0 where it is answered."""
    reply = master.read_holding_registers(address, count=1, device_id=UNIT)
    return int(reply.exception_code) if reply.isError() else 0


def seen_c(site: LiveSite) -> float:
    return site.metric("coolantd_point_value", device="cdu1", point="tcs_supply_temp_c")


def order(site: LiveSite, command: str) -> None:
    assert request(site.demo.daemon_socket, {"command": command, "device": "cdu1"})["ok"]


def spread(look: Callable[[], float], count: int = 10) -> list[float]:
    looks = []
    for _ in range(count):
        looks.append(look())
        time.sleep(PERIOD_S / 2)
    return looks


def test_another_master_reads_what_the_daemon_reads_until_the_device_falls_silent():
    with site_with_proxy() as (site, master):
        pairs = spread(lambda: abs(supply_temp_c(master) - seen_c(site)))
        seen = spread(lambda: seen_c(site))
        drift_k = max(seen) - min(seen)
        assert max(pairs) <= max(drift_k, 0.2), "the proxy and /metrics differ by more than the temperature moves"
        assert age_s(master) <= 2 * PERIOD_S

        assert master.write_register(222, 1, device_id=UNIT).exception_code == 1
        assert site.mode() == "automatic"

        site.signal("simulator", signal.SIGSTOP)
        stopped_s = time.monotonic()
        wait_for("exception 0B", lambda: exception(master) == 11, 6 * PERIOD_S)
        age_then_s = age_s(master)
        assert time.monotonic() - stopped_s <= 4 * PERIOD_S + 0.5
        time.sleep(2.0)
        assert exception(master) == 11
        assert age_s(master) >= age_then_s + 1.9
        site.signal("simulator", signal.SIGCONT)
        wait_for("words again", lambda: exception(master) == 0, 10.0)
        assert age_s(master) <= 3 * PERIOD_S
        # A unit that returns is read anew, the slow registers too: until then their words are not shown.
        wait_for("slow words again", lambda: exception(master, SLOWLY_READ) == 0, 10.0)
        order(site, "device_pause")
        wait_for("exception 0B while paused", lambda: exception(master) == 11, 2 * PERIOD_S)
        assert exception(master, SLOWLY_READ) == 11, "words of a device that is given away are not ours to show"
        assert age_s(master, SLOWLY_READ) < 3 * 60.0
        order(site, "device_resume")
        wait_for("words after the pause", lambda: exception(master) == 0, 10.0)
        assert site.metric("coolantd_proxy_requests_total", outcome="illegal_function") == 1.0
        assert site.metric("coolantd_proxy_clients") == 1.0
