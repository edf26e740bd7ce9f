"""Pause and resume as orders: what is refused and how, what happens in which order, what is recorded."""

import asyncio
import math
from types import SimpleNamespace

import pytest
from fake_clock import FakeClock

from coolantd.errors import CoolantdError
from coolantd.service.device_orders import NAMES_MAX, PAUSE_DEFAULT_S, PAUSE_MAX_S, DeviceOrders
from coolantd.service.peer import Peer

PEER = Peer(pid=77, uid=1000, gid=1000)
HAND_OVER_S = 1.5
PUMP = "pump1_speed_setpoint_pct"


class Site:
    """A fleet of one bus with two devices, one of which drives a CDU, and a writer; every step is noted in order."""

    def __init__(self):
        self.steps, self.records = [], []
        self.clock, self.stopping, self.lock = FakeClock(), False, asyncio.Lock()
        self.paused_until_s, self.hushed_now, self.unacknowledged = -math.inf, frozenset(), []
        self.hand_over_fails = None
        self.devices = ["cdu1", "rpu1"]
        writer = SimpleNamespace(hand_over=self._hand_over, resume=self._resume_writes, withdraw=self._withdraw)
        self.orders = DeviceOrders(
            fleet=self,
            cycle=SimpleNamespace(writer=writer, plan=SimpleNamespace(cdus=[SimpleNamespace(device="cdu1")])),
            journal=SimpleNamespace(record=lambda event, **fields: self.records.append({"event": event, **fields})),
            clock=self.clock,
            lock=self.lock,
            stopping=lambda: self.stopping,
            hand_over_s=HAND_OVER_S,
        )

    def names(self):
        return [*self.devices, "manifold1"]

    def bus_of(self, name):
        if name == "manifold1":
            raise CoolantdError("manifold1 is reached by MQTT")
        return "rack-bus", self.devices

    def hushed(self):
        return frozenset(self.devices) if self.clock.now_s() < self.paused_until_s else self.hushed_now

    def hush(self, names):
        self.hushed_now = frozenset(names)
        self.steps.append(("hush", sorted(names)))

    def pause(self, name, until_s):
        self.paused_until_s = until_s
        self.steps.append(("pause", name, until_s - self.clock.now_s()))

    def resume(self, name):
        self.paused_until_s = -math.inf
        self.steps.append(("resume", name))

    async def _hand_over(self, names, deadline_s):
        assert self.lock.locked(), "a reload could come between"
        if self.hand_over_fails is not None:
            raise self.hand_over_fails
        self.steps.append(("hand over", list(names), deadline_s))
        return self.unacknowledged

    def _withdraw(self, devices, now_s):
        assert self.hushed_now.issuperset(devices), "the next cycle would queue them again"
        self.steps.append(("withdraw", sorted(devices)))

    def _resume_writes(self, name):
        self.steps.append(("write again", name))
        return [PUMP]


@pytest.fixture
def site():
    return Site()


async def test_a_pause_silences_then_hands_over_what_is_driven_then_closes(site):
    """FM-12: whoever works on the line must never share it with us, not for one cycle."""
    answer = await site.orders.pause({"device": "rpu1", "for_s": 60}, PEER)
    assert site.steps == [
        ("hush", ["cdu1", "rpu1"]),
        ("withdraw", ["cdu1", "rpu1"]),
        ("hand over", ["cdu1"], HAND_OVER_S),
        ("pause", "rpu1", 60.0),
        ("hush", []),
    ]
    assert answer == {
        "ok": True,
        "bus": "rack-bus",
        "devices": ["cdu1", "rpu1"],
        "for_s": 60.0,
        "until_time_s": site.clock.wall_s() + 60.0,
        "not_handed_over": [],
    }


async def test_an_order_is_recorded_with_who_gave_it(site):
    await site.orders.pause({"device": "rpu1", "for_s": 60}, PEER)
    await site.orders.resume({"device": "rpu1"}, PEER)
    pause, resume = site.records
    assert pause["event"] == resume["event"] == "order"
    assert (pause["command"], pause["device"], pause["for_s"]) == ("device_pause", "rpu1", 60.0)
    assert pause["devices"] == ["cdu1", "rpu1"]
    assert (resume["command"], resume["device"]) == ("device_resume", "rpu1")
    assert all((record["uid"], record["pid"]) == (PEER.uid, PEER.pid) for record in site.records)


