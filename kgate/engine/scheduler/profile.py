"""Which plugins run, in which order, with which weight (pkg/scheduler/apis/config/v1/default_plugins.go), by Kubernetes version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct

from kgate.engine.scheduler.framework import Filter, Plugin, offering
from kgate.engine.scheduler.plugins.bandwidth import Bandwidth
from kgate.engine.scheduler.plugins.image_locality import ImageLocality
from kgate.engine.scheduler.plugins.inter_pod_affinity import InterPodAffinity
from kgate.engine.scheduler.plugins.node_affinity import NodeAffinity
from kgate.engine.scheduler.plugins.node_name import NodeName
from kgate.engine.scheduler.plugins.node_ports import NodePorts
from kgate.engine.scheduler.plugins.node_resources_balanced_allocation import NodeResourcesBalancedAllocation
from kgate.engine.scheduler.plugins.node_resources_fit import NodeResourcesFit
from kgate.engine.scheduler.plugins.node_unschedulable import NodeUnschedulable
from kgate.engine.scheduler.plugins.node_volume_limits import NodeVolumeLimits
from kgate.engine.scheduler.plugins.pod_topology_spread import PodTopologySpread
from kgate.engine.scheduler.plugins.scheduling_gates import SchedulingGates
from kgate.engine.scheduler.plugins.taint_toleration import TaintToleration
from kgate.engine.scheduler.plugins.volume_binding import VolumeBinding
from kgate.engine.scheduler.plugins.volume_restrictions import VolumeRestrictions
from kgate.engine.scheduler.plugins.volume_zone import VolumeZone

WEIGHTS: Mapping[str, int] = {
    "TaintToleration": 3,
    "NodeAffinity": 2,
    "NodeResourcesFit": 1,
    "PodTopologySpread": 2,
    "InterPodAffinity": 2,
    "NodeResourcesBalancedAllocation": 1,
    "ImageLocality": 1,
}


class Profile(Struct, frozen=True, kw_only=True):
    """A scheduler's plugins, and what else differs between the versions of kube-scheduler."""

    plugins: tuple[Plugin, ...]
    """In the order in which filters run; a node's first rejection is the only one it is asked for."""
    weights: Mapping[str, int]
    scheduler_name: str = "default-scheduler"
    has_resource_claims: bool = True
    """Dynamic resource allocation is on (since 1.34) and says so when a pod does not fit."""
    final_dots: int = 1
    """After the text about preemption; old versions write two."""
    preempts_asynchronously: bool = True
    """Since 1.33."""
    pops_from_backoff: bool = True
    """An idle scheduler does not wait for a pod's back-off to end (since 1.33)."""

    @property
    def filters(self) -> Sequence[Filter]:
        return offering(self.plugins, Filter)


def default_profile(kubernetes_version: str = "1.36", *, bandwidth: bool = False) -> Profile:
    """`kubernetes_version` is `1.<minor>` with anything after it. `bandwidth` adds the plugin that Kubernetes does not have."""
    minor = int(kubernetes_version.removeprefix("v").split(".")[1])
    return Profile(
        plugins=(
            SchedulingGates(),
            NodeUnschedulable(),
            NodeName(),
            TaintToleration(names_the_taint=minor < 34),
            NodeAffinity(),
            NodePorts(),
            NodeResourcesFit(counts_zero=minor <= 26),
            *((Bandwidth(),) if bandwidth else ()),
            VolumeRestrictions(),
            NodeVolumeLimits(),
            VolumeBinding(),
            VolumeZone(),
            PodTopologySpread(),
            InterPodAffinity(),
            NodeResourcesBalancedAllocation(by_improvement=minor >= 36),
            ImageLocality(),
        ),
        weights=WEIGHTS,
        has_resource_claims=minor >= 34,
        final_dots=1 if minor >= 30 else 2,
        preempts_asynchronously=minor >= 33,
        pops_from_backoff=minor >= 33,
    )
