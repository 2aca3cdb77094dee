"""What a scenario can expect, each kind with a case that holds and one that does not."""

from __future__ import annotations

from pathlib import Path
from textwrap import indent
from typing import Any

import pytest
import yaml

from kgate import load, rollout
from kgate.errors import ConfigError
from kgate.rollout.testing import Tested as Outcome

EXAMPLES = Path(__file__).resolve().parents[3] / "examples" / "scenarios"

SCENARIO = """\
nodes: [{prefix: a, count: 2, zone: z1, cpu: 2, memory: 4Gi}, {name: b1, zone: z2, cpu: 2, memory: 4Gi}]
kubelet: {startup: 4, termination: 1, images: {"web:bad": {mode: notready}}}
objects:
  - apiVersion: policy/v1
    kind: PodDisruptionBudget
    metadata: {name: web}
    spec: {minAvailable: 2, selector: {matchLabels: {app: web}}}
steps:
  - name: deploy
    apply:
      apiVersion: apps/v1
      kind: Deployment
      metadata: {name: web}
      spec:
        replicas: 3
        strategy: {rollingUpdate: {maxSurge: 1, maxUnavailable: 0}}
        selector: {matchLabels: {app: web}}
        template:
          metadata: {labels: {app: web}}
          spec: {containers: [{name: app, image: "web:1", resources: {requests: {cpu: 1}}}]}
  - wait: {complete: web}
  - name: roll
    patch: {kind: Deployment, name: web, type: json, patch: [{op: replace, path: /spec/template/spec/containers/0/image, value: "web:2"}]}
  - wait: {complete: web}
  - name: grow
    scale: {name: web, replicas: 8}
  - sleep: 30
  - name: shrink
    scale: {name: web, replicas: 1}
  - sleep: 20
  - name: again
    create: {apiVersion: v1, kind: Namespace, metadata: {name: default}}
  - name: lost
    wait: {complete: nothing}
    timeout: 5
expect:
"""
EXCUSES = """\
  - timeout: {step: lost}
  - refused: {step: again, code: 409}
"""


def outcome_of(expect: str, scenario: str = SCENARIO, *, file: str = "s.yaml") -> Outcome:
    Path(file).write_text(scenario + indent(expect + "\n", "  ") + EXCUSES)
    body, source = load.settings_file(file)
    (one,) = rollout.test([(file, body)], sources={file: source})
    return one


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize(
    ("expect", "seen"),
    [
        ("- available: {deployment: web, min: 3}\n  during: roll", "3 at the end"),
        ("- available: {deployment: web, min: 1}", "1 at the end"),
        ("- available: {deployment: web, min: 1, max: 1}\n  at: end", "1 at the end"),
        ("- complete: {deployment: web, within: 4}\n  during: deploy", "complete since 4.3s, after 4s"),
        ("- complete: {deployment: web, within: 30}\n  during: roll", "after 12s"),
        ("- pods: {deployment: web, max: 4}\n  during: roll", "3 at the end"),
        ("- pods: {prefix: web-, max: 8}", "1 at the end"),
        ("- pending: {deployment: web, max: 2}", "0 at the end"),
        ("- pending: {deployment: web, max: 0, longer: 31}", "0 at the end"),
        ("- replicas: {deployment: web, max: 8}", "1 at the end"),
        ("- spread: {deployment: web, by: zone, skew: 1}", "z1 1, z2 0"),
        ("- nodes: {min: 3, max: 3}", "3 at the end"),
        ("- budget: {name: web}\n  during: roll", "kept"),
        ("- event: {reason: ScalingReplicaSet, contains: Scaled up, min: 3}\n  during: roll", "3, first at 4.45s"),
        ("- event: {reason: FailedScheduling, never: true}\n  during: roll", "none"),
        ("- condition: {name: web, type: Available, status: 'True'}\n  at: end", "so at"),
        ("- condition: {name: web, type: Progressing, status: 'False', never: true}", "True NewReplicaSetAvailable"),
        ("- refused: {step: again, contains: already exists}", "409: "),
    ],
)
def test_what_holds_has_passed(expect: str, seen: str) -> None:
    one = outcome_of(expect)
    assert [e.seen for e in one.failures] == []
    assert seen in one.expected[0].seen
    assert one.verdict == "pass"


