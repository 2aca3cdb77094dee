"""Requests and limits, as they are after the API server and the LimitRanges of the repository have filled in what is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgate.edit import Edit
from kgate.manifest import Path
from kgate.policy.context import Context
from kgate.policy.nodes import entries, mapping
from kgate.policy.policy import Violation
from kgate.policy.quantity import quantity
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


def suspicious(container: Container, context: Context) -> Iterator[Violation]:
    """Amounts that nobody means: thousandths of a byte, a few bytes of memory, cpu in bytes."""
    bytes_of, cpu_most = context.params["memory_least"], context.params["cpu_most"]
    for path, resource, written in _amounts(container):
        value = quantity(written)
        if value is None or value <= 0:
            continue
        if resource in ("memory", "ephemeral-storage") and (value < bytes_of or str(written).endswith("m")):
            says = f"{container}: {resource} {written} is {float(value):g} bytes"
            yield Violation(manifest=container.manifest, path=path, message=says, edits=_meant(path, written, "Mi"))
        elif resource == "cpu" and value > cpu_most:
            says = f"{container}: cpu {written} is {float(value):g} cores"
            yield Violation(manifest=container.manifest, path=path, message=says, edits=_meant(path, written, "m"))


def request_not_limit(container: Container, context: Context) -> Iterator[Violation]:
    resource = context.params["resource"]
    request, limit = (mapping(container.body, "resources", field).get(resource) for field in ("requests", "limits"))
    if limit is None or (request is not None and quantity(request) != quantity(limit)):
        if limit is None and _limit_range_gives(container, resource, _GIVES_LIMIT, context):
            return
        has = f"requests {request} and may use {limit}" if limit is not None else "has no limit"
        field = "requests" if limit is not None else "limits"
        path = (*container.path, "resources", field, resource)
        edits = (Edit(path=(*container.path, "resources", "requests", resource), value=limit),) if limit is not None else ()
        says = f"{container} {has} of {resource}: its pod is not of the class Guaranteed"
        yield Violation(manifest=container.manifest, path=path, message=says, edits=edits)


def out_of_range(container: Container, context: Context) -> Iterator[Violation]:
    """`params.ranges`: by `requests.cpu` and the like, the least and the most."""
    for path, resource, written in _amounts(container):
        bounds = context.params["ranges"].get(f"{path[-2]}.{resource}", {})
        value, least, most = quantity(written), quantity(bounds.get("min")), quantity(bounds.get("max"))
        if value is not None and ((least is not None and value < least) or (most is not None and value > most)):
            allowed = f"from {bounds.get('min', 0)} to {bounds.get('max', 'any')}"
            says = f"{container}: {path[-2]} of {resource} are {written}, allowed is {allowed}"
            yield Violation(manifest=container.manifest, path=path, message=says)


def _meant(path: Path, written: Any, unit: str) -> tuple[Edit, ...]:
    """`512m` of memory and `100Mi` of cpu have each other's unit; a bare number of bytes has none."""
    digits = str(written).removesuffix("Mi").removesuffix("m")
    return (Edit(path=path, value=digits + unit),) if digits.isascii() and digits.isdigit() else ()


def _amounts(container: Container) -> Iterator[tuple[Path, str, Any]]:
    for field in ("requests", "limits"):
        for resource, written in mapping(container.body, "resources", field).items():
            yield (*container.path, "resources", field, resource), resource, written


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
