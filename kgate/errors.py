"""Faults of the run. A fault in a manifest is a Finding; what is raised here ends the run with exit code 2."""

from __future__ import annotations


class KgateError(Exception):
    """kgate could not do the run. `cli` is the only handler: it prints the message and the hint, and exits with 2."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class UsageError(KgateError):
    """What the user asked for makes no sense: a path that does not exist, an unknown rule, a report format that is none."""


class ConfigError(KgateError):
    """A settings, policy, cluster or scenario file is wrong. The message starts with `file:line:column: `."""

    @classmethod
    def at(cls, file: str, line: int, column: int, message: str, *, hint: str = "") -> ConfigError:
        """`line` and `column` are 1-based."""
        return cls(f"{file}:{line}:{column}: {message}", hint=hint)


class SettingError(ValueError):
    """A setting cannot be used. `path` leads to it from the mapping that was read; whoever read the file adds the line.

    `key`: it is the key at the end of the path that is wrong, not its value.
    """

    def __init__(self, path: tuple[str | int, ...], message: str, hint: str = "", *, key: bool = False) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.hint = hint
        self.key = key
