"""A foreign register map, from its file to a profile that loads. Knows which reader reads what."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from coolantd.config.profiles import expand, profile_file
from coolantd.config.source import FILE_BYTES_MAX, parse_source
from coolantd.lab.draft import Draft, NotAMap, Remark
from coolantd.lab.located_json import LINE_KEY, Json, parse
from coolantd.lab.phosphor import is_phosphor, read_phosphor
from coolantd.lab.rackmon import is_rackmon, read_rackmon
from coolantd.lab.render import render
from coolantd.lab.settle import settle
from coolantd.lab.vendor_csv import Choices, read_vendor_csv
from coolantd.protocol.profile import Profile

MAP_BYTES_MAX: Final = 4 << 20
"""The largest public map has 54 KiB; a manual exported whole may have some hundred."""


class MapFormat(StrEnum):
    """Formats of register maps that can be imported."""

    AUTO = "auto"
    RACKMON = "rackmon"
    PHOSPHOR = "phosphor"
    CSV = "csv"


@dataclass(frozen=True, slots=True)
class Imported:
    """A map turned into a profile.

    Attributes:
        kind: the format it had.
        text: the profile file.
        profile: the same, loaded.
        remarks: what the map leaves open, by line.
    """

    kind: str
    text: str
    profile: Profile
    remarks: tuple[Remark, ...]


def read_map(path: Path) -> str:
    """Return the text of a map.

    Raises:
        NotAMap: it cannot be read, is too long, or is no text.
    """
    try:
        if path.exists() and not path.is_file():
            raise NotAMap("not a regular file")
        with path.open("rb") as stream:
            data = stream.read(MAP_BYTES_MAX + 1)
    except (OSError, ValueError) as error:
        raise NotAMap(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(data) > MAP_BYTES_MAX:
        raise NotAMap(f"longer than {MAP_BYTES_MAX} bytes")
    return text_of(data)


def text_of(data: bytes) -> str:
    """Return the bytes of a map as text.

    Raises:
        NotAMap: they are no UTF-8.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise NotAMap(f"not UTF-8 text at line {line}") from None


def import_map(
    text: str,
    *,
    name: str,
    origin: str,
    map_format: MapFormat = MapFormat.AUTO,
    choices: Choices | None = None,
    units_from_names: bool = False,
) -> Imported:
    """Return the profile that a map's text describes.

    Args:
        text: of the map.
        name: of the profile.
        origin: name of the map's file, for the profile's ``source``.
        map_format: which reader to use.
        choices: what a CSV does not say itself.
        units_from_names: where no unit is stated, believe the last word of the name.

    Raises:
        NotAMap: nothing of it can be used; sentences, one a line.
    """
    draft = _draft(text, name, map_format, choices or Choices())
    points, remarks = settle(draft, units_from_names=units_from_names)
    if not points:
        lines = [f"  line {remark.line}: {remark.name}: {remark.what}" for remark in remarks]
        raise NotAMap("\n".join([f"nothing in it can be imported as {draft.kind}", *lines]))
    written = render(draft, points, remarks, origin)
    if len(written.encode()) > FILE_BYTES_MAX:
        raise NotAMap(f"the profile made of it would be longer than {FILE_BYTES_MAX} bytes: split the map")
    profile, problems = expand(profile_file(name, parse_source(f"{name}.toml", written.encode())), 0)
    if profile is None:
        lines = [f"  {problem}" for problem in problems]
        raise NotAMap("\n".join(["the profile made of it would not load:", *lines]))
    return Imported(draft.kind, written, profile, remarks)


def _draft(text: str, name: str, map_format: MapFormat, choices: Choices) -> Draft:
    if map_format is MapFormat.AUTO:
        map_format = MapFormat.CSV if text.lstrip()[:1] not in ("{", "[") else map_format
    if map_format is MapFormat.CSV:
        return read_vendor_csv(text, name, choices)
    root = parse(text)
    if map_format is MapFormat.RACKMON or (map_format is MapFormat.AUTO and is_rackmon(root)):
        return read_rackmon(root)
    if map_format is MapFormat.PHOSPHOR or is_phosphor(root):
        return read_phosphor(root)
    raise NotAMap("\n".join([_NEITHER, *_entries(root)]))


_NEITHER: Final = (
    'neither a rackmon map ("registers" and "probe_register") nor a phosphor-modbus profile ("SensorRegisters"); '
    "put its lines into a CSV with the columns table, address, length, name, type, word_order, scale, unit, access"
)
_ENTRIES_MAX: Final = 200


def _entries(root: Json) -> list[str]:
    """Return a line for each thing an unknown JSON holds, so that the list of what to transcribe is complete."""
    found: list[str] = []
    level: list[tuple[str, object, int]] = [("", root, 0)]
    while level and len(found) < _ENTRIES_MAX:
        name, value, line = level.pop(0)
        if isinstance(value, dict):
            line = value.get(LINE_KEY, line)
            inner = [(str(key), part, line) for key, part in value.items() if key != LINE_KEY]
            if any(isinstance(part, dict | list) for _, part, _ in inner):
                level += [(f"{name}.{key}" if name else key, part, at) for key, part, at in inner]
            else:
                found.append(
                    f"  line {line}: {name}: not known how to read {', '.join(key for key, _, _ in inner)[:80]}"
                )
        elif isinstance(value, list):
            level += [
                (f"{name}[{index}]", part, line) for index, part in enumerate(value) if isinstance(part, dict | list)
            ]
        elif value is not None:
            found.append(f"  line {line}: {name}: not known how to read {str(value)[:60]!r}")
    return found
