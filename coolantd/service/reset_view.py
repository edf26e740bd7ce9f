"""What the daemon shows of what the loops are asked for: setpoints that are reset, and who has the pumps. Plain data.

Knows the columns of control's state. Must never know who reads it.
"""

import math
from dataclasses import dataclass

from coolantd.control.layout import PRESSURE, SUPPLY_TEMP
from coolantd.control.plan import Plan
from coolantd.control.reset_layout import (
    TRIM_STATE,
    U_SETPOINT,
    U_SHOWN,
    U_USE,
    W_HIGH_PCT,
    W_IN_CHARGE,
    W_IN_CHARGE_S,
    W_LOW_PCT,
    W_NEEDED,
    InCharge,
    ResetUse,
)
from coolantd.control.step import ControlState


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetView:
    """One setpoint that is reset; ``loop`` and ``unit`` as of the loop. NaN where unknown.

    Attributes:
        use: a ``ResetUse`` label.
        setpoint: where the reset wants it, before ramp and dew-point floor.
        configured: what it goes back to.
        needed: what the coolant's rise needs; the pump loop's alone.
        requests: of the last whole period.
    """

    cdu: str
    loop: str
    unit: str
    use: str
    setpoint: float
    configured: float
    needed: float
    requests: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpLimitView:
    """Who the pumps' speed of a CDU with limits comes from: an ``InCharge`` label, for how long, and between what."""

    cdu: str
    in_charge: str
    age_s: float
    low_pct: float
    high_pct: float


def reset_views(plan: Plan, state: ControlState) -> tuple[ResetView, ...]:
    """Return every setpoint that is reset, as the last cycle left it."""
    views = []
    for n, cdu in enumerate(plan.cdus):
        loops = ((SUPPLY_TEMP, cdu.supply_temp, cdu.reset.supply_temp), (PRESSURE, cdu.pressure, cdu.reset.pump))
        for number, loop, trim in loops:
            if trim is None:
                continue
            u = state.reset[n, number * TRIM_STATE : (number + 1) * TRIM_STATE]
            views.append(
                ResetView(
                    cdu=cdu.name,
                    loop="supply_temp" if number == SUPPLY_TEMP else "pressure",
                    unit=loop.unit,
                    use=ResetUse(int(u[U_USE])).label,
                    setpoint=float(u[U_SETPOINT]),
                    configured=loop.setpoint,
                    needed=math.nan if number == SUPPLY_TEMP else float(state.reset[n, W_NEEDED]),
                    requests=int(u[U_SHOWN]),
                )
            )
    return tuple(views)


def pump_limit_views(plan: Plan, state: ControlState) -> tuple[PumpLimitView, ...]:
    """Return every CDU whose pumps have a limit, as the last cycle left it."""
    return tuple(
        PumpLimitView(
            cdu=cdu.name,
            in_charge=InCharge(int(w[W_IN_CHARGE])).label,
            age_s=float(w[W_IN_CHARGE_S]),
            low_pct=float(w[W_LOW_PCT]),
            high_pct=float(w[W_HIGH_PCT]),
        )
        for cdu, w in zip(plan.cdus, state.reset, strict=True)
        if any(limit is not None for limit in cdu.reset.limits)
    )
