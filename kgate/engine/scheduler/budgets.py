"""What preemption asks of PodDisruptionBudgets (plugins/defaultpreemption/default_preemption.go:filterPodsWithPDBViolation)."""

from __future__ import annotations

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import LabelSelector
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.api.selector import matches


class Budget(Struct, frozen=True, kw_only=True):
    """What preemption asks of a PodDisruptionBudget. Without a status nothing may be disrupted."""

    namespace: str
    selector: LabelSelector | None
    allowed: int
    disrupted: tuple[str, ...]
    """Pods whose disruption is already counted."""

    @classmethod
    def of(cls, pdb: PodDisruptionBudget) -> Budget:
        return cls(
            namespace=pdb.metadata.namespace,
            selector=pdb.spec.selector,
            allowed=pdb.status.disruptions_allowed,
            disrupted=tuple(pdb.status.disrupted_pods),
        )

    def covers(self, pod: Pod) -> bool:
        """An absent or empty selector covers nothing here."""
        meta = pod.metadata
        if self.selector is None or self.selector.empty or meta.namespace != self.namespace or meta.name in self.disrupted:
            return False
        return bool(meta.labels) and matches(self.selector, meta.labels)
