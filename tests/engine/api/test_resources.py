"""What a pod asks for at its worst moment."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate.engine.api.core import Container, PodSpec, ResourceRequirements
from kgate.engine.api.meta import FrozenMap
from kgate.engine.api.quantity import parse
from kgate.engine.api.resources import NON_ZERO, amount, is_pod_level, pod_limits, pod_requests, quantity

GI = 2**30


def c(cpu: int | None = None, memory: int | None = None, *, sidecar: bool = False, **more: int) -> Container:
    requests = {k: v for k, v in {"cpu": cpu, "memory": memory, **more}.items() if v is not None}
    needs = ResourceRequirements(requests=FrozenMap(requests), limits=FrozenMap({k: 2 * v for k, v in requests.items()}))
    return Container(name="c", resources=needs, restart_policy="Always" if sidecar else None)


def spec(*containers: Container, init: tuple[Container, ...] = (), **more: int) -> PodSpec:
    return PodSpec(containers=containers, init_containers=init, overhead=FrozenMap(more))


@pytest.mark.parametrize(
    ("pod", "cpu"),
    [
        (spec(c(100), c(200)), 300),
        (spec(c(100), init=(c(500),)), 500),
        (spec(c(600), init=(c(500), c(400))), 600),
        # A sidecar runs beside the containers.
        (spec(c(100), init=(c(50, sidecar=True),)), 150),
        # An init container runs beside the sidecars started before it, not those after it.
        (spec(c(100), init=(c(50, sidecar=True), c(500))), 550),
        (spec(c(100), init=(c(500), c(50, sidecar=True))), 500),
        (spec(c(100), init=(c(200, sidecar=True), c(300), c(200, sidecar=True), c(150))), 550),
        (spec(c(100), cpu=25), 125),
        (spec(c(100), init=(c(500),), cpu=25), 525),
        (spec(), 0),
    ],
)
def test_a_pod_needs_the_most_it_needs_at_any_moment(pod: PodSpec, cpu: int) -> None:
    assert pod_requests(pod).get("cpu", 0) == cpu


def test_the_worst_moment_may_differ_from_resource_to_resource() -> None:
    pod = spec(c(100, 4 * GI), init=(c(900, GI, **{"example.com/gpu": 1}),))
    assert pod_requests(pod) == {"cpu": 900, "memory": 4 * GI, "example.com/gpu": 1}


def test_pod_level_requests_replace_the_sum_and_overhead_comes_on_top() -> None:
    whole = ResourceRequirements(requests=FrozenMap({"cpu": 1000, "example.com/gpu": 9}))
    pod = PodSpec(containers=(c(100, GI), c(200)), resources=whole, overhead=FrozenMap({"cpu": 50}))
    assert pod_requests(pod) == {"cpu": 1050, "memory": GI}


def test_scoring_fills_in_what_a_container_does_not_name_but_not_what_it_names_as_zero() -> None:
    assert pod_requests(spec(c(), c(0)), missing=NON_ZERO) == {"cpu": 100, "memory": 400 * 2**20}


def test_limits_add_overhead_only_where_there_is_a_limit() -> None:
    pod = spec(c(100), cpu=50, memory=GI)
    assert pod_limits(pod) == {"cpu": 250}


@pytest.mark.parametrize(("resource", "written", "n"), [("cpu", "1.5", 1500), ("memory", "1Ki", 1024), ("memory", "1.5", 2)])
def test_amounts_are_milli_for_cpu_and_base_units_for_all_else(resource: str, written: str, n: int) -> None:
    assert amount(resource, parse(written)) == n
    assert amount(resource, quantity(resource, n)) == n


def test_a_pod_as_a_whole_may_only_ask_for_cpu_memory_and_huge_pages() -> None:
    assert [is_pod_level(r) for r in ("cpu", "memory", "hugepages-2Mi", "ephemeral-storage")] == [True, True, True, False]


CONTAINERS = st.lists(st.tuples(st.integers(0, 1000), st.booleans()), max_size=5)


@given(CONTAINERS, CONTAINERS)
def test_a_pod_never_needs_less_than_its_containers_and_sidecars_nor_more_than_everything_at_once(
    running: list[tuple[int, bool]], init: list[tuple[int, bool]]
) -> None:
    pod = spec(*(c(n) for n, _ in running), init=tuple(c(n, sidecar=s) for n, s in init))
    at_least = sum(n for n, _ in running) + sum(n for n, s in init if s)
    assert at_least <= pod_requests(pod).get("cpu", 0) <= at_least + sum(n for n, s in init if not s)
