"""What can go wrong in the campaign: each kind as the events that begin and end it. Knows the site; draws nothing.

The words are PX4's (off, stuck, garbage, wrong, slow, intermittent), one kind per component. A strength between 0 and 1
says how bad it is.
"""

from collections.abc import Callable
from typing import Final

from coolantd.plant import layout as at
from coolantd.point import Quality, Reason
from coolantd.sim import fast_layout as on
from coolantd.sim.campaign.site import CONSTANTS, PUMPS, VALVE, Site
from coolantd.sim.fastloop import Event

Make = Callable[[Site, float, float, float], list[Event]]
"""(site, begin_s, end_s, strength) -> events."""

ENDLESS_LAG_S: Final = 1e12
"""An instrument this slow is stuck at what it showed."""
PULSE_S: Final = 7.0
"""Half a period of an intermittent fault: longer than a hold time, shorter than a come-back."""
DRIFT_STEPS: Final = 40
FWS_DP_PA: Final = 170e3
FWS_TEMP_C: Final = 28.0
SUPPLY: Final = ("tcs_supply_temp_c", "tcs_supply_spare_temp_c")
PRESSURE: Final = "tcs_differential_pressure_kpa"
_GOOD: Final = float(Quality.GOOD)
_BAD: Final = float(Quality.BAD)


def _plant(slot: int, wrong: Callable[[float], float], right: float) -> Make:
    """Return a kind that sets one input of the plant to ``wrong(strength)`` and back to ``right``."""

    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        del site
        pairs = ((begin_s, wrong(strength)), (end_s, right))
        return [Event(time_s=t, target=on.Target.INPUT, row=0, column=slot, value=v) for t, v in pairs]

    return make


def _shown(site: Site, point: str, column: int, time_s: float, value: float) -> list[Event]:
    """Set a column of a point's instrument, where the site has it."""
    names = list(site.instruments)
    if point not in site.instruments:
        return []
    row = names.index(point)
    return [Event(time_s=time_s, target=on.Target.INSTRUMENT, row=row, column=column, value=value)]


def _quality(site: Site, points: tuple[str, ...], time_s: float, reason: Reason | None) -> list[Event]:
    """Make points bad for a reason, or good again for none."""
    found = []
    for point in points:
        found += _shown(site, point, on.N_QUALITY, time_s, _GOOD if reason is None else _BAD)
        found += _shown(site, point, on.N_REASON, time_s, float(reason or Reason.NONE))
    return found


def _bad(points: tuple[str, ...], reason: Reason) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        del strength
        return _quality(site, points, begin_s, reason) + _quality(site, points, end_s, None)

    return make


def _intermittent(points: tuple[str, ...], reason: Reason) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        events, time_s, now = [], begin_s, True
        while time_s < end_s:
            events += _quality(site, points, time_s, reason if now else None)
            time_s, now = time_s + PULSE_S * (0.2 + strength), not now
        return events + _quality(site, points, end_s, None)

    return make


def _instrument(point: str, column: int, wrong: Callable[[float], float]) -> Make:
    """Return a kind that changes one column of an instrument, and puts back what the site had."""

    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        if point not in site.instruments:
            return []
        right = site.instruments[point].packed()[column]
        wrong_value = wrong(strength) * right if column == on.N_SCALE else wrong(strength)
        begun = _shown(site, point, column, begin_s, wrong_value)
        return begun + _shown(site, point, column, end_s, right)

    return make


def _drift(point: str, far: float) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        events, right = [], site.instruments[point].bias
        for k in range(1, DRIFT_STEPS + 1):
            time_s = begin_s + (end_s - begin_s) * k / (DRIFT_STEPS + 1)
            events += _shown(site, point, on.N_BIAS, time_s, right + far * strength * k / DRIFT_STEPS)
        return events + _shown(site, point, on.N_BIAS, end_s, right)

    return make


def _swapped(one: str, other: str) -> Make:
    """Return a kind in which two instruments look at each other's quantity."""

    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        del strength
        slots = {name: site.instruments[name].packed() for name in (one, other)}
        events = []
        for name, its in ((one, other), (other, one)):
            for column in (on.N_KIND, on.N_SLOT, on.N_SCALE):
                events += _shown(site, name, column, begin_s, slots[its][column])
                events += _shown(site, name, column, end_s, slots[name][column])
        return events

    return make


def _actuators(names: tuple[str, ...], column: int) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        del strength
        rows = [site.actuators[name] for name in names]
        pairs = [(t, row, v) for row in rows for t, v in ((begin_s, 0.0), (end_s, 1.0))]
        return [Event(time_s=t, target=on.Target.ACTUATOR, row=r, column=column, value=v) for t, r, v in pairs]

    return make


def _racks(column: int, racks: range, wrong: Callable[[float], float], right: float) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        slots = [at.I_RACK + rack * at.I_STRIDE + column for rack in racks]
        return [e for slot in slots for e in _plant(slot, wrong, right)(site, begin_s, end_s, strength)]

    return make


