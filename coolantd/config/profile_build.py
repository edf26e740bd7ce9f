"""A profile file's tables to protocol dataclasses. Knows how blocks, bits and branches expand; checks no meaning."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from coolantd.config.document import Document
from coolantd.config.locate import KeyPath
from coolantd.config.profile_models import (
    BitsModel,
    BlockModel,
    MessageModel,
    ProfileModel,
    RegisterModel,
    WriteModel,
    fields_of,
)
from coolantd.errors import Problem
from coolantd.protocol.kinds import Access, Coding
from coolantd.protocol.profile import (
    CommunicationLoss,
    DifferencePoint,
    Heartbeat,
    Identity,
    MessagePoint,
    ModbusLimits,
    Profile,
    RawSpan,
    RegisterPoint,
    RemoteControl,
    TextPoint,
    UnitSelector,
    WriteRule,
)

BRANCH: Final = "{branch}"
"""Stands for a branch's number in the names and topics of a manifold's profile."""
_REQUIRED: Final = ("table", "coding", "unit", "minimum", "maximum")
_OWN: Final = frozenset({"point", "write"})
_REBUILT: Final = frozenset({"write", "alarm", "raw_span", "value_names"})
"""Keys whose values are tables of their own, or are no fact of the point alone."""

Point = RegisterPoint | MessagePoint | DifferencePoint


@dataclass(frozen=True, slots=True)
class Entry:
    """A point and where its table stands in the profile file."""

    path: KeyPath
    point: Point


def build_points(
    model: ProfileModel, document: Document, branches: int
) -> tuple[tuple[Entry, ...], tuple[Problem, ...]]:
    """Return every point of a profile for a number of branches, and what kept some from being made."""
    entries: list[Entry] = []
    problems: list[Problem] = []
    for index, block in enumerate(model.block):
        for found in _block(("block", index), block, document):
            (entries if isinstance(found, Entry) else problems).append(found)  # type: ignore[arg-type]
    for index, bits in enumerate(model.bits):
        entries += _bits(("bits", index), bits)
    for index, message in enumerate(model.message):
        entries += _message(("message", index), message, branches)
    for index, difference in enumerate(model.difference):
        entries.append(Entry(("difference", index), DifferencePoint(**dict(difference))))
    return tuple(entries), tuple(problems)


def build_profile(name: str, model: ProfileModel, entries: Iterable[Entry]) -> Profile:
    """Return the profile made of its points and of what the file says about the device as a whole."""
    points = [entry.point for entry in entries]
    return Profile(
        name=name,
        title=model.title,
        source=model.source,
        verified=model.verified,
        registers=tuple(point for point in points if isinstance(point, RegisterPoint)),
        messages=tuple(point for point in points if isinstance(point, MessagePoint)),
        differences=tuple(point for point in points if isinstance(point, DifferencePoint)),
        texts=tuple(TextPoint(**dict(text)) for text in model.text),
        alarms=tuple(_alarms(model)),
        limits=ModbusLimits(**dict(model.limits)),
        heartbeat=Heartbeat(**dict(model.heartbeat)) if model.heartbeat else None,
        remote_control=RemoteControl(**dict(model.remote_control)) if model.remote_control else None,
        unit_selector=UnitSelector(**dict(model.unit_selector)) if model.unit_selector else None,
        online_topic=model.online_topic,
        identity=Identity(**dict(model.identity)) if model.identity else None,
        communication_loss=tuple(CommunicationLoss(**dict(loss)) for loss in model.communication_loss),
        firmware_point=model.firmware_point,
        uptime_point=model.uptime_point,
    )


def _alarms(model: ProfileModel) -> Iterator[str]:
    for bits in model.bits:
        yield from (bit for bit in bits.names if bit and bits.alarm)
    for block in model.block:
        for point in block.point:
            if block.alarm if point.alarm is None else point.alarm:
                yield point.name


def _block(path: KeyPath, block: BlockModel, document: Document) -> Iterator[Entry | Problem]:
    shared = fields_of(block, without=_OWN)
    for index, point in enumerate(block.point):
        here = (*path, "point", index)
        facts = shared | fields_of(point, without=_OWN)
        if facts.get("coding") is Coding.ENUM:
            facts = _enum_facts(facts) | facts
        missing = [key for key in _REQUIRED if facts.get(key) is None]
        if missing:
            yield document.problem((*here, missing[0]), "missing here and at the block")
        else:
            yield Entry(here, _register(point, facts))


def _enum_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """Return what goes without saying for an enum: its unit, and a range from its first code to its last."""
    codes = list((facts.get("value_names") or {}).values())
    if not codes:
        return {"unit": "code"}
    return {"unit": "code", "minimum": float(min(codes)), "maximum": float(max(*codes, min(codes) + 1))}


def _register(point: RegisterModel, facts: dict[str, Any]) -> RegisterPoint:
    write = _rule(point.write, 0) if point.write else None
    span = facts.get("raw_span")
    names = facts.get("value_names") or {}
    own = {key: value for key, value in facts.items() if key not in _REBUILT}
    own.setdefault("access", Access.READ if write is None else Access.READ_WRITE)
    return RegisterPoint(
        **own,
        write=write,
        raw_span=RawSpan(**dict(span)) if span else None,
        value_names=tuple((code, name) for name, code in names.items()),
    )


def _bits(path: KeyPath, bits: BitsModel) -> Iterator[Entry]:
    for bit, name in enumerate(bits.names):
        if name:
            point = RegisterPoint(
                name=name,
                table=bits.table,
                address=bits.address,
                coding=Coding.BITS,
                unit="bool",
                minimum=0.0,
                maximum=1.0,
                bit=bit,
                poll=bits.poll,
                word_order=bits.word_order,
                access=Access.COMMAND if bit in bits.command_bits else bits.access,
                firmware=bits.firmware,
                basis=bits.basis,
                note=bits.note,
            )
            yield Entry((*path, "names", bit), point)


def _message(path: KeyPath, message: MessageModel, branches: int) -> Iterator[Entry]:
    numbers = range(1, branches + 1) if BRANCH in message.topic else (0,)
    for number in numbers:
        for index, point in enumerate(message.point):
            yield Entry(
                (*path, "point", index),
                MessagePoint(
                    name=_of_branch(point.name, number),
                    topic=_of_branch(message.topic, number),
                    field=point.field,
                    unit=point.unit,
                    minimum=point.minimum,
                    maximum=point.maximum,
                    period_s=message.period_s,
                    write=_rule(point.write, number) if point.write else None,
                ),
            )


def _rule(write: WriteModel, number: int) -> WriteRule:
    facts: dict[str, Any] = dict(write)
    return WriteRule(**(facts | {"position": _of_branch(write.position, number)}))


def _of_branch(template: str, number: int) -> str:
    return template.replace(BRANCH, str(number))
