"""What changes from one configuration to the next, for a reload. Knows names and values; applies nothing.

Parts are matched by name, so a renamed device is one removed and one added.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coolantd.config.leak_models import LeakZoneConfig
from coolantd.config.line_models import LineConfig
from coolantd.config.load import Loaded
from coolantd.config.models import CduConfig, Config, DeviceConfig, GroupConfig, ManifoldConfig
from coolantd.protocol.profile import Profile

_RESTART_KEYS: Final = ("http.host", "http.port", "paths.state", "paths.cache", "paths.runtime")
"""What a running daemon cannot move: its listener, its socket and its files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigDiff:
    """Names of what was added, removed and changed, in order of name, and a line for each changed value.

    Attributes:
        devices_changed: those whose serial line changed among them.
        groups_changed: whether any group of CDUs was added, removed or changed.
        proxies_changed: whether any proxy was added, removed or changed; one is named by its ``host:port``.
        lines: sentences like ``cdu1.supply_temp.setpoint_c: 34.0 -> 35.0``.
    """

    devices_added: tuple[str, ...] = ()
    devices_removed: tuple[str, ...] = ()
    devices_changed: tuple[str, ...] = ()
    cdus_added: tuple[str, ...] = ()
    cdus_removed: tuple[str, ...] = ()
    cdus_changed: tuple[str, ...] = ()
    manifolds_added: tuple[str, ...] = ()
    manifolds_removed: tuple[str, ...] = ()
    manifolds_changed: tuple[str, ...] = ()
    groups_changed: bool = False
    lines_changed: tuple[str, ...] = ()
    proxies_changed: bool = False
    site_changed: bool = False
    http_changed: bool = False
    mqtt_changed: bool = False
    paths_changed: bool = False
    control_changed: bool = False
    lines: tuple[str, ...] = ()

    @property
    def empty(self) -> bool:
        """Return whether nothing changed."""
        return not self.lines


def diff(old: Loaded, new: Loaded) -> ConfigDiff:
    """Return what changes when ``new`` takes the place of ``old``; a changed profile changes its devices."""
    was, now = old.config, new.config
    lines = [
        line
        for section in ("site", "control", "http", "paths", "sensors", "mqtt")
        for line in _lines(section, _flat(getattr(was, section)), _flat(getattr(now, section)))
    ]
    serial = _matched("line ", _named(was.lines), _named(now.lines), lines)
    devices = _matched("device ", _devices(was.devices, old.profiles), _devices(now.devices, new.profiles), lines)
    cdus = _matched("", _named(was.cdus), _named(now.cdus), lines)
    manifolds = _matched("manifold ", _named(was.manifolds), _named(now.manifolds), lines)
    _matched("group ", _named(was.groups), _named(now.groups), lines)
    _matched("leak zone ", _named(was.leak_zones), _named(now.leak_zones), lines)
    _matched("proxy ", _proxies(was), _proxies(now), lines)
    return ConfigDiff(
        devices_added=devices[0],
        devices_removed=devices[1],
        devices_changed=tuple(sorted({*devices[2], *_on_lines(now, serial[2])} - {*devices[0]})),
        cdus_added=cdus[0],
        cdus_removed=cdus[1],
        cdus_changed=cdus[2],
        manifolds_added=manifolds[0],
        manifolds_removed=manifolds[1],
        manifolds_changed=manifolds[2],
        groups_changed=was.groups != now.groups,
        lines_changed=serial[2],
        proxies_changed=was.proxies != now.proxies,
        site_changed=was.site != now.site,
        http_changed=was.http != now.http,
        mqtt_changed=was.mqtt != now.mqtt,
        paths_changed=was.paths != now.paths,
        control_changed=was.control != now.control,
        lines=tuple(lines),
    )


def refusals(d: ConfigDiff) -> tuple[str, ...]:
    """Return a sentence for each change that needs a restart; a reload that has any is refused as a whole."""
    return tuple(
        f"{line}: needs a restart, a reload cannot change it"
        for line in d.lines
        if line.startswith(tuple(f"{key}: " for key in _RESTART_KEYS))
    )


Flat = Mapping[str, Any]


def _matched(
    kind: str, was: Mapping[str, Flat], now: Mapping[str, Flat], lines: list[str]
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Return names (added, removed, changed) and append their lines."""
    added = tuple(sorted(now.keys() - was.keys()))
    removed = tuple(sorted(was.keys() - now.keys()))
    changed = tuple(sorted(name for name in was.keys() & now.keys() if was[name] != now[name]))
    label = kind or "cdu "
    lines += [f"{label}{name}: added" for name in added]
    lines += [f"{label}{name}: removed" for name in removed]
    for name in changed:
        lines += _lines(f"{kind}{name}", was[name], now[name])
    return added, removed, changed


def _named(
    entries: Iterable[CduConfig | GroupConfig | ManifoldConfig | LineConfig | LeakZoneConfig],
) -> dict[str, Flat]:
    return {entry.name: _flat(entry) for entry in entries}


def _devices(devices: Iterable[DeviceConfig], profiles: Mapping[str, Profile]) -> dict[str, Flat]:
    return {device.name: {**_flat(device), "profile (content)": profiles[device.name]} for device in devices}


def _on_lines(config: Config, lines: Collection[str]) -> set[str]:
    return {device.name for device in config.devices if device.modbus_rtu and device.modbus_rtu.line in lines}


def _proxies(config: Config) -> dict[str, Flat]:
    return {proxy.endpoint: _flat(proxy) for proxy in config.proxies}


def _flat(model: Any) -> dict[str, Any]:
    """Return every value of a model by dotted key."""
    return dict(_leaves("", model.model_dump())) if model is not None else {}


def _leaves(prefix: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _leaves(f"{prefix}.{key}" if prefix else key, inner)
    elif isinstance(value, tuple) and any(isinstance(inner, dict) for inner in value):
        for index, inner in enumerate(value):
            yield from _leaves(f"{prefix}[{index}]", inner)
    else:
        yield prefix, value


def _lines(label: str, was: Flat, now: Flat) -> Iterator[str]:
    for key in dict.fromkeys((*was, *now)):
        before, after = was.get(key), now.get(key)
        if before == after:
            continue
        if isinstance(before, Profile) or isinstance(after, Profile):
            yield f"{label}.{key}: changed"
        else:
            yield f"{label}.{key}: {_text(before)} -> {_text(after)}"


def _text(value: Any) -> str:
    match value:
        case None:
            return "not set"
        case bool():
            return "true" if value else "false"
        case tuple():
            return f"[{', '.join(_text(item) for item in value)}]"
    return str(value)
