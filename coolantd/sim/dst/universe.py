"""One run: a site, its hour, its faults and its judges. Knows everybody here; chooses nothing.

The same plan gives the same run to the last byte on every wire.
"""

import asyncio
import contextlib
import hashlib
import logging
import math
import random
import tempfile
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import structlog

from coolantd.app import Daemon
from coolantd.config.load import load
from coolantd.control.stages import Stages
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant
from coolantd.protocol.profile import Profile
from coolantd.safety.modes import Mode
from coolantd.service.cycle import Cycle
from coolantd.sim.dst.broker import Broker
from coolantd.sim.dst.cdu import VirtualCdu
from coolantd.sim.dst.drawing import AT_ONCE, Plan, drawn_oddities
from coolantd.sim.dst.faults import Fault
from coolantd.sim.dst.injection import BAY_TABLE
from coolantd.sim.dst.invariants import Judge, Sight, judges
from coolantd.sim.dst.loop import VirtualClock, VirtualLoop
from coolantd.sim.dst.network import Line, Network
from coolantd.sim.dst.scene import Load, Scene, Undo
from coolantd.sim.dst.settings import BRANCHES, MODBUS_PORT, Bay, site_text
from coolantd.sim.dst.site import Site
from coolantd.sim.dst.site_injection import SITE_TABLE
from coolantd.sim.dst.site_judges import SiteSight, site_judges
from coolantd.sim.dst.witness import PUMPS, SETPOINTS, VALVE, Witness
from coolantd.sim.manifold import Manifold

