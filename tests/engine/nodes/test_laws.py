"""What holds of any cluster that loses nodes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.engine import Cluster
from kgate.engine.api.apps import ReplicaSet
from tests.engine.nodes.worlds import bearing, taints, world

LIMIT_MS = 10_000_000


def live(cluster: Cluster) -> list[str]:
    """Nodes of the pods that are neither ended nor on their way out."""
    return [p["spec"].get("nodeName", "") for p in cluster.list("Pod") if "deletionTimestamp" not in p["metadata"]]


def flags(period: int, grace: int) -> dict[str, object]:
    return {"node-monitor-period": f"{period}s", "node-monitor-grace-period": f"{grace}s"}


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    replicas=st.integers(1, 9),
    seconds=st.integers(0, 400),
    period=st.integers(1, 7),
    grace=st.integers(8, 60),
    stopped_ms=st.integers(1_000, 90_000),
)
def test_pods_of_a_dead_node_are_replaced_in_time(replicas: int, seconds: int, period: int, grace: int, stopped_ms: int) -> None:
    """At the latest: the grace period, two periods of the monitor, the taint, the toleration, and the start of the new pod."""
    cluster = world(settings=flags(period, grace))
    cluster.apply(bearing(seconds, replicas=replicas))
    cluster.run_for(stopped_ms)
    cluster.stop_node("n1")
    cluster.run_for((grace + 2 * period + seconds) * 1000 + 100 + 200)
    assert len(live(cluster)) == replicas
    assert "n1" not in live(cluster)
    assert cluster.get("Deployment", "web")["status"]["readyReplicas"] == replicas


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    zones=st.sampled_from(["aaa", "aab", "abc", "aaabbb"]),
    replicas=st.integers(1, 12),
    seconds=st.sampled_from([0, 3, 30, 300, None]),
    acts=st.lists(
        st.tuples(st.sampled_from(["stop_node", "start_node", "cordon", "uncordon"]), st.integers(1, 3), st.integers(0, 120_000))
    ),
)
def test_no_pod_is_lost_whatever_happens_to_the_nodes(
    zones: str, replicas: int, seconds: int | None, acts: list[tuple[str, int, int]]
) -> None:
    cluster = world(zones)
    cluster.apply(bearing(seconds, replicas=replicas))
    for act, node, ms in acts:
        getattr(cluster, act)(f"n{node}")
        cluster.run_for(ms)
    assert cluster.run_to_rest(LIMIT_MS)
    assert len(live(cluster)) == replicas == sum(rs.spec.replicas for rs in cluster.store.list(ReplicaSet))
    for node in (1, 2, 3):
        cluster.start_node(f"n{node}")
        cluster.uncordon(f"n{node}")
    assert cluster.run_to_rest(LIMIT_MS)
    assert len(cluster.list("Pod")) == replicas
    assert all(taints(cluster, n["metadata"]["name"]) == [] for n in cluster.list("Node"))
    assert cluster.get("Deployment", "web")["status"]["readyReplicas"] == replicas


@pytest.mark.slow
@settings(max_examples=20, deadline=None)
@given(gone=st.sets(st.integers(1, 3), max_size=2), stopped=st.booleans(), replicas=st.integers(1, 8))
def test_pods_of_deleted_nodes_are_replaced_within_a_minute(gone: set[int], stopped: bool, replicas: int) -> None:
    cluster = world()
    cluster.apply(bearing(None, replicas=replicas))
    cluster.run_to_rest(LIMIT_MS)
    for node in sorted(gone):
        if stopped:
            cluster.stop_node(f"n{node}")
        cluster.delete("Node", f"n{node}")
    cluster.run_for(60_000 + 1_000)
    assert len(cluster.list("Pod")) == replicas
    assert not {f"n{node}" for node in gone} & set(live(cluster))
