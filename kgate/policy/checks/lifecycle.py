"""What a Kubernetes minor still takes and warns of: deprecated APIs and versions of custom resources, fields and node labels.

The facts are params of the policies. They are those of k8s.io/api/*/zz_generated.prerelease-lifecycle.go of each minor's release branch,
and of pkg/api/{node,persistentvolume,pod,service}/{util,warnings}.go; the words on APIs are those of apiserver
pkg/endpoints/deprecation/deprecation.go.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Any

from kgate.edit import Edit, Operation
from kgate.manifest import Manifest, Path
from kgate.policy.context import Context
from kgate.policy.nodes import text
from kgate.policy.policy import Violation
from kgate.policy.subjects import group_kind, pod_of

_TERMS = "nodeSelectorTerms[].matchExpressions[].key"
_POD_LABELS = (
    "nodeSelector",
    f"affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.{_TERMS}",
    "affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[].preference.matchExpressions[].key",
    "topologySpreadConstraints[].topologyKey",
)
_LABELS: Mapping[str, tuple[str, ...]] = {
    "PersistentVolume": (f"spec.nodeAffinity.required.{_TERMS}",),
    "StorageClass.storage.k8s.io": ("allowedTopologies[].matchLabelExpressions[].key",),
    "CSIStorageCapacity.storage.k8s.io": ("nodeTopology.matchLabels", "nodeTopology.matchExpressions[].key"),
    "RuntimeClass.node.k8s.io": ("scheduling.nodeSelector",),
}
"""Where labels of nodes are named: as a value, or as the keys of a mapping."""


def api_deprecated(manifest: Manifest, context: Context) -> Iterator[Violation]:
    version, kind = text(manifest.body, "apiVersion"), text(manifest.body, "kind")
    says: str | None
    for api in context.params["apis"]:
        if api["version"] == version and kind in api["kinds"] and api["since"] <= context.minor <= api.get("until", context.minor):
            goes = f", unavailable in v1.{api['removed']}+" if "removed" in api else ""
            says = f"{version} {kind} is deprecated in v1.{api['since']}+{goes}"
            edits = _swapped(api, context.minor)
            yield Violation(manifest=manifest, path=("apiVersion",), message=says, remediation=_in_place(api, context.minor), edits=edits)
            return
    if (deprecated := context.inventory.deprecated_version(version, kind)) is not None:
        says = deprecated.warning or f"{version} {kind} is deprecated"
        instead = f"use apiVersion: {deprecated.use}" if deprecated.use else "ask the definition's authors what replaces it"
        yield Violation(manifest=manifest, path=("apiVersion",), message=says, remediation=instead)


def _swapped(api: Mapping[str, Any], minor: int) -> tuple[Edit, ...]:
    """Where the two versions have the same fields with the same meaning, the name is all that changes."""
    serving = [(int(since), use) for since, use in api.get("use", {}).items() if int(since) <= minor]
    return (Edit(path=("apiVersion",), value=max(serving)[1]),) if serving and api.get("same") else ()


def _in_place(api: Mapping[str, Any], minor: int) -> str:
    """The newest of what the minor serves."""
    serving = [(int(since), use) for since, use in api.get("use", {}).items() if int(since) <= minor]
    if not serving:
        goes = f": change it before the cluster becomes 1.{api['removed']}" if "removed" in api else " in its place: remove the object"
        return f"Kubernetes 1.{minor} serves nothing newer{goes}"
    other = f" and kind: {api['kind']}" if "kind" in api else ""
    return f"use apiVersion: {max(serving)[1]}{other}"


def field_deprecated(manifest: Manifest, context: Context) -> Iterator[Violation]:
    kind, pod = group_kind(manifest), pod_of(manifest)
    around: dict[tuple[str, bool], list[tuple[Path, Any]]] = {}  # most fields stand in the same places
    for field in context.params["fields"]:
        whole = "kinds" in field
        if field["since"] > context.minor or (kind not in field["kinds"] if whole else pod is None):
            continue
        above, _, name = field["path"].rpartition(".")
        places = around.get((above, whole))
        if places is None:
            body, root = (manifest.body, ()) if whole or pod is None else (pod.body, pod.path)
            places = around[above, whole] = list(_found(body, _steps(above), root))
        for path, value in places:
            if isinstance(value, dict) and name in value:
                yield from _field(manifest, (*path, name), value[name], field)
    for place in _LABELS.get(kind, ()):
        yield from _labels(manifest, manifest.body, (), place, context)
    for place in _POD_LABELS if pod is not None else ():
        yield from _labels(manifest, pod.body, pod.path, place, context)  # type: ignore[union-attr]


def _field(manifest: Manifest, path: Path, value: Any, field: Mapping[str, Any]) -> Iterator[Violation]:
    if value not in (None, "", []) and ("value" not in field or value == field["value"]):
        says = f"{_name(manifest)}: {path[-1]} {field['says']}"
        edits = (Edit(path=path, value=field["write"]),) if "write" in field else ()
        yield Violation(manifest=manifest, path=path, message=says, remediation=field.get("use"), edits=edits)


def _labels(manifest: Manifest, body: Any, root: Path, place: str, context: Context) -> Iterator[Violation]:
    labels = context.params["labels"]
    steps = _steps(place)
    if steps[0] not in body:
        return
    for path, value in _found(body, steps, root):
        for label in value if isinstance(value, dict) else [value] if isinstance(value, str) else ():
            if (known := labels.get(label)) and known["since"] <= context.minor:
                says = f"{_name(manifest)} places by the node label {label}, deprecated since v1.{known['since']}"
                at = (*path, label) if isinstance(value, dict) else path
                edit = Edit(path=at, value=known["use"], operation=Operation.RENAME if isinstance(value, dict) else Operation.SET)
                # Volumes and runtime classes cannot be changed once they are there, and two keys cannot have one name.
                edits = (edit,) if pod_of(manifest) and not (isinstance(value, dict) and known["use"] in value) else ()
                yield Violation(manifest=manifest, path=at, message=says, remediation=f"use {known['use']}", edits=edits)


@lru_cache(maxsize=256)
def _steps(path: str) -> tuple[str, ...]:
    """`volumes[].rbd` as `volumes`, `[]`, `rbd`."""
    return tuple(path.replace("[]", ".[]").split(".")) if path else ()


def _found(value: Any, steps: tuple[str, ...], path: Path) -> Iterator[tuple[Path, Any]]:
    """Every value that the steps lead to."""
    if not steps:
        yield path, value
    elif steps[0] == "[]":
        for i, item in enumerate(value if isinstance(value, list) else ()):
            yield from _found(item, steps[1:], (*path, i))
    elif isinstance(value, dict) and steps[0] in value:
        yield from _found(value[steps[0]], steps[1:], (*path, steps[0]))


def _name(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}"
