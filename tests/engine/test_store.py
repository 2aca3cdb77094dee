from __future__ import annotations

import pytest
from msgspec.structs import replace

from kgate.engine.api.apps import Deployment, DeploymentSpec, DeploymentStatus, ReplicaSet
from kgate.engine.api.core import Pod, PodSpec, PodStatus
from kgate.engine.api.meta import FrozenMap, Key, ObjectMeta, OwnerReference
from kgate.engine.errors import ApiError
from kgate.engine.store import Store
from kgate.engine.trace import Trace

WEB = Key("Deployment", "default", "web")


def a_deployment(name: str = "web") -> Deployment:
    return Deployment(metadata=ObjectMeta(name=name, namespace="default"), spec=DeploymentSpec(replicas=1))


def a_pod(name: str = "p", *, node: str = "n1", grace: int | None = 30, phase: str = "Running", **meta: object) -> Pod:
    return Pod(
        metadata=replace(ObjectMeta(name=name, namespace="default"), **meta),  # type: ignore[arg-type]
        spec=PodSpec(node_name=node, termination_grace_period_seconds=grace),
        status=PodStatus(phase=phase),
    )


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
def trace(store: Store) -> Trace:
    trace = Trace()
    store.subscribe(trace.record)
    return trace


def test_creation_gives_uid_version_generation_and_time(store: Store) -> None:
    store.now_ms = 1234
    meta = store.create(a_deployment()).metadata
    assert (meta.generation, meta.resource_version, meta.creation_timestamp_ms) == (1, 1, 1234)
    assert meta.uid != store.create(a_deployment("b")).metadata.uid


def test_a_name_is_given_once(store: Store) -> None:
    store.create(a_deployment())
    with pytest.raises(ApiError) as refused:
        store.create(a_deployment())
    assert (refused.value.code, refused.value.reason) == (409, "AlreadyExists")
    assert refused.value.message == 'deployments.apps "web" already exists'


def test_only_a_change_of_the_spec_bumps_the_generation(store: Store) -> None:
    d = store.create(a_deployment())
    d = store.update_status(replace(d, status=DeploymentStatus(replicas=1)))
    assert d.metadata.generation == 1
    d = store.update(replace(d, metadata=d.metadata.labelled("a", "b")))
    assert d.metadata.generation == 1
    d = store.update(replace(d, spec=replace(d.spec, replicas=2)))
    assert d.metadata.generation == 2


def test_a_deployments_annotations_count_as_its_spec_but_not_when_written_with_the_status(store: Store) -> None:
    d = store.create(a_deployment())
    d = store.update_status(replace(d, metadata=d.metadata.annotated("revision", "1")))
    assert d.metadata.generation == 1
    d = store.update(replace(d, metadata=d.metadata.annotated("note", "1")))
    assert d.metadata.generation == 2


def test_writing_what_is_there_writes_nothing(store: Store, trace: Trace) -> None:
    d = store.create(a_deployment())
    same = replace(d, spec=DeploymentSpec(replicas=1))
    assert store.update(same) is d
    assert store.update_status(same) is d
    assert len(trace) == 1


def test_a_write_based_on_an_old_version_is_a_conflict(store: Store) -> None:
    old = store.create(a_deployment())
    store.update(replace(old, spec=DeploymentSpec(replicas=2)))
    with pytest.raises(ApiError) as refused:
        store.update(replace(old, spec=DeploymentSpec(replicas=3)))
    assert (refused.value.code, refused.value.reason) == (409, "Conflict")


def test_every_write_is_watched_with_before_and_after(store: Store, trace: Trace) -> None:
    d = store.create(a_deployment())
    store.now_ms = 5
    e = store.update(replace(d, spec=DeploymentSpec(replicas=2)))
    store.delete(WEB)
    assert [(t.time_ms, t.type, t.before, t.after) for t in trace] == [
        (0, "ADDED", None, d),
        (5, "MODIFIED", d, e),
        (5, "DELETED", e, None),
    ]


