"""x-kubernetes-validations: each rule at each node that it stands for, in the server's words.

apiextensions-apiserver pkg/apiserver/schema/cel/validation.go. What is not evaluated is told, and refuses nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kgate.manifest import Path
from kgate.validate.cause import Cause, Key, dotted, forbidden, required, shown
from kgate.validate.crd import cel, celvalue
from kgate.validate.crd.ratchet import ABSENT, SINCE, before, same
from kgate.validate.crd.structural import Rule, Structural

MAX_EVALUATIONS = 5_000
"""Of one object."""
MAX_NODES = 500_000
"""That are told to CEL for one object: a node counts once for each ruled node above it."""
MAX_COST = 500_000
"""Of one object, as the server counts."""
MAX_TOLD = 10
"""Reasons for which rules of one object were not evaluated."""

_BLOCKING = frozenset(f"FieldValue{what}" for what in ("NotSupported", "Required", "TooLong", "TooMany", "TypeInvalid"))
_NOWHERE: Path = ("<nil>",)
_STEP = re.compile(r"\.([^.\[\]]+)|\['((?:[^'\\]|\\.)*)'\]")


def blocked(causes: list[Cause]) -> bool:
    """Whether the server stops before the rules (registry/customresource/strategy.go, hasBlockingErr)."""
    return any(cause.reason in _BLOCKING for cause in causes)


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """The rules of one object."""

    minor: tuple[int, ...]
    most: int
    """Causes, after which no more are looked for."""
    causes: list[Cause] = field(default_factory=list)
    skipped: dict[str, None] = field(default_factory=dict)
    """`at spec.x not evaluated: why`, in order."""
    asked: set[tuple[int, str]] = field(default_factory=set)
    evaluations: int = 0
    nodes: int = 0
    cost: int = 0

    def object(self, value: Mapping[str, Any], schema: Structural, old: Any = ABSENT) -> None:
        """`old`: what is stored, where the object replaces something."""
        self._node(schema, schema, value, (), True, old)

    def _node(self, v: Structural, s: Structural, x: Any, path: Path, root: bool, old: Any) -> None:
        """`v` has the rules and `s` the types: an allOf has rules of its own for the types around it."""
        updated = old is not ABSENT and old is not None
        if x is None or not (v.ruled_below or (updated and v.changes_below)) or len(self.causes) >= self.most:
            return
        if rules := self._due(v, x, old):
            self._rules(rules, s, x, path, root, old)
        for one in v.all_of:
            self._node(one, s, x, path, root, old)
        if any(one.ruled_below or (updated and one.changes_below) for one in (*v.any_of, *v.one_of, *([v.negated] if v.negated else []))):
            self._skip(id(v), path, "it stands in an alternative")
        for step, child, types, below in _below(v, s, x, changes=updated):
            was = before(old, s, x, step) if updated else ABSENT
            self._node(child, types, below, (*path, step), types.embedded, was)

    def _due(self, v: Structural, x: Any, old: Any) -> tuple[Rule, ...]:
        """What has not changed is asked for nothing but its change."""
        if old is ABSENT or old is None:
            return v.rules
        rules = tuple(rule for rule in v.rules if rule.optional_old) if self.minor >= SINCE and same(x, old) else v.rules
        return (*rules, *v.transitions)

    def _rules(self, rules: tuple[Rule, ...], s: Structural, x: Any, path: Path, root: bool, old: Any) -> None:
        waiting = [rule for rule in rules if rule.text.strip()]
        if self.evaluations + len(waiting) > MAX_EVALUATIONS or self.nodes > MAX_NODES or self.cost > MAX_COST:
            return self._skip(0, path, "there are more rules and values than kgate looks at")
        self.evaluations += len(waiting)
        if not waiting:
            return None
        try:
            value = celvalue.converted(x, s, root=root) if s.declared else None
            if value is not None and old is not ABSENT and old is not None:
                value = celvalue.beside(value, celvalue.converted(old, s, root=root))
        except celvalue.InexactError as e:
            return self._skip(id(s), path, str(e))
        if value is None:
            return self._skip(id(s), path, "CEL has no type for its schema")
        self.nodes += value.nodes
        for rule in waiting:
            if (why := self._rule(rule, s, x, value, path, root)) is not None:
                self._skip(id(rule), path, why)
        return None

    def _rule(self, rule: Rule, s: Structural, x: Any, value: celvalue.Converted, path: Path, root: bool) -> str | None:
        """Why it is not evaluated; None when it is."""
        old = (cel.SOME_OLD if value.old is not None else cel.NO_OLD) if rule.optional_old else ""
        program = cel.program(rule.text, old=old, minor=self.minor[1])
        if isinstance(program, str):
            return program
        for chain in cel.fields(program):
            if name := celvalue.unknown(chain, s, root=root):
                return f"the schema has no field {name}, so the API server would refuse the rule"
        try:
            limit = min(cel.MAX_COST, MAX_COST - self.cost)
            answer, cost = cel.holds(program, value, limit)
            self.cost += cost
            if not answer:
                self.causes.append(self._cause(rule, s, x, value, path))
        except cel.CostError as e:
            if limit == cel.MAX_COST:
                return str(e)
            self.cost = MAX_COST + 1
            return "there are more rules and values than kgate looks at"
        except cel.UnsureError as e:
            return str(e)
        return None

    def _cause(self, rule: Rule, s: Structural, x: Any, value: celvalue.Converted, path: Path) -> Cause:
        detail = _detail(rule, value, self.minor[1])
        steps = _steps(rule.field_path)
        at: Path = (*path, *steps) or _NOWHERE
        remediation = "write it as the rule of the CustomResourceDefinition asks for"
        place = (*path, *(str(step) for step in steps))
        match rule.reason:
            case "FieldValueForbidden":
                return forbidden(place, detail, at=at)
            case "FieldValueRequired":
                return required(place, detail, at=at)
            case "FieldValueDuplicate":
                message = "Duplicate value" + self._shown(x, s)
                return Cause(path=place, reason=rule.reason, message=message, at=at, remediation=remediation)
        message = f"Invalid value{self._shown(x, s)}: {detail}"
        return Cause(path=place, reason="FieldValueInvalid", message=message, at=at, remediation=remediation)

    def _shown(self, x: Any, s: Structural) -> str:
        """Servers before 1.35 tell the type, later ones the value if it is a plain one."""
        if self.minor < (1, 35):
            return f": {shown(s.types[0] if len(s.types) == 1 else '')}"
        return "" if s.types in (("object",), ("array",)) else f": {shown(x)}"

    def _skip(self, what: int, path: Path, why: str) -> None:
        """Each rule is told once for each reason, at the first of its nodes."""
        if (what, why) in self.asked:
            return
        self.asked.add((what, why))
        if len(self.skipped) < MAX_TOLD:
            self.skipped[f"{dotted(path) or 'the whole object'} not evaluated: {why}"] = None
        elif len(self.skipped) == MAX_TOLD:
            self.skipped["other places not evaluated"] = None


def _below(v: Structural, s: Structural, x: Any, *, changes: bool) -> Iterator[tuple[int | str, Structural, Structural, Any]]:
    """Each child of the value that may have rules: its step, the schema with the rules, the one with the types, its value."""

    def concerned(one: Structural) -> bool:
        return one.ruled_below or (changes and one.changes_below)

    if isinstance(x, list):
        if v.items is not None and s.items is not None and concerned(v.items):
            for i, item in enumerate(x):
                yield i, v.items, s.items, item
    elif isinstance(x, Mapping):
        if isinstance(v.additional, Structural) and isinstance(s.additional, Structural) and concerned(v.additional):
            for key, item in x.items():
                yield Key(key), v.additional, s.additional, item
        for key, item in x.items():
            child, types = v.properties.get(key), s.properties.get(key)
            if child is not None and types is not None and concerned(child) and types.declared:
                yield key, child, types, item


def _detail(rule: Rule, value: celvalue.Converted, minor: int) -> str:
    if rule.message_expression and ("oldSelf" not in rule.message_expression or (value.old is not None and not rule.optional_old)):
        program = cel.program(rule.message_expression, minor=minor)
        if not isinstance(program, str) and (said := cel.text(program, value)) is not None:
            return said
    return rule.message.strip() if rule.message else f"failed rule: {rule.text.strip()}"


def _steps(field_path: str) -> tuple[str, ...]:
    """`.spec.a['b']`; nothing where it is written otherwise."""
    found = [*_STEP.finditer(field_path)]
    if "".join(m[0] for m in found) != field_path:
        return ()
    return tuple(m[1] if m[1] is not None else Key(re.sub(r"\\(.)", r"\1", m[2])) for m in found)
