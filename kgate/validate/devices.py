"""Group resource.k8s.io: claims of devices and their classes (pkg/apis/resource/validation/validation.go).

Device selectors in CEL, opaque parameters and what drivers publish (ResourceSlice) are not judged beyond their schema.
"""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats, sources
from kgate.validate.cause import Body, Causes, duplicate, invalid, items, not_supported, number, part, required, strings, text, too_many
from kgate.validate.gates import Gates

_MAX = 32
_MAX_ALTERNATIVES = 8
_UNION = "exactly one of `exactly` or `firstAvailable` is required"
_REFERENCE = "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'"
_EFFECTS = ("NoExecute", "NoSchedule", "None")


def claim(body: Body, _: Gates) -> Causes:
    yield from _claim(part(body, "spec"), ("spec",), _version(body))


def claim_template(body: Body, _: Gates) -> Causes:
    yield from _claim(part(part(body, "spec"), "spec"), ("spec", "spec"), _version(body))


def device_class(body: Body, _: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    for name in ("selectors", "config"):
        if (count := len(spec.get(name) or ())) > _MAX:
            yield too_many((*path, name), count, _MAX)
            return
    yield from _selectors(spec, path)
    for at, config in items(spec, "config", path):
        yield from _opaque(config, at)


def _version(body: Body) -> str:
    return text(body, "apiVersion").rpartition("/")[2]


def _claim(spec: Body, path: Path, version: str) -> Causes:
    devices, at = part(spec, "devices"), (*path, "devices")
    for name in ("requests", "constraints", "config"):
        if (count := len(devices.get(name) or ())) > _MAX:
            yield too_many((*at, name), count, _MAX)
            return
    names = _names(devices)
    taken: set[str] = set()
    for where, request in items(devices, "requests", at):
        yield from _request(request, where, flat=version == "v1beta1")
        if (name := text(request, "name")) in taken:
            yield duplicate(where, name)
        taken.add(name)
    for where, constraint in items(devices, "constraints", at):
        yield from _references(constraint, where, names)
    for where, config in items(devices, "config", at):
        yield from _references(config, where, names)
        yield from _opaque(config, where)


def _names(devices: Body) -> set[str]:
    """Requests, and alternatives below them."""
    found: set[str] = set()
    for _, request in items(devices, "requests", ()):
        name = text(request, "name")
        found |= {name, *(f"{name}/{text(one, 'name')}" for _, one in items(request, "firstAvailable", ()))}
    return found


def _request(request: Body, path: Path, *, flat: bool) -> Causes:
    """In v1beta1 (`flat`) the exact request is the request itself, where it names a class."""
    yield from _label(text(request, "name"), (*path, "name"))
    alternatives, exact = (
        request.get("firstAvailable") or (),
        request if flat and text(request, "deviceClassName") else request.get("exactly"),
    )
    if not alternatives and exact is None:
        yield required(path, _UNION) if not flat else required((*path, "deviceClassName"))
    elif alternatives and exact is not None:
        yield invalid(path, None, f"{_UNION}, but multiple fields are set")
    elif exact is not None:
        yield from _wanted(exact, path if flat else (*path, "exactly"))
    elif len(alternatives) > _MAX_ALTERNATIVES:
        yield too_many((*path, "firstAvailable"), len(alternatives), _MAX_ALTERNATIVES)
    else:
        taken: set[str] = set()
        for at, one in items(request, "firstAvailable", path):
            name = text(one, "name")
            yield from _label(name, (*at, "name"))
            yield from _wanted(one, at)
            if name in taken:
                yield duplicate(at, name)
            taken.add(name)


def _label(name: str, path: Path) -> Causes:
    for fault in formats.dns1123_label(name):
        yield invalid(path, name, fault)


def _wanted(request: Body, path: Path) -> Causes:
    """Left out, the mode is ExactCount and the count 1."""
    name, at = text(request, "deviceClassName"), (*path, "deviceClassName")
    if not name:
        yield required(at)
    for fault in formats.dns1123_subdomain(name) if name else ():
        yield invalid(at, name, fault)
    mode, count = text(request, "allocationMode") or "ExactCount", number(request, "count")
    if mode not in ("All", "ExactCount"):
        yield not_supported((*path, "allocationMode"), mode, ["All", "ExactCount"])
    elif mode == "All" and count:
        yield invalid((*path, "count"), count, "must not be specified when allocationMode is 'All'")
    elif mode == "ExactCount" and count < 0:
        yield invalid((*path, "count"), count, "must be greater than zero")
    if (many := len(request.get("selectors") or ())) > _MAX:
        yield too_many((*path, "selectors"), many, _MAX)
    else:
        yield from _selectors(request, path)
    for where, toleration in items(request, "tolerations", path):
        yield from _toleration(toleration, where)


def _selectors(found: Body, path: Path) -> Causes:
    for at, selector in items(found, "selectors", path):
        if selector.get("cel") is None:
            yield required((*at, "cel"))


def _toleration(found: Body, path: Path) -> Causes:
    key, operator, value, effect = (text(found, name) for name in ("key", "operator", "value", "effect"))
    for fault in formats.label_key(key) if key else ():
        yield invalid((*path, "key"), key, fault)
    if operator == "Exists" and value:
        yield invalid((*path, "value"), value, "must be empty for operator `Exists`")
    elif operator in ("Equal", ""):
        for fault in formats.label_value(value):
            yield invalid((*path, "value"), value, fault)
    elif operator != "Exists":
        yield not_supported((*path, "operator"), operator, ["Equal", "Exists"])
    if effect and effect not in _EFFECTS:
        yield not_supported((*path, "effect"), effect, _EFFECTS)


def _references(found: Body, path: Path, names: set[str]) -> Causes:
    taken: set[str] = set()
    for at, name in strings(found, "requests", path):
        if name.count("/") <= 1:
            for segment in name.split("/"):
                yield from _label(segment, at)
        if name not in names:
            yield invalid(at, name, _REFERENCE)
        if name in taken:
            yield duplicate(at, name)
        taken.add(name)


def _opaque(config: Body, path: Path) -> Causes:
    at = (*path, "opaque")
    if (opaque := config.get("opaque")) is None:
        yield required(at)
        return
    yield from sources.driver(text(opaque, "driver"), (*at, "driver"))
    if opaque.get("parameters") is None:
        yield required((*at, "parameters"))
