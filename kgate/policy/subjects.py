"""What policies are about: the pods, containers and images inside a manifest, each with its exact path."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from kgate.manifest import Manifest, Path
from kgate.policy.nodes import at, entries, mapping, text
from kgate.reference import ImageReference, parse

_SPEC_TEMPLATE = ("spec", "template")

POD_TEMPLATES: Mapping[str, tuple[str, ...]] = {
    "Pod": (),
    "PodTemplate": ("template",),
    "ReplicationController": _SPEC_TEMPLATE,
    "Deployment.apps": _SPEC_TEMPLATE,
    "ReplicaSet.apps": _SPEC_TEMPLATE,
    "StatefulSet.apps": _SPEC_TEMPLATE,
    "DaemonSet.apps": _SPEC_TEMPLATE,
    "Deployment.extensions": _SPEC_TEMPLATE,
    "ReplicaSet.extensions": _SPEC_TEMPLATE,
    "DaemonSet.extensions": _SPEC_TEMPLATE,
    "Job.batch": _SPEC_TEMPLATE,
    "CronJob.batch": ("spec", "jobTemplate", "spec", "template"),
    # Custom resources whose schema embeds a whole PodTemplateSpec; where only parts of one are embedded, nothing is guessed.
    "Rollout.argoproj.io": _SPEC_TEMPLATE,
    "CloneSet.apps.kruise.io": _SPEC_TEMPLATE,
}
"""Where the pod template stands, by kind and group, written as Kubernetes writes a GroupKind."""


class Role(StrEnum):
    """What a container is to its pod."""

    REGULAR = "regular"
    INIT = "init"
    SIDECAR = "sidecar"
    """An init container that keeps running: `restartPolicy: Always`."""
    EPHEMERAL = "ephemeral"


_LISTS = (("containers", Role.REGULAR), ("initContainers", Role.INIT), ("ephemeralContainers", Role.EPHEMERAL))
_WORDS = {Role.REGULAR: "container", Role.INIT: "init container", Role.SIDECAR: "sidecar", Role.EPHEMERAL: "ephemeral container"}


class Pod(Struct, frozen=True, kw_only=True):
    """The pod that a manifest is or makes."""

    manifest: Manifest
    template: Path
    """Path of the mapping that holds the pod's metadata and spec; empty for a Pod."""
    metadata: Mapping[str, Any]
    body: Mapping[str, Any]
    """The pod's spec."""

    @property
    def path(self) -> Path:
        return (*self.template, "spec")

    @property
    def labels(self) -> Mapping[str, Any]:
        return mapping(self.metadata, "labels")

    def __str__(self) -> str:
        return f"{self.manifest.kind} {self.manifest.name}"


class Container(Struct, frozen=True, kw_only=True):
    """A container of any pod, with where it stands."""

    pod: Pod
    path: Path
    body: Mapping[str, Any]
    role: Role

    @property
    def manifest(self) -> Manifest:
        return self.pod.manifest

    def __str__(self) -> str:
        """`init container "wait"`, or its place when it has no name."""
        name = text(self.body, "name")
        return f'{_WORDS[self.role]} "{name}"' if name else f"{self.path[-2]}[{self.path[-1]}]"


class Image(Struct, frozen=True, kw_only=True):
    """An `image:` of any container, with where it stands."""

    container: Container
    path: Path
    text: str
    """As written."""
    reference: ImageReference | None
    """None when it is no legal reference; `fault` then says why."""
    fault: str = ""

    @property
    def manifest(self) -> Manifest:
        return self.container.pod.manifest

    @property
    def role(self) -> Role:
        return self.container.role

    def __str__(self) -> str:
        return f'{self.container}: image "{self.text}"'


def group_kind(manifest: Manifest) -> str:
    """`Deployment.apps`; the core group has no dot: `Service`."""
    return f"{manifest.kind}.{group}" if (group := manifest.group) else manifest.kind


def pod_of(manifest: Manifest) -> Pod | None:
    """The pod of any kind that has one whole, None otherwise."""
    template = POD_TEMPLATES.get(group_kind(manifest))
    if template is None:
        return None
    holder = at(manifest.body, *template) if template else manifest.body
    spec = at(holder, "spec")
    if not isinstance(spec, dict):
        return None
    return Pod(manifest=manifest, template=template, metadata=mapping(holder, "metadata"), body=spec)


def containers_of(pod: Pod) -> Iterator[Container]:
    for key, role in _LISTS:
        for index, body in entries(pod.body, key):
            actual = Role.SIDECAR if role is Role.INIT and body.get("restartPolicy") == "Always" else role
            yield Container(pod=pod, path=(*pod.template, "spec", key, index), body=body, role=actual)


def image_of(container: Container) -> Image | None:
    """None when the container names no image; the API server refuses that, no policy has to."""
    written = container.body.get("image")
    if not isinstance(written, str) or not written:
        return None
    path = (*container.path, "image")
    try:
        return Image(container=container, path=path, text=written, reference=parse(written))
    except ValueError as fault:
        return Image(container=container, path=path, text=written, reference=None, fault=str(fault))
