"""The cache of machine code: named after its sources, wiped when damaged, never a reason to stop controlling."""

import asyncio
import json
import os
import select
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from coolantd.control.sequence import DECIDE
from coolantd.control.stages import INTERPRETED
from coolantd.errors import CoolantdError
from coolantd.service import kernel_manifest, kernels

COMPILE_TIMEOUT_S = 300.0
"""Half a minute of a core, and the machine may be busy."""
WARM = """
import asyncio, json, sys
from dataclasses import fields
from pathlib import Path
from coolantd.errors import CoolantdError
from coolantd.service import kernels
try:
    stages = asyncio.run(kernels.warm(Path(sys.argv[1])))
except CoolantdError as error:
    print(json.dumps({"refused": str(error)}))
else:
    print(json.dumps({"compiled": all(hasattr(getattr(stages, each.name), "py_func") for each in fields(stages))}))
"""


def warm_in_a_process_of_its_own(base: Path) -> dict:
    """numba reads its cache directory once per process, as the daemon does."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("NUMBA_")}
    done = subprocess.run(
        [sys.executable, "-c", WARM, str(base)],
        capture_output=True,
        env=environment,
        timeout=COMPILE_TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 0, (done.returncode, done.stderr[-2000:])
    return json.loads(done.stdout)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the kernel sources that ``cache_directory`` is led to look at."""
    real = Path(kernels.__file__).parent.parent
    copy = tmp_path / "coolantd"
    for room in kernels.SOURCE_ROOMS:
        source = real / room
        if source.is_dir():
            shutil.copytree(source, copy / room, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, copy / room)
    (copy / "service").mkdir()
    monkeypatch.setattr(kernels, "__file__", str(copy / "service" / "kernels.py"))
    return copy


@pytest.mark.parametrize(
    "source",
    ["control/pid.py", "control/layout.py", "control/actuators.py", "safety/modes.py", "kernel.py", "point.py"],
)
def test_the_cache_directory_changes_with_every_kernel_source(package, tmp_path, source):
    before = kernels.cache_directory(tmp_path)
    assert kernels.cache_directory(tmp_path) == before
    (package / source).write_text((package / source).read_text() + "\n# changed\n")
    assert kernels.cache_directory(tmp_path) != before


def test_the_cache_directory_changes_with_a_new_source_and_with_the_compiler(package, tmp_path, monkeypatch):
    before = kernels.cache_directory(tmp_path)
    monkeypatch.setattr(kernels.metadata, "version", lambda name: "99.0")
    other = kernels.cache_directory(tmp_path)
    (package / "control" / "zz_new.py").write_text("")
    assert len({before, other, kernels.cache_directory(tmp_path)}) == 3
    assert before.parent == tmp_path


def test_fm_29_a_law_that_differs_from_the_interpreted_one_is_refused(monkeypatch):
    def nearly(fixed, memory, seen, result, dt_s):
        DECIDE.function(fixed, memory, seen, result, dt_s)
        result.demands[:] *= 1.0 + 1e-15

    monkeypatch.setattr(kernels, "compiled_stages", lambda: replace(INTERPRETED, decide=nearly))
    with pytest.raises(CoolantdError, match="differs"):
        kernels.compile_and_prove()


async def failing(statuses, directories, directory):
    """A child that ends as it is told; where that is well, it leaves a cache."""
    directories.append((directory, sorted(path.name for path in directory.iterdir())))
    if statuses[0] == 0:
        (directory / "law.nbc").write_bytes(b"machine code")
        kernel_manifest.seal(directory)
    return statuses.pop(0)


