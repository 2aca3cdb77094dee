"""Group flowcontrol.apiserver.k8s.io (pkg/apis/flowcontrol/validation/validation.go).

The objects that the server makes itself (exempt, catch-all) must be exactly what it made: that is not compared.
"""

from __future__ import annotations

import math

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, not_supported, number, part, required, strings, text
from kgate.validate.gates import Gates

_SPEC: Path = ("spec",)
_METHODS = ("ByNamespace", "ByUser")
_SUBJECTS = {"ServiceAccount": "serviceAccount", "User": "user", "Group": "group"}
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_MAX_PRECEDENCE = 10_000
_MAX_QUEUES = 10_000_000
_MAX_BITS = 60
_NAMESPACE = "each member of this list must be '*' or a DNS-1123 label; "


def flow_schema(body: Body, _: Gates) -> Causes:
    """A precedence of 0 is 1000, as is none."""
    spec = part(body, "spec")
    precedence, path = number(spec, "matchingPrecedence") or 1000, (*_SPEC, "matchingPrecedence")
    if precedence < 0:
        yield invalid(path, precedence, "must be a positive value")
    if precedence > _MAX_PRECEDENCE:
        yield invalid(path, precedence, f"must not be greater than {_MAX_PRECEDENCE}")
    if precedence == 1 and text(part(body, "metadata"), "name") != "exempt":
        yield invalid(path, precedence, "only the schema named 'exempt' may have matchingPrecedence 1")
    method = spec.get("distinguisherMethod")
    if method is not None and text(method, "type") not in _METHODS:
        yield not_supported((*_SPEC, "distinguisherMethod", "type"), text(method, "type"), _METHODS)
    name, at = text(part(spec, "priorityLevelConfiguration"), "name"), (*_SPEC, "priorityLevelConfiguration", "name")
    if not name:
        yield required(at, "must reference a priority level")
    for fault in formats.dns1123_subdomain(name) if name else ():
        yield invalid(at, name, fault)
    for where, rule in items(spec, "rules", _SPEC):
        yield from _rule(rule, where)


def _rule(rule: Body, path: Path) -> Causes:
    if not rule.get("subjects"):
        yield required((*path, "subjects"), "subjects must contain at least one value")
    for at, subject in items(rule, "subjects", path):
        yield from _subject(subject, at)
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        yield required(path, "at least one of resourceRules and nonResourceRules has to be non-empty")
    for at, found in items(rule, "resourceRules", path):
        yield from _verbs(found, at)
        yield from _resources(found, at)
    for at, found in items(rule, "nonResourceRules", path):
        yield from _verbs(found, at)
        yield from _listed(found, "nonResourceURLs", at, "nonResourceURLs must contain at least one value", "non-resource URLs")
        if "*" not in (found.get("nonResourceURLs") or ()):
            for where, url in strings(found, "nonResourceURLs", at):
                yield from _url(url, where)


def _subject(subject: Body, path: Path) -> Causes:
    kind = text(subject, "kind")
    if kind not in _SUBJECTS:
        yield not_supported((*path, "kind"), kind, sorted(_SUBJECTS))
        return
    own = _SUBJECTS[kind]
    found, at = subject.get(own), (*path, own)
    if found is None:
        yield required(at, f"{own} is required when subject kind is '{kind}'")
    else:
        yield from _named(found, at, account=kind == "ServiceAccount")
    for other, name in _SUBJECTS.items():
        if other != kind and subject.get(name) is not None:
            yield forbidden((*path, name), f"{name} is forbidden when subject kind is not '{other}'")


def _named(found: Body, path: Path, *, account: bool) -> Causes:
    name, namespace = text(found, "name"), text(found, "namespace")
    if not name:
        yield required((*path, "name"))
    elif account and name != "*":
        for fault in formats.dns1123_subdomain(name):
            yield invalid((*path, "name"), name, fault)
    if account and not namespace:
        yield required((*path, "namespace"), "must specify namespace for service account")
    for fault in formats.dns1123_label(namespace) if account and namespace else ():
        yield invalid((*path, "namespace"), namespace, fault)


def _verbs(rule: Body, path: Path) -> Causes:
    verbs = [verb for _, verb in strings(rule, "verbs", path)]
    yield from _listed(rule, "verbs", path, "verbs must contain at least one value", "verbs")
    if "*" not in verbs and not set(verbs) <= set(_VERBS):
        yield not_supported((*path, "verbs"), verbs, _VERBS)


def _listed(rule: Body, name: str, path: Path, needed: str, called: str) -> Causes:
    """Something must be there, and a wildcard stands alone."""
    values = rule.get(name) or []
    if not values:
        yield required((*path, name), needed)
    elif "*" in values and len(values) > 1:
        yield invalid((*path, name), values, f"if '*' is present, must not specify other {called}")


