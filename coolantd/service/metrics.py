"""The daemon's own counters and histograms. Points, loops and modes are not here: they are rendered from the view.

Labels are bounded: devices, points and CDUs by configuration, faults and refusals by their enums.
"""

import contextlib
import math

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info

from coolantd import __version__
from coolantd.errors import Fault
from coolantd.safety.alarm_definition import Priority
from coolantd.safety.envelope import Refusal
from coolantd.safety.requests import Request
from coolantd.safety.write_budget import Permission

LATENESS_BUCKETS_S = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0)
"""From the event loop's own millisecond to the two half-second cycles at which a stall is a fault (FM-26)."""


STALL_BUCKETS_S = (0.5, 1.0, 2.5, 5.0, 10.0)
"""From half a cycle more to the watchdog's patience and beyond, where only a stopped process comes back."""

SAFE_COMMAND_BUCKETS_S = (0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 5.0, 10.0)
"""Around one poll and 250 ms, and the 2 s that no single fault may take."""


class Metrics:
    """One registry of everything counted; pass it to whoever counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        Info("coolantd_build", "Version of the daemon", registry=self.registry).info({"version": __version__})
        self._make_daemon(self.registry)
        self._make_vitals(self.registry)
        self._make_alarms(self.registry)
        self._make_requests(self.registry)
        self._make_devices(self.registry)
        self._make_buses(self.registry)
        self._make_writes(self.registry)
        self._make_restraint(self.registry)

    def _make_daemon(self, reg: CollectorRegistry) -> None:
        """Make what counts the cycle, the configuration and the journal."""
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

        self.state_saves = Counter("coolantd_state_saves_total", "Times the state file was replaced", registry=reg)
        self.state_failed = Counter(
            "coolantd_state_save_failures_total", "Times the state file could not be replaced", registry=reg
        )
        self.state_discarded = Gauge(
            "coolantd_state_discarded",
            "1 if at the start a state file, or a part of it, was found that could not be believed",
            registry=reg,
        )

    def _make_vitals(self, reg: CollectorRegistry) -> None:
        """Make what counts stalls and clocks."""
        self.loop_stalls = Counter(
            "coolantd_loop_stalls_total",
            "Times the event loop stood still: warning above 0.25 s, fault above 1 s",
            ["severity"],
            registry=reg,
        )
        for severity in ("warning", "fault"):
            self.loop_stalls.labels(severity)
        self.loop_stall_s = Histogram(
            "coolantd_loop_stall_seconds",
            "How long the event loop stood still, each time it was for more than 0.25 s",
            buckets=STALL_BUCKETS_S,
            registry=reg,
        )
        self.clock_steps = Counter(
            "coolantd_clock_steps_total", "Times the wall clock was set by more than 1 s", registry=reg
        )
        self.suspends = Counter("coolantd_suspends_total", "Times the machine was suspended", registry=reg)

    def _make_alarms(self, reg: CollectorRegistry) -> None:
        """Make what counts alarms."""
        self.alarms_announced = Counter(
            "coolantd_alarms_announced_total", "Times an operator was called by an alarm", ["priority"], registry=reg
        )
        for priority in Priority:
            self.alarms_announced.labels(priority.label)
        self.alarm_events_lost = Counter(
            "coolantd_alarm_events_lost_total", "Alarm events that could not be written to their history", registry=reg
        )
        self.alarm_failures = Counter(
            "coolantd_alarm_failures_total", "Cycles in which the alarms could not be seen to", registry=reg
        )

    def _make_requests(self, reg: CollectorRegistry) -> None:
        """Make what counts requests to others."""
        self.request_attempts = Counter(
            "coolantd_request_attempts_total", "Times something was asked of others, by kind", ["kind"], registry=reg
        )
        self.request_answers_refused = Counter(
            "coolantd_request_answers_refused_total", "Confirmations of a request that were none", registry=reg
        )
        for request in Request:
            self.request_attempts.labels(request.label)

    def _make_devices(self, reg: CollectorRegistry) -> None:
        """Make what counts devices."""
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
        self.device_restarts = Counter(
            "coolantd_device_restarts_total", "Restarts seen from a device's own counters", ["device"], registry=reg
        )
        self.setting_wrong = Gauge(
            "coolantd_device_setting_wrong",
            "1 while a device's own setting for the loss of communication is not what its profile expects",
            ["device", "point"],
            registry=reg,
        )
        self.registers_refused = Gauge(
            "coolantd_device_points_refused",
            "Points not read because the device refuses them",
            ["device"],
            registry=reg,
        )
        self.samples_bad = Counter(
            "coolantd_samples_bad_total", "Samples refused as bad by reason", ["device", "reason"], registry=reg
        )
        self.device_local = Gauge(
            "coolantd_device_local", "1 while somebody has put the device to local control", ["device"], registry=reg
        )

    def _make_buses(self, reg: CollectorRegistry) -> None:
        """Make what counts buses, the broker and the proxy."""
        self.poll_late = Counter(
            "coolantd_poll_late_total",
            "Reads that control or safety rests on, sent more than their period late",
            ["device"],
            registry=reg,
        )
        self.bus_busy_ratio = Gauge(
            "coolantd_bus_busy_ratio",
            "Share of its time that a bus spends on requests, averaged over about 30 s",
            ["bus"],
            registry=reg,
        )
        self.mqtt_messages = Counter(
            "coolantd_mqtt_messages_total", "Received messages by what became of them", ["outcome"], registry=reg
        )
        self.mqtt_connects = Counter("coolantd_mqtt_connects_total", "Connections made to the broker", registry=reg)
        self.mqtt_certificate_expiry_s = Gauge(
            "coolantd_mqtt_certificate_expiry_timestamp_seconds",
            "When the certificate of the broker ends; NaN where it has none or was never reached",
            registry=reg,
        )
        self.mqtt_certificate_expiry_s.set(math.nan)
        self.proxy_requests = Counter(
            "coolantd_proxy_requests_total",
            "Requests of other masters to the read-only proxy by what became of them",
            ["outcome"],
            registry=reg,
        )
        self.proxy_clients = Gauge(
            "coolantd_proxy_clients", "Masters connected to the read-only proxy now", registry=reg
        )

    def _make_writes(self, reg: CollectorRegistry) -> None:
        """Make what counts writes and what became of them."""
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
        self.writes_contended = Counter(
            "coolantd_writes_contended_total",
            "Bit fields written while another writer changed other bits of the same register",
            ["device", "point"],
            registry=reg,
        )

    def _make_restraint(self, reg: CollectorRegistry) -> None:
        """Make what counts writes that wait, and what is left to others."""
        self.fault_to_safe_command_s = Histogram(
            "coolantd_fault_to_safe_command_seconds",
            "From the cycle in which an interlock took an actuator to its first acknowledged safe command",
            buckets=SAFE_COMMAND_BUCKETS_S,
            registry=reg,
        )
        self.overrides_ended = Counter(
            "coolantd_overrides_ended_total", "Overrides of operators that have ended, by why", ["why"], registry=reg
        )
        self.writes_ignored = Counter(
            "coolantd_writes_ignored_total",
            "Acknowledged writes after which the register went on showing what it had shown before",
            ["device", "point"],
            registry=reg,
        )
        self.writes_deferred = Counter(
            "coolantd_writes_deferred_total",
            "Writes that had to wait, for the least interval or for the budget",
            ["device", "point", "reason"],
            registry=reg,
        )
        self.writes_over_budget = Counter(
            "coolantd_writes_over_budget_total",
            "Urgent writes sent although the budget and its reserve were used up",
            ["device", "point"],
            registry=reg,
        )
        self.write_budget_used = Gauge(
            "coolantd_write_budget_used_ratio",
            "Writes of the last hour as a share of the register's hourly budget",
            ["device", "point"],
            registry=reg,
        )
        self.actuator_yielded = Gauge(
            "coolantd_actuator_yielded",
            "1 while a register is left to another writer",
            ["device", "point"],
            registry=reg,
        )
        self.yields = Counter(
            "coolantd_yields_total", "Times a register was left to another writer", ["device", "point"], registry=reg
        )

    def expect_device(self, device: str) -> None:
        """Show the counters of a device from 0, so that a rate sees its very first failure."""
        self.device_requests.labels(device)
        self.device_connects.labels(device)
        self.device_restarts.labels(device)
        self.poll_late.labels(device)
        for fault in Fault:
            if fault not in (Fault.WITHDRAWN, Fault.EXPIRED):  # which say nothing of the device
                self.device_errors.labels(device, fault.value)

    def expect_actuator(self, device: str, point: str) -> None:
        """Show the counters of an actuator from 0, for the same reason."""
        for counter in (
            self.writes,
            self.writes_failed,
            self.write_mismatches,
            self.writes_ignored,
            self.writes_over_budget,
            self.yields,
        ):
            counter.labels(device, point)
        for permission in Permission:
            if permission.deferred:
                self.writes_deferred.labels(device, point, permission.value)
        for refusal in Refusal:
            if refusal is not Refusal.NONE:
                self.writes_refused.labels(device, point, refusal.label)

    def forget_actuator(self, device: str, point: str) -> None:
        """Show the states of an actuator no longer that is gone; its counters stay, as counters do."""
        for gauge in (self.actuator_yielded, self.write_budget_used):
            with contextlib.suppress(KeyError):
                gauge.remove(device, point)
