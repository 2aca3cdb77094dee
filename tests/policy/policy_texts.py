"""Manifests from YAML text, with the real places of their nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from textwrap import dedent
from typing import Any

import yaml

from kgate.finding import Finding
from kgate.manifest import Location, Manifest, Path


@dataclass(frozen=True, slots=True, kw_only=True)
class TextSource:
    file: str
    text: str

    def lines(self) -> tuple[str, ...]:
        return tuple(self.text.splitlines())

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        node: Any = list(yaml.compose_all(self.text, Loader=yaml.SafeLoader))[document]
        mark = node.start_mark
        for step in path:
            if isinstance(node, yaml.MappingNode):
                name, node = next((k, v) for k, v in node.value if k.value == step)
                mark = name.start_mark if key else node.start_mark
            else:
                node = node.value[step]
                mark = node.start_mark
        return Location(line=mark.line + 1, column=mark.column + 1)


def manifests_of(text: str, file: str = "web.yaml") -> list[Manifest]:
    source = TextSource(file=file, text=dedent(text))
    return [Manifest(source=source, document=i, body=body) for i, body in enumerate(yaml.safe_load_all(source.text)) if body]


Judged = Callable[..., list[Finding]]
