from __future__ import annotations

import pytest

from kgate.engine.api.core import Container, ContainerStatus, Pod, PodSpec, PodStatus
from kgate.engine.api.meta import Condition, FrozenMap, ObjectMeta
from kgate.engine.controllers.deletion_order import pods_to_delete

NOW = 100_000


def pod(
    name: str,
    *,
    node: str = "n1",
    phase: str = "Running",
    ready_at: int | None = 10_000,
    created: int = 1_000,
    cost: str = "",
    restarts: int = 0,
    sidecar_restarts: int = 0,
    uid: str = "",
) -> Pod:
    ready = Condition(type="Ready", status="False" if ready_at is None else "True", last_transition_time_ms=ready_at)
    return Pod(
        metadata=ObjectMeta(
            name=name,
            uid=uid or name,
            creation_timestamp_ms=created,
            annotations=FrozenMap({"controller.kubernetes.io/pod-deletion-cost": cost} if cost else {}),
        ),
        spec=PodSpec(node_name=node, init_containers=(Container(name="s", restart_policy="Always"), Container(name="i"))),
        status=PodStatus(
            phase=phase,
            conditions=(ready,),
            container_statuses=(ContainerStatus(name="a", restart_count=restarts),),
            init_container_statuses=(
                ContainerStatus(name="s", restart_count=sidecar_restarts),
                ContainerStatus(name="i", restart_count=9),
            ),
        ),
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (pod("b", node="", phase="Pending", ready_at=None), pod("a", phase="Pending", ready_at=None)),
        (pod("b", node="", phase="Running"), pod("a", phase="Pending", ready_at=None)),
        (pod("b", phase="Pending", ready_at=None), pod("a", phase="Unknown", ready_at=None)),
        (pod("b", phase="Unknown", ready_at=None), pod("a", ready_at=None)),
        (pod("b", ready_at=None), pod("a")),
        (pod("b", cost="-1"), pod("a")),
        (pod("b"), pod("a", cost="10")),
        (pod("b", cost="2"), pod("a", cost="10")),
        (pod("b", ready_at=90_000), pod("a", ready_at=10_000)),
        (pod("a", ready_at=10_000), pod("b", ready_at=20_000)),  # 90 s and 80 s are one order of magnitude: by uid
        (pod("b", restarts=1), pod("a")),
        (pod("b", sidecar_restarts=1), pod("a")),
        (pod("b", created=90_000, ready_at=None), pod("a", created=1_000, ready_at=None)),
        (pod("a", created=1_000, ready_at=None), pod("b", created=2_000, ready_at=None)),
        (pod("a", created=1_000), pod("b", created=1_999)),  # within a second: by uid
    ],
)
def test_each_rule_decides_where_those_above_it_see_no_difference(first: Pod, second: Pod) -> None:
    both = [first, second]
    assert [p.metadata.name for p in pods_to_delete(both, both, 1, NOW)] == [first.metadata.name]
    assert [p.metadata.name for p in pods_to_delete(both[::-1], both, 1, NOW)] == [first.metadata.name]


def test_the_pod_with_more_company_of_its_deployment_on_its_node_goes_first() -> None:
    alone, doubled, other_set = pod("a", node="n1"), pod("b", node="n2"), pod("c", node="n2")
    assert pods_to_delete([alone, doubled], [alone, doubled, other_set], 1, NOW) == [doubled]


def test_readiness_counts_before_the_deletion_cost() -> None:
    unready, cheap = pod("a", ready_at=None, cost="100"), pod("b", cost="-100")
    assert pods_to_delete([cheap, unready], [], 1, NOW) == [unready]


def test_nobody_sorts_when_all_pods_go() -> None:
    pods = [pod("c"), pod("a", ready_at=None), pod("b")]
    assert pods_to_delete(pods, pods, 3, NOW) == pods


@pytest.mark.parametrize("cost", ["x", "1.5", "+-1", "99999999999999", "2147483648", "+5", "-05x", "007", "00", " 7"])
def test_a_deletion_cost_that_is_no_number_counts_as_zero(cost: str) -> None:
    odd, negative = pod("a", cost=cost), pod("b", cost="-1")
    assert pods_to_delete([odd, negative], [], 1, NOW) == [negative]
