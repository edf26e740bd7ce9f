"""Power traces: a CSV of heat over time becomes a load track. Pure: text in, track out."""

import csv
from io import StringIO
from typing import Final

from coolantd.sim.scenario import ScenarioError, finite_number
from coolantd.sim.track import Track

TRACE_MAX_BYTES: Final = 16 * 1024 * 1024
"""A day at 15 s for 25 units is 1.5 MB; ten times that is plenty, and fits in memory many times over."""
TRACE_ROWS_MAX: Final = 200_000
"""More than two days second by second."""


def parse_trace(text: str, column: str) -> Track:
    """Return a power trace as load ratio over time; its greatest power is the rated heat (ratio 1).

    The first line names the columns; the first column is the time in seconds and rises from row to row; its
    first row is device time 0. Between rows the load follows a straight line.

    Args:
        text: the CSV, at most ``TRACE_ROWS_MAX`` rows.
        column: name of the power column, in watts.

    Raises:
        ScenarioError: naming the line and the value.
    """
    rows = csv.reader(StringIO(text))
    header = [name.strip() for name in next(rows, [])]
    if column not in header[1:]:
        raise ScenarioError(f"trace: no column {column!r}, allowed: {', '.join(header[1:]) or 'none in this file'}")
    index = header.index(column)
    times_s: list[float] = []
    powers_w: list[float] = []
    for row in rows:
        if not row:
            continue
        where = f"trace: line {rows.line_num}"
        times_s.append(_cell(row, 0, f"{where}: time"))
        powers_w.append(_cell(row, index, f"{where}: {column}"))
        if len(times_s) > TRACE_ROWS_MAX:
            raise ScenarioError(f"trace: more than {TRACE_ROWS_MAX} rows, allowed: at most {TRACE_ROWS_MAX}")
        if len(times_s) > 1 and times_s[-1] <= times_s[-2]:
            raise ScenarioError(f"{where}: time {times_s[-1]:g} s does not rise, allowed: above {times_s[-2]:g} s")
        if powers_w[-1] < 0.0:
            raise ScenarioError(f"{where}: {column} = {powers_w[-1]:g} W, allowed: 0 or above")
    peak_w = max(powers_w, default=0.0)
    if peak_w <= 0.0:
        raise ScenarioError(f"trace: column {column!r} holds no power above 0 W")
    return Track(tuple(time_s - times_s[0] for time_s in times_s), tuple(power_w / peak_w for power_w in powers_w))


def _cell(row: list[str], index: int, where: str) -> float:
    return finite_number(row[index] if index < len(row) else "", where)
