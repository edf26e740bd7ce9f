"""Checks a device's own settings for the loss of communication against its profile, and says so once."""

import contextlib
import math
from typing import Final

import structlog

from coolantd.protocol.profile import CommunicationLoss, Profile
from coolantd.service.metrics import Metrics

log: Final = structlog.get_logger()


class SettingsWatch:
    """The settings of one device, judged when their points are read.

    Attributes:
        wrong: sentence of each setting that is not as expected, by point.
    """

    def __init__(self, device: str, profile: Profile, metrics: Metrics) -> None:
        self._device = device
        self._gauge = metrics.setting_wrong
        self._settings: dict[str, CommunicationLoss] = {rule.point: rule for rule in profile.communication_loss}
        self.wrong: dict[str, str] = {}

    @property
    def points(self) -> tuple[str, ...]:
        """Return the points to be looked at."""
        return tuple(self._settings)

    def look(self, point: str, value: float) -> None:
        """Judge one good reading of a setting."""
        rule = self._settings[point]
        wrong = not math.isclose(value, rule.expected, rel_tol=1e-6, abs_tol=1e-9)
        self._gauge.labels(self._device, point).set(int(wrong))
        if not wrong:
            self.wrong.pop(point, None)
            return
        sentence = f"{point} reads {value:g}, expected {rule.expected:g}: {rule.sentence}"
        if self.wrong.get(point) != sentence:
            self.wrong[point] = sentence
            log.warning("device_setting_wrong", device=self._device, point=point, detail=sentence)

    def forget(self) -> None:
        """Say nothing of settings that cannot be read any longer."""
        self.wrong.clear()
        for point in self._settings:
            with contextlib.suppress(KeyError):
                self._gauge.remove(self._device, point)
