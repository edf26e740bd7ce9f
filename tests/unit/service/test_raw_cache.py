"""What the cache of raw words may say about a register: what it last was and since when, or nothing."""

import math

from coolantd.protocol.kinds import Table
from coolantd.service.raw_cache import READS_MAX, RawCache


def test_words_come_back_with_the_time_their_request_was_sent():
    cache = RawCache()
    cache.store(Table.HOLDING, 100, (1, 2, 3), 50.0)
    cached = cache.read(Table.HOLDING, 101, 2)
    assert cached is not None
    assert cached.words == (2, 3)
    assert cached.sent_s == (50.0, 50.0)


def test_a_range_over_two_reads_carries_the_time_of_each():
    cache = RawCache()
    cache.store(Table.INPUT, 3, (30, 31), 60.0)
    cache.store(Table.INPUT, 0, (10, 11, 12), 50.0)
    cached = cache.read(Table.INPUT, 1, 3)
    assert cached is not None
    assert cached.words == (11, 12, 30)
    assert cached.sent_s == (50.0, 50.0, 60.0)


def test_a_register_never_read_is_nothing_and_never_zero():
    cache = RawCache()
    cache.store(Table.HOLDING, 10, (7,), 50.0)
    assert cache.read(Table.HOLDING, 10, 2) is None
    assert cache.read(Table.HOLDING, 9, 1) is None
    assert cache.read(Table.HOLDING, 11, 1) is None
    before, at, after = cache.sent_times_s(Table.HOLDING, 9, 3)
    assert at == 50.0
    assert math.isnan(before)
    assert math.isnan(after)


def test_tables_do_not_mix():
    cache = RawCache()
    cache.store(Table.HOLDING, 10, (7,), 50.0)
    assert cache.read(Table.INPUT, 10, 1) is None
    assert cache.read(Table.COIL, 10, 1) is None


def test_the_next_read_of_the_same_span_takes_its_place():
    cache = RawCache()
    cache.store(Table.HOLDING, 10, (7, 8), 50.0)
    cache.store(Table.HOLDING, 10, (9, 10), 51.0)
    cached = cache.read(Table.HOLDING, 10, 2)
    assert cached is not None
    assert cached.words == (9, 10)
    assert cached.sent_s == (51.0, 51.0)


def test_after_the_plan_changed_the_youngest_word_of_each_register_counts():
    cache = RawCache()
    cache.store(Table.HOLDING, 0, (1, 1, 1, 1), 50.0)
    cache.store(Table.HOLDING, 0, (2, 2), 51.0)
    cache.store(Table.HOLDING, 3, (3,), 52.0)
    cached = cache.read(Table.HOLDING, 0, 4)
    assert cached is not None
    assert cached.words == (2, 2, 1, 3)
    assert cached.sent_s == (51.0, 51.0, 50.0, 52.0)


def test_an_older_read_stored_later_never_hides_a_younger_one():
    cache = RawCache()
    cache.store(Table.HOLDING, 0, (5, 5), 60.0)
    cache.store(Table.HOLDING, 0, (4, 4, 4), 50.0)
    cached = cache.read(Table.HOLDING, 0, 3)
    assert cached is not None
    assert cached.words == (5, 5, 4)


def test_nothing_is_left_after_clear():
    cache = RawCache()
    cache.store(Table.COIL, 0, (1, 0, 1), 50.0)
    cache.clear()
    assert cache.read(Table.COIL, 0, 1) is None
    assert math.isnan(cache.sent_times_s(Table.COIL, 0, 1)[0])


def test_ever_changing_plans_cannot_fill_memory_and_cost_only_the_oldest():
    cache = RawCache()
    for address in range(READS_MAX + 3):
        cache.store(Table.HOLDING, address, (address,), float(address))
    assert cache.read(Table.HOLDING, 2, 1) is None
    oldest_left = cache.read(Table.HOLDING, 3, READS_MAX)
    assert oldest_left is not None
    assert oldest_left.words[0] == 3
