from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import ApiError, Cluster
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.flags import FlagError
from tests.engine.podautoscaler.worlds import PERCENT_50, hpa, reasons, replicas, said, status, use, web, world
from tests.engine.worlds import cluster

NO_METRICS = "failed to get cpu utilization: unable to get metrics for resource cpu: no metrics returned from resource metrics API"
NO_CUSTOM = "unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered"
NO_QUEUE = (
    "unable to get external metric default/queue/nil: unable to fetch metrics from external metrics API: "
    "the server could not find the requested resource (get queue.external.metrics.k8s.io)"
)
ABOVE = "cpu resource utilization (percentage of request) above target"


def test_it_looks_for_the_first_time_one_period_after_it_was_made() -> None:
    w = world(2)
    w.apply(hpa(4))
    w.run_for(1999)
    assert (replicas(w), status(w)) == (2, {"desiredReplicas": 0})
    w.run_for(1)
    assert replicas(w) == 4
    assert status(w)["currentReplicas"] == 2
    assert status(w)["desiredReplicas"] == 4
    assert reasons(w) == {"AbleToScale": ("True", "SucceededRescale")}
    assert said(w) == [("SuccessfulRescale", "New size: 4; reason: Current number of replicas below Spec.MinReplicas")]


def test_more_than_the_maximum_comes_down_at_once() -> None:
    w = world(5)
    w.apply(hpa(1, 2))
    w.run_for(2000)
    assert replicas(w) == 2
    assert said(w) == [("SuccessfulRescale", "New size: 2; reason: Current number of replicas above Spec.MaxReplicas")]


def test_without_metrics_it_says_so_every_time_and_leaves_the_target_alone() -> None:
    w = world(2)
    w.apply(hpa())
    w.run_for(5000)
    assert replicas(w) == 2
    assert reasons(w) == {"AbleToScale": ("True", "SucceededGetScale"), "ScalingActive": ("False", "FailedGetResourceMetric")}
    summary = f"invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: {NO_METRICS}"
    assert said(w) == [("FailedGetResourceMetric", NO_METRICS), ("FailedComputeMetricsReplicas", summary)]
    assert [e.count for e in w.events if e.reason == "FailedComputeMetricsReplicas"] == [2]
    assert status(w)["currentMetrics"] == [{"type": ""}]


def test_up_with_the_load_and_down_when_the_window_is_over() -> None:
    w = world(2)
    use(w, 100)
    w.apply(hpa())
    w.run_for(2000)
    assert said(w) == [("SuccessfulRescale", f"New size: 4; reason: {ABOVE}")]
    w.run_for(8000)
    use(w, 25)
    w.run_for(2000)
    assert reasons(w)["AbleToScale"] == ("True", "ScaleDownStabilized")
    assert replicas(w) == 4
    w.run_for(4000)
    assert replicas(w) == 2
    assert said(w)[1:] == [("SuccessfulRescale", "New size: 2; reason: All metrics below target")]
    shown = {"averageValue": "25m", "averageUtilization": 25}
    assert status(w)["currentMetrics"] == [{"type": "Resource", "resource": {"name": "cpu", "current": shown}}]


def test_without_behavior_it_at_most_doubles_and_says_what_limits_it() -> None:
    w = world(4)
    use(w, 900)
    w.apply(hpa(1, 50))
    w.run_for(2000)
    assert replicas(w) == 8
    assert reasons(w)["ScalingLimited"] == ("True", "ScaleUpLimit")
    w.run_for(2000)
    assert replicas(w) == 16
    w.run_for(60_000)
    assert replicas(w) == 50


def test_replicas_zero_switch_it_off() -> None:
    w = world(2)
    use(w, 100)
    w.scale("web", 0)
    w.apply(hpa(3))
    w.run_for(10_000)
    assert replicas(w) == 0
    assert reasons(w) == {"AbleToScale": ("True", "SucceededGetScale"), "ScalingActive": ("False", "ScalingDisabled")}
    assert said(w) == []


def test_an_applied_replica_count_takes_back_what_it_scaled_until_its_next_look() -> None:
    w = world(2)
    w.apply(hpa(4))
    w.run_for(3000)
    assert replicas(w) == 4
    w.apply(web(2, "app:v2"))
    assert replicas(w) == 2
    w.run_for(1000)
    assert replicas(w) == 4


