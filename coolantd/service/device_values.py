"""What one device's replies mean for the point table: units, rates, heartbeat, restarts. Knows no schedule."""

from collections.abc import Iterable, Sequence
from enum import Enum

from coolantd.point import Reason, bad
from coolantd.protocol.bisect import SpanKey, key_of
from coolantd.protocol.kinds import PollClass
from coolantd.protocol.profile import Profile, RegisterPoint
from coolantd.protocol.restart import RestartWatch, uptime_step_s, uptime_wrap_s
from coolantd.protocol.spans import Span
from coolantd.service.metrics import Metrics
from coolantd.service.settings_watch import SettingsWatch
from coolantd.service.span_reader import Reading, SpanReader, rate_checks
from coolantd.service.table import PointTable
from coolantd.service.unit_gate import HeldReading, UnitGate


class Taken(Enum):
    """What one reply asks for beyond its values."""

    NOTHING = 0
    SELECTOR = 1
    """The unit selector is to be read: values wait for it."""
    RESTARTED = 2
    """The device has restarted: nothing of the reply was believed."""


class DeviceValues:
    """The points of one device.

    Attributes:
        settings: its own settings for the loss of communication.
    """

    def __init__(self, name: str, profile: Profile, table: PointTable, metrics: Metrics) -> None:
        self._name = name
        self._profile = profile
        self._metrics = metrics
        self._registers = {register.name: register for register in profile.registers}
        self.settings = SettingsWatch(name, profile, metrics)
        self._selector = profile.unit_selector
        self._gate = UnitGate()
        self._beat: tuple[float, float] | None = None
        self._rates = rate_checks(profile.registers)
        self._restart_watch = _restart_watch(profile, self._registers)
        self.bind(table)

    def bind(self, table: PointTable) -> None:
        """Put samples into this table from now on."""
        self._table = table
        self._rows = {name: table.index[self._name, name] for name in self._registers}
        self._all = list(self._rows.values())
        self._once = [self._rows[name] for name, point in self._registers.items() if point.poll is PollClass.ONCE]
        self._readers: dict[SpanKey, SpanReader] = {}

    def replanned(self) -> None:
        """Forget how reads were decoded that are not made any longer."""
        self._readers.clear()

    def imperial(self, point: RegisterPoint) -> bool | None:
        """Return whether the unit of a point is imperial now; None while that is not known."""
        if self._selector is None or point.imperial_unit is None:
            return False
        return self._gate.value == self._selector.imperial_value if self._gate.current else None

    def take(self, span: Span, words: Sequence[int], sent_s: float) -> Taken:
        """Decode one good reply; what depends on the unit selector waits for the selector's next reading."""
        reader = self._reader(span)
        reading = reader.decode(words, sent_s)
        if self._saw_restart(reader, reading):
            return Taken.RESTARTED
        self._mark_stuck(reader, reading)
        reader.put(reading, self._table, self.count_bad)
        for name in self.settings.points:
            at = reader.at.get(name)
            if at is not None and (value := reading.good(at)) is not None:
                self.settings.look(name, value)
        decides = self._selector is not None and self._selector.point in reader.at
        if self._selector is not None and decides:
            self._confirm(reading.good(reader.at[self._selector.point]), sent_s)
        if not reader.waits:
            return Taken.NOTHING
        self._gate.hold(HeldReading(reader.span, words, sent_s))
        return Taken.NOTHING if decides else Taken.SELECTOR

    def not_read(self, points: Iterable[RegisterPoint]) -> None:
        """Note that a read failed: what waits for the unit selector waits in vain if that was it."""
        if self._selector is not None and any(point.name == self._selector.point for point in points):
            self._gate.forget()

    def lose(self, reason: Reason) -> None:
        """Let go of everything that holds only while the unit is there."""
        self.unwatch()
        self.settings.forget()
        self._table.silent(self._all, reason)
        self._table.forget(self._once, reason)

    def unwatch(self) -> None:
        """Forget what two replies have to say together; a heartbeat that nobody could watch has not stood still."""
        self._beat = None
        self._gate.lose()
        for check in self._rates.values():
            check.forget()

    def all_bad(self, reason: Reason) -> None:
        """Make every point bad at once."""
        self._table.forget(self._all, reason)

    def another_device(self) -> None:
        """Believe nothing: who answers is not the device configured, and its counters are its own."""
        self._restart_watch.forget()
        self.all_bad(Reason.CONFIGURATION_ERROR)

    def silent(self, points: Iterable[RegisterPoint], reason: Reason) -> None:
        """Note why no sample came of these points; the last one goes on ageing."""
        self._table.silent([self._rows[point.name] for point in points], reason)

    def void(self, points: Iterable[RegisterPoint], reason: Reason) -> None:
        """Make points bad that are not read any longer."""
        self._table.forget([self._rows[point.name] for point in points], reason)

    def put_bad(self, points: Iterable[RegisterPoint], reason: Reason, sent_s: float) -> None:
        """Put a bad sample of each of these points."""
        for point in points:
            self.count_bad(reason.label, 1)
            self._table.put(self._rows[point.name], bad(reason, sent_s))

    def count_bad(self, reason: str, count: int) -> None:
        """Count bad samples."""
        self._metrics.samples_bad.labels(self._name, reason).inc(count)

    def _reader(self, span: Span) -> SpanReader:
        key = key_of(span)
        reader = self._readers.get(key)
        if reader is None or (reader.span is not span and reader.span != span):
            selector = None if self._selector is None else self._selector.point
            reader = self._readers[key] = SpanReader(span, self._rows, self._rates, selector)
        return reader

    def _saw_restart(self, reader: SpanReader, reading: Reading) -> bool:
        beat, uptime = self._profile.heartbeat, self._profile.uptime_point
        seen = False
        if uptime is not None and uptime in reader.at:
            value = reading.good(reader.at[uptime])
            if value is not None:
                hours = self._registers[uptime].unit == "h"
                seen = self._restart_watch.saw_uptime(value * 3600.0 if hours else value, reading.sent_s)
        if beat is not None and beat.theirs in reader.at:
            count = reading.good(reader.at[beat.theirs])
            if count is not None:
                seen = self._restart_watch.saw_heartbeat(count, reading.sent_s) or seen
                if self._beat is None or self._beat[0] != count:
                    self._beat = (count, reading.sent_s)
        return seen

    def _mark_stuck(self, reader: SpanReader, reading: Reading) -> None:
        """Believe nothing while the device's program stands still and its Modbus server goes on answering (FM-18)."""
        beat = self._profile.heartbeat
        if beat is not None and self._beat is not None and reading.sent_s - self._beat[1] > beat.timeout_s:
            reader.spoil(reading, Reason.STUCK, but=beat.theirs)

    def _confirm(self, value: float | None, sent_s: float) -> None:
        """Take a reading of the unit selector, and with it the readings that waited for it."""
        if self._selector is None or value is None:
            self._gate.forget()
            return
        for held in self._gate.confirm(value, sent_s):
            reader = self._reader(held.span)
            reading = reader.decode(held.words, held.sent_s, imperial=value == self._selector.imperial_value)
            self._mark_stuck(reader, reading)
            reader.put_waiting(reading, self._table, self.count_bad)


def _restart_watch(profile: Profile, registers: dict[str, RegisterPoint]) -> RestartWatch:
    if profile.uptime_point is None:
        return RestartWatch(heartbeat=profile.heartbeat)
    point = registers[profile.uptime_point]
    return RestartWatch(
        heartbeat=profile.heartbeat, uptime_wrap_s=uptime_wrap_s(point), uptime_step_s=uptime_step_s(point)
    )
