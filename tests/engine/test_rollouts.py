"""Going back, and what kubectl says on the way (kubectl rollout; pkg/controller/deployment/rollback.go)."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Behaviour, Cluster, rollouts
from kgate.engine.rollouts import RolloutError
from tests.engine.worlds import cluster, deployment, progress, rest, sets, sizes

CAUSE = "kubernetes.io/change-cause"


def rolled(*images: str, **spec: Any) -> Cluster:
    world = cluster()
    for image in images:
        body = deployment(f"app:{image}", **spec)
        body["metadata"]["annotations"] = {CAUSE: f"to {image}"}
        world.apply(body)
        rest(world)
    return world


def image(world: Cluster) -> str:
    found: str = world.get("Deployment", "web")["spec"]["template"]["spec"]["containers"][0]["image"]
    return found


def told(world: Cluster, *reasons: str) -> list[str]:
    return [e.message for e in world.events if e.reason in reasons]


# Status


def state(generation: int = 1, observed: int = 1, replicas: int = 3, reason: str = "", **counts: int) -> dict[str, Any]:
    return {
        "metadata": {"name": "web", "generation": generation, "annotations": {"deployment.kubernetes.io/revision": "4"}},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": observed, "conditions": [{"type": "Progressing", "reason": reason}], **counts},
    }


WAITING = 'Waiting for deployment "web" rollout to finish: '


@pytest.mark.parametrize(
    ("d", "said", "done"),
    [
        (state(generation=2), "Waiting for deployment spec update to be observed...", False),
        (state(), WAITING + "0 out of 3 new replicas have been updated...", False),
        (state(replicas=0), 'deployment "web" successfully rolled out', True),
        (state(updatedReplicas=1, availableReplicas=3), WAITING + "1 out of 3 new replicas have been updated...", False),
        (state(updatedReplicas=3) | {}, WAITING + "0 of 3 updated replicas are available...", False),
        (state(updatedReplicas=3, availableReplicas=2), WAITING + "2 of 3 updated replicas are available...", False),
        (state(updatedReplicas=3, availableReplicas=3), 'deployment "web" successfully rolled out', True),
        (state(2, 2, updatedReplicas=3, availableReplicas=5), 'deployment "web" successfully rolled out', True),
    ],
)
def test_the_status_of_a_rollout_in_the_words_of_kubectl(d: dict[str, Any], said: str, done: bool) -> None:
    assert rollouts.status(d) == (said, done)


def test_old_pods_that_still_run_are_waited_for() -> None:
    d = state(updatedReplicas=3, availableReplicas=3)
    d["status"]["replicas"] = 5
    assert rollouts.status(d) == (WAITING + "2 old replicas are pending termination...", False)


def test_a_rollout_that_is_too_late_is_an_error() -> None:
    with pytest.raises(RolloutError, match=r'^deployment "web" exceeded its progress deadline$'):
        rollouts.status(state(reason="ProgressDeadlineExceeded"))


def test_a_deadline_of_a_spec_that_is_no_longer_current_is_not_an_error() -> None:
    assert rollouts.status(state(2, 1, reason="ProgressDeadlineExceeded"))[1] is False


def test_another_revision_than_the_one_asked_for_is_an_error() -> None:
    with pytest.raises(RolloutError, match=r"^desired revision \(3\) is different from the running revision \(4\)$"):
        rollouts.status(state(), 3)
    rollouts.status(state(), 4)


def test_a_rollout_tells_its_whole_story() -> None:
    world = cluster(Behaviour(startup_ms=1000, termination_ms=100, serial_ms=500))
    world.apply(deployment(replicas=2, surge=1, unavailable=0))
    rest(world)
    world.apply(deployment("app:v2", replicas=2, surge=1, unavailable=0))
    story = [world.rollout_status("web")[0]]
    while not world.rollout_status("web")[1]:
        world.run_for(10)
        story += [said] if (said := world.rollout_status("web")[0]) != story[-1] else []
    assert story == [
        WAITING + "1 out of 2 new replicas have been updated...",
        WAITING + "1 old replicas are pending termination...",
        'deployment "web" successfully rolled out',
    ]


# Undo


def test_undo_goes_back_one_revision_with_its_annotations() -> None:
    world = rolled("v1", "v2")
    assert world.undo("web") == "rolled back"
    rest(world)
    assert image(world) == "app:v1"
    assert sizes(world) == [3, 0]
    annotations = world.get("Deployment", "web")["metadata"]["annotations"]
    assert (annotations[CAUSE], annotations["deployment.kubernetes.io/revision"]) == ("to v1", "3")


def test_undo_twice_comes_back() -> None:
    world = rolled("v1", "v2")
    for expected in ("app:v1", "app:v2"):
        world.undo("web")
        rest(world)
        assert image(world) == expected


@pytest.mark.parametrize(("revision", "expected"), [(1, "app:v1"), (2, "app:v2"), (0, "app:v2")])
def test_undo_to_a_revision(revision: int, expected: str) -> None:
    world = rolled("v1", "v2", "v3")
    world.undo("web", revision)
    rest(world)
    assert image(world) == expected


def test_undo_to_the_present_revision_is_skipped() -> None:
    world = rolled("v1", "v2")
    writes = len(world.trace)
    assert world.undo("web", 2) == "skipped rollback (current template already matches revision 2)"
    assert len(world.trace) == writes


@pytest.mark.parametrize(
    ("images", "revision", "paused", "said"),
    [
        (("v1",), 0, False, 'no rollout history found for deployment "web"'),
        (("v1", "v2"), 7, False, "unable to find specified revision 7 in history"),
        (("v1", "v2"), -1, False, "unable to find specified revision -1 in history"),
        (("v1", "v2"), 1, True, "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again"),
    ],
)
def test_why_an_undo_is_refused(images: tuple[str, ...], revision: int, paused: bool, said: str) -> None:
    world = rolled(*images)
    world.patch("Deployment", "web", {"spec": {"paused": paused}})
    with pytest.raises(RolloutError) as refused:
        world.undo("web", revision)
    assert str(refused.value) == said


def test_without_a_history_there_is_no_way_back() -> None:
    world = rolled("v1", "v2", revisionHistoryLimit=0)
    with pytest.raises(RolloutError):
        world.undo("web")


def test_undo_of_a_stuck_rollout_removes_the_bad_pods() -> None:
    world = cluster()
    world.apply(deployment(progressDeadlineSeconds=10))
    rest(world)
    world.apply(deployment("app:bad", progressDeadlineSeconds=10))
    rest(world)
    assert progress(world) == "ProgressDeadlineExceeded"
    world.undo("web")
    rest(world)
    assert (progress(world), sizes(world)) == ("NewReplicaSetAvailable", [3, 0])


def test_the_next_apply_of_git_goes_forward_again() -> None:
    world = rolled("v1", "v2")
    world.undo("web")
    rest(world)
    world.apply(deployment("app:v2"))
    rest(world)
    assert sizes(world) == [0, 3]


# History


def test_the_history_shows_revisions_and_their_causes() -> None:
    world = rolled("v1", "v2")
    assert world.rollout_history("web").splitlines() == ["REVISION  CHANGE-CAUSE", "1         to v1", "2         to v2"]
    world.undo("web")
    rest(world)
    assert [line.split()[0] for line in world.rollout_history("web").splitlines()[1:]] == ["2", "3"]


def test_a_set_that_is_used_again_remembers_its_old_numbers() -> None:
    world = rolled("v1", "v2", "v1", "v2")
    histories = [rs.metadata.annotations.get("deployment.kubernetes.io/revision-history") for rs in sets(world)]
    assert histories == ["1", "2"]


# The annotation


def ask(world: Cluster, revision: str) -> None:
    world.patch("Deployment", "web", {"metadata": {"annotations": {"deprecated.deployment.rollback.to": revision}}})
    rest(world)


@pytest.mark.parametrize(("asked", "back_to", "number"), [("1", "v1", 1), ("2", "v2", 2), ("0", "v2", 2), ("+1", "v1", 1)])
def test_the_annotation_takes_a_deployment_back(asked: str, back_to: str, number: int) -> None:
    world = rolled("v1", "v2", "v3")
    ask(world, asked)
    assert image(world) == f"app:{back_to}"
    assert told(world, "DeploymentRollback") == [f'Rolled back deployment "web" to revision {number}']
    annotations = world.get("Deployment", "web")["metadata"]["annotations"]
    assert "deprecated.deployment.rollback.to" not in annotations
    assert annotations[CAUSE] == f"to {back_to}"


@pytest.mark.parametrize(
    ("images", "asked", "reason", "message"),
    [
        (("v1",), "0", "DeploymentRollbackRevisionNotFound", "Unable to find last revision."),
        (("v1", "v2"), "9", "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to."),
        (
            ("v1", "v2"),
            "2",
            "DeploymentRollbackTemplateUnchanged",
            'The rollback revision contains the same template as current deployment "web"',
        ),
    ],
)
def test_what_the_annotation_cannot_do_is_told_and_forgotten(images: tuple[str, ...], asked: str, reason: str, message: str) -> None:
    world = rolled(*images)
    ask(world, asked)
    assert told(world, reason) == [message]
    assert image(world) == f"app:{images[-1]}"
    assert "deprecated.deployment.rollback.to" not in world.get("Deployment", "web")["metadata"]["annotations"]


def test_an_annotation_that_is_no_number_is_ignored() -> None:
    world = rolled("v1", "v2")
    ask(world, "last")
    assert image(world) == "app:v2"
    assert world.get("Deployment", "web")["metadata"]["annotations"]["deprecated.deployment.rollback.to"] == "last"


def test_a_paused_deployment_goes_back_when_it_is_resumed() -> None:
    world = rolled("v1", "v2")
    world.patch("Deployment", "web", {"spec": {"paused": True}})
    ask(world, "1")
    assert image(world) == "app:v2"
    world.patch("Deployment", "web", {"spec": {"paused": False}})
    rest(world)
    assert image(world) == "app:v1"


# Recreate


@pytest.mark.parametrize("version", ["1.30", "1.36"])
def test_recreate_waits_for_the_last_pod_with_and_without_a_count_of_terminating_ones(version: str) -> None:
    world = cluster(Behaviour(startup_ms=100, termination_ms=3000), kubernetes_version=version)
    world.apply(deployment(strategy={"type": "Recreate"}))
    rest(world)
    world.apply(deployment("app:v2", strategy={"type": "Recreate"}))
    world.run_for(2900)
    assert sizes(world) == [0]
    world.run_for(200)
    assert sizes(world) == [0, 3]


# Ages and tables


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (125, "2m5s"),
        (599, "9m59s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (11_100, "3h5m"),
        (28_799, "7h59m"),
        (28_800, "8h"),
        (172_799, "47h"),
        (172_800, "2d"),
        (176_400, "2d1h"),
        (691_200, "8d"),
        (63_071_999, "729d"),
        (63_072_000, "2y"),
        (63_158_400, "2y1d"),
        (252_288_000, "8y"),
    ],
)
def test_ages_are_told_as_kubectl_tells_them(seconds: int, shown: str) -> None:
    assert rollouts.age(seconds * 1000) == shown
