"""From what a rehearsal showed of one Deployment to its verdict, and the finding at the line that causes it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.apps import Deployment
from kgate.finding import Finding, Rule, Severity
from kgate.manifest import Manifest, Path
from kgate.outcome import Rehearsal
from kgate.rollout.causes import POD, Cause, cause, reasons
from kgate.rollout.change import Effect
from kgate.rollout.facts import Rolled, described, filled
from kgate.rollout.follow import Followed
from kgate.rollout.pods import PodManners
from kgate.rollout.refusals import refusal
from kgate.rollout.rules import DEADLINE_EXCEEDED, DOES_NOT_CONVERGE, NEVER_READY, PODS_REFUSED, UNSCHEDULABLE
from kgate.rollout.stage import key_of, template_of
from kgate.rollout.startup import Startup, containers, span, startups
from kgate.rollout.written import node


class Judged(Struct, frozen=True, kw_only=True):
    """One Deployment: what was seen, and what is to be said of it."""

    rehearsal: Rehearsal
    findings: tuple[Finding, ...] = ()
    same_cause: tuple[str, ...] = ()
    """Names of the questions that would find the same cause as the finding of the verdict."""


class _Verdict(Struct, frozen=True, kw_only=True):
    """The answer, before it has a place in a file."""

    verdict: str
    reason: str = ""
    rule: Rule | None = None
    path: Path = ()
    severity: Severity | None = None
    remediation: str | None = None
    same_cause: tuple[str, ...] = ()

    def finding(self, manifest: Manifest) -> tuple[Finding, ...]:
        if self.rule is None:
            return ()
        block = _is_block(manifest, self.path)
        return (
            Finding.at(
                manifest,
                self.path,
                rule=self.rule,
                message=self.reason,
                key=block,
                severity=self.severity,
                remediation=self.remediation,
            ),
        )


def judge(manifest: Manifest, before: Manifest | None, rolled: Rolled, *, fits_alone: Callable[[], bool]) -> Judged:
    """`fits_alone` is asked when new pods find no room beside the old ones."""
    key, played = key_of(manifest), rolled.played
    rehearsal = described(manifest, before)
    if key in played.refused:
        return Judged(rehearsal=replace(rehearsal, reason=f"the API server refuses it: {played.refused[key]}"))
    if before is not None and key in played.refused_before:
        return Judged(rehearsal=replace(rehearsal, reason=f"its version in base is refused: {played.refused_before[key]}"))
    followed = rolled.followed[key]
    if followed.last is None:
        return Judged(rehearsal=replace(rehearsal, reason="it is not on the cluster after the change"))
    started = startups(template_of(manifest), rolled.settings.behaviour)
    case = _Case(
        manifest=manifest,
        before=before,
        f=followed,
        last=followed.last,
        rolled=rolled,
        started=started,
        same=rehearsal.effect == Effect.SAME,
    )
    verdict = case.verdict(fits_alone)
    shown = replace(filled(rehearsal, manifest, followed, rolled, started), verdict=verdict.verdict, reason=verdict.reason)
    return Judged(rehearsal=shown, findings=verdict.finding(manifest), same_cause=verdict.same_cause)


class _Case(Struct, frozen=True, kw_only=True):
    """Everything that one decision looks at."""

    manifest: Manifest
    before: Manifest | None
    f: Followed
    last: Deployment
    rolled: Rolled
    started: Sequence[Startup]
    same: bool
    """What is written differs, and what the API server makes of it does not."""

    def verdict(self, fits_alone: Callable[[], bool]) -> _Verdict:
        """One decision after another; the first that fits."""
        if self.rolled.played.given_up:
            return _Verdict(verdict="unknown", reason="the rehearsal was given up: it does not come to rest")
        if self.f.completed_ms is None and (claim := held(self.f.said)) is not None:
            return self._claim_held(claim)
        if self.f.completed_ms is None and self.f.unschedulable:
            return self._unschedulable(fits_alone)
        if self.f.refused:
            return self._refused(fits_alone)
        broken = self._broken()
        if broken is not None:
            return broken
        if self.f.exceeded:
            return self._late()
        if self.f.completed_ms is not None:
            return _Verdict(verdict="pass", reason=NOTHING if self.same else "")
        said = f": {self.f.said[-1]}" if self.f.said else ""
        return _Verdict(verdict="fail", reason=f"the rollout never completes{said}", rule=DOES_NOT_CONVERGE, path=("spec",))

    def _refused(self, fits_alone: Callable[[], bool]) -> _Verdict:
        """Where old pods use up a quota, the strategy is the cause: surge needs room for more pods than there are replicas."""
        found = refusal(self.f.refused, self.manifest.body)
        serving = self.last.status.available_replicas
        if found.reason.startswith("exceeded quota: ") and self.before is not None and self.f.start.old_ready and fits_alone():
            return _Verdict(
                verdict="fail",
                reason=f"no new pod is created beside the old ones: {found.reason}; {serving} available pods keep serving",
                rule=PODS_REFUSED,
                path=_first_written(self.manifest, ("spec", "strategy", "rollingUpdate", "maxSurge"), ("spec", "strategy")),
                remediation="set maxSurge to 0 and maxUnavailable to 1 or more, so that an old pod goes first, or raise the quota",
                same_cause=(SURGE_OVER_QUOTA,),
            )
        return _Verdict(
            verdict="fail",
            reason=f"pods are not created: {found.reason}",
            rule=PODS_REFUSED,
            path=found.path,
            remediation=found.remediation,
            same_cause=(SURGE_OVER_QUOTA,) if found.reason.startswith("exceeded quota: ") else (),
        )

    def _broken(self) -> _Verdict | None:
        """The settings say that an image does not start, or does not last."""
        well = self.f.completed_ms is not None and not self.f.exceeded
        for i, container in enumerate(containers(template_of(self.manifest))):
            image = str(container.get("image") or "")
            manners = self.rolled.settings.behaviour.of(image)
            if manners.mode != "ok" or (ends(manners) and not well):
                what = "do not stay ready" if manners.mode == "flaky" else "never become ready"
                how = ends(manners) if manners.mode == "ok" else f"behaves as {manners.mode!r}"
                return _Verdict(
                    verdict="fail",
                    reason=f"new pods {what}: the settings say that image {image!r} {how}",
                    rule=NEVER_READY,
                    path=(*POD, "containers", i, "image"),
                )
        return None

    def _late(self) -> _Verdict:
        """The deadline passed without progress, whatever came later. A pod that turns ready is progress, so only the start counts."""
        deadline = self.last.spec.progress_deadline_seconds or 0
        slowest = max((s.ms for s in self.started), default=0)
        if slowest < deadline * 1000:
            return _Verdict(
                verdict="fail",
                reason=f"the rollout makes no progress for {deadline}s, its progress deadline",
                rule=DEADLINE_EXCEEDED,
                path=_first_written(self.manifest, ("spec", "progressDeadlineSeconds")),
            )
        return _Verdict(
            verdict="fail",
            reason=f"the progress deadline of {deadline}s passes before a new pod is ready, which takes {span(slowest)}",
            rule=DEADLINE_EXCEEDED,
            path=_first_written(self.manifest, ("spec", "progressDeadlineSeconds"), *self._slow()),
            remediation=f"set spec.progressDeadlineSeconds well above {slowest // 1000}, or let pods start faster",
        )

    def _slow(self) -> list[Path]:
        """Where the slowest container's probe says so."""
        index, slowest = max(enumerate(self.started), key=lambda s: s[1].ms, default=(0, None))
        if slowest is None or slowest.source not in ("readinessProbe", "startupProbe"):
            return []
        probe: Path = (*POD, "containers", index, slowest.source)
        return [(*probe, "initialDelaySeconds"), probe]

    def _unschedulable(self, fits_alone: Callable[[], bool]) -> _Verdict:
        """On an assumed cluster this proves nothing about the user's; where old pods are in the way, the strategy is the cause."""
        messages = [s for s in self.f.said if " nodes are available: " in s]
        # That a claim has no volume yet is what every pod is told first.
        message = next((s for s in messages if _UNBOUND not in s), next(iter(messages), ""))
        found = cause(message, self.manifest.body, placed=self.f.placed)
        pods = f"{self.f.unschedulable} pod{'s' if self.f.unschedulable > 1 else ''}"
        if self.rolled.cluster.assumed:
            return _Verdict(
                verdict="unknown",
                reason=f"{pods} not schedulable on the assumed cluster ({found.reason}); describe yours in cluster.yaml",
                rule=UNSCHEDULABLE,
                path=found.path,
                severity=Severity.WARNING,
                remediation=f"describe the cluster (rollout.cluster: cluster.yaml); if it is like the assumed one: {found.remediation}",
                same_cause=_asked_as(found),
            )
        if self.before is not None and self.f.start.old_ready and fits_alone():
            return self._deadlock(found)
        return _Verdict(
            verdict="fail",
            reason=f"{pods} fit{'s' if self.f.unschedulable == 1 else ''} on no node: {found.reason}",
            rule=UNSCHEDULABLE,
            path=found.path,
            remediation=found.remediation,
            same_cause=_asked_as(found),
        )

    def _deadlock(self, found: Cause) -> _Verdict:
        serving = self.last.status.available_replicas
        return _Verdict(
            verdict="fail",
            reason="the rollout never completes: no node takes a new pod beside the old ones "
            f"({found.reason}); {serving} available pods keep serving",
            rule=DOES_NOT_CONVERGE,
            path=_first_written(self.manifest, ("spec", "strategy", "rollingUpdate", "maxUnavailable"), ("spec", "strategy")),
            remediation=f"set maxUnavailable to 1 or more, so that an old pod makes room, or {found.remediation}",
            same_cause=_asked_as(found),
        )

    def _claim_held(self, said: str) -> _Verdict:
        """Where pods go on the assumed cluster proves nothing; that no second pod gets the claim holds anywhere."""
        serving = self.last.status.available_replicas
        one_pod = ONE_POD in said
        reason = (
            "new pods wait for a claim that only one pod can have"
            if one_pod
            else "new pods wait for a volume that is attached to another node"
        )
        if self.rolled.cluster.assumed and not one_pod:
            return _Verdict(verdict="unknown", reason=f"on the assumed cluster {reason}; describe yours in cluster.yaml")
        volumes: Path = (*POD, "volumes")
        return _Verdict(
            verdict="fail",
            reason=f"the rollout never completes: {reason}; {serving} available pods keep serving",
            rule=DOES_NOT_CONVERGE,
            path=_first_written(self.manifest, ("spec", "strategy"), volumes),
            remediation="set spec.strategy.type to Recreate, or use a volume that several nodes can have",
            same_cause=(VOLUME_BLOCKS,),
        )


