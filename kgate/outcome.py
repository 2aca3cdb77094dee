"""What a run found out: images, rollouts and the Report that sums everything up. Stages fill these in, reporters read them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from enum import StrEnum

from msgspec import Struct, field
from msgspec.structs import force_setattr

from kgate.finding import Finding, Severity, Skipped, Stage, clean, in_order
from kgate.manifest import Source, Subject


class Verdict(StrEnum):
    """The answer of the whole run."""

    PASS = "pass"  # noqa: S105 (a verdict, not a password)
    FAIL = "fail"
    INCOMPLETE = "incomplete"


EXIT_CODES: Mapping[Verdict, int] = {Verdict.PASS: 0, Verdict.FAIL: 1, Verdict.INCOMPLETE: 3}


class ImageOutcome(Struct, frozen=True, kw_only=True):
    """What is known of one image that the manifests run."""

    image: str
    digest: str | None = None
    """`sha256:...` when it is part of the reference or the scanner told it."""
    scanned: bool = False
    reason: str | None = None
    """Why it was not scanned."""
    scanner: str | None = None
    """Name and version, with the date of its database: `trivy 0.76.0, database of 2026-11-20`."""
    vulnerabilities: Mapping[str, int] = field(default_factory=dict)
    """Distinct vulnerabilities by severity: CRITICAL HIGH MEDIUM LOW UNKNOWN, zeros included when scanned."""
    used_by: tuple[str, ...] = ()
    """`Deployment prod/web`, sorted."""

    def __post_init__(self) -> None:
        force_setattr(self, "image", clean(self.image, limit=600))
        force_setattr(self, "used_by", tuple(clean(u) for u in self.used_by))
        if self.reason is not None:
            force_setattr(self, "reason", clean(self.reason))


class RolloutStep(Struct, frozen=True, kw_only=True):
    """The pods of a Deployment right after one thing happened."""

    at_ms: int
    """Virtual time since the change was applied."""
    old_ready: int
    old_unready: int
    new_ready: int
    new_starting: int
    """New pods that are not ready yet, unschedulable ones included."""
    available: int
    """Old and new pods that are ready for minReadySeconds."""
    event: str
    """What happened, in the words of the step table: `new +2 (surge full: 8/8)`."""


class PlacedNode(Struct, frozen=True, kw_only=True):
    """One node, and the pods of the Deployment on it. Quantities as Kubernetes prints them (`1.9`, `7Gi`)."""

    zone: str
    """Empty when the node has no zone label."""
    node: str
    cpu_free: str
    cpu_total: str
    memory_free: str
    memory_total: str
    pods_before: int
    pods_peak: int
    pods_end: int
    note: str = ""
    """Why the node holds none (`unschedulable`, `untolerated taint`) or what is special about it."""


class Because(Struct, frozen=True, kw_only=True):
    """One field that differs between base and head, and where it is written in head."""

    field: str
    """`spec.template.spec.containers[app].image`."""
    was: str
    now: str
    """As JSON, texts bare, shortened; empty when the field is not there."""
    line: int
    column: int
    file: str = ""
    """Where it is not that of the rehearsal: an overlay may have written the field."""

    def __post_init__(self) -> None:
        for text in ("field", "was", "now", "file"):
            force_setattr(self, text, clean(getattr(self, text)))


class Proof(Struct, frozen=True, kw_only=True):
    """The answer to one question about a rollout, beside whether it completes."""

    question: str
    """Name of the rule: `recreate-downtime`."""
    level: str
    """`fails` (in every schedule), `can-fail` (in the one shown), `passes` (within the bounds) or `unknown`."""
    statement: str
    bounds: str = ""
    evidence: tuple[str, ...] = ()
    """What the cluster said, word for word."""
    fix: str = ""
    verified: bool = False
    """The fix was played, and then it passes."""
    counter_example: str = ""
    """A scenario, as YAML, that replays the failure."""

    def __post_init__(self) -> None:
        for text in ("statement", "bounds", "fix"):
            force_setattr(self, text, clean(getattr(self, text)))
        force_setattr(self, "evidence", tuple(clean(e) for e in self.evidence))


class Rehearsal(Struct, frozen=True, kw_only=True):
    """A Deployment's rollout as the engine played it, or why it was not played."""

    object: Subject
    file: str
    line: int
    column: int
    verdict: str
    """`pass`, `fail`, `can-fail` or `unknown`."""
    bounds: str
    """What the verdict holds for: the cluster, the schedules and the behaviour of pods that were played."""
    assumed: tuple[str, ...] = ()
    """What nobody told kgate: `cluster: 3 nodes of 4 cpu and 16Gi`, `pods ready after 10s`."""
    effect: str = ""
    """What the change does to the pods: `new`, `unchanged`, `no rollout`, `rolls pods`, `recreates pods`,
    `refused` or `deleted`; empty: not known."""
    causes: tuple[Because, ...] = ()
    """The fields whose change has that effect."""
    images: tuple[str, str] = ("", "")
    """Old and new images, comma-separated; the old ones are empty for a new Deployment."""
    strategy: str = "RollingUpdate"
    replicas: int = 0
    surge: int = 0
    unavailable: int = 0
    """maxSurge and maxUnavailable as pods, after rounding."""
    floor: int = 0
    """replicas - maxUnavailable, what Kubernetes keeps available during a rolling update."""
    completed_ms: int | None = None
    """Virtual time until complete; None when it never completes."""
    lowest_available: int = 0
    peak_pods: int = 0
    """The highest number of pods of this Deployment alive at once, terminating ones included."""
    deadline_s: int | None = None
    reason: str = ""
    """Why it fails or is unknown, in one sentence."""
    said: tuple[str, ...] = ()
    """Messages of the controllers and the scheduler that prove it, word for word, in order of appearance."""
    steps: tuple[RolloutStep, ...] = ()
    placement: tuple[PlacedNode, ...] = ()
    proofs: tuple[Proof, ...] = ()
    zone_skew: int | None = None
    """Pods in the fullest minus pods in the emptiest zone at the end; None with fewer than two zones."""
    trace: str = ""
    """One line an event, `0:00.300 Pod/web-5d9-abcde Ready`."""

    def __post_init__(self) -> None:
        for text in ("file", "bounds", "reason"):
            force_setattr(self, text, clean(getattr(self, text)))
        force_setattr(self, "images", (clean(self.images[0]), clean(self.images[1])))
        force_setattr(self, "said", tuple(clean(s) for s in self.said))
        force_setattr(self, "trace", "\n".join(clean(t) for t in self.trace.split("\n")))

    @property
    def order(self) -> tuple[str, int, int]:
        return (self.file, self.line, self.column)


