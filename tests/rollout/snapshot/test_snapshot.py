"""`kgate snapshot`: what is packed, what never is, and that it can be rehearsed on."""

from __future__ import annotations

import copy
import itertools
import json
import random
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kgate.errors import UsageError
from kgate.rollout import read_cluster
from kgate.rollout.snapshot import pack, written

SECRETS = itertools.count()


def secret() -> str:
    """A text that is nowhere else."""
    return f"s3cr3t{next(SECRETS)}x"


def listed(*items: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def node(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Node",
        "metadata": {
            "name": name,
            "labels": {"kubernetes.io/hostname": name, "topology.kubernetes.io/zone": "z1", "disk": "ssd", "kubernetes.io/os": "linux"},
            "annotations": {"note": secret()},
            "creationTimestamp": "2026-01-01T00:00:00Z",
        },
        "spec": {"providerID": secret(), **spec},
        "status": {
            "capacity": {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi", "example.com/gpu": "2"},
            "allocatable": {"cpu": "7910m", "memory": "31Gi", "pods": "110", "ephemeral-storage": "100Gi", "example.com/gpu": "2"},
            "conditions": [{"type": "Ready", "status": "True", "lastHeartbeatTime": "2026-11-20T10:00:00Z", "message": secret()}],
            "images": [{"names": ["shop/web:1"], "sizeBytes": 1000}],
            "nodeInfo": {"machineID": secret()},
            "addresses": [{"type": "InternalIP", "address": secret()}],
        },
    }


def pod(name: str, where: str = "n1", **spec: Any) -> dict[str, Any]:
    return {
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": "shop",
            "labels": {"app": "web", "pod-template-hash": "5d9dc68fdf"},
            "annotations": {"kubectl.kubernetes.io/last-applied-configuration": secret()},
            "ownerReferences": [{"kind": "ReplicaSet", "name": "web-5d9dc68fdf", "controller": True}],
        },
        "spec": {
            "nodeName": where,
            "priority": 0,
            "containers": [
                {
                    "name": "app",
                    "image": secret(),
                    "command": ["run", secret()],
                    "args": [f"--token={secret()}"],
                    "env": [
                        {"name": "PASSWORD", "value": secret()},
                        {"name": "X", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
                    ],
                    "resources": {"requests": {"cpu": "250m", "memory": "1Gi"}, "limits": {"memory": "2Gi"}},
                    "ports": [{"containerPort": 80}, {"containerPort": 53, "hostPort": 53, "protocol": "UDP"}],
                },
                {"name": "side", "resources": {"requests": {"cpu": "1"}}},
            ],
            "initContainers": [{"name": "init", "resources": {"requests": {"cpu": "2"}}, "env": [{"name": "Y", "value": secret()}]}],
            "volumes": [{"name": "v", "secret": {"secretName": secret()}}],
            **spec,
        },
        "status": {"phase": "Running", "message": secret()},
    }


REPLICA_SET = {
    "kind": "ReplicaSet",
    "metadata": {
        "name": "web-5d9dc68fdf",
        "namespace": "shop",
        "ownerReferences": [{"kind": "Deployment", "name": "web", "controller": True}],
    },
}


def body(*objects: Any, **how: Any) -> dict[str, Any]:
    return dict(pack([("in", listed(*objects))], **how).body)


def test_a_node_is_packed_with_all_that_placement_looks_at() -> None:
    assert body(node("n1", taints=[{"key": "gpu", "effect": "NoSchedule"}]))["nodes"] == [
        {
            "name": "n1",
            "cpu": "8",
            "memory": "32Gi",
            "ephemeral-storage": "100Gi",
            "pods": 110,
            "zone": "z1",
            "labels": {"disk": "ssd"},
            "extended": {"example.com/gpu": "2"},
            "allocatable": {"cpu": "7910m", "memory": "31Gi"},
            "taints": [{"key": "gpu", "effect": "NoSchedule"}],
            "images": [{"names": ["shop/web:1"], "sizeBytes": 1000}],
        }
    ]


def test_a_pod_is_packed_with_what_it_asks_for_in_all_and_whose_it_is() -> None:
    assert body(node("n1"), pod("web-5d9dc68fdf-abcde"), REPLICA_SET)["pods"] == [
        {
            "name": "web-5d9dc68fdf-abcde",
            "namespace": "shop",
            "labels": {"app": "web", "pod-template-hash": "5d9dc68fdf"},
            "node": "n1",
            "deployment": "web",
            "requests": {"cpu": "2", "memory": "1Gi"},
            "limits": {"memory": "2Gi"},
            "hostPorts": ["53/UDP"],
            "priorityClass": "",
        }
    ]


def test_a_deployment_is_known_by_the_name_of_its_replica_set_as_well() -> None:
    assert body(node("n1"), pod("a"))["pods"][0]["deployment"] == "web"


def test_pods_that_ended_or_are_leaving_or_wait_are_left_out() -> None:
    ended, leaving, waiting = pod("a"), pod("b"), pod("c", where="")
    ended["status"]["phase"] = "Succeeded"
    leaving["metadata"]["deletionTimestamp"] = "2026-11-20T10:00:00Z"
    packed = pack([("in", listed(node("n1"), ended, leaving, waiting))])
    assert "pods" not in packed.body
    assert "1 pods without a node of the input are left out" in packed.notes


def test_only_what_a_pod_asks_of_other_pods_is_kept_of_its_affinity() -> None:
    term = {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}}
    affinity = {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [{**term, "extra": secret()}]},
        "nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": []}},
    }
    assert body(node("n1"), pod("a", affinity=affinity))["pods"][0]["affinity"] == {
        "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}
    }


