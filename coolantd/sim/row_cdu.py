"""The virtual row CDU: its loop over sensors, alarms, actuators and registers. Knows no socket and no clock.

The status block is refreshed by the device's own loop, not by the request: reading it faster than ``refresh_s``
reads the same values again, and a turned unit selector shows in it at the next refresh, not at once. The real
device's supervisor writes it about once a second.
"""

from collections.abc import Mapping
from typing import Final

from coolantd.plant.layout import PUMP_COUNT
from coolantd.plant.loop import Plant
from coolantd.protocol.profile import Profile, RegisterPoint, Role
from coolantd.sim.alarms import AlarmLatch
from coolantd.sim.controller_port import STEP_S, ControllerPort
from coolantd.sim.fallback import FallbackController
from coolantd.sim.miswiring import Shown, miswired
from coolantd.sim.oddities import NO_ODDITIES, Oddities
from coolantd.sim.registers import RegisterImage
from coolantd.sim.sensors import Sensors
from coolantd.sim.truth import quantities

REFRESH_S: Final = 0.5
"""Default period of the status block."""
FALLBACK_PERIOD_S: Final = 0.5
"""How often the device's own controller acts."""
FALLBACK_TICKS: Final = round(FALLBACK_PERIOD_S / STEP_S)
RUN_POINT: Final = "run_bool"
RUN_TIME_START_H: Final = (4120.0, 3985.0)
"""A machine that has run for half a year, its pumps about equally."""
SECONDS_PER_HOUR: Final = 3600.0


