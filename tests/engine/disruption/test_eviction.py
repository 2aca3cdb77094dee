"""What the eviction API answers (facts of pkg/registry/core/pod/storage/eviction_test.go, and more)."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kgate.engine import ApiError
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.policy import PodDisruptionBudget, PodDisruptionBudgetStatus, StatusCondition
from kgate.engine.eviction import Eviction, evict
from kgate.engine.store import key_of
from tests.engine.disruption.budgets import Desk, answer, answers, budget
from tests.engine.worlds import cluster, deployment, rest

REFUSED = "Cannot evict pod as it would violate the pod's disruption budget."


class Counter:
    """One pod, one budget whose status is as it is put, and nobody who counts it."""

    def __init__(
        self, *, ready: bool = True, phase: str = "Running", policy: str | None = None, selector: Any = None, **status: Any
    ) -> None:
        self.desk = Desk()
        self.pod = self.desk.pod("p", ready=ready, phase=phase)
        chosen = {"matchLabels": {"app": "web"}} if selector is None else selector
        made = self.desk.put(budget(selector=chosen, minAvailable=1, **({"unhealthyPodEvictionPolicy": policy} if policy else {})))
        known = {"observed_generation": 1, **status}
        current = self.desk.store.get(PodDisruptionBudget, "default", made.metadata.name)
        assert current is not None
        self.desk.store.update_status(replace(current, status=PodDisruptionBudgetStatus(**known)))

    def ask(self, **options: Any) -> tuple[int, str, list[str]]:
        try:
            evict(self.desk.store, "default", "p", Eviction(**options))
        except ApiError as e:
            return e.code, e.message, [c.message for c in e.causes]
        return 201, "", []

    @property
    def goes(self) -> bool:
        found = self.desk.store.get(Pod, "default", "p")
        return found is None or found.metadata.deleting

    @property
    def status(self) -> PodDisruptionBudgetStatus:
        return self.desk.budget().status


def failed(reason: str, message: str) -> tuple[StatusCondition, ...]:
    return (StatusCondition(type="DisruptionAllowed", status="False", reason=reason, message=message),)


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({}, "The disruption budget pdb needs 0 healthy pods and has 0 currently"),
        ({"current_healthy": 2, "desired_healthy": 3}, "The disruption budget pdb needs 3 healthy pods and has 2 currently"),
        ({"observed_generation": 0, "disruptions_allowed": 1}, "The disruption budget pdb is still being processed by the server."),
        ({"current_healthy": 3, "desired_healthy": 2}, "The disruption budget pdb does not allow evicting pods currently"),
        (
            {"current_healthy": 3, "desired_healthy": 2, "conditions": failed("Why", "because")},
            "The disruption budget pdb does not allow evicting pods currently (Why): because",
        ),
        (
            {"current_healthy": 1, "desired_healthy": 2, "conditions": failed("SyncFailed", "no idea")},
            "The disruption budget pdb does not allow evicting pods currently because it failed sync: no idea",
        ),
        (
            {"current_healthy": 1, "desired_healthy": 2, "conditions": failed("InsufficientPods", "")},
            "The disruption budget pdb needs 2 healthy pods and has 1 currently",
        ),
    ],
)
def test_a_refusal_says_why(status: dict[str, Any], cause: str) -> None:
    counter = Counter(**status)
    assert counter.ask() == (429, REFUSED, [cause])
    assert not counter.goes


def test_a_refusal_is_of_the_kind_that_clients_try_again() -> None:
    with pytest.raises(ApiError) as refused:
        evict(Counter().desk.store, "default", "p", Eviction())
    assert refused.value.reason == "TooManyRequests"
    assert [(c.reason, c.field) for c in refused.value.causes] == [("DisruptionBudget", "")]


@pytest.mark.parametrize(
    ("status", "message"),
    [
        ({"disruptions_allowed": -1}, "pdb disruptions allowed is negative"),
        (
            {"disruptions_allowed": 1, "disrupted_pods": FrozenMap({f"p{n}": 0 for n in range(2001)})},
            "DisruptedPods map too big - too many evictions not confirmed by PDB controller",
        ),
    ],
)
def test_a_budget_that_cannot_be_trusted_forbids(status: dict[str, Any], message: str) -> None:
    assert Counter(**status).ask()[:2] == (403, f'poddisruptionbudget.policy "pdb" is forbidden: {message}')


def test_an_eviction_is_noted_in_the_budget_and_announced_on_the_pod() -> None:
    counter = Counter(disruptions_allowed=2)
    counter.desk.store.now_ms = 61_700
    assert counter.ask()[0] == 201
    assert counter.goes
    assert (counter.status.disruptions_allowed, counter.status.disrupted_pods) == (1, {"p": 61_000})
    pod = counter.desk.store.get(Pod, "default", "p")
    assert pod is not None
    said = pod.status.conditions[-1]
    assert (said.type, said.status, said.reason, said.message) == (
        "DisruptionTarget", "True", "EvictionByEvictionAPI", "Eviction API: evicting",
    )  # fmt: skip


def test_the_last_disruption_allowed_turns_the_condition() -> None:
    counter = Counter(disruptions_allowed=1)
    counter.ask()
    assert [(c.status, c.reason) for c in counter.status.conditions] == [("False", "InsufficientPods")]


@pytest.mark.parametrize("phase", ["Pending", "Succeeded", "Failed"])
def test_pods_that_do_not_run_go_whatever_the_budget_says(phase: str) -> None:
    counter = Counter(phase=phase, ready=False)
    assert counter.ask()[0] == 201
    assert (counter.goes, counter.status.disrupted_pods) == (True, {})


def test_a_pod_that_is_already_on_its_way_out_may_be_evicted_again() -> None:
    counter = Counter()
    counter.desk.store.delete(key_of(counter.pod))
    assert counter.ask(grace_s=0)[0] == 201
    assert counter.desk.store.get(Pod, "default", "p") is None


@pytest.mark.parametrize(
    ("policy", "healthy", "desired", "allowed", "code", "left"),
    [
        (None, 2, 2, 0, 201, 0),
        (None, 1, 2, 0, 429, 0),
        ("IfHealthyBudget", 2, 2, 0, 201, 0),
        ("IfHealthyBudget", 1, 2, 0, 429, 0),
        ("AlwaysAllow", 1, 2, 0, 201, 0),
        # Where nobody asks for healthy pods, the budget is spent after all; an unready pod that may go anyway costs nothing.
        (None, 0, 0, 0, 429, 0),
        (None, 0, 0, 1, 201, 0),
        (None, 3, 2, 1, 201, 1),
        ("AlwaysAllow", 0, 0, 1, 201, 1),
    ],
)
def test_unready_pods(policy: str | None, healthy: int, desired: int, allowed: int, code: int, left: int) -> None:
    counter = Counter(ready=False, policy=policy, current_healthy=healthy, desired_healthy=desired, disruptions_allowed=allowed)
    assert (counter.ask()[0], counter.status.disruptions_allowed) == (code, left)


def test_always_allow_does_not_let_ready_pods_go() -> None:
    assert Counter(policy="AlwaysAllow").ask()[0] == 429


def test_several_budgets_are_an_error_without_a_reason() -> None:
    counter = Counter(disruptions_allowed=1)
    counter.desk.put(budget("other", minAvailable=0))
    with pytest.raises(ApiError) as refused:
        evict(counter.desk.store, "default", "p", Eviction())
    said = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
    assert (refused.value.code, refused.value.reason, refused.value.message) == (500, "", said)


@pytest.mark.parametrize(("selector", "code"), [({}, 429), ({"matchLabels": {"app": "db"}}, 201)])
def test_only_a_budget_that_covers_the_pod_is_asked(selector: Any, code: int) -> None:
    assert Counter(selector=selector).ask()[0] == code


def test_a_budget_without_a_selector_covers_nothing() -> None:
    world = cluster()
    world.create(budget(selector=None, minAvailable=9))
    rest_of(world)
    assert answers(world) == [201, 201, 201]


def test_a_pod_that_is_not_there_is_not_found() -> None:
    assert answer(cluster(), "p") == (404, 'pods "p" not found', [])


def test_a_dry_run_answers_and_changes_nothing() -> None:
    counter = Counter(disruptions_allowed=1)
    version = counter.desk.store.resource_version
    assert counter.ask(dry_run=True)[0] == 201
    assert counter.desk.store.resource_version == version
    assert Counter().ask(dry_run=True)[0] == 429


@pytest.mark.parametrize("dry_run", [True, False])
def test_preconditions_are_looked_at_last(dry_run: bool) -> None:
    counter = Counter(disruptions_allowed=2)
    meta = counter.pod.metadata
    code, message, _ = counter.ask(uid="another", dry_run=dry_run)
    assert (code, message) == (
        409,
        (
            f'Operation cannot be fulfilled on Pod "p": the UID in the precondition (another) does not match the UID in record '
            f"({meta.uid}). The object might have been deleted and then recreated"
        ),
    )
    code, message, _ = counter.ask(resource_version="1x", dry_run=dry_run)
    assert (code, "the ResourceVersion in the precondition (1x) does not match" in message) == (409, True)
    # The budget has been spent before: the controller gives it back after two minutes.
    assert (counter.goes, counter.status.disruptions_allowed) == (False, 2 if dry_run else 0)
    assert counter.ask(uid=meta.uid, dry_run=True)[0] == (201 if dry_run else 429)


def rest_of(world: Any, **spec: Any) -> None:
    world.apply(deployment(**spec))
    rest(world)


@pytest.mark.parametrize(
    ("spec", "replicas", "codes"),
    [
        ({"minAvailable": "50%"}, 3, [201, 429, 429]),
        ({"maxUnavailable": 1}, 4, [201, 429, 429, 429]),
        ({"maxUnavailable": "30%"}, 4, [201, 201, 429, 429]),
        ({"minAvailable": 0}, 3, [201, 201, 201]),
        ({"maxUnavailable": 0}, 2, [429, 429]),
    ],
)
def test_a_budget_bounds_how_many_pods_go_at_once_and_recovers(spec: dict[str, Any], replicas: int, codes: list[int]) -> None:
    world = cluster()
    world.create(budget(**spec))
    rest_of(world, replicas=replicas)
    before = world.get("PodDisruptionBudget", "pdb")["status"]
    assert answers(world, replicas) == codes
    assert world.get("PodDisruptionBudget", "pdb")["status"]["currentHealthy"] == replicas - codes.count(201)
    rest(world)
    after = world.get("PodDisruptionBudget", "pdb")["status"]
    assert {k: v for k, v in after.items() if k != "conditions"} == {k: v for k, v in before.items() if k != "conditions"}


def test_a_budget_does_not_hold_up_a_rollout() -> None:
    world = cluster()
    world.create(budget(maxUnavailable=0))
    rest_of(world)
    rest_of(world, image="app:v2")
    assert world.get("Deployment", "web")["status"]["updatedReplicas"] == 3


def test_a_budget_that_is_no_number_is_refused() -> None:
    with pytest.raises(ApiError, match="minAvailable"):
        cluster().create(budget(minAvailable="many"))
    with pytest.raises(ApiError, match="must be greater than or equal to 0"):
        cluster().create(budget(maxUnavailable=-1))
