"""Which pods of a node a drain takes, leaves, or refuses to begin because of (staging/src/k8s.io/kubectl/pkg/drain/filters.go)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from kgate.engine.api import names
from kgate.engine.api.core import Pod
from kgate.engine.api.meta import Key
from kgate.engine.errors import not_found
from kgate.engine.store import Store

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of pods that a kubelet runs from a file: the API server cannot stop them."""


class Verdict(Struct, frozen=True):
    """Of one filter, on one pod."""

    takes: bool
    kind: Literal["okay", "skip", "warning", "error"]
    message: str = ""


_OKAY = Verdict(True, "okay")
_SKIP = Verdict(False, "skip")


class Kept(Struct, frozen=True, kw_only=True):
    """What the filters leave. With `errors`, nothing is evicted."""

    pods: tuple[Pod, ...]
    warnings: str
    errors: tuple[str, ...]


class Filters:
    """The last filter's word counts, and the first that keeps a pod from going ends the matter."""

    def __init__(
        self,
        store: Store,
        *,
        force: bool = False,
        ignore_daemonsets: bool = False,
        delete_emptydir_data: bool = False,
        skip_deleted_s: int = 0,
    ) -> None:
        self._store = store
        self._force = force
        self._ignore_daemonsets = ignore_daemonsets
        self._delete_emptydir_data = delete_emptydir_data
        self._skip_deleted_s = skip_deleted_s

    def apply(self, pods: Iterable[Pod]) -> Kept:
        judged = [(pod, self._verdict(pod)) for pod in pods]
        warned, refused = _by_message(judged, "warning"), _by_message(judged, "error")
        return Kept(
            pods=tuple(pod for pod, verdict in judged if verdict.takes),
            warnings="; ".join(f"{message}: {', '.join(named)}" for message, named in warned.items()),
            errors=tuple(f"cannot delete {message}: {', '.join(named)}" for message, named in refused.items()),
        )

    def _verdict(self, pod: Pod) -> Verdict:
        verdict = _OKAY
        for judge in (self._long_deleted, self._of_daemonset, self._mirror, self._local_storage, self._unmanaged):
            verdict = judge(pod)
            if not verdict.takes:
                break
        return verdict

    def _long_deleted(self, pod: Pod) -> Verdict:
        due = pod.metadata.deletion_timestamp_ms
        if self._skip_deleted_s > 0 and due is not None and (self._store.now_ms - due) // 1000 > self._skip_deleted_s:
            return _SKIP
        return _OKAY

    def _of_daemonset(self, pod: Pod) -> Verdict:
        """Its controller would put the pod right back: such pods tolerate a cordoned node."""
        ref = pod.metadata.controller
        if ref is None or (ref.api_version, ref.kind) != ("apps/v1", "DaemonSet") or pod.terminal:
            return _OKAY
        if self._store.find(Key("DaemonSet", pod.metadata.namespace, ref.name)) is None:
            gone = not_found(names.resource("apps/v1", "DaemonSet"), ref.name).message
            return Verdict(True, "warning", gone) if self._force else Verdict(False, "error", gone)
        if not self._ignore_daemonsets:
            return Verdict(False, "error", "DaemonSet-managed Pods (use --ignore-daemonsets to ignore)")
        return Verdict(False, "warning", "ignoring DaemonSet-managed Pods")

    def _mirror(self, pod: Pod) -> Verdict:
        return _SKIP if MIRROR in pod.metadata.annotations else _OKAY

    def _local_storage(self, pod: Pod) -> Verdict:
        if pod.terminal or not any("emptyDir" in volume.rest for volume in pod.spec.volumes):
            return _OKAY
        if not self._delete_emptydir_data:
            return Verdict(False, "error", "Pods with local storage (use --delete-emptydir-data to override)")
        return Verdict(True, "warning", "deleting Pods with local storage")

    def _unmanaged(self, pod: Pod) -> Verdict:
        """Nobody would replace it."""
        if pod.terminal or pod.metadata.controller is not None:
            return _OKAY
        if not self._force:
            return Verdict(False, "error", "Pods that declare no controller (use --force to override)")
        return Verdict(True, "warning", "deleting Pods that declare no controller")


def _by_message(judged: Iterable[tuple[Pod, Verdict]], kind: str) -> dict[str, list[str]]:
    # Unlike upstream: messages come in the order of the pods, not in a random one.
    found: dict[str, list[str]] = {}
    for pod, verdict in judged:
        if verdict.kind == kind:
            found.setdefault(verdict.message, []).append(f"{pod.metadata.namespace}/{pod.metadata.name}")
    return found
