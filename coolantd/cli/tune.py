"""``coolantd tune``: move a running loop a little, learn its plant, recommend gains. Parses, shows, writes, exits."""

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from coolantd.cli.status import CONTROL_SOCKET
from coolantd.cli.usage import FAILED, WRONG_USAGE, check_range
from coolantd.errors import CoolantdError

if TYPE_CHECKING:
    from coolantd.cli.tune_work import Outcome, Wish

LOOPS: Final = {"supply": ("supply_temp",), "pressure": ("pressure",), "both": ("pressure", "supply_temp")}
"""Pressure first: a supply test wants a flow that is already steady."""
METHODS: Final = ("step", "relay")
AMPLITUDE_MAX_PCT: Final = 5.0
HOLD_MAX_S: Final = 600.0
RESULT_KEYS: Final = frozenset({"cdu", "loops", "points"})


def tune(  # noqa: PLR0917 - typer turns each parameter into an option
    cdu: Annotated[str, typer.Argument(help="Name of the CDU, as configured.")],
    loop: Annotated[str, typer.Option(help="supply, pressure or both.")] = "both",
    method: Annotated[str, typer.Option(help="step, or relay: a relay test after each step test.")] = "step",
    amplitude_pct: Annotated[float, typer.Option(help="Size of each step of the output.")] = 3.0,
    hold_s: Annotated[float | None, typer.Option(help="How long each step is held. [default: 60, pumps 15]")] = None,
    supply_limit_k: Annotated[float, typer.Option(help="Ends the test: supply off its setpoint.")] = 2.0,
    pressure_limit_pct: Annotated[float, typer.Option(help="Ends the test: pressure or flow off, % of it.")] = 25.0,
    check_only: Annotated[bool, typer.Option("--check-only", help="Nudge every actuator and stop there.")] = False,
    no_check: Annotated[bool, typer.Option("--no-check", help="Do not nudge first; it was done just now.")] = False,
    earlier: Annotated[list[Path] | None, typer.Option("--with", help="tune.json of a test at another load.")] = None,
    report: Annotated[Path | None, typer.Option(help="Directory for report, plots, fragment and tune.json.")] = None,
    socket: Annotated[Path, typer.Option(help="Control socket of the running daemon.")] = CONTROL_SOCKET,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")] = False,
) -> None:
    """Test a CDU's loops under control, and recommend gains.

    First every actuator is nudged: the right point must move the right way. Then each loop is held and stepped up and
    down. Mode, failsafe, rates and the daemon's envelope stay in force; anything out of its limits ends the test in
    the same cycle, and the loop goes on with the gains it has. Nothing is configured: paste the fragment yourself.

    Exit code 0 if gains are recommended, 1 if a test was refused, aborted or is in doubt, 2 for wrong usage.
    """
    wish = _wish(loop, method, amplitude_pct, hold_s, supply_limit_k, pressure_limit_pct, check_only, no_check)
    before = [_read(path, cdu) for path in earlier or ()]
    try:
        from coolantd.cli.tune_work import carry_out
    except ImportError as error:
        print(f"{error.name} is not installed; pip install 'coolantd[tune]' brings it", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from error
    from coolantd.cli.tune_session import TuneSession

    try:
        with _progress() as tell:
            outcome = carry_out(TuneSession(socket, cdu, tell), wish, before)
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        print("stopped; the loop goes on with the gains it has", file=sys.stderr)
        raise typer.Exit(FAILED) from None
    _tell(outcome, cdu, report, as_json=as_json)
    if not outcome.ok:
        raise typer.Exit(FAILED)


def _wish(  # noqa: PLR0917 - options as they come
    loop: str,
    method: str,
    amplitude_pct: float,
    hold_s: float | None,
    supply_limit_k: float,
    pressure_limit_pct: float,
    check_only: bool,
    no_check: bool,
) -> "Wish":
    for option, value, allowed in (("--loop", loop, tuple(LOOPS)), ("--method", method, METHODS)):
        if value not in allowed:
            print(f"{option} = {value[:40]!r}, allowed: {', '.join(allowed)}", file=sys.stderr)
            raise typer.Exit(WRONG_USAGE)
    if check_only and no_check:
        print("--check-only and --no-check: nothing would be done, allowed: one of them", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    check_range("--amplitude-pct", amplitude_pct, 0.5, AMPLITUDE_MAX_PCT)
    check_range("--hold-s", 60.0 if hold_s is None else hold_s, 5.0, HOLD_MAX_S)
    check_range("--supply-limit-k", supply_limit_k, 0.3, 5.0)
    check_range("--pressure-limit-pct", pressure_limit_pct, 2.0, 50.0)
    try:
        from coolantd.cli.tune_work import Wish
    except ImportError as error:
        print(f"{error.name} is not installed; pip install 'coolantd[tune]' brings it", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from error
    return Wish(
        loops=() if check_only else LOOPS[loop],
        amplitude_pct=amplitude_pct,
        hold_s=hold_s,
        relay=method == "relay",
        nudges=not no_check,
        limits={"supply_limit_k": supply_limit_k, "pressure_limit_ratio": 0.01 * pressure_limit_pct},
    )


def _read(path: Path, cdu: str) -> dict[str, Any]:
    """Return an earlier result of the same CDU; exits 2 with a sentence if it is none."""
    try:
        data = orjson.loads(path.read_bytes())
        problem = "" if set(data) >= RESULT_KEYS else "no result of coolantd tune"
        if not problem and data["cdu"] != cdu:
            problem = f"a result for {data['cdu']!r:.40}, allowed: for {cdu}"
    except OSError as error:
        data, problem = {}, f"cannot be read: {error.strerror or error}"
    except (ValueError, TypeError):
        data, problem = {}, "no result of coolantd tune"
    if problem:
        print(f"{path}: {problem}", file=sys.stderr)
        raise typer.Exit(WRONG_USAGE)
    return dict(data)


def _progress() -> Any:
    """Return a context that gives a function to tell progress: a bar on a terminal, a line per stage elsewhere."""
    if sys.stderr.isatty():
        from coolantd.cli.tune_progress import bar

        return bar()
    told: set[str] = set()

    def tell(what: str, share: float | None) -> None:
        del share
        if what not in told:
            told.add(what)
            print(f"{what} …", file=sys.stderr, flush=True)

    return nullcontext(tell)


def _tell(outcome: "Outcome", cdu: str, report: Path | None, *, as_json: bool) -> None:
    from coolantd.cli.tune_result import result_json, sentences

    result = result_json(outcome, cdu)
    if report is not None:
        from coolantd.cli.tune_report import write_report

        try:
            written, drawn = write_report(outcome, result, report)
        except OSError as error:
            print(f"{error.filename or report} cannot be written: {error.strerror or error}", file=sys.stderr)
            raise typer.Exit(WRONG_USAGE) from error
        if not drawn:
            print("the report has no plots: matplotlib is not installed", file=sys.stderr)
        for path in written:
            print(f"written: {path}", file=sys.stderr)
    if as_json:
        print(orjson.dumps(result).decode())
        return
    print("\n".join(sentences(outcome)))
