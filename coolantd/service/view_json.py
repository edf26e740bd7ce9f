"""The daemon's view as plain JSON values: one shape for HTTP, the control socket and MQTT.

Knows the view and the JSON rule that an unknown number is ``null``. It must never know who reads it, and it
never invents a value: a point of bad quality has none, whatever the array holds.
"""

import asyncio
import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any, Final

from coolantd.point import Quality, Reason
from coolantd.service.alarm_view import AlarmsView
from coolantd.service.estimate_view import EstimateView
from coolantd.service.view import DaemonView, DeviceView

Json = dict[str, Any]

CHUNK_POINTS: Final = 500
"""Points made between two turns of the event loop: about a millisecond, well below a cycle's lateness."""

QUALITY_LABELS: Final = tuple(quality.name.lower() for quality in Quality)
REASON_LABELS: Final = tuple(reason.label for reason in Reason)


def finite_or_none(number: float) -> float | None:
    """Return the number, or None where it is NaN or infinite: JSON has neither."""
    return number if math.isfinite(number) else None


def _device(device: DeviceView) -> Json:
    lists = {"problems": list(device.problems), "settings_wrong": list(device.settings_wrong)}
    return asdict(device) | {"texts": dict(device.texts)} | lists


def _estimate(estimate: EstimateView) -> Json:
    branches = [finite_or_none(ratio) for ratio in estimate.branch_ratios]
    return _unknown_to_null(asdict(estimate)) | {"branch_ratios": branches}


def _unknown_to_null(mapping: Json) -> Json:
    return {key: finite_or_none(item) if isinstance(item, float) else item for key, item in mapping.items()}


def alarms_json(view: AlarmsView) -> Json:
    """Return every alarm that is not normal, and how many there have been; keys as in the view's dataclasses."""
    return {
        "flood": view.flood,
        "announced_10min": view.announced_10min,
        "turned_away": view.turned_away,
        "alarms": [_unknown_to_null(asdict(alarm)) for alarm in view.alarms],
    }


def state_json(view: DaemonView) -> Json:
    """Return everything but the points; keys as in the view's dataclasses."""
    return {
        "version": view.version,
        "site": view.site,
        "uptime_s": finite_or_none(view.uptime_s),
        "ready": view.ready,
        "ready_cause": view.ready_cause,
        "kernel": view.kernel,
        "cycles": view.cycles,
        "loops": [_unknown_to_null(asdict(loop)) for loop in view.loops],
        "models": [_unknown_to_null(asdict(model)) for model in view.models],
        "groups": [_unknown_to_null(asdict(member)) for member in view.groups],
        "branches": [_unknown_to_null(asdict(branch)) for branch in view.branches],
        "resets": [_unknown_to_null(asdict(reset)) for reset in view.resets],
        "pump_limits": [_unknown_to_null(asdict(limit)) for limit in view.pump_limits],
        "pumps": [_unknown_to_null(asdict(pump)) for pump in view.pumps],
        "actuators": [_unknown_to_null(asdict(actuator)) for actuator in view.actuators],
        "cdus": [_unknown_to_null(asdict(cdu)) | {"hazards": list(cdu.hazards)} for cdu in view.cdus],
        "estimates": [_estimate(estimate) for estimate in view.estimates],
        "conditions": [_unknown_to_null(asdict(condition)) for condition in view.conditions],
        "overrides": [_unknown_to_null(asdict(override)) for override in view.overrides],
        "alarms": alarms_json(view.alarms),
        "votes": [asdict(vote) | {"members": [asdict(member) for member in vote.members]} for vote in view.votes],
        "leak_zones": [
            asdict(zone) | {"detectors": [asdict(each) for each in zone.detectors]} for zone in view.leak_zones
        ],
        "requests": [asdict(request) for request in view.requests],
        "devices": [_device(device) for device in view.devices],
        "buses": [_unknown_to_null(asdict(bus)) | {"devices": list(bus.devices)} for bus in view.buses],
        "reload": _unknown_to_null(asdict(view.reload)),
        "broker_connected": view.broker_connected,
    }


def _points(view: DaemonView) -> Iterator[Json]:
    """Yield ``{device, point, unit, value, quality, reason, age_s}`` per point, in snapshot order."""
    labels, snapshot = view.labels, view.snapshot
    # Plain lists, taken at once: no array scalar per point, and one instant even when the caller pauses.
    value, age_s = snapshot.value.tolist(), snapshot.age_s.tolist()
    quality, reason = snapshot.quality.tolist(), snapshot.reason.tolist()
    for i, device in enumerate(labels.devices):
        yield {
            "device": device,
            "point": labels.points[i],
            "unit": labels.units[i],
            "value": finite_or_none(value[i]) if quality[i] != Quality.BAD else None,
            "quality": QUALITY_LABELS[quality[i]],
            "reason": REASON_LABELS[reason[i]],
            "age_s": finite_or_none(round(age_s[i], 3)),
        }


def points_json(view: DaemonView) -> list[Json]:
    """Return every point as ``{device, point, unit, value, quality, reason, age_s}``."""
    return list(_points(view))


async def points_json_in_chunks(view: DaemonView) -> list[Json]:
    """Return what ``points_json`` returns, giving the event loop a turn every ``CHUNK_POINTS`` points."""
    points: list[Json] = []
    for point in _points(view):
        points.append(point)
        if len(points) % CHUNK_POINTS == 0:
            await asyncio.sleep(0)
    return points


def view_json(view: DaemonView) -> Json:
    """Return the whole view, points included, as plain JSON values."""
    return {**state_json(view), "points": points_json(view)}


async def view_json_in_chunks(view: DaemonView) -> Json:
    """Return what ``view_json`` returns, giving the event loop a turn every ``CHUNK_POINTS`` points."""
    return {**state_json(view), "points": await points_json_in_chunks(view)}
