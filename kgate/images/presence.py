"""Which images are asked about at their registries, and what the answers mean for a scan."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from fnmatch import fnmatchcase
from threading import Event
from typing import TYPE_CHECKING

from kgate.images.cache import Cache
from kgate.images.inventory import Image
from kgate.images.registry.answers import Answer, Missing, NotChecked, Present
from kgate.images.registry.manifests import runs_on
from kgate.images.scanner import NotScanned, Target
from kgate.images.settings import ImagesSettings
from kgate.reference import DEFAULT_REGISTRY, ImageReference

if TYPE_CHECKING:
    from kgate.images.registry.client import Access, Registry

Presences = Mapping[ImageReference, Answer]


def look_up(
    images: Iterable[Image], settings: ImagesSettings, cache: Cache, *, until: float, stop: Event, progress: Callable[[int, int], None]
) -> tuple[Presences, Registry | None]:  # fmt: skip
    """One answer for each image that is to be asked about; none at all offline, or when nobody said so."""
    wanted = [i.reference for i in images if i.reference is not None and _asked(i.reference, settings)]
    refused = {reference: why for reference in wanted if (why := barred(reference, settings))}
    allowed = [reference for reference in wanted if reference not in refused]
    if not allowed:
        return refused, None
    from kgate.images.registry.asking import ask  # most runs connect to nothing
    from kgate.images.registry.client import Registry

    registry = Registry(access(settings), stop)
    done = iter(range(1, len(allowed) + 1))
    progress(0, len(allowed))
    answers = ask(
        allowed, registry, until=until, stop=stop, known=cache.presences, progress=lambda: progress(next(done), len(allowed))
    )  # fmt: skip
    for answer in answers.values():
        if isinstance(answer, Present):
            cache.keep_presence(answer)
    return refused | answers, registry


def _asked(reference: ImageReference, settings: ImagesSettings) -> bool:
    if settings.offline:
        return False
    return settings.registry or (settings.pull and settings.local(reference) is None)


def barred(reference: ImageReference, settings: ImagesSettings) -> NotChecked | None:
    """A pull request shall not make anything knock at doors inside the network: the name decides first, then its address."""
    if settings.registries:
        if reference.registry in settings.registries:
            return None
        return NotChecked(f"images.registries does not allow pulling from {reference.registry}")
    if _may_be_public(reference.registry, settings):
        return None
    return NotChecked(f"{reference.registry} is no public address", "list it under images.registries to pull from it")


def _may_be_public(registry: str, settings: ImagesSettings) -> bool:
    from ipaddress import ip_address

    from kgate.images.registry.addresses import Guard

    host = registry.rsplit(":", 1)[0] if not registry.endswith("]") else registry
    try:
        return Guard(networks=settings.networks).refusal(str(ip_address(host.strip("[]"))), private=False) is None
    except ValueError:
        # what is no address is a name; one without a dot, like localhost or metadata, is a neighbour's. All digits: an address in disguise
        return "." in host and not host.endswith((".local", ".localhost", ".internal", ".svc")) and not host.rsplit(".", 1)[1].isdigit()


def access(settings: ImagesSettings) -> Access:
    """How registries may be asked, by the settings."""
    from kgate.images.registry.addresses import Guard
    from kgate.images.registry.client import Access

    guard = Guard(listed=frozenset(settings.registries), networks=settings.networks)
    limit = min(settings.registry_timeout_s, settings.timeout_s)
    return Access(guard=guard, insecure=frozenset(settings.insecure), ca_file=settings.ca_file, timeout_s=limit)


def newer_tags(presences: Presences, registry: Registry, settings: ImagesSettings) -> Mapping[ImageReference, str]:
    """A registry that does not list its tags has said enough about the image: no newer one is told."""
    found: dict[ImageReference, str] = {}
    for reference, answer in presences.items():
        pattern = next((u.pattern for u in settings.updates if fnmatchcase(reference.name, u.repository)), "")
        if not (pattern and reference.tag and isinstance(answer, Present) and re.fullmatch(pattern, reference.tag)):
            continue
        with suppress(NotChecked):
            fitting = [tag for tag in registry.tags(reference) if re.fullmatch(pattern, tag)]
            newest = max(fitting, key=_version, default=reference.tag)
            if _version(newest)[0] > _version(reference.tag)[0]:
                found[reference] = newest
    return found


def _version(tag: str) -> tuple[tuple[int, ...], str]:
    """The numbers in a tag, as far as they are of a sane length; then the tag, so that equal numbers have one order."""
    return tuple(int(number[:18]) for number in re.findall("[0-9]+", tag)), tag


def pulled(
    reference: ImageReference, platform: str, answer: Answer, settings: ImagesSettings, registry: Registry | None
) -> Target | NotScanned:  # fmt: skip
    """What to scan: the digest that the tag has now, so that what was looked up is what is scanned."""
    if isinstance(answer, NotChecked):
        return NotScanned(answer.reason, answer.hint)
    if isinstance(answer, Missing):
        return NotScanned(f"the registry has no such {answer.what}")
    if not offers(answer, platform):
        return NotScanned(f"there is none for {platform}")
    try:
        login = login_for([reference], registry)
    except NotChecked as e:
        return NotScanned(e.reason, e.hint)
    pinned = dataclasses.replace(reference, tag=None, digest=answer.digest)
    return Target(image=pinned, platform=platform, login=login, insecure=reference.registry in settings.insecure, content=answer.digest)


def offers(answer: Present, platform: str) -> bool:
    """True as well when the registry does not say."""
    return not answer.platforms or any(runs_on(platform, offered) for offered in answer.platforms)


def login_for(references: Iterable[ImageReference], registry: Registry | None) -> str:
    """A config.json of Docker with the credentials of their registries alone; empty without any. Raises NotChecked."""
    import json

    auths: dict[str, dict[str, str]] = {}
    for reference in references:
        told = registry.credentials(reference) if registry else None
        server = "https://index.docker.io/v1/" if reference.registry == DEFAULT_REGISTRY else reference.registry
        if told is not None:
            entry = {"username": told.user, "password": told.password, "identitytoken": told.identity_token}
            auths[server] = {key: value for key, value in entry.items() if value}
    return json.dumps({"auths": auths}) if auths else ""


__all__ = [
    "Answer",
    "Missing",
    "NotChecked",
    "Presences",
    "Present",
    "access",
    "barred",
    "login_for",
    "look_up",
    "newer_tags",
    "offers",
    "pulled",
]
