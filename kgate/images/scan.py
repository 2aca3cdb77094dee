"""Asks a scanner about many images at once, and ends cleanly: at the deadline for all, on an interrupt, on a kill."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

from msgspec import Struct, field

from kgate.images.bill import file_of
from kgate.images.cache import Cache, default_folder
from kgate.images.contents import content
from kgate.images.executable import find
from kgate.images.inventory import Image
from kgate.images.platforms import Answer, merged, platforms_of
from kgate.images.presence import Presences, look_up, newer_tags, pulled
from kgate.images.scanner import NotScanned, Scanner, ScanResult, Target
from kgate.images.settings import ImagesSettings, Scan
from kgate.reference import ImageReference

if TYPE_CHECKING:
    from kgate.images.registry.client import Registry

Progress = Callable[[int, int], None]
"""Called with (images done, images to scan), once with 0 done at the start, from one thread."""


def _trivy(settings: ImagesSettings, stop: Event) -> Scanner:
    from kgate.images.trivy import Trivy  # most runs have nothing to scan

    return Trivy.opened(settings, stop)


def _clair(settings: ImagesSettings, stop: Event) -> Scanner:
    from kgate.images.clair import Clair

    return Clair.opened(settings, stop)


def _sysdig(settings: ImagesSettings, stop: Event) -> Scanner:
    from kgate.images.sysdig import Sysdig

    return Sysdig.opened(settings, stop)


def _grype(settings: ImagesSettings, stop: Event) -> Scanner:
    from kgate.images.grype import Grype

    return Grype.opened(settings)


SCANNERS: Mapping[str, Callable[[ImagesSettings, Event], Scanner]] = {
    "trivy": _trivy,
    "clair": _clair,
    "sysdig": _sysdig,
    "grype": _grype,
}
"""Opens a scanner by its name in the settings, or raises NotScanned."""

NO_NETWORK = "kgate uses no network by default, and images.archives names no archive of it"
HOW_TO_SCAN = "set images.pull to true, or name an archive"


class Asked(Struct, frozen=True, kw_only=True):
    """What scanners and registries said."""

    answers: tuple[Answer, ...]
    """One for each image, in their order."""
    presences: Presences
    """For those that a registry was asked about."""
    newer: Mapping[ImageReference, str] = field(default_factory=dict)
    """The newest tag that fits the pattern of images.updates, where it is newer than the image's own."""


def ask(images: Sequence[Image], settings: ImagesSettings, progress: Progress | None = None) -> Asked:
    """Everything that is asked of the world: first the registries, then the scanner."""
    stop = Event()
    until = time.monotonic() + settings.timeout_all_s
    cache = Cache(default_folder() if settings.cache else None)
    with _stopping(stop):
        presences, registry = look_up(images, settings, cache, until=until, stop=stop, progress=progress or _silent)
        newer = newer_tags(presences, registry, settings) if registry and settings.updates else {}
        if settings.scan is Scan.OFF:
            return Asked(answers=tuple(NotScanned("images.scan is off") for _ in images), presences=presences, newer=newer)
        pairs = [(i, platform) for i, image in enumerate(images) for platform in platforms_of(image, settings)]
        targets = [_target(images[i], platform, settings, presences, registry) for i, platform in pairs]
        wanted = {n: target for n, target in enumerate(targets) if isinstance(target, Target)}
        answers = _answers(wanted, settings, cache, until, stop, progress or _silent) if wanted else {}
    told: dict[int, dict[str, Answer]] = {}
    for n, (target, (i, platform)) in enumerate(zip(targets, pairs, strict=True)):
        told.setdefault(i, {})[platform] = _reason(target, settings) if isinstance(target, NotScanned) else answers[n]
    return Asked(answers=tuple(merged(of_image) for of_image in told.values()), presences=presences, newer=newer)


def _silent(done: int, total: int) -> None:
    """Nobody watches."""


def _reason(refused: NotScanned, settings: ImagesSettings) -> NotScanned:
    """Somebody without a scanner should hear of that first, before they allow it to pull."""
    if refused.reason == NO_NETWORK:
        try:
            if settings.scanner != "clair":
                find(getattr(settings, settings.scanner), settings.scanner)
        except NotScanned as missing:
            return missing
    return refused


