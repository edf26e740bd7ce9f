"""Makes faults so, and takes them back: one function per kind, in one table. Knows switches; decides nothing.

Each function turns something and returns what turns it back.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Any, Final

from coolantd.sim.dst.faults import Fault, Kind
from coolantd.sim.dst.network import Damage
from coolantd.sim.dst.scene import Foreign, Scene, Undo
from coolantd.sim.dst.witness import SETPOINTS

INSTRUMENTS: Final = (
    "tcs_supply_temp_c",
    "tcs_supply_temp_c",
    "tcs_supply_spare_temp_c",
    "tcs_supply_pressure_kpa",
    "tcs_return_pressure_kpa",
    "tcs_return_temp_c",
    "fws_supply_temp_c",
    "tcs_flow_lpm",
    "dew_point_c",
    "heat_load_kw",
    "fws_valve_position_pct",
    "pump1_speed_pct",
    "fws_supply_pressure_kpa",
    "fws_return_temp_c",
)
"""Those that control looks at, the process variables most often."""
SPANS: Final = {"c": 20.0, "kpa": 100.0, "lpm": 600.0, "kw": 500.0, "pct": 50.0}
"""By unit: what counts as a large error."""
SENTINELS: Final = (9999.0, 32767.0, -32768.0, -999.0, 0.0)
DELAY_MAX_S: Final = 30.0
LATE_S: Final = 0.6
"""Longer than any reply may take."""

Begin = Callable[[Scene, Fault], Undo]


def _set(target: object, name: str, value: Any) -> Undo:
    before = getattr(target, name)
    setattr(target, name, value)
    return lambda: setattr(target, name, before)


def _put(array: Any, index: int, value: float) -> Undo:
    before = array[index]
    array[index] = value

    def undo() -> None:
        array[index] = before

    return undo


def _between(fault: Fault, low: float, high: float) -> float:
    return low + (high - low) * fault.size


def instrument(fault: Fault) -> str:
    """Return the point that a sensor fault is about."""
    return INSTRUMENTS[fault.pick % len(INSTRUMENTS)]


def _span(name: str) -> float:
    return SPANS[name.rpartition("_")[2]]


def _lie(scene: Scene, fault: Fault, tell: Callable[[float, float], float]) -> Undo:
    name, lies = instrument(fault), scene.cdu.parts.lies
    lies[name] = tell

    def undo() -> None:
        if lies.get(name) is tell:
            del lies[name]

    return undo


def _sensor_stuck(scene: Scene, fault: Fault) -> Undo:
    held: list[float] = []

    def tell(value: float, _time_s: float) -> float:
        held.append(value)
        return held[0]

    return _lie(scene, fault, tell)


def _sensor_drift(scene: Scene, fault: Fault) -> Undo:
    begun_s, name = scene.cdu.time_s, instrument(fault)
    rate = _span(name) * (fault.size - 0.5) / 600.0
    return _lie(scene, fault, lambda value, time_s: value + rate * (time_s - begun_s))


def _sensor_noisy(scene: Scene, fault: Fault) -> Undo:
    deviation, rng = 0.2 * _span(instrument(fault)) * fault.size, scene.cdu.rng
    return _lie(scene, fault, lambda value, _: value + rng.gauss(0.0, deviation))


def _sensor_delayed(scene: Scene, fault: Fault) -> Undo:
    past: list[tuple[float, float]] = []
    delay_s = _between(fault, 2.0, DELAY_MAX_S)

    def tell(value: float, time_s: float) -> float:
        past.append((time_s, value))
        while len(past) > 1 and past[1][0] <= time_s - delay_s:
            past.pop(0)
        return past[0][1]

    return _lie(scene, fault, tell)


def _swapped(scene: Scene, fault: Fault) -> Undo:
    pairs = (
        ("tcs_supply_temp_c", "tcs_return_temp_c"),
        ("fws_supply_temp_c", "fws_return_temp_c"),
        ("tcs_supply_pressure_kpa", "tcs_return_pressure_kpa"),
    )
    pair, swapped = pairs[fault.pick % len(pairs)], scene.cdu.parts.swapped
    swapped.append(pair)
    return lambda: swapped.remove(pair)


def _damage(damage: Damage) -> Begin:
    def begin(scene: Scene, fault: Fault) -> Undo:
        undo_share = _set(scene.line, "share", max(fault.size, 0.2))
        undo = _set(scene.line, "damage", damage)

        def both() -> None:
            undo()
            undo_share()

        return both

    return begin


def _exception(code: int) -> Begin:
    return lambda scene, fault: _set(scene.line, "exception", code)  # noqa: ARG005 - a fault has no size here


def _silent(scene: Scene, fault: Fault) -> Undo:
    del fault
    return _set(scene.line, "silent", True)  # noqa: FBT003 - a switch


def _reset(scene: Scene, fault: Fault) -> Undo:
    del fault
    scene.line.cut()
    return _nothing


def _refuses(scene: Scene, fault: Fault) -> Undo:
    del fault
    scene.line.cut()
    return _set(scene.line, "refuses", True)  # noqa: FBT003 - a switch


def _reboot(scene: Scene, fault: Fault) -> Undo:
    if fault.pick % 2:
        scene.line.cut()
    scene.cdu.port.reboot()
    return _nothing


def _local(scene: Scene, fault: Fault) -> Undo:
    del fault
    scene.cdu.port.set_remote(on=False)
    return lambda: scene.cdu.port.set_remote(on=True)


def _other_writer(scene: Scene, fault: Fault) -> Undo:
    port = scene.cdu.port
    point = port.setpoints[fault.pick % len(port.setpoints)]
    before, value = port.registers.get(point.name), round(_between(fault, 30.0, 95.0), 1)
    port.write_point(point.name, value)
    scene.foreign[SETPOINTS[point.address]] = Foreign(scene.now_s(), value, before)
    return _nothing


def _imperial(scene: Scene, fault: Fault) -> Undo:
    del fault
    scene.cdu.port.set_imperial(on=True)
    return lambda: scene.cdu.port.set_imperial(on=False)


def _nothing() -> None:
    """Turn nothing back: it happened at once."""


def _inputs(name: str, value: Callable[[Scene, Fault], float]) -> Begin:
    return lambda scene, fault: _set(scene.cdu.plant.inputs, name, value(scene, fault))


def _air(scene: Scene, fault: Fault) -> Undo:
    ripple = _set(scene.cdu.plant.inputs, "head_ripple_ratio", 0.2 * fault.size)
    head = _set(scene.cdu.plant.inputs, "head_ratio", _between(fault, 0.95, 0.5))

    def both() -> None:
        head()
        ripple()

    return both


def _leak(scene: Scene, fault: Fault) -> Undo:
    inputs = scene.cdu.plant.inputs
    inputs.leak_m3_s = _between(fault, 0.1, 3.0) / 60e3

    def mend() -> None:
        inputs.leak_m3_s = 0.0
        scene.cdu.plant.refill()

    return mend


BAY_TABLE: Final[dict[Kind, Begin]] = {
    Kind.PUMP_OFF: lambda s, f: _put(s.cdu.plant.inputs.pump_available, f.pick % 2, 0.0),
    Kind.PUMP_SLOW: lambda s, f: _put(s.cdu.parts.pump_ratio, f.pick % 2, _between(f, 0.95, 0.4)),
    Kind.VALVE_STUCK: lambda s, f: _set(s.cdu.parts, "valve_stuck", True),  # noqa: ARG005, FBT003 - a switch
    Kind.VALVE_SLOW: lambda s, f: _set(s.cdu.parts, "valve_slow_pct_per_s", _between(f, 2.0, 0.1)),
    Kind.FLOW_BLOCKED: _inputs("loop_resistance_ratio", lambda _, f: 2.0 + 100.0 * f.size**3),
    Kind.FACILITY_OFF: lambda s, f: _set(s.load, "fws_pressure_pa", 0.0),  # noqa: ARG005 - no size
    Kind.FACILITY_WARM: lambda s, f: _set(s.load, "fws_temp_c", s.load.fws_temp_c + _between(f, 2.0, 12.0)),
    Kind.FACILITY_PRESSURE: lambda s, f: _set(s.load, "fws_pressure_pa", _between(f, 40e3, 300e3)),
    Kind.DEW_JUMP: lambda s, f: _named_lie(s, "dew_point_c", _between(f, 3.0, 20.0)),
    Kind.BRANCH_BLOCKED: lambda s, f: _put(s.cdu.plant.inputs.branch_resistance_ratio, 0, 2.0 + 300.0 * f.size),
    Kind.AIR: _air,
    Kind.LEAK: _leak,
    Kind.FOULING: _inputs("fouling_k_w", lambda _, f: 1e-5 * f.size),
    Kind.LOAD_STEP: lambda s, f: _set(s.load, "heat_w", _between(f, 0.05, 1.2) * 960e3),
    Kind.SENSOR_NAN: lambda s, f: _lie(s, f, lambda value, _: math.nan),  # noqa: ARG005 - whatever is true
    Kind.SENSOR_STUCK: _sensor_stuck,
    Kind.SENSOR_DRIFT: _sensor_drift,
    Kind.SENSOR_BIAS: lambda s, f: _lie(s, f, lambda value, _: value + _span(instrument(f)) * (f.size - 0.5)),
    Kind.SENSORS_SWAPPED: _swapped,
    Kind.SENSOR_OUT_OF_RANGE: lambda s, f: _lie(s, f, lambda value, _: value + 1e4 * (f.size - 0.5)),
    Kind.SENSOR_SENTINEL: lambda s, f: _lie(s, f, lambda value, _: SENTINELS[f.pick % 5]),  # noqa: ARG005 - as above
    Kind.SENSOR_NOISY: _sensor_noisy,
    Kind.SENSOR_DELAYED: _sensor_delayed,
    Kind.DEVICE_SILENT: _silent,
    Kind.DEVICE_SLOW: lambda s, f: _set(s.line, "delay_s", _between(f, 0.02, 0.3)),
    Kind.DEVICE_LATE: lambda s, f: _set(s.line, "delay_s", LATE_S + f.size),
    Kind.DEVICE_DEAF: lambda s, f: _set(s.line, "deaf", True),  # noqa: ARG005, FBT003 - a switch
    Kind.DEVICE_RESET: _reset,
    Kind.DEVICE_REFUSES: _refuses,
    Kind.EXCEPTION_1: _exception(1),
    Kind.EXCEPTION_2: _exception(2),
    Kind.EXCEPTION_3: _exception(3),
    Kind.EXCEPTION_4: _exception(4),
    Kind.EXCEPTION_5: _exception(5),
    Kind.EXCEPTION_6: _exception(6),
    Kind.EXCEPTION_11: _exception(11),
    Kind.REPLY_TRANSACTION: _damage(Damage.TRANSACTION),
    Kind.REPLY_UNIT: _damage(Damage.UNIT),
    Kind.REPLY_SHORT: _damage(Damage.SHORT),
    Kind.REPLY_COUNT: _damage(Damage.COUNT),
    Kind.REPLY_FUNCTION: _damage(Damage.FUNCTION),
    Kind.REPLY_GARBAGE: _damage(Damage.GARBAGE),
    Kind.REPLY_TWICE: _damage(Damage.TWICE),
    Kind.REPLY_PREVIOUS: _damage(Damage.PREVIOUS),
    Kind.ANOTHER_UNIT: lambda s, f: _set(s.cdu.parts, "unit", 2 + f.pick % 9),
    Kind.REBOOT: _reboot,
    Kind.PUT_TO_LOCAL: _local,
    Kind.OTHER_WRITER: _other_writer,
    Kind.WRITE_IGNORED: lambda s, f: _set(s.cdu.parts, "ignores_writes", True),  # noqa: ARG005, FBT003 - a switch
    Kind.WRITE_LIMITED: lambda s, f: _set(s.cdu.parts, "valve_limit_pct", _between(f, 30.0, 80.0)),
    Kind.STATUS_FROZEN: lambda s, f: _set(s.cdu.parts, "frozen", True),  # noqa: ARG005, FBT003 - a switch
    Kind.UNIT_TURNED: _imperial,
}


def _named_lie(scene: Scene, name: str, offset: float) -> Undo:
    lies = scene.cdu.parts.lies
    lies[name] = lambda value, _: value + offset
    return lambda: lies.pop(name, None) and None


def later(loop: asyncio.AbstractEventLoop, delay_s: float, act: Callable[[], object]) -> None:
    """Do something after a delay of the loop's time."""
    loop.call_later(max(delay_s, 0.0), act)
