"""Orders about alarms from the control socket: acknowledge, shelve, put out of service, show again, list, history.

Knows desk, history and journal; no socket. Every order that changes something is recorded with who gave it.
"""

import math
from collections.abc import Callable
from typing import Any, Final, Protocol

from coolantd.errors import CoolantdError
from coolantd.safety.alarm_book import Hold
from coolantd.safety.alarm_definition import Key
from coolantd.safety.alarm_orders import SHELVE_DEFAULT_S, acknowledge, release, remove, shelve
from coolantd.safety.alarm_states import OWED, State
from coolantd.service.alarm_desk import AlarmDesk
from coolantd.service.alarm_history import READ_MAX, Query
from coolantd.service.control_socket import Handler
from coolantd.service.journal import Recorder
from coolantd.service.peer import Peer
from coolantd.service.view_json import alarms_json

TAGS_MAX: Final = 100
"""Alarms of one acknowledgement; ``all`` takes every one."""
ROWS_DEFAULT: Final = 50

Order = dict[str, Any]
Reply = dict[str, Any]

Release = Callable[[Key], str | None]
"""Opens the latch behind an alarm, if there is one: None if there is none, else why not, empty if it was opened."""


class Reader(Protocol):
    """Who reads the history; see ``AlarmHistory``."""

    async def read(self, query: Query) -> list[dict[str, Any]]:
        """Return events, newest first; raises CoolantdError if that cannot be done."""
        ...


class AlarmRequests:
    """Carries out the ``alarm_…`` orders.

    Args:
        now_s: monotonic seconds.
        subjects: returns everything an alarm may be about, so that nobody shelves a slip of the pen.
        release_latch: called with each alarm that is acknowledged by name.
    """

    def __init__(
        self,
        desk: AlarmDesk,
        history: Reader,
        *,
        journal: Recorder,
        now_s: Callable[[], float],
        subjects: Callable[[], frozenset[str]],
        release_latch: Release = lambda key: None,  # noqa: ARG005 - nothing latches
    ) -> None:
        self._desk = desk
        self._history = history
        self._journal = journal
        self._now_s = now_s
        self._subjects = subjects
        self._release_latch = release_latch

    def handlers(self) -> dict[str, Handler]:
        """Return what to call for each command."""
        return {
            "alarm_list": self.show,
            "alarm_history": self.history,
            "alarm_ack": self.ack,
            "alarm_shelve": self.shelve,
            "alarm_unshelve": self.unshelve,
            "alarm_suppress": self.suppress,
            "alarm_unsuppress": self.unsuppress,
        }

    async def show(self, order: Order, peer: Peer) -> Reply:
        """Return every alarm that is not normal, as ``alarms_json``."""
        del order, peer
        return alarms_json(self._desk.view(self._now_s()))

    async def history(self, order: Order, peer: Peer) -> Reply:
        """Return ``{"events"}``, newest first.

        Args:
            order: ``rows`` (1 to 5000), ``before_id``, ``since_s`` (epoch), ``subject``, ``kind``; all optional.
            peer: anybody who may use the socket.

        Raises:
            CoolantdError: an argument is no such thing, or the history cannot be read.
        """
        del peer
        query = Query(
            rows=_whole(order, "rows", 1, READ_MAX) or ROWS_DEFAULT,
            before_id=_whole(order, "before_id", 0, 2**62),
            since_s=_seconds(order, "since_s", -math.inf),
            subject=_optional_text(order, "subject"),
            kind=_optional_text(order, "kind"),
        )
        return {"events": await self._history.read(query)}

    async def ack(self, order: Order, peer: Peer) -> Reply:
        """Acknowledge alarms.

        Args:
            order: ``tags``, or ``all`` true for every one that does not wait for its latch to be opened.
            peer: who gave it.

        Returns:
            ``{"ok", "acknowledged", "released", "not_released"}``: tags; the last as ``{tag: why}``.

        Raises:
            CoolantdError: a tag is none, or there is no such alarm.
        """
        everything = order.get("all", False)
        if everything is True:
            keys = [key for key, alarm in self._desk.book.alarms.items() if alarm.state in OWED - {State.LATCHED}]
        else:
            keys = [self._known(tag) for tag in _tags(order)]
        self._record("alarm_ack", peer, tags=[key.tag for key in keys][:TAGS_MAX], all=everything is True)
        owed = {key for key, alarm in self._desk.book.alarms.items() if alarm.state in OWED}
        self._desk.order(acknowledge(self._desk.book, keys, self._now_s(), uid=peer.uid))
        answers = {} if everything is True else {key.tag: self._release_latch(key) for key in keys}
        return {
            "ok": True,
            "acknowledged": [key.tag for key in keys if key in owed],
            "released": [tag for tag, why in answers.items() if why == ""],
            "not_released": {tag: why for tag, why in answers.items() if why},
        }

    async def shelve(self, order: Order, peer: Peer) -> Reply:
        """Hide an alarm for a while: ``tag``, ``owner``, ``reason``, and ``for_s`` if other than half an hour.

        Returns:
            ``{"ok", "tag", "for_s"}``.

        Raises:
            CoolantdError: it is refused; the text says why.
        """
        for_s = _seconds(order, "for_s", 0.0)
        for_s = SHELVE_DEFAULT_S if for_s is None else for_s
        key, now_s = self._subject_known(_text(order, "tag")), self._now_s()
        hold = Hold(_text(order, "owner"), peer.uid, _text(order, "reason"), now_s + for_s)
        self._record("alarm_shelve", peer, tag=key.tag, for_s=for_s, owner=hold.owner, reason=hold.reason)
        self._done(self._desk.order(shelve(self._desk.definitions, self._desk.book, key, hold, now_s)))
        return {"ok": True, "tag": key.tag, "for_s": for_s}

    async def suppress(self, order: Order, peer: Peer) -> Reply:
        """Put an alarm out of service: ``tag``, ``owner``, ``reason``.

        Raises:
            CoolantdError: it is refused; the text says why.
        """
        key, now_s = self._subject_known(_text(order, "tag")), self._now_s()
        hold = Hold(_text(order, "owner"), peer.uid, _text(order, "reason"))
        self._record("alarm_suppress", peer, tag=key.tag, owner=hold.owner, reason=hold.reason)
        self._done(self._desk.order(remove(self._desk.definitions, self._desk.book, key, hold, now_s)))
        return {"ok": True, "tag": key.tag}

    async def unshelve(self, order: Order, peer: Peer) -> Reply:
        """Show a shelved alarm again: ``tag``; raises CoolantdError if it is not shelved."""
        return self._release("alarm_unshelve", State.SHELVED, order, peer)

    async def unsuppress(self, order: Order, peer: Peer) -> Reply:
        """Put an alarm back to service: ``tag``; raises CoolantdError if it is not out of it."""
        return self._release("alarm_unsuppress", State.OUT_OF_SERVICE, order, peer)

    def _release(self, command: str, state: State, order: Order, peer: Peer) -> Reply:
        key = self._known(_text(order, "tag"))
        self._record(command, peer, tag=key.tag)
        self._done(self._desk.order(release(self._desk.book, key, state, self._now_s(), uid=peer.uid)))
        return {"ok": True, "tag": key.tag}

    def _known(self, tag: str) -> Key:
        key = _key(tag)
        if key not in self._desk.book.alarms:
            raise CoolantdError(f"{tag[:80]!r} is no alarm now; coolantd alarm list --all shows those there are")
        return key

    def _subject_known(self, tag: str) -> Key:
        key = _key(tag)
        if key not in self._desk.book.alarms and key.subject not in self._subjects():
            raise CoolantdError(f"there is nothing called {key.subject[:80]!r} here that an alarm could be about")
        return key

    def _record(self, command: str, peer: Peer, **fields: Any) -> None:
        self._journal.record("order", command=command, uid=peer.uid, pid=peer.pid, **fields)

    @staticmethod
    def _done(problem: str) -> None:
        if problem:
            raise CoolantdError(problem)


