"""SIGKILL at any moment and at named places, then a start: nothing is corrupt, nothing moves by more than 1 %.

FM-44, FM-45, FM-46, FM-48. Real processes, files and sockets; see ``kill_nursery`` for what a life is.
"""

import asyncio
import os
import random
import signal

import pytest
from kill_nursery import PLACES
from kill_site import Nursery, Site

from coolantd.service import state_format

SITES = 4
"""At once: more would starve one another on two cores."""
# About a minute of an idle two-core machine; COOLANTD_KILLS=10000 for the figure of record.
KILLS = int(os.environ.get("COOLANTD_KILLS", "500"))
FULL = os.environ.get("COOLANTD_FULL") == "1"
SEED = int(os.environ.get("COOLANTD_SEED", "0"))


async def many(folder, seed, kills, nursery, sites):
    async with Site(folder, nursery, seed) as site:
        sites.append(site)
        for _ in range(kills):
            await site.kill_at_random()
        await site.come_back()


def told(sites):
    violations = [sentence for site in sites for sentence in site.violations]
    reached, writes = sum(site.reached for site in sites), sum(site.first_writes for site in sites)
    starved = sum(site.starved_lives for site in sites)
    print(
        f"\n{sum(site.kills for site in sites)} lives, {reached} came to control, {writes} first writes, "
        f"the farthest {max(site.worst_pct for site in sites):.2f} % from its actuator, "
        f"{starved} starved into failsafe before they wrote, {len(violations)} violations"
    )
    return violations


@pytest.mark.slow
@pytest.mark.timeout(60.0 + 3.0 * KILLS)
async def test_fm_44_fm_45_fm_46_fm_48_killed_at_random_instants_it_comes_back_where_the_actuators_are(tmp_path):
    sites = []
    async with Nursery() as nursery, asyncio.TaskGroup() as group:
        for k in range(SITES):
            group.create_task(many(tmp_path / str(k), SEED + k, KILLS // SITES, nursery, sites))
    assert told(sites) == []
    assert sum(site.reached for site in sites) > KILLS // 10, "most lives were too short to show anything"
    starved = sum(site.starved_lives for site in sites)
    assert starved <= KILLS // 4, "failsafe came before most first writes: they were not held to 1 %"


@pytest.mark.slow
@pytest.mark.timeout(240.0)
async def test_fm_42_fm_44_fm_48_killed_at_every_named_place_the_next_life_goes_on(tmp_path):
    """I11: after a kill within a reload either configuration is in force, and both start."""
    async with Nursery() as nursery, Site(tmp_path, nursery, SEED) as site:
        for place in PLACES:
            await site.die_at(place)
            await site.come_back()
    assert told([site]) == []


@pytest.mark.slow
@pytest.mark.parametrize(("fault", "found"), [("off_by_six", "off by"), ("without_a_scan", "before one full scan")])
async def test_fm_44_fm_46_a_daemon_that_is_wrong_on_purpose_is_found_out(tmp_path, fault, found):
    async with Nursery() as nursery, Site(tmp_path, nursery, SEED) as site:
        await site.come_back(fault=fault)
    assert any(found in sentence for sentence in site.violations), site.violations


def torn(whole, seed):
    """What a power cut may leave of a state file, by seed: its beginning, zeros at its end or all over, nothing."""
    cut = random.Random(seed).randrange(1, len(whole))
    return (whole[:cut], whole[:cut] + bytes(len(whole) - cut), bytes(len(whole)), b"")[seed % 4]


@pytest.mark.slow
@pytest.mark.timeout(300.0)
async def test_fm_48_a_torn_state_file_starts_cold_and_is_told_once(tmp_path):
    """Every byte at which it may be cut is tried without processes; here a sample of real starts."""
    async with Nursery() as nursery, Site(tmp_path, nursery, SEED) as site:
        await site.come_back()
        file = tmp_path / "state" / "state.json"
        for seed in range(100 if FULL else 8):
            whole = file.read_bytes()
            file.write_bytes(torn(whole, seed))
            file.with_name("state.json.new").write_bytes(whole)  # and a temporary that was never renamed
            site.violations.clear()
            life = await site.bear()
            await site.to_control(life)
            said = site.words()
            life.send(signal.SIGTERM)
            assert await life.end()
            assert site.violations == [], seed
            assert len(site.ear.heard.writes) == 3, seed
            assert said.count('"event":"state_discarded"') == 1, seed
            assert "Traceback" not in said, seed
            state_format.decode(file.read_bytes())
            assert file.with_name("state.json.bad").exists()
