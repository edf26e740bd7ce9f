"""A bounded box that keeps the newest item per key. Knows neither topics nor sockets; one event loop only."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class LatestBox(Generic[T]):
    """Newest item per key, keys in the order in which they were first put; at most ``key_limit`` keys.

    A newer item takes the place of its key, so that a key put again and again can neither grow the box nor
    overtake or starve another. One key too many pushes out the longest-waiting one: new data is worth more.

    Attributes:
        dropped: items pushed out for want of room.
    """

    def __init__(self, key_limit: int) -> None:
        self._key_limit = key_limit
        self._items: dict[str, T] = {}
        self._filled = asyncio.Event()
        self._emptied = asyncio.Event()
        self._emptied.set()
        self.dropped = 0

    def __len__(self) -> int:
        """Return how many keys wait."""
        return len(self._items)

    def get(self, key: str) -> T | None:
        """Return the item waiting under a key, if any."""
        return self._items.get(key)

    def put(self, key: str, item: T) -> None:
        """Put an item, replacing an older one of the same key."""
        if key not in self._items and len(self._items) >= self._key_limit:
            del self._items[next(iter(self._items))]
            self.dropped += 1
        self._items[key] = item
        self._signal()

    async def peek(self) -> tuple[str, T]:
        """Wait for an item; return the longest-waiting key and its item, leaving it in the box."""
        await self._filled.wait()
        return next(iter(self._items.items()))

    def settle(self, key: str, item: T) -> None:
        """Take out an item that was dealt with; a newer one that replaced it meanwhile stays, at the end."""
        current = self._items.pop(key, None)
        if current is not None and current is not item:
            self._items[key] = current
        self._signal()

    async def drain(self) -> list[T]:
        """Wait for an item; take out and return all."""
        await self._filled.wait()
        items = list(self._items.values())
        self.discard(lambda _: True)
        return items

    def discard(self, unwanted: Callable[[T], bool]) -> int:
        """Throw away the items for which ``unwanted`` holds; return how many."""
        before = len(self._items)
        self._items = {key: item for key, item in self._items.items() if not unwanted(item)}
        self._signal()
        return before - len(self._items)

    async def wait_empty(self) -> None:
        """Wait until nothing is left in the box."""
        await self._emptied.wait()

    def _signal(self) -> None:
        on, off = (self._filled, self._emptied) if self._items else (self._emptied, self._filled)
        on.set()
        off.clear()
