"""Apps to Manifests: what kustomize (and whatever else renders) makes of the files, with the line that wrote each node."""

from __future__ import annotations

from kgate.load.render.rendering import Files, NotRendered, Rendering

__all__ = ["Files", "NotRendered", "Rendering"]
