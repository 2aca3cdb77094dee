from __future__ import annotations

from typing import Any

import pytest

from kgate.engine import ApiError
from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.admission.limitrange import ANNOTATION, filled, pod_refused
from kgate.engine.api.codec import decode, decode_as
from kgate.engine.api.core import PodSpec
from kgate.engine.api.quota import LimitRange
from tests.engine.worlds import cluster, deployment


def limit_range(*limits: dict[str, Any], name: str = "lr") -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": name}, "spec": {"limits": list(limits)}}


def decoded(*limits: dict[str, Any]) -> LimitRange:
    found = decode(limit_range(*limits))
    assert isinstance(found, LimitRange)
    return found


def container(name: str = "a", requests: Any = None, limits: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "resources": {"requests": requests or {}, "limits": limits or {}}, **more}


def spec_of(*containers: dict[str, Any], **spec: Any) -> PodSpec:
    made: PodSpec = decode_as(PodSpec, {"containers": list(containers), **spec})
    return made


def test_the_defaults_of_an_item_follow_from_one_another() -> None:
    """A limit from the maximum, a request from the limit, and only then from the minimum."""
    body = limit_range(
        {"type": "Container", "max": {"cpu": 2}, "min": {"memory": "1Gi", "cpu": "10m"}, "default": {"memory": "2Gi"}},
        {"type": "Pod", "max": {"cpu": 4}},
    )
    set_defaults(body)
    first, second = body["spec"]["limits"]
    assert first["default"] == {"memory": "2Gi", "cpu": 2}
    assert first["defaultRequest"] == {"memory": "2Gi", "cpu": 2}
    assert "default" not in second
    only_min = limit_range({"type": "Container", "min": {"cpu": "10m"}})
    set_defaults(only_min)
    assert only_min["spec"]["limits"][0]["defaultRequest"] == {"cpu": "10m"}


def test_what_a_container_lacks_is_filled_in_and_told_in_an_annotation() -> None:
    given = decoded({"type": "Container", "default": {"cpu": 1, "memory": "1Gi"}, "defaultRequest": {"cpu": "100m", "memory": "1Mi"}})
    spec, note = filled(spec_of(container("a", {"cpu": 1}), initContainers=[container("i", None, {"cpu": 2, "memory": 5})]), [given])
    assert spec.containers[0].resources.requests == {"cpu": 1000, "memory": 2**20}
    assert spec.containers[0].resources.limits == {"cpu": 1000, "memory": 2**30}
    assert spec.init_containers[0].resources.limits == {"cpu": 2000, "memory": 5}
    told = ("memory request for container a", "cpu, memory limit for container a", "cpu, memory request for init container i")
    assert note == f"LimitRanger plugin set: {'; '.join(told)}"


def test_who_names_everything_is_left_alone() -> None:
    spec = spec_of(container("a", {"cpu": 1}, {"cpu": 1}))
    assert filled(spec, [decoded({"type": "Container", "default": {"cpu": 2}, "defaultRequest": {"cpu": 2}})]) == (spec, "")
    assert filled(spec, []) == (spec, "")


C: dict[str, Any] = {"type": "Container"}
P: dict[str, Any] = {"type": "Pod"}


@pytest.mark.parametrize(
    ("item", "containers", "expected"),
    [
        (C | {"min": {"cpu": "100m"}}, [container(requests={"cpu": "100m"})], ""),
        (C | {"min": {"cpu": "100m"}}, [container()], "minimum cpu usage per Container is 100m.  No request is specified"),
        (C | {"min": {"cpu": "100m"}}, [container(requests={"cpu": "50m"})], "minimum cpu usage per Container is 100m, but request is 50m"),
        (
            C | {"min": {"cpu": "100m"}},
            [container(requests={"cpu": "100m"}, limits={"cpu": "50m"})],
            "minimum cpu usage per Container is 100m, but limit is 50m",
        ),
        (C | {"max": {"memory": "1Gi"}}, [container()], "maximum memory usage per Container is 1Gi.  No limit is specified"),
        (
            C | {"max": {"memory": "1Gi"}},
            [container(limits={"memory": "2G"})],
            "maximum memory usage per Container is 1Gi, but limit is 2G",
        ),
        (
            C | {"max": {"memory": "1Gi"}},
            [container(requests={"memory": "2Gi"}, limits={"memory": "1Gi"})],
            "maximum memory usage per Container is 1Gi, but request is 2Gi",
        ),
        (
            C | {"maxLimitRequestRatio": {"cpu": 2}},
            [container(limits={"cpu": 1})],
            "cpu max limit to request ratio per Container is 2, but no request is specified or request is 0",
        ),
        (
            C | {"maxLimitRequestRatio": {"cpu": 2}},
            [container(requests={"cpu": 1})],
            "cpu max limit to request ratio per Container is 2, but no limit is specified or limit is 0",
        ),
        (
            C | {"maxLimitRequestRatio": {"cpu": "1500m"}},
            [container(requests={"cpu": 1}, limits={"cpu": 2})],
            "cpu max limit to request ratio per Container is 1500m, but provided ratio is 2.000000",
        ),
        (C | {"maxLimitRequestRatio": {"cpu": 2}}, [container(requests={"cpu": 1}, limits={"cpu": 2})], ""),
        (
            P | {"max": {"cpu": 1}},
            [container(limits={"cpu": "600m"}), container("b", limits={"cpu": "600m"})],
            "maximum cpu usage per Pod is 1, but limit is 1200m",
        ),
        (P | {"min": {"cpu": 1}}, [container(requests={"cpu": "600m"}), container("b", requests={"cpu": "600m"})], ""),
        ({"type": "PersistentVolumeClaim", "max": {"storage": 1}}, [container()], ""),
        (
            C | {"min": {"cpu": 1, "memory": "1Gi"}},
            [container()],
            (
                "[minimum cpu usage per Container is 1.  No request is specified, "
                "minimum memory usage per Container is 1Gi.  No request is specified]"
            ),
        ),
        (
            C | {"min": {"cpu": 1}},
            [container(), container("b")],
            "minimum cpu usage per Container is 1.  No request is specified",
        ),
    ],
)
def test_a_pod_stays_within_the_range(item: dict[str, Any], containers: list[dict[str, Any]], expected: str) -> None:
    assert pod_refused(spec_of(*containers), decoded(item)) == expected


