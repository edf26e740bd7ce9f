"""What survives a restart: sections come back to their owners, and anything odd is a cold start (FM-48)."""

import math
import threading

import pytest
import structlog

from coolantd.service import state_file, state_format
from coolantd.service.keeper import Keeper, Section
from coolantd.service.metrics import Metrics
from coolantd.service.state_file import StateFile
from coolantd.service.state_format import Moment


class Journal:
    def __init__(self):
        self.records = []

    def record(self, event, **fields):
        self.records.append((event, fields))


class Owner:
    """Keeps one table and takes back what it is given."""

    def __init__(self, kept=None):
        self.kept, self.restored, self.asked = kept or {}, [], 0

    def keep(self):
        self.asked += 1
        return dict(self.kept)

    def restore(self, kept, age_s):
        if "poison" in kept:
            raise KeyError("poison")
        self.restored.append((kept, age_s))


class Rig:
    def __init__(self, folder, **sections):
        self.moment = Moment(wall_s=1.75e9, boottime_s=1000.0, boot_id="boot")
        self.metrics, self.journal = Metrics(), Journal()
        self.path = folder / "state.json"
        self.keeper = Keeper(
            StateFile(self.path), moment=lambda: self.moment, metrics=self.metrics, journal=self.journal
        )
        self.owners = {name: owner for name, (owner, _) in sections.items()}
        for name, (owner, options) in sections.items():
            self.keeper.add(Section(name=name, keep=owner.keep, restore=owner.restore, **options))

    def later(self, seconds, boot_id="boot"):
        self.moment = Moment(
            wall_s=self.moment.wall_s + seconds, boottime_s=self.moment.boottime_s + seconds, boot_id=boot_id
        )

    def discarded(self):
        return self.metrics.registry.get_sample_value("coolantd_state_discarded")

    def on_disk(self):
        return state_format.decode(self.path.read_bytes()).sections


async def ran(folder, kept, **options):
    """A daemon's life that leaves one section behind."""
    rig = Rig(folder, latches=(Owner(kept), options))
    await rig.keeper.restore()
    rig.keeper.stop()
    return rig


async def test_fm_48_what_one_life_kept_the_next_takes_back_with_its_age(tmp_path):
    await ran(tmp_path, {"branch": 3})
    rig = Rig(tmp_path, latches=(Owner(), {}), new=(Owner(), {}))
    rig.later(60.0)
    await rig.keeper.restore()
    assert rig.owners["latches"].restored == [({"branch": 3}, 60.0)]
    assert rig.owners["new"].restored == []
    assert rig.journal.records == [("state_restored", {"age_s": 60.0, "latches": "restored", "new": "none"})]
    assert rig.discarded() == 0
    rig.keeper.stop()


async def test_no_file_is_a_first_start_and_nothing_to_talk_about(tmp_path):
    rig = Rig(tmp_path, latches=(Owner(), {}))
    await rig.keeper.restore()
    assert (rig.journal.records, rig.discarded()) == ([], 0)
    rig.keeper.stop()


@pytest.mark.parametrize("damage", ["cut", "zeros", "directory", "endless", "other"])
async def test_fm_48_an_odd_file_is_set_aside_said_once_and_the_start_is_cold(tmp_path, damage):
    rig = await ran(tmp_path, {"branch": 3})
    data = rig.path.read_bytes()
    if damage == "directory":
        rig.path.unlink()
        rig.path.mkdir()
    else:
        rig.path.write_bytes(
            {"cut": data[:-1], "zeros": bytes(len(data)), "endless": data + bytes(2 << 20), "other": b"[state]\n"}[
                damage
            ]
        )
    rig = Rig(tmp_path, latches=(Owner(), {}))
    with structlog.testing.capture_logs() as logs:
        await rig.keeper.restore()
    assert [each["event"] for each in logs] == ["state_discarded"]
    assert rig.owners["latches"].restored == []
    assert [event for event, _ in rig.journal.records] == ["state_discarded"]
    assert rig.discarded() == 1
    if damage != "directory":
        assert [path.name for path in tmp_path.iterdir()] == ["state.json.bad"]
        rig.keeper.watch(0.0)
    rig.keeper.stop()
    if damage != "directory":
        assert rig.on_disk() == {"latches": {}}


