"""One custom resource against its definition: decoding, then validation, as the server goes about it (pkg/registry/customresource)."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any

from kgate.validate import meta
from kgate.validate.cause import Cause, Causes, invalid
from kgate.validate.crd import keywords, listtype, objectmeta, pruning, ratchet
from kgate.validate.crd.definitions import Definition, Definitions, Version
from kgate.validate.crd.structural import Structural
from kgate.validate.crd.verdict import Checked
from kgate.validate.gates import Gates

MAX_DEPTH = 150
"""Levels of the object; beyond them it is not checked."""
MAX_NODES = 1_000_000
"""Mappings, lists and values of the object, each as often as it is met."""
REFUSED = "the API server would refuse it"
_INT32 = 2**31 - 1


Old = Mapping[str, Any] | None
"""What is stored, where the object replaces something."""


def checked(body: Mapping[str, Any], definitions: Definitions, minor: str, on: Gates, most: int, old: Old = None) -> Checked | None:
    """As the package's own: of several definitions one is enough."""
    verdicts: list[Checked] = []
    for definition in definitions.describing(body.get("apiVersion"), body.get("kind")):
        verdicts.append(_by(definition, body, definitions, minor, on, most, old))
        if not verdicts[-1].causes:
            return verdicts[-1]
    return verdicts[0] if verdicts else None


def _by(definition: Definition, body: Mapping[str, Any], definitions: Definitions, minor: str, on: Gates, most: int, old: Old) -> Checked:
    version = definition.version(body["apiVersion"].rpartition("/")[2])
    if version is None and not definition.named:
        return Checked(unchecked=(f"CRD {definition.name} does not describe {body['apiVersion']}",))
    schema = definitions.schema(definition, version) if version is not None and version.served else None
    if isinstance(schema, str) or not definitions.usable(definition):
        return Checked(unchecked=(f"CRD {definition.name} not used: {schema if isinstance(schema, str) else REFUSED}",))
    if version is None or schema is None:
        return Checked(causes=(_not_served(definition, body["apiVersion"]),), not_served=True)
    if beyond := _beyond(body):
        return Checked(unchecked=(f"CRD {definition.name}: {beyond}",))
    undecodable = tuple(islice(_decoding(body, schema, version, minor), most))
    if undecodable:
        return Checked(causes=undecodable)
    if old is not None and (old.get("apiVersion") != body.get("apiVersion") or _beyond(old)):
        old = None
    return _validated(definition, version, schema, body, minor, on, most, old)


def _not_served(definition: Definition, api_version: str) -> Cause:
    served = [f"{definition.group}/{v}" for v in definition.served]
    message = (
        f'no matches for kind "{definition.kind}" in version "{api_version}": CRD {definition.name} serves {", ".join(served) or "nothing"}'
    )
    remediation = f"use apiVersion: {served[-1]}" if served else "let the definition serve a version"
    return Cause(path=("apiVersion",), reason="BadRequest", message=message, remediation=remediation)


def _decoding(body: Mapping[str, Any], schema: Structural, version: Version, minor: str) -> Causes:
    yield from objectmeta.decoding(body, schema, minor)
    if not version.keeps_unknown:
        yield from pruning.unknown(body, schema)


def _validated(
    definition: Definition, version: Version, schema: Structural, body: Mapping[str, Any], minor: str, on: Gates, most: int, old: Old
) -> Checked:
    stored, was = (None if one is None else _stored(one, version, schema) for one in (body, old))
    if stored is None or (beyond := _beyond(stored)):
        return Checked(unchecked=(f"CRD {definition.name}: with its defaults, {beyond}",))
    evaluation = keywords.Evaluation(minor=tuple(map(int, minor.split("."))))
    found: list[Cause] = [*meta.causes(body, definition.group, definition.kind, on)]
    try:
        said = evaluation.node(schema, stored, ()).causes
        found += said if was is None or evaluation.minor < ratchet.SINCE else ratchet.kept(said, stored, was, schema)
    except keywords.TooMuchError:
        evaluation.unchecked["more of it than kgate looks at"] = None
    found += [*_scale(stored, version), *objectmeta.causes(stored, schema, minor, on), *islice(listtype.causes(stored, schema), most)]
    unchecked = [f"CRD {definition.name}: {what} not checked" for what in evaluation.unchecked]
    if _ruled(stored, schema, changes=was is not None):
        evaluated, skipped = _rules(definition, schema, stored, evaluation.minor, found, most, was)
        found += evaluated
        unchecked += skipped
    return Checked(causes=tuple(dict.fromkeys(found))[:most], unchecked=tuple(unchecked))


def _rules(
    definition: Definition,
    schema: Structural,
    stored: Mapping[str, Any],
    minor: tuple[int, ...],
    found: list[Cause],
    most: int,
    old: Old,
) -> tuple[list[Cause], list[str]]:
    """What the rules refuse, and which were not evaluated. The server does not come to them where the object is refused for its form."""
    from kgate.validate.crd import cel, rules

    if rules.blocked(found):
        return [], []
    if not cel.available():
        return [], [] if found else [f"CEL rules of CRD {definition.name} not evaluated: {cel.INSTALL}"]
    evaluation = rules.Evaluation(minor=minor, most=most)
    evaluation.object(stored, schema, ratchet.ABSENT if old is None else old)
    return evaluation.causes, [f"CEL rule of CRD {definition.name} at {what}" for what in evaluation.skipped]


def _stored(body: Mapping[str, Any], version: Version, schema: Structural) -> Mapping[str, Any]:
    """With the defaults; a write of the object drops a status that is a subresource."""
    stored: Mapping[str, Any] = pruning.effective({k: v for k, v in body.items() if not (version.status and k == "status")}, schema)
    return stored


def _scale(body: Mapping[str, Any], version: Version) -> Causes:
    """customResourceValidator.ValidateScaleSpec."""
    if not version.replicas:
        return
    path = tuple(version.replicas.removeprefix(".").split("."))
    value: Any = body
    for step in path:
        value = value.get(step) if isinstance(value, Mapping) else None
    if isinstance(value, int) and not isinstance(value, bool):
        detail = "should be a non-negative integer" if value < 0 else f"should be less than or equal to {_INT32}" if value > _INT32 else ""
        if detail:
            yield invalid(path, value, detail, at=(version.replicas,), remediation="write a number of replicas")


def _ruled(x: Any, s: Structural, *, changes: bool) -> bool:
    """Whether a rule stands at a node that the object has; with `changes`, one about changes as well."""
    if not (s.ruled_below or (changes and s.changes_below)):
        return False
    if (s.ruled or (changes and (s.transitions or any(p.changes_below for p in (*s.all_of, *s.any_of, *s.one_of))))) and x is not None:
        return True
    if isinstance(x, Mapping):
        return any((child := s.child(key)) is not None and _ruled(value, child, changes=changes) for key, value in x.items())
    return isinstance(x, list) and s.items is not None and any(_ruled(value, s.items, changes=changes) for value in x)


def _beyond(body: Mapping[str, Any]) -> str:
    """Why the object is not walked; empty when it is."""
    seen = 0
    todo: list[tuple[Any, int]] = [(body, 1)]
    while todo:
        value, depth = todo.pop()
        seen += 1
        if depth > MAX_DEPTH:
            return f"object nested deeper than {MAX_DEPTH} levels"
        if seen > MAX_NODES:
            return f"object of more than {MAX_NODES} nodes"
        if isinstance(value, (Mapping, list)):
            todo.extend((v, depth + 1) for v in (value.values() if isinstance(value, Mapping) else value))
    return ""
