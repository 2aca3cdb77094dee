"""Updates of StatefulSets and Jobs (pkg/apis/apps/validation, pkg/apis/batch/validation)."""

from __future__ import annotations

from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Causes, part
from kgate.validate.update.change import Change, forbidden, immutable, refused, value_at

_SPEC: Path = ("spec",)
_MAY_CHANGE = {
    "replicas": 0,
    "ordinals": 26,
    "template": 0,
    "updateStrategy": 0,
    "revisionHistoryLimit": 33,
    "persistentVolumeClaimRetentionPolicy": 0,
    "minReadySeconds": 0,
}
"""Fields of a StatefulSet that may change, and since which minor of Kubernetes 1; in the order of the server's words."""
_CONTROLLER_LABELS = ("batch.kubernetes.io/controller-uid", "batch.kubernetes.io/job-name", "controller-uid", "job-name")
"""The server puts them on the template and into the selector; what it wrote there nobody but the cluster knows."""


def stateful_set(change: Change) -> Causes:
    """One cause a field, where the server has one for all: each stands where it can be seen."""
    free = tuple(name for name, since in _MAY_CHANGE.items() if change.number >= since)
    found = change.differences(_SPEC, lambda new, old: (_fixed_part(new, free), _fixed_part(old, free)))
    quoted = [f"'{name}'" for name in free]
    detail = f"updates to statefulset spec for fields other than {', '.join(quoted[:-1])} and {quoted[-1]} are forbidden"
    for field in dict.fromkeys(path[1] for path in found):
        yield forbidden(change, [p for p in found if p[1] == field], _SPEC, detail, remediation=_instead(change, str(field)))


def _instead(change: Change, field: str) -> str:
    if field == "volumeClaimTemplates":
        return (
            f"keep the volumeClaimTemplates as in the base; otherwise delete {change.named} without its pods"
            " (kubectl delete --cascade=orphan) and create it anew, and resize claims that exist already on their own"
        )
    return f"keep {field} as in the base, or delete {change.named} without its pods (kubectl delete --cascade=orphan) and create it anew"


def _fixed_part(spec: Any, free: tuple[str, ...]) -> Any:
    """Claim templates have neither kind nor status of their own."""
    kept = {name: value for name, value in (spec or {}).items() if name not in free}
    if claims := kept.get("volumeClaimTemplates"):
        kept["volumeClaimTemplates"] = [{k: v for k, v in c.items() if k not in ("apiVersion", "kind", "status")} for c in claims]
    return kept


def job(change: Change) -> Causes:
    spec, old = part(change.new, "spec"), part(change.old, "spec")
    yield from _completions(change)
    if found := change.differences((*_SPEC, "selector"), _without_generated_selector):
        yield refused(change, found, (*_SPEC, "selector"), "field is immutable")
    yield from _template(change, suspended=bool(old.get("suspend")))
    for name in ("completionMode", "podFailurePolicy", "backoffLimitPerIndex", "managedBy", "successPolicy"):
        if name in spec or name in old:
            yield from immutable(change, (*_SPEC, name))


def _completions(change: Change) -> Causes:
    """The completions of an Indexed Job grow and shrink with its parallelism."""
    path, spec = (*_SPEC, "completions"), part(change.new, "spec")
    if spec.get("completionMode") != "Indexed":
        yield from immutable(change, path)
    elif change.differences(path) and spec.get("completions") not in (None, spec.get("parallelism")):
        detail = "can only be modified in tandem with spec.parallelism"
        yield refused(change, [path], path, detail, remediation="give parallelism the same value")


def _without_generated_selector(new: Any, old: Any) -> tuple[Any, Any]:
    """A base without a selector has one in the cluster: a head that repeats it, as an export does, changes nothing."""
    labels = (new or {}).get("matchLabels") or {}
    return (None, None) if old is None and any(name in labels for name in _CONTROLLER_LABELS) else (new, old)


def _template(change: Change, *, suspended: bool) -> Causes:
    """A suspended Job's pods may be placed elsewhere; since 1.36 they may have other resources, too."""
    path, at = (*_SPEC, "template"), (*_SPEC, "template")
    adjust = _settled
    if suspended:
        adjust, at = (_sized_anew, (*path, "spec")) if change.number >= 36 else (_placed_anew, path)
    if found := change.differences(path, adjust):
        kept = f"a Job's pods are for life: give the Job another name, or delete {change.named} and create it anew"
        yield refused(change, found, at, "field is immutable", remediation=kept)


def _settled(new: Any, old: Any) -> tuple[Any, Any]:
    return _unlabelled(new), _unlabelled(old)


def _placed_anew(new: Any, old: Any) -> tuple[Any, Any]:
    return _unplaced(new or {}), _unplaced(old or {})


def _sized_anew(new: Any, old: Any) -> tuple[Any, Any]:
    new, old = ({"spec": spec["spec"]} for spec in _placed_anew(new, old))
    return _unsized(new, old), _unsized(old, new)


def _unlabelled(template: Any) -> Any:
    """Without the labels that are the server's own."""
    if not (labels := value_at(template, ("metadata", "labels"))):
        return template or {}
    kept = {k: v for k, v in labels.items() if k not in _CONTROLLER_LABELS}
    rest = {k: v for k, v in template["metadata"].items() if k != "labels"}
    metadata = {**rest, "labels": kept} if kept else rest
    return {**template, "metadata": metadata} if metadata else {k: v for k, v in template.items() if k != "metadata"}


def _unplaced(template: Any) -> Any:
    """Without what only says where pods go, and without labels and annotations."""
    spec = {k: v for k, v in (template.get("spec") or {}).items() if k not in ("nodeSelector", "tolerations", "schedulingGates")}
    affinity = {k: v for k, v in (spec.pop("affinity", None) or {}).items() if k != "nodeAffinity"}
    if affinity:
        spec["affinity"] = affinity
    metadata = {k: v for k, v in (template.get("metadata") or {}).items() if k not in ("labels", "annotations")}
    return {**template, "metadata": metadata, "spec": spec}


def _unsized(template: Any, other: Any) -> Any:
    """Without the resources of containers that have the same names in the same order."""
    spec = dict(template.get("spec") or {})
    for name in ("containers", "initContainers"):
        mine, theirs = spec.get(name) or [], (other.get("spec") or {}).get(name) or []
        if mine and len(mine) == len(theirs):
            spec[name] = [_resources_of(a, same=a.get("name") == b.get("name")) for a, b in zip(mine, theirs, strict=True)]
    return {**template, "spec": spec}


def _resources_of(container: Any, *, same: bool) -> Any:
    return {k: v for k, v in container.items() if k != "resources"} if same else container