STRIDE_S: Final = 0.5
"""The device's own cycle, and how often is judged."""
RATED_W: Final = 960e3
HELD_TICKS: Final = 40
"""What a register held within these ticks may be what the daemon last read of it."""
TELEMETRY_TICKS: Final = 2
VIOLATIONS_MAX: Final = 3
"""Per invariant and bay; the first one matters."""
LOOK_TICKS: Final = 20
"""Between two looks at the list of alarms."""
TIDY_S: Final = (20.0, 120.0)
"""After everything has cleared: when an operator acknowledges what is left."""
BLINK_S: Final = 4.0
"""An intermittent fault comes and goes at about this pace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """One finding: which bay, which invariant, when (seconds of the run), and what."""

    seed: int
    invariant: str
    time_s: float
    text: str

    def __str__(self) -> str:
        """Return it in one line."""
        return f"seed {self.seed} {self.invariant} at {self.time_s:.1f} s: {self.text}"


@dataclass(slots=True)
class Outcome:
    """What a run shows.

    Attributes:
        violations: in order.
        traces: by bay, a digest of every write on its wire with its time.
        cycles: the daemon completed, the last one's only.
        writes: setpoints that reached devices.
        branches_pct: by bay with a manifold, where its branch valves were told to be at the end.
    """

    violations: list[Violation] = field(default_factory=list)
    traces: dict[int, str] = field(default_factory=dict)
    cycles: int = 0
    writes: int = 0
    branches_pct: dict[int, list[float]] = field(default_factory=dict)


@dataclass(slots=True)
class _Watch:
    scene: Scene
    witness: Witness
    judges: list[Judge]


class Universe:
    """One plan in motion.

    Args:
        plan: what is to happen.
        stages, advance: kernels of control and plant, plain or compiled.
        make: returns the daemon.
        make_judges: returns the judges of one bay.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        stages: Stages,
        advance: KernelFunction,
        make: Callable[..., Daemon] = Daemon,
        make_judges: Callable[[], list[Judge]] = judges,
    ) -> None:
        self.plan = plan
        self.outcome = Outcome()
        self._stages, self._advance, self._make, self._make_judges = stages, advance, make, make_judges
        self._watches: list[_Watch] = []
        self._site_active: list[Fault] = []
        self._site_judges = site_judges()
        every = (*plan.site, *(fault for faults in plan.faults for fault in faults))
        self._clear_s = math.floor(max((fault.end_s for fault in every), default=0.0) / STRIDE_S) * STRIDE_S + 0.25
        self._ticks = 0

    def run(self) -> Outcome:
        """Run from beginning to end."""
        loop = VirtualLoop()
        try:
            with tempfile.TemporaryDirectory() as folder, _quiet():
                asyncio.set_event_loop(loop)
                loop.run_until_complete(self._live(loop, Path(folder)))
        finally:
            _end_all(loop)
            asyncio.set_event_loop(None)
            loop.close()
        return self.outcome

    async def _live(self, loop: VirtualLoop, folder: Path) -> None:
        plan = self.plan
        self._begin_s = loop.time()
        path = folder / "coolantd.toml"
        path.write_text(site_text(plan.bays, period_s=plan.period_s, state=folder, mqtt=plan.mqtt))
        profiles = load(path).profiles
        clock, network = VirtualClock(loop), Network(loop)
        broker = Broker(loop, clock, random.Random(plan.seed)) if plan.mqtt else None  # noqa: S311 - luck
        self.site = Site(
            path,
            loop=loop,
            clock=clock,
            network=network,
            broker=broker,
            stages=self._stages,
            seed=plan.seed,
            make=self._make,
        )
        for bay, faults in zip(plan.bays, plan.faults, strict=True):
            self._place(bay, faults, profiles[bay.name], loop)
        self._schedule(loop)
        self.site.start()
        await self._pace(loop)
        await self.site.stop()
        self._sum_up()

    def _place(self, bay: Bay, faults: Sequence[Fault], profile: Profile, loop: VirtualLoop) -> None:
        """Put one CDU into its place."""
        network, broker = self.site.network, self.site.broker
        oddities, rng = drawn_oddities(bay.seed), random.Random(f"load {bay.seed}")  # noqa: S311 - luck
        params = oddities.of(reference_plant(rack_count=BRANCHES, rack_heat_rated_w=RATED_W / BRANCHES))
        plant = Plant(params, kernel=self._advance)
        ground = Load(RATED_W * rng.uniform(0.2, 0.9), rng.uniform(20.0, 28.0), 170e3)
        cdu = VirtualCdu(profile, plant, seed=bay.seed, oddities=oddities, stride_s=STRIDE_S)
        witness = Witness(unit=1)
        line = Line(device=cdu, rng=random.Random(f"line {bay.seed}"), witness=witness)  # noqa: S311 - luck
        line.tried_s = loop.time()
        network.lines[bay.host, MODBUS_PORT] = line
        held: dict[str, deque[tuple[float, float]]] = {what: deque(maxlen=HELD_TICKS) for what in SETPOINTS.values()}
        scene = Scene(bay, cdu, line, ground, loop.time, tuple(faults), held=held)
        if broker is not None and bay.manifold:
            topic = f"manifold/{bay.name}"
            scene.manifold = broker.manifolds[topic] = Manifold(plant, topic, noise_ratio=1.0, seed=bay.seed)
        self.site.scenes.append(scene)
        self._watches.append(_Watch(scene, witness, self._make_judges()))

    def _schedule(self, loop: VirtualLoop) -> None:
        for watch in self._watches:
            for fault in watch.scene.faults:
                self._plan_one(loop, fault, BAY_TABLE[fault.kind], watch.scene)
        for fault in self.plan.site:
            self._plan_one(loop, fault, SITE_TABLE[fault.kind], self.site)

    def _plan_one(self, loop: VirtualLoop, fault: Fault, begin: Callable[..., Undo], where: object) -> None:
        """Have one fault begin and end in its time, again and again if it is intermittent."""
        active = where.active if isinstance(where, Scene) else self._site_active

        def on(until_s: float) -> None:
            active.append(fault)
            self._touch()
            undo = begin(where, fault)

            def off() -> None:
                undo()
                active.remove(fault)
                self._touch()
                if fault.intermittent and loop.time() + BLINK_S < self._begin_s + fault.end_s:
                    loop.call_later(BLINK_S * (0.5 + fault.size), on, self._begin_s + fault.end_s)

            if fault.kind in AT_ONCE:
                off()
            else:
                blink_s = loop.time() + BLINK_S * (1.5 - fault.size) if fault.intermittent else until_s
                loop.call_at(min(until_s, blink_s), off)

        loop.call_at(self._begin_s + fault.start_s, on, self._begin_s + fault.end_s)

    def _touch(self) -> None:
        """Note that something has just begun to fail, or ceased to."""
        for watch in self._watches:
            watch.scene.touched_s = watch.scene.now_s()

    async def _pace(self, loop: VirtualLoop) -> None:
        """Move every device on, stride by stride, and judge; time that was stalled is caught up."""
        while self._ticks * STRIDE_S < self.plan.duration_s and not self.site.over:
            due_s = self._begin_s + self._ticks * STRIDE_S + 0.25
            if due_s > loop.time():
                await asyncio.sleep(due_s - loop.time())
            for watch in self._watches:
                self._move(watch.scene)
            if self.site.broker is not None and self._ticks % TELEMETRY_TICKS == 0:
                self.site.broker.telemetry()
            self._judge(loop.time())
            self._judge_site(loop.time())
            self._ticks += 1

    def _move(self, scene: Scene) -> None:
        inputs, ground = scene.cdu.plant.inputs, scene.load
        inputs.rack_heat_w[:] = ground.heat_w / BRANCHES
        inputs.fws_supply_temp_c = ground.fws_temp_c
        inputs.fws_differential_pressure_pa = ground.fws_pressure_pa
        scene.cdu.step()
        for point in scene.cdu.port.setpoints:
            scene.held[SETPOINTS[point.address]].append((scene.now_s(), scene.cdu.registers.get(point.name)))

    def _judge(self, now_s: float) -> None:
        cycle, plan = self.site.cycle, self.plan
        decision = None if cycle is None else cycle.decision
        site = frozenset(fault.kind for fault in self._site_active)
        last_site_s = max((fault.end_s for fault in plan.site), default=0.0)
        for n, watch in enumerate(self._watches):
            scene, witness = watch.scene, watch.witness
            last_s = self._begin_s + max([last_site_s, *(fault.end_s for fault in scene.faults)])
            sight = Sight(
                now_s=now_s,
                period_s=plan.period_s,
                scene=scene,
                writes=witness.take(),
                mode="" if decision is None else Mode(int(decision.modes[n])).label,
                actuators={} if cycle is None or not scene.operator else _actuator_modes(cycle, scene.bay.name),
                setpoint_c=math.nan if decision is None else float(decision.setpoints[n, 0]),
                status_s=witness.status_s,
                heard_s=witness.heard_s,
                strange=witness.strange,
                fed=self.site.fed,
                site_active=site,
                quiet_s=last_s if now_s > last_s else math.inf,
                single=len(scene.faults) + len(plan.site) <= 1,
                restarted_s=self.site.began_s,
                run_s=now_s - self._begin_s,
            )
            self._ask(watch, sight)
        self.site.fed = False

    def _judge_site(self, now_s: float) -> None:
        """Judge leaks and alarms, and have an operator tidy up some time after everything has cleared."""
        site, desk = self.site, self.site.desk
        look = self._ticks % LOOK_TICKS == 0 and desk is not None and site.cycle is not None
        sight = SiteSight(
            now_s=now_s,
            began_s=site.began_s,
            scenes=site.scenes,
            commands=[] if site.broker is None else site.broker.take_commands(),
            events=site.alarms.take(),
            alarms=desk.view().alarms if look and desk is not None else None,
        )
        for judge in self._site_judges:
            found = judge.look(sight)
            if found is not None:
                self._note(self.plan.seed, judge.name, now_s, found)
        if any(abs(now_s - self._begin_s - self._clear_s - after_s) < STRIDE_S / 2.0 for after_s in TIDY_S):
            site.tidy_up()

    def _note(self, seed: int, invariant: str, now_s: float, text: str) -> None:
        alike = sum((v.seed, v.invariant) == (seed, invariant) for v in self.outcome.violations)
        if alike < VIOLATIONS_MAX:
            found = Violation(seed=seed, invariant=invariant, time_s=now_s - self._begin_s, text=text)
            self.outcome.violations.append(found)

    def _ask(self, watch: _Watch, sight: Sight) -> None:
        for judge in watch.judges:
            found = judge.look(sight)
            if found is not None:
                self._note(watch.scene.bay.seed, judge.name, sight.now_s, found)
        watch.witness.strange.clear()

    def _sum_up(self) -> None:
        for watch in self._watches:
            digest = hashlib.sha256(b"\n".join(watch.witness.trace)).hexdigest()
            self.outcome.traces[watch.scene.bay.seed] = digest
            if watch.scene.manifold is not None:
                told = watch.scene.cdu.plant.inputs.branch_valve_ratio * 100.0
                self.outcome.branches_pct[watch.scene.bay.seed] = [float(value) for value in told]
            self.outcome.writes += sum(write.what in SETPOINTS.values() for write in watch.witness.writes)
        self.outcome.cycles = 0 if self.site.cycle is None else self.site.cycle.completed


def _actuator_modes(cycle: Cycle, device: str) -> dict[str, str]:
    """Return the mode of each of a device's actuators, by what the witness calls it."""
    if cycle.decision is None:
        return {}
    modes = zip(cycle.plan.actuators, cycle.decision.actuator_modes, strict=True)
    return {_spoken(a.name): Mode(int(mode)).label for a, mode in modes if a.device == device}


def _spoken(point: str) -> str:
    return VALVE if "valve" in point else point[: len(PUMPS[0])]


def _end_all(loop: VirtualLoop) -> None:
    """Let nothing outlive a run, however it ended."""
    left = asyncio.all_tasks(loop)
    for task in left:
        task.cancel()
    if left:
        loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Have nothing logged meanwhile: what a run shows is its outcome."""
    before = structlog.get_config()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    try:
        yield
    finally:
        structlog.configure(**before)
