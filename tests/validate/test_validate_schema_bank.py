"""Agreement with the test suites of other validators, where they are at hand; each disagreement has its reason in disagreements.json."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from kgate import load, policy
from kgate.finding import Finding
from kgate.validate import NEWEST, VERSIONS, judge

BANK = Path(__file__).parents[3] / "shared" / "bank" / "schema"
REASONS: Mapping[str, str] = json.loads((Path(__file__).parent / "disagreements.json").read_text())
pytestmark = pytest.mark.skipif(not BANK.is_dir(), reason="the suites are not there")

DECODER = ("KG1003", "KG1004")
"""Rules of what the server cannot decode."""
UNSERVED = ("KG1001", "KG1002")
"""Rules of APIs that the server does not have: it looks no further, so that any fault inside is one of no API."""


def minor(entry: Mapping[str, Any]) -> str:
    """The version that the case is about, where kgate knows it."""
    written = entry.get("removed_in") or entry.get("k8s_version") or NEWEST
    found = ".".join(written.removeprefix("v").split(".")[:2])
    return found if found in VERSIONS else NEWEST


def found(entry: Mapping[str, Any], home: Path) -> Iterator[Finding]:
    home.mkdir()
    for i, name in enumerate(n for n in entry["manifests"] if not n.endswith(".json")):  # schemas of the suite's own
        shutil.copy(BANK / name, home / f"{i}.yaml")
    loaded = load.manifests([str(home)])
    crds = load.manifests([str(BANK / entry["crds"])]).manifests if entry.get("crds") else ()
    yield from loaded.findings
    yield from judge(loaded.manifests, minor(entry), crds=crds).findings
    number = int(minor(entry).partition(".")[2])
    yield from (
        f for f in policy.judge(loaded.manifests, policy.catalog(), policy.PolicySettings(), minor=number) if "deprecated" in f.name
    )


def agrees(entry: Mapping[str, Any], findings: list[Finding]) -> bool:
    errors = [f for f in findings if f.severity.value == "error"]
    match entry["expect"]:
        case "pass":
            return not errors
        case "types-valid":
            return not any(f.rule in DECODER for f in errors)
        case "deprecated-api":
            return any(f.rule in UNSERVED or "deprecated" in f.name for f in findings)
        case "schema-not-found":
            return any(f.rule == "KG1001" for f in errors)
    at = entry.get("error_path")
    return any(at is None or f.rule in UNSERVED or at == f.path or at.startswith(f"{f.path}/") for f in errors)


def test_every_disagreement_is_explained(tmp_path: Path) -> None:
    entries = json.loads((BANK / "index.json").read_text())
    wrong = set()
    for i, entry in enumerate(entries):
        if not agrees(entry, list(found(entry, tmp_path / str(i)))):
            wrong.add(f"{entry['tool']}: {entry['case']}")
    assert sorted(wrong) == sorted(REASONS)


def test_every_reason_is_a_sentence() -> None:
    assert all(reason[0].isupper() and reason.endswith(".") for reason in REASONS.values())
