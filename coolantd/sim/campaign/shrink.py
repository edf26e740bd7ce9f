"""Makes a failing hour as small as it stays failing: fewer faults, shorter ones. Knows stories; asks whoever judges."""

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from coolantd.sim.campaign.story import Story

HALVINGS_MAX: Final = 6
"""A fault of ten minutes becomes one of ten seconds."""


def shrink(story: Story, fails: Callable[[Story], bool]) -> Story:
    """Return a story that still fails and has no fault and no load change to spare.

    Args:
        story: one that fails.
        fails: plays a story and says whether the same thing is broken.
    """
    story = _without_loads(story, fails)
    k = 0
    while k < len(story.faults):
        smaller = story.without(k)
        if fails(smaller):
            story = smaller
        else:
            story, k = _shorten(story, k, fails), k + 1
    return story


def _without_loads(story: Story, fails: Callable[[Story], bool]) -> Story:
    steady = replace(story, loads=())
    return steady if fails(steady) else story


def _shorten(story: Story, k: int, fails: Callable[[Story], bool]) -> Story:
    for _ in range(HALVINGS_MAX):
        fault = story.faults[k]
        half = replace(fault, end_s=0.5 * (fault.begin_s + fault.end_s))
        shorter = replace(story, faults=(*story.faults[:k], half, *story.faults[k + 1 :]))
        if not fails(shorter):
            break
        story = shorter
    return story
