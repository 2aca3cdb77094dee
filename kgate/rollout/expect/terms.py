"""Expectations as data. Nothing here knows the engine."""

from __future__ import annotations

from msgspec import Struct

from kgate.manifest import Path


class Window(Struct, frozen=True, kw_only=True):
    """When something is expected. Neither a step nor the end: all the time."""

    step: str = ""
    """From the beginning of the step with that name, the state it met included."""
    only: bool = False
    """Until the next step that has a name; else to the end of the scenario."""
    end: bool = False
    """Only of the state in which the scenario ends."""

    def __str__(self) -> str:
        if self.end:
            return " at the end"
        return f" {'during' if self.only else 'after'} step {self.step!r}" if self.step else ""


class Limits(Struct, frozen=True, kw_only=True):
    """At least one of them is set."""

    min: int | None = None
    max: int | None = None

    def hold(self, value: int) -> bool:
        return (self.min is None or value >= self.min) and (self.max is None or value <= self.max)

    def __str__(self) -> str:
        if self.min is not None and self.max is not None:
            return f"{self.min}" if self.min == self.max else f"{self.min} to {self.max}"
        return f"at least {self.min}" if self.max is None else f"at most {self.max}"


class Available(Struct, frozen=True, kw_only=True):
    """Pods of the Deployment that are available, as its status counts them."""

    deployment: str
    limits: Limits

    def __str__(self) -> str:
        return f"Deployment/{self.deployment} has {self.limits} available"


class Replicas(Struct, frozen=True, kw_only=True):
    """The size that is asked for: spec.replicas, whoever wrote it."""

    deployment: str
    limits: Limits

    def __str__(self) -> str:
        return f"Deployment/{self.deployment} wants {self.limits} replicas"


class Pods(Struct, frozen=True, kw_only=True):
    """Pods that have not ended and are not being deleted."""

    deployment: str
    prefix: str
    limits: Limits

    def __str__(self) -> str:
        return f"{whose(self.deployment, self.prefix)}: {self.limits}"


class Pending(Struct, frozen=True, kw_only=True):
    """Pods that no node takes, for longer than `longer_ms`."""

    deployment: str
    prefix: str
    limits: Limits
    longer_ms: int

    def __str__(self) -> str:
        span = f" for more than {self.longer_ms / 1000:g}s" if self.longer_ms else ""
        return f"{whose(self.deployment, self.prefix)} pending{span}: {self.limits}"


class Nodes(Struct, frozen=True, kw_only=True):
    prefix: str
    limits: Limits

    def __str__(self) -> str:
        return f"nodes{f' {self.prefix}*' if self.prefix else ''}: {self.limits}"


class Spread(Struct, frozen=True, kw_only=True):
    """How far apart the fullest and the emptiest domain are. Domains are those of Ready nodes that take pods."""

    deployment: str
    by: str
    """The label of nodes whose values are the domains."""
    limits: Limits
    """Of the skew."""
    most: int | None
    """Pods in one domain, at most."""

    def __str__(self) -> str:
        told = [f"skew {self.limits}"] if self.limits.max is not None else []
        told += [f"at most {self.most} in one"] if self.most is not None else []
        return f"pods of Deployment/{self.deployment} by {self.by}: {', '.join(told)}"


class Completes(Struct, frozen=True, kw_only=True):
    """Complete when `within_ms` have passed since the window began, and from then on to its end."""

    deployment: str
    within_ms: int

    def __str__(self) -> str:
        return f"Deployment/{self.deployment} is complete within {self.within_ms / 1000:g}s"


class BudgetKept(Struct, frozen=True, kw_only=True):
    """No healthy pod is lost below what the PodDisruptionBudget asks for."""

    name: str

    def __str__(self) -> str:
        return f"PodDisruptionBudget/{self.name} is never violated"


class Events(Struct, frozen=True, kw_only=True):
    """How often it was said."""

    reason: str
    contains: str
    type: str
    limits: Limits

    def __str__(self) -> str:
        told = " ".join(filter(None, (self.type, self.reason, f"with {self.contains!r}" if self.contains else "")))
        return f"events {told}: {self.limits}"


class ConditionMet(Struct, frozen=True, kw_only=True):
    """At some moment of the window; `never`: at none."""

    kind: str
    name: str
    type: str
    status: str
    reason: str
    never: bool

    def __str__(self) -> str:
        value = " ".join(filter(None, (self.type, self.status, self.reason)))
        return f"{self.kind}/{self.name} {'never has' if self.never else 'has'} the condition {value}"


class Refused(Struct, frozen=True, kw_only=True):
    """The step was refused, or one of its evictions was."""

    step: str
    contains: str
    code: int | None

    def __str__(self) -> str:
        code = f" with {self.code}" if self.code else ""
        return f"step {self.step!r} is refused{code}" + (f", saying {self.contains!r}" if self.contains else "")


class TimedOut(Struct, frozen=True, kw_only=True):
    """The wait did not hold in time, or the drain left pods behind."""

    step: str

    def __str__(self) -> str:
        return f"step {self.step!r} does not end in time"


class StepDone(Struct, frozen=True, kw_only=True):
    """What nobody needs to write: a wait holds, a write is taken, a drain leaves nothing, unless the contrary is expected."""

    index: int
    op: str

    def __str__(self) -> str:
        return f"step {self.index} ({self.op}) is done"


Gauge = Available | Replicas | Pods | Pending | Nodes | Spread
Term = Gauge | Completes | BudgetKept | Events | ConditionMet | Refused | TimedOut | StepDone


class Expectation(Struct, frozen=True, kw_only=True):
    term: Term
    window: Window = Window()
    path: Path
    """In the file."""

    def __str__(self) -> str:
        return f"{self.term}{self.window}"


def whose(deployment: str, prefix: str) -> str:
    return f"pods of Deployment/{deployment}" if deployment else f"pods {prefix}*" if prefix else "pods"
