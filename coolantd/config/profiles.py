"""Device profiles: TOML files, packaged or the site's own, to ``protocol.profile.Profile``. Knows no device.

Packaged profiles are read through ``importlib.resources``, so that an installed wheel carries them.
"""

from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from coolantd.config.document import Document, merge
from coolantd.config.explain import explain
from coolantd.config.profile_build import BRANCH, build_points, build_profile
from coolantd.config.profile_checks import check_profile
from coolantd.config.profile_models import ProfileModel
from coolantd.config.source import FILES_MAX, Source, parse_source, read_source
from coolantd.errors import ConfigError, Problem
from coolantd.protocol.profile import Profile

_SUFFIX: Final = ".toml"


@dataclass(frozen=True, slots=True)
class ProfileFile:
    """One profile file as read once; devices of different branch counts expand the same one.

    Attributes:
        name: as configured.
        source: its bytes.
        document: where its keys stand.
        model: its content, or None when it is unusable.
        problems: why.
    """

    name: str
    source: Source
    document: Document
    model: ProfileModel | None
    problems: tuple[Problem, ...]


def packaged_profiles() -> tuple[str, ...]:
    """Return the names of the profiles that come with coolantd, sorted."""
    return tuple(sorted(_stem(file.name) for file in _packaged().iterdir() if file.name.endswith(_SUFFIX)))


def load_profile(name: str, *, profiles_dir: Path | None, branches: int = 0) -> Profile:
    """Return a profile by name.

    Args:
        name: of a packaged profile, or of ``NAME.toml`` in ``profiles_dir``.
        profiles_dir: the site's own profiles, if it has any.
        branches: branches of a manifold; 0 for any other device.

    Raises:
        ConfigError: there is no such profile, or it is wrong; every problem with file and line.
    """
    file = read_profile(name, profiles_dir=profiles_dir)
    if file is None:
        where = str(profiles_dir) if profiles_dir else "the packaged profiles"
        known = ", ".join(packaged_profiles())
        raise ConfigError([Problem(file=where, line=0, key="", what="no such profile", value=name, allowed=known)])
    profile, problems = expand(file, branches)
    if profile is None:
        raise ConfigError(problems)
    return profile


def site_profiles(profiles_dir: Path | None) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return (names of the site's own profiles, sentences about the directory itself); reads no file."""
    if profiles_dir is None:
        return (), ()
    try:
        names = sorted(_stem(entry.name) for entry in profiles_dir.iterdir() if entry.name.endswith(_SUFFIX))
    except OSError as error:
        return (), (f"cannot be listed: {error.strerror}",)
    packaged = set(packaged_profiles())
    sentences = [f"{name}{_SUFFIX} there shadows the packaged profile {name}" for name in names if name in packaged]
    if len(names) > FILES_MAX:
        sentences.append(f"holds {len(names)} profiles, more than {FILES_MAX}")
    return tuple(name for name in names if name not in packaged), tuple(sentences)


def read_profile(name: str, *, profiles_dir: Path | None) -> ProfileFile | None:
    """Read one profile file, packaged ones first; None if there is none of that name."""
    if name in packaged_profiles():
        resource = _packaged() / f"{name}{_SUFFIX}"
        source = parse_source(str(resource), resource.read_bytes())
    elif name in site_profiles(profiles_dir)[0] and profiles_dir is not None:
        source = read_source(profiles_dir / f"{name}{_SUFFIX}")
    else:
        return None
    return profile_file(name, source)


def profile_file(name: str, source: Source) -> ProfileFile:
    """Return a profile's content from its bytes, wherever they came from."""
    document = merge([source])
    if source.problems:
        return ProfileFile(name, source, document, None, source.problems)
    try:
        return ProfileFile(name, source, document, ProfileModel.model_validate(source.table), ())
    except ValidationError as error:
        return ProfileFile(name, source, document, None, tuple(explain(error, ProfileModel, document)))


def expand(file: ProfileFile, branches: int) -> tuple[Profile | None, tuple[Problem, ...]]:
    """Return a profile for a number of branches, or None and why not."""
    if file.model is None:
        return None, file.problems
    entries, problems = build_points(file.model, file.document, branches)
    profile = build_profile(file.name, file.model, entries)
    problems = problems or check_profile(profile, entries, file.document)
    return (None, tuple(problems)) if problems else (profile, ())


def uses_branches(file: ProfileFile) -> bool:
    """Return whether a profile describes branches, so that a device using it must say how many it has."""
    return file.model is not None and any(BRANCH in message.topic for message in file.model.message)


def _packaged() -> Traversable:
    return resources.files("coolantd") / "profiles"


def _stem(name: str) -> str:
    return name.removesuffix(_SUFFIX)
