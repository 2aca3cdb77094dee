"""kgate: is this Kubernetes Deployment safe to apply?

>>> from kgate import Options, gate
>>> report = gate(Options(paths=("deploy/",)))
>>> report.verdict, len(report.findings)
"""

from __future__ import annotations

from typing import Any

__version__ = "0.1.0"

__all__ = ["Finding", "Options", "Report", "Severity", "__version__", "gate"]

_HOMES = {"gate": "gate", "Options": "config", "Report": "outcome", "Finding": "finding", "Severity": "finding"}


def __getattr__(name: str) -> Any:
    """The library API, imported when it is first used: `import kgate` itself costs nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'kgate' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f"kgate.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
