"""Whatever a manifest holds, the engine answers as a server does: with an object or with an ApiError."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import ApiError
from tests.engine.worlds import cluster, deployment

junk = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.sampled_from(["", "x", "25%", "-1%", "x%", "1e400"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "image", "type", "a"]), inner, max_size=2),
    max_leaves=5,
)


def whole() -> dict[str, Any]:
    body = deployment(
        replicas=1, surge=1, unavailable=0, minReadySeconds=1, paused=False, revisionHistoryLimit=1, progressDeadlineSeconds=2
    )
    body["metadata"] |= {"labels": {"a": "b"}, "annotations": {"c": "d"}, "namespace": "default"}
    pod = body["spec"]["template"]["spec"]
    pod |= {
        "volumes": [
            {"name": "v", "configMap": {"name": "c"}},
            {"name": "p", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}},
        ],
        "tolerations": [{"key": "k", "operator": "Exists", "tolerationSeconds": 1}],
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
                "minDomains": None,
                "matchLabelKeys": ["app"],
            }
        ],
        "affinity": {
            "nodeAffinity": {
                "requiredDuringSchedulingIgnoredDuringExecution": {
                    "nodeSelectorTerms": [{"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": ["linux"]}]}]
                },
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {"weight": 1, "preference": {"matchFields": [{"key": "metadata.name", "operator": "NotIn", "values": ["n9"]}]}}
                ],
            },
            "podAntiAffinity": {
                "preferredDuringSchedulingIgnoredDuringExecution": [
                    {
                        "weight": 1,
                        "podAffinityTerm": {"topologyKey": "kubernetes.io/hostname", "labelSelector": {"matchLabels": {"app": "web"}}},
                    }
                ]
            },
        },
        "overhead": {"cpu": "1m"},
        "resources": {"limits": {"cpu": "1"}},
        "terminationGracePeriodSeconds": 1,
        "hostNetwork": True,
    }
    pod["containers"][0] |= {
        "ports": [{"containerPort": 80, "hostPort": 80, "protocol": "TCP"}],
        "resources": {"requests": {"cpu": "1m"}, "limits": {"memory": "1Gi"}},
        "readinessProbe": {"httpGet": {"port": 80}, "grpc": {"port": 1}},
        "lifecycle": {"preStop": {"httpGet": {"port": 80}}},
        "env": [{"name": "E", "valueFrom": {"fieldRef": {"fieldPath": "x"}}}],
    }
    return body


def places(node: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [at, *(p for key, child in inner for p in places(child, (*at, key)))]


PLACES = [p for p in places(whole()) if p and p[0] != "kind"]


def damaged(place: tuple[Any, ...], value: Any) -> dict[str, Any]:
    body = whole()
    parent: Any = body
    for step in place[:-1]:
        parent = parent[step]
    parent[place[-1]] = copy.deepcopy(value)
    return body


@settings(deadline=None, max_examples=100)
@given(st.sampled_from(PLACES), junk)
def test_one_damaged_field_never_breaks_the_engine(place: tuple[Any, ...], value: Any) -> None:
    world = cluster(nodes=1)
    for first in (whole(), None):
        try:
            if first is not None:
                world.apply(first)
            world.apply(damaged(place, value))
            world.run_for(3_000)
        except ApiError:
            world.run_for(3_000)


@settings(deadline=None, max_examples=50)
@given(st.sampled_from(["merge", "strategic", "json"]), junk, st.sampled_from(PLACES), junk)
def test_a_damaged_patch_never_breaks_the_engine(type_: str, anything: Any, place: tuple[Any, ...], value: Any) -> None:
    world = cluster(nodes=1)
    world.apply(whole())
    for patch in (anything, damaged(place, value)):
        if type_ == "json":
            patch = [{"op": "replace", "path": "/" + "/".join(map(str, place)), "value": patch}]
        try:
            world.patch("Deployment", "web", patch, type=type_)
            world.run_for(3_000)
        except ApiError:
            world.run_for(3_000)
