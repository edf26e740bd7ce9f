"""``coolantd drill``: faults by hand, and how long the safe answer takes. Parses, shows, exits."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from coolantd.cli.demo import one_interrupt
from coolantd.cli.status import CONTROL_SOCKET
from coolantd.cli.usage import FAILED, WRONG_USAGE, check_range
from coolantd.errors import CoolantdError

if TYPE_CHECKING:
    from rich.status import Status

    from coolantd.sim.drill import Outcome
    from coolantd.sim.drill_scenarios import Scenario

REPEAT_MAX: Final = 100
_COLOURS: Final = {"kept": "green", "late": "yellow", "failed": "red"}


def drill(  # noqa: PLR0917 - typer turns each parameter into an option
    names: Annotated[list[str] | None, typer.Argument(help="Which; all of them if none is named.")] = None,
    repeat: Annotated[int, typer.Option(help="How often each.")] = 1,
    list_only: Annotated[bool, typer.Option("--list", help="Show what can be drilled and stop there.")] = False,
    live: Annotated[bool, typer.Option("--live", help="On the running site: only what cannot harm.")] = False,
    cdu: Annotated[str | None, typer.Option(help="Which CDU of the running site. [default: the first]")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before touching the running site.")] = False,
    socket: Annotated[Path, typer.Option(help="Control socket of the running daemon.")] = CONTROL_SOCKET,
    as_json: Annotated[bool, typer.Option("--json", help="Print the outcomes alone, as one JSON object.")] = False,
) -> None:
    """Break a virtual plant on purpose, and time the way from the cause to the safe command on the wire.

    Starts a virtual CDU on Modbus, a broker and a private daemon on free loopback ports, and ends them. Nothing of a
    real site is touched, unless `--live` asks for the one drill that cannot harm: a CDU's valve is held for a moment at
    the very value it is told, and let go; refused while the CDU is in failsafe. Each time is held against what is
    promised: one poll and 250 ms for 99 of 100, 2 s for all; and after it clears, normal within 5 min with a first step
    of at most 2 %.

    Exit code 0 if every promise was kept (`late` keeps the 2 s alone), 1 if one was not, 2 for wrong usage.
    """
    check_range("--repeat", repeat, 1, REPEAT_MAX)
    if live:
        _finish(_live(socket, cdu, yes=yes, quiet=as_json), as_json=as_json)
        return
    from coolantd.sim.drill_scenarios import SCENARIOS

    chosen = _chosen(names or [], {each.name: each for each in SCENARIOS})
    if list_only:
        for each in chosen:
            print(f"{each.name:14} {each.about}  ({', '.join(each.hazards)})")
        return
    try:
        outcomes = _carry_out(chosen, repeat, quiet=as_json)
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    _finish(outcomes, as_json=as_json)


def _live(socket: Path, cdu: str | None, *, yes: bool, quiet: bool) -> "list[Outcome]":
    from coolantd.cli.drill_live import GOAL_S, MAX_S, asker, hold_and_let_go, pick
    from coolantd.cli.override import login_name
    from coolantd.sim.drill import Outcome

    ask = asker(socket)
    try:
        name, key = pick(ask, cdu)
        asked = f"Hold the facility valve of {name} at the value it is told now, for a moment?"
        if not yes and not typer.confirm(asked, err=True):
            raise typer.Exit(FAILED)
        with _Progress(quiet=quiet) as progress:
            progress.tell(f"holding the valve of {name} where it is")
            in_force_s, back_s, note = hold_and_let_go(ask, name, key, login_name())
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    outcome = Outcome("hold", "an override at the present value", ("FM-24",), goal_s=GOAL_S, max_s=MAX_S)
    outcome.times_s.append(in_force_s)
    outcome.normal_s, outcome.note = back_s, note
    return [outcome]


def _finish(outcomes: "list[Outcome]", *, as_json: bool) -> None:
    """Show what became of it; exits 1 if a promise was not kept."""
    if as_json:
        print(orjson.dumps({"outcomes": [each.plain() for each in outcomes]}).decode())
    else:
        _show(outcomes)
    if any(each.verdict == "failed" for each in outcomes):
        raise typer.Exit(FAILED)


def _chosen(names: list[str], known: "dict[str, Scenario]") -> "list[Scenario]":
    for name in names:
        if name not in known:
            print(f"{name[:40]!r}, allowed: {', '.join(known)}", file=sys.stderr)
            raise typer.Exit(WRONG_USAGE)
    return [known[name] for name in dict.fromkeys(names)] or list(known.values())


def _carry_out(chosen: "list[Scenario]", repeat: int, *, quiet: bool) -> "list[Outcome]":
    from coolantd.sim.demo_site import demo_site
    from coolantd.sim.drill import Drill
    from coolantd.sim.drill_scenarios import LOAD_RATIO

    with one_interrupt(), _Progress(quiet=quiet) as progress, demo_site(1.0) as site:
        work = Drill(site, progress.tell)
        work.prepare(LOAD_RATIO)
        return [work.run(each, repeat) for each in chosen]


class _Progress:
    """One line that changes on a terminal, a line each elsewhere, nothing when only JSON is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._status: Status | None = None

    def __enter__(self) -> "_Progress":
        if not self._quiet and sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status("")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def tell(self, text: str) -> None:
        """Show what happens now."""
        if self._status is not None:
            self._status.update(text)
        elif not self._quiet:
            print(text, file=sys.stderr, flush=True)


def _show(outcomes: "list[Outcome]") -> None:
    from rich.markup import escape
    from rich.table import Table

    from coolantd.cli.status_tables import status_console

    table = Table(box=None, pad_edge=False)
    for column in ("drill", "runs", "median s", "p99 s", "max s", "promised", "back s", "step %", "verdict", "seen"):
        table.add_column(column, justify="left" if column in ("drill", "verdict", "seen") else "right")
    for each in outcomes:
        table.add_row(*map(escape, _row(each)), style=_COLOURS[each.verdict] if each.verdict != "kept" else None)
    status_console().print(table)


def _row(outcome: "Outcome") -> tuple[str, ...]:
    times_s = sorted(outcome.times_s)
    return (
        outcome.name,
        str(len(times_s)),
        _seconds(times_s[len(times_s) // 2]),
        _seconds(outcome.p99_s),
        _seconds(outcome.worst_s),
        f"{outcome.goal_s:g} / {outcome.max_s:g}",
        _seconds(outcome.normal_s),
        f"{outcome.reentry_pct:.2f}",
        outcome.verdict,
        outcome.note,
    )


def _seconds(value: Any) -> str:
    return f"{value:.2f}" if math.isfinite(value) else "never"
