"""A configuration file and everything it names, read once and checked whole. Knows the order of the work.

Read every file once -> merge -> validate each part -> profiles -> cross-checks. Whatever is wrong, anywhere, ends
as one ``ConfigError`` with every problem; nothing else is ever raised (FM-43).
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Final

from coolantd.config.balance_model import BRANCHES_MAX
from coolantd.config.crosscheck import crosscheck
from coolantd.config.document import Document, merge
from coolantd.config.draft import DeviceDraft, Draft, draft, validate
from coolantd.config.explain import MISSING, shown
from coolantd.config.models import Config, DeviceConfig
from coolantd.config.profiles import (
    ProfileFile,
    expand,
    packaged_profiles,
    read_profile,
    site_profiles,
    uses_branches,
)
from coolantd.config.secrets import no_usable_secret
from coolantd.config.source import FILES_MAX, Source, read_source
from coolantd.errors import ConfigError, Problem
from coolantd.protocol.profile import Profile

DEFAULT_FILE: Final = Path("/etc/coolantd/coolantd.toml")
FRAGMENTS_DIR: Final = "conf.d"
PROFILES_DIR: Final = "profiles"
PROBLEMS_MAX: Final = 500
"""Nobody mends more at a time; a file of noise must not become a journal of noise."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A configuration that may be applied as it is.

    Attributes:
        config: the validated configuration.
        profiles: the profile of each device, by device name, branches expanded.
        digest: SHA-256 over all bytes read, in the order of ``files``, in hex.
        files: every file read: the main one, fragments, profiles.
    """

    config: Config
    profiles: Mapping[str, Profile]
    digest: str
    files: tuple[Path, ...]


def load(path: Path, *, secrets: bool = False) -> Loaded:
    """Read and check a configuration.

    Args:
        path: the main file; ``conf.d/*.toml`` beside it are read after it, in the order of their names.
        secrets: whether the broker's password must be there too: for the daemon, which cannot do without it.

    Raises:
        ConfigError: it cannot be used; carries every problem found, each with its file and line.
    """
    sources, problems = _read(path)
    document = merge(sources)
    problems += document.problems
    # With a file missing from the picture, what the others lack is no news, but what they say wrong still is.
    broken = any(source.problems for source in sources)
    config, found = validate(document)
    problems += [problem for problem in found if not broken or problem.what != MISSING]
    library = _Library(document)
    parts = library.equip(draft(document), path.parent / PROFILES_DIR)
    problems += library.problems
    problems += () if broken else crosscheck(parts)
    problems += _secret(config, document) if secrets else ()
    if problems or config is None:
        raise ConfigError(_bounded(problems))
    read = [*sources, *library.sources]
    return Loaded(
        config=config,
        profiles=MappingProxyType({d.name: d.profile for d in parts.devices if d.name and d.profile}),
        digest=hashlib.sha256(b"".join(source.data for source in read)).hexdigest(),
        files=tuple(Path(source.file) for source in read),
    )


def _secret(config: Config | None, document: Document) -> list[Problem]:
    fault = no_usable_secret(config.mqtt) if config is not None and config.mqtt is not None else None
    if fault is None or config is None or config.mqtt is None:
        return []
    key, what = fault
    return [document.problem(("mqtt", key), what, value=shown(str(getattr(config.mqtt, key))))]


def _read(path: Path) -> tuple[list[Source], list[Problem]]:
    problems: list[Problem] = []
    try:
        fragments = sorted(entry for entry in (path.parent / FRAGMENTS_DIR).iterdir() if entry.suffix == ".toml")
    except (FileNotFoundError, NotADirectoryError):
        fragments = []
    except (OSError, ValueError) as error:
        fragments = []
        what = f"cannot be listed: {getattr(error, 'strerror', None) or error}"
        problems.append(Problem(file=str(path.parent / FRAGMENTS_DIR), line=0, key="", what=what))
    if len(fragments) > FILES_MAX:
        allowed = f"at most {FILES_MAX}"
        where = str(path.parent / FRAGMENTS_DIR)
        problems.append(
            Problem(file=where, line=0, key="", what="too many fragments", value=str(len(fragments)), allowed=allowed)
        )
    sources = [read_source(file) for file in (path, *fragments[:FILES_MAX])]
    return sources, problems + [problem for source in sources for problem in source.problems]


class _Library:
    """The profiles of one load: each file read once, however many devices use it."""

    def __init__(self, document: Document) -> None:
        self.problems: list[Problem] = []
        self._document = document
        self._files: dict[str, ProfileFile | None] = {}
        self._site_dir: Path | None = None

    @property
    def sources(self) -> list[Source]:
        """The files read, in the order in which they were needed."""
        return [file.source for file in self._files.values() if file is not None]

    def equip(self, parts: Draft, beside: Path) -> Draft:
        """Return the draft with a profile at each device that has a usable one.

        Args:
            parts: the draft.
            beside: directory of the site's profiles, if it exists and the configuration names no other.
        """
        named = parts.paths.profiles_dir if parts.paths else None
        self._site_dir = named or (beside if _is_dir(beside) else None)
        key = ("paths", "profiles_dir")
        for sentence in site_profiles(self._site_dir)[1]:
            self.problems.append(self._document.problem(key, sentence, value=shown(str(self._site_dir))))
        return replace(parts, devices=tuple(self._equipped(device) for device in parts.devices))

    def _equipped(self, device: DeviceDraft) -> DeviceDraft:
        config = device.config
        if config is None:
            return device
        file = self._file(config.profile)
        if file is None:
            names = sorted({*packaged_profiles(), *site_profiles(self._site_dir)[0]})
            path = (*device.path, "profile")
            self.problems.append(
                self._document.problem(path, "no such profile", value=shown(config.profile), allowed=", ".join(names))
            )
            return device
        if wrong := self._wrong_branches(device, config, file):
            self.problems.append(wrong)
            return device
        profile, problems = expand(file, config.mqtt.branches if config.mqtt else 0)
        self.problems += problems
        return replace(device, profile=profile)

    def _file(self, name: str) -> ProfileFile | None:
        if name not in self._files:
            self._files[name] = read_profile(name, profiles_dir=self._site_dir)
        return self._files[name]

    def _wrong_branches(self, device: DeviceDraft, config: DeviceConfig, file: ProfileFile) -> Problem | None:
        if file.model is None:
            return None
        if config.mqtt is None:
            # Without branches such a profile is empty, which would be said of the profile, not of the device.
            what = f"profile {file.name} is for another transport"
            place = (*device.path, config.transport)
            return self._document.problem(place, what, allowed="mqtt = { ... }") if uses_branches(file) else None
        path = (*device.path, "mqtt", "branches")
        value = str(config.mqtt.branches)
        if uses_branches(file) and config.mqtt.branches == 0:
            what = f"profile {file.name} needs to know how many branches there are"
            return self._document.problem(path, what, value=value, allowed=f"1 to {BRANCHES_MAX}")
        if not uses_branches(file) and config.mqtt.branches > 0:
            return self._document.problem(path, f"profile {file.name} has no branches", value=value, allowed="0")
        return None


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _bounded(problems: Iterable[Problem]) -> list[Problem]:
    """Return each problem once, and no more than ``PROBLEMS_MAX`` of them."""
    kept = ConfigError(list(dict.fromkeys(problems))).problems
    if len(kept) <= PROBLEMS_MAX:
        return list(kept)
    more = len(kept) - PROBLEMS_MAX
    last = kept[PROBLEMS_MAX - 1]
    return [
        *kept[:PROBLEMS_MAX],
        replace(last, key="~", what=f"{more} more problems are not listed", value=None, allowed=""),
    ]
