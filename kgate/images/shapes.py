"""JSON that a scanner or a server wrote, read with suspicion: names and versions in it are the image's own words."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from kgate.images.scanner import NotScanned
from kgate.images.settings import SEVERITIES

MAX_BYTES = 256 * 1024 * 1024
_OTHER_WORDS: Mapping[str, str] = {"NEGLIGIBLE": "LOW", "DEFCON1": "CRITICAL", "IMPORTANT": "HIGH", "MODERATE": "MEDIUM"}


def read_document(file: Path, who: str) -> Mapping[str, Any]:
    """Raises NotScanned for what is not one whole JSON object."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise NotScanned(f"{who}'s report is larger than {MAX_BYTES >> 20} MiB")
        return document(file.read_bytes(), who)
    except FileNotFoundError as e:
        raise NotScanned(f"{who} wrote no report") from e
    except OSError as e:
        raise NotScanned(f"{who}'s report cannot be read: {e.strerror}") from e


def document(content: bytes, who: str) -> Mapping[str, Any]:
    import json

    try:
        return mapping(json.loads(content), f"{who}'s report")
    except (ValueError, RecursionError) as e:
        raise NotScanned(f"{who}'s report is no JSON") from e


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Nothing is an empty one."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise NotScanned(f"{where} is malformed")
    return value


def sequence(value: Any, where: str) -> list[Any]:
    """Nothing is an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise NotScanned(f"{where} is malformed")
    return value


def text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def severity(value: Any) -> str:
    """One of `settings.SEVERITIES`; UNKNOWN for a word that nobody knows."""
    word = text(value).upper()
    word = _OTHER_WORDS.get(word, word)
    return word if word in SEVERITIES else "UNKNOWN"
