"""Who may do what: roles and their bindings, service accounts and their tokens, and what of the node a pod gets to see."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Manifest
from kgate.policy.context import Context
from kgate.policy.nodes import at, entries, text
from kgate.policy.policy import Violation
from kgate.policy.subjects import Pod

RBAC = "rbac.authorization.k8s.io"
_VERBS = ("get", "list", "watch", "create", "update", "patch", "delete")


def wildcard(manifest: Manifest, context: Context) -> Iterator[Violation]:
    for index, rule in entries(manifest.body, "rules"):
        for field in context.params["fields"]:
            values = rule.get(field)
            if isinstance(values, list) and "*" in values:
                says = f'{manifest.kind} {manifest.name} grants all {field} with "*"'
                yield Violation(manifest=manifest, path=("rules", index, field, values.index("*")), message=says)


def cluster_admin(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """By the role's name, or by what a role of the repository allows; what is called `system:` is the cluster's own."""
    kind, role = (text(manifest.body, "roleRef", field) for field in ("kind", "name"))
    named = role in context.params["roles"] and kind == "ClusterRole"
    if manifest.name.startswith("system:") or not (named or _allows_everything(kind, role, manifest, context)):
        return
    for _, subject in entries(manifest.body, "subjects"):
        if text(subject, "name") not in context.params["allowed"]:
            what = f"the role {role}" if named else f"{kind} {role}, which allows everything,"
            says = f"{manifest.kind} {manifest.name} gives {what} to {text(subject, 'kind')} {text(subject, 'name')}"
            yield Violation(manifest=manifest, path=("roleRef", "name"), message=says)
            return


def _allows_everything(kind: str, role: str, binding: Manifest, context: Context) -> bool:
    group_and_kind = f"{kind}.{RBAC}"
    namespaces = ("", binding.namespace) if kind == "ClusterRole" else (binding.namespace,)
    found = next((m for n in namespaces if (m := context.inventory.named(group_and_kind, n, role)) is not None), None)
    return found is not None and any(_is_everything(rule) for _, rule in entries(found.body, "rules"))


def _is_everything(rule: Mapping[str, Any]) -> bool:
    verbs = rule.get("verbs")
    every_verb = isinstance(verbs, list) and ("*" in verbs or all(verb in verbs for verb in _VERBS))
    return every_verb and all(isinstance(rule.get(field), list) and "*" in rule[field] for field in ("apiGroups", "resources"))


def granted(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """The grants that `params` name: a rule whose groups, resources and verbs include one of each."""
    wanted = context.params
    for index, rule in entries(manifest.body, "rules"):
        if not _includes(rule, "apiGroups", wanted["groups"]):
            continue
        verbs = _found(rule, "verbs", wanted["verbs"])
        resources = _found(rule, "resources", wanted["resources"])
        if verbs and resources and not (rule.get("resourceNames") and wanted.get("unless_named") == "yes"):
            says = f"{manifest.kind} {manifest.name} may {verbs[0]} {resources[0]}, which {wanted['means']}"
            place = list(rule["resources"]).index(resources[0])
            yield Violation(manifest=manifest, path=("rules", index, "resources", place), message=says)


def token_mounted(pod: Pod, context: Context) -> Iterator[Violation]:
    """The pod's word counts, else its ServiceAccount's; a pod that a role is bound to needs its token."""
    automount, name = pod.body.get("automountServiceAccountToken"), _account(pod)
    if automount is False:
        return
    account = context.inventory.named("ServiceAccount", pod.manifest.namespace, name)
    if automount is None and account is not None and account.body.get("automountServiceAccountToken") is False:
        return
    if name == "default" or not context.inventory.has_roles(pod.manifest.namespace, name):
        says = f"{pod} gets a token for the API server as {name}, and no role of the repository is bound to it"
        yield Violation(manifest=pod.manifest, path=(*pod.path, "automountServiceAccountToken"), message=says)


def sensitive_mount(pod: Pod, context: Context) -> Iterator[Violation]:
    """A path is as sensitive as what it leads to: a folder above a socket holds the socket."""
    for index, volume in entries(pod.body, "volumes"):
        written = text(volume, "hostPath", "path")
        if not written:
            continue
        path = posixpath.normpath("/" + written.lstrip("/"))
        why = next((w for w, paths in context.params["paths"].items() if any(_leads_to(path, p) for p in paths)), "")
        if why:
            place = (*pod.path, "volumes", index, "hostPath", "path")
            yield Violation(manifest=pod.manifest, path=place, message=f"{pod} mounts {written} of its node, {why}")


def _leads_to(path: str, sensitive: str) -> bool:
    """`/var/run` leads to `/var/run/docker.sock`; `/etc/kubernetes/` (with a slash) is meant with all that is below."""
    whole = sensitive.rstrip("/") or "/"
    below = sensitive.endswith("/") and whole != "/" and path.startswith(sensitive)
    return path == whole or below or (path != "/" and sensitive.startswith(path + "/"))


def _account(pod: Pod) -> str:
    return text(pod.body, "serviceAccountName") or text(pod.body, "serviceAccount") or "default"


def _includes(rule: Mapping[str, Any], field: str, wanted: list[str]) -> bool:
    values = rule.get(field)
    return isinstance(values, list) and any(value in wanted or value == "*" for value in values)


def _found(rule: Mapping[str, Any], field: str, wanted: list[str]) -> list[str]:
    values = at(rule, field)
    return [v for v in values if v in wanted] if isinstance(values, list) else []
