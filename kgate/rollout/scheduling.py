"""`scheduler:` of a cluster file or a scenario: what its scheduler does beyond kube-scheduler's default profile."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from kgate.manifest import Path
from kgate.rollout.fields import Fields

if TYPE_CHECKING:
    from kgate.engine.scheduler.profile import Profile


class SchedulerSpec(Struct, frozen=True, kw_only=True):
    """Everything is off, as in Kubernetes, unless somebody switches it on."""

    bandwidth: bool = False
    """Nodes take pods only as far as their declared network bandwidth goes."""


def read_scheduler(value: object, path: Path) -> SchedulerSpec:
    body = Fields({} if value is None else value, path, ("bandwidth",), "scheduler")
    return SchedulerSpec(bandwidth=body.flag("bandwidth"))


def profile(spec: SchedulerSpec, kubernetes_version: str = "1.36") -> Profile:
    """The plugins that such a scheduler runs."""
    from kgate.engine.scheduler.profile import default_profile

    return default_profile(kubernetes_version, bandwidth=spec.bandwidth)
