"""One virtual site: plant, row CDU on Modbus TCP, manifold on MQTT, scenario, control socket. Composes and paces.

Pacing: the plant moves in fixed steps of 0.1 s of device time, which follows the clock. Time in which the process
did not run (stopped, or starved) is caught up to at most ``CATCH_UP_MAX_S``; the rest is dropped and counted, so
that a device that was frozen wakes up where it froze and does not race through what it missed.
"""

import asyncio
import copy
import os
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from coolantd.clock import Clock, SystemClock
from coolantd.config.profiles import load_profile
from coolantd.device.mqtt import BrokerAddress
from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.plant.reference import PlantParams, reference_plant
from coolantd.service.control_socket import ControlSocket
from coolantd.sim.control import Control
from coolantd.sim.controller_port import STEP_S
from coolantd.sim.manifold import Manifold
from coolantd.sim.modbus_server import ModbusServer
from coolantd.sim.oddities import Oddities
from coolantd.sim.other_hands import carry_out
from coolantd.sim.row_cdu import REFRESH_S, RowCdu
from coolantd.sim.rpu import UNIT_ID, Rpu
from coolantd.sim.scenario import Conditions, Scenario
from coolantd.sim.serial_port import VirtualPort
from coolantd.sim.serial_server import LinePace, SerialServer
from coolantd.sim.settling import settle_on_fallback
from coolantd.sim.state import state_of
from coolantd.units import W_PER_KW

