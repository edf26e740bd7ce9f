"""A virtual CDU that writes down who asked and told it what, and the many lives of the daemon that looks after it.

What is checked of each life stands in ``Site.judge``; a violation is a sentence.
"""

import asyncio
import contextlib
import json
import math
import os
import random
import re
import select
import signal
import sqlite3
import sys
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from coolantd.config.build import build_plan, point_specs
from coolantd.config.load import load
from coolantd.config.profiles import load_profile
from coolantd.service import state_format
from coolantd.sim.ports import free_port
from coolantd.sim.simulator import Simulator, SimulatorSettings

DEMO = Path(__file__).parents[2] / "config" / "demo.toml"
SPEED = 4.0
"""Plant and daemon seconds per real second: 8 polls and cycles a second each."""
VALVE = "fws_valve_position_setpoint_pct"
PUMPS = ("pump1_speed_setpoint_pct", "pump2_speed_setpoint_pct")
STEP_MAX_PCT = 1.0
STARVED_STEP_MAX_PCT = 5.0
"""Two cycles of a pump's rate: where readings are late, failsafe goes up from where the pump is, at its rate."""
SEEN_S = 3.0
"""What a position may be old when it is written back, in plant seconds: the device's refresh, a poll, a cycle, and the
busy machine's own 0.4 s times the speed."""
CONTROL_MAX_S = 0.8
"""Real: a life that came to its first writes goes on for six cycles at most."""
START_S = 0.3
"""Real, from birth to the first writes on an idle machine; what it is on this one is learnt."""
DEATH_S = 10.0
LAST_WORDS_S = 0.05
"""What was sent before the end may be taken up after it; the next life sends nothing for twice as long."""


FALLEN = r'"mode":"failsafe","previous":"(?:starting|automatic)".*?"timestamp":"([^"]+)"'


def config_text(folder, modbus_port, http_port):
    """The demo's configuration with the row CDU alone."""
    text = DEMO.read_text(encoding="utf-8")
    text = re.sub(r"\[mqtt\].*?(?=\n\[\[device\]\])", "", text, flags=re.S)
    text = re.sub(r'\[\[device\]\]\nname = "manifold1".*?(?=\n\[\[cdu\]\])', "", text, flags=re.S)
    text = text[: text.index("[[manifold]]")]
    for old, new in (
        ("port = 5020", f"port = {modbus_port}"),
        ("port = 9470", f"port = {http_port}"),
        ('"/var/lib/coolantd"', f'"{folder / "state"}"'),
        ('"/var/cache/coolantd"', f'"{folder / "cache"}"'),
        ('"/run/coolantd"', f'"{folder / "run"}"'),
    ):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


FILES = {
    *("state.json", "state.json.new", "journal.jsonl", "journal.1.jsonl"),
    *("alarms.db", "alarms.db-wal", "alarms.db-shm", "alarms.db-journal"),
}
"""What a life may leave in the state directory, wherever it was ended."""


