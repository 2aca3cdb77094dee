"""Reads a settings, policy, cluster or scenario file: one document, a fault of which is a fault of the run."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from kgate.errors import ConfigError
from kgate.finding import clean
from kgate.load import json_text
from kgate.load.fault import Fault, Parsed
from kgate.load.files import Unreadable, content, shown
from kgate.load.source import Document, Text, read
from kgate.load.text import decoded
from kgate.manifest import Location, Source


def settings_file(path: str) -> tuple[Any, Source]:
    """The one document of `path` (None when it is empty) and its text, to locate what is wrong in it.

    A name that ends in .json is read as plain JSON, fast: the last of equal keys wins. Raises ConfigError with file:line:column.
    """
    file = shown(path)
    text = _text(path, file)
    if path.lower().endswith(".json"):
        return _json(file, text), Text(
            file=file, text=text, documents={0: Document(index=0, text=text.removeprefix("\ufeff"), line=1, json=True)}
        )
    documents = [(d, p) for d, p in read(text) if p.data is not None or p.faults or d.separator]
    for document, parsed in documents:
        _refuse(file, document, parsed)
    if len(documents) > 1:
        _fail(file, Location(line=documents[1][0].line, column=1), f"{len(documents)} documents, where one is expected")
    source = Text(file=file, text=text, documents={0: documents[0][0]} if documents else {})
    return (documents[0][1].data if documents else None), source


def _text(path: str, file: str) -> str:
    try:
        text = decoded(content(path))
    except Unreadable as e:
        raise ConfigError(f"{clean(file)}: not read: {e.reason}", hint="name an existing, readable file") from e
    if isinstance(text, Fault):
        _fail(file, text.place, text.message, text.rule.remediation)
    return text


def _json(file: str, text: str) -> Any:
    text = text.removeprefix("\ufeff")
    try:
        data = json.loads(text)
    except json.JSONDecodeError as e:
        _fail(file, Location(line=e.lineno, column=e.colno), f"not valid JSON: {e.msg}")
    except (ValueError, RecursionError):  # an integer of thousands of digits, or a tower of brackets
        _fail(file, Location(line=1, column=1), "holds a number or a nesting beyond what kgate reads")
    if json_text.too_deep(data):
        _fail(file, Location(line=1, column=1), "nested deeper than 300 levels")
    return data


def _refuse(file: str, document: Document, parsed: Parsed) -> None:
    if document.separator:
        _fail(file, Location(line=document.line - 1, column=1), "`---` must stand alone on its line")
    for fault in parsed.faults:
        _fail(file, document.here(fault.place), fault.message, fault.remediation or fault.rule.remediation)


def _fail(file: str, place: Location, message: str, hint: str = "") -> NoReturn:
    raise ConfigError.at(clean(file), place.line, place.column, clean(message), hint=hint)
