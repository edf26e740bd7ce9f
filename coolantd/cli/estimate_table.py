"""The estimates as a table for people, and what is not judged. Knows the JSON of the view; reaches nobody."""

from typing import Any, Final

Json = dict[str, Any]

COLUMNS: Final = (
    "cdu",
    "UA kW/K>",
    "of data sheet %>",
    "of baseline %>",
    "heat kW: coolant>",
    "facility>",
    "power>",
    "flow by pumps L/min>",
    "sensors",
)
UNKNOWN: Final = "-"


def estimate_rows(view: Json) -> list[tuple[str, ...]]:
    """Return one row for each CDU with a model, in the order of ``COLUMNS``."""
    return [
        (
            each["cdu"],
            _figure(each["conductance_kw_k"], 1.0),
            _figure(each["data_sheet_ratio"], 100.0),
            _figure(each["baseline_ratio"], 100.0),
            _figure(each["heat_tcs_kw"], 1.0),
            _figure(each["heat_fws_kw"], 1.0),
            _figure(each["heat_power_kw"], 1.0),
            _figure(each["pump_flow_lpm"], 1.0),
            "judged" if each["judged"] else "not judged: no heat or no flow",
        )
        for each in view.get("estimates", ())
    ]


def limit_notes(view: Json) -> list[str]:
    """Return a sentence for each CDU that warms towards a limit because a flow is lost."""
    return [
        f"{each['cdu']}: a limit is passed in about {each['limit_s']:.0f} s if the flow does not come back"
        for each in view.get("estimates", ())
        if each["limit_s"] is not None
    ]


def _figure(number: float | None, factor: float) -> str:
    return UNKNOWN if number is None else f"{number * factor:.0f}"
