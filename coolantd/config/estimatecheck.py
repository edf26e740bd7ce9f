"""Whether a CDU's estimate table fits the devices it names. Knows models and profiles; every answer is a problem."""

from collections.abc import Iterator
from typing import Final

from coolantd.config.draft import CduDraft
from coolantd.config.estimate_models import EstimateConfig
from coolantd.config.explain import shown
from coolantd.config.locate import KeyPath
from coolantd.config.loopcheck import Plant, measured
from coolantd.config.models import SupplyTempLoopConfig
from coolantd.config.plant_model import ModelConfig
from coolantd.errors import Problem

_POINTS: Final = (("fws_return", "degC"), ("fws_flow", "L/min"), ("static_pressure", "kPa"))
_BRANCHES: Final = (("branch_flows", "L/min"), ("branch_returns", "degC"), ("branch_valves", "%"))


def check_estimate(cdu: CduDraft, plant: Plant) -> Iterator[Problem]:
    """Yield every contradiction between a CDU's table, the points it names and the model it needs."""
    if cdu.estimate is None:
        return
    estimate, model, loop, path = cdu.estimate, cdu.model, cdu.supply_temp, (*cdu.path, "estimate")
    if not cdu.has_model:
        yield plant.document.problem(path, "nothing to estimate against", value="no model", allowed="a [cdu.model]")
    for key, unit in _POINTS:
        if (reference := getattr(estimate, key)) is not None:
            yield from measured(reference, unit, (*path, key), plant)[1]
    if estimate.level is not None:
        yield from plant.find(estimate.level, (*path, "level"))[1]
    for key, unit in _BRANCHES:
        for index, reference in enumerate(getattr(estimate, key)):
            yield from measured(reference, unit, (*path, key, index), plant)[1]
    yield from _own_points(estimate, model, loop, path, plant)
    yield from _branches(estimate, model, path, plant)


def _own_points(
    estimate: EstimateConfig,
    model: ModelConfig | None,
    loop: SupplyTempLoopConfig | None,
    path: KeyPath,
    plant: Plant,
) -> Iterator[Problem]:
    """Yield a problem for each point that is compared with itself."""
    taken: dict[object, str] = {} if loop is None else {loop.process_variable: "supply_temp.process_variable"}
    if model is not None:
        taken |= {getattr(model, key): f"model.{key}" for key in ("return_temp", "fws_supply_temp", "flow")}
    for key in ("fws_return", "fws_flow"):
        reference = getattr(estimate, key)
        if reference in taken:
            what = f"the same point as {taken[reference]}"
            yield plant.document.problem((*path, key), what, value=shown(reference), allowed="a point of its own")


def _branches(estimate: EstimateConfig, model: ModelConfig | None, path: KeyPath, plant: Plant) -> Iterator[Problem]:
    """Yield a problem for lists of branches that do not belong together."""
    count = len(estimate.branch_flows) or len(estimate.branch_returns)
    for key in ("branch_returns", "branch_valves"):
        given = len(getattr(estimate, key))
        if given and given != count:
            what = "not as many as there are branches"
            yield plant.document.problem((*path, key), what, value=str(given), allowed=f"{count}, one for each branch")
    powers = 0 if model is None else len(model.power)
    if estimate.branch_returns and not estimate.branch_flows and powers != count:
        what = "branch returns without flows need the power of each rack in model.power"
        yield plant.document.problem(
            (*path, "branch_returns"), what, value=f"{powers} powers", allowed=f"{count} powers"
        )
