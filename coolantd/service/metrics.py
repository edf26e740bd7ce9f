"""The daemon's own counters and histograms. Points, loops and modes are not here: they are rendered from the view.

Labels are bounded: devices, points and CDUs by configuration, faults and refusals by their enums.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from coolantd import __version__
from coolantd.errors import Fault
from coolantd.safety.envelope import Refusal

LATENESS_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""From the event loop's own millisecond to the two half-second cycles at which a stall is a fault (FM-26)."""


class Metrics:
    """One registry of everything counted; pass it to whoever counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        reg = self.registry
        Info("coolantd_build", "Version of the daemon", registry=reg).info({"version": __version__})
        self.cycles = Counter("coolantd_cycles_total", "Completed control cycles", registry=reg)
        self.cycle_lateness_s = Histogram(
            "coolantd_cycle_lateness_seconds",
            "How long after its due time a control cycle began",
            buckets=LATENESS_BUCKETS_S,
            registry=reg,
        )
        self.cycle_duration_s = Histogram(
            "coolantd_cycle_duration_seconds", "How long a control cycle took", buckets=LATENESS_BUCKETS_S, registry=reg
        )
        self.kernel_compiled = Gauge(
            "coolantd_kernel_compiled",
            "1 while the compiled control law runs, 0 while the interpreted one does",
            registry=reg,
        )
        self.device_requests = Counter(
            "coolantd_device_requests_total", "Requests sent to a device", ["device"], registry=reg
        )
        self.device_errors = Counter(
            "coolantd_device_errors_total", "Failed exchanges with a device by kind", ["device", "fault"], registry=reg
        )
        self.device_exceptions = Counter(
            "coolantd_device_exceptions_total", "Modbus exception replies by code", ["device", "code"], registry=reg
        )
        self.device_connects = Counter(
            "coolantd_device_connects_total", "Connections made to a device", ["device"], registry=reg
        )
        self.samples_bad = Counter(
            "coolantd_samples_bad_total", "Samples refused as bad by reason", ["device", "reason"], registry=reg
        )
        self.writes = Counter(
            "coolantd_writes_total", "Writes a device acknowledged", ["device", "point"], registry=reg
        )
        self.writes_failed = Counter(
            "coolantd_writes_failed_total", "Writes that failed on the wire", ["device", "point"], registry=reg
        )
        self.writes_refused = Counter(
            "coolantd_writes_refused_total", "Demands the envelope refused", ["device", "point", "reason"], registry=reg
        )
        self.write_mismatches = Counter(
            "coolantd_write_mismatches_total",
            "Readbacks that differed from what was written by more than the tolerance",
            ["device", "point"],
            registry=reg,
        )
        self.mqtt_messages = Counter(
            "coolantd_mqtt_messages_total", "Received messages by what became of them", ["outcome"], registry=reg
        )
        self.mqtt_connects = Counter("coolantd_mqtt_connects_total", "Connections made to the broker", registry=reg)
        self.reload_successful = Gauge(
            "coolantd_config_last_reload_successful", "1 if the last configuration load succeeded", registry=reg
        )
        self.reload_success_time_s = Gauge(
            "coolantd_config_last_reload_success_timestamp_seconds",
            "Wall time of the last successful configuration load",
            registry=reg,
        )
        self.reloads = Counter(
            "coolantd_config_reloads_total", "Configuration loads by outcome", ["outcome"], registry=reg
        )
        self.journal_dropped = Counter(
            "coolantd_journal_dropped_total",
            "Records lost because the journal could not keep up or write",
            registry=reg,
        )

    def expect_device(self, device: str) -> None:
        """Show the counters of a device from 0, so that a rate sees its very first failure."""
        self.device_requests.labels(device)
        self.device_connects.labels(device)
        for fault in Fault:
            self.device_errors.labels(device, fault.value)

    def expect_actuator(self, device: str, point: str) -> None:
        """Show the counters of an actuator from 0, for the same reason."""
        for counter in (self.writes, self.writes_failed, self.write_mismatches):
            counter.labels(device, point)
        for refusal in Refusal:
            if refusal is not Refusal.NONE:
                self.writes_refused.labels(device, point, refusal.label)
