"""What former runs learnt: answers of scanners by image content, scanner and database; platforms by digest. A spoilt file is no answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
from msgspec import Struct

from kgate.images.registry.answers import Present
from kgate.images.scanner import ScanResult

_T = TypeVar("_T")

FORMAT = "2"
"""Part of every key: raised whenever an older answer would now be read differently."""


def default_folder() -> Path | None:
    """`$XDG_CACHE_HOME/kgate/images`; None where there is no home, and so no memory."""
    xdg, home = os.environ.get("XDG_CACHE_HOME", ""), os.environ.get("HOME", "")
    if xdg.startswith("/"):
        return Path(xdg, "kgate", "images")
    return Path(home, ".cache", "kgate", "images") if home.startswith("/") else None


class Cache(Struct, frozen=True):
    """`folder` None: nothing is remembered."""

    folder: Path | None = None

    def result(self, *key: str) -> ScanResult | None:
        return self._read("scan", key, ScanResult)

    def keep_result(self, result: ScanResult, *key: str) -> None:
        self._write("scan", key, result)

    def text(self, *key: str) -> str | None:
        return self._read("text", key, str)

    def keep_text(self, text: str, *key: str) -> None:
        self._write("text", key, text)

    @property
    def presences(self) -> Mapping[str, Present]:
        """By digest: what a digest names never changes. Looked up when it is asked for."""
        return _Presences(self)

    def keep_presence(self, present: Present) -> None:
        if self.presences.get(present.digest) != present:
            self._write("present", (present.digest,), present)

    def _read(self, kind: str, key: tuple[str, ...], type_: type[_T]) -> _T | None:
        if self.folder is None:
            return None
        try:
            return msgspec.json.decode(self._file(self.folder, kind, key).read_bytes(), type=type_)
        except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _write(self, kind: str, key: tuple[str, ...], value: object) -> None:
        """Whole or not at all. A cache that cannot be written costs time, not the answer."""
        import tempfile

        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=self.folder, delete=False) as file:
                file.write(msgspec.json.encode(value))
            Path(file.name).replace(self._file(self.folder, kind, key))
        except OSError:
            return

    @staticmethod
    def _file(folder: Path, kind: str, key: tuple[str, ...]) -> Path:
        import hashlib

        return folder / f"{kind}-{hashlib.sha256(chr(0).join((FORMAT, *key)).encode()).hexdigest()[:40]}.json"


class _Presences(Mapping[str, Present]):
    def __init__(self, cache: Cache) -> None:
        self._cache = cache

    def __getitem__(self, digest: str) -> Present:
        found = self._cache._read("present", (digest,), Present)
        if found is None or found.digest != digest:
            raise KeyError(digest)
        return found

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0

    def __bool__(self) -> bool:
        return True
