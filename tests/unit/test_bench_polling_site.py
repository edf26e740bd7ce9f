"""The site that bench/polling.py polls is one the daemon takes, and is as large as the bench says."""

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

from coolantd.config.build import build_plan, point_specs
from coolantd.config.load import load
from coolantd.protocol.spans import plan_spans

SOURCE = Path(__file__).parents[2] / "bench" / "polling_site.py"


@pytest.fixture(scope="module")
def polling_site() -> ModuleType:
    spec = importlib.util.spec_from_file_location("polling_site", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("points", [7, 50, 120])
def test_each_device_is_one_read_of_so_many_points_and_one_cdu_is_controlled(
    points: int, polling_site: ModuleType, tmp_path: Path
) -> None:
    ports = [20_000 + k for k in range(5)]
    path = polling_site.write_site(tmp_path, tmp_path, ports=ports, points=points, period_s=1.0, http_port=20_100)
    loaded = load(path)
    assert len(point_specs(loaded)) == len(ports) * points
    for profile in loaded.profiles.values():
        (span,) = plan_spans(profile.registers, profile.limits)
        assert (span.address, span.count, len(span.points)) == (0, points, points)
    plan = build_plan(loaded)
    assert len(plan.cdus) == 1
    assert len(plan.actuators) == 2
