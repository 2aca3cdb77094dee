"""What a definition makes of one custom resource."""

from __future__ import annotations

from dataclasses import dataclass

from kgate.validate.cause import Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    causes: tuple[Cause, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What kgate could not check of it."""
    not_served: bool = False
    """The only cause is that the definition does not serve the version."""
