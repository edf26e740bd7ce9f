"""Holds buses back until our listeners stand: a second daemon must end without having touched a device."""

import asyncio
from collections.abc import Coroutine
from typing import Any


class StartGate:
    """Spawns tasks that begin their work once the gate is open.

    Args:
        group: owns the tasks.
    """

    def __init__(self, group: asyncio.TaskGroup) -> None:
        self._group = group
        self._opened = asyncio.Event()

    def open(self) -> None:
        """Let what waits begin, and what is spawned from now on at once."""
        self._opened.set()

    def spawn(self, work: Coroutine[Any, Any, None], *, name: str) -> "asyncio.Task[None]":
        """Return the task that carries out some work."""
        task = self._group.create_task(self._when_open(work), name=name)
        task.add_done_callback(lambda _: work.close())  # cancelled before it began, it would be lost unawaited
        return task

    async def _when_open(self, work: Coroutine[Any, Any, None]) -> None:
        await self._opened.wait()
        await work
