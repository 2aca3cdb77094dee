"""A baseline knows what was found before; one test for each way in which it could lose or hide something."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.baseline.book import Entry, read, taken, written
from kgate.baseline.match import match
from kgate.baseline.rules import baselinable
from kgate.errors import SettingError
from kgate.finding import Finding, Rule, Severity, Stage, in_order
from tests.waivers.texts import found

POD = """\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  containers:
  - name: app
    image: nginx
  - name: proxy
    image: envoy
"""
OTHER = POD.replace("name: web", "name: other")


def named(file: str) -> str:
    return file


def findings(texts: str | dict[str, str]) -> list[Finding]:
    return [f for f in found(texts) if f.name == "image-tag-missing"]


def new(now: Iterable[Finding], before: Iterable[Finding], *, gone: Callable[[str], bool] = lambda _: False) -> list[tuple[str, str]]:
    entries = read(__import__("json").loads(written(taken(before, named))))
    matched = match(now, entries, file="known.json", home=named, gone=gone, may=lambda f: True)
    return [(f.file, f.message.split('"')[1]) for f in matched.findings if not f.baselined]


def test_what_is_known_is_marked_and_what_is_new_is_not() -> None:
    before = findings(POD)
    assert new(before, before) == []
    assert new(findings(POD + "  - name: late\n    image: redis\n"), before) == [("web.yaml", "late")]
    known = match(before, taken(before, named), file="known.json", home=named, gone=lambda _: False, may=lambda f: True).findings
    assert {(f.waived, f.baselined) for f in known} == {("in the baseline known.json", True)}


def test_moved_lines_change_nothing() -> None:
    assert new(findings("# a comment\n\n" + POD.replace("  containers:", "  hostNetwork: false\n  containers:")), findings(POD)) == []


def test_containers_in_another_order_are_the_same_containers() -> None:
    app, proxy = POD[POD.index("  - name: app") : POD.index("  - name: proxy")], POD[POD.index("  - name: proxy") :]
    assert new(findings(POD.replace(app + proxy, proxy + app)), findings(POD)) == []


def test_an_element_put_in_before_others_is_the_new_one() -> None:
    more = POD.replace("  - name: app", "  - name: first\n    image: redis\n  - name: app")
    assert new(findings(more), findings(POD)) == [("web.yaml", "first")]


def test_a_finding_that_is_corrected_takes_no_other_along() -> None:
    assert new(findings(POD.replace("image: nginx", "image: nginx:1.27.1")), findings(POD)) == []


def test_a_corrected_fault_does_not_make_room_for_another_one() -> None:
    swapped = POD.replace("image: nginx", "image: nginx:1.27.1").replace("name: proxy", "name: third")
    assert new(findings(swapped), findings(POD)) == [("web.yaml", "third")]


def test_documents_in_another_order_and_beside_others_are_the_same_objects() -> None:
    before = findings(f"{POD}---\n{OTHER}")
    assert new(findings(f"{OTHER}---\n{POD}"), before) == []
    assert new(findings(f"{OTHER}---\n{POD}"), findings(POD)) == [("web.yaml", "app"), ("web.yaml", "proxy")]


def test_items_of_a_list_are_the_same_objects_as_documents() -> None:
    item = "".join(f"  {line}\n" for line in POD.splitlines())
    assert new(findings(f"apiVersion: v1\nkind: List\nitems:\n-\n{item}"), findings(POD)) == []


def test_twins_count_and_one_more_is_new() -> None:
    before = findings(f"{POD}---\n{POD}")
    assert [e.count for e in taken(before, named)] == [2, 2]
    assert new(findings(f"{POD}---\n{POD}"), before) == []
    assert new(findings(f"{POD}---\n{POD}---\n{POD}"), before) == [("web.yaml", "app"), ("web.yaml", "proxy")]
    assert new(findings(POD), before) == []


def test_a_copy_is_new_and_a_renamed_file_is_not() -> None:
    before = findings({"old.yaml": POD})
    assert new(findings({"old.yaml": POD, "new.yaml": POD}), before) == [("new.yaml", "app"), ("new.yaml", "proxy")]
    assert new(findings({"new.yaml": POD}), before, gone=lambda file: file == "old.yaml") == []
    both = findings({"new.yaml": POD, "newer.yaml": POD})
    assert new(both, before, gone=lambda file: file == "old.yaml") == [("newer.yaml", "app"), ("newer.yaml", "proxy")]


def test_the_same_object_of_two_overlays_is_two() -> None:
    assert new(findings({"dev.yaml": POD, "prod.yaml": POD}), findings({"dev.yaml": POD})) == [("prod.yaml", "app"), ("prod.yaml", "proxy")]


def test_an_object_of_another_name_or_namespace_is_new() -> None:
    assert len(new(findings(OTHER), findings(POD))) == 2
    assert len(new(findings(POD.replace("namespace: shop", "namespace: prod")), findings(POD))) == 2


def test_what_is_left_of_an_entry_is_told_with_its_number() -> None:
    before = taken(findings(f"{POD}---\n{POD}---\n{OTHER}"), named)
    matched = match(findings(POD), before, file="k", home=named, gone=lambda _: False, may=lambda f: True)
    assert [(n, e.object, e.count) for n, e in matched.left] == [
        (0, "Pod shop/other", 1),
        (1, "Pod shop/other", 1),
        (2, "Pod shop/web", 1),
        (3, "Pod shop/web", 1),
    ]


def test_a_vulnerability_of_an_image_is_known_wherever_the_image_is_used() -> None:
    rule = Rule(id="KG3002", name="v", stage=Stage.IMAGES, severity=Severity.ERROR, summary="s", why="w", remediation="r")
    one, *_ = findings({"a.yaml": POD})
    first = replace(one, rule=rule.id, stage=Stage.IMAGES, detail="docker.io/library/nginx CVE-1")
    moved = replace(first, file="b.yaml", object=None, anchor="/elsewhere")
    assert [e.file for e in taken([first], named)] == [""]
    assert new([moved], [first]) == []
    assert len(new([replace(moved, detail="docker.io/library/nginx CVE-2")], [first])) == 1


def test_what_nobody_may_hide_is_in_no_baseline() -> None:
    one, *_ = findings(POD)
    assert baselinable(one, ())
    assert not baselinable(one, {"KG2002"})
    assert not baselinable(replace(one, waived="looked at"), ())
    assert not baselinable(replace(one, rule="KG9013"), ())
    for stage in (Stage.LOAD, Stage.VALIDATE):
        assert not baselinable(replace(one, stage=stage), ())
        assert baselinable(replace(one, stage=stage, severity=Severity.WARNING), ())


def test_the_file_is_one_entry_a_line_sorted_and_says_nothing_of_values() -> None:
    text = written(taken(findings({"b.yaml": POD, "a.yaml": OTHER.replace("nginx", "registry.example.com/s3cr3t")}), named))
    rows = text.splitlines()
    assert len(rows) == 6
    assert rows[2:] == sorted(rows[2:])
    assert "s3cr3t" not in text


def test_an_empty_baseline_is_one() -> None:
    assert written([]) == '{"schema": "kgate.baseline/1",\n "entries": []}\n'
    assert read({"schema": "kgate.baseline/1", "entries": []}) == ()


ROW = {"file": "a", "object": "b", "rule": "c", "name": "d", "identity": "e"}


@pytest.mark.parametrize(
    "body",
    [None, [], {}, {"schema": "kgate.baseline/2", "entries": []}, {"schema": "kgate.baseline/1"},
     *({"schema": "kgate.baseline/1", "entries": [row]} for row in
       ("x", {}, {**ROW, "file": 1}, {**ROW, "more": 1}, {**ROW, "count": 0}, {**ROW, "count": True}, {**ROW, "count": "2"}))],
)  # fmt: skip
def test_what_is_no_baseline_is_refused(body: object) -> None:
    with pytest.raises(SettingError):
        read(body)


pieces = st.lists(st.sampled_from(["web", "other", "third"]), max_size=5)


@settings(max_examples=60, deadline=None)
@given(pieces, pieces)
def test_exactly_what_occurs_more_often_than_before_is_new(before: list[str], now: list[str]) -> None:
    def texts(names: list[str]) -> str:
        return "---\n".join(POD.replace("name: web", f"name: {name}") for name in names)

    more = sum(max(0, now.count(name) - before.count(name)) for name in set(now))
    assert len(new(findings(texts(now)), findings(texts(before)))) == 2 * more


@settings(max_examples=40, deadline=None)
@given(st.permutations(findings({"a.yaml": f"{POD}---\n{OTHER}", "b.yaml": POD})))
def test_the_order_of_findings_never_shows_in_the_file(shuffled: list[Finding]) -> None:
    assert written(taken(shuffled, named)) == written(taken(in_order(shuffled), named))


def test_entries_are_read_as_they_were_written() -> None:
    entries = (Entry(file="ü", object="Pod a", rule="KG1", name="n", identity="i", count=3),)
    assert read(__import__("json").loads(written(entries))) == entries
