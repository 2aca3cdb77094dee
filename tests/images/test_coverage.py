"""What Trivy passes silently is called by its name."""

from __future__ import annotations

import pytest

from kgate.images.coverage import Packages, gap

BUCKETS = frozenset(
    {
        "debian 12",
        "alpine 3.18",
        "alpine edge",
        "ubuntu 22.04",
        "Red Hat",
        "amazon linux 1",
        "amazon linux 2",
        "amazon linux 2023",
        "rocky 9",
    }
    | {"Oracle Linux 8", "Photon OS 4.0", "openSUSE Leap 15.5", "SUSE Linux Enterprise 15.5", "wolfi", "npm::Made-up", "go::Made-up"}
)
OS = Packages(kind="os-pkgs", type="any", count=5)
NPM = Packages(kind="lang-pkgs", type="node-pkg", count=2)
GO = Packages(kind="lang-pkgs", type="gobinary", count=1)
PIP = Packages(kind="lang-pkgs", type="python-pkg", count=3)
CONDA = Packages(kind="lang-pkgs", type="conda-pkg", count=3)


def of(family: str, release: str, *packages: Packages) -> str:
    return gap(family=family, branch=release, packages=packages, buckets=BUCKETS)


@pytest.mark.parametrize(
    ("family", "release"),
    [
        ("debian", "12.5"), ("debian", "12"), ("alpine", "3.18.4"), ("alpine", "edge"), ("ubuntu", "22.04"),
        ("redhat", "9.4"), ("centos", "7"), ("amazon", "2 (Karoo)"),
        ("amazon", "2023.1.20230912 (Amazon Linux)"), ("amazon", "2018.03"), ("rocky", "9.3"),
        ("oracle", "8.9"), ("photon", "4.0"), ("opensuse-leap", "15.5"), ("opensuse.leap", "15.5"), ("sles", "15.5"), ("wolfi", "20230201"),
    ],
)  # fmt: skip
def test_a_release_with_data_is_covered(family: str, release: str) -> None:
    assert of(family, release, OS, NPM, GO) == ""


@pytest.mark.parametrize(
    ("family", "release", "packages", "reason"),
    [
        ("debian", "13.0", [OS], "the vulnerability database has no data for debian 13"),
        ("alpine", "3.22.1", [OS], "the vulnerability database has no data for alpine 3.22"),
        ("photon", "5.0", [OS], "the vulnerability database has no data for Photon OS 5.0"),
        ("alpine", "", [OS], "kgate cannot tell whether the vulnerability database covers alpine"),
        ("plan9", "4", [OS], "kgate cannot tell whether the vulnerability database covers plan9 4"),
        ("none", "", [], "the image's operating system is not one that trivy knows"),
        ("none", "", [NPM], "the image's operating system is not one that trivy knows"),
        ("", "", [OS], "the image's operating system is not one that trivy knows"),
        ("", "", [], "trivy found no packages in the image, and so nothing to look up"),
        ("debian", "12", [], "trivy found no debian packages in the image"),
        ("debian", "12", [Packages(kind="os-pkgs", type="debian", count=0), NPM], "trivy found no debian packages in the image"),
        ("debian", "12", [OS, PIP], "the vulnerability database has no data for pip packages, of which the image has 3"),
        ("debian", "12", [OS, CONDA], "trivy looks up no vulnerabilities of conda-pkg packages, of which the image has 3"),
    ],
)
def test_what_is_not_covered_is_told(family: str, release: str, packages: list[Packages], reason: str) -> None:
    assert of(family, release, *packages) == reason


def test_a_program_alone_in_an_image_is_covered_by_the_data_of_its_language() -> None:
    assert of("", "", GO) == ""
