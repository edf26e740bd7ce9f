"""``coolantd profile probe`` and ``scan``: a live device looked at, read-only, one request at a time."""

import asyncio
import json
import math
import sys
from collections.abc import Callable, Coroutine
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from coolantd.errors import ConfigError, DeviceError
from coolantd.lab.shelf import SITE_DIR

if TYPE_CHECKING:
    from coolantd.lab.asking import Asker
    from coolantd.protocol.profile import Profile

EXIT_FAILED: Final = 1
EXIT_WRONG: Final = 2
PROBE_REQUESTS_MAX: Final = 4096
"""Twice what the largest known map would need if every second register of it were refused."""
SCAN_REQUESTS_MAX: Final = 5000
"""At 0.1 s each about eight minutes of somebody's bus."""
PAUSE_MIN_S: Final = 0.01
TIMEOUT_MAX_S: Final = 60.0
TIMEOUT_S: Final = 3.0
"""Large blocks take some devices 2 s and more."""

Host = Annotated[str | None, typer.Option(help="Name or address of the device or gateway.")]
Port = Annotated[int, typer.Option(min=1, max=65535, help="Its TCP port.")]
Unit = Annotated[int, typer.Option(min=0, max=255, help="Modbus unit.")]
Pause = Annotated[float, typer.Option(min=PAUSE_MIN_S, max=60.0, help="Silence before each request.")]
Timeout = Annotated[float, typer.Option(min=0.05, max=TIMEOUT_MAX_S, help="How long one reply may take.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]


def probe(  # noqa: PLR0917 (typer's options)
    host: Host = None,
    port: Port = 502,
    unit: Unit = 1,
    profile: Annotated[str | None, typer.Option(help="Name of a profile, or a file ending in .toml.")] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="Instead: a site's configuration ...")] = None,
    device: Annotated[str | None, typer.Option(help="... and the name of a device in it.")] = None,
    pause_s: Pause = 0.05,
    timeout_s: Annotated[
        float | None,
        typer.Option(min=0.05, max=TIMEOUT_MAX_S, help="How long one reply may take. [default: the profile's, or 3]"),
    ] = None,
    profiles_dir: Annotated[Path, typer.Option(help="The site's own profiles.")] = SITE_DIR,
    as_json: AsJson = False,
) -> None:
    """Read a live device once and show for every point what it says and whether that would be believed.

    Only reads, one request at a time. Exit code 0 if the device answered, 1 if not, 2 for wrong usage.
    """
    try:
        chosen, host, port, unit = _target(host, port, unit, profile, config, device, profiles_dir)
    except ConfigError as error:
        raise _wrong(*map(str, error.problems)) from error
    if not chosen.registers and not chosen.texts:
        raise _wrong(f"{chosen.name} describes an MQTT device, allowed: a profile with registers")
    from coolantd.lab.probing import Probe

    def work(asker: "Asker") -> tuple["Probe", Coroutine[Any, Any, None]]:
        found = Probe(chosen, unit, asker)
        return found, found.run()

    limits = chosen.limits
    patience_s = timeout_s or max(limits.timeout_s or 0.0, TIMEOUT_S)
    pace = _Pace(max(pause_s, limits.request_gap_s), patience_s, PROBE_REQUESTS_MAX)
    found, failure = _asked(work, host, port, pace)
    judgements = found.judgements()
    plausible = sum(one.plausible for one in judgements)
    if as_json:
        points = [asdict(one) for one in judgements]
        facts = {"answered": found.answered, "failure": failure, "identity": found.identity()[0]}
        facts |= {"plausible": plausible, "points": points}
        print(json.dumps(_finite(facts), allow_nan=False))
    elif found.answered:
        from coolantd.cli.profile_tables import probe_summary, probe_table, show

        show(probe_table(judgements), found.identity()[1], probe_summary(judgements))
    if failure or not found.answered:
        print(f"{host}:{port}: {failure or f'unit {unit} does not answer'}", file=sys.stderr)
        raise typer.Exit(EXIT_FAILED)


