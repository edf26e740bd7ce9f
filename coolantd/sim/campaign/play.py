"""Runs one story on its site and hands over what was seen. Knows the fast loop; judges nothing."""

from dataclasses import dataclass
from functools import cache

from coolantd.kernel import KernelFunction
from coolantd.plant.loop import ADVANCE, Plant
from coolantd.point import FloatArray
from coolantd.sim.campaign.site import Site, make_site
from coolantd.sim.campaign.story import HOUR_S, VARIANTS, Story, draw
from coolantd.sim.fast_kernel import LIVE
from coolantd.sim.fastloop import FastLoop


@dataclass(frozen=True, slots=True)
class Seen:
    """One hour as it was, cycle by cycle.

    Attributes:
        record: (cycles, RECORD_COLUMNS) of the plant, after each cycle.
        orders: (cycles, actuators, ORDER_COLUMNS).
    """

    story: Story
    site: Site
    record: FloatArray
    orders: FloatArray


@cache
def sites() -> dict[int, Site]:
    """Return every variant of the site."""
    return {
        variant: make_site(
            model=bool(variant & 1),
            standby=bool(variant & 2),
            sensors=1 + bool(variant & 4),
            drive_faults=bool(variant & 8),
        )
        for variant in range(VARIANTS)
    }


def play(
    story: Story,
    *,
    live: KernelFunction = LIVE.function,
    advance: KernelFunction = ADVANCE.function,
    duration_s: float = HOUR_S,
) -> Seen:
    """Run a story for a duration.

    Args:
        story: what happens.
        live: the closed loop, plain or compiled.
        advance: the plant's step, plain or compiled.
        duration_s: an hour unless one is looking for something.
    """
    site = sites()[story.variant]
    plant = Plant(story.params, kernel=advance)
    plant.inputs.rack_heat_w[:] = story.load_ratio * story.params.rack_heat_rated_w
    plant.settle()
    loop = FastLoop(
        site.plan,
        [plant],
        list(story.instruments.values()),
        points=site.points,
        events=story.events(site),
        seed=story.seed,
        kernel=live,
    )
    record = loop.run(duration_s, record_every=1)
    return Seen(story, site, record[:, 0], loop.orders)


def play_seed(seed: int, *, live: KernelFunction, advance: KernelFunction) -> Seen:
    """Draw the story of a seed and run it."""
    return play(draw(seed, sites()), live=live, advance=advance)
