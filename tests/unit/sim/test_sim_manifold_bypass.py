"""The virtual manifold's bypass: what it says and what it takes."""

from dataclasses import replace

import orjson

from coolantd.device.mqtt import Message
from coolantd.plant.loop import Plant
from coolantd.plant.reference import reference_plant
from coolantd.sim.manifold import BYPASS, Manifold

WALL_S = 1_700_000_000.0


def manifold(bypass=1.0):
    plant = Plant(replace(reference_plant(rack_count=2), bypass_branch_ratio=bypass))
    return Manifold(plant, "m", noise_ratio=0.0, seed=0)


def setpoint(value):
    payload = orjson.dumps({"value": value, "timestamp_ms": WALL_S * 1000.0})
    return Message(topic="m/bypass/valve_setpoint", payload=payload, retained=False, received_s=0.0)


def test_it_obeys_its_setpoint_and_tells_flow_and_position():
    site = manifold()
    assert site.take(setpoint(40.0), WALL_S)
    site.plant.settle()
    said = site.telemetry(BYPASS, WALL_S)
    assert site.telemetry_topic(BYPASS) == "m/bypass/telemetry"
    assert said["valve_position_pct"] == 40.0
    assert said["flow_lpm"] > 0.0
    assert site.plant.branch_valve_ratio.tolist() == [1.0, 1.0]


def test_a_manifold_without_one_refuses_it():
    site = manifold(bypass=0.0)
    assert not site.take(setpoint(40.0), WALL_S)
    assert site.setpoints_refused == 1
