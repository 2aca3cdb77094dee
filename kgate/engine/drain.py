"""`kubectl drain` (staging/src/k8s.io/kubectl/pkg/drain/{drain,cordon}.go, pkg/cmd/drain/drain.go).

Cordons a node, refuses if a pod must not go, evicts the others side by side, tries refused ones again, and waits until all are gone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct
from msgspec.structs import replace

from kgate.engine.api.core import Node, Pod
from kgate.engine.api.meta import Millis
from kgate.engine.drainfilters import Filters, Kept
from kgate.engine.errors import ApiError, not_found
from kgate.engine.eviction import Eviction, evict
from kgate.engine.manager import Manager
from kgate.engine.store import Store, key_of

FOREVER_MS = 3_600_000
"""A drain without a timeout is given up after an hour in which no pod was let go although the cluster never came to rest."""


class DrainOptions(Struct, frozen=True, kw_only=True):
    """kubectl's flags, by their names."""

    force: bool = False
    ignore_daemonsets: bool = False
    delete_emptydir_data: bool = False
    disable_eviction: bool = False
    """Deletes the pods, whatever their budgets say."""
    grace_period_s: int | None = None
    timeout_ms: Millis | None = None
    """None: for ever, which ends here when nothing can change any more."""
    skip_wait_for_delete_timeout_s: int = 0
    retry_ms: Millis = 5_000
    """After a refused eviction. Not a flag."""
    poll_ms: Millis = 1_000
    """Between two looks whether an evicted pod is gone. Not a flag."""


NO_OPTIONS = DrainOptions()


class Attempt(Struct, frozen=True, kw_only=True):
    """One request to evict or delete a pod. `refused` is the API server's answer when it did not."""

    time_ms: Millis
    namespace: str
    pod: str
    refused: ApiError | None = None


class Drained(Struct, frozen=True, kw_only=True):
    """What came of it. Without `errors` the node has been drained."""

    lines: tuple[str, ...]
    """What kubectl prints, standard output and error together."""
    attempts: tuple[Attempt, ...]
    errors: tuple[str, ...]
    blocked: bool = False
    """kubectl would still be trying: nothing in the cluster changes any more, and some budget still refuses."""


class _Going(Struct):
    """A pod on its way out. `pod` is it as it was when its eviction was last asked for."""

    pod: Pod
    due_ms: Millis
    seen: int = -1
    """The store's resourceVersion when it was last looked at."""
    granted: bool = False
    done: bool = False


