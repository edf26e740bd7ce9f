"""Whatever is imported, the answer is a profile that loads or a sentence; never another error."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from coolantd.config.profiles import expand, profile_file
from coolantd.config.source import parse_source
from coolantd.lab.draft import NotAMap
from coolantd.lab.importing import MapFormat, import_map, text_of
from coolantd.lab.vendor_csv import Choices

ANY = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=12),
    st.sampled_from(["FLOAT", "INTEGER", "FLAGS", "STRING", "LONG", "B", "L", "0x10", "FixedPoint", "Float32"]),
)  # fmt: skip
SMALL = st.one_of(st.integers(0, 20), st.sampled_from([0.1, 1.0, 65535, 65536]), ANY)


def objects(*keys: str) -> st.SearchStrategy[dict[str, object]]:
    return st.dictionaries(st.sampled_from(keys), SMALL, max_size=len(keys))


REGISTER = st.builds(
    dict.__or__,
    objects("begin", "length", "format", "name", "precision", "scale", "shift", "sign", "endian", "flags"),
    st.one_of(
        st.just({}),
        st.fixed_dictionaries({"begin": st.integers(0, 70000), "length": st.integers(1, 4), "name": ANY}),
        st.fixed_dictionaries({
            "begin": st.integers(0, 99), "length": st.just(1), "format": st.just("FLAGS"),
            "flags": st.lists(st.lists(SMALL, max_size=3), max_size=4),
        }),
    ),
)  # fmt: skip
RACKMON = st.fixed_dictionaries(
    {"probe_register": SMALL, "name": ANY, "registers": st.lists(REGISTER, max_size=6)}
).map(json.dumps)
SENSOR = objects("Name", "Type", "Offset", "Size", "Precision", "Scale", "Shift", "IsSigned", "Format", "Bits")
PHOSPHOR = st.fixed_dictionaries(
    {
        "DeviceModel": ANY,
        "SensorRegisters": st.lists(SENSOR, max_size=5),
        "StatusRegisters": st.lists(SENSOR, max_size=3),
    }
).map(json.dumps)
CELL = st.one_of(
    st.sampled_from([
        "", "holding", "input", "coil", "1", "40001", "0x10", "float32", "uint16", "bit3", "CDAB", "0.1", "1/0",
        "x1e999",
        "degC", "bar", "rw", "2x uint16", "1e400", "-1", "STRING", "FLAGS", "65535", "4", "uint64", "float64", "-0",
    ]),
    st.text(alphabet=st.characters(exclude_characters="\n\r"), max_size=12),
)  # fmt: skip
HEADER = "table,address,length,name,type,word_order,scale,unit,access,note,min,max,precision,signed,bit,shift"
CSV = st.lists(st.lists(CELL, min_size=1, max_size=16).map(",".join), max_size=8).map(
    lambda rows: "\n".join([HEADER, *rows])
)


def judged(text: str, **options: object) -> None:
    try:
        imported = import_map(text, name="fuzz", origin="fuzz", **options)  # type: ignore[arg-type]
    except NotAMap:
        return
    again, problems = expand(profile_file("fuzz", parse_source("fuzz.toml", imported.text.encode())), 0)
    assert not problems
    assert again == imported.profile
    assert all(point.write is None for point in imported.profile.registers)


@settings(max_examples=300, deadline=None)
@given(RACKMON, st.booleans())
def test_rackmon(text, names):
    judged(text, units_from_names=names)


@settings(max_examples=300, deadline=None)
@given(PHOSPHOR)
def test_phosphor(text):
    judged(text)


@settings(max_examples=300, deadline=None)
@given(CSV, st.sampled_from(["0-based", "4xxxx"]), st.sampled_from([None, "input"]))
def test_csv(text, notation, table):
    judged(text, choices=Choices(notation, table, None))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(list(MapFormat)))
def test_noise(data, map_format):
    try:
        text = text_of(data)
    except NotAMap:
        return
    judged(text, map_format=map_format)


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet='{}[]":,\\\n 1registersprobe_', max_size=120), st.sampled_from(list(MapFormat)))
def test_nearly_json(text, map_format):
    judged(text, map_format=map_format)