def test_quotas_limits_classes_and_budgets_are_packed() -> None:
    meta = {"name": "x", "namespace": "shop"}
    packed = body(
        node("n1"),
        {"kind": "PriorityClass", "metadata": {"name": "high"}, "value": 1000, "description": secret()},
        {"kind": "PriorityClass", "metadata": {"name": "system-node-critical"}, "value": 2000001000},
        {"kind": "ResourceQuota", "metadata": meta, "spec": {"hard": {"pods": "20"}}, "status": {"used": {"pods": "3"}}},
        {"kind": "LimitRange", "metadata": meta, "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
        {"kind": "PodDisruptionBudget", "metadata": meta, "spec": {"minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}}},
        pod("a", priorityClassName="high"),
        pod("b", priorityClassName="unheard-of"),
    )
    assert packed["priorityClasses"] == [{"name": "high", "value": 1000}]
    assert packed["quotas"] == [{"name": "x", "namespace": "shop", "hard": {"pods": "20"}}]
    assert packed["limitRanges"] == [{"name": "x", "namespace": "shop", "limits": [{"type": "Container", "default": {"cpu": "1"}}]}]
    assert packed["budgets"] == [
        {"name": "x", "namespace": "shop", "minAvailable": "50%", "selector": {"matchLabels": {"app": "web"}}},
    ]
    assert [p.get("priorityClass") for p in packed["pods"]] == ["high", None]


def test_storage_is_packed_without_where_the_data_lies() -> None:
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["z1"]}
    default = {"storageclass.kubernetes.io/is-default-class": "true", "note": secret()}
    volume = {
        "capacity": {"storage": "10Gi"},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "claimRef": {"namespace": "shop", "name": "data", "uid": secret()},
        "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": secret(), "volumeAttributes": {"x": secret()}},
        "nodeAffinity": {"required": {"nodeSelectorTerms": [{"matchExpressions": [zone]}]}},
    }
    share = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteMany"], "nfs": {"server": secret(), "path": secret()}}
    asks = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "fast",
        "volumeName": "pvc-1",
        "resources": {"requests": {"storage": "10Gi"}},
    }
    objects = (
        node("n1"),
        {"kind": "StorageClass", "metadata": {"name": "fast", "annotations": default}, "provisioner": "ebs.csi.aws.com",
         "parameters": {"kmsKeyId": secret()}, "volumeBindingMode": "WaitForFirstConsumer"},
        {"kind": "PersistentVolume", "metadata": {"name": "pvc-1"}, "spec": volume},
        {"kind": "PersistentVolume", "metadata": {"name": "share"}, "spec": share},
        {"kind": "PersistentVolumeClaim", "metadata": {"name": "data", "namespace": "shop", "annotations": {"x": secret()}}, "spec": asks},
    )  # fmt: skip
    packed = pack([("in", listed(*objects))])
    assert packed.body["storageClasses"] == [
        {"name": "fast", "provisioner": "ebs.csi.aws.com", "volumeBindingMode": "WaitForFirstConsumer", "default": True}
    ]
    first, second = packed.body["persistentVolumes"]
    assert (first["claim"], first["driver"], first["nodeAffinity"]) == ("shop/data", "ebs.csi.aws.com", [{"matchExpressions": [zone]}])
    assert second == {"name": "share", "accessModes": ["ReadWriteMany"], "size": "1Gi", "source": "nfs"}
    assert packed.body["claims"] == [
        {
            "name": "data",
            "namespace": "shop",
            "accessModes": ["ReadWriteOnce"],
            "size": "10Gi",
            "volume": "pvc-1",
            "storageClass": "fast",
        }
    ]
    assert "s3cr3t" not in written(packed)
    assert not [n for n in packed.notes if "StorageClass" in n]


