"""The whole run as a library call, on real files, through every room."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from kgate import Options, gate
from kgate.finding import Severity, Stage
from kgate.images.settings import ImagesSettings
from kgate.outcome import Verdict

OFFLINE = ImagesSettings(offline=True)


def deployment(name: str = "web", image: str = "nginx:1.27.1", **spec: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "app", "image": image}]}
    template = {"metadata": {"labels": {"app": name}}, "spec": pod}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": name}}, "template": template} | spec,
    }


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(*bodies: Any, name: str = "web.yaml") -> None:
    Path(name).write_text("---\n".join(json.dumps(b, indent=1) + "\n" for b in bodies))


def test_every_stage_adds_what_it_knows_to_one_report() -> None:
    write(deployment(image="nginx"))
    report = gate(Options(images=OFFLINE))
    assert report.checked.files == 1
    assert report.checked.objects == 1
    assert report.stages == tuple(Stage)
    assert any(
        (f.stage is Stage.POLICY and f.severity is Severity.ERROR and '"image"' in f.path) or f.path.endswith("/image")
        for f in report.findings
    )
    assert [i.image for i in report.images] == ["nginx"]
    assert [(r.object.name, r.verdict) for r in report.rollouts] == [("web", "pass")]
    assert report.verdict is Verdict.FAIL


def test_what_the_api_server_would_refuse_is_not_rehearsed_and_the_report_says_so() -> None:
    write(deployment("sound"), deployment("refused", replicas=-1))
    report = gate(Options(images=OFFLINE))
    assert [r.object.name for r in report.rollouts] == ["sound"]
    assert [s.reason for s in report.skipped] == ["Deployment refused: rollout not rehearsed, the API server would refuse the object"]
    assert report.verdict is Verdict.FAIL


def test_a_refused_item_of_a_list_does_not_take_its_neighbours_along() -> None:
    write({"apiVersion": "v1", "kind": "List", "items": [deployment("sound"), deployment("refused", replicas=-1)]})
    assert [r.object.name for r in gate(Options(images=OFFLINE)).rollouts] == ["sound"]


def test_a_rollout_that_was_asked_for_alone_and_cannot_be_rehearsed_is_no_pass() -> None:
    write(deployment("refused", replicas=-1))
    report = gate(Options(stages=(Stage.ROLLOUT,)))
    assert report.findings == ()
    assert report.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("stage", Stage)
def test_only_the_stages_asked_for_find_anything(stage: Stage) -> None:
    write(deployment(image="nginx"), {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "x"}, "spec": {"porst": []}})
    Path("broken.yaml").write_text("apiVersion: v1\nkind: [")
    report = gate(Options(stages=(stage,), images=OFFLINE))
    assert {f.stage for f in report.findings} <= {stage, Stage.LOAD}
    assert Stage.LOAD in {f.stage for f in report.findings}
    assert bool(report.images) is (stage is Stage.IMAGES)
    assert bool(report.rollouts) is (stage is Stage.ROLLOUT)


def test_nothing_to_check_is_not_a_pass() -> None:
    assert gate(Options()).verdict is Verdict.INCOMPLETE


def test_the_settings_and_the_cluster_are_no_manifests(folder: Path) -> None:
    from kgate.config import settled

    write(deployment())
    Path(".kgate.yaml").write_text("rollout: {cluster: cluster.yaml}\n")
    Path("cluster.yaml").write_text("nodes: [{name: a, cpu: 4, memory: 8Gi}]\n")
    options = settled(".kgate.yaml")
    report = gate(options)
    assert report.checked.files == 1
    assert {n.node for r in report.rollouts for n in r.placement} == {"a"}


def test_patterns_of_settings_in_a_folder_hold_below_that_folder() -> None:
    from kgate.config import settled

    for folder in ("shop/a", "shop/x/b", "a"):
        Path(folder).mkdir(parents=True)
        write(deployment(folder.replace("/", "-")), name=f"{folder}/web.yaml")
    Path("shop/.kgate.yaml").write_text("exclude: [/a/**, b/]\n")
    report = gate(replace(settled("shop/.kgate.yaml"), paths=(".",), stages=(Stage.LOAD,)))
    assert report.checked.objects == 1


def test_from_a_base_the_old_pods_are_replaced() -> None:
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com"]
    write(deployment(image="nginx:1.26.0"))
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "old"]):
        subprocess.run([*git, *command], check=True)
    write(deployment(image="nginx:1.27.1"))
    (rollout,) = gate(Options(base="HEAD", stages=(Stage.ROLLOUT,))).rollouts
    assert rollout.images == ("nginx:1.26.0", "nginx:1.27.1")
    assert rollout.lowest_available == 2


def test_the_order_of_paths_does_not_show() -> None:
    from kgate.report import REPORTERS, Style

    for name in ("b", "a", "c"):
        write(deployment(name, image="nginx"), name=f"{name}.yaml")
    one, other = (gate(Options(paths=paths, images=OFFLINE)) for paths in (("a.yaml", "b.yaml", "c.yaml"), ("c.yaml", "a.yaml", "b.yaml")))
    for render in REPORTERS.values():
        assert render(one, Style()) == render(other, Style())


def test_progress_is_told_stage_by_stage() -> None:
    write(deployment())
    told: list[str] = []
    gate(Options(images=OFFLINE), progress=told.append)
    assert told[:3] == ["loading", "validating", "judging policies"]
    assert told[-2:] == ["rehearsing rollouts", "rehearsing rollouts, 1 of 1 done"]


def test_importing_kgate_imports_nothing_and_its_names_are_there_when_used() -> None:
    program = (
        "import sys, kgate\n"
        "assert not [m for m in sys.modules if m.startswith('kgate.')]\n"
        "import kgate.gate\n"  # afterwards kgate.gate is the module, which can be called as well
        "from kgate import Finding, Options, Report, Severity, gate\n"
        "assert callable(gate) and callable(kgate.gate)\n"
        "print(gate(Options(paths=('.',))).verdict)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "incomplete\n"
    import kgate

    with pytest.raises(AttributeError):
        kgate.nothing_of_that_name  # noqa: B018
