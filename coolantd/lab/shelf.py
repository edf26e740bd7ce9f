"""Profiles by name or by file. Knows where they lie; not what is in them."""

from pathlib import Path
from typing import Final

from coolantd.config.profiles import (
    ProfileFile,
    expand,
    packaged_profiles,
    profile_file,
    read_profile,
    site_profiles,
    uses_branches,
)
from coolantd.config.source import read_source
from coolantd.errors import ConfigError, Problem
from coolantd.protocol.profile import Profile, RegisterPoint, Table

SITE_DIR: Final = Path("/etc/coolantd/profiles")
"""Where a site keeps its own profiles unless its configuration says otherwise."""
_SUFFIX: Final = ".toml"
_FIRST_REFERENCE: Final = {Table.COIL: 1, Table.DISCRETE: 10_001, Table.INPUT: 30_001, Table.HOLDING: 40_001}
_FIRST_LONG_REFERENCE: Final = {
    Table.COIL: 1, Table.DISCRETE: 100_001, Table.INPUT: 300_001, Table.HOLDING: 400_001,
}  # fmt: skip


def names(profiles_dir: Path) -> tuple[tuple[str, str], ...]:
    """Return (name, where it lies) of every packaged profile and every one of the site's, sorted."""
    own, _ = site_profiles(profiles_dir if profiles_dir.is_dir() else None)
    return (*((name, "packaged") for name in packaged_profiles()), *((name, "site") for name in own))


def take(what: str, profiles_dir: Path) -> ProfileFile:
    """Return a profile's file by its name, or by a path that ends in ``.toml``.

    Raises:
        ConfigError: there is none.
    """
    if what.endswith(_SUFFIX):
        path = Path(what)
        return profile_file(path.stem, read_source(path))
    found = read_profile(what, profiles_dir=profiles_dir if profiles_dir.is_dir() else None)
    if found is None:
        known = ", ".join(name for name, _ in names(profiles_dir))
        problem = Problem(
            file=str(profiles_dir), line=0, key="", what="no such profile", value=ascii(what[:80]),
            allowed=f"{known}, or a file ending in {_SUFFIX}",
        )  # fmt: skip
        raise ConfigError([problem])
    return found


def opened(file: ProfileFile) -> Profile:
    """Return the profile in a file, of a manifold the one with a single branch.

    Raises:
        ConfigError: it is wrong; every problem with file and line.
    """
    profile, problems = expand(file, 1 if uses_branches(file) else 0)
    if profile is None:
        raise ConfigError(problems)
    return profile


def reference(table: Table, address: int) -> str:
    """Return a wire address as vendors print it: 1-based, the table as the first digit; 40001 is holding 0."""
    first = _FIRST_REFERENCE if address < 9999 else _FIRST_LONG_REFERENCE
    digits = 5 if address < 9999 else 6
    return f"{first[table] + address:0{digits}d}"


def coding_words(point: RegisterPoint) -> str:
    """Return how a point is coded, in a few words: ``f32 CDAB``, ``bits 3``, ``u16 x0.1``."""
    words = [str(point.coding)]
    if point.coding.value == "bits":
        last = point.bit + point.bit_count - 1
        words.append(f"{point.bit}" if last == point.bit else f"{point.bit}-{last}")
    elif point.coding.register_count > 1 or point.word_order.value != "ABCD":
        words.append(point.word_order)
    if point.raw_span is not None:
        span = point.raw_span
        words.append(
            f"{span.raw_minimum:g}..{span.raw_maximum:g}={span.value_minimum:g}..{span.value_maximum:g}",
        )
    if point.scale != 1.0:
        words.append(f"x{point.scale:g}")
    if point.fraction_bits:
        words.append(f"/2^{point.fraction_bits}")
    if point.offset != 0.0:
        words.append(f"{point.offset:+g}")
    if point.source_unit is not None:
        words.append(f"in {point.source_unit}")
    return " ".join(words)