def test_a_node_that_is_not_ready_takes_no_pods_and_that_is_said() -> None:
    ill = node("n2", taints=[{"key": "node.kubernetes.io/unreachable", "effect": "NoExecute"}])
    ill["status"]["conditions"][0]["status"] = "Unknown"
    packed = pack([("in", listed(node("n1"), ill))])
    assert [n.get("unschedulable", False) for n in packed.body["nodes"]] == [False, True]
    assert "taints" not in packed.body["nodes"][1]
    assert "1 nodes are not Ready, and take no pods in a rehearsal: n2" in packed.notes


def test_the_time_is_that_of_the_newest_sign_of_life() -> None:
    lease = {
        "kind": "Lease",
        "metadata": {"name": "n1", "namespace": "kube-node-lease"},
        "spec": {"renewTime": "2026-11-20T10:04:31.123456Z"},
    }
    assert body(node("n1"))["taken"] == "2026-11-20T10:00:00Z"
    assert body(node("n1"), lease)["taken"] == "2026-11-20T10:04:31Z"
    assert body(node("n1"), taken="2026-11-24T12:00:00Z")["taken"] == "2026-11-24T12:00:00Z"


def test_a_time_that_nobody_tells_is_unknown_and_that_is_said() -> None:
    timeless = {"kind": "Node", "metadata": {"name": "n1"}}
    packed = pack([("in", timeless)])
    assert packed.body["taken"] == "unknown"
    assert packed.notes[0] == "nothing in the input tells when it was taken; --taken TIME does"


def test_what_is_not_packed_is_said() -> None:
    packed = pack([("in", listed(node("n1"), {"kind": "Secret", "metadata": {"name": "s"}, "data": {"k": "v"}}))])
    assert "not packed: 1 Secret" in packed.notes


@pytest.mark.parametrize("as_json", [False, True])
def test_the_same_objects_in_any_order_and_in_any_files_make_the_same_bytes(as_json: bool) -> None:
    objects = [node("n1"), node("n2"), pod("a"), pod("b", "n2"), REPLICA_SET]
    first = written(pack([("in", listed(*objects))]), as_json=as_json)
    shuffled = random.Random(7).sample(objects, len(objects))
    assert written(pack([("a", listed(*shuffled[:2])), ("b", listed(*shuffled)), ("c", shuffled[0])]), as_json=as_json) == first
    assert yaml.safe_load(first) == dict(pack([("in", listed(*objects))]).body)


