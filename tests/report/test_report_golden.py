"""Every reporter on every kind of report. `KGATE_UPDATE_GOLDEN=1 pytest tests/report` writes the files anew; read the diff."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kgate.report import REPORTERS, Style
from tests.report.handmade import REPORTS

GOLDEN = Path(__file__).parent.parent / "golden"
STYLES = {"": Style(), ".colour": Style(colour=True), ".ascii": Style(ascii=True), ".quiet": Style(quiet=1)}
VARIANTS = [(case, name, "") for case in REPORTS for name in REPORTERS] + [
    ("every-severity", "text", ".colour"),
    ("every-severity", "concise", ".colour"),
    ("hostile", "text", ".colour"),
    ("wide", "text", ".ascii"),
    ("every-severity", "text", ".quiet"),
    ("every-severity", "concise", ".quiet"),
    ("every-severity", "json", ".quiet"),
]


@pytest.mark.parametrize(("case", "name", "variant"), VARIANTS, ids=["-".join(filter(None, v)) for v in VARIANTS])
def test_a_report_reads_as_the_golden_file_says(case: str, name: str, variant: str) -> None:
    text = REPORTERS[name](REPORTS[case], STYLES[variant])
    golden = GOLDEN / case / f"{name}{variant}"
    if os.environ.get("KGATE_UPDATE_GOLDEN"):
        golden.parent.mkdir(exist_ok=True)
        golden.write_bytes(text.encode())
    assert text == golden.read_bytes().decode()


def test_every_golden_file_belongs_to_a_case() -> None:
    made = {f"{case}/{name}{variant}" for case, name, variant in VARIANTS}
    assert {str(p.relative_to(GOLDEN)) for case in REPORTS for p in (GOLDEN / case).iterdir()} == made


@pytest.mark.parametrize("case", REPORTS)
def test_the_json_report_has_the_shape_that_machines_rely_on(case: str) -> None:
    answer = json.loads(REPORTERS["json"](REPORTS[case], Style()))
    assert answer["schema"] == "kgate.report/1"
    assert answer["verdict"] in ("pass", "fail", "incomplete")
    assert answer["exit_code"] == {"pass": 0, "fail": 1, "incomplete": 3}[answer["verdict"]]
    assert set(answer["checked"]) == {"files", "objects", "images", "rollouts"}
    for found in answer["findings"]:
        assert list(found) == [
            "rule", "name", "stage", "severity", "message", "file", "line", "column", "document", "path", "object",
            "remediation", "fixable", "waived", "baselined", "fingerprint",
        ]  # fmt: skip
    assert all({"file", "reason"} <= set(s) for s in answer["skipped"])
    assert all({"image", "digest", "status", "reason", "vulnerabilities", "used_by"} <= set(i) for i in answer["images"])
    assert all({"object", "verdict", "bounds", "summary", "trace"} <= set(r) for r in answer["rollouts"])


def test_two_processes_with_different_hash_seeds_write_the_same_bytes() -> None:
    program = (
        "import sys; from kgate.report import REPORTERS, Style; from handmade import REPORTS\n"
        "for case in REPORTS:\n for name in REPORTERS: sys.stdout.buffer.write(REPORTERS[name](REPORTS[case], Style()).encode())"
    )
    here = Path(__file__).parent
    seeds = ("0", "1", "4242")
    runs = [
        subprocess.run(
            [sys.executable, "-c", program], cwd=here, env=os.environ | {"PYTHONHASHSEED": seed}, capture_output=True, check=True
        )
        for seed in seeds
    ]
    assert runs[0].stdout
    assert {r.stdout for r in runs} == {runs[0].stdout}
