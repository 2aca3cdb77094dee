from __future__ import annotations

import pytest

from tests.rollout.questions.conftest import Ask, deployment

LARGE = "resources: {requests: {cpu: 1900m}}"
HUGE = "resources: {requests: {cpu: 6}}"
GPU = "resources: {limits: {nvidia.com/gpu: 1}}"
APART = (
    "affinity: {podAntiAffinity: {requiredDuringSchedulingIgnoredDuringExecution: "
    "[{topologyKey: topology.kubernetes.io/zone, labelSelector: {matchLabels: {app: web}}}]}}"
)


@pytest.mark.parametrize(
    ("replicas", "pod", "container", "said"),
    [
        (12, "", LARGE, "completes on 6 nodes of 4 cpu and 16Gi; on 5 it does not"),
        (3, "", HUGE, "completes on 3 nodes of 8 cpu and 32Gi; on 2 it does not"),
        (2, "nodeSelector: {disk: ssd}", "", "completes on 1 node of 4 cpu and 16Gi (disk=ssd)"),
        (2, "", GPU, "completes on 2 nodes of 4 cpu and 16Gi (1 nvidia.com/gpu); on 1 it does not"),
        (4, APART, "", "completes on 4 nodes of 4 cpu and 16Gi; on 3 it does not"),
    ],
)
def test_the_smallest_cluster_is_found_by_playing(ask: Ask, replicas: int, pod: str, container: str, said: str) -> None:
    asked = ask(deployment(replicas=replicas, pod=pod, container=container), nodes=None)
    proof = asked.proof("smallest-cluster")
    assert proof is not None
    assert (proof.level, proof.statement) == ("passes", said)
    assert proof.bounds.startswith("empty nodes of one shape, ")
    assert asked.rehearsal.verdict == "unknown"
    assert asked.found("smallest-cluster") is None


def test_surge_needs_room_beside_the_old_pods(ask: Ask) -> None:
    spec = "strategy: {rollingUpdate: {maxSurge: 100%, maxUnavailable: 0}}"
    container = "resources: {requests: {cpu: 3}}"
    head, base = (deployment(i, replicas=3, container=container, spec=spec) for i in ("web:2", "web:1"))
    proof = ask(head, base, nodes=None).proof("smallest-cluster")
    assert proof is not None
    assert proof.statement == "completes on 4 nodes of 4 cpu and 16Gi; on 3 it does not"


def test_a_pod_that_fits_on_no_node_of_any_shape_is_unknown(ask: Ask) -> None:
    proof = ask(deployment(container="resources: {requests: {cpu: 200}}"), nodes=None).proof("smallest-cluster")
    assert proof is not None
    assert (proof.level, proof.statement) == ("unknown", "no node of 128 cpu and 1024Gi takes one of the pods")


def test_where_the_assumed_cluster_suffices_or_one_is_described_nobody_asks(ask: Ask) -> None:
    assert ask(deployment("web:2"), deployment(), nodes=None).level("smallest-cluster") == ""
    assert ask(deployment(replicas=12, container=LARGE)).level("smallest-cluster") == ""