SURGE_OVER_QUOTA, TOO_FEW_DOMAINS, VOLUME_BLOCKS = "surge-over-quota", "too-few-domains", "volume-blocks-rollout"
"""Names of questions. Their modules stand above this one."""
ONE_POD = "ReadWriteOncePod"
NOTHING = "unchanged: nothing rolls out"
_UNBOUND = "unbound immediate PersistentVolumeClaims"
_APART = ("anti-affinity", "free ports", "topology spread")


def ends(manners: PodManners) -> str:
    """What the settings say goes wrong with a container that is played step by step."""
    if manners.pull_error:
        return f"cannot be pulled: {manners.pull_error}"
    if manners.exit_after_ms is not None:
        return f"exits after {span(manners.exit_after_ms)} with code {manners.exit_code}"
    if manners.unhealthy_after_ms is not None:
        return f"answers no probe after {span(manners.unhealthy_after_ms)}"
    return ""


def _asked_as(found: Cause) -> tuple[str, ...]:
    """Pods that must be apart are counted by a question of their own."""
    return (TOO_FEW_DOMAINS,) if any(words in found.reason for words in _APART) else ()


def held(said: Sequence[str]) -> str | None:
    """What the cluster says of a claim that another pod has and new ones wait for."""
    for message in said:
        if message.startswith("Multi-Attach error") or (ONE_POD in message and (r := reasons(message)) and ONE_POD in r[0][1]):
            return message
    return None


def _first_written(manifest: Manifest, *paths: Path) -> Path:
    """The first of the places that the manifest has; else the spec."""
    return next((p for p in paths if node(manifest.body, p) is not None), ("spec",))


def _is_block(manifest: Manifest, path: Path) -> bool:
    """A mapping or a list is pointed at by its key, a value by itself."""
    value = node(manifest.body, path)
    return value is None or isinstance(value, Mapping | list)
