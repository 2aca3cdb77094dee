"""All old pods go before the first new one comes (pkg/controller/deployment/recreate.go)."""

from __future__ import annotations

from kgate.engine.api.core import Pod
from kgate.engine.controllers.deployment.rolling import Step
from kgate.engine.controllers.deployment.sync import Sync


def scale_down_old(s: Sync) -> list[Step]:
    return [Step(rs.metadata.name, 0) for rs in s.old if rs.spec.replicas > 0]


def old_pods_running(s: Sync) -> bool:
    """A terminating pod still counts: only when it is gone may the new ones come."""
    if any(rs.status.replicas > 0 for rs in s.old):
        return True
    return any(not pod.terminal for rs in s.old for pod in s.store.owned_by(rs.metadata.uid, Pod))
