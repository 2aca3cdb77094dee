"""How long a rollout takes and what it takes at most: numbers to read, nothing to find."""

from __future__ import annotations

from collections.abc import Iterator

from kgate.finding import Rule, Severity, Stage
from kgate.rollout.placement import cores, gibibytes
from kgate.rollout.questions.evidence import Answer, Evidence, Level
from kgate.rollout.startup import span

NUMBERS = Rule(
    id="KG5116",
    name="rollout-numbers",
    stage=Stage.ROLLOUT,
    severity=Severity.INFO,
    summary="how long a rollout takes, and how many pods and how much cpu and memory it needs at most",
    why="Surge needs room beside what runs already, and whatever waits for the rollout needs to wait as long.",
    remediation="nothing to do: these are numbers",
    references=("https://kubernetes.io/docs/concepts/workloads/controllers/deployment/#max-surge",),
)


def numbers(evidence: Evidence) -> Iterator[Answer]:
    """Where the rollout completes."""
    r = evidence.rehearsal
    if r.completed_ms is None or len(r.steps) < 2:
        return
    census = evidence.rolled.census[evidence.key]
    asked = [
        f"{cores(census.peak_cpu)} cpu" if census.peak_cpu else "",
        f"{gibibytes(census.peak_memory)} memory" if census.peak_memory else "",
    ]
    amounts = " and ".join(a for a in asked if a) or "no cpu and no memory"
    pods = f"{r.peak_pods} pod{'' if r.peak_pods == 1 else 's'}"
    yield Answer(
        rule=NUMBERS,
        level=Level.PASSES,
        statement=f"complete after {span(r.completed_ms)}; at most {pods} at once, terminating ones included, which request {amounts}",
    )
