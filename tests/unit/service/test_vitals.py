"""What the daemon knows of itself: pauses of the collector, tasks, threads, memory; and when the watchdog is fed."""

import asyncio
import gc

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from coolantd.service.gc_watch import GcWatch
from coolantd.service.liveness import FRESH_S, Liveness
from coolantd.service.metrics import Metrics
from coolantd.service.vitals import FAULT_KEYS, STALLS_TASK, Vitals, settle_heap


class Silence:
    def record(self, event, **fields):
        raise AssertionError(event)


def test_fm_27_every_collection_is_timed_and_none_takes_a_lock():
    registry, watch = CollectorRegistry(), GcWatch()
    registry.register(watch)
    watch.start()
    for generation in (0, 1, 2, 2):
        gc.collect(generation)
    watch.stop()
    gc.collect()
    counts = [registry.get_sample_value("coolantd_gc_pause_seconds_count", {"generation": str(g)}) for g in range(3)]
    assert counts[2] == 2
    assert counts[0] >= 1
    assert counts[1] >= 1
    assert registry.get_sample_value("coolantd_gc_pause_seconds_sum", {"generation": "2"}) > 0.0
    watch.stop()  # a second stop is no error


def test_fm_27_after_start_what_lives_is_walked_no_more():
    heap = [{"n": n} for n in range(1000)]
    before = gc.get_freeze_count()
    settle_heap()
    assert gc.get_freeze_count() >= before + len(heap)
    gc.unfreeze()


async def test_fm_51_memory_descriptors_tasks_and_threads_are_shown():
    metrics, pulses = Metrics(), []
    vitals = Vitals(metrics, Silence(), pulses.append)
    vitals.start()
    try:
        idle = asyncio.create_task(asyncio.sleep(60.0))
        async with asyncio.timeout(60.0):
            while STALLS_TASK not in pulses:  # noqa: ASYNC110 - the thread knows no event of ours
                await asyncio.sleep(0.01)
        vitals.watch(0.0)
        text = generate_latest(metrics.registry).decode()
        shown = {line.split()[0]: float(line.split()[1]) for line in text.splitlines() if not line.startswith("#")}
        assert shown["coolantd_tasks"] >= 2
        assert shown["coolantd_threads"] >= 2
        assert shown["process_resident_memory_bytes"] > 1e6
        assert shown["process_open_fds"] > 3
        assert vitals.well()
        assert [fault.key for fault in vitals.faults()] == list(FAULT_KEYS)
        assert all(fault.active == bool(fault.detail) for fault in vitals.faults())
        idle.cancel()
    finally:
        vitals.stop()
        gc.unfreeze()


@pytest.mark.parametrize("silent", ["cycle", "modbus a", "publish"])
def test_fm_47_i12_one_task_that_does_not_turn_is_enough_to_starve_the_watchdog(silent):
    now = [0.0]
    liveness = Liveness(lambda: now[0])
    names = {"cycle", "modbus a", "publish"}
    for name in names:
        liveness.pulse(name)
    for _ in range(8):
        now[0] += 0.5
        for name in names - {silent}:
            liveness.pulse(name)
    assert now[0] > FRESH_S
    assert not liveness.all_fresh()
    liveness.forget(silent)
    assert liveness.all_fresh()
