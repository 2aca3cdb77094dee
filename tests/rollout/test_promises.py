"""What every rehearsed rollout keeps, whatever its numbers are."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kgate.manifest import Location, Manifest, Path
from kgate.outcome import Rehearsal
from kgate.rollout import RolloutSettings, rehearse
from kgate.rollout.pods import PodManners
from kgate.rollout.settings import Behaviour


class Nowhere:
    """A source of manifests that no file holds."""

    file = "made.yaml"

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


def deployment(image: str, replicas: int, **spec: Any) -> Manifest:
    body = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [{"name": "app", "image": image}]}},
            **spec,
        },
    }
    return Manifest(source=Nowhere(), document=0, body=copy.deepcopy(body))


AMOUNT = st.one_of(st.integers(0, 4), st.integers(0, 100).map(lambda n: f"{n}%"))


@st.composite
def changes(draw: st.DrawFn) -> tuple[Manifest, Manifest]:
    surge, unavailable = draw(AMOUNT), draw(AMOUNT)
    if surge in (0, "0%") and unavailable in (0, "0%"):
        unavailable = 1
    spec = {
        "strategy": {"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}},
        "minReadySeconds": draw(st.sampled_from([0, 0, 3])),
    }
    replicas = draw(st.integers(1, 12))
    return deployment("web:1", replicas, **spec), deployment("web:2", replicas, **spec)


def rolled(before: Manifest, after: Manifest, startup_s: int = 5) -> Rehearsal:
    said = RolloutSettings(behaviour=Behaviour(default=PodManners(startup_ms=startup_s * 1000)))
    (rehearsal,) = rehearse([after], said, base=[before]).rollouts
    return rehearsal


@settings(max_examples=40, deadline=None)
@given(changes(), st.integers(0, 20))
def test_a_rolling_update_completes_within_its_bounds_and_its_table_adds_up(change: tuple[Manifest, Manifest], startup_s: int) -> None:
    r = rolled(*change, startup_s)
    assert r.verdict == "pass"
    assert r.lowest_available >= r.floor == r.replicas - r.unavailable
    last = r.steps[-1]
    assert (last.old_ready, last.old_unready, last.new_ready, last.new_starting) == (0, 0, r.replicas, 0)
    assert (last.available, last.event.rpartition(" ")[2], last.at_ms) == (r.replicas, "complete", r.completed_ms)
    for step in r.steps:
        assert r.floor <= step.available <= r.replicas + r.surge
        assert step.old_ready + step.old_unready + step.new_ready + step.new_starting <= r.replicas + r.surge
    assert min(s.available for s in r.steps) == r.lowest_available
    assert sum(n.pods_end for n in r.placement) == r.replicas
    assert sum(n.pods_before for n in r.placement) == r.replicas


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 12), st.integers(0, 12))
def test_scaling_changes_the_number_and_nothing_else(before: int, after: int) -> None:
    r = rolled(deployment("web:1", before), deployment("web:1", after))
    assert r.verdict == "pass"
    assert r.lowest_available == min(before, after) or r.reason.startswith("unchanged")
    assert sum(n.pods_end for n in r.placement) == after or r.reason.startswith("unchanged")
