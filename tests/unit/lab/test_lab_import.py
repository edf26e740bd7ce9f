"""Foreign register maps become profiles that load and decode as the map says, or say line by line why not."""

import pytest

from coolantd.lab.draft import NotAMap
from coolantd.lab.importing import MapFormat, import_map, read_map
from coolantd.lab.vendor_csv import Choices
from coolantd.protocol.codec import decode
from coolantd.protocol.profile import Coding, Table, WordOrder

RACKMON = """{
  "name": "TOY_PUMP",
  "address_range": [[12, 12]],
  "probe_register": 100,
  "baudrate": 19200,
  "special_handlers": [{"reg": 7, "len": 2, "period": 3600, "action": "write"}],
  "registers": [
    {"begin": 100, "length": 1, "format": "FLOAT", "name": "Outlet_Temp_C",
     "precision": 7, "scale": 1.0, "shift": 0, "sign": true, "keep": 10},
    {"begin": 101, "length": 1, "format": "FLOAT", "name": "Flow_LPM", "precision": 0, "scale": 0.1},
    {"begin": 102, "length": 2, "format": "INTEGER", "name": "Run_Time"},
    {"begin": 104, "length": 2, "format": "INTEGER", "name": "Backwards", "endian": "L"},
    {"begin": 106, "length": 2, "format": "FLAGS", "name": "Status", "flags": [[0, "Low"], [17, "High"], [40, "Out"]]},
    {"begin": 110, "length": 4, "format": "STRING", "name": "Serial"},
    {"begin": 120, "length": 3, "format": "INTEGER", "name": "Odd"},
    {"begin": 130, "length": 1, "format": "NOISE", "name": "Nobody"}
  ]
}
"""

PHOSPHOR = """{
  "DeviceType": "Valve", "DeviceModel": "ToyValve", "BaudRate": 19200,
  "ProbeRegister": {"Offset": "0x3", "Size": 1, "ExpectedValue": 4},
  "InventoryRegisters": [{"Type": "Model", "Offset": "0x40", "Size": 4}],
  "SensorRegisters": [
    {"Name": "SUPPLY_TEMP", "Type": "Temperature", "Offset": "0xD", "Size": 1, "Precision": 0,
     "Scale": 0.01, "Shift": -5.0, "IsSigned": true, "Format": "FixedPoint"},
    {"Name": "ANGLE", "Type": "RotationalPosition", "Offset": "0x5", "Size": 1, "Scale": 1.0, "Format": "FixedPoint"},
    {"Name": "RATE", "Type": "LiquidFlow", "Offset": "0x20", "Size": 2, "Format": "Float32"},
    {"Name": "BROKEN", "Type": "Temperature", "Size": 1, "Format": "FixedPoint"}
  ],
  "StatusRegisters": [
    {"Offset": "0x9D", "Bits": [{"Name": "Reverse_Flow", "Type": "SensorReadingCritical", "BitPosition": 3}]}
  ]
}
"""

CSV = """# A made-up CDU
table,address,length,name,type,word_order,scale,unit,access,note
holding,5000,2,SupplyTemp,float32,"CDAB (word-swapped)",1,degC,ro,
holding,5002,2,ReturnTemp,float32,,1,degF,ro,
holding,5010,1,Pressure,int16,,0.01,bar,ro,gauge
input,12,1,Level,uint16,,,furlong,ro,
holding,20,,PumpSet,float32 CDAB,,,%,rw,0 or 25..100
holding,30,,Hours,2x uint32,,,h,ro,
holding,31,1,Mystery,quaternion,,,,ro,
holding,40,1,alarm.HighTemp,bit3,,,,ro,
holding,40,1,alarm.Leak,bit0,,,,ro,
coil,5,1,Run,bool,,,,rw,
holding,5001,1,Inside,uint16,,1,kPa,ro,
"""


def made(text: str, **options):
    return import_map(text, name="toy", origin="toy.map", **options)


def point(imported, name: str):
    return next(one for one in imported.profile.registers if one.name == name)


def remarks(imported, line: int) -> list[str]:
    return [one.what for one in imported.remarks if one.line == line]


