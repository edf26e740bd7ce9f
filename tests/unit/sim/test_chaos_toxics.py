"""Every toxic against a known exchange: what a master would see of it. The lies must be lies, and nothing else."""

import random

import pytest

from coolantd.protocol.conversation import Conversation, Reply
from coolantd.protocol.kinds import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault, WriteRequest, request_adu
from coolantd.sim.chaos_deeds import Cut, Meddler, Say
from coolantd.sim.chaos_frames import FrameSplitter, opened
from coolantd.sim.chaos_toxics import TOXICS, Kind

READ = ReadRequest(77, 1, Table.HOLDING, 200, 12)
READ_REPLY = bytes.fromhex("004d0000001b010318") + bytes(range(24))
WRITE = WriteRequest(78, 1, Table.HOLDING, 222, (0x4248, 0))
WRITE_REPLY = bytes.fromhex("004e00000006011000de0002")
STREAM = {Kind.DELAY, Kind.JITTER, Kind.LATE, Kind.SLICE, Kind.TRICKLE, Kind.CLOSE, Kind.DUPLICATE, Kind.BABBLE}
"""Those that let the answer through: later, in pieces, or with something behind it."""
REPLY_ONLY_WRITES = {Kind.WRONG_ECHO, Kind.WRITE_MUTE, Kind.WRITE_REFUSED}
PASSING = STREAM | REPLY_ONLY_WRITES | {Kind.STALE_CACHE, Kind.NOT_A_NUMBER, Kind.FLAP, Kind.LIMIT, Kind.IMPOSTOR}
LINK_ONLY = {
    Kind.DEAF,
    Kind.HALF_OPEN,
    Kind.REFUSE,
    Kind.ACCEPT_MUTE,
    Kind.ACCEPT_RESET,
    Kind.WRITE_SWALLOWED,
}
"""Those that leave replies alone and the connection not."""
BY_CHANCE = {Kind.LATE_SOME, Kind.DROP_SOME, Kind.RESET_SOME, Kind.CORRUPT}


def meddler(seed=3):
    return Meddler(random.Random(seed), identity=210, sensor=203, count=1)


def heard(deeds, request):
    """What the daemon's own judge makes of what it would hear."""
    conversation = Conversation()
    conversation.begin(request)
    try:
        for deed in deeds:
            if isinstance(deed, Say) and (reply := conversation.receive(deed.data)) is not None:
                return reply
    except ReplyFault as refused:
        return refused
    return conversation.abandon()


def meddled(kind, *, request=READ, reply=READ_REPLY, seed=3):
    return TOXICS[kind].meddle(meddler(seed), opened(request_adu(request)), reply)


def test_every_kind_has_a_toxic():
    assert set(TOXICS) == set(Kind)


@pytest.mark.parametrize("kind", sorted(PASSING | LINK_ONLY))
def test_a_toxic_that_lets_an_answer_pass_passes_the_whole_of_it(kind):
    reply = heard(meddled(kind), READ)
    assert isinstance(reply, Reply)
    assert len(reply.words) == READ.count


@pytest.mark.parametrize("kind", sorted(set(Kind) - PASSING - LINK_ONLY - BY_CHANCE))
def test_fm_38_fm_39_a_toxic_that_lies_about_a_read_is_found_out(kind):
    for seed in range(20):
        assert isinstance(heard(meddled(kind, seed=seed), READ), ReplyFault), seed


@pytest.mark.parametrize("kind", sorted(REPLY_ONLY_WRITES))
def test_a_toxic_of_writes_is_found_out_by_a_write(kind):
    assert isinstance(heard(meddled(kind, request=WRITE, reply=WRITE_REPLY), WRITE), ReplyFault)


@pytest.mark.parametrize("kind", sorted(BY_CHANCE))
def test_a_toxic_by_chance_touches_some_and_not_all(kind):
    touched = [meddled(kind, seed=seed) != meddled(Kind.WRITE_MUTE) for seed in range(60)]
    assert 5 < sum(touched) < 40


def test_fm_20_the_impostor_changes_the_number_and_nothing_else():
    words = heard(meddled(Kind.IMPOSTOR), READ).words
    honest = heard(meddled(Kind.WRITE_MUTE), READ).words
    assert words[10] == 1
    assert [w for k, w in enumerate(words) if k != 10] == [w for k, w in enumerate(honest) if k != 10]


def test_fm_16_the_broken_sensor_is_a_quiet_nan():
    assert heard(meddled(Kind.NOT_A_NUMBER), READ).words[3] == 0x7FC0


def test_fm_18_the_stale_cache_repeats_the_first_answer_under_each_new_number():
    meddle, self = TOXICS[Kind.STALE_CACHE].meddle, meddler()
    asked = opened(request_adu(READ))
    meddle(self, asked, READ_REPLY)
    again = ReadRequest(79, 1, Table.HOLDING, 200, 12)
    newer = b"\0\x4f" + READ_REPLY[2:9] + bytes(24)
    deeds = meddle(self, opened(request_adu(again)), newer)
    assert heard(deeds, again).words == heard(meddled(Kind.WRITE_MUTE), READ).words
    assert not deeds[0].true


def test_only_an_honest_answer_counts_as_true():
    for kind in set(Kind) - PASSING - LINK_ONLY - BY_CHANCE - {Kind.LATE, Kind.BURST, Kind.REORDER}:
        assert not any(isinstance(deed, Say) and deed.true for deed in meddled(kind)), kind


def test_a_flapping_link_ends_every_so_often():
    toxic, self = TOXICS[Kind.FLAP], meddler()
    ends = 0
    for count in range(1, 49):
        self.count = count
        ends += any(isinstance(deed, Cut) for deed in toxic.meddle(self, opened(request_adu(READ)), READ_REPLY))
    assert ends == 4


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
def test_the_splitter_finds_the_frames_in_any_pieces(size):
    stream = READ_REPLY + WRITE_REPLY + READ_REPLY
    splitter = FrameSplitter()
    frames = [frame for at in range(0, len(stream), size) for frame in splitter.feed(stream[at : at + size])]
    assert frames == [READ_REPLY, WRITE_REPLY, READ_REPLY]


def test_a_write_of_registers_is_opened_with_its_words():
    asked = opened(request_adu(WRITE))
    assert (asked.function, asked.address, asked.count, asked.words) == (16, 222, 2, (0x4248, 0))
    assert asked.is_write
    assert asked.covers(223)
    assert not asked.covers(224)
