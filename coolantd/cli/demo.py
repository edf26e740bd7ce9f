"""``coolantd demo``: a virtual CDU and its racks under control in one command. Shows; the measuring is in sim/."""

import contextlib
import shutil
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from coolantd.cli.usage import FAILED, check_range
from coolantd.clock import RATE_MAX_RATIO
from coolantd.errors import CoolantdError

if TYPE_CHECKING:
    from rich.live import Live

    from coolantd.sim.demo import Tick

NOT_REACHED: Final = "not reached: it ended before"
DURATION_MIN_S: Final = 10.0
DURATION_MAX_S: Final = 86_400.0
LINE_EVERY_S: Final = 5.0
"""Between two lines where the output is no terminal."""
ENDING: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
DEFAULT_DURATION_S: Final = 240.0
"""Long enough to see the load step settle and its way back."""


def demo(
    duration: Annotated[float, typer.Option(help="Real seconds under control.")] = DEFAULT_DURATION_S,
    speed: Annotated[float, typer.Option(help="Seconds of plant and daemon per real second.")] = 1.0,
    as_json: Annotated[bool, typer.Option("--json", help="Print the summary alone, as one JSON object.")] = False,
) -> None:
    """Hold the coolant of a virtual CDU feeding eight 130 kW racks while their load steps 10 → 100 → 10 %."""
    check_range("--duration", duration, DURATION_MIN_S, DURATION_MAX_S)
    check_range("--speed", speed, 1.0, RATE_MAX_RATIO)
    # What it measures with takes a moment to import: --help and the other commands do without.
    from coolantd.sim.demo import Demo, prepare
    from coolantd.sim.demo_site import demo_site

    try:
        with one_interrupt(), demo_site(speed, rpu=True) as site, _Screen(quiet=as_json) as screen:
            prepare(site, screen.tell)
            screen.tell(_addresses(site))
            summary = Demo(site, duration, screen.show).run()
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    print(orjson.dumps(summary).decode() if as_json else _in_words(summary))


@contextlib.contextmanager
def one_interrupt() -> Iterator[None]:
    """Take every way of being told to end for a Ctrl-C, and only the first: ending the processes is not interrupted."""
    before = {number: signal.getsignal(number) for number in ENDING}

    def interrupt(_number: int, _frame: object) -> None:
        for number in ENDING:
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:  # as under nohup
            signal.signal(number, interrupt)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _addresses(site: Any) -> str:
    # `make demo` leaves the PATH alone, and these lines are there to be copied.
    coolantd = "coolantd" if shutil.which("coolantd") else f"{sys.executable} -m coolantd"
    rpu = f"  RPU       {site.rpu_port} unit 12   19200 baud, the virtual ORv3 RPU"
    without = "  RPU       none: its serial line needs a pseudo terminal, and a speed of 2 at most"
    return "\n".join(
        (
            f"  metrics   http://127.0.0.1:{site.http_port}/metrics   (also /readyz and /api/v1/status)",
            f"  Modbus    127.0.0.1:{site.modbus_port} unit 1         the virtual row CDU",
            rpu if site.rpu else without,
            f"  MQTT      127.0.0.1:{site.mqtt_port} ({site.broker})   mosquitto_sub -p {site.mqtt_port} -v -t '#'",
            f"  status    {coolantd} status --watch --socket {site.daemon_socket}",
            f"  config    {site.config}   edit it, then: {coolantd} reload --socket {site.daemon_socket}",
            f"  processes {', '.join(f'{name} {process.pid}' for name, process in site.processes.items())}",
            "            stop one (kill -STOP), kill it, pull its cable: the device falls back, the daemon says so",
        )
    )


class _Screen:
    """A live table on a terminal, a line every few seconds elsewhere, nothing at all when only JSON is wanted."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._live: Live | None = None
        self._line_s = -LINE_EVERY_S

    def __enter__(self) -> "_Screen":
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def tell(self, text: str) -> None:
        """Say something once."""
        if not self._quiet:
            print(text, flush=True)

    def show(self, tick: "Tick") -> None:
        """Show how things stand."""
        if self._quiet:
            return
        if sys.stdout.isatty():
            self._table(tick)
        elif tick.elapsed_s - self._line_s >= LINE_EVERY_S:
            self._line_s = tick.elapsed_s
            print(_line(tick), flush=True)

    def _table(self, tick: "Tick") -> None:
        from rich.live import Live
        from rich.text import Text

        from coolantd.cli.demo_table import demo_table

        if self._live is None:
            self._live = Live(refresh_per_second=4)
            self._live.start()
        if tick.truth is None or tick.status is None or tick.ended:
            self._live.update(Text(_line(tick), style="bold red"))
        else:
            self._live.update(demo_table(tick, tick.truth, tick.status))


def _line(tick: "Tick") -> str:
    words = [f"{tick.elapsed_s:5.0f}/{tick.duration_s:.0f} s", _plant(tick.truth), _daemon(tick.status), *tick.ended]
    return "  ".join(words)


def _plant(truth: dict[str, Any] | None) -> str:
    if truth is None:
        return "the simulator does not answer"
    pumps = "/".join(f"{speed:.0f}" for speed in truth["pump_speeds_pct"])
    return (
        f"load {truth['heat_load_kw']:5.0f} kW  supply {truth['tcs_supply_temp_c']:5.2f} degC  "
        f"valve {truth['fws_valve_position_pct']:5.1f} %  pumps {pumps} %"
    )


def _daemon(status: dict[str, Any] | None) -> str:
    if status is None:
        return "the daemon does not answer"
    cdu = status["cdus"][0]
    why = f" ({cdu['cause']})" if cdu["cause"] else ""
    return f"{cdu['mode']}{why}  {status['kernel']}"


def _in_words(s: dict[str, Any]) -> str:
    law = f"{s['kernel']} law"
    late = f"late by {s['cycle_lateness_p50_s']} s (median), {s['cycle_lateness_p99_s']} s (p99)"
    refused = f"{s['writes_refused']} refused by the envelope, {s['writes_refused_by_device']} by the device"
    lines = [
        f"summary of {s['duration_s']:g} s at {s['speed']:g}x{', interrupted' * s['interrupted']}:",
        f"  load 10 -> 100 %   {_up(s)}",
        f"  load 100 -> 10 %   {_down(s)}",
        f"  cycles             {s['cycles']}, {late}; {law}",
        f"  writes             {s['writes']} acknowledged, {refused}, {s['write_mismatches']} differed",
        f"  points             {s['points']}, {s['points_bad_s']} point-seconds bad",
    ]
    if (rpu := s["rpu"]) is not None:
        lines.append(
            f"  RPU                {rpu['points']} points over 19200 baud, line in use {rpu['line_busy_pct']} %"
        )
    return "\n".join(lines)


def _up(s: dict[str, Any]) -> str:
    if s["supply_deviation_peak_k"] is None:
        return NOT_REACHED
    return f"supply at most {s['supply_deviation_peak_k']} K off the setpoint, {_settle(s)}"


def _down(s: dict[str, Any]) -> str:
    return NOT_REACHED if (off_k := s["supply_deviation_low_k"]) is None else f"supply at most {off_k} K off"


def _settle(s: dict[str, Any]) -> str:
    if s["supply_settle_s"] is not None:
        return f"back inside ±0.5 K after {s['supply_settle_s']:g} s"
    watched = f"not yet inside ±0.5 K when the load fell again after {s['supply_watched_s'] or 0:g} s"
    return f"{watched} (the default, --duration {DEFAULT_DURATION_S:g}, shows it)"
