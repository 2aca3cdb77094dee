"""What one object of the set says of another: names that lead nowhere, ports that nobody opens, pods that nobody guards.

A name leads nowhere only when the whole set is there, and something of the named kind certainly lies beside the object that names it:
a repository without a single Secret gets its Secrets from elsewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from kgate.finding import Severity
from kgate.manifest import Manifest, Path
from kgate.policy.checks.probes import speaks_of
from kgate.policy.context import Context
from kgate.policy.inventory import MAX_CANDIDATES
from kgate.policy.nodes import at, entries, mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.selectors import selects, selects_equal
from kgate.policy.subjects import Pod, containers_of

_BUILT_IN = {"ConfigMap": ("kube-root-ca.crt", "openshift-service-ca.crt"), "ServiceAccount": ("default",)}
_BUILT_IN_SYSTEM = (
    "cluster-info", "coredns", "extension-apiserver-authentication", "kube-proxy", "kubeadm-config", "kubelet-config"
)  # fmt: skip
"""ConfigMaps that installers of clusters put into kube-system."""
_MAKERS: Mapping[str, tuple[str, ...]] = {
    "Secret": ("SealedSecret.bitnami.com", "ExternalSecret.external-secrets.io", "Certificate.cert-manager.io", "Issuer.cert-manager.io"),
    "ConfigMap": ("Bundle.trust.cert-manager.io",),
}
"""Kinds that make objects of another kind: beside one of them nothing is certainly absent."""


def dangling_service(manifest: Manifest, context: Context) -> Iterator[Violation]:
    selector = mapping(manifest.body, "spec", "selector")
    if not selector or not context.inventory.whole or text(manifest.body, "spec", "type") == "ExternalName":
        return
    if context.inventory.pods_with(manifest.namespace, selector):
        return
    if elsewhere := _elsewhere(manifest, selector, context):
        says = f"Service {manifest.name} selects pods of {elsewhere}, and a Service reaches only those of its own namespace"
        yield Violation(manifest=manifest, path=("spec", "selector"), message=says)
        return
    pods = islice(context.inventory.pods_in(manifest.namespace), MAX_CANDIDATES)
    beside = next((pod for pod in pods if context.inventory.together(manifest, pod.manifest)), None)
    if beside is not None and not context.inventory.has_custom_workloads:
        says = f"Service {manifest.name} selects no pod of the repository: {_shown(selector)}"
        yield Violation(manifest=manifest, path=("spec", "selector"), message=says)


def dangling_ingress(manifest: Manifest, context: Context) -> Iterator[Violation]:
    for path, service in _backends(manifest):
        if service and _absent(manifest, "Service", service, context):
            says = f"Ingress {manifest.name} sends requests to Service {service}, which is not there"
            yield Violation(manifest=manifest, path=path, message=says)


def dangling_policy(manifest: Manifest, context: Context) -> Iterator[Violation]:
    selector = at(manifest.body, "spec", "podSelector")
    if not isinstance(selector, dict) or not (selector.get("matchLabels") or selector.get("matchExpressions")):
        return
    if not context.inventory.whole or context.inventory.has_custom_workloads:
        return
    pods = list(islice(context.inventory.pods_in(manifest.namespace), MAX_CANDIDATES + 1))
    if len(pods) > MAX_CANDIDATES or any(selects(selector, pod.labels) for pod in pods):
        return
    if any(context.inventory.together(manifest, pod.manifest) for pod in pods):
        says = f"NetworkPolicy {manifest.name} selects no pod of the repository, so it guards none"
        yield Violation(manifest=manifest, path=("spec", "podSelector"), message=says)


def dangling_account(pod: Pod, context: Context) -> Iterator[Violation]:
    field = "serviceAccountName" if text(pod.body, "serviceAccountName") else "serviceAccount"
    name = text(pod.body, field)
    if name and _absent(pod.manifest, "ServiceAccount", name, context):
        says = f"{pod} runs as ServiceAccount {name}, which is not there, so no pod of it can be created"
        yield Violation(manifest=pod.manifest, path=(*pod.path, field), message=says)


def dangling_reference(pod: Pod, context: Context) -> Iterator[Violation]:
    """ConfigMaps, Secrets and claims that the pod cannot start without."""
    kind = context.params["kind"]
    for path, name in _references(pod, kind):
        if name and _absent(pod.manifest, kind, name, context):
            says = f"{pod} needs {kind} {name}, which is not there, so its containers do not start"
            yield Violation(manifest=pod.manifest, path=path, message=says)


def service_port(manifest: Manifest, context: Context) -> Iterator[Violation]:
    """A name that no pod of the Service gives to a port; a number only where every pod declares its ports."""
    selector = mapping(manifest.body, "spec", "selector")
    pods = context.inventory.pods_with(manifest.namespace, selector)
    pods = tuple(p for p in pods if context.inventory.together(manifest, p.manifest))
    if not pods:
        return
    for index, port in entries(manifest.body, "spec", "ports"):
        target = port.get("targetPort", port.get("port"))
        if not any(_offers(pod, target, port.get("protocol", "TCP")) for pod in pods):
            field = "targetPort" if "targetPort" in port else "port"
            says = f"Service {manifest.name} sends requests to port {target}, which {pods[0]} does not open"
            grave = None if isinstance(target, str) else Severity.WARNING  # the program may listen on what is not declared
            yield Violation(manifest=manifest, path=("spec", "ports", index, field), message=says, severity=grave)


def _elsewhere(manifest: Manifest, selector: Mapping[str, Any], context: Context) -> str:
    """The other namespace, when pods of the same file are certainly in one."""
    if not manifest.namespace:
        return ""
    near = (p for p in islice(context.inventory.pods, MAX_CANDIDATES) if p.manifest.file == manifest.file and p.manifest.namespace)
    return next((p.manifest.namespace for p in near if selects_equal(selector, p.labels)), "")


def _offers(pod: Pod, target: Any, protocol: Any) -> bool:
    ports = [port for c in containers_of(pod) for _, port in entries(c.body, "ports")]
    if isinstance(target, str) and not target.isdigit():
        return any(port.get("name") == target and port.get("protocol", "TCP") == protocol for port in ports)
    number = int(target) if isinstance(target, str) else target
    # What a container declares is no more than information, so a number is missed only where each of them declares something.
    silent = any(not any(True for _ in entries(c.body, "ports")) for c in containers_of(pod) if c.path[-2] == "containers")
    if silent or any(whole(port, "containerPort") == number for port in ports):
        return True
    return isinstance(number, int) and any(speaks_of(c, number) for c in containers_of(pod))


def _absent(manifest: Manifest, kind: str, name: str, context: Context) -> bool:
    inventory = context.inventory
    if not inventory.whole or name in _BUILT_IN.get(kind, ()) or "$" in name or "{" in name:
        return False
    if kind == "ConfigMap" and manifest.namespace == "kube-system" and name in _BUILT_IN_SYSTEM:
        return False
    if inventory.may_be_there(kind, manifest.namespace, name) or inventory.of_kind(*_MAKERS.get(kind, ())):
        return False
    return inventory.has_beside(kind, manifest) and not inventory.may_be_made(kind, manifest)


def _backends(manifest: Manifest) -> Iterator[tuple[Path, str]]:
    """Names of Services, in both forms that the API has had."""
    default = at(manifest.body, "spec", "defaultBackend")
    if isinstance(default, dict):
        yield ("spec", "defaultBackend", "service", "name"), text(default, "service", "name")
    for i, rule in entries(manifest.body, "spec", "rules"):
        for j, path in entries(rule, "http", "paths"):
            root: Path = ("spec", "rules", i, "http", "paths", j, "backend")
            yield (*root, "service", "name"), text(path, "backend", "service", "name")
            yield (*root, "serviceName"), text(path, "backend", "serviceName")


def _references(pod: Pod, kind: str) -> Iterator[tuple[Path, str]]:
    volume, field, env, env_from = _PLACES[kind]
    for i, item in entries(pod.body, "volumes"):
        source = mapping(item, volume)
        if source and source.get("optional") is not True:
            yield (*pod.path, "volumes", i, volume, field), text(source, field)
    for container in containers_of(pod):
        for i, item in entries(container.body, "env") if env else ():
            source = mapping(item, "valueFrom", env)
            if source and source.get("optional") is not True:
                yield (*container.path, "env", i, "valueFrom", env, "name"), text(source, "name")
        for i, item in entries(container.body, "envFrom") if env_from else ():
            source = mapping(item, env_from)
            if source and source.get("optional") is not True:
                yield (*container.path, "envFrom", i, env_from, "name"), text(source, "name")


_PLACES = {
    "ConfigMap": ("configMap", "name", "configMapKeyRef", "configMapRef"),
    "Secret": ("secret", "secretName", "secretKeyRef", "secretRef"),
    "PersistentVolumeClaim": ("persistentVolumeClaim", "claimName", "", ""),
}
"""By kind: a volume's key and its field, the key of a variable's source, the key of a source of many variables."""


def _shown(selector: Mapping[str, Any]) -> str:
    return ", ".join(f"{key}={value}" for key, value in islice(selector.items(), 4))
