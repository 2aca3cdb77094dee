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
    startup_least_ms: int | None = None
    """Some are ready as early as after this; None: all take equally long."""
    termination_ms: int | None = None
    """From the deletionTimestamp until the pod is gone."""
    unready_after_ms: int | None = None
    """For `flaky`: from Ready to not ready."""

    # Pods of an image of which any of these is said are played container by container: pull, start, probes, exits, restarts.
    pull_ms: int | None = None
    pull_error: str = ""
    create_ms: int | None = None
    healthy_ms: int | None = None
    unhealthy_after_ms: int | None = None
    exit_after_ms: int | None = None
    exit_code: int = 0
    pre_stop_ms: int | None = None

    @property
    def played(self) -> bool:
        return bool(self.pull_error) or any(getattr(self, f"{name}_ms") is not None for name in SPANS)

    def spans(self) -> dict[str, int]:
        """In milliseconds, by the name in the file; what is not said is not there."""
        named = {name: getattr(self, f"{name}_ms") for name in ("startup", "termination", "unready_after", *SPANS)}
        return {name: ms for name, ms in named.items() if ms is not None}


SPANS: Mapping[str, str] = {
    "pull": "Seconds to pull the image to a node that has it not; one pull at a time on a node.",
    "create": "Seconds from the image being there until the container runs.",
    "healthy": "Seconds from running until the probes are answered; their timing then says when it is ready.",
    "unhealthy_after": "Seconds from running until no probe is answered any more, in every life of the container.",
    "exit_after": "Seconds from running until it ends by itself, with exit_code.",
    "pre_stop": "Seconds that its preStop hook takes.",
}
"""What a file says of a container that is played step by step, in seconds."""


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
    body = Fields(value, path, (*_WHOLE, *SPANS, "pull_error", "exit_code"), "how an image behaves")
    mode = body.text("mode", "ok")
    if mode not in MODES:
        refuse(body.at("mode"), f"mode is {mode!r}", did_you_mean(mode, MODES))
    steps = next((key for key in (*SPANS, "pull_error") if key in body), None)
    whole = next((key for key in ("mode", "startup", "unready_after") if key in body), None)
    if steps is not None and whole is not None:
        refuse(body.at(whole), f"{whole} says how the pod behaves as a whole, {steps} how each step goes: only one of them can count")
    if "exit_code" in body and "exit_after" not in body:
        refuse(body.at("exit_code"), "exit_code without exit_after", "exit_after: SECONDS")
    spans = {f"{key}_ms": body.millis(key, 0) for key in (*_WHOLE[2:], *SPANS) if key in body}
    least, most = _startup(body)
    return PodManners(
        mode=mode,
        startup_ms=most,
        startup_least_ms=least,
        pull_error=body.text("pull_error", ""),
        exit_code=body.whole("exit_code", 0, most=255),
        **spans,
    )


def _startup(body: Fields) -> tuple[int | None, int | None]:
    """`12`, or `[5, 20]` for anything in between."""
    if not isinstance(body.raw("startup"), list):
        return None, body.millis("startup", 0) if "startup" in body else None
    path = body.at("startup")
    spans = [fields.seconds(value, place) for place, value in body.items("startup")]
    if len(spans) != 2 or spans[0] > spans[1]:
        refuse(path, "startup is no span", "startup: [LEAST, MOST], in seconds")
    return spans[0], spans[1]


_WHOLE = ("mode", "startup", "termination", "unready_after")


def merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """A kubelet step over the behaviour so far: what it names is replaced, images one by one."""
    out = {**old, **new}
    if isinstance(old.get("images"), Mapping) and isinstance(new.get("images"), Mapping):
        out["images"] = {**old["images"], **new["images"]}
    return out
