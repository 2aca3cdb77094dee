from __future__ import annotations

from typing import Any

import pytest

from kgate.rollout.causes import POD, cause, largest_request, reasons

SUFFIX = ". no new claims to deallocate, preemption: 0/7 nodes are available: 7 Preemption is not helpful for scheduling."


def says(reason: str, nodes: int = 7) -> str:
    return f"0/{nodes} nodes are available: {reason}{SUFFIX}"


def deployment(**pod: Any) -> dict[str, Any]:
    containers = [
        {"name": "a", "resources": {"requests": {"cpu": "100m", "memory": "1Gi"}}, "ports": [{"containerPort": 1}, {"hostPort": 80}]},
        {"name": "b", "resources": {"limits": {"cpu": 2}}},
    ]
    return {"spec": {"replicas": 3, "template": {"spec": {"containers": containers, **pod}}}}


@pytest.mark.parametrize(
    ("message", "found"),
    [
        (
            says("1 node(s) had untolerated taint(s), 6 Insufficient cpu"),
            [(6, "Insufficient cpu"), (1, "node(s) had untolerated taint(s)")],
        ),
        (says("7 node(s) didn't match Pod's node affinity/selector"), [(7, "node(s) didn't match Pod's node affinity/selector")]),
        ("0/3 nodes are available: 3 Insufficient cpu.", [(3, "Insufficient cpu")]),
        ("something else", []),
        ("", []),
    ],
)
def test_reasons_come_with_their_nodes_most_first(message: str, found: list[tuple[int, str]]) -> None:
    assert reasons(message) == found


@pytest.mark.parametrize(
    ("reason", "placed", "path"),
    [
        ("7 Insufficient cpu", 0, (*POD, "containers", 1, "resources", "limits", "cpu")),
        ("7 Insufficient memory", 0, (*POD, "containers", 0, "resources", "requests", "memory")),
        ("7 Insufficient cpu", 2, ("spec", "replicas")),
        ("7 Too many pods", 1, ("spec", "replicas")),
        ("7 node(s) didn't match Pod's node affinity/selector", 0, (*POD, "affinity", "nodeAffinity")),
        ("7 node(s) had untolerated taint(s)", 0, (*POD, "tolerations")),
        ("7 node(s) didn't have free ports for the requested pod ports", 0, (*POD, "containers", 0, "ports", 1, "hostPort")),
        ("7 node(s) didn't match pod anti-affinity rules", 0, (*POD, "affinity", "podAntiAffinity")),
        ("7 node(s) didn't match pod affinity rules", 0, (*POD, "affinity", "podAffinity")),
        ("7 node(s) didn't match pod topology spread constraints", 0, (*POD, "topologySpreadConstraints")),
        ("7 something new", 0, POD),
    ],
)
def test_a_reason_leads_to_its_line(reason: str, placed: int, path: tuple[Any, ...]) -> None:
    assert cause(says(reason), deployment(), placed=placed).path == path


def test_a_node_selector_is_pointed_at_when_there_is_one() -> None:
    found = cause(says("7 node(s) didn't match Pod's node affinity/selector"), deployment(nodeSelector={"disk": "ssd"}), placed=0)
    assert found.path == (*POD, "nodeSelector")


@pytest.mark.parametrize("body", [{}, {"spec": []}, {"spec": {"template": {"spec": {"containers": "x"}}}}])
def test_a_body_of_any_shape_has_a_place(body: dict[str, Any]) -> None:
    assert largest_request(body, "cpu") == (*POD, "containers")
