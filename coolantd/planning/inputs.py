"""What a loop is planned from: racks, plates, coolant, CDU, facility and room. Knows no file and no arithmetic.

Everything is in engineering units and stands in a data sheet or a piping drawing. The ranges are those of the
file's own check; nothing here repeats it.
"""

from dataclasses import dataclass

from coolantd.plant.coolant import Coolant


@dataclass(frozen=True, slots=True, kw_only=True)
class DemandPoint:
    """One row of a rack's published flow table.

    Attributes:
        inlet_temp_c: coolant into the rack.
        flow_lpm: flow the rack then needs.
        pressure_kpa: differential pressure over the rack at that flow.
    """

    inlet_temp_c: float
    flow_lpm: float
    pressure_kpa: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Racks:
    """The racks, all alike.

    Attributes:
        count: in parallel on the CDU, 1 or more.
        heat_kw: electric power of one rack.
        liquid_ratio: share of it that the coolant takes, above 0 to 1.
        inlet_temp_max_c: warmest coolant a rack accepts.
        case_temp_max_c: hottest case its chips accept.
        demand: flow table, inlets and flows rising; a single row is a flow needed at any inlet temperature.
    """

    count: int
    heat_kw: float
    liquid_ratio: float
    inlet_temp_max_c: float
    case_temp_max_c: float
    demand: tuple[DemandPoint, ...]

    @property
    def liquid_kw(self) -> float:
        """Heat of one rack into the coolant."""
        return self.heat_kw * self.liquid_ratio


@dataclass(frozen=True, slots=True, kw_only=True)
class Plates:
    """The cold plates of one rack: they carry all heat that goes into the coolant, in equal shares.

    Attributes:
        count: plates of the size given, per rack.
        case_to_mean_k_w: resistance from the case to the mean coolant temperature, of one plate.
        metal_j_k: heat capacity of chip, plate and spreader, of one plate.
        coolant_ml: coolant in one plate and its hoses.
    """

    count: int
    case_to_mean_k_w: float
    metal_j_k: float
    coolant_ml: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PumpPoint:
    """One point of a single pump's curve at full speed: flow, and the pressure it then adds."""

    flow_lpm: float
    head_kpa: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Cdu:
    """The CDU and its piping.

    Attributes:
        heat_rated_kw: heat it is rated for, at both rated flows and the rated approach.
        approach_rated_k: TCS supply above facility supply at that rating.
        tcs_flow_rated_lpm: coolant flow of the rating.
        fws_flow_rated_lpm: facility flow of the rating.
        pump_count: equal pumps in parallel, 1 or more; all of them run in normal operation.
        pump_curve: of one pump at full speed, flows rising, two points or more.
        pump_efficiency_ratio: hydraulic over electric power, motor and drive included.
        loop_pressure_rated_kpa: everything but the racks (exchanger, filter, pipes) at the rated coolant flow.
        fws_pressure_rated_kpa: exchanger and pipes of the facility side, without the valve, at its rated flow.
        valve_kvs_m3_h: flow through the open facility valve at 1 bar.
        valve_rangeability_ratio: of the equal-percentage valve.
        valve_stroke_s: from shut to open.
        exchanger_tcs_l: content of the exchanger's coolant side.
        exchanger_fws_l: content of its facility side.
        supply_pipe_l: coolant between exchanger and racks.
        return_pipe_l: coolant between racks and tank.
        tank_l: mixed volume before the exchanger.
        header_bore_mm: inner diameter of the narrowest pipe that carries the whole flow, or None.
    """

    heat_rated_kw: float
    approach_rated_k: float
    tcs_flow_rated_lpm: float
    fws_flow_rated_lpm: float
    pump_count: int
    pump_curve: tuple[PumpPoint, ...]
    pump_efficiency_ratio: float
    loop_pressure_rated_kpa: float
    fws_pressure_rated_kpa: float
    valve_kvs_m3_h: float
    valve_rangeability_ratio: float
    valve_stroke_s: float
    exchanger_tcs_l: float
    exchanger_fws_l: float
    supply_pipe_l: float
    return_pipe_l: float
    tank_l: float
    header_bore_mm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facility:
    """The facility water.

    Attributes:
        supply_temp_min_c: coldest it arrives.
        supply_temp_max_c: hottest it arrives: what the exchanger is judged at.
        pressure_kpa: available over valve, exchanger and their pipes.
        flow_max_lpm: most the facility grants this CDU, or None where only the pressure limits it.
    """

    supply_temp_min_c: float
    supply_temp_max_c: float
    pressure_kpa: float
    flow_max_lpm: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanInputs:
    """Everything a plan is made of.

    Attributes:
        supply_temp_c: chosen TCS supply temperature.
        dew_point_c: highest dew point of the room's air that the design allows.
        coolant: what the secondary loop carries.
        racks: what is to be cooled.
        plates: how the heat leaves the chips.
        cdu: what cools.
        facility: where the heat goes.
    """

    supply_temp_c: float
    dew_point_c: float
    coolant: Coolant
    racks: Racks
    plates: Plates
    cdu: Cdu
    facility: Facility

    @property
    def liquid_kw(self) -> float:
        """Heat of all racks into the coolant: what the exchanger moves. The pumps' own work is not counted."""
        return self.racks.count * self.racks.liquid_kw
