"""Probes and ports: what a container answers on, and who asks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from kgate.edit import Edit
from kgate.manifest import Path
from kgate.policy.context import Context
from kgate.policy.nodes import at, entries, mapping, text, whole
from kgate.policy.policy import Violation
from kgate.policy.subjects import Container, Pod, Role, containers_of

_DEFAULT_GRACE_S = 30
_NUMBER = re.compile(r"[0-9]+")
_PROBES = ("livenessProbe", "readinessProbe", "startupProbe")


def liveness_missing(container: Container, context: Context) -> Iterator[Violation]:
    """`params.any_of` are the probes of which one is enough."""
    if not any(isinstance(container.body.get(probe), dict) for probe in context.params["any_of"]):
        yield _at(container, (), f"{container} has no {_told(context.params['any_of'])}, so it is not restarted when it hangs")


def identical(container: Container, context: Context) -> Iterator[Violation]:
    """The same question with the same patience: then readiness never gets to act before the restart does."""
    liveness, readiness = (mapping(container.body, probe) for probe in ("livenessProbe", "readinessProbe"))
    if liveness and _plain(liveness) == _plain(readiness):
        yield _at(container, ("livenessProbe",), f"{container} is restarted as soon as it is not ready: both probes are the same")


def port_undeclared(container: Container, context: Context) -> Iterator[Violation]:
    """A number that the pod knows nothing of is suspicious. Names are judged by validate.

    Ports need not be declared: one that a command, an argument or a variable of the container speaks of is opened on purpose.
    """
    declared = [port for _, port in entries(container.body, "ports")]
    if not declared or container.pod.body.get("hostNetwork") is True:
        return
    numbers = {whole(port, "containerPort") for c in containers_of(container.pod) for _, port in entries(c.body, "ports")}
    for place, action in _actions(container):
        port = action.get("port")
        host = text(action, "host")
        if isinstance(port, int) and port not in numbers and not host and not speaks_of(container, port):
            says = f"{container}: {place[0]} asks port {port}, which no container of the pod declares"
            yield _at(container, (*place, "port"), says)


def speaks_of(container: Container, port: int) -> bool:
    """Whether the number stands in the command, in an argument or in a variable of the container: `--health-probe-bind-address=:8081`."""
    spoken = [word for key in ("command", "args") for word in _words(container.body.get(key))]
    spoken += [text(variable, "value") for _, variable in entries(container.body, "env")]
    digits = str(port)
    return any(digits in word and digits in _NUMBER.findall(word) for word in spoken)


def _words(value: Any) -> list[str]:
    return [str(word) for word in value] if isinstance(value, list) else []


def privileged_port(container: Container, context: Context) -> Iterator[Violation]:
    """The port a process needs NET_BIND_SERVICE for, when all capabilities are dropped and none is added."""
    security = mapping(container.body, "securityContext", "capabilities")
    added = security.get("add")
    if isinstance(added, list) and ("NET_BIND_SERVICE" in added or "ALL" in added):
        return
    for index, port in entries(container.body, "ports"):
        number = whole(port, "containerPort")
        if number is not None and 0 < number < context.params["below"]:
            says = f"{container} listens on port {number}, which only root or NET_BIND_SERVICE may"
            yield _at(container, ("ports", index, "containerPort"), says)


def ssh_port(container: Container, context: Context) -> Iterator[Violation]:
    for index, port in entries(container.body, "ports"):
        if whole(port, "containerPort") in context.params["ports"] and port.get("protocol", "TCP") == "TCP":
            says = f"{container} opens port {port['containerPort']}, the port of a remote shell"
            yield _at(container, ("ports", index, "containerPort"), says)


def grace_too_short(pod: Pod, context: Context) -> Iterator[Violation]:
    """The kubelet counts the hook's time against the grace period, and kills what is left (pkg/kubelet/kuberuntime)."""
    written = whole(pod.body, "terminationGracePeriodSeconds")
    grace = _DEFAULT_GRACE_S if written is None else written
    for container in containers_of(pod):
        seconds = _sleep_s(mapping(container.body, "lifecycle", "preStop"))
        if seconds is not None and seconds >= grace and container.role in (Role.REGULAR, Role.SIDECAR):
            says = f"{container} sleeps {seconds} seconds before it is told to stop, and is killed after {grace}"
            path = (*pod.path, "terminationGracePeriodSeconds") if written is not None else (*container.path, "lifecycle", "preStop")
            edits = (Edit(path=(*pod.path, "terminationGracePeriodSeconds"), value=seconds + _DEFAULT_GRACE_S),)
            yield Violation(manifest=pod.manifest, path=path, message=says, edits=edits)


def _sleep_s(hook: Mapping[str, Any]) -> int | None:
    """`sleep: {seconds: 20}` and commands that end in `sleep 20`."""
    seconds = whole(hook, "sleep", "seconds")
    if seconds is not None:
        return seconds
    command = at(hook, "exec", "command")
    words = " ".join(str(word) for word in command).split() if isinstance(command, list) and len(command) <= 20 else []
    if len(words) > 1 and words[-2].rpartition("/")[2] == "sleep" and words[-1].isascii() and words[-1].isdigit() and len(words[-1]) < 7:
        return int(words[-1])
    return None


def _told(probes: list[str]) -> str:
    """`liveness probe`."""
    return " or ".join(probe.removesuffix("Probe") for probe in probes) + " probe"


def _plain(probe: Mapping[str, Any]) -> Mapping[str, Any]:
    """Without what is a default (pkg/apis/core/v1/defaults.go, SetDefaults_Probe)."""
    defaults = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3, "initialDelaySeconds": 0}
    return {**defaults, **{key: value for key, value in probe.items() if value}}


def _actions(container: Container) -> Iterator[tuple[tuple[str, str], Mapping[str, Any]]]:
    for probe in _PROBES:
        for action in ("httpGet", "tcpSocket", "grpc"):
            found = at(container.body, probe, action)
            if isinstance(found, dict):
                yield (probe, action), found


def _at(container: Container, place: Path, message: str) -> Violation:
    return Violation(manifest=container.manifest, path=(*container.path, *place), message=message)
