from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError, Cluster
from kgate.engine.api.core import ContainerStatus, Pod
from kgate.engine.api.meta import FrozenMap, LabelSelector
from kgate.engine.trace import WatchEvent
from kgate.engine.vpa.settings import MEBI
from tests.engine.worlds import cluster, deployment

MINUTE, HOUR = 60_000, 3_600_000
APP = LabelSelector(match_labels=FrozenMap(app="web"))


def web(replicas: int = 4, **resources: dict[str, str]) -> dict[str, Any]:
    body = deployment(replicas=replicas)
    body["spec"]["template"]["spec"]["containers"][0]["resources"] = resources or {"requests": {"cpu": "100m", "memory": "300Mi"}}
    return body


def vpa(mode: str | None = None, *containers: dict[str, Any], **update: Any) -> dict[str, Any]:
    spec: dict[str, Any] = {"targetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}}
    if mode or update:
        spec["updatePolicy"] = ({"updateMode": mode} if mode else {}) | update
    if containers:
        spec["resourcePolicy"] = {"containerPolicies": list(containers)}
    return {"apiVersion": "autoscaling.k8s.io/v1", "kind": "VerticalPodAutoscaler", "metadata": {"name": "v"}, "spec": spec}


def world(replicas: int = 4, cpu: int = 500, memory: int = 400, **resources: dict[str, str]) -> Cluster:
    made = cluster()
    made.apply(web(replicas, **resources))
    made.run_for(1000)
    made.metrics.of_pods("default", APP, {"app": FrozenMap(cpu=cpu, memory=memory * MEBI * 1000)})
    return made


def recommended(w: Cluster, what: str = "target") -> dict[str, str]:
    found: dict[str, str] = w.get("VerticalPodAutoscaler", "v")["status"]["recommendation"]["containerRecommendations"][0][what]
    return found


def requests(w: Cluster) -> set[str]:
    return {p["spec"]["containers"][0]["resources"]["requests"]["cpu"] for p in w.list("Pod") if "deletionTimestamp" not in p["metadata"]}


def deletions(w: Cluster) -> list[WatchEvent]:
    """The moments at which pods were marked."""
    pods = [e for e in w.trace.of("Pod") if isinstance(e.before, Pod) and isinstance(e.after, Pod)]
    return [
        e for e in pods if e.after is not None and e.before is not None and e.after.metadata.deleting and not e.before.metadata.deleting
    ]


def said(w: Cluster, reason: str) -> int:
    return sum(e.count for e in w.events if e.reason == reason)


def test_off_recommends_and_changes_nothing() -> None:
    w = world()
    w.apply(vpa("Off"))
    w.run_for(24 * HOUR)
    assert recommended(w)["cpu"] == "587m"
    assert requests(w) == {"100m"}
    w.delete("Pod", w.list("Pod")[0]["metadata"]["name"])
    w.run_for(MINUTE)
    assert requests(w) == {"100m"}


def test_what_it_says_is_marked_as_a_model() -> None:
    w = world()
    w.apply(vpa())
    w.run_for(2 * HOUR)
    conditions = {c["type"]: (c["status"], c.get("reason", "")) for c in w.get("VerticalPodAutoscaler", "v")["status"]["conditions"]}
    assert conditions == {"Model": ("True", "Modelled"), "RecommendationProvided": ("True", "")}
    evicted = next(e for e in w.events if e.reason == "EvictedByVPA")
    assert evicted.reporting_component == "vpa-updater (model)"
    notes = w.list("Pod")[0]["metadata"]["annotations"]
    assert notes["vpaUpdates"] == "Pod resources updated by v (model): container 0: cpu request, memory request"
    assert notes["vpaObservedContainers"] == "app"


def test_initial_gives_new_pods_what_is_recommended() -> None:
    w = world()
    w.apply(vpa("Initial"))
    w.run_for(24 * HOUR)
    assert requests(w) == {"100m"}
    w.delete("Pod", w.list("Pod")[0]["metadata"]["name"])
    w.run_for(MINUTE)
    assert requests(w) == {"100m", "587m"}


@pytest.mark.parametrize("mode", [None, "Recreate", "Auto"])
def test_recreate_evicts_in_waves_of_half_of_the_pods(mode: str | None) -> None:
    w = world(4)
    w.apply(vpa(mode))
    w.run_for(HOUR)
    moments = [e.time_ms for e in deletions(w)]
    waves = [moments.count(m) for m in sorted(set(moments))]
    assert waves == [2, 2]
    assert len(requests(w)) == 1
    assert requests(w) != {"100m"}
    assert said(w, "EvictedPod") == 4


def test_a_young_pod_within_its_bounds_is_left_alone_until_half_a_day() -> None:
    w = world(2, requests={"cpu": "100m", "memory": "500Mi"})
    w.apply(vpa("Recreate"))
    for hour in range(13):
        for cpu, span in ((50, 40), (95, 20)):
            w.metrics.of_pods("default", APP, {"app": FrozenMap(cpu=cpu, memory=400 * MEBI * 1000)})
            w.run_for(span * MINUTE)
        assert (requests(w) == {"100m"}) is (hour < 11)


def test_a_single_replica_is_left_alone_unless_its_policy_says_otherwise() -> None:
    w = world(1)
    w.apply(vpa("Recreate"))
    w.run_for(2 * HOUR)
    assert requests(w) == {"100m"}
    w.apply(vpa("Recreate", minReplicas=1))
    w.run_for(HOUR)
    assert requests(w) != {"100m"}


def test_a_disruption_budget_stops_its_evictions() -> None:
    w = world(4)
    budget = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}
    w.apply({"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b"}, "spec": budget})
    w.apply(vpa("Recreate"))
    w.run_for(2 * HOUR)
    assert requests(w) == {"100m"}
    assert said(w, "EvictedByVPA") == 0


