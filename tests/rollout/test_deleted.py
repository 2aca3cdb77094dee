"""Deployments that a change takes away."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from kgate import load
from kgate.report.rehearsal import change, summary
from kgate.report.style import Style
from kgate.rollout import read_cluster, rehearse
from kgate.rollout.rehearsal import Rehearsed
from kgate.rollout.settings import from_config
from tests.rollout.conftest import Written, written
from tests.rollout.questions.conftest import NODES, deployment

__all__ = ["written"]

SERVICE = (
    "---\napiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: prod}\nspec:\n  selector: {app: web}\n  ports: [{port: 80}]\n"
)
SCALER = (
    "---\napiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: web, namespace: prod}\nspec:\n"
    "  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n  minReplicas: 4\n  maxReplicas: 6\n"
)
BUDGET = (
    "---\napiVersion: policy/v1\nkind: PodDisruptionBudget\nmetadata: {name: web, namespace: prod}\n"
    "spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}\n"
)
OTHER = deployment(name="other")


def gone(written: Written, head: str, base: str, *, nodes: str | None = None, told: bool = True, **config: object) -> Rehearsed:
    settings = from_config(config)
    if nodes is not None:
        settings = settings.on(read_cluster(yaml.safe_load(nodes), file="cluster.yaml"))
    now, then = written(head, "head.yaml"), written(base, "base.yaml")
    return rehearse(now, settings, base=then, whole=now if told else None)


def test_what_goes_and_how_long_it_takes_was_played(written: Written) -> None:
    slow = deployment("web:1", pod="terminationGracePeriodSeconds: 60")
    done = gone(written, OTHER, OTHER + "---\n" + slow, behaviour={"default": {"termination": 45}})
    r = done.rollouts[-1]
    assert (str(r.object), r.effect, r.verdict) == ("Deployment prod/web", "deleted", "pass")
    assert r.reason == "deleted, once somebody prunes it: 1 ReplicaSet and 4 pods go with it, the last of them 45s later"
    assert change(r, Style()) == "web:1 (deleted)"
    assert summary(r, Style()) == r.reason
    assert not done.findings


def test_pods_end_with_their_grace_period_at_the_latest(written: Written) -> None:
    short = deployment("web:1", pod="terminationGracePeriodSeconds: 5")
    done = gone(written, OTHER, OTHER + "---\n" + short, nodes=NODES, behaviour={"default": {"termination": 45}})
    assert done.rollouts[-1].reason.endswith("the last of them 5s later")
    assert done.rollouts[-1].bounds.startswith("the cluster of cluster.yaml")


def test_a_service_and_an_autoscaler_that_stay_without_it_are_found_at_their_lines(written: Written) -> None:
    rest = SERVICE + SCALER + BUDGET
    done = gone(written, OTHER + rest, OTHER + "---\n" + deployment() + rest)
    found = [(f.rule, f.object.kind if f.object else "", f.line) for f in done.findings]
    assert ("KG5007", "Service", 18) in found
    assert ("KG5007", "HorizontalPodAutoscaler", 25) in found
    # Of the budget another question tells; here it is in the proof alone.
    assert sorted(rule for rule, *_ in found) == ["KG5007", "KG5007", "KG5142"]
    assert [p.statement.split(" ")[0] for p in done.rollouts[-1].proofs] == ["Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]


def test_where_something_else_takes_its_place_nothing_is_left_behind(written: Written) -> None:
    successor = deployment(name="web2").replace("app: web2", "app: web")
    done = gone(written, successor + SERVICE + BUDGET, deployment() + SERVICE + BUDGET)
    assert not done.findings
    assert [r.effect for r in done.rollouts] == ["new", "deleted"]


def test_that_it_is_left_behind_can_be_of_no_interest(written: Written) -> None:
    off = {"left-behind": "off"}
    assert not gone(written, OTHER + SERVICE, OTHER + "---\n" + deployment() + SERVICE, verdicts=off).findings


def test_of_what_was_not_looked_at_nobody_says_that_it_is_deleted(written: Written) -> None:
    done = gone(written, OTHER, OTHER + "---\n" + deployment(), told=False)
    assert [str(r.object) for r in done.rollouts] == ["Deployment prod/other"]


def test_what_cannot_be_played_is_told_as_it_is_written(written: Written) -> None:
    elsewhere = deployment(pod="schedulerName: volcano\nterminationGracePeriodSeconds: 7")
    r = gone(written, OTHER, OTHER + "---\n" + elsewhere).rollouts[-1]
    assert r.reason == "deleted, once somebody prunes it: its 4 pods go within their grace period of 7s"


def test_a_check_of_a_folder_tells_of_it_and_one_of_a_file_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import subprocess

    from kgate import Options, gate

    monkeypatch.chdir(tmp_path)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"]
    Path("a.yaml").write_text(deployment())
    Path("b.yaml").write_text(OTHER)
    for args in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *args], check=True)
    Path("a.yaml").unlink()
    deleted = [str(r.object) for r in gate(Options(paths=(".",), base="HEAD")).rollouts if r.effect == "deleted"]
    assert deleted == ["Deployment prod/web"]
    assert not [r for r in gate(Options(paths=("b.yaml",), base="HEAD")).rollouts if r.effect == "deleted"]
    Path("a.yaml").write_text(deployment().replace("replicas: 4", "replicas: -4"))  # refused is not deleted
    assert not [r for r in gate(Options(paths=(".",), base="HEAD")).rollouts if r.effect == "deleted"]
    assert load.manifests(["."]).manifests
