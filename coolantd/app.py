"""The composition root: builds the daemon from a configuration, reloads it, stops it.

Signals: SIGHUP reload, SIGTERM and SIGINT safe stop within 5 s, SIGUSR1 state to the log.
"""

import asyncio
import os
import random
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import structlog

from coolantd import __version__
from coolantd.clock import Clock, SystemClock
from coolantd.config.build import build_plan, point_specs
from coolantd.config.diff import diff, refusals
from coolantd.config.load import Loaded, load
from coolantd.control.plan import Plan
from coolantd.control.step import initial_state
from coolantd.errors import ConfigError, CoolantdError
from coolantd.service.alarm_room import AlarmRoom
from coolantd.service.cycle import Cycle
from coolantd.service.device_orders import DeviceOrders
from coolantd.service.fleet import Fleet
from coolantd.service.keeper import Keeper
from coolantd.service.kept_control import control_sections
from coolantd.service.kept_overrides import override_section
from coolantd.service.leaks import Leaks
from coolantd.service.line_metrics import LineCollector
from coolantd.service.liveness import Liveness
from coolantd.service.metrics import Metrics
from coolantd.service.override_orders import OverrideOrders
from coolantd.service.peer import Peer
from coolantd.service.portrait import portray
from coolantd.service.publishing import publish_repeatedly
from coolantd.service.reload_state import ReloadState
from coolantd.service.safe_command import SafeCommandWatch
from coolantd.service.shell_facts import ShellFacts
from coolantd.service.start_gate import StartGate
from coolantd.service.surroundings import Surroundings
from coolantd.service.table import PointTable
from coolantd.service.taking_over import take_over
from coolantd.service.tune_orders import TuneOrders
from coolantd.service.view import DaemonView
from coolantd.service.view_json import state_json, view_json_in_chunks
from coolantd.service.writer import Writer

HAND_OVER_S: Final = 1.5
CLOSE_S: Final = 1.5
"""Giving devices back and closing connections: with the rest of the shutdown well inside the promised 5 s."""

log: Final = structlog.get_logger()


