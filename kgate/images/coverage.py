"""What Trivy passes silently: an image whose packages its database knows nothing about looks like one without vulnerabilities.

The bucket of a release is chosen by pkg/detector/ospkg/<family>/<family>.go, that of a language by pkg/detector/library/driver.go of Trivy;
trivy-db's pkg/vulnsrc/bucket/bucket.go names them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set

from msgspec import Struct

_DISTRIBUTIONS: Mapping[str, tuple[str, int]] = {
    # family: name of its buckets, and how many parts of the version they carry
    "alma": ("alma", 1),
    "alpine": ("alpine", 2),
    "amazon": ("amazon linux", 1),
    "azurelinux": ("Azure Linux", 2),
    "bottlerocket": ("bottlerocket", 0),
    "cbl-mariner": ("CBL-Mariner", 2),
    "centos": ("Red Hat", 0),
    "chainguard": ("chainguard", 0),
    "debian": ("debian", 1),
    "echo": ("echo", 0),
    "minimos": ("minimos", 0),
    "opensuse-leap": ("openSUSE Leap", 2),
    "opensuse.leap": ("openSUSE Leap", 2),
    "opensuse-tumbleweed": ("openSUSE Tumbleweed", 0),
    "opensuse.tumbleweed": ("openSUSE Tumbleweed", 0),
    "oracle": ("Oracle Linux", 1),
    "photon": ("Photon OS", 2),
    "redhat": ("Red Hat", 0),
    "rocky": ("rocky", 1),
    "slem": ("SUSE Linux Enterprise Micro", 2),
    "sles": ("SUSE Linux Enterprise", 2),
    "suse linux enterprise micro": ("SUSE Linux Enterprise Micro", 2),
    "suse linux enterprise server": ("SUSE Linux Enterprise", 2),
    "ubuntu": ("ubuntu", 2),
    "wolfi": ("wolfi", 0),
}

_ECOSYSTEMS: Mapping[str, str] = {
    # ecosystem: the types of packages that are looked up in its buckets
    "bitnami": "bitnami",
    "cargo": "cargo rustbinary",
    "cocoapods": "cocoapods",
    "composer": "composer composer-vendor",
    "conan": "conan",
    "erlang": "hex",
    "go": "gobinary gomod",
    "julia": "julia",
    "k8s": "kubernetes",
    "maven": "gradle jar pom sbt",
    "npm": "bun javascript node-pkg npm pnpm yarn",
    "nuget": "dotnet-core nuget packages-props",
    "pip": "pip pipenv poetry pylock python-pkg uv",
    "pub": "pub",
    "rubygems": "bundler gemspec",
    "swift": "swift",
}
_LANGUAGES: Mapping[str, str] = {type_: ecosystem for ecosystem, types in _ECOSYSTEMS.items() for type_ in types.split()}


class Packages(Struct, frozen=True, kw_only=True):
    """The packages that a scanner found in one place of an image."""

    kind: str
    """`os-pkgs` or `lang-pkgs`."""
    type: str
    """`debian`, `node-pkg`."""
    count: int


def gap(*, family: str, branch: str, packages: Sequence[Packages], buckets: Set[str]) -> str:
    """Why an image's vulnerabilities are not, or not all, known; empty when they are.

    `branch` is the release whose advisories Trivy looked up: that of the image, but for Alpine.
    """
    found = [p for p in packages if p.count]
    if family in ("", "none"):
        unknown = family == "none" or any(p.kind == "os-pkgs" for p in found)
        system = "the image's operating system is not one that trivy knows" if unknown else ""
    else:
        system = _system_gap(family, branch, found, buckets)
    if system:
        return system
    if not found:
        return "trivy found no packages in the image, and so nothing to look up"
    return "; ".join(g for g in (_language_gap(p, buckets) for p in found if p.kind != "os-pkgs") if g)


def _system_gap(family: str, branch: str, packages: Sequence[Packages], buckets: Set[str]) -> str:
    if not any(p.kind == "os-pkgs" for p in packages):
        return f"trivy found no {family} packages in the image"
    if family not in _DISTRIBUTIONS or not branch:
        return f"kgate cannot tell whether the vulnerability database covers {family} {branch}".rstrip()
    wanted = _bucket_of(family, branch)
    return "" if wanted.casefold() in {b.casefold() for b in buckets} else f"the vulnerability database has no data for {wanted}"


def _bucket_of(family: str, release: str) -> str:
    name, parts = _DISTRIBUTIONS[family]
    if family == "amazon":
        return f"{name} {_amazon_release(release)}"
    version = ".".join(release.split(" ")[0].split(".")[:parts])
    return f"{name} {version}" if parts else name


def _amazon_release(release: str) -> str:
    """`2 (Karoo)` is 2, `2023.1.20230912` is 2023, `2018.03` is a release of 1."""
    major = release.split(" ")[0].split(".")[0]
    return major if major in ("2", "2022", "2023") else "1"


def _language_gap(packages: Packages, buckets: Set[str]) -> str:
    ecosystem = _LANGUAGES.get(packages.type)
    if ecosystem is None:
        return f"trivy looks up no vulnerabilities of {packages.type} packages, of which the image has {packages.count}"
    if not any(b.startswith(f"{ecosystem}::") for b in buckets):
        return f"the vulnerability database has no data for {ecosystem} packages, of which the image has {packages.count}"
    return ""
