"""A bar for ``coolantd tune`` on a terminal. Knows rich and nothing of trials."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


@contextmanager
def bar() -> Iterator[Callable[[str, float | None], None]]:
    """Give a function that shows what is under way and how much of it is done (None: it follows the plant)."""
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        tasks = {}

        def tell(what: str, share: float | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=None if share is None else 1.0)
            progress.update(tasks[what], completed=min(share or 0.0, 1.0))

        yield tell
