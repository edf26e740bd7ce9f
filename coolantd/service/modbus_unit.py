"""What is known of one unit on a Modbus bus, and what it is asked for that. Knows neither replies nor a socket.

A unit is absent (no connection), dormant (it does not answer: only probed), unknown (it has not said yet that it is
the device configured: only asked who it is) or known; only then is anything decoded and may anything be written.
"""

import math
from collections.abc import Sequence
from typing import Final

import structlog

from coolantd.config.models import DeviceConfig
from coolantd.errors import DeviceError, Fault
from coolantd.point import Reason
from coolantd.protocol.bisect import alike_points, span_of
from coolantd.protocol.presence import Presence
from coolantd.protocol.profile import Profile, RegisterPoint, registers_of
from coolantd.service.agenda import Agenda, Ask, AskKind, Lane
from coolantd.service.device_values import DeviceValues
from coolantd.service.introduction import Introduction
from coolantd.service.metrics import Metrics
from coolantd.service.raw_cache import RawCache
from coolantd.service.read_plan import (
    ReadPlan,
)
from coolantd.service.table import PointTable

PROBE_S: Final = 2.0
"""Between two probes of a dormant unit that shares its line: it costs the others a twentieth of their time, not all."""
WRONG_RETRY_S: Final = 30.0
"""Between two questions to a device that said it is another one; somebody has to come and change that."""

log: Final = structlog.get_logger()


