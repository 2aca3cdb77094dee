"""What a definition makes of one custom resource."""

from __future__ import annotations

from msgspec import Struct

from kgate.validate.cause import Cause


class Checked(Struct, frozen=True, kw_only=True):
    causes: tuple[Cause, ...] = ()
    unchecked: tuple[str, ...] = ()
    """What kgate could not check of it."""
    not_served: bool = False
    """The only cause is that the definition does not serve the version."""
