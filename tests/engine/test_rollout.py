from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError, Behaviour, Cause, Cluster
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from tests.engine.worlds import BEHAVIOUR, cluster, conditions, deployment, pairs, progress, rest, sets, sizes

REVISION = "deployment.kubernetes.io/revision"
HISTORY = "deployment.kubernetes.io/revision-history"


def rolled(*images: str, world: Cluster | None = None, **spec: Any) -> Cluster:
    """A cluster on which each image was rolled out to its end."""
    world = world or cluster()
    for image in images:
        world.apply(deployment(image, **spec))
        rest(world)
    return world


def transitions(world: Cluster, type_: str) -> list[str]:
    """Reasons of the condition in order, repeats removed."""
    seen: list[str] = []
    for event in world.trace.of("Deployment"):
        if isinstance(event.after, Deployment):
            reasons = [c.reason for c in event.after.status.conditions if c.type == type_]
            seen += [r for r in reasons if seen[-1:] != [r]]
    return seen


def said(world: Cluster, reason: str) -> list[str]:
    """Messages of the events, with generated names replaced by #n in order of appearance."""
    known: dict[str, str] = {}
    for event in world.trace:
        if event.key.kind in ("ReplicaSet", "Pod"):
            known.setdefault(event.key.name, f"#{len(known)}")
    messages = []
    for e in world.events:
        text = e.message
        for name in sorted(known, key=len, reverse=True):
            text = text.replace(name, known[name])
        messages += [text] if e.reason == reason else []
    return messages


def test_a_new_deployment_comes_up_and_says_so() -> None:
    world = rolled("app:v1", replicas=2)
    assert transitions(world, "Progressing") == ["NewReplicaSetCreated", "ReplicaSetUpdated", "NewReplicaSetAvailable"]
    assert transitions(world, "Available") == ["MinimumReplicasUnavailable", "MinimumReplicasAvailable"]
    assert said(world, "ScalingReplicaSet") == ["Scaled up replica set #0 from 0 to 2"]
    assert said(world, "SuccessfulCreate") == ["Created pod: #1", "Created pod: #2"]
    status = world.get("Deployment", "web")["status"]
    assert {k: v for k, v in status.items() if k != "conditions"} == {
        "observedGeneration": 1,
        "replicas": 2,
        "updatedReplicas": 2,
        "readyReplicas": 2,
        "availableReplicas": 2,
        "terminatingReplicas": 0,
    }
    messages = [c["message"] for c in status["conditions"]]
    name = sets(world)[0].metadata.name
    assert sorted(messages) == ["Deployment has minimum availability.", f'ReplicaSet "{name}" has successfully progressed.']


def test_a_rolling_update_leaves_the_old_set_empty() -> None:
    world = rolled("app:v1", "app:v2")
    assert sizes(world) == [0, 3]
    assert [rs.metadata.annotations[REVISION] for rs in sets(world)] == ["1", "2"]
    assert said(world, "ScalingReplicaSet")[1:3] == ["Scaled up replica set #4 from 0 to 1", "Scaled down replica set #0 from 3 to 2"]


def test_a_pods_name_is_its_sets_and_its_labels_are_the_templates_with_the_hash() -> None:
    world = rolled("app:v1", replicas=1)
    (rs,) = sets(world)
    (pod,) = world.store.list(Pod)
    assert rs.metadata.name.startswith("web-")
    hash_ = rs.metadata.name.removeprefix("web-")
    assert pod.metadata.name.startswith(rs.metadata.name + "-")
    assert pod.metadata.labels == rs.metadata.labels == {"app": "web", "pod-template-hash": hash_}
    assert rs.spec.selector.match_labels == pod.metadata.labels
    assert rs.metadata.annotations == {
        REVISION: "1",
        "deployment.kubernetes.io/desired-replicas": "1",
        "deployment.kubernetes.io/max-replicas": "2",
    }


def test_recreate_waits_until_the_last_old_pod_is_gone() -> None:
    recreate = {"type": "Recreate"}
    world = rolled("app:v1", strategy=recreate)
    since = len(world.trace)
    world.apply(deployment("app:v2", strategy=recreate))
    assert pairs(rest(world), since) == [[0, 3], [0, 0], [3, 0]]
    gone = [e.time_ms for e in world.trace.of("Pod") if e.after is None]
    born = [e.time_ms for e in world.trace.of("Pod") if e.before is None and e.time_ms > gone[0] - 1]
    assert len(gone) == 3
    assert min(born) >= max(gone)