def _key(tag: str) -> Key:
    subject, slash, kind = tag.rpartition("/")
    if not slash or not subject or not kind:
        raise CoolantdError(f"tag is {tag[:80]!r}, allowed: subject/kind, for example cdu1/pump_tripped")
    return Key(kind, subject)


def _tags(order: Order) -> list[str]:
    tags = order.get("tags")
    if not isinstance(tags, list) or not 0 < len(tags) <= TAGS_MAX or not all(isinstance(tag, str) for tag in tags):
        raise CoolantdError(f"tags must be a list of 1 to {TAGS_MAX} texts such as cdu1/pump_tripped, or all be true")
    return list(dict.fromkeys(tags))


def _text(order: Order, name: str) -> str:
    found = order.get(name)
    if not isinstance(found, str):
        raise CoolantdError(f"{name} is {str(found)[:80]!r}, allowed: a text")
    return found


def _optional_text(order: Order, name: str) -> str | None:
    return _text(order, name) if order.get(name) is not None else None


def _whole(order: Order, name: str, least: int, most: int) -> int | None:
    found = order.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise CoolantdError(f"{name} is {str(found)[:80]!r}, allowed: a whole number from {least} to {most}")
    return found


def _seconds(order: Order, name: str, least: float) -> float | None:
    found = order.get(name)
    if found is None:
        return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not (math.isfinite(found) and found >= least):
        raise CoolantdError(f"{name} is {str(found)[:80]!r}, allowed: a number of seconds")
    return float(found)
