"""`--crds` and `crds:`: definitions that are not part of the check."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from kgate.config import settled
from kgate.errors import UsageError
from kgate.finding import Stage
from kgate.gate import gate
from tests.validate.test_validate_crd import INTEGER, definition, properties, widget


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name, body in (("crds/widgets.json", definition(properties(x=INTEGER))), ("shop/app.json", widget({"y": 1}))):
        Path(name).parent.mkdir()
        Path(name).write_text(json.dumps(body), encoding="utf-8")
    return tmp_path


def messages(settings: str | None = None, **options: object) -> list[str]:
    from dataclasses import replace

    report = gate(replace(settled(settings), paths=("shop",), stages=(Stage.VALIDATE,), **options))  # type: ignore[arg-type]
    assert report.checked.objects == 1
    return [f.message for f in report.findings]


def test_definitions_are_read_where_the_flag_says(shop: Path) -> None:
    assert messages() == []
    assert messages(crds=("crds",)) == messages(crds=("crds/widgets.json",)) == ['unknown field "spec.y"']


def test_definitions_are_read_where_the_settings_say_from_their_folder(shop: Path) -> None:
    Path("shop/.kgate.yaml").write_text("crds: [../crds]\n", encoding="utf-8")
    assert messages("shop/.kgate.yaml") == ['unknown field "spec.y"']


@pytest.mark.parametrize(
    ("path", "words"), [("nowhere", "no such file"), ("shop", "no CustomResourceDefinition in shop"), ("bad", "bad/a.yaml:2:")]
)
def test_definitions_that_cannot_be_read_are_a_fault_of_the_run(shop: Path, path: str, words: str) -> None:
    Path("bad").mkdir()
    Path("bad/a.yaml").write_text("apiVersion: v1\nkind: [\n", encoding="utf-8")
    with pytest.raises(UsageError, match=words):
        messages(crds=(path,))
