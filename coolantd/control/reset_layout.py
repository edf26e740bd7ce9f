"""Columns of the packed arrays that the reset stage works on. Names only.

``T_…`` trim-and-respond parameters and ``U_…`` its state, one block per loop; ``O_…`` parameters of a limit on the
pumps and ``V_…`` its state, one block per limit; ``E_…`` what the coolant's rise needs; ``W_…`` the rest of the state.
A CDU's parameters stand in one row (cdus, RESET_PARAMETERS), its state in another (cdus, RESET_STATE), its
indices in a third (cdus, RESET_INDICES) int64, -1 where there is none.
"""

from enum import IntEnum
from typing import Final

from coolantd.control.layout import LOOPS


class ResetUse(IntEnum):
    """What the reset of a setpoint is doing."""

    OFF = 0
    """The CDU is not in automatic: the configured setpoint."""
    WAITING = 1
    """Start delay: the configured setpoint."""
    TRIMMING = 2
    HOLDING = 3
    """Nothing asks for more, and something speaks against less."""
    RESPONDING = 4
    INPUTS_BAD = 5
    """The configured setpoint, until what it looks at can be believed again."""
    STORM = 6
    """Requests would not end: the configured setpoint, until they do."""

    @property
    def label(self) -> str:
        """Return the use as it appears in metrics and JSON."""
        return self.name.lower()


class InCharge(IntEnum):
    """Which controller the pumps' speed comes from."""

    LOOP = 0
    MINIMUM_FLOW = 1
    MAXIMUM_PRESSURE = 2
    MAXIMUM_RETURN_TEMP = 3

    @property
    def label(self) -> str:
        """Return the controller as it appears in metrics and JSON."""
        return self.name.lower()


T_LEAST: Final = 0
"""Least setpoint; NaN: this loop has no reset."""
T_GREATEST: Final = 1
T_PERIOD_S: Final = 2
T_TRIM: Final = 3
"""What is added every period without a request; its sign is that of thrift."""
T_RESPOND: Final = 4
"""What is added per request; its sign is the other one."""
T_REQUESTS_MAX: Final = 5
"""More requests than these count as these: the cap of a response."""
T_IGNORED: Final = 6
T_DELAY_S: Final = 7
T_HOT_LIMIT_C: Final = 8
"""Above it a watched temperature makes a request; NaN: none is watched."""
TRIM_PARAMETERS: Final = 9

E_RISE_LIMIT_K: Final = TRIM_PARAMETERS * LOOPS
"""The coolant's rise over the racks that the flow must keep; NaN: not looked at."""
E_VOLUME_L: Final = E_RISE_LIMIT_K + 1
"""Coolant that holds as much heat as everything before the return sensors."""
E_BY_PRESSURE: Final = E_RISE_LIMIT_K + 2
"""1 where the pump loop's setpoint is a pressure, 0 where it is a flow."""

LIMITS: Final = 3
"""Minimum flow, maximum pressure, maximum return temperature: ``InCharge`` less 1."""
O_LIMIT: Final = 0
"""NaN: there is no such limit."""
O_GAIN: Final = 1
"""% per unit, > 0."""
O_INTEGRAL_TIME_S: Final = 2
LIMIT_PARAMETERS: Final = 3
O_FIRST: Final = E_RISE_LIMIT_K + 3
RESET_PARAMETERS: Final = O_FIRST + LIMITS * LIMIT_PARAMETERS

U_SETPOINT: Final = 0
"""NaN before the first cycle."""
U_ELAPSED_S: Final = 1
"""Of the present period."""
U_AGE_S: Final = 2
"""In automatic, up to the start delay."""
U_REQUESTS: Final = 3
"""Most in this period so far."""
U_NEEDED: Final = 4
"""Greatest need in this period so far; NaN where there was none: no trim goes past it."""
U_STORM: Final = 5
"""Periods in a row that ended with a response."""
U_USE: Final = 6
U_BAD_S: Final = 7
U_LIMIT_S: Final = 8
"""For how long it has wanted to go beyond its limits."""
U_SHOWN: Final = 9
"""Requests of the last whole period."""
TRIM_STATE: Final = 10

W_SLOW_K: Final = TRIM_STATE * LOOPS
"""The rise behind a short lag; NaN: start anew."""
W_SUPPLY_C: Final = W_SLOW_K + 1
"""What the coolant that leaves the racks now had when it went in."""
W_NEEDED: Final = W_SLOW_K + 2
"""Setpoint that the measured rise needs; NaN unknown."""
W_IN_CHARGE: Final = W_SLOW_K + 3
W_IN_CHARGE_S: Final = W_SLOW_K + 4
W_LOW_PCT: Final = W_SLOW_K + 5
W_HIGH_PCT: Final = W_SLOW_K + 6
"""Limits that the selection gave the pump loop in the last cycle."""
W_LOW_BY: Final = W_SLOW_K + 7
"""Which limit the lower one comes from."""

V_FOLLOWED_PCT: Final = 0
"""The selected output behind the limit's integral time: its integral. NaN: start anew."""
V_BOUND_PCT: Final = 1
V_BAD_S: Final = 2
LIMIT_STATE: Final = 3
V_FIRST: Final = W_SLOW_K + 8
RESET_STATE: Final = V_FIRST + LIMITS * LIMIT_STATE

RETURNS_MAX: Final = 24
"""Racks on one row CDU; the longest row in public layouts has 24."""
RX_FLOW: Final = 0
RX_INLET: Final = 1
"""Inlet temperature of the racks, for the flow table."""
RX_LIMIT: Final = 2
"""LIMITS columns: process variable of each limit."""
RX_RETURN: Final = RX_LIMIT + LIMITS
"""RETURNS_MAX columns: where the coolant leaves the racks."""
RX_BRANCH: Final = RX_RETURN + RETURNS_MAX
"""RETURNS_MAX columns: positions of branch valves."""
RX_HOT: Final = RX_BRANCH + RETURNS_MAX
"""RETURNS_MAX columns: temperatures that the supply's reset looks at."""
RESET_INDICES: Final = RX_HOT + RETURNS_MAX
