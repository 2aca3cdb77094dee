"""Group rbac.authorization.k8s.io: roles and bindings (pkg/apis/rbac/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, selectors
from kgate.validate.cause import Body, Causes, invalid, items, not_supported, part, required, text
from kgate.validate.gates import Gates

_GROUP = "rbac.authorization.k8s.io"


def role(body: Body, _: Gates) -> Causes:
    for at, rule in items(body, "rules", ()):
        yield from _rule(rule, at, namespaced=True)


def cluster_role(body: Body, _: Gates) -> Causes:
    for at, rule in items(body, "rules", ()):
        yield from _rule(rule, at, namespaced=False)
    if (aggregation := body.get("aggregationRule")) is not None:
        path = ("aggregationRule", "clusterRoleSelectors")
        if not aggregation.get("clusterRoleSelectors"):
            yield required(path, "at least one clusterRoleSelector required if aggregationRule is non-nil")
        for at, selector in items(aggregation, "clusterRoleSelectors", ("aggregationRule",)):
            yield from selectors.causes(selector, at)


def _rule(rule: Body, path: Path, *, namespaced: bool) -> Causes:
    if not rule.get("verbs"):
        yield required((*path, "verbs"), "verbs must contain at least one value")
    if urls := rule.get("nonResourceURLs"):
        if namespaced:
            yield invalid((*path, "nonResourceURLs"), urls, "namespaced rules cannot apply to non-resource URLs")
        if rule.get("apiGroups") or rule.get("resources") or rule.get("resourceNames"):
            yield invalid((*path, "nonResourceURLs"), urls, "rules cannot apply to both regular resources and non-resource URLs")
        return
    if not rule.get("apiGroups"):
        yield required((*path, "apiGroups"), "resource rules must supply at least one api group")
    if not rule.get("resources"):
        yield required((*path, "resources"), "resource rules must supply at least one resource")


def role_binding(body: Body, _: Gates) -> Causes:
    yield from _binding(body, ("Role", "ClusterRole"))


def cluster_role_binding(body: Body, _: Gates) -> Causes:
    yield from _binding(body, ("ClusterRole",))


def _binding(body: Body, kinds: tuple[str, ...]) -> Causes:
    """An empty apiGroup is this group's, as defaulting has it."""
    reference, name = part(body, "roleRef"), text(part(body, "roleRef"), "name")
    if (group := text(reference, "apiGroup") or _GROUP) != _GROUP:
        yield not_supported(("roleRef", "apiGroup"), group, [_GROUP])
    if (kind := text(reference, "kind")) not in kinds:
        yield not_supported(("roleRef", "kind"), kind, kinds)
    if not name:
        yield required(("roleRef", "name"))
    for fault in formats.path_segment(name):
        yield invalid(("roleRef", "name"), name, fault)
    for at, subject in items(body, "subjects", ()):
        yield from _subject(subject, at, cluster_wide=len(kinds) == 1)


def _subject(subject: Body, path: Path, *, cluster_wide: bool) -> Causes:
    kind, name, group = text(subject, "kind"), text(subject, "name"), text(subject, "apiGroup")
    if not name:
        yield required((*path, "name"))
    if kind == "ServiceAccount":
        for fault in formats.dns1123_subdomain(name) if name else ():
            yield invalid((*path, "name"), name, fault)
        if group:
            yield not_supported((*path, "apiGroup"), group, [""])
        if cluster_wide and not text(subject, "namespace"):
            yield required((*path, "namespace"))
    elif kind in ("User", "Group"):
        if (group or _GROUP) != _GROUP:
            yield not_supported((*path, "apiGroup"), group, [_GROUP])
    else:
        yield not_supported((*path, "kind"), kind, ["ServiceAccount", "User", "Group"])
