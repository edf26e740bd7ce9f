"""What depends on two places of a configuration at once: devices, names, listeners. Loops are in ``loopcheck``.

Each check answers with a problem at the key to mend; a part that is already wrong is passed over.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from coolantd.config.balancecheck import check_askers, check_balance
from coolantd.config.document import Document
from coolantd.config.draft import DeviceDraft, Draft, ManifoldDraft, Named
from coolantd.config.dutycheck import check_duty
from coolantd.config.estimatecheck import check_estimate
from coolantd.config.explain import shown
from coolantd.config.groupcheck import check_groups
from coolantd.config.hosts import LOOPBACK_ALLOWED, is_loopback
from coolantd.config.leakcheck import check_leaks
from coolantd.config.limitcheck import check_limits
from coolantd.config.linecheck import check_lines
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, check_cdu, inside
from coolantd.config.models import DeviceConfig, ManifoldConfig
from coolantd.config.proxycheck import check_proxies
from coolantd.config.pumpcheck import check_pumps
from coolantd.errors import Problem
from coolantd.protocol.profile import Profile, Role, WriteRule
from coolantd.safety.openings import LEAST_OPENING_PCT

POLL_PERIODS_PER_CYCLE_MAX: Final = 2.0
"""A cycle longer than two fast polls would decide on samples it has already let grow stale."""


def crosscheck(draft: Draft) -> tuple[Problem, ...]:
    """Return every contradiction between the parts of a configuration."""
    document = draft.document
    problems = [*_http(draft), *_mqtt(draft)]
    for entries in (draft.lines, draft.devices, draft.cdus, draft.manifolds, draft.groups, draft.leak_zones):
        problems += _unique_names(entries, document)
    problems += _unique_endpoints(draft.devices, document)
    for device in draft.devices:
        if device.config is not None:
            problems += _device(device, device.config, draft)
    problems += [*check_lines(draft), *check_proxies(draft), *check_groups(draft)]
    plant = Plant(document, draft.devices)
    drivers = [
        problem
        for cdu in draft.cdus
        for problem in (*check_cdu(cdu, plant), *check_estimate(cdu, plant), *check_limits(cdu, plant))
    ]
    problems += [problem for cdu in draft.cdus for check in (check_pumps, check_duty) for problem in check(cdu, plant)]
    problems += check_leaks(draft, plant)
    cdus = [cdu.name for cdu in draft.cdus if cdu.name is not None]
    drivers += [problem for manifold in draft.manifolds for problem in _manifold(manifold, cdus, plant)]
    drivers += check_askers([m.config for m in draft.manifolds if m.config is not None], draft.cdus, plant)
    # A driver that names the wrong device is one mistake; that the right one then has none is not another.
    return (*problems, *drivers, *(() if drivers else _undriven(draft, plant)))


def _http(draft: Draft) -> Iterator[Problem]:
    http = draft.http
    if http is not None and not http.allow_remote and not is_loopback(http.host):
        yield draft.document.problem(
            ("http", "host"),
            "listening beyond this machine",
            value=shown(http.host),
            allowed=LOOPBACK_ALLOWED,
        )


def _mqtt(draft: Draft) -> Iterator[Problem]:
    if draft.mqtt is None:
        return
    for device in draft.devices:
        mqtt = device.config.mqtt if device.config else None
        if mqtt is not None and _nested(mqtt.topic, draft.mqtt.topic):
            yield draft.document.problem(
                (*device.path, "mqtt", "topic"),
                "overlaps the daemon's own topic",
                value=shown(mqtt.topic),
                allowed=f"a topic neither above nor below {draft.mqtt.topic}",
            )


def _nested(one: str, other: str) -> bool:
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def _unique_names(entries: Iterable[Named], document: Document) -> Iterator[Problem]:
    seen: dict[str, KeyPath] = {}
    for entry in entries:
        if entry.name is None:
            continue
        if entry.name in seen:
            file, line = document.place_of(seen[entry.name])
            what = f"name already used at {file}:{line}"
            yield document.problem((*entry.path, "name"), what, value=shown(entry.name), allowed="one name each")
        seen.setdefault(entry.name, (*entry.path, "name"))


def _unique_endpoints(devices: Iterable[DeviceDraft], document: Document) -> Iterator[Problem]:
    seen: dict[str, KeyPath] = {}
    for device in devices:
        if device.config is None:
            continue
        endpoint, key = _endpoint(device.config)
        path = (*device.path, key)
        if endpoint in seen:
            file, line = document.place_of(seen[endpoint])
            yield document.problem(path, f"same address as the device at {file}:{line}", value=endpoint)
        seen.setdefault(endpoint, path)


def _endpoint(config: DeviceConfig) -> tuple[str, str]:
    if (tcp := config.modbus_tcp) is not None:
        return f"{tcp.host.lower()}:{tcp.port}/{tcp.unit_id}", "modbus_tcp"
    if (rtu := config.modbus_rtu) is not None:
        return f"line {rtu.line}, unit {rtu.unit_id}", "modbus_rtu"
    return (config.mqtt.topic if config.mqtt else ""), "mqtt"


def _device(device: DeviceDraft, config: DeviceConfig, draft: Draft) -> Iterator[Problem]:
    document, path = draft.document, device.path
    if not config.poll_fast_s <= config.poll_normal_s <= config.poll_slow_s:
        yield document.problem(
            (*path, "poll_normal_s"),
            "poll periods out of order",
            value=f"{config.poll_fast_s:g}, {config.poll_normal_s:g}, {config.poll_slow_s:g}",
            allowed="poll_fast_s <= poll_normal_s <= poll_slow_s",
        )
    yield from _polled_in_time(device, config, draft)
    if config.mqtt is not None and not draft.mqtt_given:
        yield document.problem((*path, "mqtt"), "an MQTT device without a broker", allowed="a [mqtt] section")
    if device.profile is not None:
        yield from _transport(device, config, document)


def _polled_in_time(device: DeviceDraft, config: DeviceConfig, draft: Draft) -> Iterator[Problem]:
    control, longest_s = draft.control, POLL_PERIODS_PER_CYCLE_MAX * config.poll_fast_s
    if control is None or config.mqtt is not None or control.period_s <= longest_s:
        return
    key: KeyPath = ("control", "period_s")
    yield draft.document.problem(
        key if key in draft.document.places else (*device.path, "poll_fast_s"),
        f"cycle longer than {POLL_PERIODS_PER_CYCLE_MAX:g} fast polls of device {device.name}",
        value=f"{control.period_s:g}",
        allowed=f"0.1 to {longest_s:g}",
    )


def _transport(device: DeviceDraft, config: DeviceConfig, document: Document) -> Iterator[Problem]:
    profile = device.profile
    if profile is None:
        return
    if bool(profile.registers) == (config.mqtt is not None):
        what = f"profile {profile.name} is for another transport"
        allowed = "modbus_tcp = { ... } or modbus_rtu = { ... }" if profile.registers else "mqtt = { ... }"
        yield document.problem((*device.path, config.transport), what, allowed=allowed)


def _undriven(draft: Draft, plant: Plant) -> Iterator[Problem]:
    """A device with actuators is controlled, or says that it is not to be (FM-43)."""
    if any(manifold.config is None for manifold in draft.manifolds):
        return  # one of them may be the driver
    named = {cdu.device for cdu in draft.cdus} | {m.config.device for m in draft.manifolds if m.config}
    named |= plant.driven_devices
    for device in draft.devices:
        profile, config = device.profile, device.config
        if profile is None or config is None:
            continue
        actuators = any(point.write for point in profile.registers) or any(m.write for m in profile.messages)
        if config.monitor_only and device.name in plant.driven_devices:
            yield draft.document.problem(
                (*device.path, "monitor_only"), "a CDU or manifold drives this device", value="true", allowed="false"
            )
        elif actuators and not config.monitor_only and device.name not in named:
            yield draft.document.problem(
                device.path,
                "no CDU or manifold drives this device",
                allowed="a [[cdu]] or [[manifold]], or monitor_only = true",
            )


def _manifold(manifold: ManifoldDraft, cdus: Sequence[str], plant: Plant) -> Iterator[Problem]:
    config, document = manifold.config, plant.document
    if config is None:
        return
    device = plant.devices.get(config.device)
    if device is None:
        yield plant.no_device((*manifold.path, "device"), config.device)
        return
    if device.profile is None:
        return
    rules = {m.name: m.write for m in device.profile.messages if m.write and m.write.role is Role.BRANCH_VALVE}
    if not rules:
        yield document.problem(
            (*manifold.path, "device"),
            "a device without branch valves",
            value=config.device,
            allowed="an MQTT manifold",
        )
    else:
        yield from _branches(config, rules, manifold.path, plant)
        yield from _bypass(config, device.profile, manifold.path, plant)
        if not any(m.write and m.write.role is Role.BYPASS_VALVE for m in device.profile.messages):
            yield from _open_enough(config, len(rules), manifold.path, plant.document)
        yield from check_balance(config, rules, cdus, manifold.path, plant)


def _branches(config: ManifoldConfig, rules: Mapping[str, WriteRule], path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Check the one position and the racks against every branch; what is wrong for one branch is said once."""
    taken = [found for name in rules for found in plant.claim(f"{config.device}.{name}", (*path, "device"))]
    key = (*path, "branch_valve_position_pct")
    position_pct = config.branch_valve_position_pct
    outside = [found for rule in rules.values() for found in inside(position_pct, rule, key, plant.document)]
    yield from (*taken[:1], *outside[:1])
    if config.racks and len(config.racks) != len(rules):
        what = f"one name for each of the {len(rules)} branches, or none"
        yield plant.document.problem(
            (*path, "racks"), "wrong number of racks", value=str(len(config.racks)), allowed=what
        )