def test_the_result_is_a_cluster_file() -> None:
    text = written(pack([("in", listed(node("n1"), node("n2"), pod("a"), pod("b", "n2")))]))
    spec = read_cluster(yaml.safe_load(text), file="c.yaml")
    assert [n.name for n in spec.nodes] == ["n1", "n2"]
    assert [(p.name, p.deployment) for p in spec.pods] == [("a", "web"), ("b", "web")]
    assert spec.taken == "2026-11-20T10:00:00Z"


# No value that is not asked for gets out.

_TEXTS = st.builds(lambda i: f"s3cr3t{i}x", st.integers(10**6, 10**9))
_JSON = st.recursive(_TEXTS | st.lists(_TEXTS, max_size=2), lambda inner: st.dictionaries(_TEXTS, inner, max_size=3), max_leaves=6)
_ENV = st.lists(st.fixed_dictionaries({"name": _TEXTS, "value": _TEXTS}), max_size=3)
_CONTAINER = st.fixed_dictionaries(
    {"name": _TEXTS, "image": _TEXTS, "env": _ENV, "command": st.lists(_TEXTS, max_size=2), "args": st.lists(_TEXTS, max_size=2)},
    optional={"envFrom": _JSON, "volumeMounts": _JSON, "lifecycle": _JSON, "livenessProbe": _JSON, "securityContext": _JSON},
)
_DATA = st.dictionaries(_TEXTS, _TEXTS, max_size=3)
_HIDDEN = st.one_of(
    st.builds(lambda d, kind: {"kind": kind, "metadata": {"name": "x"}, "data": d}, _DATA, st.sampled_from(["Secret", "ConfigMap"])),
    st.builds(lambda d: {"kind": "Secret", "metadata": {"name": "y", "annotations": d}, "stringData": d}, _DATA),
    st.builds(
        lambda c, d, more: {
            "kind": "Pod",
            "metadata": {"name": "p", "annotations": d, "managedFields": more},
            "spec": {"nodeName": "n1", "containers": c, "volumes": more, "imagePullSecrets": more, "hostAliases": more},
            "status": {"message": next(iter(d), ""), "containerStatuses": more},
        },
        st.lists(_CONTAINER, min_size=1, max_size=2),
        _DATA,
        st.lists(_JSON, max_size=2),
    ),
    st.builds(
        lambda c, d: {"kind": "Deployment", "metadata": {"name": "d", "annotations": d}, "spec": {"template": {"spec": {"containers": c}}}},
        st.lists(_CONTAINER, max_size=2),
        _DATA,
    ),
    st.builds(lambda d: {"kind": "PriorityClass", "metadata": {"name": "c", "annotations": d}, "value": 1, "description": str(d)}, _DATA),
)


@given(st.lists(_HIDDEN, max_size=4))
def test_no_value_of_an_environment_secret_command_or_annotation_ever_gets_out(hidden: list[Any]) -> None:
    packed = pack([("in", listed(node("n1"), pod("web"), REPLICA_SET, *copy.deepcopy(hidden)))])
    told = written(packed) + written(packed, as_json=True) + "\n".join(packed.notes)
    assert "s3cr3t" not in told


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["kind", "metadata", "items", "spec", "status", "name", "containers", "capacity"]), inner, max_size=4
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_the_input_holds_it_is_packed_or_refused(document: Any) -> None:
    try:
        pack([("in", document)])
    except UsageError:
        return
    json.dumps(document)


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ([], "in is no mapping"),
        ({}, "in: it is no object and no List"),
        (listed(pod("a")), "there is no Node"),
        (listed(node("n1"), {"kind": "Pod", "metadata": {"name": 7}}), "in: items[1]: metadata: name is no text"),
        (
            listed(node("n1"), pod("a", containers=[{"resources": {"requests": {"cpu": "lots"}}}])),
            "Pod shop/a: spec: containers[0]: resources: requests: cpu is no quantity",
        ),
        (listed({"kind": "Node", "metadata": {"name": "é"}}), "name is no text that the API server would hold there"),
    ],
)
def test_what_kubectl_would_not_print_is_refused_with_its_place(document: Any, says: str) -> None:
    with pytest.raises(UsageError) as fault:
        pack([("in", document)])
    assert says in fault.value.message
