"""Which kustomizations are apps, and what happens to the files around them."""

from __future__ import annotations

import os
import random
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kgate import load
from kgate.finding import Finding, in_order
from kgate.load.files import Disk
from kgate.load.render import kustomize, render
from kgate.policy import catalog, judge
from kgate.policy.settings import PolicySettings
from tests.load.render.memory import Memory

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - name: web
        image: nginx:latest
"""
TREE = {
    "base/kustomization.yaml": "resources: [d.yaml]\nconfigMapGenerator: [{name: c, literals: [a=b]}]\n",
    "base/d.yaml": DEPLOYMENT,
    "overlays/prod/kustomization.yaml": "resources: [../../base]\nnamePrefix: prod-\nnamespace: prod\npatches: [{path: p.yaml}]\n",
    "overlays/prod/p.yaml": DEPLOYMENT.split("selector")[0].replace("replicas: 1", "replicas: 3").rstrip() + "\n",
    "overlays/staging/kustomization.yaml": "resources: [../../base]\nnamePrefix: staging-\n",
    "plain/config.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: plain}\n",
}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(tree: dict[str, str]) -> None:
    for path, text in tree.items():
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(text, "utf-8")


def names(loaded: load.Loaded) -> list[str]:
    return [f"{m.app}: {m.kind} {m.name}" for m in loaded.manifests]


def test_kustomizations_that_no_other_includes_are_rendered_and_their_inputs_are_not_judged_again(here: Path) -> None:
    write(TREE)
    loaded = load.manifests(["."])
    assert names(loaded) == [
        "overlays/prod: ConfigMap prod-c-4h2mbtbbt6",
        "overlays/prod: Deployment prod-web",
        "overlays/staging: ConfigMap staging-c-4h2mbtbbt6",
        "overlays/staging: Deployment staging-web",
        ": ConfigMap plain",
    ]
    assert (loaded.skipped, loaded.findings, loaded.files) == ((), (), 6)
    assert [(r.app, r.rendered, len(r.inputs)) for r in loaded.renderings] == [("overlays/prod", True, 4), ("overlays/staging", True, 3)]


def test_a_base_alone_is_an_app(here: Path) -> None:
    write(TREE)
    assert names(load.manifests(["base"])) == ["base: ConfigMap c-4h2mbtbbt6", "base: Deployment web"]


def test_an_overlay_finds_its_base_outside_of_the_given_folder(here: Path) -> None:
    write(TREE)
    loaded = load.manifests(["overlays/prod"])
    assert len(loaded.manifests) == 2
    assert loaded.manifests[1].locate(("spec", "replicas")).file == "overlays/prod/p.yaml"
    assert loaded.manifests[1].locate(("spec", "selector")).file == "base/d.yaml"


def test_a_changed_file_alone_is_judged_as_it_is_written(here: Path) -> None:
    write(TREE)
    assert names(load.manifests(["base/d.yaml"])) == [": Deployment web"]


def test_what_is_not_rendered_is_told_and_its_raw_objects_are_judged(here: Path) -> None:
    write(TREE | {"overlays/prod/kustomization.yaml": TREE["overlays/prod/kustomization.yaml"] + "helmCharts: [{name: x}]\n"})
    loaded = load.manifests(["overlays/prod", "base/d.yaml"])
    assert names(loaded) == [": Deployment web"]
    (skipped,) = [s for s in loaded.skipped if s.wanted]
    assert (skipped.file, skipped.line) == ("overlays/prod/kustomization.yaml", 5)
    assert skipped.reason == "kustomize: overlays/prod is not rendered: helmCharts: charts are not inflated"
    assert [s.reason for s in loaded.skipped if not s.wanted] == [
        "kustomize patch of overlays/prod/kustomization.yaml: no object of its own"
    ]


def test_a_ring_of_kustomizations_is_told(here: Path) -> None:
    write({"a/kustomization.yaml": "resources: [../b]\n", "b/kustomization.yaml": "resources: [../a]\n"})
    (skipped,) = [s for s in load.manifests(["."]).skipped if s.wanted]
    assert "includes the kustomization that includes it" in skipped.reason


def test_a_component_is_no_app(here: Path) -> None:
    component = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nnamespace: x\n"
    write({"c/kustomization.yaml": component, "c/p.yaml": DEPLOYMENT})
    loaded = load.manifests(["."])
    assert loaded.renderings == ()
    assert names(loaded) == [": Deployment web"]


def test_a_kustomization_of_flux_is_an_object(here: Path) -> None:
    write({"kustomization.yaml": "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: x}\n"})
    loaded = load.manifests(["."])
    assert (names(loaded), [(r.kind, r.rendered) for r in loaded.renderings]) == ([": Kustomization x"], [("Kustomization", False)])


def test_a_kustomization_needs_no_extension(here: Path) -> None:
    write({"Kustomization": "resources: [d.yaml]\n", "d.yaml": DEPLOYMENT})
    assert names(load.manifests(["."])) == [".: Deployment web"]


def test_texts_that_are_given_in_place_of_files_are_rendered(here: Path) -> None:
    write(TREE)
    loaded = load.manifests(["overlays/staging"], texts={"base/d.yaml": DEPLOYMENT.replace("replicas: 1", "replicas: 7")})
    assert loaded.manifests[1].body["spec"]["replicas"] == 7


def test_the_base_commit_is_rendered_as_it_was(here: Path) -> None:
    def git(*arguments: str) -> None:
        environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull}
        subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@b", *arguments], check=True, capture_output=True, env=environment)

    write(TREE | {"base/kustomization.yaml": "resources: [d.yaml]\nconfigMapGenerator: [{name: c, files: [x.properties]}]\n"})
    write({"base/x.properties": "a=b\n"})
    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "one")
    write({"overlays/prod/p.yaml": TREE["overlays/prod/p.yaml"].replace("replicas: 3", "replicas: 4"), "base/x.properties": "a=c\n"})
    before, after = load.base("HEAD", ["overlays"]), load.manifests(["overlays"])
    assert [m.body["spec"]["replicas"] for m in before.manifests if m.kind == "Deployment"] == [3, 1]
    assert [m.body["spec"]["replicas"] for m in after.manifests if m.kind == "Deployment"] == [4, 1]
    assert [m.body["data"]["x.properties"] for m in before.manifests if m.kind == "ConfigMap"] == ["a=b\n", "a=b\n"]
    assert [m.file for m in before.manifests] == [m.file for m in after.manifests]
    assert before.skipped == ()


def found(loaded: load.Loaded) -> tuple[Finding, ...]:
    return in_order(judge(loaded.manifests, catalog(), PolicySettings(), whole=False, minor=36))


def test_a_line_of_a_base_is_told_once_with_its_apps(here: Path) -> None:
    write(TREE)
    latest = [f for f in found(load.manifests(["."])) if f.path.endswith("/image")]
    assert [(f.file, f.line, f.apps) for f in latest] == [("base/d.yaml", 12, ("overlays/prod", "overlays/staging"))]
    assert latest[0].homes == (("overlays/prod/kustomization.yaml", 1), ("overlays/staging/kustomization.yaml", 1))


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(rng: random.Random) -> None:
    def told(tree: dict[str, str], order: random.Random | None) -> list[object]:
        files = Memory(tree)
        kustomizations = files.kustomizations
        if order is not None:
            order.shuffle(kustomizations)
        return [(r.app, r.inputs, [m.body for m in r.manifests]) for r in render(files, kustomizations)]

    items = list(TREE.items())
    rng.shuffle(items)
    assert told(dict(items), rng) == told(TREE, None)


def test_patterns_of_files_can_name_the_overlay_and_the_file_that_wrote_the_field(here: Path) -> None:
    write(TREE)
    deployment = load.manifests(["overlays/prod"]).manifests[1]
    assert deployment.files() == ("overlays/prod/kustomization.yaml", "base/d.yaml")
    assert deployment.files(("spec", "replicas")) == ("overlays/prod/kustomization.yaml", "overlays/prod/p.yaml")
    assert load.manifests(["base/d.yaml"]).manifests[0].files(("spec",)) == ("base/d.yaml",)


def test_a_folder_can_be_rendered_by_its_path(here: Path) -> None:
    write(TREE)
    base = kustomize.render_folder(Disk(), "base")
    assert (base.app, [m.kind for m in base.manifests]) == ("base", ["ConfigMap", "Deployment"])
    assert kustomize.render_folder(Disk(), "plain").reason == "the folder holds no kustomization file"
