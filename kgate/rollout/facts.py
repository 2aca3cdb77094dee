"""What the report shows of one Deployment's rollout, whatever the verdict: sizes, times, the table, the placement, the proof."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.admission.defaulting import set_defaults
from kgate.engine.api.apps import Deployment
from kgate.engine.api.codec import decode
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.api.quota import ResourceQuota
from kgate.engine.controllers.deployment.rolling import fenceposts
from kgate.engine.controllers.deployment.status import has_deadline
from kgate.manifest import Manifest
from kgate.outcome import Because, Rehearsal
from kgate.rollout.age import taken
from kgate.rollout.census import Census, census
from kgate.rollout.change import Difference, change
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.follow import Followed, follow
from kgate.rollout.growth import grows
from kgate.rollout.placement import Snapshot, placement, snapshots, zone_skew
from kgate.rollout.rows import Pods, rows
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.stage import Played, key_of, template_of
from kgate.rollout.startup import Startup, containers, span
from kgate.rollout.story import told
from kgate.rollout.written import mapping

MOST_SAID = 8
"""Messages that a report repeats; the trace has them all."""


class Rolled(Struct, frozen=True, kw_only=True):
    """A world that was played, and what it was."""

    played: Played
    cluster: ClusterSpec
    settings: RolloutSettings
    autoscaled: Mapping[Key, str]
    """Names of HorizontalPodAutoscalers by the Deployment they scale."""
    vertical: Mapping[Key, str]
    """The same of VerticalPodAutoscalers that change pods."""
    absent: int
    """Workloads of the set that are not on the cluster, though they would take room there."""
    followed: Mapping[Key, Followed]
    census: Mapping[Key, Census]
    shots: Mapping[int, Snapshot]
    """How things stood at each Deployment's tightest moment."""
    stories: Mapping[Key, str]

    @classmethod
    def of(
        cls,
        played: Played,
        cluster: ClusterSpec,
        settings: RolloutSettings,
        keys: Sequence[Key],
        *,
        autoscaled: Mapping[Key, str],
        vertical: Mapping[Key, str],
        absent: int,
    ) -> Rolled:
        """Reads the trace once for all Deployments."""
        followed = follow(played.events, played.begin, played.begin_ms, keys)
        return cls(
            played=played,
            cluster=cluster,
            settings=settings,
            autoscaled=autoscaled,
            vertical=vertical,
            absent=absent,
            followed=followed,
            census=census(played.events, played.begin, played.begin_ms, _floors(followed, settings)),
            shots=snapshots(played.events, [f.peak_at_ms for f in followed.values()]),
            stories=told(played.events, played.begin, played.begin_ms, keys),
        )

    def bounds(self, started: Sequence[Startup]) -> str:
        """What a verdict holds for."""
        where = "the assumed cluster, empty" if self.cluster.assumed else f"the cluster of {self.cluster.file}{taken(self.cluster)}"
        slowest = max((s.ms for s in started), default=0)
        return f"{where}; pods ready {span(slowest)} after they are bound; no failures; ties as kube-scheduler breaks them"

    def assumed(self, key: Key, started: Sequence[Startup]) -> tuple[str, ...]:
        """What nobody told kgate, in a few words each."""
        out: list[str] = []
        if self.cluster.assumed:
            nodes = self.cluster.nodes
            out.append(
                f"cluster: {len(nodes)} nodes of {nodes[0].cpu} cpu and {nodes[0].memory} in zones {', '.join(n.zone for n in nodes)}"
            )
        out += [grows(g) for g in self.cluster.growth]
        out += [s.assumed for s in started if s.assumed]
        out += [f"priority class {name} has the value 0" for name in self.played.stand_ins]
        out += self._volumes(key)
        if key in self.played.unsettled:
            out.append("the base version was not complete when the change came")
        if self.absent and not self.cluster.assumed:
            out.append(
                f"no room is taken by {self.absent} other workload{'s' if self.absent > 1 else ''} of the files, which are not rehearsed"
            )
        shared = "this Deployment" if self.cluster.assumed else "what is rehearsed"
        out += [f"quota {name} counts nothing but {shared}" for name in self._quotas(key.namespace)]
        if key in self.autoscaled:
            out.append(f"no usage of the pods is known: HorizontalPodAutoscaler {self.autoscaled[key]} only keeps to its bounds")
        if key in self.vertical:
            out.append(f"no usage of the pods is known: VerticalPodAutoscaler {self.vertical[key]} leaves their requests as they are")
        return tuple(dict.fromkeys(out))

    def _volumes(self, key: Key) -> Iterator[str]:
        """What is assumed of the claims of its pods, in the order of the volumes."""
        known, d = self.cluster.assumed_volumes, self.followed[key].last
        for volume in d.spec.template.spec.volumes if d is not None and known else ():
            source = volume.persistent_volume_claim
            named = source.claim_name if source is not None else f"{key.name}/{volume.name}"
            if sentence := known.get((key.namespace, named)):
                yield f"claim {named}: {sentence}" if source is not None else f"volume {volume.name}: {sentence}"

    def _quotas(self, namespace: str) -> list[str]:
        return [q.metadata.name for q in self.played.cluster.store.list(ResourceQuota, namespace)]


