"""The state file's bytes: what was written comes back, and whatever is odd is one sentence (FM-48)."""

import hashlib
import math
import os
import random

import orjson
import pytest

from coolantd.service.state_format import BYTES_MAX, Moment, StateError, age_s, decode, encode

NOW = Moment(wall_s=1.75e9, boottime_s=5000.0, boot_id="a" * 32)
SECTIONS = {"latches": {"branch 3": {"cause": "leak", "wall_s": 1.75e9}}, "pump_run_s": {"cdu1.pump1": 3600.0}}
FULL = os.environ.get("COOLANTD_FULL") == "1"


def resealed(body: bytes, version: int = 1) -> bytes:
    return b"coolantd-state %d %s %d\n" % (version, hashlib.sha256(body).hexdigest().encode(), len(body)) + body


def test_fm_48_what_was_written_comes_back():
    saved = decode(encode(SECTIONS, NOW))
    assert saved.sections == SECTIONS
    assert saved.moment == NOW


def test_fm_48_a_file_cut_at_any_byte_is_refused():
    data = encode(SECTIONS, NOW)
    for length in range(len(data)):
        with pytest.raises(StateError):
            decode(data[:length])


def test_fm_48_a_file_with_its_end_of_zeros_from_any_byte_on_is_refused():
    """What a journaling file system leaves of a file whose length was written before its bytes."""
    data = encode(SECTIONS, NOW)
    for length in range(len(data)):
        with pytest.raises(StateError):
            decode(data[:length] + bytes(len(data) - length))


def test_fm_48_a_file_with_any_bit_flipped_is_refused():
    data = encode(SECTIONS, NOW)
    for place in range(len(data)):
        for bit in range(8):
            spoiled = bytearray(data)
            spoiled[place] ^= 1 << bit
            with pytest.raises(StateError):
                decode(bytes(spoiled))


def test_fm_48_two_versions_of_a_file_torn_together_at_any_byte_are_refused():
    old = encode(SECTIONS, NOW)
    new = encode({**SECTIONS, "latches": {}}, Moment(wall_s=1.76e9, boottime_s=6000.0, boot_id="a" * 32))
    for place in range(1, len(new)):
        torn = new[:place] + old[place:]
        if torn not in (old, new):
            with pytest.raises(StateError):
                decode(torn)


@pytest.mark.parametrize("seed", range(2000 if FULL else 200))
def test_fm_48_random_bytes_are_refused(seed):
    random_ = random.Random(seed)
    with pytest.raises(StateError):
        decode(b"coolantd-state 1 "[: random_.randrange(18)] + random_.randbytes(random_.randrange(400)))


MOMENT = {"wall_s": 1.75e9, "boottime_s": 5000.0, "boot_id": ""}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"null",
        b"[]",
        b"7",
        b"{}",
        b'{"moment": 3, "sections": {}}',
        b'{"sections": {}}',
        *(
            orjson.dumps(each)
            for each in (
                {"moment": MOMENT},
                {"moment": MOMENT, "sections": []},
                {"moment": MOMENT, "sections": {"latches": 3}},
                {"moment": {**MOMENT, "wall_s": "now"}, "sections": {}},
                {"moment": {**MOMENT, "boottime_s": None}, "sections": {}},
                {"moment": {**MOMENT, "boottime_s": True}, "sections": {}},
                {"moment": {**MOMENT, "boot_id": 7}, "sections": {}},
            )
        ),
        b"[" * 100_000,
        b'{"moment": ' * 2000,
        b"\xff\xfe",
    ],
    ids=range(17),
)
def test_fm_48_right_sums_over_wrong_types_are_refused(body):
    with pytest.raises(StateError):
        decode(resealed(body))


def test_fm_48_another_version_and_a_hostile_size_are_refused():
    body = encode(SECTIONS, NOW).split(b"\n", 1)[1]
    assert decode(resealed(body)).sections == SECTIONS
    with pytest.raises(StateError, match="version 2, known: 1"):
        decode(resealed(body, 2))
    with pytest.raises(StateError, match="larger"):
        decode(bytes(BYTES_MAX + 1))
    with pytest.raises(StateError, match="allowed: at most"):
        encode({"much": {"text": "x" * BYTES_MAX}}, NOW)
    with pytest.raises(StateError, match="cannot be written"):
        encode({"odd": {"set": {1, 2}}}, NOW)


def test_numbers_that_are_none_are_written_as_null():
    assert decode(encode({"a": {"b": math.nan}}, NOW)).sections == {"a": {"b": None}}


@pytest.mark.parametrize(
    ("saved", "now", "expected_s"),
    [
        pytest.param(("a", 100.0, 1.75e9), ("a", 160.0, 1.75e9 + 60.0), 60.0, id="same boot"),
        pytest.param(("a", 100.0, 1.75e9), ("a", 160.0, 0.0), 60.0, id="same boot, wall clock set back to 1970"),
        pytest.param(("a", 100.0, 1.75e9), ("a", 160.0, 1.9e9), 60.0, id="same boot, wall clock set years ahead"),
        pytest.param(("a", 160.0, 1.75e9), ("a", 100.0, 1.75e9), math.nan, id="same boot, later than now"),
        pytest.param(("a", 9e5, 1.75e9), ("b", 20.0, 1.75e9 + 300.0), 300.0, id="another boot"),
        pytest.param(("a", 9e5, 1.75e9), ("b", 20.0, 20.0), math.nan, id="another boot, clock not set"),
        pytest.param(("a", 9e5, 50.0), ("b", 20.0, 1.75e9), math.nan, id="written while the clock was not set"),
        pytest.param(("a", 9e5, 1.9e9), ("b", 20.0, 1.75e9), math.nan, id="written in the future"),
        pytest.param(("", 100.0, 1.75e9), ("", 160.0, 1.75e9 + 5.0), 5.0, id="boots unknown: the wall clock"),
        pytest.param(("", 100.0, 1.75e9), ("b", 160.0, 1.75e9 + 5.0), 5.0, id="boot unknown then"),
    ],
)
def test_fm_25_fm_48_an_age_is_told_by_the_boot_clock_or_a_wall_clock_that_makes_sense(saved, now, expected_s):
    then, present = (
        Moment(boot_id=boot, boottime_s=boottime_s, wall_s=wall_s) for boot, boottime_s, wall_s in (saved, now)
    )
    found_s = age_s(then, present)
    assert found_s == pytest.approx(expected_s, nan_ok=True)