class Daemon:
    """One daemon.

    Args:
        path: main configuration file.
        clock: the only source of time.
        rng: jitter of reconnects and polls; nothing that decides.
        on_stop: called once, when the daemon is told to stop.
        surroundings: by which it touches the world.
    """

    def __init__(
        self,
        path: Path,
        *,
        clock: Clock | None = None,
        rng: random.Random | None = None,
        on_stop: Callable[[], None] = lambda: None,
        surroundings: Surroundings | None = None,
    ) -> None:
        self._path = path
        self._around = surroundings or Surroundings()
        self._clock = clock or SystemClock()
        self._rng = rng or random.Random()  # noqa: S311 - jitter, not a secret
        self._begun_s = self._clock.now_s()
        self._notifier = self._around.supervisor()
        self._metrics = Metrics()
        self._stop = asyncio.Event()
        self._on_stop = on_stop
        self._hangup = asyncio.Event()
        self._reloading = asyncio.Lock()
        self._liveness = Liveness(self._clock.now_s)
        self._safe_commands = SafeCommandWatch(self._clock, self._metrics)
        self._reload_state = ReloadState(self._clock, self._metrics)
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
            (signal.SIGUSR1, lambda: log.info("state", **state_json(self.view()))),
        ):
            loop.add_signal_handler(number, act)
        self._loaded = _load_all(self._path)
        self._reload_state.note(self._loaded.digest)
        async with asyncio.TaskGroup() as group:
            gate = StartGate(group)
            self._compose(gate)
            await self._keeper.restore()  # before anybody can give an order
            await self._open_faces()
            self._leaks.start()
            self._watches.start()
            gate.open()
            background = [
                group.create_task(self._cycle.run(self._completed), name="cycle"),
                group.create_task(self._serve_hangups(), name="reload"),
                group.create_task(
                    publish_repeatedly(self._fleet.broker, self.view, clock=self._clock, pulse=self._liveness.pulse),
                    name="publish",
                ),
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
            reload=self._reload_state.view,
            alarms=self._alarms.view(),
            compiled=self._compiled,
            requests=self._leaks.requests.views(self._clock.now_s()),
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
                sentences = (*refusals(difference), *self._leaks.refusals(lambda: build_plan(new)))
                problems = [f"{self._path}: {sentence}" for sentence in sentences]
            except ConfigError as error:
                problems = [str(problem) for problem in error.problems]
            if self._stop.is_set():
                problems = ["coolantd is stopping"]  # a bus begun now would outlive the hand-over
            if not problems and not dry_run:
                try:
                    await take_over(
                        new,
                        self._loaded,
                        fleet=self._fleet,
                        cycle=self._cycle,
                        faces=self._faces,
                        make_writer=self._writer,
                        hand_over_s=HAND_OVER_S,
                        stopping=self._stop.is_set,
                    )
                    self._loaded = new
                    self._journal.record("reloaded", changes=list(difference.lines), digest=new.digest[:12])
                except CoolantdError as error:
                    problems = [str(error)]
            if not dry_run:
                self._reload_state.note(self._loaded.digest, problems[0] if problems else "")
            if problems:
                log.error("reload_refused", problem=problems[0], problems=len(problems), dry_run=dry_run)
                return {"ok": False, "problems": problems, "changes": []}
            log.info("reload_checked" if dry_run else "reloaded", changes=len(difference.lines))
            return {"ok": True, "problems": [], "changes": list(difference.lines)}

    def _compose(self, gate: StartGate) -> None:
        loaded = self._loaded
        state_dir = loaded.config.paths.state
        if not state_dir.is_dir():
            log.warning("no_state_directory", path=str(state_dir), effect="no journal and no state are kept")
        self._journal = self._around.records(
            state_dir / "journal.jsonl", wall_s=self._clock.wall_s, on_loss=self._metrics.journal_dropped.inc
        )
        self._journal.start()
        self._compose_control(loaded, gate)
        self._leaks = Leaks(
            cycle=self._cycle,
            fleet=self._fleet,
            clock=self._clock,
            journal=self._journal,
            metrics=self._metrics,
            files=self._around.requests(loaded.config.paths.runtime / "requests"),
        )
        self._compose_memory(state_dir)
        self._compose_alarms(state_dir)
        self._cycle.watchers += [
            self._watches.watch,
            self._alarms.desk.look,
            self._keeper.watch,
            lambda now_s: self._safe_commands.follow(self._cycle, now_s),
        ]

    def _compose_control(self, loaded: Loaded, gate: StartGate) -> None:
        """Make what commands: buses, what watches the shell itself, and the cycle."""
        table, plan = PointTable(point_specs(loaded)), build_plan(loaded)
        self._fleet = Fleet(
            clock=self._clock,
            metrics=self._metrics,
            rng=self._rng,
            spawn=gate.spawn,
            pulse=self._liveness.pulse,
            forget=self._liveness.forget,
            resumed=lambda bus, devices: self._journal.record("resumed", by="lease", bus=bus, devices=devices),
            make_link=self._around.make_link,
            connect=self._around.connect,
        )
        self._metrics.registry.register(LineCollector(self._fleet.line_counts))
        self._fleet.build(loaded, table)
        self._watches = self._around.watches(self._metrics, self._journal, self._liveness.pulse)
        self._cycle = Cycle(
            clock=self._clock,
            metrics=self._metrics,
            journal=self._journal,
            plan=plan,
            state=initial_state(plan),
            table=table,
            writer=self._writer(plan, loaded, table),
            silent_devices=self._fleet.hushed,
            facts=ShellFacts(self._watches.faults),
        )

    def _compose_memory(self, state_dir: Path) -> None:
        """Make what is remembered over a restart."""
        self._keeper = Keeper(
            self._around.store(
                state_dir / "state.json",
                on_saved=self._metrics.state_saves.inc,
                on_failed=self._metrics.state_failed.inc,
            ),
            moment=lambda: self._around.moment(self._clock),
            metrics=self._metrics,
            journal=self._journal,
        )
        boot_id = self._around.moment(self._clock).boot_id
        self._keeper.add(
            self._leaks.section,
            *control_sections(self._cycle),
            override_section(self._cycle, clock=self._clock, journal=self._journal, boot_id=boot_id),
        )

    def _compose_alarms(self, state_dir: Path) -> None:
        """Make what calls people."""
        self._alarms = AlarmRoom(
            state_dir,
            make_history=self._around.history,
            cycle=self._cycle,
            fleet=self._fleet,
            reload=lambda: self._reload_state.view,
            requests=self._leaks.requests.views,
            faults=self._watches.faults,
            metrics=self._metrics,
            journal=self._journal,
            clock=self._clock,
            begun_s=self._begun_s,
        )
        self._alarms.start()
        self._keeper.add(self._alarms.section())

    def _writer(self, plan: Plan, loaded: Loaded, table: PointTable) -> Writer:
        return Writer(
            metrics=self._metrics,
            journal=self._journal,
            actuators=self._fleet.actuator_outlets(plan, dict(loaded.profiles)),
            devices=self._fleet.device_outlets(),
            mark=table.overridden,
            acknowledged=self._safe_commands.acknowledged,
        )

    async def _open_faces(self) -> None:
        orders = DeviceOrders(
            fleet=self._fleet,
            cycle=self._cycle,
            journal=self._journal,
            clock=self._clock,
            lock=self._reloading,
            stopping=self._stop.is_set,
            hand_over_s=HAND_OVER_S,
        )
        stopping = self._stop.is_set
        tuning = TuneOrders(cycle=self._cycle, journal=self._journal, lock=self._reloading, stopping=stopping)
        overriding = OverrideOrders(
            cycle=self._cycle,
            journal=self._journal,
            clock=self._clock,
            lock=self._reloading,
            stopping=self._stop.is_set,
        )
        self._faces = self._around.listeners(
            self._loaded.config,
            view=self.view,
            handlers={
                "status": self._on_status,
                "reload": self._on_reload,
                "device_pause": orders.pause,
                "device_resume": orders.resume,
                "override_set": overriding.set,
                "override_release": overriding.release,
                "override_targets": overriding.targets,
                "tune_facts": tuning.facts,
                "tune_begin": tuning.begin,
                "tune_trace": tuning.trace,
                "tune_stop": tuning.stop,
                **self._alarms.handlers(),
                **self._leaks.handlers,
            },
            allowed_gid=os.getegid(),  # under systemd the unit's Group=, which operators join
            device=self._fleet.modbus_device,
            clock=self._clock,
            metrics=self._metrics,
        )
        await self._faces.start()

    async def _serve_hangups(self) -> None:
        while True:
            await self._hangup.wait()
            self._hangup.clear()
            self._notifier.reloading()
            await self.reload()
            self._notifier.ready(self._status_line())

    async def _compile(self) -> None:
        self._compiled = await self._around.compiler(self._loaded.config.paths.cache, self._cycle, self._metrics)

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
        if self._liveness.all_fresh() and self._watches.well():
            self._notifier.watchdog()

    def _status_line(self) -> str:
        modes = ", ".join(f"{cdu.name} {cdu.mode}" for cdu in self.view().cdus)
        return f"controlling {self._loaded.config.site.name}: {modes}"

    def _begin_stop(self) -> None:
        if not self._stop.is_set():
            self._stop.set()
            self._on_stop()

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
        await self._faces.stop()
        await self._fleet.stop(CLOSE_S, farewell=b"offline")
        self._watches.stop()
        self._leaks.stop()
        self._keeper.stop()
        self._alarms.stop()
        self._journal.record("stopped")
        self._journal.stop()  # bounded, and the worker threads may all be waiting for a name server
        log.info("stopped")


def _load_all(path: Path) -> Loaded:
    """Return a configuration after trying its secrets too, so that nothing can fail half-way through applying it."""
    return load(path, secrets=True)
