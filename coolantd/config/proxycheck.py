"""What depends on a read-only proxy and something else: listeners, devices, unit ids. Knows drafts; opens no port."""

from collections.abc import Iterator

from coolantd.config.draft import DeviceDraft, Draft
from coolantd.config.explain import shown
from coolantd.config.hosts import LOOPBACK_ALLOWED, is_loopback
from coolantd.config.line_models import ProxyConfig
from coolantd.config.locate import KeyPath
from coolantd.errors import Problem


def check_proxies(draft: Draft) -> Iterator[Problem]:
    """Yield every contradiction between a proxy and another listener, a device, or itself."""
    yield from _listeners(draft)
    known = {device.name: device for device in draft.devices if device.name is not None}
    for proxy in draft.proxies:
        if proxy.config is None:
            continue
        if not proxy.config.allow_remote and not is_loopback(proxy.config.host):
            what = "listening beyond this machine"
            yield draft.document.problem(
                (*proxy.path, "host"), what, value=shown(proxy.config.host), allowed=LOOPBACK_ALLOWED
            )
        yield from _unit_ids(proxy.path, proxy.config, draft)
        yield from _devices(proxy.path, proxy.config, known, draft)


def _listeners(draft: Draft) -> Iterator[Problem]:
    """No two listeners on one port, whatever their hosts: a wildcard address takes a port from every other.

    One proxy may be on a port of the system's choice (0); several could not be told apart.
    """
    seen: dict[int, tuple[str, KeyPath]] = {}
    if draft.http is not None and draft.http.port != 0:
        seen[draft.http.port] = "[http]", ("http", "port")
    for proxy in draft.proxies:
        if proxy.config is None:
            continue
        port = proxy.config.port
        if port in seen:
            whose, place = seen[port]
            file, line = draft.document.place_of(place)
            what = f"port of {whose} at {file}:{line}"
            yield draft.document.problem(
                (*proxy.path, "port"), what, value=str(port), allowed="a port of its own for each listener"
            )
        seen.setdefault(port, ("another proxy", (*proxy.path, "port")))


def _unit_ids(path: KeyPath, config: ProxyConfig, draft: Draft) -> Iterator[Problem]:
    seen: set[int] = set()
    for index, unit in enumerate(config.units):
        for key, unit_id in (("unit_id", unit.unit_id), ("age_unit_id", unit.age_unit_id)):
            if unit_id is not None and unit_id in seen:
                where = (*path, "units", index, key)
                what = "unit id already used in this proxy"
                yield draft.document.problem(where, what, value=str(unit_id), allowed="a unit id of its own each")
            if unit_id is not None:
                seen.add(unit_id)


def _devices(path: KeyPath, config: ProxyConfig, known: dict[str, DeviceDraft], draft: Draft) -> Iterator[Problem]:
    modbus = sorted(d.config.name for d in known.values() if d.config is not None and d.config.mqtt is None)
    for index, unit in enumerate(config.units):
        device = known.get(unit.device)
        if device is None:
            what = "no such device"
        elif device.config is not None and device.config.mqtt is not None:
            what = "an MQTT device has no registers to show"
        else:
            continue
        yield draft.document.problem(
            (*path, "units", index, "device"),
            what,
            value=shown(unit.device),
            allowed=", ".join(modbus) or "a Modbus device",
        )
