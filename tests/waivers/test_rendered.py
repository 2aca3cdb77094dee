"""A line of a base is waived for all apps by a comment there, and for one app by what that app alone says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from kgate.config import Options
from kgate.finding import Finding, Stage
from kgate.gate import gate
from kgate.waivers.settings import ObjectPattern, SettingsWaiver

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web}
spec:
  containers:
  - name: app
    image: nginx
"""
PATCH = """\
patches:
- target: {kind: Pod}
  patch: '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web", "annotations": {"kgate.dev/ignore.image-tag-missing": "small"}}}'
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for app in ("base", "dev", "prod"):
        Path(app).mkdir()
        Path(app, "kustomization.yaml").write_text(
            "resources: [web.yaml]\n" if app == "base" else f"resources: [../base]\nnameSuffix: -{app}\n"
        )
    Path("base/web.yaml").write_text(POD)


def untagged(*waivers: SettingsWaiver) -> list[tuple[tuple[str, ...], str | None]]:
    report = gate(Options(stages=(Stage.POLICY,), waivers=waivers, today=date(2026, 11, 24)))
    return sorted((f.apps, f.waived) for f in report.findings if f.name == "image-tag-missing")


def about() -> list[Finding]:
    report = gate(Options(stages=(Stage.POLICY,), today=date(2026, 11, 24)))
    return [f for f in report.findings if f.rule.startswith("KG90")]


@pytest.mark.parametrize("line", [1, 6, 7])
def test_a_comment_in_the_base_holds_in_every_app(line: int) -> None:
    lines = POD.splitlines()
    lines.insert(
        line - 1, (" " * (len(lines[line - 1]) - len(lines[line - 1].lstrip()))) + "# kgate: ignore[image-tag-missing] reason=ours"
    )
    Path("base/web.yaml").write_text("\n".join([*lines, ""]))
    assert untagged() == [(("dev", "prod"), f"ours (base/web.yaml:{line})")]
    assert about() == []


def test_an_annotation_of_one_app_waives_nothing_in_another() -> None:
    path = Path("dev/kustomization.yaml")
    path.write_text(path.read_text() + PATCH)
    assert [(apps, waived is not None) for apps, waived in untagged()] == [(("dev",), True), (("prod",), False)]


@pytest.mark.parametrize(
    "scope", [{"objects": (ObjectPattern(name="web-dev"),)}, {"paths": ("dev/",)}], ids=["by its object", "by its folder"]
)
def test_the_settings_waive_for_one_app(scope: dict[str, tuple[object, ...]]) -> None:
    waiver = SettingsWaiver(rules=("image-tag-missing",), reason="x", **scope)  # type: ignore[arg-type]
    assert [(apps, waived is not None) for apps, waived in untagged(waiver)] == [(("dev",), True), (("prod",), False)]


def test_the_settings_waive_the_file_of_the_base_for_all() -> None:
    assert [apps for apps, waived in untagged(SettingsWaiver(rules=("image-tag-missing",), reason="x", paths=("base/",))) if waived] == [
        ("dev", "prod")
    ]


def test_a_baseline_knows_a_line_of_the_base_whichever_apps_use_it() -> None:
    (before,) = [f for f in gate(Options(stages=(Stage.POLICY,))).findings if f.name == "image-tag-missing"]
    Path("dev/kustomization.yaml").unlink()
    (after,) = [f for f in gate(Options(stages=(Stage.POLICY,))).findings if f.name == "image-tag-missing"]
    assert (before.apps, after.apps) == (("dev", "prod"), ("prod",))
    assert before.identity == after.identity