class Nursery:
    """The process that bears daemons; ``within`` is a command that runs it."""

    def __init__(self, *within):
        self._within = within

    async def __aenter__(self):
        script = Path(__file__).with_name("kill_nursery.py")
        self._process = await asyncio.create_subprocess_exec(
            *self._within, sys.executable, str(script), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        self._one_at_a_time = asyncio.Lock()
        return self

    async def __aexit__(self, *_):
        self._process.stdin.close()
        await self._process.wait()

    async def bear(self, order):
        async with self._one_at_a_time:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            return Life(int(await self._process.stdout.readline()))


class Life:
    """One process of the daemon."""

    def __init__(self, pid):
        self.pid = pid
        try:
            self._fd = os.pidfd_open(pid)
        except ProcessLookupError:
            self._fd = -1

    def over(self):
        return self._fd < 0 or bool(select.select([self._fd], [], [], 0.0)[0])

    def send(self, number):
        if self._fd >= 0:
            signal.pidfd_send_signal(self._fd, number)

    async def end(self, within_s=DEATH_S):
        """Wait for the end; False if it does not come."""
        for _ in range(round(within_s / 0.005)):
            if self.over():
                break
            await asyncio.sleep(0.005)
        ended = self.over()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        return ended


@dataclass
class Heard:
    """What a device heard in one life."""

    read: set = field(default_factory=set)
    begun: bool = False
    read_first: set = field(default_factory=set)
    writes: dict = field(default_factory=dict)


class Ear:
    """A device's port, overheard: registers read, and setpoints written with where the actuators were lately."""

    def __init__(self, simulator):
        self._port, self._device = simulator.device.port, simulator.device
        self.heard = Heard()
        self.track = deque(maxlen=round(SEEN_S / 0.1) + 1)

    def __getattr__(self, name):
        return getattr(self._port, name)

    def follow(self):
        self.track.append((self._device.valve_position_pct, *self._device.pump_speeds_pct))

    def read_holding(self, address, count):
        self.heard.read.update(range(address, address + count))
        return self._port.read_holding(address, count)

    def write_coils(self, address, bits):
        self._begin()
        return self._port.write_coils(address, bits)

    def write_holding(self, address, words):
        self._begin()
        before = self._port.writes_total
        code = self._port.write_holding(address, words)
        if self._port.writes_total > before:
            record = self._port.writes[-1]
            k = (VALVE, *PUMPS).index(record.point)
            off = min(abs(record.value - seen[k]) for seen in self.track)
            self.heard.writes.setdefault(record.point, (record.value, off, time.time()))
        return code

    def _begin(self):
        """Whatever is written first in a life, a coil or a heartbeat included, ends the time of only reading."""
        if not self.heard.begun:
            self.heard.begun, self.heard.read_first = True, set(self.heard.read)


class Site:
    """One virtual CDU, its configuration and its daemon's files.

    Attributes:
        kills, first_writes: how many there were.
        worst_pct: the farthest first write from where the actuator was.
        violations: sentences.
    """

    def __init__(self, folder, nursery, seed):
        self.folder, self.nursery, self.random = folder, nursery, random.Random(seed)
        self.kills = self.first_writes = self.reached = self.starved_lives = 0
        self.worst_pct = 0.0
        self.violations = []
        self.start_s = START_S
        self._run_s = 0.0
        for name in ("state", "run", "cache"):
            (folder / name).mkdir(parents=True)

    async def __aenter__(self):
        settings = SimulatorSettings(modbus_port=0, mqtt_host=None, speed_ratio=SPEED, seed=self.random.randrange(1000))
        self.simulator = Simulator(settings)
        self.ear = Ear(self.simulator)
        self.simulator.server.device = self.ear
        real_step = self.simulator.device.step

        def step():
            real_step()
            self.ear.follow()

        self.simulator.device.step = step
        await self.simulator.__aenter__()
        self.config = self.folder / "coolantd.toml"
        self.config.write_text(config_text(self.folder, self.simulator.modbus_port, free_port()))
        loaded = load(self.config)
        plan, specs = build_plan(loaded), point_specs(loaded)
        registers = {point.name: point for point in load_profile("row-cdu", profiles_dir=None).registers}
        rows = [*plan.cdus[0].required, *(a.readback for a in plan.actuators), *(a.position for a in plan.actuators)]
        self.needed = {
            registers[specs[row].point].address
            for row in rows
            if row < len(specs)
            and specs[row].point in registers
            and not self.simulator.device.registers.is_coil(specs[row].point)
        }
        assert len(self.needed) > 5
        return self

    async def __aexit__(self, *_):
        await self.simulator.__aexit__(None, None, None)

    async def bear(self, **options):
        """Begin a life, once the device has noticed that the one before is over and has done all it was told."""
        await asyncio.sleep(LAST_WORDS_S)  # a connection that was still to be accepted is by now
        await self.until(lambda: self.simulator.server.connections == 0)
        await asyncio.sleep(LAST_WORDS_S)
        self.ear.heard = Heard()
        self.log.unlink(missing_ok=True)
        order = {"config": str(self.config), "log": str(self.log), "speed": SPEED, **options}
        return await self.nursery.bear(order)

    async def kill_at_random(self):
        """One life that ends at any moment of its start, or some time after its first writes; and what it leaves."""
        life, draw = await self.bear(), self.random
        if draw.random() < 0.2:
            self.simulator.overrides.load_ratio = draw.choice((0.1, 0.4, 0.7, 1.0))
        if draw.random() < 0.4:
            await asyncio.sleep(draw.uniform(0.0, 1.5 * self.start_s))
        else:
            await self.to_control(life)
            if draw.random() < 0.3:
                await asyncio.sleep(draw.uniform(0.0, 0.3))
                self.change_config()
                life.send(signal.SIGHUP)
            await asyncio.sleep(draw.uniform(0.0, CONTROL_MAX_S))
        if life.over():
            self.violations.append(f"kill {self.kills}: the daemon ended by itself: {self.words()[-1500:]}")
        life.send(signal.SIGKILL)
        await life.end()
        if draw.random() < 0.1:
            await asyncio.sleep(6.0 / SPEED)  # the device has fallen back
        self.judge(f"kill {self.kills}")

    async def to_control(self, life):
        begun_s = time.monotonic()
        if not await self.until(lambda: len(self.ear.heard.writes) == 3 or life.over()):
            self.violations.append(f"kill {self.kills}: no control: {self.words()[-1500:]}")
        self.start_s += 0.3 * (time.monotonic() - begun_s - self.start_s)

    async def die_at(self, place):
        """One life that ends at a named place."""
        life = await self.bear(die_at=place)
        if place.startswith(("reload", "stop")):
            await self.to_control(life)
            self.change_config()
            life.send(signal.SIGHUP if place.startswith("reload") else signal.SIGTERM)
        if not await life.end():
            self.violations.append(f"{place}: it was not reached")
            os.kill(life.pid, signal.SIGKILL)
        self.judge(place)

    async def come_back(self, **options):
        """One more life, which must come to control; it ends at our word."""
        life = await self.bear(**options)
        await self.to_control(life)
        life.send(signal.SIGTERM)
        if not await life.end():
            self.violations.append("no end at SIGTERM")
        database = self.folder / "state" / "alarms.db"
        if database.exists():
            with contextlib.closing(sqlite3.connect(database)) as alarms:
                if alarms.execute("pragma integrity_check").fetchall() != [("ok",)]:
                    self.violations.append("the record of alarms is corrupt")
        self.judge("the last life")

    async def until(self, there, within_s=20.0):
        for _ in range(round(within_s / 0.01)):
            if there():
                return True
            await asyncio.sleep(0.01)
        return False

    def change_config(self):
        """Edit the setpoint as an operator would."""
        text = self.config.read_text()
        setpoint_c = self.random.choice((33.0, 34.0, 35.0))
        self.config.write_text(re.sub(r"setpoint_c = [0-9.]+", f"setpoint_c = {setpoint_c}", text, count=1))

    @property
    def log(self):
        """What the daemon says in one life."""
        return self.folder / "daemon.log"

    def words(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def starved_s(self):
        """When this life fell back into failsafe, its readings late on a machine too busy for it; inf if never."""
        fallen = re.search(FALLEN, self.words())
        return datetime.fromisoformat(fallen[1]).timestamp() if fallen else math.inf

    def judge(self, what):
        """Look at what one life did and left."""
        self.kills += 1
        heard = self.ear.heard
        missing = self.needed - heard.read_first
        if heard.begun and missing:
            self.violations.append(f"{what}: written before one full scan, {len(missing)} registers were never read")
        starved_s = self.starved_s()
        self.starved_lives += any(at_s > starved_s for _, _, at_s in heard.writes.values())
        for point, (value, off, at_s) in heard.writes.items():
            starved = at_s > starved_s
            self.first_writes += 1
            self.worst_pct = max(self.worst_pct, 0.0 if starved else off)
            if off > (STARVED_STEP_MAX_PCT if starved else STEP_MAX_PCT):
                self.violations.append(
                    f"{what}: the first write of {point} is {value:.2f}, off by {off:.2f} %: {self.words()[-1500:]}"
                )
        self.reached += len(heard.writes) == 3
        if self.simulator.device.port.writes_refused:
            self.violations.append(f"{what}: the device refused a write")
        self.violations += [f"{what}: {sentence}" for sentence in self.left_on_disk()]

    def left_on_disk(self):
        state = self.folder / "state"
        odd = {path.name for path in state.iterdir()} - FILES
        if odd:
            yield f"odd files: {sorted(odd)}"
        if (state / "state.json").exists():
            try:
                kept = state_format.decode((state / "state.json").read_bytes()).sections
            except state_format.StateError as error:
                yield f"the state file is corrupt: {error}"
            else:
                run_s = sum(kept.get("pump_run_s", {}).values())
                if run_s < self._run_s:
                    yield f"run hours went back from {self._run_s} to {run_s}"
                self._run_s = run_s
        yield from self.odd_records(state / "journal.jsonl")
        if re.search("state_discarded|Traceback", self.words()):
            yield f"its log: {self.words()[-1500:]}"

    def odd_records(self, journal):
        """A line may have been cut by the end of a life; then it is a beginning of one record and of no other."""
        for line in journal.read_bytes().splitlines() if journal.exists() else ():
            try:
                json.loads(line)
            except ValueError:
                if line.count(b'"time_s"') > 1:
                    yield f"two records in one line of the journal: {line[:200]}"
