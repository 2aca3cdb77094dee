"""Keeps the status of PodDisruptionBudgets true, and takes back announcements of disruptions that never came.

Source: pkg/controller/disruption/disruption.go. It does not watch workloads: a budget learns of their new size with the next change
of one of its pods.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from msgspec.structs import replace

from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Condition, Key, LabelSelector, Millis, condition
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.controllers.disruption import status as st
from kgate.engine.controllers.disruption.coverage import Coverage
from kgate.engine.controllers.disruption.expectation import Expectation, expectation
from kgate.engine.controllers.disruption.scale import Scales, UnknownScaleError
from kgate.engine.manager import Manager, Watch
from kgate.engine.store import Store
from kgate.engine.trace import WatchEvent

SOURCE = "controllermanager"
TARGET = "DisruptionTarget"
"""The condition of a pod that somebody is about to delete."""
STALE_MS = 120_000
"""So long such a pod may go on living before the condition is taken back."""
RATE_LIMIT_MS = 5
"""What is looked at again goes through the rate-limited queue."""


class DisruptionController:
    """Has two kinds of keys: budgets, and pods with something to say about. Hears the store itself, to know who covers whom."""

    name: ClassVar[str] = "disruption"
    watches: tuple[Watch, ...] = ()

    def __init__(self, store: Store, manager: Manager) -> None:
        self._store = store
        self._manager = manager
        self._scales = Scales(store)
        self._coverage = Coverage(store)
        store.subscribe(self._on_event)

    def reconcile(self, key: Key) -> Millis | None:
        """Raises what the API server answers to its writes."""
        if key.kind == "Pod":
            pod = self._store.get(Pod, key.namespace, key.name)
            return None if pod is None else self._look_after(pod, key)
        pdb = self._store.get(PodDisruptionBudget, key.namespace, key.name)
        return None if pdb is None else self._sync(pdb, self._coverage.pods(key))

    def _sync(self, pdb: PodDisruptionBudget, pods: Sequence[Pod]) -> Millis | None:
        """trySync; what cannot be worked out allows nothing (failSafe)."""
        if not pods:
            self._say(pdb, "Normal", "NoPods", "No matching pods found")
        try:
            expected = expectation(pdb.spec, pods, self._scales)
        except UnknownScaleError as e:
            self._say(pdb, "Warning", "CalculateExpectedPodCountFailed", f"Failed to calculate the number of expected pods: {e}")
            self._store.update_status(replace(pdb, status=st.failed(pdb.status, str(e), self._store.now_ms)))
            return None
        if expected.unmanaged:
            self._say(pdb, "Warning", "UnmanagedPods", _UNMANAGED.format(_shown(pdb.spec.selector)))
        return self._write(pdb, pods, expected)

    def _write(self, pdb: PodDisruptionBudget, pods: Sequence[Pod], expected: Expectation) -> Millis | None:
        """When an awaited deletion will be overdue."""
        now = self._store.now_ms
        disrupted, overdue = st.still_disrupted(pods, pdb.status.disrupted_pods, now)
        for pod in overdue:
            # Upstream names the namespace twice, and not the budget.
            where = f"{pdb.metadata.namespace}/{pdb.metadata.namespace}"
            self._say(pod, "Warning", "NotDeleted", f"Pod was expected by PDB {where} to be deleted but it wasn't")
        healthy = st.healthy_count(pods, disrupted, now)
        self._store.update_status(replace(pdb, status=st.calculated(pdb, expected, healthy, disrupted, now)))
        return min(disrupted.values()) + st.DELETION_TIMEOUT_MS + RATE_LIMIT_MS - now if disrupted else None

    def _look_after(self, pod: Pod, key: Key) -> Millis | None:
        """Complains about several budgets, and takes back a stale announcement (syncStalePodDisruption)."""
        budgets = self._coverage.budgets(key)
        if len(budgets) > 1:
            # Unlike upstream: all of them are brought up to date, not just one, and the one that is named is the first by name.
            first = min(b.name for b in budgets)
            said = f'Pod "{key.namespace}"/"{key.name}" matches multiple PodDisruptionBudgets.  Chose "{first}" arbitrarily.'
            self._say(pod, "Warning", "MultiplePodDisruptionBudgets", said)
        announced = _announced(pod)
        if announced is None:
            return None
        left = (announced.last_transition_time_ms or 0) + STALE_MS - self._store.now_ms
        if left > 0:
            return left
        taken_back = Condition(type=TARGET, status="False", last_transition_time_ms=self._store.now_ms // 1000 * 1000)
        conditions = tuple(taken_back if c.type == TARGET else c for c in pod.status.conditions)
        self._store.update_status(replace(pod, status=replace(pod.status, conditions=conditions)))
        return None

    def _on_event(self, event: WatchEvent) -> None:
        if event.key.kind == "Pod":
            budgets = self._coverage.observe_pod(event)
            for key in budgets:
                self._manager.enqueue(self.name, key)
            if event.after is not None and (len(budgets) > 1 or _newly_announced(event)):
                self._manager.enqueue(self.name, event.key)
        elif event.key.kind == "PodDisruptionBudget":
            self._coverage.observe_budget(event)
            self._manager.enqueue(self.name, event.key)

    def _say(self, about: Pod | PodDisruptionBudget, type_: str, reason: str, message: str) -> None:
        self._manager.record(about, type_, reason, message, source=SOURCE)


_UNMANAGED = (
    "Pods selected by this PodDisruptionBudget (selector: {}) were found to be unmanaged. As a result, the status of the PDB cannot be "
    'calculated correctly, which may result in undefined behavior. To account for these pods please set ".spec.minAvailable" field of '
    "the PDB to an integer value."
)


def _shown(selector: LabelSelector | None) -> str:
    """As Go prints it (apimachinery/pkg/apis/meta/v1/generated.pb.go)."""
    if selector is None:
        return "nil"
    labels = "".join(f"{k}: {v}," for k, v in sorted(selector.match_labels.items()))
    each = [f"Key:{r.key},Operator:{r.operator},Values:[{' '.join(r.values)}]," for r in selector.match_expressions]
    expressions = "".join(f"LabelSelectorRequirement{{{e}}}," for e in each)
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"


def _newly_announced(event: WatchEvent) -> bool:
    """Most writes leave the conditions as they are."""
    before, after = event.before, event.after
    if not isinstance(after, Pod) or (isinstance(before, Pod) and before.status.conditions is after.status.conditions):
        return False
    return _announced(after) is not None


def _announced(pod: Pod) -> Condition | None:
    """The announcement of a disruption that may turn out stale; the kubelet's own never does, and an ended pod's does not matter."""
    if pod.metadata.deleting or pod.terminal:
        return None
    said = condition(pod.status.conditions, TARGET)
    return said if said is not None and said.status == "True" and said.reason != "TerminationByKubelet" else None
