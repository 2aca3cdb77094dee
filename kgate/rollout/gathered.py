"""The objects of a tree by what they mean to a Deployment, gathered once: a repository has thousands of them."""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

from msgspec import Struct

from kgate.engine.api.meta import Key
from kgate.manifest import Manifest
from kgate.rollout.limits import claim_of, claimed
from kgate.rollout.stage import SUPPORT, key_of, template_of
from kgate.rollout.written import mapping

Identity = tuple[str, Key]
"""API group and key: what makes two manifests the same object."""


def identity(manifest: Manifest) -> Identity:
    return (manifest.group, key_of(manifest))


class Gathered(Struct, frozen=True, kw_only=True, dict=True):
    """Of supporting objects with one identity the first counts."""

    deployments: Mapping[Identity, tuple[Manifest, ...]]
    """All that have one identity: a tree may hold a Deployment once for each environment."""
    supporting: Mapping[str, tuple[tuple[int, Manifest], ...]]
    """What bears on placement, with its rank in the order of the files, by namespace; a Namespace under its own name."""
    autoscaled: Mapping[Key, str]
    """Names of HorizontalPodAutoscalers, by the Deployment they scale."""
    vertical: Mapping[Key, str]
    """Names of VerticalPodAutoscalers that change pods, by the Deployment whose they are."""
    neighbours: Mapping[str, tuple[Manifest, ...]]
    """By namespace: whatever has a pod template, pods, claims, and vertical autoscalers. Most of it is never played."""

    @property
    def claims(self) -> Iterator[Manifest]:
        """All PersistentVolumeClaims."""
        return (m for found in self.neighbours.values() for m in found if m.kind == "PersistentVolumeClaim")

    def like(self, manifest: Manifest) -> Manifest | None:
        """The Deployment of the same identity: the one in the same file, else the first."""
        found = self.deployments.get(identity(manifest), ())
        return next((m for m in found if m.file == manifest.file), found[0] if found else None)

    def supports(self, deployments: Sequence[Manifest]) -> list[Manifest]:
        """What bears on the placement of these Deployments, in the order of the files."""
        of = _Of.these(deployments)
        namespaces = sorted({"", *(key.namespace for key in of.keys)})
        ranked = [r for handle in dict.fromkeys(of.handles()) for n in namespaces for r in self._by_handle.get((n, handle), ())]
        return [m for _, m in sorted(ranked, key=lambda r: r[0]) if of.bears(m)]

    @cached_property
    def _by_handle(self) -> Mapping[tuple[str, Handle], Sequence[tuple[int, Manifest]]]:
        """A tree holds thousands of objects, of which each Deployment is asked about a handful."""
        found: dict[tuple[str, Handle], list[tuple[int, Manifest]]] = {}
        for namespace, ranked in self.supporting.items():
            for rank, manifest in ranked:
                found.setdefault((namespace, _handle(manifest)), []).append((rank, manifest))
        return found


Handle = tuple[Any, ...]
"""What a supporting object is found under by the Deployments that it may bear on; each has one."""

_ANYBODY: Handle = ("anybody",)
_CLAIMS_ANY: Handle = ("claims any",)


def _handle(support: Manifest) -> Handle:
    kind = support.kind
    if kind == "HorizontalPodAutoscaler":
        return ("target", _target(support))
    if kind in ("Service", "PodDisruptionBudget"):
        label = next(iter(_wanted(support).items()), None)
        return _ANYBODY if label is None or not isinstance(label[1], Hashable) else ("label", *label)
    if kind in _STORAGE:
        return _CLAIMS_ANY
    if kind == "PersistentVolumeClaim":
        return ("claim", key_of(support).namespace, support.name)
    return ("home", *_home(support)) if kind in _LIMITS else _ANYBODY


class _Of(Struct, frozen=True, kw_only=True):
    """What some Deployments have that supporting objects are about."""

    keys: Collection[Key]
    labels: Sequence[Mapping[str, Any]]
    """Of their pods."""
    claims: Collection[tuple[str, str]]
    """Namespaces and names of the claims of their pods; an ephemeral one has no name yet."""
    priorities: Collection[str]
    homes: Collection[tuple[str, str]]

    @classmethod
    def these(cls, deployments: Sequence[Manifest]) -> _Of:
        pods = [mapping(template_of(d).get("spec")) for d in deployments]
        return cls(
            keys={key_of(d) for d in deployments},
            labels=[mapping(mapping(template_of(d).get("metadata")).get("labels")) for d in deployments],
            claims={(key_of(d).namespace, claim_of(v)) for d, pod in zip(deployments, pods, strict=True) for v in claimed(pod)},
            priorities={str(pod.get("priorityClassName") or "") for pod in pods},
            homes={_home(d) for d in deployments},
        )

    def handles(self) -> Iterator[Handle]:
        """Under which to look for what bears on them."""
        yield _ANYBODY
        yield from (("target", key) for key in self.keys)
        yield from (("label", *label) for labels in self.labels for label in labels.items() if isinstance(label[1], Hashable))
        yield from (("claim", *claim) for claim in self.claims)
        yield from (("home", *home) for home in self.homes)
        if self.claims:
            yield _CLAIMS_ANY

    def bears(self, support: Manifest) -> bool:
        """What the engine would do nothing with is left out: a tree holds thousands of objects, and each Deployment has its own stage."""
        kind = support.kind
        if kind == "HorizontalPodAutoscaler":
            return _target(support) in self.keys
        if kind in ("Service", "PodDisruptionBudget"):
            return _selects_any(support, self.labels)
        if kind in _STORAGE:
            return bool(self.claims)
        if kind == "PersistentVolumeClaim":
            return (key_of(support).namespace, support.name) in self.claims
        if kind == "PriorityClass":
            return support.name in self.priorities or support.body.get("globalDefault") is True
        return kind not in _LIMITS or _home(support) in self.homes