def test_init_containers_are_limited_too_and_count_for_the_pod_at_their_worst() -> None:
    spec = spec_of(container(limits={"cpu": 1}), initContainers=[container("i", limits={"cpu": 3})])
    assert pod_refused(spec, decoded(C | {"max": {"cpu": 2}})) == "maximum cpu usage per Container is 2, but limit is 3"
    assert pod_refused(spec, decoded(P | {"max": {"cpu": 3}})) == ""
    sidecar = spec_of(container(limits={"cpu": 1}), initContainers=[container("i", limits={"cpu": 3}, restartPolicy="Always")])
    assert pod_refused(sidecar, decoded(P | {"max": {"cpu": 3}})) == "maximum cpu usage per Pod is 3, but limit is 4"


def test_what_the_pod_itself_asks_for_counts_instead_of_its_containers() -> None:
    spec = spec_of(container(limits={"cpu": 1}), resources={"limits": {"cpu": 5}, "requests": {"cpu": 5}})
    assert pod_refused(spec, decoded(P | {"max": {"cpu": 4}})) == "maximum cpu usage per Pod is 4, but limit is 5"


def test_pods_are_completed_and_templates_are_not() -> None:
    world = cluster()
    world.apply(limit_range({"type": "Container", "default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}}))
    world.apply(deployment(replicas=2))
    pod = world.list("Pod")[0]
    assert pod["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "100m"}, "limits": {"cpu": "500m"}}
    assert pod["metadata"]["annotations"] == {
        ANNOTATION: "LimitRanger plugin set: cpu request for container app; cpu limit for container app"
    }
    assert pod["status"]["qosClass"] == "Burstable"
    assert world.list("ReplicaSet")[0]["spec"]["template"]["spec"]["containers"][0]["resources"] == {}


def test_a_range_that_changes_counts_for_the_next_pod() -> None:
    world = cluster()
    world.apply(limit_range({"type": "Container", "default": {"cpu": 1}}))
    world.apply(deployment(replicas=1))
    world.apply(limit_range({"type": "Container", "default": {"cpu": 2}}))
    world.scale("web", 2)
    assert [p["spec"]["containers"][0]["resources"]["limits"]["cpu"] for p in world.list("Pod")] == ["1", "2"]


def test_claims_are_measured_by_what_they_request() -> None:
    world = cluster()
    world.apply(limit_range({"type": "PersistentVolumeClaim", "min": {"storage": "1Gi"}, "max": {"storage": "10Gi"}}))

    def claim(storage: str) -> dict[str, Any]:
        resources = {"requests": {"storage": storage}}
        return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "c"}, "spec": {"resources": resources}}

    for storage, said in (
        ("20Gi", "maximum storage usage per PersistentVolumeClaim is 10Gi, but request is 20Gi"),
        ("1M", "minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 1M"),
    ):
        with pytest.raises(ApiError) as refused:
            world.create(claim(storage))
        assert (refused.value.code, refused.value.message) == (403, f'persistentvolumeclaims "c" is forbidden: {said}')
    assert world.create(claim("5Gi"))["spec"]["resources"] == {"requests": {"storage": "5Gi"}}
    with pytest.raises(ApiError, match="but request is 11Gi"):
        world.apply(claim("11Gi"))