class Checked(Struct, frozen=True, kw_only=True):
    """How much was looked at. Images count when they were scanned, rollouts when they were rehearsed to a verdict."""

    files: int = 0
    objects: int = 0
    images: int = 0
    rollouts: int = 0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The sorted sum of a run. A reporter is a pure function from Report to text."""

    version: str
    kubernetes_version: str
    stages: tuple[Stage, ...]
    fail_on: Severity
    checked: Checked
    findings: tuple[Finding, ...]
    skipped: tuple[Skipped, ...]
    images: tuple[ImageOutcome, ...]
    rollouts: tuple[Rehearsal, ...]
    may_be_empty: bool = False
    """A tool chose the files (`--force-exclude`): that none of them holds an object is then no reason to stop."""
    sources: Mapping[str, Source] = dataclasses.field(repr=False, compare=False, default_factory=dict)
    """By `Source.file` as findings carry it, for the excerpts of the text report."""
    changed: Mapping[str, frozenset[int]] = dataclasses.field(repr=False, compare=False, default_factory=dict)
    """By file, the lines that differ from the base, where there is one: reports that are cut short show these first."""

    @classmethod
    def of(
        cls,
        *,
        version: str,
        kubernetes_version: str,
        stages: tuple[Stage, ...],
        fail_on: Severity,
        checked: Checked,
        findings: Iterable[Finding] = (),
        skipped: Iterable[Skipped] = (),
        images: Iterable[ImageOutcome] = (),
        rollouts: Iterable[Rehearsal] = (),
        may_be_empty: bool = False,
        sources: Iterable[Source] = (),
        base_sources: Iterable[Source] = (),
    ) -> Report:
        """Sorts everything, so that the order of files, workers and hash seeds never shows."""
        found = in_order(findings)
        files = {f.file for f in found}
        told = {name: s for s in sources if (name := clean(s.file)) in files}
        return cls(
            version=version,
            kubernetes_version=kubernetes_version,
            stages=stages,
            fail_on=fail_on,
            checked=checked,
            findings=found,
            skipped=tuple(sorted(set(skipped))),
            images=tuple(sorted(images, key=lambda i: i.image)),
            rollouts=tuple(sorted(rollouts, key=lambda r: (*r.order, str(r.object)))),
            may_be_empty=may_be_empty,
            sources=told,
            changed=_changed(told, {name: s for s in base_sources if (name := clean(s.file)) in files}) if base_sources else {},
        )

    def counted(self, severity: Severity) -> int:
        """Findings of that severity that no waiver covers."""
        return sum(1 for f in self.findings if f.severity is severity and f.waived is None)

    @property
    def verdict(self) -> Verdict:
        """FAIL beats INCOMPLETE: what is known to be wrong stays wrong, whatever else could not be checked."""
        fatal = {s for s in Severity if s.rank <= self.fail_on.rank}
        if any(f.severity in fatal and f.waived is None for f in self.findings):
            return Verdict.FAIL
        empty = not self.checked.objects and not self.may_be_empty
        if empty or any(s.wanted for s in self.skipped) or any(r.verdict == "unknown" for r in self.rollouts):
            return Verdict.INCOMPLETE
        return Verdict.PASS

    @property
    def exit_code(self) -> int:
        return EXIT_CODES[self.verdict]


def _changed(head: Mapping[str, Source], base: Mapping[str, Source]) -> dict[str, frozenset[int]]:
    """The lines of each file that its base version does not have anywhere: a moved line is an old one."""
    old = {name: frozenset(s.lines()) for name, s in base.items()}
    return {name: frozenset(n for n, line in enumerate(s.lines(), 1) if line not in old.get(name, ())) for name, s in head.items()}
