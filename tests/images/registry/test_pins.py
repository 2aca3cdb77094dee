"""`kgate fix --pin-digests` against a real registry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.images.registry.conftest import Shop

pytestmark = pytest.mark.slow

KGATE = str(Path(sys.executable).parent / "kgate")
POD = """\
apiVersion: v1
kind: Pod
metadata: {{name: web}}
spec:
  containers:
    - name: api
      image: "{image}"  # from the shop
    - {{name: again, image: {image}}}
"""


def fix(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([KGATE, "fix", *args], cwd=folder, capture_output=True, text=True, timeout=60, env=dict(os.environ), check=False)
    assert "Traceback" not in done.stderr + done.stdout
    return done


@pytest.fixture
def folder(tmp_path: Path, shop: Shop) -> Path:
    home = tmp_path / "work"
    (home / ".git").mkdir(parents=True)
    (home / ".kgate.yaml").write_text(f'images: {{registries: ["{shop.host}", "127.0.0.1:1"], networks: [127.0.0.0/8]}}\n')
    return home


def test_a_tag_gets_its_digest_and_nothing_else_changes(folder: Path, shop: Shop) -> None:
    image = shop.image("shop/api:multi")
    (folder / "web.yaml").write_text(POD.format(image=image))
    pinned = f"{image}@{shop.digests['multi']}"
    done = fix(folder, "--pin-digests", "--rule", "image-digest-required", "web.yaml")
    assert done.returncode == 0, done.stdout + done.stderr
    text = (folder / "web.yaml").read_text()
    assert f'      image: "{pinned}"  # from the shop\n' in text
    assert text.replace(f'"{pinned}"', pinned).count(pinned) == 2
    again = fix(folder, "--pin-digests", "--rule", "image-digest-required", "web.yaml")
    assert (again.returncode, (folder / "web.yaml").read_text()) == (0, text)


def test_without_being_asked_nobody_is_asked(folder: Path, shop: Shop) -> None:
    text = POD.format(image=shop.image("shop/api:1"))
    (folder / "web.yaml").write_text(text)
    fix(folder, "--rule", "image-digest-required", "web.yaml")
    assert (folder / "web.yaml").read_text() == text


def test_a_tag_that_is_not_there_is_not_pinned_and_the_run_is_incomplete(folder: Path, shop: Shop) -> None:
    text = POD.format(image=shop.image("shop/api:none"))
    (folder / "web.yaml").write_text(text)
    done = fix(folder, "--pin-digests", "web.yaml", "--rule", "image-digest-required")
    assert (done.returncode, (folder / "web.yaml").read_text()) == (3, text)
    assert "there is no such tag" in done.stdout


def test_a_registry_that_does_not_answer_pins_nothing_and_the_others_are_pinned(folder: Path, shop: Shop) -> None:
    there = shop.image("shop/api:1")
    (folder / "web.yaml").write_text(POD.format(image="127.0.0.1:1/shop/api:1") + "---\n" + POD.format(image=there))
    done = fix(folder, "--pin-digests", "web.yaml", "--rule", "image-digest-required")
    assert done.returncode == 3
    text = (folder / "web.yaml").read_text()
    assert text.count(f"{there}@{shop.digests['1']}") == 2
    assert '"127.0.0.1:1/shop/api:1"' in text


def test_offline_and_asking_registries_contradict_each_other(folder: Path) -> None:
    (folder / "web.yaml").write_text(POD.format(image="a:1"))
    done = fix(folder, "--pin-digests", "--offline", "web.yaml")
    assert done.returncode == 2
    assert "--offline forbids it" in done.stderr


def test_a_forbidden_registry_is_not_asked(folder: Path) -> None:
    (folder / "web.yaml").write_text(POD.format(image="169.254.169.254/a:1"))
    done = fix(folder, "--pin-digests", "web.yaml")
    assert done.returncode == 3
    assert "does not allow pulling" in done.stdout
