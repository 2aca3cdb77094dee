"""Room for a pod by deleting pods of lower priority.

Sources: pkg/scheduler/framework/preemption/preemption.go, .../plugins/defaultpreemption/default_preemption.go, pkg/scheduler/util/utils.go.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from msgspec import Struct

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Millis, condition
from kgate.engine.scheduler.cache import Cache
from kgate.engine.scheduler.framework import Rejection, counted, unavailable
from kgate.engine.scheduler.nodeinfo import NodeInfo, PodInfo
from kgate.engine.scheduler.placement import Decision, Placement

NAME = "DefaultPreemption"
NOT_HELPFUL = "Preemption is not helpful for scheduling"
_NO_VICTIMS = Rejection(plugin=NAME, reasons=("No preemption victims found for incoming pod",), unresolvable=True)


class Candidate(Struct, frozen=True, kw_only=True):
    """A node, and the fewest pods that must go there, the most important first."""

    node: str
    victims: tuple[PodInfo, ...]
    violations: int
    """How many of them a PodDisruptionBudget would rather keep."""


class NoRoom(Struct, frozen=True, kw_only=True):
    """Why no room can be made, as FailedScheduling says it after `preemption: `."""

    message: str
    keeps_nomination: bool = False
    """The pod was not even looked at, so what it was promised before still stands."""


class DefaultPreemption:
    """Finds the node on which making room hurts least.

    PodDisruptionBudgets only prefer one victim over another. Unlike upstream: all nodes are tried, in the node tree's order, instead of
    a tenth of them from a random start.
    """

    def __init__(self, cache: Cache, placement: Placement) -> None:
        self._cache = cache
        self._placement = placement

    def find(self, info: PodInfo, decision: Decision, now_ms: Millis) -> Candidate | NoRoom:
        """The node and its victims, or why there are none."""
        why_not = self._not_eligible(info, decision)
        if why_not:
            return NoRoom(message=why_not, keeps_nomination=True)
        nodes = self._cache.nodes()
        if not any(priority < info.priority for priority in self._cache.priorities):
            return self._no_room(len(nodes), {_NO_VICTIMS: sum(n for r, n in decision.tally.items() if not r.unresolvable)})
        candidates: list[Candidate] = []
        refusals: Counter[Rejection] = Counter()
        rejections = decision.rejections
        for node in nodes:
            refused = rejections.get(node.name)
            if refused is None or refused.unresolvable:
                continue
            found = self._victims(info, node, decision, now_ms)
            if isinstance(found, Rejection):
                refusals[found] += 1
            else:
                candidates.append(found)
        if candidates:
            return min(candidates, key=lambda c: _harm(c, now_ms))
        return self._no_room(len(nodes), refusals)

    def _no_room(self, n_nodes: int, refusals: Mapping[Rejection, int]) -> NoRoom:
        asked = {rejection: n for rejection, n in refusals.items() if n}
        hopeless = n_nodes - sum(asked.values())
        return NoRoom(message=unavailable(n_nodes, counted(asked, {NOT_HELPFUL: hopeless} if hopeless else {})))

    def _not_eligible(self, info: PodInfo, decision: Decision) -> str:
        if info.pod.spec.preemption_policy == "Never":
            return "not eligible due to preemptionPolicy=Never."
        name = info.pod.status.nominated_node_name
        node = self._cache.node(name) if name else None
        if node is None:
            return ""
        refused = decision.rejections.get(name)
        if refused is not None and refused.unresolvable:
            return ""
        leaving = any(p.priority < info.priority and _preempted(p.pod) for p in node.pods.values())
        return "not eligible due to a terminating pod on the nominated node." if leaving else ""

    def _victims(self, info: PodInfo, node: NodeInfo, decision: Decision, now_ms: Millis) -> Candidate | Rejection:
        """Removes all pods of lower priority, then puts back as many as fit: first those a budget protects, the most important first."""
        lesser = [p for p in node.pods.values() if p.priority < info.priority]
        if not lesser:
            return _NO_VICTIMS
        lesser.sort(key=lambda p: _importance(p, now_ms))
        imagined = node.copy()
        for pod in lesser:
            self._take(info, pod, imagined, decision)
        rejection = self._placement.fits(info, imagined, decision.state)
        protected = self._protected(lesser)
        by_claim = protected + [p for p in lesser if p not in protected]
        victims = [] if rejection is not None else [p for p in by_claim if not self._spared(info, p, imagined, decision)]
        for pod in lesser if rejection is not None else victims:
            self._put_back(info, pod, imagined, decision)
        if rejection is not None:
            return rejection
        victims.sort(key=lambda p: _importance(p, now_ms))
        return Candidate(node=node.name, victims=tuple(victims), violations=sum(1 for v in victims if v in protected))

    def _protected(self, lesser: list[PodInfo]) -> list[PodInfo]:
        """Those whose loss, after that of the ones before them, a budget does not allow (filterPodsWithPDBViolation)."""
        budgets = self._cache.budgets()
        left = [b.allowed for b in budgets]
        protected = []
        for pod in lesser:
            violated = False
            for i, budget in enumerate(budgets):
                if budget.covers(pod.pod):
                    left[i] -= 1
                    violated = violated or left[i] < 0
            if violated:
                protected.append(pod)
        return protected

    def _spared(self, info: PodInfo, pod: PodInfo, imagined: NodeInfo, decision: Decision) -> bool:
        self._put_back(info, pod, imagined, decision)
        if self._placement.fits(info, imagined, decision.state) is None:
            return True
        self._take(info, pod, imagined, decision)
        return False

    def _take(self, info: PodInfo, pod: PodInfo, imagined: NodeInfo, decision: Decision) -> None:
        imagined.remove(pod.key)
        self._placement.account(info, pod, imagined, -1, decision.state)

    def _put_back(self, info: PodInfo, pod: PodInfo, imagined: NodeInfo, decision: Decision) -> None:
        imagined.add(pod)
        self._placement.account(info, pod, imagined, 1, decision.state)


def _harm(candidate: Candidate, now_ms: Millis) -> tuple[int, int, int, int, int]:
    """The least wins; ties go to the first node."""
    victims = candidate.victims
    highest = max(v.priority for v in victims)
    return (
        candidate.violations,  # as few violated budgets as possible
        highest,  # the most important victim is as unimportant as possible
        sum(v.priority + 2**31 for v in victims),  # shifted, so that many negative priorities are not better than few
        len(victims),
        -min(_started_ms(v, now_ms) for v in victims if v.priority == highest),  # it started as late as possible
    )


def _importance(pod: PodInfo, now_ms: Millis) -> tuple[int, Millis]:
    """Higher priority first, then who runs longer (MoreImportantPod)."""
    return (-pod.priority, _started_ms(pod, now_ms))


def _started_ms(pod: PodInfo, now_ms: Millis) -> Millis:
    """A pod that has not started yet starts now."""
    started = pod.pod.status.start_time_ms
    return now_ms if started is None else started


def _preempted(pod: Pod) -> bool:
    """It is being deleted because the scheduler asked for it."""
    target = condition(pod.status.conditions, "DisruptionTarget")
    return pod.metadata.deleting and target is not None and target.status == "True" and target.reason == "PreemptionByScheduler"
