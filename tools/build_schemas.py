#!/usr/bin/env python3
"""Build kgate/validate/data/schemas.bin: every kind of every supported Kubernetes minor, as the API server decodes it.

Source: the PyPI package kubernetes-validate (Kubernetes' own OpenAPI documents, strict form), needed to build and never to run:

    pip install kubernetes-validate==1.37.0 && python tools/build_schemas.py

The file (all numbers big-endian):

    4 bytes   b"KGS1"
    4 bytes   length of the header
    header    zlib of JSON {"minors": [...], "kinds": {apiVersion: {kind: [name, mask]}}, "blocks": [[offset, length]],
              "definitions": {name: [[mask, block, start, end]]}}
    blocks    each zlib of definitions (JSON) laid end to end; `start:end` cuts one out of its inflated block

Bit i of a mask stands for minors[i]: a definition that did not change between minors is stored once.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import re
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

TARGET = Path(__file__).resolve().parent.parent / "kgate" / "validate" / "data" / "schemas.bin"
BLOCK = 24_000
"""Bytes of JSON in a block: small enough to inflate in a fraction of a millisecond, large enough to compress well."""

Schema = dict[str, Any]

# Ranges of Go's integers: the decoder refuses what does not fit.
RANGES = {"int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1)}
# encoding/base64 StdEncoding, which skips line ends wherever they stand.
BASE64 = (
    r"^[\r\n]*(?:(?:[A-Za-z0-9+/][\r\n]*){4})*"
    r"(?:(?:[A-Za-z0-9+/][\r\n]*){2}=[\r\n]*=[\r\n]*|(?:[A-Za-z0-9+/][\r\n]*){3}=[\r\n]*)?$"
)
# apimachinery pkg/api/resource/quantity.go:ParseQuantity, after TrimSpace.
QUANTITY = r"^[ \t\r\n]*[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?[ \t\r\n]*$"
# time.Parse(time.RFC3339): hours of one digit pass, fractions may follow a comma.
_DAY = r"^[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T"
_ZONE = r"(?:Z|[+-](?:[01][0-9]|2[0-4]):[0-5][0-9])$"
TIME = _DAY + r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:[.,][0-9]+)?" + _ZONE
MICRO_TIME = _DAY + r"(?:[01]?[0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}" + _ZONE

META = "io.k8s.apimachinery.pkg.apis.meta.v1."
EXTENSIONS = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1."
# Types with a decoder of their own. The published schemas describe what they write, not everything that they read.
DECODERS: Mapping[str, Schema] = {
    "io.k8s.apimachinery.pkg.api.resource.Quantity": {"type": ["string", "number", "null"], "pattern": QUANTITY, "format": "quantity"},
    "io.k8s.apimachinery.pkg.util.intstr.IntOrString": {
        "type": ["string", "integer", "null"],
        "minimum": RANGES["int32"][0],
        "maximum": RANGES["int32"][1],
    },
    META + "Time": {"type": ["string", "null"], "pattern": TIME, "format": "date-time"},
    META + "MicroTime": {"type": ["string", "null"], "pattern": MICRO_TIME, "format": "micro-time"},
    META + "FieldsV1": {},
    "io.k8s.apimachinery.pkg.runtime.RawExtension": {},
    EXTENSIONS + "JSON": {},
    EXTENSIONS + "JSONSchemaPropsOrBool": {"type": ["object", "boolean", "null"]},
    EXTENSIONS + "JSONSchemaPropsOrArray": {"type": ["object", "array", "null"]},
    EXTENSIONS + "JSONSchemaPropsOrStringArray": {"type": ["object", "array", "null"]},
}
# Marked as required in the schema, though the server takes an object without them.
NOT_REQUIRED = {
    "io.k8s.api.apps.v1.StatefulSetSpec": {"serviceName"},
    "io.k8s.api.core.v1.LimitRangeSpec": {"limits"},
    # The metadata of a template is decoded and not looked at; that of an object has rules of its own.
    META + "OwnerReference": {"apiVersion", "kind", "name", "uid"},
}
KEPT = ("x-kubernetes-list-map-keys", "x-kubernetes-list-type")


def source() -> Path | None:
    """The folder of the package with a folder a minor; None when it is not installed. The package itself is not imported."""
    spec = importlib.util.find_spec("kubernetes_validate")
    return Path(spec.origin).parent / "kubernetes-json-schema" if spec and spec.origin else None


def published(root: Path) -> dict[str, Mapping[str, Schema]]:
    """The strict definitions by minor, oldest first."""
    folders = {m[1]: f for f in root.iterdir() if (m := re.fullmatch(r"v(\d+\.\d+)\.0-local-strict", f.name))}
    minors = sorted(folders, key=lambda v: tuple(map(int, v.split("."))))
    return {v: json.loads((folders[v] / "_definitions.json").read_text())["$defs"] for v in minors}


def corrected(name: str, schema: Schema) -> Schema:
    """The definition `name` as the server decodes it, without prose."""
    if name in DECODERS:
        return dict(DECODERS[name])
    fixed = _node(schema)
    if required := _required(name, schema):
        fixed["required"] = required
    return fixed


def _node(schema: Schema) -> Schema:
    if "$ref" in schema:
        return {"$ref": schema["$ref"]}
    node = {k: schema[k] for k in KEPT if k in schema and not (k == "x-kubernetes-list-type" and schema[k] == "atomic")}
    node |= _type(schema)
    if "properties" in schema:
        node["properties"] = {k: _property(k, v) for k, v in sorted(schema["properties"].items())}
    if isinstance(schema.get("items"), dict) and "pattern" not in node:
        node["items"] = _node(schema["items"])
    if "additionalProperties" in schema:
        extra = schema["additionalProperties"]
        node["additionalProperties"] = _node(extra) if isinstance(extra, dict) else extra
    return node


def _property(name: str, schema: Schema) -> Schema:
    """`enum` names the one apiVersion or kind of the definition, which picked it: nothing is left to check."""
    return _node({k: v for k, v in schema.items() if k != "enum"})


def _type(schema: Schema) -> Schema:
    """null is the same as nothing everywhere: Go's decoder leaves the zero value, in lists and maps as well."""
    if "type" not in schema:
        return {}
    types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = next(t for t in types if t != "null")
    if schema.get("format") == "byte":
        # A list of numbers is a []byte too.
        numbers = {"type": ["integer", "null"], "minimum": 0, "maximum": 255}
        return {"type": ["string", "array", "null"], "pattern": BASE64, "format": "byte", "items": numbers}
    if schema.get("format") == "date-time":
        return {"type": ["string", "null"], "pattern": TIME, "format": "date-time"}
    node: Schema = {"type": [kind, "null"]}
    if (limits := RANGES.get(schema.get("format", ""))) and kind == "integer":
        node |= {"minimum": limits[0], "maximum": limits[1]}
    return node


