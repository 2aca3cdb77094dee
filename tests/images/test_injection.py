"""Whatever a manifest writes as an image: no scanner takes it for an option, no shell sees it, and no report prints it raw."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate import load
from kgate.images import from_config, judge
from kgate.images.bill import file_of
from kgate.images.database import Database
from kgate.images.grype import Grype
from kgate.images.inventory import inventory
from kgate.images.presence import access
from kgate.images.registry.client import Registry
from kgate.images.room import Room
from kgate.images.scanner import Target
from kgate.images.sysdig import Sysdig
from kgate.images.trivy import Trivy
from kgate.manifest import Manifest
from kgate.reference import parse

EVIL = Path(__file__).resolve().parents[3] / "shared" / "bank" / "evil" / "files"
ROOM = Room(Path("/room"))
SAFE = re.compile(r"[A-Za-z0-9\[][A-Za-z0-9._:/@\[\]-]*")
DIGEST = "sha256:" + "0" * 64
HOSTILE = [
    "--help", "-v", "--config=/x", "a b", "a\n--severity=LOW", "$(id)", "`id`", "a;id", "a|id", "a&&id", "../../etc/passwd", "a\0b", "App",
    "file:///etc/passwd", "a\t-x", "\u2013help", "a@sha256:0", "-", "--", "\x1b]8;;x\x07a", "a\u202eb", "::error::a", "registry/-a", "-a/b",
    "docker-archive:/etc/passwd", "dir:.", "pull://a", "a:1 --input x", "a:--x", "oci-dir:a", "[::1]/--a", "%0a", "{{.a}}", "<b>", "*",
    "169.254.169.254/a", "a@b:c@d", "sbom:x",
]  # fmt: skip


def argvs(target: Target) -> list[list[str]]:
    settings = from_config({"scanner": "sysdig", "server": "https://a.example", "cache_dir": "/c"})
    database = Database(cache_dir=Path("/c"), updated_at=datetime.now(UTC), buckets=frozenset())
    trivy = Trivy(executable="/t", version=(0, 76, 0), database=database, settings=settings)
    sysdig = Sysdig(settings=settings, executable="/s", registry=Registry(access(settings), Event()))
    return [
        trivy.argv(target, out=Path("/o"), deadline_s=1),
        Grype(settings=settings, executable="/g", database=Path("/d")).argv(target, ROOM),
        sysdig.argv(f"{target.image.name}@{DIGEST}", ROOM),
    ]


def checked(text: str) -> None:
    try:
        reference = parse(text)
    except ValueError:
        return
    target = Target(image=reference, content=DIGEST)
    plain = argvs(Target(image=parse("a"), content=DIGEST))
    for argv, same in zip(argvs(target), plain, strict=True):
        assert argv[:-1] == same[:-1], "an image changes nothing but the last argument"
        assert SAFE.fullmatch(argv[-1].removeprefix("registry:").removeprefix("pull://"))
    assert argvs(target)[0][-2:] == ["--", reference.normalised]
    file = file_of(target, from_config({"sbom": "/boms"}))
    assert file.parent == Path("/boms") and SAFE.fullmatch(file.name) and len(file.name) < 255


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_images_are_no_options(text: str) -> None:
    checked(text)


@given(st.text(alphabet=st.one_of(st.sampled_from("a-:/@.[]=$`;_ \n\x1b0"), st.characters()), max_size=40))
def test_no_image_is_an_option(text: str) -> None:
    checked(text)


def reported(manifests: tuple[Manifest, ...]) -> None:
    """Everything that is said of them, with no image looked up."""
    judged = judge(manifests, from_config({"on_unscanned": "fail", "registry": True, "pull": True}, offline=True))
    for text in [*(f.message for f in judged.findings), *(t for o in judged.images for t in (o.image, o.reason or "", *o.used_by))]:
        assert text.isprintable(), ascii(text)
    assert not any(o.scanned for o in judged.images)


def test_what_is_reported_is_printable(tmp_path: Path) -> None:
    containers = [{"name": f"c{n}", "image": text} for n, text in enumerate(HOSTILE)]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "x"}, "spec": {"containers": containers}}
    (tmp_path / "pod.json").write_text(json.dumps(pod))
    manifests = tuple(load.manifests([str(tmp_path / "pod.json")]).manifests)
    assert manifests
    reported(manifests)


@pytest.mark.skipif(not EVIL.is_dir(), reason="the bank is not here")
def test_the_images_of_a_bank_of_evil_files() -> None:
    manifests = tuple(m for file in sorted(EVIL.iterdir()) if file.stat().st_size < 100_000 for m in load.manifests([str(file)]).manifests)
    images = inventory(manifests)
    assert len(images) > 20
    for image in images:
        checked(image.text)
    reported(manifests)
