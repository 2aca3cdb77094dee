"""An annotation on the object or its pod template covers the object."""

from __future__ import annotations

import pytest

from tests.waivers.texts import found, said, waived

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  annotations: {outer}
spec:
  selector: {{matchLabels: {{app: web}}}}
  template:
    metadata:
      labels: {{app: web}}
      annotations: {inner}
    spec:
      containers: [{{name: app, image: nginx}}]
"""
BEGIN = "kgate.dev/ignore."


@pytest.mark.parametrize("where", ["outer", "inner"])
def test_an_annotation_covers_its_object_from_either_place(where: str) -> None:
    text = DEPLOYMENT.format(
        **({"outer": "{}", "inner": "{}"} | {where: f'{{{BEGIN}image-tag-missing: "a mirror; of ours; until=2027-01-31"}}'})
    )
    findings = found(text)
    line = 5 if where == "outer" else 11
    assert [f.waived for f in findings if f.name == "image-tag-missing"] == [f"a mirror; of ours (until 2027-01-31, web.yaml:{line})"]
    assert said(findings) == []


def test_an_annotation_speaks_in_json_too_and_for_one_object_alone() -> None:
    item = '{"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "%s"%s}, "spec": {"containers": [{"name": "a", "image": "nginx"}]}}'
    items = ", ".join([item % ("a", ', "annotations": {"kgate.dev/ignore.KG2002": "ours"}'), item % ("b", "")])
    text = f'{{"apiVersion": "v1", "kind": "List", "items": [{items}]}}'
    assert [(f.object and f.object.name, f.waived is not None) for f in found(text) if f.name == "image-tag-missing"] == [
        ("a", True),
        ("b", False),
    ]


@pytest.mark.parametrize(
    ("annotation", "why"),
    [
        (f'{BEGIN}image-tag-mising: "x"', "there is no rule 'image-tag-mising', did you mean 'image-tag-missing'?"),
        (f'{BEGIN}image-tag-missing: ""', "it gives no reason"),
        (f'{BEGIN}image-tag-missing: "; until=2027-01-31"', "it gives no reason"),
        (f'{BEGIN}image-tag-missing: "x; until=never"', "'never' is no day"),
        (f"{BEGIN}image-tag-missing: true", "its reason is no text"),
        ('kgate.dev/ignored: "x"', "there is no annotation 'kgate.dev/ignored'"),
        (f'{BEGIN}all: "x"', "it must name the rules that it waives, 'all' is none"),
    ],
)
def test_a_malformed_annotation_waives_nothing_and_says_why_at_its_key(annotation: str, why: str) -> None:
    findings = found(DEPLOYMENT.format(outer="{" + annotation + "}", inner="{}"))
    assert waived(findings) == []
    assert said(findings) == [("waiver-malformed", 5, 17, f"this waiver waives nothing: {why}")]


def test_an_unused_and_an_expired_annotation_are_told_of() -> None:
    outer = f'{{{BEGIN}image-tag-latest: "x", {BEGIN}image-tag-missing: "x; owner=shop; until=2020-01-01"}}'
    assert [s[0] for s in said(found(DEPLOYMENT.format(outer=outer, inner="{}")))] == ["waiver-unused", "waiver-expired"]
