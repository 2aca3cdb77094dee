"""Names that lead nowhere: said only where it is certain."""

from __future__ import annotations

import pytest

from tests.policy.policy_texts import Judged

POD = "{apiVersion: v1, kind: Pod, metadata: {name: web%s, labels: {app: web}}, spec: {%s, containers: [{name: app}]}}"
SERVICE = "{apiVersion: v1, kind: Service, metadata: {name: web%s}, spec: {selector: {app: %s}, ports: [{port: 80}]}}"
SECRET = "{apiVersion: v1, kind: Secret, metadata: {name: web%s}}"
NEEDS = POD % ("%s", "volumes: [{name: s, secret: {secretName: %s}}]")


def together(*objects: str) -> str:
    return "\n---\n".join(objects)


@pytest.mark.parametrize("more", ["", "custom"])
def test_a_service_without_pods_is_found_unless_an_operator_may_make_them(judged: Judged, more: str) -> None:
    custom = ["{apiVersion: shop.example.com/v1, kind: Shop, metadata: {name: shop}}"] if more else []
    text = together(SERVICE % ("", "wbe"), POD % ("", "hostNetwork: false"), *custom)
    assert len(judged(text, "dangling-service")) == (0 if more else 1)
    assert judged(text, "dangling-service", whole=False) == []


def test_a_service_does_not_reach_into_another_namespace(judged: Judged) -> None:
    text = together(SERVICE % (", namespace: prod", "web"), POD % (", namespace: dev", "hostNetwork: false"))
    (found,) = judged(text, "dangling-service")
    assert "selects pods of dev" in found.message
    assert found.path == "/spec/selector"


def test_a_secret_is_missed_only_beside_others(judged: Judged) -> None:
    wrong = NEEDS % ("", "wbe")
    assert judged(wrong, "dangling-secret") == []
    (found,) = judged(together(wrong, SECRET % ""), "dangling-secret")
    assert found.path == "/spec/volumes/0/secret/secretName"
    assert judged(together(NEEDS % ("", "web"), SECRET % ""), "dangling-secret") == []
    assert judged(together(wrong, SECRET % "", SECRET.replace("name: web", "name: wbe") % ""), "dangling-secret") == []
    assert judged({"a/web.yaml": wrong, "b/secret.yaml": SECRET % ""}, "dangling-secret") == []


def test_a_generated_or_sealed_secret_is_not_missed(judged: Judged) -> None:
    wrong = together(NEEDS % ("", "wbe"), SECRET % "")
    generator = "{apiVersion: kustomize.config.k8s.io/v1beta1, kind: Kustomization, secretGenerator: [{name: wbe}]}"
    sealed = "{apiVersion: bitnami.com/v1alpha1, kind: SealedSecret, metadata: {name: wbe}}"
    assert judged(together(wrong, generator), "dangling-secret") == []
    assert judged(together(wrong, sealed), "dangling-secret") == []


def test_namespaces_are_kept_apart(judged: Judged) -> None:
    text = together(NEEDS % (", namespace: prod", "web"), SECRET % ", namespace: dev", SECRET.replace("web", "x") % ", namespace: prod")
    assert len(judged(text, "dangling-secret")) == 1


def test_a_port_that_is_only_not_declared_is_a_warning(judged: Judged) -> None:
    pod = (POD % ("", "hostNetwork: false")).replace("{name: app}", "{name: app, ports: [{containerPort: 1}]}")
    service = SERVICE.replace("{port: 80}", "{port: 80, targetPort: %s}")
    assert [f.severity for f in judged(together(service % ("", "web", "9"), pod), "service-port-mismatch")] == ["warning"]
    assert [f.severity for f in judged(together(service % ("", "web", "http"), pod), "service-port-mismatch")] == ["error"]
