"""What became of the last load of the configuration, for view and metrics. Knows no configuration."""

from coolantd.clock import Clock
from coolantd.service.metrics import Metrics
from coolantd.service.view import ReloadView


class ReloadState:
    """The last load, the first at start included.

    Attributes:
        view: as shown.
    """

    def __init__(self, clock: Clock, metrics: Metrics) -> None:
        self.view = ReloadView(successful=False, success_time_s=0.0, digest="", error="not loaded yet")
        self._clock = clock
        self._metrics = metrics

    def note(self, digest: str, error: str = "") -> None:
        """Note a load.

        Args:
            digest: of the configuration in force now, hexadecimal.
            error: why a new one was refused; empty if it was not.
        """
        ok = not error
        success_time_s = self._clock.wall_s() if ok else self.view.success_time_s
        self.view = ReloadView(successful=ok, success_time_s=success_time_s, digest=digest[:12], error=error)
        self._metrics.reload_successful.set(1 if ok else 0)
        self._metrics.reload_success_time_s.set(success_time_s)
        self._metrics.reloads.labels("success" if ok else "failure").inc()
