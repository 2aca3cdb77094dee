"""What the server's CEL declares, by the minor that brought it (apiserver pkg/cel/environment/base.go).

A signature is `receiver.(arguments)result`, or `(arguments)result` for a function of no receiver; one capital letter is any type.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_Q, _IP, _CIDR, _URL, _SEMVER, _FORMAT = (
    "kubernetes.Quantity",
    "net.IP",
    "net.CIDR",
    "kubernetes.URL",
    "kubernetes.Semver",
    "kubernetes.NamedFormat",
)
_AUTHORIZER = "kubernetes.authorization.Authorizer"
_CHECK = {name: f"kubernetes.authorization.{name}" for name in ("PathCheck", "GroupCheck", "ResourceCheck", "Decision")}
TYPES = (_Q, _IP, _CIDR, _URL, _SEMVER, _FORMAT)

_STRINGS = {
    "charAt": ("string.(int)string",),
    "indexOf": ("string.(string)int", "string.(string,int)int"),
    "lastIndexOf": ("string.(string)int", "string.(string,int)int"),
    "lowerAscii": ("string.()string",),
    "upperAscii": ("string.()string",),
    "replace": ("string.(string,string)string", "string.(string,string,int)string"),
    "split": ("string.(string)list<string>", "string.(string,int)list<string>"),
    "substring": ("string.(int)string", "string.(int,int)string"),
    "trim": ("string.()string",),
}
_MEMBERS = ("isUnspecified", "isLoopback", "isLinkLocalMulticast", "isLinkLocalUnicast", "isGlobalUnicast")

SINCE: Mapping[int, Mapping[str, tuple[str, ...]]] = {
    0: {
        **_STRINGS,
        "url": ("(string)kubernetes.URL",),
        "isURL": ("(string)bool",),
        **dict.fromkeys(("getScheme", "getHost", "getHostname", "getPort", "getEscapedPath"), (f"{_URL}.()string",)),
        "getQuery": (f"{_URL}.()map<string,list<string>>",),
        "find": ("string.(string)string",),
        "findAll": ("string.(string)list<string>", "string.(string,int)list<string>"),
        "isSorted": ("list<T>.()bool",),
        "sum": ("list<T>.()T",),
        "min": ("list<T>.()T",),
        "max": ("list<T>.()T",),
        "list:indexOf": ("list<T>.(T)int",),
        "list:lastIndexOf": ("list<T>.(T)int",),
    },
    27: {
        "path": (f"{_AUTHORIZER}.(string){_CHECK['PathCheck']}",),
        "group": (f"{_AUTHORIZER}.(string){_CHECK['GroupCheck']}",),
        "serviceAccount": (f"{_AUTHORIZER}.(string,string){_AUTHORIZER}",),
        "resource": (f"{_CHECK['GroupCheck']}.(string){_CHECK['ResourceCheck']}",),
        **dict.fromkeys(("subresource", "namespace", "name"), (f"{_CHECK['ResourceCheck']}.(string){_CHECK['ResourceCheck']}",)),
        "check": (f"{_CHECK['PathCheck']}.(string){_CHECK['Decision']}", f"{_CHECK['ResourceCheck']}.(string){_CHECK['Decision']}"),
        "allowed": (f"{_CHECK['Decision']}.()bool",),
        "reason": (f"{_CHECK['Decision']}.()string",),
        "errored": (f"{_CHECK['Decision']}.()bool",),
        "error": (f"{_CHECK['Decision']}.()string",),
    },
    28: {
        "quantity": (f"(string){_Q}",),
        "isQuantity": ("(string)bool",),
        "sign": (f"{_Q}.()int",),
        "isGreaterThan": (f"{_Q}.({_Q})bool",),
        "isLessThan": (f"{_Q}.({_Q})bool",),
        "compareTo": (f"{_Q}.({_Q})int",),
        "asApproximateFloat": (f"{_Q}.()double",),
        "asInteger": (f"{_Q}.()int",),
        "isInteger": (f"{_Q}.()bool",),
        "add": (f"{_Q}.({_Q}){_Q}", f"{_Q}.(int){_Q}"),
        "sub": (f"{_Q}.({_Q}){_Q}", f"{_Q}.(int){_Q}"),
    },
    29: {
        "join": ("list<string>.()string", "list<string>.(string)string"),
        "format": ("string.(list<dyn>)string",),
        "strings.quote": ("(string)string",),
        "sets.contains": ("(list<T>,list<T>)bool",),
        "sets.equivalent": ("(list<T>,list<T>)bool",),
        "sets.intersects": ("(list<T>,list<T>)bool",),
    },
    30: {
        "ip": (f"(string){_IP}", f"{_CIDR}.(){_IP}"),
        "ip.isCanonical": ("(string)bool",),
        "isIP": ("(string)bool",),
        "family": (f"{_IP}.()int",),
        **dict.fromkeys(_MEMBERS, (f"{_IP}.()bool",)),
        "cidr": (f"(string){_CIDR}",),
        "isCIDR": ("(string)bool",),
        "containsIP": (f"{_CIDR}.(string)bool", f"{_CIDR}.({_IP})bool"),
        "containsCIDR": (f"{_CIDR}.(string)bool", f"{_CIDR}.({_CIDR})bool"),
        "masked": (f"{_CIDR}.(){_CIDR}",),
        "prefixLength": (f"{_CIDR}.()int",),
        "string": (f"({_IP})string", f"({_CIDR})string"),
    },
    31: {
        "validate": (f"{_FORMAT}.(string)optional_type<list<string>>",),
        "format.named": (f"(string)optional_type<{_FORMAT}>",),
        **{
            f"format.{name}": (f"(){_FORMAT}",)
            for name in (
                *("dns1123Label", "dns1123Subdomain", "dns1035Label", "qualifiedName", "dns1123LabelPrefix", "dns1123SubdomainPrefix"),
                *("dns1035LabelPrefix", "labelValue", "uri", "uuid", "byte", "date", "datetime"),
            )
        },
        "fieldSelector": (f"{_CHECK['ResourceCheck']}.(string){_CHECK['ResourceCheck']}",),
        "labelSelector": (f"{_CHECK['ResourceCheck']}.(string){_CHECK['ResourceCheck']}",),
    },
    33: {
        "semver": (f"(string){_SEMVER}", f"(string,bool){_SEMVER}"),
        "isSemver": ("(string)bool", "(string,bool)bool"),
        **dict.fromkeys(("major", "minor", "patch"), (f"{_SEMVER}.()int",)),
        "semver:isLessThan": (f"{_SEMVER}.({_SEMVER})bool",),
        "semver:isGreaterThan": (f"{_SEMVER}.({_SEMVER})bool",),
        "semver:compareTo": (f"{_SEMVER}.({_SEMVER})int",),
    },
}
_EXTENSIONS = ((28, "optional"), (32, "two-var-comprehensions"), (34, "lists"))
_BEYOND = ("bindings", "math", "encoders")
"""What CEL has elsewhere and the server has not."""
_ORDERED = ("_<_", "_<=_", "_>_", "_>=_")
_NUMBERS = ("int", "uint", "double")
_SAME = (*_NUMBERS, "bool", "string", "bytes", "google.protobuf.Timestamp", "google.protobuf.Duration")
_SIGNATURE = re.compile(r"(?:([^(]+)\.)?\(([^)]*)\)(.+)").fullmatch
_NAMED = {"google.protobuf.Timestamp": "timestamp", "google.protobuf.Duration": "duration"}


def config(minor: int, *, beyond: bool) -> dict[str, Any]:
    """An EnvConfig of cel-expr-python. `minor`: of the libraries, 35 of 1.35."""
    extensions = [name for since, name in _EXTENSIONS if minor >= since]
    if beyond:
        extensions += _BEYOND
    crossing = minor >= 28
    return {
        "name": "kgate",
        "stdlib": {"exclude_functions": [{"name": name} for name in (*_ORDERED, "string") if crossing or name == "string"]},
        "extensions": [{"name": name} for name in extensions],
        "variables": [{"name": name, "type_name": "type", "params": [{"type_name": name}]} for name in TYPES],
        "functions": [*_functions(_declared(minor))],
    }


def _declared(minor: int) -> dict[str, list[str]]:
    out: dict[str, list[str]] = {"string": [f"({t})string" for t in _SAME]}
    for table in (found for since, found in SINCE.items() if minor >= since):
        for name, signatures in table.items():
            out.setdefault(name.rpartition(":")[2], []).extend(signatures)
    if minor >= 28:
        pairs = [(t, t) for t in _SAME] + [(a, b) for a in _NUMBERS for b in _NUMBERS if a != b]
        out |= {name: [f"({a},{b})bool" for a, b in pairs] for name in _ORDERED}
    return out


def _functions(declared: Mapping[str, list[str]]) -> Iterator[dict[str, Any]]:
    for name, signatures in declared.items():
        yield {"name": name, "overloads": [_overload(f"{name}_{i}", signature) for i, signature in enumerate(signatures)]}


def _overload(identifier: str, signature: str) -> dict[str, Any]:
    found = _SIGNATURE(signature)
    assert found is not None, signature
    out: dict[str, Any] = {"id": f"kgate_{identifier}", "return": _type(found[3])}
    if found[1]:
        out["target"] = _type(found[1])
    if found[2]:
        out["args"] = [_type(part) for part in _parts(found[2])]
    return out


def _type(text: str) -> dict[str, Any]:
    name, _, params = text.partition("<")
    if len(name) == 1:
        return {"type_name": name, "is_type_param": True}
    out: dict[str, Any] = {"type_name": _NAMED.get(name, name)}
    if params:
        out["params"] = [_type(part) for part in _parts(params.removesuffix(">"))]
    return out


def _parts(text: str) -> Iterator[str]:
    """Between the commas that stand in no brackets."""
    depth = start = 0
    for at, c in enumerate(text):
        depth += (c == "<") - (c == ">")
        if c == "," and not depth:
            yield text[start:at]
            start = at + 1
    yield text[start:]
