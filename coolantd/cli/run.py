"""``coolantd run``: the daemon in the foreground, as systemd starts it."""

import asyncio
import sys
from typing import Annotated

import typer

from coolantd.cli.config_path import ConfigArgument, ConfigOption, config_path
from coolantd.errors import ConfigError, CoolantdError


def run(
    config: ConfigArgument = None,
    config_option: ConfigOption = None,
    speed: Annotated[float, typer.Option(hidden=True, help="Clock rate, for the demo only.")] = 1.0,
) -> None:
    """Control the devices of a configuration until told to stop."""
    from coolantd.app import Daemon
    from coolantd.clock import SystemClock
    from coolantd.service import log

    path = config_path(config, config_option)
    log.configure()
    try:
        asyncio.run(Daemon(path, clock=SystemClock(speed)).run())
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
