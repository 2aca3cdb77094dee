"""The whole set of manifests, indexed for the policies that join objects. A join that could be wrong is not made."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Hashable, Iterable, Iterator, Mapping
from functools import cached_property
from itertools import islice
from typing import Any, TypeVar

from msgspec import Struct

from kgate.manifest import Manifest
from kgate.policy.definitions import DeprecatedVersion, deprecated_versions
from kgate.policy.nodes import entries, mapping, text
from kgate.policy.selectors import selects, selects_equal
from kgate.policy.subjects import Pod, group_kind, pod_of

_SERVING_CERT = "service.beta.openshift.io/serving-cert-secret-name"
_CREATED = {"Secret": "secrets", "ConfigMap": "configmaps"}
MAX_CANDIDATES = 256
"""More objects than this that might belong to one are not joined: it would be no certain join, and hostile files could ask for millions."""

SCALED = ("Deployment.apps", "StatefulSet.apps", "ReplicaSet.apps", "ReplicationController")
"""The built-in workloads with a scale subresource."""

_K = TypeVar("_K", bound=Hashable)
_V = TypeVar("_V")
_Label = tuple[str, str, str]
"""Namespace, key and value."""


class _Facts(Struct, frozen=True, kw_only=True):
    """What joins ask of one manifest again and again."""

    folder: str
    identity: tuple[str, str, str]
    """Kind with group, namespace, name."""


class Inventory(Struct, frozen=True, kw_only=True, dict=True):
    """All objects of a run, by what joins ask for."""

    manifests: tuple[Manifest, ...]
    whole: bool = True
    """Whether these are all manifests there are; when a file could not be read or was not named, what is absent may exist."""
    definitions: tuple[Manifest, ...] = ()
    """CustomResourceDefinitions that the user has named; they are not judged."""

    def deprecated_version(self, api_version: str, kind: str) -> DeprecatedVersion | None:
        """What the definition of a custom resource says of a version that it deprecates."""
        return self._deprecated.get((api_version, kind))

    @cached_property
    def _deprecated(self) -> Mapping[tuple[str, str], DeprecatedVersion]:
        return deprecated_versions(self.definitions, self.of_kind("CustomResourceDefinition.apiextensions.k8s.io"))

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(pod for m in self.manifests if (pod := pod_of(m)) is not None)

    @cached_property
    def namespaces_come_later(self) -> bool:
        """Whether something in the set puts objects into a namespace when it renders or applies them."""
        kustomize = any(text(m.body, "namespace") for m in self.of_kind("Kustomization.kustomize.config.k8s.io"))
        appliers = ("Kustomization.kustomize.toolkit.fluxcd.io", "HelmRelease.helm.toolkit.fluxcd.io", "Application.argoproj.io")
        return kustomize or bool(self.of_kind(*appliers))

    def of_kind(self, *kinds: str) -> tuple[Manifest, ...]:
        """By `Deployment.apps` and the like, in the order given."""
        return tuple(m for kind in kinds for m in self._by_kind.get(kind, ()))

    def scaled_named(self, name: str) -> tuple[Manifest, ...]:
        """The workloads of that name that can be scaled, in any namespace."""
        return self._scaled_by_name.get(name, ())

    def together(self, one: Manifest, other: Manifest) -> bool:
        """Whether both certainly meet in one namespace of one cluster.

        The namespace is the same, and they stand in one file, or in one folder that holds no object twice, or the namespace is written
        down and each is the only one of its name in the whole set.
        """
        ours, theirs = self._facts[id(one)], self._facts[id(other)]
        if ours.identity[1] != theirs.identity[1]:
            return False
        if one.file == other.file or (ours.folder == theirs.folder and ours.folder not in self._mixed_folders):
            return True
        return bool(ours.identity[1]) and self._count[ours.identity] == 1 == self._count[theirs.identity]

    def named(self, kind: str, namespace: str, name: str) -> Manifest | None:
        """The first object of that kind, namespace and name."""
        return next(iter(self._named.get((kind, namespace, name), ())), None)

    def may_be_there(self, kind: str, namespace: str, name: str) -> bool:
        """Whether an object of that name exists where it may turn out to be meant: also without a namespace, and by a generator."""
        if name in self._generated:
            return True
        wanted = {namespace, ""} if namespace else None
        return any(wanted is None or m.namespace in wanted for m in self._anywhere.get((kind, name), ()))

    def has_beside(self, kind: str, manifest: Manifest) -> bool:
        """Whether something of that kind certainly shares the manifest's namespace."""
        return any(self.together(m, manifest) for m in islice(self.of_kind(kind), MAX_CANDIDATES))

    def pods_with(self, namespace: str, selector: Mapping[str, Any]) -> tuple[Pod, ...]:
        """The pods whose manifests name that namespace and that a plain map selects; MAX_CANDIDATES at most are looked at."""
        labels = [(namespace, key, str(value)) for key, value in selector.items()]
        found = min((self._pods_by_label.get(label, ()) for label in labels), key=len, default=())
        return tuple(pod for pod in islice(found, MAX_CANDIDATES) if selects_equal(selector, pod.labels))

    def pods_in(self, namespace: str) -> tuple[Pod, ...]:
        """The pods whose manifests name that namespace, or none when it is empty."""
        return self._pods_in.get(namespace, ())

    def has_roles(self, namespace: str, account: str) -> bool:
        """Whether a binding of the set gives the ServiceAccount a role; a namespace that is not written matches any."""
        return any(not n or not namespace or n == namespace for n in self._bound.get(account, ()))

    def budgeted(self, pod: Pod) -> bool:
        """Whether a PodDisruptionBudget of its namespace selects the pod."""
        budgets = islice(self._budgets_in.get(pod.manifest.namespace, ()), MAX_CANDIDATES)
        return any(selects(mapping(b.body, "spec", "selector"), pod.labels) for b in budgets if "selector" in mapping(b.body, "spec"))

    @cached_property
    def _budgets_in(self) -> Mapping[str, tuple[Manifest, ...]]:
        return _grouped((m.namespace, m) for m in self.of_kind("PodDisruptionBudget.policy"))

    @cached_property
    def has_custom_workloads(self) -> bool:
        """Whether custom resources are about: their operators make pods that no manifest shows."""
        return any("." in m.group and not m.group.endswith(".k8s.io") and pod_of(m) is None for m in self.manifests)

    @cached_property
    def _named(self) -> Mapping[tuple[str, str, str], tuple[Manifest, ...]]:
        return _grouped((self._facts[id(m)].identity, m) for m in self.manifests)

    @cached_property
    def _anywhere(self) -> Mapping[tuple[str, str], tuple[Manifest, ...]]:
        return _grouped(((group_kind(m), m.name), m) for m in self.manifests)

    def may_be_made(self, kind: str, manifest: Manifest) -> bool:
        """Whether a role beside the manifest lets a program create objects of the kind: then some come at run time."""
        folder = self._facts[id(manifest)].folder
        return any(self._facts[id(m)].folder == folder or self.together(m, manifest) for m in self._makers.get(kind, ()))

    @cached_property
    def _makers(self) -> Mapping[str, tuple[Manifest, ...]]:
        """The roles that may create, by the kind they may create."""
        roles = self.of_kind("Role.rbac.authorization.k8s.io", "ClusterRole.rbac.authorization.k8s.io")
        return _grouped((kind, m) for m in roles for _, rule in entries(m.body, "rules") for kind in _creates(rule))

    @cached_property
    def _generated(self) -> frozenset[str]:
        """Names of the ConfigMaps and Secrets that kustomizations generate, and of the Secrets that annotated Services get."""
        generators = ("configMapGenerator", "secretGenerator")
        kustomizations = self.of_kind("Kustomization.kustomize.config.k8s.io")
        names = {text(g, "name") for m in kustomizations for key in generators for _, g in entries(m.body, key)}
        return frozenset(names | {text(m.body, "metadata", "annotations", _SERVING_CERT) for m in self.of_kind("Service")} - {""})

    @cached_property
    def _bound(self) -> Mapping[str, tuple[str, ...]]:
        """Namespaces, by name of the ServiceAccount that something is bound to there."""
        bindings = self.of_kind("RoleBinding.rbac.authorization.k8s.io", "ClusterRoleBinding.rbac.authorization.k8s.io")
        subjects = [(m, s) for m in bindings for _, s in entries(m.body, "subjects") if text(s, "kind") == "ServiceAccount"]
        return _grouped((text(s, "name"), text(s, "namespace") or m.namespace) for m, s in subjects)

    def services_of(self, pod: Pod) -> Iterator[Manifest]:
        """The Services that select the pod."""
        for key, value in pod.labels.items():
            for service in islice(self._services.get((pod.manifest.namespace, key, str(value)), ()), MAX_CANDIDATES):
                if selects_equal(mapping(service.body, "spec", "selector"), pod.labels) and self.together(service, pod.manifest):
                    yield service

    def selected(self, manifest: Manifest, selector: Mapping[str, Any]) -> Iterator[Pod] | None:
        """The pods that a LabelSelector in `manifest` certainly selects; None when too many may be."""
        labels = [(manifest.namespace, key, str(value)) for key, value in mapping(selector, "matchLabels").items()]
        found = min((self._pods_by_label.get(label, ()) for label in labels), key=len, default=self._pods_in.get(manifest.namespace, ()))
        if len(found) > MAX_CANDIDATES:
            return None
        return (pod for pod in found if selects(selector, pod.labels) and self.together(manifest, pod.manifest))

    def scaled_beside(self, manifest: Manifest) -> Manifest | None:
        """A workload that can be scaled and certainly lives in the manifest's namespace."""
        beside = (p.manifest for p in islice(self._pods_in.get(manifest.namespace, ()), MAX_CANDIDATES))
        return next((m for m in beside if group_kind(m) in SCALED and self.together(manifest, m)), None)

    def autoscaler_of(self, manifest: Manifest) -> Manifest | None:
        """The HorizontalPodAutoscaler whose scaleTargetRef names the workload, or the only workload of that name there is."""
        identity = self._facts[id(manifest)].identity
        only = self._count[identity] == 1
        candidates = islice(self._autoscalers.get(identity, ()), MAX_CANDIDATES)
        return next((hpa for hpa in candidates if only or self.together(hpa, manifest)), None)

    def limit_ranges_of(self, manifest: Manifest) -> tuple[Manifest, ...]:
        """Generous, because a LimitRange only ever silences. Without namespaces, the folder is what they share."""
        return self._limit_ranges.get(self._realm(manifest), ()) if self._limit_ranges else ()

    @cached_property
    def _facts(self) -> Mapping[int, _Facts]:
        """By id: a manifest holds mappings, so it has no hash, and the set keeps every manifest alive."""
        return {id(m): _Facts(folder=posixpath.dirname(m.file), identity=(group_kind(m), m.namespace, m.name)) for m in self.manifests}

    @cached_property
    def _count(self) -> Counter[tuple[str, str, str]]:
        return Counter(facts.identity for facts in self._facts.values())

    @cached_property
    def _mixed_folders(self) -> frozenset[str]:
        """Folders that hold one object twice: samples or environments side by side, not one application."""
        seen = Counter((facts.folder, facts.identity) for facts in self._facts.values())
        return frozenset(folder for (folder, _), count in seen.items() if count > 1)

    def _realm(self, manifest: Manifest) -> tuple[str, str]:
        return (manifest.namespace, "") if manifest.namespace else ("", posixpath.dirname(manifest.file))

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Manifest, ...]]:
        return _grouped((group_kind(m), m) for m in self.manifests)

    @cached_property
    def _scaled_by_name(self) -> Mapping[str, tuple[Manifest, ...]]:
        return _grouped((m.name, m) for m in self.of_kind(*SCALED))

    @cached_property
    def _limit_ranges(self) -> Mapping[tuple[str, str], tuple[Manifest, ...]]:
        return _grouped((self._realm(m), m) for m in self.of_kind("LimitRange"))

    @cached_property
    def _pods_in(self) -> Mapping[str, tuple[Pod, ...]]:
        return _grouped((pod.manifest.namespace, pod) for pod in self.pods)

    @cached_property
    def _pods_by_label(self) -> Mapping[_Label, tuple[Pod, ...]]:
        return _grouped(((pod.manifest.namespace, key, str(value)), pod) for pod in self.pods for key, value in pod.labels.items())

    @cached_property
    def _services(self) -> Mapping[_Label, tuple[Manifest, ...]]:
        """By one label they select, so that a pod meets the few that may select it."""
        return _grouped((label, service) for service in self.of_kind("Service") if (label := _first_label(service)) is not None)

    @cached_property
    def _autoscalers(self) -> Mapping[tuple[str, str, str], tuple[Manifest, ...]]:
        """By the identity of their targets."""
        return _grouped((_target(hpa), hpa) for hpa in self.of_kind("HorizontalPodAutoscaler.autoscaling"))


def _grouped(pairs: Iterable[tuple[_K, _V]]) -> Mapping[_K, tuple[_V, ...]]:
    groups: dict[_K, list[_V]] = {}
    for key, value in pairs:
        groups.setdefault(key, []).append(value)
    return {key: tuple(values) for key, values in groups.items()}


def _creates(rule: Mapping[str, Any]) -> Iterator[str]:
    groups, resources, verbs = (rule[key] if isinstance(rule.get(key), list) else () for key in ("apiGroups", "resources", "verbs"))
    if ("" in groups or "*" in groups) and ("create" in verbs or "*" in verbs):
        yield from (kind for kind, resource in _CREATED.items() if resource in resources or "*" in resources)


def _first_label(service: Manifest) -> _Label | None:
    labels = sorted((key, str(value)) for key, value in mapping(service.body, "spec", "selector").items())
    return (service.namespace, *labels[0]) if labels else None


def _target(autoscaler: Manifest) -> tuple[str, str, str]:
    target = mapping(autoscaler.body, "spec", "scaleTargetRef")
    group = text(target, "apiVersion").rpartition("/")[0]
    return (f"{text(target, 'kind')}.{group}".rstrip("."), autoscaler.namespace, text(target, "name"))
