"""When a Job has failed and when it has succeeded (pkg/apis/batch/validation/validation.go)."""

from __future__ import annotations

import re
from itertools import pairwise

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, duplicate, invalid, items, not_supported, number, part, required, text, too_long, too_many
from kgate.validate.meta import no_negative

_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_STATUSES = ("False", "True", "Unknown")
_OPERATORS = ("In", "NotIn")
_MAX_RULES = 20
_MAX_EXIT_CODES = 255
_MAX_INDEXES = 64 * 1024
_INTEGER = re.compile(r"[-+]?[0-9]{1,18}").fullmatch


def _valid(values: tuple[str, ...]) -> str:
    return "valid values: [" + " ".join(f'"{value}"' for value in values) + "]"


def failure(spec: Body, path: Path) -> Causes:
    """`path` is that of the spec of the Job."""
    rules = list(items(part(spec, "podFailurePolicy"), "rules", (*path, "podFailurePolicy")))
    if len(rules) > _MAX_RULES:
        yield too_many((*path, "podFailurePolicy", "rules"), len(rules), _MAX_RULES)
    pod = part(part(spec, "template"), "spec")
    names = {text(container, "name") for kind in ("containers", "initContainers") for _, container in items(pod, kind, ())}
    for at, rule in rules:
        action, codes, conditions = text(rule, "action"), rule.get("onExitCodes"), list(items(rule, "onPodConditions", at))
        if not action:
            yield required((*at, "action"), _valid(_ACTIONS))
        elif action not in _ACTIONS:
            yield not_supported((*at, "action"), action, _ACTIONS)
        elif action == "FailIndex" and spec.get("backoffLimitPerIndex") is None:
            yield invalid((*at, "action"), action, "requires the backoffLimitPerIndex to be set")
        if codes is not None:
            yield from _exit_codes(codes, names, (*at, "onExitCodes"))
        yield from _conditions(conditions, (*at, "onPodConditions"))
        if (codes is not None) == bool(conditions):
            both = "specifying both OnExitCodes and OnPodConditions is not supported"
            yield invalid(at, "", both if conditions else "specifying one of OnExitCodes and OnPodConditions is required")


def _exit_codes(found: Body, names: set[str], path: Path) -> Causes:
    operator, container, values = text(found, "operator"), found.get("containerName"), [v or 0 for v in found.get("values") or ()]
    if not operator:
        yield required((*path, "operator"), _valid(_OPERATORS))
    elif operator not in _OPERATORS:
        yield not_supported((*path, "operator"), operator, _OPERATORS)
    if container is not None and container not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        yield invalid((*path, "containerName"), container, detail)
    at = (*path, "values")
    if not values:
        yield invalid(at, values, "at least one value is required")
    elif len(values) > _MAX_EXIT_CODES:
        yield too_many(at, len(values), _MAX_EXIT_CODES)
    taken: set[int] = set()
    for i, value in enumerate(values):
        if operator == "In" and value == 0:
            yield invalid((*at, i), value, "must not be 0 for the In operator")
        if value in taken:
            yield duplicate((*at, i), value)
        taken.add(value)
    if any(before > after for before, after in pairwise(values)):
        yield invalid(at, values, "must be ordered")


def _conditions(found: list[tuple[Path, Body]], path: Path) -> Causes:
    """Left out, the status is True."""
    if len(found) > _MAX_RULES:
        yield too_many(path, len(found), _MAX_RULES)
    for at, pattern in found:
        kind, status = text(pattern, "type"), text(pattern, "status") or "True"
        for fault in formats.label_key(kind):
            yield invalid((*at, "type"), kind, fault)
        if status not in _STATUSES:
            yield not_supported((*at, "status"), status, _STATUSES)


def success(spec: Body, path: Path) -> Causes:
    """`path` is that of the spec of the Job; it is indexed."""
    rules, at = list(items(part(spec, "successPolicy"), "rules", (*path, "successPolicy"))), (*path, "successPolicy", "rules")
    if not rules:
        yield required(at, "at least one rules must be specified when the successPolicy is specified")
    if len(rules) > _MAX_RULES:
        yield too_many(at, len(rules), _MAX_RULES)
    for where, rule in rules if spec.get("completions") is not None else ():
        yield from _rule(rule, number(spec, "completions"), where)


def _rule(rule: Body, completions: int, path: Path) -> Causes:
    count, indexes = rule.get("succeededCount"), rule.get("succeededIndexes")
    if count is None and indexes is None:
        yield required(path, "at least one of succeededCount or succeededIndexes must be specified")
    total = 0
    if indexes is not None:
        if len(indexes) > _MAX_INDEXES:
            yield too_long((*path, "succeededIndexes"), _MAX_INDEXES)
        total, fault = _indexes(indexes, completions)
        if fault:
            yield invalid((*path, "succeededIndexes"), indexes, f"error parsing succeededIndexes: {fault}")
    if count is not None:
        yield from no_negative(rule, "succeededCount", path)
        at = (*path, "succeededCount")
        if count > completions:
            yield invalid(at, count, f"must be less than or equal to {completions} (the number of specified completions)")
        if indexes is not None and count > total:
            detail = f"must be less than or equal to {total} (the number of indexes in the specified succeededIndexes field)"
            yield invalid(at, count, detail)


def _indexes(written: str, completions: int) -> tuple[int, str]:
    """How many indexes `1,3-5` are, and what is wrong with it."""
    last, total = None, 0
    for interval in written.split(",") if written else ():
        ends = interval.split("-")
        if len(ends) > 2:
            why = "violates the requirement that an index interval can have at most two parts separated by '-'"
            return 0, f'the fragment "{interval}" {why}'
        for end in ends:
            if not _INTEGER(end):
                return 0, f'cannot convert string to integer for index: "{end}"'
            if int(end) >= completions:
                return 0, f'too large index: "{end}"'
        low, high = int(ends[0]), int(ends[-1])
        if len(ends) == 2 and low >= high:
            return 0, f"non-increasing order, previous: {low}, current: {high}"
        if last is not None and last >= low:
            return 0, f"non-increasing order, previous: {last}, current: {low}"
        last, total = high, total + high - low + 1
    return total, ""
