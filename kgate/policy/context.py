"""What a check may know beside its subject."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from kgate.policy.inventory import Inventory
from kgate.policy.policy import Violation
from kgate.policy.settings import PolicySettings
from kgate.policy.standard import Level

NEWEST = 37
"""The newest minor of Kubernetes 1 that kgate knows (a test says that stage validate knows the same)."""


class Context(Struct, frozen=True, kw_only=True):
    """What a check may look at besides its subject."""

    params: Mapping[str, Any]
    """The policy's, with what the settings replace."""
    params_of: Mapping[str, Mapping[str, Any]]
    """Those of every policy by name: what is mutable for one rule is mutable for the next."""
    settings: PolicySettings
    inventory: Inventory
    minor: int = NEWEST
    """36 of Kubernetes 1.36; for the controls of a Pod Security Standard, the standard's version."""
    level: Level = Level.RESTRICTED
    """The Pod Security Standard that the subject is held to: some of its controls take the place of milder ones."""


Check = Callable[[Any, Context], Iterable[Violation]]
"""From the policy's subject (Manifest, Pod, Container, Image or Inventory) to what is wrong with it."""
