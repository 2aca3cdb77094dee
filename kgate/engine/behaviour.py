"""How pods on this cluster start, fail and stop. It is data: what a rehearsal assumes, it can print."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from msgspec import Struct

from kgate.engine.api.meta import FrozenMap, Millis

Mode = Literal["ok", "flaky", "notready", "crash", "never"]

WORST_FIRST: tuple[Mode, ...] = ("never", "crash", "notready", "flaky", "ok")
"""A pod behaves as the worst of its containers."""


class ImageBehaviour(Struct, frozen=True, kw_only=True):
    """What differs for one image; None means as the whole cluster does.

    ok: Running and Ready after `startup_ms`. never: ImagePullBackOff, Pending. crash: CrashLoopBackOff, Running, not ready.
    notready: Running, never Ready. flaky: Ready, then not ready `unready_after_ms` later.
    """

    mode: Mode = "ok"
    startup_ms: Millis | None = None
    startup_least_ms: Millis | None = None
    """When it may be ready earlier than after `startup_ms`: after this at the earliest."""
    termination_ms: Millis | None = None
    unready_after_ms: Millis | None = None

    # A container of an image that says any of the following is played step by step: pull, start, probes, exits, restarts.
    pull_ms: Millis | None = None
    """Pulling it to a node that has it not; one pull at a time on a node. None: it is on every node."""
    pull_error: str = ""
    """Why no pull of it succeeds, as the registry would say."""
    start_ms: Millis | None = None
    """From the image being there to the container running. None: at once."""
    healthy_ms: Millis | None = None
    """From running until the app answers its probes; their timing then says when it is started and ready. None: at once."""
    unhealthy_after_ms: Millis | None = None
    """From running until it answers no probe any more, in every life of the container."""
    exit_after_ms: Millis | None = None
    """From running until it ends by itself. None: never, and an init container at once."""
    exit_code: int = 0
    pre_stop_ms: Millis | None = None
    """How long its preStop command takes. `preStop.sleep` says so itself."""

    @property
    def played(self) -> bool:
        """Whether its containers are played step by step."""
        return bool(self.pull_error) or any(
            ms is not None
            for ms in (self.pull_ms, self.start_ms, self.healthy_ms, self.unhealthy_after_ms, self.exit_after_ms, self.pre_stop_ms)
        )


class Behaviour(Struct, frozen=True, kw_only=True):
    """Of all nodes of a cluster."""

    startup_ms: Millis = 300
    """From binding to Running and Ready."""
    termination_ms: Millis = 100
    """From the deletionTimestamp until the pod is gone, at most its grace period."""
    serial_ms: Millis = 0
    """When positive, pods become ready one at a time over the whole cluster, in order of binding, at least this far apart."""
    images: FrozenMap[str, ImageBehaviour] = FrozenMap()  # frozen, so one for all
    """By full image reference, or by tag."""

    def of_image(self, image: str) -> ImageBehaviour:
        """The entry for the image, else for its tag, else the cluster's own."""
        tag = image.rpartition("/")[2].partition("@")[0].partition(":")[2]
        return self.images.get(image) or self.images.get(tag) or ImageBehaviour()

    def plays(self, images: Iterable[str]) -> bool:
        """Whether a pod of these images is played step by step."""
        return any(self.of_image(image).played for image in images)

    def of_pod(self, images: Iterable[str]) -> ImageBehaviour:
        """All of a pod's containers together: the worst mode, the longest times, the earliest failure."""
        each = [self.of_image(image) for image in images] or [ImageBehaviour()]
        return ImageBehaviour(
            mode=min((b.mode for b in each), key=WORST_FIRST.index),
            startup_ms=max(self.startup_ms if b.startup_ms is None else b.startup_ms for b in each),
            startup_least_ms=self._least_ms(each),
            termination_ms=max(self.termination_ms if b.termination_ms is None else b.termination_ms for b in each),
            unready_after_ms=min((b.unready_after_ms for b in each if b.unready_after_ms is not None), default=None),
        )

    def _least_ms(self, each: Sequence[ImageBehaviour]) -> Millis | None:
        """The slowest container decides; None when all of them always take equally long."""
        if all(b.startup_least_ms is None for b in each):
            return None
        usual = [self.startup_ms if b.startup_ms is None else b.startup_ms for b in each]
        return max(u if b.startup_least_ms is None else b.startup_least_ms for b, u in zip(each, usual, strict=True))
