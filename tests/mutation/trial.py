"""Runs the tests of one module against its mutants, all in one process: a plugin of pytest. Judges no survivor.

Tests are collected once. The test that killed last is tried first, and the first failure ends a mutant; one that runs
for longer than ``PATIENCE_S`` is killed as well: it would never have decided anything.
"""

import contextlib
import importlib
import io
import random
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Final

import pytest
from _pytest.runner import runtestprotocol
from implant import functions_of, implanted
from mutants import Mutant, mutants_of

PATIENCE_S: Final = 20.0
"""Of processor time, for all the tests of a module against one mutant; unharmed they take a few seconds."""


class Endless(BaseException):
    """A mutant has run for too long."""


class Trial:
    """The mutants of one module and what became of them.

    Args:
        path: of the module, from the repository.
        sample: how many mutants to try, drawn by ``seed``; None for all.
        until_s: monotonic time after which no further mutant is begun.

    Attributes:
        tried, killed, survivors: so far.
        unharmed: the tests pass without any mutant.
    """

    def __init__(self, path: str, *, sample: int | None, seed: int, until_s: float) -> None:
        self.path = path
        self.module = importlib.import_module(path.removesuffix(".py").replace("/", "."))
        bound = {name for name, each in functions_of(self.module).items() if each.__code__.co_freevars}
        every = mutants_of(Path(path).read_text(encoding="utf-8"))
        every = [each for each in every if each.place not in bound]  # code that calls super() cannot be exchanged
        if sample is not None and sample < len(every):
            every = random.Random(seed).sample(every, sample)
        self.mutants = every
        self.until_s = until_s
        self.tried = self.killed = 0
        self.unharmed = False
        self.survivors: list[Mutant] = []

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Try every mutant instead of running the tests once."""
        items = list(session.items)
        random.Random(0).shuffle(items)  # so that no mutant waits for all the tests of another function
        self.unharmed = bool(items) and self._failing(items) is None
        if self.unharmed:
            for mutant in self.mutants:
                if time.monotonic() > self.until_s:
                    break
                self._try(mutant, items)
        return True

    def _try(self, mutant: Mutant, items: list[pytest.Item]) -> None:
        self.tried += 1
        with implanted(self.module, mutant.tree, mutant.place) as loaded:
            killer = self._failing(items) if loaded else None
        if killer is not None:
            items.remove(killer)
            items.insert(0, killer)
        if killer is not None or not loaded:
            self.killed += 1
        else:
            self.survivors.append(mutant)

    def _failing(self, items: Sequence[pytest.Item]) -> pytest.Item | None:
        """Return the first test that fails, or the one during which patience ended."""
        previous = signal.signal(signal.SIGPROF, _give_up)
        signal.setitimer(signal.ITIMER_PROF, PATIENCE_S)
        item = None
        try:
            for item in items:
                reports = runtestprotocol(item, nextitem=None, log=False)
                if any(report.failed for report in reports):
                    return item
        except Endless:
            return item
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0.0)
            signal.signal(signal.SIGPROF, previous)
        return None


def _give_up(number: int, frame: FrameType | None) -> None:
    raise Endless


def run(trial: Trial, tests: Sequence[str]) -> None:
    """Collect the tests once and try every mutant on them.

    Raises:
        RuntimeError: pytest itself failed, so that not every mutant was tried.
    """
    options = ["-q", "-n0", "-p", "no:cacheprovider", "-o", "timeout=0", "-m", "not slow and not real"]
    with contextlib.redirect_stdout(io.StringIO()):
        code = pytest.main([*options, *tests], plugins=[trial])
    if code == pytest.ExitCode.INTERNAL_ERROR:
        raise RuntimeError(f"pytest failed after {trial.tried} mutants of {trial.path}")
