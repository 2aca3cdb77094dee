"""Rehearsals of Deployments that an autoscaler scales: nobody says what their pods use, so only its bounds count."""

from __future__ import annotations

from typing import Any

from kgate.outcome import Rehearsal
from kgate.rollout.rehearsal import rehearse
from kgate.rollout.settings import RolloutSettings
from tests.rollout.conftest import Written

WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: prod}
spec:
  %sselector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
        - {name: app, image: "web:%s", resources: {requests: {cpu: 100m}}}
"""
HPA = """\
---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata: {name: h, namespace: prod}
spec: {scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: %s}, minReplicas: %d, maxReplicas: 20}
"""


def rolled(written: Written, base: str | None, head: str, **kwargs: Any) -> Rehearsal:
    before = None if base is None else written(base, "base.yaml")
    (done,) = rehearse(written(head, "head.yaml"), RolloutSettings(**kwargs), base=before).rollouts
    return done


def test_a_new_deployment_ends_at_its_autoscalers_minimum(written: Written) -> None:
    done = rolled(written, None, WEB % ("replicas: 2\n  ", "1") + HPA % ("web", 4))
    assert (done.verdict, done.replicas) == ("pass", 4)
    assert done.assumed[-1] == "no usage of the pods is known: HorizontalPodAutoscaler h only keeps to its bounds"


def test_replicas_in_git_cut_a_running_deployment_down_until_its_autoscaler_looks(written: Written) -> None:
    hpa = HPA % ("web", 8)
    done = rolled(written, WEB % ("replicas: 2\n  ", "1") + hpa, WEB % ("replicas: 2\n  ", "2") + hpa)
    assert (done.verdict, done.replicas, done.lowest_available) == ("pass", 8, 2)


def test_without_replicas_in_git_nothing_is_lost(written: Written) -> None:
    hpa = HPA % ("web", 8)
    done = rolled(written, WEB % ("", "1") + hpa, WEB % ("", "2") + hpa)
    assert (done.verdict, done.replicas, done.lowest_available) == ("pass", 8, 6)


def test_an_autoscaler_of_another_deployment_does_not_matter(written: Written) -> None:
    done = rolled(written, None, WEB % ("replicas: 2\n  ", "1") + HPA % ("db", 4))
    assert (done.verdict, done.replicas) == ("pass", 2)
    assert not any("Autoscaler" in a for a in done.assumed)


def test_a_rollout_that_ends_nowhere_still_ends_with_an_autoscaler(written: Written) -> None:
    patient = "replicas: 2\n  progressDeadlineSeconds: 2147483647\n  "
    slow = WEB % (patient, "1") + HPA % ("web", 2)
    done = rolled(written, None, slow.replace("100m", "9999"))
    assert done.verdict == "unknown"
    assert "not schedulable" in done.reason
