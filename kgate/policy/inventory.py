"""The whole set of manifests, indexed for the policies that join objects. A join that could be wrong is not made."""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from kgate.manifest import Manifest
from kgate.policy.nodes import mapping
from kgate.policy.selectors import selects_equal
from kgate.policy.subjects import Pod, group_kind, pod_of

_Identity = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class Inventory:
    manifests: tuple[Manifest, ...]
    whole: bool = True
    """Whether these are all manifests there are; when a file could not be read or was not named, what is absent may exist."""

    @cached_property
    def pods(self) -> tuple[Pod, ...]:
        return tuple(pod for m in self.manifests if (pod := pod_of(m)) is not None)

    @cached_property
    def _by_kind(self) -> Mapping[str, tuple[Manifest, ...]]:
        found: dict[str, list[Manifest]] = {}
        for manifest in self.manifests:
            found.setdefault(group_kind(manifest), []).append(manifest)
        return {kind: tuple(manifests) for kind, manifests in found.items()}

    @cached_property
    def _services(self) -> Mapping[tuple[str, str, str], tuple[Manifest, ...]]:
        """By namespace and one label they select, so that a pod meets the few that may select it."""
        found: dict[tuple[str, str, str], list[Manifest]] = {}
        for service in self.of_kind("Service"):
            selector = mapping(service.body, "spec", "selector")
            first = min(((str(k), str(v)) for k, v in selector.items()), default=None)
            if first:
                found.setdefault((service.namespace, *first), []).append(service)
        return {key: tuple(services) for key, services in found.items()}

    @cached_property
    def _pods_by_namespace(self) -> Mapping[str, tuple[Pod, ...]]:
        found: dict[str, list[Pod]] = {}
        for pod in self.pods:
            found.setdefault(pod.manifest.namespace, []).append(pod)
        return {namespace: tuple(pods) for namespace, pods in found.items()}

    @cached_property
    def _identities(self) -> Counter[_Identity]:
        return Counter(_identity(m) for m in self.manifests)

    @cached_property
    def _mixed_folders(self) -> frozenset[str]:
        """Folders that hold one object twice: samples or environments side by side, not one application."""
        seen = Counter((_folder(m), _identity(m)) for m in self.manifests)
        return frozenset(folder for (folder, _), count in seen.items() if count > 1)

    def of_kind(self, *kinds: str) -> tuple[Manifest, ...]:
        """By `Deployment.apps` and the like, in the order given."""
        return tuple(m for kind in kinds for m in self._by_kind.get(kind, ()))

    def together(self, one: Manifest, other: Manifest) -> bool:
        """Whether both certainly meet in one namespace of one cluster.

        The namespace is the same, and they stand in one file, or in one folder that holds no object twice, or the namespace is written
        down and each is the only one of its name in the whole set.
        """
        if one.namespace != other.namespace:
            return False
        if one.file == other.file:
            return True
        if _folder(one) == _folder(other) and _folder(one) not in self._mixed_folders:
            return True
        return bool(one.namespace) and self._identities[_identity(one)] == 1 == self._identities[_identity(other)]

    def services_of(self, pod: Pod) -> Iterator[Manifest]:
        """The Services that select the pod."""
        for key, value in pod.labels.items():
            for service in self._services.get((pod.manifest.namespace, str(key), str(value)), ()):
                if selects_equal(mapping(service.body, "spec", "selector"), pod.labels) and self.together(service, pod.manifest):
                    yield service

    def pods_beside(self, manifest: Manifest) -> Iterator[Pod]:
        """The pods that certainly live in the manifest's namespace."""
        for pod in self._pods_by_namespace.get(manifest.namespace, ()):
            if self.together(manifest, pod.manifest):
                yield pod

    def autoscaler_of(self, manifest: Manifest) -> Manifest | None:
        """The HorizontalPodAutoscaler whose scaleTargetRef names the workload, or the only workload of that name there is."""
        only = self._identities[_identity(manifest)] == 1
        return next((hpa for hpa in self._autoscalers.get(_identity(manifest), ()) if only or self.together(hpa, manifest)), None)

    @cached_property
    def _autoscalers(self) -> Mapping[_Identity, tuple[Manifest, ...]]:
        found: dict[_Identity, list[Manifest]] = {}
        for hpa in self.of_kind("HorizontalPodAutoscaler.autoscaling"):
            target = mapping(hpa.body, "spec", "scaleTargetRef")
            group = str(target.get("apiVersion", "")).rpartition("/")[0]
            found.setdefault((f"{target.get('kind')}.{group}".rstrip("."), hpa.namespace, str(target.get("name"))), []).append(hpa)
        return {key: tuple(hpas) for key, hpas in found.items()}


def _identity(manifest: Manifest) -> _Identity:
    return (group_kind(manifest), manifest.namespace, manifest.name)


def _folder(manifest: Manifest) -> str:
    return posixpath.dirname(manifest.file)
