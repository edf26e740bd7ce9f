"""A cache of machine code is loaded only if it is, byte for byte, the one that was proved (FM-29)."""

import os
import random
import subprocess
import sys

import pytest

from coolantd.service import kernel_manifest
from coolantd.service.kernel_manifest import MANIFEST, damage, seal, wipe

TIMES = 25
FILES = ("rooms/sequence.decide-28.py311.nbi", "rooms/sequence.decide-28.py311.1.nbc", "rooms/sequence.gate.1.nbc")


@pytest.fixture
def cache(tmp_path):
    directory = tmp_path / "kernels-0"
    directory.mkdir(0o700)
    (directory / "rooms").mkdir()
    for k, name in enumerate(FILES):
        (directory / name).write_bytes(random.Random(k).randbytes(4000))
    seal(directory)
    assert damage(directory) == ""
    return directory


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_fm_29_25_truncations_of_each_file_are_all_noticed(cache, name):
    data = (cache / name).read_bytes()
    for k in range(TIMES):
        (cache / name).write_bytes(data[: k * len(data) // TIMES])
        assert damage(cache)
    (cache / name).write_bytes(data)
    assert damage(cache) == ""


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_fm_29_25_single_flipped_bits_of_each_file_are_all_noticed(cache, name):
    """Of single flipped bits two thirds load silently, the others crash whoever loads them."""
    data, random_ = (cache / name).read_bytes(), random.Random(7)
    for _ in range(TIMES):
        spoiled = bytearray(data)
        spoiled[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
        (cache / name).write_bytes(bytes(spoiled))
        assert damage(cache)


@pytest.mark.parametrize("name", [*FILES, MANIFEST])
def test_fm_29_a_file_that_is_gone_is_noticed(cache, name):
    (cache / name).unlink()
    assert damage(cache)


def test_fm_29_a_file_that_came_from_elsewhere_is_noticed(cache):
    (cache / "rooms" / "other.nbi").write_bytes(b"a pickle that runs")
    assert "other.nbi" in damage(cache)


def test_fm_29_an_empty_cache_is_no_whole_one(cache):
    wipe(cache)
    assert "no list" in damage(cache)
    seal(cache)
    assert damage(cache) == "it is empty"


@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_fm_29_a_directory_that_others_can_write_to_is_not_believed_whatever_its_sums(cache, mode):
    cache.chmod(mode)
    assert "written to by others" in damage(cache)


def test_fm_29_a_directory_of_another_user_or_a_link_is_not_believed(cache, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(cache)
    assert "no directory" in damage(tmp_path / "link")
    monkeypatch.setattr(kernel_manifest.os, "geteuid", lambda: os.getuid() + 1)
    assert "another user" in damage(cache)
    assert damage(tmp_path / "nowhere")


def test_wiping_leaves_the_lock_that_others_wait_for(cache):
    (cache / "compiling.lock").write_text("")
    wipe(cache)
    assert [path.name for path in cache.iterdir()] == ["compiling.lock"]


def test_fm_30_a_list_that_cannot_be_written_is_an_os_error_and_the_old_one_stays(cache):
    before = (cache / MANIFEST).read_bytes()
    limit = "import resource, sys\nfrom pathlib import Path\nfrom coolantd.service.kernel_manifest import seal\n"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (16, 16))\nimport signal\n"
    limit += "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\nseal(Path(sys.argv[1]))\n"
    done = subprocess.run([sys.executable, "-c", limit, str(cache)], capture_output=True, check=False)
    assert b"File too large" in done.stderr
    assert (cache / MANIFEST).read_bytes() == before
    assert damage(cache) == ""
