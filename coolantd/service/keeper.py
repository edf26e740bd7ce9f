"""What survives a restart: sections, each kept and taken back by its owner, in one state file.

Knows names, ages and when to write. Must never know what a section holds. Read once before the first cycle; then every
section is asked now and then what it would keep, and a change is written. Anything odd means a cold start, which is
safe by itself: the file only makes it a better one (FM-48).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

import orjson
import structlog

from coolantd.service import state_format
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics
from coolantd.service.state_format import Fields, Moment, Saved, StateError

EVERY_S: Final = 1.0
"""Two cycles: what an operator has ordered is safe before they have looked away."""

log: Final = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """Something that survives a restart.

    Attributes:
        name: its key in the file.
        keep: returns what is to be known after a restart: JSON's types only, small, and equal while nothing that
            matters has changed.
        restore: takes it back before the first cycle, told how old it is in seconds, NaN where no clock can tell. It
            is given whatever the file holds, of any type below the top: it believes nothing and refuses by raising
            anything, before it has changed anything.
        age_max_s: what is older, or may be, is not restored. Infinite: it holds however old.
        every_s: how often ``keep`` is asked at most, so how much a crash may cost and how often a disk is written.
    """

    name: str
    keep: Callable[[], Fields]
    restore: Callable[[Fields, float], None]
    age_max_s: float = math.inf
    every_s: float = EVERY_S


class Store(Protocol):
    """Where the bytes are; see ``StateFile``. Only ``read`` may fail, and nothing but ``stop`` may wait."""

    async def read(self, bytes_max: int) -> bytes | None:
        """Return what was saved last, cut behind ``bytes_max + 1``; None for nothing. Raises OSError."""
        ...

    async def set_aside(self) -> None:
        """Put away what cannot be believed."""
        ...

    def start(self) -> None:
        """Be ready to save."""
        ...

    def save(self, data: bytes) -> None:
        """Save these bytes some time, unless there are newer ones by then."""
        ...

    def stop(self) -> None:
        """Save what is still to be, within its time."""
        ...


class Keeper:
    """Writes sections down and takes them back.

    Args:
        store: where.
        moment: returns the present one.
    """

    def __init__(self, store: Store, *, moment: Callable[[], Moment], metrics: Metrics, journal: Recorder) -> None:
        self._store = store
        self._moment = moment
        self._metrics = metrics
        self._journal = journal
        self._sections: list[Section] = []
        self._asked_s: dict[str, float] = {}
        self._kept: dict[str, Fields] = {}
        self._written = b""

    def add(self, *sections: Section) -> None:
        """Keep these too; call it before ``restore``."""
        self._sections += sections

    async def restore(self) -> None:
        """Read the file and have every owner take back what is theirs; then begin to write."""
        try:
            data = await self._store.read(state_format.BYTES_MAX)
            if data is not None:
                self._give_back(state_format.decode(data))
        except OSError as error:
            self._discard(f"it cannot be read: {error.strerror or type(error).__name__}")
        except StateError as error:
            await self._store.set_aside()
            self._discard(str(error))
        self._store.start()

    def watch(self, now_s: float) -> None:
        """Write what has changed, if any section's turn has come; called after every cycle."""
        due = [each for each in self._sections if not now_s - self._asked_s.get(each.name, -math.inf) < each.every_s]
        if due:
            self._ask(due, now_s)
            self._save_changes()

    def stop(self) -> None:
        """Write everything as it is now, within ``state_file.STOP_TIMEOUT_S``."""
        self._ask(self._sections, math.inf)
        self._save_changes()
        self._store.stop()

    def _ask(self, sections: list[Section], now_s: float) -> None:
        for each in sections:
            self._asked_s[each.name] = now_s
            self._kept[each.name] = each.keep()

    def _save_changes(self) -> None:
        try:
            told = orjson.dumps(self._kept)
            if told != self._written:
                self._store.save(state_format.encode(self._kept, self._moment()))
                self._written = told
        except (StateError, orjson.JSONEncodeError) as error:  # more than a file may hold, and nothing to be done
            self._metrics.state_failed.inc()
            log.warning("state_not_kept", why=str(error))

    def _give_back(self, saved: Saved) -> None:
        age_s = state_format.age_s(saved.moment, self._moment())
        outcomes: dict[str, Any] = {each.name: self._give(each, saved, age_s) for each in self._sections}
        age = None if math.isnan(age_s) else round(age_s, 1)
        log.info("state_restored", age_s=age, **outcomes)
        self._journal.record("state_restored", age_s=age, **outcomes)

    def _give(self, section: Section, saved: Saved, age_s: float) -> str:
        """Return what became of one section."""
        if section.name not in saved.sections:
            return "none"
        if math.isfinite(section.age_max_s) and not age_s <= section.age_max_s:
            return "of unknown age" if math.isnan(age_s) else "too old"
        try:
            section.restore(saved.sections[section.name], age_s)
        except Exception as error:
            self._metrics.state_discarded.set(1)
            log.warning("state_section_discarded", section=section.name, why=f"{type(error).__name__}: {error}"[:200])
            return "discarded"
        return "restored"

    def _discard(self, why: str) -> None:
        self._metrics.state_discarded.set(1)
        effect = "the start is a cold one"
        log.warning("state_discarded", why=why, effect=effect)
        self._journal.record("state_discarded", why=why, effect=effect)