def test_going_back_to_an_old_template_uses_its_set_again() -> None:
    world = rolled("app:v1", "app:v2", "app:v1")
    first, second = sets(world)
    assert (first.spec.replicas, second.spec.replicas) == (3, 0)
    assert first.metadata.annotations[REVISION] == "3"
    assert first.metadata.annotations[HISTORY] == "1"
    assert world.get("Deployment", "web")["metadata"]["annotations"][REVISION] == "3"
    assert transitions(world, "Progressing")[-2:] == ["ReplicaSetUpdated", "NewReplicaSetAvailable"]


def test_undoing_a_bad_rollout_removes_its_pods_and_clears_the_deadline() -> None:
    world = rolled("app:v1", "app:bad", progressDeadlineSeconds=5)
    assert progress(world) == "ProgressDeadlineExceeded"
    assert sizes(world) == [3, 1]
    world.apply(deployment("app:v1", progressDeadlineSeconds=5))
    rest(world)
    assert sizes(world) == [3, 0]
    assert progress(world) == "NewReplicaSetAvailable"


def test_a_third_template_mid_rollout_takes_the_place_of_the_second() -> None:
    world = rolled("app:v1", replicas=10)
    world.apply(deployment("app:notready", replicas=10))
    world.run_for(1_000)
    assert sizes(world) == [8, 5]
    world.apply(deployment("app:v3", replicas=10))
    world.run_for(50)
    assert sizes(world) == [8, 0, 5]
    assert sizes(rest(world)) == [0, 0, 10]


def test_scaling_mid_rollout_is_proportional() -> None:
    world = rolled("app:v1", replicas=10)
    world.apply(deployment("app:notready", replicas=10))
    world.run_for(1_000)
    world.scale("web", 15)
    assert sizes(world) == [12, 7]  # round(8 * 19 / 13) and round(5 * 19 / 13)
    assert conditions(world)["Available"] == ("False", "MinimumReplicasUnavailable")


def test_replicas_and_template_changed_at_once_scale_the_old_set_first() -> None:
    world = rolled("app:v1", replicas=4)
    since = len(world.trace)
    world.apply(deployment("app:v2", replicas=8))
    assert pairs(rest(world), since)[:3] == [[0, 4], [0, 8], [2, 8]]


def test_a_paused_deployment_scales_but_does_not_roll() -> None:
    world = rolled("app:v1", replicas=2)
    world.apply(deployment("app:v2", replicas=2, paused=True))
    world.run_for(1_000)
    assert progress(world) == "DeploymentPaused"
    world.scale("web", 4)
    world.run_for(1_000)
    assert sizes(world) == [4]
    world.patch("Deployment", "web", {"spec": {"paused": False}})
    rest(world)
    assert sizes(world) == [0, 4]
    assert "DeploymentResumed" in transitions(world, "Progressing")


def test_the_deadline_does_not_run_while_paused() -> None:
    world = rolled("app:v1")
    world.apply(deployment("app:bad", progressDeadlineSeconds=5))
    world.run_for(1_000)
    world.patch("Deployment", "web", {"spec": {"paused": True}})
    world.run_for(60_000)
    assert progress(world) == "DeploymentPaused"


def test_exceeding_the_deadline_is_said_once_and_changes_nothing_else() -> None:
    world = rolled("app:v1", replicas=3)
    begun = world.now_ms
    world.apply(deployment("app:bad", replicas=3, progressDeadlineSeconds=10))
    assert world.run_until(lambda: progress(world) == "ProgressDeadlineExceeded", begun + 60_000)
    assert 9_000 <= world.now_ms - begun <= 11_500
    assert conditions(world)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    name = sets(world)[1].metadata.name
    said_ = next(c["message"] for c in world.get("Deployment", "web")["status"]["conditions"] if c["type"] == "Progressing")
    assert said_ == f'ReplicaSet "{name}" has timed out progressing.'
    assert sizes(rest(world)) == [3, 1]


