"""Webhook configurations, and the rules for requests that they share with admission policies.

From pkg/apis/admissionregistration/validation/validation.go and staging/src/k8s.io/apiserver/pkg/util/webhook/validation.go.
Expressions in CEL are not compiled: a faulty one passes here.
"""

from __future__ import annotations

import re

from kgate.manifest import Path
from kgate.validate import formats, selectors
from kgate.validate.cause import Body, Causes, duplicate, invalid, items, not_supported, number, part, required, strings, text, too_many
from kgate.validate.gates import Gates

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_REVIEWS = ("v1", "v1beta1")
_FORM = "; desired format: https://host[/path]"
_MAX_CONDITIONS = 64
_URL = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?://([^/?#]*))?([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL).fullmatch
_NOT_IN_URLS = re.compile(r"[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})").search
_HOST = re.compile(r"""[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>"\x80-\U0010ffff%]*""").fullmatch
_PORT = re.compile(r".*?(?::[0-9]*)?|\[[^\]]*\](?::[0-9]*)?").fullmatch


def validating(body: Body, _: Gates) -> Causes:
    yield from _webhooks(body, mutating=False)


def mutating(body: Body, _: Gates) -> Causes:
    yield from _webhooks(body, mutating=True)


def _webhooks(body: Body, *, mutating: bool) -> Causes:
    names: set[str] = set()
    for at, hook in items(body, "webhooks", ()):
        name = text(hook, "name")
        yield from _qualified(name, (*at, "name"))
        yield from _hook(hook, at)
        if mutating:
            yield from choice(hook, "reinvocationPolicy", at, REINVOCATION_POLICIES)
        yield from _review_versions(hook, (*at, "admissionReviewVersions"))
        if name and name in names:
            yield duplicate((*at, "name"), name)
        names.add(name)


def _qualified(name: str, path: Path) -> Causes:
    """IsFullyQualifiedName."""
    if not name:
        yield required(path)
    elif faults := formats.dns1123_subdomain(name):
        yield invalid(path, name, ",".join(faults))
    elif name.count(".") < 2:
        yield invalid(path, name, "should be a domain with at least three segments separated by dots")


def choice(body: Body, name: str, path: Path, valid: tuple[str, ...]) -> Causes:
    """A pointer to a text: absent is the default, empty is none of the values."""
    if (value := body.get(name)) is not None and value not in valid:
        yield not_supported((*path, name), value, valid)


def _hook(hook: Body, path: Path) -> Causes:
    for at, found in items(hook, "rules", path):
        yield from rule(found, at)
    yield from choice(hook, "failurePolicy", path, FAILURE_POLICIES)
    yield from choice(hook, "matchPolicy", path, MATCH_POLICIES)
    if hook.get("sideEffects") is None:
        yield required((*path, "sideEffects"), f"must specify one of {', '.join(_SIDE_EFFECTS)}")
    yield from choice(hook, "sideEffects", path, _SIDE_EFFECTS)
    if not 1 <= (seconds := number(hook, "timeoutSeconds", 10)) <= 30:
        yield invalid((*path, "timeoutSeconds"), seconds, "the timeout value must be between 1 and 30 seconds")
    for name in ("namespaceSelector", "objectSelector"):
        yield from selectors.causes(part(hook, name), (*path, name))
    yield from client(part(hook, "clientConfig"), (*path, "clientConfig"))
    yield from conditions(hook, path)


def _review_versions(hook: Body, path: Path) -> Causes:
    versions = [version for _, version in strings(hook, path[-1] if isinstance(path[-1], str) else "", ())]
    if not versions:
        yield required(path, f"must specify one of {', '.join(_REVIEWS)}")
        return
    seen: set[str] = set()
    for i, version in enumerate(versions):
        if version in seen:
            yield invalid((*path, i), version, "duplicate version")
            continue
        seen.add(version)
        for fault in formats.dns1035_label(version):
            yield invalid((*path, i), version, fault)
    if not seen & {*_REVIEWS}:
        yield invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}")


def client(config: Body, path: Path) -> Causes:
    """How to reach a webhook: a URL or a service, and not both."""
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(url, (*path, "url"))
    else:
        yield from _service(service or {}, (*path, "service"))


