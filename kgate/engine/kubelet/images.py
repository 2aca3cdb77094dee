"""The images of every node, and the one pull at a time that each makes (pkg/kubelet/images/{image_manager,puller}.go)."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from kgate.engine.api.core import Container
from kgate.engine.api.meta import Millis
from kgate.engine.behaviour import ImageBehaviour


class Pull(Struct, frozen=True, kw_only=True):
    """What comes of asking for an image."""

    done_ms: Millis
    took_ms: Millis = 0
    waited_ms: Millis = 0
    """Of the time until then, how long other pulls of the node came first."""
    pulled: bool = False
    """False when the image was there."""
    error: str = ""
    never: bool = False
    """The policy forbids to pull it."""


class Images:
    """By node: since when an image is there, and until when the node is busy pulling (serializeImagePulls)."""

    def __init__(self) -> None:
        self._there: dict[tuple[str, str], Millis] = {}
        self._busy: dict[str, Millis] = {}

    def request(self, node: str, container: Container, manners: ImageBehaviour, now_ms: Millis) -> Pull:
        """An image whose behaviour does not say how long its pull takes is on every node."""
        key = (node, container.image)
        if manners.pull_ms is None and not manners.pull_error:
            return Pull(done_ms=now_ms)
        there = self._there.get(key)
        if container.image_pull_policy == "Never" and there is None:
            return Pull(done_ms=now_ms, never=True)
        if there is not None and not manners.pull_error:
            done = max(now_ms, there)
            return Pull(done_ms=done, waited_ms=done - now_ms, pulled=container.image_pull_policy == "Always")
        begun = max(now_ms, self._busy.get(node, 0))
        done = begun + (manners.pull_ms or 0)
        self._busy[node] = done
        if not manners.pull_error:
            self._there[key] = done
        return Pull(done_ms=done, took_ms=done - begun, waited_ms=begun - now_ms, pulled=True, error=manners.pull_error)

    def seen(self, node: str, images: Iterable[str]) -> None:
        """The node has these from the beginning."""
        for image in images:
            self._there.setdefault((node, image), 0)

    def forget(self, node: str) -> None:
        """The node is gone, and its disk with it."""
        self._busy.pop(node, None)
        self._there = {k: v for k, v in self._there.items() if k[0] != node}
