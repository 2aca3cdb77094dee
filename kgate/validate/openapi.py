"""The decoder of the API server: would it read this body as an object of its kind, with strict field validation?

jsonschema-rs judges; jsonschema does where there is no wheel of it, and is what the tests compare it with. Both report the same faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache, partial
from itertools import repeat
from typing import Any

from msgspec import Struct

from kgate.manifest import Path
from kgate.validate import nearest, plain, schemas
from kgate.validate.cause import Cause, Key, dotted, required, shown


class Fault(Struct, frozen=True, kw_only=True):
    """One keyword of the schema that the body does not satisfy."""

    path: tuple[str, ...]
    """Each step as text, to sort by; `steps` has the path itself."""
    keyword: str
    name: str
    """The field that is missing or unknown; empty for other keywords."""
    steps: Path


Faults = Callable[[Any], "tuple[Fault, ...]"]
"""What is wrong with a body, sorted; empty for most."""


def causes(body: Mapping[str, Any], api_version: str, kind: str, minor: str) -> Iterator[Cause]:
    """What the decoder refuses (`BadRequest`), then which fields are missing (`FieldValueRequired`); `minor` serves the kind."""
    if next(_few(api_version, kind, minor), False) and plain.fits(body, *_unread(api_version, kind, minor)):
        return
    yield from refused(compiled(api_version, kind, minor), body, age=partial(_age, api_version, kind, minor))


def refused(validator: Validator, body: Mapping[str, Any], age: Callable[[Path, str], str] = lambda _steps, _name: "") -> Iterator[Cause]:
    """As `causes`, by any schema of this form. `age` knows of a field that other versions have."""
    faults = validator.faults(body)
    for fault in faults:
        if fault.keyword != "required":
            yield _decoding(validator.schema, body, fault, age)
    for fault in faults:
        # The server drops the status of a new object without looking for what it lacks.
        if fault.keyword == "required" and fault.steps[:1] != ("status",):
            yield required((*fault.steps, fault.name))


class Validator(Struct, frozen=True, kw_only=True):
    schema: schemas.Schema
    faults: Faults


FEW = 200
"""So many objects of a kind are read before its schema is compiled: only from there on that pays."""


@cache
def _few(api_version: str, kind: str, minor: str) -> Iterator[bool]:
    return repeat(True, FEW)


@cache
def _unread(api_version: str, kind: str, minor: str) -> tuple[schemas.Schema, plain.Define]:
    """The schema of a kind, of which nothing is read before a body needs it."""
    bundle = schemas.bundle()
    return {"$ref": bundle.root(api_version, kind)}, cache(lambda name: bundle.definition(name, minor))


@cache
def compiled(api_version: str, kind: str, minor: str) -> Validator:
    """One to three milliseconds the first time, for a kind as large as a Deployment."""
    return validator(schemas.bundle().schema(api_version, kind, minor))


def validator(schema: schemas.Schema) -> Validator:
    """Compiles a schema with its definitions, as the embedded ones are written."""
    try:
        return Validator(schema=schema, faults=fast(schema))
    except ImportError:
        return Validator(schema=schema, faults=reference(schema))


def fast(schema: schemas.Schema) -> Faults:
    """jsonschema-rs. Raises ImportError where it is not installed."""
    import jsonschema_rs

    validator = jsonschema_rs.Draft202012Validator(dict(schema), pattern_options=jsonschema_rs.RegexOptions())

    def faults(body: Any) -> tuple[Fault, ...]:
        try:
            if validator.is_valid(body):
                return ()
            found = [(e.instance_path, e.instance, e.kind.name, e.kind.value) for e in validator.iter_errors(body)]
        except ValueError:  # a lone surrogate, which only JSON escapes can write, has no UTF-8
            return reference(schema)(body)
        if not all(_exact(body, path, instance) for path, instance, *_ in found):
            return reference(schema)(body)
        return _sorted(f for path, _, keyword, value in found for f in _split(tuple(path), keyword, value))

    return faults


def _exact(body: Any, path: list[str | int], instance: Any) -> bool:
    """jsonschema-rs takes a key that looks like an index (`"0"`, `"+1"`) for one and leaves out an empty key: such a path is lost."""
    for step in path:
        if isinstance(step, int) != isinstance(body, list):
            return False
        body = body[step]
    return bool(body == instance)


def reference(schema: schemas.Schema) -> Faults:
    """jsonschema: the same faults, some three hundred times slower."""
    from jsonschema import Draft202012Validator, validators

    validator = validators.extend(Draft202012Validator, {"pattern": _pattern})(schema)  # type: ignore[no-untyped-call]

    def faults(body: Any) -> tuple[Fault, ...]:
        return _sorted(f for e in validator.iter_errors(body) for f in _split(tuple(e.absolute_path), e.validator, _missing(e)))

    return faults


def _pattern(_: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    """`$` is the end of the text, as everywhere but in Python, where a line end may follow it."""
    import re

    from jsonschema import ValidationError

    if isinstance(instance, str) and not re.search(pattern.removesuffix("$") + r"\Z", instance):
        yield ValidationError("does not match")


def _missing(error: Any) -> Any:
    """The names that jsonschema-rs gives with an error and jsonschema only in its message."""
    if error.validator == "additionalProperties":
        return [name for name in error.instance if name not in error.schema.get("properties", {})]
    if error.validator == "required":
        return next(n for n in error.validator_value if error.message.startswith(repr(n)))
    return None


def _split(path: Path, keyword: str, value: Any) -> Iterator[Fault]:
    """One fault a name: a schema error lists all unknown fields of an object at once."""
    names = value if keyword == "additionalProperties" else [value] if keyword == "required" else [""]
    for name in names:
        yield Fault(path=tuple(map(str, path)), keyword=keyword, name=name, steps=path)


def _sorted(faults: Iterator[Fault]) -> tuple[Fault, ...]:
    return tuple(sorted(faults, key=lambda f: (f.path, f.keyword, f.name)))


# From a fault to the server's words.

_NAMES = {
    "object": "an object",
    "array": "a list",
    "string": "a string",
    "integer": "an integer",
    "number": "a number",
    "boolean": "true or false",
}
_FORMATS = {
    "quantity": (
        "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
        "write a quantity such as 500m, 1.5, 128Mi or 1Gi",
    ),
    "byte": ("illegal base64 data", "encode the value with base64, or write it plainly under stringData of a Secret"),
    "date-time": ("not a time of RFC 3339", "write a time such as 2024-05-01T12:00:00Z"),
    "micro-time": ("not a time of RFC 3339 with microseconds", "write a time such as 2024-05-01T12:00:00.000000Z"),
}


def _decoding(root: schemas.Schema, body: Any, fault: Fault, age: Callable[[Path, str], str]) -> Cause:
    path = _keyed(root, fault.steps)
    if fault.keyword == "additionalProperties":
        return _unknown(schemas.at(root, fault.steps), (*path, fault.name), age(fault.steps, fault.name))
    schema, value = schemas.at(root, fault.steps), _value(body, fault.steps)
    if fault.keyword == "type":
        return _mistyped(path, value, [t for t in schema.get("type", ()) if t != "null"])
    if fault.keyword == "pattern":
        detail, remediation = _FORMATS[schema["format"]]
        return _bad(path, f"{dotted(path)}: {detail}, got {_short(value)}", remediation)
    low, high = schema["minimum"], schema["maximum"]
    return _bad(path, f"{dotted(path)} must be an integer from {low} to {high}, got {_short(value)}", "write a number that fits")


def _age(api_version: str, kind: str, minor: str, steps: Path, name: str) -> str:
    """`which came with 1.34`, for a field of another minor; empty for one that none has."""
    minors = schemas.bundle().minors
    known = [m for m in schemas.bundle().served_in(api_version, kind) if name in _fields(api_version, kind, m, steps)]
    later = [m for m in known if minors.index(m) > minors.index(minor)]
    if later:
        return f"which came with {later[0]}"
    return f"which was last in {known[-1]}" if known else ""


def _fields(api_version: str, kind: str, minor: str, steps: Path) -> Mapping[str, Any]:
    fields: Mapping[str, Any] = schemas.at(_schema(api_version, kind, minor), steps).get("properties", {})
    return fields


@cache
def _schema(api_version: str, kind: str, minor: str) -> schemas.Schema:
    return schemas.bundle().schema(api_version, kind, minor)


def _unknown(schema: schemas.Schema, path: Path, age: str) -> Cause:
    if age:
        remediation = "remove it, or name the version of your cluster in kubernetes_version"
        return _bad(path, f'unknown field "{dotted(path)}", {age}', remediation, key=True)
    known = list(schema.get("properties", ()))
    guess = nearest.name(str(path[-1]), known)
    remediation = f'did you mean "{guess}"?' if guess else "remove it, or move it to where it belongs; known here: " + ", ".join(known)
    return _bad(path, f'unknown field "{dotted(path)}"', remediation, key=True)


def _mistyped(path: Path, value: Any, types: list[str]) -> Cause:
    wanted = " or ".join(_NAMES[t] for t in types)
    message = f"{dotted(path) or 'the object'} must be {wanted}, got {_kind(value)} {_short(value)}".rstrip()
    return _bad(path, message, retyped(value, types))


def retyped(value: Any, types: list[str]) -> str:
    """What to write instead of `value`, where one of `types` is asked for."""
    if "string" in types and isinstance(value, (bool, int, float)):
        return f"put it in quotes: {shown(_short(value))}"
    if {"integer", "number", "boolean"} & set(types) and isinstance(value, str):
        return "write the value without quotes, and nothing but the value"
    if "array" in types:
        return "write a list: one item a line, each after a dash"
    return f"write {' or '.join(_NAMES[t] for t in types)}"


def _bad(path: Path, message: str, remediation: str, *, key: bool = False) -> Cause:
    return Cause(path=path, reason="BadRequest", message=message, remediation=remediation, key=key)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "the boolean"
    if isinstance(value, (int, float)):
        return "the number"
    if isinstance(value, str):
        return "the string"
    return "a list" if isinstance(value, list) else "an object"


def _short(value: Any) -> str:
    """Enough of a value to recognise it; nothing of a list or an object."""
    if isinstance(value, (list, dict)):
        return ""
    text = shown(value)
    return text if len(text) <= 60 else text[:60] + "..."


def _value(body: Any, path: Path) -> Any:
    for step in path:
        body = body[step]
    return body


def _keyed(root: schemas.Schema, path: Path) -> Path:
    """`path` with the keys of maps marked, so that it prints as the server prints it."""
    steps: list[str | int] = []
    for i, step in enumerate(path):
        parent = schemas.at(root, path[:i])
        is_key = isinstance(step, str) and step not in parent.get("properties", {})
        steps.append(Key(step) if is_key else step)
    return tuple(steps)
