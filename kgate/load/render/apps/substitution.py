"""`${var:=default}` in rendered objects, as Flux has it (kustomize-controller, pkg/kustomize: varsub.go; fluxcd/pkg/envsubst)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgate.load.render.nodes import STR, UNSET, Node, Place, of_plain
from kgate.load.render.rendering import NotRendered
from kgate.load.scalars import plain

_NAME = re.compile(r"[_A-Za-z][_A-Za-z0-9]*")
_UNQUOTED = re.compile(r"(?![\s\-?:,\[\]{}#&*!|>'\"%@`])(?!.*(?:: |: ?$| #|\s$)).+")
"""A text that the YAML writer leaves without quotes, as far as a `$` in it goes."""
DISABLED = "kustomize.toolkit.fluxcd.io/substitute"
MAX_TEXT = 1024 * 1024
"""Characters of one text after substitution."""


def apply(objects: list[Node], variables: Mapping[str, str]) -> None:
    """Changes the objects in place. Raises NotRendered for what Flux would refuse, and for what changes the shape of an object."""
    for node in objects:
        marks = [node.string("metadata", field, DISABLED) for field in ("labels", "annotations")]
        if "disabled" not in marks:
            _node(node, variables)


def _node(root: Node, variables: Mapping[str, str]) -> None:
    pending = [root]
    while pending:
        node = pending.pop()
        if node.is_map:
            if any("$" in k for k in node.children):
                node.children = {(substituted(k, variables, v.place) if "$" in k else k): v for k, v in node.children.items()}
            pending += node.children.values()
        elif node.is_list:
            pending += node.children
        elif "$" in node.text and isinstance(node.value(), str):
            _scalar(node, variables)


def _scalar(node: Node, variables: Mapping[str, str]) -> None:
    """Flux writes the object, substitutes and reads it again: a text that was written without quotes may become a number."""
    before, after = node.text, substituted(node.text, variables, node.place)
    if "\n" not in before and _UNQUOTED.fullmatch(before):
        if after and ("\n" in after or not _UNQUOTED.fullmatch(after)):
            raise NotRendered(
                f"substitution makes {after[:60]!r} of {before[:60]!r}, which changes the shape of the object", place=node.place
            )
        made = of_plain(plain(after) if after else None, node.place, node.key)
        node.text, node.tag, node.quoted = made.text, made.tag, made.quoted
    else:
        node.text, node.tag, node.quoted = after, STR if node.tag == UNSET else node.tag, True


def substituted(text: str, variables: Mapping[str, str], place: Place) -> str:
    """`$${x}` is `${x}`, `$x` stays; what is not given is empty. Raises NotRendered."""
    out: list[str] = []
    at = 0
    while True:
        found = text.find("${", at)
        if found < 0:
            return _limited("".join([*out, text[at:]]), place)
        if found > at and text[found - 1] == "$":
            out.append(text[at : found - 1])
            end = text.find("}", found)
            out.append(text[found : end + 1] if end >= 0 else text[found:])
            at = end + 1 if end >= 0 else len(text)
            continue
        end = _end(text, found + 2)
        if end < 0:
            raise NotRendered(f"{text[found : found + 40]!r} is not closed", place=place)
        out += [text[at:found], _value(text[found + 2 : end], variables, place, 0)]
        at = end + 1


def _limited(text: str, place: Place) -> str:
    if len(text) > MAX_TEXT:
        raise NotRendered("substitution makes a text of more than a million characters", place=place)
    return text


def _end(text: str, at: int) -> int:
    depth = 1
    while at < len(text):
        if text.startswith("${", at):
            depth, at = depth + 1, at + 2
            continue
        depth -= text[at] == "}"
        if not depth:
            return at
        at += 1
    return -1


def _value(inside: str, variables: Mapping[str, str], place: Place, depth: int) -> str:
    """What `${inside}` is."""
    if depth > 10:
        raise NotRendered("variables inside variables nest too deeply", place=place)
    length = inside.startswith("#") and len(inside) > 1
    name = _NAME.match(inside, 1 if length else 0)
    if name is None:
        raise NotRendered(f"${{{inside[:60]}}} names no variable", place=place)
    value, rest = variables.get(name[0]), inside[name.end() :]
    if length:
        return str(len(value or ""))
    if not rest:
        return value or ""
    operator = next((o for o in (":=", ":-", "=", "-", "^^", "^", ",,", ",") if rest.startswith(o)), "")
    argument = rest[len(operator) :]
    if operator in (":=", ":-"):
        return value or _argument(argument, variables, place, depth)
    if operator in ("=", "-"):
        return value if value is not None else _argument(argument, variables, place, depth)
    if operator and not argument:
        return _cased(operator, value or "")
    if rest.startswith(":") and (part := re.fullmatch(r":\s*(\d{1,6})(?::\s*(\d{1,6}))?", rest)):
        begin = int(part[1])
        return (value or "")[begin : begin + int(part[2]) if part[2] else None]
    raise NotRendered(f"${{{inside[:60]}}}: that function is not followed", place=place)


def _cased(operator: str, value: str) -> str:
    upper = operator[0] == "^"
    if len(operator) == 2:
        return value.upper() if upper else value.lower()
    return (value[:1].upper() if upper else value[:1].lower()) + value[1:]


def _argument(text: str, variables: Mapping[str, str], place: Place, depth: int) -> str:
    """A default may hold variables."""
    out: list[str] = []
    at = 0
    while (found := text.find("${", at)) >= 0:
        end = _end(text, found + 2)
        if end < 0:
            raise NotRendered(f"{text[found : found + 40]!r} is not closed", place=place)
        out += [text[at:found], _value(text[found + 2 : end], variables, place, depth + 1)]
        at = end + 1
    return _limited("".join([*out, text[at:]]), place)