def _target(
    image: Image, platform: str, settings: ImagesSettings, presences: Presences, registry: Registry | None
) -> Target | NotScanned:  # fmt: skip
    if image.reference is None:
        return NotScanned(f"it is no image reference: {image.fault}")
    if local := settings.local(image.reference):
        return _local(image.reference, platform, *local)
    if settings.offline:
        return NotScanned("kgate runs offline, and images.archives names no archive of it")
    if not settings.pull and settings.registry:
        return NotScanned("images.pull is false, and images.archives names no archive of it", HOW_TO_SCAN)
    if not settings.pull:
        return NotScanned(NO_NETWORK, HOW_TO_SCAN)
    return pulled(image.reference, platform, presences[image.reference], settings, registry)


def _local(reference: ImageReference, platform: str, setting: str, file: str) -> Target | NotScanned:
    path = Path(file).absolute()
    if not path.exists():
        return NotScanned(f"there is no {'archive' if setting == 'archives' else 'bill of materials'} {file}")
    if setting == "sboms":
        return Target(image=reference, platform=platform, sbom=str(path), content=content(path))
    return Target(image=reference, platform=platform, archive=str(path), content=content(path))


def _answers(
    wanted: Mapping[int, Target], settings: ImagesSettings, cache: Cache, until: float, stop: Event, progress: Progress
) -> Mapping[int, Answer]:  # fmt: skip
    """What former runs have not answered is asked now."""
    try:
        scanner = SCANNERS[settings.scanner](settings, stop)
    except NotScanned as e:
        return dict.fromkeys(wanted, e)
    known = {i: found for i, target in wanted.items() if (found := _remembered(cache, scanner, target, settings))}
    left = {i: target for i, target in wanted.items() if i not in known}
    progress(len(known), len(wanted))
    fresh: Mapping[int, Answer] = {}
    if left:
        with scanner.for_many(tuple(left.values()), until=until, stop=stop) as ready:
            fresh = _in_threads(ready, left, settings, until, stop, lambda done: progress(len(known) + done, len(wanted)))
    for i, answer in fresh.items():
        if isinstance(answer, ScanResult) and not answer.gap and left[i].content and scanner.identity:
            cache.keep_result(answer, *_key(scanner, left[i]))
    return {i: known.get(i) or fresh[i] for i in wanted}


def _remembered(cache: Cache, scanner: Scanner, target: Target, settings: ImagesSettings) -> ScanResult | None:
    """Not an answer whose data has grown too old since, so that the reason is told, nor one that lacks its bill of materials."""
    if not target.content or not scanner.identity or scanner.outdated:
        return None
    if settings.sbom and not target.sbom and not file_of(target, settings).exists():
        return None
    return cache.result(*_key(scanner, target))


def _key(scanner: Scanner, target: Target) -> tuple[str, ...]:
    return (scanner.identity, "local" if target.local else "pulled", "sbom" if target.sbom else "image", target.platform, target.content)


def _in_threads(
    scanner: Scanner, wanted: Mapping[int, Target], settings: ImagesSettings, until: float, stop: Event, progress: Callable[[int], None]
) -> Mapping[int, Answer]:  # fmt: skip
    from concurrent.futures import ThreadPoolExecutor, as_completed

    # pulls have a lane of their own: archives need not wait for the network
    pools = {True: ThreadPoolExecutor(scanner.parallel), False: ThreadPoolExecutor(scanner.parallel_pulls)}
    try:
        futures = {pools[target.local].submit(_ask, scanner, target, settings, until, stop): i for i, target in wanted.items()}
        for done, _ in enumerate(as_completed(futures), 1):
            progress(done)
        return {i: future.result() for future, i in futures.items()}
    except BaseException:
        stop.set()
        raise
    finally:
        for pool in pools.values():
            pool.shutdown(wait=True, cancel_futures=True)


def _ask(scanner: Scanner, target: Target, settings: ImagesSettings, until: float, stop: Event) -> Answer:
    left = until - time.monotonic()
    if left <= 0:
        return NotScanned(f"the {settings.timeout_all_s:g} s for all images were over", "raise images.timeout_all_s")
    try:
        return scanner.scan(target, deadline_s=min(settings.timeout_s, left), stop=stop)
    except NotScanned as e:
        return e


@contextmanager
def _stopping(stop: Event) -> Iterator[None]:
    """Whatever ends the run sets `stop`. SIGTERM, which would end Python without a farewell, becomes an exit while scanners run."""
    ours = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    if ours:
        signal.signal(signal.SIGTERM, _exit)
    try:
        yield
    finally:
        stop.set()
        if ours:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _exit(number: int, frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)
