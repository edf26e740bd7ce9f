"""Follows overrides from cycle to cycle: a word when one ends, is outranked or is in force again. Changes nothing."""

from collections.abc import Sequence
from typing import Final

import structlog

from coolantd.control.override_order import End, Override, Standing
from coolantd.service.journal import Recorder
from coolantd.service.metrics import Metrics

log: Final = structlog.get_logger()


class OverrideWatch:
    """Remembers what stood, and tells the journal, the log and the metrics of changes.

    An order to release is told by whoever carries it out; that it took effect is told here, as every end is.
    """

    def __init__(self, journal: Recorder, metrics: Metrics) -> None:
        self._journal = journal
        self._metrics = metrics
        self._before: dict[str, Override] = {}
        for end in End:
            if end is not End.NONE:
                metrics.overrides_ended.labels(end.label)

    def follow(self, overrides: Sequence[Override]) -> None:
        """Take what stands after a cycle."""
        before, self._before = self._before, {each.target.key: each for each in overrides}
        for key, was in before.items():
            now = self._before.get(key)
            if was.over or (now is not None and now.begun_s != was.begun_s):
                continue  # told already, or replaced by an order
            if now is None:
                self._ended(was, End.GONE)
            elif now.over:
                self._ended(now, now.end)
            elif now.standing is not was.standing:
                self._stands(now)

    def _ended(self, override: Override, why: End) -> None:
        self._metrics.overrides_ended.labels(why.label).inc()
        self._tell("override_ended", override, why=why.label)

    def _stands(self, override: Override) -> None:
        if override.standing is Standing.IN_FORCE:
            self._tell("override_in_force", override)
        else:
            self._tell("override_outranked", override, why=override.standing.sentence)

    def _tell(self, event: str, override: Override, **more: str) -> None:
        fields = {"target": override.target.key, "value": override.value, "owner": override.owner, **more}
        tell = log.warning if event == "override_outranked" else log.info
        tell(event, **fields)
        self._journal.record(event, **fields)
