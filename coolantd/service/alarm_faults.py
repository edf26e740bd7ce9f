"""What may be wrong with devices, with writing and with the daemon itself, as alarms. Data; knows no state.

Each is about a device, an actuator, a CDU, or the site as a whole.
"""

from enum import StrEnum
from typing import Final

from coolantd.safety.alarm_definition import Definition, Priority

SITE: Final = "site"
"""Subject of what concerns the daemon and no one of its devices."""

COOLING: Final = "cooling"
"""Group of what makes the coolant stop, get warm or get lost: one cause, many consequences."""


class DaemonFault(StrEnum):
    """Kinds of alarm beside conditions, hazards and leaks."""

    ALARM_FLOOD = "alarm_flood"
    LOOP_STALLED = "loop_stalled"
    DEVICE_WRONG = "device_wrong"
    DEVICE_DOWN = "device_down"
    CDU_FAILSAFE = "cdu_failsafe"
    DEVICE_LOCAL = "device_local"
    DEVICE_PAUSED = "device_paused"
    ACTUATOR_YIELDED = "actuator_yielded"
    OVERRIDE_EXPIRES = "override_expires"
    WRITE_REFUSED = "write_refused"
    REQUEST_UNANSWERED = "request_unanswered"
    SETTING_WRONG = "setting_wrong"
    BROKER_GONE = "broker_gone"
    CERTIFICATE_ENDS = "certificate_ends"
    RELOAD_FAILED = "reload_failed"
    JOURNAL_FAILING = "journal_failing"
    ALARM_JOURNAL_FAILING = "alarm_journal_failing"
    STATE_NOT_KEPT = "state_not_kept"
    STATE_DISCARDED = "state_discarded"
    CLOCK_STEPPED = "clock_stepped"
    SUSPENDED = "suspended"
    MEMORY_GROWS = "memory_grows"


_DEAD: Final = (DaemonFault.DEVICE_DOWN.value, DaemonFault.DEVICE_WRONG.value)

