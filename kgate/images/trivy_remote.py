"""Somebody's Trivy server: its database is not at hand, so what it covers has to be seen from what it finds."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from kgate.images.coverage import Packages
from kgate.images.database import Database, database_of, read_database
from kgate.images.scanner import NotScanned
from kgate.images.settings import ImagesSettings

TIMEOUT_S = 10.0
UNSURE = "the trivy server does not tell whether its database covers {}, and found nothing in them"
COPY = "keep a copy of its database in images.cache_dir"


def remote_database(settings: ImagesSettings, cache_dir: Path, token: str, stop: Event) -> Database:
    """With the buckets of a local copy of the same instant; without any when there is no such copy. Raises NotScanned."""
    if settings.offline:
        raise NotScanned("kgate runs offline, and images.server is over the network")
    remote = database_of(_told(settings, token, stop), cache_dir, buckets=None)
    try:
        local = read_database(cache_dir)
    except NotScanned:
        return remote
    return local if local.updated_at == remote.updated_at else remote


def _told(settings: ImagesSettings, token: str, stop: Event) -> Any:
    """GET /version (pkg/rpc/server/listen.go)."""
    from kgate.images.registry.addresses import Guard
    from kgate.images.registry.answers import NotChecked
    from kgate.images.registry.manifests import decode
    from kgate.images.registry.wire import Wire

    try:
        guard = Guard(listed=frozenset({urlsplit(settings.server).hostname or ""}))
        with Wire(guard, deadline_s=min(TIMEOUT_S, settings.timeout_s), stop=stop, ca_file=settings.ca_file, peer="it") as wire:
            reply = wire.send("GET", f"{settings.server.rstrip('/')}/version", {"Trivy-Token": token} if token else {})
        told = decode(reply.body).get("VulnerabilityDB") if reply.status == 200 else None
    except (NotChecked, ValueError) as e:
        raise NotScanned(f"the trivy server gives no answer: {e}") from e
    if not isinstance(told, dict):
        raise NotScanned(f"the trivy server does not say how old its database is (status {reply.status})", "look at images.server")
    return told


def unsure(packages: tuple[Packages, ...], types_with_findings: frozenset[str]) -> str:
    """Which kinds of packages nobody can say are covered; empty when something was found in each."""
    if not (found := [p for p in packages if p.count]):
        return "trivy found no packages in the image, and so nothing to look up"
    silent = sorted({p.type for p in found} - types_with_findings)
    return f"{UNSURE.format(' and '.join(silent) + ' packages')}; {COPY}" if silent else ""
