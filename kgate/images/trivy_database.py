"""Fetches Trivy's databases from the repositories that the settings name: once for a run, never once for an image."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

from kgate.images.registry.answers import NotChecked
from kgate.images.room import Room, open_room, run, tail
from kgate.images.scanner import NotScanned
from kgate.images.settings import ImagesSettings
from kgate.images.trivy_log import fault
from kgate.reference import parse

SILENT: Mapping[str, str] = {"TRIVY_SKIP_VERSION_CHECK": "true", "TRIVY_DISABLE_TELEMETRY": "true"}
"""As variables, because a version that does not know them would fail on them as options."""
MAX_METADATA_BYTES = 64 * 1024


def fetch_due(executable: str, cache_dir: Path, settings: ImagesSettings, stop: Event) -> None:
    """Whatever of both databases is not there or has a successor. Raises NotScanned when there is nothing to look into after that."""
    if settings.offline:
        return
    for kind, folder, repositories in (("", "db", settings.db_repositories), ("java-", "java-db", settings.java_db_repositories)):
        due = repositories and _due(cache_dir / folder / "metadata.json")
        if due:
            _fetch(executable, cache_dir, kind, repositories, settings, stop, there=(cache_dir / folder / "metadata.json").exists())


def _due(metadata: Path) -> bool:
    """Spoilt metadata is none."""
    try:
        with metadata.open("rb") as file:
            following = datetime.fromisoformat(json.loads(file.read(MAX_METADATA_BYTES))["NextUpdate"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return True
    return (following if following.tzinfo else following.replace(tzinfo=UTC)) <= datetime.now(UTC)


def _fetch(
    executable: str, cache_dir: Path, kind: str, repositories: Sequence[str], settings: ImagesSettings, stop: Event, *, there: bool
) -> None:  # fmt: skip
    """An old database stays where no new one can be had: whether it is too old is asked of every database."""
    argv = [executable, "image", "--config", "/dev/null", "--cache-dir", str(cache_dir), f"--download-{kind}db-only", "--no-progress"]
    argv += [f"--{kind}db-repository={repository}" for repository in repositories]
    more = {"SSL_CERT_FILE": str(Path(settings.ca_file).absolute())} if settings.ca_file else {}
    with open_room() as room:
        _log_in(room, repositories, settings, stop)
        ended = run(argv, room, deadline_s=settings.timeout_s, stop=stop, pulling=True, more={**SILENT, **more})
        if ended.returncode != 0 and not there:
            why = fault(tail(room.stderr), ended.returncode)
            name = f"{'Java' if kind else 'vulnerability'} database"
            raise NotScanned(f"the {name} could not be fetched: {why.reason}", f"look at images.{kind.replace('-', '_')}db_repositories")


def _log_in(room: Room, repositories: Sequence[str], settings: ImagesSettings, stop: Event) -> None:
    """What cannot be had of Docker's credentials is not shown; the registry then says that it wants some."""
    from kgate.images.presence import access, login_for
    from kgate.images.registry.client import Registry

    with suppress(NotChecked):
        if login := login_for([parse(r) for r in repositories], Registry(access(settings), stop)):
            (room.path / "docker" / "config.json").write_text(login)
