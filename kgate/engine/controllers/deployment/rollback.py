"""Back to an earlier template, as the annotation `deprecated.deployment.rollback.to` asks (pkg/controller/deployment/rollback.go)."""

from __future__ import annotations

from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import PodTemplateSpec
from kgate.engine.api.meta import FrozenMap, Labels
from kgate.engine.controllers.deployment import revisions
from kgate.engine.controllers.deployment.sync import SOURCE, Sync


def asked_for(d: Deployment) -> int | None:
    """The revision to go back to, 0 for the last one; None when nobody asks or the annotation is no number."""
    text = d.metadata.annotations.get(revisions.ROLLBACK_TO, "")
    digits = text[1:] if text[:1] in ("+", "-") else text
    return int(text) if digits.isascii() and digits.isdigit() else None


def roll_back(s: Sync) -> None:
    """Takes over the template of that revision and forgets that it was asked to. The rollout itself is the next sync's work."""
    if s.new is None:
        s.create_new()
    number = asked_for(s.d) or revisions.last_revision(s.every)
    if number == 0:
        _refuse(s, "DeploymentRollbackRevisionNotFound", "Unable to find last revision.")
        return
    target = next((rs for rs in s.every if revisions.revision(rs) == number), None)
    if target is None:
        _refuse(s, "DeploymentRollbackRevisionNotFound", "Unable to find the revision to rollback to.")
    elif revisions.same_template(target.spec.template, s.d.spec.template):
        said = f'The rollback revision contains the same template as current deployment "{s.d.metadata.name}"'
        _refuse(s, "DeploymentRollbackTemplateUnchanged", said)
    else:
        _take_over(s, target, number)


def _refuse(s: Sync, reason: str, message: str) -> None:
    s.manager.record(s.d, "Warning", reason, message, source=SOURCE)
    _write(s, s.d)


def _take_over(s: Sync, target: ReplicaSet, number: int) -> None:
    d = replace(s.d, spec=replace(s.d.spec, template=template_of(target)))
    _write(s, replace(d, metadata=replace(d.metadata, annotations=annotations_of(s.d, target))))
    said = f'Rolled back deployment "{s.d.metadata.name}" to revision {number}'
    s.manager.record(s.d, "Normal", "DeploymentRollback", said, source=SOURCE)


def template_of(rs: ReplicaSet) -> PodTemplateSpec:
    """As the Deployment had it: without the label pod-template-hash."""
    return replace(rs.spec.template, metadata=rs.spec.template.metadata.labelled(revisions.HASH, None))


def annotations_of(d: Deployment, rs: ReplicaSet) -> Labels:
    """The set's, but for those that each of the two keeps for itself, such as the revision."""
    kept = {k: v for k, v in d.metadata.annotations.items() if k in revisions.NOT_COPIED}
    return FrozenMap(kept | {k: v for k, v in rs.metadata.annotations.items() if k not in revisions.NOT_COPIED})


def _write(s: Sync, d: Deployment) -> None:
    s.store.update(replace(d, metadata=d.metadata.annotated(revisions.ROLLBACK_TO, None)))
