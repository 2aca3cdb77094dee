from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError
from kgate.engine.admission.defaulting import set_defaults, tag_of
from kgate.engine.admission.pods import defaulted as defaulted_spec
from kgate.engine.admission.pods import qos_class, resolved, with_default_tolerations
from kgate.engine.admission.priority import Priority
from kgate.engine.api.codec import decode
from kgate.engine.api.core import Pod, PodSpec, Toleration
from kgate.engine.api.meta import FrozenMap
from tests.engine.worlds import cluster, deployment, rest


def defaulted(obj: dict[str, Any]) -> dict[str, Any]:
    set_defaults(obj)
    return obj


def spec_of(**spec: Any) -> PodSpec:
    pod = decode({"apiVersion": "v1", "kind": "Pod", "spec": spec})
    assert isinstance(pod, Pod)
    return pod.spec


def test_a_deployment_gets_its_defaults() -> None:
    spec = defaulted(deployment(replicas=None))["spec"]
    assert {k: spec[k] for k in ("replicas", "revisionHistoryLimit", "progressDeadlineSeconds", "strategy")} == {
        "replicas": 1,
        "revisionHistoryLimit": 10,
        "progressDeadlineSeconds": 600,
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}},
    }
    assert spec["template"]["spec"] == {
        "containers": [
            {
                "name": "app",
                "image": "app:v1",
                "imagePullPolicy": "IfNotPresent",
                "terminationMessagePath": "/dev/termination-log",
                "terminationMessagePolicy": "File",
            }
        ],
        "dnsPolicy": "ClusterFirst",
        "restartPolicy": "Always",
        "schedulerName": "default-scheduler",
        "terminationGracePeriodSeconds": 30,
        "securityContext": {},
    }


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        ({"rollingUpdate": {"maxSurge": 0}}, {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0, "maxUnavailable": "25%"}}),
        ({"type": "Recreate"}, {"type": "Recreate"}),
        (None, {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "25%", "maxSurge": "25%"}}),
    ],
)
def test_each_side_of_a_rolling_update_defaults_on_its_own(strategy: Any, expected: Any) -> None:
    assert defaulted(deployment(strategy=strategy))["spec"]["strategy"] == expected


def test_defaults_fill_nothing_that_is_given_and_doing_it_twice_changes_nothing() -> None:
    once = defaulted(deployment(replicas=0, revisionHistoryLimit=0, progressDeadlineSeconds=5))
    assert once["spec"]["replicas"] == once["spec"]["revisionHistoryLimit"] == 0
    before = repr(once)
    assert repr(defaulted(once)) == before


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("nginx", "latest"),
        ("nginx:latest", "latest"),
        ("nginx:1", "1"),
        ("host:5000/nginx", "latest"),
        ("host:5000/nginx:2", "2"),
        ("nginx@sha256:0", ""),
        ("nginx:latest@sha256:0", "latest"),
    ],
)
def test_an_image_without_tag_and_digest_is_latest(image: str, tag: str) -> None:
    assert tag_of(image) == tag


def test_probes_ports_volumes_and_env_get_theirs() -> None:
    body = deployment()
    container = body["spec"]["template"]["spec"]["containers"][0]
    container |= {
        "ports": [{"containerPort": 80}],
        "readinessProbe": {"httpGet": {"port": 80}},
        "env": [{"name": "A", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}],
    }
    body["spec"]["template"]["spec"]["volumes"] = [{"name": "a"}, {"name": "b", "configMap": {"name": "c"}}]
    spec = defaulted(body)["spec"]["template"]["spec"]
    assert spec["containers"][0]["ports"] == [{"containerPort": 80, "protocol": "TCP"}]
    assert spec["containers"][0]["readinessProbe"] == {
        "httpGet": {"port": 80, "path": "/", "scheme": "HTTP"},
        "timeoutSeconds": 1,
        "periodSeconds": 10,
        "successThreshold": 1,
        "failureThreshold": 3,
    }
    assert spec["containers"][0]["env"][0]["valueFrom"]["fieldRef"]["apiVersion"] == "v1"
    assert spec["volumes"] == [{"name": "a", "emptyDir": {}}, {"name": "b", "configMap": {"name": "c", "defaultMode": 420}}]