@pytest.mark.parametrize(("statuses", "compiled"), [([0], True), ([-11, 0], True), ([1, -6], False)])
def test_fm_29_a_child_that_dies_costs_the_cache_and_one_more_attempt(tmp_path, monkeypatch, statuses, compiled):
    """A signal in a damaged cache reaches the child, never the daemon."""
    seen, attempts = [], len(statuses)
    directory = kernels.cache_directory(tmp_path)
    directory.mkdir(parents=True)
    (directory / "damaged.nbc").write_bytes(b"\x00")
    monkeypatch.setattr(kernels, "_run_child", lambda where: failing(statuses, seen, where))
    monkeypatch.setattr(kernels, "compile_and_prove", lambda: ("decide", "gate"))
    monkeypatch.delenv("NUMBA_CACHE_DIR", raising=False)
    if compiled:
        assert asyncio.run(kernels.warm(tmp_path)) == ("decide", "gate")
        assert os.environ.pop("NUMBA_CACHE_DIR") == str(directory)
        assert [path.name for path in tmp_path.iterdir()] == [directory.name]
    else:
        with pytest.raises(CoolantdError, match="status -6"):
            asyncio.run(kernels.warm(tmp_path))
    assert [files for _, files in seen] == [["damaged.nbc"], []][:attempts]


@pytest.mark.parametrize("spoil", ["bytes", "list", "rights"])
def test_fm_29_what_changed_after_the_child_has_proved_it_is_not_loaded(tmp_path, monkeypatch, spoil):
    async def child(directory):
        status = await failing([0], [], directory)
        if spoil == "bytes":
            (directory / "law.nbc").write_bytes(b"machine bode")
        elif spoil == "list":
            (directory / kernel_manifest.MANIFEST).unlink()
        else:
            directory.chmod(0o777)
        return status

    def loaded():
        raise AssertionError("loaded")

    monkeypatch.setattr(kernels, "_run_child", child)
    monkeypatch.setattr(kernels, "compile_and_prove", loaded)
    with pytest.raises(CoolantdError, match="is not loaded"):
        asyncio.run(kernels.warm(tmp_path))


def test_fm_29_the_child_loads_nothing_that_is_not_as_it_was_left(tmp_path, monkeypatch):
    """Not even to see whether it crashes: an index of the cache is a pickle."""
    tmp_path.chmod(0o700)
    found = []
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(kernels.os, "nice", lambda by: None)
    monkeypatch.setattr(kernels, "_end_with_parent", lambda: None)
    monkeypatch.setattr(kernels, "compile_and_prove", lambda: found.append(sorted(p.name for p in tmp_path.rglob("*"))))
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "law.nbi").write_bytes(b"a pickle")
    kernels.main()
    (tmp_path / "rooms").mkdir()
    (tmp_path / "rooms" / "law.nbi").write_bytes(b"a pickle")
    kernel_manifest.seal(tmp_path)
    kernels.main()
    (tmp_path / "rooms" / "law.nbi").write_bytes(b"a nickle")
    kernels.main()
    whole = [kernels.LOCK_NAME, "law.nbi", kernel_manifest.MANIFEST, "rooms"]
    assert found == [[kernels.LOCK_NAME], whole, [kernels.LOCK_NAME]]
    tmp_path.chmod(0o777)
    with pytest.raises(SystemExit) as left:
        kernels.main()
    assert left.value.code == kernels.FOREIGN_STATUS
    assert len(found) == 3


def test_the_newest_versions_are_kept_for_a_roll_back(tmp_path, monkeypatch):
    for age in range(12):
        old = tmp_path / f"kernels-{age:02}"
        old.mkdir()
        os.utime(old, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(kernels, "_run_child", lambda where: failing([0], [], where))
    monkeypatch.setattr(kernels, "compile_and_prove", lambda: ("decide", "gate"))
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    asyncio.run(kernels.warm(tmp_path))
    others = {path.name for path in tmp_path.iterdir()} - {kernels.cache_directory(tmp_path).name}
    assert others == {f"kernels-{age:02}" for age in range(kernels.VERSIONS_MAX - 1)}


def test_fm_44_the_child_ends_with_its_daemon_and_does_not_begin_without_it(tmp_path):
    """A daemon that is killed again and again must not leave a compiler behind each time."""
    orphan = subprocess.run([sys.executable, "-m", "coolantd.service.kernels", "1"], timeout=60.0, check=False)
    assert orphan.returncode == kernels.ORPHAN_STATUS
    parent = "import subprocess, sys, os, time\n"
    parent += (
        "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]])\nprint(child.pid, flush=True)\ntime.sleep(60)"
    )
    child = "import sys, os, time\nsys.argv[1:] = [str(os.getppid())]\nfrom coolantd.service import kernels\n"
    child += "kernels._end_with_parent()\nprint('ready', flush=True)\ntime.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", parent, child], stdout=subprocess.PIPE, text=True) as process:
        number = os.pidfd_open(int(process.stdout.readline()))
        assert process.stdout.readline() == "ready\n"
        process.kill()
    assert select.select([number], [], [], 10.0)[0]
    os.close(number)


