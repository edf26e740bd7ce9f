"""``coolantd profile``: device profiles listed, shown, checked, compared and imported. Needs no running daemon."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from coolantd.cli.profile_live import probe, scan
from coolantd.errors import ConfigError
from coolantd.lab.importing import MapFormat
from coolantd.lab.shelf import SITE_DIR

if TYPE_CHECKING:
    from coolantd.lab.importing import Imported

EXIT_DIFFERENT: Final = 1
EXIT_WRONG: Final = 2
REMARKS_SHOWN_MAX: Final = 2000
"""Lines of a report: more would belong to a map that nobody can settle by hand."""

profile = typer.Typer(no_args_is_help=True, pretty_exceptions_enable=False)
profile.command("probe")(probe)
profile.command("scan")(scan)

ProfilesDir = Annotated[Path, typer.Option(help="The site's own profiles.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


@profile.callback()
def root() -> None:
    """Work with device profiles: list, show, check, import, compare, and try them on a live device."""


@profile.command("list")
def list_profiles(profiles_dir: ProfilesDir = SITE_DIR, as_json: AsJson = False) -> None:
    """List the packaged profiles and the site's own."""
    from coolantd.lab.shelf import names, opened, take

    rows: list[dict[str, Any]] = []
    for name, where in names(profiles_dir):
        try:
            found = opened(take(name, profiles_dir))
        except ConfigError as error:
            rows.append({"name": name, "where": where, "problems": len(error.problems)})
            continue
        points = len(found.registers) + len(found.messages) + len(found.texts) + len(found.differences)
        transport = "modbus" if found.registers else "mqtt"
        facts = {"title": found.title, "transport": transport, "points": points, "verified": found.verified}
        rows.append({"name": name, "where": where, **facts, "problems": 0})
    if as_json:
        typer.echo(json.dumps({"profiles": rows}))
        return
    from coolantd.cli.profile_tables import profiles_table, show

    show(profiles_table(rows))


@profile.command("show")
def show_profile(
    name: Annotated[str, typer.Argument(help="Name of a profile, or a file ending in .toml.")],
    profiles_dir: ProfilesDir = SITE_DIR,
    as_json: AsJson = False,
) -> None:
    """Show every point of a profile: address, coding, unit, plausible range, poll class, access."""
    from coolantd.lab.shelf import opened, take

    try:
        found = opened(take(name, profiles_dir))
    except ConfigError as error:
        raise _refusal(error) from error
    from coolantd.cli.profile_tables import profile_json, profile_tables, show

    if as_json:
        typer.echo(json.dumps(profile_json(found)))
    else:
        show(*profile_tables(found))


@profile.command("validate")
def validate(
    files: Annotated[list[Path], typer.Argument(help="Profile files.")],
    as_json: AsJson = False,
) -> None:
    """Check profile files and say everything that is wrong with them. Exit code 0 if nothing is, else 2."""
    from coolantd.config.profiles import profile_file
    from coolantd.config.source import read_source
    from coolantd.lab.shelf import opened

    problems: list[Any] = []
    for path in files:
        try:
            found = opened(profile_file(path.stem, read_source(path)))
        except ConfigError as error:
            problems += error.problems
            continue
        if not as_json:
            count = len(found.registers) + len(found.messages) + len(found.texts) + len(found.differences)
            typer.echo(_printable(f"OK: {path}: {found.title}: {_counted('points', count)}"))
    if as_json:
        from dataclasses import asdict

        typer.echo(json.dumps({"ok": not problems, "problems": [asdict(problem) for problem in problems]}))
    elif problems:
        _complain(*map(str, problems), _counted("problems", len(problems)))
    if problems:
        raise typer.Exit(EXIT_WRONG)


@profile.command("diff")
def diff(
    before: Annotated[str, typer.Argument(help="Name of a profile, or a file ending in .toml.")],
    after: Annotated[str, typer.Argument(help="The other one.")],
    ignore: Annotated[str, typer.Option(help="What does not count, as name,range.")] = "",
    profiles_dir: ProfilesDir = SITE_DIR,
    as_json: AsJson = False,
) -> None:
    """Compare two maps: points added, removed or changed (sign, order, scale, unit, range ...).

    Exit code 0 if they describe the same points, 1 if not, 2 if one cannot be read.
    """
    from coolantd.lab.compare import ASPECTS, compare
    from coolantd.lab.compare import as_json as json_of
    from coolantd.lab.shelf import opened, take

    ignored = frozenset(filter(None, (word.strip() for word in ignore.split(","))))
    if unknown := ignored - set(ASPECTS):
        _complain(f"--ignore: got {min(unknown)!r:.40}, allowed: {', '.join(ASPECTS)}")
        raise typer.Exit(EXIT_WRONG)
    try:
        differences = compare(opened(take(before, profiles_dir)), opened(take(after, profiles_dir)), ignored=ignored)
    except ConfigError as error:
        raise _refusal(error) from error
    if as_json:
        typer.echo(json.dumps({"same": not differences, "differences": json_of(differences)}))
    else:
        from coolantd.cli.profile_tables import differences_text, show

        show(differences_text(differences))
    if differences:
        raise typer.Exit(EXIT_DIFFERENT)


