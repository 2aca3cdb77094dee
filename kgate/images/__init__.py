"""Images: which ones the manifests run, and what registries and scanners say about them."""

from __future__ import annotations

from typing import Any

__all__ = ["RULES", "SCANNERS", "SCHEMA", "ImagesSettings", "Judged", "Scan", "SettingError", "from_config", "judge"]

_HOMES = {
    "RULES": "kgate.images.rules",
    "SCANNERS": "kgate.images.scan",
    "SCHEMA": "kgate.images.schema",
    "ImagesSettings": "kgate.images.settings",
    "Judged": "kgate.images.judgement",
    "Scan": "kgate.images.settings",
    "SettingError": "kgate.errors",
    "from_config": "kgate.images.settings",
    "judge": "kgate.images.judgement",
}


def __getattr__(name: str) -> Any:
    """Imported when it is first used: every run reads the settings, few ask the world."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kgate.images' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted(__all__)
