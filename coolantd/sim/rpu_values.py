"""What the virtual RPU's registers show of its inside: one value per point that it measures. Knows names and units."""

from collections.abc import Iterator
from typing import Final

from coolantd.sim.rpu_model import AIR_INLET_C, HEX_FANS, PUMPS, RPU_FAN_FULL_RPM, STATIC_KPA, RpuModel

SUPPLY_V: Final = 48.2
"""The rack's busbar."""
BOARD_C: Final = 38.0
HUMIDITY_PCT: Final = 42.0
RPU_FAN_PCT: Final = 45.0
DRY_V: Final = 2.6
"""What a leak sensor says that is dry."""
PUMP_TRAYS: Final = 3
"""The alternate-vendor block knows three of the pumps."""
THERMOMETERS_HERE: Final = range(3, 15)
FANS_OF_FIRST_BLOCK: Final = 10

TEXTS: Final = {
    "part_number": "V0001",
    "model": "VIRTUAL-RPU",
    "manufacturing_date": "20250101",
    "serial": "V000000000001",
    "work_order": "V0002",
    "hardware_revision": "V0003",
    "firmware": "V1.00",
    "hmi_firmware": "V0004",
    "hex_firmware": "V005",
    "noahs_ark_configuration": "V0006",
    "rpu_part_number": "V0007",
    "hex_control_box_part_number": "V0008",
    "hex_fans_part_number": "V0009",
    "hex_fan_control_box_part_number": "V0010",
}

Values = Iterator[tuple[str, float]]


def measured(model: RpuModel, *, on_s: float) -> Values:
    """Give every point that the unit measures, with its value in the point's unit.

    Args:
        model: its inside.
        on_s: how long it has been on since its last power cycle.
    """
    yield "up_time_count", 30 * 86_400.0 + model.time_s
    yield "time_since_last_on_count", on_s
    yield from _hot(model)
    yield from _pumps(model)
    yield from _exchanger(model)
    yield from _pump_trays(model)
    yield from _fan_trays(model)


def _hot(model: RpuModel) -> Values:
    yield "rpu_coolant_flow_lpm", model.flow_lpm
    yield "rpu_coolant_outlet_temp_c", model.outlet_temp_c
    yield "rpu_coolant_inlet_temp_c", model.inlet_temp_c
    yield "rpu_coolant_outlet_pressure_kpa", STATIC_KPA + model.drop_kpa
    yield "rpu_coolant_inlet_pressure_kpa", STATIC_KPA
    yield "rpu_power_kw", model.pump_power_kw
    yield "aalc_total_power_kw", model.pump_power_kw + model.fan_power_kw
    yield "aalc_total_power_extended_kw", model.pump_power_kw + model.fan_power_kw
    yield "aalc_cooling_capacity_kw", min(max(model.cooling_kw, 0.0), 6.5)
    yield "rpu_input_voltage_v", SUPPLY_V
    yield "rpu_air_inlet_temp_c", AIR_INLET_C
    yield "rpu_pump_duty_pct", round(model.pump_duty_pct)
    for fan in (1, 2):
        yield f"rpu_fan{fan}_speed_rpm", RPU_FAN_FULL_RPM * RPU_FAN_PCT / 100.0
        yield f"rpu_fan{fan}_status_bool", 1.0
    yield "rpu_reservoir_status_code", 0.0
    yield "rpu_pump_status_code", float(bool(model.tripped_pumps))
    yield "rpu_internal_fan_status_code", 0.0
    yield "rpu_led_power_status_bool", 1.0
    yield "rpu_led_fault_status_bool", float(bool(model.tripped_pumps))
    yield "pump_status_abnormal_bool", float(bool(model.tripped_pumps))


def _pumps(model: RpuModel) -> Values:
    for pump in range(1, PUMPS + 1):
        yield f"rpu_pump{pump}_speed_rpm", model.pump_rpm(pump)
        yield f"rpu_pump{pump}_status_code", float(pump in model.tripped_pumps)
        yield f"rpu_pump{pump}_run_time_count", model.run_time_s[pump - 1]


