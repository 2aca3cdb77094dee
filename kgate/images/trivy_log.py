"""What Trivy's log on stderr means. Its exit code says nothing: 1 is any fault, and 0 is no proof of a scan."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgate.images.database import DOWNLOAD
from kgate.images.scanner import NotScanned

_CLASSES: tuple[tuple[tuple[str, ...], str, str], ...] = (
    # (any of these texts, what it means, what to do), the most particular first
    (("MANIFEST_UNKNOWN", "NAME_UNKNOWN"), "the registry has no such image", "check the name and the tag"),
    (("UNAUTHORIZED:", "401 Unauthorized"), "the registry wants credentials", "give them with `docker login`"),
    (("DENIED:", "403 Forbidden"), "the registry denies access, or has no such image", "check the name, and the rights of the credentials"),
    (("TOOMANYREQUESTS:",), "the registry's rate limit is reached", "try again later"),
    (("no child with platform",), "the image does not exist for this platform", "set images.platform to that of the nodes"),
    (("could not parse reference",), "trivy does not accept the image reference", ""),
    (
        ("The first run cannot skip downloading DB", "--skip-update cannot be specified on the first run"),
        "no vulnerability database",
        DOWNLOAD,
    ),
    (("old DB schema", "old schema version"), "the vulnerability database has an old schema", DOWNLOAD),
    (("invalid database", "vulnerability DB initialize"), "the vulnerability database is damaged", DOWNLOAD),
    (("failed to download vulnerability DB",), "the vulnerability database could not be fetched", ""),
    (("Java DB",), "Java archives in the image need Trivy's Java database", "fetch it with `trivy image --download-java-db-only`"),
    (("cache may be in use by another process",), "trivy's cache is in use by another process", "try again"),
    (
        ("unable to initialize the archive scanner", "unable to initialize archive image"),
        "the archive is neither a `docker save` tar nor an OCI layout folder",
        "unpack the tar of an OCI layout",
    ),
    (("failed to do request: Post",), "the trivy server cannot be reached", "look at images.server"),
    (("no such host", "connection refused", "i/o timeout", "network is unreachable"), "the registry cannot be reached", "try again later"),
    (("unexpected status code 5",), "the registry answered with an internal error", "try again later"),
    (("twirp error unauthenticated",), "the trivy server wants a token", ""),
    (("context deadline exceeded",), "trivy ran out of time", "raise images.timeout_s"),
    (("unknown flag", "unknown command"), "this trivy does not know an option that kgate uses", "use Trivy 0.59 or later"),
)
GO_PANIC = 2
"""The exit code of a Go program that panics; Trivy has no other use for it."""


_ALPINE = re.compile(
    r'^\S+\tINFO\t\[alpine\] Detecting vulnerabilities\.\.\.\tos_version="(?P<release>[^"]*)" repository="(?P<repository>[^"]*)"',
    re.MULTILINE,
)


def fault(stderr: str, returncode: int) -> NotScanned:
    """Why a run of Trivy came to nothing."""
    for texts, meaning, hint in _CLASSES:
        if any(text in stderr for text in texts):
            return NotScanned(meaning, hint)
    if returncode == GO_PANIC:
        return NotScanned("trivy crashed", "the vulnerability database may be damaged; " + DOWNLOAD)
    if returncode < 0:
        return NotScanned(f"trivy was ended by signal {-returncode}")
    last = next((line for line in reversed(stderr.splitlines()) if line.strip()), "")
    said = f": {last.strip()[:300]}" if last else ""
    return NotScanned(f"trivy failed with exit code {returncode}{said}")


def alpine_branch(log: str) -> str:
    """Whose advisories Trivy looked up for an Alpine image: `3.18`, `edge`; empty when it does not say.

    Not those of the image's release, when /etc/apk/repositories names another one (pkg/detector/ospkg/alpine/alpine.go).
    """
    line = _ALPINE.search(log)
    return (line["repository"] or line["release"]) if line else ""


def alpine_branches(log: str) -> Mapping[str, frozenset[str]]:
    """The same of a server, for all images: release -> branches."""
    found: dict[str, set[str]] = {}
    for line in _ALPINE.finditer(log):
        found.setdefault(line["release"], set()).add(line["repository"] or line["release"])
    return {release: frozenset(branches) for release, branches in found.items()}
