"""Many seeds on all cores: what broke, how fast it went. Knows play and judge; prints nothing."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE
from coolantd.sim.campaign.judge import Violation, judge
from coolantd.sim.campaign.play import play, play_seed, sites
from coolantd.sim.campaign.shrink import shrink
from coolantd.sim.campaign.story import Story, draw
from coolantd.sim.fast_kernel import LIVE


@dataclass(frozen=True, slots=True)
class Kernels:
    """The compiled closed loop and plant."""

    live: KernelFunction
    advance: KernelFunction


@dataclass(frozen=True, slots=True)
class Outcome:
    """What one seed came to."""

    seed: int
    violations: tuple[Violation, ...]


def compiled() -> Kernels:
    """Return both compiled now, without the interpreter's lock so that seeds run beside each other.

    Never from numba's own cache: it does not see a change in a file that a kernel calls, and would judge an old law.
    """
    return Kernels(LIVE.compiled(cache=False, nogil=True), ADVANCE.compiled(cache=False, nogil=True))


def outcome(seed: int, kernels: Kernels) -> Outcome:
    """Play and judge one seed."""
    seen = play_seed(seed, live=kernels.live, advance=kernels.advance)
    return Outcome(seed, tuple(judge(seen)))


def run(seeds: Sequence[int], kernels: Kernels, *, jobs: int) -> Iterator[Outcome]:
    """Play seeds, ``jobs`` at a time, and yield each outcome in the order of the seeds."""
    sites()  # built once, before threads ask for them
    with ThreadPoolExecutor(jobs) as pool:
        yield from pool.map(lambda seed: outcome(seed, kernels), seeds)


def smallest(seed: int, invariant: str, kernels: Kernels) -> Story:
    """Return the least story of a seed that still breaks an invariant."""

    def fails(story: Story) -> bool:
        seen = play(story, live=kernels.live, advance=kernels.advance)
        return any(each.invariant == invariant for each in judge(seen))

    return shrink(draw(seed, sites()), fails)


def rate_per_min(count: int, begun_s: float, now_s: Callable[[], float] = time.monotonic) -> float:
    """Return how many were done per minute since ``begun_s``."""
    return 60.0 * count / max(now_s() - begun_s, 1e-9)
