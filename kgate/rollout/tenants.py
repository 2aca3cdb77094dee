"""The pods of others in a cluster file: those with a life of their own, beside what `used` takes of each node."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from msgspec import Struct

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields, did_you_mean, refuse

MOST_PODS = 20_000
SYSTEM_CLASSES = ("system-node-critical", "system-cluster-critical")

_KEYS = (
    "name", "namespace", "labels", "requests", "limits", "node", "count", "deployment", "priorityClass", "nodeSelector", "affinity",
    "tolerations", "hostPorts", "image",
)  # fmt: skip


class Tenant(Struct, frozen=True, kw_only=True):
    """One pod. Without a node the scheduler of the rehearsal finds it one."""

    body: Mapping[str, Any]
    deployment: str = ""
    """It belongs to that Deployment of its namespace, and is left out where that is rehearsed itself."""
    path: Path = ()

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def namespace(self) -> str:
        return str(self.body["metadata"]["namespace"])


def read_tenants(whole: Fields, nodes: Collection[str], classes: Collection[str]) -> tuple[Tenant, ...]:
    """`nodes` and `classes` are the names that the file defines. Raises SettingError."""
    found: dict[tuple[str, str], Tenant] = {}
    for path, entry in whole.items("pods"):
        for tenant in _group(entry, path, nodes, classes):
            key = (tenant.namespace, tenant.name)
            if key in found:
                refuse(path, f"there are two pods {tenant.name!r} in namespace {tenant.namespace!r}")
            found[key] = tenant
        if len(found) > MOST_PODS:
            refuse(path, f"more than {MOST_PODS} pods")
    return tuple(found.values())


def _group(entry: object, path: Path, nodes: Collection[str], classes: Collection[str]) -> Iterator[Tenant]:
    body = Fields(entry, path, _KEYS, "a pod")
    name = body.text("name")
    if "node" in body and body.text("node") not in nodes:
        refuse(body.at("node"), f"there is no node {body.text('node')!r}", did_you_mean(body.text("node"), nodes))
    made = _pod(body, (*SYSTEM_CLASSES, *classes))
    count = body.whole("count", 1, most=MOST_PODS)
    for i in range(1, count + 1):
        metadata = {"name": f"{name}-{i}" if "count" in body else name, "namespace": body.text("namespace", "default")}
        labels = {"labels": body.texts("labels")} if "labels" in body else {}
        yield Tenant(body=made | {"metadata": metadata | labels}, deployment=body.text("deployment", ""), path=path)


def _pod(body: Fields, classes: Collection[str]) -> dict[str, Any]:
    """Of which class it is nobody says: then it is never preempted. An empty class is the cluster's default one."""
    named = body.text("priorityClass", SYSTEM_CLASSES[0])
    if named and named not in classes:
        refuse(body.at("priorityClass"), f"there is no priority class {named!r}", "priorityClasses: [{name: NAME, value: NUMBER}]")
    resources = {key: body.quantities(key) for key in ("requests", "limits") if key in body}
    container: dict[str, Any] = {"name": "other", "image": body.text("image", "other"), "resources": resources}
    if "hostPorts" in body:
        container["ports"] = [_port(value, path) for path, value in body.items("hostPorts")]
    spec: dict[str, Any] = {"containers": [container]} | ({"priorityClassName": named} if named else {})
    spec["tolerations"] = [dict(fields.mapping(t, p, "a toleration")) for p, t in body.items("tolerations")]
    if "node" in body:
        spec |= {"nodeName": body.text("node"), "tolerations": [{"operator": "Exists"}]}  # it is there, whatever the taints are
    if "nodeSelector" in body:
        spec["nodeSelector"] = body.texts("nodeSelector")
    if "affinity" in body:
        spec["affinity"] = dict(fields.mapping(body.raw("affinity"), body.at("affinity"), "affinity"))
    return {"apiVersion": "v1", "kind": "Pod", "spec": spec}


def _port(value: object, path: Path) -> dict[str, Any]:
    """A number, or a number with its protocol: `53/UDP`."""
    number, _, protocol = str(value).partition("/")
    if isinstance(value, bool) or not (number.isascii() and number.isdigit()) or protocol not in ("", "TCP", "UDP", "SCTP"):
        refuse(path, f"{str(value)[:40]!r} is no port", "8080 or 53/UDP")
    port = fields.whole(int(number[:6]), path, least=1, most=65535)
    return {"containerPort": port, "hostPort": port, "protocol": protocol or "TCP"}
