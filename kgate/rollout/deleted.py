"""Deployments that are in base and no longer in head: what goes with them, how long that takes, and what is left without anybody.

Deleting is not applying: it is whoever prunes that does it. The engine plays it on the cluster where the base version has settled
(pkg/controller/garbagecollector: in the background, ReplicaSets and pods follow).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, ReplicaSet
from kgate.engine.api.core import Pod
from kgate.engine.errors import ApiError, LivelockError
from kgate.finding import Finding
from kgate.manifest import Manifest
from kgate.outcome import Proof, Rehearsal
from kgate.rollout import Validate
from kgate.rollout.change import Effect
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.facts import described, images
from kgate.rollout.gathered import Gathered, identity, pod_labels
from kgate.rollout.limits import MOST_PODS, replicas, unknown
from kgate.rollout.rules import LEFT_BEHIND
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.stage import key_of, play, template_of
from kgate.rollout.startup import span
from kgate.rollout.verdict import Judged
from kgate.rollout.volumes import Claim, nowhere, with_stand_ins
from kgate.rollout.written import mapping

MOST_PLAYED = 50
"""Deployments deleted together that are played; of the others only what is written is told."""
_GRACE_S = 30
_LIMIT_MS = 3_600_000


def deleted(
    whole: Sequence[Manifest],
    head: Gathered,
    base: Gathered,
    settings: RolloutSettings,
    cluster: ClusterSpec,
    claims: frozenset[Claim],
    validate: Validate | None,
) -> Iterator[Judged]:
    """In the order of base. `whole` is all there is in head, also what is refused."""
    there = {identity(m) for m in whole if m.kind == "Deployment"}
    gone = [m[0] for name, m in base.deployments.items() if name not in there and m[0].group == "apps"]
    for i, manifest in enumerate(gone):
        on = with_stand_ins(cluster, [*base.supports([manifest]), manifest])
        playable = i < MOST_PLAYED and not unknown(manifest) and not nowhere(manifest, claims, cluster) and replicas(manifest) <= MOST_PODS
        went = _went(manifest, base, settings, on, validate) if playable else None
        left = list(_left_behind(manifest, whole, head))
        found = (_found(manifest, m, settings) for m in left if _asked(m, settings))
        yield Judged(rehearsal=_told(manifest, went, on, left), findings=tuple(found))


def _went(manifest: Manifest, base: Gathered, settings: RolloutSettings, cluster: ClusterSpec, validate: Validate | None) -> str | None:
    """What went and how long it took; None when that cannot be played."""
    key = key_of(manifest)
    try:
        world = play([], [*base.supports([manifest]), manifest], cluster, settings.behaviour, validate).cluster
        if world.store.get(Deployment, key.namespace, key.name) is None:
            return None
        # It is the only Deployment there, and pods of others have no owner.
        sets = [rs for rs in world.store.list(ReplicaSet, key.namespace) if rs.metadata.controller is not None]
        pods = [p.metadata.uid for p in world.store.list(Pod, key.namespace) if p.metadata.controller is not None]
        begin = world.now_ms
        world.delete("Deployment", key.name, key.namespace)
        ended = world.run_until(lambda: not _any(world.store.list(Pod, key.namespace), pods), begin + _LIMIT_MS)
    except (ApiError, LivelockError):
        return None
    after = f"the last of them {span(world.now_ms - begin)} later" if ended else "and some of them never do"
    what = f"{len(sets)} ReplicaSet{'' if len(sets) == 1 else 's'} and {len(pods)} pod{'' if len(pods) == 1 else 's'}"
    return f"{what} go with it, {after}" if pods else f"{what} go with it"


def _any(pods: Sequence[Pod], uids: Sequence[str]) -> bool:
    return any(p.metadata.uid in uids for p in pods)


def _told(manifest: Manifest, went: str | None, cluster: ClusterSpec, left: Sequence[Manifest]) -> Rehearsal:
    grace = mapping(template_of(manifest).get("spec")).get("terminationGracePeriodSeconds", _GRACE_S)
    pods = f"its {replicas(manifest)} pod{'' if replicas(manifest) == 1 else 's'}"
    reason = f"deleted, once somebody prunes it: {went or f'{pods} go within their grace period of {grace}s'}"
    where = "the assumed cluster, empty" if cluster.assumed else f"the cluster of {cluster.file}"
    return replace(
        described(manifest, None),
        verdict="pass",
        effect=Effect.DELETED.value,
        images=(images(manifest), ""),
        reason=reason,
        bounds=f"{where}; deletion in the background; no finalizers" if went else "deletion in the background; no finalizers",
        proofs=tuple(_proof(manifest, m) for m in left),
    )


def _left_behind(manifest: Manifest, whole: Sequence[Manifest], head: Gathered) -> Iterator[Manifest]:
    """What of head was about its pods, or about itself, and is about nothing now; in the order of the files."""
    key = key_of(manifest)
    labels = [p for m in head.neighbours.get(key.namespace, ()) if (p := pod_labels(m)) is not None]
    own = mapping(mapping(template_of(manifest).get("metadata")).get("labels"))
    for other in whole:
        if key_of(other).namespace != key.namespace:
            continue
        if other.kind == "HorizontalPodAutoscaler":
            target = mapping(mapping(other.body.get("spec")).get("scaleTargetRef"))
            if (target.get("kind"), target.get("name")) == ("Deployment", manifest.name):
                yield other
        elif other.kind in ("Service", "PodDisruptionBudget"):
            wanted = _selected(other)
            if wanted and _has(own, wanted) and not any(_has(p, wanted) for p in labels):
                yield other


def _selected(manifest: Manifest) -> Mapping[str, object]:
    """Labels that it asks for; a budget with expressions is left to its own question."""
    selector = mapping(mapping(manifest.body.get("spec")).get("selector"))
    if manifest.kind == "Service":
        return selector
    return {} if selector.get("matchExpressions") else mapping(selector.get("matchLabels"))


def _has(labels: Mapping[str, object], wanted: Mapping[str, object]) -> bool:
    return all(labels.get(k) == v for k, v in wanted.items())


_NOTHING = {
    "Service": "has no endpoints any more",
    "HorizontalPodAutoscaler": "has nothing to scale any more",
    "PodDisruptionBudget": "protects nothing any more",
}


def _sentence(manifest: Manifest, left: Manifest) -> str:
    why = f"Deployment {manifest.name} is deleted, and nothing else of the files takes its place"
    return f"{left.kind} {left.name} {_NOTHING[left.kind]}: {why}"


def _proof(manifest: Manifest, left: Manifest) -> Proof:
    return Proof(question=LEFT_BEHIND.name, level="fails", statement=_sentence(manifest, left), bounds="the objects of the files")


def _asked(left: Manifest, settings: RolloutSettings) -> bool:
    """A budget that selects nothing is found by a question of its own."""
    return left.kind != "PodDisruptionBudget" and settings.severity(LEFT_BEHIND) is not None


def _found(manifest: Manifest, left: Manifest, settings: RolloutSettings) -> Finding:
    path = ("spec", "scaleTargetRef") if left.kind == "HorizontalPodAutoscaler" else ("spec", "selector")
    severity = settings.severity(LEFT_BEHIND)
    return Finding.at(left, path, rule=LEFT_BEHIND, message=_sentence(manifest, left), key=True, severity=severity)
