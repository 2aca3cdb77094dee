"""Group core: ConfigMap, Secret, PersistentVolumeClaim, ReplicationController (pkg/apis/core/validation/validation.go)."""

from __future__ import annotations

import json
from base64 import b64decode
from types import NoneType

from kgate.manifest import Path
from kgate.validate import claims, formats, pod
from kgate.validate.cause import Body, Causes, Key, invalid, not_supported, part, required, text, too_long
from kgate.validate.gates import Gates
from kgate.validate.meta import labels, no_negative

MAX_DATA = 1024 * 1024
"""Bytes of all values of a ConfigMap or a Secret."""

_SECRET_KEYS = {
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
}
"""What a Secret of a type must hold."""
_REGISTRIES = {"kubernetes.io/dockercfg": ".dockercfg", "kubernetes.io/dockerconfigjson": ".dockerconfigjson"}
_LOGINS = "write the logins as JSON, as kubectl create secret docker-registry does"


def config_map(body: Body, _: Gates) -> Causes:
    data, binary = part(body, "data"), part(body, "binaryData")
    for name, found in (("data", data), ("binaryData", binary)):
        for key in found:
            yield from _config_key(key, (name, Key(key)))
    for key in data:
        if key in binary:
            yield invalid(("data", Key(key)), key, "duplicate of key present in binaryData", key=True)
    if sum(map(_bytes, data.values())) + sum(map(_decoded, binary.values())) > MAX_DATA:
        yield too_long((), MAX_DATA)


def secret(body: Body, _: Gates) -> Causes:
    """stringData is written over data before anything else is looked at."""
    data, plain = part(body, "data"), part(body, "stringData")
    for name, found in (("data", data), ("stringData", plain)):
        for key in found:
            yield from _config_key(key, (name, Key(key)), at=("data", Key(key)))
    sizes = {**{k: _decoded(v) for k, v in data.items()}, **{k: _bytes(v) for k, v in plain.items()}}
    if sum(sizes.values()) > MAX_DATA:
        yield too_long(("data",), MAX_DATA)
    yield from _typed(text(body, "type"), sizes, body)
    if (login := _REGISTRIES.get(text(body, "type"))) and login in sizes:
        yield from _registries(plain[login] or "" if login in plain else data[login], login, plain=login in plain)


def _registries(value: str | list[int] | None, name: str, *, plain: bool) -> Causes:
    """The logins of registries are a JSON object. The server shows nothing of a secret, and neither does this."""
    decoded = value if plain else _opened(value)
    if not isinstance(decoded, str):
        return
    try:
        fault = (
            ""
            if isinstance(json.loads(decoded), dict | NoneType)
            else "json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    except ValueError:
        fault = "unexpected end of JSON input" if not decoded.strip() else "invalid JSON"
    except RecursionError:
        return
    if fault:
        where = ("stringData" if plain else "data", Key(name))
        yield invalid(where, "<secret contents redacted>", fault, at=("data", Key(name)), remediation=_LOGINS)


def _opened(value: str | list[int] | None) -> str | None:
    """What a base64 text stands for; None where that is not certain."""
    try:
        return b64decode(value, validate=True).decode("utf-8", "replace") if isinstance(value, str) else None
    except ValueError:
        return None


def _typed(kind: str, sizes: dict[str, int], body: Body) -> Causes:
    for key in _SECRET_KEYS.get(kind, ()):
        if key not in sizes or (kind.endswith("ssh-auth") and not sizes[key]):
            yield required(("data", Key(key)))
    if kind == "kubernetes.io/basic-auth" and not {"username", "password"} & set(sizes):
        yield required(("data", Key("username")))
        yield required(("data", Key("password")))
    account = "kubernetes.io/service-account.name"
    if kind == "kubernetes.io/service-account-token" and not text(part(part(body, "metadata"), "annotations"), account):
        yield required(("metadata", "annotations", Key(account)))


def _config_key(key: str, path: Path, *, at: Path = ()) -> Causes:
    for fault in formats.config_key(key):
        yield invalid(path, key, fault, at=at, key=True)


def _bytes(value: str | None) -> int:
    return 0 if not value else len(value) if value.isascii() else len(value.encode("utf-8", "replace"))


def _decoded(value: str | list[int] | None) -> int:
    """Bytes that a base64 text stands for, within two."""
    if not isinstance(value, str):
        return len(value or ())
    return len(value.rstrip("=\r\n")) * 3 // 4


def claim(body: Body, _: Gates) -> Causes:
    yield from claims.spec(part(body, "spec"), ("spec",))


def replication_controller(body: Body, on: Gates) -> Causes:
    """Without a selector the labels of the template are the selector."""
    spec = part(body, "spec")
    template, path = part(spec, "template"), ("spec", "template")
    found = part(part(template, "metadata"), "labels")
    selector = part(spec, "selector") or found
    yield from no_negative(spec, "minReadySeconds", ("spec",))
    yield from no_negative(spec, "replicas", ("spec",))
    if not selector:
        yield required(("spec", "selector"))
    if spec.get("template") is None:
        yield required(path)
        return
    if any((found.get(k) or "") != (v or "") or k not in found for k, v in selector.items()):
        yield invalid((*path, "metadata", "labels"), found, "`selector` does not match template `labels`")
    yield from labels(selector, ("spec", "selector")) if part(spec, "selector") else ()
    yield from pod.template(template, path, on)
    if (policy := text(part(template, "spec"), "restartPolicy") or "Always") != "Always":
        yield not_supported((*path, "spec", "restartPolicy"), policy, ["Always"])
