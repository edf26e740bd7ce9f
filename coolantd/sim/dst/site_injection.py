"""Makes the faults of a whole site so: broker, disk, clock, operators and its own process; one table, as for a CDU."""

import asyncio
from collections.abc import Callable
from typing import Final

from coolantd.sim.dst.drawing import STALL_MAX_S
from coolantd.sim.dst.faults import Fault, Kind
from coolantd.sim.dst.scene import Held, Undo
from coolantd.sim.dst.site import BROKEN_LINE, Site
from coolantd.sim.dst.witness import SETPOINTS

CLOCK_MAX_S: Final = 86_400.0
SCRAPE_S: Final = 0.5
SCRAPES: Final = 8
"""At once: as many as the listener lets in."""
AWAY_MAX_S: Final = 12.0
LEASE_MIN_S: Final = 60.0
LEASE_S: Final = 600.0
"""And so much more at most: it ends within the run."""

BeginSite = Callable[[Site, Fault], Undo]


def _nothing() -> None:
    """Turn nothing back: it happened at once."""


def _broker_off(site: Site, fault: Fault) -> Undo:
    del fault
    broker = site.broker
    if broker is None:
        return _nothing
    broker.down()

    def up() -> None:
        broker.up = True

    return up


def _broker_stale(site: Site, fault: Fault) -> Undo:
    del fault
    if site.broker is not None:
        for manifold in site.broker.manifolds.values():
            payload = b'{"flow_lpm": 1.0, "supply_temp_c": 60.0, "return_temp_c": 5.0, "timestamp_ms": 1000}'
            site.broker.spread(manifold.telemetry_topic(1), payload, retained=True)
    return _nothing


def _broker_garbage(site: Site, fault: Fault) -> Undo:
    broker = site.broker
    on = [broker is not None]

    def publish() -> None:
        if broker is None or not on[0]:
            return
        for manifold in broker.manifolds.values():
            broker.spread(manifold.telemetry_topic(1), broker.rng.randbytes(40), retained=False)
            broker.spread(f"{manifold.topic}/nobody", b"{}", retained=False)
        site.loop.call_later(0.05 + fault.size, publish)

    publish()
    return lambda: on.__setitem__(0, False)  # noqa: FBT003 - a switch


def _disk_full(site: Site, fault: Fault) -> Undo:
    del fault
    site.disk.full = True

    def free() -> None:
        site.disk.full = False

    return free


def _clock(sign: float) -> BeginSite:
    def begin(site: Site, fault: Fault) -> Undo:
        site.clock.wall_offset_s += sign * (1.0 + CLOCK_MAX_S * fault.size)
        return _nothing

    return begin


def _stall(site: Site, fault: Fault) -> Undo:
    site.loop.stall(STALL_MAX_S * fault.size)
    return _nothing


def _flood(site: Site, fault: Fault) -> Undo:
    del fault
    on = [True]

    async def scrape() -> None:
        while on[0]:
            desk = site.desk
            if desk is not None and site.cycle is not None:
                await asyncio.gather(*(desk.get("/metrics") for _ in range(SCRAPES)), desk.get("/nonsense"))
                await desk.order("status")
            await asyncio.sleep(SCRAPE_S)

    task = site.loop.create_task(scrape())

    def stop() -> None:
        on[0] = False
        task.cancel()

    return stop


def _reload(change: Callable[[str, Fault], str]) -> BeginSite:
    def begin(site: Site, fault: Fault) -> Undo:
        site.rewrite(lambda text: change(text, fault))
        site.hang_up()
        return _nothing

    return begin


def _other_setpoint(text: str, fault: Fault) -> str:
    before = "setpoint_c = 34.0"
    return text.replace(before, f"setpoint_c = {31.0 + round(4.0 * fault.size, 1)}", 1)


def _bad_reload(site: Site, fault: Fault) -> Undo:
    """Have a file that is no configuration read, and mend it afterwards, unread."""
    del fault
    good = site.path.read_text()
    site.rewrite(lambda text: text + BROKEN_LINE)
    site.hang_up()
    site.loop.call_later(1.0, lambda: site.path.write_text(good))
    return _nothing


def _kill(site: Site, fault: Fault) -> Undo:
    site.kill(1.0 + AWAY_MAX_S * fault.size)
    return _nothing


def _orders(site: Site, fault: Fault) -> Undo:
    async def give() -> None:
        desk = site.desk
        if desk is None or site.cycle is None:
            return
        name = f"cdu{fault.pick}"
        for command in ("status", "tune_facts", "tune_stop", "device_resume"):
            await desk.order(command, cdu=name, device=name)

    site.loop.create_task(give())
    return _nothing


def _override(site: Site, fault: Fault) -> Undo:
    """Have an operator hold the valve or a pump of one CDU for some minutes."""
    scene = site.scenes[fault.pick % len(site.scenes)]
    point = scene.cdu.port.setpoints[fault.pick % len(scene.cdu.port.setpoints)]
    value, lease_s = round(40.0 + 50.0 * fault.size, 1), LEASE_MIN_S + LEASE_S * fault.size

    async def give() -> None:
        desk = site.desk
        if desk is None or site.cycle is None or site.cycle.decision is None:
            return
        reply = await desk.order(
            "override_set",
            target=f"{scene.bay.name}.{point.name}",
            value=value,
            lease_s=lease_s,
            reason="a simulated operator's",
            owner="operator",
        )
        if reply.get("ok"):
            now_s = site.loop.time()
            scene.operator[SETPOINTS[point.address]] = Held(value, now_s, now_s + lease_s)

    site.loop.create_task(give())
    return _nothing


SITE_TABLE: Final[dict[Kind, BeginSite]] = {
    Kind.BROKER_OFF: _broker_off,
    Kind.BROKER_STALE: _broker_stale,
    Kind.BROKER_GARBAGE: _broker_garbage,
    Kind.DISK_FULL: _disk_full,
    Kind.CLOCK_FORWARD: _clock(1.0),
    Kind.CLOCK_BACK: _clock(-1.0),
    Kind.LOOP_STALL: _stall,
    Kind.HTTP_FLOOD: _flood,
    Kind.RELOAD_SAME: _reload(lambda text, _: text),
    Kind.RELOAD_CHANGED: _reload(_other_setpoint),
    Kind.RELOAD_BAD: _bad_reload,
    Kind.KILL: _kill,
    Kind.ORDERS: _orders,
    Kind.OVERRIDE: _override,
}
