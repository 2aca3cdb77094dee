"""From what a rehearsal showed of one Deployment to its verdict, its table and the finding at the line that causes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgate.engine.api.apps import Deployment
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.controllers.deployment.rolling import fenceposts
from kgate.engine.controllers.deployment.status import has_deadline
from kgate.finding import Finding, Rule, Severity
from kgate.manifest import Manifest, Path
from kgate.outcome import Rehearsal
from kgate.rollout.causes import POD, Cause, cause
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.follow import Followed, follow
from kgate.rollout.placement import placement, snapshots, zone_skew
from kgate.rollout.rows import rows
from kgate.rollout.rules import DEADLINE_EXCEEDED, DOES_NOT_CONVERGE, NEVER_READY, UNSCHEDULABLE
from kgate.rollout.settings import RolloutSettings
from kgate.rollout.stage import Played, key_of, template_of
from kgate.rollout.startup import Startup, containers, startups
from kgate.rollout.story import told


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    rehearsal: Rehearsal
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rolled:
    """A world that was played, and what it was."""

    played: Played
    cluster: ClusterSpec
    settings: RolloutSettings
    alone: bool

    def bounds(self) -> str:
        """What a verdict holds for."""
        where = "the assumed cluster, with nothing else on it" if self.cluster.assumed else f"the cluster of {self.cluster.file}"
        return f"{where}; pods that start as said above; no node fails; ties broken as the scheduler breaks them"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verdict:
    verdict: str
    reason: str = ""
    rule: Rule | None = None
    path: Path = ()
    severity: Severity | None = None
    remediation: str | None = None


def described(manifest: Manifest, before: Manifest | None, settings: RolloutSettings) -> Rehearsal:
    """The Deployment as it is written, before anything is known of its rollout."""
    place = manifest.locate(())
    replicas = _mapping(manifest.body.get("spec")).get("replicas", 1)
    strategy = _mapping(_mapping(manifest.body.get("spec")).get("strategy")).get("type", "RollingUpdate")
    return Rehearsal(
        object=manifest.subject,
        file=manifest.file,
        line=place.line,
        column=place.column,
        verdict="unknown",
        bounds="",
        images=("" if before is None else _images(before), _images(manifest)),
        strategy=strategy if isinstance(strategy, str) else "RollingUpdate",
        replicas=replicas if isinstance(replicas, int) else 1,
    )


def judge(manifest: Manifest, before: Manifest | None, rolled: Rolled, *, fits_alone: Callable[[], bool]) -> Judged:
    """`fits_alone` is asked when new pods find no room beside the old ones."""
    key = key_of(manifest)
    played = rolled.played
    rehearsal = described(manifest, before, rolled.settings)
    if key in played.refused:
        return Judged(rehearsal=replace(rehearsal, reason=f"the API server refuses it: {played.refused[key]}"))
    followed = follow(played.events, played.begin, played.begin_ms, [key])[key]
    if followed.last is None:
        return Judged(rehearsal=replace(rehearsal, reason="it is not on the cluster after the change"))
    started = startups(template_of(manifest), rolled.settings.behaviour)
    rehearsal = _filled(rehearsal, followed, followed.last, rolled, started, key)
    verdict = _verdict(manifest, before, followed, rolled, started, fits_alone)
    return Judged(
        rehearsal=replace(rehearsal, verdict=verdict.verdict, reason=verdict.reason), findings=tuple(_findings(manifest, verdict))
    )


def _filled(r: Rehearsal, f: Followed, d: Deployment, rolled: Rolled, started: tuple[Startup, ...], key: Key) -> Rehearsal:
    """The facts: sizes, times, table, placement, proof."""
    posts = fenceposts(d)
    at = snapshots(rolled.played.events, [f.peak_at_ms])[f.peak_at_ms]
    mine = [p for p in rolled.played.cluster.store.list(Pod) if p.metadata.namespace == key.namespace and _selects(d, p)]
    return replace(
        r,
        bounds=rolled.bounds(),
        assumed=_assumed(rolled, started),
        strategy=d.spec.strategy.type,
        replicas=d.spec.replicas,
        surge=posts.surge,
        unavailable=posts.unavailable,
        floor=d.spec.replicas - posts.unavailable if d.spec.strategy.type == "RollingUpdate" else 0,
        completed_ms=f.completed_ms,
        lowest_available=f.lowest_available,
        peak_pods=f.peak_pods,
        deadline_s=d.spec.progress_deadline_seconds if has_deadline(d) else None,
        said=f.said,
        steps=rows(
            f.start,
            f.moves,
            most=d.spec.replicas + posts.surge,
            surges=posts.surge > 0 and f.start != type(f.start)(),
            at_once=d.spec.min_ready_seconds == 0,
        ),
        placement=placement(f, at, mine[0] if mine else None),
        zone_skew=zone_skew(f, at),
        trace=told(rolled.played.events, rolled.played.begin, rolled.played.begin_ms, key),
    )


def _assumed(rolled: Rolled, started: tuple[Startup, ...]) -> tuple[str, ...]:
    out: list[str] = []
    if rolled.cluster.assumed:
        nodes = rolled.cluster.nodes
        zones = ", ".join(n.zone for n in nodes)
        out.append(f"cluster: {len(nodes)} nodes of {nodes[0].cpu} cpu and {nodes[0].memory} in zones {zones}")
    out += [s.assumed for s in started if s.assumed]
    out += [f"priority class {name} has the value 0" for name in rolled.played.stand_ins]
    return tuple(dict.fromkeys(out))


def _verdict(
    manifest: Manifest,
    before: Manifest | None,
    f: Followed,
    rolled: Rolled,
    started: tuple[Startup, ...],
    fits_alone: Callable[[], bool],
) -> _Verdict:
    """One decision after another; the first that fits."""
    if rolled.played.given_up:
        return _Verdict(verdict="unknown", reason="the rehearsal was given up: it does not come to rest")
    if f.completed_ms is not None:
        return _late(manifest, f, started) if f.exceeded else _Verdict(verdict="pass")
    if f.unschedulable:
        return _unschedulable(manifest, before, f, rolled, fits_alone)
    broken = next(((i, m) for i, m in enumerate(_modes(manifest, rolled)) if m != "ok"), None)
    if broken is not None:
        index, mode = broken
        return _Verdict(
            verdict="fail",
            reason=f"new pods never become ready: the settings say that image {_image(manifest, index)!r} behaves as {mode!r}",
            rule=NEVER_READY,
            path=(*POD, "containers", index, "image"),
        )
    if f.exceeded:
        return _late(manifest, f, started)
    return _Verdict(
        verdict="fail",
        reason=f"the rollout never completes{': ' + f.said[-1] if f.said else ''}",
        rule=DOES_NOT_CONVERGE,
        path=("spec",),
    )


def _late(manifest: Manifest, f: Followed, started: tuple[Startup, ...]) -> _Verdict:
    """The deadline passed with no pod becoming available in time."""
    assert f.last is not None
    deadline = f.last.spec.progress_deadline_seconds or 0
    slowest = max((s.ms for s in started), default=0) // 1000
    ready = f.last.spec.min_ready_seconds
    needs = slowest + ready
    wait = f", with minReadySeconds {ready}" if ready else ""
    if needs >= deadline:
        reason = f"the progress deadline of {deadline}s passes before a pod is available, which takes {needs}s{wait}"
    else:
        reason = f"the rollout makes no progress for {deadline}s"
    return _Verdict(
        verdict="fail",
        reason=reason,
        rule=DEADLINE_EXCEEDED,
        path=_deadline_path(manifest),
        remediation=f"set spec.progressDeadlineSeconds above {needs}, or let pods start faster" if needs >= deadline else None,
    )


def _deadline_path(manifest: Manifest) -> Path:
    """Where the deadline is written, else where the pods are told to be slow, else the spec."""
    spec = _mapping(manifest.body.get("spec"))
    if "progressDeadlineSeconds" in spec:
        return ("spec", "progressDeadlineSeconds")
    return ("spec", "minReadySeconds") if spec.get("minReadySeconds") else ("spec",)


def _unschedulable(manifest: Manifest, before: Manifest | None, f: Followed, rolled: Rolled, fits_alone: Callable[[], bool]) -> _Verdict:
    """On an assumed cluster this proves nothing about the user's; where old pods are in the way, the strategy is the cause."""
    message = next((s for s in f.said if " nodes are available: " in s), "")
    found = cause(message, manifest.body, placed=f.placed)
    pods = f"{f.unschedulable} pod{'s' if f.unschedulable > 1 else ''}"
    if rolled.cluster.assumed:
        return _Verdict(
            verdict="unknown",
            reason=f"{pods} not schedulable on the assumed cluster ({found.reason}); describe yours in cluster.yaml",
            rule=UNSCHEDULABLE,
            path=found.path,
            severity=Severity.WARNING,
            remediation=f"describe the cluster (rollout.cluster: cluster.yaml); if it is like the assumed one: {found.remediation}",
        )
    if before is not None and f.start.old_ready and fits_alone():
        return _deadlock(manifest, f, found)
    return _Verdict(
        verdict="fail",
        reason=f"{pods} fit on no node: {found.reason}",
        rule=UNSCHEDULABLE,
        path=found.path,
        remediation=found.remediation,
    )


