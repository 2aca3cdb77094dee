"""The report for machines: `kgate.report/1`, the stable one. One finding a line, so that two reports can be compared with diff."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from kgate.finding import Finding, Skipped
from kgate.manifest import Subject
from kgate.outcome import ImageOutcome, PlacedNode, Proof, Rehearsal, Report, RolloutStep
from kgate.report.style import Style

SCHEMA = "kgate.report/1"


def render(report: Report, style: Style) -> str:
    """`style` changes nothing: a machine reads the same bytes everywhere."""
    fields = {
        "schema": _text(SCHEMA),
        "kgate": _text(report.version),
        "kubernetes": _text(report.kubernetes_version),
        "stages": _text([s.value for s in report.stages]),
        "fail_on": _text(report.fail_on.value),
        "verdict": _text(report.verdict.value),
        "exit_code": _text(report.exit_code),
        "checked": _text(_checked(report)),
        "findings": _list(map(finding, report.findings)),
        "skipped": _list(map(_skipped, report.skipped)),
        "images": _list(map(_image, report.images)),
        "rollouts": _list(map(_rollout, report.rollouts)),
    }
    return "{" + ",\n ".join(f'"{key}": {value}' for key, value in fields.items()) + "}\n"


def _text(value: object) -> str:
    """JSON in ASCII; a `##[` inside a string is written with an escape, so that no CI system takes it for a command."""
    import json

    return json.dumps(value).replace("##", "#\\u0023")


def _list(items: Iterable[Mapping[str, Any]]) -> str:
    rows = ",\n  ".join(map(_text, items))
    return f"[\n  {rows}]" if rows else "[]"


def _checked(report: Report) -> dict[str, int]:
    c = report.checked
    return {"files": c.files, "objects": c.objects, "images": c.images, "rollouts": c.rollouts}


def finding(f: Finding) -> dict[str, Any]:
    return {
        "rule": f.rule,
        "name": f.name,
        "stage": f.stage.value,
        "severity": f.severity.value,
        "message": f.message,
        "file": f.file,
        "line": f.line,
        "column": f.column,
        "document": f.document,
        "path": f.path,
        "object": None if f.object is None else _object(f.object),
        "remediation": f.remediation,
        "fixable": f.fixable,
        "waived": f.waived,
        "baselined": f.baselined,
        "fingerprint": f.fingerprint,
        **({"apps": list(f.apps)} if f.apps else {}),
    }


def _object(subject: Subject) -> dict[str, str]:
    return {"apiVersion": subject.api_version, "kind": subject.kind, "namespace": subject.namespace, "name": subject.name}


def _skipped(s: Skipped) -> dict[str, Any]:
    return {"file": s.file, "line": s.line, "reason": s.reason, "wanted": s.wanted}


def _image(i: ImageOutcome) -> dict[str, Any]:
    return {
        "image": i.image,
        "digest": i.digest,
        "status": "scanned" if i.scanned else "not-scanned",
        "reason": i.reason,
        "scanner": i.scanner,
        "vulnerabilities": dict(i.vulnerabilities),
        "used_by": list(i.used_by),
    }


def _rollout(r: Rehearsal) -> dict[str, Any]:
    return {
        "object": _object(r.object),
        "file": r.file,
        "line": r.line,
        "column": r.column,
        "verdict": r.verdict,
        "bounds": r.bounds,
        "reason": r.reason,
        "assumed": list(r.assumed),
        "said": list(r.said),
        "effect": r.effect,
        "causes": [
            {"field": c.field, "was": c.was, "now": c.now, "line": c.line, "column": c.column, **({"file": c.file} if c.file else {})}
            for c in r.causes
        ],
        "summary": _summary(r),
        "steps": [_step(s) for s in r.steps],
        "placement": [_node(n) for n in r.placement],
        "proofs": [_proof(p) for p in r.proofs],
        "trace": r.trace,
    }


def _summary(r: Rehearsal) -> dict[str, Any]:
    return {
        "images": {"old": r.images[0], "new": r.images[1]},
        "strategy": r.strategy,
        "replicas": r.replicas,
        "max_surge": r.surge,
        "max_unavailable": r.unavailable,
        "floor": r.floor,
        "completed_s": None if r.completed_ms is None else r.completed_ms / 1000,
        "deadline_s": r.deadline_s,
        "lowest_available": r.lowest_available,
        "peak_pods": r.peak_pods,
        "zone_skew": r.zone_skew,
    }


def _step(s: RolloutStep) -> dict[str, Any]:
    pods = {"old_ready": s.old_ready, "old_unready": s.old_unready, "new_ready": s.new_ready, "new_starting": s.new_starting}
    return {"at_s": s.at_ms / 1000, **pods, "available": s.available, "event": s.event}


def _proof(p: Proof) -> dict[str, Any]:
    return {
        "question": p.question,
        "level": p.level,
        "statement": p.statement,
        "bounds": p.bounds,
        "evidence": list(p.evidence),
        "fix": p.fix,
        "fix_verified": p.verified,
        "counter_example": p.counter_example,
    }


def _node(n: PlacedNode) -> dict[str, Any]:
    return {
        "zone": n.zone,
        "node": n.node,
        "cpu": {"free": n.cpu_free, "total": n.cpu_total},
        "memory": {"free": n.memory_free, "total": n.memory_total},
        "pods": {"before": n.pods_before, "peak": n.pods_peak, "end": n.pods_end},
        "note": n.note,
    }
