"""What the engine does not model yet, in one place. What is named here is never played as if it did not matter."""

from __future__ import annotations

WORKLOADS = frozenset({"StatefulSet", "DaemonSet", "Job", "CronJob"})
"""They have pods of their own."""
UNPLAYABLE = WORKLOADS
"""Kinds that change what becomes of Deployments and their pods wherever they are."""
