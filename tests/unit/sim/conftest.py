"""A settled plant and a row CDU on it, noise-free, without sockets."""

import copy

import pytest

from coolantd.config.profiles import load_profile
from coolantd.plant.loop import Plant
from coolantd.sim.row_cdu import RowCdu
from coolantd.sim.simulator import Simulator, SimulatorSettings


@pytest.fixture(scope="session")
def profile():
    return load_profile("row-cdu", profiles_dir=None)


@pytest.fixture(scope="session")
def settled_plant() -> Plant:
    """The reference plant at a tenth of its load, held by the device's own controller; copy before use."""
    settings = SimulatorSettings(modbus_port=0, mqtt_host=None)
    return Simulator(settings).plant


@pytest.fixture
def plant(settled_plant) -> Plant:
    return copy.deepcopy(settled_plant)


@pytest.fixture
def device(profile, plant) -> RowCdu:
    return RowCdu(profile, plant, noise_ratio=0.0)