def _together(*makes: Make) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        return [event for each in makes for event in each(site, begin_s, end_s, strength)]

    return make


def _everything(site: Site) -> tuple[str, ...]:
    return tuple(site.instruments)


def _device(reason: Reason, *, listens: bool) -> Make:
    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        events = _bad(_everything(site), reason)(site, begin_s, end_s, strength)
        if not listens:
            events += _actuators(tuple(site.actuators), on.M_LISTENS)(site, begin_s, end_s, strength)
        return events

    return make


def _restart(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
    """Silence for a while, and registers at their factory settings afterwards."""
    factory = 30.0 + 60.0 * strength
    registers = [
        Event(time_s=begin_s, target=on.Target.REGISTER, row=row, column=0, value=factory)
        for row in site.actuators.values()
    ]
    return registers + _device(Reason.NOT_CONNECTED, listens=False)(site, begin_s, end_s, strength)


def _other_writer(name: str) -> Make:
    """Somebody writes a register; the shell has noticed and marks it as theirs."""

    def make(site: Site, begin_s: float, end_s: float, strength: float) -> list[Event]:
        row = site.actuators[name]
        theirs = [Event(time_s=begin_s, target=on.Target.REGISTER, row=row, column=0, value=40.0 + 50.0 * strength)]
        marks = _shown(site, name, on.N_REASON, begin_s, float(Reason.LOCAL_OVERRIDE))
        return theirs + marks + _shown(site, name, on.N_REASON, end_s, float(Reason.NONE))

    return make


_AVAILABLE = tuple(at.I_PUMP_AVAILABLE + k for k in range(at.PUMP_COUNT))


def _lost(strength: float) -> float:
    """Return the bias of a drive that tells of a fault though its pump could run."""
    del strength
    return 2.0


def _endless(strength: float) -> float:
    del strength
    return ENDLESS_LAG_S


def _off(strength: float) -> float:
    del strength
    return 0.0


KINDS: Final[dict[str, Make]] = {
    "pump1_trips": _plant(_AVAILABLE[0], _off, 1.0),
    "pump2_trips": _plant(_AVAILABLE[1], _off, 1.0),
    "both_pumps_trip": _together(_plant(_AVAILABLE[0], _off, 1.0), _plant(_AVAILABLE[1], _off, 1.0)),
    "facility_flow_lost": _plant(at.I_FWS_DIFFERENTIAL_PRESSURE_PA, _off, FWS_DP_PA),
    "facility_pressure_low": _plant(
        at.I_FWS_DIFFERENTIAL_PRESSURE_PA, lambda s: FWS_DP_PA * (0.7 - 0.5 * s), FWS_DP_PA
    ),
    "facility_pressure_high": _plant(at.I_FWS_DIFFERENTIAL_PRESSURE_PA, lambda s: FWS_DP_PA * (1.0 + s), FWS_DP_PA),
    "facility_warm": _plant(at.I_FWS_SUPPLY_TEMP_C, lambda s: FWS_TEMP_C + 10.0 * s, FWS_TEMP_C),
    "facility_cold": _plant(at.I_FWS_SUPPLY_TEMP_C, lambda s: FWS_TEMP_C - 20.0 * s, FWS_TEMP_C),
    "exchanger_fouled": _plant(at.I_FOULING_K_W, lambda s: 3e-6 * s, 0.0),
    "filter_dirty": _plant(at.I_LOOP_RESISTANCE_RATIO, lambda s: 1.0 + 4.0 * s, 1.0),
    "loop_shut": _plant(at.I_LOOP_RESISTANCE_RATIO, lambda s: 2000.0 + 5000.0 * s, 1.0),
    "branch_blocked": _racks(at.IR_RESISTANCE_RATIO, range(1), lambda s: 1.0 + 30.0 * s, 1.0),
    "branches_shut": _racks(at.IR_BRANCH_VALVE_RATIO, range(8), _off, 1.0),
    "air": _plant(at.I_HEAD_RATIO, lambda s: 0.95 - 0.5 * s, 1.0),
    "air_ripples": _plant(at.I_HEAD_RIPPLE_RATIO, lambda s: 0.1 + 0.4 * s, 0.0),
    "leak_slow": _plant(at.I_LEAK_M3_S, lambda s: (0.1 + s) * 1e-3 / 60.0, 0.0),
    "leak_fast": _plant(at.I_LEAK_M3_S, lambda s: (2.0 + 8.0 * s) * 1e-3 / 60.0, 0.0),
    "fill_stuck": _plant(at.I_FILL_M3_S, lambda s: (0.5 + s) * 1e-3 / 60.0, 0.0),
    "valve_stuck": _actuators((VALVE,), on.M_MOVES),
    "pump1_stuck": _actuators(PUMPS[:1], on.M_MOVES),
    "pumps_stuck": _actuators(PUMPS, on.M_MOVES),
    "valve_deaf": _actuators((VALVE,), on.M_LISTENS),
    "pumps_deaf": _actuators(PUMPS, on.M_LISTENS),
    "valve_other_writer": _other_writer(VALVE),
    "pump1_other_writer": _other_writer(PUMPS[0]),
    "device_silent": _device(Reason.NO_COMMUNICATION, listens=False),
    "device_unreadable": _device(Reason.STALE, listens=True),
    "device_restarts": _restart,
    "device_local": _instrument("manual_mode_bool", on.N_BIAS, _off),
    "supply_silent": _bad(SUPPLY, Reason.NO_COMMUNICATION),
    "supply_fails": _bad(SUPPLY[:1], Reason.SENSOR_FAILURE),
    "supply_spare_fails": _bad(SUPPLY[1:], Reason.SENSOR_FAILURE),
    "supply_all_fail": _bad(SUPPLY, Reason.SENSOR_FAILURE),
    "supply_intermittent": _intermittent(SUPPLY, Reason.OUT_OF_RANGE),
    "supply_stuck": _instrument(SUPPLY[0], on.N_LAG_S, _endless),
    "supply_slow": _instrument(SUPPLY[0], on.N_LAG_S, lambda s: 10.0 + 50.0 * s),
    "supply_noisy": _instrument(SUPPLY[0], on.N_NOISE, lambda s: 0.3 + 2.0 * s),
    "supply_wrong_low": _instrument(SUPPLY[0], on.N_BIAS, lambda s: -1.0 - 7.0 * s),
    "supply_wrong_high": _instrument(SUPPLY[0], on.N_BIAS, lambda s: 1.0 + 7.0 * s),
    "supply_drifts": _drift(SUPPLY[0], 4.0),
    "temps_swapped": _swapped("tcs_supply_temp_c", "tcs_return_temp_c"),
    "pressure_fails": _bad((PRESSURE,), Reason.SENSOR_FAILURE),
    "pressure_silent": _bad((PRESSURE,), Reason.NO_COMMUNICATION),
    "pressure_intermittent": _intermittent((PRESSURE,), Reason.SENSOR_FAILURE),
    "pressure_stuck": _instrument(PRESSURE, on.N_LAG_S, _endless),
    "pressure_wrong_low": _instrument(PRESSURE, on.N_BIAS, lambda s: -20.0 - 60.0 * s),
    "pressure_wrong_high": _instrument(PRESSURE, on.N_BIAS, lambda s: 20.0 + 100.0 * s),
    "pressure_noisy": _instrument(PRESSURE, on.N_NOISE, lambda s: 2.0 + 20.0 * s),
    "return_fails": _bad(("tcs_return_temp_c",), Reason.SENSOR_FAILURE),
    "return_wrong": _instrument("tcs_return_temp_c", on.N_BIAS, lambda s: -4.0 + 8.0 * s),
    "flow_fails": _bad(("tcs_flow_lpm",), Reason.SENSOR_FAILURE),
    "flow_stuck": _instrument("tcs_flow_lpm", on.N_LAG_S, _endless),
    "flow_wrong_scale": _instrument("tcs_flow_lpm", on.N_SCALE, lambda s: 10.0 if s > 0.5 else 0.1),
    "facility_temp_fails": _bad(("fws_supply_temp_c",), Reason.SENSOR_FAILURE),
    "facility_temp_wrong": _instrument("fws_supply_temp_c", on.N_BIAS, lambda s: -4.0 + 8.0 * s),
    "facility_pressure_fails": _bad(("fws_differential_pressure_kpa",), Reason.SENSOR_FAILURE),
    "heat_fails": _bad(("heat_load_kw",), Reason.SENSOR_FAILURE),
    "dew_fails": _bad(("dew_point_c",), Reason.SENSOR_FAILURE),
    "dew_jumps": _instrument("dew_point_c", on.N_BIAS, lambda s: CONSTANTS["dew_point_c"] + 14.0 * s),
    "valve_position_fails": _bad(("fws_valve_position_pct",), Reason.SENSOR_FAILURE),
    "valve_readback_fails": _bad((VALVE,), Reason.SENSOR_FAILURE),
    "pump_speeds_fail": _bad(("pump1_speed_pct", "pump2_speed_pct"), Reason.SENSOR_FAILURE),
    "pump_readback_fails": _bad(PUMPS, Reason.SENSOR_FAILURE),
    "pump1_drive_fault": _instrument("fault_pump1_drive_bool", on.N_BIAS, _lost),
}
"""Every kind. What a seed draws depends on their order: a new one goes to the end."""

TRUTH_HIDDEN: Final = frozenset(
    {"supply_wrong_low", "supply_wrong_high", "supply_drifts", "supply_stuck", "supply_slow", "supply_noisy"}
)
"""Kinds that make the shown supply temperature another than the true one."""
