"""docs/waivers.md: its examples hold as they stand, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

from kgate.baseline.rules import RULES as BASELINE
from kgate.config import settled
from kgate.waivers.rules import RULES as WAIVERS
from tests.waivers.texts import found, said, waived

PAGE = (Path(__file__).parent.parent.parent / "docs" / "waivers.md").read_text()
BLOCKS = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", PAGE, re.S))


def test_the_comments_waive_what_the_page_says() -> None:
    findings = found(BLOCKS["web.yaml"])
    names = {"label-required", "image-tag-missing", "pss-privileged", "read-only-root-fs"}
    assert {name for name, _ in waived(findings)} == names
    assert said(findings) == []


def test_the_settings_are_right(tmp_path: Path) -> None:
    (tmp_path / ".kgate.yaml").write_text(BLOCKS[".kgate.yaml"])
    assert [w.owner for w in settled(str(tmp_path / ".kgate.yaml")).waivers] == ["platform", ""]


def test_every_rule_about_waivers_and_baselines_is_on_the_page() -> None:
    assert all(f"{rule.id} `{rule.name}`" in PAGE for rule in (*WAIVERS, *BASELINE))
