"""`causes(body, old)`: an update that replaces what is stored, as the engine asks at each write."""

from __future__ import annotations

from typing import Any

import pytest

from kgate.validate import causes
from tests.validate.validated import changed, deployment


def said(body: dict[str, Any], old: dict[str, Any]) -> list[str]:
    return [f"{c.field}: {c.message}" for c in causes(body, old, version="1.36")]


def thing(version: str, kind: str, **fields: Any) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": "a", "namespace": "b"}, **fields}


def template(image: str = "nginx:1.27") -> dict[str, Any]:
    return {"metadata": {"labels": {"a": "b"}}, "spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": image}]}}


def stateful(**spec: Any) -> dict[str, Any]:
    pods = template()
    del pods["spec"]["restartPolicy"]
    return thing("apps/v1", "StatefulSet", spec={"serviceName": "s", "selector": {"matchLabels": {"a": "b"}}, "template": pods} | spec)


ROLE = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"}


@pytest.mark.parametrize(
    ("body", "old", "field", "detail"),
    [
        (stateful(serviceName="t"), stateful(), "spec", "updates to statefulset spec for fields other than"),
        (
            thing("batch/v1", "Job", spec={"template": template("nginx:1.28")}),
            thing("batch/v1", "Job", spec={"template": template()}),
            "spec.template",
            "field is immutable",
        ),
        (
            thing("v1", "ConfigMap", immutable=True, data={"x": "2"}),
            thing("v1", "ConfigMap", immutable=True, data={"x": "1"}),
            "data",
            "field is immutable when `immutable` is set",
        ),
        (
            thing("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef={**ROLE, "name": "s"}),
            thing("rbac.authorization.k8s.io/v1", "RoleBinding", roleRef=ROLE),
            "roleRef",
            "cannot change roleRef",
        ),
        (
            thing("storage.k8s.io/v1", "StorageClass", provisioner="x.io/b", metadata={"name": "a"}),
            thing("storage.k8s.io/v1", "StorageClass", provisioner="x.io/a", metadata={"name": "a"}),
            "provisioner",
            "field is immutable",
        ),
        (changed(deployment(), "spec.selector", {"matchLabels": {"app": "x"}}), deployment(), "spec.selector", "field is immutable"),
    ],
    ids=lambda v: v.get("kind") if isinstance(v, dict) else None,
)
def test_what_never_changes_is_refused(body: dict[str, Any], old: dict[str, Any], field: str, detail: str) -> None:
    assert any(one.startswith(f"{field}: ") and detail in one for one in said(body, old))
    assert not said(old, old)


def test_a_field_that_is_left_out_goes_instead_of_staying_as_with_an_apply() -> None:
    rolling = changed(deployment(), "spec.strategy", {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1}})
    assert not said(changed(deployment(), "spec.strategy", {"type": "Recreate"}), rolling)


def test_a_default_is_no_change() -> None:
    assert not said(stateful(podManagementPolicy="OrderedReady"), stateful())


def test_of_another_version_of_the_api_nothing_is_known() -> None:
    old = thing("storage.k8s.io/v1beta1", "StorageClass", provisioner="x.io/a", metadata={"name": "a"})
    assert not said(thing("storage.k8s.io/v1", "StorageClass", provisioner="x.io/b", metadata={"name": "a"}), old)
