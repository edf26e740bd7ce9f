import numpy as np
import pytest

from coolantd.plant import transport

CELLS = 64


def carry(ring, state, cells, inflow_c):
    out_c = transport.outflow_temp_c(ring, state, 0, cells, inflow_c)
    transport.push(ring, state, 0, cells, inflow_c)
    return out_c


@pytest.mark.parametrize("cells", [0.07, 0.5, 1.0, 2.13, 17.0, 63.9, 64.0])
def test_a_front_arrives_after_one_pipe_volume(cells):
    ring, state = np.full(CELLS, 20.0), np.zeros(3)
    displaced = 0.0
    while displaced + cells <= CELLS - 1:
        assert carry(ring, state, cells, 30.0) == pytest.approx(20.0)
        displaced += cells
    for _ in range(int(np.ceil(2 * CELLS / cells)) + 1):
        last_c = carry(ring, state, cells, 30.0)
    assert last_c == pytest.approx(30.0)


@pytest.mark.parametrize("largest_cells", [0.3, 3.0, 200.0])
def test_what_enters_and_leaves_is_what_is_held(largest_cells):
    rng = np.random.default_rng(7)
    ring, state = rng.uniform(20.0, 50.0, CELLS), np.zeros(3)

    def held():
        head, fill, partial = int(state[0]), state[1], state[2]
        return ring.sum() - fill * ring[head] + partial

    for _ in range(500):
        cells, inflow_c = rng.uniform(0.0, largest_cells), rng.uniform(20.0, 50.0)
        before = held()
        out_c = carry(ring, state, cells, inflow_c)
        assert held() - before == pytest.approx(cells * (inflow_c - out_c), abs=1e-8)
        assert 20.0 - 1e-9 <= out_c <= 50.0 + 1e-9


def test_standing_water_changes_nothing():
    ring, state = np.linspace(20.0, 40.0, CELLS), np.array([5.0, 0.25, 0.25 * 33.0])
    before, slots = ring.copy(), state.copy()
    assert carry(ring, state, 0.0, 99.0) == ring[5]
    np.testing.assert_array_equal(ring, before)
    np.testing.assert_array_equal(state, slots)
