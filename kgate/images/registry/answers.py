"""What a registry says of an image. That it has none and that it could not be asked are never taken for one another."""

from __future__ import annotations

from msgspec import Struct


class Present(Struct, frozen=True, kw_only=True):
    """The registry has it."""

    digest: str
    """`sha256:...` of what the reference names now: of the index, when there is one."""
    platforms: tuple[str, ...] = ()
    """`linux/arm64/v8`, sorted. Empty when the manifest does not say: an artifact without a configuration of an image."""
    index: bool = False


class Missing(Struct, frozen=True, kw_only=True):
    """The registry says, in a registry's words, that it has no such image."""

    what: str
    """`tag`, `digest` or `repository`."""


class NotChecked(Exception):  # noqa: N818 (raised or returned, it is an answer)
    """Why the registry gave no answer: one sentence, and what to do about it. Says nothing about the image."""

    def __init__(self, reason: str, hint: str = "", *, passing: bool = False) -> None:
        """`passing`: it may well work a second later."""
        super().__init__(reason)
        self.reason = reason
        self.hint = hint
        self.passing = passing

    def __str__(self) -> str:
        return f"{self.reason}; {self.hint}" if self.hint else self.reason


Answer = Present | Missing | NotChecked
