"""Text from outside is cleaned once, when it enters a Finding; findings have one order and keep their fingerprint."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs
from msgspec.structs import replace

from kgate.finding import MAX_MESSAGE, Finding, Rule, Severity, Stage, anchored, clean, in_order
from kgate.manifest import Location, Manifest, Path, Subject


def finding(**given: object) -> Finding:
    usual: dict[str, object] = {
        "rule": "KG2002",
        "name": "image-tag-missing",
        "stage": Stage.POLICY,
        "severity": Severity.ERROR,
        "message": "no tag",
        "file": "a.yaml",
        "line": 3,
        "column": 5,
    }
    return Finding(**(usual | given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("größe 尺寸 é", "größe 尺寸 é"),
        ("a\tb\nc\rd", "a\\tb\\nc\\rd"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b31m", "\\x9b31m"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("in\u200bvisible", "in\\u200bvisible"),
        ("tag\U000e0041", "tag\\U000e0041"),
        ("lone\ud800", "lone\\ud800"),
        ("filler\u3164", "filler\\u3164"),
    ],
)
def test_what_could_act_on_a_screen_is_spelt_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text(st.sampled_from("a.\x1b\u202e\U000e0041é"), max_size=40), st.integers(4, 30))
def test_a_text_that_was_cut_is_not_cut_again(text: str, limit: int) -> None:
    shown = clean(text, limit=limit)
    assert clean(shown, limit=limit) == shown
    assert len(shown) <= limit + 3


@given(st.text(st.characters(), max_size=200))
def test_clean_text_is_one_line_of_visible_characters_and_cleaning_it_again_changes_nothing(text: str) -> None:
    shown = clean(text)
    assert not any(unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") for c in shown)
    assert clean(shown) == shown


def test_a_message_of_a_megabyte_is_cut() -> None:
    assert len(finding(message="x" * 1_000_000).message) <= MAX_MESSAGE + 3


def test_every_text_of_a_finding_is_clean_from_birth() -> None:
    bad = "x\x1b[2J"
    it = finding(
        message=bad, file=bad, path=bad, remediation=bad, why=bad, object=Subject(api_version=bad, kind=bad, namespace=bad, name=bad)
    )
    assert "\x1b" not in repr(it)


def test_the_fingerprint_survives_moved_lines_and_tells_objects_apart() -> None:
    assert finding(line=3).fingerprint == finding(line=300, column=1).fingerprint
    web, api = (Subject(api_version="apps/v1", kind="Deployment", namespace="", name=n) for n in ("web", "api"))
    assert finding(object=web).fingerprint != finding(object=api).fingerprint


class Nowhere:
    file = "a.yaml"

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=1, column=1)


RULE = Rule(id="KG2104", name="escalation", stage=Stage.POLICY, severity=Severity.ERROR, summary="s", why="w", remediation="r")


def at(*containers: object, path: Path, rule: Rule = RULE, message: str = "m", version: str = "apps/v1", **more: object) -> Finding:
    body = {"apiVersion": version, "kind": "Deployment", "metadata": {"name": "web"}, "containers": list(containers)}
    return Finding.at(Manifest(source=Nowhere(), document=0, body=body), path, rule=rule, message=message, **more)  # type: ignore[arg-type]


APP, PROXY = {"name": "app"}, {"name": "proxy"}


def test_the_fingerprint_follows_an_element_of_a_list_by_its_name() -> None:
    assert at(APP, path=("containers", 0)).fingerprint == at(PROXY, APP, path=("containers", 1)).fingerprint
    assert at(APP, path=("containers", 0)).fingerprint != at(PROXY, path=("containers", 0)).fingerprint


def test_the_fingerprint_of_a_policy_stays_when_its_words_or_the_version_of_the_api_change() -> None:
    there = at(APP, path=("containers", 0))
    assert there.fingerprint == at(APP, path=("containers", 0), message="other words").fingerprint
    assert there.fingerprint == at(APP, path=("containers", 0), version="apps/v1beta2").fingerprint
    assert there.fingerprint != at(APP, path=("containers", 0), version="extensions/v1beta1").fingerprint


def test_what_the_api_server_says_tells_faults_at_one_place_apart() -> None:
    served = structs.replace(RULE, stage=Stage.VALIDATE)
    one, other = (at(APP, path=("containers",), rule=served, message=m) for m in ("unknown field", "wrong type"))
    assert one.fingerprint != other.fingerprint


def test_two_missing_keys_of_one_parent_are_told_apart_by_what_is_missing() -> None:
    team, owner = (at(path=("metadata",), about=("metadata", "labels", key)) for key in ("team", "owner"))
    assert team.path == owner.path
    assert team.fingerprint != owner.fingerprint


def test_a_finding_about_an_image_is_the_same_whichever_of_its_users_is_named_first() -> None:
    scanned = structs.replace(RULE, stage=Stage.IMAGES)
    one = at(APP, path=("containers", 0), rule=scanned, detail="docker.io/library/nginx CVE-2026-1")
    other = at(PROXY, APP, path=("containers", 0), rule=scanned, detail="docker.io/library/nginx CVE-2026-1")
    assert one.identity == other.identity
    assert one.identity != at(APP, path=("containers", 0), rule=scanned, detail="docker.io/library/nginx CVE-2026-2").identity


def test_elements_that_nothing_names_are_twins_wherever_they_stand() -> None:
    assert anchored({"a": [{"x": 1}, ["--password=hunter2"], "SYS_ADMIN"]}, ("a", 0, "x")) == "/a/*/x"
    assert anchored({"a": [{"x": 1}, ["--password=hunter2"], "SYS_ADMIN"]}, ("a", 1, 0)) == "/a/*/*"
    assert anchored({"a": [{"x": 1}, [], "SYS_ADMIN"]}, ("a", 2)) == "/a/SYS_ADMIN"
    assert anchored({"a": 1}, ("a", 3, "b/c")) == "/a/*/b~1c"


@given(st.permutations([finding(line=n, message=m) for n in (1, 2) for m in ("a", "b")] + [finding(line=1, message="a")]))
def test_the_order_does_not_depend_on_who_came_first_and_repeats_go(found: list[Finding]) -> None:
    assert [(f.line, f.message) for f in in_order(found)] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_what_replaces_a_text_of_a_finding_is_cleaned_too() -> None:
    assert "\x1b" not in replace(finding(), message="a\x1b[2Jb").message
