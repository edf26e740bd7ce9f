"""Two maps compared: every kind of difference is found, and nothing else."""

from dataclasses import replace

import pytest

from coolantd.config.profiles import load_profile
from coolantd.lab.compare import Kind, compare
from coolantd.protocol.profile import Coding, Profile, RegisterPoint, Table, TextPoint, WordOrder

POINT = RegisterPoint(
    name="temp_c", table=Table.HOLDING, address=10, coding=Coding.U16, unit="degC", minimum=0.0, maximum=90.0
)


def profile(*points: RegisterPoint, texts: tuple[TextPoint, ...] = ()) -> Profile:
    return Profile(name="a", title="a", source="a", verified=False, registers=points, texts=texts)


@pytest.mark.parametrize(
    ("change", "aspects"),
    [
        ({"coding": Coding.I16}, {"sign"}),
        ({"coding": Coding.U32}, {"size", "order"}),
        ({"coding": Coding.F32}, {"sign", "coding", "size", "order"}),
        ({"scale": 0.1}, {"scale"}),
        ({"fraction_bits": 3}, {"scale"}),
        ({"offset": -3000.0}, {"offset"}),
        ({"source_unit": "degF"}, {"unit"}),
        ({"maximum": 100.0}, {"range"}),
        ({"word_order": WordOrder.DCBA}, {"order"}),
        ({"word_order": WordOrder.CDAB}, set()),  # of one register only the bytes matter
        ({"name": "other_c"}, {"name"}),
        ({"address": 11}, {"address"}),
    ],
)
def test_one_change_is_one_difference(change, aspects):
    found = compare(profile(POINT), profile(replace(POINT, **change)))
    if not aspects:
        assert found == ()
        return
    (one,) = found
    assert one.kind is Kind.CHANGED
    assert {aspect.what for aspect in one.aspects} == aspects


def test_sign_conflict_of_two_maps_is_named():
    (one,) = compare(profile(POINT), profile(replace(POINT, coding=Coding.I16)))
    assert [(aspect.before, aspect.after) for aspect in one.aspects] == [("unsigned", "signed")]


def test_added_and_removed():
    other = replace(POINT, name="flow_c", address=20)
    assert [one.kind for one in compare(profile(POINT), profile(POINT, other))] == [Kind.ADDED]
    assert [one.kind for one in compare(profile(POINT, other), profile(POINT))] == [Kind.REMOVED]


def test_bits_of_one_register_are_points_of_their_own():
    bit = replace(POINT, name="a_bool", coding=Coding.BITS, unit="bool", maximum=1.0)
    both = profile(bit, replace(bit, name="b_bool", bit=1))
    assert [one.name for one in compare(profile(bit), both)] == ["b_bool"]


def test_texts_are_compared():
    text = TextPoint(name="serial", table=Table.HOLDING, address=5, register_count=4)
    assert compare(profile(POINT, texts=(text,)), profile(POINT, texts=(text,))) == ()
    (one,) = compare(profile(POINT, texts=(text,)), profile(POINT, texts=(replace(text, register_count=8),)))
    assert [aspect.what for aspect in one.aspects] == ["size"]
    assert compare(profile(POINT), profile(POINT, texts=(text,)))[0].kind is Kind.ADDED


def test_a_profile_equals_itself():
    known = load_profile("row-cdu", profiles_dir=None)
    assert compare(known, known) == ()
