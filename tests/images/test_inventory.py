"""Every image that runs is found, whoever runs it, where it is written."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgate import load
from kgate.images.inventory import Image, inventory

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  template:
    spec:
      initContainers:
        - name: init
          image: busybox:1.36
      containers:
        - name: app
          image: nginx
        - image: "docker.io/library/nginx"
          name: twin
"""


def images_of(tmp_path: Path, text: str) -> tuple[Image, ...]:
    file = tmp_path / "all.yaml"
    file.write_text(text)
    return inventory(load.manifests([str(file)]).manifests)


def places(image: Image) -> list[tuple[int, int]]:
    return [(use.place.line, use.place.column) for use in image.uses]


def test_images_come_in_the_order_of_their_first_use_and_know_every_place(tmp_path: Path) -> None:
    init, app = images_of(tmp_path, DEPLOYMENT)
    assert (init.text, places(init)) == ("busybox:1.36", [(9, 18)])
    assert (app.text, places(app)) == ("nginx", [(12, 18), (13, 18)])
    assert app.used_by == ("Deployment prod/web",)


def test_one_image_written_in_two_ways_is_one_image(tmp_path: Path) -> None:
    _, app = images_of(tmp_path, DEPLOYMENT)
    assert [use.image for use in app.uses] == ["nginx", "docker.io/library/nginx"]


TEMPLATE = (
    "spec: {{containers: [{{name: a, image: {0}}}], initContainers: [{{name: b, image: {0}}}], ephemeralContainers: [{{image: {0}}}]}}"
)


@pytest.mark.parametrize(
    ("api_version", "kind", "around"),
    [
        ("v1", "Pod", "{}"),
        ("v1", "PodTemplate", "template: {{{}}}"),
        ("v1", "ReplicationController", "spec: {{template: {{{}}}}}"),
        ("apps/v1", "Deployment", "spec: {{template: {{{}}}}}"),
        ("apps/v1", "ReplicaSet", "spec: {{template: {{{}}}}}"),
        ("apps/v1", "StatefulSet", "spec: {{template: {{{}}}}}"),
        ("apps/v1", "DaemonSet", "spec: {{template: {{{}}}}}"),
        ("batch/v1", "Job", "spec: {{template: {{{}}}}}"),
        ("batch/v1", "CronJob", "spec: {{jobTemplate: {{spec: {{template: {{{}}}}}}}}}"),
        ("argoproj.io/v1alpha1", "Rollout", "spec: {{template: {{{}}}}}"),
        ("example.org/v1", "NobodyKnows", "spec: {{shards: [{{podTemplate: {{{}}}}}]}}"),
    ],
)
def test_every_kind_with_a_pod_template_is_read(tmp_path: Path, api_version: str, kind: str, around: str) -> None:
    body = around.format(TEMPLATE.format("shop/api:1"))
    (image,) = images_of(tmp_path, f"apiVersion: {api_version}\nkind: {kind}\nmetadata: {{name: x}}\n{body}\n")
    assert len(image.uses) == 3 and image.used_by == (f"{kind} x",)


def test_what_ran_once_or_is_an_example_is_not_running(tmp_path: Path) -> None:
    containers = "{containers: [{image: old:1}]}"
    pod = f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nstatus: {containers}\n"
    crd = f"apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {{name: x}}\nspec: {containers}\n"
    assert images_of(tmp_path, f"{pod}---\n{crd}") == ()


@pytest.mark.parametrize("image", ["--help", "-v", "a b", "a\\nb", "$(id)", "`id`", "App:1", "nginx:", "${IMAGE}", "a@sha256:beef"])
def test_what_is_no_reference_keeps_its_text_and_says_why(tmp_path: Path, image: str) -> None:
    text = f'apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec:\n  containers:\n  - image: "{image}"\n'
    (found,) = images_of(tmp_path, text)
    assert found.reference is None and found.fault and found.text == image.replace("\\n", "\n")


@pytest.mark.parametrize("containers", ["[{name: a}]", "[{image: 7}]", "[{image: ''}]", "[null, 3]", "{}", "null", "[[]]"])
def test_containers_without_an_image_run_none(tmp_path: Path, containers: str) -> None:
    assert images_of(tmp_path, f"apiVersion: v1\nkind: Pod\nmetadata: {{name: x}}\nspec: {{containers: {containers}}}\n") == ()
