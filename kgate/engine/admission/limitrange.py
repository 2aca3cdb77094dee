"""What a LimitRange adds to pods, and what it refuses (plugin/pkg/admission/limitranger/admission.go)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from msgspec.structs import replace

from kgate.engine.api import resources
from kgate.engine.api.core import NO_RESOURCES, Container, PersistentVolumeClaim, PodSpec
from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.quantity import ZERO, Quantity
from kgate.engine.api.quota import LimitRange, LimitRangeItem

ANNOTATION = "kubernetes.io/limit-ranger"

Amounts = Mapping[str, Quantity]


def filled(spec: PodSpec, ranges: Sequence[LimitRange]) -> tuple[PodSpec, str]:
    """The spec with the ranges' defaults, and the text of the annotation that says so: empty when nothing was missing.

    Of several ranges the first one fills in, and the last one that did is told of.
    """
    said = ""
    for limit_range in ranges:
        limits, requests = _defaults(limit_range)
        notes: list[str] = []
        containers = tuple(_filled(c, limits, requests, "container", notes) for c in spec.containers)
        init = tuple(_filled(c, limits, requests, "init container", notes) for c in spec.init_containers)
        if notes:
            spec = replace(spec, containers=containers, init_containers=init)
            said = f"LimitRanger plugin set: {'; '.join(notes)}"
    return spec, said


def _defaults(limit_range: LimitRange) -> tuple[dict[str, int], dict[str, int]]:
    """Limits and requests for containers; of several items the last one counts."""
    limits: dict[str, int] = {}
    requests: dict[str, int] = {}
    for item in limit_range.spec.limits:
        if item.type == "Container":
            limits |= {k: resources.amount(k, v) for k, v in item.default.items()}
            requests |= {k: resources.amount(k, v) for k, v in item.default_request.items()}
    return limits, requests


def _filled(c: Container, limits: Mapping[str, int], requests: Mapping[str, int], what: str, notes: list[str]) -> Container:
    more_limits = {k: v for k, v in limits.items() if k not in c.resources.limits}
    more_requests = {k: v for k, v in requests.items() if k not in c.resources.requests}
    for names, kind in ((more_requests, "request"), (more_limits, "limit")):
        if names:
            notes.append(f"{', '.join(sorted(names))} {kind} for {what} {c.name}")
    if not more_limits and not more_requests:
        return c
    return replace(
        c,
        resources=replace(
            c.resources,
            limits=FrozenMap({**c.resources.limits, **more_limits}),
            requests=FrozenMap({**c.resources.requests, **more_requests}),
        ),
    )


def pod_refused(spec: PodSpec, limit_range: LimitRange) -> str:
    """Why the pod is outside the range; empty when it is not. `spec` is complete."""
    return _together(_pod_errors(spec, limit_range))


def claim_refused(claim: PersistentVolumeClaim, limit_range: LimitRange) -> str:
    """The same for a claim, by what it requests."""
    return _together(_claim_errors(claim.spec.resources.requests, limit_range))


def _pod_errors(spec: PodSpec, limit_range: LimitRange) -> Iterator[str]:
    for item in limit_range.spec.limits:
        if item.type == "Container":
            for c in (*spec.containers, *spec.init_containers):
                yield from _errors(item, _exact(c.resources.requests), _exact(c.resources.limits))
        elif item.type == "Pod":
            yield from _errors(item, _exact(_whole_pod(spec, "requests")), _exact(_whole_pod(spec, "limits")))


def _whole_pod(spec: PodSpec, part: str) -> Mapping[str, int]:
    """Containers together, or what the pod itself says of cpu and memory; overhead is not the user's doing."""
    bare = replace(spec, resources=None, overhead=NO_RESOURCES)
    together = resources.pod_requests(bare) if part == "requests" else resources.pod_limits(bare)
    own: Mapping[str, int] = getattr(spec.resources, part) if spec.resources is not None else {}
    return together | {k: v for k, v in own.items() if k in (resources.CPU, resources.MEMORY)}


def _exact(amounts: Mapping[str, int]) -> Amounts:
    return {name: resources.quantity(name, n) for name, n in amounts.items()}


def _errors(item: LimitRangeItem, requests: Amounts, limits: Amounts) -> Iterator[str]:
    """Resources in the order of their names, where upstream's order is that of a Go map."""
    for name, least in sorted(item.min.items()):
        yield _below(item.type, name, least, requests.get(name), limits.get(name))
    for name, most in sorted(item.max.items()):
        yield _above(item.type, name, most, requests.get(name), limits.get(name))
    for name, ratio in sorted(item.max_limit_request_ratio.items()):
        yield _out_of_ratio(item.type, name, ratio, requests.get(name, ZERO), limits.get(name, ZERO))


def _below(type_: str, name: str, least: Quantity, request: Quantity | None, limit: Quantity | None) -> str:
    rule = f"minimum {name} usage per {type_} is {least}"
    if request is None:
        return f"{rule}.  No request is specified"
    if request < least:
        return f"{rule}, but request is {request}"
    return f"{rule}, but limit is {limit}" if limit is not None and limit < least else ""


def _above(type_: str, name: str, most: Quantity, request: Quantity | None, limit: Quantity | None) -> str:
    rule = f"maximum {name} usage per {type_} is {most}"
    if limit is None:
        return f"{rule}.  No limit is specified"
    if limit > most:
        return f"{rule}, but limit is {limit}"
    return f"{rule}, but request is {request}" if request is not None and request > most else ""


def _out_of_ratio(type_: str, name: str, most: Quantity, request: Quantity, limit: Quantity) -> str:
    rule = f"{name} max limit to request ratio per {type_} is {most}"
    if not request:
        return f"{rule}, but no request is specified or request is 0"
    if not limit:
        return f"{rule}, but no limit is specified or limit is 0"
    ratio = limit.nano / request.nano
    return f"{rule}, but provided ratio is {ratio:f}" if ratio * 1000 > most.nano / 10**6 else ""


def _claim_errors(requests: Amounts, limit_range: LimitRange) -> Iterator[str]:
    for item in limit_range.spec.limits:
        if item.type == "PersistentVolumeClaim":
            for name, least in sorted(item.min.items()):
                yield _below(item.type, name, least, requests.get(name), None)
            for name, most in sorted(item.max.items()):
                yield _above_request(item.type, name, most, requests.get(name))


def _above_request(type_: str, name: str, most: Quantity, request: Quantity | None) -> str:
    rule = f"maximum {name} usage per {type_} is {most}"
    if request is None:
        return f"{rule}.  No request is specified"
    return f"{rule}, but request is {request}" if request > most else ""


def _together(errors: Iterable[str]) -> str:
    """One error as it is, several in brackets, none twice (apimachinery/pkg/util/errors)."""
    texts = list(dict.fromkeys(e for e in errors if e))
    return texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]" if texts else ""
