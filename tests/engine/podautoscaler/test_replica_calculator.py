"""The arithmetic of one metric. Pods have two containers; a request and a usage is of each of them."""

from __future__ import annotations

import math
from typing import Any

import pytest

from kgate.engine.api.core import Container, Pod, PodSpec, PodStatus, ResourceRequirements
from kgate.engine.api.meta import Condition, FrozenMap, ObjectMeta
from kgate.engine.controllers.podautoscaler import replica_calculator as calculator
from kgate.engine.controllers.podautoscaler.groups import group
from kgate.engine.controllers.podautoscaler.replica_calculator import MOST, MOST_USAGE, Proposal, Scene, Tolerances
from kgate.engine.controllers.podautoscaler.requests import requests
from kgate.engine.controllers.podautoscaler.settings import Settings
from kgate.engine.metrics import MetricsError, Sample

NOW_MS = 3_600_000
SETTINGS = Settings(cpu_initialization_period_ms=120_000, initial_readiness_delay_ms=10_000)
COLD_MS, HOT_MS = NOW_MS - 360_000, NOW_MS - 1000
"""Pods that started long ago, and those that have just started."""
USUAL = Tolerances(down=0.1, up=0.1)


def pod(
    n: int, *, ready: bool = True, phase: str = "Running", start_ms: int = 0, deleting: bool = False, request: int | None = 1000
) -> Pod:
    resources = ResourceRequirements(requests=FrozenMap() if request is None else FrozenMap(cpu=request))
    return Pod(
        metadata=ObjectMeta(name=f"p{n}", labels=FrozenMap(app="web"), deletion_timestamp_ms=NOW_MS if deleting else None),
        spec=PodSpec(containers=tuple(Container(name=f"c{i}", resources=resources) for i in (1, 2))),
        status=PodStatus(
            phase=phase,
            start_time_ms=start_ms,
            conditions=(Condition(type="Ready", status="True" if ready else "False", last_transition_time_ms=start_ms),),
        ),
    )


def pods(
    count: int, *, unready: str = "", hot: str = "", failed: str = "", pending: str = "", leaving: str = "", **kwargs: Any
) -> list[Pod]:
    """`unready="02"` makes p0 and p2 so."""
    made = []
    for n in range(count):
        phase = "Failed" if str(n) in failed else "Pending" if str(n) in pending else "Running"
        start = HOT_MS if str(n) in hot else COLD_MS if hot else 0
        made.append(pod(n, ready=str(n) not in unready, phase=phase, start_ms=start, deleting=str(n) in leaving, **kwargs))
    return made


def scene(of: list[Pod], current: int, tolerances: Tolerances = USUAL) -> Scene:
    return Scene(pods=of, current=current, tolerances=tolerances, settings=SETTINGS, now_ms=NOW_MS)


def samples(values: tuple[int, ...], each: int = 2) -> dict[str, Sample]:
    """`each` containers use that much."""
    return {f"p{n}": Sample(timestamp_ms=NOW_MS - 60_000, window_ms=60_000, value=v * each) for n, v in enumerate(values)}


def utilization(of: list[Pod], current: int, target: int, *levels: int, tolerances: Tolerances = USUAL) -> Proposal:
    where = scene(of, current, tolerances)
    return calculator.by_utilization(where, samples(levels), "cpu", lambda: requests(of, "", "cpu"), target)


