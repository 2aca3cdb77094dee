from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import yaml

from kgate import load
from kgate.finding import Finding
from kgate.manifest import Manifest
from kgate.outcome import Proof, Rehearsal
from kgate.rollout import read_cluster, rehearse
from kgate.rollout.settings import from_config

NODES = "nodes: [{prefix: a-, count: 2, zone: a, cpu: 4, memory: 8Gi}, {prefix: b-, count: 2, zone: b, cpu: 4, memory: 8Gi}]"


def deployment(image: str = "web:1", *, name: str = "web", replicas: int = 4, spec: str = "", pod: str = "", container: str = "") -> str:
    """A Deployment as people write it; `spec`, `pod` and `container` are lines that go to their places, indented by two more."""

    def lines(text: str, indent: int) -> str:
        return "".join(" " * indent + line + "\n" for line in text.splitlines())

    return (
        f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: prod}}\nspec:\n  replicas: {replicas}\n"
        + lines(spec, 2)
        + f"  selector: {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec:\n"
        + lines(pod, 6)
        + f"      containers:\n        - name: app\n          image: {image}\n"
        + lines(container, 10)
    )


class Asked:
    """One Deployment's rehearsal, by what was asked of it."""

    def __init__(self, rehearsal: Rehearsal, findings: Sequence[Finding]) -> None:
        self.rehearsal = rehearsal
        self.findings = findings

    def proof(self, question: str) -> Proof | None:
        return next((p for p in self.rehearsal.proofs if p.question == question), None)

    def level(self, question: str) -> str:
        """Empty where the question does not arise."""
        found = self.proof(question)
        return found.level if found else ""

    def found(self, question: str) -> tuple[str, int] | None:
        """File and line of its finding."""
        return next(((f.file, f.line) for f in self.findings if f.name == question), None)


Ask = Callable[..., Asked]


@pytest.fixture
def ask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ask:
    """`ask(head, base, nodes=..., name=..., **settings)`: texts of several documents; on the cluster `NODES` unless told."""
    monkeypatch.chdir(tmp_path)

    def read(text: str, file: str) -> Sequence[Manifest]:
        Path(file).write_text(text)
        loaded = load.manifests([file])
        assert not loaded.findings
        return loaded.manifests

    def rehearsed(head: str, base: str | None = None, *, nodes: str | None = NODES, name: str = "web", **config: object) -> Asked:
        settings = from_config(config)
        if nodes is not None:
            settings = settings.on(read_cluster(yaml.safe_load(nodes), file="cluster.yaml"))
        done = rehearse(read(head, "head.yaml"), settings, base=None if base is None else read(base, "base.yaml"))
        (rehearsal,) = (r for r in done.rollouts if r.object.name == name)
        return Asked(rehearsal, [f for f in done.findings if f.object is not None])

    return rehearsed
