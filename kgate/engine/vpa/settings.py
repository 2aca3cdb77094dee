"""Flags of the recommender and the updater, by their own names (vertical-pod-autoscaler/docs/flags.md)."""

from __future__ import annotations

from msgspec import Struct

from kgate.engine.api.meta import Millis
from kgate.engine.flags import Flags

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
MEBI = 2**20


class Settings(Struct, frozen=True, kw_only=True):
    """The recommender and the updater look together, at every multiple of `interval_ms`."""

    interval_ms: Millis = MINUTE
    margin: float = 0.15
    min_cpu: int = 25
    """Of a whole pod, in thousandths of a core."""
    min_memory: int = 250 * MEBI
    target: float = 0.9
    lower: float = 0.5
    upper: float = 0.95
    confidence_ms: Millis = DAY
    half_life_ms: Millis = DAY
    memory_interval_ms: Millis = DAY
    """One peak of memory is kept for each."""
    oom_ratio: float = 1.2
    oom_least: int = 100 * MEBI
    min_replicas: int = 2
    eviction_tolerance: float = 0.5
    threshold: float = 0.1
    """A smaller change of requests is not worth an update."""
    lifetime_ms: Millis = 12 * HOUR
    """A younger pod is left alone while its requests are within the bounds."""
    quick_oom_ms: Millis = 10 * MINUTE
    """A container that is killed for its memory sooner is updated whatever the bounds say."""
    deferred_ms: Millis = 5 * MINUTE
    """How long a resize in place may wait for room (DeferredResizeUpdateTimeout)."""

    @classmethod
    def of(cls, flags: Flags) -> Settings:
        """Raises FlagError."""
        d = cls()
        return cls(
            interval_ms=flags.duration_ms("recommender-interval", d.interval_ms, least=1),
            margin=flags.number("recommendation-margin-fraction", d.margin),
            min_cpu=int(flags.number("pod-recommendation-min-cpu-millicores", d.min_cpu)),
            min_memory=int(flags.number("pod-recommendation-min-memory-mb", d.min_memory / MEBI) * MEBI),
            target=flags.number("target-cpu-percentile", d.target),
            confidence_ms=flags.duration_ms("confidence-interval-cpu", d.confidence_ms, least=1),
            half_life_ms=flags.duration_ms("cpu-histogram-decay-half-life", d.half_life_ms, least=1),
            memory_interval_ms=flags.duration_ms("memory-aggregation-interval", d.memory_interval_ms, least=1),
            oom_ratio=flags.number("oom-bump-up-ratio", d.oom_ratio),
            oom_least=int(flags.number("oom-min-bump-up-bytes", d.oom_least)),
            min_replicas=int(flags.number("min-replicas", d.min_replicas)),
            eviction_tolerance=flags.number("eviction-tolerance", d.eviction_tolerance),
            threshold=flags.number("pod-update-threshold", d.threshold),
            lifetime_ms=flags.duration_ms("in-recommendation-bounds-eviction-lifetime-threshold", d.lifetime_ms),
            quick_oom_ms=flags.duration_ms("evict-after-oom-threshold", d.quick_oom_ms),
        )
