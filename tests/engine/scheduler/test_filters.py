"""One table for each filter: what it refuses, in which words, and whether removing pods could help."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.engine.api.core import Node, Pod
from kgate.engine.scheduler.framework import Rejection
from kgate.engine.store import key_of
from tests.engine.scheduler.objects import World, node, pod
from tests.engine.scheduler.volumes import claim, volume

HELPS, HOPELESS = False, True


def refusal(target: Pod, *objects: Any, on: str = "n1", version: str = "1.36") -> Rejection | None:
    """What the scheduler has against the node `on`."""
    world = World(*objects, kubernetes_version=version)
    return world.scheduler.placement.decide(target).rejections.get(on)


TAINT = {"key": "team", "value": "a", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({}, True),
        ({"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoSchedule"}]}, False),
        ({"tolerations": [{"key": "node.kubernetes.io/unschedulable", "operator": "Exists", "effect": "NoExecute"}]}, True),
        ({"tolerations": [{"operator": "Exists"}]}, False),
    ],
)
def test_a_cordoned_node_takes_only_pods_that_tolerate_it(spec: dict[str, Any], refused: bool) -> None:
    said = refusal(pod("p", **spec), node("n1", unschedulable=True))
    expected = Rejection(plugin="NodeUnschedulable", reasons=("node(s) were unschedulable",), unresolvable=True)
    assert said == (expected if refused else None)


@pytest.mark.parametrize(
    ("toleration", "refused"),
    [
        (None, True),
        ({"key": "team", "value": "a", "effect": "NoSchedule"}, False),
        ({"key": "team", "operator": "Equal", "value": "a"}, False),
        ({"key": "team", "operator": "Equal", "value": "b"}, True),
        ({"key": "team", "operator": "Exists"}, False),
        ({"key": "other", "operator": "Exists"}, True),
        ({"operator": "Exists"}, False),
        ({"operator": "Exists", "effect": "NoExecute"}, True),
        ({"key": "team", "operator": "Gt", "value": "a"}, True),
    ],
)
def test_a_taint_keeps_out_what_does_not_tolerate_it(toleration: dict[str, Any] | None, refused: bool) -> None:
    said = refusal(pod("p", tolerations=[toleration] if toleration else []), node("n1", taints=[TAINT]))
    assert (said is not None) is refused
    if said is not None:
        assert said.reasons == ("node(s) had untolerated taint(s)",) and said.unresolvable


def test_older_schedulers_name_the_first_taint() -> None:
    said = refusal(pod("p"), node("n1", taints=[{"key": "soft", "effect": "PreferNoSchedule"}, TAINT]), version="1.31")
    assert said is not None and said.reasons == ("node(s) had untolerated taint {team: a}",)


def test_a_soft_taint_keeps_nobody_out() -> None:
    assert refusal(pod("p"), node("n1", taints=[{"key": "soft", "effect": "PreferNoSchedule"}])) is None


def required(*terms: dict[str, Any]) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": list(terms)}}}}


def expression(key: str, operator: str, *values: str) -> dict[str, Any]:
    return {"matchExpressions": [{"key": key, "operator": operator, "values": list(values)}]}


@pytest.mark.parametrize(
    ("spec", "refused"),
    [
        ({"nodeSelector": {"disk": "ssd"}}, False),
        ({"nodeSelector": {"disk": "hdd"}}, True),
        ({"nodeSelector": {"disk": "ssd", "gpu": "yes"}}, True),
        (required(expression("disk", "In", "ssd", "nvme")), False),
        (required(expression("disk", "NotIn", "ssd")), True),
        (required(expression("gpu", "DoesNotExist")), False),
        (required(expression("gpu", "Exists"), expression("disk", "Exists")), False),
        (required(expression("cores", "Gt", "7")), False),
        (required(expression("cores", "Lt", "8")), True),
        (required({}), True),
        ({"nodeSelector": {"disk": "hdd"}, **required(expression("disk", "Exists"))}, True),
    ],
)
def test_selector_and_required_affinity_must_both_match(spec: dict[str, Any], refused: bool) -> None:
    said = refusal(pod("p", **spec), node("n1", labels={"disk": "ssd", "cores": "8"}))
    expected = Rejection(plugin="NodeAffinity", reasons=("node(s) didn't match Pod's node affinity/selector",), unresolvable=True)
    assert said == (expected if refused else None)


def port(number: int, protocol: str = "TCP", ip: str = "") -> dict[str, Any]:
    return {"ports": [{"containerPort": 80, "hostPort": number, "protocol": protocol, "hostIP": ip}]}


@pytest.mark.parametrize(
    ("taken", "wanted", "refused"),
    [
        (port(8080), port(8080), True),
        (port(8080), port(8081), False),
        (port(8080), port(8080, "UDP"), False),
        (port(8080, ip="10.0.0.1"), port(8080, ip="10.0.0.2"), False),
        (port(8080, ip="10.0.0.1"), port(8080, ip="10.0.0.1"), True),
        (port(8080, ip="10.0.0.1"), port(8080), True),
        (port(8080), port(8080, ip="10.0.0.1"), True),
        (port(8080), port(8080, ip="0.0.0.0"), True),
        (port(8080), {}, False),
    ],
)
def test_a_port_of_the_node_can_be_had_once(taken: dict[str, Any], wanted: dict[str, Any], refused: bool) -> None:
    said = refusal(pod("p", container=wanted), node("n1"), pod("there", container=taken, nodeName="n1"))
    expected = Rejection(plugin="NodePorts", reasons=("node(s) didn't have free ports for the requested pod ports",))
    assert said == (expected if refused else None)


GPU = "example.com/gpu"


@pytest.mark.parametrize(
    ("there", "wanted", "reasons", "unresolvable"),
    [
        ({"cpu": "1"}, {"cpu": "1"}, (), False),
        ({"cpu": "1"}, {"cpu": "1001m"}, ("Insufficient cpu",), HELPS),
        ({}, {"cpu": "3"}, ("Insufficient cpu",), HOPELESS),
        ({"memory": "3Gi"}, {"memory": "2Gi"}, ("Insufficient memory",), HELPS),
        ({"cpu": "2", "memory": "4Gi"}, {"cpu": "1", "memory": "1Gi"}, ("Insufficient cpu", "Insufficient memory"), HELPS),
        ({"cpu": "2"}, {"cpu": "1", "memory": "5Gi"}, ("Insufficient cpu", "Insufficient memory"), HOPELESS),
        ({GPU: "1"}, {GPU: "1"}, ("Insufficient example.com/gpu",), HELPS),
        ({}, {GPU: "2"}, ("Insufficient example.com/gpu",), HOPELESS),
        ({}, {"example.com/none": "1"}, ("Insufficient example.com/none",), HOPELESS),
        # What the pod does not ask for may be overdrawn.
        ({"cpu": "3"}, {"memory": "1Gi"}, (), False),
        ({"cpu": "3"}, {"cpu": "0"}, (), False),
    ],
)
def test_a_node_must_have_left_what_the_pod_requests(
    there: dict[str, str], wanted: dict[str, str], reasons: tuple[str, ...], unresolvable: bool
) -> None:
    said = refusal(
        pod("p", container={"resources": {"requests": wanted}}),
        node("n1", cpu="2", memory="4Gi", resources={GPU: "1"}),
        pod("there", container={"resources": {"requests": there}}, nodeName="n1"),
    )
    assert said == (Rejection(plugin="NodeResourcesFit", reasons=reasons, unresolvable=unresolvable) if reasons else None)


@pytest.mark.parametrize(("version", "refused"), [("1.36", False), ("1.26", True)])
def test_old_schedulers_close_an_overdrawn_node_to_pods_that_ask_for_something_else(version: str, refused: bool) -> None:
    overdrawn = (node("n1", cpu="2"), pod("there", cpu="3", nodeName="n1"))
    said = refusal(pod("p", memory="1Gi"), *overdrawn, version=version)
    assert (said is not None and said.reasons == ("Insufficient cpu",)) is refused
    assert refusal(pod("p"), *overdrawn, version=version) is None


def test_too_many_pods_is_said_beside_what_else_is_missing() -> None:
    said = refusal(pod("p", cpu="3"), node("n1", cpu="2", pods="1"), pod("there", nodeName="n1"))
    assert said is not None and said.reasons == ("Too many pods", "Insufficient cpu")


def test_terminal_pods_hold_nothing_and_terminating_ones_everything() -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1", nodeName="n1"))
    world.store.delete(key_of(world.pod("a")))
    assert world.scheduler.placement.decide(pod("p", cpu="1")).rejections["n1"].reasons == ("Insufficient cpu",)
    world.gone("a")
    assert world.scheduler.placement.decide(pod("p", cpu="1")).node == "n1"


def spread(skew: int = 1, key: str = "topology.kubernetes.io/zone", **more: Any) -> dict[str, Any]:
    selector = more.pop("labelSelector", {"matchLabels": {"app": "web"}})
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": "DoNotSchedule", "labelSelector": selector, **more}


def web(name: str, **spec: Any) -> Pod:
    return pod(name, labels={"app": "web"} | spec.pop("labels", {}), **spec)


ZONES = (node("n1", zone="a"), node("n2", zone="b"), node("n3"))
SKEWED, UNLABELLED = "node(s) didn't match pod topology spread constraints", " (missing required label)"


@pytest.mark.parametrize(
    ("there", "constraint", "refused"),
    [
        ([], spread(), []),
        ([web("a", nodeName="n1")], spread(), ["n1"]),
        ([web("a", nodeName="n1")], spread(2), []),
        ([web("a", nodeName="n1"), web("b", nodeName="n1")], spread(2), ["n1"]),
        ([web("a", nodeName="n1"), web("b", nodeName="n2")], spread(), []),
        # Pods that the selector does not find, or of another namespace, do not count.
        ([pod("a", nodeName="n1")], spread(), []),
        ([web("a", namespace="other", nodeName="n1")], spread(), []),
        # Fewer domains than asked for: the lowest count is taken as 0.
        ([web("a", nodeName="n1"), web("b", nodeName="n2")], spread(minDomains=3), ["n1", "n2"]),
        ([web("a", nodeName="n1"), web("b", nodeName="n2")], spread(minDomains=2), []),
        # A pod that its own selector does not find adds nothing itself.
        ([pod("a", labels={"app": "db"}, nodeName="n1")], spread(labelSelector={"matchLabels": {"app": "db"}}), []),
        # matchLabelKeys: only pods of the same revision count.
        ([web("a", labels={"rev": "1"}, nodeName="n1")], spread(matchLabelKeys=["rev"]), []),
        ([web("a", labels={"rev": "2"}, nodeName="n1")], spread(matchLabelKeys=["rev"]), ["n1"]),
        # An absent selector finds nothing, an empty one counts nothing but the pod itself.
        ([web("a", nodeName="n1")], spread(labelSelector=None), []),
        ([web("a", nodeName="n1")], spread(labelSelector={}), []),
    ],
)
def test_a_hard_spread_constraint_bounds_the_difference_between_domains(
    there: list[Pod], constraint: dict[str, Any], refused: list[str]
) -> None:
    world = World(*ZONES, *there)
    decision = world.scheduler.placement.decide(web("p", labels={"rev": "2"}, topologySpreadConstraints=[constraint]))
    skewed = [name for name, r in decision.rejections.items() if r.reasons == (SKEWED,)]
    assert skewed == refused
    assert decision.rejections["n3"] == Rejection(plugin="PodTopologySpread", reasons=(SKEWED + UNLABELLED,), unresolvable=True)


@pytest.mark.parametrize(
    ("nodes", "spec", "constraint", "refused"),
    [
        # A tainted node's domain counts as empty (and so blocks the others) unless nodeTaintsPolicy says Honor.
        ((node("n1", zone="a"), node("n2", zone="b", taints=[TAINT])), {}, spread(), True),
        ((node("n1", zone="a"), node("n2", zone="b", taints=[TAINT])), {}, spread(nodeTaintsPolicy="Honor"), False),
        # A node the pod's selector leaves out does not count unless nodeAffinityPolicy says Ignore.
        ((node("n1", zone="a", labels={"x": "1"}), node("n2", zone="b")), {"nodeSelector": {"x": "1"}}, spread(), False),
        (
            (node("n1", zone="a", labels={"x": "1"}), node("n2", zone="b")),
            {"nodeSelector": {"x": "1"}},
            spread(nodeAffinityPolicy="Ignore"),
            True,
        ),
    ],
)
def test_which_empty_domains_hold_a_pod_back_depends_on_the_policies(
    nodes: tuple[Node, ...], spec: dict[str, Any], constraint: dict[str, Any], refused: bool
) -> None:
    said = refusal(web("p", topologySpreadConstraints=[constraint], **spec), *nodes, web("a", nodeName="n1"))
    assert (said is not None and said.reasons == (SKEWED,)) is refused


def test_pods_on_their_way_out_do_not_count_for_spreading() -> None:
    world = World(*ZONES, web("a", nodeName="n1"))
    world.store.delete(key_of(world.pod("a")))
    assert "n1" not in world.scheduler.placement.decide(web("p", topologySpreadConstraints=[spread()])).rejections


def near(app: str, key: str = "topology.kubernetes.io/zone", **more: Any) -> dict[str, Any]:
    return {"labelSelector": {"matchLabels": {"app": app}}, "topologyKey": key, **more}


def affinity(*terms: dict[str, Any], anti: bool = False) -> dict[str, Any]:
    return {"affinity": {"podAntiAffinity" if anti else "podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": list(terms)}}}


NOT_NEAR = Rejection(plugin="InterPodAffinity", reasons=("node(s) didn't match pod affinity rules",), unresolvable=True)
TOO_NEAR = Rejection(plugin="InterPodAffinity", reasons=("node(s) didn't match pod anti-affinity rules",))
UNWANTED = Rejection(plugin="InterPodAffinity", reasons=("node(s) didn't satisfy existing pods anti-affinity rules",))


@pytest.mark.parametrize(
    ("there", "spec", "rejections"),
    [
        ([pod("d", labels={"app": "db"}, nodeName="n1")], affinity(near("db")), {"n2": NOT_NEAR, "n3": NOT_NEAR}),
        ([], affinity(near("db")), {"n1": NOT_NEAR, "n2": NOT_NEAR, "n3": NOT_NEAR}),
        # The first of a group that wants to be near itself may go wherever the label is.
        ([], affinity(near("web")), {"n3": NOT_NEAR}),
        ([web("w", nodeName="n2")], affinity(near("web")), {"n1": NOT_NEAR, "n3": NOT_NEAR}),
        # Namespaces: the pod's own unless the term says otherwise.
        ([web("d", namespace="o", nodeName="n1")], affinity(near("web", namespaces=["o"])), {"n2": NOT_NEAR, "n3": NOT_NEAR}),
        ([web("d", namespace="o", nodeName="n1")], affinity(near("web", namespaceSelector={})), {"n2": NOT_NEAR, "n3": NOT_NEAR}),
        ([web("w", nodeName="n1")], affinity(near("web"), anti=True), {"n1": TOO_NEAR}),
        ([web("w", nodeName="n3")], affinity(near("web"), anti=True), {}),
        ([web("w", namespace="o", nodeName="n1")], affinity(near("web"), anti=True), {}),
        ([pod("g", nodeName="n2", **affinity(near("web"), anti=True))], {}, {"n2": UNWANTED}),
        ([pod("g", namespace="o", nodeName="n2", **affinity(near("web"), anti=True))], {}, {}),
        # matchLabelKeys: only pods of the same revision repel.
        ([web("w", labels={"rev": "1"}, nodeName="n1")], affinity(near("web", matchLabelKeys=["rev"]), anti=True), {}),
        ([web("w", labels={"rev": "1"}, nodeName="n1")], affinity(near("web", mismatchLabelKeys=["rev"]), anti=True), {"n1": TOO_NEAR}),
    ],
)  # fmt: skip
def test_pods_attract_and_repel_each_other_by_domain(there: list[Pod], spec: dict[str, Any], rejections: dict[str, Rejection]) -> None:
    world = World(*ZONES, *there)
    assert world.scheduler.placement.decide(web("p", labels={"rev": "2"}, **spec)).rejections == rejections


def test_a_claim_with_a_single_user_keeps_a_second_pod_out() -> None:
    volumes = [{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]
    single = claim(modes=("ReadWriteOncePod",), bound_to="v")
    said = refusal(pod("p", volumes=volumes), node("n1"), volume("v"), single, pod("there", nodeName="n1", volumes=volumes))
    assert said is not None and "ReadWriteOncePod access mode already in-use" in said.reasons[0] and not said.unresolvable


def test_a_node_is_asked_for_its_first_reason_only() -> None:
    said = refusal(pod("p", cpu="9", nodeSelector={"x": "1"}), node("n1", unschedulable=True, taints=[TAINT]))
    assert said is not None and said.plugin == "NodeUnschedulable"
