"""Reading objects that others wrote, field by field. What is not asked for by name is never looked at, so it cannot get out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import NoReturn

from kgate.errors import UsageError

MOST_TEXT = 1024
"""Characters of the longest text that the API server takes anywhere a rehearsal looks: an image with its digest."""

_PLAIN = re.compile(r"[ -~]*")
_TIME = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z", re.ASCII)


class Fields:
    """A mapping of an object, with its place in words for faults."""

    def __init__(self, value: object, about: str) -> None:
        if not isinstance(value, Mapping):
            raise UsageError(f"{about} is no mapping", hint="kgate snapshot reads what kubectl get -o json prints")
        self._body = value
        self.about = about

    def has(self, key: str) -> bool:
        return self._body.get(key) is not None

    def part(self, key: str) -> Fields:
        """Empty when absent."""
        return Fields(self._body.get(key) or {}, f"{self.about}: {key}")

    def parts(self, key: str) -> Iterator[Fields]:
        items = self._body.get(key) or []
        if not isinstance(items, list):
            self.wrong(key, "no list")
        return (Fields(item, f"{self.about}: {key}[{i}]") for i, item in enumerate(items))

    def text(self, key: str) -> str:
        """Empty when absent."""
        return self._text(key, self._body.get(key) or "")

    def texts(self, key: str) -> list[str]:
        items = self._body.get(key) or []
        if not isinstance(items, list):
            self.wrong(key, "no list")
        return [self._text(key, item) for item in items]

    def pairs(self, key: str) -> dict[str, str]:
        """A mapping of texts, by name."""
        part = self.part(key)
        return {part._text(key, k): part._text(k, v) for k, v in sorted(part._body.items(), key=str)}

    def number(self, key: str) -> int | None:
        value = self._body.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int) or abs(value) >= 2**53:
            self.wrong(key, "no whole number")
        return int(value)

    def flag(self, key: str) -> bool:
        return self._body.get(key) is True

    def quantities(self, key: str) -> dict[str, str]:
        from kgate.engine.api.quantity import parse

        part, out = self.part(key), {}
        for name, value in sorted(part._body.items(), key=str):
            try:
                parse(value)
            except (ValueError, TypeError, AttributeError):
                part.wrong(str(name)[:100], "no quantity")
            out[part._text(key, name)] = part._text(key, str(value))
        return out

    def number_or_text(self, key: str) -> int | str | None:
        """An int-or-string, such as 1 or `25%`."""
        value = self._body.get(key)
        return self.text(key) if isinstance(value, str) else self.number(key)

    def time(self, key: str) -> str:
        """To the second, as the API writes it; empty when it is none."""
        value = self._body.get(key)
        match = _TIME.fullmatch(value) if isinstance(value, str) else None
        return f"{match.group(1)}Z" if match else ""

    def _text(self, key: str, value: object) -> str:
        if not isinstance(value, str) or len(value) > MOST_TEXT or not _PLAIN.fullmatch(value):
            self.wrong(key, "no text that the API server would hold there")
        return str(value)

    def wrong(self, key: str, what: str) -> NoReturn:
        raise UsageError(f"{self.about}: {key} is {what}", hint="kgate snapshot reads what kubectl get -o json prints")
