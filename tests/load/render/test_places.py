"""Every node of a rendered object stands where it was written."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.load.render import Rendering, render
from kgate.manifest import Manifest, Path
from tests.load.render import cases
from tests.load.render.memory import Memory

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: web
        image: nginx:1
        args: [--first]
"""
OVERLAY = """\
resources: [../base]
namespace: prod
commonLabels:
  team: a
images:
- name: nginx
  newTag: "2"
replicas:
- name: web
  count: 3
patches:
- path: patch.yaml
- target: {kind: Deployment}
  patch: |-
    - op: add
      path: /spec/minReadySeconds
      value: 5
    - op: add
      path: /spec/template/spec/containers/0/args/-
      value: --last
- patch: |

    apiVersion: apps/v1
    kind: Deployment
    metadata:
      name: web
    spec:
      paused: true
- patch: "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web, annotations: {note: here}}}"
configMapGenerator:
- name: made
  literals:
  - a=b
  envs: [vars.env]
"""
PATCH = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      containers:
      - name: web
        imagePullPolicy: Always
      - name: side
        image: side:1
"""
TREE = {
    "base/kustomization.yaml": "resources: [d.yaml]\n",
    "base/d.yaml": DEPLOYMENT,
    "prod/kustomization.yaml": OVERLAY,
    "prod/patch.yaml": PATCH,
    "prod/vars.env": "# one\nONE=1\n",
}


def one(tree: dict[str, str]) -> Rendering:
    files = Memory(tree)
    found = next(r for r in render(files, files.kustomizations) if r.app in ("prod", "app", "."))
    assert found.reason == ""
    return found


def by_kind(rendering: Rendering, kind: str) -> Manifest:
    return next(m for m in rendering.manifests if m.kind == kind)


CONTAINERS = ("spec", "template", "spec", "containers")


@pytest.mark.parametrize(
    ("path", "file", "line", "column"),
    [
        (("kind",), "base/d.yaml", 2, 7),
        ((), "base/d.yaml", 1, 1),
        (("metadata", "name"), "base/d.yaml", 4, 9),
        (("metadata", "namespace"), "prod/kustomization.yaml", 2, 12),
        (("metadata", "labels", "team"), "prod/kustomization.yaml", 4, 9),
        (("spec", "selector", "matchLabels", "team"), "prod/kustomization.yaml", 4, 9),
        (("spec", "replicas"), "prod/kustomization.yaml", 10, 10),
        (("spec", "minReadySeconds"), "prod/kustomization.yaml", 17, 14),
        (("spec", "paused"), "prod/kustomization.yaml", 28, 15),
        (("metadata", "annotations", "note"), "prod/kustomization.yaml", 29, 10),
        ((*CONTAINERS, 0, "image"), "prod/kustomization.yaml", 7, 11),
        ((*CONTAINERS, 0, "args", 0), "base/d.yaml", 12, 16),
        ((*CONTAINERS, 0, "imagePullPolicy"), "prod/patch.yaml", 10, 26),
        ((*CONTAINERS, 0), "base/d.yaml", 10, 9),
        ((*CONTAINERS, 0, "args", 1), "prod/kustomization.yaml", 20, 14),
        ((*CONTAINERS, 1, "image"), "prod/patch.yaml", 12, 16),
        ((*CONTAINERS, 1, "nothing", "here"), "prod/patch.yaml", 11, 9),
    ],
)
def test_a_node_stands_in_the_file_that_wrote_it(path: Path, file: str, line: int, column: int) -> None:
    place = by_kind(one(TREE), "Deployment").locate(path)
    assert (place.file, place.line, place.column) == (file, line, column)


def test_a_key_stands_where_its_value_was_written() -> None:
    place = by_kind(one(TREE), "Deployment").locate((*CONTAINERS, 0, "imagePullPolicy"), key=True)
    assert (place.file, place.line, place.column) == ("prod/patch.yaml", 10, 9)


def test_generated_data_stand_at_their_literal_and_in_their_env_file() -> None:
    made = by_kind(one(TREE), "ConfigMap")
    assert [(p.file, p.line) for p in (made.locate(("data", "a")), made.locate(("data", "ONE")))] == [
        ("prod/kustomization.yaml", 33),
        ("prod/vars.env", 2),
    ]


def test_an_object_names_its_app_and_its_number_in_the_output() -> None:
    rendering = one(TREE)
    assert [(m.app, m.file, m.document) for m in rendering.manifests] == [("prod", "prod/kustomization.yaml", n) for n in (0, 1)]
    assert rendering.inputs == tuple(sorted(TREE))


def test_the_document_is_that_of_the_file() -> None:
    tree = {
        "kustomization.yaml": "resources: [a.yaml]\n",
        "a.yaml": "---\n" + DEPLOYMENT + "---\n" + DEPLOYMENT.replace("name: web", "name: x"),
    }
    assert [m.locate(()).document for m in one(tree).manifests] == [1, 2]


def scalars(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict):
        for k, v in value.items():
            yield from scalars(v, (*path, k))
    elif isinstance(value, list):
        for n, v in enumerate(value):
            yield from scalars(v, (*path, n))
    else:
        yield path, value


def as_written(value: Any) -> str:
    return {True: "true", False: "false", None: ""}[value] if value is None or isinstance(value, bool) else str(value).split("\n")[0]


# Cases in which no text is put together from several places, none is generated and none is another way to write its value.
@pytest.mark.parametrize(
    "name",
    [
        "labels", "merge-of-a-pod", "merge-into-several", "merge-that-deletes", "replacements-in-a-file", "nulls", "shared-labels",
        "order-as-written", "quotes-that-stay", "json-patch-in-json", "json-patch-from-the-end",
    ],
)  # fmt: skip
def test_every_text_is_in_the_line_where_it_stands(name: str) -> None:
    rendering = one(cases.files(name))
    lines = {s.file: s.lines() for s in rendering.sources}
    for manifest in rendering.manifests:
        for path, value in scalars(manifest.body):
            place = manifest.locate(path)
            assert as_written(value) in lines[place.file][place.line - 1][place.column - 1 :], (manifest.subject, path, place)


NAMES = st.lists(st.sampled_from([f"key{n}" for n in range(8)]), unique=True, max_size=8)


@settings(max_examples=60, deadline=None)
@given(base=NAMES, patch=NAMES, overlay=NAMES)
def test_each_value_stands_with_whoever_wrote_it_last(base: list[str], patch: list[str], overlay: list[str]) -> None:
    """Environment variables and annotations of a base, of a patch and of an overlay's inline patch, in any mixture."""

    def object_of(names: list[str], writer: str, indent: str = "") -> str:
        lines = ["apiVersion: apps/v1", "kind: Deployment", "metadata:", "  name: web", "  annotations:"]
        lines += [f"    {n}: {writer}-{n}" for n in names] or ["    {}"]
        lines += ["spec:", "  template:", "    spec:", "      containers:", "      - name: web", "        env:"]
        lines += [line for n in names for line in (f"        - name: {n}", f"          value: {writer}-{n}")] or ["          []"]
        return "".join(f"{indent}{line}\n" for line in lines)

    tree = {
        "base/kustomization.yaml": "resources: [d.yaml]\n",
        "base/d.yaml": object_of(base, "base"),
        "app/kustomization.yaml": "resources: [../base]\npatches:\n- path: p.yaml\n- patch: |\n" + object_of(overlay, "inline", "    "),
        "app/p.yaml": object_of(patch, "patch"),
    }
    files = Memory(tree)
    (rendering,) = render(files, files.kustomizations)
    assert rendering.reason == ""
    (manifest,) = rendering.manifests
    written_in = {"base": "base/d.yaml", "patch": "app/p.yaml", "inline": "app/kustomization.yaml"}
    last = {n: writer for writer, names in (("base", base), ("patch", patch), ("inline", overlay)) for n in names}
    env = manifest.body["spec"]["template"]["spec"]["containers"][0].get("env", [])
    assert {e["name"]: e["value"] for e in env} == {n: f"{writer}-{n}" for n, writer in last.items()}
    paths = [(*CONTAINERS, 0, "env", n, "value") for n in range(len(env))]
    for path in [*paths, *(("metadata", "annotations", n) for n in last)]:
        value: Any = manifest.body
        for step in path:
            value = value[step]
        place = manifest.locate(path)
        assert place.file == written_in[value.split("-")[0]]
        assert tree[place.file].split("\n")[place.line - 1][place.column - 1 :] == value
