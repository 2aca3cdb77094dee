"""Label selectors: what the server demands of them, and whether one matches (apimachinery pkg/apis/meta/v1)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, meta
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, part, required, strings, text

_WITH_VALUES = ("In", "NotIn")
_WITHOUT_VALUES = ("Exists", "DoesNotExist")


def causes(selector: Body, path: Path, *, lax_values: bool = False) -> Causes:
    """validation.go:ValidateLabelSelector. `lax_values`: values may be anything, as updates of old objects allow."""
    yield from meta.labels(part(selector, "matchLabels"), (*path, "matchLabels"))
    for at, requirement in items(selector, "matchExpressions", path):
        yield from _requirement(requirement, at, lax_values)


def _requirement(requirement: Body, path: Path, lax_values: bool) -> Causes:
    operator, values = text(requirement, "operator"), requirement.get("values") or ()
    if operator in _WITH_VALUES and not values:
        yield required((*path, "values"), "must be specified when `operator` is 'In' or 'NotIn'")
    if operator in _WITHOUT_VALUES and values:
        yield forbidden((*path, "values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
    if operator not in _WITH_VALUES + _WITHOUT_VALUES:
        yield invalid((*path, "operator"), operator, "not a valid selector operator")
    key = text(requirement, "key")
    for fault in formats.label_key(key):
        yield invalid((*path, "key"), key, fault)
    for at, value in strings(requirement, "values", path) if not lax_values else ():
        for fault in formats.label_value(value):
            yield invalid(at, value, fault)


def empty(selector: Body) -> bool:
    return not part(selector, "matchLabels") and not selector.get("matchExpressions")


def usable(selector: Body) -> bool:
    """Whether LabelSelectorAsSelector builds a selector of it: every requirement is sound."""
    return not any(causes(selector, ()))


def matches(selector: Body, labels: Body) -> bool:
    """A selector without any requirement matches everything."""
    wanted = part(selector, "matchLabels")
    if any((labels.get(key, _ABSENT) or "") != (value or "") for key, value in wanted.items()):
        return False
    return all(_meets(requirement, labels) for _, requirement in items(selector, "matchExpressions", ()))


_ABSENT = "\0"  # no label has this value, and it is not the empty string


def _meets(requirement: Body, labels: Body) -> bool:
    key, values = text(requirement, "key"), [v or "" for v in requirement.get("values") or ()]
    match text(requirement, "operator"):
        case "In":
            return key in labels and (labels[key] or "") in values
        case "NotIn":
            return key not in labels or (labels[key] or "") not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
