"""Laws: a waiver changes nothing but its mark, wherever it is written and in whatever order."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kgate.finding import Finding
from kgate.load.comments import comments
from kgate.load.source import Text, read
from kgate.waivers.settings import ObjectPattern, SettingsWaiver
from tests.waivers.texts import found, loaded, without_marks

TEXT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  labels: {team: "shop # 1"}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      initContainers:
      - &init
        name: init
        image: nginx
        command:
        - sh
        - -c
        - |
          # a script
          true
      containers:
      - name: app
        image: nginx:latest
        securityContext: {privileged: true}
      - <<: *init
        resources: {}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: nobody}}
"""
LINES = TEXT.splitlines()
IN_SCALAR = (19, 20, 21)
RULES = ("image-tag-missing", "image-tag-latest", "pss-privileged", "KG2120", "pss-privilege-escalation", "label-required", "no-such-rule")
waiver = st.builds(
    lambda rules, reason: f"# kgate: ignore[{','.join(rules)}]{reason}",
    st.lists(st.sampled_from(RULES), min_size=1, max_size=3),
    st.sampled_from([' reason="x"', " reason=x until=2027-01-31", " reason=x until=2020-01-31", ""]),
)


def moved(findings: list[Finding], line: int) -> list[Finding]:
    """As if a line had been put in before `line`."""
    return [replace(f, line=f.line + 1) if f.line >= line else f for f in findings]


@settings(max_examples=60, deadline=None)
@given(waiver, st.sampled_from([n for n in range(1, len(LINES) + 1) if n not in IN_SCALAR]), st.integers(0, 8))
def test_a_comment_on_a_line_of_its_own_changes_nothing_but_marks_and_lines(text: str, line: int, indent: int) -> None:
    with_comment = "\n".join([*LINES[: line - 1], " " * indent + text, *LINES[line - 1 :], ""])
    assert without_marks(found(with_comment)) == without_marks(moved(found(TEXT), line))


@settings(max_examples=60, deadline=None)
@given(waiver, st.sampled_from([n for n in range(1, len(LINES) + 1) if n not in (18, 19, 20, 21, 28)]))
def test_a_comment_behind_a_line_marks_that_line_alone(text: str, line: int) -> None:
    with_comment = "\n".join([*LINES[: line - 1], f"{LINES[line - 1]} {text}", *LINES[line:], ""])
    findings = found(with_comment)
    assert without_marks(findings) == without_marks(found(TEXT))
    assert {f.line for f in findings if f.waived} <= {line}


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 5), st.integers(0, len(LINES)))
def test_shifted_lines_keep_every_fingerprint(empty: int, at: int) -> None:
    at = at if at not in IN_SCALAR else 0
    shifted = "\n".join([*LINES[:at], *[""] * empty, *LINES[at:], ""])
    assert sorted(f.fingerprint for f in found(shifted)) == sorted(f.fingerprint for f in found(TEXT))


entry = st.builds(
    SettingsWaiver,
    rules=st.lists(st.sampled_from(RULES[:-1]), min_size=1, max_size=3).map(tuple),
    reason=st.sampled_from(["x", "y"]),
    paths=st.sampled_from([(), ("web.yaml",), ("other/",)]),
    objects=st.sampled_from([(), (ObjectPattern(kind="Deployment"),), (ObjectPattern(name="w?b", kind="Service"),)]),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(entry, max_size=4).flatmap(lambda entries: st.tuples(st.just(entries), st.permutations(entries))))
def test_the_order_of_waivers_makes_no_difference(orders: tuple[list[SettingsWaiver], list[SettingsWaiver]]) -> None:
    one, other = (found(TEXT, waivers=w) for w in orders)
    assert [f.waived is not None for f in one if not f.rule.startswith("KG90")] == [
        f.waived is not None for f in other if not f.rule.startswith("KG90")
    ]


PARTS = (
    *("a:", " b: 1", "- ", "  - x", "# kgate: ignore[KG2002]", "   #kgate:x", "'", '"', "|", ">", "{", "}", "[", "]", ","),
    *("? ", "---", "...", "&a", "*a", "<<: ", "\t", "é", "\u2028"),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(PARTS), max_size=14), st.sampled_from(["\n", "\r\n", " ", "\r"]))
def test_whatever_the_text_reading_its_comments_never_fails(parts: list[str], glue: str) -> None:
    text = glue.join(parts)
    source = Text(file="x.yaml", text=text, documents={d.index: d for d, p in read(text) if p.data is not None or p.faults})
    for comment in comments(source):
        assert "kgate:" in source.lines()[comment.place.line - 1]


def test_many_comments_cost_no_more_than_their_number() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n" + "".join(
        f'  # kgate: ignore[image-tag-missing] reason="x"\n  k{n}: v\n' for n in range(5000)
    )
    assert len(comments(loaded({"a.yaml": text}).sources[0])) == 5000  # type: ignore[arg-type]
