"""Objects to judge: small sound ones, and ways to change one thing of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kgate.manifest import Location, Manifest, Path
from kgate.validate import NEWEST, Judged, causes, judge

DELETED = object()


@dataclass(frozen=True)
class Nowhere:
    """A source for tests that do not care where findings stand."""

    file: str = "web.yaml"

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "app", "image": "registry.example.com/app:1.2.3", **fields}


def pod_spec(**fields: Any) -> dict[str, Any]:
    return {"containers": [container()], **fields}


def deployment(**spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": "shop", "labels": {"app": "web"}},
        "spec": {
            "replicas": 3,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": pod_spec()},
            **spec,
        },
    }


def with_pod(**fields: Any) -> dict[str, Any]:
    """A Deployment whose pods have these fields."""
    return changed(deployment(), "spec.template.spec", pod_spec(**fields))


def with_container(**fields: Any) -> dict[str, Any]:
    """A Deployment whose one container has these fields."""
    return with_pod(containers=[container(**fields)])


def thing(api_version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": "thing"}, **fields}


def changed(body: Mapping[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy with `value` at the dotted `path` (numbers are list indexes); DELETED takes the node away."""
    result = copy.deepcopy(dict(body))
    *parents, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    node: Any = result
    for step in parents:
        node = node[step] if isinstance(step, int) else node.setdefault(step, {})
    if value is DELETED:
        del node[last]
    else:
        node[last] = value
    return result


def said(body: Mapping[str, Any], old: Mapping[str, Any] | None = None, version: str = NEWEST) -> list[str]:
    """`field: message` of every cause."""
    return [f"{cause.field}: {cause.message}" for cause in causes(body, old, version)]


def judged(*bodies: Mapping[str, Any], version: str = NEWEST) -> Judged:
    return judge([Manifest(source=Nowhere(), document=i, body=body) for i, body in enumerate(bodies)], version)


def assert_said(body: Mapping[str, Any], *beginnings: str) -> None:
    """Each cause begins with one of `beginnings`, in that order; none at all means that the server takes the object."""
    found = said(body)
    assert len(found) == len(beginnings) and all(f.startswith(b) for f, b in zip(found, beginnings, strict=True)), found
