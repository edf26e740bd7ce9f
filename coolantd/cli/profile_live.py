"""``coolantd profile probe`` and ``scan``: a live device looked at, read-only, one request at a time."""

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from coolantd.cli.profile_target import (
    TURNAROUND_S,
    Asked,
    Baudrate,
    Config,
    Device,
    Endpoint,
    Host,
    NoLoopback,
    Parity,
    ParityChoice,
    Port,
    RtuTcp,
    Serial,
    Stopbits,
    Turnaround,
    endpoint_of,
    endpoint_of_site,
    wrong,
)
from coolantd.errors import ConfigError, DeviceError
from coolantd.lab.shelf import SITE_DIR

if TYPE_CHECKING:
    from coolantd.lab.asking import Asker
    from coolantd.lab.probing import Probe
    from coolantd.lab.scanning import Range
    from coolantd.protocol.profile import Profile

EXIT_FAILED: Final = 1
PROBE_REQUESTS_MAX: Final = 4096
"""Twice what the largest known map would need if every second register of it were refused."""
SCAN_REQUESTS_MAX: Final = 5000
"""At 0.1 s each about eight minutes of somebody's bus."""
PAUSE_MIN_S: Final = 0.01
TIMEOUT_MAX_S: Final = 60.0
TIMEOUT_S: Final = 3.0
"""Large blocks take some devices 2 s and more."""

