"""Checked expressions as closures: each node becomes a function of the State, once for each expression.

What is strict raises; the logical operators and the macros made of them come to an answer beside an error, as the server does
(cel-go interpreter). Costs are counted along the way (cel-go interpreter/runtimecost.go, apiserver pkg/cel/library/cost.go), roughly:
an expression that the server would stop is stopped as well, before it takes long here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kgate.cel import declarations
from kgate.cel.faults import BudgetError, CelError, EvaluationError, UnknownError, no_overload
from kgate.cel.function import walked
from kgate.cel.functions import FUNCTIONS
from kgate.cel.operators import OPERATORS, present, selected
from kgate.cel.syntax import Call, Constant, Fold, Ident, ListNode, MapNode, Node, Select
from kgate.cel.values import TYPES, BoolKey, Failed, Lazy, Optional, TypeValue, Unknown, key_of, keys, size

CALL_LIMIT = 1_000_000
"""Of one expression (apiserver pkg/apis/cel/config.go, PerCallLimit)."""
TOTAL_LIMIT = 10_000_000
"""Of all expressions of one policy for one request (RuntimeCELCostBudget)."""


class State:
    """One evaluation: what the names mean, and what it may still cost."""

    __slots__ = ("left", "names")

    def __init__(self, names: dict[str, Any], left: int) -> None:
        self.names = names
        self.left = left

    def pay(self, cost: int) -> None:
        self.left -= cost
        if self.left < 0:
            raise BudgetError("it costs more than the server lets an expression cost")


Step = Callable[[State], Any]
_TYPE_NAMES = frozenset((*TYPES, *declarations.TYPES))


def closure(node: Node) -> Step:
    """Raises UnknownError for what is not evaluated here, whatever the values are."""
    match node:
        case Constant():
            value = node.value
            return lambda s: value
        case Ident():
            return _ident(node.name)
        case Select():
            return _select(node)
        case Call():
            return _call(node)
        case ListNode():
            return _list(node)
        case MapNode():
            return _map(node)
        case Fold():
            return _fold(node)


def _ident(name: str) -> Step:
    name = name.removeprefix(".")

    def ident(s: State) -> Any:
        try:
            value = s.names[name]
        except KeyError:
            if name in _TYPE_NAMES:
                return TypeValue(name)
            raise EvaluationError(f"no such attribute: {name}") from None
        kind = value.__class__
        if kind is Unknown:
            value.read()
        elif kind is Failed:
            raise value.error
        s.left -= 1
        return value

    return ident


def _select(node: Select) -> Step:
    operand, field, qualified = closure(node.operand), node.field, _qualified(node)
    if node.test:
        return lambda s: present(operand(s), field)
    first = qualified.partition(".")[0]

    def select(s: State) -> Any:
        if qualified and first not in s.names:
            if qualified in s.names:
                return s.names[qualified]
            if qualified in _TYPE_NAMES:
                return TypeValue(qualified)
        s.left -= 1
        return selected(operand(s), field)

    return select if qualified else lambda s: selected(operand(s), field)


def _qualified(node: Node | None) -> str:
    """`a.b.c`, where it is nothing but names."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.test and (before := _qualified(node.operand)):
        return f"{before}.{node.field}"
    return ""


def _call(node: Call) -> Step:
    special = _SPECIAL.get(node.function)
    if special is not None:
        return special(node)
    name, args = node.function, node.args
    if node.target is not None:
        qualified = _qualified(node.target)
        if qualified and f"{qualified}.{name}" in FUNCTIONS:
            name = f"{qualified}.{name}"
        else:
            args = (node.target, *args)
    if name in OPERATORS:
        return _operator(name, args)
    if name not in FUNCTIONS:
        return _undefined(name, args)
    return _function(name, args)


def _undefined(name: str, args: tuple[Node, ...]) -> Step:
    """Its arguments are looked at first: of what only a cluster has, whatever is asked is not known."""
    steps = tuple(closure(arg) for arg in args)

    def undefined(s: State) -> Any:
        for step in steps:
            step(s)
        raise EvaluationError(f"unbound function: {name}")

    return undefined


def _operator(name: str, args: tuple[Node, ...]) -> Step:
    do = OPERATORS[name]
    if len(args) == 1:
        only = closure(args[0])
        return lambda s: do(only(s))
    if name == "_+_" and isinstance(args[0], Ident) and args[0].name.startswith("@") and isinstance(args[1], ListNode):
        return _appending(args[0], args[1])
    a, b = closure(args[0]), closure(args[1])
    sized = name in ("_+_", "@in", "_==_", "_!=_", "_<_", "_<=_", "_>_", "_>=_")

    def operator(s: State) -> Any:
        x, y = a(s), b(s)
        s.pay(walked(x, y) if sized and not (x.__class__ in _PLAIN and y.__class__ in _PLAIN) else 1)
        return do(x, y)

    return operator


_PLAIN = (int, bool, float, type(None))


def _appending(accu: Ident, items: ListNode) -> Step:
    """A macro's own list grows in place: nobody else holds it."""
    here, more = closure(accu), closure(items)

    def append(s: State) -> Any:
        added = more(s)
        found = here(s)
        if found.__class__ is not list:
            raise no_overload()
        s.left -= 1
        found += added
        return found

    return append