def test_a_finished_rollout_that_is_scaled_beyond_the_cluster_never_times_out() -> None:
    world = rolled("app:v1", replicas=2, world=cluster(nodes=1), progressDeadlineSeconds=5)
    world.scale("web", 200)
    world.run_for(60_000)
    assert progress(world) == "NewReplicaSetAvailable"
    assert conditions(world)["Available"] == ("False", "MinimumReplicasUnavailable")


def test_without_a_deadline_nobody_speaks_of_progress() -> None:
    world = rolled("app:v1", progressDeadlineSeconds=2**31 - 1)
    assert set(conditions(world)) == {"Available"}


def test_only_so_many_old_sets_are_kept_the_oldest_go_first() -> None:
    world = rolled(*[f"app:v{n}" for n in range(1, 6)], revisionHistoryLimit=2)
    assert [rs.metadata.annotations[REVISION] for rs in sets(world)] == ["3", "4", "5"]


def test_a_history_limit_of_zero_keeps_only_the_current_set() -> None:
    assert sizes(rolled("app:v1", "app:v2", revisionHistoryLimit=0)) == [3]


def test_min_ready_seconds_delay_availability() -> None:
    world = cluster()
    world.apply(deployment(replicas=1, minReadySeconds=5))
    world.run_for(1_000)
    status = world.get("Deployment", "web")["status"]
    assert (status["readyReplicas"], status.get("availableReplicas", 0)) == (1, 0)
    assert world.run_until(lambda: world.get("Deployment", "web")["status"].get("availableReplicas") == 1, 60_000)
    assert 5_000 <= world.now_ms <= 6_000


def test_a_changed_min_ready_seconds_reaches_the_set_without_a_rollout() -> None:
    world = rolled("app:v1")
    world.apply(deployment("app:v1", minReadySeconds=3))
    rest(world)
    assert [rs.spec.min_ready_seconds for rs in sets(world)] == [3]


@pytest.mark.parametrize(
    ("image", "phase", "waiting"),
    [("app:bad", "Pending", "ImagePullBackOff"), ("app:crash", "Running", "CrashLoopBackOff"), ("app:notready", "Running", "")],
)
def test_pods_fail_as_their_image_says(image: str, phase: str, waiting: str) -> None:
    world = cluster()
    world.apply(deployment(image, replicas=1))
    world.run_for(60_000)
    (pod,) = world.list("Pod")
    assert pod["status"]["phase"] == phase
    assert pod["status"]["containerStatuses"][0]["state"].get("waiting", {}).get("reason", "") == waiting
    assert conditions(world)["Available"][0] == "False"


def test_a_crashing_container_is_restarted_after_longer_and_longer_pauses() -> None:
    world = cluster()
    world.apply(deployment("app:crash", replicas=1))
    world.run_for(80_000)
    restarts = [
        (e.time_ms, e.after.status.container_statuses[0].restart_count)
        for e in world.trace.of("Pod")
        if isinstance(e.after, Pod) and e.after.status.container_statuses and e.after.status.container_statuses[0].restart_count
    ]
    assert [(t - 200, n) for t, n in restarts] == [(0, 1), (10_000, 2), (30_000, 3), (70_000, 4)]
    assert not world.run_to_rest(10_000)


def test_a_flaky_pod_becomes_ready_and_then_not() -> None:
    world = rolled("app:flaky", replicas=1)
    assert transitions(world, "Available") == ["MinimumReplicasUnavailable", "MinimumReplicasAvailable", "MinimumReplicasUnavailable"]
    assert progress(world) == "NewReplicaSetAvailable"


def test_a_better_image_behaviour_heals_waiting_pods() -> None:
    world = cluster()
    world.apply(deployment("app:bad", replicas=1))
    world.run_for(1_000)
    world.set_behaviour(Behaviour())
    rest(world)
    assert conditions(world)["Available"][0] == "True"


def test_a_lost_pod_is_replaced_at_once() -> None:
    world = rolled("app:v1")
    world.evict(world.list("Pod")[0]["metadata"]["name"])
    assert len(world.list("Pod")) == 4
    rest(world)
    assert len(world.list("Pod")) == 3
    assert progress(world) == "NewReplicaSetAvailable"


