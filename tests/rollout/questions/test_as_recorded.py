"""What the questions answer, beside what real control planes did in the same situations. Needs the recordings beside the checkout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.rollout.questions.conftest import Ask

RECORDED = Path(__file__).parents[3].parent / "shared" / "bank" / "oracle" / "scenarios"
pytestmark = pytest.mark.skipif(not RECORDED.is_dir(), reason="no recordings here")


class Recorded:
    """One scenario and what was seen."""

    def __init__(self, name: str) -> None:
        whole = json.loads((RECORDED / f"{name}.json").read_text())
        self.input: dict[str, Any] = whole["input"]
        self.seen: dict[str, Any] = whole["recording"]

    @property
    def nodes(self) -> str:
        return json.dumps({"nodes": [{k: v for k, v in n.items() if k in ("name", "cpu", "memory", "zone")} for n in self.input["nodes"]]})

    @property
    def behaviour(self) -> dict[str, Any]:
        return {"default": {k: v for k, v in self.input["kubelet"].items() if k in ("startup", "termination")}}

    def applied(self, n: int) -> list[dict[str, Any]]:
        """What the first `n` steps that apply something have put there, the latest version of each, after the objects of the beginning."""
        bodies = [*self.input.get("objects", ()), *[s["apply"] for s in self.input["steps"] if "apply" in s][:n]]
        latest = {(b["kind"], b["metadata"]["name"]): b for b in bodies}
        return list(latest.values())

    def phase_events(self, step: int) -> list[dict[str, Any]]:
        """Events of the cluster from that step on."""
        begin = self.seen["stepResults"][step]["t"]
        return [e for e in self.seen["events"] if e["t"] >= begin]


def text(bodies: Sequence[Mapping[str, Any]]) -> str:
    return "---\n".join(json.dumps(b) + "\n" for b in bodies)


def evictions() -> list[str]:
    """Scenarios with one budget and one request for evictions when all is well."""
    if not RECORDED.is_dir():
        return []
    found = []
    for file in sorted(RECORDED.glob("*evict*pdb*.json")):
        whole = json.loads(file.read_text())
        budgets = [o for o in whole["input"].get("objects", ()) if o["kind"] == "PodDisruptionBudget"]
        asked = [r for r in whole["recording"]["stepResults"] if r["op"] == "evict"]
        if len(budgets) == 1 and len(asked) == 1 and all(e["http"] in (201, 429) for e in asked[0]["evictions"]):
            found.append(file.stem)
    return found


@pytest.mark.parametrize("name", evictions())
def test_a_drain_is_blocked_where_the_first_real_eviction_was_refused(ask: Ask, name: str) -> None:
    recorded = Recorded(name)
    (asked,) = (r for r in recorded.seen["stepResults"] if r["op"] == "evict")
    refused = asked["evictions"][0]["http"] == 429
    assert (ask(text(recorded.applied(1)), nodes=recorded.nodes).level("drain-blocked") == "fails") is refused


def test_a_real_drain_waits_at_the_same_words_and_ends(ask: Ask) -> None:
    """With five of six needed it ends; with six it would not, and says so in the words of the recording."""
    recorded = Recorded("drain-pdb")
    (drained,) = (r for r in recorded.seen["stepResults"] if r["op"] == "drain")
    assert drained["left"] == 0
    assert ask(text(recorded.applied(1)), nodes=recorded.nodes).level("drain-blocked") == ""
    strict = [b if b["kind"] != "PodDisruptionBudget" else b | {"spec": b["spec"] | {"minAvailable": 6}} for b in recorded.applied(1)]
    proof = ask(text(strict), nodes=recorded.nodes).proof("drain-blocked")
    refusal = next(e for e in drained["evictions"] if e["http"] == 429)
    assert proof is not None
    assert proof.evidence == (refusal["message"], refusal["causes"][0]["message"].replace("5", "6"))


def test_a_real_apply_took_the_replicas_back_that_an_autoscaler_had_set(ask: Ask) -> None:
    recorded = Recorded("hpa-apply-resets-replicas")
    applies = [i for i, s in enumerate(recorded.input["steps"]) if "apply" in s]
    fell = min(_sizes(recorded, since=recorded.seen["stepResults"][applies[2]]["t"]))
    asked = ask(text(recorded.applied(3)), text(recorded.applied(2)), nodes=recorded.nodes)
    proof = asked.proof("replicas-against-autoscaler")
    assert proof is not None
    assert (proof.level, proof.verified) == ("fails", True)
    assert f"falls to {fell} at once, below the minimum of 4" in proof.statement


def _sizes(recorded: Recorded, since: float) -> list[int]:
    """Values of the Deployment's spec.replicas, in the recorded timeline; a change is written as the old and the new one."""
    sets = (e.get("set", {}) for e in recorded.seen["timeline"] if e["t"] >= since and e["o"] == "Deployment/web")
    values = [s["spec.replicas"] for s in sets if "spec.replicas" in s]
    return [v[1] if isinstance(v, list) else v for v in values]


def test_as_many_pods_are_preempted_as_really_were(ask: Ask) -> None:
    recorded = Recorded("preempt-during-rollout")
    applies = [i for i, s in enumerate(recorded.input["steps"]) if "apply" in s]
    really = sum(e["count"] for e in recorded.phase_events(applies[2]) if e["reason"] == "Preempted")
    asked = ask(text(recorded.applied(3)), text(recorded.applied(2)), nodes=recorded.nodes, behaviour=recorded.behaviour)
    proof = asked.proof("preemption")
    said = 0 if proof is None else int(proof.statement.split("preempts ")[1].split()[0])
    assert said == really
