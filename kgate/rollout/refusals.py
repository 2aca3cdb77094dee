"""From the API server's words for a pod it does not create to the line of the manifest that causes them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from kgate.manifest import Path
from kgate.rollout.causes import POD, Cause, largest_request
from kgate.rollout.written import items, mapping, node

_SUBJECT = re.compile(r'^(?:Error creating: )?pods "[^"]*" is forbidden: ')
_LIMITED = re.compile(r"(?:minimum|maximum) (\S+) usage per \w+|^\[?(\S+) max limit to request ratio")
_UNNAMED = re.compile(r"must specify (\S+) for: ([^;,]+)")


def words(message: str) -> str:
    """Without the name of the pod, which nobody chose."""
    return _SUBJECT.sub("", message)


def refusal(message: str, body: Mapping[str, Any]) -> Cause:
    """Where it comes from, and what to write instead."""
    said = words(message)
    for finder in (_quota, _unnamed, _limited, _class):
        found = finder(said, body)
        if found is not None:
            path, remediation = found
            return Cause(path=path, remediation=remediation, reason=said)
    return Cause(path=POD, remediation="change what the API server objects to", reason=said)


_Found = tuple[Path, str] | None


def _quota(said: str, body: Mapping[str, Any]) -> _Found:
    if not said.startswith("exceeded quota: "):
        return None
    return ("spec", "replicas"), "run fewer replicas, ask for less in each, or raise the quota"


def _unnamed(said: str, body: Mapping[str, Any]) -> _Found:
    """The first container that does not name what a quota limits."""
    found = _UNNAMED.search(said)
    if found is None:
        return None
    resource, name = found.groups()
    part, _, what = resource.rpartition(".")
    for kind in ("containers", "initContainers"):
        for i, container in enumerate(items(node(body, (*POD, kind)))):
            if mapping(container).get("name") == name:
                return (*POD, kind, i), f"set resources.{part or 'requests'}.{what} in every container: a quota of the namespace counts it"
    return (*POD, "containers"), f"set resources.{part or 'requests'}.{what} in every container: a quota of the namespace counts it"


def _limited(said: str, body: Mapping[str, Any]) -> _Found:
    found = _LIMITED.search(said)
    if found is None:
        return None
    resource = found[1] or found[2]
    return largest_request(body, resource), f"stay within the LimitRange of the namespace for {resource}, or change that"


def _class(said: str, body: Mapping[str, Any]) -> _Found:
    if not said.startswith("no PriorityClass"):
        return None
    return (*POD, "priorityClassName"), "name a PriorityClass that the cluster has"
