"""``coolantd run``: the daemon in the foreground, as systemd starts it."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import typer

from coolantd.errors import ConfigError, CoolantdError

CONFIG = Path("/etc/coolantd/coolantd.toml")


def run(
    config: Annotated[Path, typer.Option(help="Main configuration file; conf.d beside it is read too.")] = CONFIG,
    speed: Annotated[float, typer.Option(hidden=True, help="Clock rate, for the demo only.")] = 1.0,
) -> None:
    """Control the devices of a configuration until told to stop."""
    from coolantd.app import Daemon
    from coolantd.clock import SystemClock
    from coolantd.service import log

    log.configure()
    try:
        asyncio.run(Daemon(config, clock=SystemClock(speed)).run())
    except ConfigError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(2) from error
    except CoolantdError as error:
        print(error, file=sys.stderr)
        raise typer.Exit(1) from error
    except BaseExceptionGroup as group:
        expected, unexpected = group.split(CoolantdError)
        if expected is None or unexpected is not None:
            raise
        print(expected.exceptions[0], file=sys.stderr)
        raise typer.Exit(1) from group
    finally:
        log.shutdown()