def _exchanger(model: RpuModel) -> Values:
    warm_c = min(AIR_INLET_C + 0.6 * (model.coolant_temp_c - AIR_INLET_C), 90.0)
    yield "hex_fan_duty_pct", round(model.fan_duty_pct)
    yield "hex_power_kw", model.fan_power_kw
    yield "hex_input_voltage_v", round(SUPPLY_V)
    yield "hex_input_current_a", round(model.fan_power_kw * 1000.0 / SUPPLY_V)
    yield "hex_bladder_level_status_code", 0.0
    yield "hex_y_filter_pressure_kpa", 0.1 * model.drop_kpa
    yield "hex_static_pressure_count", 120.0
    yield "hex_vertical_bladder_level_count", 61.0
    yield "hex_water_inlet_temp_c", model.inlet_temp_c
    for number in (1, 2):
        yield f"hex_air_inlet{number}_temp_c", AIR_INLET_C + 0.3 * number
        yield f"hex_air_outlet{number}_temp_c", warm_c + 0.2 * number
    for number in (3, 4):
        yield f"hex_air_inlet{number}_temp_c", AIR_INLET_C
    for number in THERMOMETERS_HERE:
        yield f"hex_air_outlet{number}_temp_c", warm_c
    for number in (1, 2):
        yield f"hex_sb_hex_pressure{number}_kpa", STATIC_KPA + 0.5 * model.drop_kpa


def _pump_trays(model: RpuModel) -> Values:
    for name in ("bb_tmp75", "bpb_outlet", "pdb_hdc1080", "bb_hsc_p48v", "bpb_hsc_p48v"):
        yield f"rpu_{name}_temp_c", BOARD_C
    for pump in range(1, PUMP_TRAYS + 1):
        yield f"rpu_pump{pump}_hdc1080_temp_c", BOARD_C + pump
        yield f"rpu_pump{pump}_hsc_p48v_temp_c", BOARD_C + 2.0 * pump
        yield f"rpu_pump{pump}_humidity_pct", HUMIDITY_PCT
        for fan in (1, 2):
            yield f"rpu_pump{pump}_fan{fan}_speed_rpm", RPU_FAN_FULL_RPM * RPU_FAN_PCT / 100.0
            yield f"rpu_pump{pump}_fan{fan}_status_bool", 1.0
    for board in ("mb", "pdb"):
        yield f"rpu_{board}_humidity_pct", HUMIDITY_PCT
    share_kw = model.pump_power_kw / PUMPS
    for board in ("bb", "bpb", *(f"pump{pump}" for pump in range(1, PUMP_TRAYS + 1))):
        yield from _hot_swap(f"rpu_{board}", share_kw)
    for number in (3, 4):
        yield f"rpu_bpb_rack_pressure{number}_kpa", STATIC_KPA
    for number in (1, 2):
        yield f"rpu_bpb_rack_level{number}_count", 130.0
    for pole in ("pos", "neg"):
        yield f"rpu_pdb_48v_sense_diff_{pole}_voltage_v", SUPPLY_V
    for what in ("cdu", "rack"):
        yield f"bpb_{what}_coolant_leakage_voltage_v", DRY_V


def _fan_trays(model: RpuModel) -> Values:
    share_kw = model.fan_power_kw / HEX_FANS
    for fan in range(1, HEX_FANS + 1):
        yield f"hex_fan{fan}_speed_rpm", model.fan_rpm(fan)
        yield f"hex_fan{fan}_hsc_temp_c", BOARD_C
        yield f"hex_fan{fan}_humidity_pct", HUMIDITY_PCT
        yield from _hot_swap(f"hex_fan{fan}", share_kw)
    for name, volts in (("12v_aux", 12.03), ("5v_aux", 5.02), ("3v3_aux", 3.31), ("1v2_aux", 1.2), ("5v_usb", 5.01)):
        yield f"rpu_adc_{name}_voltage_v", volts


def _hot_swap(board: str, power_kw: float) -> Values:
    """Give what a hot-swap controller on the 48 V side of a board measures."""
    yield f"{board}_hsc_p48v_vin_voltage_v", SUPPLY_V
    yield f"{board}_hsc_p48v_iout_current_a", power_kw * 1000.0 / SUPPLY_V
    yield f"{board}_hsc_p48v_pin_power_kw", power_kw
