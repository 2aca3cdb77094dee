"""Which rules of the server hold for which kind. Kinds that are not here have their schema and their metadata checked, and no more yet."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kgate.validate import apps, pod
from kgate.validate.cause import Body, Causes

CREATE: Mapping[tuple[str, str], Callable[[Body], Causes]] = {
    ("apps", "Deployment"): apps.deployment,
    ("apps", "ReplicaSet"): apps.replica_set,
    ("apps", "StatefulSet"): apps.stateful_set,
    ("apps", "DaemonSet"): apps.daemon_set,
    ("", "Pod"): pod.pod,
}

UPDATE: Mapping[tuple[str, str], Callable[[Body, Body], Causes]] = {
    ("apps", "Deployment"): apps.selector_update,
    ("apps", "ReplicaSet"): apps.selector_update,
    ("apps", "DaemonSet"): apps.selector_update,
    ("apps", "StatefulSet"): apps.selector_update,
}


def causes(body: Body, group: str, kind: str) -> Causes:
    if rules := CREATE.get((group, kind)):
        yield from rules(body)


def update_causes(body: Body, old: Body, group: str, kind: str) -> Causes:
    if rules := UPDATE.get((group, kind)):
        yield from rules(body, old)