def _floors(followed: Mapping[Key, Followed], settings: RolloutSettings) -> dict[Key, int]:
    """What somebody asks for, else what the strategy keeps available."""
    out: dict[Key, int] = {}
    for key, f in followed.items():
        if f.last is not None:
            asked = settings.floor(key.namespace, key.name, f.last.spec.replicas)
            out[key] = own_floor(f.last) if asked is None else asked
    return out


def own_floor(d: Deployment) -> int:
    """What a rolling update keeps available; 0 for Recreate."""
    return d.spec.replicas - fenceposts(d).unavailable if d.spec.strategy.type == "RollingUpdate" else 0


def described(manifest: Manifest, before: Manifest | None) -> Rehearsal:
    """The Deployment as it is written, before anything is known of its rollout: the verdict is unknown."""
    place = manifest.locate(())
    rehearsal = Rehearsal(
        object=manifest.subject,
        # Of a rendered object the app's file: several apps may roll out one and the same line of their base.
        file=manifest.file,
        line=1 if place.file else place.line,
        column=1 if place.file else place.column,
        verdict="unknown",
        bounds="",
        images=("" if before is None else images(before), images(manifest)),
    )
    rehearsal = _caused(rehearsal, manifest, before)
    deployment = _sizes(manifest)
    return rehearsal if deployment is None else _sized(rehearsal, deployment)


def _caused(r: Rehearsal, manifest: Manifest, before: Manifest | None) -> Rehearsal:
    """With what the change does, unless one of the versions cannot be read."""
    try:
        changed = change(before, manifest)
    except ValueError:
        return r
    return replace(r, effect=changed.effect.value, causes=tuple(_because(manifest, d) for d in changed.causes))


def _because(manifest: Manifest, d: Difference) -> Because:
    place = manifest.locate(d.path)
    return Because(field=d.field, was=d.was, now=d.now, line=place.line, column=place.column, file=place.file)


def _sizes(manifest: Manifest) -> Deployment | None:
    """A Deployment with the replicas and the strategy of the manifest, defaults filled in; None when they cannot be read."""
    spec = mapping(manifest.body.get("spec"))
    kept = {k: copy.deepcopy(spec[k]) for k in ("replicas", "strategy") if spec.get(k) is not None}
    body: dict[str, Any] = {"apiVersion": "apps/v1", "kind": "Deployment", "spec": kept}
    try:
        set_defaults(body)
        decoded = decode(body)
        return decoded if isinstance(decoded, Deployment) and fenceposts(decoded) else None
    except (ValueError, TypeError, AttributeError):  # no Deployment that the API server would take
        return None


def _sized(r: Rehearsal, d: Deployment) -> Rehearsal:
    posts = fenceposts(d)
    return replace(
        r,
        strategy=d.spec.strategy.type,
        replicas=d.spec.replicas,
        surge=posts.surge,
        unavailable=posts.unavailable,
        floor=own_floor(d),
    )


def filled(r: Rehearsal, manifest: Manifest, f: Followed, rolled: Rolled, started: Sequence[Startup]) -> Rehearsal:
    """With everything that was seen. The Deployment was on the cluster at the end."""
    assert f.last is not None
    d, key = f.last, key_of(manifest)
    r = _sized(r, d)
    where = placement(f, rolled.shots[f.peak_at_ms], _a_pod(rolled.played, key, d))
    return replace(
        r,
        bounds=rolled.bounds(started),
        assumed=rolled.assumed(key, started),
        completed_ms=f.completed_ms,
        lowest_available=f.lowest_available,
        peak_pods=f.peak_pods,
        deadline_s=d.spec.progress_deadline_seconds if has_deadline(d) else None,
        said=f.said[:MOST_SAID],
        steps=rows(
            f.start,
            f.moves,
            most=d.spec.replicas + r.surge,
            surges=r.surge > 0 and f.start != Pods(),
            at_once=d.spec.min_ready_seconds == 0,
        ),
        placement=where,
        zone_skew=zone_skew(where),
        trace=rolled.stories[key],
    )


def _a_pod(played: Played, key: Key, d: Deployment) -> Pod | None:
    """Any pod of the Deployment, for its tolerations."""
    wanted = d.spec.template.metadata.labels
    pods = played.cluster.store.list(Pod, key.namespace)
    return next((p for p in pods if all(p.metadata.labels.get(k) == v for k, v in wanted.items())), None)


def images(manifest: Manifest) -> str:
    return ", ".join(str(c.get("image") or "") for c in containers(template_of(manifest)))
