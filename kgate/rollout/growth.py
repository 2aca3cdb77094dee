"""Groups of nodes that an autoscaler grows, put on a cluster of the engine."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kgate.engine import Cluster
from kgate.engine.nodegroups import NodeGroups, node_group
from kgate.rollout.nodes import Growth
from kgate.rollout.startup import span


def autoscale(cluster: Cluster, groups: Iterable[Growth], occupants: Mapping[str, list[dict[str, Any]]] | None = None) -> None:
    """`occupants` are the pods that each node of a group begins with, by its prefix. Call it when the first nodes are there."""
    made = [
        node_group(
            g.prefix,
            [g.node.body(), *(occupants or {}).get(g.prefix, ())],
            size=g.least,
            most=g.most,
            provision_ms=g.provision_ms,
        )
        for g in groups
    ]
    if made:
        cluster.manager.add(NodeGroups(cluster.store, cluster.manager, made, kubernetes_version=cluster.kubernetes_version))


def grows(group: Growth) -> str:
    """What is assumed of the group, in a few words."""
    when = f"each {span(group.provision_ms)} after a pod found no room"
    return f"nodes {group.prefix}*: grow from {group.least} to {group.most}, {when}; groups in the order of the file"
