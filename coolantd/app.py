"""The composition root: builds the daemon from a configuration, reloads it, stops it.

Signals: SIGHUP reload, SIGTERM and SIGINT safe stop within 5 s, SIGUSR1 state to the log.
"""

import asyncio
import dataclasses
import functools
import gc
import os
import random
import signal
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import structlog

from coolantd import __version__
from coolantd.clock import Clock, SystemClock
from coolantd.config.build import build_plan, build_plan_without, point_specs
from coolantd.config.diff import diff, refusals
from coolantd.config.load import Loaded, load
from coolantd.control.plan import Plan
from coolantd.control.step import carry_state, initial_state
from coolantd.errors import ConfigError, CoolantdError
from coolantd.service import kernels
from coolantd.service.control_socket import ControlSocket
from coolantd.service.cycle import Cycle
from coolantd.service.device_orders import DeviceOrders
from coolantd.service.fleet import Fleet
from coolantd.service.http import HttpFace
from coolantd.service.journal import Journal
from coolantd.service.line_metrics import LineCollector
from coolantd.service.links import way_to
from coolantd.service.metrics import Metrics
from coolantd.service.peer import Peer
from coolantd.service.portrait import portray
from coolantd.service.proxies import Proxies
from coolantd.service.state_publisher import StatePublisher
from coolantd.service.systemd import Notifier
from coolantd.service.table import PointTable
from coolantd.service.view import DaemonView, ReloadView
from coolantd.service.view_json import state_json, view_json_in_chunks
from coolantd.service.writer import Writer

HAND_OVER_S: Final = 1.5
CLOSE_S: Final = 1.5
"""Giving devices back and closing connections: with the rest of the shutdown well inside the promised 5 s."""
FRESH_S: Final = 3.0
"""A task that has not turned for this long is not fresh and the watchdog is not fed (I12)."""
PUBLISH_PERIOD_S: Final = 1.0

log: Final = structlog.get_logger()


