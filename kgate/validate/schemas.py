"""The embedded schemas: which kinds each Kubernetes minor knows, and the schema of one of them. tools/build_schemas.py makes the data."""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path as File
from typing import Any

from msgspec import Struct

Schema = Mapping[str, Any]
DATA = File(__file__).parent / "data" / "schemas.bin"


class Bundle(Struct, frozen=True, kw_only=True):
    """All definitions of all minors. Bit i of a mask stands for `minors[i]`."""

    minors: tuple[str, ...]
    kinds: Mapping[str, Mapping[str, tuple[str, int]]]
    """By apiVersion and kind: the name of the definition and the minors that know the kind."""
    definitions: Mapping[str, list[tuple[int, int, int, int]]]
    """By name, each variant: minors, block, start, end."""
    blocks: tuple[bytes, ...]
    """Compressed."""
    inflated: dict[int, bytes] = {}
    """The blocks that were needed so far: a cache."""

    def serves(self, api_version: str, kind: str, minor: str) -> bool:
        _, mask = self.kinds.get(api_version, {}).get(kind, ("", 0))
        return bool(mask >> self.minors.index(minor) & 1)

    def served_in(self, api_version: str, kind: str) -> tuple[str, ...]:
        """The minors that know the kind, oldest first; empty when none does."""
        _, mask = self.kinds.get(api_version, {}).get(kind, ("", 0))
        return tuple(m for i, m in enumerate(self.minors) if mask >> i & 1)

    def schema(self, api_version: str, kind: str, minor: str) -> Schema:
        """The kind's schema with every definition that it needs, for a minor that serves it."""
        root = self.root(api_version, kind)
        found: dict[str, Schema] = {}
        todo = [root]
        while todo:
            name = todo.pop()
            if name not in found:
                found[name] = self.definition(name, minor)
                todo.extend(_references(found[name]))
        return {"$ref": f"#/$defs/{root}", "$defs": found}

    def root(self, api_version: str, kind: str) -> str:
        """The name of the kind's own definition."""
        return self.kinds[api_version][kind][0]

    def definition(self, name: str, minor: str) -> Schema:
        """One definition as that minor has it, which refers to others."""
        bit = self.minors.index(minor)
        block, start, end = next((b, s, e) for mask, b, s, e in self.definitions[name] if mask >> bit & 1)
        if block not in self.inflated:
            self.inflated[block] = zlib.decompress(self.blocks[block])
        definition: Schema = json.loads(self.inflated[block][start:end])
        return definition


@cache
def bundle() -> Bundle:
    """Read once a process; about 2 ms."""
    data = DATA.read_bytes()
    length = int.from_bytes(data[4:8], "big")
    header = json.loads(zlib.decompress(data[8 : 8 + length]))
    base = 8 + length
    return Bundle(
        minors=tuple(header["minors"]),
        kinds=header["kinds"],
        definitions=header["definitions"],
        blocks=tuple(data[base + at : base + at + size] for at, size in header["blocks"]),
    )


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(ref := schema.get("$ref"), str):
            yield ref.rpartition("/")[2]
        else:
            for value in schema.values():
                yield from _references(value)


def resolved(root: Schema, schema: Schema) -> Schema:
    """`schema`, or what it refers to inside `root`."""
    while isinstance(ref := schema.get("$ref"), str):
        schema = root["$defs"][ref.rpartition("/")[2]]
    return schema


def at(root: Schema, path: tuple[str | int, ...]) -> Schema:
    """The schema of the node at `path`; empty where the schema says nothing of it."""
    schema = resolved(root, root)
    for step in path:
        if isinstance(step, int):
            child = schema.get("items")
        else:
            child = schema.get("properties", {}).get(step) or schema.get("additionalProperties")
        if not isinstance(child, dict):
            return {}
        schema = resolved(root, child)
    return schema
