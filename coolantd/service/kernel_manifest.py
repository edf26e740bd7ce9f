"""Says whether a directory of machine code is as it was left: a list of checksums beside the files (FM-29).

A damaged cache may crash whoever loads it, or load and be wrong: of single flipped bits most do. And an index of the
cache is a pickle, which runs whatever is in it. So nothing of it is opened before every byte is the one that was
written, in a directory that nobody else could have written to.

Knows files and sums; must never load any of them.
"""

import contextlib
import hashlib
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from coolantd.service.state_file import replace_file

MANIFEST: Final = "manifest.sha256"
SUFFIXES: Final = (".nbi", ".nbc")
"""Of the files that a compiler's cache consists of; others are never read."""
MANIFEST_BYTES_MAX: Final = 1 << 20
"""Ten thousand files; there are a few."""


def damage(directory: Path) -> str:
    """Return in words why nothing in a directory may be loaded; empty where everything is as ``seal`` left it."""
    try:
        return foreign(directory) or _difference(directory)
    except OSError as error:
        return f"{directory} cannot be read: {error.strerror}"


def foreign(directory: Path) -> str:
    """Return in words why a directory may hold what is not ours; empty where only we can have written to it.

    Raises:
        OSError: it cannot be looked at.
    """
    found = directory.stat(follow_symlinks=False)
    if not stat.S_ISDIR(found.st_mode):
        return f"{directory} is no directory"
    if found.st_uid != os.geteuid():
        return f"{directory} belongs to another user"
    if found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
        return f"{directory} can be written to by others"
    return ""


def seal(directory: Path) -> None:
    """Write the list of what is there now.

    Raises:
        OSError: it could not be written.
    """
    sums = _sums(directory)
    text = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
    replace_file(directory / MANIFEST, text.encode())


def wipe(directory: Path) -> None:
    """Remove everything below a directory but what others may hold open: plain files at its top that are no list."""
    with contextlib.suppress(OSError):
        (directory / MANIFEST).unlink(missing_ok=True)
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.suffix in SUFFIXES:
            path.unlink(missing_ok=True)


def _difference(directory: Path) -> str:
    try:
        with (directory / MANIFEST).open("rb") as file:
            text = file.read(MANIFEST_BYTES_MAX + 1)
    except FileNotFoundError:
        return "there is no list of its files"
    listed: dict[str, str] = {}
    for line in text.decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        listed[name] = digest
    found = _sums(directory)
    for name in sorted(listed.keys() | found.keys()):
        if listed.get(name) != found.get(name):
            return f"{name[:200]} is not as it was written"
    return "" if found else "it is empty"


def _sums(directory: Path) -> dict[str, str]:
    return {str(path.relative_to(directory)): _sum(path) for path in _files(directory)}


def _files(directory: Path) -> Iterator[Path]:
    return (path for path in directory.rglob("*") if path.suffix in SUFFIXES and path.is_file())


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
