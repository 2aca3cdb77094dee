"""Labels and annotations: what must be there, what must not, and what a selector had better not hold on to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from kgate.edit import Edit, Operation
from kgate.manifest import Manifest, Path
from kgate.policy.context import Context
from kgate.policy.globs import MAX_TEXT, any_matches, matches
from kgate.policy.nodes import entries, mapping, text
from kgate.policy.policy import Violation
from kgate.policy.settings import ForbiddenKey, RequiredKey
from kgate.policy.subjects import POD_TEMPLATES, group_kind

LABELS, ANNOTATIONS = ("metadata", "labels"), ("metadata", "annotations")


def label_required(manifest: Manifest, context: Context) -> Iterator[Violation]:
    required = context.settings.labels.required or tuple(RequiredKey(key=key) for key in context.params["keys"])
    return _absent(manifest, LABELS, "label", required)


def label_value(manifest: Manifest, context: Context) -> Iterator[Violation]:
    return _odd_values(manifest, LABELS, "label", context.settings.labels.required)


def annotation_required(manifest: Manifest, context: Context) -> Iterator[Violation]:
    required = context.settings.annotations.required
    yield from _absent(manifest, ANNOTATIONS, "annotation", required)
    yield from _odd_values(manifest, ANNOTATIONS, "annotation", required)


def annotation_forbidden(manifest: Manifest, context: Context) -> Iterator[Violation]:
    forbidden = (*context.settings.annotations.forbidden, *(ForbiddenKey(**f) for f in context.params["deprecated"]))
    for path, there in _everywhere(manifest, ANNOTATIONS):
        for key in there:
            found = next((f for f in forbidden if matches(f.key, key)), None)
            if found is not None:
                because = f": {found.message}" if found.message else ""
                instead = f"use {found.replacement}" if found.replacement else None
                yield Violation(
                    manifest=manifest,
                    path=(*path, key),
                    message=f"{_name(manifest)} has the annotation {key}{because}",
                    remediation=instead,
                    edits=(Edit(path=(*path, key), operation=Operation.REMOVE, prune=1),),
                    unsafe="" if 0 < found.ignored <= context.minor else None,
                )


def reserved_prefix(manifest: Manifest, context: Context) -> Iterator[Violation]:
    known = context.params["known"]
    for path, labels in _everywhere(manifest, LABELS):
        for key in labels:
            domain = key.partition("/")[0] if "/" in key else ""
            if _reserved(domain, tuple(context.params["domains"])) and not _known(key, tuple(known)):
                yield Violation(
                    manifest=manifest,
                    path=(*path, key),
                    message=f"{_name(manifest)} has the label {key}, and {domain}/ is reserved for Kubernetes",
                    remediation=_instead(key, known),
                )


def selector_unstable(manifest: Manifest, context: Context) -> Iterator[Violation]:
    unstable, path = context.params["keys"], ("spec", "selector")
    for key, value in mapping(manifest.body, *path, "matchLabels").items():
        # `reviews-v1` with `version: v1`: the version is what the object is called, it will not change.
        if key in unstable and not (isinstance(value, str) and _is_named_for(manifest.name, value)):
            yield _unstable(manifest, (*path, "matchLabels", key), key)
    for index, expression in entries(manifest.body, *path, "matchExpressions"):
        if text(expression, "key") in unstable and expression.get("operator") == "In":
            yield _unstable(manifest, (*path, "matchExpressions", index, "key"), text(expression, "key"))


def namespace_default(manifest: Manifest, context: Context) -> Iterator[Violation]:
    denied = context.settings.namespaces.denied or tuple(context.params["namespaces"])
    if manifest.namespace in denied:
        says = f"{_name(manifest)} is put into the namespace {manifest.namespace}"
        yield Violation(manifest=manifest, path=("metadata", "namespace"), message=says)
    elif not manifest.namespace and "default" in denied and not context.inventory.namespaces_come_later:
        says = f"{_name(manifest)} names no namespace, so it lands in default unless someone remembers to say otherwise"
        yield Violation(manifest=manifest, path=("metadata",), message=says)


def _absent(manifest: Manifest, place: tuple[str, str], what: str, required: Iterable[RequiredKey]) -> Iterator[Violation]:
    there = mapping(manifest.body, *place)
    for wanted in required:
        if wanted.key not in there and _concerns(wanted, manifest):
            value = f" with one of the values {', '.join(wanted.values)}" if wanted.values else ""
            yield Violation(
                manifest=manifest,
                path=place,
                message=f"{_name(manifest)} has no {what} {wanted.key}",
                remediation=f"add the {what} {wanted.key}{value} under metadata.{place[1]}",
            )


def _odd_values(manifest: Manifest, place: tuple[str, str], what: str, required: Iterable[RequiredKey]) -> Iterator[Violation]:
    there = mapping(manifest.body, *place)
    for wanted in required:
        value = there.get(wanted.key)
        if isinstance(value, str) and _concerns(wanted, manifest) and (demand := _unmet(value, wanted)):
            says = f'{_name(manifest)}: the {what} {wanted.key} is "{value}", which {demand}'
            yield Violation(manifest=manifest, path=(*place, wanted.key), message=says)


def _unmet(value: str, wanted: RequiredKey) -> str:
    if wanted.values and value not in wanted.values:
        return f"is not one of {', '.join(wanted.values)}"
    if wanted.pattern and (len(value) > MAX_TEXT or not _compiled(wanted.pattern).fullmatch(value)):
        return f'does not match "{wanted.pattern}"'
    return ""


def _concerns(wanted: RequiredKey, manifest: Manifest) -> bool:
    kind = group_kind(manifest)
    if not (kind in wanted.kinds or manifest.kind in wanted.kinds if wanted.kinds else kind in POD_TEMPLATES):
        return False
    return not wanted.paths or any(any_matches(wanted.paths, file) for file in manifest.files())


def _everywhere(manifest: Manifest, place: tuple[str, str]) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The object's own labels (or annotations) and those of its pod template."""
    yield place, mapping(manifest.body, *place)
    template = POD_TEMPLATES.get(group_kind(manifest))
    if template:
        yield (*template, *place), mapping(manifest.body, *template, *place)


@lru_cache(maxsize=2048)
def _reserved(domain: str, reserved: tuple[str, ...]) -> bool:
    return any(domain == r or domain.endswith("." + r) for r in reserved)


@lru_cache(maxsize=4096)
def _known(key: str, known: tuple[str, ...]) -> bool:
    return any_matches(known, key)


def _instead(key: str, known: Iterable[str]) -> str | None:
    import difflib

    close = difflib.get_close_matches(key, [k for k in known if "*" not in k], n=1, cutoff=0.85)
    return f"did you mean {close[0]}? otherwise use a prefix of your own" if close else None


def _is_named_for(name: str, value: str) -> bool:
    return bool(value) and (name == value or name.endswith("-" + value) or name.startswith(value + "-") or f"-{value}-" in name)


def _unstable(manifest: Manifest, path: Path, key: str) -> Violation:
    says = f"{_name(manifest)} selects its pods by {key}, which changes with the next version while the selector cannot"
    return Violation(manifest=manifest, path=path, message=says)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _name(manifest: Manifest) -> str:
    return f"{manifest.kind} {manifest.name}"
