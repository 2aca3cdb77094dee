"""Executables that stand for scanners that cannot be had: they write a recorded answer where they are told to, or misbehave."""

from __future__ import annotations

import json
import stat
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

FAULTS: dict[str, str] = {
    # mood -> what the program does instead of writing its report; `body` is the whole report, `out` the file for it
    "hang": "time.sleep(60)",
    "cut-off": "open(out, 'w').write(body[: len(body) // 2])",
    "empty": "open(out, 'w')",
    "nothing": "pass",
    "null": "open(out, 'w').write('null')",
    "list": "open(out, 'w').write('[]')",
    "object": "open(out, 'w').write('{}')",
    "killed": "os.kill(os.getpid(), 9)",
    "status-1": "print('made-up fault', file=sys.stderr); sys.exit(1)",
    "status-2": "open(out, 'w').write(body); print('made-up fault', file=sys.stderr); sys.exit(2)",
    "status-3": "open(out, 'w').write(body); print('made-up fault', file=sys.stderr); sys.exit(3)",
    "status-100": "print('made-up fault', file=sys.stderr); sys.exit(100)",
    "refused": "print('401 Unauthorized', file=sys.stderr); sys.exit(2)",
    "policy-failed": "open(out, 'w').write(body); sys.exit(1)",
}


def program(folder: Path, name: str, report: dict[str, Any], mood: str = "") -> str:
    """Its path; `called.json` beside it holds the arguments and the environment of the last call."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(f"""\
#!{sys.executable}
import json, os, sys, time
body = {json.dumps(report)!r}
json.dump([sys.argv[1:], dict(os.environ), os.getcwd()], open({str(folder / "called.json")!r}, "w"))
joined = [a.partition("json-file=")[2] for a in sys.argv if "json-file=" in a]
out = joined[0] if joined else sys.argv[sys.argv.index("--file") + 1]
{FAULTS[mood] if mood else "open(out, 'w').write(body)"}
""")
    file.chmod(file.stat().st_mode | stat.S_IXUSR)
    return str(file)


def called(folder: Path) -> tuple[list[str], dict[str, str]]:
    argv, environment, _ = json.loads((folder / "called.json").read_text())
    return argv, environment


def sysdig_old(*, release: str = "debian 12.5", vulnerable: bool = True, architecture: str = "amd64") -> dict[str, Any]:
    """Vulnerabilities inside their packages."""
    vulns = [
        {"name": "CVE-2099-0001", "severity": {"value": "Critical", "sourceName": "nvd"}, "fixedInVersion": "1.2-3"},
        {"name": "CVE-2099-0002", "severity": {"value": "Negligible", "sourceName": "debian"}},
    ]
    packages = [
        {"type": "os", "name": "libquux1", "version": "1.2-1", "path": "/var/lib/dpkg/status"},
        {"type": "python", "name": "garply", "version": "3.0.0", "path": "/srv/garply/METADATA"},
    ]
    if vulnerable:
        packages[0]["vulns"] = vulns  # type: ignore[assignment]
        packages[1]["vulns"] = [{"name": "CVE-2099-0003", "severity": {"value": "High"}, "fixedInVersion": "v3.1.4"}]  # type: ignore[assignment]
    metadata = {"pullString": "made-up", "baseOs": release, "os": "linux", "architecture": architecture}
    return {
        "scanner": {"name": "sysdig-cli-scanner", "version": "1.20.0"},
        "result": {"type": "dockerImage", "metadata": metadata, "packages": packages, "policyEvaluationsResult": "failed"},
    }


def sysdig_new(**told: Any) -> dict[str, Any]:
    """The same, with the vulnerabilities beside their packages."""
    old = sysdig_old(**told)
    packages, vulnerabilities = {}, {}
    for n, package in enumerate(old["result"]["packages"]):
        vulns = package.pop("vulns", None)
        package["vulnerabilitiesRefs"] = [f"v{n}{m}" for m in range(len(vulns))] if vulns else None
        packages[f"p{n}"] = package
        for m, v in enumerate(vulns or ()):
            told_by = v["severity"].get("sourceName", "")
            more = {"severity": v["severity"]["value"].lower(), "mainProvider": told_by, "packageRef": f"p{n}"}
            vulnerabilities[f"v{n}{m}"] = {"name": v["name"], **more} | (
                {"fixVersion": v["fixedInVersion"]} if "fixedInVersion" in v else {}
            )
    result = {"assetType": "containerImage", "metadata": old["result"]["metadata"], "packages": packages}
    result |= {"vulnerabilities": vulnerabilities, "policies": {"globalEvaluation": "failed"}}
    return {"scanner": {"name": "sysdig-cli-scanner", "version": "1.24.1"}, "result": result}


def grype(*, distro: str = "debian", vulnerable: bool = True, days_old: float = 0.5, architecture: str = "amd64", old: bool = False) -> Any:
    built = (datetime.now(UTC) - timedelta(days=days_old)).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = [
        _match("CVE-2099-0001", "Critical", "libquux1", "1.2-1", "deb", ["1.2-3"], "fixed", []),
        _match("CVE-2099-0002", "Negligible", "libquux1", "1.2-1", "deb", [], "wont-fix", []),
        _match("GHSA-aaaa-bbbb-cccc", "High", "garply", "3.0.0", "npm", ["3.1.4"], "fixed", ["CVE-2099-0003"]),
    ]
    target = {"userInput": "made-up", "os": "linux", "architecture": architecture}
    return {
        "matches": found if vulnerable else [],
        "source": {"type": "image", "target": target},
        "distro": {"name": distro, "version": "12" if distro else ""},
        "descriptor": {"name": "grype", "version": "0.116.0", "db": {"built": built} if old else {"status": {"built": built}}},
    }


def _match(id_: str, severity: str, name: str, version: str, kind: str, fixed: list[str], state: str, related: list[str]) -> dict[str, Any]:
    return {
        "vulnerability": {
            "id": id_,
            "severity": severity,
            "namespace": "debian:distro:debian:12",
            "fix": {"versions": fixed, "state": state},
        },
        "relatedVulnerabilities": [{"id": r, "namespace": "nvd:cpe"} for r in related],
        "artifact": {"name": name, "version": version, "type": kind, "locations": [{"path": f"/srv/{name}"}], "purl": f"pkg:{kind}/{name}"},
    }
