"""Pods that do not bear a NoExecute taint, or only for a while."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine.api.core import Pod, Taint, Toleration
from kgate.engine.controllers.tainteviction import stay_ms
from tests.engine.nodes.worlds import bare, bearing, first_ms, pods_on, said, world

TAINT = Taint(key="a", value="x", effect="NoExecute")
OTHER = Taint(key="b", value="y", effect="NoExecute")


def bears(key: str = "a", value: str | None = None, seconds: int | None = None, effect: str = "NoExecute") -> Toleration:
    operator = "Exists" if value is None else "Equal"
    return Toleration(key=key, operator=operator, value=value or "", effect=effect, toleration_seconds=seconds)


@pytest.mark.parametrize(
    ("tolerations", "taints", "stays"),
    [
        ([], [TAINT], -1),
        ([bears()], [TAINT], None),
        ([bears(seconds=300)], [TAINT], 300_000),
        ([bears(seconds=0)], [TAINT], 0),
        ([bears(seconds=-5)], [TAINT], 0),
        ([bears(value="x", seconds=1)], [TAINT], 1000),
        ([bears(value="z", seconds=1)], [TAINT], -1),
        ([bears(effect="NoSchedule")], [TAINT], -1),
        ([bears(effect="")], [TAINT], None),
        ([bears(key="", seconds=7)], [TAINT, OTHER], 7_000),
        ([bears(seconds=5), bears("b", seconds=3)], [TAINT, OTHER], 3_000),
        ([bears(), bears("b", seconds=3)], [TAINT, OTHER], 3_000),
        ([bears(seconds=5), bears("b", seconds=3)], [TAINT], 5_000),  # what bears another taint has no say
        ([bears(seconds=5), bears(seconds=1)], [TAINT], 5_000),  # the first that fits counts
        ([bears(seconds=5)], [TAINT, OTHER], -1),
    ],
)
def test_a_pod_stays_as_long_as_it_bears_every_taint(tolerations: list[Toleration], taints: list[Taint], stays: int | None) -> None:
    assert stay_ms(tolerations, taints) == stays


def tolerations(**seconds: int | None) -> list[dict[str, Any]]:
    return [
        {"key": key, "operator": "Exists", "effect": "NoExecute"} | ({} if s is None else {"tolerationSeconds": s})
        for key, s in seconds.items()
    ]


def gone_ms(cluster: Any, name: str) -> int | None:
    """When the pod's deletion began."""
    marked = (e.time_ms for e in cluster.trace if e.key.kind == "Pod" and e.key.name == name and e.object.metadata.deleting)
    return next(marked, None)


def test_a_taint_evicts_at_once_later_or_never() -> None:
    cluster = world()
    for name, said_ in (("at-once", {}), ("later", {"a": 3}), ("never", {"a": None}), ("elsewhere", {})):
        cluster.create(bare(name, "n2" if name == "elsewhere" else "n1", tolerations=tolerations(**said_)))
    cluster.run_for(1_000)
    cluster.taint("n1", "a", "x", "NoExecute")
    cluster.run_to_rest(100_000)
    assert [gone_ms(cluster, n) for n in ("at-once", "later", "never", "elsewhere")] == [1_000, 4_000, None, None]
    assert said(cluster, "TaintManagerEviction") == ["Marking for deletion Pod default/at-once", "Marking for deletion Pod default/later"]


def test_an_evicted_pod_says_why_before_it_is_deleted() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.taint("n1", "a", effect="NoExecute")

    def disrupted(pod: Pod) -> bool:
        return any(
            c.reason == "DeletionByTaintManager" and c.type == "DisruptionTarget" and c.status == "True" for c in pod.status.conditions
        )

    first = next(e for e in cluster.trace if isinstance(e.after, Pod) and disrupted(e.after))
    assert isinstance(first.after, Pod)
    assert not first.after.metadata.deleting
    (pod,) = pods_on(cluster, "n1")
    message = next(c.message for c in pod.status.conditions if c.type == "DisruptionTarget")
    assert (message, pod.metadata.deletion_grace_period_seconds) == ("Taint manager: deleting due to NoExecute taint", 30)


def test_a_taint_that_goes_in_time_takes_the_eviction_back() -> None:
    cluster = world()
    cluster.create(bare("p", "n1", tolerations=tolerations(a=30)))
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_for(29_000)
    cluster.untaint("n1", "a")
    cluster.run_to_rest(100_000)
    assert gone_ms(cluster, "p") is None
    assert said(cluster, "TaintManagerEviction") == ["Cancelling deletion of Pod default/p"]