def _function(name: str, args: tuple[Node, ...]) -> Step:
    function = FUNCTIONS[name]
    steps = tuple(closure(arg) for arg in args)
    if len(steps) not in function.arity:
        return _undefined(name, args)
    do, cost = function.do, function.cost

    def called(s: State) -> Any:
        values = [step(s) for step in steps]
        try:
            s.pay(1 if cost is None else cost(*values))
            return do(*values)
        except (TypeError, AttributeError):  # a receiver or argument of another type than the function is for
            raise no_overload() from None
        except (ValueError, ArithmeticError, LookupError) as error:  # beyond what Python's own types hold
            raise UnknownError(f"{name} is not evaluated here: {error}") from None

    return called


def _and(node: Call) -> Step:
    return _logical(node, decides=False)


def _or(node: Call) -> Step:
    return _logical(node, decides=True)


def _logical(node: Call, *, decides: bool) -> Step:
    a, b = closure(node.args[0]), closure(node.args[1])

    def logical(s: State) -> Any:
        try:
            left = a(s)
        except BudgetError:
            raise
        except CelError as error:
            return _despite(error, b, s)
        if left is decides:
            return decides
        right = b(s)
        if right is decides:
            return decides
        if left.__class__ is not bool or right.__class__ is not bool:
            raise no_overload()
        return right

    def _despite(error: CelError, other: Step, s: State) -> Any:
        try:
            right = other(s)
        except UnknownError:
            raise
        except CelError:
            raise error from None
        if right is decides:
            return decides
        raise error

    return logical


def _conditional(node: Call) -> Step:
    test, yes, no = (closure(arg) for arg in node.args)

    def conditional(s: State) -> Any:
        found = test(s)
        if found is True:
            return yes(s)
        if found is False:
            return no(s)
        raise no_overload()

    return conditional


def _not(node: Call) -> Step:
    of = closure(node.args[0])

    def negated(s: State) -> Any:
        value = of(s)
        if value.__class__ is not bool:
            raise no_overload()
        return not value

    return negated


def _not_strictly_false(node: Call) -> Step:
    of = closure(node.args[0])

    def going_on(s: State) -> Any:
        try:
            return of(s) is not False
        except BudgetError:
            raise
        except CelError:
            return True

    return going_on


def _or_value(node: Call) -> Step:
    """`orValue` and `or`: the other side is not looked at where there is a value."""
    if node.target is None or len(node.args) != 1:
        return _undefined(node.function, node.args)
    first, second, unwraps = closure(node.target), closure(node.args[0]), node.function == "orValue"

    def other(s: State) -> Any:
        found = first(s)
        if found.__class__ is not Optional:
            raise no_overload()
        if not found.there:
            return second(s)
        return found.value if unwraps else found

    return other


_SPECIAL: dict[str, Callable[[Call], Step]] = {
    "_&&_": _and,
    "_||_": _or,
    "_?_:_": _conditional,
    "!_": _not,
    "@not_strictly_false": _not_strictly_false,
    "__not_strictly_false__": _not_strictly_false,
    "orValue": _or_value,
    "or": _or_value,
}


def _list(node: ListNode) -> Step:
    steps = tuple(closure(item) for item in node.items)
    optional = node.optional
    if not optional:

        def made(s: State) -> Any:
            s.left -= 10
            return [step(s) for step in steps]

        return made

    def sparse(s: State) -> Any:
        out = []
        for index, step in enumerate(steps):
            value = step(s)
            if index not in optional:
                out.append(value)
            elif value.__class__ is not Optional:
                raise no_overload()
            elif value.there:
                out.append(value.value)
        return out

    return sparse


def _map(node: MapNode) -> Step:
    if node.message:
        raise UnknownError(f"messages such as {node.message} are not made here")
    steps = tuple((closure(e.key), closure(e.value), e.optional) for e in node.entries)

    def made(s: State) -> Any:
        s.left -= 30
        out: dict[Any, Any] = {}
        for key, value, optional in steps:
            name, found = key_of(key(s)), value(s)
            if name in out:
                raise EvaluationError(f"Failed with repeated key: {name}")
            if optional:
                if found.__class__ is not Optional:
                    raise no_overload()
                if not found.there:
                    continue
                found = found.value
            out[name] = found
        return out

    return made


def _fold(node: Fold) -> Step:
    over, start, condition, step, result = (closure(n) for n in (node.range, node.start, node.condition, node.step, node.result))
    var, var2, accu = node.var, node.var2, node.accu

    def fold(s: State) -> Any:
        items = over(s)
        names = s.names
        before = {name: names[name] for name in (accu, var, var2) if name in names}
        try:
            names[accu] = _held(start, s)
            for one, other in _items(items, bool(var2)):
                s.pay(1)
                names[var] = one
                if var2:
                    names[var2] = other
                if condition(s) is not True:
                    break
                names[accu] = _held(step, s)
            for name in (var, var2):
                names.pop(name, None)
            return result(s)
        finally:
            for name in (accu, var, var2):
                names.pop(name, None)
            names.update(before)

    return fold


def _held(step: Step, s: State) -> Any:
    try:
        return step(s)
    except BudgetError:
        raise
    except CelError as error:
        return Failed(error)


def _items(found: Any, both: bool) -> Any:
    if found.__class__ is list:
        return enumerate(found) if both else ((item, None) for item in found)
    if found.__class__ is dict:
        return ((k.value if k.__class__ is BoolKey else k, v) for k, v in found.items()) if both else ((k, None) for k in keys(found))
    if found.__class__ is Lazy:
        return ((name, found.get(name) if both else None) for name in sorted(found.names))
    size(found)
    raise no_overload()
