from __future__ import annotations

from pathlib import Path

import pytest

from kgate.errors import ConfigError
from kgate.policy import catalog
from kgate.policy.catalog import load, read_policy
from kgate.policy.yamldata import read

GOOD = """\
id: KG2999
name: no-host-network
severity: error
default: on
summary: pod is on its node's network
why: It hears what its node hears.
remediation: remove hostNetwork
subject: pod
require:
  properties: {hostNetwork: {enum: [false, null]}}
examples:
  good: [{containers: []}]
  bad: [{hostNetwork: true}]
"""


def test_a_policy_is_read_from_its_text() -> None:
    policy = read_policy(GOOD, "policies/security/no-host-network.yaml", pack="security")
    assert (policy.rule.id, policy.name, policy.rule.enabled, policy.pack) == ("KG2999", "no-host-network", True, "security")


@pytest.mark.parametrize(
    ("change", "place", "message", "hint"),
    [
        (("severity:", "sevrity:"), "3:1", 'no key "sevrity"', 'did you mean "severity"?'),
        (("severity: error", "severity: bad"), "3:1", '"severity" is one of error, warning, info', ""),
        (("default: on", "default: true"), "4:1", '"default" is a text', ""),
        (("default: on", "default: maybe"), "4:1", '"default" is one of on, off', ""),
        (("subject: pod", "subject: pods"), "8:1", '"subject" is one of', 'did you mean "pod"?'),
        (("why: It hears what its node hears.\n", ""), "1:1", 'has no "why"', ""),
        (("subject: pod", "subject: pod\ncheck: image-tag-latest"), "9:1", "exactly one of require, check and expression", ""),
        (("require:\n  properties: {hostNetwork: {enum: [false, null]}}", "check: image-tag-lates"), "9:1", "no check", "image-tag-latest"),
        (("require:\n  properties: {hostNetwork: {enum: [false, null]}}", "expression: object.x =="), "9:1", "expression", ""),
        (("subject: pod", "subject: pod\ncontainers: [regular, main]"), "9:23", '"main" is no role', ""),
        (("subject: pod", "subject: pod\nkinds: [1]"), "9:9", '"kinds" lists texts', ""),
        (("subject: pod", "subject: pod\nfix: {path: /a}"), "9:1", "a fix has exactly one of value, insert, rename, remove", ""),
        (("name: no-host-network", "id: KG2998"), "2:1", 'the key "id" is there twice', ""),
        (("summary: pod", "summary: *pod"), "5:10", "anchors and aliases", ""),
        (("name: no", "name: {no"), "", "cannot be read", ""),
    ],
)
def test_a_wrong_policy_is_an_error_with_its_place(change: tuple[str, str], place: str, message: str, hint: str) -> None:
    assert change[0] in GOOD
    with pytest.raises(ConfigError) as error:
        read_policy(GOOD.replace(*change), "mine.yaml", pack="security")
    assert error.value.message.startswith(f"mine.yaml:{place}")
    assert message in error.value.message
    assert hint in error.value.hint


def test_a_second_document_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"mine.yaml:14:1: .*second"):
        read_policy(GOOD + "---\nid: KG2998\n", "mine.yaml", pack="security")


def test_two_policies_cannot_share_an_identifier(tmp_path: Path) -> None:
    (tmp_path / "security").mkdir()
    (tmp_path / "security" / "one.yaml").write_text(GOOD)
    (tmp_path / "security" / "two.yaml").write_text(GOOD.replace("name: no-host-network", "name: other"))
    with pytest.raises(ConfigError, match="KG2999"):
        load(tmp_path)


def test_the_catalogue_finds_a_policy_by_name_and_by_identifier() -> None:
    found = catalog().find("image-tag-missing")
    assert found is not None
    assert catalog().find("KG2002") is found
    assert catalog().find("KG0000") is None
    assert found.rule in catalog().rules


def test_scalars_mean_what_json_says() -> None:
    text = "a: on\nb: yes\nc: 1\nd: -1.5\ne: true\nf: null\ng: ~\nh: '1'\ni: 2026-01-31\nj: 0x10\nk: 1e3\nl:\nm: 22:22\nn: -\u00b2\n"
    assert read(text, "x") == {
        "a": "on", "b": "yes", "c": 1, "d": -1.5, "e": True, "f": None, "g": None, "h": "1", "i": "2026-01-31", "j": "0x10", "k": 1000.0,
        "l": None, "m": "22:22", "n": "-\u00b2",
    }  # fmt: skip
