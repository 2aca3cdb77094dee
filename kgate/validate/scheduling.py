"""Where a pod may run: affinity, tolerations, spread constraints (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, meta, selectors
from kgate.validate.cause import (
    Body,
    Causes,
    duplicate,
    forbidden,
    invalid,
    items,
    not_supported,
    number,
    part,
    required,
    strings,
    text,
)
from kgate.validate.gates import Gates

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_NO_OPERATOR = "not a valid selector operator"


def causes(spec: Body, path: Path, on: Gates) -> Causes:
    if selector := spec.get("nodeSelector"):
        yield from meta.labels(selector, (*path, "nodeSelector"))
    if affinity := spec.get("affinity"):
        yield from _affinity(affinity, (*path, "affinity"), on)
    if spec.get("topologySpreadConstraints"):
        yield from _spread(spec, path, on)
    for at, found in items(spec, "tolerations", path):
        yield from toleration(found, at)


def _affinity(affinity: Body, path: Path, on: Gates) -> Causes:
    node, at = part(affinity, "nodeAffinity"), (*path, "nodeAffinity")
    if (wanted := node.get(_REQUIRED)) is not None:
        yield from node_selector(wanted, (*at, _REQUIRED))
    for where, term in items(node, _PREFERRED, at):
        yield from _weight(term, where)
        yield from _node_term(part(term, "preference"), (*where, "preference"), lax_values=True)
    for kind in ("podAffinity", "podAntiAffinity"):
        pods = part(affinity, kind)
        for where, term in items(pods, _REQUIRED, (*path, kind)):
            yield from _pod_term(term, where, on)
        for where, term in items(pods, _PREFERRED, (*path, kind)):
            yield from _weight(term, where)
            yield from _pod_term(part(term, "podAffinityTerm"), (*where, "podAffinityTerm"), on)


def _weight(term: Body, path: Path) -> Causes:
    if not 1 <= (weight := number(term, "weight")) <= 100:
        yield invalid((*path, "weight"), weight, "must be in the range 1-100")


def node_selector(selector: Body, path: Path) -> Causes:
    """ValidateNodeSelector."""
    if not selector.get("nodeSelectorTerms"):
        yield required((*path, "nodeSelectorTerms"), "must have at least one node selector term")
    for at, term in items(selector, "nodeSelectorTerms", path):
        yield from _node_term(term, at)


def _node_term(term: Body, path: Path, *, lax_values: bool = False) -> Causes:
    for at, requirement in items(term, "matchExpressions", path):
        yield from _node_requirement(requirement, at, lax_values)
    for at, requirement in items(term, "matchFields", path):
        yield from _node_field(requirement, at)


def _node_requirement(requirement: Body, path: Path, lax_values: bool) -> Causes:
    values, operator, key = requirement.get("values") or (), text(requirement, "operator"), text(requirement, "key")
    match operator:
        case "In" | "NotIn":
            if not values:
                yield required((*path, "values"), "must be specified when `operator` is 'In' or 'NotIn'")
        case "Exists" | "DoesNotExist":
            if values:
                yield forbidden((*path, "values"), "may not be specified when `operator` is 'Exists' or 'DoesNotExist'")
        case "Gt" | "Lt":
            if len(values) != 1:
                yield required((*path, "values"), "must be specified single value when `operator` is 'Lt' or 'Gt'")
        case _:
            yield invalid((*path, "operator"), operator, _NO_OPERATOR)
    for fault in formats.label_key(key):
        yield invalid((*path, "key"), key, fault)
    for at, value in strings(requirement, "values", path) if not lax_values else ():
        for fault in formats.label_value(value):
            yield invalid(at, value, fault)


def _node_field(requirement: Body, path: Path) -> Causes:
    values, operator, key = requirement.get("values") or (), text(requirement, "operator"), text(requirement, "key")
    if operator not in ("In", "NotIn"):
        yield invalid((*path, "operator"), operator, _NO_OPERATOR)
    elif len(values) != 1:
        yield required((*path, "values"), "must be only one value when `operator` is 'In' or 'NotIn' for node field selector")
    if key != "metadata.name":
        yield invalid((*path, "key"), key, "not a valid field selector key")
        return
    for at, value in strings(requirement, "values", path):
        for fault in formats.dns1123_subdomain(value):
            yield invalid(at, value, fault)


def _pod_term(term: Body, path: Path, on: Gates) -> Causes:
    for name in ("labelSelector", "namespaceSelector"):
        yield from selectors.causes(part(term, name), (*path, name))
    for at, namespace in strings(term, "namespaces", path):
        for fault in formats.dns1123_label(namespace):
            yield invalid(at, namespace, fault, at=(*path, "namespace"))
    if "MatchLabelKeysInPodAffinity" in on:
        yield from _label_keys(term, path)
    key = text(term, "topologyKey")
    if not key:
        yield required((*path, "topologyKey"), "can not be empty")
    for fault in formats.label_key(key):
        yield invalid((*path, "topologyKey"), key, fault)


def _label_keys(term: Body, path: Path) -> Causes:
    """ValidateMatchLabelKeysAndMismatchLabelKeys: keys whose values the server adds to the selector."""
    selector = term.get("labelSelector")
    for name in ("matchLabelKeys", "mismatchLabelKeys"):
        if term.get(name) and selector is None:
            yield forbidden((*path, name), "must not be specified when labelSelector is not set")
            continue
        for at, key in strings(term, name, path):
            for fault in formats.label_key(key):
                yield invalid(at, key, fault)
    keys = [key for _, key in strings(term, "matchLabelKeys", path)]
    yield from _selected_twice(selector or {}, {key: i for i, key in enumerate(keys)}, path)
    mismatched = {key for _, key in strings(term, "mismatchLabelKeys", path)}
    for i, key in enumerate(keys):
        if key in mismatched:
            yield invalid((*path, "matchLabelKeys", i), key, "exists in both matchLabelKeys and mismatchLabelKeys")


def _selected_twice(selector: Body, keys: dict[str, int], path: Path) -> Causes:
    """The server itself may have added a key once, so that only the second mention of it is a fault."""
    seen = set(part(selector, "matchLabels"))
    for _, requirement in items(selector, "matchExpressions", ()):
        key = text(requirement, "key")
        if key in keys and key in seen:
            at = (*path, keys[key])
            yield invalid((*path, "matchLabelKeys", keys[key]), key, "exists in both matchLabelKeys and labelSelector", at=at)
        seen.add(key)


def _spread(spec: Body, path: Path, on: Gates) -> Causes:
    found = list(items(spec, "topologySpreadConstraints", path))
    kinds = [(text(c, "topologyKey"), text(c, "whenUnsatisfiable")) for _, c in found]
    last = {kind: i for i, kind in enumerate(kinds)}
    for i, (at, constraint) in enumerate(found):
        yield from _constraint(constraint, at, on)
        if last[kinds[i]] > i:
            repeated = f"{{{kinds[i][0]}, {kinds[i][1]}}}"
            yield duplicate(at, repeated, at=(*at, "{topologyKey, whenUnsatisfiable}"))


def _constraint(constraint: Body, path: Path, on: Gates) -> Causes:
    action = text(constraint, "whenUnsatisfiable")
    yield from _positive(constraint, "maxSkew", path)
    if not text(constraint, "topologyKey"):
        yield required((*path, "topologyKey"), "can not be empty")
    if action not in ("DoNotSchedule", "ScheduleAnyway"):
        yield not_supported((*path, "whenUnsatisfiable"), action, ["DoNotSchedule", "ScheduleAnyway"])
    if constraint.get("minDomains") is not None:
        yield from _positive(constraint, "minDomains", path)
        if action != "DoNotSchedule":
            detail = f"can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {action}"
            yield invalid((*path, "minDomains"), constraint["minDomains"], detail)
    for name in ("nodeAffinityPolicy", "nodeTaintsPolicy") if "NodeInclusionPolicyInPodTopologySpread" in on else ():
        if (policy := constraint.get(name)) is not None and policy not in ("Honor", "Ignore"):
            yield not_supported((*path, name), policy, ["Honor", "Ignore"])
    if "MatchLabelKeysInPodTopologySpread" in on:
        yield from _label_keys(constraint, path)
    yield from selectors.causes(part(constraint, "labelSelector"), (*path, "labelSelector"))


def _positive(body: Body, name: str, path: Path) -> Causes:
    if (value := number(body, name)) <= 0:
        yield invalid((*path, name), value, "must be greater than zero")


def toleration(found: Body, path: Path) -> Causes:
    """ValidateTolerations."""
    key, operator, effect = (text(found, name) for name in ("key", "operator", "effect"))
    for fault in formats.label_key(key) if key else ():
        yield invalid((*path, "key"), key, fault)
    if not key and operator != "Exists":
        detail = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        yield invalid((*path, "operator"), operator, detail)
    if found.get("tolerationSeconds") is not None and effect != "NoExecute":
        yield invalid((*path, "effect"), effect, "effect must be 'NoExecute' when `tolerationSeconds` is set")
    yield from _operator(operator, text(found, "value"), path)
    if effect and effect not in _EFFECTS:
        yield not_supported((*path, "effect"), effect, _EFFECTS)


def _operator(operator: str, value: str, path: Path) -> Causes:
    """The server names the operator where the value is wrong."""
    if operator in ("", "Equal"):
        if faults := formats.label_value(value):
            yield invalid((*path, "operator"), value, ";".join(faults))
    elif operator == "Exists":
        if value:
            yield invalid((*path, "operator"), value, "value must be empty when `operator` is 'Exists'")
    else:
        valid = ["Equal", "Exists", "Lt", "Gt"] if operator in ("Lt", "Gt") else ["Equal", "Exists"]
        yield not_supported((*path, "operator"), operator, valid)
