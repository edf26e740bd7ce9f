"""Plug flow through a pipe: a ring of cells of equal volume. Knows volumes and temperatures, no fluid.

The delay is volume over flow, whatever the flow does meanwhile. The oldest cell and the one being filled are the
same slot: a share of it (the fill) is already new water, kept as a running sum until the cell is complete. Mixing
happens inside a cell only, and no heat is lost or made at any step.
"""

from coolantd.plant.layout import RING_FILL_RATIO, RING_HEAD, RING_PARTIAL
from coolantd.point import FloatArray


def outflow_temp_c(ring: FloatArray, state: FloatArray, slots: int, cells: float, inflow_temp_c: float) -> float:
    """Return the mean temperature of what leaves while ``cells`` cell volumes are displaced; changes nothing.

    Args:
        ring: cell temperatures, shape (cells,).
        state: holds the ring's three slots of bookkeeping.
        slots: index of the first of them.
        cells: displaced volume in cell volumes, 0 or more; at 0 the outlet's own temperature is returned.
        inflow_temp_c: what follows once the whole content has left.
    """
    index = int(state[slots + RING_HEAD])
    first = min(cells, 1.0 - state[slots + RING_FILL_RATIO])
    if first >= cells:
        return float(ring[index])
    total = first * ring[index]
    left = cells - first
    # A lap that comes back to the first slot finds it completed with what flows in now.
    for _ in range(ring.size - 1):
        index = index + 1 if index + 1 < ring.size else 0
        take = min(left, 1.0)
        total += take * ring[index]
        left -= take
        if left <= 0.0:
            return float(total / cells)
    take = min(left, 1.0)
    fill = state[slots + RING_FILL_RATIO]
    total += take * (state[slots + RING_PARTIAL] + (1.0 - fill) * inflow_temp_c)
    return float((total + (left - take) * inflow_temp_c) / cells)


def push(ring: FloatArray, state: FloatArray, slots: int, cells: float, inflow_temp_c: float) -> None:
    """Let ``cells`` cell volumes of one temperature in at the inlet, and as much out at the other end."""
    index = int(state[slots + RING_HEAD])
    fill = state[slots + RING_FILL_RATIO]
    partial = state[slots + RING_PARTIAL]
    left = cells
    while left >= 1.0 - fill:
        room = 1.0 - fill
        ring[index] = partial + room * inflow_temp_c
        left -= room
        index = index + 1 if index + 1 < ring.size else 0
        fill = 0.0
        partial = 0.0
    state[slots + RING_HEAD] = index
    state[slots + RING_FILL_RATIO] = fill + left
    state[slots + RING_PARTIAL] = partial + left * inflow_temp_c