@pytest.mark.parametrize(
    ("propagation", "order"),
    [
        (None, ["Deployment", "ReplicaSet", "Pod"]),
        ("Background", ["Deployment", "ReplicaSet", "Pod"]),
        ("Foreground", ["Pod", "ReplicaSet", "Deployment"]),
        ("Orphan", ["Deployment"]),
    ],
)
def test_deletion_reaches_what_is_owned(propagation: str | None, order: list[str]) -> None:
    world = rolled("app:v1")
    world.delete("Deployment", "web", propagation=propagation)
    rest(world)
    gone = [e.key.kind for e in world.trace if e.after is None]
    assert list(dict.fromkeys(gone)) == order
    if propagation == "Orphan":
        assert sets(world)[0].metadata.owner_references == ()
        assert len(world.list("Pod")) == 3
    else:
        assert not world.list("Pod") and not sets(world)


def test_orphans_are_adopted_by_the_next_deployment_that_selects_them() -> None:
    world = rolled("app:v1")
    pods = [p["metadata"]["name"] for p in world.list("Pod")]
    world.delete("Deployment", "web", propagation="Orphan")
    rest(world)
    rolled("app:v1", world=world)
    assert [p["metadata"]["name"] for p in world.list("Pod")] == pods
    assert sets(world)[0].metadata.controller is not None


def test_a_matching_pod_without_owner_is_adopted_and_one_whose_labels_change_is_released() -> None:
    world = rolled("app:v1", replicas=1)
    (rs,) = sets(world)
    (pod,) = world.list("Pod")
    world.patch("Pod", pod["metadata"]["name"], {"metadata": {"labels": {"app": "other"}}})
    rest(world)
    assert [p["metadata"].get("ownerReferences") is None for p in world.list("Pod")] == [True, False]
    world.patch("Pod", pod["metadata"]["name"], {"metadata": {"labels": {"app": "web"}}})
    rest(world)
    assert len(world.store.owned_by(rs.metadata.uid, Pod)) == 1


def test_a_deleted_set_comes_back() -> None:
    world = rolled("app:v1")
    world.delete("ReplicaSet", sets(world)[0].metadata.name)
    rest(world)
    assert sizes(world) == [3]
    assert conditions(world)["Available"][0] == "True"


def test_a_set_name_that_is_taken_counts_as_a_collision() -> None:
    first = rolled("app:v1")
    taken = sets(first)[0].metadata.name
    world = cluster()
    labels = {"app": "stranger"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "a", "image": "a:1"}]}}
    world.create(
        {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": taken},
            "spec": {"replicas": 0, "selector": {"matchLabels": labels}, "template": template},
        }
    )
    rolled("app:v1", world=world)
    assert world.get("Deployment", "web")["status"]["collisionCount"] == 1
    assert sizes(world) == [0, 3]


def test_a_selector_for_everything_is_refused_by_the_controller() -> None:
    world = cluster()
    body = deployment()
    body["spec"]["selector"] = {}
    world.apply(body)
    rest(world)
    assert not sets(world)
    assert [e.reason for e in world.events] == ["SelectingAll"]


def test_annotations_follow_to_the_set_but_not_those_of_kubectl() -> None:
    world = cluster()
    body = deployment()
    body["metadata"]["annotations"] = {"note": "x", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    world.apply(body)
    rest(world)
    assert sets(world)[0].metadata.annotations["note"] == "x"
    assert "kubectl.kubernetes.io/last-applied-configuration" not in sets(world)[0].metadata.annotations


# What clients see


def test_apply_that_omits_replicas_returns_to_the_default() -> None:
    world = rolled("app:v1", replicas=3)
    world.apply(deployment("app:v1", replicas=None))
    assert world.get("Deployment", "web")["spec"]["replicas"] == 1


def test_apply_that_never_set_replicas_leaves_a_scaled_deployment_alone() -> None:
    world = rolled("app:v1", replicas=None)
    world.scale("web", 5)
    world.apply(deployment("app:v2", replicas=None))
    assert world.get("Deployment", "web")["spec"]["replicas"] == 5


def test_applying_the_same_again_writes_nothing() -> None:
    world = rolled("app:v1")
    before = len(world.trace)
    world.apply(deployment("app:v1"))
    rest(world)
    assert len(world.trace) == before


def test_creating_twice_and_asking_for_what_is_not_there() -> None:
    world = rolled("app:v1")
    with pytest.raises(ApiError) as twice:
        world.create(deployment())
    assert (twice.value.code, twice.value.message) == (409, 'deployments.apps "web" already exists')
    for ask in (lambda: world.get("Deployment", "x"), lambda: world.scale("x", 1), lambda: world.delete("Deployment", "x")):
        with pytest.raises(ApiError) as missing:
            ask()
        assert (missing.value.code, missing.value.message) == (404, 'deployments.apps "x" not found')


def test_an_object_without_a_name_is_refused() -> None:
    with pytest.raises(ApiError) as refused:
        cluster().create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {}})
    assert refused.value.message == 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required'