def test_rackmon_values_follow_shift_scale_and_precision():
    imported = made(RACKMON)
    assert imported.kind == "rackmon"
    temp = point(imported, "outlet_temp_c_code")
    assert (temp.coding, temp.fraction_bits, temp.address) == (Coding.I16, 7, 100)
    assert decode(temp, [0xFF80]) == -1.0
    assert decode(point(imported, "flow_lpm_code"), [123]) == pytest.approx(12.3)
    assert decode(point(imported, "run_time_code"), [1, 2]) == 65538


def test_rackmon_little_endian_reverses_every_byte():
    backwards = point(made(RACKMON), "backwards_code")
    assert backwards.word_order is WordOrder.DCBA
    assert decode(backwards, [0x1234, 0x5678]) == 0x78563412


def test_rackmon_flags_count_from_the_least_significant_register():
    imported = made(RACKMON)
    low, high = point(imported, "low_bool"), point(imported, "high_bool")
    assert (low.address, low.bit) == (107, 0)
    assert (high.address, high.bit) == (106, 1)


def test_rackmon_names_what_it_cannot_know():
    imported = made(RACKMON)
    assert any("sign not stated" in what for what in remarks(imported, 10))
    assert not any("sign not stated" in what for what in remarks(imported, 8))  # it is stated there
    assert any("the name suggests L/min" in what for what in remarks(imported, 10))
    assert any("register 7 is written by rackmon" in what for what in remarks(imported, 6))
    dropped = {one.name: one for one in imported.remarks if one.dropped}
    assert set(dropped) == {"Out", "Odd", "Nobody"}
    assert dropped["Odd"].line == 15


def test_rackmon_text_becomes_a_text_point():
    (serial,) = made(RACKMON).profile.texts
    assert (serial.name, serial.address, serial.register_count) == ("serial", 110, 4)


def test_units_from_names_only_on_request():
    assert point(made(RACKMON), "flow_lpm_code").unit == "code"
    flow = point(made(RACKMON, units_from_names=True), "flow_lpm")
    assert flow.unit == "L/min"


def test_phosphor_units_come_from_the_type():
    imported = made(PHOSPHOR)
    assert imported.kind == "phosphor-modbus"
    temp = point(imported, "supply_temp_c")
    assert (temp.unit, temp.coding) == ("degC", Coding.I16)
    assert decode(temp, [0xFFFF]) == pytest.approx(-5.01)
    assert point(imported, "angle_code").unit == "code"
    assert point(imported, "rate_lpm").coding is Coding.F32
    assert point(imported, "reverse_flow_sensor_reading_critical_bool").bit == 3
    assert imported.profile.texts[0].address == 0x40


def test_phosphor_entry_without_an_address_is_dropped_with_its_line():
    (broken,) = [one for one in made(PHOSPHOR).remarks if one.dropped]
    assert (broken.line, broken.name, broken.what) == (10, "BROKEN", "Offset is missing")


def test_csv_units_are_converted_and_orders_kept():
    imported = made(CSV)
    supply = point(imported, "supply_temp_c")
    assert (supply.word_order, supply.table, supply.unit) == (WordOrder.CDAB, Table.HOLDING, "degC")
    back = point(imported, "return_temp_c")
    assert decode(back, [0x4248, 0]) == pytest.approx(10.0)  # 50 degF
    assert any("word order not stated" in what for what in remarks(imported, 4))
    pressure = point(imported, "pressure_kpa")
    assert decode(pressure, [0xFF9C]) == pytest.approx(-100.0)  # -1 bar
    assert point(imported, "alarm_high_temp_bool").bit == 3
    assert point(imported, "run_bool").table is Table.COIL


def test_csv_says_what_it_could_not_read():
    imported = made(CSV)
    assert point(imported, "level_code").unit == "code"
    assert any("'furlong' is not one we know" in what for what in remarks(imported, 6))
    assert any("length not stated" in what for what in remarks(imported, 7))
    dropped = {one.line: one.what for one in imported.remarks if one.dropped}
    assert set(dropped) == {8, 9, 13}
    assert "several values" in dropped[8]
    assert "unknown type 'quaternion'" in dropped[9]
    assert "overlaps SupplyTemp of line 3" in dropped[13]
    for line in dropped:
        assert f"#   line {line}: " in imported.text


def test_csv_never_becomes_writable_by_itself():
    imported = made(CSV)
    assert all(one.write is None for one in imported.profile.registers)
    assert point(imported, "pump_set_pct").access == "rw"


