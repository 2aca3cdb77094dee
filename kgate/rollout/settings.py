"""What `rollout:` of .kgate.yaml says: where rollouts are rehearsed, and how pods behave there."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field
from msgspec.structs import replace

from kgate.finding import Rule, Severity
from kgate.manifest import Path
from kgate.rollout import fields
from kgate.rollout.cluster import ClusterSpec
from kgate.rollout.fields import Fields, SettingError
from kgate.rollout.floors import FAILURES_SCHEMA, FLOORS_SCHEMA, Failures, Floor, floor_of, read_failures, read_floors
from kgate.rollout.pods import MODES, SPANS, PodManners, read_manners

__all__ = ["SCHEMA", "Behaviour", "RolloutSettings", "SettingError", "from_config"]

BUDGET = 2000
"""A few seconds, at most."""
MOST_BUDGET = 10_000_000


class Behaviour(Struct, frozen=True, kw_only=True):
    """How pods start and stop. What nobody says is derived from the probes, or assumed."""

    default: PodManners = field(default_factory=PodManners)
    images: Mapping[str, PodManners] = field(default_factory=dict)
    """By image as the manifests write it, or by its name without tag and digest; the longer text wins."""

    def of(self, image: str) -> PodManners:
        named = self.images.get(image)
        if named is None:
            named = self.images.get(image.partition("@")[0]) or self.images.get(_repository(image))
        if named is None:
            return self.default
        return replace(
            named,
            startup_ms=self.default.startup_ms if named.startup_ms is None else named.startup_ms,
            startup_least_ms=self.default.startup_least_ms if named.startup_ms is None else named.startup_least_ms,
            termination_ms=self.default.termination_ms if named.termination_ms is None else named.termination_ms,
        )


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RolloutSettings:
    """The `rollout:` part of the settings."""

    enabled: bool = True
    cluster: str | None = None
    """The cluster file as it was written; whoever reads it calls `on`."""
    spec: ClusterSpec | None = None
    """The cluster itself. None, with `cluster` None as well: one is assumed."""
    behaviour: Behaviour = dataclasses.field(default_factory=Behaviour)

    snapshot_max_age_days: int = 7
    """Of a cluster file that was packed from a live cluster; 0: any age will do."""
    verdicts: Mapping[str, Severity | None] = dataclasses.field(default_factory=dict)
    """By name of a rule: how bad it is; None: not asked. What is not named is as bad as its rule says."""

    floors: Mapping[str, Floor] = dataclasses.field(default_factory=dict)
    failures: Failures = dataclasses.field(default_factory=Failures)
    budget: int = BUDGET
    """So many states of a small cluster are looked at in search of the worst case, for all that changes on it together; 0: none."""

    def floor(self, namespace: str, name: str, replicas: int) -> int | None:
        """How many pods of the Deployment somebody wants to be available at every moment; None: nobody said."""
        return floor_of(self.floors, namespace, name, replicas)

    def severity(self, rule: Rule) -> Severity | None:
        """How bad a finding of that rule is; None when nobody wants to know."""
        return self.verdicts.get(rule.name, rule.severity if rule.enabled else None)

    def on(self, spec: ClusterSpec) -> RolloutSettings:
        """The same settings, on the cluster that was read from a file."""
        return dataclasses.replace(self, spec=spec, cluster=spec.file)


def from_config(config: Mapping[str, Any]) -> RolloutSettings:
    """The settings that `rollout:` holds, already plain data. Raises SettingError; its path begins below `rollout:`."""
    body = Fields(
        config, (), ("enabled", "cluster", "snapshot_max_age", "behaviour", "verdicts", "floors", "failures", "budget"), "rollout"
    )
    cluster = body.text("cluster") if "cluster" in body else None
    if cluster == "":
        fields.refuse(body.at("cluster"), "must name a file", "cluster: cluster.yaml")
    return RolloutSettings(
        enabled=body.flag("enabled", default=True),
        cluster=cluster,
        snapshot_max_age_days=body.whole("snapshot_max_age", 7, most=3650),
        behaviour=_behaviour(body.raw("behaviour") or {}, body.at("behaviour")),
        verdicts=_verdicts(body.raw("verdicts") or {}, body.at("verdicts")),
        floors=read_floors(body.raw("floors") or {}, body.at("floors")),
        failures=read_failures(body.raw("failures") or {}, body.at("failures")),
        budget=body.whole("budget", BUDGET, most=MOST_BUDGET),
    )


def _verdicts(value: object, path: Path) -> dict[str, Severity | None]:
    """Names are checked by whoever knows all rules: the rules of questions would be heavy to import for every start."""
    out: dict[str, Severity | None] = {}
    for name, word in fields.mapping(value, path, "verdicts").items():
        if word is not False and word not in _LEVELS:
            fields.refuse((*path, name), f"{word!r} is no severity", "error, warning, info or off")
        out[name] = None if word in (False, "off") else Severity(str(word))
    return out


_LEVELS = (*(s.value for s in Severity), "off")


def _behaviour(value: object, path: Path) -> Behaviour:
    body = Fields(value, path, ("default", "images"), "behaviour")
    images = fields.mapping(body.raw("images") or {}, body.at("images"), "images")
    return Behaviour(
        default=read_manners(body.raw("default") or {}, body.at("default")),
        images={name: read_manners(m, (*body.at("images"), name)) for name, m in images.items()},
    )


def _repository(image: str) -> str:
    """`registry:5000/web` of `registry:5000/web:1.0@sha256:...`."""
    name = image.partition("@")[0]
    head, slash, last = name.rpartition("/")
    return head + slash + last.partition(":")[0]


_MANNERS = {
    "type": ["object", "null"],
    "additionalProperties": False,
    "properties": {
        "startup": {
            "description": "Seconds from being bound to a node until Running and Ready; or the least and the most: rehearsed with the "
            "most, and in search of the worst case with others, too.",
            "oneOf": [
                {"type": ["number", "null"], "minimum": 0},
                {"type": "array", "items": {"type": "number", "minimum": 0}, "minItems": 2, "maxItems": 2},
            ],
        },
        "termination": {
            "description": "Seconds from the deletion until the pod is gone.",
            "type": ["number", "null"],
            "minimum": 0,
        },
        "mode": {
            "description": "How it ends: ok; never (the image cannot be pulled); crash; notready (runs, is never Ready); "
            "flaky (Ready, then not, after unready_after).",
            "enum": [*MODES, None],
            "default": "ok",
        },
        "unready_after": {"description": "Seconds a flaky pod stays Ready.", "type": ["number", "null"], "minimum": 0},
        **{name: {"description": text, "type": ["number", "null"], "minimum": 0} for name, text in SPANS.items()},
        "pull_error": {"description": "Why no pull of it succeeds, as the registry would say.", "type": ["string", "null"]},
        "exit_code": {
            "description": "With which it ends after exit_after.",
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": 255,
        },
    },
}

SCHEMA: Mapping[str, Any] = {
    "description": "Where and how rollouts are rehearsed.",
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "enabled": {"description": "Whether rollouts are rehearsed at all.", "type": ["boolean", "null"], "default": True},
        "cluster": {
            "description": "The file that describes the cluster, from the folder of this file. Without one a small cluster is assumed.",
            "type": ["string", "null"],
            "minLength": 1,
            "examples": ["cluster.yaml"],
        },
        "snapshot_max_age": {
            "description": "Days until a cluster file that kgate snapshot packed is called old; 0: never.",
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": 3650,
            "default": 7,
        },
        "verdicts": {
            "description": "How bad each finding of a rollout is, by the name of its rule; off: not asked.",
            "type": ["object", "null"],
            "additionalProperties": {"enum": [*_LEVELS, False]},
            "examples": [{"recreate-downtime": "error"}],
        },
        "floors": FLOORS_SCHEMA,
        "failures": FAILURES_SCHEMA,
        "budget": {
            "description": "How many states of a small cluster are looked at in search of the worst case of each floor; larger clusters "
            "count more. 0: none.",
            "type": ["integer", "null"],
            "minimum": 0,
            "maximum": MOST_BUDGET,
            "default": BUDGET,
        },
        "behaviour": {
            "description": "How pods start and stop. What is not said is derived from the probes, or assumed.",
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {
                "default": {"description": "Pods of all images that are not named.", **_MANNERS},
                "images": {
                    "description": "By image, with or without its tag.",
                    "type": ["object", "null"],
                    "additionalProperties": _MANNERS,
                },
            },
        },
    },
}