@pytest.mark.parametrize(
    ("expect", "expected", "seen", "first_ms"),
    [
        ("- available: {deployment: web, min: 3}\n  during: deploy", "has at least 3 available during step 'deploy'", "0 at 0.3s", 300),
        ("- available: {deployment: web, min: 7}", "at least 7", "never reached: at most 6", None),
        ("- available: {deployment: web, min: 2}\n  after: shrink", "after step 'shrink'", "1 at 47.6s", 47_600),
        ("- available: {deployment: wbe, max: 3}", "Deployment/wbe", "there was no Deployment/wbe", None),
        ("- complete: {deployment: web, within: 3}\n  during: roll", "complete within 3s", "after 12s", 7450),
        ("- complete: {deployment: web, within: 90}\n  during: grow", "complete within 90s", "8 updated and 6 available of 8", None),
        ("- pods: {deployment: web, max: 3}\n  during: roll", "at most 3", "4 at 4.45s", 4450),
        ("- pods: {prefix: wbe-, max: 3}", "pods wbe-*", "no such pod was there", None),
        ("- pending: {max: 0}", "pods pending: at most 0", "1 at 17.6s, then 2 at 17.6s", 17_600),
        ("- pending: {max: 0, longer: 10}", "for more than 10s", "2 at 27.6s", 27_600),
        ("- replicas: {deployment: web, max: 7}", "wants at most 7", "8 at 17.6s", 17_600),
        ("- spread: {deployment: web, by: node, max: 1}\n  during: grow", "at most 1 in one", "a1 1, a2 1, b1 2 at 17.6s", 17_600),
        ("- spread: {deployment: web, by: rack, skew: 1}", "by rack", "no node that takes pods has the label rack", None),
        ("- nodes: {min: 4}", "nodes: at least 4", "never reached: at most 3", None),
        ("- budget: {name: web}", "PodDisruptionBudget/web", "1 healthy pods where it asks for 2", 47_600),
        ("- budget: {name: wbe}", "PodDisruptionBudget/wbe", "there was no PodDisruptionBudget/wbe", None),
        ("- event: {reason: FailedScheduling, never: true}", "events FailedScheduling: at most 0", "Insufficient cpu", 17_600),
        ("- event: {reason: Nonsense}", "events Nonsense: at least 1", "none", None),
        ("- condition: {name: web, type: Available, status: 'False', never: true}", "never has", "so at 0.3s", 300),
        ("- condition: {name: web, type: Nonsense}", "has the condition Nonsense", "no such condition", None),
        ("- condition: {kind: Node, name: b7, type: Ready}", "Node/b7", "there was no Node/b7", None),
        ("- refused: {step: roll}", "step 'roll' is refused", "it was not refused", None),
        ("- timeout: {step: deploy}", "step 'deploy' does not end in time", "it ended after 0s", None),
    ],
)
def test_what_does_not_hold_is_told_with_what_was_seen_and_when_first(expect: str, expected: str, seen: str, first_ms: int | None) -> None:
    one = outcome_of(expect)
    (failure,) = one.failures
    assert expected in failure.expected
    assert seen in failure.seen
    assert failure.first_ms == first_ms
    assert (failure.line, failure.column) == (SCENARIO.count("\n") + 1, 5)
    assert one.verdict == "fail"


def test_a_step_that_goes_wrong_is_a_failure_unless_that_is_expected() -> None:
    Path("s.yaml").write_text(SCENARIO + "  - pods: {max: 8}\n")
    body, source = load.settings_file("s.yaml")
    (one,) = rollout.test([("s.yaml", body)], sources={"s.yaml": source})
    assert [(e.expected, e.seen) for e in one.failures] == [
        ("step 8 (create) is done", '409: namespaces "default" already exists'),
        ("step 9 (wait) is done", "timed out after 5.15s"),
    ]


