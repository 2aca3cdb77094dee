"""Text from outside is cleaned once, when it enters a Finding; findings have one order and keep their fingerprint."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.finding import MAX_MESSAGE, Finding, Severity, Stage, clean, in_order
from kgate.manifest import Subject


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
    assert finding(message="no digest").fingerprint != finding().fingerprint
    web, api = (Subject(api_version="apps/v1", kind="Deployment", namespace="", name=n) for n in ("web", "api"))
    assert finding(object=web).fingerprint != finding(object=api).fingerprint


@given(st.permutations([finding(line=n, message=m) for n in (1, 2) for m in ("a", "b")] + [finding(line=1, message="a")]))
def test_the_order_does_not_depend_on_who_came_first_and_repeats_go(found: list[Finding]) -> None:
    assert [(f.line, f.message) for f in in_order(found)] == [(1, "a"), (1, "b"), (2, "a"), (2, "b")]


def test_what_replaces_a_text_of_a_finding_is_cleaned_too() -> None:
    assert "\x1b" not in replace(finding(), message="a\x1b[2Jb").message