@profile.command("import")
def import_profile(  # noqa: PLR0917 (typer's arguments and options)
    file: Annotated[Path, typer.Argument(help="Register map: rackmon JSON, phosphor-modbus JSON, or CSV.")],
    map_format: Annotated[MapFormat, typer.Option("--format", help="Form of the map.")] = MapFormat.AUTO,
    name: Annotated[str | None, typer.Option(help="Name of the profile. [default: from the file's name]")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="File to write. [default: NAME.toml]")] = None,
    notation: Annotated[str, typer.Option(help="Addresses of a CSV: 0-based, or 4xxxx (1-based).")] = "0-based",
    table: Annotated[str | None, typer.Option(help="Modbus table of CSV lines that state none.")] = None,
    unit: Annotated[int | None, typer.Option(help="Unit to take, of a CSV that holds several.")] = None,
    units_from_names: Annotated[
        bool, typer.Option("--units-from-names", help="Where no unit is stated, believe the name (names mislead).")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Make a profile of a register map; whatever the map leaves open is listed, line by line.

    Exit code 0 if a profile that loads was written, 2 if not.
    """
    from coolantd.lab.draft import NotAMap
    from coolantd.lab.importing import import_map, read_map

    chosen = _token(name or file.stem)
    target = output or Path(f"{chosen}.toml")
    try:
        choices = _choices(notation, table, unit)
        imported = import_map(
            read_map(file),
            name=chosen,
            origin=file.name,
            map_format=map_format,
            choices=choices,
            units_from_names=units_from_names,
        )
        _write(target, imported.text, force=force)
    except NotAMap as error:
        _complain(f"{file}: {error}")
        raise typer.Exit(EXIT_WRONG) from error
    _report(file, imported)
    count = len(imported.profile.registers) + len(imported.profile.texts)
    dropped = sum(remark.dropped for remark in imported.remarks)
    said = (
        f"{target}: {count} points from {imported.kind}, {len(imported.remarks)} remarks, {dropped} lines not imported"
    )
    typer.echo(_printable(said))


def _choices(notation: str, table: str | None, unit: int | None) -> Any:
    from coolantd.lab.draft import NotAMap
    from coolantd.lab.vendor_csv import Choices

    if table not in (None, "coil", "discrete", "input", "holding"):
        raise NotAMap(f"--table: got {table!r:.40}, allowed: coil, discrete, input, holding")
    if notation == "0-based":
        return Choices("0-based", table, unit)
    if notation == "4xxxx":
        return Choices("4xxxx", table, unit)
    raise NotAMap(f"--notation: got {notation!r:.40}, allowed: 0-based, 4xxxx")


def _token(text: str) -> str:
    """Return a name that a configuration can use."""
    plain = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in text.lower()[:64])
    return plain.strip("-") or "imported"


def _write(target: Path, text: str, *, force: bool) -> None:
    from coolantd.lab.draft import NotAMap

    try:
        with target.open("w" if force else "x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise NotAMap(f"{target} exists: --force overwrites it, -o names another") from None
    except (OSError, ValueError) as error:
        raise NotAMap(f"{target} cannot be written: {getattr(error, 'strerror', None) or error}") from None


def _report(file: Path, imported: "Imported") -> None:
    shown = imported.remarks[:REMARKS_SHOWN_MAX]
    lines = (f"{file}:{one.line}: {one.name + ': ' if one.name else ''}{_mark(one.dropped)}{one.what}" for one in shown)
    _complain(*(line.replace("\n", " ") for line in lines))
    if len(imported.remarks) > len(shown):
        _complain(f"and {len(imported.remarks) - len(shown)} more, all of them in the file")


def _mark(dropped: bool) -> str:
    return "not imported: " if dropped else ""


def _counted(plural: str, count: int) -> str:
    return f"{count} {plural.removesuffix('s') if count == 1 else plural}"


def _refusal(error: ConfigError) -> typer.Exit:
    _complain(*map(str, error.problems))
    return typer.Exit(EXIT_WRONG)


def _complain(*lines: str) -> None:
    for line in lines:
        print(_printable(line), file=sys.stderr)


def _printable(text: str) -> str:
    """Return text that any terminal takes: names may hold bytes that are no characters, and control codes."""
    safe = "".join(letter if letter.isprintable() or letter == "\n" else ascii(letter)[1:-1] for letter in text)
    return safe.encode("utf-8", "backslashreplace").decode("utf-8")