def _required(name: str, schema: Schema) -> list[str]:
    """Only what has no sensible zero value: a missing number or truth value is 0 or false, and the server goes on with that."""
    properties = schema.get("properties", {})
    zero = {p for p, s in properties.items() if {"integer", "number", "boolean"} & set(_types(s))}
    return sorted(set(schema.get("required", ())) - zero - NOT_REQUIRED.get(name, set()))


def _types(schema: Schema) -> list[str]:
    types = schema.get("type", [])
    return types if isinstance(types, list) else [types]


def references(schema: Any) -> Iterator[str]:
    """Names of the definitions that `schema` refers to, in order."""
    if isinstance(schema, dict):
        if isinstance(ref := schema.get("$ref"), str):
            yield ref.rpartition("/")[2]
        for value in schema.values():
            yield from references(value)


def kinds(definitions: Mapping[str, Schema]) -> Iterator[tuple[str, str, str]]:
    """(apiVersion, kind, definition) of everything that is an object with metadata, not a list of them or a message."""
    for name, schema in definitions.items():
        metadata = schema.get("properties", {}).get("metadata", {})
        if not metadata.get("$ref", "").endswith(META + "ObjectMeta"):
            continue
        for gvk in schema.get("x-kubernetes-group-version-kind", ()):
            version = f"{gvk['group']}/{gvk['version']}" if gvk["group"] else gvk["version"]
            yield version, gvk["kind"], name


