"""A small Kubernetes control plane in memory and in virtual time. It knows nothing of linting."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kgate.engine.behaviour import Behaviour, ImageBehaviour
    from kgate.engine.cluster import Cluster
    from kgate.engine.errors import ApiError, Cause, LivelockError
    from kgate.engine.rollouts import RolloutError
    from kgate.engine.trace import WatchEvent

_HOMES = {
    "ApiError": "errors",
    "Behaviour": "behaviour",
    "Cause": "errors",
    "Cluster": "cluster",
    "ImageBehaviour": "behaviour",
    "LivelockError": "errors",
    "RolloutError": "rollouts",
    "WatchEvent": "trace",
}


def __getattr__(name: str) -> Any:
    """Loads a public name on first use: whoever lints without rehearsing does not pay for the control plane."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


__all__ = ["ApiError", "Behaviour", "Cause", "Cluster", "ImageBehaviour", "LivelockError", "RolloutError", "WatchEvent"]
