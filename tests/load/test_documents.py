"""What is an object, what is none of Kubernetes' business, and what kubectl would refuse."""

from __future__ import annotations

import pytest

from kgate.load.documents import HELM, Contents, contents
from kgate.load.source import Trees

CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: c\n"


def load(text: str, *, file: str = "x.yaml", explicit: bool = True) -> Contents:
    return contents(file, text, explicit=explicit, trees=Trees())


def said(found: Contents) -> list[tuple[str, int, int]]:
    return [(f.rule, f.line, f.column) for f in found.findings]


def test_an_object_is_a_manifest() -> None:
    found = load(f"---\n{CONFIG_MAP}")
    assert [(m.kind, m.name, m.document, m.root) for m in found.manifests] == [("ConfigMap", "c", 1, ())]
    assert found.findings == found.skipped == []


REFUSED: list[tuple[str, str, list[tuple[str, int, int]]]] = [
    ("kind is missing", "apiVersion: v1\nmetadata: {}\n", [("KG0011", 1, 1)]),
    ("kind is empty", "apiVersion: v1\nkind: ''\n", [("KG0011", 2, 7)]),
    ("kind is a list", "apiVersion: v1\nkind: [a]\n", [("KG0011", 2, 7)]),
    ("apiVersion is missing", "kind: Pod\nmetadata: {}\n", [("KG0011", 1, 1)]),
    ("apiVersion is null", "apiVersion:\nkind: Pod\n", [("KG0011", 1, 12)]),
    ("apiVersion is a number", "apiVersion: 1\nkind: Pod\n", [("KG0011", 1, 13)]),
    ("apiVersion is a path", "apiVersion: a/b/c\nkind: Pod\n", [("KG0011", 1, 13)]),
    ("apiVersion has no version", "apiVersion: apps/\nkind: Pod\n", [("KG0011", 1, 13)]),
    ("a list of objects", "- apiVersion: v1\n  kind: Pod\n", [("KG0010", 1, 1)]),
    ("a string beside an object", f"{CONFIG_MAP}---\nhello\n", [("KG0010", 6, 1)]),
    ("neither type beside an object", f"{CONFIG_MAP}---\na: 1\n", [("KG0011", 6, 1)]),
    ("text behind a separator", f"{CONFIG_MAP}--- x: 1\n{CONFIG_MAP}", [("KG0003", 5, 1)]),
    ("a duplicate key", f"{CONFIG_MAP}kind: Pod\n", [("KG0004", 5, 1)]),
    ("broken YAML", f"{CONFIG_MAP}data: [\n", [("KG0003", 5, 7)]),
    ("a comment sign before JSON", '// x\n{"apiVersion":"v1", "kind":"Pod"}\n', [("KG0010", 1, 1)]),
    ("a List without items", "apiVersion: v1\nkind: List\n", [("KG0012", 1, 1)]),
    ("a List with a mapping of items", "apiVersion: v1\nkind: List\nitems: {}\n", [("KG0012", 3, 8)]),
    ("a List with a string as item", "apiVersion: v1\nkind: List\nitems:\n- x\n", [("KG0012", 4, 3)]),
    ("a List with an item without a kind", "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n", [("KG0011", 4, 3)]),
]


@pytest.mark.parametrize(("text", "findings"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED])
def test_what_kubectl_refuses_is_a_finding(text: str, findings: list[tuple[str, int, int]]) -> None:
    assert said(load(text, explicit=False)) == findings


