"""Profiles, their differences and what a probe found, as tables for people and as JSON. Knows rich; reads nothing."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from coolantd.cli.status_tables import status_console
from coolantd.lab.compare import Difference, Kind
from coolantd.lab.judge import Judgement
from coolantd.lab.scanning import Scan
from coolantd.lab.shelf import coding_words, reference
from coolantd.protocol.profile import Profile, RegisterPoint

_COLOURS: Final = {Kind.ADDED: "green", Kind.REMOVED: "red", Kind.CHANGED: "yellow"}
_SIGNS: Final = {Kind.ADDED: "+", Kind.REMOVED: "-", Kind.CHANGED: "~"}
RUNS_SHOWN_MAX: Final = 500

Json = dict[str, Any]


def show(*parts: RenderableType) -> None:
    """Print tables on stdout, plain and unfolded where that is no terminal."""
    console = status_console()
    for part in parts:
        if isinstance(part, Table):
            part.box = box.SIMPLE_HEAD if console.is_terminal else None
            part.title_justify = "left"
        console.print(part, soft_wrap=not console.is_terminal and not isinstance(part, Table))


def progress_console() -> Console | None:
    """Return a console on stderr for a line of progress, or None where nobody watches."""
    console = Console(stderr=True, highlight=False)
    return console if console.is_terminal else None


def profiles_table(rows: Sequence[Json]) -> Table:
    """Return the profiles there are."""
    table = _table("Profiles", ("name", "where", "title", "transport", "points>", "verified"))
    for row in rows:
        if row["problems"]:
            table.add_row(escape(row["name"]), row["where"], Text(f"{row['problems']} problems", "red"), "", "", "")
            continue
        verified = Text("yes", "green") if row["verified"] else Text("no", "yellow")
        facts = (escape(row["name"]), row["where"], escape(row["title"]), row["transport"], str(row["points"]))
        table.add_row(*facts, verified)
    return table


def profile_json(profile: Profile) -> Json:
    """Return a profile and its points as JSON types."""
    points: list[Json] = [_point_json(point) for point in profile.registers]
    points += [
        {"name": text.name, "table": str(text.table), "address": text.address, "coding": "ascii",
         "reference": reference(text.table, text.address), "register_count": text.register_count}
        for text in profile.texts
    ]  # fmt: skip
    points += [
        {"name": one.name, "topic": one.topic, "field": one.field, "unit": one.unit, "minimum": one.minimum,
         "maximum": one.maximum, "access": "rw" if one.write else "ro"}
        for one in profile.messages
    ]  # fmt: skip
    points += [
        {"name": one.name, "difference": [one.minuend, one.subtrahend], "unit": one.unit, "minimum": one.minimum,
         "maximum": one.maximum}
        for one in profile.differences
    ]  # fmt: skip
    about = {"name": profile.name, "title": profile.title, "source": profile.source, "verified": profile.verified}
    return {**about, "points": points}


def _point_json(point: RegisterPoint) -> Json:
    return {
        "name": point.name, "table": str(point.table), "address": point.address,
        "reference": reference(point.table, point.address), "coding": str(point.coding),
        "word_order": str(point.word_order), "bit": point.bit, "scale": point.scale, "offset": point.offset,
        "fraction_bits": point.fraction_bits, "unit": point.unit, "source_unit": point.source_unit,
        "minimum": point.minimum, "maximum": point.maximum, "poll": str(point.poll), "access": str(point.access),
        "written": point.write is not None, "basis": str(point.basis), "note": point.note,
    }  # fmt: skip


def profile_tables(profile: Profile) -> Iterable[RenderableType]:
    """Return a profile as a heading and its tables."""
    verified = Text("verified", "green") if profile.verified else Text("not verified on a real device", "yellow")
    yield Text(f"{profile.name}: {profile.title}  ").append_text(verified)
    yield Text(f"source: {profile.source}")
    yield from (table for table in (_registers(profile), _texts(profile), _messages(profile)) if table.row_count)


def _registers(profile: Profile) -> Table:
    columns = ("point", "table", "address>", "4xxxx>", "coding", "unit", "from>", "to>", "poll", "access")
    table = _table("Registers", columns)
    for point in profile.registers:
        access = f"{point.access} (written)" if point.write else str(point.access)
        place = (str(point.table), str(point.address), reference(point.table, point.address))
        limits = (f"{point.minimum:g}", f"{point.maximum:g}")
        unit = escape(point.unit)
        table.add_row(escape(point.name), *place, escape(coding_words(point)), unit, *limits, str(point.poll), access)
    return table


def _texts(profile: Profile) -> Table:
    table = _table("Texts", ("point", "table", "address>", "4xxxx>", "registers>"))
    for text in profile.texts:
        place = (str(text.table), str(text.address), reference(text.table, text.address))
        table.add_row(escape(text.name), *place, str(text.register_count))
    return table


def _messages(profile: Profile) -> Table:
    table = _table("Messages", ("point", "topic", "field", "unit", "from>", "to>", "access"))
    for one in profile.messages:
        access = "written" if one.write else "ro"
        limits = (f"{one.minimum:g}", f"{one.maximum:g}")
        table.add_row(escape(one.name), escape(one.topic), escape(one.field), escape(one.unit), *limits, access)
    return table


def differences_text(differences: Sequence[Difference]) -> Text:
    """Return what differs between two maps, a line each, coloured."""
    text = Text()
    for one in differences:
        text.append(f"{_SIGNS[one.kind]} {one.table} {one.address}  {one.name}", _COLOURS[one.kind])
        for aspect in one.aspects:
            text.append(f"  {aspect.what}: ").append(aspect.before or "-", "red")
            text.append(" -> ").append(aspect.after or "-", "green")
        text.append("\n")
    counts = {kind: sum(one.kind is kind for one in differences) for kind in Kind}
    summary = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    return text.append(summary or "no difference")


def probe_table(judgements: Sequence[Judgement]) -> Table:
    """Return what a live device said, point by point."""
    table = _table("Points", ("point", "table", "address>", "raw", "value>", "unit", "verdict", "word orders"))
    for one in judgements:
        verdict = Text("plausible", "green") if one.plausible else Text(one.reason, "red" if one.words else "yellow")
        raw = " ".join(f"{word:04X}" for word in one.words)
        orders = "  ".join(f"{order.order} {order.value:.4g}" for order in one.orders if order.plausible)
        if one.orders and not orders:
            orders = "none plausible"
        value = one.text if one.text is not None else ("" if one.value is None else f"{one.value:.6g}")
        place = (one.table, str(one.address))
        table.add_row(escape(one.name), *place, raw, escape(value), escape(one.unit), verdict, orders)
    return table


def probe_summary(judgements: Sequence[Judgement]) -> str:
    """Return what a probe comes to, in a line, the addresses that do not exist named."""
    plausible = sum(one.plausible for one in judgements)
    illegal = dict.fromkeys(f"{one.table} {one.address}" for one in judgements if one.illegal)
    tail = f"; the device has no {', '.join(illegal)}" if illegal else ""
    return f"{plausible} of {len(judgements)} points plausible{tail}"


def scan_table(found: Scan) -> Table:
    """Return the readable runs of registers, unit by unit."""
    table = _table("Readable", ("unit>", "table", "from>", "to>", "count>"))
    runs = [(unit.unit, run) for unit in found.units for run in unit.readable]
    for unit, run in runs[:RUNS_SHOWN_MAX]:
        table.add_row(str(unit), run.table, str(run.address), str(run.address + run.count - 1), str(run.count))
    return table


def _table(title: str, columns: Sequence[str]) -> Table:
    """Return an empty table; the columns of figures, marked by a trailing ``>``, are right-aligned."""
    table = Table(title=title, title_style="bold")
    for column in columns:
        table.add_column(column.rstrip(">"), justify="right" if column.endswith(">") else "left")
    return table