def _bypass(config: ManifoldConfig, profile: Profile, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Check the bypass's position against what it may be told; one is asked for only where there is one."""
    rules = {m.name: m.write for m in profile.messages if m.write and m.write.role is Role.BYPASS_VALVE}
    position_pct, key = config.bypass_valve_position_pct, (*path, "bypass_valve_position_pct")
    if not rules and position_pct > 0.0:
        what = "a position for a bypass that the device has not"
        yield plant.document.problem(
            key, what, value=f"{position_pct:g}", allowed="a profile with a bypass_valve, or 0"
        )
    for name, rule in rules.items():
        yield from plant.claim(f"{config.device}.{name}", (*path, "device"))
        yield from inside(position_pct, rule, key, plant.document)


def _open_enough(config: ManifoldConfig, branches: int, path: KeyPath, document: Document) -> Iterator[Problem]:
    """Refuse positions that together are no way for the pumps, where no bypass is either (FM-08, FM-12)."""
    open_pct = config.branch_valve_position_pct
    others_pct = open_pct if config.balance is None else config.balance.minimum_pct
    together_pct = open_pct + (branches - 1) * others_pct
    if together_pct < LEAST_OPENING_PCT:
        yield document.problem(
            (*path, "branch_valve_position_pct"),
            f"all branches together {together_pct:g} % open: the pumps would deliver against shut valves",
            value=f"{open_pct:g}",
            allowed=f"positions that add up to {LEAST_OPENING_PCT:g} % or more, or a bypass",
        )