def test_every_remark_stands_in_the_file():
    for text in (RACKMON, PHOSPHOR, CSV):
        imported = made(text)
        for remark in imported.remarks:
            assert remark.what[:60] in imported.text


def test_csv_in_reference_notation():
    text = "Register;Name;Data type;Unit\n40001;Setpoint;int16;%\n30011;Supply;uint16;degC\n10029;Low flow;bool;\n"
    imported = made(text, choices=Choices(notation="4xxxx"))
    places = {one.name: (one.table, one.address) for one in imported.profile.registers}
    assert places == {
        "setpoint_pct": (Table.HOLDING, 0),
        "supply_c": (Table.INPUT, 10),
        "low_flow_bool": (Table.DISCRETE, 28),
    }


def test_csv_without_a_table_asks_for_one():
    text = "address,name,type\n1,Speed,uint16\n"
    with pytest.raises(NotAMap, match="line 2: Speed: table not stated: say --table"):
        made(text)
    assert point(made(text, choices=Choices(table="input")), "speed_code").table is Table.INPUT


def test_csv_of_several_units_asks_which():
    text = "unit_id,table,address,name,type\n4,holding,1,A,uint16\n5,holding,1,B,uint16\n"
    with pytest.raises(NotAMap, match=r"(?s)2 units.*line 3: unit 5: B"):
        made(text)
    (only,) = made(text, choices=Choices(unit_id=5)).profile.registers
    assert only.name == "b_code"


def test_csv_flag_lines_inherit_their_register():
    text = (
        "begin,length,flags_bit,flags_name,format,precision,sign,scale,shift,name\n"
        "50,1,,,FLAGS,,,,,Status\n,,1,Upper,,,,,,\n,,0,Lower,,,,,,\n51,1,,,FLOAT,0,True,0.1,,Pressure_kPa\n"
    )
    imported = made(text)
    assert {(one.name, one.address, one.bit) for one in imported.profile.registers if one.coding is Coding.BITS} == {
        ("upper_bool", 50, 1),
        ("lower_bool", 50, 0),
    }
    assert decode(point(imported, "pressure_kpa_code"), [0xFFFF]) == pytest.approx(-0.1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "no header line"),
        ("a,b,c\n1,2,3\n", "no header line"),
        ("{", "not JSON: .* at line 1"),
        ("{" * 50, "not JSON|nested deeper"),
        ('{"registers": [], "probe_register": 1}', "nothing in it can be imported as rackmon"),
        ('{"points": [\n{"addr": 7}]}', r"(?s)neither a rackmon map.*line 2: points\[0\]"),
        ("[1, 2]", "not an object"),
        (
            '{"registers": [{"begin": 1, "length": 1, "format": "FLOAT", "scale": 1e999}], "probe_register": 1}',
            "scale inf",
        ),
        ('{"' + '\\"' * 100_000 + "\\", "not JSON"),
        ('{"registers": NaN}', "NaN is not a JSON value"),
    ],
)
def test_nonsense_gets_a_sentence(text, sentence):
    with pytest.raises(NotAMap, match=sentence):
        made(text)


def test_wrong_format_for_the_text():
    with pytest.raises(NotAMap, match="nothing in it can be imported as phosphor"):
        made(RACKMON, map_format=MapFormat.PHOSPHOR)


def test_a_map_has_a_size(tmp_path):
    path = tmp_path / "huge.csv"
    path.write_bytes(b"x" * ((4 << 20) + 1))
    with pytest.raises(NotAMap, match="longer than 4194304 bytes"):
        read_map(path)
    with pytest.raises(NotAMap, match="not a regular file"):
        read_map(tmp_path)
    path.write_bytes(b"a\n\xff")
    with pytest.raises(NotAMap, match="not UTF-8 text at line 2"):
        read_map(path)


def test_lines_are_counted_as_editors_do():
    text = "table,address,name,type\r\nholding,1,A\x0bB\u2028C,uint16\r\nholding,2,D,what\r\n"
    assert [one.line for one in made(text).remarks if one.dropped] == [3]


def test_same_names_stay_apart():
    text = "table,address,name,type,unit\nholding,1,Temp,int16,degC\nholding,2,Temp,int16,degC\n"
    assert [one.name for one in made(text).profile.registers] == ["temp_c", "temp_h2_c"]
