"""Label selectors as the API server reads them (apimachinery pkg/apis/meta/v1/helpers.go, pkg/labels)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kgate.policy.nodes import entries, mapping, text


def selects(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a LabelSelector (`matchLabels`, `matchExpressions`) matches. The empty selector matches everything."""
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    return all(_holds(expression, labels) for _, expression in entries(selector, "matchExpressions"))


def selects_equal(selector: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    """Whether a plain map selector, as Services have it, matches. The empty one selects nothing: its endpoints come from elsewhere."""
    return bool(selector) and all(labels.get(key) == value for key, value in selector.items())


def _holds(expression: Mapping[str, Any], labels: Mapping[str, Any]) -> bool:
    key, values = text(expression, "key"), expression.get("values")
    listed = values if isinstance(values, list) else []
    match expression.get("operator"):
        case "In":
            return key in labels and labels[key] in listed
        case "NotIn":
            return key not in labels or labels[key] not in listed
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
