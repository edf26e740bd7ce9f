"""A configuration that may still be wrong: each part validated by itself, so that one mistake hides no other.

Knows models and documents. A part that did not validate is None here and its mistakes are already problems;
cross-checks skip it and do not blame others for it.
"""

from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import ValidationError

from coolantd.config.document import Document
from coolantd.config.duty_models import PumpsConfig
from coolantd.config.estimate_models import EstimateConfig
from coolantd.config.explain import explain
from coolantd.config.fields import Model
from coolantd.config.leak_models import LeakZoneConfig
from coolantd.config.limit_models import LimitsConfig
from coolantd.config.line_models import LineConfig, ProxyConfig
from coolantd.config.locate import KeyPath
from coolantd.config.models import (
    Config,
    ControlConfig,
    DeviceConfig,
    FailsafeConfig,
    GroupConfig,
    HttpConfig,
    ManifoldConfig,
    ManualConfig,
    MqttConfig,
    PathsConfig,
    PressureLoopConfig,
    SupplyTempLoopConfig,
)
from coolantd.config.plant_model import ModelConfig
from coolantd.config.source import Table
from coolantd.errors import Problem
from coolantd.protocol.profile import Profile

AnyModel = TypeVar("AnyModel", bound=Model)


@dataclass(frozen=True, slots=True)
class Named:
    """One entry of an array of tables: where it stands and what it calls itself, as far as that is a string."""

    path: KeyPath
    name: str | None


@dataclass(frozen=True, slots=True)
class DeviceDraft(Named):
    """A device; ``profile`` is filled in by the loader and stays None when there is no usable one."""

    config: DeviceConfig | None
    profile: Profile | None = None


@dataclass(frozen=True, slots=True)
class LineDraft(Named):
    """A serial line."""

    config: LineConfig | None


@dataclass(frozen=True, slots=True)
class ProxyDraft(Named):
    """A read-only proxy; it has no name."""

    config: ProxyConfig | None


@dataclass(frozen=True, slots=True)
class CduDraft(Named):
    """A CDU, its sections apart."""

    device: str | None
    supply_temp: SupplyTempLoopConfig | None
    pressure: PressureLoopConfig | None
    failsafe: FailsafeConfig | None
    manual: ManualConfig | None
    model: ModelConfig | None = None
    estimate: EstimateConfig | None = None
    limits: LimitsConfig | None = None
    pumps: PumpsConfig | None = None
    has_model: bool = False
    """Whether the file has a model, be it right or wrong."""


@dataclass(frozen=True, slots=True)
class ManifoldDraft(Named):
    """A manifold."""

    config: ManifoldConfig | None


@dataclass(frozen=True, slots=True)
class GroupDraft(Named):
    """A group of CDUs."""

    config: GroupConfig | None


@dataclass(frozen=True, slots=True)
class LeakZoneDraft(Named):
    """A leak zone."""

    config: LeakZoneConfig | None


@dataclass(frozen=True, slots=True)
class Draft:
    """Every part of a configuration that could be understood."""

    document: Document
    control: ControlConfig | None
    http: HttpConfig | None
    paths: PathsConfig | None
    mqtt: MqttConfig | None
    mqtt_given: bool
    devices: tuple[DeviceDraft, ...]
    cdus: tuple[CduDraft, ...]
    manifolds: tuple[ManifoldDraft, ...]
    lines: tuple[LineDraft, ...]
    proxies: tuple[ProxyDraft, ...]
    groups: tuple[GroupDraft, ...]
    leak_zones: tuple[LeakZoneDraft, ...] = ()


def validate(document: Document) -> tuple[Config | None, tuple[Problem, ...]]:
    """Return the configuration if every part of it has the right shape, else None and every problem."""
    try:
        return Config.model_validate(document.table), ()
    except ValidationError as error:
        return None, tuple(explain(error, Config, document))


def draft(document: Document) -> Draft:
    """Return what can be understood of a document, part by part."""
    table = document.table
    return Draft(
        document=document,
        control=_part(ControlConfig, table.get("control", {})),
        http=_part(HttpConfig, table.get("http", {})),
        paths=_part(PathsConfig, table.get("paths", {})),
        mqtt=_part(MqttConfig, table.get("mqtt")),
        mqtt_given="mqtt" in table,
        devices=tuple(
            DeviceDraft(path, _text(item, "name"), _part(DeviceConfig, item)) for path, item in _items(table, "device")
        ),
        cdus=tuple(_cdu(path, item) for path, item in _items(table, "cdu")),
        manifolds=tuple(
            ManifoldDraft(path, _text(item, "name"), _part(ManifoldConfig, item))
            for path, item in _items(table, "manifold")
        ),
        lines=tuple(
            LineDraft(path, _text(item, "name"), _part(LineConfig, item)) for path, item in _items(table, "line")
        ),
        groups=tuple(
            GroupDraft(path, _text(item, "name"), _part(GroupConfig, item)) for path, item in _items(table, "group")
        ),
        proxies=tuple(ProxyDraft(path, None, _part(ProxyConfig, item)) for path, item in _items(table, "proxy")),
        leak_zones=tuple(
            LeakZoneDraft(path, _text(item, "name"), _part(LeakZoneConfig, item))
            for path, item in _items(table, "leak_zone")
        ),
    )


def _cdu(path: KeyPath, item: Table) -> CduDraft:
    return CduDraft(
        path,
        _text(item, "name"),
        device=_text(item, "device"),
        supply_temp=_part(SupplyTempLoopConfig, item.get("supply_temp")),
        pressure=_part(PressureLoopConfig, item.get("pressure")),
        failsafe=_part(FailsafeConfig, item.get("failsafe")),
        manual=_part(ManualConfig, item.get("manual", {})),
        model=_part(ModelConfig, item["model"]) if "model" in item else None,
        estimate=_part(EstimateConfig, item["estimate"]) if "estimate" in item else None,
        limits=_part(LimitsConfig, item["limits"]) if "limits" in item else None,
        pumps=_part(PumpsConfig, item["pumps"]) if "pumps" in item else None,
        has_model="model" in item,
    )


def _items(table: Table, key: str) -> list[tuple[KeyPath, Table]]:
    found = table.get(key)
    if not isinstance(found, list):
        return []
    return [((key, index), item) for index, item in enumerate(found) if isinstance(item, dict)]


def _part(model: type[AnyModel], value: Any) -> AnyModel | None:
    try:
        return model.model_validate(value)
    except ValidationError:
        return None


def _text(item: Table, key: str) -> str | None:
    value = item.get(key)
    return value if isinstance(value, str) else None
