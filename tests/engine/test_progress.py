"""Tables of the deadline, of conditions and of what counts as done (pkg/controller/deployment/progress.go, util/deployment_util.go)."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet, ReplicaSetSpec, ReplicaSetStatus
from kgate.engine.api.codec import decode
from kgate.engine.api.meta import Condition, FrozenMap, ObjectMeta
from kgate.engine.controllers.deployment import progress, revisions
from kgate.engine.controllers.deployment import status as st
from tests.engine.worlds import deployment

NOW = 1_000_000


def counted(replicas: int, updated: int, ready: int, available: int, **more: object) -> DeploymentStatus:
    status = DeploymentStatus(replicas=replicas, updated_replicas=updated, ready_replicas=ready, available_replicas=available)
    return replace(status, observed_generation=1, **more)


def progressing(reason: str, since_s: int, status: str = "True") -> Condition:
    return Condition(type="Progressing", status=status, reason=reason, last_update_time_ms=NOW - since_s * 1000)


def wanted(replicas: int = 3, deadline: int | None = 60, status: DeploymentStatus | None = None) -> Deployment:
    return Deployment(
        metadata=ObjectMeta(name="web", generation=1),
        spec=DeploymentSpec(replicas=replicas, progress_deadline_seconds=deadline),
        status=status or DeploymentStatus(),
    )


@pytest.mark.parametrize(
    ("deadline", "condition", "counts", "again_ms"),
    [
        (None, None, (3, 3, 2, 2), None),
        (60, None, (3, 3, 2, 2), None),  # nothing to measure from
        (2**31 - 1, progressing("ReplicaSetUpdated", 0), (3, 3, 2, 2), None),
        (60, progressing("ReplicaSetUpdated", 0), (3, 3, 3, 3), None),  # complete
        (60, progressing("ProgressDeadlineExceeded", 90, "False"), (3, 3, 2, 2), None),
        (60, progressing("NewReplicaSetAvailable", 0), (3, 3, 2, 2), None),
        (60, progressing("ReplicaSetUpdated", 0), (3, 3, 2, 2), 61_000),  # a second more than is left
        (60, progressing("ReplicaSetUpdated", 15), (3, 3, 2, 2), 46_000),
        (60, progressing("ReplicaSetUpdated", 59), (3, 3, 2, 2), 2_000),
        (60, progressing("ReplicaSetUpdated", 60), (3, 3, 2, 2), 1),
        (60, progressing("ReplicaSetUpdated", 75), (3, 3, 2, 2), 1),
        (60, progressing("NewReplicaSetCreated", 10), (3, 2, 3, 3), 51_000),
        (60, progressing("DeploymentResumed", 30, "Unknown"), (3, 2, 3, 3), 31_000),
    ],
)
def test_a_rollout_that_stands_still_is_looked_at_when_its_deadline_has_passed(
    deadline: int | None, condition: Condition | None, counts: tuple[int, int, int, int], again_ms: int | None
) -> None:
    status = counted(*counts, conditions=(condition,) if condition else ())
    assert progress.recheck_in(wanted(deadline=deadline, status=status), status, NOW) == again_ms


@pytest.mark.parametrize(
    ("before", "after", "moved"),
    [
        ((10, 4, 4, 4), (10, 4, 4, 4), False),
        ((10, 4, 4, 4), (10, 6, 4, 4), True),  # more new pods
        ((10, 4, 4, 4), (8, 4, 4, 4), True),  # fewer old ones
        ((10, 4, 4, 4), (9, 4, 6, 4), True),
        ((10, 4, 4, 4), (10, 4, 5, 4), True),
        ((10, 4, 4, 4), (10, 4, 4, 5), True),
        ((10, 4, 4, 4), (10, 4, 3, 3), False),
        ((10, 4, 4, 4), (11, 4, 4, 4), False),  # more old pods are no progress
        ((10, 8, 10, 8), (8, 6, 8, 6), False),  # as many new as old ones went
    ],
)
def test_progress_is_more_new_fewer_old_more_ready_or_more_available(
    before: tuple[int, int, int, int], after: tuple[int, int, int, int], moved: bool
) -> None:
    assert progress.progressed(counted(*before), counted(*after)) is moved


@pytest.mark.parametrize(
    ("condition", "late"),
    [
        (None, False),
        (progressing("ReplicaSetUpdated", 60), False),  # the very moment still is in time
        (progressing("ReplicaSetUpdated", 61), True),
        (progressing("NewReplicaSetCreated", 61), True),
        (progressing("DeploymentResumed", 61, "Unknown"), True),
        (progressing("ProgressDeadlineExceeded", 1, "False"), True),
        (progressing("NewReplicaSetAvailable", 6100), False),
    ],
)
def test_too_late_is_measured_from_the_last_progress(condition: Condition | None, late: bool) -> None:
    assert progress.timed_out(wanted(), counted(3, 3, 2, 2, conditions=(condition,) if condition else ()), NOW) is late


@pytest.mark.parametrize(
    ("counts", "observed", "complete"),
    [
        ((3, 3, 3, 3), 1, True),
        ((4, 3, 3, 3), 1, False),  # an old one is left
        ((3, 2, 3, 3), 1, False),
        ((3, 3, 3, 2), 1, False),
        ((3, 3, 0, 3), 1, True),  # readiness is not asked
        ((3, 3, 3, 3), 0, False),  # this is not about the present spec
    ],
)
def test_complete_is_all_new_all_available_none_old(counts: tuple[int, int, int, int], observed: int, complete: bool) -> None:
    assert st.complete(wanted(), replace(counted(*counts), observed_generation=observed)) is complete


def a_set(name: str = "new", spec: int = 3, **status: int | None) -> ReplicaSet:
    return ReplicaSet(metadata=ObjectMeta(name=name), spec=ReplicaSetSpec(replicas=spec), status=ReplicaSetStatus(**status))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("before", "now", "condition", "expected"),
    [
        ((3, 2, 2, 2), (3, 3, 2, 2), progressing("ReplicaSetUpdated", 20), ("True", "ReplicaSetUpdated", NOW)),
        ((3, 3, 2, 2), (3, 3, 2, 2), progressing("ReplicaSetUpdated", 20), ("True", "ReplicaSetUpdated", NOW - 20_000)),
        ((3, 3, 2, 2), (3, 3, 2, 2), progressing("ReplicaSetUpdated", 61), ("False", "ProgressDeadlineExceeded", NOW)),
        ((3, 3, 2, 2), (3, 3, 3, 3), progressing("ReplicaSetUpdated", 61), ("True", "NewReplicaSetAvailable", NOW)),
        ((3, 3, 2, 2), (3, 3, 3, 2), progressing("ProgressDeadlineExceeded", 9, "False"), ("True", "ReplicaSetUpdated", NOW)),
        ((3, 3, 3, 3), (3, 3, 2, 2), progressing("NewReplicaSetAvailable", 99), ("True", "NewReplicaSetAvailable", NOW - 99_000)),
        ((3, 3, 3, 3), (3, 3, 3, 3), progressing("NewReplicaSetAvailable", 99), ("True", "NewReplicaSetAvailable", NOW - 99_000)),
        ((0, 0, 0, 0), (1, 1, 0, 0), None, ("True", "ReplicaSetUpdated", NOW)),
        ((0, 0, 0, 0), (0, 0, 0, 0), None, None),
    ],
)
def test_the_progressing_condition_of_a_rollout(
    before: tuple[int, int, int, int],
    now: tuple[int, int, int, int],
    condition: Condition | None,
    expected: tuple[str, str, int] | None,
) -> None:
    d = wanted(status=counted(*before, conditions=(condition,) if condition else ()))
    total, updated, ready, available = now
    new = a_set(replicas=updated, ready_replicas=ready, available_replicas=available)
    old = a_set("old", 0, replicas=total - updated)
    found = next(
        (
            c
            for c in progress.rollout_status(d, [old, new], new, st.calculate(d, [old, new], new, NOW), NOW).conditions
            if c.type == "Progressing"
        ),
        None,
    )
    assert (None if found is None else (found.status, found.reason, found.last_update_time_ms)) == expected


def test_without_a_deadline_an_old_condition_is_removed() -> None:
    d = wanted(deadline=None, status=counted(3, 3, 2, 2, conditions=(progressing("ReplicaSetUpdated", 5),)))
    new = a_set(replicas=3)
    status = progress.rollout_status(d, [new], new, st.calculate(d, [new], new, NOW), NOW)
    assert [c.type for c in status.conditions] == ["Available"]


@pytest.mark.parametrize(
    ("sets", "terminating"),
    [
        ([], 0),
        ([a_set(observed_generation=1, terminating_replicas=2)], 2),
        ([a_set(observed_generation=1, terminating_replicas=2), a_set("b", observed_generation=1, terminating_replicas=1)], 3),
        ([a_set(observed_generation=1, terminating_replicas=2), a_set("b")], 2),  # not looked at yet: does not count
        ([a_set(observed_generation=1, terminating_replicas=2), a_set("b", observed_generation=1)], None),  # it does not know
    ],
)
def test_terminating_pods_are_summed_when_every_set_knows_its_own(sets: list[ReplicaSet], terminating: int | None) -> None:
    assert st.calculate(wanted(), sets, None, NOW).terminating_replicas == terminating
    assert st.calculate(wanted(), sets, None, NOW, terminating=False).terminating_replicas is None


@pytest.mark.parametrize(
    ("available", "unavailable", "status"),
    [(3, 0, "True"), (2, 0, "False"), (2, 1, "True"), (0, 3, "True"), (1, "50%", "False"), (2, "50%", "True")],
)
def test_minimum_availability_spares_what_may_be_unavailable(available: int, unavailable: int | str, status: str) -> None:
    d = decode(deployment(replicas=3, surge=1, unavailable=unavailable))
    assert isinstance(d, Deployment)
    found = st.calculate(d, [a_set(available_replicas=available)], None, NOW)
    assert [(c.type, c.status) for c in found.conditions] == [("Available", status)]


def test_more_available_than_wanted_is_not_less_than_none_unavailable() -> None:
    assert st.calculate(wanted(), [a_set(spec=1, available_replicas=3)], None, NOW).unavailable_replicas == 0


# Revisions


def revised(revision: str | None, history: str | None = None, name: str = "a") -> ReplicaSet:
    given = {revisions.REVISION: revision, revisions.HISTORY: history}
    return ReplicaSet(metadata=ObjectMeta(name=name, annotations=FrozenMap({k: v for k, v in given.items() if v is not None})))


@pytest.mark.parametrize(
    ("mine", "history", "number", "then", "history_then"),
    [
        (None, None, 1, "1", None),
        ("1", None, 1, "1", None),
        ("1", None, 3, "3", "1"),
        ("3", "1", 5, "5", "1,3"),
        ("7", None, 5, "7", None),  # never backwards
        ("x", None, 5, "x", None),  # no number: hands off
    ],
)
def test_a_set_that_is_used_again_keeps_its_old_number_in_its_history(
    mine: str | None, history: str | None, number: int, then: str, history_then: str | None
) -> None:
    found = revisions.annotated(wanted(), revised(mine, history), number).metadata.annotations
    assert (found.get(revisions.REVISION), found.get(revisions.HISTORY)) == (then, history_then)


def test_a_history_keeps_the_newest_numbers_that_fit_into_two_thousand_characters() -> None:
    old = ",".join(str(n) for n in range(1000, 1400))
    found = revisions.annotated(wanted(), revised("1400", old), 1401).metadata.annotations[revisions.HISTORY]
    assert len(found) <= 2000
    assert found.endswith(",1399,1400")


@pytest.mark.parametrize(
    ("numbers", "last"),
    [([], 0), (["1"], 0), (["1", "2"], 1), (["5", "2", "3"], 3), (["2", "2"], 2), (["x", "4", "1"], 1), ([None, "1"], 0)],
)
def test_the_last_revision_is_the_second_highest(numbers: list[str | None], last: int) -> None:
    assert revisions.last_revision([revised(n, name=str(i)) for i, n in enumerate(numbers)]) == last


def templated(**spec: object) -> Deployment:
    d = decode(deployment(**spec))  # type: ignore[arg-type]
    assert isinstance(d, Deployment)
    return d


@pytest.mark.parametrize(
    ("change", "same"),
    [
        ({}, True),
        ({"labels": {"app": "web", "pod-template-hash": "x"}}, True),
        ({"labels": {"app": "web", "other": "x"}}, False),
        ({"labels": {}}, False),
        ({"annotations": {"a": "b"}}, False),
    ],
)
def test_templates_are_the_same_but_for_the_hash(change: dict[str, dict[str, str]], same: bool) -> None:
    template = templated().spec.template
    meta = replace(template.metadata, **{k: FrozenMap(v) for k, v in change.items()})
    assert revisions.same_template(template, replace(template, metadata=meta)) is same


def test_the_oldest_set_with_the_template_is_the_new_one() -> None:
    d = templated()
    made = [
        ReplicaSet(metadata=ObjectMeta(name=name, creation_timestamp_ms=ms), spec=ReplicaSetSpec(template=d.spec.template))
        for name, ms in (("c", 3), ("b", 2), ("a", 2))
    ]
    found = revisions.find_new(d, made)
    assert found is not None and found.metadata.name == "a"


def test_a_long_name_is_cut_to_make_room_for_the_hash() -> None:
    d = templated()
    rs = revisions.first_set(replace(d, metadata=replace(d.metadata, name="x" * 253)), 1, 1)
    assert len(rs.metadata.name) == 253
    assert rs.metadata.name.endswith("-" + rs.metadata.labels[revisions.HASH])
