"""Whose reply a frame is: the rules, without a socket."""

import pytest

from coolantd.errors import Fault
from coolantd.protocol.conversation import ABANDONED_MAX, Conversation
from coolantd.protocol.profile import Table
from coolantd.protocol.replies import ReadRequest, ReplyFault


def ask(transaction: int) -> ReadRequest:
    return ReadRequest(transaction, 1, Table.HOLDING, 0, 1)


def answer(transaction: int, word: int) -> bytes:
    return transaction.to_bytes(2, "big") + bytes.fromhex("0000 0005 01 03 02") + word.to_bytes(2, "big")


def refused(conversation: Conversation, data: bytes) -> Fault:
    with pytest.raises(ReplyFault) as caught:
        conversation.receive(data)
    return caught.value.fault


def test_reply_in_pieces_of_any_size() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    *pieces, last = (bytes([byte]) for byte in answer(1, 42))
    assert all(conversation.receive(piece) is None for piece in pieces)
    reply = conversation.receive(last)
    assert reply is not None
    assert (reply.words, reply.adu) == ((42,), answer(1, 42))
    assert conversation.abandon() is None


def test_fm39_late_replies_are_skipped_whenever_they_come() -> None:
    conversation = Conversation()
    for transaction in (1, 2):
        conversation.begin(ask(transaction))
        given_up = conversation.abandon()
        assert given_up is not None
        assert given_up.fault is Fault.TIMEOUT
    assert conversation.receive(answer(2, 22)) is None
    conversation.begin(ask(3))
    reply = conversation.receive(answer(1, 11) + answer(3, 33))
    assert reply is not None
    assert reply.words == (33,)


def test_late_reply_is_skipped_once_not_for_ever() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    conversation.abandon()
    assert conversation.receive(answer(1, 11)) is None
    assert refused(conversation, answer(1, 11)) is Fault.WRONG_TRANSACTION


def test_only_so_many_given_up_requests_are_remembered() -> None:
    conversation = Conversation()
    for transaction in range(1, ABANDONED_MAX + 2):
        conversation.begin(ask(transaction))
        conversation.abandon()
    assert conversation.receive(answer(2, 0)) is None
    assert refused(conversation, answer(1, 0)) is Fault.WRONG_TRANSACTION


def test_transaction_used_again_after_the_wrap_gets_its_reply() -> None:
    conversation = Conversation()
    conversation.begin(ask(5))
    conversation.abandon()
    conversation.begin(ask(5))
    reply = conversation.receive(answer(5, 55))
    assert reply is not None
    assert reply.words == (55,)


@pytest.mark.parametrize("transaction", [0, 1, 2])
def test_answer_to_nothing_asked_is_refused(transaction: int) -> None:
    assert refused(Conversation(), answer(transaction, 1)) is Fault.WRONG_TRANSACTION


def test_second_answer_is_skipped_but_named_if_it_is_all_that_came() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    assert conversation.receive(answer(1, 11) * 2) is not None
    conversation.begin(ask(2))
    assert conversation.receive(answer(1, 11)) is None
    given_up = conversation.abandon()
    assert given_up is not None
    assert given_up.fault is Fault.WRONG_TRANSACTION


def test_fm38_good_reply_with_garbage_behind_it_is_refused() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    assert refused(conversation, answer(1, 11) + b"\xff" * 8) is Fault.MALFORMED


def test_fm38_half_a_reply_at_the_deadline_is_malformed() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    assert conversation.receive(answer(1, 11)[:-1]) is None
    given_up = conversation.abandon()
    assert given_up is not None
    assert given_up.fault is Fault.MALFORMED


def test_frame_begun_before_the_request_is_not_its_reply() -> None:
    conversation = Conversation()
    assert conversation.receive(answer(1, 11)[:4]) is None
    conversation.begin(ask(1))
    assert refused(conversation, answer(1, 11)[4:]) is Fault.WRONG_TRANSACTION


def test_cancelled_requests_reply_may_straddle_the_next_request() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    assert conversation.receive(answer(1, 11)[:7]) is None
    conversation.abandon()
    conversation.begin(ask(2))
    reply = conversation.receive(answer(1, 11)[7:] + answer(2, 22))
    assert reply is not None
    assert reply.words == (22,)


def test_second_answer_is_held_against_one_request_only() -> None:
    conversation = Conversation()
    conversation.begin(ask(1))
    assert conversation.receive(answer(1, 11) * 2) is not None
    conversation.begin(ask(2))
    given_up = conversation.abandon()
    assert given_up is not None
    assert given_up.fault is Fault.TIMEOUT