def _deadlock(manifest: Manifest, f: Followed, found: Cause) -> _Verdict:
    strategy = _mapping(_mapping(manifest.body.get("spec")).get("strategy"))
    rolling = _mapping(strategy.get("rollingUpdate"))
    path: Path = ("spec", "strategy", "rollingUpdate", "maxUnavailable") if "maxUnavailable" in rolling else ("spec", "strategy")
    still = f.last.status.available_replicas if f.last else 0
    return _Verdict(
        verdict="fail",
        reason=f"the rollout never completes: no node takes a new pod beside the old ones ({found.reason}); {still} pods keep serving",
        rule=DOES_NOT_CONVERGE,
        path=path,
        remediation="set maxUnavailable to 1 or more, so that an old pod makes room, or " + found.remediation,
    )


def _findings(manifest: Manifest, v: _Verdict) -> list[Finding]:
    if v.rule is None:
        return []
    return [
        Finding.at(
            manifest, v.path, rule=v.rule, message=v.reason, key=_is_key(manifest, v.path), severity=v.severity, remediation=v.remediation
        )
    ]


def _is_key(manifest: Manifest, path: Path) -> bool:
    """A block (a mapping or a list) is pointed at by its key, a value by itself."""
    node: Any = manifest.body
    for step in path:
        try:
            node = node[step]
        except (KeyError, IndexError, TypeError):
            return True
    return isinstance(node, Mapping | list)


def _modes(manifest: Manifest, rolled: Rolled) -> list[str]:
    return [rolled.settings.behaviour.of(str(c.get("image") or "")).mode for c in containers(template_of(manifest))]


def _image(manifest: Manifest, index: int) -> str:
    return str(list(containers(template_of(manifest)))[index].get("image") or "")


def _images(manifest: Manifest) -> str:
    return ", ".join(str(c.get("image") or "") for c in containers(template_of(manifest)))


def _selects(d: Deployment, pod: Pod) -> bool:
    labels = d.spec.template.metadata.labels
    return all(pod.metadata.labels.get(k) == v for k, v in labels.items())


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