class RowCdu:
    """One virtual CDU between a plant and its registers.

    Args:
        profile: the ``row-cdu`` profile.
        plant: what it moves and measures, already in the state to start from.
        refresh_s: period of the status block, in device time.
        noise_ratio: scale of the sensors' noise, 0 for none.
        seed: of that noise.
        oddities: what was connected wrongly, and how its sensors differ.
        stride_ticks: plant steps that one ``step`` takes at once, what is commanded and measured held meanwhile.

    Attributes:
        registers: its memory.
        port: the rules for using it; what a Modbus server serves.
        active_alarms: names of the alarm and fault points that are on.
        miswiring: points whose instruments show something else; the device's own controller is not misled.
    """

    def __init__(
        self,
        profile: Profile,
        plant: Plant,
        *,
        refresh_s: float = REFRESH_S,
        noise_ratio: float = 1.0,
        seed: int = 0,
        oddities: Oddities = NO_ODDITIES,
        stride_ticks: int = 1,
    ) -> None:
        self.plant = plant
        self._stride_ticks = stride_ticks
        self.registers = RegisterImage(profile)
        self.port = ControllerPort(profile, self.registers)
        self.sensors = Sensors(noise_ratio=noise_ratio, seed=seed, lag_ratio=oddities.sensor_ratio)
        self._oddities = oddities
        self._valve_told_pct = self._valve_begun_pct = float(plant.fws_valve_ratio) * 100.0
        self.active_alarms: frozenset[str] = frozenset()
        self.miswiring: dict[str, Shown] = {}
        self._alarm_points = profile.alarms
        self._latch = AlarmLatch()
        self._refresh_ticks = max(1, round(refresh_s / STEP_S))
        self._run_time_h = list(RUN_TIME_START_H)
        self.fallback = FallbackController(self.valve_position_pct, max(self.pump_speeds_pct))
        self._begin()

    @property
    def time_s(self) -> float:
        """Return device time in seconds since start."""
        return self.port.tick * STEP_S

    @property
    def running(self) -> bool:
        """Return whether the run switch is on; off stops the pumps, whoever commands."""
        return self.registers.get(RUN_POINT) == 1.0

    @property
    def valve_position_pct(self) -> float:
        """Return where the facility valve truly is."""
        return float(self.plant.fws_valve_ratio) * 100.0

    @property
    def pump_speeds_pct(self) -> tuple[float, float]:
        """Return how fast both pumps truly turn."""
        first, second = self.plant.pump_speed_ratio
        return float(first) * 100.0, float(second) * 100.0

    def step(self) -> None:
        """Move on by a stride: see who commands, move the actuators, let the plant run, measure, refresh."""
        was_obeying = self.port.obeying
        if self.port.watch():
            self._obey()
        else:
            if was_obeying or self.port.booting:
                self.fallback.start(self.valve_position_pct, max(self.pump_speeds_pct))
            if self.port.tick % FALLBACK_TICKS == 0 and not self.port.booting:
                self._cool_by_itself()
        if not self.running:
            self._drive(self.plant.inputs.fws_valve_ratio * 100.0, (0.0, 0.0))
        stride_s = self._stride_ticks * STEP_S
        self.plant.advance(stride_s, dt_s=STEP_S)
        self.port.tick += self._stride_ticks
        self.sensors.step(self._shown(), stride_s)
        self._count_run_time()
        if self.port.tick % self._refresh_ticks == 0 and not self.port.booting:
            self._refresh()

    def _begin(self) -> None:
        """Fill the memory with the present state, so that the first reply is already true."""
        self.registers.put(RUN_POINT, 1)
        speeds_pct, shown = self.pump_speeds_pct, self._shown()
        for point in self.port.setpoints:
            index = _pump_index(point)
            valve_pct = shown["fws_valve_position_pct"]
            self.registers.put(point.name, valve_pct if index is None else speeds_pct[index])
        self.sensors.step(shown, STEP_S)
        self._refresh()

    def _obey(self) -> None:
        """Hand the setpoint registers to the actuators."""
        valve_pct = self.plant.inputs.fws_valve_ratio * 100.0
        pumps_pct = [0.0] * PUMP_COUNT
        for point in self.port.setpoints:
            index = _pump_index(point)
            if index is None:
                valve_pct = self.registers.get(point.name)
            else:
                pumps_pct[index] = self.registers.get(point.name)
        self._drive(valve_pct, (pumps_pct[0], pumps_pct[1]))

    def _cool_by_itself(self) -> None:
        measured = self.sensors.read()
        pressure_kpa = measured["tcs_supply_pressure_kpa"] - measured["tcs_return_pressure_kpa"]
        valve_pct, pump_pct = self.fallback.step(measured["tcs_supply_temp_c"], pressure_kpa, FALLBACK_PERIOD_S)
        self._drive(valve_pct, (pump_pct, pump_pct))

    def _shown(self) -> dict[str, float]:
        """Return what each instrument is connected to."""
        return self._oddities.shown(quantities(self.plant), self._valve_told_pct, self._valve_begun_pct)

    def _drive(self, valve_pct: float, pumps_pct: tuple[float, float]) -> None:
        self._valve_told_pct = valve_pct
        valve_pct, pumps_pct = self._oddities.told(valve_pct, pumps_pct, self._valve_begun_pct)
        self.plant.inputs.fws_valve_ratio = valve_pct / 100.0
        for index, pump_pct in enumerate(pumps_pct):
            self.plant.inputs.pump_speed_ratio[index] = pump_pct / 100.0

    def _count_run_time(self) -> None:
        for index, speed_pct in enumerate(self.pump_speeds_pct):
            if speed_pct > 0.0:
                self._run_time_h[index] += self._stride_ticks * STEP_S / SECONDS_PER_HOUR

    def _refresh(self) -> None:
        """Write the status block, the alarms, the run hours and the device's own heartbeat."""
        measured = self.sensors.read()
        self._store(self._displayed(measured), imperial=self.port.imperial)
        self._refresh_alarms(measured)
        for index, run_time_h in enumerate(self._run_time_h):
            self.registers.put(f"pump{index + 1}_run_time_h", int(run_time_h))
        heartbeat = self.port.heartbeat
        beats = self.registers.get(heartbeat.theirs) + 1
        self.registers.put(heartbeat.theirs, beats if beats <= heartbeat.wrap_count else 0)

    def _store(self, shown: Mapping[str, float], *, imperial: bool) -> None:
        """Put what the points show into the memory."""
        for name, value in shown.items():
            if name in self.registers:
                self.registers.put(name, value, imperial=imperial)

    def _displayed(self, measured: Mapping[str, float]) -> dict[str, float]:
        """Return what the points show of what is measured."""
        return miswired(measured, self.miswiring)

    def _refresh_alarms(self, measured: dict[str, float]) -> None:
        available = [bool(flag) for flag in self.plant.inputs.pump_available]
        pump_on = self.running and any(self.plant.inputs.pump_speed_ratio > 0.0)
        faults = {f"fault_pump{index + 1}_drive_bool" for index, flag in enumerate(available) if not flag}
        if self.port.controller_lost:
            faults.add("fault_supervisor2_bool")
        active = self._latch.step(measured, self.time_s, pump_on=pump_on) | faults
        before, self.active_alarms = self.active_alarms, active.intersection(self._alarm_points)
        for name in self.active_alarms ^ before:
            self.registers.put(name, name in active)


def _pump_index(point: RegisterPoint) -> int | None:
    """Return which pump a setpoint belongs to, from 0; None for the valve."""
    if point.write is None or point.write.role is not Role.PUMP:
        return None
    return 0 if point.write.position.startswith("pump1") else 1