def test_an_applied_manifest_without_replicas_leaves_them_to_the_autoscaler() -> None:
    w = world(2)
    w.apply(hpa(4))
    w.run_for(3000)
    w.apply(web(None, "app:v2"))
    assert replicas(w) == 4


def test_a_replica_count_that_was_never_scaled_is_dropped_with_the_manifest() -> None:
    """The one who applied it still owns it: without it the server's default of 1 comes back."""
    w = world(4)
    w.apply(hpa(4))
    w.run_for(3000)
    w.apply(web(None, "app:v2"))
    assert replicas(w) == 1
    w.run_for(2000)
    assert replicas(w) == 4


def test_in_the_middle_of_a_rollout_all_replica_sets_are_scaled_together() -> None:
    w = world(10)
    use(w, 100)
    w.apply(web(10, "notready:notready"))
    w.run_for(1000)
    before = {rs["metadata"]["name"]: rs["spec"]["replicas"] for rs in w.list("ReplicaSet")}
    w.apply(hpa(15, 20))
    w.run_for(2000)
    after = {rs["metadata"]["name"]: rs["spec"]["replicas"] for rs in w.list("ReplicaSet")}
    assert replicas(w) == 15
    assert all(after[name] > n for name, n in before.items())


@pytest.mark.parametrize(
    ("ref", "said_why"),
    [
        ({"apiVersion": "apps/v1", "kind": "Deployment", "name": "none"}, 'deployments.apps "none" not found'),
        ({"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "none"}, 'statefulsets.apps "none" not found'),
        (
            {"apiVersion": "extensions/v1beta1", "kind": "Deployment", "name": "web"},
            'no matches for kind "Deployment" in group "extensions"',
        ),
        ({"kind": "Deployment", "name": "web"}, 'no matches for kind "Deployment" in group ""'),
        ({"apiVersion": "a/b/c", "kind": "Deployment", "name": "web"}, "unexpected GroupVersion string: a/b/c"),
    ],
)
def test_a_target_that_is_not_there(ref: dict[str, str], said_why: str) -> None:
    w = world(2)
    w.apply(hpa(4, scaleTargetRef=ref))
    w.run_for(2000)
    assert reasons(w) == {"AbleToScale": ("False", "FailedGetScale")}
    assert status(w)["conditions"][0]["message"] == f"the HPA controller was unable to get the target's current scale: {said_why}"
    assert said(w) == [("FailedGetScale", said_why)]


def test_a_target_that_nothing_here_plays_is_unknown() -> None:
    w = world(2)
    w.create({"apiVersion": "apps/v1", "kind": "StatefulSet", "metadata": {"name": "db"}, "spec": {"replicas": 1}})
    w.apply(hpa(4, scaleTargetRef={"apiVersion": "apps/v1", "kind": "StatefulSet", "name": "db"}))
    w.run_for(2000)
    assert reasons(w) == {"AbleToScale": ("Unknown", "NotModelled")}
    assert w.get("StatefulSet", "db")["spec"]["replicas"] == 1


def test_a_replica_set_can_be_scaled() -> None:
    w = world(2)
    name = w.list("ReplicaSet")[0]["metadata"]["name"]
    w.delete("Deployment", "web", propagation="Orphan")
    w.apply(hpa(3, scaleTargetRef={"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name}))
    w.run_for(2000)
    assert w.get("ReplicaSet", name)["spec"]["replicas"] == 3


def test_pods_with_two_autoscalers_are_scaled_by_none_once_both_have_looked() -> None:
    w = world(2)
    use(w, 100)
    w.apply(hpa(1, 10, name="a"))
    w.run_for(1000)
    w.apply(hpa(1, 10, name="b"))
    w.run_for(1000)
    assert replicas(w) == 4
    assert reasons(w, "a")["ScalingActive"] == ("True", "ValidMetricFound")
    w.run_for(4000)
    message = "pods by selector app=web are controlled by multiple HPAs: [default/a default/b]"
    for name in ("a", "b"):
        assert reasons(w, name)["ScalingActive"] == ("False", "AmbiguousSelector")
        assert said(w, name)[-2:] == [("AmbiguousSelector", message), ("FailedComputeMetricsReplicas", message)]
    w.delete("HorizontalPodAutoscaler", "b")
    w.run_for(2000)
    assert reasons(w, "a")["ScalingActive"] == ("True", "ValidMetricFound")


def metric(kind: str, field: str, **source: Any) -> dict[str, Any]:
    return {"type": kind, field: source}


QPS = metric("Pods", "pods", metric={"name": "qps"}, target={"type": "AverageValue", "averageValue": "15"})
QUEUE = metric("External", "external", metric={"name": "queue"}, target={"type": "Value", "value": "6666m"})
QUEUE_EACH = metric("External", "external", metric={"name": "queue"}, target={"type": "AverageValue", "averageValue": "2222m"})
INGRESS = {"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "name": "front"}
HITS = metric("Object", "object", describedObject=INGRESS, metric={"name": "hits"}, target={"type": "Value", "value": "15"})
HITS_EACH = metric(
    "Object", "object", describedObject=INGRESS, metric={"name": "hits"}, target={"type": "AverageValue", "averageValue": "10"}
)
MEMORY = metric("Resource", "resource", name="memory", target={"type": "AverageValue", "averageValue": "8Mi"})
OF_APP = metric(
    "ContainerResource", "containerResource", name="cpu", container="app", target={"type": "Utilization", "averageUtilization": 50}
)


def tell(w: Cluster) -> None:
    for pod, value in zip(w.store.list(Pod), (20_000, 10_000, 30_000), strict=False):
        w.metrics.of_pod_metric(pod, "qps", value)
    w.metrics.of_external("default", "queue", 8600)
    w.metrics.of_object("default", "Ingress", "front", "hits", 40_000)


@pytest.mark.parametrize(
    ("spec", "size", "called", "shown"),
    [
        (QPS, 4, "pods metric qps", {"type": "Pods", "pods": {"metric": {"name": "qps"}, "current": {"averageValue": "20"}}}),
        (
            QUEUE,
            4,
            "external metric queue(nil)",
            {"type": "External", "external": {"metric": {"name": "queue"}, "current": {"value": "8600m"}}},
        ),
        (
            QUEUE_EACH,
            4,
            "external metric queue(nil)",
            {"type": "External", "external": {"metric": {"name": "queue"}, "current": {"averageValue": "2867m"}}},
        ),
        (
            HITS,
            6,
            "Ingress metric hits",
            {"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": INGRESS, "current": {"value": "40"}}},
        ),
        (
            HITS_EACH,
            4,
            "external metric hits(nil)",
            {"type": "Object", "object": {"metric": {"name": "hits"}, "describedObject": INGRESS, "current": {"averageValue": "13334m"}}},
        ),
        (MEMORY, 4, "memory resource", {"type": "Resource", "resource": {"name": "memory", "current": {"averageValue": "10Mi"}}}),
        (
            OF_APP,
            5,
            "cpu container resource utilization (percentage of request)",
            {
                "type": "ContainerResource",
                "containerResource": {"name": "cpu", "container": "app", "current": {"averageValue": "70m", "averageUtilization": 70}},
            },
        ),
    ],
)
def test_every_kind_of_metric_scales(spec: dict[str, Any], size: int, called: str, shown: dict[str, Any]) -> None:
    w = world(3)
    use(w, 70)
    tell(w)
    w.apply(hpa(2, 6, spec))
    w.run_for(2000)
    assert replicas(w) == size
    assert said(w) == [("SuccessfulRescale", f"New size: {size}; reason: {called} above target")]
    assert status(w)["currentMetrics"] == [shown]


@pytest.mark.parametrize(
    ("spec", "reason", "message", "summary"),
    [
        (
            QPS,
            "FailedGetPodsMetric",
            f"unable to get metric qps: {NO_CUSTOM}",
            "failed to get pods metric value: ",
        ),
        (
            QUEUE_EACH,
            "FailedGetExternalMetric",
            NO_QUEUE,
            "failed to get queue external metric value: failed to get queue external metric: ",
        ),
        (
            QUEUE,
            "FailedGetExternalMetric",
            NO_QUEUE,
            "failed to get queue external metric value: failed to get external metric queue: ",
        ),
        (
            HITS,
            "FailedGetObjectMetric",
            f"unable to get metric hits: {NO_CUSTOM} on Ingress default/front",
            "failed to get object metric value: ",
        ),
        (
            OF_APP,
            "FailedGetContainerResourceMetric",
            NO_METRICS,
            "failed to get app container metric value: ",
        ),
        ({"type": "Cheese"}, "InvalidMetricSourceType", 'unknown metric source type "Cheese"', ""),
    ],
)
def test_every_kind_of_metric_that_is_not_there(spec: dict[str, Any], reason: str, message: str, summary: str) -> None:
    w = world(3)
    w.apply(hpa(2, 6, spec))
    w.run_for(2000)
    first = f"invalid metrics (1 invalid out of 1), first error is: {summary}{message}"
    assert said(w) == [(reason, message), ("FailedComputeMetricsReplicas", first)]
    assert reasons(w)["ScalingActive"] == ("False", reason)
    assert status(w)["conditions"][1]["message"] == f"the HPA was unable to compute the replica count: {message}"


def test_the_highest_of_several_metrics_counts() -> None:
    w = world(3)
    use(w, 50)
    tell(w)
    w.apply(hpa(2, 9, PERCENT_50, QPS, HITS))
    w.run_for(2000)
    assert said(w) == [("SuccessfulRescale", "New size: 6; reason: Ingress metric hits above target")]
    assert [m["type"] for m in status(w)["currentMetrics"]] == ["Resource", "Pods", "Object"]


def test_a_metric_that_cannot_be_read_does_not_keep_the_others_from_scaling_up() -> None:
    w = world(3)
    use(w, 70)
    w.apply(hpa(2, 9, QUEUE, PERCENT_50))
    w.run_for(2000)
    assert replicas(w) == 5
    assert reasons(w)["ScalingActive"] == ("True", "ValidMetricFound")
    assert [r for r, _ in said(w)] == ["FailedGetExternalMetric", "SuccessfulRescale"]
    assert [m["type"] for m in status(w)["currentMetrics"]] == ["", "Resource"]


def test_but_from_scaling_down() -> None:
    w = world(5)
    use(w, 10)
    w.apply(hpa(2, 9, PERCENT_50, QUEUE))
    w.run_for(20_000)
    assert replicas(w) == 5
    assert reasons(w) == {"AbleToScale": ("True", "SucceededGetScale"), "ScalingActive": ("False", "FailedGetExternalMetric")}


def test_a_pod_without_a_request_has_no_utilization() -> None:
    w = cluster(settings={"horizontal-pod-autoscaler-sync-period": "2s"})
    w.apply(web(1, requests={}))
    w.run_for(1000)
    use(w, 100)
    w.apply(hpa())
    w.run_for(400_000)
    pod = w.list("Pod")[0]["metadata"]["name"]
    assert said(w)[-2][1] == f"failed to get cpu utilization: missing request for cpu in container app of Pod {pod}"


def test_a_series_is_chosen_by_its_labels() -> None:
    w = world(2)
    w.metrics.of_external("default", "queue", 5000, {"q": "a"})
    w.metrics.of_external("default", "queue", 90_000, {"q": "b"})
    chosen = metric(
        "External",
        "external",
        metric={"name": "queue", "selector": {"matchLabels": {"q": "a"}}},
        target={"type": "AverageValue", "averageValue": "1"},
    )
    w.apply(hpa(1, 9, chosen))
    w.run_for(2000)
    assert replicas(w) == 4
    text = "&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}"
    assert said(w) == [("SuccessfulRescale", f"New size: 4; reason: external metric queue({text}) above target")]


def test_behavior_is_filled_in_only_where_there_is_one() -> None:
    w = world(2)
    w.apply(hpa())
    assert "behavior" not in w.get("HorizontalPodAutoscaler", "hpa")["spec"]
    w.apply(hpa(behavior={"scaleDown": {"stabilizationWindowSeconds": 60}}))
    filled = w.get("HorizontalPodAutoscaler", "hpa")["spec"]["behavior"]
    assert filled["scaleUp"]["policies"] == [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ]
    assert filled["scaleDown"] == {
        "stabilizationWindowSeconds": 60,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
    }


def test_what_nobody_says_has_the_servers_defaults() -> None:
    w = world(2)
    body = hpa()
    del body["spec"]["minReplicas"], body["spec"]["metrics"]
    w.apply(body)
    spec = w.get("HorizontalPodAutoscaler", "hpa")["spec"]
    assert spec["minReplicas"] == 1
    assert spec["metrics"] == [
        {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}}
    ]


def test_v1_is_read_as_what_it_means() -> None:
    w = world(2)
    use(w, 100)
    ref = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    spec = {"scaleTargetRef": ref, "maxReplicas": 9, "targetCPUUtilizationPercentage": 25}
    w.apply({"apiVersion": "autoscaling/v1", "kind": "HorizontalPodAutoscaler", "metadata": {"name": "hpa"}, "spec": spec})
    w.run_for(2000)
    assert w.get("HorizontalPodAutoscaler", "hpa")["apiVersion"] == "autoscaling/v2"
    assert replicas(w) == 4
    assert reasons(w)["ScalingLimited"] == ("True", "ScaleUpLimit")


def test_a_policy_bounds_how_fast_it_comes_down() -> None:
    w = world(10)
    use(w, 0)
    slow = {"scaleDown": {"stabilizationWindowSeconds": 0, "policies": [{"type": "Pods", "value": 2, "periodSeconds": 10}]}}
    w.apply(hpa(1, 10, behavior=slow))
    w.run_for(2000)
    sizes = []
    for _ in range(11):
        sizes.append(replicas(w))
        w.run_for(2000)
    assert sizes == [8, 8, 8, 8, 8, 6, 6, 6, 6, 6, 4]
    assert reasons(w)["ScalingLimited"] == ("True", "ScaleDownLimit")


def test_a_window_for_scaling_up_waits_for_the_load_to_stay() -> None:
    w = world(2)
    use(w, 50)
    w.apply(hpa(1, 10, behavior={"scaleUp": {"stabilizationWindowSeconds": 5}}))
    w.run_for(3000)
    use(w, 100)
    w.run_for(1000)
    assert (replicas(w), reasons(w)["AbleToScale"]) == (2, ("True", "ScaleUpStabilized"))
    w.run_for(6000)
    assert replicas(w) == 4


@pytest.mark.parametrize(("version", "size"), [("1.36", 2), ("1.35", 2), ("1.34", 3)])
def test_a_tolerance_of_its_own_counts_from_1_35_on(version: str, size: int) -> None:
    w = world(2, kubernetes_version=version)
    use(w, 60)
    w.apply(hpa(1, 10, behavior={"scaleUp": {"tolerance": "300m"}}))
    w.run_for(2000)
    assert replicas(w) == size


def test_at_rest_it_writes_nothing_and_a_cluster_comes_to_rest() -> None:
    w = world(2)
    use(w, 50)
    w.apply(hpa())
    w.run_for(4000)
    before = w.store.resource_version
    w.run_for(60_000)
    assert w.store.resource_version == before
    assert w.run_to_rest(10_000_000)


def test_what_a_deleted_autoscaler_knew_is_forgotten() -> None:
    w = world(2)
    use(w, 100)
    w.apply(hpa())
    w.run_for(2000)
    w.delete("HorizontalPodAutoscaler", "hpa")
    w.run_for(10_000)
    use(w, 25)
    w.apply(hpa())
    w.run_for(2000)
    assert reasons(w)["AbleToScale"] == ("True", "ScaleDownStabilized")
    assert replicas(w) == 4


def test_a_flag_that_cannot_be_read_is_refused() -> None:
    with pytest.raises(FlagError, match="horizontal-pod-autoscaler-sync-period"):
        Cluster(settings={"horizontal-pod-autoscaler-sync-period": "soon"})


def test_a_quantity_that_is_none_is_refused() -> None:
    w = world(1)
    bad = metric("Pods", "pods", metric={"name": "qps"}, target={"type": "AverageValue", "averageValue": "many"})
    with pytest.raises(ApiError, match="averageValue"):
        w.apply(hpa(1, 2, bad))


@settings(max_examples=40, deadline=None)
@given(load=st.integers(0, 3000), low=st.integers(1, 5), more=st.integers(0, 15), start=st.integers(1, 12), percent=st.integers(20, 90))
def test_a_constant_load_that_the_pods_share_comes_to_rest_within_the_bounds(
    load: int, low: int, more: int, start: int, percent: int
) -> None:
    w = world(start)
    target = {"type": "Resource", "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": percent}}}
    w.apply(hpa(low, low + more, target))
    seen = []
    for _ in range(60):
        w.run_for(2000)
        _share(w, load)
        seen.append(replicas(w))
    assert all(low <= n <= low + more for n in seen[1:])
    assert len(set(seen[-10:])) == 1
    needed = load / percent
    if low + more > seen[-1] > low:
        assert seen[-1] * 0.85 <= needed + 1 and needed <= seen[-1] * 1.15


def _share(w: Cluster, load: int) -> None:
    """Ready pods do the work, in equal parts."""
    ready = [p for p in w.store.list(Pod) if p.ready and p.active]
    for pod in ready:
        w.metrics.of_pod(pod, {"app": FrozenMap(cpu=load // len(ready), memory=0)})
