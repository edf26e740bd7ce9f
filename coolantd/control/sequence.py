"""What happens in one step, stage after stage, over the packed arrays: ``step`` and every fast simulation run this.

Three kernels and not one: an experiment (commissioning) and operators may stand between what control wants and what it
gets, what protects (``protection``) outranks them, and the envelope stays a kernel of its own that shares nothing with
control. A new stage is one call here and its helpers below.
"""

import math
from typing import Final

from coolantd.control.arrays import Fixed, Memory, Result, Seen
from coolantd.control.branches import HELPERS as BRANCH_HELPERS
from coolantd.control.branches import balance
from coolantd.control.bypass import HELPERS as BYPASS_HELPERS
from coolantd.control.bypass import open_bypasses
from coolantd.control.estimator import HELPERS as ESTIMATE_HELPERS
from coolantd.control.estimator import estimate
from coolantd.control.groups import HELPERS as GROUP_HELPERS
from coolantd.control.groups import run_groups
from coolantd.control.layout import A_LAST, D_MODE, Y_CDU
from coolantd.control.loops import HELPERS as LOOP_HELPERS
from coolantd.control.loops import decide_loops
from coolantd.control.pumps import HELPERS as PUMP_HELPERS
from coolantd.control.pumps import distribute
from coolantd.control.reset import HELPERS as RESET_HELPERS
from coolantd.control.reset import reset_cdus
from coolantd.control.sensors import HELPERS as SENSOR_HELPERS
from coolantd.control.sensors import judge_sensors
from coolantd.kernel import Kernel
from coolantd.safety.actuator_modes import AM_MODE
from coolantd.safety.claims import Claim
from coolantd.safety.envelope import GATE, Answer, Asked, gate
from coolantd.safety.hazards import Force
from coolantd.safety.meaning import NOTHING
from coolantd.safety.modes import Mode

_FAILSAFE: Final = int(Mode.FAILSAFE)
_FREE: Final = int(Force.NONE)
_STOPPED: Final = int(Force.TRIP)
_NOBODY: Final = int(Claim.NOBODY)
_LOOP: Final = int(Claim.LOOP)
_OPERATOR: Final = int(Claim.OPERATOR)
_INTERLOCK: Final = int(Claim.INTERLOCK)
_TRIP: Final = int(Claim.TRIP)


def clear(result: Result) -> None:
    """Forget what the last step left."""
    result.demands[:] = math.nan
    result.conditions[:] = 0
    result.details[:] = NOTHING
    result.facts[:] = 0


def decide(fixed: Fixed, memory: Memory, seen: Seen, result: Result, dt_s: float) -> None:
    """Run every stage up to the demands; ``memory`` and ``result`` change in place.

    Args:
        fixed: what the plan says.
        memory: what control remembers.
        seen: every point now; changed in place by the first stage.
        result: written from scratch.
        dt_s: measured seconds since the last step, > 0.
    """
    clear(result)
    judge_sensors(fixed, memory, seen, result, dt_s)
    estimate(fixed, memory, seen, result, dt_s)
    reset_cdus(fixed, memory, seen, result, dt_s)
    decide_loops(fixed, memory, seen, result, dt_s)
    run_groups(fixed, memory, seen, result, dt_s)
    distribute(fixed, memory, seen, result, dt_s)
    balance(fixed, memory, seen, result, dt_s)
    open_bypasses(fixed, memory, seen, result, dt_s)


def claim_of(i: int, fixed: Fixed, memory: Memory, result: Result) -> int:
    """Return who demands something of an actuator: whoever outranks the others; nobody where nothing is demanded."""
    if math.isnan(result.demands[i]):
        return _NOBODY
    if result.forced[i] != _FREE:
        return _TRIP if result.forced[i] == _STOPPED else _INTERLOCK
    if result.held[i] == 1:
        return _OPERATOR
    cdu = fixed.y[i, Y_CDU]
    return _INTERLOCK if cdu >= 0 and int(memory.d[cdu, D_MODE]) == _FAILSAFE else _LOOP


def pass_gate(fixed: Fixed, memory: Memory, result: Result, dt_s: float) -> None:
    """Have the envelope judge every demand, and remember what it allowed; arguments as for ``decide``."""
    for i in range(result.demands.shape[0]):
        result.last[i] = memory.a[i, A_LAST]
        result.claims[i] = claim_of(i, fixed, memory, result)
        result.actuator_modes[i] = int(memory.am[i, AM_MODE])
    asked = Asked(result.demands, result.claims, result.actuator_modes, result.permits, result.last)
    answer = Answer(result.commands, result.refusals, result.admitted)
    gate(fixed.limits, memory.travel, asked, dt_s, answer)
    for i in range(result.commands.shape[0]):
        if not math.isnan(result.commands[i]):
            memory.a[i, A_LAST] = result.commands[i]


DECIDE: Final = Kernel(
    decide,
    (
        *LOOP_HELPERS,
        *SENSOR_HELPERS,
        judge_sensors,
        *ESTIMATE_HELPERS,
        estimate,
        *RESET_HELPERS,
        reset_cdus,
        decide_loops,
        *GROUP_HELPERS,
        run_groups,
        *PUMP_HELPERS,
        distribute,
        *BRANCH_HELPERS,
        balance,
        *BYPASS_HELPERS,
        open_bypasses,
        clear,
    ),
)
PASS_GATE: Final = Kernel(pass_gate, (*GATE.helpers, gate, claim_of))
