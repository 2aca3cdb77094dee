"""Requests and limits, as they are after the API server and the LimitRanges of the repository have filled in what is left out."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.policy.context import Context
from kgate.policy.nodes import entries, mapping
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container

_GIVES_REQUEST = ("defaultRequest", "default", "max", "min")
_GIVES_LIMIT = ("default", "max")


def request_missing(container: Container, context: Context) -> Iterator[Violation]:
    """A limit alone is a request too (pkg/apis/core/v1/defaults.go, SetDefaults_Pod)."""
    resource = context.params["resource"]
    if _sets(container, resource, "requests", "limits") or _limit_range_gives(container, resource, _GIVES_REQUEST, context):
        return
    says = f"{container} requests no {resource}, so the scheduler places it as if it needed none"
    yield Violation(manifest=container.manifest, path=(*container.path, "resources", "requests"), message=says)


def limit_missing(container: Container, context: Context) -> Iterator[Violation]:
    resource = context.params["resource"]
    if _sets(container, resource, "limits") or _limit_range_gives(container, resource, _GIVES_LIMIT, context):
        return
    says = f"{container} has no {resource} limit, so it can use up the {resource} of its node"
    yield Violation(manifest=container.manifest, path=(*container.path, "resources", "limits"), message=says)


def _sets(container: Container, resource: str, *fields: str) -> bool:
    """On the container, or on its whole pod (`spec.resources`)."""
    return any(resource in mapping(body, "resources", field) for body in (container.body, container.pod.body) for field in fields)


def _limit_range_gives(container: Container, resource: str, fields: tuple[str, ...], context: Context) -> bool:
    """pkg/apis/core/v1/defaults.go, SetDefaults_LimitRangeItem: what is not there comes from default, from max, then from min."""
    return any(
        any(resource in mapping(item, field) for field in fields)
        for limit_range in context.inventory.limit_ranges_of(container.manifest)
        for _, item in entries(limit_range.body, "spec", "limits")
        if item.get("type") == "Container"
    )
