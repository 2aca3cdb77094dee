"""How long a pod takes to become ready: what the settings say, else what its probes imply, else an assumption that is named."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.rollout.pods import PodManners
from kgate.rollout.settings import Behaviour
from kgate.rollout.written import mapping

ASSUMED_MS = 10_000
"""Ready after this when neither settings nor probes say anything."""

_MOST_S = 10**7


class Startup(Struct, frozen=True, kw_only=True):
    """Of one container."""

    image: str
    ms: int
    source: str
    """`settings`, `readinessProbe`, `startupProbe` or `assumed`."""

    @property
    def assumed(self) -> str:
        """What the report says of it; empty when the settings say it."""
        if self.source == "settings":
            return ""
        return f"{self.image} ready after {span(self.ms)}" + ("" if self.source == "assumed" else f" (from its {self.source})")


def span(ms: int) -> str:
    """`10s`, `0.5s`."""
    return f"{ms / 1000:g}s"


def startups(template: Mapping[str, Any], behaviour: Behaviour) -> tuple[Startup, ...]:
    """One for each container of a pod template, in order; sidecars and init containers are taken to be part of that time."""
    return tuple(_startup(c, behaviour) for c in containers(template))


def containers(template: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    found = mapping(template.get("spec")).get("containers")
    for container in found if isinstance(found, list) else ():
        if isinstance(container, Mapping):
            yield container


def _startup(container: Mapping[str, Any], behaviour: Behaviour) -> Startup:
    image = str(container.get("image") or "")
    manners = behaviour.of(image)
    started, ready = mapping(container.get("startupProbe")), mapping(container.get("readinessProbe"))
    if manners.played:
        return Startup(image=image, ms=_played_ms(manners, started, ready), source="settings")
    if manners.startup_ms is not None:
        return Startup(image=image, ms=manners.startup_ms, source="settings")
    if not started and not ready:
        return Startup(image=image, ms=ASSUMED_MS, source="assumed")
    return Startup(image=image, ms=_probed_s(started, ready) * 1000, source="readinessProbe" if ready else "startupProbe")


def _played_ms(manners: PodManners, started: Mapping[str, Any], ready: Mapping[str, Any]) -> int:
    """At the latest: its image has to be pulled, and a probe that just came too early comes a period later."""
    running = (manners.pull_ms or 0) + (manners.create_ms or 0)
    return running + (manners.healthy_ms or 0) + (_probed_s(started, ready) * 1000 if started or ready else 0)


def _probed_s(started: Mapping[str, Any], ready: Mapping[str, Any]) -> int:
    """The latest moment at which a container that answers its first probes is ready.

    The startup probe first succeeds within initialDelay + period; readiness is probed after that and after its own initialDelay,
    and needs successThreshold answers a period apart (pkg/kubelet/prober/worker.go). readiness of delay 5, period 10: 15 s.
    """
    begun = _whole(started, "initialDelaySeconds", 0) + _whole(started, "periodSeconds", 10) if started else 0
    if not ready:
        return begun
    answers = max(1, _whole(ready, "successThreshold", 1)) * max(1, _whole(ready, "periodSeconds", 10))
    return max(begun, _whole(ready, "initialDelaySeconds", 0)) + answers


def _whole(probe: Mapping[str, Any], key: str, default: int) -> int:
    value = probe.get(key)
    usable = isinstance(value, int) and not isinstance(value, bool)
    return min(max(0, value), _MOST_S) if usable else default  # type: ignore[type-var,return-value]
