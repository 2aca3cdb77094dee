"""Reports of every kind, made by hand: what reporters must be able to show, without any stage behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from msgspec.structs import replace

from kgate.finding import Finding, Severity, Skipped, Stage
from kgate.manifest import Location, Path, Subject
from kgate.outcome import Because, Checked, ImageOutcome, PlacedNode, Proof, Rehearsal, Report, RolloutStep

WEB = Subject(api_version="apps/v1", kind="Deployment", namespace="prod", name="web")


@dataclass(frozen=True, slots=True)
class Text:
    """A Source made of lines."""

    file: str
    text: str

    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.split("\n"))

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


WEB_YAML = Text(
    "deploy/web.yaml",
    """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: prod
spec:
  template:
    spec:
      containers:
        - name: app
          image: nginx
          securityContext: {privileged: true}
""",
)


def finding(**changes: Any) -> Finding:
    fields: dict[str, Any] = {
        "rule": "KG2001",
        "name": "image-without-tag",
        "stage": Stage.POLICY,
        "severity": Severity.ERROR,
        "message": 'image "nginx" has neither tag nor digest',
        "file": "deploy/web.yaml",
        "line": 11,
        "column": 18,
        "path": "/spec/template/spec/containers/0/image",
        "object": WEB,
        "remediation": "name a version: nginx:1.27.1",
        "why": "Without one, two pods of the same Deployment may run different code.",
    }
    return Finding(**(fields | changes))


def report(**changes: Any) -> Report:
    fields: dict[str, Any] = {
        "version": "0.1.0",
        "kubernetes_version": "1.37",
        "stages": tuple(Stage),
        "fail_on": Severity.ERROR,
        "checked": Checked(files=1, objects=1),
        "sources": [WEB_YAML],
    }
    return Report.of(**(fields | changes))


def step(at_s: float, event: str, *, old: int = 0, bad: int = 0, new: int = 0, starting: int = 0) -> RolloutStep:
    return RolloutStep(
        at_ms=round(at_s * 1000), old_ready=old, old_unready=bad, new_ready=new, new_starting=starting, available=old + new, event=event
    )


def node(zone: str, name: str, end: int, note: str = "", free: str = "1.5") -> PlacedNode:
    return PlacedNode(
        zone=zone,
        node=name,
        cpu_free=free,
        cpu_total="4",
        memory_free="7Gi",
        memory_total="16Gi",
        pods_before=0,
        pods_peak=end,
        pods_end=end,
        note=note,
    )


ROLLING = Rehearsal(
    object=WEB,
    file="deploy/web.yaml",
    line=1,
    column=1,
    verdict="pass",
    bounds="the cluster of cluster.yaml, one schedule",
    assumed=("pods ready after 40s",),
    effect="rolls pods",
    causes=(
        Because(field="spec.template.spec.containers[app].image", was="web:1.8.4", now="web:1.9.0", line=11, column=18),
        *(Because(field=f"spec.template.metadata.labels.l{n}", was="", now="x", line=20 + n, column=3) for n in range(4)),
    ),
    images=("web:1.8.4", "web:1.9.0"),
    replicas=6,
    surge=2,
    unavailable=1,
    floor=5,
    completed_ms=80_300,
    lowest_available=5,
    peak_pods=8,
    deadline_s=600,
    steps=(
        step(0, "start", old=6),
        step(0.1, "new +2 (surge full: 8/8)", old=6, starting=2),
        step(0.2, "old -1, new +1", old=5, starting=3),
        step(40.2, "3 new ready", old=5, new=3),
        step(40.3, "old -3, new +3", old=2, new=3, starting=3),
        step(80.3, "old -2, complete", new=6),
    ),
    placement=(
        node("eu1-a", "node-a1", 2, "cpu 90% at peak", free="0.4"),
        node("eu1-a", "node-a2", 1),
        node("eu1-b", "node-b1", 1),
        node("eu1-b", "node-b2", 1),
        node("eu1-b", "node-b10", 1),
        node("eu1-c", "node-c2", 0, "unschedulable"),
    ),
    proofs=(
        Proof(question="recreate-downtime", level="passes", statement="a pod serves at every moment", bounds="no failures"),
        Proof(
            question="node-loss",
            level="can-fail",
            statement="the loss of node-a1 at 40.2s leaves 3 of 6 pods",
            evidence=("40.2s 5 old ready", "40.2s node-a1 has 2"),
            fix="spread the pods over more nodes",
            verified=True,
            counter_example="name: loss\n",
        ),
    ),
    zone_skew=3,
    trace="0:00.000 Deployment/web Synced",
)

STUCK = replace(
    ROLLING,
    verdict="fail",
    effect="new",
    causes=(),
    images=("", "web:1.9.0"),
    unavailable=0,
    floor=6,
    completed_ms=None,
    reason="never complete: 2 new pods fit on no node",
    said=("0/3 nodes are available: 3 Insufficient cpu. preemption: 0/3 nodes are available: 3 No preemption victims found.",),
    assumed=("cluster: 3 nodes of 4 cpu and 16Gi", "pods ready after 10s"),
    steps=(step(0, "start"), step(0, "new +6, all unschedulable", bad=1, starting=6), step(600, "ProgressDeadlineExceeded", starting=6)),
    placement=(),
    zone_skew=None,
)

MANY = replace(
    ROLLING,
    replicas=100,
    peak_pods=100,
    images=("web:1.8.4", "web:1.8.4"),
    strategy="Recreate",
    steps=tuple(step(n, f"old -{n}, new +{n}", old=100 - n, new=n) for n in range(100)),
    placement=(),
)

SCANNED = ImageOutcome(
    image="registry.example.com/web:1.9.0",
    digest="sha256:" + "0" * 64,
    scanned=True,
    scanner="trivy 0.76.0, database of 2026-11-20",
    vulnerabilities={"CRITICAL": 1, "HIGH": 0, "MEDIUM": 7, "LOW": 0, "UNKNOWN": 0},
    used_by=("Deployment prod/web",),
)
CLEAN = replace(SCANNED, image="redis:7.4.1", vulnerabilities={"CRITICAL": 0, "HIGH": 0, "MEDIUM": 0, "LOW": 0, "UNKNOWN": 0})
UNSCANNED = ImageOutcome(
    image="nginx", reason="trivy was not found on PATH; install it from its own packages", used_by=("Deployment prod/web",)
)

WIDE = Text(
    "deploy/wide.yaml", 'metadata:\n\tname: "\u7db2\u9801 e\u0301" # \u7528\n  labels: {a: b\u202e}\n  long: ' + "x" * 70 + " " + "y" * 200
)


def _wide(line: int, column: int) -> Finding:
    return finding(
        file="deploy/wide.yaml", line=line, column=column, message=f"line {line}, column {column}", object=None, why="", remediation=""
    )


REPORTS: Mapping[str, Report] = {
    "one-error": report(findings=[finding()]),
    "every-severity": report(
        checked=Checked(files=41, objects=63),
        findings=[
            finding(),
            finding(
                rule="KG2104", severity=Severity.WARNING, message="container is privileged", line=12, column=11, fixable=True, document=2
            ),
            finding(rule="KG2301", severity=Severity.INFO, message="no PodDisruptionBudget", line=2, column=7, remediation="", why=""),
            finding(rule="KG2302", message="covered by a waiver", line=4, column=9, waived="until the migration is done"),
            finding(rule="KG2303", message="an old one", line=5, column=9, waived="in the baseline known.json", baselined=True),
            finding(rule="KG1001", stage=Stage.VALIDATE, message="spec.selector is missing", line=6, column=1, path="/spec"),
        ],
    ),
    "unreadable": report(
        checked=Checked(files=1),
        findings=[
            finding(rule="KG0001", stage=Stage.LOAD, file="broken.yaml", object=None, line=7, column=3, message="a quote is not closed")
        ],
        skipped=[Skipped(file="values.yaml", reason="not a Kubernetes object")],
    ),
    "all-well": report(checked=Checked(files=2, objects=3, rollouts=1), rollouts=[ROLLING]),
    "nothing-named": report(checked=Checked(files=1, objects=0), may_be_empty=True),
    "nothing-found": report(checked=Checked(files=2, objects=3)),
    "stuck": report(
        findings=[finding(rule="KG5003", stage=Stage.ROLLOUT, line=2, column=7, message="rollout never completes")], rollouts=[STUCK, MANY]
    ),
    "images": report(images=[UNSCANNED, SCANNED, CLEAN], checked=Checked(files=1, objects=1, images=2)),
    "incomplete": report(
        checked=Checked(files=6, objects=3),
        stages=(Stage.LOAD, Stage.VALIDATE),
        skipped=[
            Skipped(file="charts/x/templates/d.yaml", reason="helm template: chart not rendered (helm not found)", wanted=True),
            *(Skipped(file=f"ci/{n}.yaml", reason="not a Kubernetes object", line=n) for n in range(1, 6)),
        ],
        rollouts=[replace(ROLLING, verdict="unknown", steps=(), placement=(), reason="volumes are not modelled", completed_ms=None)],
    ),
    "nothing-to-check": report(checked=Checked()),
    "strict": report(fail_on=Severity.WARNING, findings=[finding(severity=Severity.WARNING)]),
    "wide": report(
        sources=[WIDE],
        findings=[_wide(1, 1), _wide(2, 2), _wide(2, 8), _wide(2, 15), _wide(3, 14), _wide(3, 40), _wide(4, 9), _wide(4, 120), _wide(9, 1)],
    ),
    "hostile": report(
        checked=Checked(files=1, objects=1, rollouts=1),
        sources=[Text("::error file=a,line=1::x\n::warning::y", "::set-output name=a::b\n##[error]c\n\x1b[2J ##vso[task.setvariable]d")],
        findings=[
            finding(
                file="::error file=a,line=1::x\n::warning::y",
                line=3,
                column=1,
                message="::stop-commands::x\n::error::\x1b]0;t\x07 ##[group]g",
                object=Subject(api_version="v1", kind="::debug::", namespace="a\nb", name="\u202egnp.exe"),
            )
        ],
        rollouts=[
            replace(
                ROLLING,
                file="\n::error::f",
                object=Subject(api_version="apps/v1", kind="Deployment", namespace="", name="\x1b[31m::error::"),
                assumed=("::notice::a\n::notice::b",),
                steps=(step(0, "::error::e\x1b[0m", old=1),),
                placement=(node("::error::zone", "\n::error::node", 1, "\x9b31m"),),
            )
        ],
        images=[replace(UNSCANNED, image="::warning::i\n", reason="##[section]r"), replace(SCANNED, scanner="\x1b[2Jtrivy")],
    ),
}