class Daemon:
    """One daemon.

    Args:
        path: main configuration file.
        clock: the only source of time.
        rng: jitter of reconnects and polls; nothing that decides.
        on_stop: called once, when the daemon is told to stop.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        on_stop: Callable[[], None] = lambda: None,
    ) -> None:
        self._path = path
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._begun_s = self._clock.now_s()
        self._notifier = Notifier()
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._on_stop = on_stop
        self._hangup = asyncio.Event()
        self._opened = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._pulses: dict[str, float] = {}
        self._reload_view = ReloadView(successful=False, success_time_s=0.0, digest="", error="not loaded yet")
        self._compiled = False
        self._announced = False

    async def run(self) -> None:
        """Run until told to stop.

        Raises:
            ConfigError: the configuration is not usable; nothing was started.
            CoolantdError: a listener or the journal could not be opened; nothing was started.
        """
        loop = asyncio.get_running_loop()
        for number, act in (
            (signal.SIGHUP, self._hangup.set),
            (signal.SIGTERM, self._begin_stop),
            (signal.SIGINT, self._begin_stop),
            (signal.SIGUSR1, self._dump),
        ):
            loop.add_signal_handler(number, act)
        self._loaded = _load_all(self._path)
        self._note_reload("")
        async with asyncio.TaskGroup() as group:
            self._compose(group)
            await self._open_faces()
            background = [
                group.create_task(self._cycle.run(self._completed), name="cycle"),
                group.create_task(self._serve_hangups(), name="reload"),
                group.create_task(self._publish(), name="publish"),
                group.create_task(self._compile(), name="compile"),
            ]
            log.info("started", version=__version__, site=self._loaded.config.site.name, config=str(self._path))
            await self._stop.wait()
            await self._shut_down(background)

    def view(self) -> DaemonView:
        """Return everything there is to see, now."""
        return portray(
            cycle=self._cycle,
            loaded=self._loaded,
            fleet=self._fleet,
            reload=self._reload_view,
            compiled=self._compiled,
            now_s=self._clock.now_s(),
            begun_s=self._begun_s,
        )

    async def reload(self, *, dry_run: bool = False) -> dict[str, Any]:
        """Read the configuration once, and take over all of it or, on any problem, none of it.

        Returns:
            ``{"ok", "problems", "changes"}`` in sentences.
        """
        async with self._reloading:
            try:
                new = await asyncio.to_thread(_load_all, self._path)
                difference = diff(self._loaded, new)
                problems = [f"{self._path}: {sentence}" for sentence in refusals(difference)]
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
            if self._stop.is_set():
                problems = ["coolantd is stopping"]  # a bus begun now would outlive the hand-over
            if not problems and not dry_run:
                try:
                    await self._apply(new)
                except CoolantdError as error:
                    problems = [str(error)]
            if not dry_run:
                self._note_reload(problems[0] if problems else "")
            if problems:
                log.error("reload_refused", problem=problems[0], problems=len(problems), dry_run=dry_run)
                return {"ok": False, "problems": problems, "changes": []}
            log.info("reload_checked" if dry_run else "reloaded", changes=len(difference.lines))
            return {"ok": True, "problems": [], "changes": list(difference.lines)}

    def _compose(self, group: asyncio.TaskGroup) -> None:
        loaded = self._loaded
        state_dir = loaded.config.paths.state
        if not state_dir.is_dir():
            log.warning("no_state_directory", path=str(state_dir), effect="no journal is kept")
        self._journal = Journal(
            state_dir / "journal.jsonl", wall_s=self._clock.wall_s, on_loss=self._metrics.journal_dropped.inc
        )
        self._journal.start()
        table, plan = PointTable(point_specs(loaded)), build_plan(loaded)
        self._fleet = Fleet(
            clock=self._clock,
            metrics=self._metrics,
            rng=self._rng,
            spawn=functools.partial(self._spawn, group),
            pulse=self._pulse,
            forget=self._forget,
        )
        self._metrics.registry.register(LineCollector(self._fleet.line_counts))
        self._fleet.build(loaded, table)
        self._cycle = Cycle(
            clock=self._clock,
            metrics=self._metrics,
            journal=self._journal,
            plan=plan,
            state=initial_state(plan),
            table=table,
            writer=self._writer(plan, loaded, table),
            silent_devices=self._fleet.hushed,
        )

    def _spawn(self, group: asyncio.TaskGroup, work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        task = group.create_task(self._when_open(work), name=name)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would be lost unawaited
        return task

    async def _when_open(self, work: Coroutine[Any, Any, None]) -> None:
        """Hold a bus back until our listeners stand: a second daemon must end without having touched a device."""
        await self._opened.wait()
        await work

    def _writer(self, plan: Plan, loaded: Loaded, table: PointTable) -> Writer:
        return Writer(
            metrics=self._metrics,
            journal=self._journal,
            actuators=self._fleet.actuator_outlets(plan, dict(loaded.profiles)),
            devices=self._fleet.device_outlets(),
            mark=table.overridden,
        )

    async def _open_faces(self) -> None:
        config = self._loaded.config
        self._http = HttpFace(view=self.view, metrics=self._metrics, host=config.http.host, port=config.http.port)
        self._proxies = Proxies(self._fleet.modbus_device, clock=self._clock, metrics=self._metrics)
        orders = DeviceOrders(
            fleet=self._fleet,
            cycle=self._cycle,
            journal=self._journal,
            clock=self._clock,
            lock=self._reloading,
            stopping=self._stop.is_set,
            hand_over_s=HAND_OVER_S,
        )
        self._control = ControlSocket(
            config.paths.runtime / "control.sock",
            handlers={
                "status": self._on_status,
                "reload": self._on_reload,
                "device_pause": orders.pause,
                "device_resume": orders.resume,
            },
            allowed_gid=os.getegid(),  # under systemd the unit's Group=, which operators join
        )
        try:
            await self._http.start()
            await self._control.start()
            await self._proxies.change(config.proxies)
        except CoolantdError:
            await self._close_faces()
            raise
        self._opened.set()

    async def _close_faces(self) -> None:
        await self._control.stop()
        await self._http.stop()
        await self._proxies.stop()

    async def _apply(self, new: Loaded) -> None:
        """Give back devices that leave, then swap between two cycles, in one turn of the loop."""
        difference = diff(self._loaded, new)
        old, cycle = self._loaded, self._cycle
        removed, paused = set(difference.devices_removed), self._fleet.hushed()
        moved = {name for name in difference.devices_changed if _way_of(old, name) != _way_of(new, name)}
        unused = {device.name for device in old.config.devices} - {cdu.device for cdu in new.config.cdus}
        given_back = [cdu.device for cdu in old.config.cdus if cdu.device in (removed | moved | unused) - paused]
        plan = build_plan(new)
        table = PointTable(point_specs(new))
        await self._proxies.change(new.config.proxies)  # first, as a port may be taken: then nothing is changed
        old_writer = cycle.writer
        if given_back:
            await self._give_back(given_back)
        table.carry(cycle.table, without=moved)
        self._fleet.change(new, table, removed=removed, changed=set(difference.devices_changed))
        writer = self._writer(plan, new, table)
        writer.carry(old_writer, without=moved)
        cycle.swap(plan, carry_state(cycle.plan, cycle.state, plan), table, writer)
        self._loaded = new
        self._journal.record("reloaded", changes=list(difference.lines), digest=new.digest[:12])

    async def _give_back(self, devices: list[str]) -> None:
        """Stop commanding devices that leave, then hand them over, while every other device goes on."""
        cycle = self._cycle
        staying = build_plan_without(self._loaded, devices)
        writer = cycle.writer
        remaining = dataclasses.replace(
            writer,
            actuators=[a for a in writer.actuators if a.parameters.device not in devices],
            devices={name: device for name, device in writer.devices.items() if name not in devices},
        )
        cycle.swap(staying, carry_state(cycle.plan, cycle.state, staying), cycle.table, remaining)
        await writer.hand_over(devices, HAND_OVER_S)

    async def _serve_hangups(self) -> None:
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            self._notifier.reloading()
            await self.reload()
            self._notifier.ready(self._status_line())

    async def _publish(self) -> None:
        publisher: StatePublisher | None = None
        link = None
        while True:
            mqtt = self._fleet.mqtt
            if mqtt is not None and self._loaded.config.mqtt is not None:
                if publisher is None or link is not mqtt.link:
                    link = mqtt.link
                    publisher = StatePublisher(link.publish, self._loaded.config.mqtt.topic, self._clock.wall_s)
                publisher.tick(self.view(), self._clock.now_s())
            self._pulse("publish")
            await self._clock.sleep(PUBLISH_PERIOD_S)

    async def _compile(self) -> None:
        try:
            decide, gate = await kernels.warm(self._loaded.config.paths.cache)
        except (CoolantdError, OSError, ImportError) as error:
            log.warning("kernel_stays_interpreted", why=str(error))
            return
        self._cycle.use_kernels(decide, gate)
        self._compiled = True
        self._metrics.kernel_compiled.set(1)
        await asyncio.to_thread(gc.collect)
        gc.freeze()  # what lives now lives as long as the daemon: full collections need not walk it (FM-27)
        log.info("kernel_compiled")

    async def _on_status(self, order: dict[str, Any], peer: Peer) -> dict[str, Any]:
        del order, peer
        return await view_json_in_chunks(self.view())

    async def _on_reload(self, order: dict[str, Any], peer: Peer) -> dict[str, Any]:
        dry_run = order.get("dry_run", False)
        if not isinstance(dry_run, bool):
            raise CoolantdError(f"dry_run is {dry_run!r}, allowed: true or false")
        self._journal.record("order", command="reload", dry_run=dry_run, uid=peer.uid, pid=peer.pid)
        return await self.reload(dry_run=dry_run)

    def _completed(self) -> None:
        """Run after every completed cycle: announce the first, feed the watchdog while every task is fresh."""
        now_s = self._clock.now_s()
        if not self._announced:
            self._announced = True
            self._notifier.ready(self._status_line())
            log.info("ready", uptime_s=round(now_s - self._begun_s, 3))
        if all(now_s - seen_s <= FRESH_S for seen_s in self._pulses.values()):
            self._notifier.watchdog()

    def _pulse(self, name: str) -> None:
        self._pulses[name] = self._clock.now_s()

    def _forget(self, name: str) -> None:
        self._pulses.pop(name, None)

    def _status_line(self) -> str:
        modes = ", ".join(f"{cdu.name} {cdu.mode}" for cdu in self.view().cdus)
        return f"controlling {self._loaded.config.site.name}: {modes}"

    def _note_reload(self, error: str) -> None:
        ok = not error
        was = self._reload_view
        self._reload_view = ReloadView(
            successful=ok,
            success_time_s=self._clock.wall_s() if ok else was.success_time_s,
            digest=self._loaded.digest[:12],
            error=error,
        )
        self._metrics.reload_successful.set(1 if ok else 0)
        self._metrics.reload_success_time_s.set(self._reload_view.success_time_s)
        self._metrics.reloads.labels("success" if ok else "failure").inc()

    def _begin_stop(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._on_stop()

    def _dump(self) -> None:
        log.info("state", **state_json(self.view()))

    async def _shut_down(self, background: "list[asyncio.Task[None]]") -> None:
        """Stop deciding, give every device back to its own controller, close; each step within its time."""
        self._notifier.stopping()
        for task in background:
            task.cancel()
        self._fleet.begin_stop()
        paused = self._fleet.hushed()
        names = [cdu.device for cdu in self._loaded.config.cdus if cdu.device not in paused]
        failed = await self._cycle.writer.hand_over(names, HAND_OVER_S)
        if failed:
            log.warning("not_handed_over", devices=failed, effect="they fall back when our heartbeat ends")
        await self._close_faces()
        await self._fleet.stop(CLOSE_S, farewell=b"offline")
        self._journal.record("stopped")
        self._journal.stop()  # bounded, and the worker threads may all be waiting for a name server
        log.info("stopped")


def _load_all(path: Path) -> Loaded:
    """Return a configuration after trying its secrets too, so that nothing can fail half-way through applying it."""
    return load(path, secrets=True)


def _way_of(loaded: Loaded, name: str) -> object:
    """Return how a device is reached, in a form that differs when it must be given up and taken anew."""
    device = next(d for d in loaded.config.devices if d.name == name)
    way = way_to(device, {line.name: line for line in loaded.config.lines})
    return device.mqtt if way is None else (way, device.unit_id)
