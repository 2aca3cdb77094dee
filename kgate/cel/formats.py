"""Named formats and what is wrong with a text (apiserver pkg/cel/library/format.go, apimachinery pkg/util/validation)."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from kgate.cel import times, urls
from kgate.cel.faults import EvaluationError, no_overload
from kgate.cel.function import Function, walked
from kgate.cel.values import NONE, Optional

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_TOLD: Mapping[str, tuple[str, tuple[str, ...]]] = {
    _LABEL: (
        (
            "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an "
            "alphanumeric character"
        ),
        ("my-name", "123-abc"),
    ),
    _SUBDOMAIN: (
        (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an "
            "alphanumeric character"
        ),
        ("example.com",),
    ),
    _LABEL_1035: (
        (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with "
            "an alphanumeric character"
        ),
        ("my-name", "abc-123"),
    ),
    _NAME: (
        "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character",
        ("MyName", "my.name", "123-abc"),
    ),
}
_VALUE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_UUID = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}", re.IGNORECASE | re.ASCII).fullmatch
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True)
class Format:
    type_name: ClassVar[str] = "kubernetes.NamedFormat"
    name: str


def _like(pattern: str, text: str, most: int) -> list[str]:
    faults = [f"must be no more than {most} bytes"] if len(text.encode("utf-8", "replace")) > most else []
    if not re.fullmatch(pattern, text):
        faults.append(_said(_TOLD[pattern][0], pattern, _TOLD[pattern][1]))
    return faults


def _said(message: str, pattern: str, examples: tuple[str, ...]) -> str:
    shown = " or ".join(f"'{example}', " for example in examples)
    between = " " if len(examples) > 1 else ""
    return f"{message} (e.g. {shown}{between}regex used for validation is '{pattern}')"


def _prefix(of: Callable[[str], list[str]]) -> Callable[[str], list[str]]:
    """A name that more is put behind may end with a dash."""
    return lambda text: of(f"{text[:-1]}a" if text.endswith("-") else text)


def _label(text: str) -> list[str]:
    return _like(_LABEL, text, 63)


def _subdomain(text: str) -> list[str]:
    return _like(_SUBDOMAIN, text, 253)


def _label_1035(text: str) -> list[str]:
    return _like(_LABEL_1035, text, 63)


def _qualified_name(text: str) -> list[str]:
    parts = text.split("/")
    if len(parts) > 2:
        told = f"a qualified name {_TOLD[_NAME][0].removeprefix('name part ')} with an optional DNS subdomain prefix and '/'"
        return [_said(told, _NAME, ())]
    faults = []
    if len(parts) == 2:
        if not parts[0]:
            faults.append("prefix part must be non-empty")
        faults += [f"prefix part {fault}" for fault in _subdomain(parts[0])] if parts[0] else []
    name = parts[-1]
    if not name:
        faults.append("name part must be non-empty")
    elif len(name) > 63:
        faults.append("name part must be no more than 63 bytes")
    return faults if re.fullmatch(_NAME, name) else [*faults, _said(_TOLD[_NAME][0], _NAME, _TOLD[_NAME][1])]


def _label_value(text: str) -> list[str]:
    faults = ["must be no more than 63 bytes"] if len(text.encode("utf-8", "replace")) > 63 else []
    if text and not re.fullmatch(_NAME, text):
        faults.append(_said(_VALUE, f"({_NAME})?", ("MyValue", "my_value", "12345")))
    return faults


def _uri(text: str) -> list[str]:
    return [] if urls.parsed(text) is not None else [f'parse "{text}": invalid URI for request']


def _byte(text: str) -> list[str]:
    try:
        base64.b64decode(text, validate=True)
    except ValueError:
        return ["invalid base64"]
    return []


def _date(text: str) -> list[str]:
    found = _DATE(text)
    try:
        return [] if found and date(int(found[1]), int(found[2]), int(found[3])) else ["invalid date"]
    except ValueError:
        return ["invalid date"]


def _datetime(text: str) -> list[str]:
    try:
        times.to_timestamp(text)
    except EvaluationError:
        return ["invalid datetime"]
    return []


FORMATS: Mapping[str, Callable[[str], list[str]]] = {
    "dns1123Label": _label,
    "dns1123Subdomain": _subdomain,
    "dns1035Label": _label_1035,
    "qualifiedName": _qualified_name,
    "dns1123LabelPrefix": _prefix(_label),
    "dns1123SubdomainPrefix": _prefix(_subdomain),
    "dns1035LabelPrefix": _prefix(_label_1035),
    "labelValue": _label_value,
    "uri": _uri,
    "uuid": lambda text: [] if _UUID(text) else ["does not match the UUID format"],
    "byte": _byte,
    "date": _date,
    "datetime": _datetime,
}


def _named(name: Any) -> Optional:
    return Optional(Format(name)) if name in FORMATS else NONE


def _validated(form: Any, text: Any) -> Optional:
    if type(form) is not Format or text.__class__ is not str:
        raise no_overload()
    faults = FORMATS[form.name](text)
    return Optional(faults) if faults else NONE


FUNCTIONS: Mapping[str, Function] = {
    "validate": Function(_validated, (2,), walked),
    "format.named": Function(_named, (1,)),
    **{f"format.{name}": Function(lambda name=name: Format(name), (0,)) for name in FORMATS},
}