FAULTS: Final[dict[DaemonFault, Definition]] = {
    DaemonFault.ALARM_FLOOD: Definition(
        priority=Priority.MEDIUM,
        cause="ten or more alarms came within ten minutes; those below critical are shown as this one",
        consequence="nobody can take them in one by one, and the one that matters is missed",
        action="begin with the alarm named here and with every critical one; coolantd alarm list --all has all of them",
    ),
    DaemonFault.LOOP_STALLED: Definition(
        priority=Priority.MEDIUM,
        cause="the control cycle stood still for more than a second",
        consequence="setpoints stood still too; if it lasts the watchdog restarts the daemon",
        action="look for other load on the machine and for a disk that does not answer",
        off_delay_s=60.0,
    ),
    DaemonFault.BROKER_GONE: Definition(
        priority=Priority.MEDIUM,
        cause="there is no connection to the MQTT broker",
        consequence="CDUs on Modbus are controlled as before; rack manifolds go stale and their branch valves hold",
        action="check the broker and its network; the daemon reconnects by itself",
        on_delay_s=30.0,
        off_delay_s=15.0,
    ),
    DaemonFault.DEVICE_WRONG: Definition(
        priority=Priority.MEDIUM,
        cause="what answers as this device says that it is another one",
        consequence="nothing it says is used and nothing is written to it; its loops are in failsafe",
        action="compare what coolantd status shows of it with the label; correct wiring or address, or the profile",
        group=COOLING,
    ),
    DaemonFault.DEVICE_DOWN: Definition(
        priority=Priority.HIGH,
        cause="the device does not answer",
        consequence="its points are bad and it cannot be commanded: it runs on its own controller",
        action="check its power, its link and its address; the daemon reconnects by itself",
        on_delay_s=5.0,
        inhibit_s=30.0,
        suppressed_by=(DaemonFault.BROKER_GONE.value,),
        group=COOLING,
    ),
    DaemonFault.DEVICE_PAUSED: Definition(
        priority=Priority.LOW,
        cause="an operator has paused the device's bus for an hour or more",
        consequence="it runs on its own controller and its points are bad; the pause ends by itself",
        action="when the work is over: coolantd device resume",
        on_delay_s=3600.0,
    ),
    DaemonFault.CDU_FAILSAFE: Definition(
        priority=Priority.HIGH,
        cause="the CDU is in failsafe: a temperature or pressure that its control needs is bad",
        consequence="its pumps run at failsafe speed or above; supply temperature and pressure are not regulated",
        action="see which point is bad and mend it; control resumes by itself",
        on_delay_s=5.0,
        inhibit_s=60.0,
        suppressed_by=(*_DEAD, DaemonFault.DEVICE_PAUSED.value),
        group=COOLING,
    ),
    DaemonFault.DEVICE_LOCAL: Definition(
        priority=Priority.MEDIUM,
        cause="somebody has put the device to local control",
        consequence="it runs on its own controller; coolantd writes no setpoint to it and does not ask it back",
        action="ask who did it; when the work is over put it to remote, or: coolantd device resume",
        suppressed_by=_DEAD,
    ),
    DaemonFault.ACTUATOR_YIELDED: Definition(
        priority=Priority.MEDIUM,
        cause="somebody else writes this register, and it is left to them",
        consequence="its loop follows their value and not its setpoint, until half an hour after their last change",
        action="find the other writer and agree on one; to take it back now: coolantd device resume",
        suppressed_by=_DEAD,
    ),
    DaemonFault.OVERRIDE_EXPIRES: Definition(
        priority=Priority.LOW,
        cause="what an operator holds is let go within minutes, as its lease ends",
        consequence="the loop takes it back from where it stands, without a step",
        action="renew it with coolantd override if the work is not done; else nothing",
    ),
    DaemonFault.WRITE_REFUSED: Definition(
        priority=Priority.MEDIUM,
        cause="the last gate refuses what this actuator is to be given",
        consequence="the device keeps the last setpoint it accepted; nothing unsafe is sent",
        action="compare the loop's output limits with the profile's limits; if they fit, file a fault report",
        on_delay_s=15.0,
        off_delay_s=15.0,
        inhibit_s=60.0,
        suppressed_by=_DEAD,
    ),
    DaemonFault.REQUEST_UNANSWERED: Definition(
        priority=Priority.HIGH,
        cause="others were asked to reduce load or to cut power, and nobody has confirmed it for half a minute",
        consequence="heat or power stays where there is not enough coolant, or a leak",
        action="do it by hand; then look at the broker and at who should have answered",
        off_delay_s=5.0,
    ),
    DaemonFault.SETTING_WRONG: Definition(
        priority=Priority.MEDIUM,
        cause="a setting that decides what the device does without coolantd is not as its profile expects",
        consequence="if coolantd or the network fails the device may not fall back as planned, or not at all",
        action="see in coolantd status what it reads and what is expected, and correct it at the device",
        suppressed_by=_DEAD,
    ),
    DaemonFault.CERTIFICATE_ENDS: Definition(
        priority=Priority.LOW,
        cause="the broker's certificate ends within thirty days, or has ended",
        consequence="from that day on there is no connection to the broker; control goes on",
        action="renew the certificate at the broker",
        off_delay_s=60.0,
    ),
    DaemonFault.RELOAD_FAILED: Definition(
        priority=Priority.LOW,
        cause="the configuration on disk was refused; the one before it stays in force",
        consequence="what was changed is not in effect, and the daemon would not start again from these files",
        action="coolantd check lists every error; mend them, then coolantd reload",
    ),
    DaemonFault.JOURNAL_FAILING: Definition(
        priority=Priority.LOW,
        cause="records of what was done to the plant are being lost",
        consequence="control goes on; what happened cannot be told afterwards",
        action="check space and health of the file system under the state directory",
        off_delay_s=60.0,
    ),
    DaemonFault.ALARM_JOURNAL_FAILING: Definition(
        priority=Priority.LOW,
        cause="the history of alarms cannot be written",
        consequence="alarms are shown as ever; their history has gaps",
        action="check space and health of the file system under the state directory",
        off_delay_s=60.0,
    ),
    DaemonFault.STATE_NOT_KEPT: Definition(
        priority=Priority.LOW,
        cause="what is to survive a restart cannot be written",
        consequence="a restart would forget shelved alarms, run hours and what was learnt",
        action="check space and health of the file system under the state directory",
        off_delay_s=60.0,
    ),
    DaemonFault.STATE_DISCARDED: Definition(
        priority=Priority.LOW,
        cause="what an earlier run had kept could not be believed and was put aside",
        consequence="the start was a cold one: run hours, shelved alarms and overrides are as at the first start",
        action="look at the state file put aside and at the health of the disk; acknowledge",
    ),
    DaemonFault.CLOCK_STEPPED: Definition(
        priority=Priority.LOW,
        cause="the machine's clock jumped by more than a second",
        consequence="control does not use it; times in records and histories do not fit together",
        action="check the time service and the machine's own clock",
        off_delay_s=60.0,
    ),
    DaemonFault.SUSPENDED: Definition(
        priority=Priority.MEDIUM,
        cause="the machine was suspended",
        consequence="nobody controlled meanwhile; the devices were on their own controllers",
        action="find out what suspends this machine and forbid it",
        off_delay_s=60.0,
    ),
    DaemonFault.MEMORY_GROWS: Definition(
        priority=Priority.LOW,
        cause="the daemon's memory has grown steadily for hours",
        consequence="in the end the machine runs out of memory and the daemon is restarted",
        action="keep coolantd status and the log for a fault report; restart the daemon at a quiet time",
        off_delay_s=600.0,
    ),
}
"""Causes before what comes of them."""
