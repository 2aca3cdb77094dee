"""Where pods may and would rather run (staging/src/k8s.io/api/core/v1/types.go)."""

from __future__ import annotations

from msgspec import Struct, field

from kgate.engine.api.meta import NO_REST, LabelSelector, Rest


class Toleration(Struct, frozen=True, kw_only=True, gc=False):
    """An empty `key` with operator Exists tolerates every taint; an empty `effect` matches all effects."""

    key: str = ""
    operator: str = ""
    value: str = ""
    effect: str = ""
    toleration_seconds: int | None = None
    rest: Rest = NO_REST


class NodeSelectorRequirement(Struct, frozen=True, kw_only=True, gc=False):
    """`operator` is In, NotIn, Exists, DoesNotExist, Gt or Lt."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    rest: Rest = NO_REST


class NodeSelectorTerm(Struct, frozen=True, kw_only=True, gc=False):
    """All requirements must hold; a term without any matches no node. `match_fields` knows only metadata.name."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()
    rest: Rest = NO_REST


class NodeSelector(Struct, frozen=True, kw_only=True, gc=False):
    """One of the terms must match."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()
    rest: Rest = NO_REST


class PreferredSchedulingTerm(Struct, frozen=True, kw_only=True, gc=False):
    """`weight` is 1 to 100."""

    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()
    rest: Rest = NO_REST


class NodeAffinity(Struct, frozen=True, kw_only=True, gc=False):
    """Hard and soft wishes about the node's labels and name."""

    required: NodeSelector | None = field(default=None, name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: tuple[PreferredSchedulingTerm, ...] = field(default=(), name="preferredDuringSchedulingIgnoredDuringExecution")
    rest: Rest = NO_REST


class PodAffinityTerm(Struct, frozen=True, kw_only=True, gc=False):
    """Near (or far from) the pods that `label_selector` selects in `namespaces` and those that `namespace_selector` selects."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()
    rest: Rest = NO_REST


class WeightedPodAffinityTerm(Struct, frozen=True, kw_only=True, gc=False):
    """`weight` is 1 to 100."""

    weight: int = 0
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()
    rest: Rest = NO_REST


class PodAffinity(Struct, frozen=True, kw_only=True, gc=False):
    """Both podAffinity and podAntiAffinity have this shape."""

    required: tuple[PodAffinityTerm, ...] = field(default=(), name="requiredDuringSchedulingIgnoredDuringExecution")
    preferred: tuple[WeightedPodAffinityTerm, ...] = field(default=(), name="preferredDuringSchedulingIgnoredDuringExecution")
    rest: Rest = NO_REST


class Affinity(Struct, frozen=True, kw_only=True, gc=False):
    """Where a pod wants to be, by nodes and by other pods."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None
    rest: Rest = NO_REST


class TopologySpreadConstraint(Struct, frozen=True, kw_only=True, gc=False):
    """`when_unsatisfiable` is DoNotSchedule or ScheduleAnyway; absent policies mean nodeAffinity Honor, nodeTaints Ignore."""

    max_skew: int = 0
    topology_key: str = ""
    when_unsatisfiable: str = ""
    label_selector: LabelSelector | None = None
    min_domains: int | None = None
    node_affinity_policy: str | None = None
    node_taints_policy: str | None = None
    match_label_keys: tuple[str, ...] = ()
    rest: Rest = NO_REST
