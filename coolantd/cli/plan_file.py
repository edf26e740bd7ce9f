"""The file a plan is made from: its keys and ranges, read to ``PlanInputs``. Every mistake has its file and line."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import Field, ValidationError

from coolantd.config.document import merge
from coolantd.config.explain import explain
from coolantd.config.fields import Integer, Model, Number, within
from coolantd.config.source import read_source
from coolantd.errors import ConfigError
from coolantd.planning.contradictions import contradictions
from coolantd.planning.inputs import Cdu, DemandPoint, Facility, PlanInputs, Plates, PumpPoint, Racks
from coolantd.plant.coolant import PG25, PG55, WATER, Coolant
from coolantd.plant.coolant_table import Row, fit_coolant
from coolantd.plant.reference import MAX_RACKS

ROWS_MAX: Final = 64
"""Of a table: nobody publishes more."""
COOLANTS: Final[dict[str, Coolant]] = {"pg25": PG25, "pg55": PG55, "water": WATER}

Temp = Annotated[Number, within(-5.0, 80.0)]
CaseTemp = Annotated[Number, within(20.0, 150.0)]
Flow = Annotated[Number, within(0.0, 50_000.0, low_open=True)]
Pressure = Annotated[Number, within(0.0, 2_000.0, low_open=True)]
Heat = Annotated[Number, within(0.0, 50_000.0, low_open=True)]
Volume = Annotated[Number, within(0.0, 50_000.0, low_open=True)]
Share = Annotated[Number, within(0.0, 1.0, low_open=True)]


class DemandModel(Model):
    """A row of the racks' flow table."""

    inlet_temp_c: Temp
    flow_lpm: Flow
    pressure_kpa: Pressure


class CoolantRowModel(Model):
    """A row of the coolant's table; what is allowed together says ``plant.coolant_table``."""

    temp_c: Annotated[Number, within(-60.0, 150.0)]
    density_kg_m3: Annotated[Number, within(600.0, 2_000.0)]
    heat_capacity_j_kg_k: Annotated[Number, within(900.0, 4_500.0)]
    conductivity_w_m_k: Annotated[Number, within(0.05, 0.8)]
    viscosity_pa_s: Annotated[Number, within(1e-4, 1.0)]


class RacksModel(Model):
    """``[racks]``; see ``planning.inputs.Racks``."""

    count: Annotated[Integer, within(1, MAX_RACKS)]
    heat_kw: Annotated[Number, within(1.0, 2_000.0)]
    liquid_ratio: Share
    inlet_temp_max_c: Temp
    case_temp_max_c: CaseTemp
    demand: Annotated[tuple[DemandModel, ...], Field(min_length=1, max_length=ROWS_MAX)]


class PlatesModel(Model):
    """``[plates]``; see ``planning.inputs.Plates``."""

    count: Annotated[Integer, within(1, 10_000)]
    case_to_mean_k_w: Annotated[Number, within(0.0, 1.0, low_open=True)]
    metal_j_k: Annotated[Number, within(1.0, 100_000.0)]
    coolant_ml: Annotated[Number, within(1.0, 10_000.0)]


class PumpPointModel(Model):
    """A point of the pump's curve."""

    flow_lpm: Annotated[Number, within(0.0, 50_000.0)]
    head_kpa: Annotated[Number, within(0.0, 2_000.0)]


class CduModel(Model):
    """``[cdu]``; see ``planning.inputs.Cdu``."""

    heat_rated_kw: Heat
    approach_rated_k: Annotated[Number, within(0.1, 30.0)]
    tcs_flow_rated_lpm: Flow
    fws_flow_rated_lpm: Flow
    pump_count: Annotated[Integer, within(1, 8)]
    pump_curve: Annotated[tuple[PumpPointModel, ...], Field(min_length=2, max_length=ROWS_MAX)]
    pump_efficiency_ratio: Share
    loop_pressure_rated_kpa: Pressure
    fws_pressure_rated_kpa: Pressure
    valve_kvs_m3_h: Annotated[Number, within(0.1, 5_000.0)]
    valve_rangeability_ratio: Annotated[Number, within(5.0, 500.0)] = 50.0
    valve_stroke_s: Annotated[Number, within(1.0, 600.0)]
    exchanger_tcs_l: Volume
    exchanger_fws_l: Volume
    supply_pipe_l: Volume
    return_pipe_l: Volume
    tank_l: Volume
    header_bore_mm: Annotated[Number, within(10.0, 1_000.0)] | None = None


class FacilityModel(Model):
    """``[facility]``; see ``planning.inputs.Facility``."""

    supply_temp_min_c: Temp
    supply_temp_max_c: Temp
    pressure_kpa: Annotated[Number, within(1.0, 2_000.0)]
    flow_max_lpm: Flow | None = None


class PlanModel(Model):
    """The whole file."""

    supply_temp_c: Annotated[Number, within(5.0, 70.0)]
    dew_point_c: Annotated[Number, within(-40.0, 40.0)]
    coolant: Literal["pg25", "pg55", "water", "table"]
    coolant_table: Annotated[tuple[CoolantRowModel, ...], Field(max_length=ROWS_MAX)] = ()
    racks: RacksModel
    plates: PlatesModel
    cdu: CduModel
    facility: FacilityModel

    def fluid(self) -> Coolant:
        """Return the coolant.

        Raises:
            ValueError: its table is none.
        """
        if self.coolant == "table":
            return fit_coolant("table", [Row(**dict(row)) for row in self.coolant_table])
        return COOLANTS[self.coolant]

    def inputs(self) -> PlanInputs:
        """Return what the file says."""
        racks, cdu = self.racks, self.cdu
        return PlanInputs(
            supply_temp_c=self.supply_temp_c,
            dew_point_c=self.dew_point_c,
            coolant=self.fluid(),
            racks=Racks(
                **dict(racks) | {"demand": tuple(DemandPoint(**dict(row)) for row in racks.demand)},
            ),
            plates=Plates(**dict(self.plates)),
            cdu=Cdu(**dict(cdu) | {"pump_curve": tuple(PumpPoint(**dict(point)) for point in cdu.pump_curve)}),
            facility=Facility(**dict(self.facility)),
        )


def read_plan(path: Path) -> PlanInputs:
    """Read a file.

    Raises:
        ConfigError: no plan can be made from it; carries every problem with its line.
    """
    source = read_source(path)
    document = merge([source])
    if source.problems:
        raise ConfigError(source.problems)
    try:
        model = PlanModel.model_validate(source.table)
    except ValidationError as error:
        raise ConfigError(explain(error, PlanModel, document)) from error
    try:
        inputs = model.inputs()
    except ValueError as error:
        what, _, allowed = str(error).removeprefix("coolant: ").partition(", allowed: ")
        raise ConfigError([document.problem(("coolant_table",), what, allowed=allowed)]) from error
    if wrong := contradictions(inputs):
        raise ConfigError([document.problem(one.path, one.what, value=one.value, allowed=one.allowed) for one in wrong])
    return inputs
