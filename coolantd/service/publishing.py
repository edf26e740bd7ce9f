"""Publishes the daemon's own state once a second, on whatever broker is configured at the time."""

from collections.abc import Callable
from typing import Final

from coolantd.clock import Clock
from coolantd.device.mqtt import MqttLink
from coolantd.service.state_publisher import StatePublisher
from coolantd.service.view import DaemonView

PUBLISH_PERIOD_S: Final = 1.0


async def publish_repeatedly(
    broker: Callable[[], tuple[MqttLink, str] | None],
    view: Callable[[], DaemonView],
    *,
    clock: Clock,
    pulse: Callable[[str], None],
) -> None:
    """Publish until cancelled.

    Args:
        broker: returns the link to publish on and the daemon's topic, None while no broker is configured.
        view: returns what to publish.
        clock: for the pace, and the time in the messages.
        pulse: called with the task's name at every turn.
    """
    publisher: StatePublisher | None = None
    used: MqttLink | None = None
    while True:
        way = broker()
        if way is not None:
            link, topic = way
            if publisher is None or used is not link:
                used, publisher = link, StatePublisher(link.publish, topic, clock.wall_s)
            publisher.tick(view(), clock.now_s())
        pulse("publish")
        await clock.sleep(PUBLISH_PERIOD_S)
