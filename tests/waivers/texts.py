"""Texts through the policies, the waivers and the baseline, without a disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from msgspec.structs import replace

from kgate.accepted import Ran, accepted
from kgate.config import Options
from kgate.finding import Finding, Stage, in_order
from kgate.load.collect import Loaded
from kgate.load.documents import contents
from kgate.load.source import Trees
from kgate.policy import catalog, judge
from kgate.policy.settings import PolicySettings
from kgate.waivers.settings import SettingsWaiver

DAY = date(2026, 11, 24)
RAN = Ran(whole=True, scanned=True, rehearsed=True)


def loaded(texts: Mapping[str, str]) -> Loaded:
    read = [contents(file, text, explicit=True, trees=Trees()) for file, text in texts.items()]
    return Loaded(
        manifests=tuple(m for r in read for m in r.manifests),
        findings=in_order(f for r in read for f in r.findings),
        sources=tuple(r.source for r in read),
        files=len(read),
    )


def found(
    texts: str | Mapping[str, str],
    *,
    waivers: Sequence[SettingsWaiver] = (),
    policy: PolicySettings | None = None,
    extra: Sequence[Finding] = (),
    ran: Ran = RAN,
    today: date = DAY,
    waive: bool = True,
) -> list[Finding]:
    """What the policies find, and what becomes of it."""
    here = loaded({"web.yaml": texts} if isinstance(texts, str) else texts)
    settings = policy or PolicySettings()
    judged = judge(here.manifests, catalog(), settings)
    options = Options(stages=(Stage.LOAD, Stage.POLICY), policy=settings, waivers=tuple(waivers), waive=waive, today=today)
    return list(in_order(accepted(options, [*here.findings, *judged, *extra], here, ran)))


def waived(findings: Sequence[Finding], rule: str = "") -> list[tuple[str, int]]:
    return [(f.name, f.line) for f in findings if f.waived is not None and rule in ("", f.name)]


def said(findings: Sequence[Finding]) -> list[tuple[str, int, int, str]]:
    """About waivers and baselines."""
    return [(f.name, f.line, f.column, f.message) for f in findings if f.rule.startswith("KG90")]


def without_marks(findings: Sequence[Finding]) -> list[Finding]:
    return [replace(f, waived=None) for f in findings if not f.rule.startswith("KG90")]
