"""How answers speak of pods and moments, so that two questions say the same in the same words."""

from __future__ import annotations

from kgate.rollout.startup import span


def pods(n: int) -> str:
    """`no pods`, `1 pod`, `3 pods`."""
    return f"{'no' if n == 0 else n} pod{'' if n == 1 else 's'}"


def when(at_ms: int) -> str:
    """A moment in virtual time since the change was applied."""
    return f"{span(at_ms)} into the rollout" if at_ms else "as the rollout begins"
