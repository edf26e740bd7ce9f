"""A virtual rack manifold on a real MQTT broker: telemetry of branches and bypass out, valve setpoints in.

It takes a setpoint only from a live, well-formed and recent message; a retained one, an old one that a broker kept
back, one out of range and one that is no JSON leave the valve where it is, and so does a broker that is gone.
"""

import asyncio
import math
import random
from typing import Final

import orjson

from coolantd.clock import Clock
from coolantd.device.mqtt import BrokerAddress, Message, MqttLink
from coolantd.plant.loop import Plant
from coolantd.sim.leak_detectors import LeakDetectors
from coolantd.sim.sensors import FLOW_NOISE_LPM, TEMP_NOISE_K
from coolantd.units import lpm_from_m3_s

TELEMETRY_PERIOD_S: Final = 1.0
"""How often each branch speaks, in device time."""
SETPOINT_MAX_BYTES: Final = 1024
"""A setpoint is some fifty bytes; anything much longer is not one."""
SETPOINT_MAX_AGE_S: Final = 10.0
"""A setpoint whose timestamp is further than this from our wall clock, either way, is not about now."""
BYPASS: Final = 0
"""The bypass's number among the branches."""
ONLINE: Final = b"online"
OFFLINE: Final = b"offline"


class Manifold:
    """Branches of the plant as one MQTT device.

    Args:
        plant: whose racks hang on the branches; branch 1 is rack 0.
        topic: the device's own topic, without a trailing slash.
        noise_ratio: scale of the sensors' noise, 0 for none.
        seed: of that noise.

    Attributes:
        setpoints_taken: valve setpoints obeyed.
        setpoints_refused: messages that were none.
        published: telemetry messages handed to the link.
        leaks: the detectors at its branches.
        link: the connection, once ``run`` has begun.
    """

    def __init__(self, plant: Plant, topic: str, *, noise_ratio: float, seed: int) -> None:
        self.plant = plant
        self.topic = topic
        self.setpoints_taken = 0
        self.setpoints_refused = 0
        self.published = 0
        self.link: MqttLink | None = None
        self.leaks = LeakDetectors(len(self.branches))
        self._noise_ratio = noise_ratio
        self._random = random.Random(seed)  # noqa: S311 - sensor noise, not a secret
        self._branches = {self.setpoint_topic(branch): branch for branch in self.branches}
        if self.has_bypass:
            self._branches[self.setpoint_topic(BYPASS)] = BYPASS

    @property
    def branches(self) -> range:
        """Return the branch numbers, from 1."""
        return range(1, len(self.plant.inputs.branch_valve_ratio) + 1)

    @property
    def has_bypass(self) -> bool:
        """Return whether a valve lets coolant past the racks."""
        return self.plant.params.bypass_branch_ratio > 0.0

    @property
    def status_topic(self) -> str:
        """Return where it says online, and its last will offline."""
        return f"{self.topic}/status"

    def setpoint_topic(self, branch: int) -> str:
        """Return where it takes a valve setpoint."""
        return f"{self._place(branch)}/valve_setpoint"

    def telemetry_topic(self, branch: int) -> str:
        """Return where it speaks of a branch."""
        return f"{self._place(branch)}/telemetry"

    def leak_topic(self, branch: int) -> str:
        """Return where it speaks of the leak detectors of a branch."""
        return f"{self.topic}/branch/{branch}/leak"

    def telemetry(self, branch: int, wall_s: float) -> dict[str, float]:
        """Return what a branch says: L/min, degC, %, and wall time in ms; of the bypass flow and position."""
        if branch == BYPASS:
            return {
                "flow_lpm": self._noisy(lpm_from_m3_s(self.plant.bypass_flow_m3_s), FLOW_NOISE_LPM / 8.0),
                "valve_position_pct": round(self.plant.bypass_valve_ratio * 100.0, 3),
                "timestamp_ms": round(wall_s * 1000.0),
            }
        rack = branch - 1
        return {
            "flow_lpm": self._noisy(lpm_from_m3_s(float(self.plant.rack_flow_m3_s[rack])), FLOW_NOISE_LPM / 8.0),
            "supply_temp_c": self._noisy(float(self.plant.rack_supply_temp_c[rack]), TEMP_NOISE_K),
            "return_temp_c": self._noisy(float(self.plant.rack_return_temp_c[rack]), TEMP_NOISE_K),
            "valve_position_pct": round(float(self.plant.branch_valve_ratio[rack]) * 100.0, 3),
            "timestamp_ms": round(wall_s * 1000.0),
        }

    def take(self, message: Message, wall_s: float) -> bool:
        """Obey a setpoint message or refuse it; return whether it was obeyed.

        Args:
            message: as received.
            wall_s: wall time now.
        """
        branch = self._branches.get(message.topic)
        value = None if message.retained else setpoint_of(message.payload, wall_s)
        if branch is None or value is None:
            self.setpoints_refused += 1
            return False
        if branch == BYPASS:
            self.plant.inputs.bypass_valve_ratio = value / 100.0
        else:
            self.plant.inputs.branch_valve_ratio[branch - 1] = value / 100.0
        self.setpoints_taken += 1
        return True

    async def run(self, address: BrokerAddress, clock: Clock) -> None:
        """Serve until cancelled, then say offline."""
        self.link = link = MqttLink(
            address, clock=clock, will_topic=self.status_topic, will_payload=OFFLINE, online_payload=ONLINE
        )
        link.subscribe(tuple(self._branches))
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(link.run(), name="manifold-link")
                group.create_task(self._listen(link, clock), name="manifold-listen")
                group.create_task(self._speak(link, clock), name="manifold-speak")
                group.create_task(self._speak_of_leaks(link, clock), name="manifold-leaks")
        finally:
            await link.close(farewell=OFFLINE)

    async def _listen(self, link: MqttLink, clock: Clock) -> None:
        while True:
            for message in await link.next_messages():
                self.take(message, clock.wall_s())

    async def _speak(self, link: MqttLink, clock: Clock) -> None:
        """Publish branch after branch, evenly spread over the period as devices on one bus are.

        Timestamps advance with the device's own clock, which in a demo runs faster than the wall's.
        """
        wall_origin_s = clock.wall_s() - clock.now_s()
        speakers = (*self.branches, BYPASS) if self.has_bypass else tuple(self.branches)
        pause_s = TELEMETRY_PERIOD_S / len(speakers)
        due_s = clock.now_s()
        while True:
            for branch in speakers:
                stamp_s = wall_origin_s + clock.now_s()
                link.publish(self.telemetry_topic(branch), orjson.dumps(self.telemetry(branch, stamp_s)))
                self.published += 1
                due_s = max(due_s + pause_s, clock.now_s())
                await clock.sleep(due_s - clock.now_s())

    def _place(self, branch: int) -> str:
        return f"{self.topic}/bypass" if branch == BYPASS else f"{self.topic}/branch/{branch}"

    async def _speak_of_leaks(self, link: MqttLink, clock: Clock) -> None:
        """Publish what the leak detectors say once a second, and at once when one changes."""
        wall_origin_s = clock.wall_s() - clock.now_s()
        while True:
            for branch in self.branches:
                says = self.leaks.says(branch, wall_origin_s + clock.now_s())
                link.publish(self.leak_topic(branch), orjson.dumps(says))
            await self.leaks.change(clock)

    def _noisy(self, value: float, deviation: float) -> float:
        return round(value + self._random.gauss(0.0, deviation) * self._noise_ratio, 4)


def setpoint_of(payload: bytes, wall_s: float) -> float | None:
    """Return the percent a setpoint payload asks for, or None where it is no recent setpoint in 0 to 100."""
    if len(payload) > SETPOINT_MAX_BYTES:
        return None
    try:
        document = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(document, dict):
        return None
    value, stamp_ms = _finite(document.get("value")), _finite(document.get("timestamp_ms"))
    if value is None or stamp_ms is None or abs(wall_s - stamp_ms / 1000.0) > SETPOINT_MAX_AGE_S:
        return None
    return value if 0.0 <= value <= 100.0 else None


def _finite(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None
