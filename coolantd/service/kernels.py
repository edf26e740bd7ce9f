"""Compiles the control law beside the daemon and hands over machine code only after it has proved itself.

A child process compiles and fills the cache, so that neither the seconds nor the memory of a compiler, nor a crash in
a damaged cache, ever reach the process that controls. The daemon then loads what the child proved and proves it again.
Until that has succeeded, and whenever it fails, the interpreted law goes on controlling.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import hashlib
import os
import shutil
import signal
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Final

import numpy as np

from coolantd.control import golden
from coolantd.control.stages import Stages, compiled_stages
from coolantd.errors import CoolantdError
from coolantd.service import kernel_manifest

COMPILE_TIMEOUT_S: Final = 600.0
"""Half a minute on an idle core; a small controller under load takes its time, and nothing waits for it."""
RELEASE_PERIOD_S: Final = 0.05
"""Loading takes about a second; a release costs a millisecond."""
VERSIONS_MAX: Final = 8
"""Of three megabytes each."""
LOCK_NAME: Final = "compiling.lock"
DIRECTORY_MODE: Final = 0o700
FOREIGN_STATUS: Final = 3
"""Of a child that found a cache others could have written to."""
ORPHAN_STATUS: Final = 4
"""Of one whose daemon was gone before it began."""
COMPILER_LIBRARY: Final = "libllvmlite"
MADV_DONTNEED: Final = 4
"""From <sys/mman.h>."""
PR_SET_PDEATHSIG: Final = 1
"""From <linux/prctl.h>."""
SOURCE_ROOMS: Final = ("control", "safety", "plant", "kernel.py", "point.py")
"""Whose sources make up a kernel: numba itself notices changes in one file only."""


def cache_directory(base: Path) -> Path:
    """Return the directory for exactly these sources, compiler and interpreter below ``base``."""
    package = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256(f"{sys.version_info[:3]} {metadata.version('numba')} {np.__version__}".encode())
    for room in SOURCE_ROOMS:
        place = package / room
        for source in sorted(place.glob("*.py")) if place.is_dir() else [place]:
            digest.update(source.name.encode() + source.read_bytes())
    return base / f"kernels-{digest.hexdigest()[:16]}"


def compile_and_prove() -> Stages:
    """Return the compiled kernels after they reproduced the interpreted law on the golden run.

    Raises:
        CoolantdError: they differ from it.
    """
    stages = compiled_stages()
    for plan in golden.golden_plans():
        expected = golden.golden_trace(plan)
        found = golden.golden_trace(plan.with_kernels(stages))
        if not np.array_equal(expected, found, equal_nan=True):
            raise CoolantdError("the compiled control law differs from the interpreted one")
    return stages


async def _run_child(directory: Path) -> int:
    """Compile in a child process of low priority; return its exit status, negative for a signal."""
    isolated = ["-I"] if sys.flags.isolated else []
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *isolated,
        "-m",
        "coolantd.service.kernels",
        str(os.getpid()),
        env={**os.environ, "NUMBA_CACHE_DIR": str(directory)},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(COMPILE_TIMEOUT_S):
            return await child.wait()
    finally:
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.kill()


def release_compiler_pages() -> None:
    """Give back the memory that only the compiler's own code occupied.

    Loading machine code pages in most of LLVM, some 60 MiB of a shared library that the daemon never runs again. Its
    executable pages are clean copies of a file: dropped, they would simply be read again if they were ever needed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/maps", encoding="utf-8") as maps:  # noqa: PTH123 - not a file on a disk
        mapped = [line.split() for line in maps if COMPILER_LIBRARY in line]
    for fields in mapped:
        if fields[1] == "r-xp":
            begin, end = (int(edge, 16) for edge in fields[0].split("-"))
            libc.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(end - begin), MADV_DONTNEED)
    libc.malloc_trim(0)


async def _release_repeatedly() -> None:
    """Keep the loading small too, not only its end: what one stage paged in, the next does not need."""
    while True:
        release_compiler_pages()
        await asyncio.sleep(RELEASE_PERIOD_S)


def _forget_old_versions(base: Path, keep: Path) -> None:
    """Leave the newest versions: a roll-back need not compile, and daemons of two versions need not fight."""
    others = [old for old in base.glob("kernels-*") if old != keep]
    with contextlib.suppress(OSError):  # another daemon may be at the same work
        others.sort(key=lambda old: old.stat().st_mtime, reverse=True)
    for old in others[VERSIONS_MAX - 1 :]:
        shutil.rmtree(old, ignore_errors=True)


async def warm(base: Path) -> Stages:
    """Return proved compiled kernels, from the cache below ``base`` if it is whole.

    The child wipes a cache that is not as it was left before anything of it is loaded; one that still makes it fail is
    removed and made anew once. The daemon loads nothing whose every byte is not the one that the child has proved.

    Raises:
        CoolantdError: no usable compiled law; the interpreted one goes on.
        OSError: the cache directory cannot be used.
    """
    directory = cache_directory(base)
    await asyncio.to_thread(directory.mkdir, DIRECTORY_MODE, parents=True, exist_ok=True)
    status = await _run_child(directory)
    if status != 0:
        await asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True)
        await asyncio.to_thread(directory.mkdir, DIRECTORY_MODE, parents=True, exist_ok=True)
        status = await _run_child(directory)
    if status != 0:
        raise CoolantdError(f"the compiler's process ended with status {status}")
    spoiled = await asyncio.to_thread(kernel_manifest.damage, directory)
    if spoiled:
        raise CoolantdError(f"the compiled control law is not loaded: {spoiled}")
    os.environ["NUMBA_CACHE_DIR"] = str(directory)  # read when numba is first imported, which is just now
    releasing = asyncio.create_task(_release_repeatedly(), name="release")
    try:
        kernels = await asyncio.to_thread(compile_and_prove)
    except Exception as error:  # whatever a compiler throws costs speed and never the daemon (FM-29)
        raise CoolantdError(f"the compiled control law could not be loaded: {error!r}") from error
    finally:
        releasing.cancel()
    release_compiler_pages()
    await asyncio.to_thread(_forget_old_versions, base, directory)
    return kernels


@contextlib.contextmanager
def alone(directory: Path) -> Iterator[None]:
    """Wait until no other process compiles into a directory: its work is then there to be loaded (numba #4807)."""
    with (directory / LOCK_NAME).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # let go of by the system however the process ends
        yield


def _end_with_parent() -> None:
    """Be killed when the daemon is gone: without a service manager nobody else would end half a minute of work."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if sys.argv[1:] != [str(os.getppid())]:  # gone before the line above
        raise SystemExit(ORPHAN_STATUS)


def main() -> None:
    """Compile, prove and leave the result in ``NUMBA_CACHE_DIR``: the child's whole life."""
    _end_with_parent()
    with contextlib.suppress(OSError):  # a sandbox may forbid it; then the compiler competes on equal terms
        os.nice(10)
    directory = Path(os.environ["NUMBA_CACHE_DIR"])
    if kernel_manifest.foreign(directory):
        raise SystemExit(FOREIGN_STATUS)  # the parent removes it, if it can
    with alone(directory):
        if kernel_manifest.damage(directory):
            kernel_manifest.wipe(directory)
        compile_and_prove()
        kernel_manifest.seal(directory)


if __name__ == "__main__":
    main()
