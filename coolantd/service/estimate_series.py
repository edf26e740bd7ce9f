"""The estimates' families of ``/metrics``: names, units and labels. Knows the view, nothing of the text format."""

from collections.abc import Iterator
from typing import Final

from coolantd.service.estimate_view import EstimateView

W_PER_KW: Final = 1000.0
M3_S_PER_LPM: Final = 1.0 / 60_000.0

Labels = tuple[tuple[str, str], ...]
Family = tuple[str, str, list[tuple[Labels, float]]]

_SINGLE: Final = (
    (
        "coolantd_estimate_conductance_watts_per_kelvin",
        "Conductance of a CDU's exchanger at its present flows",
        "conductance_kw_k",
        W_PER_KW,
    ),
    (
        "coolantd_estimate_offset_kelvin",
        "What a CDU's temperature sensors together are off, as seen at the supply",
        "offset_k",
        1.0,
    ),
    (
        "coolantd_estimate_pump_flow_cubic_meters_per_second",
        "Flow that a CDU's pumps make at their speed against the measured pressure",
        "pump_flow_lpm",
        M3_S_PER_LPM,
    ),
    (
        "coolantd_estimate_head_missing_ratio",
        "Head that a CDU's pumps lack against what they had, as a share of it",
        "head_missing_ratio",
        1.0,
    ),
    (
        "coolantd_estimate_loop_resistance_ratio",
        "Hydraulic resistance of the racks over what it was",
        "loop_resistance_ratio",
        1.0,
    ),
    (
        "coolantd_estimate_leak_cubic_meters_per_second",
        "How fast a CDU's expansion vessel empties beyond what cooling down explains",
        "leak_lpm",
        M3_S_PER_LPM,
    ),
    (
        "coolantd_estimate_time_to_limit_seconds",
        "Time until a limit is passed with a flow lost; absent while none is",
        "limit_s",
        1.0,
    ),
    (
        "coolantd_estimate_excited",
        "1 while a CDU's readings say something about its exchanger, 0 while its estimate rests",
        "excited",
        1.0,
    ),
    (
        "coolantd_estimate_sensors_judged",
        "1 while the places of a CDU's sensors can be judged, 0 without heat or flow",
        "judged",
        1.0,
    ),
)
"""Family, help, attribute of the view, and its factor to base units."""


def estimate_families(views: tuple[EstimateView, ...]) -> Iterator[Family]:
    """Yield (name, documentation, rows) of every family; NaN where a figure is not known."""
    named = [((("cdu", view.cdu),), view) for view in views]
    for name, documentation, attribute, factor in _SINGLE:
        yield name, documentation, [(labels, factor * float(getattr(view, attribute))) for labels, view in named]
    yield (
        "coolantd_estimate_conductance_ratio",
        "Conductance of a CDU's exchanger at rated flows over its data sheet's, and over that when it was commissioned",
        [
            ((*labels, ("reference", reference)), ratio)
            for labels, view in named
            for reference, ratio in (("data_sheet", view.data_sheet_ratio), ("baseline", view.baseline_ratio))
        ],
    )
    yield (
        "coolantd_estimate_heat_watts",
        "Heat of a CDU by its coolant, by facility water and by its racks' power, low-passed over 1 min",
        [
            ((*labels, ("way", way)), W_PER_KW * heat)
            for labels, view in named
            for way, heat in (("tcs", view.heat_tcs_kw), ("fws", view.heat_fws_kw), ("power", view.heat_power_kw))
        ],
    )
    yield (
        "coolantd_estimate_heat_deviation",
        "Heat by a CDU's coolant less that by each other way, in standard deviations of the sensors",
        [
            ((*labels, ("way", way)), deviation)
            for labels, view in named
            for way, deviation in (("fws", view.heat_fws_deviation), ("power", view.heat_power_deviation))
        ],
    )
    yield (
        "coolantd_estimate_branch_conductance_ratio",
        "How easily a branch passes coolant over what it did",
        [
            ((*labels, ("branch", str(k + 1))), ratio)
            for labels, view in named
            for k, ratio in enumerate(view.branch_ratios)
        ],
    )