Unit = Annotated[int, typer.Option(min=0, max=255, help="Modbus unit.")]
Pause = Annotated[float, typer.Option(min=PAUSE_MIN_S, max=60.0, help="Silence before each request.")]
Timeout = Annotated[float, typer.Option(min=0.05, max=TIMEOUT_MAX_S, help="How long one reply may take.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def probe(  # noqa: PLR0917 (typer's options)
    host: Host = None,
    port: Port = 502,
    rtu_tcp: RtuTcp = False,
    serial: Serial = None,
    baudrate: Baudrate = 19200,
    parity: Parity = ParityChoice.NONE,
    stopbits: Stopbits = 1,
    turnaround_s: Turnaround = TURNAROUND_S,
    no_loopback: NoLoopback = False,
    unit: Unit = 1,
    profile: Annotated[str | None, typer.Option(help="Name of a profile, or a file ending in .toml.")] = None,
    config: Config = None,
    device: Device = None,
    pause_s: Pause = 0.05,
    timeout_s: Annotated[
        float | None,
        typer.Option(min=0.05, max=TIMEOUT_MAX_S, help="How long one reply may take. [default: the profile's, or 3]"),
    ] = None,
    profiles_dir: Annotated[Path, typer.Option(help="The site's own profiles.")] = SITE_DIR,
    as_json: AsJson = False,
) -> None:
    """Read a live device once and show for every point what it says and whether that would be believed.

    The device is on Modbus TCP (--host), on a serial line (--serial), behind a serial converter (--host --rtu-tcp), or
    one of the site's configuration (--device). Only reads, one request at a time. Exit code 0 if the device answered, 1
    if not, 2 for wrong usage.
    """
    asked = Asked(
        host=host, port=port, rtu_tcp=rtu_tcp, serial=serial, baudrate=baudrate, parity=parity, stopbits=stopbits,
        turnaround_s=turnaround_s, no_loopback=no_loopback, config=config, device=device,
    )  # fmt: skip
    try:
        endpoint, chosen, unit = _target(asked, unit, profile, profiles_dir)
    except ConfigError as error:
        raise wrong(*map(str, error.problems)) from error
    if not chosen.registers and not chosen.texts:
        raise wrong(f"{chosen.name} describes an MQTT device, allowed: a profile with registers")
    from coolantd.lab.probing import Probe

    def work(asker: "Asker") -> tuple["Probe", Coroutine[Any, Any, None]]:
        found = Probe(chosen, unit, asker)
        return found, found.run()

    limits = chosen.limits
    patience_s = timeout_s or max(limits.timeout_s or 0.0, TIMEOUT_S)
    pace = _Pace(max(pause_s, limits.request_gap_s), patience_s, PROBE_REQUESTS_MAX)
    found, failure = _asked(work, endpoint, pace)
    _show_probe(found, failure, as_json=as_json)
    if failure or not found.answered:
        print(f"{endpoint.name}: {failure or f'unit {unit} does not answer'}", file=sys.stderr)
        raise typer.Exit(EXIT_FAILED)


def _show_probe(found: "Probe", failure: str, *, as_json: bool) -> None:
    judgements = found.judgements()
    if as_json:
        plausible = sum(one.plausible for one in judgements)
        points = [asdict(one) for one in judgements]
        facts = {"answered": found.answered, "failure": failure, "identity": found.identity()[0]}
        facts |= {"plausible": plausible, "points": points}
        print(json.dumps(_finite(facts), allow_nan=False))
    elif found.answered:
        from coolantd.cli.profile_tables import probe_summary, probe_table, show

        show(probe_table(judgements), found.identity()[1], probe_summary(judgements))


def scan(  # noqa: PLR0917 (typer's options)
    host: Host = None,
    port: Port = 502,
    rtu_tcp: RtuTcp = False,
    serial: Serial = None,
    baudrate: Baudrate = 19200,
    parity: Parity = ParityChoice.NONE,
    stopbits: Stopbits = 1,
    turnaround_s: Turnaround = TURNAROUND_S,
    no_loopback: NoLoopback = False,
    config: Config = None,
    device: Device = None,
    units: Annotated[str, typer.Option(help="Units to look for, as 1-16,20.")] = "1-16",
    ranges: Annotated[str, typer.Option(help="Addresses to look at, 0-based, as holding:0-200,input:0-50.")] = (
        "holding:0-200"
    ),
    span: Annotated[int, typer.Option(min=1, max=125, help="Registers first asked for at once.")] = 64,
    pause_s: Pause = 0.05,
    timeout_s: Timeout = 1.0,
    requests_max: Annotated[int, typer.Option(min=1, max=100_000, help="Stop after so many.")] = SCAN_REQUESTS_MAX,
    as_json: AsJson = False,
) -> None:
    """Find units that answer and registers that can be read, slowly and only by reading; Ctrl-C keeps what was found.

    On a line (--serial, --rtu-tcp, or --device on one) a turnaround of silence is kept after every unit that does not
    answer. Exit code 0 if everything was looked at, 1 if not, 2 for wrong usage.
    """
    from coolantd.lab import scanning

    asked = Asked(
        host=host, port=port, rtu_tcp=rtu_tcp, serial=serial, baudrate=baudrate, parity=parity, stopbits=stopbits,
        turnaround_s=turnaround_s, no_loopback=no_loopback, config=config, device=device,
    )  # fmt: skip
    try:
        wanted, places = scanning.parse_units(units), scanning.parse_ranges(ranges)
        endpoint = endpoint_of(asked) if device is None else endpoint_of_site(asked, device)[0]
    except ConfigError as error:
        raise wrong(*map(str, error.problems)) from error
    except ValueError as error:
        raise wrong(str(error)) from error
    if endpoint.line is not None and 0 in wanted:
        raise wrong("--units: got 0, allowed: 1 to 255 on a line, where 0 is broadcast")
    pace = _Pace(pause_s, timeout_s, requests_max)
    print(_announced(endpoint, wanted, places, span, pace), file=sys.stderr)

    def work(asker: "Asker") -> tuple[scanning.Scan, Coroutine[Any, Any, None]]:
        found = scanning.Scan()
        return found, scanning.scan(asker, wanted, places, span, found)

    found, failure = _asked(work, endpoint, pace, scanning.estimate(wanted, places, span))
    if failure:
        found.complete, found.stopped = False, failure
    if as_json:
        print(json.dumps(asdict(found)))
    else:
        from coolantd.cli.profile_tables import scan_table, show

        names = ", ".join(str(one.unit) for one in found.units) or "none"
        show(scan_table(found), f"units that answer: {names}; silent: {len(found.silent)} of {len(wanted)}")
    if not found.complete:
        print(f"not complete: {found.stopped}", file=sys.stderr)
        raise typer.Exit(EXIT_FAILED)


def _announced(
    endpoint: Endpoint, wanted: tuple[int, ...], places: "tuple[Range, ...]", span: int, pace: "_Pace"
) -> str:
    """Return what a scan is about to do, and about how long that takes, before anything is asked."""
    from coolantd.lab.scanning import GREETINGS, estimate

    least, most = estimate(wanted, places, span)
    whole_s = min(least, pace.requests_max) * (pace.pause_s + endpoint.answered_s(span))
    sparse_s = min(most, pace.requests_max) * (pace.pause_s + endpoint.answered_s(1))
    silent_s = len(wanted) * GREETINGS * (pace.pause_s + endpoint.silent_s(pace.timeout_s))
    return (
        f"{endpoint.name}: {len(wanted)} units, {len(places)} ranges: {least} to {most} requests, "
        f"at most {pace.requests_max}; about {whole_s:.1f} s where every unit has all of it, {silent_s:.0f} s where "
        f"none answers, up to {sparse_s:.0f} s where registers are missing"
    )


@dataclass(frozen=True, slots=True)
class _Pace:
    """How a device is asked: seconds between requests, seconds for a reply, how many requests at most."""

    pause_s: float
    timeout_s: float
    requests_max: int


def _target(asked: Asked, unit: int, profile: str | None, profiles_dir: Path) -> tuple[Endpoint, "Profile", int]:
    """Return where to ask, as what, and which unit; a profile that was named goes before the site's own.

    Raises:
        ConfigError: the configuration or the profile cannot be used.
    """
    from coolantd.lab.shelf import opened, take

    if asked.device is not None:
        endpoint, chosen, unit = endpoint_of_site(asked, asked.device)
        return endpoint, chosen if profile is None else opened(take(profile, profiles_dir)), unit
    if asked.config is not None:
        raise wrong("--config needs --device, the name of a device in it")
    endpoint = endpoint_of(asked)
    if profile is None:
        raise wrong("missing: --profile, what the device is believed to be")
    return endpoint, opened(take(profile, profiles_dir)), unit


def _asked(
    work: Callable[["Asker"], tuple[Any, Coroutine[Any, Any, None]]],
    endpoint: Endpoint,
    pace: _Pace,
    expected: tuple[int, int] | None = None,
) -> tuple[Any, str]:
    """Run work against a device; return what it found, even if interrupted, and what stopped it, or nothing."""
    from coolantd.clock import SystemClock
    from coolantd.lab.asking import Asker

    clock = SystemClock()
    link = endpoint.link(clock, pace.timeout_s)
    asker = Asker(
        link,
        clock,
        pause_s=pace.pause_s,
        deadline_s=pace.timeout_s,
        requests_max=pace.requests_max,
        on_request=_progress(expected),
    )
    found, doing = work(asker)

    async def session() -> None:
        try:
            await link.connect()
            await doing
        finally:
            doing.close()
            await link.close()

    try:
        asyncio.run(session())
    except DeviceError as error:
        return found, endpoint.in_use() or str(error)
    except KeyboardInterrupt:
        return found, "interrupted"
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    return found, ""


def _progress(expected: tuple[int, int] | None) -> Callable[[int], None]:
    """Return what shows the number of each request on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None
    of = "" if expected is None else f" of {expected[0]} to {expected[1]}"
    begun_s = time.monotonic()

    def show(number: int) -> None:
        said = f"request {number}{of}, {time.monotonic() - begun_s:.0f} s (Ctrl-C keeps what was found)"
        print(f"\r\033[K{said}", end="", file=sys.stderr, flush=True)

    return show


def _finite(value: Any) -> Any:
    """Return JSON types with null in place of what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
