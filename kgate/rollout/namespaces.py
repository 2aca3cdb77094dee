"""What a cluster file tells beside nodes, pods and storage: quotas, limit ranges, priority classes, budgets, as the objects of the API."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields, refuse
from kgate.rollout.storage import one_of

KEYS = ("quotas", "limitRanges", "priorityClasses", "budgets")
MOST_OBJECTS = 1000

_AMOUNTS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")
_BUDGET = ("minAvailable", "maxUnavailable", "selector", "unhealthyPodEvictionPolicy")
_TYPES = ("Container", "Pod", "PersistentVolumeClaim")


def read_objects(whole: Fields) -> tuple[dict[str, Any], ...]:
    """Classes first, then what looks at pods. Raises SettingError."""
    found = [*_classes(whole), *_limit_ranges(whole), *_quotas(whole), *_budgets(whole)]
    if len(found) > MOST_OBJECTS:
        refuse(whole.path, f"more than {MOST_OBJECTS} quotas, limit ranges, priority classes and budgets")
    return tuple(found)


def _classes(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("priorityClasses"):
        body = Fields(entry, path, ("name", "value", "globalDefault", "preemptionPolicy"), "a priority class")
        value = fields.whole(body.raw("value"), body.at("value"), least=-(2**31), most=10**9)
        made: dict[str, Any] = {"value": value, "globalDefault": body.flag("globalDefault")}
        if "preemptionPolicy" in body:
            made["preemptionPolicy"] = one_of(body, "preemptionPolicy", ("Never", "PreemptLowerPriority"))
        yield _object("scheduling.k8s.io/v1", "PriorityClass", body.text("name"), "", made)


def _limit_ranges(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("limitRanges"):
        body = Fields(entry, path, ("name", "namespace", "limits"), "a limit range")
        limits = [_limits(item, p) for p, item in body.items("limits")]
        yield _object("v1", "LimitRange", body.text("name"), body.text("namespace", "default"), {"spec": {"limits": limits}})


def _limits(entry: object, path: Path) -> dict[str, Any]:
    body = Fields(entry, path, ("type", *_AMOUNTS), "an item of a limit range")
    return {"type": one_of(body, "type", _TYPES)} | {key: body.quantities(key) for key in _AMOUNTS if key in body}


def _quotas(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("quotas"):
        body = Fields(entry, path, ("name", "namespace", "hard", "scopes", "scopeSelector"), "a quota")
        spec: dict[str, Any] = {"hard": body.quantities("hard")}
        if "scopes" in body:
            spec["scopes"] = [fields.text(scope, p) for p, scope in body.items("scopes")]
        if "scopeSelector" in body:
            spec["scopeSelector"] = dict(fields.mapping(body.raw("scopeSelector"), body.at("scopeSelector"), "scopeSelector"))
        yield _object("v1", "ResourceQuota", body.text("name"), body.text("namespace", "default"), {"spec": spec})


def _budgets(whole: Fields) -> Iterator[dict[str, Any]]:
    for path, entry in whole.items("budgets"):
        body = Fields(entry, path, ("name", "namespace", *_BUDGET), "a budget")
        spec = {key: body.raw(key) for key in _BUDGET if key in body}
        for key in ("minAvailable", "maxUnavailable"):
            if key in body and (isinstance(body.raw(key), bool) or not isinstance(body.raw(key), int | str)):
                refuse(body.at(key), f"{key} must be a number or a percentage", "1 or 25%")
        if "selector" in body:
            spec["selector"] = dict(fields.mapping(body.raw("selector"), body.at("selector"), "selector"))
        yield _object("policy/v1", "PodDisruptionBudget", body.text("name"), body.text("namespace", "default"), {"spec": spec})


def _object(api_version: str, kind: str, name: str, namespace: str, rest: dict[str, Any]) -> dict[str, Any]:
    metadata = {"name": name} | ({"namespace": namespace} if namespace else {})
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **rest}