def test_in_place_no_pod_is_replaced() -> None:
    w = world(4)
    before = [p["metadata"]["name"] for p in w.list("Pod")]
    w.apply(vpa("InPlaceOrRecreate"))
    w.run_for(2 * HOUR)
    assert [p["metadata"]["name"] for p in w.list("Pod")] == before
    assert requests(w) != {"100m"}
    assert said(w, "InPlaceResizedByVPA") >= 4


def test_in_place_falls_back_to_eviction_where_the_node_can_never_hold_it() -> None:
    w = world(4, cpu=40_000)
    w.apply(vpa("InPlaceOrRecreate"))
    w.run_for(2 * HOUR)
    assert said(w, "EvictedByVPA") > 0


def test_what_is_resized_in_place_is_taken_from_the_node() -> None:
    w = world(3, cpu=20_000)
    w.apply(vpa("InPlaceOrRecreate"))
    w.run_for(2 * HOUR)
    other = deployment(name="other", replicas=3)
    other["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "20"}}
    w.apply(other)
    w.run_for(MINUTE)
    assert all(not p["spec"].get("nodeName") for p in w.list("Pod") if p["metadata"]["name"].startswith("other"))


def test_limits_keep_their_proportion_unless_only_requests_are_controlled() -> None:
    both: dict[str, Any] = {"requests": {"cpu": "100m", "memory": "300Mi"}, "limits": {"cpu": "200m", "memory": "300Mi"}}
    w = world(4, **both)
    w.apply(vpa("Recreate"))
    w.run_for(24 * HOUR)
    got = w.list("Pod")[0]["spec"]["containers"][0]["resources"]
    cpu = int(got["requests"]["cpu"].removesuffix("m"))
    assert got["limits"] == {"cpu": f"{2 * cpu}m", "memory": got["requests"]["memory"]}

    w = world(4, **both)
    w.apply(vpa("Recreate", {"containerName": "*", "controlledValues": "RequestsOnly"}))
    w.run_for(24 * HOUR)
    got = w.list("Pod")[0]["spec"]["containers"][0]["resources"]
    assert got["limits"] == both["limits"]
    assert got["requests"] == {"cpu": "200m", "memory": "300Mi"}


def test_policies_cap_what_is_recommended() -> None:
    w = world()
    w.apply(vpa("Off", {"containerName": "app", "minAllowed": {"memory": "1Gi"}, "maxAllowed": {"cpu": "300m"}}))
    w.run_for(HOUR)
    assert recommended(w) == {"cpu": "300m", "memory": "1Gi"}
    assert recommended(w, "uncappedTarget")["cpu"] == "587m"
    w.apply(vpa("Off", {"containerName": "*", "controlledResources": ["memory"]}))
    w.run_for(HOUR)
    assert list(recommended(w)) == ["memory"]
    w.apply(vpa("Off", {"containerName": "*", "mode": "Off"}))
    w.run_for(HOUR)
    assert w.get("VerticalPodAutoscaler", "v")["status"]["recommendation"] == {}


def test_a_target_without_pods_has_no_recommendation() -> None:
    w = cluster()
    w.apply(vpa())
    w.run_for(MINUTE)
    conditions = {c["type"]: (c["status"], c["reason"]) for c in w.get("VerticalPodAutoscaler", "v")["status"]["conditions"]}
    assert conditions["NoPodsMatched"] == ("True", "NoPodsMatched")
    assert conditions["RecommendationProvided"] == ("False", "NoPodsMatched")


def test_a_container_killed_for_its_memory_is_given_more_at_once() -> None:
    w = world(2, cpu=90, memory=300, requests={"cpu": "103m", "memory": "370Mi"})
    w.apply(vpa("Recreate"))
    w.run_for(HOUR)
    pod = w.store.list(Pod)[0]
    ended = FrozenMap(terminated=FrozenMap(reason="OOMKilled", startedAt="1970-01-01T00:00:00Z", finishedAt="1970-01-01T00:01:00Z"))
    status = ContainerStatus(name="app", ready=True, started=True, restart_count=1, last_state=ended)
    w.store.update_status(Pod(metadata=pod.metadata, spec=pod.spec, status=_with(pod, status)))
    w.run_for(3 * MINUTE)
    assert len(deletions(w)) >= 1
    assert int(recommended(w)["memory"].rstrip("kMi")) > 0


def _with(pod: Pod, status: ContainerStatus) -> Any:
    from msgspec.structs import replace

    return replace(pod.status, container_statuses=(status,))


def test_a_cluster_without_one_has_no_timer_for_it() -> None:
    w = world()
    assert w.run_to_rest(HOUR)
    assert w.manager.next_timer_ms() is None


def test_when_the_requests_are_right_nothing_happens_any_more() -> None:
    w = world(4)
    w.apply(vpa("Recreate"))
    w.run_for(30 * HOUR)
    before = len(deletions(w))
    w.run_for(24 * HOUR)
    assert len(deletions(w)) == before


def test_a_policy_of_the_wrong_shape_is_refused() -> None:
    w = world(1)
    with pytest.raises(ApiError, match="containerPolicies"):
        w.apply(vpa("Off", "app"))  # type: ignore[arg-type]