RACK_COUNT: Final = 8
RACK_POWER_RATED_W: Final = 130_000.0
LIQUID_HEAT_RATIO: Final = 120.0 / 130.0
"""Share of a rack's power that reaches the coolant, the rest warms the room: about 90 % for a GB300 NVL72 (Lenovo
LP2357); this figure makes a 130 kW rack the reference plant's 120 kW."""
RACK_HEAT_RATED_W: Final = RACK_POWER_RATED_W * LIQUID_HEAT_RATIO
RATED_HEAT_KW: Final = RACK_COUNT * RACK_HEAT_RATED_W / W_PER_KW
CATCH_UP_MAX_S: Final = 1.0
"""Device time made up for after a pause: hides scheduling, not a stop."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SimulatorSettings:
    """What to serve, and how.

    Attributes:
        modbus_host, modbus_port: where the row CDU listens; port 0 picks a free one.
        mqtt_host: broker the manifold talks to; None for no manifold.
        mqtt_port: its port.
        topic: the manifold's topic.
        bypass: the manifold has a bypass valve, as wide as one branch.
        scenario: what happens.
        speed_ratio: device seconds per real second.
        refresh_s: period of the row CDU's status block.
        noise_ratio: scale of all sensor noise, 0 for none.
        seed: of the noise.
        valve_stroke_s: time of the facility valve from shut to open.
        oddities: how the row CDU differs from the reference plant, and what is connected wrongly.
        rpu: serve an ORv3 RPU on a serial line of its own, 19200 8N1, unit 12.
        rpu_link: symbolic link to make to that line's port; None for none.
        control_path: where to make a control socket; None for none.
        profile: the row CDU's; it must have every point of the shipped one, and may have more.
        profiles_dir: where it is, unless it is a shipped one.
        compiled: compile the plant in a thread and move to it when it is ready. Off by default: the interpreted
            plant costs 0.15 ms a step, 8 % of a core at 50x, while compiling stalls the device for up to 0.4 s.
    """

    modbus_host: str = "127.0.0.1"
    modbus_port: int = 5020
    mqtt_host: str | None = "127.0.0.1"
    mqtt_port: int = 1883
    topic: str = "manifold/manifold1"
    bypass: bool = False
    scenario: Scenario = field(default_factory=Scenario)
    speed_ratio: float = 1.0
    refresh_s: float = REFRESH_S
    noise_ratio: float = 1.0
    seed: int = 0
    valve_stroke_s: float = 30.0
    oddities: Oddities = field(default_factory=Oddities)
    rpu: bool = False
    rpu_link: Path | None = None
    control_path: Path | None = None
    profile: str = "row-cdu"
    profiles_dir: Path | None = None
    compiled: bool = False


@dataclass(slots=True)
class Overrides:
    """What somebody set by hand; None leaves it to the scenario."""

    load_ratio: float | None = None
    fws_supply_temp_c: float | None = None
    tripped_pumps: set[int] = field(default_factory=set)


class Simulator:
    """A virtual site as an asynchronous context; everything runs until the context ends.

    Args:
        settings: what to serve.
        clock: device time follows it; by default the system's at ``speed_ratio``.
        settled: a plant of the same settings that has come to rest already, to begin with a copy of it.

    Attributes:
        plant: the physics.
        device: the row CDU; ``device.port`` holds coils, setpoint writes and counters.
        server: its Modbus server, with connection and request counters.
        manifold: the rack manifold, None without a broker.
        rpu: the pumping unit on the serial line, None without one.
        line: that line, None without one.
        overrides: what somebody set by hand.
        time_dropped_s: device time not made up for.
    """

    def __init__(self, settings: SimulatorSettings, clock: Clock | None = None, settled: Plant | None = None) -> None:
        self.settings = settings
        self.clock: Clock = clock or SystemClock(rate_ratio=settings.speed_ratio)
        self.overrides = Overrides()
        self.time_dropped_s = 0.0
        plain = reference_plant(
            rack_count=RACK_COUNT, rack_heat_rated_w=RACK_HEAT_RATED_W, valve_stroke_s=settings.valve_stroke_s
        )
        if settings.bypass:
            plain = replace(plain, bypass_branch_ratio=1.0)
        self.params = settings.oddities.of(plain)
        self.plant = Plant(self.params, kernel=ADVANCE.function) if settled is None else copy.deepcopy(settled)
        self._apply(settings.scenario.at(0.0))
        if settled is None:
            settle_on_fallback(self.plant)
        self.device = RowCdu(
            load_profile(settings.profile, profiles_dir=settings.profiles_dir),
            self.plant,
            refresh_s=settings.refresh_s,
            noise_ratio=settings.noise_ratio,
            seed=settings.seed,
            oddities=settings.oddities,
        )
        self.server = ModbusServer(self.device.port, host=settings.modbus_host, port=settings.modbus_port)
        self.manifold: Manifold | None = None
        if settings.mqtt_host is not None:
            # one seed apart, so that both devices' noise differs
            self.manifold = Manifold(
                self.plant, settings.topic, noise_ratio=settings.noise_ratio, seed=settings.seed + 1
            )
        self.rpu: Rpu | None = None
        self.line: SerialServer | None = None
        if settings.rpu:
            self.rpu = Rpu(load_profile("orv3-rpu", profiles_dir=None))
            port = VirtualPort(settings.rpu_link)
            self.line = SerialServer({UNIT_ID: self.rpu}, port=port, clock=self.clock, pace=LinePace())
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._socket: ControlSocket | None = None

    @property
    def modbus_port(self) -> int:
        """Return the port the row CDU listens on."""
        return self.server.port

    async def __aenter__(self) -> Self:
        """Listen and let time run.

        Raises:
            CoolantdError: an address or the control socket cannot be had.
        """
        try:
            await self._listen()
        except BaseException:
            await self._close()
            raise
        self._spawn("plant", self._pace())
        if self.settings.compiled:
            self._spawn("compile", self._compile())
        if self.manifold is not None and self.settings.mqtt_host is not None:
            self._spawn("manifold", self.manifold.run(self._broker(self.settings.mqtt_host), self.clock))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close everything."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._close()

    def stop(self) -> None:
        """Let ``wait`` return."""
        self._stopped.set()

    async def wait(self) -> None:
        """Wait for ``stop``; a part that failed ends the wait with its error."""
        await self._stopped.wait()
        for task in self._tasks:
            if task.done() and not task.cancelled() and (error := task.exception()) is not None:
                raise error

    def step(self) -> None:
        """Move the whole site on by one plant step."""
        self._apply(self.settings.scenario.at(self.device.time_s))
        for event in self.settings.scenario.cdu_events:
            if round(event.at_s / STEP_S) == self.device.port.tick:
                carry_out(self.device.port, event)
        self.device.step()
        if self.rpu is not None:
            self.rpu.step(STEP_S)

    def state(self) -> dict[str, Any]:
        """Return the plant's truth and every counter, ready for JSON."""
        return state_of(self)

    async def _listen(self) -> None:
        """Open every port; the control socket last, as whoever waits for it finds all of them."""
        await self.server.start()
        if self.line is not None:
            await self.line.start()
        if self.settings.control_path is not None:
            self._socket = ControlSocket(self.settings.control_path, handlers=Control(self).handlers)
            await self._socket.start()

    async def _close(self) -> None:
        if self._socket is not None:
            await self._socket.stop()
        if self.line is not None:
            await self.line.stop()
        await self.server.stop()

    def _apply(self, conditions: Conditions) -> None:
        """Let the scenario, or who overrode it, act on the plant."""
        inputs, hand = self.plant.inputs, self.overrides
        load_ratio = conditions.load_ratio if hand.load_ratio is None else hand.load_ratio
        inputs.rack_heat_w[:] = load_ratio * RACK_HEAT_RATED_W
        fws_temp_c = conditions.fws_supply_temp_c if hand.fws_supply_temp_c is None else hand.fws_supply_temp_c
        inputs.fws_supply_temp_c = fws_temp_c
        inputs.fws_differential_pressure_pa = conditions.fws_differential_pressure_pa
        for index, available in enumerate(conditions.pump_available):
            inputs.pump_available[index] = float(available and index + 1 not in hand.tripped_pumps)

    async def _pace(self) -> None:
        """Step as the clock goes on."""
        done_s = self.clock.now_s()
        while True:
            owed_s = self.clock.now_s() - done_s
            if owed_s > CATCH_UP_MAX_S:
                self.time_dropped_s += owed_s - CATCH_UP_MAX_S
                done_s += owed_s - CATCH_UP_MAX_S
                owed_s = CATCH_UP_MAX_S
            steps = int(owed_s / STEP_S)
            for _ in range(steps):
                self.step()
            done_s += steps * STEP_S
            await self.clock.sleep(done_s + STEP_S - self.clock.now_s())

    async def _compile(self) -> None:
        """Compile in a thread and exchange the kernel between two steps."""
        self.plant.kernel = await asyncio.to_thread(_compiled_kernel, self.params)

    def _broker(self, host: str) -> BrokerAddress:
        client_id = f"coolantd-sim-{os.getpid()}-{self.modbus_port}"
        return BrokerAddress(host=host, port=self.settings.mqtt_port, client_id=client_id)

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=f"simulator-{name}")
        task.add_done_callback(self._on_done)
        self._tasks.append(task)

    def _on_done(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is not None:
            self.stop()


def _compiled_kernel(params: PlantParams) -> KernelFunction:
    """Return the compiled plant step after its first call, which is the slow one.

    Without ``NUMBA_CACHE_DIR`` nothing is cached: numba would write beside the package.
    """
    kernel = ADVANCE.compiled(cache="NUMBA_CACHE_DIR" in os.environ)
    Plant(params, kernel=kernel)
    return kernel