@pytest.mark.parametrize(
    ("causes", "message"),
    [
        ([Cause(field="spec.a", message="Required value")], 'Deployment.apps "web" is invalid: spec.a: Required value'),
        (
            [Cause(field="spec.a", message="Required value"), Cause(field="spec.b", message='Invalid value: "x"')],
            'Deployment.apps "web" is invalid: [spec.a: Required value, spec.b: Invalid value: "x"]',
        ),
    ],
)
def test_the_callers_validation_refuses_in_the_servers_words(causes: list[Cause], message: str) -> None:
    asked: list[tuple[Any, Any]] = []

    def validate(new: Any, old: Any) -> list[Cause]:
        asked.append((new, old))
        return causes if new["kind"] == "Deployment" else []

    world = cluster(validate=validate)
    with pytest.raises(ApiError) as refused:
        world.apply(deployment(replicas=None))
    assert (refused.value.code, refused.value.reason, refused.value.message) == (422, "Invalid", message)
    assert list(refused.value.causes) == causes
    assert asked[-1][0]["spec"]["replicas"] == 1
    assert asked[-1][1] is None
    assert not world.list("Deployment")


def test_an_update_is_validated_against_the_stored_object() -> None:
    seen: list[Any] = []
    world = cluster(validate=lambda new, old: seen.append(old) or [])  # type: ignore[func-returns-value]
    world.apply(deployment("app:v1"))
    world.apply(deployment("app:v2"))
    assert seen[-1]["spec"]["template"]["spec"]["containers"][0]["image"] == "app:v1"


def test_status_is_not_the_clients_to_write_except_through_its_subresource() -> None:
    world = rolled("app:v1", replicas=1)
    name = world.list("Pod")[0]["metadata"]["name"]
    unready = [{**c, "status": "False"} if c["type"] == "Ready" else c for c in world.get("Pod", name)["status"]["conditions"]]
    world.patch("Pod", name, {"status": {"conditions": unready}})
    assert conditions(world)["Available"][0] == "True"
    world.patch("Pod", name, {"status": {"conditions": unready}}, subresource="status")
    assert conditions(world)["Available"][0] == "False"


def test_kinds_the_engine_does_not_model_are_kept() -> None:
    world = cluster()
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}})
    world.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"b": "2"}})
    assert world.get("ConfigMap", "c")["data"] == {"b": "2"}


def test_two_clusters_tell_the_same_story() -> None:
    stories = []
    for _ in range(2):
        world = rolled("app:v1", "app:v2", world=cluster(BEHAVIOUR), replicas=5)
        stories.append([(e.time_ms, e.type, e.key) for e in world.trace])
    assert stories[0] == stories[1]


def test_the_sets_of_two_deployments_do_not_mix() -> None:
    world = cluster()
    world.apply(deployment(name="a"))
    world.apply(deployment(name="b", replicas=2))
    rest(world)
    assert [(rs.metadata.controller.name, rs.spec.replicas) for rs in world.store.list(ReplicaSet) if rs.metadata.controller] == [
        ("a", 3),
        ("b", 2),
    ]


class Patrol:
    """Looks again every minute, for ever, and writes nothing."""

    name = "patrol"
    watches = ()
    background = True

    def __init__(self) -> None:
        self.looked = 0

    def reconcile(self, key: Key) -> int:
        self.looked += 1
        return 60_000


def test_who_only_looks_again_for_ever_does_not_keep_a_cluster_from_rest() -> None:
    world = Cluster()
    patrol = Patrol()
    world.manager.add(patrol)
    world.manager.enqueue("patrol", Key("Node", "", "n1"))
    assert world.run_to_rest(3_600_000)
    assert 600_000 <= world.now_ms <= 660_000
    assert patrol.looked == world.now_ms // 60_000 + 1
