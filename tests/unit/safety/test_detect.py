"""Every cause on both sides of its limits, between them, and when the reading is bad or there is no limit."""

import math

import numpy as np
import pytest

from coolantd.point import Quality
from coolantd.safety import watch_layout as at
from coolantd.safety.detect import (
    above,
    below,
    follow_supply,
    judge_data,
    judge_fill,
    judge_temperatures,
    read,
    time_to_limit,
)
from coolantd.safety.hazards import HAZARDS, Hazard
from coolantd.safety.latch import GONE, THERE, UNKNOWN

NAN = math.nan
POINTS = (at.WX_SUPPLY, at.WX_RETURN, at.WX_PRESSURE, at.WX_SUCTION, at.WX_LEVEL, at.WX_DEW, at.WX_LOOP)
LIMITS = {
    at.W_SUPPLY_MAX_C: 44.0,
    at.W_RETURN_MAX_C: 60.0,
    at.W_DEW_DESIGN_C: 18.0,
    at.W_DEW_MARGIN_K: 2.0,
    at.W_PRESSURE_MAX_KPA: 400.0,
    at.W_SUCTION_MIN_KPA: 30.0,
    at.W_LEVEL_LOW: 20.0,
    at.W_LEVEL_LOST: 5.0,
}
NORMAL = {
    at.WX_SUPPLY: 34.0,
    at.WX_RETURN: 46.0,
    at.WX_PRESSURE: 250.0,
    at.WX_SUCTION: 100.0,
    at.WX_LEVEL: 80.0,
    at.WX_DEW: 13.0,
    at.WX_LOOP: 90.0,
}


def judged(readings, *, limits=LIMITS, setpoint_c=34.0, rate_k_s=0.0, without=()):
    """Return the causes (HAZARDS,) for readings by column; NaN is a bad one, a column in ``without`` has no point."""
    w, wx, wd = np.full(at.WATCH_PARAMETERS, NAN), np.full(at.WATCH_INDICES, -1), np.zeros(at.WATCH_STATE)
    for column, limit in limits.items():
        w[column] = limit
    value, quality = np.full(len(POINTS), NAN), np.full(len(POINTS), int(Quality.BAD))
    for row, column in enumerate(POINTS):
        shown = (NORMAL | readings)[column]
        wx[column] = -1 if column in without else row
        if math.isfinite(shown):
            value[row], quality[row] = shown, int(Quality.GOOD)
        else:
            value[row] = 1e6  # what stands under a bad quality never counts
    wn, causes = np.full(at.WATCH_WANTED, NAN), np.zeros(HAZARDS, dtype=np.int64)
    wn[at.WN_SUPPLY_C], wd[at.WD_RATE_K_S], wd[at.WD_SUPPLY_C] = setpoint_c, rate_k_s, 34.0
    judge_temperatures(w, wx, wd, wn, value, quality, causes)
    judge_fill(w, wx, value, quality, causes)
    judge_data(w, wx, quality, causes)
    return causes


ROWS = [
    # hazard, column, a reading for which it is there, between, gone
    (Hazard.SUPPLY_TEMP_HIGH, at.WX_SUPPLY, 36.01, 35.5, 34.99),
    (Hazard.SUPPLY_TEMP_HIGH, at.WX_SUPPLY, 40.0, 36.0, 34.0),
    (Hazard.OVER_TEMP_SUPPLY, at.WX_SUPPLY, 44.01, 44.0, 42.99),
    (Hazard.OVER_TEMP_SUPPLY, at.WX_SUPPLY, 90.0, 43.0, 34.0),
    (Hazard.OVER_TEMP_RETURN, at.WX_RETURN, 60.01, 60.0, 58.99),
    (Hazard.CONDENSATION, at.WX_SUPPLY, 13.99, 14.0, 15.01),
    (Hazard.CONDENSATION, at.WX_SUPPLY, 5.0, 15.0, 34.0),
    (Hazard.OVER_PRESSURE, at.WX_PRESSURE, 400.1, 400.0, 379.9),
    (Hazard.OVER_PRESSURE, at.WX_PRESSURE, 900.0, 380.0, 0.0),
    (Hazard.LOW_SUCTION, at.WX_SUCTION, 29.9, 30.0, 39.1),
    (Hazard.LOW_SUCTION, at.WX_SUCTION, -20.0, 39.0, 300.0),
    (Hazard.LEVEL_LOW, at.WX_LEVEL, 19.9, 20.0, 21.1),
    (Hazard.LEVEL_LOW, at.WX_LEVEL, 0.0, 21.0, 100.0),
    (Hazard.LEVEL_LOST, at.WX_LEVEL, 4.9, 5.0, 5.3),
]


