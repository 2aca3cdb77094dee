"""What a rehearsed rollout can find."""

from __future__ import annotations

from kgate.finding import Rule, Severity, Stage

ROLLOUT = "https://kubernetes.io/docs/concepts/workloads/controllers/deployment/"
SCHEDULING = "https://kubernetes.io/docs/concepts/scheduling-eviction/"

DOES_NOT_CONVERGE = Rule(
    id="KG5001",
    name="rollout-does-not-converge",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="the rollout never completes",
    why="A rollout that cannot finish leaves old and new pods side by side; Kubernetes does not roll back by itself.",
    remediation="change what keeps the new pods from becoming ready, then try again",
    references=(f"{ROLLOUT}#failed-deployment",),
)

UNSCHEDULABLE = Rule(
    id="KG5002",
    name="pods-unschedulable",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="a pod of the rollout fits on no node",
    why="A pod that no node takes stays Pending; the rollout waits for it and the Deployment runs with fewer pods than it asks for.",
    remediation="ask for less, allow more nodes, or make room: maxUnavailable above 0 lets an old pod go first",
    references=(SCHEDULING,),
)

DEADLINE_EXCEEDED = Rule(
    id="KG5003",
    name="progress-deadline-exceeded",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="the rollout exceeds its progress deadline",
    why="After the deadline the Deployment reports ProgressDeadlineExceeded, and what waits for the rollout fails.",
    remediation="raise spec.progressDeadlineSeconds above the time a pod needs to become available",
    references=(f"{ROLLOUT}#progress-deadline-seconds",),
)

NEVER_READY = Rule(
    id="KG5004",
    name="pods-never-ready",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="the new pods never become ready",
    why="Pods that are not ready get no traffic, and the rollout stops after the first of them.",
    remediation="use an image that starts",
    references=(f"{ROLLOUT}#failed-deployment",),
)

PODS_REFUSED = Rule(
    id="KG5005",
    name="pods-refused",
    stage=Stage.ROLLOUT,
    severity=Severity.ERROR,
    summary="the API server refuses pods of the rollout",
    why="A pod that a quota, a limit range or an unknown priority class forbids is never created; its ReplicaSet tries ever more rarely.",
    remediation="ask for what the namespace allows, or change what it allows",
    references=("https://kubernetes.io/docs/concepts/policy/resource-quotas/", "https://kubernetes.io/docs/concepts/policy/limit-range/"),
)

OLD_SNAPSHOT = Rule(
    id="KG5006",
    name="old-cluster-snapshot",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="the snapshot of the cluster is old, or of unknown age",
    why="Nodes and pods come and go: what fitted last month proves nothing about today.",
    remediation="pack it again with kgate snapshot, or raise rollout.snapshot_max_age",
)

LEFT_BEHIND = Rule(
    id="KG5007",
    name="left-behind",
    stage=Stage.ROLLOUT,
    severity=Severity.WARNING,
    summary="a Deployment is deleted, and what was about it stays",
    why="A Service without endpoints refuses every connection; an autoscaler without a target only fails, every fifteen seconds.",
    remediation="delete it as well, or let it be about what takes the place of the Deployment",
    references=("https://kubernetes.io/docs/concepts/services-networking/service/#services-without-selectors",),
)

RULES: tuple[Rule, ...] = (DOES_NOT_CONVERGE, UNSCHEDULABLE, DEADLINE_EXCEEDED, NEVER_READY, PODS_REFUSED, OLD_SNAPSHOT, LEFT_BEHIND)
