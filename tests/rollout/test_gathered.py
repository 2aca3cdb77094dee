"""What bears on a Deployment is found without asking every object of the tree, and nothing of it is missed."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.manifest import Location, Manifest, Path
from kgate.rollout.gathered import _Of, gather

names, namespaces = st.sampled_from("abc"), st.sampled_from(["", "default", "x"])
pairs = st.dictionaries(st.sampled_from("kl"), st.sampled_from("uv"))
KINDS = (
    "HorizontalPodAutoscaler",
    "Service",
    "PodDisruptionBudget",
    "PersistentVolumeClaim",
    "PersistentVolume",
    "LimitRange",
    "PriorityClass",
    "Namespace",
)


class Nowhere:
    """A source without a text."""

    def __init__(self, file: str) -> None:
        self.file = file

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


@st.composite
def supports(draw: st.DrawFn) -> dict[str, Any]:
    kind, wanted = draw(st.sampled_from(KINDS)), draw(pairs)
    spec: dict[str, Any] = {"selector": {"matchLabels": wanted} if kind == "PodDisruptionBudget" else wanted}
    if kind == "HorizontalPodAutoscaler":
        spec = {"scaleTargetRef": {"kind": "Deployment", "name": draw(names)}}
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": draw(names), "namespace": draw(namespaces)}, "spec": spec}


@st.composite
def deployments(draw: st.DrawFn) -> dict[str, Any]:
    pod: dict[str, Any] = {"priorityClassName": draw(names)} if draw(st.booleans()) else {}
    if draw(st.booleans()):
        pod["volumes"] = [{"name": "v", "persistentVolumeClaim": {"claimName": draw(names)}}]
    template = {"metadata": {"labels": draw(pairs)}, "spec": {**pod, "containers": []}}
    metadata = {"name": draw(names), "namespace": draw(namespaces)}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}


def manifests(bodies: list[dict[str, Any]], folder: str) -> list[Manifest]:
    return [Manifest(source=Nowhere(f"{folder}/{i % 2}/{i}.yaml"), document=0, body=body) for i, body in enumerate(bodies)]


@settings(max_examples=300, deadline=None)
@given(st.lists(supports(), max_size=12), st.lists(deployments(), min_size=1, max_size=2))
def test_it_finds_what_asking_every_object_finds(around: list[dict[str, Any]], played: list[dict[str, Any]]) -> None:
    tree, rolled = gather(manifests(around, "a")), manifests(played, "a")
    of = _Of.these(rolled)
    homes = {"", *(d.namespace or "default" for d in rolled)}
    every = sorted((r for home in sorted(homes) for r in tree.supporting.get(home, ())), key=lambda r: r[0])
    assert tree.supports(rolled) == [m for _, m in every if of.bears(m)]
