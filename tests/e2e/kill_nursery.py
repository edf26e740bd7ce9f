"""Bears real daemons quickly: imports everything once, then forks a process for each life.

One JSON line in, one pid out.
A life is the daemon's own class in a process of its own, with real files, sockets and signals; only the compiler is
left out, which would take longer than most lives. With ``die_at`` it kills itself with SIGKILL at a named place in the
code.
"""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

from coolantd import app
from coolantd.cli.run import _bound_stop
from coolantd.clock import SystemClock
from coolantd.service import log, state_file, surroundings, taking_over
from coolantd.service.cycle import Cycle
from coolantd.service.fleet import Fleet
from coolantd.service.journal import Journal
from coolantd.service.keeper import Keeper
from coolantd.service.writer import Writer


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def before(owner, name):
    """Die instead of a call."""
    setattr(owner, name, lambda *args, **options: die())


def after(owner, name):
    """Die once a call has done its work."""
    real = getattr(owner, name)

    def dying(*args, **options):
        real(*args, **options)
        die()

    setattr(owner, name, dying)


def half_written(path, data):
    Path(path).write_bytes(data[: len(data) // 2])
    die()


def half_appended(journal, line):
    with journal._path.open("ab") as file:
        file.write(line[: len(line) // 2])
    die()


PLACES = {
    "save_temporary_half_written": lambda: setattr(state_file, "_write_through", half_written),
    "save_temporary_not_synced": lambda: before(state_file.os, "fsync"),
    "save_not_renamed": lambda: before(state_file.Path, "replace"),
    "save_renamed_directory_not_synced": lambda: after(state_file.Path, "replace"),
    "save_done": lambda: after(state_file, "replace_file"),
    "journal_line_half_written": lambda: setattr(Journal, "_append", half_appended),
    "start_state_restored": lambda: after(Keeper, "_give_back"),
    "start_first_cycle": lambda: after(Cycle, "once"),
    "reload_read": lambda: before(app, "take_over"),
    "reload_nothing_changed_yet": lambda: before(taking_over, "PointTable"),
    "reload_fleet_changed": lambda: after(Fleet, "change"),
    "reload_writer_carried": lambda: after(Writer, "carry"),
    "reload_not_swapped": lambda: before(Cycle, "swap"),
    "reload_swapped": lambda: after(Cycle, "swap"),
    "kernels_not_exchanged": lambda: before(Cycle, "use_kernels"),
    "kernels_exchanged": lambda: after(Cycle, "use_kernels"),
    "stop_handing_over": lambda: before(Writer, "hand_over"),
    "stop_state_saved": lambda: after(Keeper, "stop"),
}
"""Named crash points in save, start, reload, exchange and stop."""


def off_by_six():
    real = Writer._send
    Writer._send = lambda self, actuator, value, now_s: real(self, actuator, value + 6.0, now_s)


def without_a_scan():
    Writer._in_touch = staticmethod(lambda actuator, snapshot: True)
    real = Writer.carry_out

    def at_once(self, plan, decision, snapshot, now_s):
        for device in self.devices.values():
            device.beat(now_s)
        real(self, plan, decision, snapshot, now_s)

    Writer.carry_out = at_once


def dead_disk():
    """Every call that would reach the disk takes longer than a life."""
    for owner, name in ((state_file.StateFile, "_read"), (state_file, "replace_file"), (Journal, "_append")):
        setattr(owner, name, lambda *args: time.sleep(60.0))


FAULTS = {"off_by_six": off_by_six, "without_a_scan": without_a_scan, "dead_disk": dead_disk}
"""Daemons that are wrong on purpose, where what looks for a violation must find one; and one whose disk is dead."""


async def uncompiled(base, cycle, metrics):
    """Stand in for the compiler: exchange the law for itself."""
    await asyncio.sleep(0.2)
    cycle.use_kernels(cycle.plan.stages)
    return False


def live(order):
    """One life, from the fork to its end."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    output = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((nothing, 0), (output, 1), (output, 2)):
        os.dup2(number, target)
    if order.get("die_at"):
        PLACES[order["die_at"]]()
    if order.get("fault"):
        FAULTS[order["fault"]]()
    log.configure()
    around = surroundings.Surroundings(compiler=uncompiled)
    daemon = app.Daemon(
        Path(order["config"]), clock=SystemClock(order["speed"]), on_stop=_bound_stop, surroundings=around
    )
    asyncio.run(daemon.run())
    log.shutdown()


def main():
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the system buries them
    gc.collect()
    gc.freeze()  # a child's collection would copy every page that is shared
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            try:
                live(order)
            except BaseException:
                sys.excepthook(*sys.exc_info())
                os._exit(1)
            os._exit(0)
        print(pid, flush=True)


if __name__ == "__main__":
    main()
