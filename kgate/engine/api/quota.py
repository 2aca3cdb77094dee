"""ResourceQuotas and LimitRanges (staging/src/k8s.io/api/core/v1/types.go).

Their amounts keep the notation they were written in: messages of the API server repeat it.
"""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from kgate.engine.api.meta import NO_METADATA, NO_REST, ObjectMeta, Rest
from kgate.engine.api.quantity import NO_QUANTITIES, Quantities


class ScopedResourceSelectorRequirement(Struct, frozen=True, kw_only=True, gc=False):
    """`operator` is In, NotIn, Exists or DoesNotExist."""

    scope_name: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()
    rest: Rest = NO_REST


class ScopeSelector(Struct, frozen=True, kw_only=True, gc=False):
    """All requirements must hold."""

    match_expressions: tuple[ScopedResourceSelectorRequirement, ...] = ()
    rest: Rest = NO_REST


class ResourceQuotaSpec(Struct, frozen=True, kw_only=True, gc=False):
    """A quota counts only what matches every one of `scopes` and the selector."""

    hard: Quantities = NO_QUANTITIES
    scopes: tuple[str, ...] = ()
    scope_selector: ScopeSelector | None = None
    rest: Rest = NO_REST

    @property
    def requirements(self) -> tuple[ScopedResourceSelectorRequirement, ...]:
        """Plain scopes are selectors that ask for existence."""
        plain = tuple(ScopedResourceSelectorRequirement(scope_name=scope, operator="Exists") for scope in self.scopes)
        return plain + (self.scope_selector.match_expressions if self.scope_selector is not None else ())


class ResourceQuotaStatus(Struct, frozen=True, kw_only=True, gc=False):
    """What is enforced and what is used. Both are empty until the quota controller has looked."""

    hard: Quantities = NO_QUANTITIES
    used: Quantities = NO_QUANTITIES
    rest: Rest = NO_REST


class ResourceQuota(Struct, frozen=True, kw_only=True, gc=False):
    """What all objects of a namespace may use together."""

    kind: ClassVar[str] = "ResourceQuota"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: ResourceQuotaSpec = ResourceQuotaSpec()
    status: ResourceQuotaStatus = ResourceQuotaStatus()
    rest: Rest = NO_REST


class LimitRangeItem(Struct, frozen=True, kw_only=True, gc=False):
    """`type` is Container, Pod or PersistentVolumeClaim; only containers get defaults."""

    type: str = ""
    max: Quantities = NO_QUANTITIES
    min: Quantities = NO_QUANTITIES
    default: Quantities = NO_QUANTITIES
    default_request: Quantities = NO_QUANTITIES
    max_limit_request_ratio: Quantities = NO_QUANTITIES
    rest: Rest = NO_REST


class LimitRangeSpec(Struct, frozen=True, kw_only=True, gc=False):
    """Every item is enforced."""

    limits: tuple[LimitRangeItem, ...] = ()
    rest: Rest = NO_REST


class LimitRange(Struct, frozen=True, kw_only=True, gc=False):
    """What a single container, pod or claim of a namespace may ask for."""

    kind: ClassVar[str] = "LimitRange"
    api_version: ClassVar[str] = "v1"
    metadata: ObjectMeta = NO_METADATA
    spec: LimitRangeSpec = LimitRangeSpec()
    rest: Rest = NO_REST
