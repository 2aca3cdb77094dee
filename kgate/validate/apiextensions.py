"""Group apiextensions.k8s.io: CustomResourceDefinition.

From staging/src/k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/validation/validation.go. The server moves what all versions have in
common to the top of the spec before it looks, and then says that the faults are there.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kgate.manifest import Path
from kgate.validate import formats, webhooks
from kgate.validate.cause import Body, Cause, Causes, Key, forbidden, invalid, items, not_supported, part, required, strings, text
from kgate.validate.gates import Gates

_SPEC: Path = ("spec",)
_NAMES: Path = ("spec", "names")
_COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
_COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")
_REVIEWS = ("v1", "v1beta1")
_APPROVED = "api-approved.kubernetes.io"
_APPROVAL = f'protected groups must have approval annotation "{_APPROVED}"'
_SEE = "see https://github.com/kubernetes/enhancements/pull/1111"
_ROOT_FIELDS = (
    "description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "maxLength", "minLength",
    "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "required", "items", "properties", "externalDocs", "example",
    "x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations",
)  # fmt: skip
_FIT = f"only {' '.join(_ROOT_FIELDS)} fields are allowed at the root of the schema if the status subresource is enabled"


def custom_resource_definition(body: Body, _: Gates) -> Causes:
    spec = part(body, "spec")
    yield from _identity(body, spec)
    yield from _versions(spec)
    yield from _names(part(spec, "names"))
    yield from _schemas(spec)
    yield from _extras(spec)
    yield from _conversion(spec.get("conversion"), (*_SPEC, "conversion"))
    if spec.get("preserveUnknownFields"):
        detail = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        yield invalid((*_SPEC, "preserveUnknownFields"), True, detail)
    yield from _approval(text(spec, "group"), part(part(body, "metadata"), "annotations"))


def _identity(body: Body, spec: Body) -> Causes:
    name, group, scope = text(part(body, "metadata"), "name"), text(spec, "group"), text(spec, "scope")
    plural = text(part(spec, "names"), "plural")
    if name and name != f"{plural}.{group}":
        hint = f"name it {plural}.{group}" if plural and group else ""
        yield invalid(("metadata", "name"), name, 'must be spec.names.plural+"."+spec.group', remediation=hint)
    if not group:
        yield required((*_SPEC, "group"))
    elif faults := formats.dns1123_subdomain(group):
        yield invalid((*_SPEC, "group"), group, ",".join(faults))
    elif "." not in group:
        yield invalid((*_SPEC, "group"), group, "should be a domain with at least one dot")
    if not scope:
        yield required((*_SPEC, "scope"))
    elif scope not in ("Cluster", "Namespaced"):
        yield not_supported((*_SPEC, "scope"), scope, ["Cluster", "Namespaced"])


def _versions(spec: Body) -> Causes:
    found, path = list(items(spec, "versions", _SPEC)), (*_SPEC, "versions")
    names: list[str] = []
    for at, version in found:
        name = text(version, "name")
        names.append(name)
        if faults := formats.dns1035_label(name):
            yield invalid((*at, "name"), name, ",".join(faults))
        yield from _warning(version, (*at, "deprecationWarning"))
    if len(set(names)) < len(names):
        yield invalid(path, names, "must contain unique version names")
    stored = sum(bool(version.get("storage")) for _, version in found)
    if stored != 1:
        yield invalid(path, None, "must have exactly one version marked as storage version")
    if not stored:
        yield invalid(path, None, "must have at least one stored version", at=("status", "storedVersions"))


def _warning(version: Body, path: Path) -> Causes:
    warning = version.get("deprecationWarning")
    if warning is None:
        return
    if not version.get("deprecated"):
        yield invalid(path, warning, "can only be set for deprecated versions")
        return
    if len(warning.encode("utf-8", "replace")) > 256:
        yield invalid(path, warning[:60], "must be <= 256 characters long")
    if not warning:
        yield invalid(path, warning, "must not be an empty string")
    if (odd := next((i for i, c in enumerate(warning) if not c.isprintable()), None)) is not None:
        index = len(warning[:odd].encode("utf-8", "replace"))
        yield invalid(path, warning, f"must only contain printable UTF-8 characters; non-printable character found at index {index}")


def _names(names: Body) -> Causes:
    """Left out, the singular is the kind in small letters and the list kind the kind with `List`."""
    for name in ("plural", "kind"):
        if not text(names, name):
            yield required((*_NAMES, name))
    kind = text(names, "kind")
    defaulted = {
        **names,
        "singular": text(names, "singular") or kind.lower(),
        "listKind": text(names, "listKind") or (kind and f"{kind}List"),
    }
    if not kind:
        for name in ("singular", "listKind"):
            if not defaulted[name]:
                yield required((*_NAMES, name))
    for name in ("plural", "singular"):
        value = text(defaulted, name)
        if value and (faults := formats.dns1035_label(value)):
            yield invalid((*_NAMES, name), value, ",".join(faults))
    for name in ("kind", "listKind"):
        value = text(defaulted, name)
        if value and (faults := formats.dns1035_label(value.lower())):
            yield invalid((*_NAMES, name), value, f"may have mixed case, but should otherwise match: {','.join(faults)}")
    if kind and kind == defaulted["listKind"]:
        yield invalid((*_NAMES, "listKind"), kind, "kind and listKind may not be the same")
    for name in ("shortNames", "categories"):
        for at, short in strings(names, name, _NAMES):
            if faults := formats.dns1035_label(short):
                yield invalid(at, short, ",".join(faults))


# What all versions have in common, the server looks for in the spec.


def _parts(spec: Body, name: str, top: str) -> Iterator[tuple[Path, Path, object]]:
    """The `name` of each version: where it stands, what the server calls it, and itself. Once for all versions that agree."""
    versions = list(items(spec, "versions", _SPEC))
    values = [version.get(name) for _, version in versions]
    if values and all(value == values[0] for value in values[1:]):
        yield (*versions[0][0], name), (*_SPEC, top), values[0]
        return
    for (at, _), value in zip(versions, values, strict=True):
        yield (*at, name), (*at, name), value


def _relocated(cause: Cause, node: Path, server: Path) -> Cause:
    return replace(cause, path=(*node, *cause.path), at=(*server, *(cause.at or cause.path)))


def _schemas(spec: Body) -> Causes:
    for at, version in items(spec, "versions", _SPEC):
        if part(version, "schema").get("openAPIV3Schema") is None:
            yield required((*at, "schema", "openAPIV3Schema"))
    statuses = [part(version, "subresources").get("status") is not None for _, version in items(spec, "versions", _SPEC)]
    for node, server, value in _parts(spec, "schema", "validation"):
        schema = value.get("openAPIV3Schema") if isinstance(value, dict) else None
        if schema is None:
            continue
        from kgate.validate import crdschema  # only definitions need it

        status = any(statuses) if server == (*_SPEC, "validation") else statuses[_index(node)]
        where, at = (*node, "openAPIV3Schema"), (*server, "openAPIV3Schema")
        for cause in (*_root(schema, status=status), *crdschema.causes(schema, at)):
            yield _relocated(cause, where, at)
        if status and (name := _unfit(schema)):
            yield invalid((*where, name), name, _FIT, at=at)


def _index(node: Path) -> int:
    return next(step for step in node if isinstance(step, int))


def _root(schema: Body, *, status: bool) -> Causes:
    if schema.get("nullable"):
        yield forbidden(("nullable",), "nullable cannot be true at the root")
    if status and (kind := text(schema, "type")) not in ("", "object"):
        detail = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
        yield invalid(("type",), kind, detail)


def _unfit(schema: Body) -> str:
    """A field that may not stand at the root of a schema beside a status subresource."""
    return next((name for name, value in schema.items() if name not in _ROOT_FIELDS and value not in (None, False, "", [], {})), "")


def _extras(spec: Body) -> Causes:
    for node, server, value in _parts(spec, "subresources", "subresources"):
        if isinstance(value, dict) and (scale := value.get("scale")) is not None:
            for cause in _scale(scale):
                yield _relocated(cause, (*node, "scale"), (*server, "scale"))
    for node, server, value in _parts(spec, "additionalPrinterColumns", "additionalPrinterColumns"):
        for i, column in enumerate(value if isinstance(value, list) else ()):
            for cause in _column(column or {}):
                yield _relocated(cause, (*node, i), (*server, i))
    for node, server, value in _parts(spec, "selectableFields", "selectableFields"):
        for i, field in enumerate(value if isinstance(value, list) else ()):
            if not text(field or {}, "jsonPath"):
                yield required((*node, i, "jsonPath"), at=(*server, i, "jsonPath"))


def _scale(scale: Body) -> Causes:
    for name, start in (("specReplicasPath", ".spec."), ("statusReplicasPath", ".status.")):
        value = text(scale, name)
        if not value:
            yield required((name,))
        elif not value.startswith("."):
            yield invalid((name,), value, "must be a simple json path starting with .")
        elif not value.startswith(start):
            yield invalid((name,), value, f"should be a json path under {start[:-1]}")
    if value := text(scale, "labelSelectorPath"):
        if not value.startswith("."):
            yield invalid(("labelSelectorPath",), value, "must be a simple json path starting with .")
        elif not value.startswith((".spec.", ".status.")):
            yield invalid(("labelSelectorPath",), value, "should be a json path under either .spec or .status")


def _column(column: Body) -> Causes:
    kind, path = text(column, "type"), text(column, "jsonPath")
    if not text(column, "name"):
        yield required(("name",))
    if not kind:
        yield required(("type",), f"must be one of {','.join(_COLUMN_TYPES)}")
    elif kind not in _COLUMN_TYPES:
        yield invalid(("type",), kind, f"must be one of {','.join(_COLUMN_TYPES)}")
    if (form := text(column, "format")) and form not in _COLUMN_FORMATS:
        yield invalid(("format",), form, f"must be one of {','.join(_COLUMN_FORMATS)}")
    if not path:
        yield required(("jsonPath",), at=("JSONPath",))
    elif not path.startswith("."):
        yield invalid(("jsonPath",), path, "must be a simple json path starting with .", at=("JSONPath",))


def _conversion(conversion: Body | None, path: Path) -> Causes:
    """The server has webhookClientConfig where the user writes webhook.clientConfig."""
    if conversion is None:
        return
    strategy, webhook = text(conversion, "strategy"), conversion.get("webhook")
    versions = [version for _, version in strings(webhook or {}, "conversionReviewVersions", ())]
    node, server = (*path, "webhook", "clientConfig"), (*path, "webhookClientConfig")
    config = (webhook or {}).get("clientConfig")
    if not strategy:
        yield required((*path, "strategy"))
    elif strategy not in ("None", "Webhook"):
        yield not_supported((*path, "strategy"), strategy, ["None", "Webhook"])
    if strategy == "Webhook":
        if config is None:
            yield required(node, "required when strategy is set to Webhook", at=server)
        else:
            for cause in webhooks.client(config, ()):
                yield _relocated(cause, node, server)
        yield from _reviews(versions, (*path, "webhook", "conversionReviewVersions"), (*path, "conversionReviewVersions"))
        return
    if config is not None:
        yield forbidden(node, "should not be set when strategy is not set to Webhook", at=server)
    if versions:
        at = (*path, "conversionReviewVersions")
        yield forbidden((*path, "webhook", "conversionReviewVersions"), "should not be set when strategy is not set to Webhook", at=at)


def _reviews(versions: list[str], path: Path, server: Path) -> Causes:
    if not versions:
        yield required(path, at=server)
        return
    seen: set[str] = set()
    for i, version in enumerate(versions):
        if version in seen:
            yield invalid((*path, i), version, "duplicate version", at=(*server, i))
            continue
        seen.add(version)
        for fault in formats.dns1035_label(version):
            yield invalid((*path, i), version, fault, at=(*server, i))
    if not seen & {*_REVIEWS}:
        yield invalid(path, versions, f"must include at least one of {', '.join(_REVIEWS)}", at=server)


def _approval(group: str, annotations: Body) -> Causes:
    """Groups of the community are protected: whoever defines a resource in one says who approved it."""
    if group not in ("k8s.io", "kubernetes.io") and not group.endswith((".k8s.io", ".kubernetes.io")):
        return
    path, value = ("metadata", "annotations", Key(_APPROVED)), text(annotations, _APPROVED)
    if not value:
        yield required(path, f"{_APPROVAL}, {_SEE}")
    elif not value.startswith("unapproved") and not _is_url(value):
        yield invalid(path, value, f'{_APPROVAL} with either a URL or a reason starting with "unapproved", {_SEE}')


def _is_url(value: str) -> bool:
    from urllib.parse import urlsplit

    try:
        found = urlsplit(value)
    except ValueError:
        return False
    return bool(found.scheme and found.netloc)
