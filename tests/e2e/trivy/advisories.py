"""A vulnerability database of made-up vulnerabilities in made-up packages, as Trivy wants it."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.e2e.trivy import boltdb

RATING = {"LOW": 1, "MEDIUM": 2, "HIGH": 3, "CRITICAL": 4}

ADVISORIES: dict[str, dict[str, dict[str, dict[str, Any]]]] = {
    # bucket -> source package -> vulnerability -> advisory
    "debian 12": {
        "quux": {
            "CVE-2099-0001": {"FixedVersion": "1.2-3"},
            "CVE-2099-0002": {"FixedVersion": "1.2-2"},
            "CVE-2099-0003": {"Status": 5, "Severity": 4},
        },
        "corge": {"CVE-2099-0004": {"FixedVersion": "9.0-1"}, "CVE-2099-0005": {"Status": 2, "Severity": 1}},
    },
    "alpine 3.18": {"grault": {"CVE-2099-0006": {"FixedVersion": "2.0.1-r0"}}},
    "npm::Made-up Advisories": {
        "garply": {"CVE-2099-0007": {"VulnerableVersions": ["<3.1.4"], "PatchedVersions": ["3.1.4"]}},
    },
}
SEVERITIES = {
    "CVE-2099-0001": "CRITICAL",
    "CVE-2099-0002": "MEDIUM",
    "CVE-2099-0003": "CRITICAL",
    "CVE-2099-0005": "LOW",
    "CVE-2099-0006": "HIGH",
    "CVE-2099-0007": "HIGH",
    # CVE-2099-0004 has no record: nobody has rated it
}


def write_cache(cache_dir: Path, *, days_old: float = 0.5, schema: int = 2) -> Path:
    """`cache_dir`, with a database in it that was built so many days ago."""
    built = datetime.now(UTC) - timedelta(days=days_old)
    write_database(cache_dir / "db" / "trivy.db")
    instants = {"UpdatedAt": built, "NextUpdate": built + timedelta(days=1), "DownloadedAt": built}
    metadata = {"Version": schema} | {name: instant.strftime("%Y-%m-%dT%H:%M:%S.123456789Z") for name, instant in instants.items()}
    (cache_dir / "db" / "metadata.json").write_text(json.dumps(metadata))
    return cache_dir


def write_database(file: Path) -> None:
    content: dict[str, Any] = {b: {p: _json(a) for p, a in packages.items()} for b, packages in ADVISORIES.items()}
    content["data-source"] = {b: _value({"ID": _source(b), "Name": f"Made-up {b}", "URL": "https://example.org"}) for b in ADVISORIES}
    content["vulnerability"] = _json(
        {
            id_: {"Title": f"{id_} in words", "Severity": severity, "VendorSeverity": {"nvd": RATING[severity]}}
            for id_, severity in SEVERITIES.items()
        }
    )
    boltdb.write(file, content)


def _source(bucket: str) -> str:
    return "ghsa" if "::" in bucket else bucket.split(" ")[0]


def _json(values: dict[str, Any]) -> dict[str, bytes]:
    return {key: _value(value) for key, value in values.items()}


def _value(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True).encode()
