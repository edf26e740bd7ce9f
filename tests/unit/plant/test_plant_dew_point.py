import math

import pytest

from coolantd.plant.dew_point import dew_point_c


@pytest.mark.parametrize(
    ("temp_c", "humidity_ratio", "magnus_c", "psychrolib_c"),
    [
        (20, 0.50, 9.261, 9.272),
        (25, 0.50, 13.858, 13.864),
        (27, 0.60, 18.575, 18.577),
        (30, 0.70, 23.930, 23.928),
    ],
)
def test_dew_point_vectors(temp_c, humidity_ratio, magnus_c, psychrolib_c):
    got = dew_point_c(temp_c, humidity_ratio)
    assert got == pytest.approx(magnus_c, abs=6e-4)
    assert got == pytest.approx(psychrolib_c, abs=0.02)


def test_saturated_air_is_at_its_dew_point():
    assert dew_point_c(23.0, 1.0) == pytest.approx(23.0)


@pytest.mark.parametrize(
    ("temp_c", "humidity_ratio"),
    [(math.nan, 0.5), (25.0, math.nan), (25.0, 0.0), (25.0, -0.2), (-250.0, 0.5)],
)
def test_no_dew_point_is_made_up(temp_c, humidity_ratio):
    """FM-16: a failed humidity or temperature sensor must not move the dew-point limit."""
    assert math.isnan(dew_point_c(temp_c, humidity_ratio))
