"""kubectl drain (facts of kubectl/pkg/cmd/drain/drain_test.go and pkg/drain/*_test.go, and more)."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError, Behaviour, Cluster
from kgate.engine.drain import Drained, DrainOptions
from kgate.engine.drainfilters import Filters
from tests.engine.disruption.budgets import Desk, budget
from tests.engine.worlds import BEHAVIOUR, cluster, deployment, rest

DS = {"apiVersion": "apps/v1", "kind": "DaemonSet"}
JOB = {"apiVersion": "batch/v1", "kind": "Job"}
RC = {"apiVersion": "v1", "kind": "ReplicationController"}
LOCAL = {"volumes": [{"name": "scratch", "emptyDir": {}}]}


def put(world: Cluster, name: str, *owner: dict[str, Any], phase: str = "", annotations: Any = None, **spec: Any) -> None:
    meta: dict[str, Any] = {"name": name, "annotations": annotations or {}, "labels": {"app": "web"}}
    world.create({
        "apiVersion": "v1", "kind": "Pod", "metadata": meta,
        "spec": {"nodeName": "n1", "containers": [{"name": "c", "image": "app:v1"}], **spec},
    })  # fmt: skip
    for kind in owner:
        made = world.apply({**kind, "metadata": {"name": "owner"}})
        ref = {**kind, "name": "owner", "uid": made["metadata"]["uid"], "controller": True}
        world.patch("Pod", name, {"metadata": {"ownerReferences": [ref]}})
    rest(world)
    if phase:
        world.patch("Pod", name, {"status": {"phase": phase}}, subresource="status")


def only_pod(*owner: dict[str, Any], **made: Any) -> Cluster:
    world = cluster(nodes=1)
    put(world, "bar", *owner, **made)
    return world


@pytest.mark.parametrize(
    ("owner", "made", "flags", "goes"),
    [
        ([RC], {}, {}, True),
        ([JOB], LOCAL, {"force": True, "delete_emptydir_data": True}, True),
        ([DS], {}, {"ignore_daemonsets": True}, False),
        ([DS], LOCAL, {"ignore_daemonsets": True}, False),
        ([DS], {"phase": "Succeeded"}, {}, True),
        ([JOB], {"phase": "Succeeded", **LOCAL}, {}, True),
        ([], {"phase": "Failed", **LOCAL}, {}, True),
        ([], {}, {"force": True}, True),
        ([], LOCAL, {"force": True, "delete_emptydir_data": True}, True),
        ([RC], {"annotations": {"kubernetes.io/config.mirror": "x"}}, {}, False),
    ],
)
@pytest.mark.parametrize("disable_eviction", [False, True])
def test_a_drain_takes_what_may_go(owner: Any, made: Any, flags: Any, goes: bool, disable_eviction: bool) -> None:
    world = only_pod(*owner, **made)
    result = world.drain("n1", DrainOptions(disable_eviction=disable_eviction, **flags))
    assert result.lines[-1] == "node/n1 drained"
    assert result.errors == ()
    assert [p["metadata"]["name"] for p in world.list("Pod")] == ([] if goes else ["bar"])
    assert world.get("Node", "n1")["spec"]["unschedulable"] is True


@pytest.mark.parametrize(
    ("owner", "made", "flags", "why"),
    [
        ([DS], {}, {}, "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/bar"),
        ([], {}, {}, "cannot delete Pods that declare no controller (use --force to override): default/bar"),
        ([], LOCAL, {"force": True}, "cannot delete Pods with local storage (use --delete-emptydir-data to override): default/bar"),
    ],
)
def test_a_pod_that_must_not_go_keeps_the_drain_from_beginning(owner: Any, made: Any, flags: Any, why: str) -> None:
    world = only_pod(*owner, **made)
    put(world, "other", RC)
    result = world.drain("n1", DrainOptions(**flags))
    assert (result.errors, result.attempts) == ((why,), ())
    assert result.lines == (
        "node/n1 cordoned",
        f'error: unable to drain node "n1" due to error: {why}, continuing command...',
        "There are pending nodes to be drained:",
        " n1",
        f"error: {why}",
    )


def test_a_pod_whose_daemonset_is_gone_needs_force() -> None:
    desk = Desk()
    pod = desk.pod("bar", owner={**DS, "name": "ds", "uid": "u", "controller": True})
    kept = Filters(desk.store).apply([pod])
    assert (kept.pods, kept.errors) == ((), ('cannot delete daemonsets.apps "ds" not found: default/bar',))
    assert Filters(desk.store, force=True).apply([pod]).pods == (pod,)


def test_several_reasons_stand_in_brackets() -> None:
    world = only_pod(DS)
    put(world, "a")
    put(world, "b")
    said = world.drain("n1").lines[1]
    assert (
        "[cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore): default/bar, "
        "cannot delete Pods that declare no controller (use --force to override): default/a, default/b]"
    ) in said


def test_warnings_name_the_pods() -> None:
    world = only_pod(DS)
    put(world, "a")
    result = world.drain("n1", DrainOptions(force=True, ignore_daemonsets=True))
    said = "Warning: ignoring DaemonSet-managed Pods: default/bar; deleting Pods that declare no controller: default/a"
    assert result.lines == ("node/n1 cordoned", said, "evicting pod default/a", "pod/a evicted", "node/n1 drained")


def test_a_node_that_is_cordoned_and_empty_is_drained() -> None:
    world = cluster(nodes=1)
    world.drain("n1")
    assert world.drain("n1").lines == ("node/n1 already cordoned", "node/n1 drained")
    with pytest.raises(ApiError, match='nodes "n2" not found'):
        world.drain("n2")


def guarded(behaviour: Behaviour = BEHAVIOUR, nodes: int = 3, replicas: int = 6, **spec: Any) -> Cluster:
    world = cluster(behaviour, nodes=nodes)
    world.create(budget(**spec))
    world.apply(deployment(replicas=replicas))
    return rest(world)


def when(result: Drained) -> list[tuple[int, int]]:
    """Time since the first attempt, and the answer."""
    return [(a.time_ms - result.attempts[0].time_ms, a.refused.code if a.refused else 201) for a in result.attempts]


def test_a_refused_pod_is_tried_again_every_five_seconds() -> None:
    world = guarded(Behaviour(startup_ms=7_000, termination_ms=100), minAvailable=5)
    result = world.drain("n1")
    assert when(result) == [(0, 201), (0, 429), (5_000, 429), (10_000, 201)]
    first, second = (a.pod for a in result.attempts[:2])
    assert result.lines[:5] == (
        "node/n1 cordoned",
        f"evicting pod default/{first}",
        f"evicting pod default/{second}",
        (
            f'error when evicting pods/"{second}" -n "default" (will retry after 5s): '
            "Cannot evict pod as it would violate the pod's disruption budget."
        ),
        f"pod/{first} evicted",
    )
    assert result.lines[-1] == "node/n1 drained"


def test_what_will_never_be_allowed_is_found_out_without_waiting_for_ever() -> None:
    world = guarded(minAvailable=6)
    result = world.drain("n1")
    assert (result.blocked, result.errors) == (True, ())
    assert {code for _, code in when(result)} == {429}


def test_replacements_that_find_no_room_block_a_drain() -> None:
    world = guarded(nodes=1, replicas=2, maxUnavailable=1)
    result = world.drain("n1")
    assert (result.blocked, [code for _, code in when(result)][:2]) == (True, [201, 429])


def test_a_timeout_ends_a_drain() -> None:
    world = guarded(nodes=1, replicas=1, maxUnavailable=0)
    result = world.drain("n1", DrainOptions(timeout_ms=12_000))
    pod = result.attempts[0].pod
    assert when(result) == [(0, 429), (5_000, 429), (10_000, 429)]
    why = f'error when evicting pods/"{pod}" -n "default": global timeout reached: 12s'
    assert result.errors == (why,)
    assert f'There are pending pods in node "n1" when an error occurred: {why}' in result.lines
    assert f"pod/{pod}" in result.lines


def test_a_pod_that_takes_too_long_to_end_is_an_error_at_the_timeout() -> None:
    world = cluster(Behaviour(termination_ms=60_000), nodes=1)
    put(world, "slow", RC, terminationGracePeriodSeconds=60)
    begun = world.now_ms
    result = world.drain("n1", DrainOptions(timeout_ms=2_500))
    assert result.errors == ('error when waiting for pod "slow" in namespace "default" to terminate: context deadline exceeded',)
    assert world.now_ms - begun == 2_500


def test_a_pod_that_should_have_ended_long_ago_is_not_waited_for() -> None:
    world = cluster(Behaviour(termination_ms=600_000), nodes=1)
    put(world, "stuck", RC, terminationGracePeriodSeconds=600)
    world.patch("Pod", "stuck", {"metadata": {"finalizers": ["example.com/never"]}})
    result = world.drain("n1", DrainOptions(grace_period_s=1, skip_wait_for_delete_timeout_s=3))
    assert 'pod "stuck" has DeletionTimestamp older than 3 seconds, skipping' in result.lines
    assert result.lines[-1] == "node/n1 drained"


def test_two_budgets_end_a_drain_at_once() -> None:
    world = guarded(nodes=1, replicas=1, maxUnavailable=1)
    world.create(budget("other", maxUnavailable=1))
    result = world.drain("n1")
    assert [code for _, code in when(result)] == [500]
    assert "does not support." in result.errors[0]


def test_without_eviction_budgets_do_not_matter() -> None:
    world = guarded(minAvailable=6)
    result = world.drain("n1", DrainOptions(disable_eviction=True))
    assert result.errors == ()
    assert [line for line in result.lines if line.endswith(" deleted")] != []
    assert rest(world).get("Deployment", "web")["status"]["availableReplicas"] == 6
