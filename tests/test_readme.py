"""The README shows what really happens: its commands run, its picture is of today's output."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text()


def run(*args: str, where: Path = ROOT) -> subprocess.CompletedProcess[str]:
    kgate = Path(sys.executable).parent / "kgate"
    environment = {k: v for k, v in os.environ.items() if not k.startswith("KGATE_")} | {"NO_COLOR": "1"}
    return subprocess.run([str(kgate), *args], cwd=where, env=environment, capture_output=True, text=True, check=False)


def test_both_commands_are_there_as_a_newcomer_would_paste_them() -> None:
    commands = re.findall(r"^    (python3 tools/run\.py .+)$", README, re.M)
    assert commands == ["python3 tools/run.py kgate check examples/nginx-deployment.yaml --report text", "python3 tools/run.py test"]


def test_the_articles_deployment_fails_at_its_image_and_shows_its_rollout() -> None:
    done = run("check", "examples/nginx-deployment.yaml", "--report", "text")
    assert done.returncode == 1
    assert "error[KG2002]" in done.stdout
    assert "--> examples/nginx-deployment.yaml:17:11" in done.stdout
    for rule in ("KG2401", "KG2402", "KG2201"):
        assert f"warning[{rule}]" in done.stdout
    table, placement = done.stdout.index("Rollout  Deployment ngninx-deploy"), done.stdout.index("Placement  Deployment ngninx-deploy")
    assert done.stdout.index("error[KG2002]") < table < placement
    assert "PASS  complete at 0:10" in done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("verdict: FAIL")


def test_the_shop_passes_without_a_finding() -> None:
    done = run("check", "examples/shop", "--report", "text")
    assert done.returncode == 0, done.stdout
    assert done.stdout.rstrip().splitlines()[-1].startswith("verdict: PASS  9 objects checked, no findings; 3 rollouts complete")


def test_the_same_input_gives_the_same_bytes() -> None:
    for report in ("text", "concise", "json"):
        first, second = (run("check", "examples", "--report", report).stdout for _ in range(2))
        assert first == second != ""


def test_the_settings_it_shows_are_settings(tmp_path: Path) -> None:
    (block,) = [b for b in re.findall(r"```yaml\n(.*?)```", README, re.S) if b.startswith("kubernetes_version")]
    (tmp_path / ".kgate.yaml").write_text(block)
    (tmp_path / "cluster.yaml").write_text((ROOT / "examples" / "shop" / "cluster.yaml").read_text())
    done = run("check", "--stage", "load", ".", where=tmp_path)
    assert done.returncode == 3, done.stderr


def test_the_hooks_it_names_exist() -> None:
    (block,) = [b for b in re.findall(r"```yaml\n(.*?)```", README, re.S) if b.startswith("repos:")]
    named = {hook["id"] for hook in yaml.safe_load(block)["repos"][0]["hooks"]}
    assert named <= {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())}


@pytest.mark.parametrize(
    "document",
    ["README.md", "CONTRIBUTING.md", "SECURITY.md", "bench/README.md", "docs/rollout.md", "policies/README.md", "kgate/engine/README.md"],
)
def test_links_into_the_repository_lead_somewhere(document: str) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def test_the_picture_is_of_todays_output() -> None:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        import picture
    finally:
        sys.path.remove(str(ROOT / "tools"))
    drawn = picture.draw(picture.colored())
    assert drawn == picture.PICTURE.read_text(), "run: python3 tools/run.py python tools/picture.py"
