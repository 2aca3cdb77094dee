"""Reads `expect:` of a scenario. Raises SettingError with the path of what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.expect.terms import (
    Available,
    BudgetKept,
    Completes,
    ConditionMet,
    Events,
    Expectation,
    Limits,
    Nodes,
    Pending,
    Pods,
    Refused,
    Replicas,
    Spread,
    Term,
    TimedOut,
    Window,
)
from kgate.rollout.fields import Fields, SettingError, did_you_mean, refuse
from kgate.rollout.nodes import HOSTNAME, ZONE

_WINDOWS = ("during", "after", "at")
_DOMAINS = {"zone": ZONE, "node": HOSTNAME}


def read_expectations(items: list[tuple[Path, Any]], steps: Collection[str]) -> tuple[Expectation, ...]:
    """`steps` are the names of the scenario's steps."""
    return tuple(_expectation(item, path, steps) for path, item in items)


def _expectation(value: object, path: Path, steps: Collection[str]) -> Expectation:
    body = Fields(value, path, (*_TERMS, *_WINDOWS), "an expectation")
    terms = [key for key in body.present() if key in _TERMS]
    if len(terms) != 1:
        refuse(path, f"an expectation is about one thing, not {len(terms)}", f"one of {', '.join(_TERMS)}")
    term = _TERMS[terms[0]](body.raw(terms[0]), body.at(terms[0]))
    if isinstance(term, Refused | TimedOut):
        _known(term.step, (*body.at(terms[0]), "step"), steps)
    return Expectation(term=term, window=_window(body, steps, term), path=path)


def _window(body: Fields, steps: Collection[str], term: Term) -> Window:
    given = [key for key in _WINDOWS if key in body]
    if not given:
        return Window(end=isinstance(term, Spread))
    if len(given) > 1:
        refuse(body.at(given[1]), f"{given[0]} and {given[1]} exclude each other")
    if isinstance(term, Refused | TimedOut):
        refuse(body.at(given[0]), "the step says when")
    if given == ["at"]:
        if body.text("at") != "end":
            refuse(body.at("at"), f"at is {body.text('at')!r}", "at: end; during and after name a step")
        if isinstance(term, Completes | BudgetKept | Events):
            refuse(body.at("at"), "looks at a span of time, not at one moment", "during or after name a step")
        return Window(end=True)
    step = body.text(given[0])
    _known(step, body.at(given[0]), steps)
    return Window(step=step, only=given == ["during"])


def _known(step: str, path: Path, steps: Collection[str]) -> None:
    if step not in steps:
        raise SettingError(path, f"no step is named {step!r}", did_you_mean(step, steps) if steps else "give the step a name: NAME")


def _limits(body: Fields, *keys: str) -> Limits:
    number = {key: body.whole(key, 0) if key in body else None for key in keys}
    limits = Limits(min=number.get("min"), max=number.get("max"))
    if limits.min is None and limits.max is None:
        refuse(body.path, f"{' or '.join(keys)} is missing")
    if limits.min is not None and limits.max is not None and limits.min > limits.max:
        refuse(body.at("min"), f"min is {limits.min}, more than max, which is {limits.max}")
    return limits


def _available(value: object, path: Path) -> Available:
    body = Fields(value, path, ("deployment", "min", "max"), "available")
    return Available(deployment=body.text("deployment"), limits=_limits(body, "min", "max"))


def _replicas(value: object, path: Path) -> Replicas:
    body = Fields(value, path, ("deployment", "min", "max"), "replicas")
    return Replicas(deployment=body.text("deployment"), limits=_limits(body, "min", "max"))


def _whose(body: Fields) -> tuple[str, str]:
    if "deployment" in body and "prefix" in body:
        refuse(body.at("prefix"), "deployment and prefix exclude each other")
    return body.text("deployment", ""), body.text("prefix", "")


