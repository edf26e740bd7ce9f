"""Flow and pressure: pumps in parallel, branches in parallel, the facility valve. Knows no temperature.

A pump at speed ratio n lifts ``n^2 H0 - a Q^2`` (affinity laws) behind a check valve: one that cannot reach the
common head delivers nothing. The loop asks for ``Kc q^2 + (q/B)^1.85``, with B the sum of the branches' flows at
1 Pa; branch i then carries its share of B.
"""

import math
from typing import Final

BRANCH_EXPONENT: Final = 1.85
"""Published flow exponent of cold-plate loops."""
NEWTON_TOLERANCE: Final = 1e-6
"""Relative size of the last step; Newton's iteration squares it, so the root is good to about 1e-12."""
NEWTON_LIMIT: Final = 60
"""From a warm start 1 to 3 iterations are used; a cold one halves its distance at worst: 2^60 covers any start."""
LEAST_FLOW_M3_S: Final = 1e-9
"""Below this (0.06 mL/min) a flow is none; keeps the iteration off 0/0 and numbers off the slow denormals."""

LEAST_CONDUCTANCE: Final = 1e-12
"""Branches together narrower than this are shut: 0.5 MPa would drive about ``LEAST_FLOW_M3_S`` through them."""


def branch_conductance(resistance: float) -> float:
    """Return the flow of one open branch at 1 Pa in m3/s, from ``dp = K q^1.85``.

    Products pass through: that of ``K r`` is that of K times that of r.
    """
    return float(resistance ** (-1.0 / BRANCH_EXPONENT))


def branches_pressure_pa(flow_m3_s: float, conductance: float) -> float:
    """Return the differential pressure over parallel branches that carry a flow together; conductance > 0."""
    return float((flow_m3_s / conductance) ** BRANCH_EXPONENT)


def lead_pump_flow_m3_s(flow_m3_s: float, head_gap_pa: float, curve_pa_s2_m6: float) -> float:
    """Return the part of a total flow that the pump with the higher head delivers.

    With both heads drawn down to one pressure, ``a (Q1^2 - Q2^2) = h1 - h2`` and ``Q1 + Q2 = q``. Below
    ``a q^2 = h1 - h2`` the weaker pump's check valve stays shut and the stronger one delivers everything.
    """
    drawn_pa = curve_pa_s2_m6 * flow_m3_s * flow_m3_s
    if drawn_pa <= head_gap_pa:
        return flow_m3_s
    return 0.5 * (flow_m3_s + head_gap_pa / (curve_pa_s2_m6 * flow_m3_s))


def newton_flow_m3_s(
    head_pa: float,
    gap_pa: float,
    curve_pa_s2_m6: float,
    loop_pa_s2_m6: float,
    conductance: float,
    start_m3_s: float,
) -> float:
    """Return the flow at which two unequal pumps together meet the loop.

    Solves ``Kc q^2 + (q/B)^1.85 + a Q1(q)^2 = h1`` where ``Q1 = (q + (h1 - h2)/(a q))/2``. The left side is convex
    and rises, so every iterate after the first lies right of the root and falls onto it.

    Args:
        head_pa: h1, the shut-off head of the stronger pump.
        gap_pa: h1 - h2; 0 for equal pumps, and 0 with a fourfold curve for a pump alone.
        curve_pa_s2_m6: a of one pump.
        loop_pa_s2_m6: Kc.
        conductance: B, above 0.
        start_m3_s: first guess, above 0.
    """
    flow = start_m3_s
    for _ in range(NEWTON_LIMIT):
        gap_flow = gap_pa / (curve_pa_s2_m6 * flow)
        lead = 0.5 * (flow + gap_flow)
        branch_pa = branches_pressure_pa(flow, conductance)
        excess_pa = loop_pa_s2_m6 * flow * flow + branch_pa + curve_pa_s2_m6 * lead * lead - head_pa
        lead_slope = curve_pa_s2_m6 * lead * (1.0 - gap_flow / flow)
        slope = 2.0 * loop_pa_s2_m6 * flow + BRANCH_EXPONENT * branch_pa / flow + lead_slope
        step = excess_pa / slope
        flow = max(flow - step, 0.1 * flow)
        if abs(step) <= NEWTON_TOLERANCE * flow:
            break
    return flow