def test_a_scenario_that_expects_nothing_is_not_checked() -> None:
    (one,) = rollout.test([("s", {"steps": []})])
    assert (one.verdict, one.reason) == ("unknown", "it expects nothing")


def test_a_scenario_that_cannot_be_played_is_not_checked() -> None:
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "j"}}
    (one,) = rollout.test([("s", {"objects": [job], "steps": [], "expect": [{"pods": {"max": 1}}]})])
    assert (one.verdict, one.reason) == ("unknown", "Job is not modelled")


@pytest.mark.parametrize(
    ("expect", "place", "says"),
    [
        ("- availabl: {deployment: web, min: 1}", (0, 5), "unknown key 'availabl'"),
        ("- available: {deployment: web}", (0, 16), "min or max is missing"),
        ("- available: {deployment: web, min: 2, max: 1}", (0, 41), "min is 2, more than max"),
        ("- available: {min: 2}", (0, 16), "deployment is missing"),
        ("- pods: {max: 1}\n  during: rol", (1, 13), "no step is named 'rol'"),
        ("- pods: {max: 1}\n  at: start", (1, 9), "at is 'start'"),
        ("- pods: {max: 1}\n  at: end\n  during: roll", (1, 9), "exclude each other"),
        ("- refused: {step: rol}", (0, 21), "no step is named 'rol'"),
        ("- complete: {deployment: web}", (0, 15), "within is missing"),
        ("- event: {type: Warning}", (0, 12), "reason or contains is missing"),
        ("- pods: {max: 1}\n  budget: {name: b}", (0, 5), "about one thing, not 2"),
        ("- complete: {deployment: web, within: 1}\n  at: end", (1, 9), "a span of time"),
    ],
)
def test_a_faulty_expectation_is_refused_with_its_place(expect: str, place: tuple[int, int], says: str) -> None:
    with pytest.raises(ConfigError) as fault:
        outcome_of(expect)
    line, column = place
    first = SCENARIO.count("\n") + 1
    assert fault.value.message.startswith(f"s.yaml:{first + line}:"), fault.value.message
    assert says in fault.value.message
    assert abs(int(fault.value.message.split(":")[2]) - column) <= 4


def test_two_steps_cannot_have_one_name() -> None:
    with pytest.raises(ConfigError, match="there are two steps 'a'"):
        rollout.test([("s", {"steps": [{"sleep": 1, "name": "a"}, {"sleep": 1, "name": "a"}]})])


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda f: f.stem)
def test_an_example_keeps_what_it_promises(file: Path) -> None:
    body, source = load.settings_file(str(file))
    (one,) = rollout.test([(str(file), body)], sources={str(file): source})
    assert [f"{e.line}: {e.expected}: {e.seen}" for e in one.failures] == []
    assert one.verdict == "pass"


@pytest.mark.parametrize("file", sorted(EXAMPLES.glob("*.yaml")), ids=lambda f: f.stem)
def test_every_expectation_of_an_example_can_fail(file: Path) -> None:
    """On a cluster whose pods never start, at least one does."""
    body: dict[str, Any] = yaml.safe_load(file.read_text())
    images = sorted({c["image"] for o in _deployments(body) for c in o["spec"]["template"]["spec"]["containers"]})
    body["kubelet"] = body["kubelet"] | {"images": {image: {"mode": "never"} for image in images}}
    (one,) = rollout.test([(file.name, body)])
    assert one.verdict == "fail"


def _deployments(body: dict[str, Any]) -> list[dict[str, Any]]:
    every = [*body.get("objects", ()), *(s["apply"] for s in body["steps"] if "apply" in s)]
    return [o for o in every if o["kind"] == "Deployment"]
