"""Policies of the user's own, from the files that the settings name."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate import Options, cel, gate
from kgate.cli import testing
from kgate.config import settled
from kgate.errors import ConfigError, KgateError, UsageError
from kgate.finding import Stage
from kgate.policy import catalog, catalog_of
from kgate.policy.own import read_own
from kgate.report import Style

needs_cel = pytest.mark.skipif(not cel.available(), reason="the extra cel is not installed")

HEAD = """id: ACME-1
name: team-label
severity: warning
default: on
summary: no team is named
why: Somebody has to answer for it.
remediation: add the label team
"""
REQUIRE = HEAD + "subject: object\nkinds: [Deployment.apps]\nrequire: {properties: {metadata: {required: [labels]}}}\n"
EXAMPLES = (
    "examples:\n  good: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: a, labels: {}}}]\n"
    "  bad: [{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}}]\n"
)
WEB = """apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    spec:
      hostNetwork: true
      containers:
        - name: web
          image: nginx:1.27
"""


def repository(at: Path, policies: dict[str, str], config: str = "policy: {paths: [rules]}\n") -> Path:
    (at / "rules").mkdir(parents=True)
    for name, text in policies.items():
        (at / "rules" / name).write_text(text)
    (at / "web.yaml").write_text(WEB)
    (at / ".kgate.yaml").write_text(config)
    return at


def found(at: Path) -> list[tuple[str, int, str, str]]:
    from dataclasses import replace

    options = replace(settled(str(at / ".kgate.yaml")), paths=(str(at),), stages=(Stage.POLICY,))
    report = gate(options)
    assert not [s for s in report.skipped if "rules" in s.file and "id: ACME" in s.reason]
    return [(f.rule, f.line, f.severity.value, f.message) for f in report.findings if not f.rule.startswith("KG2") or f.rule == "KG2601"]


def test_a_policy_of_the_users_own_judges(tmp_path: Path) -> None:
    at = repository(tmp_path, {"team.yaml": REQUIRE})
    assert found(at) == [("ACME-1", 3, "warning", "Deployment web: no team is named")]


def test_the_settings_speak_of_it_by_name(tmp_path: Path) -> None:
    at = repository(tmp_path, {"team.yaml": REQUIRE}, "policy: {paths: [rules], rules: {team-label: error}}\n")
    assert found(at) == [("ACME-1", 3, "error", "Deployment web: no team is named")]


def test_without_paths_only_the_built_in_ones_are_there() -> None:
    assert catalog_of(()) is catalog()


@needs_cel
@pytest.mark.parametrize(
    ("subject", "expression", "line"),
    [
        ("object", "has(self.metadata.labels) && 'team' in self.metadata.labels", 3),
        ("pod", "!self.?hostNetwork.orValue(false)", 8),
        ("container", "self.image.endsWith(':1.28') || object.kind == 'Pod'", 11),
        ("image", "self.startsWith(params.registry)", 11),
    ],
)
def test_an_expression_is_a_third_way_to_say_it(tmp_path: Path, subject: str, expression: str, line: int) -> None:
    text = f'{HEAD}subject: {subject}\nparams: {{registry: "registry.example.com/"}}\nexpression: "{expression}"\n'
    ((rule, at, _, message),) = found(repository(tmp_path, {"own.yaml": text}))
    assert (rule, at) == ("ACME-1", line)
    assert message.endswith("no team is named")


@needs_cel
def test_an_expression_without_an_answer_is_no_pass(tmp_path: Path) -> None:
    text = f"{HEAD}subject: object\nexpression: self.metadata.labels.team != ''\n"
    ((_, _, _, message),) = found(repository(tmp_path, {"own.yaml": text}))
    assert message == "Deployment web: whether it holds cannot be told: no such key: labels (no team is named)"


def test_a_check_of_kgates_own_takes_other_params(tmp_path: Path) -> None:
    built_in = catalog().find("image-registry-allowed")
    assert built_in is not None
    with pytest.raises(ConfigError, match=r"own\.yaml:10:3: .*has no param"):
        read_own(f"{HEAD}subject: {built_in.subject}\nparams:\n  nothing: 1\ncheck: {built_in.check}\n", "own.yaml")
    policy = read_own(f"{HEAD}subject: {built_in.subject}\ncheck: {built_in.check}\n", "own.yaml")
    assert policy.params == built_in.params


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (REQUIRE.replace("ACME-1", "KG2999"), 'own.yaml:1:1: "KG2999" is no identifier of your own'),
        (REQUIRE.replace("team-label", "Team Label"), 'own.yaml:2:1: "Team Label" is no name'),
        (REQUIRE.replace("severity: warning", "severity: grave"), 'own.yaml:3:1: "severity" is one of'),
        (REQUIRE.replace("subject: object", "subjekt: object"), 'own.yaml:8:1: there is no key "subjekt"'),
        (HEAD + "subject: object\n", "own.yaml:1:1: a policy has exactly one of require, check and expression"),
        (HEAD + "subject: object\nrequire: {type: nonsense}\n", "own.yaml:9:1: this is no JSON Schema"),
        (HEAD + "subject: object\nrequire: {$ref: 'https://example.com/x.json'}\n", "own.yaml:9:1: this is no JSON Schema: $ref points"),
        (HEAD + "subject: object\ncheck: nothing-like-it\n", 'own.yaml:9:1: there is no check "nothing-like-it"'),
        ("- 1\n", "own.yaml:1:1: a mapping is expected here"),
        ("id: [\n", "own.yaml:2:1: this cannot be read"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as error:
        read_own(text, "own.yaml")
    assert says in str(error.value)


@needs_cel
@pytest.mark.parametrize(
    ("expression", "says"),
    [
        ("self.x ==", "the expression is wrong: Syntax error"),
        ("subject.x == 1", "undeclared reference to 'subject.x'"),
        ("1 + 1", "it must be true or false"),
    ],
)
def test_an_expression_is_compiled_before_anything_is_judged(expression: str, says: str) -> None:
    with pytest.raises(ConfigError, match=r"own\.yaml:9:1: ") as error:
        read_own(f'{HEAD}subject: object\nexpression: "{expression}"\n', "own.yaml")
    assert says in str(error.value)


def test_an_expression_needs_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cel, "available", lambda: False)
    with pytest.raises(ConfigError, match=r"own\.yaml:9:1: .*extra cel") as error:
        read_own(f"{HEAD}subject: object\nexpression: 'true'\n", "own.yaml")
    assert error.value.hint == "pip install 'kgate[cel]'"


def test_two_policies_of_one_name_are_refused(tmp_path: Path) -> None:
    at = repository(tmp_path, {"a.yaml": REQUIRE, "b.yaml": REQUIRE.replace("ACME-1", "ACME-2")})
    with pytest.raises(KgateError, match='"team-label" is already the name of'):
        catalog_of((str(at / "rules"),))


def test_a_path_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no such file or folder"):
        catalog_of((str(tmp_path / "nothing"),))


def test_links_are_not_followed(tmp_path: Path) -> None:
    at = repository(tmp_path, {})
    (tmp_path / "secret.yaml").write_text(REQUIRE)
    (at / "rules" / "link.yaml").symlink_to(tmp_path / "secret.yaml")
    assert catalog_of((str(at / "rules"),)) is catalog()


@needs_cel
def test_admission_policies_may_stand_beside(tmp_path: Path) -> None:
    policy = (
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: p}\nspec:\n  matchConstraints:\n"
        "    resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE], resources: [deployments]}]\n"
        "  validations: [{expression: '!object.spec.template.spec.hostNetwork', message: no host network}]\n---\n"
        "apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicyBinding\nmetadata: {name: b}\n"
        "spec: {policyName: p, validationActions: [Warn]}\n"
    )
    platform = tmp_path / "platform"
    platform.mkdir()
    (platform / "vap.yaml").write_text(policy)
    at = repository(tmp_path / "app", {}, "policy: {paths: [../platform]}\n")
    ((rule, line, severity, message),) = found(at)
    assert (rule, line, severity) == ("KG2601", 8, "warning")
    assert "no host network" in message


def test_examples_are_run_and_who_has_none_is_named(tmp_path: Path) -> None:
    at = repository(tmp_path, {"a.yaml": REQUIRE + EXAMPLES, "b.yaml": REQUIRE.replace("ACME-1", "ACME-2").replace("team-label", "team")})
    outcome = testing.test([str(at / "rules")])
    assert outcome.exit_code == 0
    assert outcome.untested == ("ACME-2",)
    assert "no examples: ACME-2" in testing.text(outcome, Style())


def test_an_example_that_is_judged_otherwise_fails(tmp_path: Path) -> None:
    wrong = REQUIRE + EXAMPLES.replace("good", "x").replace("bad", "good").replace("x:", "bad:")
    at = repository(tmp_path, {"a.yaml": wrong})
    outcome = testing.test([str(at / "rules")])
    assert outcome.exit_code == 1
    assert len(outcome.policies[0].failures) == 2


def test_nothing_of_cel_is_loaded_where_nobody_speaks_it() -> None:
    import subprocess
    import sys

    code = (
        "import sys; from kgate import gate, Options; from kgate.finding import Stage;"
        "gate(Options(paths=(sys.argv[1],), stages=(Stage.POLICY,)));"
        "sys.exit(any(m.startswith('kgate.cel') or m.startswith('cel_expr') for m in sys.modules))"
    )
    assert isinstance(Options(), Options)
    web = Path(__file__).parents[2] / "examples"
    done = subprocess.run([sys.executable, "-c", code, str(web)], check=False, capture_output=True)
    assert done.returncode == 0, done.stderr