# (pods, current, target percent, usage per container, replicas, percent)
UTILIZATIONS: list[tuple[str, list[Pod], int, int, tuple[int, ...], int, int]] = [
    ("up", pods(3), 3, 30, (300, 500, 700), 5, 50),
    ("an unready pod uses nothing when the others say up", pods(3, unready="0"), 3, 30, (300, 500, 700), 4, 60),
    ("a pod that has just started neither", pods(3, hot="0"), 3, 30, (300, 500, 700), 4, 60),
    ("two of them keep it from scaling", pods(3, unready="12"), 3, 30, (400, 500, 700), 3, 40),
    ("hot and unready", pods(3, unready="12", hot="12"), 3, 30, (400, 500, 700), 3, 40),
    ("failed pods are not there", pods(4, unready="23", failed="23"), 2, 30, (500, 700), 4, 60),
    ("nor are those on their way out", pods(4, unready="23", leaving="23"), 2, 30, (500, 700), 4, 60),
    ("down", pods(5), 5, 50, (100, 300, 500, 250, 250), 3, 28),
    ("unready pods do not count when it goes down", pods(5, unready="34"), 5, 50, (100, 300, 500, 250, 250), 2, 30),
    ("nor do pending ones", pods(5, unready="1234", pending="1234"), 5, 50, (100,), 1, 10),
    ("nor do hot ones", pods(5, hot="34"), 5, 50, (100, 300, 500, 250, 250), 2, 30),
    ("nor failed ones", pods(7, unready="56", failed="56"), 5, 50, (100, 300, 500, 250, 250), 3, 28),
    ("nor those on their way out", pods(7, unready="56", leaving="56"), 5, 50, (100, 300, 500, 250, 250), 3, 28),
    ("samples of pods that are not there do not count", pods(4), 4, 100, (4000, 9500, 3000, 7000, 3200, 2000), 24, 587),
    ("missing pods use their whole request when it goes down", pods(4), 4, 100, (400, 95), 3, 24),
    ("missing, and the others are where they should be", pods(2), 2, 100, (1000,), 2, 100),
    ("missing, and the others are above", pods(2), 2, 100, (1900,), 2, 190),
    ("missing, and the others are below", pods(2), 2, 100, (600,), 2, 60),
    ("one missing, one unready, below", pods(3, unready="0"), 3, 50, (100, 450), 3, 45),
    ("one missing, one hot, below", pods(3, hot="0"), 3, 50, (100, 450), 3, 45),
    ("one missing, one unready, far above", pods(3, unready="0"), 3, 50, (100, 2000), 4, 200),
    ("one missing, one hot and unready, far above", pods(3, unready="0", hot="0"), 3, 50, (100, 2000), 4, 200),
    ("one missing, one unready, far below", pods(4, unready="0"), 4, 50, (100, 100, 100), 3, 10),
    ("the surge of a rollout has no sample yet: more pods than replicas never scale up a low load", pods(3), 2, 50, (100, 100), 2, 10),
]


@pytest.mark.parametrize(
    ("of", "current", "target", "levels", "replicas", "percent"), [u[1:] for u in UTILIZATIONS], ids=[u[0] for u in UTILIZATIONS]
)
def test_utilization(of: list[Pod], current: int, target: int, levels: tuple[int, ...], replicas: int, percent: int) -> None:
    found = utilization(of, current, target, *levels)
    assert (found.replicas, found.utilization) == (replicas, percent)


def test_a_missing_pod_is_taken_to_be_at_a_target_above_its_request() -> None:
    of = [*(pod(n, ready=n > 0) for n in range(2)), pod(2, request=2000), pod(3, request=2000)]
    found = utilization(of, 4, 300, 200, 100, 100)
    assert (found.replicas, found.utilization, found.usage) == (2, 6, 200)


@pytest.mark.parametrize(
    ("tolerances", "levels", "replicas"),
    [
        (USUAL, (1010, 1030, 1020), 3),
        (Tolerances(down=0.0, up=0.0), (909, 1010, 1111), 4),
        (Tolerances(down=0.1, up=2.0), (1890, 1910, 1900), 3),
        (Tolerances(down=0.9, up=0.08), (1100, 1100, 1100), 4),
        (Tolerances(down=0.5, up=0.0), (520, 500, 540), 3),
    ],
)
def test_within_the_tolerance_nothing_is_scaled(tolerances: Tolerances, levels: tuple[int, ...], replicas: int) -> None:
    of = [pod(0, request=900), pod(1, request=1000), pod(2, request=1100)]
    assert utilization(of, 3, 100, *levels, tolerances=tolerances).replicas == replicas


def test_percentages_are_cut_before_they_are_compared() -> None:
    """110.9 % of 100 % is within 10 %, because 110 is."""
    assert utilization(pods(10), 10, 100, *[1109] * 10).replicas == 10
    assert utilization(pods(10), 10, 100, *[1110] * 10).replicas == 12


