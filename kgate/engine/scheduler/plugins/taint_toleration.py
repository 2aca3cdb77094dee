"""pkg/scheduler/framework/plugins/tainttoleration."""

from __future__ import annotations

from typing import ClassVar

from kgate.engine.api.tolerations import tolerates, untolerated
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Change, CycleState, Rejection, in_proportion
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo


class TaintToleration:
    """NoSchedule and NoExecute taints keep a pod out unless it tolerates them; PreferNoSchedule taints only cost points."""

    name: ClassVar[str] = "TaintToleration"
    local: ClassVar[bool] = True

    def __init__(self, *, names_the_taint: bool = False) -> None:
        """`names_the_taint`: the wording up to the first patches of 1.34, `node(s) had untolerated taint {key: value}`."""
        self._names_the_taint = names_the_taint
        self._rejection = Rejection(plugin=self.name, reasons=("node(s) had untolerated taint(s)",), unresolvable=True)

    def filter(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> Rejection | None:
        if node.node is None or not node.node.spec.taints:
            return None
        taint = untolerated(pod.pod.spec.tolerations, node.node.spec.taints)
        if taint is None:
            return None
        if not self._names_the_taint:
            return self._rejection
        return Rejection(plugin=self.name, reasons=(f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}",), unresolvable=True)

    def score(self, pod: PodInfo, node: NodeInfo, state: CycleState) -> int:
        """Number of PreferNoSchedule taints the pod does not tolerate."""
        if node.node is None or not node.node.spec.taints:
            return 0
        soft = [t for t in pod.pod.spec.tolerations if t.effect in ("", "PreferNoSchedule")]
        return sum(1 for t in node.node.spec.taints if t.effect == "PreferNoSchedule" and not tolerates(soft, t))

    def normalize(self, scores: list[int]) -> list[int]:
        return in_proportion(scores, reverse=True)

    def labels_read(self, pod: PodInfo) -> tuple[str, ...] | None:
        return ()

    def worth_retrying(self, pod: PodInfo, change: Change, cluster: Cache) -> bool:
        if change.node is None:
            return False
        old, new = change.node
        mine = pod.pod.spec.tolerations
        was_kept_out = old is None or untolerated(mine, old.spec.taints) is not None
        return new is not None and was_kept_out and untolerated(mine, new.spec.taints) is None
