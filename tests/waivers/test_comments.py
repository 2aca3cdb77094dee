"""A comment waives what it stands at: its line, the node below it, or the whole object."""

from __future__ import annotations

import pytest

from tests.waivers.texts import found, said, waived

POD = """\
{top}apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  {item}- name: app
    {before}image: nginx {line}
  - name: proxy
    image: envoy
"""
WAIVER = '# kgate: ignore[image-tag-missing] reason="pinned by the registry"'


def pod(**comments: str) -> str:
    texts = {"top": "", "item": "", "before": "", "line": ""}
    indents = {"top": "\n", "item": "\n  ", "before": "\n    ", "line": ""}
    return POD.format(**{key: (comments[key] + indents[key] if key in comments else "") for key in texts})


@pytest.mark.parametrize(
    ("where", "lines"),
    [("line", [8]), ("before", [9]), ("item", [9]), ("top", [9, 11])],
)
def test_a_comment_covers_its_line_or_the_node_below_it_and_what_is_in_it_or_the_object(where: str, lines: list[int]) -> None:
    findings = found(pod(**{where: WAIVER}))
    assert waived(findings) == [("image-tag-missing", line) for line in lines]
    assert said(findings) == []
    reason = f"pinned by the registry (web.yaml:{1 if where == 'top' else 7 if where == 'item' else 8})"
    assert {f.waived for f in findings if f.waived} == {reason}


def test_a_rule_may_be_named_by_its_identifier_in_any_case() -> None:
    assert waived(found(pod(line='# kgate: ignore[kg2002] reason="x"'))) == [("image-tag-missing", 8)]


def test_owner_and_day_are_told_and_the_last_day_still_counts() -> None:
    text = pod(line='# kgate: ignore[image-tag-missing] reason="x" owner="team shop" until=2026-11-24')
    assert [f.waived for f in found(text) if f.waived] == ["x (team shop, until 2026-11-24, web.yaml:8)"]


def test_an_expired_waiver_waives_nothing_and_says_so() -> None:
    findings = found(pod(line='# kgate: ignore[image-tag-missing] reason="x" owner=shop until=2026-11-23'))
    assert waived(findings) == []
    assert said(findings) == [("waiver-expired", 8, 18, "the waiver of image-tag-missing by shop has expired on 2026-11-23")]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('ignore[image-tag-mising] reason="x"', "there is no rule 'image-tag-mising', did you mean 'image-tag-missing'?"),
        ('ignore[*] reason="x"', "it must name the rules that it waives, '*' is none"),
        ('ignore[all] reason="x"', "it must name the rules that it waives, 'all' is none"),
        ('ignore[] reason="x"', "it names no rule"),
        ('ignore reason="x"', "it names no rule"),
        ('ignore[image-tag-missing, ] reason="x"', "there is no rule ''"),
        ("ignore[image-tag-missing]", "it gives no reason"),
        ('ignore[image-tag-missing] reason=""', "it gives no reason"),
        ('ignore[image-tag-missing] reason="x" until=soon', "'soon' is no day"),
        ('ignore[image-tag-missing] reason="x" until=2027-02-30', "'2027-02-30' is no day"),
        ('ignore[image-tag-missing] reason="x" untill=2027-01-31', "there is no 'untill' in a waiver"),
        ('ignore[image-tag-missing] reason="x" reason="y"', "reason is given twice"),
        ('ignore[image-tag-missing] reason="x', "'reason=\"x' is not understood"),
        ("ignore[image-tag-missing] it is fine", "'it is fine' is not understood"),
        ("ignroe[image-tag-missing]", "'ignroe[image-tag-missing]' is nothing that kgate does"),
    ],
)
def test_a_malformed_waiver_waives_nothing_and_says_why(text: str, why: str) -> None:
    findings = found(pod(line=f"# kgate: {text}"))
    assert waived(findings) == []
    assert said(findings) == [("waiver-malformed", 8, 18, f"this waiver waives nothing: {why}")]


def test_a_waiver_with_one_wrong_name_waives_nothing_at_all() -> None:
    findings = found(pod(line='# kgate: ignore[image-tag-missing,nonsense-rule] reason="x"'))
    assert waived(findings) == []


def test_a_waiver_that_covers_nothing_is_told_unless_something_may_have_been_missed() -> None:
    text = pod(top='# kgate: ignore[image-tag-latest] reason="x"')
    assert said(found(text)) == [("waiver-unused", 1, 1, "the waiver of image-tag-latest covers nothing")]
    findings = found(pod(line='# kgate: ignore[image-tag-missing,image-tag-latest] reason="x"'))
    assert [s[3] for s in said(findings)] == ["the waiver of image-tag-latest covers nothing"]
    assert said(found(pod(top='# kgate: ignore[image-vulnerable] reason="x"'))) == []  # no image was scanned in this run


