"""``coolantd run``: the daemon in the foreground, as systemd starts it."""

import asyncio
import os
import sys
import threading
from typing import TYPE_CHECKING, Annotated, Final

import structlog
import typer

from coolantd.cli.config_path import ConfigArgument, ConfigOption, config_path
from coolantd.cli.usage import FAILED, SPEED_MIN_RATIO, WRONG_USAGE, check_range
from coolantd.clock import RATE_MAX_RATIO, SystemClock
from coolantd.errors import ConfigError, CoolantdError

if TYPE_CHECKING:
    from coolantd.app import Daemon

STOP_MAX_S: Final = 4.3
"""Under the 5 s that are promised. The steps of a stop have limits of their own; this one is for what has none, above
all a worker thread that waits for a name server or a dead file system and that nothing can interrupt."""

_stopped: Final = threading.Event()
"""The daemon has done all it had to do: whatever still hangs is only a thread."""


def run(
    config: ConfigArgument = None,
    config_option: ConfigOption = None,
    speed: Annotated[float, typer.Option(hidden=True, help="Clock rate, for the demo only.")] = 1.0,
) -> None:
    """Control the devices of a configuration until told to stop."""
    path = config_path(config, config_option)
    check_range("--speed", speed, SPEED_MIN_RATIO, RATE_MAX_RATIO)
    # numpy and the wire libraries take half a second to import: --help and a slip of the keyboard do without.
    from coolantd.app import Daemon
    from coolantd.service import log

    log.configure()
    try:
        asyncio.run(_serve(Daemon(path, clock=SystemClock(speed), on_stop=_bound_stop)))
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(WRONG_USAGE) from error
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(FAILED) from error
    except BaseExceptionGroup as group:
        expected, unexpected = group.split(CoolantdError)
        if expected is None or unexpected is not None:
            raise
        print(expected.exceptions[0], file=sys.stderr)
        raise typer.Exit(FAILED) from group
    finally:
        log.shutdown()


async def _serve(daemon: "Daemon") -> None:
    await daemon.run()
    _stopped.set()


def _bound_stop() -> None:
    """See to it that the process ends in time, however its threads may hang."""
    timer = threading.Timer(STOP_MAX_S, _leave)
    timer.daemon = True
    timer.start()


def _leave() -> None:
    from coolantd.service import log

    if not _stopped.is_set():
        structlog.get_logger().error("stop_forced", seconds=STOP_MAX_S)
    log.shutdown()  # at most half a second, even where nobody reads what we write
    os._exit(0 if _stopped.is_set() else FAILED)
