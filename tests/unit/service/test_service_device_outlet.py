"""Who put a device to local: what the device itself shows of our heartbeat decides (FM-18, FM-22)."""

import pytest

from coolantd.errors import Fault
from coolantd.protocol.profile import Heartbeat, RemoteControl
from coolantd.service.device_outlet import BEATS_KEPT, DeviceOutlet

BEAT = Heartbeat(ours="ours_count", theirs="theirs_count", wrap_count=30_000, period_s=1.0, timeout_s=5.0)
REMOTE = RemoteControl(point="remote_bool", remote_value=1, local_value=0)
POLL_S = 0.5


class Gateway:
    """Acknowledges everything; passes it on while ``carries``."""

    def __init__(self):
        self.carries = True
        self.word = 0
        self.acknowledges = True

    waits = False

    def submit(self, value, done):
        if self.carries:
            self.word = int(value)
        done(None if self.acknowledges else Fault.TIMEOUT)

    def withdraw(self):
        """Nothing waits here."""


class Bench:
    """A device behind a gateway, in automatic for ten seconds."""

    def __init__(self, *, readable=True):
        self.gateway = Gateway()
        self.outlet = DeviceOutlet("cdu1", BEAT, self.gateway, remote=REMOTE, remote_outlet=Gateway())
        self.now_s = 100.0
        self.says = 1.0
        if readable:
            self.outlet.shows = lambda: (self.gateway.word, self.now_s)
        self.run(10.0)

    def run(self, duration_s):
        """Let cycles pass; return what was noticed of somebody at the panel."""
        noticed = []
        for _ in range(round(duration_s / POLL_S)):
            self.now_s += POLL_S
            noticed.append(self.outlet.watch(self.says, self.now_s, self.now_s))
            if not self.outlet.put_local:
                self.outlet.beat(self.now_s)
        return [each for each in noticed if each is not None]


@pytest.mark.parametrize(("fault", "next_count"), [("withdrawn", 10), ("not_connected", 10), ("timeout", 11)])
def test_i13_a_heartbeat_that_never_left_is_not_counted(fault, next_count):
    """Whether one was asked for just before the link was lost is luck, and no command may hang on that."""
    bench = Bench()
    before = bench.outlet.count
    bench.gateway.submit = lambda value, done: done(Fault(fault))
    bench.run(1.0)
    assert bench.outlet.count == before + (next_count - 10)


class Queue:
    """One place, as a bus has it: what is newer takes it, and the older is told."""

    def __init__(self):
        self.place = None

    @property
    def waits(self):
        return self.place is not None

    def submit(self, value, done):
        replaced, self.place = self.place, (value, done)
        if replaced is not None:
            replaced[1](Fault.NOT_CONNECTED)

    def end(self, fault):
        (value, done), self.place = self.place, None
        done(fault)
        return value


@pytest.mark.parametrize("replaced", [0, 1, 2])
def test_i13_heartbeats_that_wait_for_a_link_use_up_one_number_at_most(replaced):
    """However many took each other's place: how many there were is luck too."""
    bench = Bench()
    before = bench.outlet.count
    queue = bench.outlet.beat_outlet = Queue()
    for _ in range(1 + replaced):
        bench.run(1.0)
    assert queue.end(Fault.EXPIRED) == before + 1
    assert bench.outlet.count == before
    bench.run(1.0 + replaced)
    assert queue.end(None) == before + 1
    bench.run(1.0)
    assert queue.end(None) == before + 2


def test_i13_a_heartbeat_on_its_way_keeps_its_number_and_the_next_has_another():
    bench = Bench()
    before = bench.outlet.count
    answers = []
    bench.gateway.submit = lambda value, done: answers.append((value, done))
    bench.run(2.0)
    assert [value for value, _ in answers] == [before + 1, before + 2]
    answers[0][1](Fault.TIMEOUT)
    answers[1][1](Fault.EXPIRED)
    assert bench.outlet.count == before + 1


def test_i13_the_first_count_that_never_left_is_the_one_before_the_wrap():
    bench = Bench()
    bench.outlet.count = BEAT.wrap_count
    bench.gateway.submit = lambda value, done: done(Fault.WITHDRAWN)
    bench.run(1.0)
    assert bench.outlet.count == BEAT.wrap_count


def test_fm_22_a_device_that_shows_our_heartbeat_and_goes_local_was_put_there():
    bench = Bench()
    bench.says = 0.0
    assert bench.run(3.0) == [True]
    assert bench.outlet.put_local


def test_fm_18_a_device_whose_gateway_keeps_our_heartbeats_fell_back_by_itself():
    bench = Bench()
    bench.gateway.carries = False
    assert bench.run(BEAT.timeout_s) == []
    bench.says = 0.0
    assert bench.run(20.0) == []
    assert not bench.outlet.put_local
    assert bench.outlet.ask_to_obey(bench.now_s), "it is ours to take again"


@pytest.mark.parametrize("readable", [False, True])
def test_fm_22_nothing_follows_from_a_register_that_never_showed_a_heartbeat(readable):
    bench = Bench(readable=False)
    if readable:
        bench.outlet.shows = lambda: (31_000, bench.now_s)
    bench.run(10.0)
    bench.says = 0.0
    assert bench.run(3.0) == [True]


def test_fm_22_a_gateway_that_carries_again_makes_the_panel_count_again():
    bench = Bench()
    bench.gateway.carries = False
    bench.run(BEAT.timeout_s)
    bench.gateway.carries = True
    bench.run(5.0)
    bench.says = 0.0
    assert bench.run(3.0) == [True]


def test_the_heartbeats_remembered_are_bounded():
    bench = Bench()
    bench.run(200.0)
    assert len(bench.outlet.beats) == BEATS_KEPT
