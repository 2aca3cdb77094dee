"""All containers of one pod: who may begin, how the pod stands, how it ends (pkg/kubelet/kuberuntime/kuberuntime_manager.go)."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec.structs import replace

from kgate.engine.api.core import Container, Pod, PodStatus
from kgate.engine.api.meta import Millis
from kgate.engine.behaviour import Behaviour, ImageBehaviour
from kgate.engine.kubelet.container import Life, Said
from kgate.engine.kubelet.images import Images
from kgate.engine.kubelet.podstatus import status

CREATING = ("ContainerCreating", "PodInitializing")
"""How a container reads that has not come to anything yet."""


class PodWorker:
    """Plays a pod whose images' behaviour says how they start, answer and end."""

    def __init__(self, pod: Pod, behaviour: Behaviour, images: Images, now_ms: Millis) -> None:
        self._images = images
        self._grace_ms = 1000 * (pod.spec.termination_grace_period_seconds or 30)
        self.init = [self._life(pod, c, behaviour, now_ms, once=not c.sidecar) for c in pod.spec.init_containers]
        self.main = [self._life(pod, c, behaviour, now_ms, once=False) for c in pod.spec.containers]
        self._stopping_ms: Millis | None = None
        self._grace_given_ms: Millis = 0

    def work(self, now_ms: Millis) -> Millis | None:
        """Does all that is due, and returns when something is due again."""
        while any(life.move(now_ms, self._images) for life in self._admitted()):
            pass
        if all(life.done for life in self.main) and any(life.stage == "running" for life in self._sidecars()):
            return self._end_sidecars(now_ms)
        return min((life.due_ms for life in self._admitted() if life.due_ms is not None), default=None)

    def stop(self, deadline_ms: Millis, now_ms: Millis) -> Millis | None:
        """Ends the containers by `deadline_ms`: sidecars after all others, the last first. None when all have ended."""
        if self._stopping_ms is None or deadline_ms - self._stopping_ms < self._grace_given_ms:
            self._stopping_ms = now_ms
            self._grace_given_ms = max(0, deadline_ms - now_ms)
            turn = max((life.stop(now_ms, self._grace_given_ms) for life in self._others()), default=now_ms)
            for life in reversed(self._sidecars()):
                turn = life.stop(now_ms, self._grace_given_ms, turn_ms=turn)
        for life in self._every():
            if life.stage == "stopping":
                life.restart = "Never"
                life.move(now_ms, self._images)
        return min((life.due_ms for life in self._every() if life.stage == "stopping" and life.due_ms is not None), default=None)

    def _end_sidecars(self, now_ms: Millis) -> Millis:
        """Nobody is left to be served: the last goes first."""
        turn = now_ms
        for life in reversed(self._sidecars()):
            life.restart = "Never"
            turn = life.stop(now_ms, self._grace_ms, turn_ms=turn)
        return min((life.due_ms for life in self._sidecars() if life.due_ms is not None), default=now_ms)

    def status(self, pod: Pod, now_ms: Millis) -> PodStatus:
        return status(pod, self.init, self.main, now_ms, initialized=self._initialized())

    def news(self) -> list[Said]:
        """What happened since this was last asked."""
        told = [said for life in self._every() for said in life.said]
        for life in self._every():
            life.said.clear()
        return told

    def _admitted(self) -> Iterator[Life]:
        """Init containers one after another; then the others, of which each is pulled and created when the one before it has been."""
        if self._initialized():
            yield from self._sidecars()
            for life in self.main:
                yield life
                if life.stage in ("pulling", "creating") and life.reason in CREATING:
                    return
            return
        for life in self.init:
            yield life
            if not life.opens_the_way:
                return

    def _initialized(self) -> bool:
        """Once one of the others has begun, sidecars that start anew hold nobody up."""
        return any(life.begun for life in self.main) or all(life.opens_the_way for life in self.init)

    def _sidecars(self) -> list[Life]:
        return [life for life in self.init if not life.once]

    def _others(self) -> list[Life]:
        return [*(life for life in self.init if life.once), *self.main]

    def _every(self) -> list[Life]:
        return [*self.init, *self.main]

    def _life(self, pod: Pod, container: Container, behaviour: Behaviour, now_ms: Millis, *, once: bool) -> Life:
        meta, policy = pod.metadata, pod.spec.restart_policy or "Always"
        if once and policy == "Always":
            policy = "OnFailure"
        return Life(
            spec=container,
            manners=_manners(container, behaviour),
            node=pod.spec.node_name,
            where=f"{meta.name}_{meta.namespace}({meta.uid})",
            once=once,
            restart="Always" if container.sidecar and not once and container in pod.spec.init_containers else policy,
            bound_ms=now_ms,
            grace_ms=self._grace_ms,
            reason="ContainerCreating" if not pod.spec.init_containers else "PodInitializing",
        )


def _manners(container: Container, behaviour: Behaviour) -> ImageBehaviour:
    """The image's, in terms of what is played: startup is the time until the app answers, and modes are exits and silence."""
    m = behaviour.of_image(container.image)
    ends = behaviour.termination_ms if m.termination_ms is None else m.termination_ms
    m = replace(m, termination_ms=ends)
    if m.played:
        return m
    ready = behaviour.startup_ms if m.startup_ms is None else m.startup_ms
    match m.mode:
        case "never":
            return replace(m, pull_error="no such image")
        case "crash":
            return replace(m, exit_after_ms=ready, exit_code=1)
        case "notready":
            return replace(m, healthy_ms=ready, unhealthy_after_ms=ready)
        case "flaky":
            return replace(m, healthy_ms=ready, unhealthy_after_ms=ready + (m.unready_after_ms or 0))
    return replace(m, healthy_ms=ready)
