"""What the shipped profiles say, against the public facts they were authored from, and decoded by hand-made words."""

import struct

import pytest

from coolantd.config.profiles import load_profile, packaged_profiles
from coolantd.point import Quality, Reason
from coolantd.protocol.codec import decode, decode_sample, value_name
from coolantd.protocol.profile import Access, Basis, Role, Table, WriteClass
from coolantd.protocol.spans import READ_MAX_COILS, plan_spans

SHIPPED = {
    "belimo-ev",
    "delta-rdf040-rpu",
    "generic-cdu",
    "orv3-rpu",
    "rack-manifold",
    "rack-manifold-bypass",
    "rack-manifold-leak",
    "row-cdu",
    "row-cdu-climate",
    "row-cdu-conductivity-meter",
    "row-cdu-drive",
    "row-cdu-flow-meter",
    "row-cdu-ph-meter",
    "row-cdu-power-meter-a",
    "row-cdu-power-meter-b",
    "row-cdu-transfer-switch",
    "row-cdu-transfer-switch-2",
    "row-cdu-turbidity-meter",
}
MODBUS = sorted(name for name in SHIPPED if not name.startswith("rack-manifold"))


def points_of(name):
    return {point.name: point for point in load_profile(name, profiles_dir=None).registers}


def float_words(number, order):
    words = struct.unpack(">2H", struct.pack(">f", number))
    return words[::-1] if order == "CDAB" else words


def test_all_are_there_and_none_claims_to_be_verified():
    assert set(packaged_profiles()) >= SHIPPED
    for name in SHIPPED:
        profile = load_profile(name, profiles_dir=None, branches=1)
        assert profile.verified is False
        assert all(point.basis is not Basis.VERIFIED for point in profile.registers)


@pytest.mark.parametrize("name", MODBUS)
def test_names_are_unique_and_reads_obey_the_devices_limits(name):
    profile = load_profile(name, profiles_dir=None)
    names = [point.name for point in (*profile.registers, *profile.texts, *profile.differences)]
    assert len(set(names)) == len(names)
    spans = plan_spans(profile.registers, profile.limits)
    assert sorted(p.name for span in spans for p in span.points) == sorted(p.name for p in profile.registers)
    for span in spans:
        is_bits = span.table in (Table.COIL, Table.DISCRETE)
        assert span.count <= (READ_MAX_COILS if is_bits else profile.limits.span_max_registers)
        covered = {p.address + k for p in span.points for k in range(p.coding.register_count)}
        assert covered == set(range(span.address, span.address + span.count)), "a register nobody described is read"


@pytest.mark.parametrize("name", MODBUS)
def test_whatever_may_be_written_says_how_far_and_where_to_look(name):
    profile = load_profile(name, profiles_dir=None)
    points = {point.name: point for point in profile.registers}
    for point in profile.registers:
        if point.write is not None:
            assert point.access is Access.READ_WRITE
            assert points[point.write.position].write is None


class TestBelimo:
    def test_it_proves_what_it_is_by_register_3(self):
        profile = load_profile("belimo-ev", profiles_dir=None)
        point = points_of("belimo-ev")[profile.identity.point]
        assert (point.address, profile.identity.number) == (3, 4.0)
        assert profile.identity.agrees(decode(point, (4,)))
        assert not profile.identity.agrees(decode(point, (0,)))  # a gateway without its valve

    @pytest.mark.parametrize(
        ("name", "address", "words", "expected"),
        [
            ("position_setpoint_pct", 0, (10_000,), 100.0),
            ("position_pct", 4, (2550,), 25.5),
            ("flow_pct", 6, (5000,), 50.0),
            ("flow_lpm", 8, (1000,), 378.5411784),
            ("analogue_setpoint_pct", 11, (100,), 1.0),
            ("sensor_temp_c", 13, (0xFF9C,), -1.0),
            ("flow_setpoint_lpm", 16, (100,), 37.85411784),
            ("remote_temp_c", 19, (4512,), 45.12),
            ("flow_body_temp_c", 21, (2000,), 20.0),
            ("glycol_concentration_pct", 25, (2500,), 25.0),
            ("flow_limit_minimum_pct", 105, (0,), 0.0),
            ("flow_limit_maximum_pct", 106, (10_000,), 100.0),
        ],
    )
    def test_values(self, name, address, words, expected):
        point = points_of("belimo-ev")[name]
        assert point.address == address
        assert decode(point, words) == pytest.approx(expected)
        assert decode_sample(point, (65_535,), 0.0).reason is Reason.SENSOR_FAILURE

    def test_states(self):
        points = points_of("belimo-ev")
        assert value_name(points["override_code"], 1.0) == "open"
        assert value_name(points["setpoint_source_code"], 1.0) == "bus"
        assert points["command_code"].access is Access.COMMAND
        alarms = load_profile("belimo-ev", profiles_dir=None).alarms
        where = {name: (points[name].address, points[name].bit) for name in alarms}
        assert where["bus_watchdog_timeout_bool"] == (0x9D, 15)
        assert where["reverse_flow_bool"] == (0x9D, 3)
        assert where["glycol_detected_bool"] == (0x9D, 12)
        assert where["minimum_position_applied_bool"] == (0x9E, 2)
        assert len(alarms) == 19

    def test_only_the_position_setpoint_is_written(self):
        written = [point for point in points_of("belimo-ev").values() if point.write]
        assert [(point.name, point.write.role) for point in written] == [("position_setpoint_pct", Role.FWS_VALVE)]


