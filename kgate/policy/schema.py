"""The JSON Schema (draft-07) of `policy:` in .kgate.yaml. It is also what reads the settings: see reading.py."""

from __future__ import annotations

from typing import Any


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description, "minLength": 1, **more}


def _list(description: str, items: dict[str, Any]) -> dict[str, Any]:
    return {"type": "array", "description": description, "items": items}


def _object(description: str, required: tuple[str, ...] = (), /, **properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "description": description, "properties": properties, "additionalProperties": False}
    return {**schema, "required": list(required)} if required else schema


_SEVERITY = {
    "enum": ["error", "warning", "info", "off"],
    "description": "How grave a finding of the rule is; off switches the rule off, anything else switches it on.",
}
_PATHS = {"type": "string", "minLength": 1, "description": 'A path pattern: "prod/**". * stays between slashes, ** does not.'}
_KINDS = _list(
    "The kinds it holds for; without it, every kind with a pod template.",
    {"type": "string", "minLength": 1, "description": "A kind, Deployment, or kind and group, Deployment.apps."},
)
_PATTERN = "A regular expression that the whole {} must match."


def _required_key(what: str) -> dict[str, Any]:
    return _object(
        f"One {what} that must be there.",
        ("key",),
        key=_text(f"The key of the {what}, its prefix included."),
        kinds=_KINDS,
        paths=_list("The files it holds for; without it, all.", _PATHS),
        pattern=_text(_PATTERN.format("value"), format="regex"),
        values=_list("All values that are allowed.", _text("A value.", minLength=0)),
    )


_RULE = {
    "description": "What is said of one rule: its severity alone, or a mapping.",
    "oneOf": [
        _SEVERITY,
        _object(
            "Severity, excluded files and params of the rule.",
            severity=_SEVERITY,
            exclude=_list("The files the rule does not look at.", _PATHS),
            params={"type": "object", "description": "Replaces params of the policy, name by name (kgate explain shows them)."},
        ),
    ],
}

_DENIED = _object(
    "A repository no image may come from.",
    ("repository",),
    repository=_text('The full name, "docker.io/library/mysql", or a pattern, "docker.io/bitnami/**".'),
    message=_text("Why, in half a sentence."),
    replacement=_text("What to use instead."),
)

_TAG = {
    **_object(
        "What the tags of a repository look like.",
        ("repository",),
        repository=_text('The full name, or a pattern: "registry.example.com/**".'),
        pattern=_text(_PATTERN.format("tag"), format="regex"),
        semver=_text("A range of versions that the tag must be in: >=1.20 <2, ~1.4, ^2.1.0, 1.x || 2.x."),
    ),
    "oneOf": [{"required": ["pattern"]}, {"required": ["semver"]}],
}

_FORBIDDEN = _object(
    "An annotation that must not be there.",
    ("key",),
    key=_text("The key; * stands for any characters of it."),
    message=_text("Why, in half a sentence."),
    replacement=_text("What to use instead."),
)

SCHEMA: dict[str, Any] = _object(
    "The policies, and what they are told about this repository.",
    rules={
        "type": "object",
        "description": "By name or identifier of a rule (kgate rules lists them): how grave it is, where it does not look.",
        "additionalProperties": _RULE,
    },
    locked=_list("The rules that no waiver and no baseline may cover.", _text("Identifier or name of a rule, of any stage.")),
    paths=_list(
        "The files and folders with policies of your own, from the folder of this file: kgate's form, or ValidatingAdmissionPolicies.",
        _text("A path such as policies/."),
    ),
    admission=_object(
        "How ValidatingAdmissionPolicies that are bound in the repository are asked.",
        pods={
            "type": "boolean",
            "description": "Whether policies about Pods judge the pods that Deployments, StatefulSets, Jobs and the like make as well.",
        },
    ),
    profile={
        "enum": ["minimal", "default", "restricted", "ha"],
        "description": "A set of severities to begin with; what is said of a rule by name comes first.",
    },
    pod_security=_text(
        "The Pod Security Standard that pods are held to whose namespace has no label for one: LEVEL or LEVEL:VERSION.",
        examples=["restricted", "baseline:1.30"],
    ),
    images=_object(
        "What images may be used.",
        allowed=_list(
            "The registries and prefixes images may come from. Switches image-registry-allowed on.",
            _text('A registry or prefix that ends with a slash: "registry.example.com/".', pattern="/$"),
        ),
        denied=_list("The repositories images may not come from. Switches image-repository-denied on.", _DENIED),
        tags=_list("What tags look like, repository by repository. Switches image-tag-pattern on.", _TAG),
        digest_required=_list("The files in which every image needs a digest. Switches image-digest-required on.", _PATHS),
    ),
    labels=_object(
        "What labels objects carry.",
        required=_list(
            "The labels that must be there, in place of app.kubernetes.io/name; pattern or values switch label-value-pattern on.",
            _required_key("label"),
        ),
    ),
    annotations=_object(
        "What annotations objects carry.",
        required=_list("The annotations that must be there. Switches annotation-required on.", _required_key("annotation")),
        forbidden=_list("The annotations that must not be there, beside the deprecated ones.", _FORBIDDEN),
    ),
    namespaces=_object(
        "Where objects land.",
        denied=_list("The namespaces nothing may be put into. Switches namespace-default on.", _text("The name of a namespace.")),
    ),
)
