"""Which node of the object a failing validation is about, where its failing part shows that.

The expression is taken apart along its `&&`, `||`, `? :` and `all()`, down to what is false; the fields that is asked of are the place.
Fields that only say whether the policy concerns the object (`object.kind`) are left out beside others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from kgate.cel import CelError, Program
from kgate.cel.syntax import Call, Constant, Fold, Ident, ListNode, Node, Select, children
from kgate.manifest import Path

_MOST = 200
"""Items of a list that are looked at one by one."""
_ABOUT = (("kind",), ("apiVersion",), ("metadata", "name"), ("metadata", "namespace"))
_DEEPEST = 60


_OBJECT: Mapping[str, Path] = {"object": ()}


def of(program: Program, names: Mapping[str, Any], variables: Mapping[str, Program], roots: Mapping[str, Path] = _OBJECT) -> Path:
    """From the object; empty for the object itself. `roots`: where in it stands what the names mean."""
    try:
        found = set(_Blame(program=program, names=names, variables=variables, scope=roots).faults(program.root, _DEEPEST))
    except (CelError, RecursionError):
        return ()
    return _one(_telling(found))


def _telling(found: set[Path]) -> list[Path]:
    about = [p for p in found if p and not any(p[: len(a)] == a for a in _ABOUT)] or [p for p in found if p]
    return sorted((p for p in about if not any(q != p and q[: len(p)] == p for q in about)), key=str)


def _one(found: list[Path]) -> Path:
    """The only path; of several items of one list, the list."""
    if len(found) <= 1:
        return found[0] if found else ()
    shared = 0
    while all(len(p) > shared and p[shared] == found[0][shared] for p in found):
        shared += 1
    return found[0][:shared] if all(len(p) > shared and isinstance(p[shared], int) for p in found) else ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Blame:
    program: Program
    names: Mapping[str, Any]
    variables: Mapping[str, Program]
    scope: Mapping[str, Path]
    """Where the variables of macros stand in the object."""

    def value(self, node: Node) -> Any:
        try:
            return self.program.part(node, self.names)
        except CelError:
            return None

    def faults(self, node: Node, depth: int) -> Iterator[Path]:
        """Of a node that is false."""
        variable = self._variable(node)
        if depth == 0:
            return
        if variable is not None:
            yield from self.faults(variable, depth - 1)
        elif isinstance(node, Call) and node.function in ("_&&_", "_||_"):
            for arg in node.args:
                if node.function == "_||_" or self.value(arg) is not True:
                    yield from self.faults(arg, depth - 1)
        elif isinstance(node, Call) and node.function == "_?_:_":
            yield from self.faults(node.args[1 if self.value(node.args[0]) is True else 2], depth - 1)
        elif isinstance(node, Fold) and (asked := _each(node)) is not None:
            yield from self._of_items(node, asked, depth)
        else:
            yield from self.asked(node)

    def _of_items(self, node: Fold, asked: Node, depth: int) -> Iterator[Path]:
        items = self.items(node.range)
        if items is None:
            yield from self.asked(node.range)
            return
        for value, path in items[:_MOST]:
            names = {**self.names, node.var: value}
            scope = {k: v for k, v in self.scope.items() if k != node.var} | ({node.var: path} if path is not None else {})
            inner = replace(self, names=names, scope=scope)
            if inner.value(asked) is not True:
                found = list(inner.faults(asked, depth - 1))
                yield from found or ([path] if path is not None else [])

    def items(self, node: Node) -> list[tuple[Any, Path | None]] | None:
        """Each item of the list that `node` is and where it stands; None where that cannot be told."""
        if (variable := self._variable(node)) is not None:
            return self.items(variable)
        if isinstance(node, Call) and node.function == "_+_":
            parts = [self.items(arg) for arg in node.args]
            return None if any(p is None for p in parts) else [item for p in parts for item in p or ()]
        if isinstance(node, Call) and node.function == "_?_:_":
            return self.items(node.args[1 if self.value(node.args[0]) is True else 2])
        value = self.value(node)
        if not isinstance(value, list):
            return None
        path = self.chain(node)
        known = path is not None and not isinstance(node, ListNode)
        return [(item, (*path, i) if known and path is not None else None) for i, item in enumerate(value)]

    def asked(self, node: Node) -> Iterator[Path]:
        """Every field of the object that is looked at below `node`."""
        if (variable := self._variable(node)) is not None:
            yield from self.asked(variable)
        elif (path := self.chain(node)) is not None:
            yield path
        elif isinstance(node, Fold):
            yield from self.asked(node.range)
        else:
            for child in children(node):
                yield from self.asked(child)

    def chain(self, node: Node) -> Path | None:
        """`object.spec.x[0]` as a path, through variables and macros."""
        if (variable := self._variable(node)) is not None:
            return self.chain(variable)
        match node:
            case Ident(name=name):
                return self.scope.get(name)
            case Select(operand=operand, field=field):
                before = self.chain(operand)
                return None if before is None else (*before, field)
            case Call(function="_[_]" | "_?._" | "_[?_]", args=(operand, Constant(value=step))) if isinstance(step, int | str):
                before = self.chain(operand)
                return None if before is None else (*before, step)
            case Call(function="orValue" | "value" | "or" | "hasValue", target=target) if target is not None:
                return self.chain(target)
        return None

    def _variable(self, node: Node) -> Node | None:
        """What `variables.x` stands for."""
        if isinstance(node, Select) and not node.test and isinstance(node.operand, Ident) and node.operand.name == "variables":
            found = self.variables.get(node.field)
            return found.root if found is not None else None
        return None


def _each(node: Fold) -> Node | None:
    """What `all()` asks of each item; None for other macros."""
    step = node.step
    if node.var2 or not (isinstance(node.start, Constant) and node.start.value is True):
        return None
    if isinstance(step, Call) and step.function == "_&&_" and isinstance(step.args[0], Ident) and step.args[0].name == node.accu:
        return step.args[1]
    return None
