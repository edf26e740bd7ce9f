"""What the writer knows of a whole device: its heartbeat, and whether it obeys us and who decided that.

A device that is local because our heartbeat lapsed, because it restarted or because we have just come is ours to take.
One that goes local while our heartbeat was in force was put to local by somebody, and is left to them (FM-22). A
heartbeat that was acknowledged and does not show in the device was not in force: a gateway took it and kept it (FM-18).

Heartbeats and requests are the only writes that are not positions; their values are fixed by the profile.
"""

import functools
import math
from collections import deque
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Final

from coolantd.errors import Fault
from coolantd.protocol.profile import Heartbeat, RemoteControl
from coolantd.safety.envelope import permits_word
from coolantd.service.actuator_outlet import NOT_SENT
from coolantd.service.outlet import Done, Outlet

REMOTE_RETRY_S: Final = 2.0
"""Between two requests that a device obey us; it needs a poll or two to show the first."""
BEATS_KEPT: Final = 16
"""Heartbeats remembered: three times as many as a device waits for."""
LAPSE_SHARE: Final = 0.8
"""Of the device's patience: a gap this long between two acknowledged beats may have been too long on its side of a slow
line. In doubt it is taken for a lapse, and the device for one that fell back by itself."""


@dataclass(slots=True)
class DeviceOutlet:
    """Heartbeat and remote-control outlets of one device; either may be absent.

    Attributes:
        count, beat_s: of the last heartbeat sent.
        acknowledged_s: when the last heartbeat that was acknowledged had been sent.
        lapsed_s: when the heartbeat was last seen to have lapsed.
        remote_s: when we last asked it to obey.
        obeys: it follows our setpoints, as far as it says; True for a device without a remote-control point.
        was_remote_s: when it last said so; -inf since our start, a restart of the device or a loss of touch.
        put_local: somebody put it to local: nothing is written to it and it is not asked back.
        given_back: we put it to local ourselves, and have not asked it back yet.
        restarts: how often the device has restarted, as far as the bus has noticed.
        shows: what the device says is in its register for our heartbeat, and when that was asked for; None while
            it is not known.
        beats: (count, when) of the last heartbeats that were acknowledged.
        shown_s: when the newest heartbeat that the device has shown was sent; -inf before the first.
    """

    name: str
    heartbeat: Heartbeat | None = None
    beat_outlet: Outlet | None = None
    count: int = 0
    beat_s: float = -math.inf
    remote: RemoteControl | None = None
    remote_outlet: Outlet | None = None
    remote_s: float = -math.inf
    restarts: Callable[[], int] = lambda: 0
    acknowledged_s: float = -math.inf
    lapsed_s: float = -math.inf
    obeys: bool = True
    was_remote_s: float = -math.inf
    put_local: bool = False
    given_back: bool = False
    restarts_seen: int | None = None
    shows: Callable[[], tuple[int, float] | None] = lambda: None
    beats: deque[tuple[int, float]] = field(default_factory=lambda: deque(maxlen=BEATS_KEPT))
    shown_s: float = -math.inf

    def carry(self, old: "DeviceOutlet") -> None:
        """Take over what an older outlet of the same device knew."""
        for name in ("count", "beat_s", "remote_s", "acknowledged_s", "lapsed_s", "obeys", "was_remote_s", "shown_s"):
            setattr(self, name, getattr(old, name))
        self.put_local, self.given_back = old.put_local, old.given_back
        if old.restarts_seen is not None:  # a restart since then has yet to be told, whichever object counts it
            self.restarts_seen = self.restarts() - (old.restarts() - old.restarts_seen)

    def restarted(self) -> bool:
        """Return whether the device has restarted since the last call; what it was told is void then."""
        count = self.restarts()
        changed = self.restarts_seen is not None and count != self.restarts_seen
        self.restarts_seen = count
        if changed:
            self.was_remote_s, self.put_local = -math.inf, False
        return changed

    def ask_to_obey(self, now_s: float) -> bool:
        """Ask the device to obey us, unless it was asked a moment ago; return whether it was asked."""
        if self.remote is None or self.remote_outlet is None or now_s - self.remote_s < REMOTE_RETRY_S:
            return False
        self.remote_s, self.given_back = now_s, False
        _say(self.remote_outlet, self.remote.remote_value, _words(self.remote), _ignore)
        return True

    def give_back(self, done: Done) -> bool:
        """Tell the device to follow its own controller; return whether it can be told."""
        if self.remote is None or self.remote_outlet is None:
            return False
        self.was_remote_s, self.given_back = -math.inf, True
        _say(self.remote_outlet, self.remote.local_value, _words(self.remote), done)
        return True

    def withdraw(self) -> None:
        """Take back a heartbeat and a request that have not been sent yet."""
        for outlet in (self.beat_outlet, self.remote_outlet):
            if outlet is not None:
                outlet.withdraw()

    def beat(self, now_s: float) -> None:
        """Send the next heartbeat if it is time for it."""
        beat = self.heartbeat
        if beat is None or self.beat_outlet is None or now_s - self.beat_s < beat.period_s:
            return
        if not self.beat_outlet.waits:  # else this one takes the place and the number of one that has not left
            self.count = self.count + 1 if self.count < beat.wrap_count else 0
        self.beat_s = now_s
        _say(
            self.beat_outlet, self.count, range(beat.wrap_count + 1), functools.partial(self.beaten, now_s, self.count)
        )

    def beaten(self, sent_s: float, count: int, fault: Fault | None) -> None:
        """Note what became of a heartbeat."""
        if fault is None:
            self._note_lapse(sent_s)
            self.beats.append((count, sent_s))
            self.acknowledged_s = max(sent_s, self.acknowledged_s)
        elif fault.value in NOT_SENT and sent_s == self.beat_s and self.heartbeat is not None:
            self.count = count - 1 if count > 0 else self.heartbeat.wrap_count  # the device never saw this one

    def watch(self, says: float | None, asked_s: float, now_s: float) -> bool | None:
        """Take note of what the device says of itself.

        Args:
            says: value of its remote-control point; None while it is out of touch.
            asked_s: when that was requested.
            now_s: now.

        Returns:
            True when somebody has just put it to local, False when it has just come back from there, else None.
        """
        self._note_lapse(now_s)
        if self.remote is None:
            return None
        if says is None:
            self.was_remote_s, self.obeys, self.given_back = -math.inf, False, False
            return None
        self.obeys = says == self.remote.remote_value
        if self.obeys:
            if not self.given_back:
                self.was_remote_s = max(asked_s, self.was_remote_s)
            returned, self.put_local = self.put_local, False
            return False if returned else None
        was_remote_s, self.was_remote_s = self.was_remote_s, -math.inf
        if self.put_local or math.isinf(was_remote_s) or self.lapsed_s >= was_remote_s:
            return None
        self.put_local = True
        return True

    def _note_lapse(self, now_s: float) -> None:
        if self.heartbeat is None:
            return
        patience_s = LAPSE_SHARE * self.heartbeat.timeout_s
        if now_s - self.acknowledged_s > patience_s or self._unheard(patience_s):
            self.lapsed_s = now_s

    def _unheard(self, patience_s: float) -> bool:
        """Return whether heartbeats that were acknowledged have not reached the device.

        A gateway may acknowledge what its own line never carries. Only a device that has shown our heartbeats can
        show that it has got none: where the register reads as something else, nothing follows from it.
        """
        shown = self.shows()
        if shown is None:
            return False
        word, asked_s = shown
        self.shown_s = max([self.shown_s, *(sent_s for count, sent_s in self.beats if count == word)])
        return math.isfinite(self.shown_s) and asked_s - self.shown_s > patience_s


def _words(remote: RemoteControl) -> tuple[int, int]:
    return remote.remote_value, remote.local_value


def _say(outlet: Outlet, word: int, allowed: Collection[int], done: Done) -> None:
    """Send a control word: the one way out for everything that is not a position."""
    if permits_word(word, allowed):
        outlet.submit(word, done)


def _ignore(fault: Fault | None) -> None:  # noqa: ARG001 - the bus has counted it, and the next cycle tries again
    return