AVERAGES: list[tuple[str, list[Pod], int, int, tuple[int, ...], int, int]] = [
    ("up", pods(3), 3, 15_000, (20_000, 10_000, 30_000), 4, 20_000),
    (
        "readiness does not matter to what pods report themselves",
        pods(3, unready="2", hot="2"),
        3,
        15_000,
        (50_000, 10_000, 30_000),
        6,
        30_000,
    ),
    ("nor does their age", pods(3, unready="02", hot="02"), 3, 15_000, (50_000, 15_000, 30_000), 7, 31_666),
    ("down", pods(5), 5, 20_000, (12_000,) * 5, 3, 12_000),
    ("within the tolerance", pods(3), 3, 20_000, (20_000, 21_000, 21_000), 3, 20_666),
    ("missing pods are where they should be", pods(5), 5, 20_000, (20_000, 19_000, 21_000), 5, 20_000),
    ("more pods than replicas", pods(3), 2, 17_000, (10_000, 10_000), 2, 10_000),
]


@pytest.mark.parametrize(
    ("of", "current", "target", "levels", "replicas", "usage"), [a[1:] for a in AVERAGES], ids=[a[0] for a in AVERAGES]
)
def test_average(of: list[Pod], current: int, target: int, levels: tuple[int, ...], replicas: int, usage: int) -> None:
    found = calculator.by_average(scene(of, current), samples(levels, 1), "", target)
    assert (found.replicas, found.usage) == (replicas, usage)


@pytest.mark.parametrize(
    ("of", "current", "usage", "target", "up", "replicas"),
    [
        (pods(3), 3, 20_000, 15_000, 0.1, 4),
        (pods(3, unready="02"), 3, 50_000, 10_000, 0.1, 5),
        (pods(3, unready="02"), 3, 8600, 4400, 0.1, 2),
        (pods(5), 5, 12_000, 20_000, 0.1, 3),
        (pods(5), 5, 8600, 14_334, 0.1, 3),
        (pods(3), 3, 20_666, 20_000, 0.1, 3),
        (pods(3), 3, 20_666, 20_000, 0.01, 4),
        (pods(3), 3, 8900, 8800, 0.01, 4),
        (pods(3), 3, MOST_USAGE, 1, 0.1, MOST),
        ([], 0, 20_000, 15_000, 0.1, 2),
    ],
)
def test_one_value_scales_the_ready_pods(of: list[Pod], current: int, usage: int, target: int, up: float, replicas: int) -> None:
    found = calculator.by_value(scene(of, current, Tolerances(down=0.1, up=up)), usage, target)
    assert (found.replicas, found.usage) == (replicas, usage)


@pytest.mark.parametrize(
    ("current", "usage", "target", "up", "replicas", "shown"),
    [
        (3, 20_000, 5000, 0.1, 4, 6667),
        (3, 8600, 2150, 0.1, 4, 2867),
        (5, 6000, 2000, 0.1, 3, 1200),
        (5, 8600, 2867, 0.1, 3, 1720),
        (4, 20_166, 5000, 0.1, 4, 5042),
        (3, 8600, 2900, 0.1, 3, 2867),
        (4, 20_208, 5000, 0.01, 5, 5052),
        (3, 8600, 2800, 0.01, 4, 2867),
        (1, MOST_USAGE, 1, 0.1, MOST, MOST_USAGE),
        (1, MOST_USAGE, MOST_USAGE, 0.1, 1, MOST_USAGE),
    ],
)
def test_one_value_is_shared_out_to_replicas(current: int, usage: int, target: int, up: float, replicas: int, shown: int) -> None:
    found = calculator.by_value_per_pod(usage, target, current, Tolerances(down=0.1, up=up))
    assert (found.replicas, found.usage) == (replicas, shown)


