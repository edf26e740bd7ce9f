"""Memory that grows without end is told from memory that comes and goes (FM-51)."""

import pytest

from coolantd.service.memory_trend import MemoryTrend, resident_bytes

MIB = 1 << 20


def trend(hours, peaks=0):
    memory = MemoryTrend()
    for hour, size in enumerate(hours):
        for part in range(6):
            memory.note(int((size + peaks * (part % 2)) * MIB), hour * 3600.0 + part * 600.0)
    return memory.grows


@pytest.mark.parametrize(
    ("hours", "grows"),
    [
        ([100 + 2 * h for h in range(7)], True),
        ([100 + 2 * h for h in range(6)], False),
        ([100 + 0.9 * h for h in range(8)], False),
        ([100, 120, 120, 120, 120, 120, 120, 120], False),
        ([100, 130, 100, 130, 100, 130, 100, 130], False),
    ],
)
def test_only_steady_growth_over_hours_counts(hours, grows):
    assert trend(hours) is grows
    assert trend(hours, peaks=50) is grows


def test_what_is_not_known_counts_for_nothing():
    memory = MemoryTrend()
    memory.note(0, 0.0)
    assert not memory.grows
    assert resident_bytes() > MIB
