"""The keywords of a schema, as the server applies them and in its words (kube-openapi pkg/validation/{validate,errors}).

The server counts what fits of each alternative of an anyOf or a oneOf, and tells the faults of the one that fits best; so does this.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kgate.manifest import Path
from kgate.validate import openapi
from kgate.validate.cause import Cause, dotted, invalid, not_supported, required, shown
from kgate.validate.crd import pattern, strfmt
from kgate.validate.crd.structural import Structural

MOST_STEPS = 500_000
"""Nodes of the schema, each as often as it meets a node of the object: a hostile pair of both ends here."""

_NOWHERE: Path = ("<nil>",)
"""What the server calls the place of faults that concern several keywords at once."""


class TooMuchError(Exception):
    """More steps than anything real takes."""


@dataclass(slots=True)
class Result:
    """What was found at one node and below. Grows while the node is looked at."""

    causes: list[Cause] = field(default_factory=list)
    fitting: int = 0
    """MatchCount."""
    unsure: bool = False
    """Something could not be checked and counts as right here."""

    def merge(self, other: Result) -> None:
        self.causes += other.causes
        self.fitting += other.fitting
        self.unsure = self.unsure or other.unsure


@dataclass(slots=True, kw_only=True)
class Evaluation:
    """One object against its schema."""

    minor: tuple[int, ...]
    steps: int = 0
    unchecked: dict[str, None] = field(default_factory=dict)
    """What could not be checked, in order."""

    def node(self, s: Structural, value: Any, path: Path) -> Result:
        """SchemaValidator.Validate."""
        self.steps += 1
        if self.steps > MOST_STEPS:
            raise TooMuchError
        if isinstance(value, int) and not -(2**63) <= value < 2**63:
            value = float(value)
        result = Result()
        self._type(s, value, path, result)
        if value is None:
            self._enum(s, value, path, result)
            return result
        result.merge(self._composed(s, value, path))
        result.fitting += 3  # every validator that applies counts: here the combinations, the enum and the whole
        if isinstance(value, str):
            self._string(s, value, path, result)
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            self._number(s, value, path, result)
            result.fitting += 2
        elif isinstance(value, list):
            self._list(s, value, path, result)
            result.fitting += 2
        self._enum(s, value, path, result)
        if isinstance(value, Mapping):
            self._object(s, value, path, result)
            result.fitting += 1
        return result

    def _type(self, s: Structural, value: Any, path: Path, result: Result) -> None:
        """typeValidator: a string or a list passes wherever a format of strings is asked for; the format itself looks at strings only."""
        form = self._format(s)
        if not s.types and not form:
            return
        if value is None:
            if s.types and not s.nullable:
                result.causes.append(_mistyped(path, ",".join(s.types), "null", value, s))
            else:
                result.fitting += 1
            return
        found, native = _kind(value)
        whole = isinstance(value, float) and _integral(value) and "integer" in s.types
        fits = found in s.types or whole or (found == "integer" and "number" in s.types)
        scalar = not isinstance(value, (str, list))
        if scalar and form and not fits and native != form:
            result.causes.append(_mistyped(path, form, native, value, s))
            result.fitting += 1
        elif fits or (form and not scalar and not {"number", "integer"} & set(s.types)):
            result.fitting += 2
        else:
            result.causes.append(_mistyped(path, ",".join(s.types), found, value, s))
            result.fitting += 1

    def _format(self, s: Structural) -> str:
        """The format, where the server looks at it (apiextensions-apiserver pkg/apiserver/validation/formats.go)."""
        form: str = s.values.get("format", "")
        if s.types == ("integer",):
            return form if form in ("int32", "int64") else ""
        if s.types == ("number",):
            return form if form in ("float", "double") else ""
        if len(s.types) == 1 and s.types != ("string",):
            return ""
        return form if strfmt.known(form, self.minor) else ""

    def _string(self, s: Structural, value: str, path: Path, result: Result) -> None:
        name, v = dotted(path), s.values
        if "maxLength" in v and len(value) > v["maxLength"]:
            limit = v["maxLength"]
            message = f"Too long: may not be more than {limit} {'byte' if limit == 1 else 'bytes'}"
            result.causes.append(Cause(path=path, reason="FieldValueTooLong", message=message, remediation=f"at most {limit} characters"))
        elif "minLength" in v and len(value) < v["minLength"]:
            detail = f"{name} in body should be at least {v['minLength']} chars long"
            result.causes.append(invalid(path, value, detail, remediation=f"write at least {v['minLength']} characters"))
        elif v.get("pattern"):
            self._pattern(v["pattern"], value, path, result)
        result.fitting += 1
        if form := self._format(s) if not {"integer", "number"} & set(s.types) or len(s.types) > 1 else "":
            self._formatted(form, value, path, result)
            result.fitting += 1

    def _pattern(self, expression: str, value: str, path: Path, result: Result) -> None:
        matches = pattern.matcher(expression) if pattern.available() else None
        matched = matches(value) if matches else None
        if matched is None:
            self._unsure(f"pattern of {dotted(path)}", result)
        elif not matched:
            detail = f"{dotted(path)} in body should match '{expression}'"
            result.causes.append(invalid(path, value, detail, remediation="write a value that the pattern describes"))

    def _formatted(self, form: str, value: str, path: Path, result: Result) -> None:
        right = strfmt.answer(form, value, self.minor)
        if right is None:
            self._unsure(f"format {form} of {dotted(path)}", result)
        elif not right:
            result.causes.append(
                _typed(path, value, f"{dotted(path)} in body must be of type {form}: {shown(value)}", f"write a value of format {form}")
            )

    def _unsure(self, what: str, result: Result) -> None:
        self.unchecked[what] = None
        result.unsure = True

    def _number(self, s: Structural, value: float, path: Path, result: Result) -> None:
        v = s.values
        if self.minor >= (1, 36) and s.types == ("integer",) and v.get("format") == "int32" and not -(2**31) <= value < 2**31:
            detail = f"Checked value must be of type integer with format int32 in {dotted(path)}"
            result.causes.append(invalid(path, "", detail, at=_NOWHERE, remediation="write a number that fits into 32 bits"))
        if (of := v.get("multipleOf")) is not None and not _is_multiple(value, of):
            detail = f"{dotted(path)} in body should be a multiple of {_go(of)}"
            result.causes.append(invalid(path, value, detail, remediation=f"write a multiple of {_go(of)}"))
        for keyword, exclusive in (("maximum", "exclusiveMaximum"), ("minimum", "exclusiveMinimum")):
            if (limit := v.get(keyword)) is not None:
                bound = int(limit) if isinstance(value, int) else limit  # integers are compared with the bound cut down to one
                self._bound(value, bound, keyword == "maximum", bool(v.get(exclusive)), path, result)

    def _bound(self, value: float, bound: float, upper: bool, exclusive: bool, path: Path, result: Result) -> None:
        beyond = value > bound if upper else value < bound
        if beyond or (exclusive and value == bound):
            relation = ("less" if upper else "greater") + " than" + ("" if exclusive else " or equal to")
            detail = f"{dotted(path)} in body should be {relation} {_go(bound)}"
            result.causes.append(invalid(path, value, detail, remediation=f"write a number {relation} {_go(bound)}"))

    def _list(self, s: Structural, value: list[Any], path: Path, result: Result) -> None:
        for i, item in enumerate(value) if s.items is not None else ():
            result.merge(self.node(s.items, item, (*path, i)))  # type: ignore[arg-type]
        least, most = s.values.get("minItems"), s.values.get("maxItems")
        if least is not None and len(value) < least:
            detail = f"{dotted(path)} in body should have at least {least} items"
            result.causes.append(invalid(path, len(value), detail, remediation=f"write at least {least} items"))
        if most is not None and len(value) > most:
            result.causes.append(_too_many(path, len(value), most))

    def _object(self, s: Structural, value: Mapping[str, Any], path: Path, result: Result) -> None:
        least, most = s.values.get("minProperties"), s.values.get("maxProperties")
        if least is not None and len(value) < least:
            detail = f"{dotted(path)} in body should have at least {least} properties"
            result.causes.append(invalid(path, len(value), detail, remediation=f"write at least {least} fields"))
        if most is not None and len(value) > most:
            result.causes.append(_too_many(path, len(value), most))
        for key, item in value.items():
            if (child := s.child(key)) is not None:
                result.merge(self.node(child, item, (*path, key)))
            elif s.additional is False:
                detail = f"{dotted(path)}.{key} in body is a forbidden property"
                result.causes.append(invalid(path, key, detail, remediation=f"remove {key}"))
        for name in s.required:
            if name not in value:
                result.causes.append(required((*path, name)))

    def _enum(self, s: Structural, value: Any, path: Path, result: Result) -> None:
        listed = s.values.get("enum")
        if listed and not any(_same(value, one) for one in listed):
            result.causes.append(not_supported(path, value, [one if isinstance(one, str) else shown(one) for one in listed]))

    def _composed(self, s: Structural, value: Any, path: Path) -> Result:
        """schemaPropsValidator."""
        result = Result()
        if s.any_of:
            self._any(s, value, path, result)
        if s.one_of:
            self._one(s, value, path, result)
        if s.all_of:
            found = [self.node(one, value, path) for one in s.all_of]
            for one in found:
                result.merge(one)
            if wrong := [one for one in found if one.causes]:
                none = ". None validated" if len(wrong) == len(found) else ""
                result.causes.append(_combined(path, f"must validate all the schemas (allOf){none}"))
        if s.negated is not None:
            found_not = self.node(s.negated, value, path)
            if not found_not.causes and not found_not.unsure:
                result.causes.append(_combined(path, "must not validate the schema (not)"))
            result.unsure = result.unsure or found_not.unsure
        result.fitting += 1
        return result

    def _any(self, s: Structural, value: Any, path: Path, result: Result) -> None:
        found: list[Result] = []
        for one in s.any_of:
            found.append(self.node(one, value, path))
            if not found[-1].causes:
                result.merge(found[-1])
                return
        result.causes.append(_combined(path, "must validate at least one schema (anyOf)"))
        result.merge(_best(found))

    def _one(self, s: Structural, value: Any, path: Path, result: Result) -> None:
        found = [self.node(one, value, path) for one in s.one_of]
        right = [one for one in found if not one.causes]
        if len(right) > 1 and any(one.unsure for one in right):
            result.unsure = True
        elif len(right) > 1:
            result.causes.append(_combined(path, f"must validate one and only one schema (oneOf). Found {len(right)} valid alternatives"))
        elif right:
            result.merge(right[0])
        else:
            result.causes.append(_combined(path, "must validate one and only one schema (oneOf). Found none valid"))
            result.merge(_best(found))


def _best(found: list[Result]) -> Result:
    """Of equals the first."""
    return max(found, key=lambda one: one.fitting)


def _kind(value: Any) -> tuple[str, str]:
    """The JSON type, and what the server calls the form in which it holds it."""
    match value:
        case bool():
            return "boolean", ""
        case int():
            return "integer", "int64"
        case float():
            return "number", "float64"
        case str():
            return "string", ""
        case list():
            return "array", ""
    return "object", ""


def _mistyped(path: Path, wanted: str, found: str, value: Any, s: Structural) -> Cause:
    types = list(s.types) or ["string"]
    remediation = openapi.retyped(value, types) if value is not None else f"write {' or '.join(types)}, or remove the field"
    return _typed(path, found, f"{dotted(path)} in body must be of type {wanted}: {shown(found)}", remediation)


def _typed(path: Path, value: str, detail: str, remediation: str) -> Cause:
    message = f"Invalid value: {shown(value)}: {detail}"
    return Cause(path=path, reason="FieldValueTypeInvalid", message=message, remediation=remediation)


def _too_many(path: Path, count: int, limit: int) -> Cause:
    message = f"Too many: {count}: must have at most {limit} {'item' if limit == 1 else 'items'}"
    return Cause(path=path, reason="FieldValueTooMany", message=message)


def _combined(path: Path, what: str) -> Cause:
    detail = f"{shown(dotted(path))} {what}"
    return invalid(path, "", detail, at=_NOWHERE, remediation="write it as the schema of the CustomResourceDefinition asks for")


def _same(value: Any, listed: Any) -> bool:
    """basicCommonValidator: the value is converted to the type of the listed one first, so 1.5 is in [1]; null is never listed."""
    if value is None or listed is None or isinstance(value, bool) != isinstance(listed, bool):
        return False
    if isinstance(value, (int, float)) and isinstance(listed, (int, float)):
        return (math.trunc(value) if isinstance(listed, int) and math.isfinite(value) else value) == listed
    return type(value) is type(listed) and bool(value == listed)


def _integral(value: float) -> bool:
    """swag.IsFloat64AJSONInteger."""
    return math.isfinite(value) and abs(value) < 2**53 and value == math.trunc(value)


def _is_multiple(value: float, of: float) -> bool:
    if isinstance(value, int):
        whole = math.trunc(of) if math.isfinite(of) else 0
        return whole > 0 and value % whole == 0
    if not of > 0:
        return False
    times = 1 / of * value if of < 1 else value / of
    if not math.isfinite(times) or abs(times) >= 2**53:
        return False
    cut = math.trunc(times)
    return times == cut or abs(times - cut) / (abs(times) + abs(cut)) < 1e-9


def _go(value: float) -> str:
    """`%v`: whole numbers up to 1e21 without a point."""
    if isinstance(value, float) and value == math.trunc(value) and abs(value) < 1e21:
        return str(math.trunc(value))
    return repr(value)
