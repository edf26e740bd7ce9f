"""Ends the processes of a site whose owner was killed, and removes its files: a SIGKILL leaves an owner no last word.

The owner holds the one end of a pipe, a small process the other: at the end of the pipe the owner is gone, however it
went. Processes are told by handles, not by numbers that another may have by then. Asking the kernel to end a child with
its parent was the alternative: it means the parent's thread, and sites are started from threads that end.

    python -m coolantd.sim.reaper FOLDER        # pids on standard input, one a line
"""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Final

POLITE_S: Final = 6.0
"""For SIGTERM: a second more than the daemon promises."""
SLACK_S: Final = 5.0
"""For a reaper to notice that there is nothing left to do."""


class Reaper:
    """The owner's end.

    Args:
        folder: of the site; removed with its processes when the owner is killed.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - our own command line
            (sys.executable, "-m", "coolantd.sim.reaper", str(folder)),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # what ends a terminal's processes must not end it before them
        )

    def watch(self, pid: int) -> None:
        """Have a process ended when the owner is gone; nothing where the reaper itself was ended."""
        pipe = self._process.stdin
        with contextlib.suppress(OSError):
            if pipe is not None:
                pipe.write(f"{pid}\n".encode())
                pipe.flush()

    def close(self) -> None:
        """Let the reaper go; every process has been ended by now."""
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            self._process.communicate(timeout=POLITE_S + SLACK_S)
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()


def open_handles(lines: Iterable[bytes]) -> list[int]:
    """Return a handle of each process named, until the lines end; one that is gone already has none."""
    handles = []
    for line in lines:
        with contextlib.suppress(ValueError, OSError):
            handles.append(os.pidfd_open(int(line)))
    return handles


def end(handles: list[int]) -> None:
    """End processes politely, then not; those that have ended by themselves are left alone."""
    until_s = time.monotonic() + POLITE_S
    for number in (signal.SIGCONT, signal.SIGTERM):
        _tell(handles, number)
    while handles and time.monotonic() < until_s:
        over, _, _ = select.select(handles, [], [], until_s - time.monotonic())
        handles = [handle for handle in handles if handle not in over]
    _tell(handles, signal.SIGKILL)


def _tell(handles: list[int], number: signal.Signals) -> None:
    for handle in handles:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(handle, number)


def main() -> None:
    """Wait for the owner's end."""
    end(open_handles(sys.stdin.buffer))
    shutil.rmtree(sys.argv[1], ignore_errors=True)


if __name__ == "__main__":
    main()