def test_one_process_at_a_time_compiles_into_a_directory(tmp_path):
    waiting = "import sys\nfrom pathlib import Path\nfrom coolantd.service import kernels\n"
    waiting += "with kernels.alone(Path(sys.argv[1])): pass"
    with kernels.alone(tmp_path):
        other = subprocess.Popen([sys.executable, "-c", waiting, str(tmp_path)])
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1.0)
    assert other.wait(60.0) == 0


@pytest.mark.parametrize("error", [EOFError(), MemoryError("no executable memory"), CoolantdError("differs")])
def test_fm_29_whatever_the_compiler_throws_in_the_daemon_itself_the_interpreted_law_goes_on(
    tmp_path, monkeypatch, error
):
    def broken():
        raise error

    monkeypatch.setattr(kernels, "_run_child", lambda where: failing([0], [], where))
    monkeypatch.setattr(kernels, "compile_and_prove", broken)
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    with pytest.raises(CoolantdError, match="could not be loaded"):
        asyncio.run(kernels.warm(tmp_path))


def test_fm_30_a_cache_directory_that_cannot_be_made_is_an_os_error(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(OSError, match="file"):
        asyncio.run(kernels.warm(blocked))


@pytest.fixture(scope="module")
def warm_cache(tmp_path_factory):
    base = tmp_path_factory.mktemp("cache")
    assert warm_in_a_process_of_its_own(base) == {"compiled": True}
    return base


def flipped(data: bytes) -> bytes:
    """One bit in each kilobyte."""
    array = np.frombuffer(data, dtype=np.uint8).copy()
    array[512::1024] ^= 0x10
    return array.tobytes()


DAMAGES = [
    pytest.param(suffix, spoil, id=f"{name}-{suffix}")
    for name, spoil in (
        ("emptied", lambda data: b""),
        ("truncated", lambda data: data[: len(data) // 2]),
        ("flipped", flipped),
    )
    for suffix in ((".nbc", ".nbi") if name == "truncated" else (".nbi", ".nbc"))
]
"""Each costs a compilation, so that CI makes one; the full run every kind of damage to both kinds of file."""


@pytest.mark.timeout(2.0 * COMPILE_TIMEOUT_S)
@pytest.mark.slow
@pytest.mark.parametrize(("suffix", "spoil"), DAMAGES if os.environ.get("COOLANTD_FULL") == "1" else DAMAGES[-1:])
def test_fm_29_a_damaged_cache_is_made_anew_and_equals_the_interpreted_law(warm_cache, tmp_path, spoil, suffix):
    """What is handed over has reproduced the interpreted law to the bit, in the child and in the daemon."""
    base = tmp_path / "cache"
    shutil.copytree(warm_cache, base)
    files = sorted(base.rglob(f"*{suffix}"))
    assert files
    for path in files:
        path.write_bytes(spoil(path.read_bytes()))
    assert warm_in_a_process_of_its_own(base) == {"compiled": True}
    assert kernel_manifest.damage(kernels.cache_directory(base)) == ""


@pytest.mark.timeout(2.0 * COMPILE_TIMEOUT_S)
def test_a_warm_cache_is_used_as_it_is(warm_cache):
    files = {path: path.stat().st_mtime_ns for path in warm_cache.rglob("*.nbc")}
    assert files
    assert warm_in_a_process_of_its_own(warm_cache) == {"compiled": True}
    assert {path: path.stat().st_mtime_ns for path in warm_cache.rglob("*.nbc")} == files
