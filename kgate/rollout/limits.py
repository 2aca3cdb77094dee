"""What a rehearsal cannot tell, and why. Unknown is never pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from kgate.manifest import Manifest
from kgate.rollout.stage import template_of
from kgate.rollout.written import items, mapping

MOST_PODS = 500
"""Replicas of one Deployment."""
MOST_PODS_TOGETHER = 2000
"""Replicas of all Deployments that share a cluster."""


def unknown(manifest: Manifest) -> str:
    """Why the rollout of this Deployment cannot be rehearsed; empty when it can."""
    spec = mapping(manifest.body.get("spec"))
    pod = mapping(template_of(manifest).get("spec"))
    if manifest.body.get("apiVersion") != "apps/v1":
        return f"only apps/v1 is modelled, not {manifest.api_version}"
    if spec.get("paused") is True:
        return "the Deployment is paused: nothing rolls out until it is resumed"
    if pod.get("schedulerName") not in (None, "", "default-scheduler"):
        return f"the scheduler {pod['schedulerName']!r} is not modelled"
    if pod.get("schedulingGates"):
        return "the pods have scheduling gates, and nothing here removes them"
    if pod.get("resourceClaims"):
        return "dynamic resource claims are not modelled"
    return ""


def claimed(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The volumes of a pod that are claims, its own ephemeral ones included."""
    for volume in items(pod.get("volumes")):
        if isinstance(volume, Mapping) and (volume.get("persistentVolumeClaim") or volume.get("ephemeral")):
            yield volume


def claim_of(volume: Mapping[str, Any]) -> str:
    """The name of the claim that a volume names; empty for an ephemeral one, whose claims are named after its pods."""
    name = mapping(volume.get("persistentVolumeClaim")).get("claimName")
    return name if isinstance(name, str) else ""


def replicas(manifest: Manifest) -> int:
    """As written; 1 when absent or no number."""
    written = mapping(manifest.body.get("spec")).get("replicas", 1)
    return written if isinstance(written, int) and not isinstance(written, bool) else 1
