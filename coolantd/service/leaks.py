"""Everything around the leak policy in one place: what is told, asked of others, ordered and kept. Touches no valve.

The policy itself runs in the step (``safety.leak``). Here its news go to the journal, its requests and those of every
CDU out of the house, orders and confirmations into its memory, and its latches into the state file (I7).
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import numpy as np
import structlog

from coolantd.clock import Clock
from coolantd.control.plan import Plan
from coolantd.safety.leak_keep import keep_leaks, restore_leaks
from coolantd.safety.leak_layout import Z_ISOLATE
from coolantd.safety.leak_orders import lost_latches
from coolantd.safety.requests import Request
from coolantd.service.control_socket import Handler
from coolantd.service.cycle import Cycle
from coolantd.service.fleet import Fleet
from coolantd.service.journal import Recorder
from coolantd.service.keeper import Section
from coolantd.service.leak_orders import LeakOrders
from coolantd.service.leak_view import LeakZoneView, leak_zone_views
from coolantd.service.leak_watch import LeakWatch
from coolantd.service.metrics import Metrics
from coolantd.service.request_files import RequestStore
from coolantd.service.requests import CDU, LEAK_ZONE, RequestDesk, Wanted

CONFIRMED: Final = "confirmed"
"""``StepState`` label."""

log: Final = structlog.get_logger()


class Leaks:
    """The shell of the leak policy.

    Args:
        files: where requests are laid down as files.

    Attributes:
        orders: for whoever acknowledges, tests or confirms.
        requests: what is asked of others now.
    """

    def __init__(
        self,
        *,
        cycle: Cycle,
        fleet: Fleet,
        clock: Clock,
        journal: Recorder,
        metrics: Metrics,
        files: RequestStore,
    ) -> None:
        self.orders = LeakOrders(cycle=cycle, journal=journal)
        self.requests = RequestDesk(
            clock=clock,
            journal=journal,
            metrics=metrics,
            broker=fleet.broker,
            attend=fleet.attend,
            files=files,
            confirmed=self._confirmed,
        )
        self._files = files
        self._cycle = cycle
        self._watch = LeakWatch(journal)
        cycle.watchers.append(self._follow)

    @property
    def handlers(self) -> dict[str, Handler]:
        """Return the orders that the control socket takes."""
        return {
            "leak_acknowledge": self.orders.acknowledge,
            "leak_test": self.orders.test,
            "leak_power_off": self.orders.power_off,
        }

    @property
    def section(self) -> Section:
        """Return what survives a restart: the latches, however old they are."""
        return Section(name="leaks", keep=self._keep, restore=self._restore)

    def refusals(self, make_plan: Callable[[], Plan]) -> list[str]:
        """Return a sentence for each latched zone that another plan would open by forgetting it (I7)."""
        old, state = self._cycle.plan, self._cycle.state
        if not state.leak_z[:, Z_ISOLATE].any():
            return []
        plan = make_plan()
        tags = [(a.device, a.name) for a in old.actuators], [(a.device, a.name) for a in plan.actuators]
        names = lost_latches(old.leaks, (state.leak_z, state.leak_d), plan.leaks, tags)
        return [f"leak zone {name} is latched, and its branch would open: acknowledge it first" for name in names]

    def start(self) -> None:
        """Forget what an earlier process asked for; what is still latched is asked for anew."""
        self._files.start()

    def stop(self) -> None:
        """Lay down what is still to be, within its time."""
        self._files.stop()

    def _zones(self) -> tuple[LeakZoneView, ...]:
        state = self._cycle.state
        return leak_zone_views(self._cycle.plan.leaks, (state.leak_z, state.leak_d))

    def _follow(self, now_s: float) -> None:
        zones = self._zones()
        self._watch.follow(zones)
        self.requests.follow(self._wanted(zones), now_s)

    def _wanted(self, zones: tuple[LeakZoneView, ...]) -> Iterator[Wanted]:
        decision, plan = self._cycle.decision, self._cycle.plan
        if decision is None:
            return
        for row, column in np.argwhere(decision.requests).tolist():
            yield Wanted(Request(column), CDU, plan.cdus[row].name, confirmed=False, judged=False)
        for row, column in np.argwhere(decision.zone_requests).tolist():
            zone = zones[row]
            facts = {"place": zone.place, "cause": f"{zone.worst} leak", "first": zone.first}
            yield Wanted(Request(column), LEAK_ZONE, zone.zone, zone.power == CONFIRMED, judged=True, facts=facts)

    def _confirmed(self, wanted: Wanted) -> None:
        if wanted.about == LEAK_ZONE:
            self.orders.confirmed(wanted.name)

    def _keep(self) -> dict[str, Any]:
        state = self._cycle.state
        return keep_leaks(self._cycle.plan.leaks, (state.leak_z, state.leak_d))

    def _restore(self, kept: Mapping[str, Any], age_s: float) -> None:
        del age_s  # a latch has no age
        state, plan = self._cycle.state, self._cycle.plan.leaks
        z, d = restore_leaks(plan, (state.leak_z, state.leak_d), kept)
        self._cycle.state = dataclasses.replace(state, leak_z=z, leak_d=d)
        if gone := sorted(str(name) for name in kept if plan.row_of(str(name)) is None):
            log.warning("leak_latch_without_zone", zones=gone, effect="what was shut for them is no longer held shut")