def test_after_a_taint_was_taken_back_the_time_begins_anew() -> None:
    cluster = world()
    cluster.create(bare("p", "n1", tolerations=tolerations(a=30)))
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_for(20_000)
    cluster.untaint("n1", "a")
    cluster.run_for(5_000)
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_to_rest(100_000)
    assert gone_ms(cluster, "p") == 55_000


def test_a_second_taint_does_not_change_the_time_of_a_pod_that_waits_already() -> None:
    cluster = world()
    cluster.create(bare("p", "n1", tolerations=tolerations(a=30, b=5)))
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_for(1_000)
    cluster.taint("n1", "b", effect="NoExecute")
    cluster.run_to_rest(100_000)
    assert gone_ms(cluster, "p") == 30_000


def test_a_second_taint_that_is_not_borne_evicts_at_once() -> None:
    cluster = world()
    cluster.create(bare("p", "n1", tolerations=tolerations(a=30)))
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_for(1_000)
    cluster.taint("n1", "b", effect="NoExecute")
    assert gone_ms(cluster, "p") == 1_000
    assert said(cluster, "TaintManagerEviction") == ["Cancelling deletion of Pod default/p", "Marking for deletion Pod default/p"]


def test_a_pod_that_is_put_on_a_tainted_node_is_judged_as_well() -> None:
    cluster = world()
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.run_for(1_000)
    cluster.create(bare("p", "n1"))
    cluster.create(bare("q", "n1", tolerations=tolerations(a=2)))
    cluster.run_to_rest(100_000)
    assert (gone_ms(cluster, "p"), gone_ms(cluster, "q")) == (1_000, 3_000)


def test_a_pod_that_is_there_from_the_beginning_stays_until_the_taints_change() -> None:
    cluster = world()
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    assert gone_ms(cluster, "p") is None
    cluster.taint("n1", "b", effect="NoExecute")
    assert gone_ms(cluster, "p") == 1_000


def test_a_pod_that_goes_by_itself_is_no_longer_waited_for() -> None:
    cluster = world()
    cluster.create(bare("p", "n1", tolerations=tolerations(a=30)))
    cluster.taint("n1", "a", effect="NoExecute")
    cluster.delete("Pod", "p")
    cluster.run_to_rest(100_000)
    assert cluster.now_ms < 1_000
    assert said(cluster, "TaintManagerEviction") == ["Cancelling deletion of Pod default/p"]


def test_a_pod_that_is_being_deleted_is_marked_and_keeps_its_time() -> None:
    cluster = world()
    cluster.create(bare("p", "n1"))
    cluster.run_for(1_000)
    cluster.stop_node("n1")
    cluster.delete("Pod", "p", grace_s=7)
    cluster.run_for(2_000)
    cluster.taint("n1", "a", effect="NoExecute")
    (pod,) = pods_on(cluster, "n1")
    assert pod.metadata.deletion_timestamp_ms == 8_000
    assert any(c.type == "DisruptionTarget" for c in pod.status.conditions)


def test_the_default_tolerations_give_a_lost_node_five_minutes() -> None:
    cluster = world(settings={})
    cluster.create(bare("p", "n1"))
    cluster.stop_node("n1")
    cluster.run_to_rest(1_000_000)
    assert gone_ms(cluster, "p") == 50_100 + 300_000


def test_replacements_are_created_at_the_eviction_and_the_old_pods_wait_for_their_node() -> None:
    cluster = world()
    cluster.apply(bearing(2))
    cluster.run_to_rest(100_000)
    cluster.stop_node("n1")
    cluster.run_to_rest(1_000_000)
    evicted = first_ms(cluster, lambda p: p.metadata.deleting, "Pod")
    created = [e.time_ms for e in cluster.trace if e.key.kind == "Pod" and e.before is None]
    assert created[3:] == [evicted]
    assert [p.metadata.deleting for p in pods_on(cluster, "n1")] == [True]
    assert cluster.get("Deployment", "web")["status"]["readyReplicas"] == 3
    assert cluster.get("Deployment", "web")["status"]["terminatingReplicas"] == 1
    cluster.start_node("n1")
    cluster.run_to_rest(1_000_000)
    assert [p["spec"]["nodeName"] for p in cluster.list("Pod")].count("n1") == 0
    assert len(cluster.list("Pod")) == 3
