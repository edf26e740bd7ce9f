"""The body of /metrics: what a scraper relies on."""

import asyncio
import dataclasses
import shutil
from dataclasses import replace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from service_view_factory import FOULED, NAN, make_labels, make_view, uncertain

from coolantd.control.conditions import Condition
from coolantd.control.group_layout import GroupState
from coolantd.point import Reason, bad, good
from coolantd.service.exposition import CHUNK_LINES, PointExposition, escape_label
from coolantd.service.metrics import Metrics
from coolantd.service.view import DaemonView, PointLabels
from coolantd.service.vote_view import MemberView, VoteView


async def scrape(view: DaemonView, metrics: Metrics | None = None) -> dict[str, dict[tuple, float]]:
    """Render and parse with the library's own parser: series name -> sorted labels -> value."""
    body = await PointExposition().render(view, metrics or Metrics())
    series: dict[str, dict[tuple, float]] = {}
    for family in text_string_to_metric_families(body.decode()):
        for sample in family.samples:
            labels = tuple(sorted(sample.labels.items()))
            assert labels not in series.setdefault(sample.name, {}), f"{sample.name}{labels} twice"
            series[sample.name][labels] = sample.value
    return series


def point(index: int, **more: str) -> tuple:
    return tuple(sorted({"device": "cdu1", "point": f"temp_{index}_c", **more}.items()))


async def test_a_bad_point_has_no_value_even_if_the_array_still_holds_one():
    samples = [good(34.5, 0.0), bad(Reason.STALE, 0.0), uncertain(20.25, Reason.STUCK)]
    view = make_view(samples)
    view.snapshot.value[1] = 33.0
    series = await scrape(view)
    assert series["coolantd_point_value"] == {point(0, unit="degC"): 34.5, point(2, unit="degC"): 20.25}


async def test_every_point_has_a_quality_and_those_not_good_their_reason():
    series = await scrape(make_view([good(1.0, 0.0), bad(Reason.SENSOR_FAILURE, 0.0), uncertain(2.0, Reason.STALE)]))
    assert series["coolantd_point_quality"] == {point(0): 2, point(1): 0, point(2): 1}
    assert series["coolantd_point_not_good"] == {
        point(1, quality="bad", reason="sensor_failure"): 1,
        point(2, quality="uncertain", reason="stale"): 1,
    }


async def test_age_is_absent_until_there_was_a_sample():
    series = await scrape(make_view([good(1.0, 0.0), bad(Reason.WAITING_FOR_INITIAL_DATA, 0.0)]))
    assert series["coolantd_point_age_seconds"] == {point(0): 0.25}


async def test_loops_and_actuators_are_ratios_and_unknown_ones_are_absent():
    view = make_view()
    loop, actuator = view.loops[0], view.actuators[0]
    unknown = dataclasses.replace(loop, loop="pressure", process_variable=NAN, output_pct=NAN)
    lost = dataclasses.replace(actuator, point="pump1_speed_setpoint_pct", command_pct=NAN)
    series = await scrape(dataclasses.replace(view, loops=(loop, unknown), actuators=(actuator, lost)))
    named = (("cdu", "cdu1"), ("loop", "supply_temp"))
    assert series["coolantd_loop_deviation"] == {(*named, ("unit", "degC")): 0.5}
    assert len(series["coolantd_loop_setpoint"]) == 2
    assert list(series["coolantd_loop_process_variable"]) == [(*named, ("unit", "degC"))]
    assert series["coolantd_loop_output_ratio"] == {named: pytest.approx(0.42)}
    assert list(series["coolantd_actuator_command_ratio"].values()) == [pytest.approx(0.42)]
    assert list(series["coolantd_actuator_position_ratio"].values()) == [pytest.approx(0.415)] * 2


async def test_a_test_of_a_loop_is_shown():
    view = make_view()
    assert list((await scrape(view))["coolantd_cdu_trial_active"].values()) == [0]
    tested = replace(view, cdus=(replace(view.cdus[0], trial="supply_temp"),))
    assert list((await scrape(tested))["coolantd_cdu_trial_active"].values()) == [1]


async def test_mode_is_a_state_set_with_exactly_one_true():
    modes = (await scrape(make_view()))["coolantd_cdu_mode"]
    true = [dict(labels)["mode"] for labels, value in modes.items() if value == 1]
    assert true == ["automatic"]
    assert {dict(labels)["mode"] for labels in modes} >= {"starting", "automatic", "manual", "failsafe"}


async def test_devices_broker_and_readiness():
    series = await scrape(make_view(ready=False, ready_cause="no scan yet"))
    assert series["coolantd_device_up"] == {(("device", "cdu1"),): 1, (("device", "manifold1"),): 0}
    assert series["coolantd_ready"] == {(): 0}
    assert series["coolantd_mqtt_connected"] == {(): 1}
    assert "coolantd_mqtt_connected" not in await scrape(make_view(broker_connected=None))


async def test_a_paused_device_is_told_from_one_that_is_gone():
    view = make_view()
    cdu1, manifold1 = view.devices
    paused = dataclasses.replace(cdu1, up=False, fault="paused", paused_left_s=60.0)
    series = await scrape(dataclasses.replace(view, devices=(paused, manifold1)))
    assert series["coolantd_device_paused"] == {(("device", "cdu1"),): 1, (("device", "manifold1"),): 0}
    assert series["coolantd_device_up"][(("device", "cdu1"),)] == 0


async def test_own_counters_are_included_without_creation_times():
    metrics = Metrics()
    metrics.cycles.inc(7)
    metrics.device_errors.labels("cdu1", "timeout").inc()
    series = await scrape(make_view(), metrics)
    assert series["coolantd_cycles_total"] == {(): 7}
    assert not [name for name in series if name.endswith("_created")]


