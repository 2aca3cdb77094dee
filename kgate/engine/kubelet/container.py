"""One container on a node, step by step (pkg/kubelet/kuberuntime/{kuberuntime_manager,kuberuntime_container}.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from msgspec import Struct, field

from kgate.engine.api.codec import timestamp
from kgate.engine.api.core import Container, ContainerStatus
from kgate.engine.api.meta import NO_REST, FrozenMap, Millis, Rest
from kgate.engine.behaviour import ImageBehaviour
from kgate.engine.kubelet.backoff import Backoff
from kgate.engine.kubelet.images import Images, Pull
from kgate.engine.kubelet.prober import Health, Probe, probe_of, verdict_ms

Stage = Literal["waiting", "pulling", "unpullable", "creating", "running", "stopping", "ended", "crashing"]

TOLD_MS = 1_000
"""Unlike upstream: a failed pull reads ErrImagePull for this long, then ImagePullBackOff; there it depends on other syncs of the pod."""

LEAST_GRACE_MS = 2_000
"""What is left for SIGTERM however long preStop took (minimumGracePeriodInSeconds)."""


class Said(Struct, frozen=True):
    """An Event to be."""

    type: str
    reason: str
    message: str


class Life(Struct, kw_only=True):
    """What a kubelet knows of a container. `due_ms` is when its stage is over; None while nothing will end it."""

    spec: Container
    manners: ImageBehaviour
    node: str
    where: str
    """`name_namespace(uid)` of the pod, as messages show it."""
    once: bool = False
    """An init container that has to end before the next may begin."""
    restart: str = "Always"
    """Always, OnFailure or Never."""
    bound_ms: Millis = 0
    """When the pod came; probe workers tick from here."""
    grace_ms: Millis = 30_000
    stage: Stage = "waiting"
    due_ms: Millis | None = None
    since_ms: Millis = 0
    """When it began to run, or ended."""
    ready_ticks_ms: Millis = 0
    """The readiness worker ticks from the container's start, and again from when it is started."""
    unready_ms: Millis = 0
    """When it stopped being ready in this life; only later answers count."""
    started: bool = False
    ready: bool = False
    restarts: int = 0
    code: int = 0
    reason: str = "ContainerCreating"
    message: str = ""
    last: Rest = NO_REST
    crashes: Backoff = field(default_factory=Backoff)
    pulls: Backoff = field(default_factory=Backoff)
    pull: Pull | None = None
    said: list[Said] = field(default_factory=list)

    @property
    def alive(self) -> bool:
        return self.stage in ("running", "stopping")

    @property
    def begun(self) -> bool:
        """It has run at least once."""
        return self.alive or self.stage in ("ended", "crashing") or self.restarts > 0

    @property
    def done(self) -> bool:
        """It has ended and will not be started again."""
        return self.stage == "ended"

    @property
    def opens_the_way(self) -> bool:
        """The containers after this init container may begin."""
        return (self.done and self.code == 0) if self.once else (self.started and self.alive)

    def move(self, now_ms: Millis, images: Images) -> bool:
        """Does what is due. False when nothing is."""
        if self.stage == "waiting":
            self._ask(now_ms, images)
        elif self.due_ms is None or self.due_ms > now_ms:
            return False
        elif self.stage == "pulling":
            self._pulled(now_ms)
        elif self.stage == "unpullable":
            self._told(now_ms)
        elif self.stage == "creating":
            self._run(now_ms)
        elif self.stage == "running":
            self._change(now_ms)
        elif self.stage == "stopping":
            self._end(now_ms, self.code)
        elif self.stage == "crashing":
            self.crashes.next(self.since_ms, now_ms)
            self.restarts += 1
            self.stage = "waiting"
        return True

    def stop(self, now_ms: Millis, grace_ms: Millis, *, turn_ms: Millis | None = None, code: int = 0) -> Millis:
        """Asks it to end and returns when it will have: preStop, SIGTERM in its `turn_ms`, SIGKILL (killContainer).

        It ends with `code` when it ends in time. Asked again with less grace it is killed earlier.
        """
        if self.stage == "stopping" and self.due_ms is not None:
            self.due_ms = min(self.due_ms, max(now_ms + grace_ms, turn_ms or 0))
            return self.due_ms
        if not self.alive:
            self.stage, self.due_ms = ("ended", None) if self.begun else (self.stage, None)
            return now_ms
        hook = min(pre_stop_ms(self.spec, self.manners), grace_ms)
        asked = max(now_ms + hook, turn_ms or 0)
        killed = asked + max(LEAST_GRACE_MS, grace_ms - (asked - now_ms))
        ends = asked + (self.manners.termination_ms or 0)
        self.stage, self.due_ms, self.code = "stopping", min(ends, killed), 137 if ends > killed else code
        return self.due_ms

    # Stages

    def _ask(self, now_ms: Millis, images: Images) -> None:
        self.pull = images.request(self.node, self.spec, self.manners, now_ms)
        self.stage, self.due_ms = "pulling", self.pull.done_ms
        if self.pull.never:
            self._wait("ErrImageNeverPull", f'Container image "{self.spec.image}" is not present with pull policy of Never')
            self._say("Warning", "ErrImageNeverPull", self.message)
            self._say("Warning", "Failed", "Error: ErrImageNeverPull")
            self.due_ms = None
        elif self.pull.pulled:
            self._say("Normal", "Pulling", f'Pulling image "{self.spec.image}"')

    def _pulled(self, now_ms: Millis) -> None:
        assert self.pull is not None
        if self.pull.error:
            self._say("Warning", "Failed", f'Failed to pull image "{self.spec.image}": {self.pull.error}')
            self._say("Warning", "Failed", "Error: ErrImagePull")
            self._wait("ErrImagePull", self.pull.error)
            self.pulls.next(now_ms, now_ms)
            self.stage, self.due_ms = "unpullable", now_ms + TOLD_MS
            return
        if not self.pull.pulled:
            self._say("Normal", "Pulled", f'Container image "{self.spec.image}" already present on machine')
        else:
            spans = f"{_seconds(self.pull.took_ms)} ({_seconds(self.pull.took_ms + self.pull.waited_ms)} including waiting)"
            # Unlike upstream: without the image's size, which nobody told.
            self._say("Normal", "Pulled", f'Successfully pulled image "{self.spec.image}" in {spans}.')
        self.stage, self.due_ms = "creating", now_ms + (self.manners.start_ms or 0)

    def _told(self, now_ms: Millis) -> None:
        """Of the pull that failed; then it waits for the next one."""
        assert self.pull is not None
        if self.reason == "ImagePullBackOff":
            self.stage = "waiting"
            return
        said = f'Back-off pulling image "{self.spec.image}"'
        self._wait("ImagePullBackOff", f"{said}: ErrImagePull: {self.pull.error}")
        self._say("Normal", "BackOff", said)
        self._say("Warning", "Failed", "Error: ImagePullBackOff")
        self.due_ms = self.pulls.until(self.pulls.updated_ms)

    def _run(self, now_ms: Millis) -> None:
        self.stage, self.since_ms, self.ready_ticks_ms, self.unready_ms, self.code = "running", now_ms, now_ms, 0, 0
        self.reason = self.message = ""
        self._say("Normal", "Created", "Container created")
        self._say("Normal", "Started", "Container started")
        self.started = self._probe("startupProbe") is None
        self.ready = self.started and self._probe("readinessProbe") is None and not self.once
        self.due_ms = self._next()[0]

    def _change(self, now_ms: Millis) -> None:
        what = self._next()[1]
        if what == "exit":
            self._end(now_ms, self.manners.exit_code)
        elif what in ("startup", "liveness"):
            self._unhealthy(what.capitalize())
            self._kill(now_ms, what)
        elif what == "started":
            self.started, self.ready_ticks_ms = True, now_ms
            self.ready = self._probe("readinessProbe") is None
            self.due_ms = self._next()[0]
        else:
            self.ready = what == "ready"
            if not self.ready:
                self.unready_ms = now_ms + 1
                self._unhealthy("Readiness")
            self.due_ms = self._next()[0]

    def _next(self) -> tuple[Millis | None, str]:
        """What ends this state of a running container, and when; of what falls together the first in this list."""
        m, health = self.manners, self._health()
        ends = m.exit_after_ms if m.exit_after_ms is not None or not self.once else 0
        found: list[tuple[Millis | None, str]] = [(None if ends is None else self.since_ms + ends, "exit")]
        if not self.started:
            startup = self._probe("startupProbe")
            assert startup is not None
            asked = self.since_ms + startup.delay_ms
            found.append((verdict_ms(startup, self.bound_ms, asked, health, success=True), "started"))
            found.append((verdict_ms(startup, self.bound_ms, asked, health, success=False), "startup"))
        else:
            found += self._once_started(health)
        known = [(at, what) for at, what in found if at is not None]
        return min(known, key=lambda each: each[0]) if known else (None, "")

    def _once_started(self, health: Health) -> list[tuple[Millis | None, str]]:
        found: list[tuple[Millis | None, str]] = []
        begun = self.ready_ticks_ms
        if (liveness := self._probe("livenessProbe")) is not None:
            asked = max(begun, self.since_ms + liveness.delay_ms)
            found.append((verdict_ms(liveness, self.bound_ms, asked, health, success=False), "liveness"))
        if (readiness := self._probe("readinessProbe")) is not None:
            asked = max(begun, self.since_ms + readiness.delay_ms)
            if self.ready and health.until_ms is not None:
                lost = Health(0, health.until_ms)
                found.append((verdict_ms(readiness, begun, max(asked, health.until_ms), lost, success=False), "unready"))
            elif not self.ready:
                found.append((verdict_ms(readiness, begun, max(asked, self.unready_ms), health, success=True), "ready"))
        return found

    def _kill(self, now_ms: Millis, what: str) -> None:
        self._say("Normal", "Killing", f"Container {self.spec.name} failed {what} probe, will be restarted")
        probe = self._probe(f"{what}Probe")
        grace = probe.grace_ms if probe is not None and probe.grace_ms is not None else self.grace_ms
        self.stop(now_ms, grace, code=143)

    def _end(self, now_ms: Millis, code: int) -> None:
        ran = self.since_ms
        self.since_ms, self.code, self.started, self.ready = now_ms, code, False, False
        self.last = FrozenMap(terminated=self._terminated(ran))
        self.stage, self.due_ms = "ended", None
        if self.restart == "Never" or (code == 0 and (self.once or self.restart == "OnFailure")):
            return
        self.stage, self.due_ms = "crashing", self.crashes.until(now_ms)
        if self.due_ms > now_ms:
            wait = _seconds(self.crashes.wait_ms)
            self._wait("CrashLoopBackOff", f"back-off {wait} restarting failed container={self.spec.name} pod={self.where}")
            self._say("Warning", "BackOff", f"Back-off restarting failed container {self.spec.name} in pod {self.where}")

    # How it shows

    def status(self) -> ContainerStatus:
        return ContainerStatus(
            name=self.spec.name,
            image=self.spec.image,
            ready=self.ready or (self.once and self.done and self.code == 0),
            started=self.started,
            restart_count=self.restarts,
            state=self._state(),
            last_state=self.last if self.restarts or self.stage == "crashing" else NO_REST,
        )

    def _state(self) -> Rest:
        if self.alive:
            return FrozenMap(running=FrozenMap(startedAt=timestamp(self.since_ms)))
        if self.stage == "ended" or not self.reason:
            return self.last
        return FrozenMap(waiting=FrozenMap({"reason": self.reason} | ({"message": self.message} if self.message else {})))

    def _terminated(self, started_ms: Millis) -> Rest:
        reason = "Completed" if self.code == 0 else "Error"
        began, ended = timestamp(started_ms), timestamp(self.since_ms)
        return FrozenMap(exitCode=self.code, reason=reason, startedAt=began, finishedAt=ended)

    def _wait(self, reason: str, message: str) -> None:
        self.reason, self.message = reason, message

    def _unhealthy(self, probe: str) -> None:
        # Unlike upstream: told once it counts, not with every failed attempt, and without what the app answered.
        self._say("Warning", "Unhealthy", f"{probe} probe failed: ")

    def _say(self, type_: str, reason: str, message: str) -> None:
        self.said.append(Said(type_, reason, message))

    def _probe(self, name: str) -> Probe | None:
        return None if self.once else probe_of(self.spec, name)

    def _health(self) -> Health:
        m = self.manners
        until = None if m.unhealthy_after_ms is None else self.since_ms + m.unhealthy_after_ms
        return Health(self.since_ms + (m.healthy_ms or 0), until)


def pre_stop_ms(container: Container, manners: ImageBehaviour) -> Millis:
    """How long its preStop hook takes."""
    hook = container.rest.get("lifecycle", NO_REST).get("preStop")
    if not isinstance(hook, Mapping):
        return 0
    sleep = hook.get("sleep")
    if isinstance(sleep, Mapping) and isinstance(sleep.get("seconds"), int):
        return 1000 * int(sleep["seconds"])
    return manners.pre_stop_ms or 0


def _seconds(ms: Millis) -> str:
    """As Go writes a duration: 10s, 1m20s, 1.5s."""
    minutes, rest = divmod(ms, 60_000)
    seconds = f"{rest / 1000:g}s"
    if not minutes and 0 < ms < 1000:
        return f"{ms}ms"
    return f"{minutes}m{seconds}" if minutes else seconds
