"""Weighted buckets whose samples lose half of their weight in every half-life (vertical-pod-autoscaler/pkg/recommender/util).

Bucket n begins at first * (ratio^n - 1) / (ratio - 1): each is wider than the one before it by the same factor.
"""

from __future__ import annotations

import math

from msgspec import Struct

from kgate.engine.api.meta import Millis

EPSILON = 0.0001
"""A bucket that weighs less is empty."""
_MOST_HALF_LIVES = 100
"""Then all weights are scaled, before they outgrow a float."""


class Buckets(Struct, frozen=True, kw_only=True):
    """An exponential bucketing scheme."""

    first: float
    ratio: float
    count: int

    def find(self, value: float) -> int:
        if value < self.first:
            return 0
        return min(int(math.log(value * (self.ratio - 1) / self.first + 1) / math.log(self.ratio)), self.count - 1)

    def start(self, bucket: int) -> float:
        return float(self.first * (self.ratio**bucket - 1) / (self.ratio - 1)) if bucket else 0.0


def buckets(most: float, first: float, growth: float = 0.05) -> Buckets:
    """The last one begins at `most` or above."""
    ratio = 1 + growth
    count = math.ceil(math.log(most * growth / first + 1) / math.log(ratio)) + 1
    return Buckets(first=first, ratio=ratio, count=count)


CPU = buckets(1000.0, 0.01)
"""In cores."""
MEMORY = buckets(1e12, 1e7)
"""In bytes."""


class DecayingHistogram:
    """Mutable. A percentile is the end of the bucket it falls into, so it may be too high by a bucket."""

    def __init__(self, scheme: Buckets, half_life_ms: Millis) -> None:
        self._scheme = scheme
        self._half_life_ms = half_life_ms
        self._reference_ms: Millis = 0
        self._weights: dict[int, float] = {}
        self._total = 0.0

    def add(self, value: float, weight: float, at_ms: Millis) -> None:
        bucket, added = self._scheme.find(value), weight * self._factor(at_ms)
        self._weights[bucket] = self._weights.get(bucket, 0.0) + added
        self._total += added

    def subtract(self, value: float, weight: float, at_ms: Millis) -> None:
        """Takes back a sample that was added with the same numbers."""
        bucket, taken = self._scheme.find(value), weight * self._factor(at_ms)
        self._weights[bucket] = _left(self._weights.get(bucket, 0.0) - taken)
        self._total = _left(self._total - taken)

    @property
    def empty(self) -> bool:
        return not any(w >= EPSILON for w in self._weights.values())

    def percentile(self, share: float) -> float:
        """`share` is of 1. 0 when there are no samples."""
        filled = sorted(b for b, w in self._weights.items() if w >= EPSILON)
        if not filled:
            return 0.0
        low, high, threshold, total = filled[0], filled[-1], share * self._total, 0.0
        found = low
        for found in range(low, high + 1):
            total += self._weights.get(found, 0.0)
            if total >= threshold:
                break
        return self._scheme.start(found + 1 if found < self._scheme.count - 1 else found)

    def _factor(self, at_ms: Millis) -> float:
        if at_ms > self._reference_ms + self._half_life_ms * _MOST_HALF_LIVES:
            self._shift(at_ms)
        return float(2.0 ** ((at_ms - self._reference_ms) / self._half_life_ms))

    def _shift(self, to_ms: Millis) -> None:
        halves = (to_ms + self._half_life_ms // 2) // self._half_life_ms
        reference = halves * self._half_life_ms
        by = 2.0 ** ((self._reference_ms - reference) / self._half_life_ms)
        self._weights = {b: w * by for b, w in self._weights.items() if w * by >= EPSILON}
        self._total *= by
        self._reference_ms = reference


def _left(weight: float) -> float:
    return weight if weight >= EPSILON else 0.0
