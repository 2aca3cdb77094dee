from __future__ import annotations

from functools import partial
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.engine import ApiError, Cluster
from kgate.engine.admission.quota.check import Evaluators, in_scope
from kgate.engine.admission.quota.counts import Requirement
from kgate.engine.admission.quota.pods import PodCount, charged
from kgate.engine.api.codec import decode
from kgate.engine.api.core import Pod
from kgate.engine.api.quantity import parse
from kgate.engine.api.quota import ResourceQuota, ResourceQuotaSpec
from tests.engine.worlds import BEHAVIOUR, cluster, conditions, deployment


def quota(name: str = "q", hard: dict[str, Any] | None = None, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": name}, "spec": {"hard": hard or {"pods": 4}, **spec}}


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    body = {"containers": [{"name": "a", "image": "a"}], **spec}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"}, "spec": body}


def asking(requests: Any = None, limits: Any = None, name: str = "a") -> dict[str, Any]:
    return {"name": name, "image": "a", "resources": {"requests": requests or {}, "limits": limits or {}}}


def status(world: Cluster, name: str = "q") -> dict[str, Any]:
    found: dict[str, Any] = world.get("ResourceQuota", name)["status"]
    return found


def used(world: Cluster, name: str = "q") -> dict[str, Any]:
    counted: dict[str, Any] = status(world, name)["used"]
    return counted


def object_of(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **more}


def refusal(world: Cluster, body: dict[str, Any]) -> str:
    with pytest.raises(ApiError) as refused:
        world.create(body)
    assert (refused.value.code, refused.value.reason) == (403, "Forbidden")
    return refused.value.message


def decoded(**spec: Any) -> Pod:
    found = decode(pod(**spec))
    assert isinstance(found, Pod)
    return found


def usage(**spec: Any) -> dict[str, str]:
    return {name: str(amount) for name, amount in PodCount().usage(decoded(**spec), 0).items()}


def test_a_pod_counts_its_requests_under_both_names_and_its_limits() -> None:
    assert usage(containers=[asking({"cpu": "1m", "memory": "1Mi"}, {"cpu": "2m", "memory": "2M"})]) == {
        "count/pods": "1",
        "pods": "1",
        "cpu": "1m",
        "requests.cpu": "1m",
        "limits.cpu": "2m",
        "memory": "1Mi",
        "requests.memory": "1Mi",
        "limits.memory": "2M",
    }


@pytest.mark.parametrize(
    ("requests", "expected"),
    [
        ({"hugepages-2Mi": "4Mi"}, {"hugepages-2Mi": "4Mi", "requests.hugepages-2Mi": "4Mi"}),
        ({"example.com/gpu": 3}, {"requests.example.com/gpu": "3"}),
        ({"ephemeral-storage": "5Gi"}, {"ephemeral-storage": "5Gi", "requests.ephemeral-storage": "5Gi"}),
        ({"kubernetes.io/odd": 1}, {}),
    ],
)
def test_other_resources_count_as_the_api_names_them(requests: dict[str, Any], expected: dict[str, str]) -> None:
    assert usage(containers=[asking(requests)]) == {"count/pods": "1", "pods": "1"} | expected


def test_init_containers_count_at_their_worst_and_overhead_on_top() -> None:
    counted = usage(
        containers=[asking({"cpu": 1}, {"cpu": 2}), asking({"cpu": 1}, name="b")],
        initContainers=[asking({"cpu": 5}, name="i"), asking({"memory": "1Gi"}, name="j")],
        overhead={"cpu": "100m"},
    )
    assert (counted["requests.cpu"], counted["limits.cpu"], counted["requests.memory"]) == ("5100m", "2100m", "1Gi")


def test_pod_level_resources_count_instead_of_their_containers() -> None:
    assert usage(containers=[asking({"cpu": 1})], resources={"requests": {"cpu": 3}, "limits": {"cpu": 4}})["requests.cpu"] == "3"


@pytest.mark.parametrize(
    ("scope", "operator", "values", "spec", "expected"),
    [
        ("BestEffort", "Exists", (), {}, True),
        ("NotBestEffort", "Exists", (), {}, False),
        ("BestEffort", "Exists", (), {"containers": [asking({"cpu": 1})]}, False),
        ("Terminating", "Exists", (), {"activeDeadlineSeconds": 5}, True),
        ("NotTerminating", "Exists", (), {"activeDeadlineSeconds": 0}, False),
        ("NotTerminating", "Exists", (), {}, True),
        ("PriorityClass", "Exists", (), {"priorityClassName": "high"}, True),
        ("PriorityClass", "Exists", (), {}, False),
        ("PriorityClass", "DoesNotExist", (), {}, True),
        ("PriorityClass", "In", ("high",), {"priorityClassName": "high"}, True),
        ("PriorityClass", "In", ("high",), {"priorityClassName": "low"}, False),
        ("PriorityClass", "NotIn", ("high",), {}, True),
        ("CrossNamespacePodAffinity", "Exists", (), {}, False),
        ("VolumeAttributesClass", "Exists", (), {}, False),
    ],
)
def test_scopes_of_pods(scope: str, operator: str, values: tuple[str, ...], spec: dict[str, Any], expected: bool) -> None:
    requirement = Requirement(scope_name=scope, operator=operator, values=values)
    assert PodCount().in_scope(decoded(**spec), requirement) is expected


@pytest.mark.parametrize("where", ["podAffinity", "podAntiAffinity"])
@pytest.mark.parametrize("rule", ["requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"])
@pytest.mark.parametrize(("more", "expected"), [({"namespaces": ["x"]}, True), ({"namespaceSelector": {}}, True), ({}, False)])
def test_affinity_across_namespaces_is_a_scope(where: str, rule: str, more: dict[str, Any], expected: bool) -> None:
    term = {"topologyKey": "zone", **more}
    affinity = {where: {rule: [term if rule.startswith("required") else {"weight": 1, "podAffinityTerm": term}]}}
    requirement = Requirement(scope_name="CrossNamespacePodAffinity", operator="Exists")
    assert PodCount().in_scope(decoded(affinity=affinity), requirement) is expected


def test_all_scopes_of_a_quota_must_hold_and_other_kinds_have_none() -> None:
    spec = ResourceQuotaSpec(scopes=("BestEffort", "NotTerminating"))
    evaluators = Evaluators()
    best, ending = decode(pod()), decode(pod(activeDeadlineSeconds=1))
    secret = decode(object_of("Secret", "s"))
    assert [in_scope(evaluators.of(o), o, spec) for o in (best, ending, secret)] == [True, False, False]


@pytest.mark.parametrize(
    ("phase", "due", "grace", "now", "expected"),
    [
        ("Running", None, None, 0, True),
        ("Succeeded", None, None, 0, False),
        ("Failed", None, None, 0, False),
        ("Running", 30_500, 30, 60_000, True),
        ("Running", 30_500, 30, 60_001, False),
    ],
)
def test_ended_and_overdue_pods_are_free(phase: str, due: int | None, grace: int | None, now: int, expected: bool) -> None:
    """The API keeps whole seconds: a pod due at 30.5 s with 30 s of grace is counted until 60 s."""
    body = pod()
    body["status"] = {"phase": phase}
    found = decode(body)
    assert isinstance(found, Pod)
    meta = replace(found.metadata, deletion_timestamp_ms=due, deletion_grace_period_seconds=grace)
    assert charged(replace(found, metadata=meta), now) is expected


def test_a_new_quota_finds_what_is_there_and_admission_charges_what_comes() -> None:
    world = cluster()
    world.create(pod("a"))
    world.create(quota(hard={"pods": 2, "count/pods": 5, "requests.cpu": "0", "example.com/odd": 1}))
    assert status(world) == {
        "hard": {"pods": "2", "count/pods": "5", "requests.cpu": "0", "example.com/odd": "1"},
        "used": {"pods": "1", "count/pods": "1", "requests.cpu": "0"},
    }


def test_what_is_beyond_a_quota_is_refused_in_the_servers_words() -> None:
    world = cluster()
    world.create(quota(hard={"pods": 3, "requests.cpu": "1", "limits.memory": "2Gi"}))
    heavy = [asking({"cpu": "600m"}, {"memory": "1536Mi"})]
    world.create(pod("a", containers=heavy))
    assert refusal(world, pod("b", containers=heavy)) == (
        'pods "b" is forbidden: exceeded quota: q, requested: limits.memory=1536Mi,requests.cpu=600m, '
        "used: limits.memory=1536Mi,requests.cpu=600m, limited: limits.memory=2Gi,requests.cpu=1"
    )
    assert used(world) == {"pods": "1", "requests.cpu": "600m", "limits.memory": "1536Mi"}


def test_every_container_names_what_a_quota_limits() -> None:
    world = cluster()
    world.create(quota(hard={"requests.cpu": 9, "limits.cpu": 9, "memory": "9Gi", "requests.ephemeral-storage": "1Gi"}))
    said = refusal(world, pod("p", containers=[asking({"cpu": 1}), asking(name="b")], initContainers=[asking(name="i")]))
    assert said == ('pods "p" is forbidden: failed quota: q: must specify limits.cpu for: a,b,i; memory for: a,b,i; requests.cpu for: b,i')
    whole = {"requests": {"cpu": 1, "memory": "1Gi"}, "limits": {"cpu": 1, "memory": "1Gi"}}
    world.create(pod("p", resources=whole))
    assert used(world)["requests.cpu"] == "1"


def test_all_quotas_must_have_room_and_only_those_with_the_scope_count() -> None:
    world = cluster()
    world.create(quota("effort", {"pods": 1}, scopes=["BestEffort"]))
    world.create(quota("all", {"pods": 2}))
    world.create(pod("a"))
    assert refusal(world, pod("b")) == 'pods "b" is forbidden: exceeded quota: effort, requested: pods=1, used: pods=1, limited: pods=1'
    world.create(pod("c", containers=[asking({"cpu": 1})]))
    assert (used(world, "effort"), used(world, "all")) == ({"pods": "1"}, {"pods": "2"})
    assert "exceeded quota: all" in refusal(world, pod("d", containers=[asking({"cpu": 1})]))


def test_a_quota_for_a_priority_class_leaves_the_others_alone() -> None:
    world = cluster()
    world.create({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 9})
    selector = {"matchExpressions": [{"scopeName": "PriorityClass", "operator": "In", "values": ["high"]}]}
    world.create(quota(hard={"pods": 1}, scopeSelector=selector))
    world.create(pod("low"))
    world.create(pod("high", priorityClassName="high"))
    assert used(world) == {"pods": "1"}
    assert "exceeded quota" in refusal(world, pod("more", priorityClassName="high"))


@pytest.mark.parametrize(
    ("hard", "body", "resource"),
    [
        ("count/deployments.apps", deployment(), "deployments.apps"),
        ("count/configmaps", object_of("ConfigMap", "web"), "configmaps"),
        ("configmaps", object_of("ConfigMap", "web"), "configmaps"),
        ("secrets", object_of("Secret", "web"), "secrets"),
        ("services", object_of("Service", "web", spec={}), "services"),
        ("persistentvolumeclaims", object_of("PersistentVolumeClaim", "web", spec={}), "persistentvolumeclaims"),
        ("count/widgets.example.com", {**object_of("Widget", "web"), "apiVersion": "example.com/v1"}, "widgets.example.com"),
    ],
)
def test_objects_of_any_kind_are_counted_and_given_back(hard: str, body: dict[str, Any], resource: str) -> None:
    world = cluster()
    world.create(quota(hard={hard: 1}))
    world.create(body)
    assert used(world) == {hard: "1"}
    second = {**body, "metadata": {"name": "two"}}
    assert (
        refusal(world, second)
        == f'{resource} "two" is forbidden: exceeded quota: q, requested: {hard}=1, used: {hard}=1, limited: {hard}=1'
    )
    world.delete(body["kind"], "web")
    assert used(world) == {hard: "0"}
    world.create(second)


def test_services_count_their_node_ports_and_load_balancers_also_when_they_change() -> None:
    world = cluster()
    world.create(quota(hard={"services": 5, "services.nodeports": 3, "services.loadbalancers": 1}))
    ports = [{"port": 80, "name": "a"}, {"port": 81, "name": "b"}]
    world.create(object_of("Service", "s", spec={"type": "NodePort", "ports": ports}))
    assert used(world) == {"services": "1", "services.nodeports": "2", "services.loadbalancers": "0"}
    assert "requested: services.nodeports=2, used: services.nodeports=2" in refusal(
        world, object_of("Service", "t", spec={"type": "LoadBalancer", "ports": ports})
    )
    quiet = {"type": "LoadBalancer", "ports": ports, "allocateLoadBalancerNodePorts": False}
    world.create(object_of("Service", "t", spec=quiet))
    world.create(object_of("Service", "u", spec={"ports": ports}))
    with pytest.raises(ApiError, match=r"exceeded quota: q, requested: services\.loadbalancers=1,services.nodeports=2"):
        world.patch("Service", "u", {"spec": {"type": "LoadBalancer"}})
    world.patch("Service", "s", {"spec": {"type": "ClusterIP"}})
    assert used(world) == {"services": "3", "services.nodeports": "0", "services.loadbalancers": "1"}


def test_claims_count_their_storage_by_class_too() -> None:
    world = cluster()
    gold = "gold.storageclass.storage.k8s.io/"
    world.create(quota(hard={"requests.storage": "10Gi", f"{gold}requests.storage": "4Gi", f"{gold}persistentvolumeclaims": 2}))

    def claim(name: str, storage: str, class_name: str | None = "gold") -> dict[str, Any]:
        spec = {"resources": {"requests": {"storage": storage}}} | ({"storageClassName": class_name} if class_name else {})
        return object_of("PersistentVolumeClaim", name, spec=spec)

    world.create(claim("a", "3Gi"))
    world.create(claim("b", "5Gi", None))
    assert used(world) == {"requests.storage": "8Gi", f"{gold}requests.storage": "3Gi", f"{gold}persistentvolumeclaims": "1"}
    assert f"exceeded quota: q, requested: {gold}requests.storage=2Gi, used: {gold}requests.storage=3Gi" in refusal(
        world, claim("c", "2Gi")
    )
    with pytest.raises(ApiError, match=r"requested: requests\.storage=3Gi, used: requests.storage=8Gi, limited: requests.storage=10Gi"):
        world.patch("PersistentVolumeClaim", "b", {"spec": {"resources": {"requests": {"storage": "8Gi"}}}})


def test_a_raised_quota_is_enforced_as_soon_as_it_is_seen() -> None:
    world = cluster()
    world.create(quota(hard={"pods": 1}))
    world.create(pod("a"))
    world.patch("ResourceQuota", "q", {"spec": {"hard": {"pods": "2"}}})
    world.create(pod("b"))
    assert status(world) == {"hard": {"pods": "2"}, "used": {"pods": "2"}}


def test_a_terminating_pod_is_charged_until_it_is_gone() -> None:
    world = cluster()
    world.create(quota(hard={"pods": 1}))
    world.create(pod("a"))
    world.run_for(300)
    world.delete("Pod", "a")
    assert "exceeded quota" in refusal(world, pod("b"))
    world.run_for(100)
    assert used(world) == {"pods": "0"}
    world.create(pod("b"))


def test_a_pod_that_outstays_its_termination_is_found_free_at_the_next_full_count() -> None:
    """Nobody tells when the second grace period ends, 11 s after the beginning: what counts is the clock of the full count."""
    world = cluster(settings={"resource-quota-sync-period": "20s"})
    world.create(quota(hard={"pods": 1}))
    world.create(pod("a", terminationGracePeriodSeconds=5, nodeName="n1"))
    world.run_for(1_000)
    world.stop_node("n1")
    world.delete("Pod", "a")
    world.run_for(18_000)
    assert used(world) == {"pods": "1"}
    world.run_for(1_000)
    assert used(world) == {"pods": "0"}


def test_a_pod_that_ended_is_free_but_still_counted_as_an_object() -> None:
    world = cluster()
    world.create(quota(hard={"pods": 1, "count/pods": 2}))
    world.create(pod("a"))
    world.patch("Pod", "a", {"status": {"phase": "Succeeded"}}, subresource="status")
    assert used(world) == {"pods": "0", "count/pods": "1"}


def test_creation_is_tried_again_ever_more_rarely_whatever_is_freed() -> None:
    """5 ms doubling: freed room waits for the next attempt."""
    world = cluster()
    world.create(quota(hard={"pods": 2}))
    world.create(pod("other"))
    world.apply(deployment(replicas=2))
    world.run_for(60_000)
    assert conditions(world)["ReplicaFailure"] == ("True", "FailedCreate")
    refused = [e.first_timestamp_ms or 0 for e in world.events if e.reason == "FailedCreate"]
    waits = [b - a for a, b in pairwise(refused)]
    assert waits[-3:] == [w * 2 for w in waits[-4:-1]]
    world.delete("Pod", "other", grace_s=0)
    assert len(world.list("Pod")) == 1
    world.run_for(2 * waits[-1])
    assert len(world.list("Pod")) == 2
    world.run_for(1_000)
    assert "ReplicaFailure" not in conditions(world)


def _updated(world: Cluster) -> bool:
    return bool(world.get("Deployment", "web")["status"].get("updatedReplicas") == 3)


def test_surge_beyond_a_quota_waits_and_room_for_one_less_does_not() -> None:
    for unavailable, done in ((0, False), (1, True)):
        world = cluster()
        world.create(quota(hard={"pods": 3}))
        world.apply(deployment(surge=1, unavailable=unavailable))
        world.run_for(5_000)
        world.apply(deployment("app:v2", surge=1, unavailable=unavailable))
        assert world.run_until(partial(_updated, world), 600_000) is done


def test_nothing_new_comes_into_a_namespace_that_is_being_deleted() -> None:
    world = cluster()
    world.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gone", "finalizers": ["example.com/wait"]}})
    world.delete("Namespace", "gone")
    with pytest.raises(ApiError) as refused:
        world.create({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c", "namespace": "gone"}})
    assert refused.value.message == (
        'configmaps "c" is forbidden: unable to create new content in namespace gone because it is being terminated'
    )
    assert [(c.reason, c.field) for c in refused.value.causes] == [("NamespaceTerminating", "metadata.namespace")]


def test_there_is_one_default_priority_class_and_priorities_are_not_for_pods_to_choose() -> None:
    world = cluster()

    def priority_class(name: str, **more: Any) -> dict[str, Any]:
        return {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 7, **more}

    world.create(priority_class("d", globalDefault=True, preemptionPolicy="Never"))
    assert refusal(world, priority_class("e", globalDefault=True)) == (
        'priorityclasses.scheduling.k8s.io "e" is forbidden: PriorityClass d is already marked as default. Only one default can exist'
    )
    world.create(priority_class("e"))
    with pytest.raises(ApiError, match="already marked as default"):
        world.patch("PriorityClass", "e", {"globalDefault": True})
    spec = world.create(pod("p", priority=7))["spec"]
    assert (spec["priorityClassName"], spec["priority"], spec["preemptionPolicy"]) == ("d", 7, "Never")
    assert refusal(world, pod("r", priority=8)) == (
        'pods "r" is forbidden: the integer value of priority (8) must not be provided in pod spec; '
        "priority admission controller computed 7 from the given PriorityClass name"
    )
    assert "the string value of PreemptionPolicy (PreemptLowerPriority) must not be" in refusal(
        world, pod("s", preemptionPolicy="PreemptLowerPriority")
    )


@settings(max_examples=40, deadline=None)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["apply", "scale", "pod", "delete", "raise", "wait"]), st.integers(0, 6)), min_size=1, max_size=12
    ),
    hard=st.integers(0, 6),
)
def test_admission_never_lets_more_in_than_the_quota_allows_and_at_rest_it_knows_what_there_is(
    steps: list[tuple[str, int]], hard: int
) -> None:
    world = cluster(BEHAVIOUR, settings={"resource-quota-sync-period": "10s"})
    world.create(quota(hard={"pods": hard, "requests.cpu": "2"}))

    @world.store.subscribe
    def never_beyond(event: Any) -> None:
        before, after = event.before, event.after
        if isinstance(after, ResourceQuota) and before is not None and before.status.hard == after.status.hard:
            grown = [n for n, amount in after.status.used.items() if amount > before.status.used.get(n, parse(0))]
            assert all(after.status.used[n] <= after.status.hard[n] for n in grown)

    web = deployment(replicas=2)
    web["spec"]["template"]["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "300m"}}
    for n, (what, number) in enumerate(steps):
        try:
            match what:
                case "apply":
                    world.apply({**web, "spec": {**web["spec"], "minReadySeconds": number % 2}})
                case "scale":
                    world.scale("web", number)
                case "pod":
                    world.create(pod(f"p{n}", containers=[asking({"cpu": f"{number}00m"})]))
                case "delete":
                    pods = world.list("Pod")
                    if pods:
                        world.delete("Pod", pods[number % len(pods)]["metadata"]["name"])
                case "raise":
                    world.patch("ResourceQuota", "q", {"spec": {"hard": {"pods": str(number)}}})
                case "wait":
                    world.run_for(number * 100)
        except ApiError:
            pass
    world.run_for(60_000)
    alive = [p for p in world.store.list(Pod) if not p.terminal]
    counted = sum(c.resources.requests.get("cpu", 0) for p in alive for c in p.spec.containers)
    found = world.store.list(ResourceQuota)[0].status.used
    assert (found["pods"], found["requests.cpu"]) == (parse(len(alive)), parse(f"{counted}m"))