# What most manifests hold comes first, so that their definitions share few blocks.
COMMON = (
    "Deployment",
    "Service",
    "ConfigMap",
    "Secret",
    "StatefulSet",
    "DaemonSet",
    "Job",
    "CronJob",
    "Pod",
    "Ingress",
    "HorizontalPodAutoscaler",
)


def bundle(by_minor: Mapping[str, Mapping[str, Schema]]) -> bytes:
    """The whole file. The same definitions give the same content; the bytes depend on the zlib of the builder."""
    minors = list(by_minor)
    variants: dict[str, dict[str, int]] = {}
    served: dict[str, dict[str, list[Any]]] = {}
    for bit, definitions in enumerate(by_minor.values()):
        for name, schema in definitions.items():
            text = json.dumps(corrected(name, schema), separators=(",", ":"), sort_keys=True)
            masks = variants.setdefault(name, {})
            masks[text] = masks.get(text, 0) | 1 << bit
        for version, kind, name in kinds(definitions):
            entry = served.setdefault(version, {}).setdefault(kind, [name, 0])
            entry[1] |= 1 << bit
    blocks, places = _pack(_order(variants, served), variants)
    header = {
        "minors": minors,
        "kinds": {v: dict(sorted(k.items())) for v, k in sorted(served.items())},
        "definitions": dict(sorted(places.items())),
        "blocks": _offsets(blocks),
    }
    packed = zlib.compress(json.dumps(header, separators=(",", ":")).encode(), 9)
    return b"".join((b"KGS1", struct.pack(">I", len(packed)), packed, *blocks))


def _order(variants: Mapping[str, Mapping[str, int]], served: Mapping[str, Mapping[str, list[Any]]]) -> list[str]:
    """Every definition that a kind needs, in the order in which the kinds meet them, common kinds first."""
    rank = {kind: i for i, kind in enumerate(COMMON)}
    roots = sorted((rank.get(kind, len(rank)), version, kind, e[0]) for version, ks in served.items() for kind, e in ks.items())
    order: dict[str, None] = {}
    todo = [name for *_, name in reversed(roots)]
    while todo:
        name = todo.pop()
        if name not in order:
            order[name] = None
            found = {r: None for text in variants[name] for r in references(json.loads(text))}
            todo.extend(reversed(found))
    return list(order)


def _pack(order: list[str], variants: Mapping[str, Mapping[str, int]]) -> tuple[list[bytes], dict[str, list[list[int]]]]:
    blocks, places, current = [], {}, bytearray()
    for name in order:
        places[name] = []
        for text, mask in variants[name].items():
            raw = text.encode()
            if current and len(current) + len(raw) > BLOCK:
                blocks.append(zlib.compress(bytes(current), 9))
                current.clear()
            places[name].append([mask, len(blocks), len(current), len(current) + len(raw)])
            current += raw
    return [*blocks, zlib.compress(bytes(current), 9)], places


def _offsets(blocks: list[bytes]) -> list[list[int]]:
    """Where each block lies, counted from the end of the header."""
    offsets, at = [], 0
    for block in blocks:
        offsets.append([at, len(block)])
        at += len(block)
    return offsets


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--target", type=Path, default=TARGET)
    target: Path = parser.parse_args().target
    if (root := source()) is None:
        parser.error("kubernetes-validate is not installed: pip install kubernetes-validate==1.37.0")
    target.parent.mkdir(parents=True, exist_ok=True)
    data = bundle(published(root))
    target.write_bytes(data)
    print(f"{target}: {len(data):,} bytes")


if __name__ == "__main__":
    main()
