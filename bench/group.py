"""Row 15 of the scenario table: one of four CDUs on a header drops out, with a group and with four loops on their own.

Four reference units carry three quarters of what they could, so that three still carry all of it. Their pressure
sensors differ by up to 1.7 kPa. One loses power (its pumps coast down, its points go bad) and comes back after 2 min.

Usage: ``python bench/group.py [--json] [--units N] [--load RATIO]``
"""

import argparse
import json
import platform
import sys
from typing import Any, Final

import numpy as np
from group_control import GroupControl, group_plan
from group_plant import RACK_PRESSURE_PA, GroupPlant

from coolantd.control.stages import Stages, compiled_stages
from coolantd.units import PA_PER_KPA

BIAS_KPA: Final = np.array([0.8, -0.6, 0.4, -0.9])
"""Of each unit's sensor; repeated for more units. Within the 1 % of an industrial pressure transmitter."""
SETTLE_S: Final = 600.0
OUT_S: Final = 120.0
BACK_S: Final = 180.0
MUST: Final = {"back_85_s": 5.0}
"""The header's pressure is back at 85 % of the setpoint after this."""
SETPOINT_KPA: Final = RACK_PRESSURE_PA / PA_PER_KPA


def lose_one(stages: Stages, count: int, load_ratio: float, *, grouped: bool) -> dict[str, float]:
    """Return what becomes of pressure, chips and shares when one of ``count`` units drops out and returns."""
    plant = GroupPlant(count, load_ratio)
    control = GroupControl(group_plan(count, grouped=grouped), stages, np.resize(BIAS_KPA, count))
    settled = np.array(control.run(plant, SETTLE_S))
    before_c, shares = settled[-1, 1], settled[-1, 3:]
    plant.units[1].available = False
    out = np.array(control.run(plant, OUT_S))
    low = np.flatnonzero(out[:, 0] < 0.85 * SETPOINT_KPA)
    others = np.delete(out[-1, 3:], 1)
    plant.units[1].available = True
    back = np.array(control.run(plant, BACK_S))
    return {
        "share_spread_before": float(np.ptp(shares)),
        "dip_ratio": float(out[:, 0].min() / SETPOINT_KPA),
        "back_85_s": float(low[-1] + 1) * control.plan.period_s if low.size else 0.0,
        "case_k": float(out[:, 1].max() - before_c),
        "rack_inlet_k": float(np.abs(np.concatenate([out, back])[:, 2] - 34.0).max()),
        "share_spread_after": float(np.ptp(others)),
        "return_peak_ratio": float(back[:, 0].max() / SETPOINT_KPA),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="One of several CDUs on a header drops out: a group, and own loops.")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--units", type=int, default=4, help="CDUs on the header, 2 to 16")
    parser.add_argument("--load", type=float, default=0.75, help="share of their rated heat and flow, 0.1 to 0.9")
    arguments = parser.parse_args()
    if not 2 <= arguments.units <= 16 or not 0.1 <= arguments.load <= 0.9:
        parser.error("--units is 2 to 16, --load 0.1 to 0.9")
    if sys.stderr.isatty():
        print("compiling", file=sys.stderr)
    stages = compiled_stages(cache=False)
    result: dict[str, Any] = {"bench": "group", "number": "15", "machine": platform.machine(), "must": MUST}
    for name, grouped in (("own_loops", False), ("group", True)):
        figures = lose_one(stages, arguments.units, arguments.load, grouped=grouped)
        result[name] = {key: round(value, 3) for key, value in figures.items()}
    if arguments.json:
        print(json.dumps(result))
        return
    print(f"{'15  one of ' + str(arguments.units) + ' CDUs drops out':<40}{'own loops':>10}{'group':>8}{'must':>8}")
    for name, value in result["group"].items():
        print(
            f"{name:<40}{result['own_loops'][name]:>10.2f}{value:>8.2f}{MUST.get(name, float('nan')):>8.2f}".replace(
                "nan", "  -"
            )
        )


if __name__ == "__main__":
    main()
