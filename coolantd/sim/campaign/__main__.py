"""``python -m coolantd.sim.campaign``: hours of faults by the thousand, and the seed of whatever broke an invariant."""

import argparse
import json
import os
import sys
import time
from typing import Final

import typer

from coolantd.sim.campaign.kinds import KINDS
from coolantd.sim.campaign.run import Kernels, Outcome, compiled, rate_per_min, run, smallest

PROGRESS_S: Final = 2.0


def main() -> int:
    """Run; 1 if an invariant was broken."""
    options = _options()
    first, end = (int(part) for part in options.seeds.split(":"))
    typer.echo(f"{len(KINDS)} kinds of faults; compiling the closed loop takes a minute", err=True)
    kernels = compiled()
    begun_s = shown_s = time.monotonic()
    broken: list[Outcome] = []
    for done, each in enumerate(run(range(first, end), kernels, jobs=options.jobs), start=1):
        if each.violations:
            broken.append(each)
            typer.echo(f"\rseed {each.seed}: {each.violations[0].invariant}: {each.violations[0].text}", err=True)
        if time.monotonic() - shown_s > PROGRESS_S:
            shown_s, rate = time.monotonic(), rate_per_min(done, begun_s)
            typer.echo(
                f"\r{done} of {end - first} hours, {len(broken)} broken, {rate:.0f} a minute ", nl=False, err=True
            )
    rate = rate_per_min(end - first, begun_s)
    typer.echo(err=True)
    if options.json:
        seeds = [each.seed for each in broken]
        typer.echo(json.dumps({"hours": end - first, "broken": seeds, "hours_per_minute": round(rate)}))
    else:
        for each in broken:
            _explain(each, kernels)
        typer.echo(f"{end - first} simulated hours, {len(broken)} broke an invariant; {rate:.0f} hours a minute")
    return 1 if broken else 0


def _explain(broken: Outcome, kernels: Kernels) -> None:
    for violation in broken.violations:
        typer.echo(f"seed {broken.seed}: {violation.invariant} at {violation.time_s:.1f} s: {violation.text}")
    story = smallest(broken.seed, broken.violations[0].invariant, kernels)
    typer.echo(f"    least: site {story.variant}, {story.faults}, load {story.load_ratio:.2f} {story.loads}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m coolantd.sim.campaign", description=__doc__)
    parser.add_argument("--seeds", default="0:200", metavar="A:B", help="from A, without B")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="threads")
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
