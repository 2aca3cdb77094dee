"""How the pods of a cluster start, fail and stop, as a file says it: the `kubelet` of a scenario, the `behaviour` of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.fields import Fields, did_you_mean, refuse

MODES = ("ok", "never", "crash", "notready", "flaky")
"""never: the image cannot be pulled; crash: CrashLoopBackOff; notready: runs and is never Ready; flaky: Ready, then not."""


class PodManners(Struct, frozen=True, kw_only=True):
    """How the pods of one image behave. None: as all others."""

    mode: str = "ok"
    startup_ms: int | None = None
    """From binding to Running and Ready."""
    termination_ms: int | None = None
    """From the deletionTimestamp until the pod is gone."""
    unready_after_ms: int | None = None
    """For `flaky`: from Ready to not ready."""


class Kubelet(Struct, frozen=True, kw_only=True):
    """How all pods behave, with the exceptions by image (or image tag)."""

    startup_ms: int = 300
    termination_ms: int = 100
    serial_ms: int = 0
    """Above 0: pods become ready one at a time over the whole cluster, in the order of binding, each at least that long after the last."""
    images: Mapping[str, PodManners] = field(default_factory=dict)


def read_kubelet(value: object, path: Path, *, startup_s: float = 0.3, termination_s: float = 0.1) -> Kubelet:
    """Raises SettingError."""
    body = Fields(value, path, ("startup", "termination", "serial", "images"), "kubelet")
    images = fields.mapping(body.raw("images") or {}, body.at("images"), "images")
    return Kubelet(
        startup_ms=body.millis("startup", startup_s),
        termination_ms=body.millis("termination", termination_s),
        serial_ms=body.millis("serial", 0),
        images={name: read_manners(m, (*body.at("images"), name)) for name, m in images.items()},
    )


def read_manners(value: object, path: Path) -> PodManners:
    body = Fields(value, path, ("mode", "startup", "termination", "unready_after"), "how an image behaves")
    mode = body.text("mode", "ok")
    if mode not in MODES:
        refuse(body.at("mode"), f"mode is {mode!r}", did_you_mean(mode, MODES))
    return PodManners(
        mode=mode,
        startup_ms=body.millis("startup", 0) if "startup" in body else None,
        termination_ms=body.millis("termination", 0) if "termination" in body else None,
        unready_after_ms=body.millis("unready_after", 0) if "unready_after" in body else None,
    )


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A kubelet step over the behaviour so far: what it names is replaced, images one by one."""
    out = {**old, **new}
    if isinstance(old.get("images"), Mapping) and isinstance(new.get("images"), Mapping):
        out["images"] = {**old["images"], **new["images"]}
    return out
