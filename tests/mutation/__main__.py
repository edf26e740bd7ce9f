"""Mutation testing by hand: how many small mistakes in the safety logic its unit tests would find.

    python tests/mutation                                   every module, every mutant
    python tests/mutation coolantd/safety/envelope.py       one
    python tests/mutation --sample 40 --seed 7 --within-s 60

Ends with 1 if fewer than 95 % of a module's mutants are killed, or if a survivor is not justified in survivors.txt.
"""

import argparse
import sys
import time
from typing import Final

from targets import TESTS, files_for, justified
from trial import Trial, run

BAR_RATIO: Final = 0.95


def main() -> int:
    """Return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("modules", nargs="*", metavar="module", help=f"of {', '.join(TESTS)}")
    parser.add_argument("--sample", type=int, default=None, help="mutants of each module")
    parser.add_argument("--seed", type=int, default=0, help="of the sample")
    parser.add_argument("--within-s", type=float, default=float("inf"), help="begin no mutant later than this")
    options = parser.parse_args()
    unknown = [module for module in options.modules if module not in TESTS]
    if unknown:
        parser.error(f"no tests are named for {', '.join(unknown)}")
    until_s = time.monotonic() + options.within_s
    results = [_one(path, options, until_s) for path in options.modules or TESTS]
    return 0 if all(results) else 1


def _one(path: str, options: argparse.Namespace, until_s: float) -> bool:
    begun_s, known = time.monotonic(), justified()
    trial = Trial(path, sample=options.sample, seed=options.seed, until_s=until_s)
    run(trial, files_for(path))
    if not trial.unharmed:
        print(f"{path}: its tests fail without any mutant, or there are none")
        return False
    open_ones = [mutant for mutant in trial.survivors if (path, mutant.key) not in known]
    equal = len(trial.survivors) - len(open_ones)
    ratio = trial.killed / trial.tried if trial.tried else 1.0
    took_s = time.monotonic() - begun_s
    print(
        f"{path}: {trial.killed} of {trial.tried} killed ({100.0 * ratio:.1f} %), {equal} justified,"
        f" {len(open_ones)} open, {took_s:.0f} s",
        flush=True,
    )
    for mutant in open_ones:
        print(f"  {mutant.key}")
    enough = ratio >= BAR_RATIO or trial.tried < 20  # a small sample says nothing of a share
    return enough and not open_ones


if __name__ == "__main__":
    sys.exit(main())
