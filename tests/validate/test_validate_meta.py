"""Metadata and the forms of names."""

from __future__ import annotations

from typing import Any

import pytest

from tests.validate.validated import DELETED, assert_said, changed, deployment, said, thing

LONG = "a" * 64
RFC_LABEL = "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-'"
RFC_NAME = "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.'"


@pytest.mark.parametrize("name", ["web", "my.web", "1web", "a" * 253, "a-b.c-d"])
def test_a_good_name_is_taken(name: str) -> None:
    assert_said(changed(deployment(), "metadata.name", name))


@pytest.mark.parametrize(
    ("name", "detail"),
    [
        ("Web", RFC_NAME),
        ("-web", RFC_NAME),
        ("web.", RFC_NAME),
        ("we b", RFC_NAME),
        ("web\n", RFC_NAME),
        ("wéb", RFC_NAME),
        ("a" * 254, "must be no more than 253 characters"),
    ],
)
def test_a_bad_name_is_refused_in_the_words_of_the_server(name: str, detail: str) -> None:
    shown = name.replace("\n", "\\n")
    assert_said(changed(deployment(), "metadata.name", name), f'metadata.name: Invalid value: "{shown}": {detail}')


@pytest.mark.parametrize("name", [DELETED, None, ""])
def test_an_object_needs_a_name(name: Any) -> None:
    assert_said(changed(deployment(), "metadata.name", name), "metadata.name: Required value: name or generateName is required")


def test_a_generated_name_is_a_name_and_its_prefix_may_end_in_a_dash() -> None:
    body = changed(deployment(), "metadata", {"generateName": "web-"})
    assert_said(body)
    assert_said(changed(body, "metadata.generateName", "Web-"), "metadata.generateName: Invalid value")


@pytest.mark.parametrize(
    ("api_version", "kind", "name", "good"),
    [
        ("v1", "Namespace", "a.b", False),
        ("v1", "Namespace", "shop", True),
        ("v1", "ServiceAccount", "a.b", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "system:controller:x", True),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "a/b", False),
        ("rbac.authorization.k8s.io/v1", "ClusterRole", "..", False),
    ],
)
def test_some_kinds_have_names_of_another_form(api_version: str, kind: str, name: str, good: bool) -> None:
    body = changed(thing(api_version, kind), "metadata.name", name)
    assert_said(body, *([] if good else ["metadata.name: Invalid value"]))


@pytest.mark.parametrize(
    ("labels", "detail"),
    [
        ({"x": "a b"}, '"a b": a valid label must be an empty string or consist of'),
        ({"x": LONG}, f'"{LONG}": must be no more than 63 bytes'),
        ({"x": "-a"}, '"-a": a valid label must'),
        ({"a b": "x"}, '"a b": name part must consist of'),
        ({"/a": "x"}, '"/a": prefix part must be non-empty'),
        ({"a/b/c": "x"}, '"a/b/c": a valid label key must consist of'),
        ({"A.b/c": "x"}, '"A.b/c": prefix part a lowercase RFC 1123 subdomain'),
        ({"example.com/" + LONG: "x"}, f'"example.com/{LONG}": name part must be no more than 63 bytes'),
    ],
)
def test_bad_labels_are_refused(labels: dict[str, str], detail: str) -> None:
    assert_said(changed(deployment(), "metadata.labels", labels), f"metadata.labels: Invalid value: {detail}")


@pytest.mark.parametrize("labels", [{"x": ""}, {"x": "a" * 63}, {"example.com/x": "A_b.c-1"}, {"app.kubernetes.io/name": "web"}, {}])
def test_good_labels_are_taken(labels: dict[str, str]) -> None:
    assert_said(changed(deployment(), "metadata.labels", labels))


def test_a_label_finding_stands_at_the_label() -> None:
    from kgate.validate import causes

    (cause,) = causes(changed(deployment(), "spec.template.metadata.labels.x", "a b"))
    assert cause.path == ("spec", "template", "metadata", "labels", "x")
    assert cause.field == "spec.template.labels"  # the server leaves the metadata out


def test_annotations_may_hold_anything_up_to_a_size() -> None:
    assert_said(changed(deployment(), "metadata.annotations", {"Example.COM/x": "any thing é\n" * 100}))
    assert_said(changed(deployment(), "metadata.annotations", {"a b": "x"}), 'metadata.annotations: Invalid value: "a b": name part')
    big = {"x": "a" * 256 * 1024}
    assert_said(changed(deployment(), "metadata.annotations", big), "metadata.annotations: Too long: may not be more than 262144 bytes")


def test_namespaces_are_labels() -> None:
    assert_said(changed(deployment(), "metadata.namespace", "a.b"), f'metadata.namespace: Invalid value: "a.b": {RFC_LABEL}')


def test_finalizers_are_qualified_or_standard() -> None:
    assert_said(changed(deployment(), "metadata.finalizers", ["example.com/x", "orphan"]))
    assert_said(changed(deployment(), "metadata.finalizers", ["mine"]), 'metadata.finalizers[0]: Invalid value: "mine": name is neither')
    both = changed(deployment(), "metadata.finalizers", ["orphan", "foregroundDeletion"])
    assert_said(both, "metadata.finalizers: Invalid value")


def test_owners_are_complete_and_one_of_them_is_the_controller() -> None:
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "x", "uid": "1"}
    assert_said(changed(deployment(), "metadata.ownerReferences", [owner]))
    nameless = changed(deployment(), "metadata.ownerReferences", [{**owner, "uid": ""}])
    assert_said(nameless, 'metadata.ownerReferences.uid: Invalid value: "": must not be empty')
    two = [{**owner, "controller": True}, {**owner, "controller": True, "uid": "2"}]
    assert_said(changed(deployment(), "metadata.ownerReferences", two), "metadata.ownerReferences: Invalid value")


def test_a_question_to_the_server_needs_no_name() -> None:
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"nonResourceAttributes": {"path": "/"}}}
    assert_said(review)


def test_services_may_begin_with_a_digit_from_1_36_on() -> None:
    service = changed(thing("v1", "Service", spec={"ports": [{"port": 80}]}), "metadata.name", "1web")
    assert said(service, version="1.36") == []
    assert said(service, version="1.35")[0].startswith('metadata.name: Invalid value: "1web": a DNS-1035 label must')


def test_a_namespaces_name_is_also_the_value_of_a_label() -> None:
    too_long = changed(thing("v1", "Namespace"), "metadata.name", "a" * 64)
    assert_said(
        too_long,
        f'metadata.name: Invalid value: "{"a" * 64}": must be no more than 63 characters',
        f'metadata.labels: Invalid value: "{"a" * 64}": must be no more than 63 bytes',
    )
