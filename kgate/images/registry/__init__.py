"""Asks container registries whether images are there, which digests they have now, and for which platforms.

The HTTP API is that of opencontainers/distribution-spec (spec.md), its token flow that of distribution/distribution (docs/spec/auth).
"""

from kgate.images.registry.answers import Missing, NotChecked, Present
from kgate.images.registry.asking import ask
from kgate.images.registry.client import Registry

__all__ = ["Missing", "NotChecked", "Present", "Registry", "ask"]