async def test_half_an_hour_unless_said_otherwise(site):
    assert (await site.orders.pause({"device": "rpu1"}, PEER))["for_s"] == PAUSE_DEFAULT_S == 1800.0


async def test_devices_that_do_not_acknowledge_are_named_and_paused_all_the_same(site):
    site.unacknowledged = ["cdu1"]
    assert (await site.orders.pause({"device": "rpu1"}, PEER))["not_handed_over"] == ["cdu1"]
    assert ("pause", "rpu1", PAUSE_DEFAULT_S) in site.steps


async def test_a_second_pause_only_moves_its_end(site):
    await site.orders.pause({"device": "rpu1", "for_s": 60}, PEER)
    site.steps.clear()
    await site.orders.pause({"device": "cdu1", "for_s": 600}, PEER)
    assert site.steps == [("pause", "cdu1", 600.0), ("hush", [])]


@pytest.mark.parametrize("failure", [asyncio.CancelledError(), CoolantdError("no")])
async def test_an_order_that_fails_half_way_leaves_no_device_silenced(site, failure):
    """Silenced for ever it would sit in failsafe with nobody to say why."""
    site.hand_over_fails = failure
    with pytest.raises(type(failure)):
        await site.orders.pause({"device": "rpu1"}, PEER)
    assert site.hushed() == frozenset()
    assert not site.lock.locked()


@pytest.mark.parametrize("for_s", [0, -1, PAUSE_MAX_S + 1, math.nan, math.inf, True, "60", None, [60]])
async def test_a_duration_out_of_range_is_refused(site, for_s):
    with pytest.raises(CoolantdError, match="allowed: above 0, up to 28800 s"):
        await site.orders.pause({"device": "rpu1", "for_s": for_s}, PEER)
    assert site.steps == []


@pytest.mark.parametrize("name", [None, 3, "", "rpu9", "x" * 500])
@pytest.mark.parametrize("order", ["pause", "resume"])
async def test_an_unknown_name_is_refused_with_those_there_are(site, order, name):
    with pytest.raises(CoolantdError, match="allowed: cdu1, rpu1, manifold1") as caught:
        await getattr(site.orders, order)({"device": name}, PEER)
    assert len(str(caught.value)) < 200


async def test_of_many_names_some_are_listed_and_the_rest_counted(site):
    site.devices = [f"rpu{n}" for n in range(200)]
    with pytest.raises(CoolantdError, match=f"and {201 - NAMES_MAX} more$"):
        await site.orders.resume({"device": "x"}, PEER)


@pytest.mark.parametrize("order", ["pause", "resume"])
async def test_a_device_on_mqtt_has_no_bus_to_pause(site, order):
    with pytest.raises(CoolantdError, match="reached by MQTT"):
        await getattr(site.orders, order)({"device": "manifold1"}, PEER)
    assert site.steps == []


async def test_nothing_is_paused_while_the_daemon_stops(site):
    site.stopping = True
    with pytest.raises(CoolantdError, match="stopping"):
        await site.orders.pause({"device": "rpu1"}, PEER)
    assert site.steps == []


async def test_resume_ends_the_pause_and_what_was_left_to_another_writer(site):
    await site.orders.pause({"device": "rpu1"}, PEER)
    site.steps.clear()
    answer = await site.orders.resume({"device": "rpu1"}, PEER)
    assert site.steps == [("resume", "rpu1"), ("write again", "rpu1")]
    assert answer == {
        "ok": True,
        "bus": "rack-bus",
        "devices": ["cdu1", "rpu1"],
        "was_paused": True,
        "taken_back": [PUMP],
    }
    assert (await site.orders.resume({"device": "rpu1"}, PEER))["was_paused"] is False


async def test_an_order_waits_for_a_reload_to_end(site):
    async with site.lock:
        order = asyncio.create_task(site.orders.pause({"device": "rpu1"}, PEER))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert site.steps == []
    await order
    assert site.steps
