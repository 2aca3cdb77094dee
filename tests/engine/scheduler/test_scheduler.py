"""The controller: binding, messages to the letter, retries, gates and preemption."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from kgate.engine.api.codec import decode
from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import FrozenMap
from kgate.engine.store import key_of
from tests.engine.scheduler.objects import World, node, pod
from tests.engine.scheduler.volumes import claim, volume

ROOM = " no new claims to deallocate, preemption: "


def change(world: World, name: str, **spec: Any) -> None:
    found = world.store.get(Node, "", name)
    assert found is not None
    world.store.update(replace(found, spec=replace(found.spec, **spec)))
    world.manager.settle()


def label(world: World, name: str, **labels: str) -> None:
    found = world.store.get(Node, "", name)
    assert found is not None
    world.store.update(replace(found, metadata=replace(found.metadata, labels=FrozenMap(found.metadata.labels | labels))))
    world.manager.settle()


def test_a_pod_that_fits_is_bound_with_its_condition_and_an_event() -> None:
    world = World(node("n1"), pod("p"))
    bound = world.pod("p")
    assert bound.spec.node_name == "n1"
    assert [(c.type, c.status, c.last_transition_time_ms) for c in bound.status.conditions] == [("PodScheduled", "True", 0)]
    assert world.said("Scheduled") == ["Successfully assigned default/p to n1"]


def test_a_pod_of_another_scheduler_is_left_alone() -> None:
    world = World(node("n1"), pod("p", schedulerName="other"))
    assert not world.where("p") and not world.message("p")


def test_pods_that_were_there_before_the_scheduler_are_scheduled_too() -> None:
    world = World(node("n1"), pod("p"))
    again = World()
    for obj in (node("n1"), pod("q")):
        again.store.create(obj)
    again.manager.settle()
    assert world.where("p") == again.where("q") == "n1"


def test_without_nodes_the_message_is_that_there_are_none_and_the_first_node_helps() -> None:
    world = World(pod("p"))
    assert world.message("p") == "no nodes available to schedule pods"
    assert world.put(node("n1")).where("p") == "n1"


def test_the_message_counts_every_reason_and_sorts_as_text() -> None:
    small = [node(f"n{i}", cpu="1") for i in range(1, 11)]
    cordoned = [node(f"m{i}", unschedulable=True) for i in range(1, 3)]
    world = World(*small, *cordoned, pod("there", cpu="1", nodeName="n1"), pod("p", cpu="1", memory="9Gi"))
    assert world.message("p") == (
        "0/12 nodes are available: 1 Insufficient cpu, 10 Insufficient memory, 2 node(s) were unschedulable."
        + ROOM
        + "0/12 nodes are available: 12 Preemption is not helpful for scheduling."
    )
    assert world.said("FailedScheduling") == [world.message("p")]


@pytest.mark.parametrize(
    ("version", "tail"),
    [
        ("1.36", "1 Insufficient cpu. no new claims to deallocate, preemption: 0/1 nodes are available: 1 {}."),
        ("1.33", "1 Insufficient cpu. preemption: 0/1 nodes are available: 1 {}."),
        ("1.26", "1 Insufficient cpu. preemption: 0/1 nodes are available: 1 {}.."),
    ],
)
def test_each_version_has_its_own_words(version: str, tail: str) -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1", nodeName="n1"), pod("p", cpu="1"), kubernetes_version=version)
    assert world.message("p") == "0/1 nodes are available: " + tail.format("No preemption victims found for incoming pod")


def test_a_missing_claim_is_named_and_its_arrival_helps() -> None:
    world = World(*(node(f"n{i}") for i in (1, 2)), pod("p", volumes=[{"name": "v", "persistentVolumeClaim": {"claimName": "data"}}]))
    assert world.message("p") == '0/2 nodes are available: persistentvolumeclaim "data" not found. not found'
    world.put(volume("v"), claim(bound_to="v"))
    assert world.where("p") == "n1"


def named(*names: str) -> dict[str, Any]:
    terms = [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": [n]} for n in names]}]
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}}}


def test_a_pod_that_names_its_node_is_told_nothing_about_the_others() -> None:
    world = World(node("n1", unschedulable=True), node("n2"), node("n3"), pod("p", **named("n1")))
    assert world.message("p") == (
        "0/3 nodes are available: 1 node(s) were unschedulable, 2 node(s) didn't satisfy plugin(s) [NodeAffinity]."
        + ROOM
        + "0/3 nodes are available: 3 Preemption is not helpful for scheduling."
    )


def test_terms_that_contradict_each_other_are_refused_before_any_node_is_looked_at() -> None:
    world = World(node("n1"), node("n2"), pod("p", **named("n1", "n2")))
    assert world.message("p") == "0/2 nodes are available: pod affinity terms conflict. not found"


def test_a_long_message_is_cut_in_the_event_and_whole_in_the_condition() -> None:
    asks = {f"example.com/{'r' * 40}-{i}": "1" for i in range(30)}
    world = World(node("n1"), pod("p", container={"resources": {"requests": asks}}))
    assert len(world.message("p")) > 1500
    (note,) = world.said("FailedScheduling")
    assert len(note) == 1024 and note.endswith(" ...")


def test_the_transition_time_changes_only_with_the_status() -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1", nodeName="n1"), pod("p", cpu="1"))
    world.manager.run_until(5000)
    world.put(node("n2", unschedulable=True, cpu="2"))
    change(world, "n2", unschedulable=False)
    assert [c.last_transition_time_ms for c in world.pod("p").status.conditions] == [5000]


def test_a_pod_with_gates_waits_unseen_until_they_are_gone() -> None:
    world = World(node("n1"), pod("p", schedulingGates=[{"name": "quota"}]))
    assert not world.where("p") and not world.message("p")
    held = world.pod("p")
    world.store.update(replace(held, spec=replace(held.spec, scheduling_gates=())))
    world.manager.settle()
    assert world.where("p") == "n1"


def test_uncordoning_a_node_helps_whom_it_kept_out() -> None:
    world = World(node("n1", unschedulable=True), pod("p"))
    change(world, "n1", unschedulable=False)
    assert world.where("p") == "n1"


def test_a_new_label_helps_whom_the_selector_kept_out() -> None:
    world = World(node("n1"), node("n2"), pod("p", nodeSelector={"disk": "ssd"}))
    label(world, "n2", disk="ssd")
    assert world.where("p") == "n2"


def test_a_taint_that_goes_helps_whom_it_kept_out() -> None:
    world = World(node("n1", taints=[{"key": "t", "effect": "NoSchedule"}]), pod("p"))
    change(world, "n1", taints=())
    assert world.where("p") == "n1"


def test_a_deleted_pod_makes_room() -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1"), pod("b", cpu="1"))
    assert world.where("a") == "n1" and not world.where("b")
    assert world.gone("a").where("b") == "n1"


def test_a_change_that_cannot_help_does_not_try_the_pod_again() -> None:
    world = World(node("n1", cpu="1"), pod("a", cpu="1"), pod("b", cpu="1"))
    label(world, "n1", disk="ssd")
    world.put(node("n2", cpu="500m"), pod("c", cpu="100m"))
    change(world, "n1", unschedulable=True)
    assert [e.count for e in world.store.list_kind("Event") if e.reason == "FailedScheduling"] == [1]


@pytest.mark.parametrize(("version", "bound_ms"), [("1.36", 5500), ("1.32", 7000)])
def test_an_idle_scheduler_waits_for_the_end_of_a_back_off_only_before_1_33(version: str, bound_ms: int) -> None:
    world = World(kubernetes_version=version)
    world.manager.run_until(5000)
    world.put(node("n1", cpu="1"), pod("a", cpu="1"), pod("b", cpu="1"))
    world.manager.run_until(5500)
    world.gone("a")
    assert world.manager.run_until(20_000, lambda: bool(world.where("b")))
    # Refused at 5.0 s, so backing off until 6.0 s; that window is over when the next whole second begins.
    assert world.manager.now_ms == bound_ms


def test_higher_priority_is_tried_first_then_who_came_first() -> None:
    world = World()
    for name, priority in (("low", 0), ("first", 5), ("second", 5)):
        world.store.create(pod(name, cpu="1", priority=priority))
    world.store.create(node("n1", cpu="2"))
    world.manager.settle()
    assert [bool(world.where(n)) for n in ("low", "first", "second")] == [False, True, True]


def test_the_scheduler_does_nothing_when_nothing_waits() -> None:
    world = World(node("n1"), pod("p"))
    before = world.store.resource_version
    running = world.pod("p")
    world.store.update_status(replace(running, status=replace(running.status, phase="Running")))
    world.manager.settle()
    assert world.store.resource_version == before + 1
    assert world.manager.next_timer_ms() is None


# Preemption.


def low(name: str, on: str, *, priority: int = 0, started_ms: int = 0, cpu: str = "1") -> Pod:
    made = pod(name, cpu=cpu, priority=priority, nodeName=on)
    return replace(made, status=replace(made.status, start_time_ms=started_ms))


def high(name: str = "high", cpu: str = "1", **spec: Any) -> Pod:
    return pod(name, cpu=cpu, priority=100, **spec)


def victims(world: World) -> list[str]:
    """Once the deletions that are under way have been sent."""
    world.manager.run_until(world.manager.now_ms + 1)
    return [p.metadata.name for p in world.store.list(Pod) if p.metadata.deleting]


def test_a_pod_of_higher_priority_deletes_one_of_lower_and_takes_its_place_when_it_is_gone() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high())
    assert victims(world) == ["a"]
    assert world.pod("high").status.nominated_node_name == "n1"
    # Who will get room is told only why there is none now.
    assert world.message("high") == "0/1 nodes are available: 1 Insufficient cpu."
    target = next(c for c in world.pod("a").status.conditions if c.type == "DisruptionTarget")
    assert (target.status, target.reason) == ("True", "PreemptionByScheduler")
    assert target.message == "default-scheduler: preempting to accommodate a higher priority pod"
    assert world.said("Preempted") == [f"Preempted by pod {world.pod('high').metadata.uid} on node n1"]
    world.gone("a")
    assert world.where("high") == "n1" and not world.pod("high").status.nominated_node_name


@pytest.mark.parametrize(("version", "at_once"), [("1.36", False), ("1.32", True)])
def test_since_1_33_victims_are_deleted_beside_the_scheduling_cycle_a_moment_later(version: str, at_once: bool) -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high(), kubernetes_version=version)
    assert world.pod("high").status.nominated_node_name == "n1"
    assert world.pod("a").metadata.deleting is at_once
    assert victims(world) == ["a"]


def test_room_that_appears_before_the_victims_have_left_is_taken_and_they_go_all_the_same() -> None:
    world = World(node("n1", cpu="1"), node("n2", cpu="1"), low("a", "n1"), pod("b", cpu="1", priority=100, nodeName="n2"), high())
    world.gone("b")
    assert world.where("high") == "n2" and victims(world) == ["a"]


def test_a_victim_that_went_by_itself_is_not_deleted_again() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high())
    world.gone("a")
    assert victims(world) == [] and world.said("Preempted") == []
    assert world.where("high") == "n1"


def test_equal_priority_is_no_victim() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1", priority=100), high())
    assert not victims(world)
    assert world.message("high").endswith(ROOM + "0/1 nodes are available: 1 No preemption victims found for incoming pod.")


def test_a_pod_that_never_preempts_says_so() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high(preemptionPolicy="Never"))
    assert not victims(world)
    assert world.message("high").endswith("Insufficient cpu." + ROOM + "not eligible due to preemptionPolicy=Never.")


def test_a_node_that_stays_too_full_says_what_is_still_missing() -> None:
    world = World(node("n1", cpu="2"), low("a", "n1"), low("b", "n1", priority=100), high(cpu="2"))
    assert not victims(world)
    assert world.message("high").endswith(ROOM + "0/1 nodes are available: 1 Insufficient cpu.")


def test_as_few_go_as_possible_and_the_least_important_ones() -> None:
    world = World(node("n1", cpu="3"), low("a", "n1", priority=3), low("b", "n1", priority=1), low("c", "n1", priority=2), high())
    assert victims(world) == ["b"]
    world = World(node("n1", cpu="3"), low("a", "n1"), low("b", "n1", started_ms=50), low("c", "n1"), high())
    assert victims(world) == ["b"]


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        # The lowest of the highest victims.
        ([low("a", "n1", priority=2), low("b", "n2", priority=1)], ["b"]),
        # Then the smaller sum of priorities, which means fewer victims.
        ([low("a", "n1", cpu="500m"), low("b", "n1", cpu="500m"), low("c", "n2")], ["c"]),
        # Then the one that started later.
        ([low("a", "n1", started_ms=10), low("b", "n2", started_ms=20)], ["b"]),
        # Then the first in the node tree's order.
        ([low("a", "n1"), low("b", "n2")], ["a"]),
    ],
)
def test_the_node_on_which_it_hurts_least_is_chosen(there: list[Pod], chosen: list[str]) -> None:
    world = World(node("n1", cpu="1"), node("n2", cpu="1"), *there, high())
    assert victims(world) == chosen


def test_room_made_for_one_pod_is_not_taken_by_a_lesser_one() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high(), pod("thief", cpu="1", priority=1))
    world.gone("a")
    assert world.where("high") == "n1" and not world.where("thief")


def test_who_waits_for_victims_to_leave_does_not_ask_for_more() -> None:
    world = World(node("n1", cpu="1"), node("n2", cpu="1"), low("a", "n1"), low("b", "n2"), high())
    assert victims(world) == ["a"]
    world.put(node("n3", cpu="1", unschedulable=True))
    change(world, "n3", unschedulable=False)
    assert victims(world) == ["a"] and world.where("high") == "n3"


def test_removing_a_pod_that_repels_is_a_way_in() -> None:
    term = {"labelSelector": {"matchLabels": {"app": "web"}}, "topologyKey": "kubernetes.io/hostname"}
    anti = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}
    world = World(node("n1"), pod("w", labels={"app": "web"}, nodeName="n1"), high(affinity=anti))
    assert victims(world) == ["w"]


def test_a_spread_constraint_can_be_met_by_preemption() -> None:
    constraint = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {"matchLabels": {"a": "w"}}}
    nodes = [node("n1", labels={"zone": "a"}), node("n2", labels={"zone": "b"}, unschedulable=True)]
    target = replace(high(topologySpreadConstraints=[constraint]))
    target = replace(target, metadata=replace(target.metadata, labels=FrozenMap(a="w")))
    world = World(*nodes, pod("w", labels={"a": "w"}, nodeName="n1"), target)
    assert victims(world) == ["w"]


def test_deleting_the_nominated_pod_frees_its_room_for_others() -> None:
    world = World(node("n1", cpu="1"), low("a", "n1"), high(), pod("next", cpu="1", priority=1))
    world.store.delete(key_of(world.pod("high")))
    world.gone("a")
    assert world.where("next") == "n1"


def budget(app: str, allowed: int) -> Any:
    return decode({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": app, "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": app}}}, "status": {"disruptionsAllowed": allowed},
    })  # fmt: skip


def member(name: str, on: str, app: str, **more: Any) -> Pod:
    made = low(name, on, **more)
    return replace(made, metadata=replace(made.metadata, labels=FrozenMap(app=app)))


@pytest.mark.parametrize(
    ("allowed", "chosen"),
    [
        # The budget allows nothing: rather the pod of higher priority on the other node.
        (0, ["b"]),
        (1, ["a"]),
    ],
)
def test_a_node_without_a_violated_budget_is_preferred(allowed: int, chosen: list[str]) -> None:
    there = [member("a", "n1", "db", priority=1), member("b", "n2", "web", priority=2)]
    assert victims(World(node("n1", cpu="1"), node("n2", cpu="1"), budget("db", allowed), *there, high())) == chosen


def test_a_budget_spares_its_pod_if_another_will_do_but_does_not_stop_preemption() -> None:
    there = [member("a", "n1", "db", priority=1), member("b", "n1", "web", priority=2)]
    assert victims(World(node("n1", cpu="2"), budget("db", 0), *there, high())) == ["b"]
    assert victims(World(node("n1", cpu="2"), budget("db", 0), *there, high(cpu="2"))) == ["a", "b"]


@pytest.mark.parametrize("spec", [{"selector": {}}, {}, None])
def test_a_budget_without_a_selector_protects_nobody_from_preemption(spec: Any) -> None:
    broken = decode(
        {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "b", "namespace": "default"}, "spec": spec}
    )
    assert victims(World(node("n1", cpu="1"), broken, member("a", "n1", "db"), high())) == ["a"]