def scan(  # noqa: PLR0917 (typer's options)
    host: Host = None,
    port: Port = 502,
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

    Exit code 0 if everything was looked at, 1 if not, 2 for wrong usage.
    """
    from coolantd.lab import scanning

    if host is None:
        raise _wrong("--host is missing")
    try:
        wanted, places = scanning.parse_units(units), scanning.parse_ranges(ranges)
    except ValueError as error:
        raise _wrong(str(error)) from error
    least, most = scanning.estimate(wanted, places, span)
    seconds = min(least, requests_max) * pause_s
    bound = f"{least} to {most} requests, at most {requests_max}, in no less than {seconds:.1f} s"
    print(f"{host}:{port}: {len(wanted)} units, {len(places)} ranges: {bound}", file=sys.stderr)

    def work(asker: "Asker") -> tuple[scanning.Scan, Coroutine[Any, Any, None]]:
        found = scanning.Scan()
        return found, scanning.scan(asker, wanted, places, span, found)

    found, failure = _asked(work, host, port, _Pace(pause_s, timeout_s, requests_max))
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


@dataclass(frozen=True, slots=True)
class _Pace:
    """How a device is asked: seconds between requests, seconds for a reply, how many requests at most."""

    pause_s: float
    timeout_s: float
    requests_max: int


def _target(  # noqa: PLR0917 (what the options said)
    host: str | None,
    port: int,
    unit: int,
    profile: str | None,
    config: Path | None,
    device: str | None,
    profiles_dir: Path,
) -> tuple["Profile", str, int, int]:
    """Return the profile, host, port and unit that the options name."""
    if config is not None:
        if device is None:
            raise _wrong("--config needs --device, the name of a device in it")
        return _of_site(config, device)
    if host is None or profile is None:
        raise _wrong("missing: --host and --profile, or --config and --device")
    from coolantd.lab.shelf import opened, take

    return opened(take(profile, profiles_dir)), host, port, unit


def _of_site(config: Path, name: str) -> tuple["Profile", str, int, int]:
    from coolantd.config.load import load

    loaded = load(config)
    found = next((device for device in loaded.config.devices if device.name == name), None)
    if found is None:
        known = ", ".join(device.name for device in loaded.config.devices)
        raise _wrong(f"{config}: no device {name!r:.60}, allowed: {known}")
    if found.modbus_tcp is None:
        raise _wrong(f"{config}: device {name} is not reached by Modbus TCP, allowed: a device with modbus_tcp")
    return loaded.profiles[name], found.modbus_tcp.host, found.modbus_tcp.port, found.modbus_tcp.unit_id


def _asked(
    work: Callable[["Asker"], tuple[Any, Coroutine[Any, Any, None]]],
    host: str,
    port: int,
    pace: _Pace,
) -> tuple[Any, str]:
    """Run work against a device; return what it found, even if interrupted, and what stopped it, or nothing."""
    # pymodbus takes a third of a second to import; the commands that look at files do without.
    from coolantd.clock import SystemClock
    from coolantd.device.modbus import ModbusTcpLink
    from coolantd.lab.asking import Asker

    clock = SystemClock()
    link = ModbusTcpLink(host, port, clock=clock, connect_timeout_s=pace.timeout_s)
    asker = Asker(
        link,
        clock,
        pause_s=pace.pause_s,
        deadline_s=pace.timeout_s,
        requests_max=pace.requests_max,
        on_request=_progress(),
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
        return found, str(error)
    except KeyboardInterrupt:
        return found, "interrupted"
    finally:
        if sys.stderr.isatty():
            print("\r\033[K", end="", file=sys.stderr, flush=True)
    return found, ""


def _progress() -> Callable[[int], None]:
    """Return what shows the number of each request on a terminal, and nothing elsewhere."""
    if not sys.stderr.isatty():
        return lambda _: None

    def show(number: int) -> None:
        print(f"\r\033[K{number} requests (Ctrl-C keeps what was found)", end="", file=sys.stderr, flush=True)

    return show


def _finite(value: Any) -> Any:
    """Return JSON types with null in place of what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _wrong(*lines: str) -> typer.Exit:
    for line in lines:
        print(line, file=sys.stderr)
    return typer.Exit(EXIT_WRONG)
