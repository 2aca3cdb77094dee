"""Trivy's vulnerability database: whether it is there, how old it is, and what it covers."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from kgate.images.bolt import DamagedFileError, bucket_names
from kgate.images.scanner import NotScanned

SCHEMA_VERSION = 2
MAX_METADATA_BYTES = 64 * 1024
DOWNLOAD = "fetch one with `trivy image --download-db-only`"


class Database(Struct, frozen=True, kw_only=True):
    """`cache_dir/db/trivy.db` with its metadata.json."""

    cache_dir: Path
    updated_at: datetime
    """When the data was built, not when it was fetched."""
    buckets: frozenset[str] | None
    """`debian 12`, `npm::GitHub Security Advisory npm`. None: a server has it, and does not tell."""

    @property
    def date(self) -> str:
        return self.updated_at.date().isoformat()

    def too_old(self, max_age_days: float) -> str:
        """Why, or an empty text."""
        if datetime.now(UTC) - self.updated_at <= timedelta(days=max_age_days):
            return ""
        return f"the vulnerability database is of {self.date}, older than the {max_age_days:g} days allowed; {DOWNLOAD}"


def default_cache_dir() -> Path:
    """Where a Trivy that was told nothing keeps its database (Go's os.UserCacheDir, then `trivy`). Raises NotScanned without a HOME."""
    home = Path(os.environ.get("HOME", ""))
    if not home.is_absolute():
        raise NotScanned("HOME is not set, so nobody knows where Trivy keeps its database", "set images.cache_dir")
    if sys.platform == "darwin":
        return home / "Library" / "Caches" / "trivy"
    xdg = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(xdg) if xdg.startswith("/") else home / ".cache") / "trivy"


def read_database(cache_dir: Path) -> Database:
    """Raises NotScanned when there is none that Trivy could use."""
    file = cache_dir / "db" / "trivy.db"
    metadata = _metadata(file.with_name("metadata.json"))
    database = database_of(metadata, cache_dir, buckets=None)
    try:
        buckets = bucket_names(file)
    except FileNotFoundError as e:
        raise NotScanned(f"no vulnerability database in {cache_dir}", DOWNLOAD) from e
    except DamagedFileError as e:
        raise NotScanned(f"the vulnerability database {file} is damaged: {e}", DOWNLOAD) from e
    except OSError as e:
        raise NotScanned(f"the vulnerability database {file} cannot be read: {e.strerror}") from e
    return msgspec.structs.replace(database, buckets=buckets)


def database_of(metadata: Mapping[str, Any], cache_dir: Path, *, buckets: frozenset[str] | None) -> Database:
    """What its metadata says, from a file or a server. Raises NotScanned."""
    version = metadata.get("Version")
    if version != SCHEMA_VERSION:
        raise NotScanned(f"the vulnerability database in {cache_dir} has schema {version}, not {SCHEMA_VERSION}", DOWNLOAD)
    return Database(cache_dir=cache_dir, updated_at=_instant(metadata.get("UpdatedAt"), cache_dir), buckets=buckets)


def _metadata(file: Path) -> dict[str, Any]:
    import json

    try:
        with file.open("rb") as opened:
            metadata = json.loads(opened.read(MAX_METADATA_BYTES))
    except FileNotFoundError as e:
        raise NotScanned(f"no vulnerability database in {file.parent.parent}", DOWNLOAD) from e
    except (OSError, ValueError, RecursionError) as e:
        raise NotScanned(f"the vulnerability database's {file} cannot be read", DOWNLOAD) from e
    if not isinstance(metadata, dict):
        raise NotScanned(f"the vulnerability database's {file} is no JSON object", DOWNLOAD)
    return metadata


def _instant(text: object, cache_dir: Path) -> datetime:
    try:
        # Go prints nanoseconds, which Python cuts to microseconds by itself
        instant = datetime.fromisoformat(text if isinstance(text, str) else "")
    except ValueError as e:
        raise NotScanned(f"the vulnerability database in {cache_dir} does not say how old it is", DOWNLOAD) from e
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
