"""Makes the faults of a whole site so: broker, disk, clock, operators and its own process; one table, as for a CDU."""

import asyncio
from collections.abc import Callable
from typing import Final

from coolantd.sim.dst.drawing import STALL_MAX_S
from coolantd.sim.dst.faults import Fault, Kind
from coolantd.sim.dst.scene import Held, Leaked, Scene, Undo
from coolantd.sim.dst.settings import BRANCHES
from coolantd.sim.dst.site import BROKEN_LINE, Site
from coolantd.sim.dst.witness import SETPOINTS
from coolantd.sim.leak_detectors import Detector, Wire

CLOCK_MAX_S: Final = 86_400.0
SCRAPE_S: Final = 0.5
SCRAPES: Final = 8
"""At once: as many as the listener lets in."""
AWAY_MAX_S: Final = 12.0
LEASE_MIN_S: Final = 60.0
LEASE_S: Final = 600.0
"""And so much more at most: it ends within the run."""

HOUR_S: Final = 3600.0
LEAK_SEEN_S: Final = 4.0
"""A leak that is shorter than a message or two may rightly go unseen."""
OPENED_S: Final = 60.0

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


def _shelve(site: Site, fault: Fault) -> Undo:
    """Have an operator hide whatever alarms there are, for longer than anybody may, and as long as they may."""

    async def give() -> None:
        desk = site.desk
        if desk is None or site.cycle is None:
            return
        for alarm in desk.view().alarms.alarms:
            for for_s in (9.0 * HOUR_S, 8.0 * HOUR_S * fault.size):
                await desk.order("alarm_shelve", tag=alarm.tag, owner="operator", reason="simulated", for_s=for_s)

    site.loop.create_task(give())
    return _nothing


def _wet(site: Site, fault: Fault, wires: dict[Detector, Wire]) -> tuple[Scene, int, Undo] | None:
    """Turn detectors of one branch; return where, and what dries them."""
    scenes = [scene for scene in site.scenes if scene.manifold is not None]
    if not scenes:
        return None
    scene, branch = scenes[fault.pick % len(scenes)], 1 + fault.pick % BRANCHES
    manifold = scene.manifold
    if manifold is None:
        return None
    for detector, wire in wires.items():
        manifold.leaks.set(branch, detector, wire)

    def dry() -> None:
        for detector in wires:
            manifold.leaks.set(branch, detector, Wire.DRY)

    return scene, branch, dry


def _leak_one(site: Site, fault: Fault) -> Undo:
    found = _wet(site, fault, {Detector.ROPE: Wire.WET})
    if found is None:
        return _nothing
    scene, branch, dry = found
    scene.suspected.add(branch)
    return dry


def _leak_wire(site: Site, fault: Fault) -> Undo:
    wire = Wire.OPEN if fault.size < 0.5 else Wire.SHORT
    found = _wet(site, fault, {Detector.ROPE: wire, Detector.SPOT: Wire.OPEN})
    if found is None:
        return _nothing
    scene, branch, dry = found
    scene.suspected.add(branch)
    return dry


def _leak_two(site: Site, fault: Fault) -> Undo:
    """Wet two detectors; when they are dry again an operator opens the latch, or half of the time forgets to."""
    found = _wet(site, fault, {Detector.ROPE: Wire.WET, Detector.TRAY: Wire.WET})
    if found is None:
        return _nothing
    scene, branch, dry = found
    if fault.duration_s > LEAK_SEEN_S:
        scene.leaked[branch] = leaked = Leaked(site.loop.time())

    async def open_latch() -> None:
        desk = site.desk
        if desk is not None and site.cycle is not None:
            reply = await desk.order("leak_acknowledge", zone=f"zone-{scene.bay.name}-{branch}")
            if reply.get("ok"):
                leaked.opened_s = site.loop.time()

    def end() -> None:
        dry()
        if fault.duration_s > LEAK_SEEN_S and fault.pick % 2:
            site.loop.call_later(OPENED_S, lambda: site.loop.create_task(open_latch()))

    return end


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
    Kind.SHELVE: _shelve,
    Kind.LEAK_ONE: _leak_one,
    Kind.LEAK_TWO: _leak_two,
    Kind.LEAK_WIRE: _leak_wire,
}