def test_a_set_created_by_hand_takes_its_labels_and_selector_from_its_template() -> None:
    template = {"metadata": {"labels": {"app": "a"}}, "spec": {"containers": [{"name": "a", "image": "a"}], "serviceAccountName": "sa"}}
    rs = defaulted({"kind": "ReplicaSet", "metadata": {"name": "a"}, "spec": {"template": template}})
    assert rs["metadata"]["labels"] == {"app": "a"}
    assert rs["spec"]["selector"] == {"matchLabels": {"app": "a"}}
    assert rs["spec"]["replicas"] == 1
    assert rs["spec"]["template"]["spec"]["serviceAccount"] == "sa"


def test_projected_tokens_host_paths_and_hooks_get_theirs() -> None:
    body = deployment()
    pod = body["spec"]["template"]["spec"]
    pod["volumes"] = [
        {"name": "t", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        {"name": "h", "hostPath": {"path": "/"}},
    ]
    pod["containers"][0] |= {"lifecycle": {"preStop": {"httpGet": {"port": 1}}}, "livenessProbe": {"grpc": {"port": 1}, "periodSeconds": 0}}
    pod = defaulted(body)["spec"]["template"]["spec"]
    assert pod["volumes"][0]["projected"] == {
        "sources": [{"serviceAccountToken": {"path": "t", "expirationSeconds": 3600}}],
        "defaultMode": 420,
    }
    assert pod["volumes"][1]["hostPath"] == {"path": "/", "type": ""}
    assert pod["containers"][0]["lifecycle"]["preStop"]["httpGet"] == {"port": 1, "path": "/", "scheme": "HTTP"}
    assert pod["containers"][0]["livenessProbe"]["grpc"] == {"port": 1, "service": ""}
    assert pod["containers"][0]["livenessProbe"]["periodSeconds"] == 10


def test_services_nodes_and_namespaces_get_theirs() -> None:
    service = defaulted({"kind": "Service", "spec": {"ports": [{"port": 80}]}})
    assert service["spec"]["ports"] == [{"port": 80, "protocol": "TCP", "targetPort": 80}]
    assert defaulted({"kind": "Node", "status": {"capacity": {"cpu": "1"}}})["status"]["allocatable"] == {"cpu": "1"}
    assert defaulted({"kind": "Namespace", "metadata": {"name": "a"}})["metadata"]["labels"] == {"kubernetes.io/metadata.name": "a"}


def test_limits_become_requests_on_pods_but_not_in_templates() -> None:
    spec = spec_of(containers=[{"name": "a", "resources": {"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "100m"}}}])
    assert defaulted_spec(spec).containers[0].resources.requests == {"cpu": 100, "memory": 2**30}
    assert spec.containers[0].resources.requests == {"cpu": 100}


def test_pod_level_requests_come_from_the_containers_or_else_from_the_pods_limits() -> None:
    spec = spec_of(containers=[{"name": "a", "resources": {"requests": {"cpu": 1}}}], resources={"limits": {"cpu": 4, "memory": "1Gi"}})
    resources = defaulted_spec(spec).resources
    assert resources is not None
    assert resources.requests == {"cpu": 1000, "memory": 2**30}


def test_host_network_exposes_every_container_port() -> None:
    spec = spec_of(hostNetwork=True, containers=[{"name": "a", "ports": [{"containerPort": 80}, {"containerPort": 81, "hostPort": 9}]}])
    assert [p.host_port for p in defaulted_spec(spec).containers[0].ports] == [80, 9]


@pytest.mark.parametrize(
    ("given", "added"),
    [
        ((), ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]),
        ((Toleration(operator="Exists"),), []),
        ((Toleration(key="node.kubernetes.io/not-ready", operator="Exists", toleration_seconds=5),), ["node.kubernetes.io/unreachable"]),
        (
            (Toleration(key="node.kubernetes.io/not-ready", effect="NoSchedule"),),
            ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"],
        ),
    ],
)
def test_lost_nodes_are_tolerated_for_five_minutes_unless_the_pod_says_otherwise(given: tuple[Toleration, ...], added: list[str]) -> None:
    more = with_default_tolerations(given)[len(given) :]
    assert [t.key for t in more] == added
    assert all((t.operator, t.effect, t.toleration_seconds) == ("Exists", "NoExecute", 300) for t in more)


def test_match_label_keys_become_part_of_the_selector() -> None:
    spec = spec_of(
        topologySpreadConstraints=[{"labelSelector": {"matchLabels": {"app": "a"}}, "matchLabelKeys": ["hash", "absent"]}],
        affinity={
            "podAntiAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": [
                    {"topologyKey": "zone", "labelSelector": {}, "matchLabelKeys": ["hash"], "mismatchLabelKeys": ["tenant"]}
                ]
            }
        },
    )
    done = resolved(spec, FrozenMap(hash="1", tenant="t"), Priority("", 0, ""))
    selector = done.topology_spread_constraints[0].label_selector
    assert selector is not None
    assert [(r.key, r.operator, r.values) for r in selector.match_expressions] == [("hash", "In", ("1",))]
    assert done.affinity is not None and done.affinity.pod_anti_affinity is not None
    term = done.affinity.pod_anti_affinity.required[0].label_selector
    assert term is not None
    assert [(r.key, r.operator, r.values) for r in term.match_expressions] == [("hash", "In", ("1",)), ("tenant", "NotIn", ("t",))]


@pytest.mark.parametrize(
    ("resources", "expected"),
    [
        ({}, "BestEffort"),
        ({"requests": {"example.com/gpu": 1}}, "BestEffort"),
        ({"requests": {"cpu": 1}}, "Burstable"),
        ({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": 1, "memory": "1Gi"}}, "Guaranteed"),
        ({"limits": {"cpu": 1, "memory": "1Gi"}, "requests": {"cpu": "500m", "memory": "1Gi"}}, "Burstable"),
    ],
)
def test_quality_of_service(resources: Any, expected: str) -> None:
    assert qos_class(spec_of(containers=[{"name": "a", "resources": resources}])) == expected


def test_a_priority_class_gives_its_value_and_an_unknown_one_stops_the_pods() -> None:
    world = cluster()
    world.create({"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000})
    good = deployment(name="good", replicas=1)
    good["spec"]["template"]["spec"]["priorityClassName"] = "high"
    bad = deployment(name="bad", replicas=1)
    bad["spec"]["template"]["spec"]["priorityClassName"] = "nope"
    world.apply(good)
    world.apply(bad)
    world.run_for(5_000)
    assert [p["spec"]["priority"] for p in world.list("Pod")] == [1000]
    failure = next(c for c in world.get("Deployment", "bad")["status"]["conditions"] if c["type"] == "ReplicaFailure")
    assert failure["reason"] == "FailedCreate"
    assert failure["message"].startswith('pods "bad-')
    assert failure["message"].endswith('" is forbidden: no PriorityClass with name nope was found')
    said = [e for e in world.events if e.reason == "FailedCreate"]
    assert said and all(e.message.startswith('Error creating: pods "bad-') for e in said)


def test_the_systems_own_priority_classes_are_always_there() -> None:
    world = cluster()
    body = deployment(replicas=1)
    body["spec"]["template"]["spec"]["priorityClassName"] = "system-node-critical"
    world.apply(body)
    rest(world)
    assert [(p["spec"]["priority"], p["spec"]["preemptionPolicy"]) for p in world.list("Pod")] == [(2_000_001_000, "PreemptLowerPriority")]


def test_the_default_priority_class_counts_for_pods_that_name_none() -> None:
    world = cluster()
    world.create(
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": "d"}, "value": 7, "globalDefault": True}
    )
    world.apply(deployment(replicas=1))
    rest(world)
    assert [p["spec"]["priority"] for p in world.list("Pod")] == [7]


def test_what_cannot_be_decoded_is_a_bad_request() -> None:
    with pytest.raises(ApiError) as refused:
        cluster().apply(deployment(replicas="3"))  # type: ignore[arg-type]
    assert refused.value.code == 400


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        ({"minReadySeconds": -1}, "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0"),
        ({"surge": "-5%"}, 'spec.strategy.rollingUpdate.maxSurge: Invalid value: "-5%": must be greater than or equal to 0'),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            {"selector": {"matchExpressions": [{"key": "app", "operator": "Is"}]}},
            'spec.selector.matchExpressions[0].operator: Invalid value: "Is": not a valid selector operator',
        ),
    ],
)
def test_what_the_controllers_cannot_work_with_is_refused_without_any_validation(spec: dict[str, Any], message: str) -> None:
    with pytest.raises(ApiError) as refused:
        cluster().apply(deployment(**spec))
    assert (refused.value.code, refused.value.message) == (422, f'Deployment.apps "web" is invalid: {message}')


def test_a_fraction_that_is_no_percentage_is_refused() -> None:
    with pytest.raises(ApiError, match="a valid percent string must be"):
        cluster().apply(deployment(unavailable="x"))
