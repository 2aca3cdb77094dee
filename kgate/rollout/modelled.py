"""What the engine does not model yet, in one place. What is named here is never played as if it did not matter."""

from __future__ import annotations

AUTOSCALERS = frozenset({"HorizontalPodAutoscaler", "VerticalPodAutoscaler"})
WORKLOADS = frozenset({"StatefulSet", "DaemonSet", "Job", "CronJob"})
"""They have pods of their own."""
UNPLAYABLE = AUTOSCALERS | WORKLOADS
"""Kinds that change what becomes of Deployments and their pods wherever they are."""

NODE_VERBS = frozenset({"stop", "start", "delete"})
"""What a scenario may do to a node and the engine's controllers would have to answer."""
EVICTING_EFFECT = "NoExecute"
