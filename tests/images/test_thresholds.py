"""The judgement by namespace, file, package and path; what is exploited, what does no harm, and what somebody answers for."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from kgate import load
from kgate.errors import ConfigError, SettingError
from kgate.finding import Finding
from kgate.images.inventory import inventory
from kgate.images.judgement import Judged, weigh
from kgate.images.knowledge import knowledge, purl
from kgate.images.registry import Missing, NotChecked, Present
from kgate.images.scanner import NotScanned, ScanResult, Vulnerability
from kgate.images.settings import from_config
from kgate.manifest import Location

TODAY = date(2026, 11, 24)
BOTH = "\n---\n".join(
    f"apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: web, namespace: {namespace}}}\nspec:\n  template:\n    spec:\n"
    "      containers:\n      - name: app\n        image: shop/api:1"
    for namespace in ("prod", "test")
)
HIGH = Vulnerability(
    id="CVE-2099-0001", package="libquux1", installed="1.0", fixed="1.1", severity="HIGH", purl="pkg:deb/debian/libquux1@1.0?arch=amd64"
)
UNFIXED = Vulnerability(
    id="CVE-2099-0002", package="corge", installed="2.0", severity="LOW", purl="pkg:npm/corge@2.0", path="srv/corge/package.json"
)
DIGEST = f"sha256:{'a' * 64}"


def judged(tmp_path: Path, settings: dict[str, Any], *found: Vulnerability, answer: Any = None, presence: Any = None) -> Judged:
    file = tmp_path / "both.yaml"
    file.write_text(BOTH)
    told = from_config(settings)
    (image,) = inventory(load.manifests([str(file)]).manifests)
    result = answer or ScanResult(scanner="trivy 1", os="debian 12", vulnerabilities=tuple(sorted(found)), digest=DIGEST, end_of_life=True)
    presences = {image.reference: presence} if presence else {}
    return weigh([(image, result)], told, presences=presences, known=knowledge(told), today=TODAY)  # type: ignore[dict-item]


def of(findings: tuple[Finding, ...]) -> list[tuple[str, str, int]]:
    return [(f.rule, str(f.severity), f.line) for f in findings if f.rule != "KG3004"]


def test_a_namespace_has_thresholds_of_its_own(tmp_path: Path) -> None:
    overrides = [{"namespaces": ["test"], "severity": "CRITICAL"}]
    assert of(judged(tmp_path, {"overrides": overrides}, HIGH).findings) == [("KG3002", "error", 9)]
    overrides = [{"namespaces": ["prod"], "severity": "CRITICAL"}]
    found = judged(tmp_path, {"overrides": overrides}, HIGH)
    assert of(found.findings) == [("KG3002", "error", 19)] and str(found.findings[-1].object) == "Deployment test/web"


def test_a_file_has_thresholds_of_its_own_and_the_last_word_counts(tmp_path: Path) -> None:
    overrides = [{"paths": ["*both.yaml"], "severity": "CRITICAL"}, {"namespaces": ["te*"], "severity": "LOW", "ignore_unfixed": False}]
    assert of(judged(tmp_path, {"overrides": overrides}, HIGH, UNFIXED).findings) == [("KG3002", "error", 19), ("KG3003", "error", 19)]


@pytest.mark.parametrize(
    ("settings", "severities"),
    [({}, ["warning"]), ({"end_of_life": "fail"}, ["error"]), ({"end_of_life": "ignore"}, []),
     ({"overrides": [{"namespaces": ["prod"], "end_of_life": "fail"}]}, ["error", "warning"])],
)  # fmt: skip
def test_an_end_of_life_is_what_the_settings_say(tmp_path: Path, settings: dict[str, Any], severities: list[str]) -> None:
    assert [str(f.severity) for f in judged(tmp_path, settings).findings] == severities


@pytest.mark.parametrize(
    ("settings", "expected"),
    [({}, []), ({"on_unscanned": "warn"}, [("KG3001", "warning", 9)]), ({"on_unscanned": "fail"}, [("KG3001", "error", 9)]),
     ({"scan": "required"}, [("KG3001", "error", 9)]),
     ({"on_unscanned": "warn", "overrides": [{"namespaces": ["prod"], "on_unscanned": "fail"}]},
      [("KG3001", "error", 9), ("KG3001", "warning", 19)])],
)  # fmt: skip
def test_an_image_that_was_not_scanned_is_what_the_settings_say(tmp_path: Path, settings: dict[str, Any], expected: list[object]) -> None:
    assert of(judged(tmp_path, settings, answer=NotScanned("trivy not found")).findings) == expected


def test_packages_and_files_can_be_left_out(tmp_path: Path) -> None:
    assert of(judged(tmp_path, {"exclude_packages": ["libq*"]}, HIGH).findings) == []
    unfixed = {"ignore_unfixed": False, "severity": "LOW"}
    assert len(of(judged(tmp_path, unfixed, UNFIXED).findings)) == 1
    found = judged(tmp_path, unfixed | {"exclude_paths": ["srv/corge/*"]}, HIGH, UNFIXED)
    assert of(found.findings) == [("KG3002", "error", 9)] and found.images[0].vulnerabilities["LOW"] == 0


def test_what_is_exploited_is_an_error_fixed_or_not_and_stands_first(tmp_path: Path) -> None:
    (tmp_path / "kev.json").write_text(json.dumps({"vulnerabilities": [{"cveID": "CVE-2099-0002"}]}))
    found = judged(tmp_path, {"kev": str(tmp_path / "kev.json")}, HIGH, UNFIXED).findings
    assert of(found) == [("KG3000", "error", 9), ("KG3002", "error", 9)]
    assert "has CVE-2099-0002 (severity LOW), known to be exploited, in corge 2.0 (no fix)" in found[0].message


@pytest.mark.parametrize(
    ("product", "harmless"),
    [
        ({"@id": "pkg:deb/debian/libquux1"}, True),
        ({"@id": "pkg:deb/debian/libquux1@1.0"}, True),
        ({"@id": "pkg:deb/debian/libquux1@1.1"}, False),
        ({"@id": "pkg:deb/debian/other"}, False),
        ({"@id": "pkg:oci/api"}, True),
        ({"@id": "pkg:oci/api?repository_url=docker.io/shop/api"}, True),
        ({"@id": "pkg:oci/api?repository_url=quay.io/shop/api"}, False),
        ({"@id": f"pkg:oci/api@sha256%3A{'a' * 64}"}, True),
        ({"@id": "pkg:oci/api", "subcomponents": [{"@id": "pkg:deb/debian/libquux1"}]}, True),
        ({"@id": "pkg:oci/api", "subcomponents": [{"@id": "pkg:deb/debian/other"}]}, False),
        ({"identifiers": {"purl": "pkg:deb/debian/libquux1"}}, True),
        ({"@id": "shop/api"}, False),
    ],
)
def test_what_its_maker_says_does_no_harm_does_not_count(tmp_path: Path, product: dict[str, Any], harmless: bool) -> None:
    statement = {"vulnerability": {"name": "CVE-2099-0001"}, "products": [product], "status": "not_affected"}
    (tmp_path / "vex.json").write_text(json.dumps({"statements": [statement]}))
    settings = {"vex": [str(tmp_path / "vex.json")]}
    assert (of(judged(tmp_path, settings, HIGH).findings) == []) is harmless
    later = statement | {"status": "affected"}
    (tmp_path / "vex.json").write_text(json.dumps({"statements": [statement, later]}))
    assert of(judged(tmp_path, settings, HIGH).findings)


@pytest.mark.parametrize("text", ["{", "[]", "{}", '{"statements": [{}], "vulnerabilities": [{}]}', None])
@pytest.mark.parametrize("setting", ["kev", "vex"])
def test_a_list_that_cannot_be_read_ends_the_run(tmp_path: Path, setting: str, text: str | None) -> None:
    file = tmp_path / "list.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(ConfigError):
        judged(tmp_path, {setting: str(file) if setting == "kev" else [str(file)]}, HIGH)


WAIVER = {"id": "CVE-2099-0001", "owner": "shop team", "reason": "not reachable", "expires": "2026-11-24"}


def test_a_waiver_holds_to_the_end_of_its_day(tmp_path: Path) -> None:
    (finding,) = (f for f in judged(tmp_path, {"waivers": [WAIVER]}, HIGH).findings if f.rule == "KG3002")
    assert finding.waived == "not reachable (shop team, until 2026-11-24)"
    found = judged(tmp_path, {"waivers": [WAIVER | {"expires": "2026-11-23"}]}, HIGH).findings
    assert of(found) == [("KG3007", "warning", 1), ("KG3002", "error", 9)] and found[-2].waived is None
    assert found[0].message == "the waiver of CVE-2099-0001 by shop team has expired on 2026-11-23"


@pytest.mark.parametrize(
    ("scope", "waived"),
    [
        ({"images": ["docker.io/shop/*"]}, [True]),
        ({"images": ["quay.io/*"]}, [False]),
        ({"packages": ["libq*"]}, [True]),
        ({"packages": ["other"]}, [False]),
        ({"namespaces": ["test"]}, [False, True]),
        ({"paths": ["*/both.yaml"]}, [True]),
        ({"paths": ["deploy/*"]}, [False]),
    ],
)
def test_a_waiver_has_a_scope(tmp_path: Path, scope: dict[str, Any], waived: list[bool]) -> None:
    found = judged(tmp_path, {"waivers": [WAIVER | scope]}, HIGH).findings
    assert [f.waived is not None for f in found if f.rule == "KG3002"] == waived
    assert ("KG3008" in {f.rule for f in found}) is (not any(waived))


def test_a_waiver_of_a_package_leaves_the_others(tmp_path: Path) -> None:
    other = Vulnerability(id=HIGH.id, package="quux-bin", installed="1.0", fixed="1.1", severity="HIGH")
    found = judged(tmp_path, {"waivers": [WAIVER | {"packages": ["libquux1"]}]}, HIGH, other).findings
    assert sorted(("quux-bin" in f.message, f.waived is None) for f in found if f.rule == "KG3002") == [(False, False), (True, True)]


def test_nothing_is_said_of_an_unused_waiver_when_an_image_was_not_scanned(tmp_path: Path) -> None:
    assert of(judged(tmp_path, {"waivers": [WAIVER]}, answer=NotScanned("no")).findings) == []
    assert of(judged(tmp_path, {"waivers": [WAIVER]}).findings) == [("KG3008", "info", 1)]


def test_a_waiver_stands_where_the_settings_have_it(tmp_path: Path) -> None:
    told = from_config({"waivers": [WAIVER | {"expires": "2020-01-01"}]})
    found = weigh([], told, today=TODAY, settings_file="k.yaml", locate=lambda path: Location(line=7, column=3))
    assert [(f.file, f.line, f.column) for f in found.findings] == [("k.yaml", 7, 3)]


@pytest.mark.parametrize(
    ("waivers", "path"),
    [([{}], ("waivers", 0)), ([WAIVER | {"expires": "2026-02-30"}], ("waivers", 0, "expires")), ([WAIVER | {"x": 1}], ("waivers", 0, "x"))],
)
def test_a_waiver_without_owner_reason_or_day_is_none(waivers: list[Any], path: tuple[object, ...]) -> None:
    with pytest.raises(SettingError) as e:
        from_config({"waivers": waivers})
    assert e.value.path == path


def test_an_image_that_is_missing_is_an_error_and_one_that_was_not_looked_up_is_none(tmp_path: Path) -> None:
    found = judged(tmp_path, {"registry": True}, answer=NotScanned("x"), presence=Missing(what="tag"))
    assert of(found.findings) == [("KG3005", "error", 9)] and found.skipped == ()
    assert found.findings[0].message == ("image shop/api:1 does not exist: its registry has no such tag; also used by Deployment test/web")
    found = judged(tmp_path, {"registry": True}, answer=NotScanned("x"), presence=NotChecked("docker.io cannot be reached"))
    assert of(found.findings) == [] and [(s.line, s.wanted, s.reason) for s in found.skipped] == [
        (9, True, "image shop/api:1 was not looked up: docker.io cannot be reached")
    ]


def test_an_image_of_other_platforms_is_an_error(tmp_path: Path) -> None:
    there = Present(digest=DIGEST, platforms=("linux/arm64", "linux/s390x"), index=True)
    found = judged(tmp_path, {"registry": True}, answer=NotScanned("x"), presence=there)
    assert of(found.findings) == [("KG3006", "error", 9)] and found.images[0].digest == DIGEST
    assert "does not exist for linux/amd64, only for linux/arm64, linux/s390x" in found.findings[0].message


@pytest.mark.parametrize("text", ["", "pkg", "pkg:", "http://x", "pkg:a/b?c=%zz&d#e"])
def test_no_package_url_is_too_strange(text: str) -> None:
    assert purl(text) is None or purl(text)
