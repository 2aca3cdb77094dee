"""Asks container registries whether images are there, which digests they have now, and for which platforms.

`client` and `asking` are imported where something is asked: what they need takes longer to load than most runs take.

The HTTP API is that of opencontainers/distribution-spec (spec.md), its token flow that of distribution/distribution (docs/spec/auth).
"""

from kgate.images.registry.answers import Missing, NotChecked, Present

__all__ = ["Missing", "NotChecked", "Present"]
