"""stub to be filled."""

from __future__ import annotations

from kgate.manifest import Path
from kgate.validate.cause import Body, Causes


def template(template: Body, path: Path, *, claims: tuple[str, ...] = (), named_by_controller: bool = False) -> Causes:
    return iter(())


def pod(body: Body) -> Causes:
    return iter(())
