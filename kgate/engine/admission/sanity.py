"""The few rules the controllers themselves rely on (pkg/apis/apps/validation, apimachinery/pkg/apis/meta/v1/validation).

Everything else that the API server refuses is the business of the validation that a Cluster is given.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from kgate.engine.api import intstr, selector
from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.meta import Resource
from kgate.engine.api.policy import PodDisruptionBudget
from kgate.engine.errors import Cause

OPERATORS = ("DoesNotExist", "Exists", "Gt", "In", "Lt", "NotIn")

PERCENT_WRONG = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)


def causes(obj: Resource, body: Mapping[str, Any]) -> list[Cause]:
    """Why the controllers could not work with the object; `body` is the same object as JSON."""
    wrong = list(_operators(body, ""))
    if isinstance(obj, Deployment | ReplicaSet) and not wrong:
        wrong += _refusals(_numbers(obj))
        wrong += _selector(obj)
    if isinstance(obj, PodDisruptionBudget):
        wrong += _refusals({"spec.minAvailable": obj.spec.min_available, "spec.maxUnavailable": obj.spec.max_unavailable})
    return wrong


def _operators(node: Any, path: str) -> Iterator[Cause]:
    """Operators of label and node selectors anywhere in the object."""
    if isinstance(node, Mapping):
        for key, child in node.items():
            if key in ("matchExpressions", "matchFields") and isinstance(child, list):
                yield from _requirements(child, f"{path}{key}")
            yield from _operators(child, f"{path}{key}.")
    elif isinstance(node, list):
        for n, child in enumerate(node):
            yield from _operators(child, f"{path.removesuffix('.')}[{n}].")


def _requirements(requirements: list[Any], path: str) -> Iterator[Cause]:
    for n, requirement in enumerate(requirements):
        operator = requirement.get("operator") if isinstance(requirement, Mapping) else None
        if operator not in OPERATORS:
            yield Cause(field=f"{path}[{n}].operator", message=f"Invalid value: {json.dumps(operator)}: not a valid selector operator")


def _numbers(obj: Deployment | ReplicaSet) -> dict[str, int | str | None]:
    counts: dict[str, int | str | None] = {"spec.replicas": obj.spec.replicas, "spec.minReadySeconds": obj.spec.min_ready_seconds}
    if isinstance(obj, Deployment):
        counts |= {"spec.revisionHistoryLimit": obj.spec.revision_history_limit}
        if (rolling := obj.spec.strategy.rolling_update) is not None:
            where = "spec.strategy.rollingUpdate."
            counts |= {f"{where}maxUnavailable": rolling.max_unavailable, f"{where}maxSurge": rolling.max_surge}
    return counts


def _refusals(counts: Mapping[str, int | str | None]) -> Iterator[Cause]:
    for field, count in counts.items():
        message = _refused(count)
        if message:
            yield Cause(field=field, message=f"Invalid value: {json.dumps(count)}: {message}")


def _refused(count: int | str | None) -> str:
    try:
        number = 0 if count is None else intstr.scaled(count, 100, round_up=True)
    except ValueError:
        return PERCENT_WRONG
    return "must be greater than or equal to 0" if number < 0 else ""


def _selector(obj: Deployment | ReplicaSet) -> Iterator[Cause]:
    """A set whose pods it does not select would create pods without end."""
    labels = obj.spec.template.metadata.labels
    if not selector.matches(obj.spec.selector, labels):
        shown = json.dumps(dict(sorted(labels.items())), separators=(",", ":"), ensure_ascii=False)
        yield Cause(field="spec.template.metadata.labels", message=f"Invalid value: {shown}: `selector` does not match template `labels`")
