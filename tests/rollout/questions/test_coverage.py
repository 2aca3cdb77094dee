from __future__ import annotations

from tests.rollout.questions.conftest import Ask, deployment
from tests.rollout.questions.test_budgets import budget

NAME = "budget-matches-nothing"
HEAD = deployment("web:2")
LINE = HEAD.count("\n") + 7


def workload(api_version: str, kind: str, name: str, namespace: str) -> str:
    head = f"---\napiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: {name}, namespace: {namespace}}}\n"
    return f"{head}spec: {{template: {{metadata: {{labels: {{app: {name}}}}}, spec: {{}}}}}}\n"


def test_a_budget_that_selects_no_pods_protects_nobody(ask: Ask) -> None:
    asked = ask(HEAD + budget("maxUnavailable: 1", selector="{matchLabels: {app: wbe}}"), nodes=None)
    assert asked.found(NAME) == ("head.yaml", LINE)
    (finding,) = (f for f in asked.findings if f.name == NAME)
    assert finding.message == "PodDisruptionBudget web selects no pod of the 1 workload in its namespace"
    assert finding.remediation == "select the pods of Deployment web: matchLabels {app: web}"


def test_with_the_labels_of_the_template_it_protects_them(ask: Ask) -> None:
    assert ask(HEAD + budget("maxUnavailable: 1")).found(NAME) is None


def test_an_empty_selector_selects_everything_and_an_absent_one_nothing(ask: Ask) -> None:
    assert ask(HEAD + budget("maxUnavailable: 1", selector="{}")).found(NAME) is None
    assert ask(HEAD + budget("maxUnavailable: 1").replace("  selector: {matchLabels: {app: web}}\n", "")).found(NAME) is not None


def test_labels_that_a_change_takes_away_are_told_of(ask: Ask) -> None:
    labels = "labels: {app: web}}"
    was = HEAD.replace(labels, "labels: {app: web, tier: front}}") + budget("maxUnavailable: 1", selector="{matchLabels: {tier: front}}")
    now = HEAD + budget("maxUnavailable: 1", selector="{matchLabels: {tier: front}}")
    (finding,) = (f for f in ask(now, was).findings if f.name == NAME)
    assert finding.message.endswith("before this change it selected those of Deployment web")


def test_pods_of_any_other_kind_count(ask: Ask) -> None:
    sets = workload("apps/v1", "StatefulSet", "db", "prod")
    own = workload("example.com/v1", "Rollout", "api", "prod")
    for app in ("db", "api"):
        assert ask(HEAD + sets + own + budget("maxUnavailable: 1", selector=f"{{matchLabels: {{app: {app}}}}}")).found(NAME) is None


def test_where_the_files_have_no_workload_nothing_is_known(ask: Ask) -> None:
    """The budget may be for pods that another repository deploys."""
    elsewhere = budget("maxUnavailable: 1", selector="{matchLabels: {app: api}}").replace("namespace: prod", "namespace: other")
    assert ask(HEAD + elsewhere).found(NAME) is None


def test_a_budget_of_a_namespace_without_deployments_is_asked_too(ask: Ask) -> None:
    sets = workload("apps/v1", "StatefulSet", "db", "data")
    elsewhere = budget("maxUnavailable: 1", selector="{matchLabels: {app: dbs}}").replace("namespace: prod", "namespace: data")
    assert ask(HEAD + sets + elsewhere).found(NAME) is not None


def test_nobody_asks_when_it_is_off(ask: Ask) -> None:
    head = HEAD + budget("maxUnavailable: 1", selector="{matchLabels: {app: wbe}}")
    assert ask(head, verdicts={NAME: "off"}).found(NAME) is None