def _url(url: str, path: Path) -> Causes:
    match = _URL(url)
    host = (match[2] or "").rpartition("@")[2] if match else ""
    if match is None or _NOT_IN_URLS(url) or url.startswith(":") or not _HOST(host) or not _PORT(host):
        yield required(path, f"url must be a valid URL{_FORM}")
        return
    scheme, authority, query, fragment = (match[i] or "" for i in (1, 2, 4, 5))
    if scheme.lower() != "https":
        yield invalid(path, scheme.lower(), f"'https' is the only allowed URL scheme{_FORM}")
    if not host:
        yield invalid(path, host, f"host must be specified{_FORM}")
    if "@" in authority:
        yield invalid(path, authority.rpartition("@")[0], "user information is not permitted in the URL")
    if fragment:
        yield invalid(path, fragment, "fragments are not permitted in the URL")
    if query:
        yield invalid(path, query, "query parameters are not permitted in the URL")


def _service(service: Body, path: Path) -> Causes:
    """The server calls the name of the service its namespace, and the other way round."""
    for name, field in (("namespace", "name"), ("name", "namespace")):
        if not text(service, name):
            yield required((*path, name), at=(*path, field))
    port = number(service, "port", 443)
    if faults := formats.port_number(port):
        yield invalid((*path, "port"), port, f"port is not valid: {', '.join(faults)}")
    if (where := text(service, "path")) not in ("", "/"):
        yield from _steps(where, (*path, "path"))


def _steps(where: str, path: Path) -> Causes:
    if not where.startswith("/"):
        yield invalid(path, where, "must start with a '/'")
    steps = where[1:].removesuffix("/").split("/") if where != "//" else [""]
    for i, step in enumerate(steps):
        if not step:
            yield invalid(path, where, f"segment[{i}] may not be empty")
        for fault in formats.dns1123_subdomain(step) if step else ():
            yield invalid(path, where, f"segment[{i}]: {fault}")


def conditions(body: Body, path: Path) -> Causes:
    """matchConditions. What the expressions say is not looked at."""
    found = list(items(body, "matchConditions", path))
    if len(found) > _MAX_CONDITIONS:
        yield too_many((*path, "matchConditions"), len(found), _MAX_CONDITIONS)
    names: set[str] = set()
    for at, condition in found:
        name = text(condition, "name")
        if not text(condition, "expression").strip():
            yield required((*at, "expression"))
        if not name:
            yield required((*at, "name"))
        for fault in formats.label_key(name) if name else ():
            yield invalid((*at, "name"), name, fault)
        if name and name in names:
            yield duplicate((*at, "name"), name)
        names.add(name)


def rule(found: Body, path: Path) -> Causes:
    """validateRuleWithOperations: which requests are meant."""
    operations = [o for _, o in strings(found, "operations", path)]
    if not operations:
        yield required((*path, "operations"))
    yield from _alone(operations, (*path, "operations"), "operations")
    for i, operation in enumerate(operations):
        if operation not in _OPERATIONS:
            yield not_supported((*path, "operations", i), operation, _OPERATIONS)
    groups, versions = ([v for _, v in strings(found, name, path)] for name in ("apiGroups", "apiVersions"))
    if not groups:
        yield required((*path, "apiGroups"))
    yield from _alone(groups, (*path, "apiGroups"), "API groups")
    if not versions:
        yield required((*path, "apiVersions"))
    yield from _alone(versions, (*path, "apiVersions"), "API versions")
    for i, version in enumerate(versions):
        if not version:
            yield required((*path, "apiVersions", i))
    yield from _resources([r for _, r in strings(found, "resources", path)], (*path, "resources"))
    yield from choice(found, "scope", path, _SCOPES)


def _alone(values: list[str], path: Path, what: str) -> Causes:
    if len(values) > 1 and "*" in values:
        yield invalid(path, values, f"if '*' is present, must not specify other {what}")


def _resources(found: list[str], path: Path) -> Causes:
    """`pods`, `pods/status`, `*/scale`, `*`: none may say what another has said for it."""
    if not found:
        yield required(path)
    whole, everywhere, without = set(), set(), False
    for i, written in enumerate(found):
        resource, slash, sub = written.partition("/")
        if not written:
            yield required((*path, i))
            continue
        if not slash:
            without = written != "*"  # only the last one counts, as upstream has it
            continue
        if resource in whole:
            yield invalid((*path, i), written, f"if '{resource}/*' is present, must not specify {written}")
        if sub in everywhere:
            yield invalid((*path, i), written, f"if '*/{sub}' is present, must not specify {written}")
        if sub == "*":
            whole.add(resource)
        if resource == "*":
            everywhere.add(sub)
    if len(found) > 1 and "*/*" in found:
        yield invalid(path, found, "if '*/*' is present, must not specify other resources")
    if "*" in found and without:
        yield invalid(path, found, "if '*' is present, must not specify other resources without subresources")