@pytest.mark.parametrize(("hazard", "column", "there", "between", "gone"), ROWS)
def test_fm_02_fm_03_fm_05_fm_07_fm_09_both_sides_of_every_limit(hazard, column, there, between, gone):
    assert [judged({column: shown})[hazard] for shown in (there, between, gone)] == [THERE, UNKNOWN, GONE]


@pytest.mark.parametrize(("hazard", "column", "there", "between", "gone"), ROWS)
def test_fm_16_a_bad_reading_says_nothing(hazard, column, there, between, gone):
    assert judged({column: NAN})[hazard] == UNKNOWN


WITHOUT = {
    Hazard.OVER_TEMP_SUPPLY: at.W_SUPPLY_MAX_C,
    Hazard.OVER_TEMP_RETURN: at.W_RETURN_MAX_C,
    Hazard.OVER_PRESSURE: at.W_PRESSURE_MAX_KPA,
    Hazard.LOW_SUCTION: at.W_SUCTION_MIN_KPA,
    Hazard.LEVEL_LOW: at.W_LEVEL_LOW,
    Hazard.LEVEL_LOST: at.W_LEVEL_LOST,
}
COLUMN = {hazard: column for hazard, column, *_ in ROWS}
WORST = {hazard: there for hazard, _, there, *_ in ROWS}


@pytest.mark.parametrize("hazard", WITHOUT)
def test_without_a_limit_nothing_is_watched(hazard):
    limits = {column: limit for column, limit in LIMITS.items() if column != WITHOUT[hazard]}
    for shown in (WORST[hazard], NAN):
        assert judged({COLUMN[hazard]: shown}, limits=limits)[hazard] == GONE


def test_fm_02_a_limit_that_will_be_reached_soon_is_judged_with_the_temperatures():
    assert judged({at.WX_SUPPLY: 43.0}, rate_k_s=0.2)[Hazard.OVER_TEMP_SOON] == THERE
    assert judged({at.WX_SUPPLY: 43.0}, rate_k_s=0.0)[Hazard.OVER_TEMP_SOON] == GONE


def test_before_there_is_a_setpoint_nothing_is_away_from_it():
    assert judged({at.WX_SUPPLY: 80.0}, setpoint_c=NAN)[Hazard.SUPPLY_TEMP_HIGH] == GONE


@pytest.mark.parametrize(
    ("dew", "supply", "said"), [(30.0, 30.9, THERE), (30.0, 32.1, GONE), (NAN, 18.9, THERE), (NAN, 20.1, GONE)]
)
def test_fm_03_a_dew_point_that_is_not_known_is_the_worst_of_the_site(dew, supply, said):
    assert judged({at.WX_DEW: dew, at.WX_SUPPLY: supply})[Hazard.CONDENSATION] == said
    if math.isnan(dew):
        assert judged({at.WX_SUPPLY: supply}, without=(at.WX_DEW,))[Hazard.CONDENSATION] == said


BLIND = {
    at.W_SUPPLY_MAX_C: at.WX_SUPPLY,
    at.W_RETURN_MAX_C: at.WX_RETURN,
    at.W_PRESSURE_MAX_KPA: at.WX_PRESSURE,
    at.W_SUCTION_MIN_KPA: at.WX_SUCTION,
    at.W_LEVEL_LOW: at.WX_LEVEL,
    at.W_LEVEL_LOST: at.WX_LEVEL,
}


@pytest.mark.parametrize("limit", BLIND)
def test_fm_18_a_limit_whose_reading_is_bad_is_said_to_be_blind(limit):
    only = {limit: LIMITS[limit]}
    assert judged({}, limits=only)[Hazard.PROTECTION_BLIND] == GONE
    assert judged({BLIND[limit]: NAN}, limits=only)[Hazard.PROTECTION_BLIND] == THERE
    assert judged({BLIND[limit]: NAN}, limits={})[Hazard.PROTECTION_BLIND] == GONE


@pytest.mark.parametrize(
    ("supply", "loop", "said"), [(34.0, 90.0, GONE), (NAN, 90.0, GONE), (34.0, NAN, GONE), (NAN, NAN, THERE)]
)
def test_fm_37_data_are_lost_when_neither_process_variable_is_known(supply, loop, said):
    assert judged({at.WX_SUPPLY: supply, at.WX_LOOP: loop})[Hazard.DATA_LOST] == said


