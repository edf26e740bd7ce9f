"""The parameters of ``[cdu.model]`` that the readings of trials ask for: conductance and flow of the open valve.

A trial with its steps, at one load and better at two, shows the exchanger at several valve positions. The supply that
the controller's own model expects there is fitted to what was measured, held to the data sheet by how far that may be
off, so that what the readings do not say stays as it was. Source of the form: maximum a posteriori, Gaussian priors.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.optimize import least_squares

from coolantd.control.exchanger_model import supply_model_c
from coolantd.control.layout import (
    C_MODEL_FWS_CAPACITY,
    C_MODEL_FWS_RATED_LPM,
    C_MODEL_FWS_RESISTANCE,
    C_MODEL_KV_LPM,
    C_MODEL_LN_RANGEABILITY,
    C_MODEL_TCS_CAPACITY,
    C_MODEL_TCS_RATED_LPM,
    C_MODEL_UA_KW_K,
    CDU_PARAMETERS,
)
from coolantd.point import FloatArray
from coolantd.tuning.trace import Trace

READING_K: Final = 0.1
"""Standard deviation of what a mean reading may be off: half of the 0.2 K that sensors in a pocket are good for."""
SHEET_RATIO: Final = 0.2
"""Of what a data sheet may be off: exchangers and valves are sold to 10 or 20 %."""
REST_S: Final = 5.0
"""Means over the end of each step: the exchanger's own lag is over by then, whatever the loop still does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The model's parameters as configured; units as in ``control.plan.ModelParameters``."""

    conductance_kw_k: float
    tcs_flow_rated_lpm: float
    fws_flow_rated_lpm: float
    fws_flow_open_lpm: float
    fws_pressure_rated_kpa: float
    valve_authority_ratio: float
    valve_rangeability_ratio: float
    tcs_capacity_kj_l_k: float
    fws_capacity_kj_l_k: float

    def packed(self, conductance_kw_k: float, open_lpm: float) -> FloatArray:
        """Return the row that the controller's model reads, with two parameters of one's own."""
        c = np.full(CDU_PARAMETERS, np.nan)
        valve_kpa = self.valve_authority_ratio * self.fws_pressure_rated_kpa
        c[C_MODEL_UA_KW_K] = conductance_kw_k
        c[C_MODEL_TCS_RATED_LPM], c[C_MODEL_FWS_RATED_LPM] = self.tcs_flow_rated_lpm, self.fws_flow_rated_lpm
        c[C_MODEL_KV_LPM] = open_lpm / math.sqrt(valve_kpa)
        c[C_MODEL_FWS_RESISTANCE] = (self.fws_pressure_rated_kpa - valve_kpa) / open_lpm**2
        c[C_MODEL_LN_RANGEABILITY] = math.log(self.valve_rangeability_ratio)
        c[C_MODEL_TCS_CAPACITY], c[C_MODEL_FWS_CAPACITY] = self.tcs_capacity_kj_l_k, self.fws_capacity_kj_l_k
        return c


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangerPoint:
    """The exchanger at one valve position: means over some seconds."""

    valve_pct: float
    return_c: float
    fws_c: float
    flow_lpm: float
    fws_kpa: float
    supply_c: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangerFit:
    """What the readings ask for.

    Attributes:
        conductance_kw_k, fws_flow_open_lpm: in place of the configured ones.
        bias_before_k, bias_after_k: root mean square of supply measured less expected, before and after.
        points: how many it rests on.
    """

    conductance_kw_k: float
    fws_flow_open_lpm: float
    bias_before_k: float
    bias_after_k: float
    points: int


def exchanger_points(trace: Trace, ends_s: Sequence[float], rated_kpa: float) -> list[ExchangerPoint]:
    """Return the exchanger at the end of each step.

    Args:
        trace: of a trial; one without the model's inputs gives none.
        ends_s: when each step ended.
        rated_kpa: facility pressure where none is measured.
    """
    if not all(trace.has(name) for name in ("valve_pct", "return_temp", "fws_temp", "flow_lpm", "supply_temp")):
        return []

    def mean(name: str, end_s: float) -> float:
        return trace.mean(name, end_s - REST_S, end_s)

    return [
        ExchangerPoint(
            valve_pct=mean("valve_pct", end_s),
            return_c=mean("return_temp", end_s),
            fws_c=mean("fws_temp", end_s),
            flow_lpm=mean("flow_lpm", end_s),
            fws_kpa=mean("fws_pressure_kpa", end_s) if trace.has("fws_pressure_kpa") else rated_kpa,
            supply_c=mean("supply_temp", end_s),
        )
        for end_s in ends_s
    ]


def fit_exchanger(points: Sequence[ExchangerPoint], sheet: Sheet) -> ExchangerFit | None:
    """Return the parameters that the points ask for; None for fewer than three of them."""
    if len(points) < 3:
        return None

    def off(x: FloatArray) -> FloatArray:
        c = sheet.packed(sheet.conductance_kw_k * math.exp(x[0]), sheet.fws_flow_open_lpm * math.exp(x[1]))
        expected = [supply_model_c(c, p.valve_pct, p.return_c, p.fws_c, p.flow_lpm, p.fws_kpa) for p in points]
        return np.array([p.supply_c - each for p, each in zip(points, expected, strict=True)])

    best = least_squares(lambda x: np.concatenate([off(x) / READING_K, x / SHEET_RATIO]), np.zeros(2)).x
    return ExchangerFit(
        conductance_kw_k=sheet.conductance_kw_k * math.exp(best[0]),
        fws_flow_open_lpm=sheet.fws_flow_open_lpm * math.exp(best[1]),
        bias_before_k=float(np.sqrt(np.mean(off(np.zeros(2)) ** 2))),
        bias_after_k=float(np.sqrt(np.mean(off(best) ** 2))),
        points=len(points),
    )