def _resources(rule: Body, path: Path) -> Causes:
    yield from _listed(rule, "apiGroups", path, "resource rules must supply at least one api group", "api groups")
    yield from _listed(rule, "resources", path, "resource rules must supply at least one resource", "resources")
    namespaces = rule.get("namespaces") or []
    if namespaces or not rule.get("clusterScope"):
        needed = "resource rules that are not cluster scoped must supply at least one namespace"
        yield from _listed(rule, "namespaces", path, needed, "namespaces")
    for at, namespace in strings(rule, "namespaces", path) if "*" not in namespaces else ():
        for fault in formats.dns1123_label(namespace):
            yield invalid(at, namespace, _NAMESPACE + fault)


def _url(url: str, path: Path) -> Causes:
    stars = url.count("*")
    if not url:
        yield invalid(path, url, "must not be empty")
    elif not url.startswith("/"):
        yield invalid(path, url, "must start with slash")
    elif " " in url:
        yield invalid(path, url, "must not contain white-space")
    elif "//" in url:
        yield invalid(path, url, "must not contain double slash")
    elif stars > 1 or (stars == 1 and not url.endswith("/*")):
        yield invalid(path, url, "wildcard can only do suffix matching")


def priority_level_configuration(body: Body, _: Gates) -> Causes:
    spec, name = part(body, "spec"), text(part(body, "metadata"), "name")
    kind, limited = text(spec, "type"), spec.get("limited")
    if (name == "exempt") != (kind == "Exempt"):
        yield invalid((*_SPEC, "type"), kind, "must be 'Exempt' if and only if `name` is 'exempt'")
    match kind:
        case "Exempt":
            if limited is not None:
                yield forbidden((*_SPEC, "limited"), "must be nil if the type is not Limited")
            yield from _shares(part(spec, "exempt"), (*_SPEC, "exempt"), "nominalConcurrencyShares")
        case "Limited":
            if spec.get("exempt") is not None:
                yield forbidden((*_SPEC, "exempt"), "must be nil if the type is Limited")
            if limited is None:
                yield required((*_SPEC, "limited"), "must not be empty when type is Limited")
            else:
                yield from _limited(limited, (*_SPEC, "limited"), text(body, "apiVersion"))
        case _:
            yield not_supported((*_SPEC, "type"), kind, ["Exempt", "Limited"])


def _shares(found: Body, path: Path, name: str) -> Causes:
    if number(found, name) < 0:
        yield invalid((*path, name), number(found, name), "must be a non-negative integer")
    if (percent := found.get("lendablePercent")) is not None and not 0 <= percent <= 100:
        yield invalid((*path, "lendablePercent"), percent, "must be between 0 and 100, inclusive")


def _limited(limited: Body, path: Path, version: str) -> Causes:
    yield from _shares(limited, path, "assuredConcurrencyShares" if version.endswith(("beta1", "beta2")) else "nominalConcurrencyShares")
    if (percent := limited.get("borrowingLimitPercent")) is not None and percent < 0:
        yield invalid((*path, "borrowingLimitPercent"), percent, "if specified, must be a non-negative integer")
    response, at = part(limited, "limitResponse"), (*path, "limitResponse")
    kind, queuing = text(response, "type"), response.get("queuing")
    if kind not in ("Queue", "Reject"):
        yield not_supported((*at, "type"), kind, ["Queue", "Reject"])
    elif kind == "Reject" and queuing is not None:
        yield forbidden((*at, "queuing"), "must be nil if limited.limitResponse.type is not Limited")
    elif kind == "Queue" and queuing is None:
        yield required((*at, "queuing"), "must not be empty if limited.limitResponse.type is Limited")
    elif kind == "Queue":
        yield from _queuing(queuing or {}, (*at, "queuing"))


def _queuing(found: Body, path: Path) -> Causes:
    """Zero stands for the default: 64 queues, hands of 8, 50 requests in a queue."""
    queues, hand = number(found, "queues") or 64, number(found, "handSize") or 8
    if (length := number(found, "queueLengthLimit")) < 0:
        yield invalid((*path, "queueLengthLimit"), length, "must be positive")
    if queues < 0:
        yield invalid((*path, "queues"), queues, "must be positive")
    elif queues > _MAX_QUEUES:
        yield invalid((*path, "queues"), queues, f"must not be greater than {_MAX_QUEUES}")
    if hand < 0:
        yield invalid((*path, "handSize"), hand, "must be positive")
    elif hand > queues:
        yield invalid((*path, "handSize"), hand, f"should not be greater than queues ({queues})")
    elif math.ceil(math.log2(queues) * hand) > _MAX_BITS:
        detail = f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_MAX_BITS}"
        yield invalid((*path, "handSize"), hand, detail)