def test_a_bound_pod_is_deleted_gracefully(store: Store) -> None:
    pod = store.create(a_pod(grace=20))
    store.now_ms = 1000
    store.delete(Key("Pod", "default", "p"))
    marked = store.get(Pod, "default", "p")
    assert marked is not None
    assert marked.metadata.deletion_timestamp_ms == 21_000
    assert marked.metadata.uid == pod.metadata.uid
    store.delete(Key("Pod", "default", "p"), grace_seconds=5)
    sooner = store.get(Pod, "default", "p")
    assert sooner is not None
    assert sooner.metadata.deletion_timestamp_ms == 6_000
    store.delete(Key("Pod", "default", "p"), grace_seconds=0)
    assert store.get(Pod, "default", "p") is None


@pytest.mark.parametrize(
    ("pod", "gone"),
    [
        (a_pod(node=""), True),
        (a_pod(phase="Succeeded"), True),
        (a_pod(phase="Failed"), True),
        (a_pod(grace=0), True),
        (a_pod(grace=-1), False),
        (a_pod(grace=None), False),
    ],
)
def test_nobody_waits_for_a_pod_that_does_not_run(store: Store, pod: Pod, gone: bool) -> None:
    store.create(pod)
    store.delete(Key("Pod", "default", "p"))
    assert (store.get(Pod, "default", "p") is None) == gone


def test_finalizers_hold_an_object_until_the_last_is_removed(store: Store) -> None:
    store.create(replace(a_deployment(), metadata=ObjectMeta(name="web", namespace="default", finalizers=("a",))))
    store.delete(WEB)
    held = store.get(Deployment, "default", "web")
    assert held is not None
    assert held.metadata.deleting
    store.update(replace(held, metadata=replace(held.metadata, finalizers=())))
    assert store.get(Deployment, "default", "web") is None


def test_deleting_what_is_not_there_is_not_found(store: Store) -> None:
    with pytest.raises(ApiError, match=r'deployments\.apps "web" not found'):
        store.delete(WEB)


def test_indexes_follow_owners_and_nodes(store: Store) -> None:
    owner = store.create(ReplicaSet(metadata=ObjectMeta(name="rs", namespace="default")))
    ref = OwnerReference(kind="ReplicaSet", name="rs", uid=owner.metadata.uid, controller=True)
    pod = store.create(a_pod(node="", owner_references=(ref,)))
    assert store.owned_by(owner.metadata.uid, Pod) == [pod]
    assert store.orphans(Pod, "default") == []
    bound = store.update(pod.bound_to("n2"))
    assert store.pods_on("n2") == [bound]
    orphan = store.update(replace(bound, metadata=replace(bound.metadata, owner_references=())))
    assert store.owned_by(owner.metadata.uid, Pod) == []
    assert store.orphans(Pod, "default") == [orphan]
    store.delete(Key("Pod", "default", "p"), grace_seconds=0)
    assert store.pods_on("n2") == []
    assert store.orphans(Pod, "default") == []


def test_generated_names_are_short_safe_and_never_the_same(store: Store) -> None:
    names = {store.create(a_pod(name="", generate_name="web-")).metadata.name for _ in range(50)}
    assert len(names) == 50
    assert all(len(name) == 9 and name[4:].isalnum() and not set(name[4:]) & set("aeiou013") for name in names)


def test_admission_may_change_or_refuse_a_new_object(store: Store) -> None:
    def admit(obj: object) -> Pod:
        assert isinstance(obj, Pod)
        if obj.metadata.name == "bad":
            raise ApiError(403, "no")
        return replace(obj, metadata=replace(obj.metadata, labels=FrozenMap(seen="yes")))

    store.admit_with(admit)
    assert store.create(a_pod()).metadata.labels == {"seen": "yes"}
    with pytest.raises(ApiError, match="no"):
        store.create(a_pod("bad"))
    assert len(store) == 1