async def test_labels_are_escaped_after_the_text_format():
    nasty = 'a"b\\c\nd'
    assert escape_label(nasty) == 'a\\"b\\\\c\\nd'
    labels = PointLabels(devices=(nasty,), points=("p",), units=("degC",))
    series = await scrape(make_view([good(1.0, 0.0)], labels=labels))
    assert dict(next(iter(series["coolantd_point_value"])))["device"] == nasty


async def test_new_labels_after_a_reload_replace_the_cached_ones():
    exposition, metrics = PointExposition(), Metrics()
    first = await exposition.render(make_view([good(1.0, 0.0)]), metrics)
    renamed = PointLabels(devices=("other",), points=("flow_lpm",), units=("L/min",))
    second = await exposition.render(make_view([good(1.0, 0.0)], labels=renamed), metrics)
    assert b'coolantd_point_value{device="cdu1",point="temp_0_c",unit="degC"} 1.0\n' in first
    assert b'coolantd_point_value{device="other",point="flow_lpm",unit="L/min"} 1.0\n' in second
    assert b"temp_0_c" not in second


async def test_a_site_without_points_or_devices_still_renders():
    nothing = make_view([], loops=(), actuators=(), cdus=(), devices=(), labels=make_labels(0))
    assert (await scrape(nothing))["coolantd_ready"] == {(): 1}


async def test_the_event_loop_turns_between_chunks_and_the_body_is_of_one_instant():
    count = 4 * CHUNK_LINES
    view = make_view([good(1.0, 0.0)] * count)
    turns = 0

    async def count_turns_and_spoil() -> None:
        nonlocal turns
        while True:
            turns += 1
            view.snapshot.value[:] = 999.0
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns_and_spoil())
    parts: list[bytes] = []
    await PointExposition()._render_points(view, parts)
    other.cancel()
    assert turns >= 4 * 4  # four families of four chunks
    assert view.snapshot.value[0] == 999.0
    assert b"999.0" not in b"".join(parts)


@pytest.mark.real
@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed")
async def test_promtool_finds_nothing_to_say():
    samples = [good(34.5, 0.0), bad(Reason.STALE, 0.0), uncertain(1e-7, Reason.STUCK), good(4.2e9, 0.0)]
    metrics = Metrics()
    metrics.device_requests.labels("cdu1").inc()
    metrics.device_errors.labels("cdu1", "timeout").inc()
    metrics.cycle_lateness_s.observe(0.001)
    body = await PointExposition().render(make_view(samples), metrics)
    pipe = asyncio.subprocess.PIPE
    promtool = await asyncio.create_subprocess_exec(
        "promtool", "check", "metrics", stdin=pipe, stdout=pipe, stderr=pipe
    )
    async with asyncio.timeout(30):
        said = await promtool.communicate(body)
    assert (*said, promtool.returncode) == (b"", b"", 0)


async def test_a_wrong_device_can_be_told_from_a_silent_one():
    """FM-20: both are down; only one of them is answered for by something else."""
    view = make_view()
    wrong = dataclasses.replace(view.devices[0], up=False, fault="wrong_device", wrong=True)
    body = (
        await PointExposition().render(dataclasses.replace(view, devices=(wrong, view.devices[1])), Metrics())
    ).decode()
    assert 'coolantd_device_identity_wrong{device="cdu1"} 1\n' in body
    assert 'coolantd_device_identity_wrong{device="manifold1"} 0\n' in body
    assert 'coolantd_device_up{device="cdu1"} 0\n' in body
    assert 'coolantd_device_up{device="manifold1"} 0\n' in body


async def test_every_condition_of_every_cdu_is_0_or_1():
    series = (await scrape(make_view(conditions=(FOULED,))))["coolantd_cdu_condition"]
    assert {dict(labels)["condition"] for labels in series} == {condition.label for condition in Condition}
    assert [dict(labels)["condition"] for labels, value in series.items() if value == 1] == ["fouling"]


async def test_a_balanced_branch_shows_what_it_wants_and_has_and_one_that_is_open_only_that_it_is():
    series = await scrape(make_view())
    (first, second) = ((("branch", name), ("manifold", "manifold1")) for name in ("r701", "r702"))
    assert series["coolantd_branch_share_wanted_ratio"] == {first: 0.6}
    assert series["coolantd_branch_share_ratio"] == {first: 0.58}
    assert series["coolantd_branch_heat_watts"] == {first: 60_000.0}
    assert series["coolantd_branch_coolant_rise_kelvin"] == {first: 11.5}
    states = {labels for labels, value in series["coolantd_branch_state"].items() if value == 1}
    assert states == {(*first, ("state", "balanced")), (*second, ("state", "open"))}


async def test_every_cdu_of_a_group_shows_what_it_is_to_it():
    series = (await scrape(make_view()))["coolantd_group_state"]
    now = {(dict(labels)["cdu"], dict(labels)["state"]) for labels, value in series.items() if value == 1}
    assert now == {("cdu1", "member"), ("cdu2", "out")}
    assert len(series) == 2 * len(GroupState)


async def test_a_sensor_that_is_left_out_of_a_vote_has_its_series():
    members = (MemberView(tag="cdu1.a_c", use="used"), MemberView(tag="cdu1.b_c", use="excluded"))
    view = make_view(votes=(VoteView(cdu="cdu1", tag="cdu1.voted_supply_temp_c", members=members),))
    series = (await scrape(view))["coolantd_vote_member_used"]
    assert {dict(labels)["member"]: value for labels, value in series.items()} == {"cdu1.a_c": 1.0, "cdu1.b_c": 0.0}
