"""Everything that objects pass on their way into the store, in the order of the API server (pkg/kubeapiserver/options/plugins.go).

First what changes objects (LimitRanger, Priority, DefaultTolerationSeconds), then what refuses them, ResourceQuota last.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from kgate.engine.admission import limitrange
from kgate.engine.admission.pods import PodAdmission
from kgate.engine.admission.priority import Priorities
from kgate.engine.admission.quota.check import Evaluators, QuotaAdmission
from kgate.engine.api.core import Namespace, PersistentVolumeClaim, Pod, PriorityClass
from kgate.engine.api.meta import Resource
from kgate.engine.api.names import resource
from kgate.engine.api.quota import LimitRange
from kgate.engine.errors import NAMESPACE_TERMINATING, ApiError, Cause, forbidden
from kgate.engine.store import Store


class Admission:
    """`create` is for the store, `update` for clients: controllers write nothing that would have to be asked again."""

    def __init__(self, store: Store, evaluators: Evaluators) -> None:
        self._store = store
        self._priorities = Priorities(store)
        self._pods = PodAdmission(store, self._priorities)
        self._quotas = QuotaAdmission(store, evaluators)
        self.webhooks: list[Callable[[Pod], Pod]] = []
        """What add-ons of the cluster do to pods that are created."""

    def create(self, obj: Resource) -> Resource:
        """Raises ApiError 403."""
        if obj.kind == "Event":
            return obj  # whoever records one does not care whether it was kept
        self._alive(obj)
        if isinstance(obj, Pod):
            obj = self._pods(obj)
            for webhook in self.webhooks:
                obj = webhook(obj)
        self._check(obj)
        self._quotas.admit(obj)
        return obj

    def update(self, before: Resource, after: Resource) -> Resource:
        """Raises ApiError 403. A pod keeps the priority it was given."""
        if isinstance(after, Pod) and isinstance(before, Pod):
            spec = after.spec
            policy = spec.preemption_policy or before.spec.preemption_policy
            kept = spec.priority if spec.priority is not None else before.spec.priority
            after = replace(after, spec=replace(spec, priority=kept, preemption_policy=policy))
        if not before.metadata.deleting:
            self._check(after)
        self._quotas.admit(after, before)
        return after

    def _check(self, obj: Resource) -> None:
        if isinstance(obj, PersistentVolumeClaim):
            for limit_range in self._store.list(LimitRange, obj.metadata.namespace):
                if why := limitrange.claim_refused(obj, limit_range):
                    raise forbidden("persistentvolumeclaims", obj.metadata.name, why)
        elif isinstance(obj, PriorityClass):
            self._priorities.admit_class(obj)

    def _alive(self, obj: Resource) -> None:
        """Nothing new comes into a namespace that is being deleted (s/apiserver/pkg/admission/plugin/namespace/lifecycle)."""
        name = obj.metadata.namespace
        namespace = self._store.get(Namespace, "", name) if name else None
        if namespace is not None and namespace.metadata.deleting:
            cause = Cause(field="metadata.namespace", message=f"namespace {name} is being terminated", reason=NAMESPACE_TERMINATING)
            why = f"unable to create new content in namespace {name} because it is being terminated"
            refused = forbidden(resource(obj.api_version, obj.kind), obj.metadata.name, why)
            raise ApiError(refused.code, refused.message, causes=[cause])
