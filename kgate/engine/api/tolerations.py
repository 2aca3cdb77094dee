"""Which taints a pod bears (component-helpers/scheduling/corev1/helpers.go, api/core/v1/toleration.go:ToleratesTaint)."""

from __future__ import annotations

from collections.abc import Iterable

from kgate.engine.api.core import Taint, Toleration

KEEPS_OUT = ("NoSchedule", "NoExecute")


def tolerates(tolerations: Iterable[Toleration], taint: Taint) -> bool:
    return any(_tolerates(t, taint) for t in tolerations)


def untolerated(tolerations: Iterable[Toleration], taints: Iterable[Taint], effects: tuple[str, ...] = KEEPS_OUT) -> Taint | None:
    """The first taint with one of the effects that no toleration bears."""
    for taint in taints:
        if taint.effect in effects and not tolerates(tolerations, taint):
            return taint
    return None


def matching(tolerations: tuple[Toleration, ...], taints: Iterable[Taint]) -> list[Toleration] | None:
    """For each taint the first toleration that bears it; None when there is none for one of them (GetMatchingTolerations)."""
    found = [next((t for t in tolerations if _tolerates(t, taint)), None) for taint in taints]
    return [t for t in found if t is not None] if None not in found else None


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    """An empty effect or key stands for all of them. Unlike upstream: Lt and Gt (alpha, off by default) tolerate nothing."""
    if toleration.effect not in ("", taint.effect) or toleration.key not in ("", taint.key):
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value
    return toleration.operator == "Exists"
