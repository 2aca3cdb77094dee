"""The built-in policies as somebody has read them before: tools/build_policies.py writes them down, and nobody reads their YAML again.

They count only for exactly the texts that they were read from. Whoever has changed a policy, or what a policy is, gets what the YAML says.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path as FilePath
from typing import Any

from msgspec import msgpack
from msgspec.structs import replace

from kgate.edit import Edit
from kgate.finding import Rule
from kgate.policy.policy import Fix, Policy

DATA = FilePath(__file__).parent / "data" / "policies.bin"


def read(texts: Mapping[str, str], data: FilePath = DATA) -> tuple[Policy, ...] | None:
    """The policies in these files, by name; None when they are not the ones that were compiled."""
    if not data.is_file():
        return None
    raw = data.read_bytes()
    seal = msgpack.encode(_seal(texts))
    if raw[: len(seal)] != seal:
        return None
    return tuple(replace(p, examples_text=texts[p.file]) for p in msgpack.decode(raw[len(seal) :], type=tuple[Policy, ...]))


def written(policies: Iterable[Policy], texts: Mapping[str, str]) -> bytes:
    """What `read` reads."""
    return msgpack.encode(_seal(texts)) + msgpack.encode([replace(p, examples_text="") for p in policies], order="deterministic")


def _seal(texts: Mapping[str, str]) -> list[Any]:
    """Two that differ have different texts (an edit is an accident, not an attack: a CRC will do), or policies of another form."""
    whole = "\0".join(part for item in texts.items() for part in item).encode()
    return [len(whole), zlib.crc32(whole), [[*kind.__struct_fields__] for kind in (Policy, Rule, Fix, Edit)]]
