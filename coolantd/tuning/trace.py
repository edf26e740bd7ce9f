"""The readings of a trial on an even grid of time. Knows names of columns, no unit and no plant."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from coolantd.point import FloatArray

HELD: Final = ("supply_temp_output_pct", "pressure_output_pct", "supply_temp_setpoint", "pressure_setpoint")
"""Decided by us, so they hold from one cycle to the next; whatever is measured moves in between."""
GRID_POINTS_MAX: Final = 20_000


@dataclass(frozen=True, slots=True)
class Trace:
    """Columns of equal length; ``time_s`` begins at 0 and steps by ``period_s``.

    Attributes:
        columns: (samples,) each; NaN throughout where a column was never good.
    """

    period_s: float
    columns: Mapping[str, FloatArray]

    def __getitem__(self, name: str) -> FloatArray:
        """Return one column."""
        return self.columns[name]

    def has(self, name: str) -> bool:
        """Return whether a column is there and has values."""
        return name in self.columns and bool(np.isfinite(self.columns[name]).all())

    @property
    def time_s(self) -> FloatArray:
        """Return the time of every sample."""
        return self.columns["time_s"]

    def part(self, from_s: float, to_s: float) -> "Trace":
        """Return the samples from one time to before another, their own times kept."""
        kept = (self.time_s >= from_s - 1e-9) & (self.time_s < to_s - 1e-9)
        return Trace(self.period_s, {name: column[kept] for name, column in self.columns.items()})

    def mean(self, name: str, from_s: float, to_s: float) -> float:
        """Return the mean of a column over a time; NaN where there is none."""
        part = self.part(from_s, to_s)
        return float(part[name].mean()) if part.has(name) and part[name].size else float("nan")


def even_trace(names: Sequence[str], rows: Sequence[Sequence[float | None]], period_s: float) -> Trace:
    """Return rows of readings on an even grid.

    A column with another of its name and ``_age_s`` beside it is taken for when it was read, not for when it was used.

    Args:
        names: of the columns; ``time_s`` among them.
        rows: one per cycle, None where a reading was bad.
        period_s: of the grid, above 0.

    Raises:
        ValueError: fewer than two rows, or a span that makes no grid.
    """
    table = np.array([[np.nan if cell is None else cell for cell in row] for row in rows], dtype=np.float64)
    if table.ndim != 2 or table.shape[0] < 2:
        raise ValueError(f"a trace of {len(rows)} rows, allowed: 2 or more")
    time_s = table[:, list(names).index("time_s")]
    count = int((time_s[-1] - time_s[0]) / period_s + 1e-6) + 1
    if not 2 <= count <= GRID_POINTS_MAX:
        raise ValueError(f"a trace of {time_s[-1] - time_s[0]:g} s, allowed: 2 to {GRID_POINTS_MAX} periods")
    grid_s = time_s[0] + period_s * np.arange(count)
    columns: dict[str, FloatArray] = {}
    for at, name in enumerate(names):
        aged = f"{name}_age_s"
        age_s = np.nan_to_num(table[:, list(names).index(aged)]) if aged in names else np.zeros(time_s.size)
        columns[name] = _column(table[:, at], time_s - age_s, grid_s, held=name in HELD)
    columns["time_s"] = grid_s - grid_s[0]
    return Trace(period_s, columns)


def _column(cells: FloatArray, time_s: FloatArray, grid_s: FloatArray, *, held: bool) -> FloatArray:
    good = np.isfinite(cells)
    if not good.any():
        return np.full(grid_s.size, np.nan)
    if held:
        at = np.searchsorted(time_s[good], grid_s + 1e-6, side="right") - 1
        return cells[good][np.clip(at, 0, None)]
    known_s, first = np.unique(time_s[good], return_index=True)  # a sample may be used in two cycles
    return np.interp(grid_s, known_s, cells[good][first])
