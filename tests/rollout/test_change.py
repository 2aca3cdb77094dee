"""What a change sets off, and the field that is the cause."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from kgate.rollout.change import Change, Effect, change
from tests.rollout.conftest import Written

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - name: app
          image: web:1
          resources: {requests: {cpu: 500m}}
        - name: log
          image: log:1
"""


@pytest.fixture
def changed(written: Written) -> Callable[..., Change]:
    def compare(*edits: tuple[str, str], before: str = WEB) -> Change:
        after = before
        for old, new in edits:
            assert old in after
            after = after.replace(old, new)
        (was,), (now,) = written(before, "base.yaml"), written(after, "web.yaml")
        return change(was, now)

    return compare


@pytest.mark.parametrize(
    ("edits", "effect", "causes"),
    [
        ([("web:1", "web:2")], Effect.ROLLS, ["spec.template.spec.containers[app].image: web:1 -> web:2"]),
        ([("spec:\n  sel", "spec:\n  replicas: 3\n  sel")], Effect.NO_ROLLOUT, ["spec.replicas: 1 -> 3"]),
        ([("spec:\n  sel", "spec:\n  replicas: 1\n  sel")], Effect.SAME, []),
        ([("500m", "'0.5'")], Effect.SAME, []),
        ([("image: log:1", "image: log:1\n          imagePullPolicy: IfNotPresent")], Effect.SAME, []),
        ([("{name: web}", "{name: web, labels: {team: a}}")], Effect.NO_ROLLOUT, ['metadata.labels: nothing -> {"team": "a"}']),
        (
            [("spec:\n  sel", "spec:\n  strategy: {type: Recreate}\n  sel"), ("web:1", "web:2")],
            Effect.RECREATES,
            ["spec.template.spec.containers[app].image: web:1 -> web:2"],
        ),
        ([("spec:\n  sel", "spec:\n  strategy: {type: Recreate}\n  sel")], Effect.NO_ROLLOUT, None),
        ([("app: web", "app: api")], Effect.REFUSED, ["spec.selector.matchLabels.app: web -> api"]),
        (
            [("        - name: log\n          image: log:1\n", "")],
            Effect.ROLLS,
            None,
        ),
        (
            [("image: web:1\n", "image: web:1\n          env: [{name: A, value: '1'}]\n")],
            Effect.ROLLS,
            ["spec.template.spec.containers[app].env: nothing -> (hidden)"],
        ),
    ],
)
def test_a_change_has_the_effect_of_what_differs_once_the_server_has_filled_in_its_defaults(
    changed: Callable[..., Change], edits: list[tuple[str, str]], effect: Effect, causes: list[str] | None
) -> None:
    seen = changed(*edits)
    assert seen.effect is effect
    if causes is not None:
        assert [str(c) for c in seen.causes] == causes


def test_the_other_order_of_named_items_is_a_difference_of_its_own(changed: Callable[..., Change]) -> None:
    log = "        - name: log\n          image: log:1\n"
    first = WEB.replace(log, "").replace("      containers:\n", "      containers:\n" + log)
    (cause,) = changed((WEB, first)).causes
    assert str(cause) == 'spec.template.spec.containers: ["app", "log"] -> ["log", "app"]'


def test_one_version_alone_is_new_or_deleted(written: Written) -> None:
    (web,) = written(WEB)
    assert change(None, web).effect is Effect.NEW
    assert change(web, None).effect is Effect.DELETED


def test_a_cause_is_found_where_head_has_it(changed: Callable[..., Change], written: Written) -> None:
    (cause,) = changed(("log:1", "log:2")).causes
    (web,) = written(WEB)
    assert web.locate(cause.path).line == 14


def test_a_long_value_is_shortened(changed: Callable[..., Change]) -> None:
    (cause,) = changed(("log:1", "log:" + "x" * 100)).causes
    assert len(cause.now) == 60
    assert cause.now.endswith("...")
