"""Pods whose images say how they start, answer and end, on a whole cluster."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import Behaviour, Cluster, ImageBehaviour
from kgate.engine.api.meta import FrozenMap

S = 1000


def world(**images: ImageBehaviour) -> Cluster:
    cluster = Cluster(behaviour=Behaviour(startup_ms=0, termination_ms=0, images=FrozenMap(images)))
    cluster.add_node({"metadata": {"name": "n1"}, "status": {"capacity": {"cpu": "9", "memory": "9Gi", "pods": "9"}}})
    return cluster


def pod(*containers: dict[str, Any], name: str = "p", **spec: Any) -> dict[str, Any]:
    each = [{"name": f"c{n}", **c} for n, c in enumerate(containers)]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": each, **spec}}


def status(cluster: Cluster, name: str = "p") -> dict[str, Any]:
    found: dict[str, Any] = cluster.get("Pod", name)["status"]
    return found


def conditions(cluster: Cluster, name: str = "p") -> dict[str, tuple[str, str | None]]:
    return {c["type"]: (c["status"], c.get("reason")) for c in status(cluster, name)["conditions"]}


def ready_at(cluster: Cluster, limit_ms: int = 100 * S, name: str = "p") -> int | None:
    done = cluster.run_until(lambda: conditions(cluster, name).get("Ready", ("", None))[0] == "True", cluster.now_ms + limit_ms)
    return cluster.now_ms if done else None


def said(cluster: Cluster) -> list[tuple[str, str, int]]:
    return [(e.reason, e.message, e.count) for e in cluster.events if e.reporting_component == "kubelet"]


def gone_at(cluster: Cluster, name: str = "p") -> int:
    assert cluster.run_until(lambda: not any(p["metadata"]["name"] == name for p in cluster.list("Pod")), cluster.now_ms + 100 * S)
    return cluster.now_ms


@pytest.mark.parametrize(
    ("probes", "healthy_ms", "ready_ms"),
    [
        ({}, 7 * S, 0),  # nobody asks
        ({"readinessProbe": {"periodSeconds": 5}}, 7 * S, 10 * S),
        ({"readinessProbe": {"periodSeconds": 10, "initialDelaySeconds": 5}}, 0, 10 * S),
        ({"readinessProbe": {"periodSeconds": 2, "successThreshold": 3}}, 3 * S, 8 * S),
        ({"startupProbe": {"periodSeconds": 4}}, 5 * S, 8 * S),
        ({"startupProbe": {"periodSeconds": 4}, "readinessProbe": {"periodSeconds": 10}}, 5 * S, 8 * S),  # asked at once when started
        ({"startupProbe": {"periodSeconds": 4}, "readinessProbe": {"periodSeconds": 3, "initialDelaySeconds": 9}}, 5 * S, 11 * S),
    ],
)
def test_a_pod_is_ready_when_its_probes_say_so(probes: dict[str, Any], healthy_ms: int, ready_ms: int) -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=healthy_ms))
    cluster.create(pod({"image": "x:a", **probes}))
    assert ready_at(cluster) == ready_ms
    assert cluster.run_to_rest(100 * S)


def test_a_liveness_probe_that_is_too_eager_kills_until_the_backoff_is_five_minutes() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=60 * S))
    cluster.create(pod({"image": "x:a", "livenessProbe": {"periodSeconds": 10, "failureThreshold": 3}}))
    cluster.run_for(19_999)
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 0
    cluster.run_for(1)
    found = status(cluster)["containerStatuses"][0]
    assert (found["restartCount"], found["lastState"]["terminated"]["exitCode"]) == (1, 143)
    cluster.run_for(20 * S)
    waiting = status(cluster)["containerStatuses"][0]["state"]["waiting"]
    assert waiting["reason"] == "CrashLoopBackOff"
    assert waiting["message"].startswith("back-off 10s restarting failed container=c0 pod=p_default(")
    assert ("Killing", "Container c0 failed liveness probe, will be restarted", 2) in said(cluster)


def test_a_startup_probe_keeps_the_liveness_probe_away() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=60 * S))
    cluster.create(pod({"image": "x:a", "livenessProbe": {"periodSeconds": 1}, "startupProbe": {"failureThreshold": 7}}))
    assert ready_at(cluster) == 60 * S
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 0


def test_a_startup_probe_that_gives_up_restarts_the_container() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=60 * S))
    cluster.create(pod({"image": "x:a", "startupProbe": {"failureThreshold": 6}}))
    cluster.run_for(51 * S)
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 1


def test_an_app_that_stops_answering_is_unready_first_and_restarted_then() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=0, unhealthy_after_ms=25 * S))
    probes = {"readinessProbe": {"periodSeconds": 5, "failureThreshold": 1}, "livenessProbe": {"periodSeconds": 10}}
    cluster.create(pod({"image": "x:a", **probes}))
    assert ready_at(cluster) == 0
    cluster.run_for(25 * S)
    assert conditions(cluster)["Ready"] == ("False", "ContainersNotReady")
    cluster.run_for(25 * S)
    assert status(cluster)["containerStatuses"][0]["restartCount"] == 1
    assert conditions(cluster)["Ready"] == ("True", None)  # in its next life it answers again


def test_crashes_back_off_from_when_the_container_ended() -> None:
    cluster = world(a=ImageBehaviour(exit_after_ms=2 * S, exit_code=1))
    cluster.create(pod({"image": "x:a"}))
    starts = []
    for n in range(5):
        assert cluster.run_until(
            lambda n=n: (
                status(cluster)["containerStatuses"][0]["restartCount"] == n  # type: ignore[misc]
                and "running" in status(cluster)["containerStatuses"][0]["state"]
            ),
            1000 * S,
        )
        starts.append(cluster.now_ms)
    assert starts == [0, 2 * S, 14 * S, 36 * S, 78 * S]
    assert status(cluster)["phase"] == "Running"


@pytest.mark.parametrize(
    ("policy", "code", "phase"),
    [
        ("Always", 0, "Running"),
        ("OnFailure", 0, "Succeeded"),
        ("Never", 0, "Succeeded"),
        ("Never", 3, "Failed"),
        ("OnFailure", 3, "Running"),
    ],
)
def test_the_restart_policy_decides_what_an_exit_means(policy: str, code: int, phase: str) -> None:
    cluster = world(a=ImageBehaviour(exit_after_ms=S, exit_code=code))
    cluster.create(pod({"image": "x:a"}, restartPolicy=policy))
    cluster.run_for(1500)
    assert status(cluster)["phase"] == phase
    if phase == "Failed":
        assert conditions(cluster)["Ready"] == ("False", "PodFailed")


def test_a_node_pulls_one_image_at_a_time_and_each_only_once() -> None:
    cluster = world(a=ImageBehaviour(pull_ms=5 * S), b=ImageBehaviour(pull_ms=3 * S))
    for name, image in (("p1", "x:a"), ("p2", "x:b"), ("p3", "x:a")):
        cluster.create(pod({"image": image}, name=name))
    assert [ready_at(cluster, name=n) for n in ("p1", "p3", "p2")] == [5 * S, 5 * S, 8 * S]
    assert ("Pulled", 'Successfully pulled image "x:b" in 3s (8s including waiting).', 1) in said(cluster)
    cluster.create(pod({"image": "x:a"}, name="p4"))
    assert ready_at(cluster, name="p4") == 8 * S
    assert ("Pulled", 'Container image "x:a" already present on machine', 1) in said(cluster)


def test_an_image_that_cannot_be_pulled_is_tried_less_and_less_often() -> None:
    cluster = world(a=ImageBehaviour(pull_error="x:a: not found"))
    cluster.create(pod({"image": "x:a"}))
    assert status(cluster)["containerStatuses"][0]["state"]["waiting"] == {"reason": "ErrImagePull", "message": "x:a: not found"}
    cluster.run_for(S)
    assert status(cluster)["containerStatuses"][0]["state"]["waiting"]["reason"] == "ImagePullBackOff"
    assert status(cluster)["phase"] == "Pending"
    cluster.run_for(200 * S)
    pulled = [e.time_ms for e in cluster.trace if getattr(e.after, "reason", "") == "Pulling"]
    assert pulled == [0, 10 * S, 30 * S, 70 * S, 150 * S]


def test_a_policy_that_never_pulls_waits_for_somebody_else_to() -> None:
    cluster = world(a=ImageBehaviour(pull_ms=S))
    cluster.create(pod({"image": "x:a", "imagePullPolicy": "Never"}))
    waiting = status(cluster)["containerStatuses"][0]["state"]["waiting"]
    assert waiting == {"reason": "ErrImageNeverPull", "message": 'Container image "x:a" is not present with pull policy of Never'}


def test_init_containers_run_one_after_another_and_sidecars_stay() -> None:
    cluster = world(i=ImageBehaviour(exit_after_ms=4 * S), s=ImageBehaviour(healthy_ms=3 * S), a=ImageBehaviour(healthy_ms=0))
    init = [
        {"name": "i1", "image": "x:i"},
        {"name": "s1", "image": "x:s", "restartPolicy": "Always", "startupProbe": {"periodSeconds": 1, "failureThreshold": 9}},
        {"name": "i2", "image": "x:i"},
    ]
    cluster.create(pod({"image": "x:a"}, initContainers=init))
    cluster.run_for(S)
    assert conditions(cluster)["Initialized"] == ("False", "ContainersNotInitialized")
    assert status(cluster)["containerStatuses"][0]["state"] == {"waiting": {"reason": "PodInitializing"}}
    assert ready_at(cluster) == 4 * S + 3 * S + 4 * S
    assert [s["ready"] for s in status(cluster)["initContainerStatuses"]] == [True, True, True]
    assert conditions(cluster)["Initialized"] == ("True", None)


def test_an_init_container_that_fails_is_restarted_unless_nothing_ever_is() -> None:
    for policy, phase in (("Always", "Pending"), ("Never", "Failed")):
        cluster = world(i=ImageBehaviour(exit_after_ms=S, exit_code=1))
        cluster.create(pod({"image": "x:a"}, initContainers=[{"name": "i", "image": "x:i"}], restartPolicy=policy))
        cluster.run_for(3 * S)
        assert status(cluster)["phase"] == phase
        assert status(cluster)["initContainerStatuses"][0]["restartCount"] == (1 if policy == "Always" else 0)


@pytest.mark.parametrize(
    ("hook", "takes_ms", "grace_s", "gone_ms"),
    [
        ({}, 3 * S, 30, 3 * S),
        ({}, 90 * S, 30, 30 * S),
        ({"sleep": {"seconds": 5}}, 3 * S, 30, 8 * S),
        ({"exec": {"command": ["true"]}}, 3 * S, 30, 13 * S),  # the behaviour says 10 s
        ({"sleep": {"seconds": 29}}, 9 * S, 30, 31 * S),  # SIGTERM has two seconds at least
        ({"sleep": {"seconds": 60}}, 9 * S, 30, 32 * S),
    ],
)
def test_a_pod_ends_within_its_grace(hook: dict[str, Any], takes_ms: int, grace_s: int, gone_ms: int) -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=0, pre_stop_ms=10 * S, termination_ms=takes_ms))
    container = {"image": "x:a", **({"lifecycle": {"preStop": hook}} if hook else {})}
    cluster.create(pod(container, terminationGracePeriodSeconds=grace_s))
    cluster.delete("Pod", "p")
    assert gone_at(cluster) == gone_ms


def test_a_second_deletion_shortens_the_grace() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=0, termination_ms=90 * S))
    cluster.create(pod({"image": "x:a"}))
    cluster.delete("Pod", "p")
    cluster.run_for(5 * S)
    cluster.delete("Pod", "p", grace_s=9)
    assert gone_at(cluster) == 9 * S


def test_sidecars_end_after_all_others_the_last_first() -> None:
    cluster = world(s=ImageBehaviour(healthy_ms=0, termination_ms=2 * S), a=ImageBehaviour(healthy_ms=0, termination_ms=3 * S))
    init = [{"name": f"s{n}", "image": "x:s", "restartPolicy": "Always"} for n in range(2)]
    cluster.create(pod({"image": "x:a"}, initContainers=init))
    cluster.delete("Pod", "p")
    cluster.run_for(5 * S)
    states = {s["name"]: next(iter(s["state"])) for s in status(cluster)["initContainerStatuses"]}
    assert states == {"s0": "running", "s1": "terminated"}
    assert gone_at(cluster) == 7 * S


def test_a_pod_with_a_readiness_gate_waits_for_it() -> None:
    cluster = world(a=ImageBehaviour(healthy_ms=0))
    cluster.create(pod({"image": "x:a"}, readinessGates=[{"conditionType": "example.com/lb"}]))
    assert conditions(cluster)["Ready"] == ("False", "ReadinessGatesNotReady")
    assert conditions(cluster)["ContainersReady"] == ("True", None)
    met = [*status(cluster)["conditions"], {"type": "example.com/lb", "status": "True"}]
    cluster.patch("Pod", "p", {"status": {"conditions": met}}, subresource="status")
    assert conditions(cluster)["Ready"] == ("True", None)


def test_a_better_image_heals_what_waits() -> None:
    cluster = world(a=ImageBehaviour(pull_error="gone"))
    cluster.create(pod({"image": "x:a"}))
    cluster.run_for(S)
    cluster.set_behaviour(Behaviour(startup_ms=0))
    assert ready_at(cluster) == S