_STORAGE = ("PersistentVolume", "StorageClass", "CSINode")
_LIMITS = ("LimitRange", "ResourceQuota")


def _home(manifest: Manifest) -> tuple[str, str]:
    """Where it certainly is: the namespace it names, else that of its folder, for whoever applies a folder says which."""
    return (manifest.namespace, "") if manifest.namespace else ("", manifest.file.rpartition("/")[0])


def _target(autoscaler: Manifest) -> Key | None:
    """The Deployment it scales, if it is one."""
    target = mapping(mapping(autoscaler.body.get("spec")).get("scaleTargetRef"))
    if target.get("kind") != "Deployment":
        return None
    return Key(kind="Deployment", namespace=autoscaler.namespace or "default", name=str(target.get("name")))


def _vertical_target(autoscaler: Manifest) -> Key | None:
    """The Deployment whose pods it changes; None when it only recommends."""
    spec = mapping(autoscaler.body.get("spec"))
    target = mapping(spec.get("targetRef"))
    only_recommends = mapping(spec.get("updatePolicy")).get("updateMode") in ("Off", False)  # YAML 1.1 reads a bare Off as no
    if target.get("kind") != "Deployment" or only_recommends:
        return None
    return Key(kind="Deployment", namespace=autoscaler.namespace or "default", name=str(target.get("name")))


def _selects_any(support: Manifest, labels: Sequence[Mapping[str, Any]]) -> bool:
    """A Service counts for the pods it selects, a budget for those that its labels allow; its expressions are left to the engine."""
    wanted = _wanted(support)
    if not wanted:  # a Service without a selector selects nothing
        return support.kind == "PodDisruptionBudget"
    return any(all(of.get(k) == v for k, v in wanted.items()) for of in labels)


def _wanted(support: Manifest) -> Mapping[str, Any]:
    selector = mapping(mapping(support.body.get("spec")).get("selector"))
    return mapping(selector.get("matchLabels")) if support.kind == "PodDisruptionBudget" else selector


def gather(manifests: Iterable[Manifest]) -> Gathered:
    deployments: dict[Identity, list[Manifest]] = {}
    supporting: dict[str, dict[tuple[Identity, tuple[str, str] | None], tuple[int, Manifest]]] = {}
    autoscaled: dict[Key, str] = {}
    vertical: dict[Key, str] = {}
    neighbours: dict[str, list[Manifest]] = {}
    for rank, manifest in enumerate(manifests):
        kind = manifest.kind
        if kind == "Deployment":
            deployments.setdefault(identity(manifest), []).append(manifest)
        elif kind in SUPPORT:
            key = key_of(manifest)
            home = key.name if kind == "Namespace" else key.namespace
            name = (identity(manifest), _home(manifest) if kind in _LIMITS else None)
            supporting.setdefault(home, {}).setdefault(name, (rank, manifest))
        if kind == "HorizontalPodAutoscaler" and (target := _target(manifest)) is not None:
            autoscaled.setdefault(target, manifest.name)
        if kind == "VerticalPodAutoscaler" and (target := _vertical_target(manifest)) is not None:
            vertical.setdefault(target, manifest.name)
        if kind in _NEIGHBOURS or pod_labels(manifest) is not None:
            neighbours.setdefault(manifest.namespace or "default", []).append(manifest)
    return Gathered(
        deployments={name: tuple(found) for name, found in deployments.items()},
        supporting={home: tuple(found.values()) for home, found in supporting.items()},
        autoscaled=autoscaled,
        vertical=vertical,
        neighbours={home: tuple(found) for home, found in neighbours.items()},
    )


_NEIGHBOURS = ("PersistentVolumeClaim", "VerticalPodAutoscaler")


def pod_labels(manifest: Manifest) -> Mapping[str, Any] | None:
    """Labels of the pods that an object is or makes, whatever its kind: `spec.template` is where all controllers have theirs."""
    if manifest.kind == "Pod":
        return mapping(manifest.metadata.get("labels"))
    spec = mapping(manifest.body.get("spec"))
    if manifest.kind == "CronJob":
        spec = mapping(mapping(spec.get("jobTemplate")).get("spec"))
    template = spec.get("template")
    if not isinstance(template, Mapping) or "spec" not in template:
        return None
    return mapping(mapping(template.get("metadata")).get("labels"))
