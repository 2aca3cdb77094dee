"""pkg/scheduler/framework/plugins/imagelocality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from kgate.engine.api.core import Pod
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import MAX_NODE_SCORE, CycleState
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo

MEBIBYTE = 1 << 20
LEAST = 23 * MEBIBYTE
MOST_PER_CONTAINER = 1000 * MEBIBYTE


class ImageLocality:
    """Nodes that have the pod's images score more, the larger the images are and the more nodes have them."""

    name: ClassVar[str] = "ImageLocality"
    # The number of nodes that have an image is the cluster's, not the node's; the cache starts a new epoch when that changes.
    local: ClassVar[bool] = True

    def labels_read(self, pod: PodInfo) -> tuple[str, ...] | None:
        return ()

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        if node.node is None or not node.node.status.images:
            return 0
        here = {name for image in node.node.status.images for name in image.names}
        total = sum(_worth(state.cluster, name) for name in _images(pod.pod) if name in here)
        most = MOST_PER_CONTAINER * (len(pod.pod.spec.init_containers) + len(pod.pod.spec.containers))
        return MAX_NODE_SCORE * (min(max(total, LEAST), most) - LEAST) // (most - LEAST)


def _worth(cluster: Cache, name: str) -> int:
    size, n_nodes = cluster.image(name)
    return int(float(size) * (float(n_nodes) / float(len(cluster.nodes()))))


def _images(pod: Pod) -> Iterator[str]:
    """Of init containers, containers and image volumes; a name without a tag has `:latest`."""
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        yield _tagged(container.image)
    for volume in pod.spec.volumes:
        image: Any = volume.rest.get("image")
        if isinstance(image, dict):
            yield _tagged(str(image.get("reference", "")))


def _tagged(image: str) -> str:
    return image if image.rfind(":") > image.rfind("/") else f"{image}:latest"
