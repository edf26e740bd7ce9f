"""``python -m coolantd.sim.dst --seeds 0:2000 --hours 1 --jobs 2``: run seeds, say which fail and with how little.

A seed is one CDU's hour: its plant, its instruments and its faults. Several share a daemon (``--bays``). Ends with 1
if an invariant was broken. Begins with a minute of compiling.
"""

import argparse
import sys
import time

from coolantd.sim.dst.runner import BAYS, Report, least, plans, run_all

PROGRESS_S = 20.0


def main() -> int:
    """Run, and return the exit code."""
    given = _arguments()
    first, _, end = given.seeds.partition(":")
    seeds = range(int(first), int(end or int(first) + 1))
    todo = plans(seeds, hours=given.hours, bays=given.bays)
    begun_s = told_s = time.monotonic()
    done, cpu_s, failed = 0, 0.0, []
    for report in run_all(todo, jobs=given.jobs):
        done, cpu_s = done + len(report.plan.bays), cpu_s + report.cpu_s
        if report.violations:
            failed.append(report)
            _tell(report, shrink=given.shrink)
        if time.monotonic() - told_s > PROGRESS_S or done == len(seeds):
            told_s = time.monotonic()
            pace = 60.0 * done / (told_s - begun_s)
            _say(f"{done} of {len(seeds)} seeds, {pace:.1f} a minute, {cpu_s / done:.2f} CPU s each")
    broken = sum(len({v.seed for v in report.violations}) for report in failed)
    _say(f"{len(seeds)} seeds of {given.hours:g} h: {broken} with a broken invariant")
    return 1 if failed else 0


def _tell(report: Report, *, shrink: bool) -> None:
    seen = set()
    for violation in report.violations:
        if (violation.seed, violation.invariant) not in seen:
            seen.add((violation.seed, violation.invariant))
            _say(violation)
    _say(report.plan)
    if shrink:
        _say(f"the least that fails:\n{least(report)}")


def _say(what: object) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m coolantd.sim.dst", description=__doc__)
    parser.add_argument("--seeds", default="0:20", help="first:end, the end left out")
    parser.add_argument("--hours", type=float, default=1.0, help="simulated, of each seed")
    parser.add_argument("--jobs", type=int, default=2, help="processes")
    parser.add_argument("--bays", type=int, default=BAYS, help="CDUs of one daemon")
    parser.add_argument("--shrink", action="store_true", help="cut every failing plan down")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