def _pods(value: object, path: Path) -> Pods:
    body = Fields(value, path, ("deployment", "prefix", "min", "max"), "pods")
    deployment, prefix = _whose(body)
    return Pods(deployment=deployment, prefix=prefix, limits=_limits(body, "min", "max"))


def _pending(value: object, path: Path) -> Pending:
    body = Fields(value, path, ("deployment", "prefix", "max", "longer"), "pending")
    deployment, prefix = _whose(body)
    return Pending(deployment=deployment, prefix=prefix, limits=_limits(body, "max"), longer_ms=body.millis("longer", 0))


def _nodes(value: object, path: Path) -> Nodes:
    body = Fields(value, path, ("prefix", "min", "max"), "nodes")
    return Nodes(prefix=body.text("prefix", ""), limits=_limits(body, "min", "max"))


def _spread(value: object, path: Path) -> Spread:
    body = Fields(value, path, ("deployment", "by", "skew", "max"), "spread")
    if "skew" not in body and "max" not in body:
        refuse(path, "skew or max is missing")
    by = body.text("by", "zone")
    return Spread(
        deployment=body.text("deployment"),
        by=_DOMAINS.get(by, by),
        limits=Limits(max=body.whole("skew", 0) if "skew" in body else None),
        most=body.whole("max", 0) if "max" in body else None,
    )


def _complete(value: object, path: Path) -> Completes:
    body = Fields(value, path, ("deployment", "within"), "complete")
    if "within" not in body:
        refuse(path, "within is missing", "within: 60")
    return Completes(deployment=body.text("deployment"), within_ms=body.millis("within", 0))


def _budget(value: object, path: Path) -> BudgetKept:
    body = Fields(value, path, ("name",), "budget")
    return BudgetKept(name=body.text("name"))


def _event(value: object, path: Path) -> Events:
    body = Fields(value, path, ("reason", "contains", "type", "min", "max", "never"), "event")
    if not any(key in body for key in ("reason", "contains")):
        refuse(path, "reason or contains is missing")
    if body.flag("never"):
        if "min" in body or "max" in body:
            refuse(body.at("never"), "never excludes min and max")
        limits = Limits(max=0)
    else:
        limits = _limits(body, "min", "max") if "min" in body or "max" in body else Limits(min=1)
    return Events(
        reason=body.text("reason", ""), contains=body.text("contains", ""), type=_one_of(body, "type", ("Normal", "Warning")), limits=limits
    )


def _one_of(body: Fields, key: str, known: tuple[str, ...]) -> str:
    value = body.text(key, "")
    if value and value not in known:
        refuse(body.at(key), f"{key} is {value!r}", did_you_mean(value, known))
    return value


def _condition(value: object, path: Path) -> ConditionMet:
    body = Fields(value, path, ("kind", "name", "type", "status", "reason", "never"), "condition")
    return ConditionMet(
        kind=body.text("kind", "Deployment"),
        name=body.text("name"),
        type=body.text("type"),
        status=body.text("status", ""),
        reason=body.text("reason", ""),
        never=body.flag("never"),
    )


def _refused(value: object, path: Path) -> Refused:
    body = Fields(value, path, ("step", "contains", "code"), "refused")
    code = fields.whole(body.raw("code"), body.at("code"), least=400, most=599) if "code" in body else None
    return Refused(step=body.text("step"), contains=body.text("contains", ""), code=code)


def _timeout(value: object, path: Path) -> TimedOut:
    body = Fields(value, path, ("step",), "timeout")
    return TimedOut(step=body.text("step"))


_TERMS: Mapping[str, Callable[[object, Path], Term]] = {
    "available": _available,
    "complete": _complete,
    "pods": _pods,
    "pending": _pending,
    "replicas": _replicas,
    "spread": _spread,
    "budget": _budget,
    "event": _event,
    "condition": _condition,
    "refused": _refused,
    "timeout": _timeout,
    "nodes": _nodes,
}
