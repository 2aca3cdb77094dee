"""Selectors as text, and whether two of them may select the same pod (apimachinery/pkg/labels/selector.go)."""

from __future__ import annotations

from kgate.engine.api.meta import LabelSelector

_TEXT = {"In": "{key} in ({values})", "NotIn": "{key} notin ({values})", "Exists": "{key}", "DoesNotExist": "!{key}"}


def text(selector: LabelSelector) -> str:
    """`app=web,tier in (a,b)`: sorted by key, values sorted."""
    parts = [(key, f"{key}={value}") for key, value in selector.match_labels.items()]
    for r in selector.match_expressions:
        parts.append((r.key, _TEXT[r.operator].format(key=r.key, values=",".join(sorted(r.values)))))
    return ",".join(part for _, part in sorted(parts))


def go_text(selector: LabelSelector | None) -> str:
    """As Go prints the struct behind a pointer: with `%+v` it says this in messages about external metrics."""
    if selector is None:
        return "nil"
    labels = "".join(f"{k}: {v}," for k, v in sorted(selector.match_labels.items()))
    each = "".join(
        f"LabelSelectorRequirement{{Key:{r.key},Operator:{r.operator},Values:[{' '.join(r.values)}],}}," for r in selector.match_expressions
    )
    return f"&LabelSelector{{MatchLabels:map[string]string{{{labels}}},MatchExpressions:[]LabelSelectorRequirement{{{each}}},}}"


def apart(a: LabelSelector, b: LabelSelector) -> bool:
    """No pod can match both, because they want different values of one label. False when it is not that simple."""
    return any(key in b.match_labels and b.match_labels[key] != value for key, value in a.match_labels.items())
