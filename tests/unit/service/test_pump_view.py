"""What is shown of pumps: role, trip and run hours; and what the journal is told."""

from dataclasses import replace

from coolantd.control.golden import pumps_plan
from coolantd.control.pump_layout import TRIPPED_RUNNING, U_HOURS_H, U_ROLE, U_TRIPPED, Role
from coolantd.control.step import initial_state
from coolantd.service.pump_view import PumpRole, PumpWatch, pump_families, pump_views


class Journal:
    def __init__(self):
        self.records = []

    def record(self, event, **fields):
        self.records.append((event, fields))


def viewed(first=Role.DUTY, second=Role.STANDBY, tripped=0.0):
    state = initial_state(pumps_plan())
    state.u[0, :2, U_ROLE] = first, second
    state.u[0, 0, U_TRIPPED] = tripped
    state.u[0, :2, U_HOURS_H] = 12.5, 10.0
    return pump_views(pumps_plan(), state)


def test_every_pump_is_shown_with_its_role_and_hours():
    first, second = viewed()
    assert (first.cdu, first.device, first.point) == ("golden", "golden", "pump1")
    assert (first.role, first.run_h, second.role) == ("duty", 12.5, "standby")


def test_a_tripped_pump_is_shown_as_that_whatever_its_role():
    assert [each.role for each in viewed(Role.STANDBY, Role.DUTY, TRIPPED_RUNNING)] == ["tripped", "duty"]


def test_the_series_have_one_row_for_each_role_and_base_units():
    families = {name: dict(rows) for name, _, rows in pump_families(viewed())}
    labels = (("device", "golden"), ("point", "pump1"))
    roles = families["coolantd_pump_role"]
    assert [roles[*labels, ("role", role.value)] for role in PumpRole] == [0, 1, 0, 0, 0, 0]
    assert families["coolantd_pump_run_seconds"][labels] == 45_000.0


def test_a_change_is_told_once_and_what_is_found_first_is_none():
    journal = Journal()
    watch = PumpWatch(journal)
    for views in (viewed(Role.UNKNOWN, Role.UNKNOWN), viewed(), viewed(), viewed(Role.STANDBY, Role.DUTY, 1.0)):
        watch.follow(views)
    assert [(event, told["point"], told["previous"], told["role"]) for event, told in journal.records] == [
        ("pump_role", "pump1", "duty", "tripped"),
        ("pump_role", "pump2", "standby", "duty"),
    ]


def test_another_plan_is_no_change():
    journal = Journal()
    watch = PumpWatch(journal)
    watch.follow(viewed())
    watch.follow(tuple(replace(each, device="other", role="standby") for each in viewed()))
    assert journal.records == []