@pytest.mark.parametrize(
    ("supply", "rate", "limit", "said"),
    [
        (40.0, 0.14, 44.0, THERE),
        (40.0, 0.13, 44.0, UNKNOWN),
        (40.0, 0.07, 44.0, UNKNOWN),
        (40.0, 0.06, 44.0, GONE),
        (38.9, 2.0, 44.0, GONE),
        (39.1, 2.0, 44.0, THERE),
        (43.9, 0.03, 44.0, GONE),
        (43.5, 0.031, 44.0, THERE),
        (45.0, 0.031, 44.0, THERE),
        (45.0, -1.0, 44.0, GONE),
        (40.5, 0.125, 44.0, THERE),
        (40.25, 0.125, 44.0, UNKNOWN),  # 3.75 K, just what half a minute brings
        (40.25, 0.0625, 44.0, UNKNOWN),  # 3.75 K, just what a minute brings
        (40.22, 0.0625, 44.0, GONE),
        (39.0, 2.0, 44.0, THERE),  # at 5 K its slope counts already
        (NAN, 1.0, 44.0, UNKNOWN),
        (40.0, 1.0, NAN, GONE),
    ],
)
def test_fm_02_how_soon_the_limit_is_reached(supply, rate, limit, said):
    wd = np.zeros(at.WATCH_STATE)
    wd[at.WD_RATE_K_S] = rate
    assert time_to_limit(wd, supply, limit) == said


def test_the_slope_of_a_ramp_is_found_and_a_bad_reading_ends_it():
    wd = np.zeros(at.WATCH_STATE)
    wd[at.WD_SUPPLY_C] = NAN
    follow_supply(wd, 34.0, 0.5)
    assert wd[at.WD_SUPPLY_C] == 34.0
    assert wd[at.WD_RATE_K_S] == 0.0
    for k in range(80):
        follow_supply(wd, 34.0 + 0.25 * k, 0.5)
    assert wd[at.WD_RATE_K_S] == pytest.approx(0.5, abs=0.01)
    assert 34.0 + 0.25 * 79 - wd[at.WD_SUPPLY_C] == pytest.approx(0.5 * 3.0, abs=0.3)
    follow_supply(wd, NAN, 0.5)
    assert math.isnan(wd[at.WD_SUPPLY_C])
    assert wd[at.WD_RATE_K_S] == 0.0
    follow_supply(wd, 50.0, 0.5)
    assert (wd[at.WD_SUPPLY_C], wd[at.WD_RATE_K_S]) == (50.0, 0.0)


def test_one_step_of_the_slope_is_filtered_like_the_temperature_itself():
    wd = np.zeros(at.WATCH_STATE)
    wd[at.WD_SUPPLY_C] = 34.0
    follow_supply(wd, 35.0, 0.5)
    share = 1.0 - math.exp(-0.5 / 3.0)
    assert wd[at.WD_SUPPLY_C] == pytest.approx(34.0 + share)
    assert wd[at.WD_RATE_K_S] == pytest.approx(share / 0.5 * share)


def test_the_slope_does_not_depend_on_how_often_it_is_looked_at():
    slopes = []
    for dt_s in (0.25, 0.5, 1.0):
        wd = np.zeros(at.WATCH_STATE)
        wd[at.WD_SUPPLY_C] = 34.0
        for k in range(round(6.0 / dt_s)):
            follow_supply(wd, 34.0 + dt_s * (k + 1), dt_s)
        slopes.append(float(wd[at.WD_RATE_K_S]))
    assert max(slopes) - min(slopes) < 0.1


@pytest.mark.parametrize(
    ("reading", "said"), [(1.0, GONE), (2.0, UNKNOWN), (2.5, UNKNOWN), (3.0, UNKNOWN), (3.1, THERE), (NAN, UNKNOWN)]
)
def test_above_and_below_are_mirror_images(reading, said):
    assert above(reading, 3.0, 2.0) == said
    assert below(-reading, -3.0, -2.0) == said
    assert above(reading, NAN, 2.0) == below(reading, NAN, 2.0) == GONE


def test_what_is_bad_has_no_value_whatever_stands_there():
    value = np.array([7.0, 8.0, 9.0])
    quality = np.array([int(Quality.GOOD), int(Quality.UNCERTAIN), int(Quality.BAD)])
    assert [read(row, value, quality) for row in (0, 1)] == [7.0, 8.0]
    assert math.isnan(read(2, value, quality))
    assert math.isnan(read(-1, value, quality))
