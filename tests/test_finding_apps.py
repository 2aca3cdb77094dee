"""One line of a base is one finding, however many apps are rendered from it."""

from __future__ import annotations

from kgate.finding import Finding, Severity, Stage, in_order
from kgate.gate import without
from kgate.load import RULES
from kgate.manifest import Location, Manifest, Path


def told(message: str, app: str, *, line: int = 3) -> Finding:
    return Finding(
        rule="KG0001", name="x", stage=Stage.POLICY, severity=Severity.ERROR, message=message, file="base/d.yaml", line=line, column=1,
        path="/spec", apps=(app,), homes=((f"{app}/kustomization.yaml", 0),),
    )  # fmt: skip


def apps(*findings: Finding) -> list[tuple[str, tuple[str, ...]]]:
    return [(f.message, f.apps) for f in in_order(findings)]


def test_the_same_words_at_one_place_are_one_finding_of_all_apps() -> None:
    assert apps(told("wrong", "b"), told("wrong", "a"), told("wrong", "c", line=4)) == [("wrong", ("a", "b")), ("wrong", ("c",))]


def test_words_that_differ_by_a_name_are_told_in_those_of_the_first_app() -> None:
    assert apps(told("web-staging is wrong", "staging"), told("web-prod is wrong", "prod")) == [("web-prod is wrong", ("prod", "staging"))]


def test_two_messages_of_one_app_are_two_findings() -> None:
    found = (told("no label a", "x"), told("no label b", "x"), told("no label a", "y"), told("no label b", "y"))
    assert apps(*found) == [("no label a", ("x", "y")), ("no label b", ("x", "y"))]


class Elsewhere:
    """A source whose nodes stand in another file."""

    file = "prod/kustomization.yaml"

    def lines(self) -> tuple[str, ...]:
        return ()

    def locate(self, document: int, path: Path, *, key: bool) -> Location:
        return Location(line=7, column=1, file="base/d.yaml", document=1)


def test_an_error_in_a_rendered_object_takes_that_object_out_and_no_other() -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}
    good, bad = (Manifest(source=Elsewhere(), document=n, body=body, app="prod") for n in (0, 1))
    finding = Finding.at(bad, ("data",), rule=RULES[0], message="wrong")
    assert (finding.file, finding.line, finding.document, finding.apps) == ("base/d.yaml", 7, 1, ("prod",))
    assert finding.homes == (("prod/kustomization.yaml", 1),)
    assert without((good, bad), in_order((finding,))) == (good,)
