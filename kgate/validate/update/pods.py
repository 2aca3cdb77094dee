"""Updates of a Pod on its own (pkg/apis/core/validation/validation.go:ValidatePodUpdate)."""

from __future__ import annotations

from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Causes, items, part, text
from kgate.validate.update.change import Change, anew, forbidden, refused

_SPEC: Path = ("spec",)
_DETAIL = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,"
    "`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds`"
    " (allow it to be set to 1 if it was previously negative)"
)
_OF_THE_CLUSTER = ("nodeName", "priority")
"""Set by the scheduler or by admission: a head that names them where the base does not may only repeat what is there."""


def pod(change: Change) -> Causes:
    for name in ("containers", "initContainers"):
        new, old = part(change.new, "spec").get(name) or (), part(change.old, "spec").get(name) or ()
        if len(new) != len(old):
            path = (*_SPEC, name)
            yield forbidden(change, change.differences(path), path, "pod updates may not add or remove containers")
            return
    yield from _deadline(change)
    yield from _tolerations(change)
    yield from _gates(change)
    if found := change.differences(_SPEC, _without_free_fields):
        gated = bool(part(change.old, "spec").get("schedulingGates"))
        yield from _gated(change, found) if gated else [forbidden(change, found, _SPEC, _DETAIL)]


def _deadline(change: Change) -> Causes:
    """It may come and shrink, but neither grow nor go."""
    path = (*_SPEC, "activeDeadlineSeconds")
    new, old = (part(body, "spec").get("activeDeadlineSeconds") for body in (change.new, change.old))
    if new is None and old is not None:
        yield refused(change, [path], path, "must not update from a positive integer to nil value", remediation="leave it as it was")
    elif new is not None and old is not None and old < new:
        yield refused(change, [path], path, "must be less than or equal to previous value", remediation=f"write {old} or less")


def _tolerations(change: Change) -> Causes:
    """New ones may come; of those that are there only tolerationSeconds may change."""
    path = (*_SPEC, "tolerations")
    new, old = ([_untimed(t) for t in change.plain(body, path) or ()] for body in (change.new, change.old))
    if any(toleration not in new for toleration in old):
        yield forbidden(change, [path], path, "existing toleration can not be modified except its tolerationSeconds")


def _untimed(toleration: Any) -> Any:
    return {k: v for k, v in toleration.items() if k != "tolerationSeconds"}


def _gates(change: Change) -> Causes:
    there = {text(gate, "name") for _, gate in items(part(change.old, "spec"), "schedulingGates", _SPEC)}
    for path, gate in items(part(change.new, "spec"), "schedulingGates", _SPEC):
        if (name := text(gate, "name")) not in there:
            at = (*path, "name")
            yield forbidden(change, [at], at, f"only deletion is allowed, but found new scheduling gate '{name}'")


def _without_free_fields(new: Any, old: Any) -> tuple[Any, Any]:
    new, old = dict(new or {}), dict(old or {})
    for name in ("containers", "initContainers"):
        for spec in (new, old):
            if name in spec:
                spec[name] = [{k: v for k, v in container.items() if k != "image"} for container in spec[name]]
    for spec in (new, old):
        for name in ("activeDeadlineSeconds", "tolerations", "schedulingGates"):
            spec.pop(name, None)
    for name in _OF_THE_CLUSTER:
        if name not in old:
            new.pop(name, None)
    if (old.get("terminationGracePeriodSeconds") or 0) < 0 and new.get("terminationGracePeriodSeconds") == 1:
        new["terminationGracePeriodSeconds"] = old["terminationGracePeriodSeconds"]
    return new, old


def _gated(change: Change, found: list[Path]) -> Causes:
    """While a pod waits behind its gates its node selector may get stricter. Whether another node affinity is stricter is not judged."""
    selector, affinity = (*_SPEC, "nodeSelector"), (*_SPEC, "affinity", "nodeAffinity")
    new, old = (part(part(body, "spec"), "nodeSelector") for body in (change.new, change.old))
    if any(new.get(key) != value for key, value in old.items()):
        detail = "only additions to spec.nodeSelector are allowed (no mutations or deletions)"
        yield refused(change, change.differences(selector), selector, detail)
    if rest := [p for p in found if p[:2] != selector and p[:3] != affinity and p != (*_SPEC, "affinity")]:
        yield forbidden(change, rest, _SPEC, _DETAIL, remediation=anew(change, rest))