class TestDelta:
    def test_it_proves_what_it_is_by_its_model(self):
        profile = load_profile("delta-rdf040-rpu", profiles_dir=None)
        (model,) = [text for text in profile.texts if text.name == profile.identity.point]
        assert (model.address, model.register_count, profile.identity.text) == (0x19CC, 8, "RDF040DSS5193E0")
        (firmware,) = [text for text in profile.texts if text.name == profile.firmware_point]
        assert (firmware.address, firmware.register_count) == (0x19E8, 4)

    def test_signed_temperatures_and_their_alarm_bits(self):
        points = points_of("delta-rdf040-rpu")
        assert decode(points["rpu_coolant_outlet_temp_c"], (0xFFFF,)) == pytest.approx(-0.1)
        assert points["rpu_coolant_inlet_temp_c"].address == 0x9002
        assert (points["rpu_inlet_temp_alarm_bool"].address, points["rpu_inlet_temp_alarm_bool"].bit) == (0x9201, 2)
        fault = points["rpu_coolant_outlet_thermometer_fault_bool"]
        assert (fault.address, fault.bit) == (0x9200, 1)

    def test_it_agrees_with_the_other_map_wherever_both_speak(self):
        other = points_of("orv3-rpu")
        for name, point in points_of("delta-rdf040-rpu").items():
            twin = other[name]
            for fact in ("address", "coding", "scale", "unit", "bit", "minimum", "maximum"):
                assert getattr(point, fact) == getattr(twin, fact), f"{name}.{fact}"


class TestRowCduSubBus:
    @pytest.mark.parametrize(
        ("profile", "name", "table", "address", "order", "number"),
        [
            ("row-cdu-climate", "relative_humidity_pct", Table.HOLDING, 0, "CDAB", 45.5),
            ("row-cdu-climate", "ambient_temp_c", Table.HOLDING, 2, "CDAB", 23.25),
            ("row-cdu-climate", "dew_point_c", Table.HOLDING, 8, "CDAB", -1.5),
            ("row-cdu-ph-meter", "ph_ph", Table.HOLDING, 0, "CDAB", 8.5),
            ("row-cdu-conductivity-meter", "conductivity_us_cm", Table.HOLDING, 0, "CDAB", 1250.0),
            ("row-cdu-turbidity-meter", "turbidity_ntu", Table.HOLDING, 0, "CDAB", 1.25),
            ("row-cdu-power-meter-a", "power_kw", Table.HOLDING, 3059, "ABCD", 7.5),
            ("row-cdu-power-meter-a", "current_a", Table.HOLDING, 3009, "ABCD", 12.5),
            ("row-cdu-power-meter-b", "power_kw", Table.HOLDING, 324, "CDAB", 7.5),
            ("row-cdu-power-meter-b", "current_a", Table.HOLDING, 294, "CDAB", 12.5),
        ],
    )
    def test_meters(self, profile, name, table, address, order, number):  # noqa: PLR0917 - a table's columns
        point = points_of(profile)[name]
        assert (point.table, point.address) == (table, address)
        assert decode(point, float_words(number, order)) == number

    @pytest.mark.parametrize("order", ["ABCD", "CDAB"])
    def test_one_make_of_power_meter_taken_for_the_other_is_no_value(self, order):
        """Two makes sat under one unit number: the wrong order must never look right."""
        wrong = points_of("row-cdu-power-meter-b" if order == "ABCD" else "row-cdu-power-meter-a")["power_kw"]
        for number in (3.7, 7.51, 22.9, 61.4):
            sample = decode_sample(wrong, float_words(number, order), 0.0)
            assert sample.quality is Quality.BAD or abs(sample.value) < 1e-3

    def test_flow_meter_counts(self):
        point = points_of("row-cdu-flow-meter")["flow_lpm"]
        assert point.address == 1
        assert decode(point, (3200,)) == 0.0
        assert decode(point, (9600,)) == 825.0
        assert decode_sample(point, (900,), 0.0).reason is Reason.SENSOR_FAILURE

    def test_drive_and_transfer_switches(self):
        drive = points_of("row-cdu-drive")
        assert (drive["speed_count"].address, drive["fault_code"].address) == (304, 204)
        first, second = points_of("row-cdu-transfer-switch"), points_of("row-cdu-transfer-switch-2")
        assert [(p.table, p.address, p.bit) for p in first.values()] == [(Table.INPUT, 40, 0), (Table.INPUT, 40, 9)]
        assert [(p.table, p.address) for p in second.values()] == [(Table.DISCRETE, 6), (Table.DISCRETE, 14)]


class TestGenericCdu:
    def test_it_shows_every_part_an_integrator_needs(self):
        profile = load_profile("generic-cdu", profiles_dir=None)
        assert profile.identity is not None
        assert profile.heartbeat is not None
        assert profile.remote_control is not None
        assert profile.communication_loss
        assert profile.firmware_point
        assert {point.write.role for point in profile.registers if point.write} == {Role.PUMP, Role.FWS_VALVE}
        assert {point.write.write_class for point in profile.registers if point.write} == {
            WriteClass.PERSISTENT,
            WriteClass.REFRESHED,
        }

    def test_it_names_the_loops_points_as_the_row_cdu_does(self):
        """What a site's loops are configured with stays the same when the template takes the place of another CDU."""
        same = {
            "tcs_supply_temp_c",
            "tcs_return_temp_c",
            "tcs_flow_lpm",
            "fws_supply_temp_c",
            "dew_point_c",
            "fws_valve_position_setpoint_pct",
            "pump1_speed_setpoint_pct",
            "pump2_speed_setpoint_pct",
        }
        assert same <= set(points_of("generic-cdu"))
        assert same <= set(points_of("row-cdu"))
