"""What depends on two serial lines at once, or on a line and its devices. Knows drafts; opens no port.

A line whose speed nobody here knows, behind a converter, is not judged by its load.
"""

import math
from collections.abc import Iterator
from typing import Final

from coolantd.config.draft import DeviceDraft, Draft, LineDraft
from coolantd.config.explain import shown
from coolantd.config.line_load import load_ratio
from coolantd.config.line_models import BAUDRATES, LineConfig
from coolantd.config.locate import KeyPath
from coolantd.errors import Problem

LOAD_MAX_RATIO: Final = 1.0
"""Of an estimate from below: a line at its limit already polls later than its periods say, beyond it ever more so."""
NAMED_MAX: Final = 4
"""Devices named in a message about load, the heaviest first."""
_PCT: Final = 100.0


def check_lines(draft: Draft) -> Iterator[Problem]:
    """Yield every contradiction between lines, and between lines and devices."""
    yield from _endpoints(draft)
    unknown = list(_unknown(draft))
    yield from unknown
    for line in draft.lines:
        # A device that names no line may be meant for one that seems unused.
        yield from () if unknown else _unused(line, draft)
        if line.config is not None and line.config.port is not None:
            yield from _load(line.path, line.config, draft)


def _endpoints(draft: Draft) -> Iterator[Problem]:
    """A line has one owner: no other line, nor a Modbus TCP device, may use the same way to it."""
    document = draft.document
    seen: dict[str, KeyPath] = {}
    for device in draft.devices:
        tcp = device.config.modbus_tcp if device.config else None
        if tcp is not None:
            seen.setdefault(f"{tcp.host.lower()}:{tcp.port}", (*device.path, "modbus_tcp"))
    for line in draft.lines:
        if line.config is None:
            continue
        config = line.config
        endpoint = config.endpoint if config.host is None else config.endpoint.lower()
        path = (*line.path, "port" if config.host is None else "host")
        if endpoint in seen:
            file, number = document.place_of(seen[endpoint])
            whose = "line" if seen[endpoint][0] == "line" else "modbus_tcp device"
            allowed = "one owner for each port or endpoint"
            what = f"same endpoint as the {whose} at {file}:{number}"
            yield document.problem(path, what, value=shown(endpoint), allowed=allowed)
        seen.setdefault(endpoint, path)


def _unknown(draft: Draft) -> Iterator[Problem]:
    names = {line.name for line in draft.lines if line.name is not None}
    if any(line.name is None for line in draft.lines):
        return  # the nameless one may be meant
    usable = sorted(line.config.name for line in draft.lines if line.config is not None)
    for device in draft.devices:
        rtu = device.config.modbus_rtu if device.config else None
        if rtu is not None and rtu.line not in names:
            yield draft.document.problem(
                (*device.path, "modbus_rtu", "line"),
                "no such line",
                value=shown(rtu.line),
                allowed=", ".join(usable) or "the name of a [[line]]",
            )


def _unused(line: LineDraft, draft: Draft) -> Iterator[Problem]:
    if line.name is None or any(device.config is None for device in draft.devices):
        return
    if not _devices(line.name, draft):
        yield draft.document.problem(
            (*line.path, "name"),
            "no device is on this line",
            value=shown(line.name),
            allowed="a [[device]] with modbus_rtu on it, or no such [[line]]",
        )


def _devices(line: str, draft: Draft) -> list[DeviceDraft]:
    return [d for d in draft.devices if d.config and d.config.modbus_rtu and d.config.modbus_rtu.line == line]


def _load(path: KeyPath, line: LineConfig, draft: Draft) -> Iterator[Problem]:
    """Refuse periods that the line cannot keep: its points would be stale in turn, and no message would say why."""
    devices = _devices(line.name, draft)
    total, heaviest = _loads(devices, line, line.baudrate)
    if total <= LOAD_MAX_RATIO:
        return
    longer = math.ceil(total * 10.0) / 10.0
    fitting = [rate for rate in BAUDRATES if rate > line.baudrate and _loads(devices, line, rate)[0] <= LOAD_MAX_RATIO]
    faster = f", or baudrate = {fitting[0]} where every unit can do it" if fitting else ""
    named = ", ".join(f"{name} {ratio * _PCT:.0f} %" for ratio, name in heaviest[:NAMED_MAX])
    yield draft.document.problem(
        path,
        f"what is to be read needs {total * _PCT:.0f} % of the line's time ({named})",
        allowed=f"at most {LOAD_MAX_RATIO * _PCT:.0f} %: poll periods {longer:g} times as long{faster}",
    )


def _loads(devices: list[DeviceDraft], line: LineConfig, baudrate: int) -> tuple[float, list[tuple[float, str]]]:
    """Return the load of all devices at a speed and that of each, the heaviest first."""
    loads = [
        (load_ratio(device.config, device.profile, line, baudrate), device.config.name)
        for device in devices
        if device.config is not None and device.profile is not None and device.profile.registers
    ]
    return sum(ratio for ratio, _ in loads), sorted(loads, reverse=True)