class Drain:
    """One run of the command. `at_rest` says whether nothing in the cluster will change by itself any more."""

    def __init__(self, store: Store, manager: Manager, options: DrainOptions, at_rest: Callable[[], bool]) -> None:
        self._store = store
        self._manager = manager
        self._options = options
        self._at_rest = at_rest
        self._begun_ms = self._granted_ms = manager.now_ms
        self._lines: list[str] = []
        self._attempts: list[Attempt] = []
        self._errors: list[str] = []
        self._blocked = False

    def run(self, node: str) -> Drained:
        """Time passes. Raises ApiError 404 when there is no such node."""
        self._cordon(node)
        kept = self._filtered(node)
        self._errors += kept.errors
        if not kept.errors:
            self._lines += [f"Warning: {kept.warnings}"] if kept.warnings else []
            self._empty(node, kept.pods)
        self._conclude(node)
        return Drained(lines=tuple(self._lines), attempts=tuple(self._attempts), errors=tuple(self._errors), blocked=self._blocked)

    def _cordon(self, name: str) -> None:
        node = self._store.get(Node, "", name)
        if node is None:
            raise not_found("nodes", name)
        self._lines.append(f"node/{name} {'already ' if node.spec.unschedulable else ''}cordoned")
        self._store.update(replace(node, spec=replace(node.spec, unschedulable=True)))
        self._manager.settle()

    def _filtered(self, node: str) -> Kept:
        o = self._options
        filters = Filters(
            self._store,
            force=o.force,
            ignore_daemonsets=o.ignore_daemonsets,
            delete_emptydir_data=o.delete_emptydir_data,
            skip_deleted_s=o.skip_wait_for_delete_timeout_s,
        )
        return filters.apply(self._store.pods_on(node))

    def _empty(self, node: str, pods: Sequence[Pod]) -> None:
        going = [_Going(pod=pod, due_ms=self._manager.now_ms) for pod in pods]
        while going and not self._blocked:
            for each in going:
                if each.due_ms <= self._manager.now_ms:
                    self._step(each)
            self._manager.settle()
            going = [each for each in going if not each.done]
            if going:
                self._pass_time(going)
        if self._errors:
            left = [f"pod/{pod.metadata.name}" for pod in self._filtered(node).pods]
            said = f'There are pending pods in node "{node}" when an error occurred: {_aggregate(self._errors)}'
            self._lines += [said, *left] if left else []

    def _pass_time(self, going: Sequence[_Going]) -> None:
        """To the next look at one of them, if it can find anything that the last one did not."""
        if self._options.timeout_ms is None:
            news = any(each.seen != self._store.resource_version or self._may_be_skipped(each) for each in going)
            self._blocked = (not news and self._at_rest()) or self._manager.now_ms - self._granted_ms > FOREVER_MS
        if not self._blocked:
            self._manager.run_until(min(each.due_ms for each in going))

    def _may_be_skipped(self, going: _Going) -> bool:
        """Time alone ends the wait for it."""
        return going.granted and self._options.skip_wait_for_delete_timeout_s > 0

    def _step(self, going: _Going) -> None:
        if going.granted:
            self._await_end(going)
        elif self._options.disable_eviction:
            self._delete(going)
        else:
            self._evict(going)
        going.seen = self._store.resource_version

    def _evict(self, going: _Going) -> None:
        meta = going.pod.metadata
        self._lines.append(f"evicting pod {meta.namespace}/{meta.name}")
        about = f'error when evicting pods/"{meta.name}" -n "{meta.namespace}"'
        if self._timed_out:
            going.done = self._fail(f"{about}: global timeout reached: {_span(self._options.timeout_ms or 0)}")
            return
        refused = self._attempt(meta.namespace, meta.name)
        if refused is None:
            going.granted, self._granted_ms = True, self._manager.now_ms
            self._await_end(going)
        elif refused.code == 404:
            going.done = True
        elif refused.code == 429:
            self._lines.append(f"{about} (will retry after {_span(self._options.retry_ms)}): {refused.message}")
            going.due_ms = self._manager.now_ms + self._options.retry_ms
            # The next attempt is for whatever pod has that name by now.
            going.pod = self._store.get(Pod, meta.namespace, meta.name) or going.pod
        else:
            going.done = self._fail(f"{about}: {refused.message}")

    def _attempt(self, namespace: str, pod: str) -> ApiError | None:
        refused: ApiError | None = None
        try:
            evict(self._store, namespace, pod, Eviction(grace_s=self._options.grace_period_s))
        except ApiError as e:
            refused = e
        self._attempts.append(Attempt(time_ms=self._manager.now_ms, namespace=namespace, pod=pod, refused=refused))
        self._manager.settle()
        return refused

    def _delete(self, going: _Going) -> None:
        meta = going.pod.metadata
        if self._store.get(Pod, meta.namespace, meta.name) is not None:
            self._store.delete(key_of(going.pod), grace_seconds=self._options.grace_period_s)
        self._attempts.append(Attempt(time_ms=self._manager.now_ms, namespace=meta.namespace, pod=meta.name))
        self._manager.settle()
        going.granted = True
        self._await_end(going)

    def _await_end(self, going: _Going) -> None:
        """waitForDelete: gone, or another pod of that name, or too long on its way out to wait for."""
        meta = going.pod.metadata
        pod = self._store.get(Pod, meta.namespace, meta.name)
        if pod is None or pod.metadata.uid != meta.uid:
            self._lines.append(f"pod/{meta.name} {'deleted' if self._options.disable_eviction else 'evicted'}")
            going.done = True
        elif self._overdue(pod):
            skipped = self._options.skip_wait_for_delete_timeout_s
            self._lines.append(f'pod "{meta.name}" has DeletionTimestamp older than {skipped} seconds, skipping')
            going.done = True
        elif self._timed_out:
            about = f'error when waiting for pod "{meta.name}" in namespace "{meta.namespace}" to terminate: '
            going.done = self._fail(f"{'' if self._options.disable_eviction else about}context deadline exceeded")
        else:
            next_ms = self._manager.now_ms + self._options.poll_ms
            going.due_ms = next_ms if self._options.timeout_ms is None else min(next_ms, self._deadline_ms)

    def _overdue(self, pod: Pod) -> bool:
        limit, due = self._options.skip_wait_for_delete_timeout_s, pod.metadata.deletion_timestamp_ms
        return limit > 0 and due is not None and (self._manager.now_ms - due) // 1000 > limit

    @property
    def _deadline_ms(self) -> Millis:
        return self._begun_ms + (self._options.timeout_ms or 0)

    @property
    def _timed_out(self) -> bool:
        return self._options.timeout_ms is not None and self._manager.now_ms >= self._deadline_ms

    def _fail(self, said: str) -> bool:
        self._errors.append(said)
        return True

    def _conclude(self, node: str) -> None:
        if self._blocked:
            return
        if not self._errors:
            self._lines.append(f"node/{node} drained")
            return
        said = _aggregate(self._errors)
        self._lines += [
            f'error: unable to drain node "{node}" due to error: {said}, continuing command...',
            "There are pending nodes to be drained:",
            f" {node}",
            said if said.startswith("error: ") else f"error: {said}",
        ]


def _aggregate(errors: Sequence[str]) -> str:
    """Several stand in brackets, each once (apimachinery/pkg/util/errors)."""
    each = list(dict.fromkeys(errors))
    return each[0] if len(each) == 1 else f"[{', '.join(each)}]"


def _span(ms: Millis) -> str:
    """As Go prints a duration: 5s, 1m30s, 2h0m0s, 500ms."""
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, seconds = divmod(ms, 60_000)
    hours, minutes = divmod(minutes, 60)
    parts = [f"{hours}h"] if hours else []
    parts += [f"{minutes}m"] if hours or minutes else []
    return "".join([*parts, f"{seconds / 1000:g}s"])
