"""Sets the replicas of an autoscaler's target so that its metrics come near theirs (pkg/controller/podautoscaler/horizontal.go)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import ClassVar

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api import selector
from kgate.engine.api.autoscaling import HorizontalPodAutoscaler, HorizontalPodAutoscalerStatus, MetricSpec, MetricStatus
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key, LabelSelector, Millis
from kgate.engine.controllers.podautoscaler import behavior, scale, selectors
from kgate.engine.controllers.podautoscaler.behavior import Bounds, History
from kgate.engine.controllers.podautoscaler.conditions import ABLE_TO_SCALE, SCALING_ACTIVE, SCALING_LIMITED, with_condition
from kgate.engine.controllers.podautoscaler.metric import Asked, InvalidMetricError, Proposed, propose
from kgate.engine.controllers.podautoscaler.replica_calculator import Scene, Tolerances
from kgate.engine.controllers.podautoscaler.scale import NoScaleError, NotPlayedError, Scale
from kgate.engine.controllers.podautoscaler.settings import Settings
from kgate.engine.errors import ApiError
from kgate.engine.manager import Manager, Watch
from kgate.engine.metrics import MetricsSource
from kgate.engine.store import Store, key_of
from kgate.engine.trace import WatchEvent

SOURCE = "horizontal-pod-autoscaler"
GOT_SCALE = ("SucceededGetScale", "the HPA controller was able to get the target's current scale")
ABOVE, BELOW = "Current number of replicas above Spec.MaxReplicas", "Current number of replicas below Spec.MinReplicas"


class UncomputedError(Exception):
    """The metrics do not say how many replicas there should be; `statuses` are of those that could be read."""

    def __init__(self, message: str, statuses: tuple[MetricStatus, ...] = ()) -> None:
        super().__init__(message)
        self.statuses = statuses


class Computed(Struct, frozen=True, kw_only=True):
    """The highest proposal, what proposed it, and what was seen of every metric."""

    replicas: int
    name: str
    statuses: tuple[MetricStatus, ...]


class Sync(Struct):
    """One look at one autoscaler. Mutable: the status as it is going to be written."""

    hpa: HorizontalPodAutoscaler
    status: HorizontalPodAutoscalerStatus
    history: History
    now_ms: Millis

    def note(self, type_: str, value: str, reason: str, message: str) -> None:
        self.status = with_condition(self.status, type_, value, reason, message, self.now_ms)

    def show(self, current: int, desired: int, metrics: tuple[MetricStatus, ...], *, rescaled: bool = False) -> None:
        last = self.now_ms // 1000 * 1000 if rescaled else self.status.last_scale_time_ms
        self.status = replace(
            self.status, current_replicas=current, desired_replicas=desired, current_metrics=metrics, last_scale_time_ms=last
        )


class HorizontalPodAutoscalerController:
    """Looks at every autoscaler once in a sync period, the first time one period after it appeared, whatever happens meanwhile."""

    name: ClassVar[str] = "horizontalpodautoscaler"
    background: ClassVar[bool] = True

    def __init__(self, store: Store, manager: Manager, metrics: MetricsSource, settings: Settings) -> None:
        self._store = store
        self._manager = manager
        self._metrics = metrics
        self._settings = settings
        self._histories: dict[Key, History] = {}
        self._selectors: dict[Key, LabelSelector | None] = {}
        """Of all autoscalers; None until one has been looked at."""
        self.watches = (Watch(HorizontalPodAutoscaler, self._noticed),)

    def reconcile(self, key: Key) -> Millis | None:
        hpa = self._store.get(HorizontalPodAutoscaler, key.namespace, key.name)
        if hpa is None:
            self._histories.pop(key, None)
            return None
        history = self._histories.setdefault(key, History())
        sync = Sync(hpa, hpa.status, history, self._store.now_ms)
        self._sync(sync)
        self._write(sync)
        return self._settings.sync_period_ms

    def _noticed(self, event: WatchEvent) -> Iterable[Key]:
        """Whatever changes, it waits for the end of the period."""
        if event.after is None:
            self._selectors.pop(event.key, None)
            return ()
        self._selectors.setdefault(event.key, None)
        self._manager.enqueue_after(self.name, event.key, self._settings.sync_period_ms)
        return ()

    def _sync(self, s: Sync) -> None:
        """reconcileAutoscaler, up to the write of the status."""
        spec = s.hpa.spec
        try:
            target = scale.get(self._store, s.hpa.metadata.namespace, spec.scale_target_ref)
        except NoScaleError as missing:
            self._warn(s, "FailedGetScale", str(missing))
            s.note(ABLE_TO_SCALE, "False", "FailedGetScale", f"the HPA controller was unable to get the target's current scale: {missing}")
            return
        except NotPlayedError as unknown:
            # Unlike upstream: what nothing here acts on is not scaled, and the condition says so.
            s.note(ABLE_TO_SCALE, "Unknown", "NotModelled", f"{unknown}: its scale is left as it is")
            return
        s.note(ABLE_TO_SCALE, "True", *GOT_SCALE)
        if not s.history.recommendations:
            s.history.recommendations.append(behavior.Dated(target.replicas, s.now_ms))
        self._decide(s, target)

    def _decide(self, s: Sync, target: Scale) -> None:
        current, low, high = target.replicas, s.hpa.spec.min_replicas, s.hpa.spec.max_replicas
        if current == 0:
            s.note(SCALING_ACTIVE, "False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")
            s.show(0, 0, ())
        elif current > high:
            self._rescale(s, target, high, ABOVE, ())
        elif current < (1 if low is None else low):
            self._rescale(s, target, 1 if low is None else low, BELOW, ())
        else:
            self._follow_metrics(s, target)

    def _follow_metrics(self, s: Sync, target: Scale) -> None:
        try:
            found = self._compute(s, target)
        except UncomputedError as unknown:
            s.show(target.replicas, s.status.desired_replicas, unknown.statuses)
            self._warn(s, "FailedComputeMetricsReplicas", str(unknown))
            return
        reason = ""
        if found.replicas > target.replicas:
            reason = f"{found.name} above target"
        elif found.replicas < target.replicas:
            reason = "All metrics below target"
        wanted = self._normalized(s, target.replicas, max(0, found.replicas))
        if wanted == target.replicas:
            s.show(target.replicas, wanted, found.statuses)
        else:
            self._rescale(s, target, wanted, reason, found.statuses)

    def _normalized(self, s: Sync, current: int, desired: int) -> int:
        spec, window = s.hpa.spec, self._settings.downscale_stabilization_ms
        bounds = Bounds(
            current=current, desired=desired, minimum=1 if spec.min_replicas is None else spec.min_replicas, maximum=spec.max_replicas
        )
        if spec.behavior is None:
            done = behavior.plain(s.history, bounds, window, s.now_ms)
        else:
            done = behavior.with_behavior(s.history, bounds, spec.behavior, window, s.now_ms)
        s.note(ABLE_TO_SCALE, "True", *done.able)
        s.note(SCALING_LIMITED, "True" if done.is_limited else "False", *done.limited)
        return done.replicas

    def _rescale(self, s: Sync, target: Scale, replicas: int, reason: str, statuses: tuple[MetricStatus, ...]) -> None:
        said = f"New size: {replicas}; reason: {reason}"
        try:
            scale.update(self._store, target, replicas)
        except ApiError as refused:
            self._warn(s, "FailedRescale", f"{said}; error: {refused.message}")
            message = f"the HPA controller was unable to update the target scale: {refused.message}"
            s.note(ABLE_TO_SCALE, "False", "FailedUpdateScale", message)
            s.show(target.replicas, s.status.desired_replicas, statuses)
            return
        s.note(ABLE_TO_SCALE, "True", "SucceededRescale", f"the HPA controller was able to update the target scale to {replicas}")
        self._manager.record(s.hpa, "Normal", "SuccessfulRescale", said, source=SOURCE)
        behavior.store_scale_event(s.history, s.hpa.spec.behavior, target.replicas, replicas, s.now_ms)
        s.show(target.replicas, replicas, statuses, rescaled=True)

    def _compute(self, s: Sync, target: Scale) -> Computed:
        """computeReplicasForMetrics: the highest valid proposal, unless an invalid one might have been higher and this scales down."""
        self._check_selector(s, target)
        specs = s.hpa.spec.metrics
        asked = self._asked(s, target)
        results = [self._proposed(s, asked, spec) for spec in specs]
        invalid = [r for r in results if isinstance(r, InvalidMetricError)]
        valid = [r for r in results if isinstance(r, Proposed)]
        statuses = tuple(r.status if isinstance(r, Proposed) else MetricStatus() for r in results)
        highest = _highest(valid)
        if invalid and (highest is None or highest.replicas < target.replicas):
            first = invalid[0]
            s.note(SCALING_ACTIVE, "False", first.reason, f"the HPA was unable to compute the replica count: {first.message}")
            said = f"invalid metrics ({len(invalid)} invalid out of {len(specs)}), first error is: {first.summary}"
            raise UncomputedError(said, statuses)
        name = highest.name if highest is not None else ""
        s.note(SCALING_ACTIVE, "True", "ValidMetricFound", f"the HPA was able to successfully calculate a replica count from {name}")
        return Computed(replicas=highest.replicas if highest is not None else 0, name=name, statuses=statuses)

    def _proposed(self, s: Sync, asked: Asked, spec: MetricSpec) -> Proposed | InvalidMetricError:
        try:
            return propose(asked, spec)
        except InvalidMetricError as unknown:
            self._warn(s, unknown.reason, unknown.message)
            return unknown

    def _asked(self, s: Sync, target: Scale) -> Asked:
        namespace = s.hpa.metadata.namespace
        pods = [p for p in self._store.list(Pod, namespace) if selector.matches(target.selector, p.metadata.labels)]
        scene = Scene(pods=pods, current=target.replicas, tolerances=self._tolerances(s.hpa), settings=self._settings, now_ms=s.now_ms)
        return Asked(
            source=self._metrics, namespace=namespace, selector=target.selector, scene=scene, status_replicas=target.status_replicas
        )

    def _tolerances(self, hpa: HorizontalPodAutoscaler) -> Tolerances:
        rules, usual = hpa.spec.behavior, self._settings.tolerance
        if rules is None or not self._settings.own_tolerance:
            return Tolerances(down=usual, up=usual)
        down, up = rules.scale_down.tolerance, rules.scale_up.tolerance
        return Tolerances(down=usual if down is None else down.nano / 10**9, up=usual if up is None else up.nano / 10**9)

    def _check_selector(self, s: Sync, target: Scale) -> None:
        """validateAndParseSelector: pods must have one autoscaler. Raises UncomputedError."""
        text = selectors.text(target.selector)
        if not text:
            self._warn(s, "SelectorRequired", "selector is required")
            s.note(SCALING_ACTIVE, "False", "InvalidSelector", "the HPA target's scale is missing a selector")
            raise UncomputedError("selector is required")
        key = key_of(s.hpa)
        self._selectors[key] = target.selector
        rivals = self._rivals(key, target.selector)
        if rivals:
            every = " ".join(sorted(f"{k.namespace}/{k.name}" for k in (key, *rivals)))
            said = f"pods by selector {text} are controlled by multiple HPAs: [{every}]"
            self._warn(s, "AmbiguousSelector", said)
            s.note(SCALING_ACTIVE, "False", "AmbiguousSelector", said)
            raise UncomputedError(said)

    def _rivals(self, key: Key, mine: LabelSelector) -> Sequence[Key]:
        """Other autoscalers whose target selects a pod of this one's target."""
        near = {k: sel for k, sel in self._selectors.items() if sel is not None and k.namespace == key.namespace and k != key}
        maybe = {k: sel for k, sel in near.items() if not selectors.apart(mine, sel)}
        if not maybe:
            return ()
        labels = [p.metadata.labels for p in self._store.list(Pod, key.namespace) if selector.matches(mine, p.metadata.labels)]
        return [k for k, sel in maybe.items() if any(selector.matches(sel, of) for of in labels)]

    def _warn(self, s: Sync, reason: str, message: str) -> None:
        self._manager.record(s.hpa, "Warning", reason, message, source=SOURCE)

    def _write(self, s: Sync) -> None:
        """Only what changed is written (updateStatusIfNeeded)."""
        if s.status != s.hpa.status:
            self._store.update_status(replace(s.hpa, status=s.status))


def _highest(proposals: Sequence[Proposed]) -> Proposed | None:
    """Of equal ones the first; a proposal of zero gives way to any other."""
    best: Proposed | None = None
    for proposal in proposals:
        if best is None or best.replicas == 0 or proposal.replicas > best.replicas:
            best = proposal
    return best
