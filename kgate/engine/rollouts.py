"""What `kubectl rollout` does and prints, and `kubectl get events` (s/kubectl/pkg/polymorphichelpers, pkg/printers/internalversion)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from kgate.engine.api.core import Event
from kgate.engine.controllers.deployment.revisions import HASH, NOT_COPIED, REVISION

Json = Mapping[str, Any]
CHANGE_CAUSE = "kubernetes.io/change-cause"


class RolloutError(Exception):
    """kubectl gives up, in its own words."""


def status(d: Json, revision: int = 0) -> tuple[str, bool]:
    """What `kubectl rollout status` prints, and whether the rollout is done. Raises RolloutError."""
    name, spec, now = d["metadata"]["name"], d["spec"], d.get("status", {})
    running = _revision(d)
    if revision > 0 and revision != running:
        raise RolloutError(f"desired revision ({revision}) is different from the running revision ({running})")
    if d["metadata"].get("generation", 0) > now.get("observedGeneration", 0):
        return "Waiting for deployment spec update to be observed...", False
    if any(c["type"] == "Progressing" and c.get("reason") == "ProgressDeadlineExceeded" for c in now.get("conditions", ())):
        raise RolloutError(f'deployment "{name}" exceeded its progress deadline')
    waiting = _waiting(spec.get("replicas", 1), now)
    if waiting:
        return f'Waiting for deployment "{name}" rollout to finish: {waiting}...', False
    return f'deployment "{name}" successfully rolled out', True


def _waiting(wanted: int, now: Json) -> str:
    total, updated, available = (now.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas"))
    if updated < wanted:
        return f"{updated} out of {wanted} new replicas have been updated"
    if total > updated:
        return f"{total - updated} old replicas are pending termination"
    return f"{available} of {updated} updated replicas are available" if available < updated else ""


def undo(d: Json, sets: Sequence[Json], to_revision: int) -> list[dict[str, Any]] | None:
    """The JSON patch that takes the Deployment back; None when its template is that already. Raises RolloutError."""
    target = _target(d["metadata"]["name"], sets, to_revision)
    if d["spec"].get("paused"):
        raise RolloutError("you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again")
    template = without_hash(target["spec"]["template"])
    if template == without_hash(d["spec"]["template"]):
        return None
    mine, theirs = (o["metadata"].get("annotations", {}) for o in (d, target))
    annotations = {k: v for k, v in mine.items() if k in NOT_COPIED} | {k: v for k, v in theirs.items() if k not in NOT_COPIED}
    return [
        {"op": "replace", "path": "/spec/template", "value": template},
        {"op": "replace", "path": "/metadata/annotations", "value": annotations},
    ]


def _target(name: str, sets: Sequence[Json], to_revision: int) -> Json:
    """The ReplicaSet of that revision; of the second highest for 0."""
    if to_revision != 0:
        found = next((rs for rs in sets if to_revision > 0 and _revision(rs) == to_revision), None)
        if found is None:
            raise RolloutError(f"unable to find specified revision {to_revision} in history")
        return found
    newest_first = sorted(sets, key=_revision, reverse=True)
    if len(newest_first) < 2:
        raise RolloutError(f'no rollout history found for deployment "{name}"')
    return newest_first[1]


def without_hash(template: Json) -> dict[str, Any]:
    """The template as the Deployment has it."""
    meta = template.get("metadata", {})
    labels = {k: v for k, v in meta.get("labels", {}).items() if k != HASH}
    return {**template, "metadata": {**meta, "labels": labels}}


def history(sets: Sequence[Json]) -> str:
    """What `kubectl rollout history` prints below its first line."""
    causes = {_revision(rs): rs["metadata"].get("annotations", {}).get(CHANGE_CAUSE) or "<none>" for rs in sets}
    if not causes:
        return "No rollout history found."
    return table([("REVISION", "CHANGE-CAUSE"), *((str(n), causes[n]) for n in sorted(causes))], least=0, padding=2)


def _revision(obj: Json) -> int:
    text = obj["metadata"].get("annotations", {}).get(REVISION, "")
    return int(text) if text.isascii() and text.isdigit() else 0


def events(found: Iterable[Event], now_ms: int, namespace: str) -> str:
    """What `kubectl get events --sort-by=.lastTimestamp` prints at that moment."""
    rows = [("LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE")]
    for e in sorted(found, key=lambda e: e.last_timestamp_ms or 0):
        about = f"{e.involved_object.kind.lower()}/{e.involved_object.name}"
        rows.append((age(now_ms - (e.last_timestamp_ms or 0)), e.type, e.reason, about, e.message.strip()))
    return table(rows) if len(rows) > 1 else f"No resources found in {namespace} namespace."


def table(rows: Sequence[Sequence[str]], *, least: int = 6, padding: int = 3) -> str:
    """Columns as wide as their widest cell and `padding` blanks, at least `least` (k8s.io/cli-runtime/pkg/printers/tabwriter.go)."""
    widths = [max(least, max(map(len, column)) + padding) for column in zip(*rows, strict=True)]
    return "\n".join("".join(cell.ljust(w) for cell, w in zip(row[:-1], widths, strict=False)) + row[-1] for row in rows)


def age(ms: int) -> str:
    """As kubectl tells it: 119s, 2m5s, 10m, 3h5m, 2d (apimachinery/pkg/util/duration/duration.go:HumanDuration)."""
    seconds = ms // 1000
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _two(minutes, "m", seconds % 60, "s")
    if hours < 3:
        return f"{minutes}m"
    if hours < 8:
        return _two(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _two(days, "d", hours % 24, "h")
    if days < 730:
        return f"{days}d"
    return _two(days // 365, "y", days % 365, "d") if days < 2920 else f"{days // 365}y"


def _two(large: int, unit: str, small: int, smaller: str) -> str:
    return f"{large}{unit}{small}{smaller}" if small else f"{large}{unit}"
