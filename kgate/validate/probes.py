"""Probes and lifecycle hooks (pkg/apis/core/validation/validation.go:validateProbe, validateHandler)."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate import formats
from kgate.validate.cause import Body, Causes, forbidden, invalid, items, not_supported, number, required, text
from kgate.validate.gates import Gates
from kgate.validate.meta import no_negative

_OF_PROBES = ("exec", "httpGet", "tcpSocket", "grpc")
_OF_HOOKS = ("exec", "httpGet", "tcpSocket", "sleep")
_NUMBERS = ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold")


def all_of(container: Body, path: Path, grace_s: int, on: Gates) -> Causes:
    lifecycle = container.get("lifecycle") or {}
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            yield from _handler(lifecycle[hook], _hooks(on), (*path, "lifecycle", hook), grace_s, on)
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(name)) is not None:
            yield from _probe(probe, name, (*path, name), grace_s, on)


def _hooks(on: Gates) -> tuple[str, ...]:
    return _OF_HOOKS if "PodLifecycleSleepAction" in on else _OF_HOOKS[:-1]


def _probe(probe: Body, name: str, path: Path, grace_s: int, on: Gates) -> Causes:
    """0 stands for the default, so that only what is below it is wrong."""
    yield from _handler(probe, _OF_PROBES, path, grace_s, on)
    for field in _NUMBERS:
        yield from no_negative(probe, field, path)
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield invalid((*path, "terminationGracePeriodSeconds"), grace, "must be greater than 0")
    if name == "readinessProbe":
        if grace is not None:
            yield invalid((*path, "terminationGracePeriodSeconds"), grace, "must not be set for readinessProbes")
    elif (threshold := number(probe, "successThreshold") or 1) != 1:
        yield invalid((*path, "successThreshold"), threshold, "must be 1")


def _handler(handler: Body, kinds: tuple[str, ...], path: Path, grace_s: int, on: Gates) -> Causes:
    present = [kind for kind in kinds if handler.get(kind) is not None]
    if not present:
        yield required(path, "must specify a handler type")
        return
    yield from _action(present[0], handler[present[0]], (*path, present[0]), grace_s, on)
    for kind in present[1:]:
        yield forbidden((*path, kind), "may not specify more than 1 handler type")


def _action(kind: str, action: Body, path: Path, grace_s: int, on: Gates) -> Causes:
    match kind:
        case "exec":
            if not action.get("command"):
                yield required((*path, "command"))
        case "httpGet":
            yield from _http(action, path)
        case "sleep":
            lowest, bound = (0, "non-negative") if "PodLifecycleSleepActionAllowZero" in on else (1, "greater than 0")
            if not lowest <= (seconds := number(action, "seconds")) <= grace_s:
                yield invalid(path, seconds, f"must be {bound} and less than terminationGracePeriodSeconds ({grace_s})")
        case _:
            yield from port(action.get("port"), (*path, "port"))


def _http(action: Body, path: Path) -> Causes:
    yield from port(action.get("port"), (*path, "port"))
    if (scheme := text(action, "scheme") or "HTTP") not in ("HTTP", "HTTPS"):
        yield not_supported((*path, "scheme"), scheme, ["HTTP", "HTTPS"])
    for at, header in items(action, "httpHeaders", path):
        name = text(header, "name")
        for fault in formats.header_name(name):
            yield invalid((*at, "name"), name, fault, at=(*path, "httpHeaders"))


def port(value: int | str | None, path: Path) -> Causes:
    """ValidatePortNumOrName; missing is 0."""
    faults = formats.port_name(value) if isinstance(value, str) else formats.port_number(value or 0)
    for fault in faults:
        yield invalid(path, value or 0, fault)
