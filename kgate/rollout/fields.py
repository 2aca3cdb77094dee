"""Reading a mapping of a settings, cluster or scenario file: every key is known, every value has its type, or it is a SettingError."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NoReturn

from kgate import errors
from kgate.errors import ConfigError
from kgate.manifest import Path, Source, pointer

_SECONDS_LIMIT = 10**9


class SettingError(errors.SettingError):
    """A value of a settings, cluster or scenario file is not what it should be."""

    def at(self, file: str, source: Source | None, document: int = 0) -> ConfigError:
        """The same fault with its place in `file`; without a source the JSON pointer stands for the line."""
        if source is None:
            return ConfigError(f"{file}: {pointer(self.path) or '/'}: {self.message}", hint=self.hint)
        place = source.locate(document, self.path, key=self.key)
        return ConfigError.at(file, place.line, place.column, self.message, hint=self.hint)


def refuse(path: Path, message: str, hint: str = "") -> NoReturn:
    raise SettingError(path, message, hint)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A hint naming the nearest of `known`, or listing them all."""
    import difflib

    names = sorted(known)
    near = difflib.get_close_matches(word, names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


class Fields:
    """One mapping being read. A key whose value is null counts as absent, as everywhere in Kubernetes."""

    def __init__(self, value: object, path: Path, known: Sequence[str], what: str) -> None:
        self.path = path
        self._body = mapping(value, path, what)
        for key in self._body:
            if key not in known:
                raise SettingError((*path, key), f"unknown key {key!r} in {what}", did_you_mean(key, known), key=True)

    def __contains__(self, key: str) -> bool:
        return self._body.get(key) is not None

    def at(self, key: str) -> Path:
        return (*self.path, key)

    def raw(self, key: str) -> Any:
        return self._body.get(key)

    def present(self) -> list[str]:
        """The keys that are set, in the order of the file."""
        return [k for k, v in self._body.items() if v is not None]

    def text(self, key: str, default: str | None = None) -> str:
        """Raises SettingError when the key is absent and there is no default."""
        if key not in self:
            return default if default is not None else refuse(self.path, f"{key} is missing")
        return text(self._body[key], self.at(key))

    def flag(self, key: str, default: bool = False) -> bool:
        return flag(self._body[key], self.at(key)) if key in self else default

    def whole(self, key: str, default: int, *, least: int = 0, most: int = 2**31 - 1) -> int:
        return whole(self._body[key], self.at(key), least=least, most=most) if key in self else default

    def millis(self, key: str, default_s: float) -> int:
        """Seconds in the file, milliseconds here."""
        return seconds(self._body[key], self.at(key)) if key in self else round(default_s * 1000)

    def quantity(self, key: str, default: str) -> str:
        return quantity(self._body[key], self.at(key)) if key in self else default

    def items(self, key: str) -> list[tuple[Path, Any]]:
        """The list at `key` with the path of each item; empty when absent."""
        return items(self._body[key], self.at(key)) if key in self else []

    def texts(self, key: str) -> dict[str, str]:
        """A mapping of texts to texts (labels); numbers and booleans are refused, as the API server refuses them."""
        if key not in self:
            return {}
        body = mapping(self._body[key], self.at(key), key)
        return {k: text(v, (*self.at(key), k)) for k, v in body.items()}

    def quantities(self, key: str) -> dict[str, str]:
        if key not in self:
            return {}
        body = mapping(self._body[key], self.at(key), key)
        return {k: quantity(v, (*self.at(key), k)) for k, v in body.items()}


def mapping(value: object, path: Path, what: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        refuse(path, f"{what} must be a mapping, not {kind_of(value)}")
    for key in value:
        if not isinstance(key, str):
            refuse(path, f"the key {key!r} of {what} must be a text", "write it in quotes")
    return value


def items(value: object, path: Path) -> list[tuple[Path, Any]]:
    if not isinstance(value, list):
        refuse(path, f"must be a list, not {kind_of(value)}")
    return [((*path, i), item) for i, item in enumerate(value)]


def text(value: object, path: Path) -> str:
    if not isinstance(value, str):
        refuse(path, f"must be a text, not {kind_of(value)}", "write it in quotes")
    return value


def flag(value: object, path: Path) -> bool:
    if not isinstance(value, bool):
        refuse(path, f"must be true or false, not {kind_of(value)}")
    return value


def whole(value: object, path: Path, *, least: int = 0, most: int = 2**31 - 1) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        refuse(path, f"must be a whole number, not {kind_of(value)}")
    if not least <= value <= most:
        refuse(path, f"must be between {least} and {most}, not {value}")
    return value


def seconds(value: object, path: Path) -> int:
    """A span of seconds, in milliseconds."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        refuse(path, f"must be a number of seconds, not {kind_of(value)}")
    if not 0 <= value <= _SECONDS_LIMIT:
        refuse(path, f"must be between 0 and {_SECONDS_LIMIT} seconds, not {value}")
    return round(value * 1000)


def quantity(value: object, path: Path) -> str:
    """A Kubernetes quantity of zero or more (`500m`, `16Gi`, 4), as text."""
    from kgate.engine.api.quantity import parse as parse_quantity

    try:
        if isinstance(value, str | int | float) and parse_quantity(value).nano >= 0:
            return str(value)
    except ValueError:
        pass  # said below, in the same words for every reason
    refuse(path, f"must be a quantity such as 4, 500m or 16Gi, not {kind_of(value) if not isinstance(value, str) else repr(value[:60])}")


def kind_of(value: object) -> str:
    if value is None:
        return "null"
    names = {bool: "a boolean", int: "a number", float: "a number", str: "a text", list: "a list", dict: "a mapping"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "a mapping" if isinstance(value, Mapping) else "that")
