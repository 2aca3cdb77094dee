"""Which image runs, and whether tomorrow's pull gets the same one. A digest decides alone, so the rules on mutable tags end at one."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import islice
from typing import Any

from kgate.edit import Edit
from kgate.manifest import Path
from kgate.policy.context import Context
from kgate.policy.globs import MAX_TEXT, any_matches, matches
from kgate.policy.inventory import Inventory
from kgate.policy.policy import Violation
from kgate.policy.settings import TagPattern
from kgate.policy.subjects import Image, containers_of, image_of
from kgate.reference import DEFAULT_TAG, ImageReference


def reference(image: Image, context: Context) -> Iterator[Violation]:
    if image.reference is None:
        yield _at(image, f"{image} cannot be pulled: {image.fault}")


def tag_missing(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    if found is not None and not found.tag and not found.digest:
        yield _at(image, f"{image} has no tag and no digest, so it runs whatever :latest is that day", _pin(found))


def tag_latest(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    if found is not None and found.tag == DEFAULT_TAG and not found.digest:
        yield _at(image, f"{image} runs whatever :latest is that day", _pin(found))


def tag_floating(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    if found is not None and (why := _floats(found, context.params["classes"])):
        yield _at(image, f'{image}: the tag "{found.tag}" {why}', _pin(found))


def tag_pattern(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    tag = found.effective_tag if found is not None else None
    if found is None or tag is None:
        return
    for wanted in context.settings.images.tags:
        if matches(wanted.repository, found.name) and not _conforms(tag, wanted):
            yield _at(
                image, f'{image}: the tag "{tag}" does not match "{wanted.pattern or wanted.semver}", which {wanted.repository} needs'
            )


def digest_required(image: Image, context: Context) -> Iterator[Violation]:
    found, paths = image.reference, context.settings.images.digest_required
    if found is None or found.digest or (paths and not any(any_matches(paths, f) for f in image.manifest.files(image.path))):
        return
    yield _at(image, f"{image} has no digest", f"write {found.familiar}@sha256:<digest>")


def registry_allowed(image: Image, context: Context) -> Iterator[Violation]:
    found, allowed = image.reference, context.settings.images.allowed
    if found is not None and allowed and not any(found.name.startswith(prefix) for prefix in allowed):
        yield _at(image, f"{image} comes from {found.registry}/, which is not allowed", f"use an image from {', '.join(allowed)}")


def repository_denied(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    for denied in context.settings.images.denied:
        if found is not None and matches(denied.repository, found.name):
            because = f": {denied.message}" if denied.message else ""
            instead = f"use {denied.replacement}" if denied.replacement else None
            yield _at(image, f"{image} is of the denied repository {found.name}{because}", instead)


def unqualified(image: Image, context: Context) -> Iterator[Violation]:
    found = image.reference
    if found is not None and not found.qualified:
        edits = (Edit(path=image.path, value=found.normalised),)
        yield _at(image, f"{image} names no registry, so docker.io is implied", f"write {found.normalised}", edits=edits)


def pull_policy(image: Image, context: Context) -> Iterator[Violation]:
    found, policy = image.reference, image.container.body.get("imagePullPolicy")
    if found is None or policy == "Never":  # the image is put on the nodes by other means
        return
    if found.digest:
        if policy == "Always":
            says = f"{image} is pinned by digest, yet imagePullPolicy Always asks the registry at every start"
            edits = (Edit(path=(*image.container.path, "imagePullPolicy"), value="IfNotPresent"),)
            yield _at(image, says, "write imagePullPolicy: IfNotPresent", key="imagePullPolicy", edits=edits, unsafe="")
        return
    mutable = found.effective_tag == DEFAULT_TAG or _floats(found, context.params_of["image-tag-floating"]["classes"])
    # Unset, the tag alone decides (pkg/apis/core/v1/defaults.go), and the rules on tags have spoken of it at this very place.
    if mutable and policy == "IfNotPresent":
        says = f"{image} can change under its tag, and with imagePullPolicy IfNotPresent each node keeps the build it pulled first"
        edits = (Edit(path=(*image.container.path, "imagePullPolicy"), value="Always"),)
        yield _at(image, says, "pin a version, or write imagePullPolicy: Always", key="imagePullPolicy", edits=edits)


def drift(inventory: Inventory, context: Context) -> Iterator[Violation]:
    """One environment is one namespace, or one folder when no namespace is written."""
    every = (image for pod in inventory.pods for container in containers_of(pod) if (image := image_of(container)) is not None)
    versions: dict[tuple[str, str], dict[str, list[Image]]] = {}
    for image in sorted(every, key=lambda i: (i.text, i.manifest.file, i.manifest.document, i.path)):
        if image.reference is not None:
            environment = image.manifest.namespace or posixpath.dirname(image.manifest.file) + "/"
            key = (environment, image.reference.name)
            versions.setdefault(key, {}).setdefault(image.reference.normalised, []).append(image)
    for users in versions.values():
        for version, images in users.items() if len(users) > 1 else ():
            others = ", ".join(islice((v for v in users if v != version), 3)) + (" and others" if len(users) > 4 else "")
            for image in images:
                yield _at(image, f"{image}: the same repository runs as {others} beside it")


@lru_cache(maxsize=4096)
def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)


def _floats(found: ImageReference, classes: Mapping[str, Any]) -> str:
    """What the class of mutable tags that the reference's tag is in says of it; empty when it is in none."""
    if not found.tag or found.digest or len(found.tag) > MAX_TEXT:
        return ""
    for kind in classes.values():
        if found.tag in kind.get("tags", ()) or ("pattern" in kind and _compiled(kind["pattern"]).fullmatch(found.tag)):
            return str(kind["says"])
    return ""


def _conforms(tag: str, wanted: TagPattern) -> bool:
    if wanted.pattern:
        return len(tag) <= MAX_TEXT and _compiled(wanted.pattern).fullmatch(tag) is not None
    from kgate.policy.semver import Range, Version

    version = Version.parse(tag)
    return version is not None and Range.parse(wanted.semver).holds(version)


def _pin(found: ImageReference) -> str:
    return f"pin a version, e.g. {found.familiar_name}:<version>@sha256:<digest>"


def _at(
    image: Image,
    message: str,
    remediation: str | None = None,
    *,
    key: str = "image",
    edits: tuple[Edit, ...] = (),
    unsafe: str | None = None,
) -> Violation:
    path: Path = (*image.container.path, key)
    return Violation(manifest=image.manifest, path=path, message=message, remediation=remediation, edits=edits, unsafe=unsafe)
