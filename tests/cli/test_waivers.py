"""Waivers and baselines as people and CI systems use them: processes, files, exit codes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

KGATE = str(Path(sys.executable).parent / "kgate")
POD = """\
apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: app
    image: nginx
"""
WAIVED = POD.replace("    image", '    # kgate: ignore[image-tag-missing] reason="pinned by the registry" until=2027-01-31\n    image')


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kgate(*args: str, **environ: str) -> subprocess.CompletedProcess[str]:
    argv = [KGATE, "check", "--stage", "validate", "--stage", "policy", *args]
    env = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "SOURCE_DATE_EPOCH": "1795478400", **environ}  # 2026-11-24
    return subprocess.run(argv, env=env, capture_output=True, text=True, check=False, timeout=60)


def report(*args: str, **environ: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(kgate(*args, "--report", "json", **environ).stdout)
    return answer


def of(answer: dict[str, Any], rule: str = "image-tag-missing") -> list[dict[str, Any]]:
    return [f for f in answer["findings"] if f["name"] == rule]


def git(*args: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false", "-c", "init.defaultBranch=main"]
    return subprocess.run(["git", *identity, *args], capture_output=True, text=True, check=True).stdout.strip()


def test_a_waived_finding_is_in_the_report_marked_and_does_not_count() -> None:
    Path("web.yaml").write_text(WAIVED)
    done = kgate("web.yaml", "--report", "concise")
    assert done.returncode == 0, done.stdout
    assert "[waived: pinned by the registry (until 2027-01-31, web.yaml:8)]" in done.stdout
    assert of(report("web.yaml"))[0]["waived"] == "pinned by the registry (until 2027-01-31, web.yaml:8)"
    assert "1 waived" in kgate("web.yaml", "--report", "text").stdout


def test_without_waivers_it_counts() -> None:
    Path("web.yaml").write_text(WAIVED)
    done = kgate("web.yaml", "--no-waivers", "--report", "concise")
    assert done.returncode == 1
    assert "waived" not in done.stdout


def test_the_day_is_that_of_the_source_date_epoch_so_that_a_run_can_be_repeated() -> None:
    Path("web.yaml").write_text(WAIVED)
    late = report("web.yaml", SOURCE_DATE_EPOCH="1801526400")  # 2027-02-02
    assert late["verdict"] == "fail"
    assert of(late, "waiver-expired")[0]["line"] == 8
    wrong = kgate("web.yaml", SOURCE_DATE_EPOCH="tomorrow")
    assert (wrong.returncode, "SOURCE_DATE_EPOCH=tomorrow is no time" in wrong.stderr) == (2, True)


def test_waivers_of_the_settings_hold_and_name_their_line() -> None:
    Path("dev").mkdir()
    Path("dev/web.yaml").write_text(POD)
    Path(".kgate.yaml").write_text("waivers:\n- rules: [image-tag-missing]\n  paths: [dev/]\n  reason: only here\n  owner: shop\n")
    answer = report()
    assert of(answer)[0]["waived"] == "only here (shop, .kgate.yaml:2)"
    assert answer["exit_code"] == 0


def test_a_baseline_lets_old_findings_pass_and_new_ones_fail() -> None:
    Path("web.yaml").write_text(POD)
    assert kgate("web.yaml").returncode == 1
    done = kgate("web.yaml", "--write-baseline", "known.json")
    assert done.returncode == 0, done.stdout
    assert "kgate: baseline known.json: " in done.stderr
    assert kgate("web.yaml", "--baseline", "known.json").returncode == 0
    Path("web.yaml").write_text("# moved\n" + POD + "  - name: late\n    image: redis\n")
    answer = report("web.yaml", "--baseline", "known.json")
    assert [(f["line"], f["baselined"]) for f in of(answer)] == [(9, True), (11, False)]
    assert answer["exit_code"] == 1
    assert "[baseline]" in kgate("web.yaml", "--baseline", "known.json", "--report", "concise").stdout


def test_a_baseline_holds_from_every_folder_and_the_settings_may_name_it() -> None:
    Path("deploy").mkdir()
    Path("deploy/web.yaml").write_text(POD)
    kgate(".", "--write-baseline", "known.json")
    git("init", "-q")
    Path(".kgate.yaml").write_text("baseline: known.json\n")
    assert kgate().returncode == 0
    assert kgate("--no-baseline").returncode == 1
    os.chdir("deploy")
    assert kgate("web.yaml").returncode == 0
    assert of(report("web.yaml"))[0]["waived"] == "in the baseline ../known.json"


def test_a_renamed_file_brings_nothing_new_and_a_copy_does() -> None:
    Path("old.yaml").write_text(POD)
    kgate("--write-baseline", "known.json")
    Path("old.yaml").rename("new.yaml")
    assert kgate("--baseline", "known.json").returncode == 0
    Path("old.yaml").write_text(POD)
    assert kgate("--baseline", "known.json").returncode == 1


def test_entries_that_no_longer_occur_are_told_at_their_line() -> None:
    Path("web.yaml").write_text(POD)
    kgate("--write-baseline", "known.json")
    Path("web.yaml").write_text(POD.replace("nginx", "nginx:1.27.1"))
    answer = report("--baseline", "known.json")
    (stale,) = of(answer, "baseline-stale")
    line = next(n for n, row in enumerate(Path("known.json").read_text().splitlines(), 1) if "image-tag-missing" in row)
    assert (stale["file"], stale["line"], stale["severity"]) == ("known.json", line, "info")
    assert "image-tag-missing of Pod web in web.yaml" in stale["message"]
    assert "--write-baseline" in stale["remediation"]
    assert of(report("--stage", "load", "--baseline", "known.json"), "baseline-stale") == [stale]


def test_files_and_stages_that_were_not_checked_make_nothing_stale() -> None:
    Path("a.yaml").write_text(POD)
    Path("b.yaml").write_text(POD.replace("name: web", "name: b"))
    kgate("--write-baseline", "known.json")
    assert of(report("a.yaml", "--baseline", "known.json"), "baseline-stale") == []
    argv = [KGATE, "check", "--stage", "validate", "--baseline", "known.json", "--report", "json"]
    alone = json.loads(subprocess.run(argv, capture_output=True, text=True, check=False).stdout)
    assert of(alone, "baseline-stale") == []


def test_no_baseline_makes_pass_what_the_api_server_refuses() -> None:
    Path("web.yaml").write_text(POD.replace("name: web", "name: WEB"))
    done = kgate("--write-baseline", "known.json")
    assert done.returncode == 1
    assert "left out" in done.stderr
    assert kgate("--baseline", "known.json").returncode == 1


def test_a_baseline_is_written_whole_or_not_at_all() -> None:
    Path("web.yaml").write_text(POD)
    kgate("--write-baseline", "known.json")
    first = Path("known.json").read_bytes()
    kgate("--write-baseline", "known.json")
    assert Path("known.json").read_bytes() == first
    assert sorted(p.name for p in Path().iterdir()) == ["known.json", "web.yaml"]
    assert kgate("--write-baseline", "nowhere/known.json").returncode == 2


@pytest.mark.parametrize("text", ["", "[]", "{", '{"schema": "kgate.baseline/9"}', '{"schema": "kgate.baseline/1", "entries": [1]}'])
def test_what_is_no_baseline_stops_the_run(text: str) -> None:
    Path("web.yaml").write_text(POD)
    Path("known.json").write_text(text)
    done = kgate("web.yaml", "--baseline", "known.json")
    assert done.returncode == 2
    assert "known.json:1" in done.stderr or "known.json:" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_baseline_that_is_not_there_stops_the_run_with_what_to_do() -> None:
    Path("web.yaml").write_text(POD)
    done = kgate("web.yaml", "--baseline", "known.json")
    assert (done.returncode, "--write-baseline known.json" in done.stderr) == (2, True)


def test_with_the_settings_of_the_base_a_change_can_waive_nothing_by_its_own_settings() -> None:
    git("init", "-q")
    Path("web.yaml").write_text(POD)
    kgate("--write-baseline", "known.json")
    Path(".kgate.yaml").write_text("baseline: known.json\n")
    git("add", ".")
    git("commit", "-qm", "base")
    assert kgate("--config", "base", "--base", "HEAD").returncode == 0
    assert of(report("--config", "base", "--base", "HEAD"))[0]["waived"].endswith(":known.json")
    Path("late.yaml").write_text(POD.replace("name: web", "name: late"))
    Path(".kgate.yaml").write_text("waivers: [{rules: [image-tag-missing], reason: trust me}]\n")
    git("add", ".")
    git("commit", "-qm", "change")
    assert kgate("--config", "base", "--base", "HEAD~1").returncode == 1
    assert kgate("--base", "HEAD~1").returncode == 0


def test_rules_about_waivers_are_in_the_catalogue() -> None:
    listed = subprocess.run([KGATE, "rules"], capture_output=True, text=True, check=True).stdout
    assert all(name in listed for name in ("waiver-malformed", "waiver-refused", "waiver-expired", "waiver-unused", "baseline-stale"))


def test_texts_without_a_word_to_kgate_load_nothing_of_the_waivers() -> None:
    Path("web.yaml").write_text(POD)
    program = (
        "import sys; from kgate.cli import run; run(['check', 'web.yaml', '--stage', 'policy', '-qq']);"
        "print([m for m in sys.modules if m.startswith(('kgate.waivers', 'kgate.baseline', 'kgate.catalogue', 'kgate.load.comments.'))])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