def test_series_add_up_to_no_more_than_the_server_can_hold() -> None:
    assert calculator.total([MOST_USAGE // 2 + 1] * 2) == MOST_USAGE
    assert calculator.total([1, 2]) == 3


@pytest.mark.parametrize(
    ("of", "levels", "said"),
    [
        ([], (100,), "no pods returned by selector while calculating replica count"),
        (pods(2, unready="01", pending="01"), (100, 100), "did not receive metrics for targeted pods (pods might be unready)"),
        (pods(1, request=None), (200,), "missing request for cpu in container c1 of Pod p0"),
        ([pod(7)], (100,), "no metrics returned matched known pods"),
    ],
)
def test_what_cannot_be_computed_is_said_as_the_controller_says_it(of: list[Pod], levels: tuple[int, ...], said: str) -> None:
    with pytest.raises(MetricsError) as unknown:
        utilization(of, 1, 100, *levels)
    assert str(unknown.value) == said


@pytest.mark.parametrize(
    ("made", "sample_age_ms", "resource", "where"),
    [
        (pod(0), 0, "cpu", "ready"),
        (pod(0, deleting=True), 0, "cpu", "ignored"),
        (pod(0, phase="Failed"), 0, "cpu", "ignored"),
        (pod(0, phase="Pending"), 0, "cpu", "unready"),
        (pod(0, phase="Pending"), 0, "memory", "unready"),
        (pod(0), None, "cpu", "missing"),
        (pod(0, ready=False), 0, "memory", "ready"),
        # Started ten minutes ago and never ready.
        (pod(0, ready=False, start_ms=NOW_MS - 600_000), 0, "cpu", "unready"),
        # Ready for thirty seconds, and the sample tells of the last minute.
        (pod(0, start_ms=NOW_MS - 30_000), 0, "cpu", "unready"),
        # Ready for ninety seconds, still in its first two minutes.
        (pod(0, start_ms=NOW_MS - 90_000), 0, "cpu", "ready"),
        (pod(0, start_ms=NOW_MS - 90_000), 40_000, "cpu", "unready"),
    ],
)
def test_which_pods_count(made: Pod, sample_age_ms: int | None, resource: str, where: str) -> None:
    known = {} if sample_age_ms is None else {"p0": Sample(timestamp_ms=NOW_MS - sample_age_ms, window_ms=60_000, value=1)}
    found = group([made], known, resource, SETTINGS, NOW_MS)
    assert {"ready": found.ready == 1, "unready": found.unready, "missing": found.missing, "ignored": found.ignored}[where]
    assert found.ready + len(found.unready) + len(found.missing) + len(found.ignored) == 1


def test_a_pod_that_was_ready_once_counts_although_it_is_not_ready_now() -> None:
    status = pod(0, start_ms=0).status
    lost = Condition(type="Ready", status="False", last_transition_time_ms=NOW_MS - 5000)
    made = Pod(metadata=ObjectMeta(name="p0"), status=PodStatus(phase="Running", start_time_ms=status.start_time_ms, conditions=(lost,)))
    assert group([made], samples((1,)), "cpu", SETTINGS, NOW_MS).ready == 1


def test_requests_of_one_container_of_all_and_of_the_pod() -> None:
    sidecar = Container(name="s", restart_policy="Always", resources=ResourceRequirements(requests=FrozenMap(cpu=50)))
    init = Container(name="i", resources=ResourceRequirements(requests=FrozenMap(cpu=9000)))
    two = pod(0).spec.containers
    spec = PodSpec(containers=two, init_containers=(sidecar, init))
    together = PodSpec(containers=two, resources=ResourceRequirements(requests=FrozenMap(cpu=700)))
    assert requests([Pod(metadata=ObjectMeta(name="p"), spec=spec)], "", "cpu") == {"p": 2050}
    assert requests([Pod(metadata=ObjectMeta(name="p"), spec=spec)], "c2", "cpu") == {"p": 1000}
    assert requests([Pod(metadata=ObjectMeta(name="p"), spec=together)], "", "cpu") == {"p": 700}
    assert requests([Pod(metadata=ObjectMeta(name="p"), spec=together)], "c1", "cpu") == {"p": 1000}


def test_requests_that_are_not_there_have_a_name() -> None:
    of = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(containers=pod(0).spec.containers))
    with pytest.raises(MetricsError, match="container x not found in Pod p"):
        requests([of], "x", "cpu")
    with pytest.raises(MetricsError, match="missing request for memory in container c1 of Pod p"):
        requests([of], "", "memory")
    level = Pod(metadata=ObjectMeta(name="p"), spec=PodSpec(resources=ResourceRequirements(requests=FrozenMap(cpu=700))))
    with pytest.raises(MetricsError, match="missing pod-level request for memory in Pod p"):
        requests([level], "", "memory")


def test_ten_pods_at_half_of_their_request_come_down_only_beyond_the_tolerance() -> None:
    of = [pod(n, request=150) for n in range(10)]
    target = int((1 / (2 * 0.9) + 0.01) * 100)
    assert utilization(of, 10, target, *[75] * 10).replicas == math.ceil(10 * 50 / target)
    assert utilization(of, 10, target - 1, *[75] * 10).replicas == 10
