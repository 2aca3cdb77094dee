"""`waivers:` of .kgate.yaml: by rule, file and object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from kgate.config import Options, schema, settled
from kgate.errors import ConfigError
from kgate.waivers.settings import ObjectPattern, SettingsWaiver, from_config
from tests.waivers.texts import RAN, found, said, waived

POD = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec: {containers: [{name: app, image: nginx}]}\n"
FILES = {"dev/web.yaml": POD, "prod/web.yaml": POD}


def waiver(**scope: Any) -> SettingsWaiver:
    return SettingsWaiver(rules=("image-tag-missing",), reason="pinned elsewhere", **scope)


def covered(**scope: Any) -> list[str]:
    return [f.file for f in found(FILES, waivers=[waiver(**scope)]) if f.waived]


@pytest.mark.parametrize(
    ("scope", "files"),
    [
        ({}, ["dev/web.yaml", "prod/web.yaml"]),
        ({"paths": ("dev/",)}, ["dev/web.yaml"]),
        ({"paths": ("web.yaml",)}, ["dev/web.yaml", "prod/web.yaml"]),
        ({"paths": ("**", "!prod/**")}, ["dev/web.yaml"]),
        ({"paths": ("stage/**",)}, []),
        ({"objects": (ObjectPattern(kind="Pod", name="w*"),)}, ["dev/web.yaml", "prod/web.yaml"]),
        ({"objects": (ObjectPattern(kind="Deployment"), ObjectPattern(namespace="sh?p"))}, ["dev/web.yaml", "prod/web.yaml"]),
        ({"objects": (ObjectPattern(kind="pod"),)}, []),
        ({"objects": (ObjectPattern(kind="Pod", namespace="other"),)}, []),
        ({"paths": ("dev/",), "objects": (ObjectPattern(name="api"),)}, []),
    ],
)
def test_a_waiver_of_the_settings_covers_the_files_and_objects_it_names(scope: dict[str, Any], files: list[str]) -> None:
    assert covered(**scope) == files


def test_a_waiver_of_the_settings_that_covers_nothing_is_told_when_everything_was_looked_at() -> None:
    useless = SettingsWaiver(rules=("image-tag-latest",), reason="x")
    assert [s[0] for s in said(found(FILES, waivers=[useless]))] == ["waiver-unused"]
    assert said(found(FILES, waivers=[useless], ran=type(RAN)(whole=False, scanned=True, rehearsed=True))) == []


def test_a_wrong_name_in_the_settings_is_told_and_waives_nothing() -> None:
    wrong = SettingsWaiver(rules=("image-tag-missing", "imge-tag-latest"), reason="x")
    findings = found(FILES, waivers=[wrong])
    assert waived(findings) == []
    assert [s[3] for s in said(findings)] == [
        "this waiver waives nothing: there is no rule 'imge-tag-latest', did you mean 'image-tag-latest'?"
    ]


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("waivers: {}\n", "1:10", "must be a list of waivers"),
        ("waivers:\n- reason: x\n", "2:3", "the waiver has no rules"),
        ("waivers:\n- rules: [KG2002]\n", "2:3", "the waiver has no reason"),
        ("waivers:\n- {rules: [], reason: x}\n", "2:11", "names no rule"),
        ("waivers:\n- {rules: ['*'], reason: x}\n", "2:12", "a waiver must name the rules that it waives"),
        ("waivers:\n- {rules: KG2002, reason: x}\n", "2:11", "must be a list of texts"),
        ("waivers:\n- {rules: [KG2002], reason: x, until: 2027-02-30}\n", "2:39", "'2027-02-30' is no day"),
        ("waivers:\n- {rules: [KG2002], reason: x, ownr: y}\n", "2:32", "unknown key 'ownr'"),
        ("waivers:\n- {rules: [KG2002], reason: x, objects: [{}]}\n", "2:42", "says nothing"),
        ("waivers:\n- {rules: [KG2002], reason: x, objects: [{knd: Pod}]}\n", "2:43", "unknown key 'knd'"),
        ("baseline: [a]\n", "1:11", "must be the name of a file"),
    ],
)
def test_a_mistake_in_the_settings_is_an_error_at_its_place(tmp_path: Path, text: str, place: str, message: str) -> None:
    (tmp_path / ".kgate.yaml").write_text(text)
    with pytest.raises(ConfigError) as fault:
        settled(str(tmp_path / ".kgate.yaml"))
    assert fault.value.message.startswith(f"{tmp_path}/.kgate.yaml:{place}: {message}")


def test_files_and_patterns_are_taken_from_the_folder_of_the_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("shop").mkdir()
    Path("shop/.kgate.yaml").write_text("waivers:\n- {rules: [KG2002], reason: x, paths: [dev/**, b.yaml]}\nbaseline: known.json\n")
    options = settled("shop/.kgate.yaml")
    assert options.waivers[0].paths == ("shop/dev/**", "shop/**/b.yaml")
    assert (options.baseline, options.baseline_root) == ("shop/known.json", "shop")


def test_the_schema_says_what_the_reader_says() -> None:
    import jsonschema

    validator = jsonschema.Draft7Validator(schema())
    good = {"waivers": [{"rules": ["KG2002"], "reason": "x", "until": "2027-01-31", "objects": [{"kind": "Pod"}]}], "baseline": "b.json"}
    assert validator.is_valid(good)
    assert len(from_config(good["waivers"])) == 1
    for wrong in ({"rules": ["*"], "reason": "x"}, {"rules": ["KG2002"]}, {"rules": ["KG2002"], "reason": "x", "objects": [{}]}):
        assert not validator.is_valid({"waivers": [wrong]})
    assert Options().waivers == ()
