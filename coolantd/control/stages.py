"""The kernels that one step runs, as one bundle: interpreted at first, exchanged for machine code as a whole.

Knows which kernels there are and nothing of what they do. A new stage of control is one call in ``sequence.decide``.
"""

from dataclasses import dataclass
from functools import cache as cache_calls
from typing import Final

from coolantd.control.protection import PROTECT
from coolantd.control.sequence import DECIDE, PASS_GATE
from coolantd.kernel import KernelFunction


@dataclass(frozen=True, slots=True, kw_only=True)
class Stages:
    """One form of every kernel, in the order in which ``step`` runs them."""

    decide: KernelFunction
    protect: KernelFunction
    gate: KernelFunction


INTERPRETED: Final = Stages(decide=DECIDE.function, protect=PROTECT.function, gate=PASS_GATE.function)
"""The laws as they are written."""


@cache_calls
def compiled_stages(*, cache: bool = True, boundscheck: bool = False) -> Stages:
    """Return the machine code of every kernel; arguments as for ``Kernel.compiled``. Asked again, the same."""
    return Stages(
        decide=DECIDE.compiled(cache=cache, boundscheck=boundscheck),
        protect=PROTECT.compiled(cache=cache, boundscheck=boundscheck),
        gate=PASS_GATE.compiled(cache=cache, boundscheck=boundscheck),
    )
