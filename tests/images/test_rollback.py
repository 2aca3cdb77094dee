"""With a base, the images that a change replaces are looked at as well: a rollback would return to them."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from kgate import Options, gate, load
from kgate.finding import Stage
from kgate.images import Judged, from_config, judge
from kgate.manifest import Manifest
from tests.e2e.trivy import registry
from tests.images.scanners.programs import grype, program

CONTAINERS = "      containers:\n"


def deployment(tmp_path: Path, name: str, images: dict[str, str], *, kind: str = "Deployment") -> tuple[Manifest, ...]:
    (tmp_path / name).mkdir(exist_ok=True)
    file = tmp_path / name / "web.yaml"
    file.write_text(
        f"apiVersion: apps/v1\nkind: {kind}\nmetadata: {{name: web, namespace: prod}}\nspec:\n  template:\n    spec:\n{CONTAINERS}"
        + "".join(f"        - name: {container}\n          image: {image}\n" for container, image in images.items())
    )
    return tuple(load.manifests([str(file)]).manifests)


def judged(tmp_path: Path, old: dict[str, str], new: dict[str, str], **settings: Any) -> Judged:
    head, base = deployment(tmp_path, "head", new), deployment(tmp_path, "base", old)
    return judge(head, from_config(settings), base=base)


def test_an_old_image_that_is_gone_closes_the_way_back(tmp_path: Path) -> None:
    with registry.serving({}) as (host, digest):
        images = {"registry": True, "registries": [host], "scan": "off"}
        found = judged(tmp_path, {"app": f"{host}/shop/missing:1", "log": f"{host}/shop/api:1"}, {"app": f"{host}/shop/api:1"}, **images)
    (finding,) = found.findings
    assert (finding.rule, str(finding.severity), finding.line, finding.column) == ("KG3010", "warning", 9, 18)
    assert finding.file.endswith("head/web.yaml")
    assert finding.message == (f"a rollback would return to image {host}/shop/missing:1: does not exist: its registry has no such tag")
    assert {(o.image, o.digest, o.used_by) for o in found.images} == {
        (f"{host}/shop/api:1", digest, ("Deployment prod/web",)),
        (f"{host}/shop/missing:1", None, ("rollback of Deployment prod/web",)),
    }


def test_what_would_be_an_error_of_the_old_image_is_a_warning_about_the_way_back(tmp_path: Path) -> None:
    for name in ("old.tar", "new.tar"):
        (tmp_path / name).write_text(name)
    scanner = program(tmp_path / "opt", "grype", grype())
    settings = {
        "scanner": "grype", "grype": scanner, "cache_dir": str(tmp_path / "db"),
        "archives": {"shop/api:1": str(tmp_path / "old.tar")},
    }  # fmt: skip
    found = judged(tmp_path, {"app": "shop/api:1"}, {"app": "shop/api:2"}, **settings)
    assert [(f.rule, str(f.severity)) for f in found.findings] == [("KG3010", "warning")]
    assert found.findings[0].message == (
        "a rollback would return to image shop/api:1: has CVE-2099-0001 (CRITICAL by debian) in libquux1 1.2-1 (fixed in 1.2-3); "
        "has CVE-2099-0003 (HIGH by debian) in garply 3.0.0 (fixed in 3.1.4)"
    )
    assert [o.scanned for o in found.images] == [True, False]
    waivers = [{"id": f"CVE-2099-000{n}", "owner": "a", "reason": "b", "expires": "2999-01-01"} for n in (1, 3)]
    assert judged(tmp_path, {"app": "shop/api:1"}, {"app": "shop/api:2"}, **settings, waivers=waivers).findings == ()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ({"app": "shop/api:1"}, {"app": "shop/api:1"}),
        ({"app": "docker.io/shop/api:1"}, {"app": "shop/api:1"}),
        ({"app": "shop/api:1", "log": "shop/log:1"}, {"app": "shop/log:1", "log": "shop/api:1"}),
        ({"app": "shop/api:1"}, {"renamed": "shop/api:2"}),
        ({"app": "Not:An:Image"}, {"app": "shop/api:2"}),
    ],
)
def test_what_stays_or_has_no_successor_is_no_way_back(tmp_path: Path, old: dict[str, str], new: dict[str, str]) -> None:
    found = judged(tmp_path, old, new, archives={"shop/other:1": "none.tar"})
    assert not [f for f in found.findings if f.rule == "KG3010"]
    assert not [o for o in found.images if o.used_by[0].startswith("rollback")]


def test_a_run_that_asks_nothing_says_nothing_of_the_base(tmp_path: Path) -> None:
    assert [o.image for o in judged(tmp_path, {"app": "a:1"}, {"app": "a:2"}).images] == ["a:2"]


def test_the_gate_compares_with_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    deployment(tmp_path, "deploy", {"app": "shop/api:1"})
    scanner = program(tmp_path.parent / f"{tmp_path.name}-opt", "grype", grype())
    images = {"scanner": "grype", "grype": scanner, "cache_dir": "db", "archives": {"shop/api:1": "old.tar"}}
    (tmp_path / "old.tar").write_text("x")
    for arguments in (["init", "-q"], ["add", "deploy"], ["-c", "user.name=x", "-c", "user.email=x@example.org", "commit", "-qm", "x"]):
        subprocess.run(["git", *arguments], check=True)
    deployment(tmp_path, "deploy", {"app": "shop/api:2"})
    report = gate(Options(paths=("deploy",), stages=(Stage.IMAGES,), base="HEAD", images=from_config(images)))
    assert [(f.rule, f.file, f.line) for f in report.findings] == [("KG3010", "deploy/web.yaml", 9)]
    assert [(i.image, i.used_by) for i in report.images if i.scanned] == [("shop/api:1", ("rollback of Deployment prod/web",))]