class ModbusUnit:
    """One unit; ``ModbusDevice`` adds what becomes of each reply.

    Attributes:
        up: the unit answers and is the device configured.
        fault: of the last failed exchange, None while up.
        agenda: what it wants to be asked now.
        ready_s: before this nothing is sent to it (its own least silence between requests).
        write_ready_s: before this nothing is written to it.
        restarts: how often it was seen to have restarted.
        raw: the words of its last good reads.
        shared: others are on the same line; set by the bus.
    """

    def __init__(self, config: DeviceConfig, profile: Profile, table: PointTable, metrics: Metrics) -> None:
        if config.unit_id is None:
            raise ValueError(f"{config.name} is not a Modbus device")
        self.name = config.name
        self.config = config
        self.profile = profile
        self.unit = config.unit_id
        self.up = False
        self.fault: Fault | None = Fault.NOT_CONNECTED
        self.agenda = Agenda()
        self.ready_s = self.write_ready_s = -math.inf
        self.restarts = 0
        self.raw = RawCache()
        self.presence = Presence()
        self.shared = False
        self.registers = {register.name: register for register in profile.registers}
        self._reads = ReadPlan(config, profile, self.agenda)
        self.write_deadline_s = self._reads.deadline_s(config.poll_fast_s)
        self.requests = metrics.device_requests.labels(config.name)
        self.late = metrics.poll_late.labels(config.name)
        self._metrics = metrics
        self._phase_ratio = 0.0
        self._firmware: str | None = None
        self._said_wrong = ""
        self._told = False
        self._selector = profile.unit_selector
        self._intro = Introduction(profile)
        self._values = DeviceValues(config.name, profile, table, metrics)

    @property
    def spans(self) -> Sequence[Ask]:
        """Return the reads that carry its points at present."""
        return self._reads.spans

    @property
    def trusted(self) -> bool:
        """Return whether it has shown that it is the device configured; only then it is written to."""
        return self._intro.trusted

    @property
    def texts(self) -> dict[str, str]:
        """Return what its text points say, by name."""
        return self._intro.texts

    @property
    def points_refused(self) -> int:
        """Return how many points are not read because it refuses them."""
        return len(self._reads.condemned)

    @property
    def problems(self) -> tuple[str, ...]:
        """Return what an operator should know of it, in sentences."""
        intro = self._intro
        wrong = [] if intro.trusted or not intro.said else [f"it says it is {intro.said}, expected {intro.expected}"]
        refused = [p.name for p in self._reads.condemned]
        shown = [f"it refuses to be read: {', '.join(refused[:8])}{' and more' if len(refused) > 8 else ''}"]
        return (*wrong, *self._values.settings.wrong.values(), *(shown if refused else []))

    @property
    def settings_wrong(self) -> tuple[str, ...]:
        """Return the points of its own settings that are not as expected."""
        return tuple(self._values.settings.wrong)

    def bind(self, table: PointTable) -> None:
        """Put samples into this table from now on."""
        self._values.bind(table)

    def imperial(self, point: RegisterPoint) -> bool | None:
        """Return whether the unit of a point is imperial now; None while that is not known."""
        return self._values.imperial(point)

    def connected(self, now_s: float, *, phase_ratio: float = 0.0) -> None:
        """Begin to ask: the connection is there.

        Args:
            now_s: now.
            phase_ratio: where between two reads of another device on the bus its own fall, in [0, 1).
        """
        self._phase_ratio = phase_ratio
        if self.presence.dormant:
            self._probe(now_s)
        else:
            self._introduce(now_s)

    def unreachable(self, fault: Fault | None = None) -> None:
        """Note that there is no connection; a heartbeat that nobody could watch has not stood still."""
        self._tell(fault or self.fault or Fault.NOT_CONNECTED)
        self.agenda.replace(())
        self._lost(Reason.NOT_CONNECTED)

    def leave(self) -> None:
        """Show nothing more of it in the states among the metrics."""
        self._values.settings.forget()
        self._metrics.registers_refused.labels(self.name).set(0)

    def stagger(self, now_s: float, *, phase_ratio: float) -> None:
        """Spread the next reads over a fast period."""
        self._reads.stagger(now_s, phase_ratio=phase_ratio)

    def probe_due_s(self) -> float:
        """Return when it is probed next, while it is dormant; inf while there is no connection."""
        return min((ask.due_s for ask in self.agenda.asks), default=math.inf)

    def put_off_probe(self, due_s: float) -> None:
        """Probe it then, while it is dormant."""
        for ask in self.agenda.asks:
            ask.due_s = due_s
        self.agenda.touch()

    def note(self, error: DeviceError) -> None:
        """Remember why there is no connection."""
        self._tell(error.fault, str(error))

    @property
    def _probe_pause_s(self) -> float:
        """Return how long between two probes; a unit alone on its line costs nobody anything."""
        return PROBE_S if self.shared else min(PROBE_S, self.config.poll_fast_s)

    def _heard(self, took_s: float, now_s: float) -> None:
        """Note that the unit answered something."""
        if self.presence.answered(took_s):
            self._introduce(now_s)

    def _lost(self, reason: Reason) -> None:
        """Let go of everything that holds only while the unit is there."""
        self._intro.forget()
        self._said_wrong = ""
        self._values.lose(reason)

    def _probe(self, due_s: float) -> None:
        """Ask nothing but whether it is there; who it is, if it can say that."""
        ask = self._identity_ask(due_s) or self._short_ask(due_s)
        self.agenda.replace([ask])

    def _short_ask(self, due_s: float) -> Ask:
        planned = [ask.span.points[0] for ask in self._reads.spans if ask.span is not None]
        points = planned or registers_of(self.profile, self._firmware)
        if not points:
            return self._reads.text(self.profile.texts[0], AskKind.PROBE, due_s)
        ask = self._reads.ask(span_of(alike_points(points[:1])[0]), once=True)
        ask.kind, ask.lane, ask.due_s = AskKind.PROBE, Lane.SAFETY, due_s
        return ask

    def _identity_ask(self, due_s: float) -> Ask | None:
        text, span = self._intro.identity_text, self._intro.identity_span
        if text is not None:
            return self._reads.text(text, AskKind.IDENTITY, due_s)
        if span is None:
            return None
        ask = self._reads.ask(span, once=True)
        ask.kind, ask.lane, ask.due_s = AskKind.IDENTITY, Lane.SAFETY, due_s
        return ask

    def _introduce(self, now_s: float) -> None:
        """Begin with a unit that has come: who is it? Nothing it said before counts, nor what firmware it had."""
        self._intro.forget()
        self.raw.clear()
        if self._firmware is None:
            self._reads.reset()
        else:
            self._firmware = None
            self._reads.replan(None)
            self._values.replanned()
        identity = self._identity_ask(now_s)
        if identity is None:
            self._begin(now_s)
        else:
            self.agenda.replace([identity])

    def _begin(self, now_s: float) -> None:
        """Want everything: the unit is the device configured."""
        first = self.profile.firmware_point
        known = self._intro.texts
        texts = sorted((t for t in self.profile.texts if t.name not in known), key=lambda t: t.name != first)
        self._reads.begin(now_s, texts, phase_ratio=self._phase_ratio)
        self._show_refused()
        self._follow_firmware(now_s)
        self._keep_alive(now_s)

    def _keep_alive(self, now_s: float) -> None:
        """Have a unit of which nothing is read again and again asked whether it is still there."""
        asks = self.agenda.asks
        if any(math.isfinite(ask.period_s) for ask in asks):
            return
        period_s = self.config.poll_normal_s
        probe = self._short_ask(now_s + period_s)
        probe.period_s = period_s
        self.agenda.add(probe)

    def _wrong(self, now_s: float) -> None:
        """Ask nothing but who it is, and that rarely: it has just said that it is another device."""
        said = self._said_wrong
        self.raw.clear()
        self._values.another_device()
        again = self._identity_ask(now_s + WRONG_RETRY_S)
        self.agenda.replace([] if again is None else [again])
        self._tell(Fault.WRONG_DEVICE, self._intro.said)
        self._said_wrong = self._intro.said
        if said != self._said_wrong:
            log.error("device_wrong", device=self.name, said=self._intro.said, expected=self._intro.expected)

    def _follow_firmware(self, now_s: float) -> None:
        """Plan anew when the firmware text says something new."""
        firmware = self._intro.firmware
        if firmware is None or firmware == self._firmware:
            return
        self._firmware = firmware
        texts = [ask for ask in self.agenda.asks if ask.kind is AskKind.TEXT]
        self._reads.replan(firmware)
        self._reads.set.heard()
        self._reads.begin(now_s, (), phase_ratio=self._phase_ratio)
        for ask in texts:
            self.agenda.add(ask)
        self._values.replanned()
        self._values.void(self._reads.foreign, Reason.CONFIGURATION_ERROR)

    def _restarted(self, now_s: float) -> None:
        """Begin anew with a device that has lost its memory of us."""
        self.restarts += 1
        self._metrics.device_restarts.labels(self.name).inc()
        log.warning("device_restarted", device=self.name, restarts=self.restarts)
        self._lost(Reason.NO_COMMUNICATION)
        self._values.all_bad(Reason.NO_COMMUNICATION)
        self._introduce(now_s)

    def _show_refused(self) -> None:
        condemned = self._reads.condemned
        self._metrics.registers_refused.labels(self.name).set(len(condemned))
        self._values.void(condemned, Reason.CONFIGURATION_ERROR)

    def _tell(self, fault: Fault | None, detail: str = "") -> None:
        """Change the state of the device, and log it when it changes between up and down, or first fails."""
        if fault is None and (not self.trusted or self.presence.lost):
            return
        if fault is None and not self.up:
            log.info("device_up", device=self.name)
        elif fault is not None and (self.up or (detail and not self._told)):
            log.warning("device_down", device=self.name, fault=fault.value, detail=detail)
        # A device that was never up says once why: its port may be in use, or its unit id another.
        self._told = self._told or fault is None or bool(detail)
        self.up, self.fault = fault is None, fault