def operating_flow_m3_s(
    strong_head_pa: float,
    weak_head_pa: float,
    curve_pa_s2_m6: float,
    loop_pa_s2_m6: float,
    conductance: float,
    start_m3_s: float,
) -> float:
    """Return the steady flow of two parallel pumps of any two speeds through the loop, in m3/s.

    Args:
        strong_head_pa: shut-off head ``n^2 H0`` of the faster pump.
        weak_head_pa: of the slower one; 0 when it stands still.
        curve_pa_s2_m6: a of one pump, above 0.
        loop_pa_s2_m6: Kc, 0 or more.
        conductance: B of the branches together; 0 when all are shut.
        start_m3_s: warm start, any value.
    """
    if strong_head_pa <= 0.0 or conductance <= 0.0:
        return 0.0
    gap_pa = strong_head_pa - weak_head_pa
    # Without branches, and with both pumps at the faster one's speed, more would flow: an upper bound of the root.
    bound = math.sqrt(strong_head_pa / (loop_pa_s2_m6 + 0.25 * curve_pa_s2_m6))
    start = min(start_m3_s, bound) if start_m3_s > LEAST_FLOW_M3_S else bound
    opening_flow = math.sqrt(gap_pa / curve_pa_s2_m6)
    if gap_pa > 0.0:
        branch_pa = branches_pressure_pa(opening_flow, conductance)
        if loop_pa_s2_m6 * opening_flow * opening_flow + branch_pa >= weak_head_pa:
            # The weak pump's check valve stays shut. Alone, a pump's curve is that of two equal ones with 4 a.
            return newton_flow_m3_s(strong_head_pa, 0.0, 4.0 * curve_pa_s2_m6, loop_pa_s2_m6, conductance, start)
    start = max(start, opening_flow)
    return newton_flow_m3_s(strong_head_pa, gap_pa, curve_pa_s2_m6, loop_pa_s2_m6, conductance, start)


def valve_opening_ratio(position: float, ln_rangeability: float, leak_ratio: float, toe_ratio: float) -> float:
    """Return the flow coefficient of an equal-percentage valve as a share of its full one.

    ``R^(x-1)`` above the toe; below it a straight line down to the leakage.

    Args:
        position: x, 0 to 1.
        ln_rangeability: ln R.
        leak_ratio: share left at x = 0.
        toe_ratio: x at which the line meets the curve, above 0.
    """
    if position >= toe_ratio:
        return math.exp(ln_rangeability * (position - 1.0))
    at_toe = math.exp(ln_rangeability * (toe_ratio - 1.0))
    return leak_ratio + (at_toe - leak_ratio) * position / toe_ratio


def linear_opening_ratio(position: float, leak_ratio: float) -> float:
    """Return the flow coefficient of a linear valve as a share of its full one: a straight line from the leakage."""
    return leak_ratio + (1.0 - leak_ratio) * position


def facility_flow_m3_s(coefficient: float, resistance_pa_s2_m6: float, pressure_pa: float) -> float:
    """Return the flow through valve and exchanger in series: ``q = sqrt(dp/(1/Kv^2 + K))``.

    Args:
        coefficient: Kv at the present opening, m3/s at 1 Pa; may be 0.
        resistance_pa_s2_m6: K of the exchanger and its pipes.
        pressure_pa: facility differential pressure; none flows below 0.
    """
    return coefficient * math.sqrt(max(pressure_pa, 0.0) / (1.0 + resistance_pa_s2_m6 * coefficient * coefficient))
