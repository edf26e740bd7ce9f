"""Exchanges the interpreted control law for the compiled one while the daemon runs. Knows the cycle."""

import asyncio
import gc
from pathlib import Path
from typing import Final

import structlog

from coolantd.errors import CoolantdError
from coolantd.service import kernels
from coolantd.service.cycle import Cycle
from coolantd.service.metrics import Metrics

log: Final = structlog.get_logger()


async def exchange(base: Path, cycle: Cycle, metrics: Metrics) -> bool:
    """Have the cycle use the compiled law as soon as there is one; return whether it does.

    Args:
        base: directory below which compiled code is kept.
        cycle: what controls.
        metrics: where it is shown.
    """
    try:
        stages = await kernels.warm(base)
    except (CoolantdError, OSError, ImportError) as error:
        log.warning("kernel_stays_interpreted", why=str(error))
        return False
    cycle.use_kernels(stages)
    metrics.kernel_compiled.set(1)
    await asyncio.to_thread(gc.collect)
    gc.freeze()  # what lives now lives as long as the daemon: full collections need not walk it (FM-27)
    log.info("kernel_compiled")
    return True