async def test_fm_48_a_section_its_owner_cannot_believe_costs_that_section_alone(tmp_path):
    rig = Rig(tmp_path, bad=(Owner({"poison": 1}), {}), good=(Owner({"a": 1}), {}))
    await rig.keeper.restore()
    rig.keeper.stop()
    rig = Rig(tmp_path, bad=(Owner(), {}), good=(Owner(), {}))
    with structlog.testing.capture_logs() as logs:
        await rig.keeper.restore()
    assert rig.owners["good"].restored == [({"a": 1}, 0.0)]
    assert [each["event"] for each in logs] == ["state_section_discarded", "state_restored"]
    assert rig.discarded() == 1
    rig.keeper.stop()


@pytest.mark.parametrize(
    ("away_s", "boot_id", "age_max_s", "restored"),
    [
        (50.0, "boot", 60.0, True),
        (70.0, "boot", 60.0, False),
        (50.0, "other", 60.0, True),
        (-50.0, "other", 60.0, False),
        (-50.0, "other", math.inf, True),
        (1e9, "boot", math.inf, True),
    ],
)
async def test_fm_48_what_is_too_old_or_of_unknown_age_comes_back_only_where_age_does_not_matter(
    tmp_path, away_s, boot_id, age_max_s, restored
):
    """A lease must not outlive its time for want of a clock; a latch holds however old it is (I7)."""
    await ran(tmp_path, {"a": 1})
    rig = Rig(tmp_path, latches=(Owner(), {"age_max_s": age_max_s}))
    rig.later(away_s, boot_id)
    await rig.keeper.restore()
    assert bool(rig.owners["latches"].restored) is restored
    rig.keeper.stop()


async def test_a_disk_that_does_not_answer_does_not_hold_up_the_start(tmp_path, monkeypatch):
    """FM-30."""
    monkeypatch.setattr(state_file, "READ_TIMEOUT_S", 0.05)
    rig = Rig(tmp_path, latches=(Owner(), {}))
    answer = threading.Event()
    monkeypatch.setattr(StateFile, "_read", lambda self, limit: answer.wait(60.0) and None)
    await rig.keeper.restore()
    assert not answer.is_set()
    assert rig.discarded() == 1
    rig.keeper.stop()
    answer.set()


async def test_each_section_is_asked_at_its_own_pace_and_only_changes_are_written(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(StateFile, "save", lambda self, data: saved.append(state_format.decode(data).sections))
    rig = Rig(tmp_path, quick=(Owner({"a": 1}), {"every_s": 1.0}), slow=(Owner({"b": 1}), {"every_s": 300.0}))
    await rig.keeper.restore()
    for half_second in range(200):
        rig.owners["slow"].kept["b"] += 1
        if half_second == 100:
            rig.owners["quick"].kept["a"] = 2
        rig.keeper.watch(1000.0 + 0.5 * half_second)
    assert (rig.owners["quick"].asked, rig.owners["slow"].asked) == (100, 1)
    assert saved == [{"quick": {"a": 1}, "slow": {"b": 2}}, {"quick": {"a": 2}, "slow": {"b": 2}}]
    rig.keeper.stop()
    assert saved[-1] == {"quick": {"a": 2}, "slow": {"b": 201}}


async def test_a_state_too_large_for_its_file_is_counted_and_the_cycle_goes_on(tmp_path):
    rig = Rig(tmp_path, latches=(Owner({"text": "x" * state_format.BYTES_MAX}), {}))
    await rig.keeper.restore()
    rig.keeper.watch(0.0)
    assert rig.metrics.registry.get_sample_value("coolantd_state_save_failures_total") == 1
    rig.keeper.stop()
    assert not rig.path.exists()
