"""A kustomization comes with a pull request: nothing is fetched, nothing outside is read, and nothing takes for ever."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kgate import load
from kgate.load.render import render
from tests.load.render.memory import Memory

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\n"


def reason(tree: dict[str, str]) -> str:
    files = Memory(tree)
    return next(r for r in render(files, files.kustomizations) if r.app in ("app", ".")).reason


@pytest.mark.parametrize(
    "resource",
    [
        "https://example.com/install.yaml",
        "http://example.com/x",
        "github.com/a/b//deploy?ref=v1",
        "GitHub.com/a/b",
        "git@github.com:a/b.git",
        "ssh://git@example.com/a",
        "git::https://example.com/a",
        "../base?ref=main",
    ],
)
@pytest.mark.parametrize("field", ["resources", "components", "bases"])
def test_nothing_is_fetched(field: str, resource: str) -> None:
    told = reason({"kustomization.yaml": f"{field}: ['{resource}']\n"})
    assert "is remote: kgate fetches nothing" in told


@pytest.mark.parametrize(
    "text",
    [
        "resources: [../secret.yaml]\n",
        "resources: [/repo/secret.yaml]\n",
        "resources: [c.yaml]\npatches: [{path: ../secret.yaml}]\n",
        "configMapGenerator: [{name: x, files: [../secret.yaml]}]\n",
        "configMapGenerator: [{name: x, envs: [../secret.yaml]}]\n",
        "resources: [c.yaml]\nconfigurations: [../secret.yaml]\n",
        "resources: [c.yaml]\nreplacements: [{path: ../secret.yaml}]\n",
    ],
)
def test_files_are_read_only_in_the_folder_and_below(text: str) -> None:
    told = reason({"app/kustomization.yaml": text, "app/c.yaml": CONFIG, "secret.yaml": CONFIG})
    assert "outside of the folder" in told or "no file" in told or "no relative path" in told


def test_a_base_outside_of_the_repository_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/kustomization.yaml").write_text("resources: [c.yaml]\n")
    (tmp_path / "elsewhere/c.yaml").write_text(CONFIG)
    (tmp_path / "repo/.git").mkdir(parents=True)
    (tmp_path / "repo/kustomization.yaml").write_text("resources: [../elsewhere]\n")
    monkeypatch.chdir(tmp_path / "repo")
    (skipped,) = load.manifests(["."]).skipped
    assert "lies outside of the repository" in skipped.reason


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="no symbolic links here")
def test_symbolic_links_do_not_lead_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "secret").write_text("password\n")
    app = tmp_path / "repo/app"
    app.mkdir(parents=True)
    (tmp_path / "repo/.git").mkdir()
    (app / "kustomization.yaml").write_text("configMapGenerator: [{name: x, files: [link]}]\n")
    (app / "link").symlink_to(tmp_path / "secret")
    monkeypatch.chdir(tmp_path / "repo")
    (skipped,) = load.manifests(["."]).skipped
    assert "outside of the folder" in skipped.reason


def test_a_tower_of_kustomizations_ends() -> None:
    tree = {f"k{n}/kustomization.yaml": f"resources: [../k{n + 1}]\n" for n in range(200)}
    files = Memory(tree | {"k200/kustomization.yaml": "namespace: x\n"})
    (told,) = render(files, files.kustomizations)
    assert "50 deep" in told.reason


def test_aliases_do_not_multiply() -> None:
    lines = ["apiVersion: v1", "kind: ConfigMap", "metadata: {name: c}", "a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    began = time.monotonic()
    assert "aliases expand" in reason({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "\n".join(lines) + "\n"})
    assert time.monotonic() - began < 30


def test_an_object_that_contains_itself_is_refused() -> None:
    text = CONFIG + "data: &d {x: *d}\n"
    assert "contains itself" in reason({"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": text})


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|b)*c", ".*.*.*.*.*x", "a" * 501])
def test_a_regular_expression_that_could_take_for_ever_is_refused(pattern: str) -> None:
    patch = f"patches: [{{target: {{name: '{pattern}'}}, patch: '[]'}}]\n"
    assert "too complex" in reason({"kustomization.yaml": f"resources: [a.yaml]\n{patch}", "a.yaml": CONFIG})


@pytest.mark.parametrize("pattern", ["(?P<x>a)", "a++", r"\1", "[[:alpha:]]", "(?=a)"])
def test_a_regular_expression_that_means_something_else_here_is_refused(pattern: str) -> None:
    patch = f"patches: [{{target: {{name: '{pattern}'}}, patch: '[]'}}]\n"
    assert "regular expression" in reason({"kustomization.yaml": f"resources: [a.yaml]\n{patch}", "a.yaml": CONFIG})


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("helmCharts: [{name: x}]\n", "charts are not inflated"),
        ("generators: [g.yaml]\n", "generator plugins are not run"),
        ("transformers: [t.yaml]\n", "t.yaml is no file"),
        ("validators: [v.yaml]\n", "validator plugins are not run"),
        ("openapi: {path: o.json}\n", "OpenAPI document"),
        ("crds: [c.json]\n", "OpenAPI documents of custom resources"),
        ("buildMetadata: [managedByLabel]\n", "version of kustomize"),
        ("[1, 2]\n", "empty or no mapping"),
        ("", "empty or no mapping"),
        ("a: [\n", "is not valid YAML"),
        ("resources: x\n", "a list is expected here"),
        ("resources: [{a: b}]\n", "a text is expected here"),
        ("commonLabels: [a]\n", "a mapping is expected here"),
        ("kind: Deployment\nnamespace: x\n", "kind of a kustomization"),
        ("resources: ['']\n", "no relative path"),
    ],
)
def test_what_is_not_done_is_not_half_done(text: str, words: str) -> None:
    assert words in reason({"kustomization.yaml": text})


def test_the_reason_names_the_line_of_another_file() -> None:
    told = reason({"app/kustomization.yaml": "resources: [../base]\n", "base/kustomization.yaml": "\nresources: [gone.yaml]\n"})
    assert told == "base/kustomization.yaml:2:13: there is no file or folder gone.yaml"


def test_a_replacement_that_leads_into_a_text_is_not_half_done() -> None:
    config = CONFIG + 'data: {json: "{\\"env\\": \\"dev\\"}"}\n'
    replacement = "replacements: [{sourceValue: x, targets: [{select: {kind: ConfigMap}, fieldPaths: [data.json.env]}]}]\n"
    assert "leads into a text" in reason({"kustomization.yaml": "resources: [a.yaml]\n" + replacement, "a.yaml": config})
