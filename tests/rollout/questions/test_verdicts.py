"""Every verdict in one table: a world in which it fails, the same with its fix, and the same where nothing can be known."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec import Struct

from tests.rollout.questions.conftest import NODES, Ask, Asked, deployment
from tests.rollout.questions.test_autoscalers import hpa, vpa
from tests.rollout.questions.test_budgets import budget
from tests.rollout.questions.test_concentration import ONE_ZONE
from tests.rollout.questions.test_deadline import PROBE
from tests.rollout.questions.test_domains import HOSTNAME, NO_SURGE_ROOM, ZONE, anti_affinity
from tests.rollout.questions.test_grace import hook
from tests.rollout.questions.test_node_loss import LARGE, ONE_GOES, THREE, tolerates
from tests.rollout.questions.test_preemption import CLASSES, SMALL, batch
from tests.rollout.questions.test_spread import SURGE, ZONES, spread
from tests.rollout.questions.test_surge_quota import SLOW, quota
from tests.rollout.questions.test_volumes import POD, claim

CPU = "resources: {requests: {cpu: 100m}}"
PORT = "ports: [{containerPort: 80, hostPort: 80}]"
RECREATE = "strategy: {type: Recreate}"
ELSEWHERE = "schedulerName: volcano"


class World(Struct, frozen=True, kw_only=True):
    """A Deployment that changes its image (and `replicas`, from `before`), with what is beside it in both versions."""

    replicas: int = 4
    before: int | None = None
    spec: str = ""
    pod: str = ""
    container: str = ""
    beside: str = ""
    image: str = "web:2"

    def texts(self, more: str = "") -> tuple[str, str]:
        pod = "\n".join(filter(None, (self.pod, more)))

        def version(image: str, replicas: int) -> str:
            return deployment(image, replicas=replicas, spec=self.spec, pod=pod, container=self.container) + self.beside

        return version(self.image, self.replicas), version("web:1", self.before or self.replicas)


SPREAD = spread(more=", matchLabelKeys: [pod-template-hash]")
FULL = "nodes: [{prefix: n-, count: 2, cpu: 4, memory: 8Gi}]"
WHOLE_NODE = "resources: {requests: {cpu: 3}}"
LOW = "strategy: {rollingUpdate: {maxUnavailable: 2}}"

TABLE: dict[str, tuple[str, World, World, str | None, dict[str, Any]]] = {
    # what it is about: question or finding, the world that fails, the one that is mended, the nodes, the settings
    "deadlock": (
        "rollout-does-not-converge",
        World(replicas=2, container=WHOLE_NODE, spec=NO_SURGE_ROOM),
        World(replicas=2, container=WHOLE_NODE, spec="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"),
        FULL,
        {},
    ),
    "surge and quota": (
        "surge-over-quota",
        World(replicas=6, spec=SURGE, beside=quota(7)),
        World(replicas=6, spec=SURGE.replace("maxSurge: 2", "maxSurge: 0"), beside=quota(7)),
        NODES,
        SLOW,
    ),
    "anti-affinity": (
        "too-few-domains",
        World(pod=anti_affinity(HOSTNAME), spec=NO_SURGE_ROOM),
        World(pod=anti_affinity(HOSTNAME), spec="strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}"),
        NODES,
        {},
    ),
    "one pod a zone": ("too-few-domains", World(replicas=3, pod=anti_affinity(ZONE)), World(replicas=2), NODES, {}),
    "host ports": (
        "too-few-domains",
        World(container=PORT, spec=NO_SURGE_ROOM),
        World(spec=NO_SURGE_ROOM, container="ports: [{containerPort: 80}]"),
        NODES,
        {},
    ),
    "skew": (
        "spread-skewed-after-rollout",
        World(replicas=6, spec=SURGE, pod=spread()),
        World(replicas=6, spec=SURGE, pod=SPREAD),
        ZONES,
        {},
    ),
    "one zone": ("all-in-one-zone", World(pod=ONE_ZONE), World(pod=f"{ONE_ZONE}\n{SPREAD}"), NODES, {}),
    "floor": ("below-floor", World(spec=LOW), World(), NODES, {"floors": {"*": 3}, "failures": {"node": 0}}),
    "floor without a zone": (
        "below-floor",
        World(),
        World(replicas=8, pod=SPREAD),
        NODES,
        {"floors": {"*": 2}, "failures": {"node": 0, "zone": 1}, "budget": 0},
    ),
    "node loss": (
        "node-loss-replacement",
        World(replicas=6, container=LARGE, spec=ONE_GOES),
        World(container=LARGE, spec=ONE_GOES),
        THREE,
        {},
    ),
    "node loss for ever": ("node-loss-replacement", World(pod=tolerates()), World(pod=tolerates(", tolerationSeconds: 5")), NODES, {}),
    "drain": ("drain-blocked", World(beside=budget("maxUnavailable: 0")), World(beside=budget("maxUnavailable: 1")), NODES, {}),
    "two budgets": (
        "two-budgets",
        World(beside=budget("maxUnavailable: 1") + budget("maxUnavailable: 1").replace("name: web,", "name: web2,")),
        World(beside=budget("maxUnavailable: 1")),
        NODES,
        {},
    ),
    "deadline": (
        "deadline-below-start",
        World(spec="progressDeadlineSeconds: 60", container=PROBE),
        World(spec="progressDeadlineSeconds: 180", container=PROBE),
        NODES,
        {},
    ),
    "replicas in git": ("replicas-against-autoscaler", World(container=CPU, beside=hpa()), World(container=CPU), NODES, {}),
    "maximum and capacity": (
        "autoscaler-over-capacity",
        World(container="resources: {requests: {cpu: 1500m}}", beside=hpa(most=12)),
        World(container="resources: {requests: {cpu: 1500m}}", beside=hpa(most=8)),
        NODES,
        {},
    ),
    "maximum and quota": (
        "autoscaler-over-capacity",
        World(container=CPU, beside=hpa() + quota(8)),
        World(container=CPU, beside=hpa(most=8) + quota(8)),
        NODES,
        {},
    ),
    "no requests": ("autoscaler-without-requests", World(beside=hpa()), World(container=CPU, beside=hpa()), NODES, {}),
    "both autoscalers": (
        "autoscalers-fight",
        World(container=CPU, beside=hpa() + vpa("Auto")),
        World(container=CPU, beside=hpa() + vpa("'Off'")),
        NODES,
        {},
    ),
    "preemption": (
        "preemption",
        World(
            replicas=3,
            before=2,
            pod="priorityClassName: high",
            container="resources: {requests: {cpu: 900m}}",
            beside=batch() + CLASSES,
            image="web:1",
        ),
        World(
            replicas=2,
            pod="priorityClassName: high",
            container="resources: {requests: {cpu: 900m}}",
            beside=batch() + CLASSES,
            image="web:1",
        ),
        SMALL,
        {},
    ),
    "preStop": (
        "grace-too-short",
        World(container=hook("{sleep: {seconds: 30}}")),
        World(container=hook("{sleep: {seconds: 30}}"), pod="terminationGracePeriodSeconds: 40"),
        NODES,
        {},
    ),
    "Recreate": ("recreate-downtime", World(spec=RECREATE), World(), NODES, {}),
    "ReadWriteOnce": (
        "volume-blocks-rollout",
        World(replicas=1, pod=POD, beside=claim("ReadWriteOnce")),
        World(replicas=1, pod=POD, spec=RECREATE, beside=claim("ReadWriteOnce")),
        NODES,
        {},
    ),
    "rollback": ("rollback", World(spec="revisionHistoryLimit: 0"), World(spec="revisionHistoryLimit: 10"), NODES, {}),
    "crash": (
        "crash-damage",
        World(spec="strategy: {rollingUpdate: {maxUnavailable: 100%}}"),
        World(spec="strategy: {rollingUpdate: {maxUnavailable: 0, maxSurge: 1}}"),
        NODES,
        {},
    ),
    "scale-up": (
        "scale-up-never-times-out",
        World(replicas=6, before=4, container=WHOLE_NODE, image="web:1"),
        World(replicas=4, before=3, container=WHOLE_NODE, image="web:1"),
        NODES,
        {},
    ),
}


def asked(ask: Ask, world: World, nodes: str | None, settings: dict[str, Any], more: str = "") -> Asked:
    behaviour = {"behaviour": settings} if "default" in settings else settings
    return ask(*world.texts(more), nodes=nodes, **behaviour)


@pytest.mark.parametrize("about", TABLE)
def test_it_fails_and_is_found_at_a_line(ask: Ask, about: str) -> None:
    question, failing, _, nodes, settings = TABLE[about]
    seen = asked(ask, failing, nodes, settings)
    assert question == "rollout-does-not-converge" or seen.level(question) in ("fails", "can-fail")
    # Where the rehearsal itself stands still for that cause, its own finding stays alone.
    assert seen.found(question) is not None or seen.found("rollout-does-not-converge") is not None


@pytest.mark.parametrize("about", TABLE)
def test_with_the_fix_the_engine_finds_nothing(ask: Ask, about: str) -> None:
    question, _, fixed, nodes, settings = TABLE[about]
    seen = asked(ask, fixed, nodes, settings)
    assert seen.level(question) in ("passes", "")
    assert seen.found(question) is None
    assert seen.rehearsal.verdict == "pass"


@pytest.mark.parametrize("about", TABLE)
def test_where_it_cannot_be_played_nothing_is_claimed(ask: Ask, about: str) -> None:
    question, failing, _, nodes, settings = TABLE[about]
    seen = asked(ask, failing, nodes, settings, more=ELSEWHERE)
    assert (seen.rehearsal.verdict, seen.level(question) in ("", "unknown")) == ("unknown", True)
    assert "'volcano' is not modelled" in seen.rehearsal.reason


@pytest.mark.parametrize("about", ["deadlock", "anti-affinity", "skew", "one zone", "node loss", "node loss for ever", "scale-up"])
def test_what_depends_on_nodes_never_fails_where_nobody_described_them(ask: Ask, about: str) -> None:
    question, failing, _, _, settings = TABLE[about]
    seen = asked(ask, failing, None, settings)
    assert seen.level(question) in ("", "unknown", "passes")
    assert seen.rehearsal.verdict != "fail"
