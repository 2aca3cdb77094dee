"""Label and field selectors of a list (apimachinery/pkg/labels/selector.go, apimachinery/pkg/fields, pkg/apis/core/v1/conversion.go)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kgate.engine.api.meta import LabelSelector, LabelSelectorRequirement, Resource
from kgate.engine.api.selector import matches
from kgate.engine.errors import ApiError

Json = Mapping[str, Any]

_TERM = re.compile(
    r"""\s*(?:
        !\s*(?P<absent>[\w./-]+)
      | (?P<key>[\w./-]+)\s*(?:
            (?P<op>==|=|!=)\s*(?P<value>[\w.-]*)
          | (?P<set>in|notin)\s*\((?P<values>[^()]*)\)
        )?
    )\s*""",
    re.VERBOSE | re.ASCII,
)
_FIELD = re.compile(r"\s*(?P<path>[\w.]+)\s*(?P<op>==|=|!=)\s*(?P<value>[^,=!]*?)\s*", re.ASCII)

_EVERY = ("metadata.name", "metadata.namespace")
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "Event": (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "reason",
        "reportingComponent",
        "type",
    ),
    "Namespace": ("status.phase",),
    "Node": ("spec.unschedulable",),
    "Pod": (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    "ReplicaSet": ("status.replicas",),
    "Secret": ("type",),
}
"""What a list of the kind may select by, besides name and namespace."""


def selected(objects: Iterable[Resource], kind: str, label_selector: str) -> Sequence[Any]:
    """The objects whose labels match. Raises ApiError 400."""
    if not label_selector.strip():
        return list(objects)
    wanted = parse(label_selector)
    return [obj for obj in objects if matches(wanted, obj.metadata.labels)]


def parse(text: str) -> LabelSelector:
    """`app=web,tier!=db,env in (a,b),!old` and their like. Raises ApiError 400."""
    terms = [_TERM.fullmatch(part) for part in _parts(text)]
    if None in terms:
        raise ApiError(400, f"unable to parse requirement: {text!r} is no label selector")
    return LabelSelector(match_expressions=tuple(_requirement(t.groupdict()) for t in terms if t is not None))


def _parts(text: str) -> list[str]:
    """Split at commas outside of parentheses."""
    return re.split(r",(?![^()]*\))", text)


def _requirement(term: Mapping[str, str | None]) -> LabelSelectorRequirement:
    if term["absent"]:
        return LabelSelectorRequirement(key=term["absent"], operator="DoesNotExist")
    key = term["key"] or ""
    if term["set"]:
        values = tuple(v.strip() for v in (term["values"] or "").split(","))
        return LabelSelectorRequirement(key=key, operator="In" if term["set"] == "in" else "NotIn", values=values)
    if term["op"] is None:
        return LabelSelectorRequirement(key=key, operator="Exists")
    return LabelSelectorRequirement(key=key, operator="NotIn" if term["op"] == "!=" else "In", values=(term["value"] or "",))


def with_fields(kind: str, shown: Sequence[dict[str, Any]], field_selector: str) -> Sequence[dict[str, Any]]:
    """Those whose fields have the values; an absent field is empty, an absent switch is false. Raises ApiError 400."""
    if not field_selector.strip():
        return shown
    terms = [_FIELD.fullmatch(part) for part in field_selector.split(",")]
    if None in terms:
        raise ApiError(400, f"invalid selector: {field_selector!r}; can't understand it")
    wanted = [(t["path"], t["op"] != "!=", t["value"]) for t in terms if t is not None]
    for path, _, _ in wanted:
        if path not in (*_EVERY, *_FIELDS.get(kind, ())):
            raise ApiError(400, f"field label not supported: {path}")
    return [obj for obj in shown if all((_text(obj, path) == value) == equal for path, equal, value in wanted)]


def _text(obj: Json, path: str) -> str:
    value: Any = obj
    for step in path.split("."):
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, bool) or (value is None and path in ("spec.unschedulable", "spec.hostNetwork")):
        return "true" if value else "false"
    return "" if value is None else str(value)
