"""The bounded box behind the MQTT link: newest per key, no growth, no starvation."""

import asyncio

import pytest

from coolantd.device.latest import LatestBox


async def test_a_newer_item_replaces_the_older_one_of_its_key():
    box = LatestBox(10)
    for i in range(1000):
        box.put("a", i)
        box.put("b", -i)
    assert await box.drain() == [999, -999]
    assert len(box) == 0
    assert box.dropped == 0


async def test_one_key_too_many_pushes_out_the_longest_waiting_and_is_counted():
    box = LatestBox(3)
    for key in "abcde":
        box.put(key, key)
    assert await box.drain() == ["c", "d", "e"]
    assert box.dropped == 2


async def test_a_key_put_again_keeps_its_turn_so_that_none_starves():
    box = LatestBox(10)
    for key in "abc":
        box.put(key, 0)
    sent = []
    for round_count in range(1, 4):
        key, item = await box.peek()
        box.settle(key, item)
        sent.append(key)
        for again in "abc":
            box.put(again, round_count)
    assert sorted(sent) == ["a", "b", "c"]


async def test_an_item_replaced_while_it_was_being_dealt_with_is_not_lost():
    box = LatestBox(10)
    box.put("a", "old")
    key, item = await box.peek()
    box.put("a", "new")
    box.settle(key, item)
    assert await box.peek() == ("a", "new")


async def test_waiting_for_items_and_for_emptiness():
    box = LatestBox(10)
    await box.wait_empty()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await box.drain()
    box.put("a", 1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await box.wait_empty()
    assert box.discard(lambda item: item == 1) == 1
    await box.wait_empty()