@pytest.mark.parametrize(
    "hidden",
    [
        "data:\n  run.sh: |\n    " + WAIVER,
        'data:\n  a: "' + WAIVER.replace('"', "'") + '"',
        "data:\n  a: >\n    text\n    " + WAIVER,
        "# see " + WAIVER,
        "data:\n  a: x" + WAIVER,
    ],
)
def test_what_only_looks_like_a_comment_is_none(hidden: str) -> None:
    text = f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: web}}\n{hidden}\n"
    assert said(found(text)) == []


def test_json_has_no_comments() -> None:
    text = '{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "# kgate: ignore[nonsense]"}}'
    assert said(found({"web.json": text})) == []


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (f"{WAIVER}\n---\n" + pod(), 1),
        (f"--- {WAIVER}\n" + pod(), 1),
        (pod() + f"    {WAIVER}\n", 11),
        (pod() + f"    {WAIVER}\n  restartPolicy: Always\n", 11),
    ],
)
def test_a_comment_that_stands_at_no_node_waives_nothing(text: str, line: int) -> None:
    findings = found(text)
    assert waived(findings) == []
    assert [(name, at) for name, at, *_ in said(findings)] == [("waiver-malformed", line)]


def test_each_document_and_each_item_of_a_list_is_an_object_of_its_own() -> None:
    assert waived(found(f"{pod(top=WAIVER)}---\n{pod()}")) == [("image-tag-missing", 9), ("image-tag-missing", 11)]
    pod_of = "apiVersion: v1\n  kind: Pod\n  metadata: {{name: a}}\n  spec: {{containers: [{{name: a, image: nginx}}]}}\n"
    items = "apiVersion: v1\nkind: List\nitems:\n{0}- " + pod_of + "-\n  {1}" + pod_of.replace("name: a", "name: b")
    assert waived(found(items.format(WAIVER + "\n", "")), "image-tag-missing") == [("image-tag-missing", 8)]
    assert waived(found(items.format("", WAIVER + "\n  ")), "image-tag-missing") == [("image-tag-missing", 13)]
    assert len(waived(found(WAIVER + "\n" + items.format("", "")), "image-tag-missing")) == 2


def test_a_node_that_is_used_again_by_an_alias_is_covered_where_it_is_named() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: web}}\nspec:\n  initContainers:\n"
        "  {0}- &app\n    image: nginx\n    name: app\n  containers:\n  {1}- *app\n"
    )
    first = found(text.format(WAIVER + "\n  ", ""))
    assert [(f.path, f.waived is not None) for f in first if f.name == "image-tag-missing"] == [
        ("/spec/containers/0/image", False),
        ("/spec/initContainers/0/image", True),
    ]
    second = found(text.format("", WAIVER + "\n  "))
    assert [f.path for f in second if f.waived] == ["/spec/containers/0/image"]


def test_a_merge_covers_what_it_brings_and_not_what_is_written_beside_it() -> None:
    text = (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  initContainers:\n  - &app\n    image: nginx\n"
        '  containers:\n  - name: b\n    # kgate: ignore[image-tag-missing,pss-privilege-escalation] reason="x"\n    <<: *app\n'
    )
    findings = [f for f in found(text) if f.waived]
    assert [(f.name, f.path) for f in findings] == [("image-tag-missing", "/spec/containers/0/image")]


def test_without_waivers_everything_is_as_if_nobody_had_written_any() -> None:
    findings = found(pod(line=WAIVER, top="# kgate: nonsense"), waive=False)
    assert waived(findings) == []
    assert said(findings) == []


@pytest.mark.parametrize("end", ["\x85", "\u2028", "\u2029"])
def test_a_comment_that_looks_as_if_it_stood_behind_a_value_does_not_waive_the_next_item(end: str) -> None:
    text = pod().replace("image: nginx \n", f"image: nginx{end}  {WAIVER}\n")
    assert ("image-tag-missing", 11) not in waived(found(text)) and ("image-tag-missing", 12) not in waived(found(text))


@pytest.mark.parametrize("reason", ["", " ", "...", "\u200b", "\u2060\u200e", "-"])
def test_what_says_nothing_is_no_reason(reason: str) -> None:
    findings = found(pod(line=f'# kgate: ignore[image-tag-missing] reason="{reason}"'))
    assert waived(findings) == []
    assert len(said(findings)) == 1
