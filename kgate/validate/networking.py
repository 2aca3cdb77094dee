"""Group networking.k8s.io: Ingress (pkg/apis/networking/validation/validation.go)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import addresses, formats
from kgate.validate.cause import Body, Causes, invalid, items, not_supported, number, part, required, text
from kgate.validate.gates import Gates

_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_NOT_IN_PATHS = ("//", "/./", "/../", "%2f", "%2F")
_NOT_AT_THE_END = ("/..", "/.")
_CLASS = "kubernetes.io/ingress.class"


def ingress(body: Body, on: Gates) -> Causes:
    spec, path = part(body, "spec"), ("spec",)
    backend, rules = spec.get("defaultBackend"), list(items(spec, "rules", path))
    if not rules and backend is None:
        yield invalid(path, None, "either `defaultBackend` or `rules` must be specified")
    if backend is not None:
        yield from _backend(backend, (*path, "defaultBackend"), on)
    for at, rule in rules:
        yield from _host(text(rule, "host"), (*at, "host"))
        if (http := rule.get("http")) is not None:
            yield from _http(http, (*at, "http"), on)
    for at, tls in items(spec, "tls", path):
        for i, host in enumerate(tls.get("hosts") or ()):
            yield from _name(host or "", (*at, "hosts", i))
        secret = text(tls, "secretName")
        for fault in formats.dns1123_subdomain(secret) if secret else ():
            yield invalid((*at, "secretName"), secret, fault)
    yield from _class(spec, part(part(body, "metadata"), "annotations"))


def _class(spec: Body, annotations: Body) -> Causes:
    name = spec.get("ingressClassName")
    if name is None:
        return
    for fault in formats.dns1123_subdomain(name):
        yield invalid(("spec", "ingressClassName"), name, fault)
    if _CLASS in annotations and (annotations[_CLASS] or "") != name:
        path = ("metadata", "annotations", _CLASS)
        yield invalid(path, annotations[_CLASS], "must match `ingressClassName` when both are specified", at=("annotations", _CLASS))


def _host(host: str, path: Path) -> Causes:
    if host:
        if addresses.is_ip(host):
            yield invalid(path, host, "must be a DNS name, not an IP address")
        yield from _name(host, path)


def _name(host: str, path: Path) -> Causes:
    faults = formats.wildcard_subdomain(host) if "*" in host else formats.dns1123_subdomain(host)
    for fault in faults:
        yield invalid(path, host, fault)


def _http(http: Body, path: Path, on: Gates) -> Causes:
    if not http.get("paths"):
        yield required((*path, "paths"))
    for at, entry in items(http, "paths", path):
        kind = entry.get("pathType")
        if kind is None:
            yield required((*at, "pathType"), "pathType must be specified")
            continue
        yield from _path(kind, text(entry, "path"), at)
        yield from _backend(part(entry, "backend"), (*at, "backend"), on)


def _path(kind: str, value: str, path: Path) -> Causes:
    if kind not in _PATH_TYPES:
        yield not_supported((*path, "pathType"), kind, _PATH_TYPES)
        return
    if not value.startswith("/") and (value or kind != "ImplementationSpecific"):
        yield invalid((*path, "path"), value, "must be an absolute path")
    if kind == "ImplementationSpecific":
        return
    for bad in _NOT_IN_PATHS:
        if bad in value:
            yield invalid((*path, "path"), value, f"must not contain '{bad}'")
    for bad in _NOT_AT_THE_END:
        if value.endswith(bad):
            yield invalid((*path, "path"), value, f"cannot end with '{bad}'")


def _backend(backend: Body, path: Path, on: Gates) -> Causes:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        yield invalid(path, "", "cannot set both resource and service backends")
    elif service is not None:
        yield from _service(service, path, on)
    elif resource is not None:
        yield from _resource(resource, (*path, "resource"))
    else:
        yield invalid(path, "", "resource or service backend is required")


def _resource(resource: Body, path: Path) -> Causes:
    """validateIngressTypedLocalObjectReference."""
    if (group := resource.get("apiGroup")) is not None:
        for fault in formats.dns1123_subdomain(group):
            yield invalid((*path, "apiGroup"), group, fault)
    for name in ("kind", "name"):
        if not (value := text(resource, name)):
            yield required((*path, name))
        for fault in formats.path_segment(value):
            yield invalid((*path, name), value, fault)


def _service(service: Body, path: Path, on: Gates) -> Causes:
    name, port = text(service, "name"), part(service, "port")
    if not name:
        yield required((*path, "service", "name"))
    for fault in formats.service_name(name, relaxed="RelaxedServiceNameValidation" in on) if name else ():
        yield invalid((*path, "service", "name"), name, fault)
    named, numbered = text(port, "name"), number(port, "number")
    if named and numbered:
        yield invalid(path, "", "cannot set both port name & port number")
    elif named:
        for fault in formats.port_name(named):
            yield invalid((*path, "service", "port", "name"), named, fault)
    elif numbered:
        for fault in formats.port_number(numbered):
            yield invalid((*path, "service", "port", "number"), numbered, fault)
    else:
        yield required(path, "port name or number is required")
