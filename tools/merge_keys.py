"""Writes kgate/load/render/kustomize/merge_keys.json from an OpenAPI document of Kubernetes: which lists merge, by which keys.

    python tools/merge_keys.py SWAGGER.json

kustomize carries the document of Kubernetes 1.21.2, whatever cluster it renders for, so that is the one to give.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).parents[1] / "kgate/load/render/kustomize/merge_keys.json"


def main(path: str) -> None:
    data = Path(path).read_bytes()
    document = json.loads(gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data)
    definitions = document["definitions"]
    types = {name: fields(schema) for name, schema in definitions.items()}
    useful = reaching(types)
    kinds = {k: t for k, t in sorted(resources(document).items()) if t in useful}
    reached = below(set(kinds.values()), types, useful)
    names = {name: n for n, name in enumerate(sorted(reached))}
    # For each type its fields: [type of the value or of the items, merge keys]; null stands for a type without merged lists below it.
    out = [
        {f: [names.get(t), keys] for f, (t, keys) in sorted(types[name].items()) if keys is not None or t in useful}
        for name in sorted(reached)
    ]
    text = json.dumps({"kinds": {k: names[t] for k, t in kinds.items()}, "types": out}, separators=(",", ":"), sort_keys=True)
    OUT.write_text(text + "\n", encoding="utf-8")
    print(f"{len(kinds)} kinds, {len(out)} types, {len(text)} bytes")


def resources(document: dict[str, Any]) -> dict[str, str]:
    """Types by `apps/v1/Deployment`."""
    if "resources" in document:
        return {f"{r['apiVersion']}/{r['kind']}": r["definition"] for r in document["resources"] if "definition" in r}
    found = {}
    for name, schema in document["definitions"].items():
        for g in schema.get("x-kubernetes-group-version-kind", ()):
            found[f"{g['group']}/{g['version']}/{g['kind']}".removeprefix("/")] = name
    return found


def fields(schema: dict[str, Any]) -> dict[str, tuple[str | None, list[str] | None]]:
    """Of each field the type of its value or items, and the keys that its items are merged by (none of them for plain values)."""
    found = {}
    for field, value in schema.get("properties", {}).items():
        merged = "merge" in value.get("x-kubernetes-patch-strategy", "").split(",")
        keys = value.get("x-kubernetes-list-map-keys") or [k for k in [value.get("x-kubernetes-patch-merge-key")] if k]
        target = value.get("items", value).get("$ref", "").removeprefix("#/definitions/")
        found[field] = (target or None, keys if merged else None)
    return found


def reaching(types: dict[str, Any]) -> set[str]:
    """The types that have a merged list somewhere below."""
    useful: set[str] = set()
    while True:
        more = {n for n, fs in types.items() if n not in useful and any(k is not None or t in useful for t, k in fs.values())}
        if not more:
            return useful
        useful |= more


def below(roots: set[str], types: dict[str, Any], useful: set[str]) -> set[str]:
    found: set[str] = set()
    pending = sorted(roots)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += [t for t, _ in types[name].values() if t in useful]
    return found


if __name__ == "__main__":
    main(sys.argv[1])
