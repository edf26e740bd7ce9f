"""Devices as the view shows them. Knows buses and devices; changes nothing."""

from dataclasses import asdict

from coolantd.device.rtu_link import RtuLink
from coolantd.errors import Fault
from coolantd.service.links import Way
from coolantd.service.modbus_bus import ModbusBus
from coolantd.service.modbus_device import ModbusDevice
from coolantd.service.mqtt_bus import MqttBus, MqttDevice
from coolantd.service.view import BusView, DeviceView

PAUSED = "paused"
"""Fault of a device whose bus an operator has taken."""


def modbus_view(way: Way, bus: ModbusBus, device: ModbusDevice, now_s: float) -> DeviceView:
    """Return a device on an endpoint or a line; nothing it last said makes a paused one up."""
    left_s = max(bus.paused_until_s - now_s, 0.0)
    fault = "" if device.fault is None else device.fault.value
    return DeviceView(
        name=device.name,
        transport=device.config.transport,
        endpoint=f"{way.name}/{device.unit}",
        up=device.up and left_s == 0.0,
        fault=PAUSED if left_s > 0.0 else fault,
        paused_left_s=left_s,
        texts=tuple(sorted(device.texts.items())),
        problems=device.problems,
        # One that has fallen silent since, or cannot be reached, is not known to be wrong any longer.
        wrong=device.fault is Fault.WRONG_DEVICE and left_s == 0.0,
        dormant=device.presence.dormant and left_s == 0.0,
        points_refused=device.points_refused,
        settings_wrong=device.settings_wrong,
    )


def bus_view(way: Way, bus: ModbusBus) -> BusView:
    """Return an endpoint or a line, with the counts of the latter."""
    link = bus.link
    line = isinstance(link, RtuLink)
    counts = asdict(link.counts) if isinstance(link, RtuLink) else {}
    return BusView(
        name=way.name,
        connected=link.connected,
        busy_ratio=bus.load.busy_ratio,
        devices=tuple(sorted(bus.devices)),
        line=line,
        **counts,
    )


def mqtt_view(bus: MqttBus, device: MqttDevice, now_s: float) -> DeviceView:
    """Return a device behind the broker; up while something it said is fresh."""
    up = device.up(now_s)
    fault = "" if up else ("timeout" if bus.link.connected else "not_connected")
    return DeviceView(name=device.name, transport="mqtt", endpoint=device.base, up=up, fault=fault)
