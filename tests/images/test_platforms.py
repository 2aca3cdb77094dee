"""Which platforms an image is looked at for, and what several answers come to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgate import load
from kgate.images.inventory import inventory
from kgate.images.platforms import merged, platforms_of
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import from_config

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  nodeSelector: %s\n  containers: [{name: a, image: a}]\n"


@pytest.mark.parametrize(
    ("settings", "selector", "wanted"),
    [
        ({}, "{}", ("linux/amd64",)),
        ({"platform": "linux/arm/v7"}, "{}", ("linux/arm/v7",)),
        ({}, "{kubernetes.io/arch: arm64}", ("linux/arm64",)),
        ({}, "{beta.kubernetes.io/arch: arm64}", ("linux/arm64",)),
        ({}, "{kubernetes.io/os: windows}", ("windows/amd64",)),
        ({"platforms": ["linux/amd64", "linux/arm64/v8"]}, "{}", ("linux/amd64", "linux/arm64/v8")),
        ({"platforms": ["linux/amd64", "linux/arm64/v8"]}, "{kubernetes.io/arch: arm64}", ("linux/arm64/v8",)),
        ({"platforms": ["linux/amd64", "linux/arm64"]}, "{kubernetes.io/arch: s390x}", ("linux/s390x",)),
        ({}, '{kubernetes.io/arch: "arm64 --help"}', ("linux/amd64",)),
        ({}, "{kubernetes.io/arch: [arm64]}", ("linux/amd64",)),
        ({}, "none", ("linux/amd64",)),
        ({}, "{kubernetes.io/arch: '../x'}", ("linux/amd64",)),
    ],
)
def test_the_node_selector_chooses(tmp_path: Path, settings: dict[str, Any], selector: str, wanted: tuple[str, ...]) -> None:
    (tmp_path / "pod.yaml").write_text(POD % selector)
    (image,) = inventory(load.manifests([str(tmp_path / "pod.yaml")]).manifests)
    assert platforms_of(image, from_config(settings)) == wanted


def test_an_image_has_the_platforms_of_all_its_uses(tmp_path: Path) -> None:
    (tmp_path / "pod.yaml").write_text((POD % "{kubernetes.io/arch: arm64}") + "---\n" + (POD % "{}").replace("name: x", "name: y"))
    (image,) = inventory(load.manifests([str(tmp_path / "pod.yaml")]).manifests)
    assert platforms_of(image, from_config({})) == ("linux/arm64", "linux/amd64")


def vulnerability(n: int, arch: str = "amd64") -> Vulnerability:
    return Vulnerability(id=f"CVE-2099-000{n}", package="a", installed="1", severity="HIGH", purl=f"pkg:deb/a@1?arch={arch}")


def result(*numbers: int, arch: str = "amd64", gap: str = "") -> ScanResult:
    found = tuple(vulnerability(n, arch) for n in numbers)
    return ScanResult(scanner="s", digest=f"sha256:{arch}", os="debian 12", vulnerabilities=found, gap=gap)


def test_what_one_platform_has_counts_and_says_where() -> None:
    both = merged({"linux/amd64": result(1, 2), "linux/arm64": result(1, 3, arch="arm64")})
    assert isinstance(both, ScanResult) and both.gap == "" and both.digest is None and both.os == "debian 12"
    assert [(v.id[-1], v.only) for v in both.vulnerabilities] == [("1", ""), ("2", "linux/amd64"), ("3", "linux/arm64")]


def test_what_is_not_known_of_one_platform_is_a_gap() -> None:
    both = merged({"linux/amd64": result(1), "linux/arm64": NotScanned("there is none for linux/arm64")})
    assert isinstance(both, ScanResult) and both.gap == "for linux/arm64: there is none for linux/arm64" and both.vulnerabilities
    both = merged({"linux/amd64": result(1), "linux/arm64": result(1, gap="too old")})
    assert isinstance(both, ScanResult) and both.gap == "for linux/arm64: too old"
    neither = merged({"linux/amd64": NotScanned("a"), "linux/arm64": NotScanned("b")})
    assert isinstance(neither, NotScanned) and str(neither) == "for linux/amd64: a; for linux/arm64: b"
    assert str(merged({"linux/amd64": NotScanned("a", "do"), "linux/arm64": NotScanned("a", "do")})) == "a; do"


ANSWERS = st.one_of(
    st.builds(NotScanned, st.sampled_from("ab")),
    st.builds(lambda numbers, gap: result(*sorted(numbers), gap=gap), st.sets(st.integers(0, 5)), st.sampled_from(["", "old"])),
)


@given(st.dictionaries(st.sampled_from(["linux/amd64", "linux/arm64", "linux/arm/v7"]), ANSWERS, min_size=1))
def test_nothing_is_lost_and_no_gap_is_closed(answers: dict[str, ScanResult | NotScanned]) -> None:
    told = merged(answers)
    found = {v.id for a in answers.values() if isinstance(a, ScanResult) for v in a.vulnerabilities}
    whole = all(isinstance(a, ScanResult) and not a.gap for a in answers.values())
    assert {v.id for v in told.vulnerabilities} == found if isinstance(told, ScanResult) else not found
    assert (isinstance(told, ScanResult) and not told.gap) == whole
