"""Which ReplicaSet has the Deployment's template, and what number it bears (pkg/controller/deployment/util/deployment_util.go)."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec.structs import replace

from kgate.engine.api import names
from kgate.engine.api.apps import Deployment, ReplicaSet, ReplicaSetSpec
from kgate.engine.api.codec import encode_fields
from kgate.engine.api.core import PodTemplateSpec
from kgate.engine.api.meta import FrozenMap, Labels, ObjectMeta, OwnerReference
from kgate.engine.controllers.deployment.rolling import by_creation, fenceposts
from kgate.engine.controllers.deployment.scaling import DESIRED, MAX

REVISION, HISTORY = "deployment.kubernetes.io/revision", "deployment.kubernetes.io/revision-history"
ROLLBACK_TO = "deprecated.deployment.rollback.to"
HASH = "pod-template-hash"
HISTORY_LIMIT_CHARS = 2000
NOT_COPIED = frozenset({"kubectl.kubernetes.io/last-applied-configuration", REVISION, HISTORY, DESIRED, MAX, ROLLBACK_TO})
MAX_NAME = 253


def find_new(d: Deployment, every: Sequence[ReplicaSet]) -> ReplicaSet | None:
    """The oldest ReplicaSet with the Deployment's template, so going back to an old template re-uses its old set."""
    wanted = d.spec.template
    for rs in sorted(every, key=by_creation):
        if same_template(rs.spec.template, wanted):
            return rs
    return None


def same_template(a: PodTemplateSpec, b: PodTemplateSpec) -> bool:
    """Equal but for the label pod-template-hash."""
    if a.spec != b.spec or a.rest != b.rest:
        return False
    return a.metadata == b.metadata or a.metadata.labelled(HASH, None) == b.metadata.labelled(HASH, None)


def revision(obj: Deployment | ReplicaSet) -> int:
    """0 when it has none or none that is a number."""
    text = obj.metadata.annotations.get(REVISION, "")
    return int(text) if _is_number(text) else 0


def last_revision(every: Sequence[ReplicaSet]) -> int:
    """The second highest; 0 when there is none (LastRevision)."""
    return ([0, 0, *sorted(revision(rs) for rs in every)])[-2]


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit()


def annotated(d: Deployment, rs: ReplicaSet, number: int) -> ReplicaSet:
    """With the Deployment's annotations and, if it grows, the revision; the old number then joins the history.

    A set whose revision is no number is left alone.
    """
    annotations = dict(rs.metadata.annotations)
    annotations.update((k, v) for k, v in d.metadata.annotations.items() if k not in NOT_COPIED)
    mine = annotations.get(REVISION)
    if mine and not _is_number(mine):
        return rs
    if revision(rs) < number:
        annotations[REVISION] = str(number)
        if mine is not None:
            annotations[HISTORY] = _with_history(annotations.get(HISTORY, ""), mine)
    if annotations == rs.metadata.annotations:
        return rs
    return replace(rs, metadata=replace(rs.metadata, annotations=FrozenMap(annotations)))


def _with_history(history: str, old: str) -> str:
    """The newest numbers that fit into 2000 characters."""
    numbers = [*filter(None, history.split(",")), old]
    while len(numbers) > 1 and len(",".join(numbers)) > HISTORY_LIMIT_CHARS:
        numbers.pop(0)
    return ",".join(numbers)


def sized(d: Deployment, rs: ReplicaSet, replicas: int) -> ReplicaSet:
    """At that size, and remembering under which totals it was given it."""
    annotations = {**rs.metadata.annotations, DESIRED: str(d.spec.replicas), MAX: str(d.spec.replicas + fenceposts(d).surge)}
    if annotations != rs.metadata.annotations:
        rs = replace(rs, metadata=replace(rs.metadata, annotations=FrozenMap(annotations)))
    return rs if rs.spec.replicas == replicas else rs.scaled_to(replicas)


def first_set(d: Deployment, number: int, replicas: int) -> ReplicaSet:
    """A ReplicaSet for the Deployment's template, not yet stored."""
    hash_ = template_hash(d)
    template, selector = d.spec.template, d.spec.selector
    labels: Labels = template.metadata.labels.with_(HASH, hash_)
    owner = OwnerReference(
        api_version=d.api_version, kind=d.kind, name=d.metadata.name, uid=d.metadata.uid, controller=True, block_owner_deletion=True
    )
    name = f"{d.metadata.name[: MAX_NAME - 1 - len(hash_)]}-{hash_}"
    rs = ReplicaSet(
        metadata=ObjectMeta(name=name, namespace=d.metadata.namespace, labels=labels, owner_references=(owner,)),
        spec=ReplicaSetSpec(
            replicas=replicas,
            min_ready_seconds=d.spec.min_ready_seconds,
            selector=replace(selector, match_labels=selector.match_labels.with_(HASH, hash_)),
            template=replace(template, metadata=replace(template.metadata, labels=labels)),
        ),
    )
    return sized(d, annotated(d, rs, number), replicas)


def template_hash(d: Deployment) -> str:
    """Depends on the template and on how often the name was already taken by another one."""
    text = repr(_sorted(encode_fields(d.spec.template)))
    return names.template_hash(f"{d.status.collision_count or ''}{text}")


def _sorted(value: object) -> object:
    if isinstance(value, dict):
        return sorted((k, _sorted(v)) for k, v in value.items())
    return [_sorted(v) for v in value] if isinstance(value, list) else value