FOREIGN: list[tuple[str, str, str]] = [
    ("docker-compose.yml", "services: {a: {image: b}}\n", "no apiVersion and kind"),
    ("ci.yml", "on: push\njobs: {}\n", "no apiVersion and kind"),
    ("values.yaml", "replicaCount: 1\n", "no apiVersion and kind"),
    ("Chart.yaml", "apiVersion: v2\nname: x\nversion: 0.1.0\n", "chart metadata"),
    ("datasource.yaml", "apiVersion: 1\ndatasources: []\n", "no kind"),
    ("drone.yml", "kind: pipeline\nname: x\n", "no apiVersion"),
    ("kustomization.yaml", "resources: [a.yaml]\n", "kustomization"),
    ("k.yaml", "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n", "kustomization"),
    ("hooks.yaml", "- id: x\n  entry: y\n", "not a mapping"),
    ("note.yaml", "hello\n", "not a mapping"),
    ("empty.yaml", "# nothing\n", "no document"),
    ("mkdocs.yml", "a: !!python/name:x\n~: 1\na: 2\n", "no apiVersion and kind"),
]


@pytest.mark.parametrize(("file", "text", "reason"), FOREIGN)
def test_what_is_none_of_kubernetes_business_is_said_and_not_judged(file: str, text: str, reason: str) -> None:
    found = load(text, file=file)
    assert found.manifests == found.findings == []
    [skipped] = found.skipped
    assert reason in skipped.reason
    assert not skipped.wanted


def test_an_object_is_judged_whatever_its_file_is_called() -> None:
    for file in ("kustomization.yaml", "Chart.yaml", "values.yaml", "docker-compose.yml"):
        assert load(CONFIG_MAP, file=file).manifests
    flux = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n"
    assert load(flux, file="kustomization.yaml").manifests


def test_broken_text_that_is_no_kubernetes_is_passed_over_in_a_folder_and_refused_when_it_was_named() -> None:
    assert load("a: [\n", explicit=False).findings == []
    assert said(load("a: [\n", explicit=True)) == [("KG0003", 1, 4)]


def test_a_bomb_is_refused_wherever_it_lies() -> None:
    assert said(load("[" * 5000, explicit=False))[0][0] == "KG0005"


@pytest.mark.parametrize("text", ["{{ if .x }}\nkind: Pod\n{{ end }}\n", f"{CONFIG_MAP}data:\n  a: {{{{ .Values.a }}}}\n"])
def test_a_template_is_not_judged_and_has_not_passed(text: str) -> None:
    found = load(text)
    assert found.manifests == found.findings == []
    assert [(s.reason, s.wanted) for s in found.skipped] == [(HELM, True)]


def test_items_of_lists_are_objects_of_their_own() -> None:
    pod, inner = "- {apiVersion: v1, kind: Pod}\n", "- apiVersion: v1\n  kind: List\n  items:\n  - {apiVersion: v1, kind: Service}\n"
    text = f"apiVersion: v1\nkind: List\nitems:\n{pod}{inner}"
    manifests = load(text).manifests
    assert [(m.kind, m.root) for m in manifests] == [("Pod", ("items", 0)), ("Service", ("items", 1, "items", 0))]
    assert manifests[1].locate(("kind",), key=True).line == 8


def test_items_of_a_typed_list_take_its_type() -> None:
    [manifest] = load("apiVersion: apps/v1\nkind: DeploymentList\nitems:\n- metadata: {name: a}\n").manifests
    assert (manifest.api_version, manifest.kind, manifest.name) == ("apps/v1", "Deployment", "a")


def test_lists_in_lists_end() -> None:
    text = "{apiVersion: v1, kind: List, items: [" * 40 + "]}" * 40
    assert [f.rule for f in load(text).findings] == ["KG0005"]


def test_good_documents_around_a_broken_one_are_loaded() -> None:
    found = load(f"{CONFIG_MAP}---\nkind: [\n---\n{CONFIG_MAP}")
    assert [m.document for m in found.manifests] == [0, 2]
    assert [(f.document, f.line) for f in found.findings] == [(1, 6)]


def test_a_fault_inside_an_object_names_the_object() -> None:
    [finding] = load(f"{CONFIG_MAP}data:\n  a: x\n  a: y\n").findings
    assert finding.object is not None
    assert (finding.object.kind, finding.object.name) == ("ConfigMap", "c")
